"""Small estates made by hand, asked and enriched: what the tests of attribution share.

Times are Unix seconds. An estate is a set of inventory documents as the AWS CLI prints them; ``source`` makes what
attribution asks of it, ``found`` asks for one address, ``enriched`` sends flow lines through the core.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

import pyarrow as pa

from enricher.addresses import Address, Addresses
from enricher.attribution import NOBODY, PEER, Attributor, Candidate, Key
from enricher.enrich import Provenance, enrich
from enricher.history import merge
from enricher.inventory import ADDRESS_SCHEMA, Inventory, InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Misses, Rules, resolve
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source

Document = dict[str, Any]

# A format that tells everything attribution asks of a record.
FORMAT = (
    "version interface-id instance-id vpc-id subnet-id az-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr "
    "start end flow-direction traffic-path"
)


def iso(seconds: float) -> str:
    """A time as the AWS CLI prints it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def eni(name: str, *addresses: str, vpc: str = "vpc-a", attached: int | None = None, **more: Any) -> Document:
    """A network interface and its private addresses, the primary first; ``more`` are members as the CLI prints them."""
    attachment: Document = {} if attached is None else {"AttachTime": iso(attached)}
    if "instance" in more:
        attachment["InstanceId"] = more.pop("instance")
    return {
        "NetworkInterfaceId": name,
        "OwnerId": "111122223333",
        "VpcId": vpc,
        "Attachment": attachment,
        "PrivateIpAddresses": [
            {"PrivateIpAddress": address, "Primary": place == 0} for place, address in enumerate(addresses)
        ],
        **more,
    }


def vpc(name: str, *cidrs: str) -> Document:
    """A VPC with these CIDRs, IPv4 and IPv6."""
    ipv4 = [cidr for cidr in cidrs if ":" not in cidr]
    return {
        "VpcId": name,
        "CidrBlock": ipv4[0] if ipv4 else None,
        "CidrBlockAssociationSet": [{"CidrBlock": cidr, "CidrBlockState": {"State": "associated"}} for cidr in ipv4],
        "Ipv6CidrBlockAssociationSet": [
            {"Ipv6CidrBlock": cidr, "Ipv6CidrBlockState": {"State": "associated"}} for cidr in cidrs if ":" in cidr
        ],
    }


def subnet(name: str, vpc_id: str, cidr: str, az_id: str = "use1-az1") -> Document:
    """A subnet of us-east-1 with one CIDR."""
    ipv6 = [{"Ipv6CidrBlock": cidr, "Ipv6CidrBlockState": {"State": "associated"}}] if ":" in cidr else []
    return {
        "SubnetId": name,
        "VpcId": vpc_id,
        "CidrBlock": None if ipv6 else cidr,
        "Ipv6CidrBlockAssociationSet": ipv6,
        "AvailabilityZone": "us-east-1a",
        "AvailabilityZoneId": az_id,
    }


def peering(one: str, other: str, *, regions: tuple[str, str] = ("us-east-1", "us-east-1")) -> Document:
    """An active peering connection."""
    return {
        "VpcPeeringConnectionId": f"pcx-{one}-{other}",
        "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": one, "Region": regions[0]},
        "AccepterVpcInfo": {"VpcId": other, "Region": regions[1]},
    }


def transit(gateway: str, *vpc_ids: str, **owners: str) -> list[Document]:
    """Available attachments of VPCs to a transit gateway; ``owners``: members as the CLI prints them, the same for all.

    ``TransitGatewayOwnerId`` is the gateway's account, ``ResourceOwnerId`` the VPCs'.
    """
    return [
        {
            "TransitGatewayAttachmentId": f"tgw-attach-{gateway}-{vpc_id}",
            "TransitGatewayId": gateway,
            "ResourceType": "vpc",
            "ResourceId": vpc_id,
            "State": "available",
            **owners,
        }
        for vpc_id in vpc_ids
    ]


def estate(
    *,
    interfaces: Iterable[Document] = (),
    subnets: Iterable[Document] = (),
    vpcs: Iterable[Document] = (),
    peerings: Iterable[Document] = (),
    transits: Iterable[Document] = (),
) -> dict[str, Document]:
    """Inventory documents of these resources."""
    return {
        "network-interfaces": {"NetworkInterfaces": list(interfaces)},
        "subnets": {"Subnets": list(subnets)},
        "vpcs": {"Vpcs": list(vpcs)},
        "vpc-peering-connections": {"VpcPeeringConnections": list(peerings)},
        "transit-gateway-attachments": {"TransitGatewayAttachments": list(transits)},
    }


def source(
    documents: Mapping[str, Document],
    observed_at: float | None = None,
    evidence: str = "snapshot",
    *,
    is_stale: bool = False,
    asked: frozenset[str] | None = None,
) -> Source:
    """The documents as what attribution asks; undated unless ``observed_at``."""
    tables = tables_of(documents, observed_at=observed_at)
    return Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), evidence, is_stale, asked, continued_share=None)


def history(documents: Mapping[str, Document], owned: Iterable[tuple[str, str | None, str, int, int, bool]]) -> Source:
    """A snapshot that has seen owners come and go: (address, VPC, interface, from, until, still so when last seen)."""
    tables = tables_of(documents)
    row_of = {name: row for row, name in enumerate(tables.interfaces["interface_id"].to_pylist())}
    rows = [
        dict(zip(ADDRESS_SCHEMA.names, (address, vpc_id, row_of[name], *span), strict=True))
        for address, vpc_id, name, *span in owned
    ]
    tables = replace(
        tables,
        addresses=pa.Table.from_pylist(rows, ADDRESS_SCHEMA).sort_by("address"),
        observed_at=float(max(row["seen_until"] for row in rows)),
    )
    return Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot", continued_share=None)


def scan(part: str, begun: float, ended: float, documents: Mapping[str, Document]) -> InventoryTables:
    """What one scan of a part has seen of these documents."""
    return tables_of(documents, observed_at=begun, ended_at=ended, part=part)


def of_parts(
    *scans: InventoryTables, failed: Iterable[str] = (), stale: Iterable[str] = (), max_gap_s: float = 180
) -> Source:
    """The history of these scans; ``failed``: parts that could never be scanned, ``stale``: past their hard TTL."""
    failures = [Part(name, None, None, 99_999.0, "AccessDenied") for name in failed]
    now = max((one.parts[0].ended_at or 0 for one in scans), default=0)
    merged = merge(None, scans, failures, now, now, max_gap_s, consistency_s=0)
    return Source(
        Inventory(merged, DEFAULT_PROMOTED_TAGS), "snapshot", stale_parts=frozenset(stale), continued_share=None
    )


class Among(TypedDict, total=False):
    """What is around a flow: the span of all flows that ask the same, its traffic path, what the batch recorded.

    ``peers``: VPC → (recorder, first start, last end); ``unasked``: addresses that EC2 could not be asked for.
    """

    batch: tuple[int, int] | None
    path: int
    peers: Mapping[str, Sequence[tuple[int, int, int]]]
    unasked: frozenset[str]


def held(
    sources: Sequence[Source], address: str, vpc_id: str | None, when: tuple[int, int], **among: Unpack[Among]
) -> Candidate:
    """What an address, seen from a VPC by a flow from ``when[0]`` to ``when[1]``, is answered with."""
    first, last = among.get("batch") or when
    sides = {(name, 0): told for name, told in among.get("peers", {}).items()}
    attributor = Attributor(Addresses([Address.parse(address).text]), sides, sources, among.get("unasked", frozenset()))
    key = Key(vpc_id, 0, among.get("path", 0), first, last)
    (candidates,) = attributor.answers([key])
    # What a snapshot remembers of the first time changes nothing, neither for this batch nor for another one.
    assert attributor.answers([key]) == [candidates] == [attributor.answer(key)]
    return next(one for one in candidates if one.valid_from <= when[0] and when[1] <= one.valid_to)


def found(
    sources: Sequence[Source], address: str, vpc_id: str | None, when: tuple[int, int], **among: Unpack[Among]
) -> tuple[str, str | None, str | None]:
    """(status, evidence, who) of an address, seen from a VPC by a flow from ``when[0]`` to ``when[1]``."""
    answer = held(sources, address, vpc_id, when, **among)
    if answer.source == NOBODY:
        return answer.status, answer.evidence, None
    if answer.source == PEER:
        return answer.status, answer.evidence, f"recorder {answer.row}"
    inventory = sources[answer.source].inventory
    if answer.evidence == "subnet":
        return answer.status, answer.evidence, inventory.networks.subnets[answer.row].subnet_id
    return answer.status, answer.evidence, inventory.interface_ids[answer.row]


def enriched(
    lines: Sequence[str],
    snapshot: Source | None = None,
    *,
    log_format: str = FORMAT,
    misses: Misses | None = None,
    arrived_at: int | None = None,
) -> list[dict[str, Any]]:
    """The rows of these lines, in their order; ``arrived_at`` in Unix seconds. A reject fails the test."""
    parsed = parse_lines(lines, [0] * len(lines), LogFormats.parse([log_format]))
    assert not parsed.rejects
    seconds = pa.array([arrived_at] * len(lines), pa.int64())
    milliseconds = pa.array([None if arrived_at is None else arrived_at * 1000] * len(lines), pa.int64())
    rules = Rules(default_region="us-east-1")
    dimension = resolve(parsed.flows, snapshot, rules, misses, None if arrived_at is None else seconds)
    rows: list[dict[str, Any]] = enrich(parsed.flows, dimension, Provenance("batch", milliseconds)).to_pylist()
    return rows
