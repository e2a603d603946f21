"""EC2's Describe operations.

Filters are those of the API reference
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html and its neighbours); one
that is missing here is refused as AWS refuses an unknown one.
"""

from typing import Final

from .operation import Identifier, Operation, Pages, plain

_NETWORK_INTERFACES: Final = Operation(
    service="ec2",
    name="DescribeNetworkInterfaces",
    document="network-interfaces",
    identifiers={"NetworkInterfaceIds": Identifier("NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound")},
    filters=plain(
        "association.allocation-id association.association-id association.ip-owner-id association.public-ip "
        "association.public-dns-name attachment.attachment-id attachment.delete-on-termination "
        "attachment.device-index attachment.instance-id attachment.instance-owner-id attachment.status "
        "availability-zone availability-zone-id description interface-type mac-address network-interface-id "
        "operator.managed operator.principal owner-id private-dns-name requester-id requester-managed "
        "source-dest-check status subnet-id vpc-id ipv6-addresses.ipv6-address"
    )
    | {
        "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
        "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
        "addresses.primary": "PrivateIpAddresses.Primary",
        "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
        "group-id": "Groups.GroupId",
        # All of them: AWS says "the private IPv4 address or addresses of the network interface".
        "private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
    },
    pages=Pages(without=("NetworkInterfaceIds",)),
    tags="TagSet",
    hides_managed=True,
    costly=True,
)

_INSTANCES: Final = Operation(
    service="ec2",
    name="DescribeInstances",
    document="instances",
    identifiers={"InstanceIds": Identifier("InstanceId", "InvalidInstanceID.NotFound")},
    filters=plain(
        "image-id instance-id instance-lifecycle instance-type ipv6-address key-name operator.managed "
        "operator.principal owner-id private-dns-name private-ip-address requester-id reservation-id subnet-id vpc-id"
    )
    | {
        "availability-zone": "Placement.AvailabilityZone",
        "availability-zone-id": "Placement.AvailabilityZoneId",
        "dns-name": "PublicDnsName",
        "instance-state-name": "State.Name",
        "instance-state-code": "State.Code",
        "instance.group-id": "SecurityGroups.GroupId",
        "ip-address": "PublicIpAddress",
        "tenancy": "Placement.Tenancy",
    }
    | {
        f"network-interface.{name}": f"NetworkInterfaces.{path}"
        for name, path in {
            "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
            "addresses.primary": "PrivateIpAddresses.Primary",
            "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
            "group-id": "Groups.GroupId",
            **plain(
                "association.public-ip attachment.attachment-id attachment.device-index attachment.status description "
                "ipv6-addresses.ipv6-address network-interface-id owner-id private-ip-address status subnet-id vpc-id"
            ),
        }.items()
    },
    pages=Pages(without=("InstanceIds",)),
    inner="Instances",
    hides_managed=True,
    costly=True,
)

_SUBNETS: Final = Operation(
    service="ec2",
    name="DescribeSubnets",
    document="subnets",
    identifiers={"SubnetIds": Identifier("SubnetId", "InvalidSubnetID.NotFound")},
    filters=plain(
        "availability-zone availability-zone-id available-ip-address-count cidr-block default-for-az "
        "map-public-ip-on-launch ipv6-native outpost-arn owner-id state subnet-arn subnet-id vpc-id"
    )
    | {"ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
)

_VPCS: Final = Operation(
    service="ec2",
    name="DescribeVpcs",
    document="vpcs",
    identifiers={"VpcIds": Identifier("VpcId", "InvalidVpcID.NotFound")},
    filters=plain("dhcp-options-id is-default owner-id state vpc-id")
    | {
        "cidr": "CidrBlock",
        "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
        "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
        "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
        "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
    },
)

_ADDRESSES: Final = Operation(
    service="ec2",
    name="DescribeAddresses",
    document="addresses",
    identifiers={
        "PublicIps": Identifier("PublicIp", "InvalidAddress.NotFound"),
        "AllocationIds": Identifier("AllocationId", "InvalidAllocationID.NotFound"),
    },
    filters=plain(
        "allocation-id association-id instance-id network-border-group network-interface-id "
        "network-interface-owner-id private-ip-address public-ip"
    ),
    pages=None,
)

_NAT_GATEWAYS: Final = Operation(
    service="ec2",
    name="DescribeNatGateways",
    document="nat-gateways",
    identifiers={"NatGatewayIds": Identifier("NatGatewayId", "NatGatewayNotFound")},
    filters=plain("nat-gateway-id state subnet-id vpc-id"),
    filter_parameter="Filter",
)

_VPC_PEERING_CONNECTIONS: Final = Operation(
    service="ec2",
    name="DescribeVpcPeeringConnections",
    document="vpc-peering-connections",
    identifiers={
        "VpcPeeringConnectionIds": Identifier("VpcPeeringConnectionId", "InvalidVpcPeeringConnectionID.NotFound")
    },
    filters=plain(
        "accepter-vpc-info.cidr-block accepter-vpc-info.owner-id accepter-vpc-info.vpc-id "
        "requester-vpc-info.cidr-block requester-vpc-info.owner-id requester-vpc-info.vpc-id vpc-peering-connection-id"
    )
    | {"status-code": "Status.Code", "status-message": "Status.Message"},
)

_TRANSIT_GATEWAY_ATTACHMENTS: Final = Operation(
    service="ec2",
    name="DescribeTransitGatewayAttachments",
    document="transit-gateway-attachments",
    identifiers={
        "TransitGatewayAttachmentIds": Identifier(
            "TransitGatewayAttachmentId", "InvalidTransitGatewayAttachmentID.NotFound"
        )
    },
    filters=plain(
        "association.state association.transit-gateway-route-table-id resource-id resource-owner-id resource-type "
        "state transit-gateway-attachment-id transit-gateway-id transit-gateway-owner-id"
    ),
)

_FLOW_LOGS: Final = Operation(
    service="ec2",
    name="DescribeFlowLogs",
    document="flow-logs",
    identifiers={"FlowLogIds": Identifier("FlowLogId", "InvalidFlowLogId.NotFound")},
    filters=plain("flow-log-id log-destination-type log-group-name resource-id traffic-type")
    | {"deliver-log-status": "DeliverLogsStatus"},
    # AWS documents no smallest page here.
    pages=Pages(smallest=1),
    filter_parameter="Filter",
)

_VPC_ENDPOINTS: Final = Operation(
    service="ec2",
    name="DescribeVpcEndpoints",
    document="vpc-endpoints",
    identifiers={"VpcEndpointIds": Identifier("VpcEndpointId", "InvalidVpcEndpointId.NotFound")},
    filters=plain("ip-address-type service-name service-region vpc-id vpc-endpoint-id vpc-endpoint-type")
    | {"vpc-endpoint-state": "State"},
    # AWS names no smallest page here, and takes a size above 1,000 for 1,000.
    pages=Pages(smallest=1, cuts=True),
)

EC2_OPERATIONS: Final = (
    _NETWORK_INTERFACES,
    _INSTANCES,
    _SUBNETS,
    _VPCS,
    _ADDRESSES,
    _NAT_GATEWAYS,
    _VPC_PEERING_CONNECTIONS,
    _TRANSIT_GATEWAY_ATTACHMENTS,
    _FLOW_LOGS,
    _VPC_ENDPOINTS,
)
