"""The real botocore client behind Ec2Reader: its settings, and its own check of what we send and read."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cache import Budget, CircuitBreaker
from enricher.ec2 import LONGEST_CALL_SECONDS, Ec2Reader, ec2_client


@pytest.fixture(scope="module")
def client() -> Any:
    """One client for the file (making it is slow); each test stubs it for itself."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
    return ec2_client("eu-central-1", session=session)


def make_reader(client: Any) -> Ec2Reader:
    """A reader on a clock that stands still."""
    return Ec2Reader(client, clock=lambda: 0.0, breaker=CircuitBreaker(failures=3, cool_down=30))


def make_budget() -> Budget:
    """Enough for any test here."""
    return Budget(calls=10, deadline=1)


def test_the_client_gives_up_early(client) -> None:
    """Two attempts, 1 s to connect, 3 s to read, and a region of its own."""
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 2)
    assert client.meta.region_name == "eu-central-1"


def test_the_longest_call_is_told() -> None:
    """Two attempts of 1 + 3 s, and one pause of at most 1 s and 5 s more: 14 s to keep free behind a deadline."""
    assert LONGEST_CALL_SECONDS == 14


def test_the_client_can_be_pointed_elsewhere() -> None:
    """A local stand-in takes the place of AWS by its address."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
    client = ec2_client("eu-west-1", session=session, endpoint_url="http://127.0.0.1:9")
    assert client.meta.endpoint_url == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("argument", "filter_name", "value"),
    [
        ("ids", "network-interface-id", "eni-0a1b2c3d4e5f60718"),
        ("private_addresses", "addresses.private-ip-address", "10.0.1.5"),
        ("ipv6_addresses", "ipv6-addresses.ipv6-address", "2001:db8::5"),
        ("public_addresses", "addresses.association.public-ip", "203.0.113.5"),
    ],
)
def test_botocore_accepts_every_question_about_interfaces(client, argument: str, filter_name: str, value: str) -> None:
    """The request is exactly this one, and valid to botocore; times come back as the AWS CLI prints them."""
    document = {
        "NetworkInterfaceId": "eni-0a1b2c3d4e5f60718",
        "Attachment": {"InstanceId": "i-0a1b", "AttachTime": datetime(2025, 11, 20, 9, 30, tzinfo=UTC)},
        "TagSet": [{"Key": "project", "Value": "shop"}],
    }
    request = {
        "IncludeManagedResources": True,
        "MaxResults": 1000,
        "Filters": [{"Name": filter_name, "Values": [value]}],
    }
    with Stubber(client) as stub:
        stub.add_response("describe_network_interfaces", {"NetworkInterfaces": [], "NextToken": "page-2"}, request)
        stub.add_response(
            "describe_network_interfaces", {"NetworkInterfaces": [document]}, {**request, "NextToken": "page-2"}
        )
        asked = make_reader(client).interfaces(budget=make_budget(), **{argument: [value]})
        stub.assert_no_pending_responses()
    assert asked.asked == {value}
    (found,) = asked.documents
    assert found["Attachment"] == {"InstanceId": "i-0a1b", "AttachTime": "2025-11-20T09:30:00+00:00"}
    assert found["TagSet"] == [{"Key": "project", "Value": "shop"}]


def test_botocore_accepts_the_question_about_instances(client) -> None:
    """Reservations come back whole: they name the owner."""
    reservation = {"ReservationId": "r-1", "OwnerId": "123456789012", "Instances": [{"InstanceId": "i-0a1b"}]}
    request = {
        "IncludeManagedResources": True,
        "MaxResults": 1000,
        "Filters": [{"Name": "instance-id", "Values": ["i-0a1b", "i-0c2d"]}],
    }
    with Stubber(client) as stub:
        stub.add_response("describe_instances", {"Reservations": [reservation]}, request)
        asked = make_reader(client).instances(["i-0a1b", "i-0c2d"], budget=make_budget())
    assert asked.documents == (reservation,)
    assert asked.asked == {"i-0a1b", "i-0c2d"}


def test_botocore_accepts_the_questions_about_networks(client) -> None:
    """Four reads, each with its own name for its answer."""
    answers: dict[str, tuple[str, dict[str, str]]] = {
        "describe_subnets": ("Subnets", {"SubnetId": "subnet-1", "AvailabilityZoneId": "euc1-az1"}),
        "describe_vpcs": ("Vpcs", {"VpcId": "vpc-1"}),
        "describe_vpc_peering_connections": ("VpcPeeringConnections", {"VpcPeeringConnectionId": "pcx-1"}),
        "describe_transit_gateway_attachments": ("TransitGatewayAttachments", {"TransitGatewayId": "tgw-1"}),
    }
    with Stubber(client) as stub:
        for method, (key, document) in answers.items():
            stub.add_response(method, {key: [document]}, {"MaxResults": 1000})
        networks = make_reader(client).networks(budget=make_budget())
    assert networks.subnets == ({"SubnetId": "subnet-1", "AvailabilityZoneId": "euc1-az1"},)
    assert networks.vpcs == ({"VpcId": "vpc-1"},)
    assert networks.peerings == ({"VpcPeeringConnectionId": "pcx-1"},)
    assert networks.transit_gateway_attachments == ({"TransitGatewayId": "tgw-1"},)


def test_retries_that_succeeded_are_counted(client) -> None:
    """What botocore had to ask twice is told, though it is no failure."""
    answer = {"Subnets": [], "ResponseMetadata": {"RetryAttempts": 1}}
    with Stubber(client) as stub:
        stub.add_response("describe_subnets", answer)
        for method, key in (
            ("describe_vpcs", "Vpcs"),
            ("describe_vpc_peering_connections", "VpcPeeringConnections"),
            ("describe_transit_gateway_attachments", "TransitGatewayAttachments"),
        ):
            stub.add_response(method, {key: []})
        reader = make_reader(client)
        reader.networks(budget=make_budget())
    assert (reader.counters().retries, reader.counters().failures) == (1, {})


def test_an_error_answer_of_aws_is_a_value(client) -> None:
    """A missing permission is counted under AWS's own code; nothing was asked."""
    with Stubber(client) as stub:
        stub.add_client_error("describe_network_interfaces", "UnauthorizedOperation", http_status_code=403)
        reader = make_reader(client)
        asked = reader.interfaces(budget=make_budget(), ids=["eni-0a1b"])
    assert asked.asked == frozenset()
    assert reader.counters().failures == {"UnauthorizedOperation": 1}
