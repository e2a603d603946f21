"""Whose address it was at the time of the flow, and by what evidence: ownership has a time span."""

import pytest
from made_by_hand import Document, eni, estate, found, history, source, subnet, vpc

from enricher.sources import Source

SEEN = 10_000
HOME = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")]}
LOCATED = ("subnet", "subnet", "subnet-a")


def home(*interfaces: Document, seen: float | None = SEEN, is_stale: bool = False) -> Source:
    """A dated snapshot of one VPC with one subnet and these interfaces."""
    return source(estate(interfaces=interfaces, **HOME), seen, is_stale=is_stale)


def changed(*owned: tuple[str, int, int, bool]) -> Source:
    """A snapshot that knows since when and until when each interface had 10.0.1.5."""
    interfaces = [eni(name, f"10.0.9.{place}") for place, (name, *_) in enumerate(owned)]
    return history(
        estate(interfaces=interfaces, **HOME),
        [("10.0.1.5", "vpc-a", name, first, last, is_open) for name, first, last, is_open in owned],
    )


# ── proof ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((5_000, 5_060), ("resolved", "snapshot", "eni-1")),
        ((9_940, 10_000), ("resolved", "snapshot", "eni-1")),
        ((4_000, 4_060), ("resolved", "snapshot", "eni-1")),
        ((3_999, 4_060), LOCATED),
        ((3_000, 3_060), LOCATED),
        ((9_941, 10_001), ("resolved", "snapshot_open", "eni-1")),
        ((20_000, 20_060), ("resolved", "snapshot_open", "eni-1")),
    ],
    ids=["since", "up to the snapshot", "from the attachment on", "over the attachment", "before", "over it", "later"],
)
def test_attach_time_proves_a_primary_address_up_to_the_snapshot(when, expected):
    """A primary address is proven from AttachTime to the snapshot; later it is named by continuation, earlier not."""
    snapshot = home(eni("eni-1", "10.0.1.5", attached=4_000))

    assert found([snapshot], "10.0.1.5", "vpc-a", when) == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((9_939, 9_999), LOCATED),
        ((9_950, 10_010), LOCATED),
        ((10_000, 10_000), ("resolved", "snapshot", "eni-1")),
        ((10_000, 10_060), ("resolved", "snapshot_open", "eni-1")),
    ],
    ids=["before", "over the snapshot", "at the snapshot", "since"],
)
@pytest.mark.parametrize(
    "members",
    [
        {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.4", "Primary": True}, {"PrivateIpAddress": "10.0.1.5"}]},
        {"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.0/28"}]},
    ],
    ids=["secondary address", "prefix"],
)
def test_what_can_be_reassigned_is_proven_only_from_first_seen(members, when, expected):
    """AttachTime says nothing of secondary addresses and prefixes: they belong to who was seen with them, from then."""
    snapshot = home(eni("eni-1", attached=4_000, **members))

    assert found([snapshot], "10.0.1.5", "vpc-a", when) == expected


def test_a_dated_primary_address_without_attach_time_is_proven_only_from_first_seen():
    """Without an AttachTime nothing tells since when the interface was there."""
    snapshot = home(eni("eni-1", "10.0.1.5"))

    assert found([snapshot], "10.0.1.5", "vpc-a", (5_000, 5_060)) == LOCATED
    assert found([snapshot], "10.0.1.5", "vpc-a", (10_000, 10_060)) == ("resolved", "snapshot_open", "eni-1")


def test_a_snapshot_between_two_seconds_proves_neither_of_them():
    """What was seen at 10000.5 is not proven for second 10000, nor for a flow that began before 10001."""
    snapshot = home(eni("eni-1", "10.0.1.4", "10.0.1.5", attached=4_000), seen=10_000.5)

    assert found([snapshot], "10.0.1.5", "vpc-a", (10_000, 10_000)) == LOCATED
    assert found([snapshot], "10.0.1.5", "vpc-a", (10_000, 10_060)) == LOCATED
    assert found([snapshot], "10.0.1.5", "vpc-a", (10_001, 10_060)) == ("resolved", "snapshot_open", "eni-1")
    assert found([snapshot], "10.0.1.4", "vpc-a", (10_000, 10_000)) == ("resolved", "snapshot", "eni-1")
    assert found([snapshot], "10.0.1.4", "vpc-a", (10_000, 10_001)) == ("resolved", "snapshot_open", "eni-1")


@pytest.mark.parametrize(
    ("attached", "when", "expected"),
    [
        (None, (1, 2), ("resolved", "snapshot", "eni-1")),
        (4_000, (4_000, 4_060), ("resolved", "snapshot", "eni-1")),
        (4_000, (9_999_999_999, 9_999_999_999), ("resolved", "snapshot", "eni-1")),
        (4_000, (3_999, 4_060), LOCATED),
    ],
    ids=["no attach time", "since", "for ever", "before"],
)
@pytest.mark.parametrize("addresses", [("10.0.1.5",), ("10.0.1.4", "10.0.1.5")], ids=["primary", "secondary"])
def test_an_undated_inventory_holds_for_every_flow_since_the_attachment(addresses, attached, when, expected):
    """CLI files carry no date: they hold for ever, unless an AttachTime says otherwise."""
    undated = home(eni("eni-1", *addresses, attached=attached), seen=None)

    assert found([undated], "10.0.1.5", "vpc-a", when) == expected


def test_an_attach_time_within_a_second_counts_from_the_next_one():
    """A flow that began in the second of the attachment may have begun before it."""
    late = eni("eni-1", "10.0.1.5")
    late["Attachment"] = {"AttachTime": "1970-01-01T01:06:40.250000+00:00"}  # 4000.25

    assert found([home(late)], "10.0.1.5", "vpc-a", (4_000, 4_060)) == LOCATED
    assert found([home(late)], "10.0.1.5", "vpc-a", (4_001, 4_060)) == ("resolved", "snapshot", "eni-1")


# ── change ───────────────────────────────────────────────────────────────────────────────────────────────────────────

CHANGE = (("eni-old", 1_000, 2_000, False), ("eni-new", 2_060, 3_000, True))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((1_000, 2_000), ("resolved", "snapshot", "eni-old")),
        ((2_060, 3_000), ("resolved", "snapshot", "eni-new")),
        ((940, 1_000), LOCATED),
        ((1_990, 2_001), LOCATED),
        ((2_001, 2_059), LOCATED),
        ((2_059, 2_070), LOCATED),
        ((1_500, 2_500), LOCATED),
        ((2_990, 3_001), ("resolved", "snapshot_open", "eni-new")),
        ((3_001, 9_000), ("resolved", "snapshot_open", "eni-new")),
    ],
    ids=["old", "new", "before", "into", "gap", "out of", "over it all", "past the last sight", "later"],
)
@pytest.mark.parametrize("batch", [None, (0, 10_000)], ids=["alone", "among others"])
def test_the_gap_of_a_change_belongs_to_nobody(when, expected, batch):
    """Each side of a change has its owner, the time between has none; other flows of the batch do not matter."""
    assert found([changed(*CHANGE)], "10.0.1.5", "vpc-a", when, batch=batch) == expected


@pytest.mark.parametrize("batch", [None, (0, 10_000)], ids=["alone", "among others"])
def test_an_owner_that_had_gone_is_not_continued(batch):
    """Who was no longer seen with an address is not named for later flows."""
    gone = changed(("eni-old", 1_000, 2_000, False))

    assert found([gone], "10.0.1.5", "vpc-a", (1_000, 2_000), batch=batch) == ("resolved", "snapshot", "eni-old")
    assert found([gone], "10.0.1.5", "vpc-a", (2_001, 2_060), batch=batch) == LOCATED


def test_no_continuation_after_a_successor():
    """An older snapshot's owner is not continued where a later source has seen another one."""
    old, new = home(eni("eni-old", "10.0.1.4", "10.0.1.5"), seen=1_000), home(eni("eni-new", "10.0.1.5"), seen=2_000)

    for sources in ([old, new], [new, old]):
        assert found(sources, "10.0.1.5", "vpc-a", (1_010, 1_070)) == LOCATED
        assert found(sources, "10.0.1.5", "vpc-a", (2_000, 2_060)) == ("resolved", "snapshot_open", "eni-new")
        assert found(sources, "10.0.1.5", "vpc-a", (990, 1_010), batch=(0, 9_000)) == LOCATED


def test_a_successors_attach_time_reaches_back_over_the_gap():
    """The new owner's primary address is proven since its attachment, though it was first seen later."""
    old = home(eni("eni-old", "10.0.1.4", "10.0.1.5"), seen=1_000)
    new = home(eni("eni-new", "10.0.1.5", attached=1_500), seen=2_000)

    assert found([old, new], "10.0.1.5", "vpc-a", (1_500, 1_560)) == ("resolved", "snapshot", "eni-new")
    assert found([old, new], "10.0.1.5", "vpc-a", (1_499, 1_560)) == LOCATED


def test_the_same_owner_seen_twice_is_not_its_own_successor():
    """Two sights of one interface do not contradict each other."""
    interface = eni("eni-1", "10.0.1.4", "10.0.1.5", attached=500)
    sights = [home(interface, seen=1_000), home(interface, seen=2_000)]

    assert found(sights, "10.0.1.4", "vpc-a", (500, 560)) == ("resolved", "snapshot", "eni-1")
    assert found(sights, "10.0.1.4", "vpc-a", (1_990, 2_010)) == ("resolved", "snapshot_open", "eni-1")
    assert found(sights, "10.0.1.5", "vpc-a", (1_500, 1_560)) == ("resolved", "snapshot_open", "eni-1")


def test_a_prefix_that_moved_has_an_owner_on_either_side():
    """Prefixes change hands as addresses do."""
    moved = history(
        estate(interfaces=[eni("eni-old", "10.0.9.1"), eni("eni-new", "10.0.9.2")], **HOME),
        [
            ("10.0.1.0/28", "vpc-a", "eni-old", 1_000, 2_000, False),
            ("10.0.1.0/28", "vpc-a", "eni-new", 2_060, 3_000, True),
        ],
    )

    assert found([moved], "10.0.1.5", "vpc-a", (1_000, 1_060)) == ("resolved", "snapshot", "eni-old")
    assert found([moved], "10.0.1.5", "vpc-a", (2_000, 2_059)) == LOCATED
    assert found([moved], "10.0.1.5", "vpc-a", (2_060, 2_120)) == ("resolved", "snapshot", "eni-new")
    assert found([moved], "10.0.1.16", "vpc-a", (2_060, 2_120)) == LOCATED


# ── contradiction ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "owned",
    [
        [("eni-1", 1_000, 2_000, True), ("eni-2", 1_500, 2_000, True)],
        [("eni-1", 1_000, 2_000, False), ("eni-2", 2_000, 3_000, True)],
        [("eni-1", 1_000, 4_000, True), ("eni-2", 2_000, 3_000, False)],
    ],
    ids=["overlap", "one second in common", "one within the other"],
)
@pytest.mark.parametrize("when", [(1_100, 1_160), (1_990, 2_000), (2_500, 2_560), (5_000, 5_060)])
def test_conflicting_owners_leave_the_subnet(owned, when):
    """Where two interfaces are said to own an address at one time, no sight of either counts."""
    assert found([changed(*owned)], "10.0.1.5", "vpc-a", when) == LOCATED


def test_undated_owners_of_one_address_leave_the_subnet():
    """Two undated documents that name different owners contradict each other, whatever the attach times."""
    undated = home(eni("eni-1", "10.0.1.5", attached=1_000), eni("eni-2", "10.0.1.4", "10.0.1.5"), seen=None)

    assert found([undated], "10.0.1.5", "vpc-a", (500, 560)) == LOCATED
    assert found([undated], "10.0.1.5", "vpc-a", (5_000, 5_060)) == LOCATED


def test_a_secondary_address_claimed_twice_in_one_snapshot_leaves_the_subnet():
    """Two claims seen at one moment name nobody, then or later."""
    for seen in (SEEN, SEEN + 0.5):
        twice = home(eni("eni-1", "10.0.1.3", "10.0.1.5"), eni("eni-2", "10.0.1.4", "10.0.1.5"), seen=seen)
        assert found([twice], "10.0.1.5", "vpc-a", (10_000, 10_000)) == LOCATED
        assert found([twice], "10.0.1.5", "vpc-a", (10_002, 10_060)) == LOCATED


# ── age ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_snapshot_says_so_in_every_answer():
    """Past its hard TTL a snapshot's owners, subnets and absences are `stale`, whatever they are evidence of."""
    old = home(eni("eni-1", "10.0.1.5", attached=4_000), is_stale=True)

    assert found([old], "10.0.1.5", "vpc-a", (5_000, 5_060)) == ("stale", "snapshot", "eni-1")
    assert found([old], "10.0.1.5", "vpc-a", (11_000, 11_060)) == ("stale", "snapshot_open", "eni-1")
    assert found([old], "10.0.1.6", "vpc-a", (11_000, 11_060)) == ("stale", "subnet", "subnet-a")
    assert found([old], "10.0.2.6", "vpc-a", (11_000, 11_060)) == ("stale", None, None)
    assert found([old], "198.51.100.7", None, (11_000, 11_060)) == ("stale", None, None)


def test_the_batchs_own_records_are_not_stale():
    """What the batch itself recorded does not age with the snapshot."""
    old = home(eni("eni-1", "10.0.1.5", attached=4_000), is_stale=True)
    told = {"vpc-a": [(7, 11_000, 11_060)]}

    assert found([old], "10.0.1.5", "vpc-a", (11_000, 11_060), peers=told) == ("resolved", "peer_record", "recorder 7")


def test_without_any_source_nobody_was_asked():
    """No inventory at all: `unresolved`, for private and public addresses alike."""
    for address in ("10.0.1.5", "198.51.100.7", "2001:db8::1", "fd00::1"):
        assert found([], address, "vpc-a", (1, 2)) == ("unresolved", None, None)


# ── the batch's own records ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((1_000, 1_060), ("resolved", "peer_record", "recorder 7")),
        ((1_010, 1_020), ("resolved", "peer_record", "recorder 7")),
        ((999, 1_060), LOCATED),
        ((1_010, 1_061), LOCATED),
        ((2_000, 2_060), LOCATED),
    ],
    ids=["its span", "within", "earlier", "later", "another time"],
)
@pytest.mark.parametrize("batch", [None, (0, 10_000)], ids=["alone", "among others"])
def test_a_record_proves_its_own_span_and_no_more(when, expected, batch):
    """Who recorded as an address owned it from the start to the end of its records."""
    told = {"vpc-a": [(7, 1_000, 1_060)]}

    assert found([home()], "10.0.1.5", "vpc-a", when, batch=batch, peers=told) == expected


@pytest.mark.parametrize("second", [(8, 1_060, 1_100), (8, 1_010, 1_020), (8, 900, 1_500), (8, 1_000, 1_060)])
def test_two_recorders_of_one_address_at_once_prove_neither(second):
    """Two interfaces that recorded as one address at one time are both wrong."""
    told = {"vpc-a": [(7, 1_000, 1_060), second]}

    for when in ((1_000, 1_060), (1_010, 1_020), second[1:]):
        assert found([home()], "10.0.1.5", "vpc-a", when, peers=told) == LOCATED


def test_two_recorders_of_one_address_one_after_the_other_are_both_right():
    """An address that changed hands within the batch has two owners, each in its own time."""
    told = {"vpc-a": [(8, 1_061, 1_100), (7, 1_000, 1_060)]}

    for batch in (None, (0, 10_000)):
        for recorder, when in ((7, (1_000, 1_060)), (8, (1_061, 1_100))):
            expected = ("resolved", "peer_record", f"recorder {recorder}")
            assert found([home()], "10.0.1.5", "vpc-a", when, batch=batch, peers=told) == expected
        assert found([home()], "10.0.1.5", "vpc-a", (1_050, 1_070), batch=batch, peers=told) == LOCATED


def test_a_record_beats_the_snapshot_in_its_own_span_only():
    """The snapshot's owner answers for the flows that the recorder's records do not span."""
    snapshot = home(eni("eni-1", "10.0.1.5", attached=500))
    told = {"vpc-a": [(7, 1_000, 1_060)]}

    assert found([snapshot], "10.0.1.5", "vpc-a", (1_000, 1_060), peers=told)[1:] == ("peer_record", "recorder 7")
    assert found([snapshot], "10.0.1.5", "vpc-a", (1_000, 1_061), peers=told)[1:] == ("snapshot", "eni-1")
    assert found([snapshot], "10.0.1.5", "vpc-a", (600, 660), batch=(0, 2_000), peers=told)[1:] == ("snapshot", "eni-1")
