"""How long an owner is believed to go on after it was last seen: a fiftieth of the time that it has been seen."""

from dataclasses import replace

import pytest
from made_by_hand import eni, enriched, estate, found, history, of_parts, scan, subnet, vpc

from enricher.sources import CONTINUED_SHARE

PART = "111122223333/us-east-1"
VPC = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.0.0/24")]}
NAMED = ("resolved", "snapshot_open", "eni-1")
PLACE = ("subnet", "subnet", "subnet-a")


def believed(source):
    """The same source, whose owners go on as in production."""
    return replace(source, continued_share=CONTINUED_SHARE)


@pytest.mark.parametrize(
    ("since", "when", "expected"),
    [
        (50_000, (100_900, 101_000), NAMED),
        (50_000, (100_900, 101_001), PLACE),
        (98_500, (99_970, 100_030), NAMED),
        (98_500, (99_971, 100_031), PLACE),
        (100_000, (100_000, 100_001), PLACE),
    ],
    ids=["50,000 s for 1,000", "no longer", "1,500 s for 30", "no longer for the young", "seen once, for nothing"],
)
def test_an_owner_goes_on_for_a_fiftieth_of_the_time_it_was_seen(since, when, expected):
    """Young owners go as soon as they came; of their address the subnet is still known."""
    known = history(
        estate(interfaces=[eni("eni-1", "10.0.0.4")], **VPC), [("10.0.0.4", "vpc-a", "eni-1", since, 100_000, True)]
    )

    assert found([believed(known)], "10.0.0.4", "vpc-a", when) == expected


def test_what_is_proven_needs_no_belief():
    """Up to the last sight the owner is named as ever, however young."""
    known = history(
        estate(interfaces=[eni("eni-1", "10.0.0.4")], **VPC), [("10.0.0.4", "vpc-a", "eni-1", 99_990, 100_000, True)]
    )

    assert found([believed(known)], "10.0.0.4", "vpc-a", (99_990, 100_000)) == ("resolved", "snapshot", "eni-1")


def test_an_undated_inventory_holds_for_ever():
    """What the AWS CLI printed carries no date: there is no last sight to be counted from."""
    known = history(
        estate(interfaces=[eni("eni-1", "10.0.0.4")], **VPC), [("10.0.0.4", "vpc-a", "eni-1", None, 2**62, True)]
    )

    assert found([believed(known)], "10.0.0.4", "vpc-a", (9_000_000, 9_000_001)) == ("resolved", "snapshot", "eni-1")


def test_a_recorders_instance_goes_on_for_a_fiftieth_too():
    """A second interface, in a log format that tells no instance: afterwards the interface alone is named."""
    mine = eni("eni-1", "10.0.0.4", attached=60_000, instance="i-1")
    mine["Attachment"]["DeviceIndex"] = 1
    scans = [scan(PART, begun, begun, estate(interfaces=[mine], **VPC)) for begun in (99_940, 100_000)]
    snapshot = believed(of_parts(*scans))
    lines = [f"eni-1 vpc-a 10.0.0.4 203.0.113.1 {end} {end} egress" for end in (100_000, 100_800, 100_801)]

    rows = enriched(lines, snapshot, log_format="interface-id vpc-id srcaddr dstaddr start end flow-direction")

    assert [(row["src_evidence"], row["src_instance_id"], row["src_interface_id"]) for row in rows] == [
        ("record", "i-1", "eni-1"),
        ("snapshot_open", "i-1", "eni-1"),
        ("record", None, "eni-1"),
    ]


def test_who_had_an_address_is_not_believed_on_where_the_recorder_shows_it_as_its_own():
    """A secondary address moved to the recorder since the last scan: the place is told, its last holder is not."""
    holder = eni("eni-1", "10.0.0.4", "10.0.0.5", attached=1, instance="i-1")
    recorder = eni("eni-me", "10.0.0.9", attached=1, instance="i-me")
    documents = estate(interfaces=[holder, recorder], **VPC)
    snapshot = of_parts(*(scan(PART, begun, begun, documents) for begun in (99_940, 100_000)))
    told = "interface-id vpc-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction"
    lines = [
        "eni-me vpc-a 10.0.0.9 203.0.113.1 10.0.0.5 203.0.113.1 100050 100060 egress",
        "eni-me vpc-a 10.0.0.9 10.0.0.5 10.0.0.9 10.0.0.5 100050 100060 egress",
    ]

    mine, theirs = enriched(lines, snapshot, log_format=told)

    assert (mine["src_status"], mine["src_interface_id"], mine["src_subnet_id"]) == ("subnet", None, "subnet-a")
    assert (theirs["dst_evidence"], theirs["dst_interface_id"]) == ("snapshot_open", "eni-1")


def test_without_a_direction_either_side_may_be_the_recorders_new_one():
    """The default format shows the packet's addresses alone: neither last holder is believed on."""
    interfaces = [eni("eni-1", "10.0.0.4"), eni("eni-2", "10.0.0.5"), eni("eni-me", "10.0.0.9", instance="i-me")]
    scans = (scan(PART, begun, begun, estate(interfaces=interfaces, **VPC)) for begun in (99_940, 100_000))
    lines = ["eni-me 10.0.0.4 10.0.0.5 100050 100060", "eni-me 10.0.0.9 10.0.0.5 100050 100060"]

    unknown, known = enriched(lines, of_parts(*scans), log_format="interface-id srcaddr dstaddr start end")

    assert [unknown[f"{side}_interface_id"] for side in ("src", "dst")] == [None, None]
    assert [known[f"{side}_interface_id"] for side in ("src", "dst")] == ["eni-me", "eni-2"]
