"""Load balancers, endpoints, gateways, scaling groups and tags, asked through real boto3 clients."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:thumbs"
DATABASE = "arn:aws:rds:us-east-1:123456789012:db:orders"


def tag(key, value):
    """One tag as AWS lists it."""
    return {"Key": key, "Value": value}


DOCUMENTS = {
    "classic-load-balancers": {
        "LoadBalancerDescriptions": [
            {
                "LoadBalancerName": f"classic-{number}",
                "DNSName": f"classic-{number}.us-east-1.elb.amazonaws.com",
                "VPCId": "vpc-a",
                "Subnets": ["subnet-a1"],
                "Scheme": "internal",
                "CreatedTime": "2025-11-01T08:00:00+00:00",
            }
            for number in range(5)
        ]
    },
    "load-balancers": {"LoadBalancers": [{"LoadBalancerArn": f"{ELB}/app/front/1", "LoadBalancerName": "front"}]},
    "vpc-endpoints": {
        "VpcEndpoints": [
            {
                "VpcEndpointId": "vpce-1",
                "VpcEndpointType": "Interface",
                "VpcId": "vpc-a",
                "ServiceName": "com.amazonaws.us-east-1.sqs",
                "State": "available",
                "NetworkInterfaceIds": ["eni-1", "eni-2"],
                "Tags": [tag("team", "mail")],
            },
            {"VpcEndpointId": "vpce-2", "VpcEndpointType": "GatewayLoadBalancer", "VpcId": "vpc-b", "State": "pending"},
            {"VpcEndpointId": "vpce-3", "VpcEndpointType": "Gateway", "VpcId": "vpc-a", "State": "available"},
        ]
    },
    "nat-gateways": {
        "NatGateways": [
            {
                "NatGatewayId": "nat-1",
                "State": "available",
                "VpcId": "vpc-a",
                "AvailabilityMode": "regional",
                "NatGatewayAddresses": [
                    {"PublicIp": "203.0.113.7", "AvailabilityZoneId": "use1-az1", "Status": "succeeded"},
                    {"PublicIp": "203.0.113.8", "AvailabilityZoneId": "use1-az2", "Status": "succeeded"},
                ],
                "Tags": [tag("team", "network")],
            }
        ]
    },
    "auto-scaling-instances": {
        "AutoScalingInstances": [
            {
                "InstanceId": f"i-{number:03}",
                "AutoScalingGroupName": "web",
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": "InService",
                "HealthStatus": "HEALTHY",
                "ProtectedFromScaleIn": False,
            }
            for number in range(120)
        ]
    },
    "instances": {
        "Reservations": [
            {"Instances": [{"InstanceId": f"i-{number:03}", "Tags": [tag("team", "web")]} for number in range(120)]},
            {"Instances": [{"InstanceId": "i-untagged", "Tags": []}]},
        ]
    },
    "network-interfaces": {
        "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "TagSet": [tag("env", "prod"), tag("team", "mail")]}]
    },
    "tagged-resources": {
        "ResourceTagMappingList": [
            {"ResourceARN": f"{ELB}/app/front/1", "Tags": [tag("team", "shop"), tag("env", "prod")]},
            {"ResourceARN": LAMBDA, "Tags": [tag("team", "media")]},
            {"ResourceARN": DATABASE, "Tags": []},
        ]
    },
}


@pytest.fixture(scope="module")
def cloud():
    """A running cloud that owns DOCUMENTS."""
    with LocalCloud(DOCUMENTS) as running:
        yield running


@pytest.fixture(scope="module")
def tagging(cloud):
    """Its Resource Groups Tagging client."""
    return cloud.client("resourcegroupstaggingapi")


def arns(answer):
    """The ARNs of an answer, in order."""
    return [each["ResourceARN"] for each in answer["ResourceTagMappingList"]]


def refusal_of(call, **parameters: object):
    """The error code that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


def test_classic_load_balancers_are_not_the_other_ones(cloud):
    """Two APIs with one operation name and one signing name answer from documents of their own."""
    classic, other = cloud.client("elb"), cloud.client("elbv2")
    (one,) = classic.describe_load_balancers(LoadBalancerNames=["classic-3"])["LoadBalancerDescriptions"]
    assert (one["LoadBalancerName"], one["CreatedTime"]) == ("classic-3", datetime(2025, 11, 1, 8, tzinfo=UTC))
    assert [each["LoadBalancerName"] for each in other.describe_load_balancers()["LoadBalancers"]] == ["front"]
    assert (cloud.count("elb"), cloud.count("elbv2")) == (1, 1)
    assert refusal_of(classic.describe_load_balancers, LoadBalancerNames=["front"]) == "LoadBalancerNotFound"


def test_classic_load_balancers_page_by_marker(cloud):
    """Five in pages of two; a page larger than 400 is refused."""
    classic = cloud.client("elb")
    pages = classic.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["LoadBalancerDescriptions"]) for page in pages] == [2, 2, 1]
    assert refusal_of(classic.describe_load_balancers, PageSize=401) == "ValidationError"
    assert refusal_of(cloud.client("elbv2").describe_load_balancers, PageSize=401) == "ValidationError"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"vpc-id": "vpc-a"}, ["vpce-1", "vpce-3"]),
        ({"vpc-endpoint-type": "GatewayLoadBalancer"}, ["vpce-2"]),
        ({"vpc-endpoint-state": "available", "service-name": "*.sqs"}, ["vpce-1"]),
        ({"tag:team": "mail"}, ["vpce-1"]),
    ],
)
def test_vpc_endpoints_are_found(cloud, filters, expected):
    """By network, type, state, service and tag."""
    asked = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    answer = cloud.client("ec2").describe_vpc_endpoints(Filters=asked)
    assert [each["VpcEndpointId"] for each in answer["VpcEndpoints"]] == expected


def test_vpc_endpoints_tell_their_interfaces_and_page(cloud):
    """Their interfaces' ids are listed; more than a thousand a page is taken for a thousand."""
    ec2 = cloud.client("ec2")
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(PaginationConfig={"PageSize": 2})
    assert [[each["VpcEndpointId"] for each in page["VpcEndpoints"]] for page in pages] == [
        ["vpce-1", "vpce-2"],
        ["vpce-3"],
    ]
    (one,) = ec2.describe_vpc_endpoints(VpcEndpointIds=["vpce-1"])["VpcEndpoints"]
    assert one["NetworkInterfaceIds"] == ["eni-1", "eni-2"]
    assert len(ec2.describe_vpc_endpoints(MaxResults=2000)["VpcEndpoints"]) == 3
    assert refusal_of(ec2.describe_vpc_endpoints, VpcEndpointIds=["vpce-no"]) == "InvalidVpcEndpointId.NotFound"


def test_a_regional_nat_gateway_has_addresses_but_no_subnet(cloud):
    """Its availability mode and its addresses' zones arrive."""
    (gateway,) = cloud.client("ec2").describe_nat_gateways()["NatGateways"]
    assert gateway == DOCUMENTS["nat-gateways"]["NatGateways"][0]


def test_scaling_groups_page_by_fifty(cloud):
    """The default and the largest page are 50; unknown instances are passed over."""
    scaling = cloud.client("autoscaling")
    pages = [
        page["AutoScalingInstances"] for page in scaling.get_paginator("describe_auto_scaling_instances").paginate()
    ]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [each["InstanceId"] for page in pages for each in page] == [f"i-{number:03}" for number in range(120)]
    named = scaling.describe_auto_scaling_instances(InstanceIds=["i-007", "i-no"])["AutoScalingInstances"]
    assert [(each["InstanceId"], each["AutoScalingGroupName"]) for each in named] == [("i-007", "web")]
    assert refusal_of(scaling.describe_auto_scaling_instances, MaxRecords=51) == "ValidationError"


def test_all_that_has_tags_is_listed_page_by_page(tagging):
    """Given resources and those whose documents show tags: 3 + 120 instances + interface, gateway and endpoint."""
    pages = tagging.get_paginator("get_resources").paginate(ResourcesPerPage=100)
    found = [arns(page) for page in pages]
    assert [len(page) for page in found] == [100, 26]
    together = [arn for page in found for arn in page]
    assert together[:3] == [f"{ELB}/app/front/1", LAMBDA, DATABASE]
    assert len(set(together)) == 126
    assert {
        "arn:aws:ec2:us-east-1:123456789012:network-interface/eni-1",
        "arn:aws:ec2:us-east-1:123456789012:natgateway/nat-1",
        "arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/vpce-1",
        "arn:aws:ec2:us-east-1:123456789012:instance/i-119",
    } <= set(together)
    assert not [arn for arn in together if "i-untagged" in arn]


def test_the_last_page_of_tags_has_an_empty_token(tagging):
    """As AWS answers; and an empty token asks for the first page."""
    answer = tagging.get_resources(PaginationToken="", ResourceTypeFilters=["lambda"])
    assert answer["PaginationToken"] == ""
    assert answer["ResourceTagMappingList"] == [{"ResourceARN": LAMBDA, "Tags": [tag("team", "media")]}]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"ResourceTypeFilters": ["elasticloadbalancing:loadbalancer"]}, [f"{ELB}/app/front/1"]),
        ({"ResourceTypeFilters": ["rds:db", "lambda:function"]}, [LAMBDA, DATABASE]),
        ({"ResourceTypeFilters": ["ec2:net"]}, []),
        ({"TagFilters": [{"Key": "team", "Values": ["shop", "media"]}]}, [f"{ELB}/app/front/1", LAMBDA]),
        ({"TagFilters": [{"Key": "team", "Values": ["shop", "media"]}, {"Key": "env"}]}, [f"{ELB}/app/front/1"]),
        ({"TagFilters": [{"Key": "env"}], "ResourceTypeFilters": ["lambda"]}, []),
        ({"ResourceARNList": [DATABASE, LAMBDA + "-no"]}, [DATABASE]),
    ],
)
def test_tags_are_filtered(tagging, parameters, expected):
    """Types are alternatives, tag filters must all hold, their values are alternatives."""
    assert arns(tagging.get_resources(**parameters)) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"ResourcesPerPage": 101},
        {"ResourcesPerPage": 0},
        {"PaginationToken": "nonsense"},
        {"ResourceARNList": [LAMBDA], "ResourceTypeFilters": ["lambda"]},
    ],
)
def test_bad_questions_for_tags_are_refused(tagging, parameters):
    """Pages of 1 to 100, tokens of the same call, ARNs or filters."""
    assert refusal_of(tagging.get_resources, **parameters) == "InvalidParameterException"
