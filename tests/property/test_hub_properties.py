"""Hubs connect whom their written-out pairs would, whoever tells of which attachment."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from enricher.networks import (
    INTER_REGION_PEERING,
    INTRA_REGION_PEERING,
    TRANSIT,
    Connection,
    Hub,
    Membership,
    Networks,
)

VPCS = ("vpc-a", "vpc-b", "vpc-c", "vpc-d", "vpc-e")
PARTS = ("111122223333/us-east-1", "444455556666/us-east-1")
VPC = st.sampled_from(VPCS)
PEERINGS = (INTRA_REGION_PEERING, INTER_REGION_PEERING)
LINKS = st.lists(
    st.builds(Connection, VPC, VPC, st.sampled_from(PEERINGS), st.sampled_from(PARTS)).filter(
        lambda link: link.one != link.other
    ),
    max_size=4,
)
HUB = st.builds(Hub, st.sampled_from((TRANSIT, "core_network")), st.sampled_from(("one", "two")))
MEMBERSHIPS = st.lists(st.builds(Membership, VPC, HUB, st.sampled_from(PARTS)), max_size=10)
# What a traffic path leaves (VPC user guide): None is everything.
PATHS = {0: None, 1: None, 2: (), 3: (), 4: ("peering",), 5: ("inter_region_peering",), 6: (), 7: (), 8: (), 9: None}


def pairs(links: list[Connection], memberships: list[Membership]) -> set[tuple[str, str, str]]:
    """Every (kind, VPC, other VPC), each way, written out."""
    found = {(link.kind, *ends) for link in links for ends in ((link.one, link.other), (link.other, link.one))}
    return found | {
        (one.hub.kind, one.vpc_id, other.vpc_id)
        for one, other in permutations(memberships, 2)
        if one.hub == other.hub and one.vpc_id != other.vpc_id
    }


@given(LINKS, MEMBERSHIPS, st.sampled_from(sorted(PATHS)))
def test_hubs_connect_whom_the_pairs_would(links: list[Connection], memberships: list[Membership], path: int) -> None:
    """For every VPC and path the same others as by pairs, both ways; asked in any order, or again."""
    networks = Networks(connections=links, memberships=memberships)
    written_out = pairs(links, memberships)

    for vpc_id in (*VPCS, *reversed(VPCS), "vpc-other"):
        kinds = PATHS[path]
        assert networks.connected(vpc_id, path) == {
            other for kind, one, other in written_out if one == vpc_id and (kinds is None or kind in kinds)
        }
        assert all(vpc_id in networks.connected(other, path) for other in networks.connected(vpc_id, path))


@given(LINKS, MEMBERSHIPS, st.randoms())
def test_who_tells_and_how_often_makes_no_difference(links, memberships, random) -> None:
    """Owner and participant tell of one attachment: it is one, in any order."""
    told = [*memberships, *(Membership(each.vpc_id, each.hub, PARTS[0]) for each in memberships)]
    random.shuffle(told)

    once, twice = (Networks(connections=links, memberships=each) for each in (memberships, told))
    assert [once.connected(vpc_id) for vpc_id in VPCS] == [twice.connected(vpc_id) for vpc_id in VPCS]
