"""What an estate's networks say of an address: whose range, which subnet, who is connected to whom."""

import pytest

from enricher.addresses import Address
from enricher.networks import (
    INTER_REGION_PEERING,
    INTRA_REGION_PEERING,
    TRANSIT,
    Connection,
    Networks,
    Subnet,
    Vpc,
)

ESTATE = Networks(
    [
        Vpc("vpc-a", ("10.0.0.0/16", "100.64.0.0/24", "2001:db8:a::/56")),
        Vpc("vpc-b", ("10.1.0.0/16",)),
        Vpc("vpc-c", ("10.1.128.0/17", "198.51.100.0/24")),
    ],
    [
        Subnet("subnet-a1", "vpc-a", ("10.0.0.0/24", "2001:db8:a::/64"), "use1-az1", "us-east-1"),
        Subnet("subnet-a2", "vpc-a", ("10.0.1.0/25",), "use1-az2", "us-east-1"),
        Subnet("subnet-a3", "vpc-a", ("10.0.1.128/25",), "use1-az4", "us-east-1"),
        Subnet("subnet-b1", "vpc-b", ("10.1.0.0/24",), "use1-az1", "us-east-1"),
        Subnet("subnet-d1", "vpc-d", ("10.0.0.0/24",), None, None),
    ],
    [
        Connection("vpc-a", "vpc-b", INTRA_REGION_PEERING),
        Connection("vpc-c", "vpc-a", INTER_REGION_PEERING),
        Connection("vpc-a", "vpc-d", TRANSIT),
        Connection("vpc-a", "vpc-b", TRANSIT),
    ],
)


def covers(vpc_id, text):
    """Whether the VPC covers the address."""
    return ESTATE.covers(vpc_id, Address.parse(text))


@pytest.mark.parametrize(
    ("vpc_id", "address", "expected"),
    [
        ("vpc-a", "10.0.0.0", True),
        ("vpc-a", "10.0.255.255", True),
        ("vpc-a", "9.255.255.255", False),
        ("vpc-a", "10.1.0.0", False),
        ("vpc-a", "100.64.0.255", True),
        ("vpc-a", "100.64.1.0", False),
        ("vpc-a", "2001:db8:a:ff::1", True),
        ("vpc-a", "2001:db8:a:100::1", False),
        ("vpc-b", "2001:db8:a::1", False),
        ("vpc-d", "10.0.0.7", True),
        ("vpc-d", "10.0.1.7", None),
        ("vpc-e", "10.0.0.7", None),
    ],
)
def test_a_vpc_covers_an_address_by_any_of_its_cidrs(vpc_id, address, expected):
    """Known CIDRs say yes or no; without them a subnet may say yes, and nothing says no."""
    assert covers(vpc_id, address) is expected


@pytest.mark.parametrize(
    ("vpc_id", "address", "expected"),
    [
        ("vpc-a", "10.0.0.255", "subnet-a1"),
        ("vpc-a", "10.0.1.127", "subnet-a2"),
        ("vpc-a", "10.0.1.128", "subnet-a3"),
        ("vpc-a", "10.0.2.0", None),
        ("vpc-a", "2001:db8:a::7", "subnet-a1"),
        ("vpc-a", "2001:db8:a:1::7", None),
        ("vpc-b", "10.0.0.255", None),
        ("vpc-d", "10.0.0.255", "subnet-d1"),
        ("vpc-e", "10.0.0.255", None),
    ],
)
def test_a_subnet_is_found_within_its_own_vpc(vpc_id, address, expected):
    """Equal ranges of two VPCs do not mix."""
    row = ESTATE.subnet_row(vpc_id, Address.parse(address))

    assert (None if row is None else ESTATE.subnets[row].subnet_id) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.0.7", ["vpc-b"]),
        ("10.1.200.7", ["vpc-b", "vpc-c"]),
        ("198.51.100.7", ["vpc-c"]),
        ("10.2.0.7", []),
        ("2001:db8:a::7", ["vpc-a"]),
    ],
)
def test_every_vpc_that_covers_an_address_is_told(address, expected):
    """VPCs may overlap; VPCs known by a subnet alone do not count, for their CIDRs are not known."""
    parsed = Address.parse(address)

    assert sorted(ESTATE.vpcs_covering(parsed)) == expected
    assert ESTATE.any_vpc_covers(parsed) is bool(expected)


@pytest.mark.parametrize(
    ("vpc_id", "path", "expected"),
    [
        ("vpc-a", 0, {"vpc-b", "vpc-c", "vpc-d"}),
        ("vpc-a", 1, {"vpc-b", "vpc-c", "vpc-d"}),
        ("vpc-a", 4, {"vpc-b"}),
        ("vpc-a", 5, {"vpc-c"}),
        ("vpc-b", 0, {"vpc-a"}),
        ("vpc-b", 4, {"vpc-a"}),
        ("vpc-b", 5, set()),
        ("vpc-c", 5, {"vpc-a"}),
        ("vpc-d", 4, set()),
        ("vpc-e", 0, set()),
    ],
)
def test_connections_hold_both_ways_and_paths_narrow_them(vpc_id, path, expected):
    """Paths 4 and 5 leave the peerings of their kind; being connected is not transitive. Asked again, the same."""
    assert ESTATE.connected(vpc_id, path) == expected
    assert ESTATE.connected(vpc_id, path) == expected


def test_an_estate_without_networks_knows_nothing():
    """No VPC covers, no subnet holds, nobody is connected."""
    nothing, address = Networks(), Address.parse("10.0.0.7")

    assert nothing.covers("vpc-a", address) is None
    assert nothing.subnet_row("vpc-a", address) is None
    assert nothing.vpcs_covering(address) == []
    assert not nothing.any_vpc_covers(address)
    assert nothing.connected("vpc-a") == frozenset()
