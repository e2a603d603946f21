"""Paging of descriptions, through boto3's own paginators."""

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud

COUNT = 1203


def interface(number):
    """One interface of three: every third is in subnet-0."""
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "SubnetId": f"subnet-{number % 3}",
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": f"10.0.{number // 250}.{number % 250}"}],
    }


DOCUMENTS = {
    "network-interfaces": {"NetworkInterfaces": [interface(number) for number in range(COUNT)]},
    # 7 instances in reservations of 3, 3 and 1
    "instances": {
        "Reservations": [
            {"ReservationId": f"r-{first}", "Instances": [{"InstanceId": f"i-{n}"} for n in range(first, last)]}
            for first, last in ((0, 3), (3, 6), (6, 7))
        ]
    },
    "load-balancers": {
        "LoadBalancers": [{"LoadBalancerArn": f"arn:{n}", "LoadBalancerName": f"lb-{n}"} for n in range(5)]
    },
    "flow-logs": {"FlowLogs": [{"FlowLogId": f"fl-{n}"} for n in range(3)]},
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


def pages_of(client, operation, member, **parameters: object):
    """All pages of an operation, as lists of its resources."""
    return [page[member] for page in client.get_paginator(operation).paginate(**parameters)]


def test_the_pages_to_the_last_are_all_in_order(ec2):
    """Full pages, then the rest: every interface once, in order, no token after the last."""
    pages = pages_of(ec2, "describe_network_interfaces", "NetworkInterfaces", MaxResults=500)
    assert [len(page) for page in pages] == [500, 500, 203]
    assert [each["NetworkInterfaceId"] for page in pages for each in page] == [f"eni-{n}" for n in range(COUNT)]


def test_a_filtered_call_pages_over_what_it_finds(ec2):
    """401 of 1,203 interfaces are in subnet-0; an exactly full last page has no successor."""
    filters = [{"Name": "subnet-id", "Values": ["subnet-0"]}]
    pages = pages_of(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=filters, MaxResults=200)
    full = pages_of(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=filters, MaxResults=401)
    assert [len(page) for page in pages] == [200, 200, 1]
    assert [len(page) for page in full] == [401]


def test_without_a_page_size_a_page_ends_at_a_thousand(ec2):
    """A caller that ignores the token misses the rest, as on AWS."""
    answer = ec2.describe_network_interfaces()
    assert len(answer["NetworkInterfaces"]) == 1000
    assert len(ec2.describe_network_interfaces(NextToken=answer["NextToken"])["NetworkInterfaces"]) == 203


def test_instances_are_paged_not_reservations(ec2):
    """A reservation can be cut by a page's end and appear again on the next."""
    pages = pages_of(ec2, "describe_instances", "Reservations", MaxResults=5)
    seen = [[(r["ReservationId"], [i["InstanceId"] for i in r["Instances"]]) for r in page] for page in pages]
    assert seen == [
        [("r-0", ["i-0", "i-1", "i-2"]), ("r-3", ["i-3", "i-4"])],
        [("r-3", ["i-5"]), ("r-6", ["i-6"])],
    ]


def test_load_balancers_and_flow_logs_page_by_their_own_parameters(cloud, ec2):
    """Marker and PageSize for elbv2, MaxResults from one for flow logs."""
    balancers = pages_of(cloud.client("elbv2"), "describe_load_balancers", "LoadBalancers", PageSize=2)
    flow_logs = pages_of(ec2, "describe_flow_logs", "FlowLogs", MaxResults=1)
    assert [[each["LoadBalancerName"] for each in page] for page in balancers] == [
        ["lb-0", "lb-1"],
        ["lb-2", "lb-3"],
        ["lb-4"],
    ]
    assert [[each["FlowLogId"] for each in page] for page in flow_logs] == [["fl-0"], ["fl-1"], ["fl-2"]]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("describe_instances", {"MaxResults": 4}, "InvalidParameterValue"),
        ("describe_network_interfaces", {"MaxResults": 1001}, "InvalidParameterValue"),
        (
            "describe_network_interfaces",
            {"MaxResults": 5, "NetworkInterfaceIds": ["eni-1"]},
            "InvalidParameterCombination",
        ),
        ("describe_instances", {"MaxResults": 5, "InstanceIds": ["i-1"]}, "InvalidParameterCombination"),
        ("describe_network_interfaces", {"MaxResults": 5, "NextToken": "not a token"}, "InvalidNextToken"),
        ("describe_network_interfaces", {"MaxResults": 5, "NextToken": "YWJj"}, "InvalidNextToken"),
    ],
)
def test_bad_pages_are_refused(ec2, operation, parameters, code):
    """Page sizes are 5 to 1,000 and not for named interfaces; tokens are AWS's own."""
    with pytest.raises(ClientError) as refused:
        getattr(ec2, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code


def test_a_token_belongs_to_its_call(ec2):
    """The token of one filter is refused with another; another page size is fine."""
    first = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": ["subnet-0"]}], MaxResults=5)
    same = {"Filters": [{"Name": "subnet-id", "Values": ["subnet-0"]}], "NextToken": first["NextToken"]}
    other = {"Filters": [{"Name": "subnet-id", "Values": ["subnet-1"]}], "NextToken": first["NextToken"]}
    assert len(ec2.describe_network_interfaces(**same, MaxResults=6)["NetworkInterfaces"]) == 6
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ec2.describe_network_interfaces(**other, MaxResults=5)
