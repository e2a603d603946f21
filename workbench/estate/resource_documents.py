"""All other inventory documents in the shapes the AWS CLI prints (EC2 and Elastic Load Balancing v2 API references)."""

from collections.abc import Iterable, Mapping
from typing import Final

from workbench.estate.distributions import Distributions
from workbench.estate.documents import (
    Document,
    association,
    digits,
    mac_address,
    operator,
    private_addresses,
    private_dns_name,
    tag_list,
)
from workbench.estate.model import Attachment, Instance, Interface, LoadBalancer, NatGateway, Peering, Subnet, Vpc

ByInterface = Mapping[str, Interface]

_RUNNING: Final = 16
# Hosted zones of load balancer names in us-east-1, by type (Elastic Load Balancing endpoints page).
_HOSTED_ZONES: Final = {"app": "Z35SXDOTRQ7X7K", "net": "Z26RNL4JYFTOTI"}
_BALANCER_TYPES: Final = {"app": "application", "net": "network"}


def instances(plan: Distributions, every: Iterable[Instance], by_id: ByInterface) -> list[Document]:
    """The ``Reservations`` member, one instance each."""
    return [
        {
            "ReservationId": f"r-{digits(instance.instance_id)}",
            "OwnerId": plan.account_id,
            "Groups": [],
            "Instances": [_instance(plan, instance, by_id)],
        }
        for instance in every
    ]


def subnets(plan: Distributions, every: Iterable[Subnet], free: Mapping[str, int]) -> list[Document]:
    """The ``Subnets`` member."""
    return [_subnet(plan, subnet, free[subnet.subnet_id]) for subnet in every]


def vpcs(plan: Distributions, every: Iterable[Vpc]) -> list[Document]:
    """The ``Vpcs`` member."""
    return [_vpc(plan, vpc) for vpc in every]


def addresses(plan: Distributions, interfaces: Iterable[Interface]) -> list[Document]:
    """The ``Addresses`` member: Elastic IPs only, AWS's own public addresses are not listed there."""
    documents = []
    for interface in interfaces:
        public = interface.public
        if public is None or public.allocation_id is None:
            continue
        document: Document = {
            "AllocationId": public.allocation_id,
            "AssociationId": public.association_id,
            "Domain": "vpc",
            "NetworkInterfaceId": interface.interface_id,
            "NetworkInterfaceOwnerId": plan.account_id,
            "PrivateIpAddress": interface.private_address,
            "Tags": tag_list(interface.tags) if interface.kind == "nat_gateway" else [],
            "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": plan.region,
            "PublicIp": public.address,
        }
        if interface.instance_id:
            document["InstanceId"] = interface.instance_id
        documents.append(document)
    return documents


def nat_gateways(every: Iterable[NatGateway], by_id: ByInterface) -> list[Document]:
    """The ``NatGateways`` member."""
    documents = []
    for gateway in every:
        interface = by_id[gateway.interface_id]
        address = {
            "NetworkInterfaceId": interface.interface_id,
            "PrivateIp": interface.private_address,
            "IsPrimary": True,
            "Status": "succeeded",
        }
        if interface.public:
            address |= {
                "AllocationId": interface.public.allocation_id,
                "AssociationId": interface.public.association_id,
                "PublicIp": interface.public.address,
            }
        documents.append(
            {
                "CreateTime": gateway.created_at.isoformat(),
                "NatGatewayAddresses": [address],
                "NatGatewayId": gateway.nat_gateway_id,
                "State": "available",
                "SubnetId": interface.subnet_id,
                "VpcId": interface.vpc_id,
                "Tags": tag_list(gateway.tags),
                "ConnectivityType": "public",
            }
        )
    return documents


def load_balancers(plan: Distributions, every: Iterable[LoadBalancer], by_id: ByInterface) -> list[Document]:
    """The ``LoadBalancers`` member of Elastic Load Balancing v2; tags are not part of that answer."""
    documents = []
    for balancer in every:
        scheme = "internet-facing" if balancer.internet_facing else "internal"
        interfaces = [by_id[interface_id] for interface_id in balancer.interface_ids]
        documents.append(
            {
                "LoadBalancerArn": f"arn:aws:elasticloadbalancing:{plan.region}:{plan.account_id}:loadbalancer/"
                f"{balancer.type}/{balancer.name}/{balancer.token}",
                "DNSName": f"{balancer.name}-{balancer.token}.elb.{plan.region}.amazonaws.com",
                "CanonicalHostedZoneId": _HOSTED_ZONES[balancer.type],
                "CreatedTime": balancer.created_at.isoformat(),
                "LoadBalancerName": balancer.name,
                "Scheme": scheme,
                "VpcId": balancer.vpc_id,
                "State": {"Code": "active"},
                "Type": _BALANCER_TYPES[balancer.type],
                "AvailabilityZones": [
                    {"ZoneName": interface.zone.name, "SubnetId": interface.subnet_id, "LoadBalancerAddresses": []}
                    for interface in interfaces
                ],
                "SecurityGroups": [f"sg-{digits(balancer.vpc_id)}"],
                "IpAddressType": "ipv4",
            }
        )
    return documents


def vpc_peering_connections(plan: Distributions, every: Iterable[Peering], vpcs: Iterable[Vpc]) -> list[Document]:
    """The ``VpcPeeringConnections`` member; deleted connections stay listed for a while, as on AWS."""
    by_id = {vpc.vpc_id: vpc for vpc in vpcs}
    return [
        {
            "AccepterVpcInfo": _peer(plan, by_id[peering.accepter_vpc_id]),
            "RequesterVpcInfo": _peer(plan, by_id[peering.requester_vpc_id]),
            "Status": _peering_status(plan, peering.status),
            "Tags": [],
            "VpcPeeringConnectionId": peering.peering_id,
        }
        for peering in every
    ]


def transit_gateway_attachments(plan: Distributions, every: Iterable[Attachment]) -> list[Document]:
    """The ``TransitGatewayAttachments`` member."""
    return [
        {
            "TransitGatewayAttachmentId": attachment.attachment_id,
            "TransitGatewayId": attachment.transit_gateway_id,
            "TransitGatewayOwnerId": plan.account_id,
            "ResourceOwnerId": plan.account_id,
            "ResourceType": "vpc",
            "ResourceId": attachment.vpc_id,
            "State": "available",
            "Association": {
                "TransitGatewayRouteTableId": f"tgw-rtb-{digits(attachment.transit_gateway_id)}",
                "State": "associated",
            },
            "CreationTime": attachment.created_at.isoformat(),
            "Tags": tag_list(attachment.tags),
        }
        for attachment in every
    ]


def _instance(plan: Distributions, instance: Instance, by_id: ByInterface) -> Document:
    interfaces = [by_id[interface_id] for interface_id in instance.interface_ids]
    primary = interfaces[0]
    document: Document = {
        "ImageId": "ami-0123456789abcdef0",
        "InstanceId": instance.instance_id,
        "InstanceType": instance.instance_type,
        "LaunchTime": instance.launched_at.isoformat(),
        "Monitoring": {"State": "disabled"},
        "NetworkInterfaces": [_instance_interface(plan, interface) for interface in interfaces],
        "Operator": operator(primary),
        "Placement": {
            "AvailabilityZone": primary.zone.name,
            "AvailabilityZoneId": primary.az_id,
            "GroupName": "",
            "Tenancy": "default",
        },
        "PrivateDnsName": private_dns_name(primary.private_address),
        "PrivateIpAddress": primary.private_address,
        "SecurityGroups": [{"GroupId": f"sg-{digits(primary.vpc_id)}", "GroupName": "default"}],
        "SourceDestCheck": True,
        "State": {"Code": _RUNNING, "Name": "running"},
        "SubnetId": primary.subnet_id,
        "Tags": tag_list(instance.tags),
        "VpcId": primary.vpc_id,
    }
    if primary.public:
        document["PublicDnsName"] = association(plan, primary.public, primary.kind)["PublicDnsName"]
        document["PublicIpAddress"] = primary.public.address
    if primary.ipv6_address:
        document["Ipv6Address"] = primary.ipv6_address
    return document


def _instance_interface(plan: Distributions, interface: Interface) -> Document:
    document: Document = {
        "Attachment": {
            "AttachTime": interface.attached_at.isoformat(),
            "AttachmentId": f"eni-attach-{digits(interface.interface_id)}",
            "DeleteOnTermination": True,
            "DeviceIndex": interface.device_index,
            "Status": "attached",
            "NetworkCardIndex": 0,
        },
        "Description": interface.description,
        "Groups": [{"GroupId": f"sg-{digits(interface.vpc_id)}", "GroupName": "default"}],
        "Ipv6Addresses": [{"Ipv6Address": interface.ipv6_address}] if interface.ipv6_address else [],
        "MacAddress": mac_address(interface),
        "NetworkInterfaceId": interface.interface_id,
        "OwnerId": plan.account_id,
        "PrivateDnsName": private_dns_name(interface.private_address),
        "PrivateIpAddress": interface.private_address,
        "PrivateIpAddresses": private_addresses(plan, interface, in_instance=True),
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": interface.subnet_id,
        "VpcId": interface.vpc_id,
        "InterfaceType": "interface",
        "Operator": operator(interface),
    }
    if interface.public:
        document["Association"] = association(plan, interface.public, interface.kind, in_instance=True)
    if interface.prefixes:
        document["Ipv4Prefixes"] = [{"Ipv4Prefix": prefix} for prefix in interface.prefixes]
    return document


def _subnet(plan: Distributions, subnet: Subnet, free: int) -> Document:
    associations = []
    if subnet.ipv6_cidr:
        associations = [_ipv6_association("subnet", subnet.subnet_id, subnet.ipv6_cidr)]
    return {
        "AvailabilityZoneId": subnet.zone.az_id,
        "MapCustomerOwnedIpOnLaunch": False,
        "OwnerId": plan.account_id,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": associations,
        "Tags": [],
        "SubnetArn": f"arn:aws:ec2:{plan.region}:{plan.account_id}:subnet/{subnet.subnet_id}",
        "EnableDns64": False,
        "Ipv6Native": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "SubnetId": subnet.subnet_id,
        "State": "available",
        "VpcId": subnet.vpc_id,
        "CidrBlock": subnet.cidr,
        "AvailableIpAddressCount": free,
        "AvailabilityZone": subnet.zone.name,
        "DefaultForAz": False,
        "MapPublicIpOnLaunch": subnet.public,
    }


def _vpc(plan: Distributions, vpc: Vpc) -> Document:
    document: Document = {
        "OwnerId": plan.account_id,
        "InstanceTenancy": "default",
        "CidrBlockAssociationSet": [
            {
                "AssociationId": f"vpc-cidr-assoc-{digits(vpc.vpc_id)[:-1]}{position}",
                "CidrBlock": cidr,
                "CidrBlockState": {"State": "associated"},
            }
            for position, cidr in enumerate(vpc.cidrs)
        ],
        "IsDefault": False,
        "Tags": tag_list({"Name": vpc.name}),
        "VpcId": vpc.vpc_id,
        "State": "available",
        "CidrBlock": vpc.cidrs[0],
        "DhcpOptionsId": f"dopt-{digits(vpc.vpc_id)}",
    }
    if vpc.ipv6_cidr:
        document["Ipv6CidrBlockAssociationSet"] = [_ipv6_association("vpc", vpc.vpc_id, vpc.ipv6_cidr)]
    return document


def _ipv6_association(kind: str, owner_id: str, cidr: str) -> Document:
    return {
        "AssociationId": f"{kind}-cidr-assoc-{digits(owner_id)}",
        "Ipv6CidrBlock": cidr,
        "Ipv6CidrBlockState": {"State": "associated"},
    }


def _peer(plan: Distributions, vpc: Vpc) -> Document:
    ipv6 = [vpc.ipv6_cidr] if vpc.ipv6_cidr else []
    return {
        "CidrBlock": vpc.cidrs[0],
        "Ipv6CidrBlockSet": [{"Ipv6CidrBlock": cidr} for cidr in ipv6],
        "CidrBlockSet": [{"CidrBlock": cidr} for cidr in vpc.cidrs],
        "OwnerId": plan.account_id,
        "PeeringOptions": {
            "AllowDnsResolutionFromRemoteVpc": False,
            "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
            "AllowEgressFromLocalVpcToRemoteClassicLink": False,
        },
        "VpcId": vpc.vpc_id,
        "Region": plan.region,
    }


def _peering_status(plan: Distributions, code: str) -> Document:
    messages = {"active": "Active", "deleted": f"Deleted by {plan.account_id}"}
    return {"Code": code, "Message": messages.get(code, code)}
