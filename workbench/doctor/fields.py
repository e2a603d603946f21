"""Which fields of a log format each feature needs, and the command that makes a flow log that has them."""

from dataclasses import dataclass
from typing import Final

from enricher.pointer import TAG_FIELDS
from enricher.schema import FIELDS_OF_VERSION
from workbench.doctor.commands import aws, both
from workbench.doctor.snapshot import Document, Target

RECOMMENDED_VERSION: Final = 11
RECOMMENDED: Final = tuple(field for field in FIELDS_OF_VERSION[RECOMMENDED_VERSION] if field not in TAG_FIELDS)
_KINDS: Final = {
    "vpc": "VPC",
    "subnet": "Subnet",
    "eni": "NetworkInterface",
    "tgw": "TransitGateway",
    "tgw-attach": "TransitGatewayAttachment",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that the lake tells, and the fields (AWS's names) that it needs of the recorder."""

    name: str
    fields: tuple[str, ...]


# Without these a line tells nothing that anything here could use.
ESSENTIAL: Final = (Feature("who talked to whom, and how much", ("srcaddr", "dstaddr", "bytes", "start", "end")),)
NEEDED: Final = (
    Feature("what was accepted", ("action",)),
    Feature("ports and exposure", ("srcport", "dstport", "protocol")),
    Feature("counting once", ("interface-id", "vpc-id", "flow-direction", "pkt-srcaddr", "pkt-dstaddr")),
    Feature("cross-AZ traffic", ("az-id", "subnet-id")),
    Feature("instances as recorders", ("instance-id",)),
    Feature("traffic class and cost", ("traffic-path", "pkt-src-aws-service", "pkt-dst-aws-service", "region")),
    Feature("connections", ("tcp-flags", "packets")),
    Feature("IPv6 apart", ("type",)),
    Feature("gaps in the recording", ("log-status", "account-id")),
)
NEWER: Final = (
    Feature("Local Zones and Outposts", ("sublocation-type", "sublocation-id")),
    Feature("ECS tasks", tuple(field for field in RECOMMENDED if field.startswith("ecs-"))),
    Feature("why traffic was rejected", ("reject-reason",)),
    Feature("regional NAT gateways", ("resource-id",)),
    Feature("encryption in transit", ("encryption-status",)),
    Feature("the next hop, and its zone", tuple(f for f in RECOMMENDED if f.startswith("next-hop-"))),
    Feature("kind of the recorder", ("interface-type",)),
)
# Transit gateway flow logs have a format of their own, which brings both sides.
TRANSIT_GATEWAY: Final = (
    Feature("both sides of a transit gateway", ("tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-az-id", "tgw-dst-az-id")),
    Feature("counting", ("packets", "protocol", "srcport", "dstport", "log-status")),
)


def lacking(fields: tuple[str, ...], features: tuple[Feature, ...]) -> list[str]:
    """``feature (field, field)`` for each feature that lacks some."""
    return [
        f"{feature.name} ({', '.join(missing)})"
        for feature in features
        if (missing := [field for field in feature.fields if field not in fields])
    ]


def log_format_text(fields: tuple[str, ...]) -> str:
    """The fields as ``create-flow-logs`` takes them."""
    return " ".join(f"${{{field}}}" for field in fields)


def create_command(target: Target, arn: str, flow_log: Document | None, log_format: str, interval: int) -> str:
    """The command that makes a flow log to the stream, of the same resource as one that is there, or of a VPC."""
    resource = str((flow_log or {}).get("ResourceId") or "VPC_ID")
    kind = _KINDS.get(resource.rpartition("-")[0], "VPC")
    traffic = [] if kind.startswith("TransitGateway") else ["--traffic-type", "ALL"]
    words = [
        "--resource-type", kind, "--resource-ids", resource, *traffic, "--max-aggregation-interval", str(interval),
        "--log-destination-type", "kinesis-data-firehose", "--log-destination", arn, "--log-format", log_format,
    ]  # fmt: skip
    return aws(target, "ec2 create-flow-logs", *words)


def replace_commands(target: Target, arn: str, flow_log: Document, log_format: str, interval: int) -> str:
    """A flow log cannot be changed: delete it, and make it anew.

    In this order, because what two flow logs of different formats record of one flow cannot be told to be copies.
    """
    delete = aws(target, "ec2 delete-flow-logs", "--flow-log-ids", str(flow_log.get("FlowLogId")))
    return both(delete, create_command(target, arn, flow_log, log_format, interval))
