"""A scan with a wrong clock: it must neither hide the scans after it nor prove what nobody saw."""

from dataclasses import replace

import pytest
from made_by_hand import eni, estate

from enricher.history import merge
from enricher.inventory import InventoryTables, Part
from enricher.inventory_documents import tables_of

HOME, OTHER = "111122223333/us-east-1", "444455556666/us-east-1"
KEEP_S = 14_400


def scan(begun: float, owner: str, part: str = HOME) -> InventoryTables:
    """A scan of five seconds that sees who has 10.0.0.4."""
    return tables_of(estate(interfaces=[eni(owner, "10.0.0.4", attached=500)]), begun, ended_at=begun + 5, part=part)


def merged(previous: InventoryTables | None, now: float, *scans: InventoryTables) -> InventoryTables:
    """The history at ``now``, consistency left out."""
    return merge(previous, scans, [], now, KEEP_S, 180, consistency_s=0)


def owners(history: InventoryTables) -> list[tuple[str, int, bool]]:
    """(interface, seen until, open) of who had the address."""
    names = history.interfaces["interface_id"].to_pylist()
    return [(names[row["row"]], row["seen_until"], row["is_open"]) for row in history.addresses.to_pylist()]


@pytest.mark.parametrize(("ahead", "is_used"), [(60, True), (61, False), (4_000, False)])
def test_a_scan_dated_ahead_of_now_is_a_failed_one(ahead, is_used):
    """A minute is a clock's business; more is a reason to keep what was known, and to say why."""
    before = merged(None, 1_005, scan(1_000, "eni-1"))
    after = merged(before, 1_065, scan(1_060 + ahead, "eni-2"))

    (part,) = after.parts
    if is_used:
        assert ("eni-2", 1_060 + ahead, True) in owners(after)
        assert (part.begun_at, part.error) == (1_060 + ahead, None)
    else:
        assert owners(after) == [("eni-1", 1_000, True)]
        assert (part.begun_at, part.ended_at, part.failed_at) == (1_000, 1_005, 1_065)
        assert f"dated {ahead} s ahead of now" in str(part.error)


def test_a_part_that_is_known_of_the_future_is_begun_anew():
    """The clock was wrong in the run that published it: the next good run's scan counts, and says what happened."""
    wrong = merged(None, 9_005, scan(9_000, "eni-old"))
    after = merged(wrong, 1_065, scan(1_060, "eni-new"))

    assert owners(after) == [("eni-new", 1_060, True)]
    (part,) = after.parts
    assert (part.begun_at, part.ended_at, part.failed_at) == (1_060, 1_065, 1_065)
    assert "dated 7940 s ahead of now" in str(part.error)
    (part,) = merged(after, 1_125, scan(1_120, "eni-new")).parts
    assert (part.begun_at, part.error) == (1_120, None)


def test_a_part_of_the_future_that_is_not_scanned_now_is_not_known_at_all():
    """Nothing of it is proven, nothing continued; other parts stay as they are."""
    other = merged(None, 1_005, scan(1_000, "eni-1", OTHER))
    wrong = merged(other, 9_005, scan(9_000, "eni-old"))
    after = merged(wrong, 1_065)

    assert owners(after) == [("eni-1", 1_000, True)]
    home, untouched = after.parts
    assert (home.name, home.begun_at, home.ended_at, home.failed_at) == (HOME, None, None, 1_065)
    assert untouched == Part(OTHER, 1_000, 1_005)


def test_a_failure_of_the_future_does_not_stand_for_ever():
    """It would outlive every good scan until then."""
    before = merged(None, 1_005, scan(1_000, "eni-1"))
    before = replace(before, parts=(replace(before.parts[0], failed_at=9_000, error="denied"),))

    assert merged(before, 1_065, scan(1_060, "eni-1")).parts == (Part(HOME, 1_060, 1_065),)
