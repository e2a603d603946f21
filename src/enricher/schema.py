"""Every column once: the AWS field it comes from, its name, Arrow and Glue type, since when, what it means.

Names are AWS's own with ``-`` as ``_``; types are AWS's, so that queries written for AWS's tables run.
Sources: VPC user guide "Flow log records" (v2 to v11), transit gateway guide "Transit Gateway Flow Logs" (v6).
New columns are appended last: the lake's older objects then read as null.
"""

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

STRING: Final[Any] = pa.string()
INT: Final[Any] = pa.int32()
BIGINT: Final[Any] = pa.int64()
TAGS: Final[Any] = pa.map_(pa.string(), pa.string())
TIMESTAMP: Final[Any] = pa.timestamp("ms")

_GLUE_TYPES: Final = {
    STRING: "string",
    INT: "int",
    BIGINT: "bigint",
    TAGS: "map<string,string>",
    TIMESTAMP: "timestamp",
}

SIDES: Final = ("src", "dst")
# AZ IDs, Local and Wavelength Zones' included (use1-az1, usw2-lax1-az1, use1-wl1-bos-wlz1); never an AZ name
# (us-east-1a): names mean another zone in each account. EC2 user guide, "AZ IDs for your AWS resources".
AZ_ID: Final = r"^[a-z]{2,6}\d+-[a-z0-9-]*\d$"
# Unix seconds between which a moment is one: the years 1 to 9999.
EARLIEST: Final = -62_135_596_800
LATEST: Final = 253_402_300_799
PARTITION_COLUMNS: Final = ("aws_region", "day", "hour")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the lake.

    ``field`` is AWS's name in a log format, or None where the column is ours; ``since`` is the flow log version
    that brought the field (6: transit gateway), or 0 for ours.
    """

    name: str
    type: Any
    meaning: str
    field: str | None = None
    since: int = 0

    @property
    def glue_type(self) -> str:
        """The column's type in the Glue catalog (Hive spelling)."""
        return _GLUE_TYPES[self.type]


def _aws(since: int, field: str, arrow_type: Any, meaning: str) -> Column:
    return Column(field.replace("-", "_"), arrow_type, meaning, field, since)


VPC_COLUMNS: Final = (
    _aws(2, "version", INT, "highest flow log version among the format's fields"),
    _aws(2, "account-id", STRING, "owner of the recording interface; `unknown` for some AWS-made interfaces"),
    _aws(2, "interface-id", STRING, "recording interface; null for a regional NAT gateway"),
    _aws(2, "srcaddr", STRING, "source of this hop; the recording interface's primary private IPv4 on its own side"),
    _aws(2, "dstaddr", STRING, "destination of this hop; as srcaddr"),
    _aws(2, "srcport", INT, "source port; 0 for ICMP"),
    _aws(2, "dstport", INT, "destination port; 0 for ICMP"),
    _aws(2, "protocol", BIGINT, "IANA protocol number"),
    _aws(2, "packets", BIGINT, "packets in the aggregation interval"),
    _aws(2, "bytes", BIGINT, "bytes in the aggregation interval"),
    _aws(2, "start", BIGINT, "first packet, Unix seconds"),
    _aws(2, "end", BIGINT, "last packet, Unix seconds"),
    _aws(2, "action", STRING, "ACCEPT or REJECT"),
    _aws(2, "log-status", STRING, "OK, NODATA or SKIPDATA; OK where the format lacks it"),
    _aws(3, "vpc-id", STRING, "VPC of the recording interface"),
    _aws(3, "subnet-id", STRING, "subnet of the recording interface"),
    _aws(3, "instance-id", STRING, "instance of the recording interface; null for requester-managed interfaces"),
    _aws(3, "tcp-flags", INT, "flags seen in the interval, or-ed: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    _aws(3, "type", STRING, "IPv4, IPv6 or EFA"),
    _aws(3, "pkt-srcaddr", STRING, "source in the packet, behind NAT, transit gateway or pod network"),
    _aws(3, "pkt-dstaddr", STRING, "destination in the packet"),
    _aws(4, "region", STRING, "region of the recording interface"),
    _aws(4, "az-id", STRING, "Availability Zone ID of the recording interface"),
    _aws(4, "sublocation-type", STRING, "wavelength, outpost or localzone"),
    _aws(4, "sublocation-id", STRING, "id of the sublocation"),
    _aws(5, "pkt-src-aws-service", STRING, "AWS service that owns the packet's source address"),
    _aws(5, "pkt-dst-aws-service", STRING, "AWS service that owns the packet's destination address"),
    _aws(5, "flow-direction", STRING, "ingress or egress, seen from the recording interface"),
    _aws(5, "traffic-path", INT, "path of egress traffic, 1 to 8; see path_name"),
    _aws(7, "ecs-cluster-arn", STRING, "ECS cluster of the recording interface's task"),
    _aws(7, "ecs-cluster-name", STRING, "name of that cluster"),
    _aws(7, "ecs-container-instance-arn", STRING, "ECS container instance"),
    _aws(7, "ecs-container-instance-id", STRING, "id of that container instance"),
    _aws(7, "ecs-container-id", STRING, "runtime id of the first container"),
    _aws(7, "ecs-second-container-id", STRING, "runtime id of the second container"),
    _aws(7, "ecs-service-name", STRING, "ECS service of the task"),
    _aws(7, "ecs-task-definition-arn", STRING, "task definition"),
    _aws(7, "ecs-task-arn", STRING, "task"),
    _aws(7, "ecs-task-id", STRING, "id of the task"),
    _aws(8, "reject-reason", STRING, "BPA (block public access) or EC (encryption controls)"),
    _aws(9, "resource-id", STRING, "recording resource without an interface, such as a regional NAT gateway"),
    _aws(10, "encryption-status", INT, "encryption status of the flow, as delivered"),
    _aws(11, "instance-tag", STRING, "first tag of the recording instance, percent-encoded as delivered"),
    _aws(11, "instance-tag-2", STRING, "second tag of the recording instance"),
    _aws(11, "interface-tag", STRING, "first tag of the recording interface"),
    _aws(11, "interface-tag-2", STRING, "second tag of the recording interface"),
    _aws(11, "asg-tag", STRING, "first tag of the recording instance's Auto Scaling group"),
    _aws(11, "asg-tag-2", STRING, "second tag of that group"),
    _aws(11, "interface-type", STRING, "kind of the recording interface, such as nat_gateway"),
    _aws(11, "next-hop-interface-id", STRING, "interface that receives (egress) or sends (ingress) this hop"),
    _aws(11, "next-hop-subnet-id", STRING, "subnet of the next hop"),
    _aws(11, "next-hop-az-id", STRING, "Availability Zone ID of the next hop"),
    _aws(11, "next-hop-vpc-id", STRING, "VPC of the next hop"),
    _aws(11, "next-hop-interface-type", STRING, "kind of the next hop's interface"),
)

TRANSIT_GATEWAY_ONLY_COLUMNS: Final = (
    _aws(6, "resource-type", STRING, "TransitGateway"),
    _aws(6, "tgw-id", STRING, "transit gateway that recorded the flow"),
    _aws(6, "tgw-attachment-id", STRING, "attachment the flow arrived on"),
    _aws(6, "tgw-src-vpc-account-id", STRING, "account of the source VPC"),
    _aws(6, "tgw-dst-vpc-account-id", STRING, "account of the destination VPC"),
    _aws(6, "tgw-src-vpc-id", STRING, "source VPC"),
    _aws(6, "tgw-dst-vpc-id", STRING, "destination VPC"),
    _aws(6, "tgw-src-subnet-id", STRING, "source subnet"),
    _aws(6, "tgw-dst-subnet-id", STRING, "destination subnet"),
    _aws(6, "tgw-src-eni", STRING, "transit gateway's interface on the source side"),
    _aws(6, "tgw-dst-eni", STRING, "transit gateway's interface on the destination side"),
    _aws(6, "tgw-src-az-id", STRING, "source Availability Zone ID"),
    _aws(6, "tgw-dst-az-id", STRING, "destination Availability Zone ID"),
    _aws(6, "tgw-pair-attachment-id", STRING, "the flow's other attachment"),
    _aws(6, "packets-lost-no-route", BIGINT, "packets lost: no route"),
    _aws(6, "packets-lost-blackhole", BIGINT, "packets lost: blackhole route"),
    _aws(6, "packets-lost-mtu-exceeded", BIGINT, "packets lost: larger than the MTU"),
    _aws(6, "packets-lost-ttl-expired", BIGINT, "packets lost: time to live expired"),
)

# The documented order of a transit gateway flow log: some fields are shared with VPC flow logs.
TRANSIT_GATEWAY_FIELDS: Final = (
    "version", "resource-type", "account-id", "tgw-id", "tgw-attachment-id", "tgw-src-vpc-account-id",
    "tgw-dst-vpc-account-id", "tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-subnet-id", "tgw-dst-subnet-id",
    "tgw-src-eni", "tgw-dst-eni", "tgw-src-az-id", "tgw-dst-az-id", "tgw-pair-attachment-id", "srcaddr", "dstaddr",
    "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "log-status", "type",
    "packets-lost-no-route", "packets-lost-blackhole", "packets-lost-mtu-exceeded", "packets-lost-ttl-expired",
    "tcp-flags", "region", "flow-direction", "pkt-src-aws-service", "pkt-dst-aws-service",
)  # fmt: skip

AWS_COLUMNS: Final = VPC_COLUMNS + TRANSIT_GATEWAY_ONLY_COLUMNS
COLUMN_OF_FIELD: Final = {column.field: column for column in AWS_COLUMNS}
FIELDS_OF_VERSION: Final = {
    version: tuple(str(column.field) for column in VPC_COLUMNS if column.since <= version)
    for version in (2, 3, 4, 5, 7, 8, 9, 10, 11)
}

EXTRA_FIELDS: Final = Column("extra_fields", TAGS, "fields of the log format that this version does not know")

COUNTS_AS: Final = Column(
    "counts_as",
    STRING,
    "counted, or why not: second record, hop, reporter not known, NODATA, SKIPDATA; null until the hour is compacted",
)

# What is known of one side of a flow, without the promoted tags; `src_` and `dst_` alike.
LOCATION: Final = ("account_id", "region", "az_id", "vpc_id", "subnet_id", "interface_id", "instance_id")
RESOURCE: Final = ("resource_type", "resource_id")
DEFAULT_PROMOTED_TAGS: Final = {
    "name": ("Name",),
    "project": ("project", "Project"),
    "team": ("team", "Team"),
    "environment": ("environment", "Environment", "env", "Env"),
}

_SIDE_MEANINGS: Final = {
    "status": "resolved, subnet, ambiguous, absent, stale, unresolved; null where the record has no such address",
    "account_id": "owner of the {side} resource",
    "region": "region of the {side} resource",
    "az_id": "Availability Zone ID of the {side} (never a name)",
    "vpc_id": "VPC of the {side}",
    "subnet_id": "subnet of the {side}",
    "interface_id": "network interface of the {side}",
    "instance_id": "instance behind that interface",
    "resource_type": "instance, nat_gateway, load_balancer, lambda, rds, … network_interface",
    "resource_id": "id or name of that resource; null where the evidence has none",
    "tags": "all tags of the {side}: the resource's own over its interface's",
    "evidence": "record, peer_record, snapshot, snapshot_open, ec2, ipam, ipam_history, subnet, aws_service",
}
_SIDE_WORDS: Final = {"src": "source", "dst": "destination"}


def side_columns(side: str, promoted: tuple[str, ...] = tuple(DEFAULT_PROMOTED_TAGS)) -> tuple[Column, ...]:
    """The enriched columns of one side (``src`` or ``dst``), in the order of the lake."""
    names = ("status", *LOCATION, *RESOURCE, *promoted, "tags", "evidence")
    return tuple(
        Column(
            f"{side}_{name}",
            TAGS if name == "tags" else STRING,
            _SIDE_MEANINGS.get(name, f"promoted tag `{name}` of the {{side}}").format(side=_SIDE_WORDS[side]),
        )
        for name in names
    )


_REPORTER_COLUMNS: Final = (
    Column("reporter", STRING, "side whose interface recorded the flow: src, dst, hop; null where not known"),
    Column("reporter_resource_type", STRING, "kind of the recording resource"),
    Column("reporter_resource_id", STRING, "id or name of the recording resource"),
    Column("reporter_az_id", STRING, "Availability Zone ID of the recording interface"),
)
_TRAFFIC_COLUMNS: Final = (
    Column("traffic_class", STRING, "same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown"),
    Column("path_name", STRING, "name of AWS's traffic_path 1 to 8"),
)
_PROVENANCE_COLUMNS: Final = (
    Column("batch_id", STRING, "the Parquet object's own name: same batch, same id"),
    Column("arrived_at", TIMESTAMP, "arrival of the delivery record, or the time in the delivered file's name (UTC)"),
    Column("inventory_age_s", BIGINT, "seconds between the inventory used and the arrival; null where undated"),
    Column("enricher_version", STRING, "version of this code"),
)


def flow_columns() -> tuple[Column, ...]:
    """The columns of parsed flow records before enrichment: all AWS columns, then ``extra_fields``."""
    return (*AWS_COLUMNS, EXTRA_FIELDS)


def lake_columns(extra_promoted: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """All columns of the lake in order; ``extra_promoted`` tags beyond the default four come last."""
    columns = flow_columns()
    for side in SIDES:
        columns += side_columns(side)
    columns += _REPORTER_COLUMNS + _TRAFFIC_COLUMNS + _PROVENANCE_COLUMNS
    for name in extra_promoted:
        for side in SIDES:
            columns += (Column(f"{side}_{name}", STRING, f"promoted tag `{name}` of the {_SIDE_WORDS[side]}"),)
    return columns


def compacted_columns(extra_promoted: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """The columns of the Glue table: those of raw objects, then what only compaction writes (null in raw objects)."""
    return (*lake_columns(extra_promoted), COUNTS_AS)


def arrow_schema(columns: tuple[Column, ...]) -> Any:
    """The Arrow schema of these columns."""
    return pa.schema([(column.name, column.type) for column in columns])
