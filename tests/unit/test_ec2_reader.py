"""Ec2Reader over a fake of EC2's reads: what is asked, in how many calls, and what comes back."""

import math

import pytest
from fake_ec2 import FakeEc2, aws_error, eni, make_reader, names, plenty
from hypothesis import given, settings
from hypothesis import strategies as st

from enricher.ec2 import Asked, Networks


def test_finds_interfaces_by_id_and_by_every_kind_of_address() -> None:
    """One call a kind, in the order of the arguments; secondary, IPv6 and public addresses are found."""
    ec2 = FakeEc2(
        [
            eni("eni-a", "10.0.0.1"),
            eni("eni-b", "10.0.0.2", "10.0.0.20"),
            eni("eni-c", "10.0.0.3", ipv6=["2001:db8::3"]),
            eni("eni-d", "10.0.0.4", public="203.0.113.4"),
            eni("eni-e", "10.0.0.5"),
        ]
    )
    asked = make_reader(ec2).interfaces(
        budget=plenty(),
        ids=["eni-a", "eni-absent"],
        private_addresses=["10.0.0.20"],
        ipv6_addresses=["2001:db8::3"],
        public_addresses=["203.0.113.4"],
    )
    assert names(asked) == ["eni-a", "eni-b", "eni-c", "eni-d"]
    assert asked.asked == {"eni-a", "eni-absent", "10.0.0.20", "2001:db8::3", "203.0.113.4"}
    assert [arguments["Filters"][0]["Name"] for _, arguments in ec2.requests] == [
        "network-interface-id",
        "addresses.private-ip-address",
        "ipv6-addresses.ipv6-address",
        "addresses.association.public-ip",
    ]


def test_every_request_is_paginated_and_includes_managed_resources() -> None:
    """No request goes without MaxResults; those that may hide managed resources ask for them."""
    ec2 = FakeEc2()
    reader = make_reader(ec2)
    reader.interfaces(budget=plenty(), ids=["eni-a"])
    reader.instances(["i-a"], budget=plenty())
    reader.networks(budget=plenty())
    assert [arguments["MaxResults"] for _, arguments in ec2.requests] == [1000] * 6
    managed = [method for method, arguments in ec2.requests if arguments.get("IncludeManagedResources")]
    assert managed == ["describe_network_interfaces", "describe_instances"]


def test_an_interface_found_twice_is_answered_once() -> None:
    """Asked by id and by address, it is one document."""
    ec2 = FakeEc2([eni("eni-a", "10.0.0.1")])
    asked = make_reader(ec2).interfaces(budget=plenty(), ids=["eni-a"], private_addresses=["10.0.0.1"])
    assert names(asked) == ["eni-a"]


def test_both_owners_of_one_address_are_answered() -> None:
    """Addresses repeat across VPCs; who is meant is not this room's to say."""
    ec2 = FakeEc2([eni("eni-a", "10.0.0.1"), eni("eni-b", "10.0.0.1")])
    assert names(make_reader(ec2).interfaces(budget=plenty(), private_addresses=["10.0.0.1"])) == ["eni-a", "eni-b"]


def test_asks_nothing_for_nothing() -> None:
    """No values, no call."""
    ec2 = FakeEc2()
    reader = make_reader(ec2)
    assert reader.interfaces(budget=plenty()) == Asked((), frozenset())
    assert reader.instances([], budget=plenty()) == Asked((), frozenset())
    assert ec2.requests == []


def test_a_value_asked_twice_is_sent_once() -> None:
    """Repetition costs nothing."""
    ec2 = FakeEc2()
    make_reader(ec2).interfaces(budget=plenty(), ids=["eni-a", "eni-b", "eni-a"])
    assert ec2.requests[0][1]["Filters"] == [{"Name": "network-interface-id", "Values": ["eni-a", "eni-b"]}]


@pytest.mark.parametrize("value", ["eni-*", "*", "eni-?", "eni-\\", ""])
def test_never_asks_with_a_wildcard(value: str) -> None:
    """EC2 would answer with other resources; such a value is not asked, and its neighbours are."""
    ec2 = FakeEc2([eni("eni-a")])
    asked = make_reader(ec2).interfaces(budget=plenty(), ids=[value, "eni-a"])
    assert asked.asked == {"eni-a"}
    assert ec2.requests[0][1]["Filters"][0]["Values"] == ["eni-a"]


@settings(max_examples=50, deadline=None, database=None)
@given(ids=st.integers(0, 450), private=st.integers(0, 450), public=st.integers(0, 450), instances=st.integers(0, 450))
def test_calls_are_one_for_each_two_hundred_values(ids: int, private: int, public: int, instances: int) -> None:
    """ceil(n / 200) of each kind, never more than 200 values in a call, every value exactly once."""
    ec2 = FakeEc2()
    reader = make_reader(ec2)
    values = [[f"{kind}-{number}" for number in range(count)] for kind, count in enumerate((ids, private, public))]
    asked = reader.interfaces(budget=plenty(), ids=values[0], private_addresses=values[1], public_addresses=values[2])
    reader.instances([f"i-{number}" for number in range(instances)], budget=plenty())
    calls = reader.counters().calls
    assert calls.get("DescribeNetworkInterfaces", 0) == sum(math.ceil(count / 200) for count in (ids, private, public))
    assert calls.get("DescribeInstances", 0) == math.ceil(instances / 200)
    sent = [value for _, arguments in ec2.requests for value in arguments["Filters"][0]["Values"]]
    assert len(sent) == len(set(sent)) == ids + private + public + instances
    assert all(len(arguments["Filters"][0]["Values"]) <= 200 for _, arguments in ec2.requests)
    assert asked.asked == {value for kind in values for value in kind}


def test_follows_pages_to_the_end() -> None:
    """Five interfaces in pages of two are three calls, each with the filter and its own token."""
    ec2 = FakeEc2([eni(f"eni-{number}") for number in range(5)], page=2)
    reader = make_reader(ec2)
    budget = plenty()
    assert names(reader.interfaces(budget=budget, ids=[f"eni-{number}" for number in range(5)])) == [
        "eni-0", "eni-1", "eni-2", "eni-3", "eni-4",
    ]  # fmt: skip
    assert [arguments.get("NextToken") for _, arguments in ec2.requests] == [None, "2", "4"]
    assert len({str(arguments["Filters"]) for _, arguments in ec2.requests}) == 1
    assert (budget.spent, reader.counters().calls) == (3, {"DescribeNetworkInterfaces": 3})


def test_networks_are_four_calls() -> None:
    """Subnets, VPCs, peering connections and transit gateway attachments, unfiltered."""
    ec2 = FakeEc2()
    reader = make_reader(ec2)
    assert reader.networks(budget=plenty()) == Networks(
        subnets=({"From": "describe_subnets"},),
        vpcs=({"From": "describe_vpcs"},),
        peerings=({"From": "describe_vpc_peering_connections"},),
        transit_gateway_attachments=({"From": "describe_transit_gateway_attachments"},),
    )
    assert reader.counters().calls == {
        "DescribeSubnets": 1,
        "DescribeVpcs": 1,
        "DescribeVpcPeeringConnections": 1,
        "DescribeTransitGatewayAttachments": 1,
    }
    assert all("Filters" not in arguments for _, arguments in ec2.requests)


def test_networks_that_could_not_be_asked_are_told_from_none() -> None:
    """A role without one of the permissions loses that answer alone."""
    ec2 = FakeEc2()
    ec2.failures = {3: aws_error("UnauthorizedOperation")}
    networks = make_reader(ec2).networks(budget=plenty())
    assert networks.peerings is None
    assert [networks.subnets, networks.vpcs] == [({"From": "describe_subnets"},), ({"From": "describe_vpcs"},)]
    assert networks.transit_gateway_attachments == ({"From": "describe_transit_gateway_attachments"},)
