"""In which VPC an address is, seen from the recorder's; an owner elsewhere is not the one the flow reached."""

import itertools
from collections.abc import Sequence

import pytest
from made_by_hand import Document, eni, estate, found, history, peering, source, subnet, transit, vpc

from enricher.sources import Source

NOW = (5_000, 5_060)
HERE = vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56")
THERE = vpc("vpc-b", "10.1.0.0/16", "2001:db8:b::/56")
TWIN = vpc("vpc-c", "10.1.0.0/16")
THEIRS = eni("eni-b", "10.1.1.5", vpc="vpc-b")
TWINS = eni("eni-c", "10.1.1.5", vpc="vpc-c")
NAMED = ("resolved", "snapshot", "eni-b")
AMBIGUOUS = ("ambiguous", None, None)
ABSENT = ("absent", None, None)
IN_B = subnet("subnet-b", "vpc-b", "10.1.1.0/24", "use1-az2")


def undated(**resources: Sequence[Document]) -> Source:
    """An undated inventory."""
    return source(estate(**resources))


# ── the recorder's own VPC ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_in_the_recorders_ranges_is_of_its_vpc_and_no_other():
    """A connected VPC's owner of an address in the recorder's own range is somebody else."""
    overlapping = undated(
        interfaces=[eni("eni-b", "10.0.1.5", vpc="vpc-b")],
        vpcs=[HERE, vpc("vpc-b", "10.0.0.0/16")],
        peerings=[peering("vpc-a", "vpc-b")],
    )

    assert found([overlapping], "10.0.1.5", "vpc-a", NOW) == ABSENT
    assert found([overlapping], "10.0.1.5", "vpc-b", NOW) == NAMED


def test_the_recorders_subnet_is_named_where_a_connected_vpc_has_the_owner():
    """The same where the own VPC has a subnet there: that subnet, and nobody of the other VPC."""
    overlapping = undated(
        interfaces=[eni("eni-b", "10.0.1.5", vpc="vpc-b")],
        vpcs=[HERE, vpc("vpc-b", "10.0.0.0/16")],
        subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24"), subnet("subnet-b", "vpc-b", "10.0.1.0/24", "use1-az2")],
        transits=transit("tgw-1", "vpc-a", "vpc-b"),
    )

    assert found([overlapping], "10.0.1.5", "vpc-a", NOW) == ("subnet", "subnet", "subnet-a")


@pytest.mark.parametrize("owners", [[THEIRS], []], ids=["an owner elsewhere", "no owner"])
def test_own_ranges_unknown_means_no_other_vpc_is_named(owners):
    """Where the recorder's own CIDRs are not known, a peered VPC's owner may be a neighbour's namesake."""
    partial = undated(interfaces=owners, vpcs=[THERE], subnets=[IN_B], peerings=[peering("vpc-a", "vpc-b")])

    assert found([partial], "10.1.1.5", "vpc-a", NOW) == (AMBIGUOUS if owners else ABSENT)


def test_a_subnet_of_the_own_vpc_serves_where_its_cidrs_are_not_known():
    """Subnets alone tell that an address is in the recorder's VPC."""
    partial = undated(subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24"), IN_B], peerings=[peering("vpc-a", "vpc-b")])

    assert found([partial], "10.0.1.5", "vpc-a", NOW) == ("subnet", "subnet", "subnet-a")
    assert found([partial], "10.1.1.5", "vpc-a", NOW) == ABSENT


def test_an_owner_in_the_own_vpc_serves_where_no_network_is_known():
    """Interfaces alone name peers of the recorder's own VPC, and only those."""
    partial = undated(interfaces=[eni("eni-a", "10.0.1.5"), THEIRS])

    assert found([partial], "10.0.1.5", "vpc-a", NOW) == ("resolved", "snapshot", "eni-a")
    assert found([partial], "10.1.1.5", "vpc-a", NOW) == AMBIGUOUS


@pytest.mark.parametrize("address", ["10.0.1.5", "10.1.1.5", "2001:db8:b::5", "fd00::5"])
def test_no_private_peer_is_named_without_the_recorders_vpc(address):
    """Nobody knows from where an address was seen: its only owner may still be another VPC's."""
    ipv6 = [{"Ipv6Address": address}] if ":" in address else []
    everything = undated(
        interfaces=[eni("eni-a", "10.0.1.5"), {**THEIRS, "Ipv6Addresses": ipv6}],
        vpcs=[HERE, THERE],
        subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24"), IN_B],
        peerings=[peering("vpc-a", "vpc-b")],
    )

    assert found([everything], address, None, NOW) == AMBIGUOUS


# ── connected VPCs ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "connection",
    [
        {"peerings": [peering("vpc-a", "vpc-b")]},
        {"peerings": [peering("vpc-b", "vpc-a")]},
        {"peerings": [peering("vpc-a", "vpc-b", regions=("us-east-1", "eu-west-1"))]},
        {"transits": transit("tgw-1", "vpc-x", "vpc-b", "vpc-a")},
    ],
    ids=["peering", "peering, the other way", "inter-region peering", "transit gateway"],
)
def test_one_connected_owner_is_named(connection):
    """An owner in the one connected VPC is whom the flow reached; a namesake without connection does not matter."""
    connected = undated(interfaces=[THEIRS, TWINS], vpcs=[HERE, THERE, TWIN], **connection)

    assert found([connected], "10.1.1.5", "vpc-a", NOW) == NAMED


@pytest.mark.parametrize(
    "connection",
    [
        {},
        {"peerings": [{**peering("vpc-a", "vpc-b"), "Status": {"Code": "deleted"}}]},
        {"peerings": [{**peering("vpc-a", "vpc-b"), "Status": {"Code": "pending-acceptance"}}]},
        {"peerings": [{**peering("vpc-a", "vpc-b"), "Status": None}]},
        {"peerings": [peering("vpc-a", "vpc-x"), peering("vpc-x", "vpc-b")]},
        {"transits": [*transit("tgw-1", "vpc-a"), *transit("tgw-2", "vpc-b")]},
        {"transits": [*transit("tgw-1", "vpc-a"), {**transit("tgw-1", "vpc-b")[0], "State": "deleted"}]},
        {"transits": [*transit("tgw-1", "vpc-a"), {**transit("tgw-1", "vpc-b")[0], "ResourceType": "vpn"}]},
    ],
    ids=["none", "deleted", "pending", "no status", "not transitive", "two gateways", "attachment gone", "vpn"],
)
def test_an_owner_without_connection_is_ambiguous(connection):
    """The only owner in the estate is not named where no connection leads to its VPC."""
    apart = undated(interfaces=[THEIRS], vpcs=[HERE, THERE], subnets=[IN_B], **connection)

    assert found([apart], "10.1.1.5", "vpc-a", NOW) == AMBIGUOUS


def test_several_connected_owners_name_nobody():
    """Two connected VPCs have an owner: the route table knows which, the inventory does not."""
    both = undated(
        interfaces=[THEIRS, TWINS],
        vpcs=[HERE, THERE, TWIN],
        subnets=[IN_B],
        peerings=[peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
    )

    assert found([both], "10.1.1.5", "vpc-a", NOW) == AMBIGUOUS


@pytest.mark.parametrize("path", [0, 1, 4])
def test_a_connected_subnet_is_named_only_where_no_other_connected_vpc_has_the_range(path):
    """Without an owner the range must be one connected VPC's alone."""
    networks = {"vpcs": [HERE, THERE, TWIN], "subnets": [IN_B]}
    one = undated(peerings=[peering("vpc-a", "vpc-b")], **networks)
    two = undated(peerings=[peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")], **networks)

    assert found([one], "10.1.1.5", "vpc-a", NOW, path=path) == ("subnet", "subnet", "subnet-b")
    assert found([one], "10.1.2.5", "vpc-a", NOW, path=path) == ABSENT
    assert found([two], "10.1.1.5", "vpc-a", NOW, path=path) == ABSENT


BOTH_KINDS = {
    "peerings": [peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c", regions=("us-east-1", "eu-west-1"))],
    "transits": transit("tgw-1", "vpc-a", "vpc-d"),
}


@pytest.mark.parametrize(
    ("path", "owners", "expected"),
    [
        (4, "bcd", "eni-b"),
        (5, "bcd", "eni-c"),
        (0, "bcd", None),
        (4, "cd", None),
        (5, "bd", None),
        (5, "d", None),
        (0, "d", "eni-d"),
        (1, "d", "eni-d"),
    ],
)
def test_traffic_path_narrows_the_connections(path, owners, expected):
    """Path 4 leaves intra-region peering, path 5 inter-region peering, every other path all connections."""
    several = undated(
        interfaces=[eni(f"eni-{name}", "10.1.1.5", vpc=f"vpc-{name}") for name in owners],
        vpcs=[HERE, *(vpc(f"vpc-{name}", "10.1.0.0/16") for name in "bcd")],
        **BOTH_KINDS,
    )

    answer = AMBIGUOUS if expected is None else ("resolved", "snapshot", expected)
    assert found([several], "10.1.1.5", "vpc-a", NOW, path=path) == answer


def test_a_narrowed_path_does_not_reach_into_the_own_vpc():
    """An address of the recorder's own range stays there, whatever the path says."""
    own = undated(interfaces=[eni("eni-a", "10.0.1.5")], vpcs=[HERE, THERE], peerings=[peering("vpc-a", "vpc-b")])

    assert found([own], "10.0.1.5", "vpc-a", NOW, path=4) == ("resolved", "snapshot", "eni-a")


def test_a_record_of_a_connected_vpc_names_its_recorder():
    """Another record of the batch proves who has the address in the one connected VPC."""
    connected = undated(vpcs=[HERE, THERE], peerings=[peering("vpc-a", "vpc-b")])
    told = {"vpc-b": [(3, *NOW)]}

    assert found([connected], "10.1.1.5", "vpc-a", NOW, peers=told) == ("resolved", "peer_record", "recorder 3")


def test_a_record_from_outside_its_vpcs_ranges_proves_nothing():
    """A transit gateway's interface shows the addresses it passes on as its own side: the owner behind it is named."""
    passed_on = {"vpc-a": [(3, *NOW)]}
    connected = {"vpcs": [HERE, THERE], "subnets": [IN_B], "transits": transit("tgw-1", "vpc-a", "vpc-b")}

    assert found([undated(interfaces=[THEIRS], **connected)], "10.1.1.5", "vpc-a", NOW, peers=passed_on) == NAMED
    located = found([undated(**connected)], "10.1.1.5", "vpc-a", NOW, peers=passed_on)
    assert located == ("subnet", "subnet", "subnet-b")


def test_a_record_of_an_unconnected_vpc_names_nobody():
    """A recorder with the same address in a VPC that cannot be reached is a namesake."""
    apart = undated(vpcs=[HERE, THERE])
    told = {"vpc-b": [(3, *NOW)]}

    assert found([apart], "10.1.1.5", "vpc-a", NOW, peers=told) == ABSENT
    assert found([], "10.1.1.5", "vpc-a", NOW, peers=told) == ("unresolved", None, None)


def test_a_record_of_the_own_vpc_names_its_recorder_where_its_ranges_are_not_known():
    """For the time of the record, among flows of a longer time."""
    partial = undated(vpcs=[THERE], peerings=[peering("vpc-a", "vpc-b")])
    told = {"vpc-a": [(3, *NOW)]}

    named = found([partial], "10.1.1.5", "vpc-a", NOW, batch=(4_900, 5_100), peers=told)
    assert named == ("resolved", "peer_record", "recorder 3")


def test_a_record_of_an_unconnected_vpc_leaves_the_connected_subnet():
    """The namesake's word is not weighed at all: the one connected VPC of that range is where the flow went."""
    apart = undated(vpcs=[HERE, THERE, TWIN], subnets=[IN_B], peerings=[peering("vpc-a", "vpc-b")])

    assert found([apart], "10.1.1.5", "vpc-a", NOW, peers={"vpc-c": [(3, *NOW)]}) == ("subnet", "subnet", "subnet-b")


def test_a_record_and_an_owner_in_two_connected_vpcs_name_nobody():
    """Best evidence tells who has the address in a VPC, not in which VPC the flow went."""
    both = undated(
        interfaces=[THEIRS],
        vpcs=[HERE, THERE, TWIN],
        peerings=[peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
    )
    told = {"vpc-c": [(3, *NOW)]}

    assert found([both], "10.1.1.5", "vpc-a", NOW, peers=told) == AMBIGUOUS


# ── in time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def moved(*owned: tuple[str, int, int, bool], vpcs: Sequence[Document] = (HERE, THERE, TWIN)) -> Source:
    """A snapshot that has seen owners of 10.1.1.5 come and go in two connected VPCs of one range."""
    documents = estate(
        interfaces=[eni("eni-b", "10.1.9.1", vpc="vpc-b"), eni("eni-c", "10.1.9.1", vpc="vpc-c")],
        vpcs=vpcs,
        subnets=[IN_B, subnet("subnet-c", "vpc-c", "10.1.1.0/24", "use1-az4")],
        peerings=[peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
    )
    return history(documents, [("10.1.1.5", f"vpc-{name}", f"eni-{name}", *span) for name, *span in owned])


def test_an_owner_of_another_time_does_not_tell_the_vpc():
    """After the owner in one of two connected VPCs has gone, neither VPC's subnet is named: alone or among others."""
    snapshot = moved(("b", 1_000, 2_000, False))

    assert found([snapshot], "10.1.1.5", "vpc-a", (1_000, 1_060)) == NAMED
    assert found([snapshot], "10.1.1.5", "vpc-a", (1_000, 1_060), batch=(0, 9_000)) == NAMED
    assert found([snapshot], "10.1.1.5", "vpc-a", (3_000, 3_060)) == ABSENT
    assert found([snapshot], "10.1.1.5", "vpc-a", (3_000, 3_060), batch=(0, 9_000)) == AMBIGUOUS
    assert found([snapshot], "10.1.1.5", "vpc-a", (1_990, 2_010)) == AMBIGUOUS


def test_an_owner_of_another_time_does_not_hide_the_subnet_of_the_only_vpc():
    """Where one connected VPC alone has the range, its subnet answers for the times without an owner."""
    snapshot = moved(("b", 1_000, 2_000, False), vpcs=(HERE, THERE))

    for batch in (None, (0, 9_000)):
        assert found([snapshot], "10.1.1.5", "vpc-a", (3_000, 3_060), batch=batch) == ("subnet", "subnet", "subnet-b")


def test_a_record_of_another_time_does_not_tell_the_vpc():
    """A recorder in one of two connected VPCs proves its own span; outside it the VPC is open again."""
    both = moved(("b", 1, 2, False), ("b", 9_500, 9_600, False))
    told = {"vpc-c": [(3, 5_000, 5_060)]}

    assert found([both], "10.1.1.5", "vpc-a", (5_000, 5_060), peers=told) == ("resolved", "peer_record", "recorder 3")
    assert found([both], "10.1.1.5", "vpc-a", (6_000, 6_060), batch=(5_000, 9_000), peers=told)[0] != "subnet"


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations("bc")))
def test_an_address_that_moved_between_connected_vpcs_never_names_the_wrong_one(first, second):
    """Alone each flow gets its own time's owner; a batch over the change may know less, never something else."""
    snapshot = moved((first, 1_000, 2_000, False), (second, 2_060, 3_000, True))
    early, late = ("resolved", "snapshot", f"eni-{first}"), ("resolved", "snapshot", f"eni-{second}")

    assert found([snapshot], "10.1.1.5", "vpc-a", (1_000, 1_060)) == early
    assert found([snapshot], "10.1.1.5", "vpc-a", (2_060, 2_120)) == late
    assert found([snapshot], "10.1.1.5", "vpc-a", (1_000, 1_060), batch=(0, 9_000)) in (early, AMBIGUOUS)
    assert found([snapshot], "10.1.1.5", "vpc-a", (2_060, 2_120), batch=(0, 9_000)) in (late, AMBIGUOUS)


# ── public addresses, IPv6 ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("vpc_id", [None, "vpc-a", "vpc-b", "vpc-x"])
def test_a_public_address_is_found_anywhere_in_the_estate(vpc_id):
    """A public IPv4 address is one place in the world: by association, without connection or even a VPC."""
    public = undated(
        interfaces=[eni("eni-b", "10.1.1.5", vpc="vpc-b", Association={"PublicIp": "198.51.100.7"})], vpcs=[HERE, THERE]
    )

    assert found([public], "198.51.100.7", vpc_id, NOW) == NAMED
    assert found([public], "198.51.100.8", vpc_id, NOW) == ABSENT


def test_a_public_address_is_proven_only_from_first_seen():
    """Public addresses move between interfaces: AttachTime proves nothing, outside its time the address may be ours."""
    interface = eni("eni-b", "10.1.1.5", vpc="vpc-b", attached=100, Association={"PublicIp": "198.51.100.7"})
    dated = source(estate(interfaces=[interface]), 5_000)

    assert found([dated], "198.51.100.7", None, (4_900, 4_960)) == AMBIGUOUS
    assert found([dated], "198.51.100.7", None, (5_000, 5_060)) == ("resolved", "snapshot_open", "eni-b")


def test_a_public_address_with_two_owners_names_neither():
    """Two associations at one time contradict each other."""
    twice = undated(
        interfaces=[
            eni("eni-a", "10.0.1.5", Association={"PublicIp": "198.51.100.7"}),
            eni("eni-b", "10.1.1.5", vpc="vpc-b", Association={"PublicIp": "198.51.100.7"}),
        ]
    )

    assert found([twice], "198.51.100.7", "vpc-a", NOW) == AMBIGUOUS


def test_a_vpc_with_public_ranges_is_looked_up_as_private_space():
    """An address of a VPC's public range is that VPC's for its neighbours, and unproven for everybody else."""
    named = eni("eni-p", "198.51.100.7", vpc="vpc-p")
    estates = {"interfaces": [named], "vpcs": [HERE, THERE, vpc("vpc-p", "198.51.100.0/24")]}
    apart = undated(**estates)
    peered = undated(**estates, peerings=[peering("vpc-a", "vpc-p")])

    assert found([apart], "198.51.100.7", "vpc-p", NOW) == ("resolved", "snapshot", "eni-p")
    assert found([peered], "198.51.100.7", "vpc-a", NOW) == ("resolved", "snapshot", "eni-p")
    assert found([apart], "198.51.100.7", "vpc-a", NOW) == AMBIGUOUS
    assert found([peered], "198.51.100.7", "vpc-b", NOW) == AMBIGUOUS
    assert found([apart], "198.51.100.7", None, NOW) == AMBIGUOUS


SIX = eni("eni-b", "10.1.1.5", vpc="vpc-b", Ipv6Addresses=[{"Ipv6Address": "2001:db8:b::5"}])


@pytest.mark.parametrize("vpcs", [[HERE, THERE], [HERE]], ids=["both known", "only the own"])
def test_a_global_ipv6_address_needs_no_connection(vpcs):
    """A global IPv6 address is one place in the world, also for a VPC that has no connection to it."""
    assert found([undated(interfaces=[SIX], vpcs=vpcs)], "2001:db8:b::5", "vpc-a", NOW) == NAMED


def test_a_global_ipv6_subnet_needs_no_connection():
    """Its subnet tells where it is when nobody is known to own it; outside every range nobody does."""
    networks = undated(vpcs=[HERE, THERE], subnets=[subnet("subnet-6", "vpc-b", "2001:db8:b::/64")])

    assert found([networks], "2001:db8:b::6", "vpc-a", NOW) == ("subnet", "subnet", "subnet-6")
    assert found([networks], "2001:db8:b:1::6", "vpc-a", NOW) == ABSENT
    assert found([networks], "2001:db8:ffff::6", "vpc-a", NOW) == ABSENT


def test_a_unique_local_ipv6_address_needs_a_connection():
    """fc00::/7 is private space: its only owner is not named without a connection."""
    local = {
        "interfaces": [eni("eni-b", vpc="vpc-b", Ipv6Addresses=[{"Ipv6Address": "fd00:b::5"}])],
        "vpcs": [HERE, vpc("vpc-b", "10.1.0.0/16", "fd00:b::/64")],
    }

    assert found([undated(**local)], "fd00:b::5", "vpc-a", NOW) == AMBIGUOUS
    assert found([undated(**local, peerings=[peering("vpc-a", "vpc-b")])], "fd00:b::5", "vpc-a", NOW) == NAMED
