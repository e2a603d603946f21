"""The world as EC2 describes it at a moment: documents in the shape that the AWS CLI prints."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from accuracy.names import instance_id, instance_tags, interface_id, interface_tags, resource_of, resource_tags
from accuracy.parameters import EPOCH
from accuracy.topology import ACCOUNTS, REGION, VPCS, ZONES, attachment_id, subnet_id, text_of
from accuracy.world import BALANCER, ENDPOINT, INSTANCE, MOVER, NAT, PREFIX, PRIMARY, PUBLIC, SECONDARY, TRANSIT, World

Document = dict[str, Any]
_TYPES = {
    NAT: "nat_gateway",
    TRANSIT: "transit_gateway",
    ENDPOINT: "vpc_endpoint",
}


def tag_set(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as AWS lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def interface_document(world: World, stay: int, holds: Iterable[int]) -> Document:
    """An interface during a stay, with the addresses of these holds, as DescribeNetworkInterfaces tells it."""
    interface = int(world.stays.interface[stay])
    kind = int(world.interfaces.kind[interface])
    subnet = int(world.interfaces.subnet[interface])
    held: dict[int, list[str]] = {PRIMARY: [], SECONDARY: [], PREFIX: [], PUBLIC: []}
    for hold in holds:
        held[int(world.holds.kind[hold])].append(text_of(int(world.holds.address[hold])))
    primary = text_of(int(world.interfaces.address[interface]))
    association = {"Association": {"PublicIp": held[PUBLIC][0]}} if held[PUBLIC] else {}
    vpc, zone = divmod(subnet, len(ZONES))
    account = ACCOUNTS[VPCS[vpc].account]
    return {
        "NetworkInterfaceId": interface_id(interface),
        "OwnerId": account,
        "InterfaceType": _TYPES.get(kind, "interface"),
        "RequesterManaged": kind not in (INSTANCE, MOVER),
        "Description": _description(kind, interface, int(world.interfaces.serial[interface]), account),
        "VpcId": VPCS[vpc].vpc_id,
        "SubnetId": subnet_id(subnet),
        "AvailabilityZone": f"{REGION}{'abc'[zone]}",
        "AvailabilityZoneId": ZONES[zone],
        "PrivateIpAddress": primary,
        **association,
        "PrivateIpAddresses": [
            {"PrivateIpAddress": primary, "Primary": True, **association},
            *({"PrivateIpAddress": address, "Primary": False} for address in held[SECONDARY]),
        ],
        "Ipv4Prefixes": [{"Ipv4Prefix": f"{base}/28"} for base in held[PREFIX]],
        "TagSet": tag_set(interface_tags(kind, interface)),
        **_attachment(world, stay, kind, account),
    }


def _attachment(world: World, stay: int, kind: int, account: str) -> Document:
    """What it is attached to, and since when; a mover between two instances is attached to nothing."""
    instance = int(world.stays.instance[stay])
    if instance < 0 and kind == MOVER:
        return {"Status": "available"}
    at = datetime.fromtimestamp(EPOCH + int(world.stays.since[stay]), UTC).isoformat()
    attachment: Document = {"AttachTime": at, "DeviceIndex": 0 if kind == INSTANCE else 1, "Status": "attached"}
    attachment["InstanceOwnerId"] = account if kind in (INSTANCE, MOVER) else "amazon-aws"
    if instance >= 0:
        attachment["InstanceId"] = instance_id(instance)
    return {"Status": "in-use", "Attachment": attachment}


def _description(kind: int, interface: int, serial: int, account: str) -> str:
    _, name = resource_of(kind, interface, -1, serial)
    match kind:
        case 1:
            uuid = f"{interface:032x}"
            return f"arn:aws:ecs:{REGION}:{account}:attachment/{uuid[:8]}-{uuid[8:12]}-4000-8000-{uuid[20:]}"
        case 3:
            return f"ELB app/{name}/{serial:016x}"
        case 4:
            return f"Interface for NAT Gateway {name}"
        case 5:
            return f"Network Interface for Transit Gateway Attachment {name}"
        case 6:
            return f"VPC Endpoint Interface {name}"
        case _:
            return ""


def instance_documents(instances: Iterable[int]) -> list[Document]:
    """Reservations of these instances, with their tags."""
    return [
        {"Instances": [{"InstanceId": instance_id(number), "Tags": tag_set(instance_tags(number))}]}
        for number in instances
    ]


def managed_documents(world: World, account: int) -> dict[str, Document]:
    """The gateways, endpoints, attachments and balancers of an account, with their tags."""
    mine = [
        (int(kind), number, int(world.interfaces.serial[number]))
        for number, kind in enumerate(world.interfaces.kind[: _managed_count(world)].tolist())
        if VPCS[int(world.interfaces.subnet[number]) // len(ZONES)].account == account
    ]
    gateways = [(number, serial) for kind, number, serial in mine if kind == NAT]
    endpoints: dict[int, list[int]] = {}
    for kind, number, serial in mine:
        if kind == ENDPOINT:
            endpoints.setdefault(serial, []).append(number)
    balancers = sorted({serial for kind, _, serial in mine if kind == BALANCER})
    attached = sorted({serial for kind, _, serial in mine if kind == TRANSIT})
    return {
        "nat-gateways": {"NatGateways": [_gateway(world, number, serial) for number, serial in gateways]},
        "vpc-endpoints": {"VpcEndpoints": [_endpoint(serial, numbers) for serial, numbers in endpoints.items()]},
        "tagged-resources": {
            "ResourceTagMappingList": [
                *(
                    _tagged(account, BALANCER, n, f"elasticloadbalancing:{{}}:loadbalancer/app/alb-{n}/{n:016x}")
                    for n in balancers
                ),
                *(
                    _tagged(account, TRANSIT, n, f"ec2:{{}}:transit-gateway-attachment/{attachment_id(n)}")
                    for n in attached
                ),
            ]
        },
    }


def _managed_count(world: World) -> int:
    return int((world.interfaces.serial >= 0).sum())


def _gateway(world: World, number: int, serial: int) -> Document:
    public = next(
        text_of(int(address))
        for address, holder, kind in zip(world.holds.address, world.holds.interface, world.holds.kind, strict=True)
        if kind == PUBLIC and holder == number
    )
    return {
        "NatGatewayId": resource_of(NAT, number, -1, serial)[1],
        "State": "available",
        "NatGatewayAddresses": [
            {
                "NetworkInterfaceId": interface_id(number),
                "PrivateIp": text_of(int(world.interfaces.address[number])),
                "PublicIp": public,
            }
        ],
        "Tags": tag_set(resource_tags(NAT, serial)),
    }


def _endpoint(serial: int, numbers: list[int]) -> Document:
    return {
        "VpcEndpointId": resource_of(ENDPOINT, 0, -1, serial)[1],
        "VpcEndpointType": "Interface",
        "State": "available",
        "NetworkInterfaceIds": [interface_id(number) for number in numbers],
        "Tags": tag_set(resource_tags(ENDPOINT, serial)),
    }


def _tagged(account: int, kind: int, serial: int, arn: str) -> Document:
    return {
        "ResourceARN": "arn:aws:" + arn.format(f"{REGION}:{ACCOUNTS[account]}"),
        "Tags": tag_set(resource_tags(kind, serial)),
    }


def ipam_document(document: Document) -> Document:
    """What IPAM tells of an interface: private addresses, place and tags, not what it is attached to.

    As ``enricher.ipam_documents`` has it: which of several addresses is the primary one is not known, a sole one is.
    """
    kept = ("NetworkInterfaceId", "OwnerId", "VpcId", "SubnetId", "AvailabilityZone", "AvailabilityZoneId")
    told = [each["PrivateIpAddress"] for each in document["PrivateIpAddresses"]]
    addresses = [{"PrivateIpAddress": address, "Primary": len(told) == 1} for address in told]
    return {
        **{name: document[name] for name in kept},
        "PrivateIpAddresses": addresses,
        "Ipv4Prefixes": document["Ipv4Prefixes"],
        "TagSet": document["TagSet"],
    }
