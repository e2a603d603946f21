"""Several connected VPCs hold an address: whose it is, is known only while all of them are."""

from dataclasses import replace
from typing import Any

import pytest
from made_by_hand import eni, estate, found, of_parts, peering, scan, source, subnet, transit, vpc

from enricher.addresses import Address
from enricher.inventory import InventoryTables
from enricher.networks import Networks, Subnet, Vpc

MINE, BS, CS = (f"{account}/us-east-1" for account in ("111122223333", "444455556666", "777788889999"))
HERE, B, C = vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")
IN_B, IN_C = subnet("subnet-b", "vpc-b", "10.1.0.0/24"), subnet("subnet-c", "vpc-c", "10.1.0.0/24")
PEERINGS = [peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")]
IN_TIME, LATER = (1_900, 1_960), (2_200, 2_260)
AMBIGUOUS = ("ambiguous", None, None)
NAMED = ("resolved", "snapshot", "eni-c")


def mine(**networks: Any) -> InventoryTables:
    """A late scan of the account of vpc-a, which is connected to the others."""
    return scan(MINE, 2_300, 2_310, estate(vpcs=[HERE], **{"peerings": PEERINGS, **networks}))


def bs(begun: float, **more: Any) -> InventoryTables:
    """A scan of vpc-b's account."""
    return scan(BS, begun, begun + 10, estate(vpcs=[B], subnets=[IN_B], **more))


def cs(address: str = "10.1.0.9") -> InventoryTables:
    """A late scan of vpc-c's account, in which eni-c has the address since 500."""
    owner = eni("eni-c", address, vpc="vpc-c", attached=500)
    return scan(CS, 2_300, 2_310, estate(interfaces=[owner], vpcs=[C], subnets=[IN_C]))


@pytest.mark.parametrize(
    ("when", "expected"),
    [(IN_TIME, NAMED), ((1_940, 2_000), NAMED), ((1_940, 2_001), AMBIGUOUS), (LATER, AMBIGUOUS)],
)
def test_an_owner_is_proven_only_while_the_other_vpc_is_known(when, expected):
    """Who came to vpc-b after its last scan, nobody has seen; the flow may have gone there."""
    assert found([of_parts(mine(), bs(2_000), cs())], "10.1.0.9", "vpc-a", when) == expected


def test_an_owner_is_not_continued_into_a_time_in_which_the_other_vpc_is_unknown():
    """Continuation is no better than proof."""
    assert found([of_parts(mine(), bs(2_000), cs())], "10.1.0.9", "vpc-a", (2_400, 2_460)) == AMBIGUOUS


@pytest.mark.parametrize("path", [0, 4])
def test_the_same_once_the_other_vpc_was_scanned(path):
    """Nobody is there: the owner in vpc-c is the only one; a batch that spans both times changes nothing."""
    known = of_parts(mine(), bs(2_290), cs())

    assert found([known], "10.1.0.9", "vpc-a", LATER, path=path) == NAMED
    assert found([known], "10.1.0.9", "vpc-a", LATER, path=path, batch=(1_900, 2_280)) == NAMED


def test_a_span_that_reaches_beyond_leaves_each_flow_its_own_time():
    """The batch's flows ask together: those in time are named, the later one is not."""
    known = of_parts(mine(), bs(2_000), cs())

    assert found([known], "10.1.0.9", "vpc-a", IN_TIME, batch=(1_900, 2_260)) == NAMED
    assert found([known], "10.1.0.9", "vpc-a", LATER, batch=(1_900, 2_260)) == AMBIGUOUS


@pytest.mark.parametrize(
    ("networks", "b", "address"),
    [
        ({"peerings": PEERINGS[1:]}, B, "10.1.0.9"),
        ({"peerings": [PEERINGS[1], peering("vpc-a", "vpc-b", regions=("us-east-1", "eu-west-1"))]}, B, "10.1.0.9"),
        ({}, vpc("vpc-b", "10.2.0.0/16"), "10.1.0.9"),
        ({}, vpc("vpc-b", "10.1.0.0/24"), "10.1.1.9"),
    ],
    ids=["not connected", "not by this path", "other range", "smaller range"],
)
def test_a_vpc_that_cannot_hold_the_address_bounds_nothing(networks, b, address):
    """Its owners are in nobody's way, whenever it was scanned."""
    other = scan(BS, 2_000, 2_010, estate(vpcs=[b], subnets=[IN_B]))

    assert found([of_parts(mine(**networks), other, cs(address))], address, "vpc-a", LATER, path=4) == NAMED


def test_every_part_that_tells_of_the_other_vpc_must_know():
    """A shared VPC's subnets are told of by owner and participant, and either may have the interface."""
    participant = scan(MINE, 2_300, 2_310, estate(vpcs=[HERE, B], subnets=[IN_B], peerings=PEERINGS))

    assert found([of_parts(participant, bs(2_000), cs())], "10.1.0.9", "vpc-a", LATER) == AMBIGUOUS
    assert found([of_parts(participant, bs(2_290), cs())], "10.1.0.9", "vpc-a", LATER) == NAMED


@pytest.mark.parametrize(
    ("told", "expected"),
    [({"peerings": PEERINGS}, AMBIGUOUS), ({"transits": transit("tgw-1", "vpc-a", "vpc-b", "vpc-c")}, NAMED)],
    ids=["as a peer", "as its own"],
)
def test_a_vpc_of_no_known_subnets_is_known_to_who_described_it(told, expected):
    """A peering connection tells ranges of a VPC whose account nobody scans: it may hold the address at any time."""
    side = {**PEERINGS[0], "AccepterVpcInfo": {"VpcId": "vpc-b", "CidrBlock": "10.1.0.0/16"}}
    told = {"peerings": [side, PEERINGS[1]]} if "peerings" in told else {"peerings": [], **told}
    described = scan(MINE, 2_300, 2_310, estate(vpcs=[HERE, *([B] if "transits" in told else [])], **told))

    for when in (IN_TIME, LATER):
        assert found([of_parts(described, cs())], "10.1.0.9", "vpc-a", when) == expected


def test_the_other_vpc_may_be_one_of_a_hub():
    """A transit gateway connects as a peering does."""
    hub = transit("tgw-1", "vpc-a", "vpc-b", "vpc-c")

    assert found([of_parts(mine(peerings=[], transits=hub), bs(2_000), cs())], "10.1.0.9", "vpc-a", LATER) == AMBIGUOUS
    assert found([of_parts(mine(peerings=[], transits=hub), bs(2_290), cs())], "10.1.0.9", "vpc-a", LATER) == NAMED


def test_a_recorder_in_a_connected_vpc_proves_no_longer():
    """Somebody recorded as the address in vpc-c; who had it in vpc-b at that time is not known."""
    networks = scan(CS, 2_300, 2_310, estate(vpcs=[C], subnets=[IN_C]))
    told = {"vpc-c": [(3, 1_900, 2_260)]}

    for begun, expected in ((2_000, AMBIGUOUS), (2_290, ("resolved", "peer_record", "recorder 3"))):
        known = of_parts(mine(), bs(begun), networks)
        assert found([known], "10.1.0.9", "vpc-a", LATER, peers=told) == expected


def test_a_global_address_is_in_one_place_whatever_was_scanned():
    """No two VPCs have the same global IPv6 address."""
    six = vpc("vpc-b", "10.1.0.0/16", "2001:db8:b::/56")
    owner = eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=500, Ipv6Addresses=[{"Ipv6Address": "2001:db8:b::9"}])
    twins = estate(interfaces=[owner], vpcs=[{**six, "VpcId": "vpc-c"}], subnets=[IN_C])
    known = of_parts(
        mine(), scan(BS, 2_000, 2_010, estate(vpcs=[six])), *(scan(CS, t, t, twins) for t in (2_150, 2_300))
    )

    assert found([known], "2001:db8:b::9", "vpc-a", LATER) == NAMED


def test_files_of_the_cli_hold_for_ever():
    """They carry no date: whoever is not in them is not there."""
    owner = eni("eni-c", "10.1.0.9", vpc="vpc-c")
    undated = source(estate(interfaces=[owner], vpcs=[HERE, B, C], subnets=[IN_B, IN_C], peerings=PEERINGS))

    assert found([undated], "10.1.0.9", "vpc-a", LATER) == NAMED


@pytest.mark.parametrize(
    ("asked_part", "expected"), [(BS, ("resolved", "ec2", "eni-c")), (CS, AMBIGUOUS), (None, AMBIGUOUS)]
)
def test_ec2_tells_who_is_in_the_vpcs_of_its_own_part(asked_part, expected):
    """Asked for the address it would have told of an owner in vpc-b too, where that is of the account it was asked."""
    owner = eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=500)
    answer = source(estate(interfaces=[owner]), 2_300, "ec2", asked=frozenset({"10.1.0.9"}))
    known = of_parts(mine(), bs(2_000, interfaces=[]), scan(CS, 1_990, 2_000, estate(vpcs=[C], subnets=[IN_C])))

    assert found([known, replace(answer, part=asked_part)], "10.1.0.9", "vpc-a", LATER) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.0.9", True),
        ("10.1.1.0", False),
        ("10.1.4.1", False),
        ("10.2.0.1", True),
        ("10.2.1.1", False),
        ("10.9.0.1", False),
        ("fd00:b::1", True),
        ("fd00:c::1", False),
    ],
)
def test_contested_is_what_two_vpcs_hold(address, expected):
    """One within the other, equal, or told by a subnet alone; a VPC does not contest its own."""
    networks = Networks(
        [
            Vpc("vpc-b", ("10.1.0.0/16", "10.1.4.0/24", "fd00:b::/64")),
            Vpc("vpc-b", ("10.1.0.0/16", "10.9.0.0/16")),
            Vpc("vpc-c", ("10.1.0.0/24", "fd00:b::/64", "fd00:c::/64")),
            Vpc("vpc-d", ("10.2.0.0/16",)),
        ],
        [
            Subnet("subnet-e", "vpc-e", ("10.2.0.0/24",), None, None),
            Subnet("s-b", "vpc-b", ("10.9.0.0/24",), None, None),
        ],
    )

    assert networks.is_contested(Address.parse(address)) is expected
