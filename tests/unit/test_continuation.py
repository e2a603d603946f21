"""How long an owner is believed to go on after it was last seen: a twentieth of the time that it has been seen."""

from dataclasses import replace

import pytest
from made_by_hand import eni, enriched, estate, found, history, of_parts, scan, subnet, vpc

from enricher.attribution import CONTINUED_SHARE

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
        (80_000, (100_900, 101_000), NAMED),
        (80_000, (100_900, 101_001), PLACE),
        (99_400, (99_970, 100_030), NAMED),
        (99_400, (99_971, 100_031), PLACE),
        (100_000, (100_000, 100_001), PLACE),
    ],
    ids=["20,000 s for 1,000", "no longer", "600 s for 30", "no longer for the young", "seen once, for nothing"],
)
def test_an_owner_goes_on_for_a_twentieth_of_the_time_it_was_seen(since, when, expected):
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


def test_a_recorders_instance_goes_on_for_a_twentieth_too():
    """A second interface, in a log format that tells no instance: afterwards the interface alone is named."""
    mine = eni("eni-1", "10.0.0.4", attached=60_000, instance="i-1")
    mine["Attachment"]["DeviceIndex"] = 1
    scans = [scan(PART, begun, begun, estate(interfaces=[mine], **VPC)) for begun in (99_940, 100_000)]
    snapshot = believed(of_parts(*scans))
    lines = [f"eni-1 vpc-a 10.0.0.4 203.0.113.1 {end} {end} egress" for end in (100_000, 102_000, 102_001)]

    rows = enriched(lines, snapshot, log_format="interface-id vpc-id srcaddr dstaddr start end flow-direction")

    assert [(row["src_evidence"], row["src_instance_id"], row["src_interface_id"]) for row in rows] == [
        ("record", "i-1", "eni-1"),
        ("snapshot_open", "i-1", "eni-1"),
        ("record", None, "eni-1"),
    ]
