"""Each rule that leaves an owner out is told by its own name, and what is told is the attribution's own answer."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from explained import Owned, explainer, left_out, past, said
from made_by_hand import eni, estate, peering, subnet, transit, vpc

from enricher.inventory import ALWAYS, FOREVER, Part
from enricher.inventory_documents import tables_of

HOME = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")]}
OLD, NEW = eni("eni-old", "10.0.9.1"), eni("eni-new", "10.0.9.2")
CHANGE = [
    ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, False),
    ("10.0.1.5", "vpc-a", "eni-new", 2_060, 3_000, True),
]


def home(*owned: Owned):
    """Ownerships in one VPC, explained for 10.0.1.5."""
    return explainer(past(estate(interfaces=[OLD, NEW], **HOME), owned), "10.0.1.5")


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "expected", "reasons"),
    [
        (999, ("subnet", "subnet", None), [("eni-old", "seen_later", None), ("eni-new", "seen_later", None)]),
        (1_000, ("resolved", "snapshot", "eni-old"), [("eni-new", "seen_later", None)]),
        (2_000, ("resolved", "snapshot", "eni-old"), [("eni-new", "seen_later", None)]),
        (2_030, ("subnet", "subnet", None), [("eni-old", "gone", "eni-new"), ("eni-new", "seen_later", None)]),
        (2_060, ("resolved", "snapshot", "eni-new"), [("eni-old", "gone", "eni-new")]),
        (3_001, ("resolved", "snapshot_open", "eni-new"), [("eni-old", "gone", "eni-new")]),
    ],
    ids=["before both", "first second", "last second", "gap", "successor", "continued"],
)
def test_a_change_of_owner_is_told_from_both_sides(at, expected, reasons):
    """Who is not the answer was seen later, or had gone, and the gap between two scans belongs to neither."""
    explained = home(*CHANGE)
    answer = explained.answer("vpc-a", at)

    assert said(answer) == expected
    assert left_out(explained, answer) == reasons


def test_an_attachment_after_the_time_is_told_from_a_later_sight():
    """Where AttachTime bounds an ownership it is AttachTime that says so."""
    documents = estate(interfaces=[eni("eni-1", "10.0.1.5", attached=1_500)], **HOME)
    explained = explainer(tables_of(documents, observed_at=2_000), "10.0.1.5")

    assert said(explained.answer("vpc-a", 1_500)) == ("resolved", "snapshot", "eni-1")
    assert left_out(explained, explained.answer("vpc-a", 1_499)) == [("eni-1", "attached_later", None)]


def test_an_owner_that_went_without_successor_is_gone():
    """Nobody is blamed where nobody came."""
    explained = home(CHANGE[0])

    assert left_out(explained, explained.answer("vpc-a", 2_001)) == [("eni-old", "gone", None)]


def test_an_open_owner_behind_a_later_one_was_succeeded():
    """Continuation ends where another interface has been seen with the address since."""
    explained = home(
        ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, True), ("10.0.1.5", "vpc-a", "eni-new", 2_060, 3_000, False)
    )
    answer = explained.answer("vpc-a", 2_030)

    assert said(answer) == ("subnet", "subnet", None)
    assert left_out(explained, answer) == [("eni-old", "succeeded", "eni-new"), ("eni-new", "seen_later", None)]


@pytest.mark.parametrize("at", [1_600, 2_500], ids=["within both", "later than both"])
def test_two_owners_at_one_time_contradict_each_other(at):
    """Both are told, each because of the other."""
    explained = home(
        ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, True), ("10.0.1.5", "vpc-a", "eni-new", 1_500, 2_000, True)
    )
    answer = explained.answer("vpc-a", at)

    assert said(answer) == ("subnet", "subnet", None)
    assert left_out(explained, answer) == [("eni-old", "conflict", "eni-new"), ("eni-new", "conflict", "eni-old")]


def test_owners_that_both_had_gone_contradict_each_other_to_the_last_second():
    """In the last second of both it is the contradiction that counts, a second later that they had gone."""
    explained = home(
        ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, False), ("10.0.1.5", "vpc-a", "eni-new", 1_500, 2_000, False)
    )

    reasons = [[each.reason for each in explained.answer("vpc-a", at).left_out] for at in (2_000, 2_001)]
    assert reasons == [["conflict", "conflict"], ["gone", "gone"]]


def test_one_interface_that_came_back_is_named_by_the_interval_that_holds():
    """Two intervals of one interface are two ownerships; the answer is the one of the time asked for."""
    explained = home(
        ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, False), ("10.0.1.5", "vpc-a", "eni-old", 2_500, 3_000, True)
    )

    assert [explained.answer("vpc-a", at).named for at in (1_000, 2_250, 2_500, 3_010)] == [0, None, 1, 1]
    assert left_out(explained, explained.answer("vpc-a", 2_250)) == [
        ("eni-old", "gone", None),
        ("eni-old", "seen_later", None),
    ]


def test_an_owner_is_not_believed_for_ever_and_the_reason_says_so():
    """Seen for 2,000 seconds, believed for 40 more."""
    explained = home(("10.0.1.5", "vpc-a", "eni-old", 1_000, 3_000, True))

    assert said(explained.answer("vpc-a", 3_040)) == ("resolved", "snapshot_open", "eni-old")
    assert said(explained.answer("vpc-a", 3_041)) == ("subnet", "subnet", None)
    assert left_out(explained, explained.answer("vpc-a", 3_041)) == [("eni-old", "too_long_ago", None)]


def test_a_third_owner_is_not_believed_where_two_contradict_each_other():
    """The attribution believes nobody in that VPC then; the reason names one of the two."""
    documents = estate(interfaces=[OLD, NEW, eni("eni-third", "10.0.9.3")], **HOME)
    owned = [
        ("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, False),
        ("10.0.1.5", "vpc-a", "eni-new", 1_500, 2_000, False),
        ("10.0.1.5", "vpc-a", "eni-third", 3_000, 4_000, True),
    ]
    explained = explainer(past(documents, owned), "10.0.1.5")
    answer = explained.answer("vpc-a", 3_500)

    assert said(answer) == ("subnet", "subnet", None)
    assert left_out(explained, answer)[2] == ("eni-third", "conflict_of_others", "eni-old")


def test_an_address_held_twice_by_one_interface_is_one_owner():
    """Listed by itself and in a prefix of the same interface: one answers, the other is the same once more."""
    explained = home(
        ("10.0.1.5", "vpc-a", "eni-new", 1_000, 2_000, True), ("10.0.1.0/28", "vpc-a", "eni-new", 1_000, 3_000, True)
    )
    answer = explained.answer("vpc-a", 1_500)

    assert said(answer) == ("resolved", "snapshot", "eni-new")
    assert left_out(explained, answer) == [("eni-new", "same_owner", "eni-new")]


# ── place ────────────────────────────────────────────────────────────────────────────────────────────────────────────

TWINS = {
    "interfaces": [eni("eni-b", "10.1.1.5", vpc="vpc-b"), eni("eni-c", "10.1.1.5", vpc="vpc-c")],
    "vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")],
}


def twins(**more: Any):
    """10.1.1.5 in vpc-b and in vpc-c; vpc-a holds other addresses."""
    return explainer(tables_of(estate(**TWINS, **more)), "10.1.1.5")


def test_without_a_vpc_nobody_is_named():
    """Owners elsewhere are left out because it is not known where the address was seen."""
    explained = twins()
    answer = explained.answer(None, 5_000)

    assert said(answer) == ("ambiguous", None, None)
    assert left_out(explained, answer) == [("eni-b", "no_vpc", None), ("eni-c", "no_vpc", None)]
    assert explained.vpcs() == ["vpc-b", "vpc-c"]


def test_the_vpcs_own_cidr_rules_out_the_others():
    """Seen from a VPC that holds the address, the other VPC's owner is of another VPC."""
    explained = twins(peerings=[peering("vpc-b", "vpc-c")])
    answer = explained.answer("vpc-b", 5_000)

    assert said(answer) == ("resolved", "snapshot", "eni-b")
    assert left_out(explained, answer) == [("eni-c", "other_vpc", None)]


def test_owners_in_vpcs_without_a_connection_are_unconnected():
    """No connection, no name; the reason says so."""
    explained = twins()
    answer = explained.answer("vpc-a", 5_000)

    assert said(answer) == ("ambiguous", None, None)
    assert left_out(explained, answer) == [("eni-b", "unconnected", None), ("eni-c", "unconnected", None)]


def test_the_one_connected_owner_is_named_and_the_other_is_unconnected():
    """A peering makes the difference."""
    explained = twins(peerings=[peering("vpc-a", "vpc-c")])
    answer = explained.answer("vpc-a", 5_000)

    assert said(answer) == ("resolved", "snapshot", "eni-c")
    assert left_out(explained, answer) == [("eni-b", "unconnected", None)]


def test_several_connected_owners_name_nobody():
    """Both are connected, so neither is proven."""
    explained = twins(transits=transit("tgw-1", "vpc-a", "vpc-b", "vpc-c"))
    answer = explained.answer("vpc-a", 5_000)

    assert said(answer) == ("ambiguous", None, None)
    assert left_out(explained, answer) == [("eni-b", "several_connected", None), ("eni-c", "several_connected", None)]


def test_a_vpc_of_unknown_cidrs_may_hold_the_address_itself():
    """Seen from a VPC that the inventory does not know, an owner elsewhere is not proven."""
    explained = twins()
    answer = explained.answer("vpc-unknown", 5_000)

    assert said(answer) == ("ambiguous", None, None)
    assert left_out(explained, answer) == [("eni-b", "cidrs_unknown", None), ("eni-c", "cidrs_unknown", None)]


def test_time_is_told_before_place():
    """An owner elsewhere that had not come yet is left out by time: no connection would have helped."""
    owned = [("10.1.1.5", "vpc-b", "eni-b", 6_000, 7_000, True), ("10.1.1.5", "vpc-c", "eni-c", 1_000, 2_000, False)]
    explained = explainer(past(estate(**TWINS), owned), "10.1.1.5")

    assert left_out(explained, explained.answer("vpc-a", 5_000)) == [
        ("eni-c", "gone", None),
        ("eni-b", "seen_later", None),
    ]


def test_an_owner_whose_vpc_is_not_told_proves_nothing():
    """A private address without a VPC is told, and not used."""
    documents = estate(interfaces=[eni("eni-1", "10.0.1.5", vpc=None)], **HOME)
    explained = explainer(tables_of(documents), "10.0.1.5")
    answer = explained.answer("vpc-a", 5_000)

    assert said(answer) == ("subnet", "subnet", None)
    assert left_out(explained, answer) == [("eni-1", "vpc_unknown", None)]


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SCANNED, NEVER = Part("111122223333/us-east-1", 9_000.0, 9_001.0), Part("444455556666/us-east-1", None, None)
IPAM = Part("ipam/ipam-scope-1", 9_000.0, 9_001.0)


def test_a_connected_vpc_that_no_scan_has_told_of_may_hold_the_address():
    """Had all parts been scanned, the one connected owner would be named."""
    tables = tables_of(estate(**TWINS, transits=transit("tgw-1", "vpc-a", "vpc-b", "vpc-x")), part=SCANNED.name)
    whole = explainer(replace(tables, parts=(SCANNED,)), "10.1.1.5")
    partly = explainer(replace(tables, parts=(SCANNED, NEVER)), "10.1.1.5")

    assert said(whole.answer("vpc-a", 5_000)) == ("resolved", "snapshot", "eni-b")
    answer = partly.answer("vpc-a", 5_000)
    assert said(answer) == ("ambiguous", None, None)
    assert left_out(partly, answer) == [("eni-b", "hidden_vpc", None), ("eni-c", "unconnected", None)]


def test_nobodys_address_may_be_a_never_scanned_parts():
    """Unresolved, not absent: nobody has looked there."""
    tables = replace(tables_of(estate(**TWINS)), parts=(SCANNED, NEVER))

    assert said(explainer(tables, "10.77.0.1").answer("vpc-a", 5_000)) == ("unresolved", None, None)


def told_by(tables, *parts: str):
    """The tables' interfaces, each told by one of the parts."""
    column = tables.interfaces.column_names.index("part")
    return replace(tables, interfaces=tables.interfaces.set_column(column, "part", pa.array(parts)))


def test_ipam_is_not_believed_against_ec2():
    """Of two interfaces with one address at one time EC2's stands; the reason says whose word was late."""
    owned = [("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, True), ("10.0.1.5", "vpc-a", "eni-new", 1_500, 3_000, True)]
    tables = told_by(past(estate(interfaces=[OLD, NEW], **HOME), owned), IPAM.name, SCANNED.name)
    explained = explainer(replace(tables, parts=(SCANNED, IPAM)), "10.0.1.5")
    answer = explained.answer("vpc-a", 1_600)

    assert said(answer) == ("resolved", "snapshot", "eni-new")
    assert left_out(explained, answer) == [("eni-old", "late_word", "eni-new")]


def test_ipams_word_of_an_interface_that_ec2_tells_of_is_not_taken():
    """EC2 knows its instance, and when it was attached."""
    owned = [("10.0.1.5", "vpc-a", "eni-old", 1_000, 2_000, False)]
    tables = past(estate(interfaces=[OLD, {**OLD, "NetworkInterfaceId": "eni-twin"}], **HOME), owned)
    column = tables.interfaces.column_names.index("interface_id")
    twice = tables.interfaces.set_column(column, "interface_id", pa.array(["eni-old", "eni-old"]))
    tables = told_by(replace(tables, interfaces=twice), IPAM.name, SCANNED.name)
    explained = explainer(replace(tables, parts=(SCANNED, IPAM)), "10.0.1.5")
    answer = explained.answer("vpc-a", 1_500)

    assert said(answer) == ("subnet", "subnet", None)
    assert left_out(explained, answer) == [("eni-old", "ec2_knows", None)]


# ── kinds of address ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_public_address_is_its_associations_from_anywhere():
    """The VPC it is seen from does not matter."""
    interface = eni("eni-1", "10.0.1.5", Association={"PublicIp": "198.51.100.7"})
    explained = explainer(tables_of(estate(interfaces=[interface], **HOME)), "198.51.100.7")

    assert explained.is_public
    for seen_from in (None, "vpc-a", "vpc-elsewhere"):
        assert said(explained.answer(seen_from, 5_000)) == ("resolved", "snapshot", "eni-1")


def test_a_public_address_used_as_a_private_one_needs_a_known_cidr():
    """An interface's own address of public space counts only where its VPC's CIDRs are known to hold it."""
    interface = eni("eni-1", "198.51.100.7")
    unknown = explainer(tables_of(estate(interfaces=[interface])), "198.51.100.7")
    known = explainer(tables_of(estate(interfaces=[interface], vpcs=[vpc("vpc-a", "198.51.100.0/24")])), "198.51.100.7")

    assert left_out(unknown, unknown.answer("vpc-a", 5_000)) == [("eni-1", "public_space", None)]
    assert said(known.answer("vpc-a", 5_000)) == ("resolved", "snapshot", "eni-1")


def test_a_global_ipv6_address_needs_no_connection():
    """It is one place in the world, however it is written."""
    interface = eni("eni-1", "10.0.1.5", Ipv6Addresses=[{"Ipv6Address": "2001:db8::5"}])
    tables = tables_of(
        estate(interfaces=[interface], vpcs=[vpc("vpc-a", "2001:db8::/56"), vpc("vpc-b", "10.1.0.0/16")])
    )
    explained = explainer(tables, "2001:0DB8:0:0::0005")

    assert explained.address.text == "2001:db8::5"
    assert said(explained.answer("vpc-b", 5_000)) == ("resolved", "snapshot", "eni-1")


def test_an_address_of_a_prefix_says_through_which():
    """A delegated prefix is somebody's, though no address of it is listed."""
    interface = eni("eni-1", "10.0.1.5", Ipv4Prefixes=[{"Ipv4Prefix": "10.0.1.16/28"}])
    tables = tables_of(estate(interfaces=[interface], **HOME))
    inside, outside = explainer(tables, "10.0.1.31"), explainer(tables, "10.0.1.32")

    assert [each.through for each in inside.ownerships] == ["10.0.1.16/28"]
    assert said(inside.answer("vpc-a", 5_000)) == ("resolved", "snapshot", "eni-1")
    assert outside.ownerships == []
    assert said(outside.answer("vpc-a", 5_000)) == ("subnet", "subnet", None)


def test_a_prefix_of_the_other_ip_version_holds_nothing():
    """The same number is another address in IPv6."""
    interface = eni("eni-1", "10.0.1.5", Ipv4Prefixes=[{"Ipv4Prefix": "10.0.1.16/28"}])

    assert explainer(tables_of(estate(interfaces=[interface], **HOME)), "::10.0.1.17").ownerships == []


def test_places_are_every_vpc_that_holds_the_address():
    """With the CIDR, and the subnet where one is known."""
    tables = tables_of(
        estate(
            vpcs=[
                vpc("vpc-a", "10.0.0.0/16"),
                vpc("vpc-b", "192.168.0.0/16", "10.0.0.0/8"),
                vpc("vpc-c", "10.1.0.0/16"),
            ],
            subnets=[
                subnet("subnet-a", "vpc-a", "10.0.1.0/24"),
                subnet("subnet-d", "vpc-d", "10.0.0.0/20", "use1-az2"),
            ],
        )
    )

    places = [(p.vpc_id, p.cidr, p.subnet_id, p.subnet_cidr, p.az_id) for p in explainer(tables, "10.0.1.5").places]
    assert places == [
        ("vpc-a", "10.0.0.0/16", "subnet-a", "10.0.1.0/24", "use1-az1"),
        ("vpc-b", "10.0.0.0/8", None, None, None),
        ("vpc-d", None, "subnet-d", "10.0.0.0/20", "use1-az2"),
    ]


def test_an_undated_inventory_answers_for_its_latest_state():
    """FOREVER is later than every AttachTime, ALWAYS earlier."""
    explained = explainer(tables_of(estate(interfaces=[eni("eni-1", "10.0.1.5", attached=1_000)], **HOME)), "10.0.1.5")

    assert said(explained.answer("vpc-a", FOREVER)) == ("resolved", "snapshot", "eni-1")
    assert left_out(explained, explained.answer("vpc-a", ALWAYS)) == [("eni-1", "attached_later", None)]
