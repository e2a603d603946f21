"""What the other descriptions find, and what all of them refuse, asked through real boto3 clients."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud

DOCUMENTS = {
    "subnets": {
        "Subnets": [
            {"SubnetId": "subnet-a1", "VpcId": "vpc-a", "CidrBlock": "10.0.1.0/24", "AvailabilityZoneId": "use1-az6"},
            {"SubnetId": "subnet-b1", "VpcId": "vpc-b", "CidrBlock": "10.0.1.0/24", "AvailabilityZoneId": "use1-az1"},
        ]
    },
    "vpcs": {
        "Vpcs": [
            {
                "VpcId": "vpc-a",
                "CidrBlock": "10.0.0.0/16",
                "IsDefault": False,
                "CidrBlockAssociationSet": [
                    {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
                    {"CidrBlock": "100.64.0.0/16", "CidrBlockState": {"State": "associated"}},
                ],
            },
            {"VpcId": "vpc-b", "CidrBlock": "10.0.0.0/16", "IsDefault": True},
        ]
    },
    "addresses": {
        "Addresses": [
            {"PublicIp": "203.0.113.5", "AllocationId": "eipalloc-1", "NetworkInterfaceId": "eni-web"},
            {"PublicIp": "203.0.113.9", "AllocationId": "eipalloc-2", "NetworkInterfaceId": "eni-nat"},
        ]
    },
    "nat-gateways": {
        "NatGateways": [
            {
                "NatGatewayId": "nat-1",
                "State": "available",
                "VpcId": "vpc-a",
                "SubnetId": "subnet-a2",
                "CreateTime": "2025-10-31T23:59:59.500000+00:00",
                "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-nat", "PrivateIp": "10.0.2.9"}],
            },
            {"NatGatewayId": "nat-2", "State": "deleted", "VpcId": "vpc-b"},
        ]
    },
    "vpc-peering-connections": {
        "VpcPeeringConnections": [
            {
                "VpcPeeringConnectionId": "pcx-1",
                "Status": {"Code": "active", "Message": "Active"},
                "RequesterVpcInfo": {"VpcId": "vpc-a", "OwnerId": "123456789012", "CidrBlock": "10.0.0.0/16"},
                "AccepterVpcInfo": {"VpcId": "vpc-c", "OwnerId": "123456789012", "CidrBlock": "10.3.0.0/16"},
            },
            {
                "VpcPeeringConnectionId": "pcx-2",
                "Status": {"Code": "deleted", "Message": "Deleted"},
                "RequesterVpcInfo": {"VpcId": "vpc-a"},
                "AccepterVpcInfo": {"VpcId": "vpc-b"},
            },
        ]
    },
    "transit-gateway-attachments": {
        "TransitGatewayAttachments": [
            {
                "TransitGatewayAttachmentId": "tgw-attach-1",
                "TransitGatewayId": "tgw-1",
                "ResourceType": "vpc",
                "ResourceId": "vpc-a",
                "State": "available",
                "Association": {"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated"},
            },
            {
                "TransitGatewayAttachmentId": "tgw-attach-2",
                "TransitGatewayId": "tgw-1",
                "ResourceType": "vpn",
                "ResourceId": "vpn-1",
                "State": "available",
            },
        ]
    },
    "flow-logs": {
        "FlowLogs": [
            {
                "FlowLogId": "fl-1",
                "ResourceId": "vpc-a",
                "LogDestinationType": "kinesis-data-firehose",
                "LogDestination": "arn:aws:firehose:us-east-1:123456789012:deliverystream/flows",
                "LogFormat": "${version} ${account-id}",
                "DeliverLogsStatus": "SUCCESS",
                "TagFieldSpecifications": [{"ResourceType": "network-interface", "TagKeys": ["project", "team"]}],
                "MaxAggregationInterval": 60,
                "DestinationOptions": {"FileFormat": "plain-text", "PerHourPartition": False},
            },
            {"FlowLogId": "fl-2", "ResourceId": "vpc-b", "LogDestinationType": "s3"},
        ]
    },
    "load-balancers": {
        "LoadBalancers": [
            {
                "LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/front/1",
                "LoadBalancerName": "front",
                "Type": "application",
                "VpcId": "vpc-a",
                "CreatedTime": "2025-11-02T00:00:00+00:00",
                "State": {"Code": "active"},
                "AvailabilityZones": [{"ZoneName": "us-east-1a", "SubnetId": "subnet-a1"}],
            },
            {
                "LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/back/2",
                "LoadBalancerName": "back",
                "Type": "network",
            },
        ]
    },
}


@pytest.fixture(scope="module")
def cloud():
    """A running cloud that owns DOCUMENTS."""
    with LocalCloud(DOCUMENTS) as running:
        yield running


@pytest.fixture(scope="module")
def ec2(cloud):
    """Its EC2 client."""
    return cloud.client("ec2")


def named(name, *values: str):
    """The filters of a call: one, of that name."""
    return [{"Name": name, "Values": list(values)}]


@pytest.mark.parametrize(
    ("operation", "parameters", "member", "identifier", "expected"),
    [
        ("describe_subnets", {"SubnetIds": ["subnet-a1"]}, "Subnets", "SubnetId", ["subnet-a1"]),
        ("describe_subnets", {"Filters": named("vpc-id", "vpc-b")}, "Subnets", "SubnetId", ["subnet-b1"]),
        (
            "describe_vpcs",
            {"Filters": named("cidr-block-association.cidr-block", "100.64.*")},
            "Vpcs",
            "VpcId",
            ["vpc-a"],
        ),
        ("describe_vpcs", {"Filters": named("is-default", "true")}, "Vpcs", "VpcId", ["vpc-b"]),
        ("describe_addresses", {"PublicIps": ["203.0.113.9"]}, "Addresses", "AllocationId", ["eipalloc-2"]),
        (
            "describe_addresses",
            {"Filters": named("network-interface-id", "eni-web")},
            "Addresses",
            "AllocationId",
            ["eipalloc-1"],
        ),
        ("describe_nat_gateways", {"Filter": named("state", "available")}, "NatGateways", "NatGatewayId", ["nat-1"]),
        (
            "describe_vpc_peering_connections",
            {"Filters": named("status-code", "active")},
            "VpcPeeringConnections",
            "VpcPeeringConnectionId",
            ["pcx-1"],
        ),
        (
            "describe_vpc_peering_connections",
            {"Filters": named("accepter-vpc-info.vpc-id", "vpc-b")},
            "VpcPeeringConnections",
            "VpcPeeringConnectionId",
            ["pcx-2"],
        ),
        (
            "describe_transit_gateway_attachments",
            {"Filters": named("resource-type", "vpc")},
            "TransitGatewayAttachments",
            "TransitGatewayAttachmentId",
            ["tgw-attach-1"],
        ),
        (
            "describe_transit_gateway_attachments",
            {"TransitGatewayAttachmentIds": ["tgw-attach-2"]},
            "TransitGatewayAttachments",
            "TransitGatewayAttachmentId",
            ["tgw-attach-2"],
        ),
        (
            "describe_flow_logs",
            {"Filter": named("log-destination-type", "kinesis-data-firehose")},
            "FlowLogs",
            "FlowLogId",
            ["fl-1"],
        ),
        ("describe_flow_logs", {"FlowLogIds": ["fl-2"]}, "FlowLogs", "FlowLogId", ["fl-2"]),
    ],
)
def test_every_kind_is_found_by_its_filters_and_identifiers(ec2, operation, parameters, member, identifier, expected):
    """Subnets, VPCs, addresses, gateways, peerings, attachments and flow logs answer like interfaces do."""
    answer = getattr(ec2, operation)(**parameters)
    assert [resource[identifier] for resource in answer[member]] == expected


def test_flow_logs_tell_their_format_and_tag_fields(ec2):
    """The log format, its tag fields and destination are there, which moto leaves out in part."""
    (flow_log,) = ec2.describe_flow_logs(FlowLogIds=["fl-1"])["FlowLogs"]
    assert flow_log == DOCUMENTS["flow-logs"]["FlowLogs"][0]


def test_load_balancers_answer_in_their_own_protocol(cloud):
    """elbv2 speaks another query protocol, through the same machinery."""
    elbv2 = cloud.client("elbv2")
    (front,) = elbv2.describe_load_balancers(Names=["front"])["LoadBalancers"]
    assert front["CreatedTime"] == datetime(2025, 11, 2, tzinfo=UTC)
    assert front["AvailabilityZones"] == [{"ZoneName": "us-east-1a", "SubnetId": "subnet-a1"}]
    assert len(elbv2.describe_load_balancers(Names=[])["LoadBalancers"]) == 2
    with pytest.raises(elbv2.exceptions.LoadBalancerNotFoundException):
        elbv2.describe_load_balancers(Names=["front", "none"])


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("describe_network_interfaces", {"NetworkInterfaceIds": ["eni-no"]}, "InvalidNetworkInterfaceID.NotFound"),
        ("describe_instances", {"InstanceIds": ["i-no"]}, "InvalidInstanceID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["subnet-no"]}, "InvalidSubnetID.NotFound"),
        ("describe_vpcs", {"VpcIds": ["vpc-no"]}, "InvalidVpcID.NotFound"),
        ("describe_addresses", {"AllocationIds": ["eipalloc-no"]}, "InvalidAllocationID.NotFound"),
        ("describe_addresses", {"PublicIps": ["192.0.2.1"]}, "InvalidAddress.NotFound"),
        ("describe_nat_gateways", {"NatGatewayIds": ["nat-no"]}, "NatGatewayNotFound"),
        (
            "describe_vpc_peering_connections",
            {"VpcPeeringConnectionIds": ["pcx-no"]},
            "InvalidVpcPeeringConnectionID.NotFound",
        ),
        ("describe_flow_logs", {"FlowLogIds": ["fl-no"]}, "InvalidFlowLogId.NotFound"),
        ("describe_network_interfaces", {"Filters": named("colour", "red")}, "InvalidParameterValue"),
        ("describe_network_interfaces", {"Filters": [{"Name": "vpc-id"}]}, "InvalidParameterValue"),
        ("describe_subnets", {"DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_aws_refuses_is_refused_with_its_code(ec2, operation, parameters, code):
    """Unknown identifiers, unknown or empty filters and dry runs end in AWS's own error codes."""
    with pytest.raises(ClientError) as refused:
        getattr(ec2, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code
