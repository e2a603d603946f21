"""What EC2 answers, or what the AWS CLI prints, becomes the tables of an inventory.

Documents are keyed by the file names of an inventory directory without ``.json``; any subset will do:
``network-interfaces``, ``instances``, ``subnets``, ``vpcs``, ``addresses``, ``nat-gateways``, ``vpc-endpoints``,
``load-balancers``, ``classic-load-balancers``, ``tagged-resources``, ``vpc-peering-connections``,
``transit-gateway-attachments``, ``auto-scaling-instances``, ``ipam-resource-cidrs``.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from enricher.addresses import Address, delegated_prefix
from enricher.errors import InventoryError
from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, InventoryTables, Part, is_ipam
from enricher.ipam_documents import IPAM_DOCUMENT, IPAM_INTERFACES, ElasticIp, completed, elastic_ips
from enricher.network_documents import networks_of, region_of
from enricher.networks import Subnet
from enricher.resource_documents import Resources, is_gone, tags_of
from enricher.schema import EARLIEST, LATEST

Document = Mapping[str, Any]

# document → (its list, the member each entry must have, the call that prints it)
DOCUMENTS: Final[dict[str, tuple[str, str, str]]] = {
    "network-interfaces": ("NetworkInterfaces", "NetworkInterfaceId", "ec2 describe-network-interfaces"),
    "instances": ("Reservations", "Instances", "ec2 describe-instances"),
    "subnets": ("Subnets", "SubnetId", "ec2 describe-subnets"),
    "vpcs": ("Vpcs", "VpcId", "ec2 describe-vpcs"),
    "addresses": ("Addresses", "PublicIp", "ec2 describe-addresses"),
    "nat-gateways": ("NatGateways", "NatGatewayId", "ec2 describe-nat-gateways"),
    "load-balancers": ("LoadBalancers", "LoadBalancerName", "elbv2 describe-load-balancers"),
    "classic-load-balancers": ("LoadBalancerDescriptions", "LoadBalancerName", "elb describe-load-balancers"),
    "vpc-endpoints": ("VpcEndpoints", "VpcEndpointId", "ec2 describe-vpc-endpoints"),
    "tagged-resources": ("ResourceTagMappingList", "ResourceARN", "resourcegroupstaggingapi get-resources"),
    "vpc-peering-connections": (
        "VpcPeeringConnections",
        "VpcPeeringConnectionId",
        "ec2 describe-vpc-peering-connections",
    ),
    "transit-gateway-attachments": (
        "TransitGatewayAttachments",
        "TransitGatewayAttachmentId",
        "ec2 describe-transit-gateway-attachments",
    ),
    "auto-scaling-instances": (
        "AutoScalingInstances",
        "InstanceId",
        "autoscaling describe-auto-scaling-instances",
    ),
    IPAM_DOCUMENT: ("IpamResourceCidrs", "ResourceId", "ec2 get-ipam-resource-cidrs"),
}
# What a page has that is not the last one.
_CURSORS: Final = ("NextToken", "NextMarker", "PaginationToken")
# IPAM finds out about a change by itself, minutes later (docs/unverified.md).
IPAM_LAG_SECONDS: Final = 1200

# What stands inside an entry, as far as it is read: {} an object, [{}] a list of objects; texts have one name each.
_TEXTS: Final = frozenset({
    "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "Description", "InstanceId", "InterfaceType", "Ipv4Prefix",
    "Ipv6Address", "Ipv6CidrBlock", "Ipv6Prefix", "Key", "NatGatewayId", "NetworkInterfaceId",
    "NetworkInterfaceOwnerId", "OwnerId", "PrivateIp", "PrivateIpAddress", "PublicIp", "Region", "RequesterId",
    "ResourceARN", "ResourceId", "ResourceType", "SubnetId", "TransitGatewayId", "Value", "VpcEndpointId",
    "VpcEndpointType", "VpcId",
})  # fmt: skip
_INTERFACE: Final[Document] = {
    "Attachment": {},
    "Association": {},
    "PrivateIpAddresses": [{"Association": {}}],
    "Ipv6Addresses": [{}],
    "Ipv4Prefixes": [{}],
    "Ipv6Prefixes": [{}],
    "TagSet": [{}],
}
_PEER: Final[Document] = {"CidrBlockSet": [{}], "Ipv6CidrBlockSet": [{}]}
_IPV6_BLOCKS: Final[Document] = {"Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlockState": {}}]}
_SHAPES: Final[dict[str, Document]] = {
    "network-interfaces": _INTERFACE,
    "instances": {"Instances": [{"NetworkInterfaces": [_INTERFACE], "Placement": {}, "Tags": [{}]}]},
    "subnets": _IPV6_BLOCKS,
    "vpcs": {"CidrBlockAssociationSet": [{"CidrBlockState": {}}], **_IPV6_BLOCKS},
    "nat-gateways": {"NatGatewayAddresses": [{}], "Tags": [{}]},
    "vpc-endpoints": {"NetworkInterfaceIds": [None], "Tags": [{}]},
    "tagged-resources": {"Tags": [{}]},
    "transit-gateway-attachments": {"Tags": [{}]},
    "vpc-peering-connections": {"RequesterVpcInfo": _PEER, "AccepterVpcInfo": _PEER, "Status": {}},
}


def tables_of(  # noqa: PLR0913 - what dates a scan is told by name
    documents: Mapping[str, Document],
    observed_at: float | None = None,
    seen_at: Mapping[str, float] | None = None,
    default_region: str | None = None,
    *,
    ended_at: float | None = None,
    part: str | None = None,
    ipam_lag_s: float = IPAM_LAG_SECONDS,
) -> InventoryTables:
    """The inventory of one set of documents.

    ``observed_at`` (Unix seconds) dates all of it, ``seen_at`` single interfaces by id; with neither it is undated and
    holds for every flow since an interface's AttachTime. A scan takes its time, from ``observed_at`` to ``ended_at``:
    what it saw is proven up to its beginning, and from its end on. ``part`` names what was scanned; what an IPAM part
    shows is up to ``ipam_lag_s`` older than the scan.

    Raises:
        InventoryError: a document is not what its name says.
    """
    lists = {name: check_document(name, document) for name, document in documents.items() if name in DOCUMENTS}
    lists = completed(lists)
    networks = networks_of(lists, part)
    rows: list[dict[str, Any]] = []
    addresses: list[dict[str, Any]] = []
    resources = Resources(lists)
    public = _public_addresses(lists)
    subnets = {subnet.subnet_id: subnet for subnet in networks.subnets}
    lag_s = ipam_lag_s if is_ipam(part) else 0
    # Of what both tell of, EC2's word stands.
    told = {each["NetworkInterfaceId"]: each for each in (*lists.get(IPAM_INTERFACES, ()), *_interfaces(lists))}
    for interface in told.values():
        began = (seen_at or {}).get(interface["NetworkInterfaceId"], observed_at)
        ended = ended_at if began == observed_at else None
        seen = _Seen.of(began, ended, lag_s)
        row = _interface_row(interface, resources, subnets, default_region) | {
            "part": part or interface.get("Part"),
            "seen_from": seen.since,
            "seen_until": seen.until,
        }
        addresses.extend(_address_rows(interface, row, len(rows), seen, public))
        rows.append(row)
    seen = _Seen.of(observed_at, ended_at, lag_s)
    shown = {owned["address"] for owned in addresses if owned["vpc_id"] is None}
    for elastic in elastic_ips(lists.get(IPAM_DOCUMENT, ())):
        if elastic.address not in shown:
            addresses.append(_address_row(elastic.address, None, len(rows), seen.since, seen))
            rows.append(_elastic_row(elastic, part, seen))
    instances = [
        {"instance_id": name, "tags": list(tags.items()), "part": part, "seen_until": seen.until}
        for name, tags in resources.instance_tags.items()
    ]
    scanned = Part(part, observed_at, observed_at if ended_at is None else ended_at) if part is not None else None
    return InventoryTables(
        pa.Table.from_pylist(rows, INTERFACE_SCHEMA),
        pa.Table.from_pylist(addresses, ADDRESS_SCHEMA).sort_by("address"),
        pa.Table.from_pylist(instances, INSTANCE_SCHEMA),
        networks,
        observed_at,
        () if scanned is None else (scanned,),
    )


class _Seen(NamedTuple):
    """What a look proves of something seen before or after it too (Unix seconds; None: undated).

    It held from ``since`` to the later sight, and from the earlier sight to ``until``.
    """

    since: int | None
    until: int | None

    @classmethod
    def of(cls, began: float | None, ended: float | None, lag_s: float) -> "_Seen":
        if began is None:
            return cls(None, None)
        return cls(math.ceil(began if ended is None else ended), math.floor(began - lag_s))


def check_document(name: str, document: object) -> list[Any]:
    """The document's list, each entry with its id. Raises InventoryError naming the document and the mend."""
    key, member, _ = DOCUMENTS[name]
    mend = _mend(name)
    if not isinstance(document, dict) or not isinstance(document.get(key), list):
        raise InventoryError(f'inventory {name}.json: has no list "{key}"; {mend}')
    cursor = next((token for token in _CURSORS if document.get(token)), None)
    if cursor:
        raise InventoryError(f"inventory {name}.json: is only a part of the answer ({cursor}); {mend}, without paging")
    for position, entry in enumerate(document[key]):
        if not isinstance(entry, dict) or entry.get(member) in (None, ""):
            raise InventoryError(f'inventory {name}.json: entry {position} of "{key}" has no {member}; {mend}')
        misfit = _misfit(entry, _SHAPES.get(name, {}), f"{key}[{position}]")
        if misfit:
            raise InventoryError(f"inventory {name}.json: {misfit}; {mend}")
    return list(document[key])


def _mend(name: str) -> str:
    return f"write it with `aws {DOCUMENTS[name][2]} --output json`"


def _misfit(value: object, shape: Any, where: str) -> str | None:
    """What is not as the AWS CLI prints it, or None; members that are not there, or null, are none."""
    if shape is None:
        return None if isinstance(value, str) and _is_text(value) else f"{where} is no text"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is no list"
        return next(filter(None, (_misfit(each, shape[0], f"{where}[{n}]") for n, each in enumerate(value))), None)
    if not isinstance(value, dict):
        return f"{where} is no object"
    for name, each in value.items():
        if each is not None and (name in shape or name in _TEXTS):
            misfit = _misfit(each, shape.get(name), f"{where}.{name}")
            if misfit:
                return misfit
    return None


def _is_text(value: str) -> bool:
    """JSON can spell halves of characters, which are no text and cannot be kept."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _interfaces(lists: Mapping[str, list[Any]]) -> Iterable[Document]:
    """Every interface that any document tells of, the fullest telling first."""
    told = {interface["NetworkInterfaceId"]: interface for interface in lists.get("network-interfaces", ())}
    for reservation in lists.get("instances", ()):
        for instance in reservation["Instances"]:
            for interface in instance.get("NetworkInterfaces") or ():
                if not interface.get("NetworkInterfaceId"):
                    continue
                attachment = {**(interface.get("Attachment") or {}), "InstanceId": instance.get("InstanceId")}
                zone = (instance.get("Placement") or {}).get("AvailabilityZone")
                told.setdefault(
                    interface["NetworkInterfaceId"],
                    {"AvailabilityZone": zone, **interface, "Attachment": attachment},
                )
    for gateway in lists.get("nat-gateways", ()):
        for address in gateway.get("NatGatewayAddresses") or ():
            if address.get("NetworkInterfaceId") and not is_gone(gateway):
                told.setdefault(
                    address["NetworkInterfaceId"],
                    {
                        "NetworkInterfaceId": address["NetworkInterfaceId"],
                        "PrivateIpAddress": address.get("PrivateIp"),
                        "Association": {"PublicIp": address.get("PublicIp")},
                        "VpcId": gateway.get("VpcId"),
                        "SubnetId": gateway.get("SubnetId"),
                    },
                )
    for address in lists.get("addresses", ()):
        if address.get("NetworkInterfaceId"):
            told.setdefault(
                address["NetworkInterfaceId"],
                {
                    "NetworkInterfaceId": address["NetworkInterfaceId"],
                    "OwnerId": address.get("NetworkInterfaceOwnerId"),
                    "PrivateIpAddress": address.get("PrivateIpAddress"),
                    "Attachment": {"InstanceId": address.get("InstanceId")},
                },
            )
    return told.values()


def _public_addresses(lists: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """Elastic IPs by interface."""
    found: dict[str, list[str]] = {}
    for address in lists.get("addresses", ()):
        found.setdefault(address.get("NetworkInterfaceId"), []).append(address["PublicIp"])
    return found


def _interface_row(
    interface: Document, resources: Resources, subnets: Mapping[str, Subnet], default_region: str | None
) -> dict[str, Any]:
    attachment = interface.get("Attachment") or {}
    instance_id = attachment.get("InstanceId")
    subnet = subnets.get(interface.get("SubnetId") or "")
    resource = resources.behind(interface)
    region = region_of(interface.get("AvailabilityZone")) or (subnet.region if subnet else None) or default_region
    return {
        "account_id": interface.get("OwnerId"),
        "region": region,
        "az_id": interface.get("AvailabilityZoneId") or (subnet.az_id if subnet else None),
        "vpc_id": interface.get("VpcId") or (subnet.vpc_id if subnet else None),
        "subnet_id": interface.get("SubnetId"),
        "interface_id": interface["NetworkInterfaceId"],
        "instance_id": instance_id,
        "resource_type": resource.resource_type,
        "resource_id": resource.resource_id,
        "tags": list(resources.tags(interface, resource, region).items()),
        "interface_tags": list(tags_of(interface.get("TagSet")).items()),
        "attached_at": _seconds(attachment.get("AttachTime"), interface["NetworkInterfaceId"]),
        "own_addresses": [
            _canonical(address, interface["NetworkInterfaceId"])
            for address in (_primary(interface), *(a.get("Ipv6Address") for a in interface.get("Ipv6Addresses") or ()))
            if address
        ],
        "may_move": _may_move(interface, resource.resource_type),
    }


def _may_move(interface: Document, resource_type: str) -> bool:
    """Whether its attachment may change: not that of an instance's first interface, nor of what a service manages.

    EC2 user guide, "Network interface attachments for your EC2 instance": the primary one cannot be detached.
    """
    attachment = interface.get("Attachment") or {}
    is_first = attachment.get("DeviceIndex") == 0 and not attachment.get("NetworkCardIndex")
    # An interface that outlives its instance may become another one's first.
    is_first = is_first and attachment.get("DeleteOnTermination") is not False
    is_users = resource_type in ("instance", "network_interface") and not interface.get("RequesterManaged")
    return is_users and not is_first


def _address_rows(
    interface: Document, row: dict[str, Any], number: int, seen: _Seen, elastic: Mapping[str, list[str]]
) -> Iterable[dict[str, Any]]:
    """Every address and prefix of the interface (``row``, the ``number``th) with the time it is proven for.

    AttachTime proves the past of the primary address alone: others can be assigned and moved at any time. Without
    an AttachTime a dated inventory proves nothing of the time before it.
    """
    primary = _primary(interface)
    private = {a.get("PrivateIpAddress") for a in interface.get("PrivateIpAddresses") or ()} | {primary}
    ipv6 = {a.get("Ipv6Address") for a in interface.get("Ipv6Addresses") or ()}
    prefixes = {p.get("Ipv4Prefix") for p in interface.get("Ipv4Prefixes") or ()}
    prefixes |= {p.get("Ipv6Prefix") for p in interface.get("Ipv6Prefixes") or ()}
    public = {(a.get("Association") or {}).get("PublicIp") for a in interface.get("PrivateIpAddresses") or ()}
    public |= {(interface.get("Association") or {}).get("PublicIp"), *elastic.get(row["interface_id"], ())}
    for address in sorted(filter(None, private | ipv6 | prefixes | public)):
        proven_by_attachment = seen.until is None or (address == primary and row["attached_at"] is not None)
        yield _address_row(
            _canonical(address, row["interface_id"], is_prefix=address in prefixes),
            None if address in public else row["vpc_id"],
            number,
            row["attached_at"] if proven_by_attachment else seen.since,
            seen,
        )


def _address_row(address: str, vpc_id: str | None, number: int, valid_from: int | None, seen: _Seen) -> dict[str, Any]:
    return {
        "address": address,
        "vpc_id": vpc_id,
        "row": number,
        "valid_from": valid_from,
        "seen_until": seen.until,
        "is_open": True,
    }


def _elastic_row(elastic: ElasticIp, part: str | None, seen: _Seen) -> dict[str, Any]:
    """An Elastic IP that IPAM tells of, in an interface's place: which interface has it, IPAM does not say."""
    tags = list(tags_of(elastic.tags).items())
    return {
        "account_id": elastic.account_id,
        "region": elastic.region,
        "resource_type": "elastic_ip",
        "resource_id": elastic.allocation_id,
        "tags": tags,
        "interface_tags": tags,
        "own_addresses": [],
        "part": part or elastic.part,
        "may_move": False,
        "seen_from": seen.since,
        "seen_until": seen.until,
    }


def _primary(interface: Document) -> str | None:
    for address in interface.get("PrivateIpAddresses") or ():
        if address.get("Primary"):
            return str(address.get("PrivateIpAddress"))
    return interface.get("PrivateIpAddress")


def _seconds(time: str | datetime | None, interface_id: str) -> int | None:
    if time is None:
        return None
    try:
        moment = time if isinstance(time, datetime) else datetime.fromisoformat(time)
        if moment.tzinfo is not None and EARLIEST <= (seconds := math.ceil(moment.timestamp())) <= LATEST:
            return seconds
    except (TypeError, ValueError):
        pass
    raise InventoryError(
        f"inventory network-interfaces.json: AttachTime of {interface_id} is no ISO 8601 time with an offset; "
        f"{_mend('network-interfaces')}"
    )


def _canonical(address: str, interface_id: str, *, is_prefix: bool = False) -> str:
    try:
        return delegated_prefix(address) if is_prefix else Address.parse(address).text
    except (OSError, ValueError) as error:
        why = f" ({error})" if is_prefix else ""
        raise InventoryError(
            f"inventory network-interfaces.json: {interface_id} has '{address}' for an address; "
            f"{_mend('network-interfaces')}{why}"
        ) from error
