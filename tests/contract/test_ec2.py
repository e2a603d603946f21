"""Ec2Reader over real HTTP against the stand-in cloud: botocore serialises, signs, sends and parses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from cache import Budget, CircuitBreaker
from enricher.ec2 import Asked, Ec2Reader, ec2_client
from workbench.cloud import Bucket, LocalCloud, Refuse, Reset, Throttle

TESTING = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def eni(name: str, private: str, vpc: str = "vpc-a", **more: Any) -> dict[str, Any]:
    """A network interface as the AWS CLI prints it, cut to what matters here."""
    return {
        "NetworkInterfaceId": name,
        "VpcId": vpc,
        "PrivateIpAddress": private,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": private}],
        **more,
    }


ATTACHED = eni(
    "eni-attached",
    "10.0.0.4",
    AvailabilityZoneId="use1-az1",
    InterfaceType="interface",
    OwnerId="123456789012",
    Attachment={
        "AttachTime": "2025-11-20T09:30:00+00:00",
        "InstanceId": "i-shop",
        "Status": "attached",
    },
    TagSet=[{"Key": "project", "Value": "shop"}],
)
SECONDARY = eni("eni-secondary", "10.0.0.5") | {
    "PrivateIpAddresses": [
        {"Primary": True, "PrivateIpAddress": "10.0.0.5"},
        {"Primary": False, "PrivateIpAddress": "10.0.0.50"},
    ]
}
SIX = eni("eni-six", "10.0.0.6", Ipv6Addresses=[{"Ipv6Address": "2001:db8::6"}])
PUBLIC = eni("eni-public", "10.0.0.7") | {
    "PrivateIpAddresses": [
        {"Primary": True, "PrivateIpAddress": "10.0.0.7", "Association": {"PublicIp": "203.0.113.7"}}
    ]
}
MANAGED = eni("eni-managed", "10.0.0.8", Operator={"Managed": True, "Principal": "eks.amazonaws.com"})
RESERVATION = {
    "ReservationId": "r-1",
    "OwnerId": "123456789012",
    "Instances": [
        {
            "InstanceId": "i-shop",
            "LaunchTime": "2025-11-20T09:29:58+00:00",
            "Tags": [{"Key": "Name", "Value": "shop-1"}],
        }
    ],
}
ESTATE = {
    "network-interfaces": {"NetworkInterfaces": [ATTACHED, SECONDARY, SIX, PUBLIC, MANAGED]},
    "instances": {"Reservations": [RESERVATION]},
    "subnets": {"Subnets": [{"SubnetId": "subnet-a", "AvailabilityZoneId": "use1-az1", "CidrBlock": "10.0.0.0/24"}]},
    "vpcs": {"Vpcs": [{"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"}]},
    "vpc-peering-connections": {
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}}]
    },
    "transit-gateway-attachments": {
        "TransitGatewayAttachments": [{"TransitGatewayId": "tgw-1", "ResourceId": "vpc-a", "ResourceType": "vpc"}]
    },
}


@pytest.fixture(scope="module")
def running() -> Iterator[LocalCloud]:
    """One cloud for the file (its start is slow)."""
    with LocalCloud(ESTATE) as cloud:
        yield cloud


@pytest.fixture
def cloud(running) -> LocalCloud:
    """The cloud with the estate of this file, without faults or calls of other tests."""
    running.replace_inventory(ESTATE)
    running.clear_faults()
    running.reset_calls()
    return running


def make_reader(client: Any, failures: int = 100) -> Ec2Reader:
    """A reader on a clock that stands still."""
    return Ec2Reader(client, clock=lambda: 0.0, breaker=CircuitBreaker(failures, cool_down=30))


def budget(calls: int = 100) -> Budget:
    """A budget whose deadline is never reached."""
    return Budget(calls=calls, deadline=1)


def owning(*interfaces: Mapping[str, Any]) -> dict[str, Any]:
    """An estate of these interfaces alone."""
    return {"network-interfaces": {"NetworkInterfaces": list(interfaces)}}


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ({"ids": ["eni-attached"]}, ATTACHED),
        ({"private_addresses": ["10.0.0.50"]}, SECONDARY),
        ({"ipv6_addresses": ["2001:db8::6"]}, SIX),
        ({"public_addresses": ["203.0.113.7"]}, PUBLIC),
        ({"private_addresses": ["10.0.0.8"]}, MANAGED),
    ],
)
def test_finds_an_interface_as_the_aws_cli_prints_it(cloud, question: dict, document: dict) -> None:
    """By id, secondary, IPv6 and public address, hidden managed ones too; names and times are the inventory's."""
    asked = make_reader(cloud.client("ec2")).interfaces(budget=budget(), **question)
    ((value,),) = question.values()
    assert asked == Asked((document,), frozenset({value}))


def test_an_address_that_nobody_has_is_asked_and_not_found(cloud) -> None:
    """Absent: asked, and no document; EC2 does not mind."""
    reader = make_reader(cloud.client("ec2"))
    assert reader.interfaces(budget=budget(), private_addresses=["10.9.9.9"]) == Asked((), frozenset({"10.9.9.9"}))
    assert reader.counters().failures == {}


def test_instances_come_in_their_reservations(cloud) -> None:
    """The owner stands on the reservation, the tags on the instance."""
    asked = make_reader(cloud.client("ec2")).instances(["i-shop", "i-absent"], budget=budget())
    assert asked == Asked((RESERVATION,), frozenset({"i-shop", "i-absent"}))


def test_networks_are_those_of_the_account(cloud) -> None:
    """Four calls, four lists, as the inventory has them."""
    networks = make_reader(cloud.client("ec2")).networks(budget=budget())
    assert [*networks.subnets, *networks.vpcs, *networks.peerings, *networks.transit_gateway_attachments] == [
        *ESTATE["subnets"]["Subnets"],
        *ESTATE["vpcs"]["Vpcs"],
        *ESTATE["vpc-peering-connections"]["VpcPeeringConnections"],
        *ESTATE["transit-gateway-attachments"]["TransitGatewayAttachments"],
    ]
    assert len(cloud.calls) == 4


def test_a_cold_batch_of_400_endpoints_keeps_to_its_number_of_calls(cloud) -> None:
    """250 ids, 150 addresses, 250 instances, the networks: 2 + 1 + 2 + 4 calls, none refused for its size."""
    reader = make_reader(cloud.client("ec2"))
    asked = reader.interfaces(
        budget=budget(),
        ids=[f"eni-{number}" for number in range(250)],
        private_addresses=[f"10.1.0.{number}" for number in range(150)],
    )
    instances = reader.instances([f"i-{number}" for number in range(250)], budget=budget())
    reader.networks(budget=budget())
    assert (len(asked.asked), len(instances.asked)) == (400, 250)
    assert cloud.count("ec2", "DescribeNetworkInterfaces") == 3
    assert cloud.count("ec2", "DescribeInstances") == 2
    assert cloud.count("ec2") == 9
    assert sum(reader.counters().calls.values()) == 9


def test_more_owners_than_fit_a_page_are_all_found(cloud) -> None:
    """200 addresses in six VPCs each are 1,200 interfaces: two pages, nobody missing."""
    addresses = [f"10.1.0.{number}" for number in range(200)]
    owners = [eni(f"eni-{vpc}-{address}", address, f"vpc-{vpc}") for vpc in range(6) for address in addresses]
    cloud.replace_inventory(owning(*owners))
    reader = make_reader(cloud.client("ec2"))
    asked = reader.interfaces(budget=budget(), private_addresses=addresses)
    expected = {f"eni-{vpc}-{address}" for vpc in range(6) for address in addresses}
    assert {document["NetworkInterfaceId"] for document in asked.documents} == expected
    assert len(asked.documents) == 1200
    assert cloud.count("ec2") == 2


def test_a_throttled_batch_tells_what_it_could_not_ask() -> None:
    """A bucket of two tokens: the first 400 ids are asked, the other 100 are not, and the throttle is counted."""
    limits = Throttle(clock=lambda: 0.0, reading=Bucket(2, 0))
    ids = [f"eni-{number}" for number in range(500)]
    # Two clouds at once share moto's backends only, and nothing here asks moto.
    with LocalCloud(owning(eni("eni-0", "10.0.0.1"), eni("eni-450", "10.0.0.2")), throttle=limits) as throttled:
        reader = make_reader(throttled.client("ec2"))
        asked = reader.interfaces(budget=budget(), ids=ids)
    assert [document["NetworkInterfaceId"] for document in asked.documents] == ["eni-0"]
    assert asked.asked == set(ids[:400])
    assert (reader.counters().throttles, reader.counters().failures) == (1, {"RequestLimitExceeded": 1})


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refuse("UnauthorizedOperation"), "UnauthorizedOperation"),
        (Refuse("ExpiredToken"), "ExpiredToken"),
        (Refuse("InternalError"), "InternalError"),
        (Reset(), "ConnectionClosedError"),
    ],
)
def test_a_fault_of_aws_or_of_the_network_is_a_value(cloud, fault: Any, code: str) -> None:
    """Nothing was asked, the cause is counted, the next batch is answered."""
    cloud.fail("ec2", "DescribeNetworkInterfaces", fault)
    reader = make_reader(cloud.client("ec2"))
    assert reader.interfaces(budget=budget(), ids=["eni-attached"]) == Asked((), frozenset())
    assert reader.counters().failures == {code: 1}
    assert reader.interfaces(budget=budget(), ids=["eni-attached"]).documents == (ATTACHED,)


def test_an_outage_costs_as_many_calls_as_the_breaker_allows(cloud) -> None:
    """Three failures in a row, then nobody asks, whatever the batches want."""
    cloud.fail("ec2", "*", Reset(), times=None)
    reader = make_reader(cloud.client("ec2"), failures=3)
    for _ in range(5):
        reader.interfaces(budget=budget(), ids=[f"eni-{number}" for number in range(500)])
        reader.networks(budget=budget())
    assert cloud.count("ec2") == 3


def test_our_client_asks_twice_and_tells_so(cloud, monkeypatch) -> None:
    """One hiccup of AWS is mended by the second attempt: answered, no failure, one retry."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    cloud.fail("ec2", "DescribeNetworkInterfaces", Refuse("Unavailable"))
    client = ec2_client(cloud.region, session=boto3.Session(**TESTING), endpoint_url=cloud.endpoint)
    reader = make_reader(client)
    assert reader.interfaces(budget=budget(), ids=["eni-attached"]).documents == (ATTACHED,)
    client.close()
    assert (reader.counters().retries, reader.counters().failures, cloud.count("ec2")) == (1, {}, 2)


class CutShort(BaseHTTPRequestHandler):
    """Answers every request with the beginning of an XML document and status 200."""

    def do_POST(self) -> None:
        """One answer that ends too early, correctly framed."""
        body = b"<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """An HTTP server on a free loopback port; its address."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_answer_that_was_cut_short_is_a_value(monkeypatch) -> None:
    """Half an XML document names nobody: the value was not asked."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(CutShort) as address:
        client = ec2_client("us-east-1", session=boto3.Session(**TESTING), endpoint_url=address)
        reader = make_reader(client)
        asked = reader.interfaces(budget=budget(), ids=["eni-attached"])
        client.close()
    assert asked == Asked((), frozenset())
    assert reader.counters().failures == {"ResponseParserError": 1}
