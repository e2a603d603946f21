"""Network interfaces as ``aws ec2 describe-network-interfaces`` prints them.

Shapes: EC2 API reference, NetworkInterface
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html). What AWS writes into Description,
RequesterId, InterfaceType and the attachment of interfaces it makes itself is third-party evidence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.estate.distributions import Distributions
from workbench.estate.model import ElasticAddress, Interface

Document = dict[str, Any]

# AWS's service accounts, which show up as requesters, written with a documentation account id.
_SERVICE_ACCOUNT: Final = "111122223333"


@dataclass(frozen=True, slots=True)
class _Maker:
    """How AWS marks an interface of one kind; without ``requester_id`` the customer made it."""

    interface_type: str = "interface"
    requester_id: str | None = None
    attached_by: str | None = None
    address_owner: str = "amazon"
    routes: bool = False


_MAKERS: Final = {
    "instance": _Maker(),
    "ecs_task": _Maker(requester_id=_SERVICE_ACCOUNT, attached_by=_SERVICE_ACCOUNT),
    "nat_gateway": _Maker("nat_gateway", _SERVICE_ACCOUNT, "amazon-aws", routes=True),
    "application_load_balancer": _Maker("interface", "amazon-elb", "amazon-elb", "amazon-elb"),
    "network_load_balancer": _Maker("network_load_balancer", "amazon-elb", "amazon-aws", "amazon-elb", routes=True),
    "lambda": _Maker("lambda", f"AROAEXAMPLEEXAMPLE:{_SERVICE_ACCOUNT}", "amazon-aws"),
    "rds": _Maker("interface", "amazon-rds", "amazon-rds"),
    "vpc_endpoint": _Maker("vpc_endpoint", _SERVICE_ACCOUNT, "amazon-aws"),
    "transit_gateway": _Maker("transit_gateway", _SERVICE_ACCOUNT, "amazon-aws", routes=True),
    "efs": _Maker("efs", _SERVICE_ACCOUNT, "amazon-aws"),
}


def interface_type(kind: str) -> str:
    """AWS's ``InterfaceType`` (and v11 ``interface-type``) of the generator's kind."""
    return _MAKERS[kind].interface_type


def network_interfaces(plan: Distributions, interfaces: Iterable[Interface]) -> list[Document]:
    """The ``NetworkInterfaces`` member."""
    return [_network_interface(plan, interface) for interface in interfaces]


def tag_list(tags: Mapping[str, str]) -> list[Document]:
    """Tags as AWS lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def digits(text: str) -> str:
    """The hexadecimal part of an AWS id, to make a related id of it (one interface, one attachment)."""
    return text.rpartition("-")[2]


def mac_address(interface: Interface) -> str:
    """A locally administered MAC address made of the interface's id."""
    octets = digits(interface.interface_id)
    return "02:" + ":".join(octets[start : start + 2] for start in range(1, 11, 2))


def private_dns_name(address: str) -> str:
    """The name that EC2 gives a private IPv4 address in us-east-1."""
    return f"ip-{address.replace('.', '-')}.ec2.internal"


def association(plan: Distributions, public: ElasticAddress, kind: str, *, in_instance: bool = False) -> Document:
    """The public address of an interface; DescribeInstances leaves the ids out."""
    owner = plan.account_id if public.allocation_id else _MAKERS[kind].address_owner
    dashed = public.address.replace(".", "-")
    shown: Document = {
        "IpOwnerId": owner,
        "PublicDnsName": "" if owner == "amazon-elb" else f"ec2-{dashed}.compute-1.amazonaws.com",
        "PublicIp": public.address,
    }
    if public.allocation_id and not in_instance:
        shown = {"AllocationId": public.allocation_id, "AssociationId": public.association_id, **shown}
    return shown


def private_addresses(plan: Distributions, interface: Interface, *, in_instance: bool = False) -> list[Document]:
    """The primary address, with its public one, then the secondary ones."""
    listed: list[Document] = []
    for position, address in enumerate((interface.private_address, *interface.secondary_addresses)):
        entry: Document = {
            "Primary": position == 0,
            "PrivateDnsName": private_dns_name(address),
            "PrivateIpAddress": address,
        }
        if position == 0 and interface.public:
            shown = association(plan, interface.public, interface.kind, in_instance=in_instance)
            entry = {"Association": shown, **entry}
        listed.append(entry)
    return listed


def operator(interface: Interface) -> Document:
    """Who manages the resource, if a service does."""
    if interface.operator is None:
        return {"Managed": False}
    return {"Managed": True, "Principal": interface.operator}


def _network_interface(plan: Distributions, interface: Interface) -> Document:
    maker = _MAKERS[interface.kind]
    document: Document = {
        "Attachment": _attachment(plan, interface, maker),
        "AvailabilityZone": interface.zone.name,
        "Description": interface.description,
        "Groups": [{"GroupId": f"sg-{digits(interface.vpc_id)}", "GroupName": "default"}],
        "InterfaceType": maker.interface_type,
        "Ipv6Addresses": [],
        "MacAddress": mac_address(interface),
        "NetworkInterfaceId": interface.interface_id,
        "OwnerId": plan.account_id,
        "PrivateDnsName": private_dns_name(interface.private_address),
        "PrivateIpAddress": interface.private_address,
        "PrivateIpAddresses": private_addresses(plan, interface),
        "RequesterManaged": maker.requester_id is not None,
        "SourceDestCheck": not maker.routes,
        "Status": "in-use",
        "SubnetId": interface.subnet_id,
        "TagSet": tag_list(interface.own_tags),
        "VpcId": interface.vpc_id,
        "Operator": operator(interface),
        "AvailabilityZoneId": interface.az_id,
    }
    if maker.requester_id:
        document["RequesterId"] = maker.requester_id
    if interface.public:
        document["Association"] = association(plan, interface.public, interface.kind)
    if interface.ipv6_address:
        document["Ipv6Addresses"] = [{"Ipv6Address": interface.ipv6_address, "IsPrimaryIpv6": False}]
        document["Ipv6Address"] = interface.ipv6_address
    if interface.prefixes:
        document["Ipv4Prefixes"] = [{"Ipv4Prefix": prefix} for prefix in interface.prefixes]
    return document


def _attachment(plan: Distributions, interface: Interface, maker: _Maker) -> Document:
    by_instance = interface.instance_id is not None
    document: Document = {
        "AttachTime": interface.attached_at.isoformat(),
        "AttachmentId": f"{'eni' if by_instance else 'ela'}-attach-{digits(interface.interface_id)}",
        "DeleteOnTermination": by_instance,
        "DeviceIndex": interface.device_index if by_instance else 1,
        "NetworkCardIndex": 0,
        "InstanceOwnerId": maker.attached_by or plan.account_id,
        "Status": "attached",
    }
    if by_instance:
        document["InstanceId"] = interface.instance_id
    return document
