"""What IPAM tells of an organisation becomes what EC2 would tell of it: interfaces, subnets, VPCs, Elastic IPs.

``GetIpamResourceCidrs`` has a row for each CIDR of each resource: its owner, region, VPC, AZ ID and tags. It knows no
instance behind an interface, no attachment, and not which interface an Elastic IP is associated with.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpamResourceCidr.html
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, NamedTuple

from enricher.errors import InventoryError
from enricher.inventory import IPAM_PART

Document = Mapping[str, Any]
Network = IPv4Network | IPv6Network

IPAM_DOCUMENT: Final = "ipam-resource-cidrs"
IPAM_INTERFACES: Final = "ipam-interfaces"  # no document of its own: made of the one above
_MEND: Final = "write it with `aws ec2 get-ipam-resource-cidrs --output json`"


class ElasticIp(NamedTuple):
    """A public address that an account holds, with the columns of an endpoint that IPAM knows of it."""

    address: str
    allocation_id: str
    account_id: str | None
    region: str | None
    tags: tuple[Document, ...]
    part: str


def part_of(scope_id: str | None) -> str:
    """The name of the part that an IPAM scope is."""
    return f"{IPAM_PART}{scope_id or ''}"


def without(document: Document, covered: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """The document without what EC2 itself is asked about: (account, region) that are scanned are ``covered``.

    EC2 knows more, and earlier; told twice, an Elastic IP would have two owners.
    """
    rows = document.get("IpamResourceCidrs", ())
    kept = [row for row in rows if (row.get("ResourceOwnerId"), row.get("ResourceRegion")) not in covered]
    return {"IpamResourceCidrs": kept}


def as_ec2_tells(rows: Iterable[Document]) -> dict[str, list[dict[str, Any]]]:
    """``network-interfaces``, ``subnets`` and ``vpcs`` as EC2 describes them, as far as IPAM knows.

    Which of several IPv4 addresses is an interface's primary one is not known; a sole one is.

    Raises:
        InventoryError: a CIDR is none.
    """
    resources: dict[tuple[str, str], list[Document]] = {}
    for row in rows:
        resources.setdefault((str(row.get("ResourceType")), row["ResourceId"]), []).append(row)
    of_type: dict[str, list[tuple[str, list[Document]]]] = {}
    for (kind, name), told in resources.items():
        of_type.setdefault(kind, []).append((name, told))
    vpcs = [_vpc(name, told) for name, told in of_type.get("vpc", ())]
    blocks = [network for _, told in of_type.get("vpc", ()) for row in told for network in [_network(row)]]
    return {
        "network-interfaces": [_interface(name, told, blocks) for name, told in of_type.get("eni", ())],
        "subnets": [_subnet(name, told) for name, told in of_type.get("subnet", ())],
        "vpcs": vpcs,
    }


def completed(lists: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The lists with what IPAM alone tells: its subnets and VPCs, and its interfaces under IPAM_INTERFACES.

    Raises:
        InventoryError: a CIDR is none.
    """
    if IPAM_DOCUMENT not in lists:
        return dict(lists)
    told = as_ec2_tells(lists[IPAM_DOCUMENT])
    more = {IPAM_INTERFACES: told["network-interfaces"]}
    for name, member in (("subnets", "SubnetId"), ("vpcs", "VpcId")):
        known = {entry[member] for entry in lists.get(name, ())}
        more[name] = [*lists.get(name, ()), *(entry for entry in told[name] if entry[member] not in known)]
    return {**lists, **more}


def elastic_ips(rows: Iterable[Document]) -> Iterator[ElasticIp]:
    """Every Elastic IP, each once; one that IPAM tells of two accounts (it was transferred) is two."""
    seen = set()
    for row in rows:
        told = row.get("ResourceId"), row.get("ResourceCidr")
        if row.get("ResourceType") == "eip" and told not in seen:
            seen.add(told)
            yield ElasticIp(
                str(_network(row).network_address),
                row["ResourceId"],
                row.get("ResourceOwnerId"),
                row.get("ResourceRegion"),
                tuple(row.get("ResourceTags") or ()),
                part_of(row.get("IpamScopeId")),
            )


def _interface(name: str, told: list[Document], blocks: list[Network]) -> dict[str, Any]:
    networks = list(dict.fromkeys(_network(row) for row in told))
    single = [network for network in networks if network.num_addresses == 1]
    public = [network for network in single if _is_public(network, blocks)]
    ipv4 = [str(n.network_address) for n in single if n.version == 4 and n not in public]  # noqa: PLR2004 - IP version
    ipv6 = [str(n.network_address) for n in single if n.version == 6]  # noqa: PLR2004 - same
    prefixes = [network for network in networks if network.num_addresses > 1]
    described = {
        **_common(told),
        "NetworkInterfaceId": name,
        "Part": part_of(told[0].get("IpamScopeId")),
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": len(ipv4) == 1} for address in ipv4],
        "Ipv6Addresses": [{"Ipv6Address": address} for address in ipv6],
        "Ipv4Prefixes": [{"Ipv4Prefix": str(n)} for n in prefixes if n.version == 4],  # noqa: PLR2004 - same
        "Ipv6Prefixes": [{"Ipv6Prefix": str(n)} for n in prefixes if n.version == 6],  # noqa: PLR2004 - same
        "TagSet": list(told[0].get("ResourceTags") or ()),
    }
    # An interface has one public address at most that is not an Elastic IP, and those have rows of their own.
    return described | ({"Association": {"PublicIp": str(public[0].network_address)}} if len(public) == 1 else {})


def _is_public(network: Network, blocks: list[Network]) -> bool:
    """Whether an IPv4 address is a public one: not private, and of no VPC that uses public space for itself."""
    return network.version == 4 and network.is_global and not any(_holds(block, network) for block in blocks)  # noqa: PLR2004 - IP version


def _holds(block: Network, network: Network) -> bool:
    return isinstance(block, IPv4Network) and isinstance(network, IPv4Network) and network.subnet_of(block)


def _subnet(name: str, told: list[Document]) -> dict[str, Any]:
    return {**_common(told), **_blocks(told), "SubnetId": name}


def _vpc(name: str, told: list[Document]) -> dict[str, Any]:
    return {**_common(told), **_blocks(told), "VpcId": name}


def _common(told: list[Document]) -> dict[str, Any]:
    """Owner and place; of a zone's name only the region is ever read, and IPAM tells that alone."""
    first = told[0]
    members = {
        "OwnerId": first.get("ResourceOwnerId"),
        "VpcId": first.get("VpcId"),
        "AvailabilityZone": first.get("ResourceRegion"),
        "AvailabilityZoneId": first.get("AvailabilityZoneId"),
    }
    return {name: value for name, value in members.items() if value is not None}


def _blocks(told: list[Document]) -> dict[str, Any]:
    networks = list(dict.fromkeys(_network(row) for row in told))
    return {
        "CidrBlockAssociationSet": [{"CidrBlock": str(n)} for n in networks if n.version == 4],  # noqa: PLR2004 - IP version
        "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": str(n)} for n in networks if n.version == 6],  # noqa: PLR2004 - same
        "CidrBlock": next((str(n) for n in networks if n.version == 4), None),  # noqa: PLR2004 - same
    }


def _network(row: Document) -> Network:
    cidr = row.get("ResourceCidr")
    try:
        return ip_network(str(cidr))
    except ValueError as error:
        raise InventoryError(
            f"inventory {IPAM_DOCUMENT}.json: {row.get('ResourceId')} has '{cidr}' for a CIDR; {_MEND}"
        ) from error
