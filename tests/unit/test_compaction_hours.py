"""What an hour holds, when it is dirty, which hours a run looks at, and what may be deleted: by hand."""

from dataclasses import replace
from typing import Any

import pytest
from compaction_world import HOUR_S, hour

from compaction.hours import (
    Hour,
    Left,
    Plan,
    Seen,
    Stored,
    contents,
    counted_with,
    days,
    digests,
    is_dirty,
    plan,
    raw_objects,
)
from compaction.layout import begin, beside, partition_in
from compaction.leftovers import Located, deletable_folders, deletable_objects, has_leftovers, switched_at
from compaction.manifest import Manifest, Superseded
from compaction.marks import LATE, REPLACE, Mark
from enricher.lake import Partition

HOUR = hour(5)
BEFORE, AFTER = Hour(hour(4), {}), Hour(hour(6), {})
RAW, COMPACTED, SUMS = f"flow_logs/{HOUR.path}/", f"flow_logs_compacted/{HOUR.path}/", f"flows_hourly/{HOUR.path}/"
STAGED = f"backfill/{HOUR.path}/"


def raw(*names: str, put_at: float = 0.0):
    """Raw objects by name."""
    return {name: Stored(f"{RAW}{name}", 9, put_at) for name in names}


def manifest(*included: str, **others: Any):
    """A manifest of HOUR's first generation, counted with empty hours beside it."""
    told = {
        "partition": HOUR,
        "generation": 1,
        "run": "a",
        "included": frozenset(included),
        "neighbours": digests(HOUR, (BEFORE, AFTER)),
        "honoured": frozenset(),
        "snapshot": None,
        "compacted_at": 0.0,
        "superseded": (),
    }
    return Manifest(**told | dict.fromkeys(("rows", "dropped", "settled", "changed", "withdrawn"), 1) | others)


def replacing(objects, retires, digest="m1"):
    """A replace mark as it was found."""
    mark = Mark(REPLACE, tuple(f"{STAGED}{name}" for name in objects), tuple(retires))
    return Left(f"compaction/marked/{HOUR.path}/{digest}.json", mark, digest)


def test_an_hour_is_its_generation_and_what_came_since():
    """The generation first; an object that it has taken is a copy, whether or not it lies there again."""
    held = contents(Hour(HOUR, raw("b", "c"), manifest("a", "b")))
    assert held.keys == (f"{COMPACTED}generation-000001-a/", f"{RAW}c")
    assert held.names == {"a", "b", "c"}


def test_a_replaced_hour_is_what_is_staged_and_what_came_after_the_mark():
    """The generation and what the mark retires are left out; what a generation took after the listing comes again."""
    held = contents(
        Hour(HOUR, raw("old", "late", "taken"), manifest("old", "taken"), "e", (replacing(["n"], ["old"]),))
    )
    assert held.keys == (f"{STAGED}n", f"{RAW}late", f"{RAW}taken")
    assert held.names == {"old", "late", "taken", "n"}
    assert held.honoured == {"m1"}


def test_a_replacement_is_honoured_once():
    """Its mark may still lie there after the commit: what came since is not thrown away with the generation."""
    held = contents(
        Hour(HOUR, raw("late"), manifest("n", "late", honoured=frozenset({"m1"})), "e", (replacing(["n"], []),))
    )
    assert held.keys == (f"{COMPACTED}generation-000001-a/",)


def test_replacements_that_wait_together_are_honoured_together():
    """Leaving out one of two backfills could lose rows."""
    held = contents(Hour(HOUR, {}, None, None, (replacing(["x"], [], "m1"), replacing(["y"], [], "m2"))))
    assert held.keys == (f"{STAGED}x", f"{STAGED}y")
    assert held.honoured == {"m1", "m2"}


def test_an_empty_generation_is_not_read():
    """It has no objects, and engines do not read folders that are not there."""
    assert contents(Hour(HOUR, {}, manifest("a", rows=0))).keys == ()


@pytest.mark.parametrize("mark", [(), (replacing(["n"], ["a"]),)])
def test_the_digest_is_the_same_before_and_after_compaction_and_deletion(mark):
    """So an hour beside it is counted again when rows came, and not when they only moved."""
    waiting = Hour(HOUR, raw("a", "b"), None, None, mark)
    held = contents(waiting)
    taken = manifest(*held.names, honoured=held.honoured)
    assert held.digest == contents(Hour(HOUR, waiting.raw, taken, "e", mark)).digest
    assert held.digest == contents(Hour(HOUR, {}, taken, "e")).digest
    assert held.digest != contents(Hour(HOUR, raw("a", "b", "c"), taken, "e")).digest
    assert held.digest != ""


def test_the_same_names_replaced_are_another_hour():
    """A second replacement by the same objects may leave out rows: hours beside it are counted again."""
    one, two = (contents(Hour(HOUR, {}, manifest("a", honoured=frozenset(marks)))).digest for marks in ("x", "xy"))
    assert one != two


@pytest.mark.parametrize(
    ("found", "dirty"),
    [
        (Hour(HOUR, {}), False),
        (Hour(HOUR, {}, None, None, (Left("k", Mark(LATE), "d"),)), False),
        (Hour(HOUR, raw("a")), True),
        (Hour(HOUR, raw("a"), manifest("a")), False),
        (Hour(HOUR, {}, manifest("a")), False),
        (Hour(HOUR, raw("a", "b"), manifest("a")), True),
        (Hour(HOUR, raw("a"), manifest("a"), "e", (Left("k", Mark(LATE), "d"),)), False),
        (Hour(HOUR, raw("a"), manifest("a"), "e", (replacing(["n"], ["a"]),)), True),
        (Hour(HOUR, {}, manifest("a", neighbours={"2026-01-01/04": "", "2026-01-01/06": "x"})), True),
    ],
)
def test_an_hour_is_dirty_where_its_generation_is_not_all_of_it(found, dirty):
    """Raw objects, replacements, or hours beside it that are not what it was counted with."""
    assert is_dirty(found, (BEFORE, AFTER)) is dirty


def test_an_hour_is_dirty_where_another_region_has_news():
    """An hour of another region that holds nothing, yet or any more, is as one that nobody ever named."""
    found = Hour(HOUR, {}, manifest("a"))
    abroad = Partition("eu-west-1", HOUR.day, HOUR.hour)
    assert not is_dirty(found, (BEFORE, AFTER, Hour(abroad, {})))
    full = Hour(abroad, {"x": Stored(f"flow_logs/{abroad.path}/x", 9, 0)})
    assert is_dirty(found, (BEFORE, AFTER, full))
    counted = manifest("a", neighbours=digests(HOUR, (BEFORE, AFTER, full)))
    assert not is_dirty(replace(found, manifest=counted), (BEFORE, AFTER, full))
    assert counted_with(abroad, replace(found, manifest=counted)) == contents(full).digest != ""
    assert counted_with(abroad, found) == counted_with(abroad, Hour(HOUR, {})) == ""


def test_what_readers_do_not_see_is_no_raw_object():
    """Empty and hidden objects; what lies deeper is read by Athena, so it is one."""
    listed = [
        Stored(f"{RAW}{name}", size, 0) for name, size in {"a": 1, "": 1, "e": 0, "_x/a": 1, ".h": 1, "s/a": 1}.items()
    ]
    assert list(raw_objects(HOUR, listed)) == ["a", "s/a"]


def test_days_and_hours_beside_each_other():
    """Over midnight, and over the year."""
    assert beside(Partition("r", "2026-01-01", "00")) == (
        Partition("r", "2025-12-31", "23"),
        Partition("r", "2026-01-01", "01"),
    )
    assert beside(Partition("r", "2026-01-01", "00"), {"r", "q"})[2:] == (
        Partition("q", "2025-12-31", "23"),
        Partition("q", "2026-01-01", "00"),
        Partition("q", "2026-01-01", "01"),
    )
    assert days(begin(HOUR), 30 * HOUR_S) == ("2025-12-30", "2025-12-31", "2026-01-01")


@pytest.mark.parametrize("path", ["aws_region=r/day=2026-02-30/hour=05", "aws_region=r/day=0001-01-01/hour=00", "x"])
def test_what_is_no_hour_is_none(path):
    """Days that no calendar has, the first day of all, other folders."""
    assert partition_in(path) is None


def test_a_run_looks_at_the_sweep_and_at_what_is_marked_with_the_hours_beside_it():
    """At 12:00 hours up to 09:00 are closed; older raw hours wait, and are counted."""
    now = begin(hour(12))
    seen = Seen(
        raw=frozenset({hour(9), hour(10), hour(11), hour(-48), hour(-38)}),
        compacted=frozenset({hour(-36), hour(8)}),
        marked=frozenset({hour(-100), hour(11)}),
        regions=frozenset({"us-east-1"}),
    )
    assert plan(seen, now, 48 * HOUR_S) == Plan(
        looked_at=tuple(map(hour, (-101, -100, -99, -48, -38, -36, 8, 9, 10, 11))),
        due=tuple(map(hour, (-101, -100, -99, -36, 8, 9))),
        waiting=tuple(map(hour, (-48, -38))),
        regions=seen.regions,
    )
    assert plan(seen, now, 48 * HOUR_S, frozenset({"2025-12-30/10", "2026-01-02/00"})).due == (hour(-38),)


def test_since_when_readers_are_led_to_the_generation():
    """Both tables have to show it, and to say since when."""
    found = Hour(HOUR, {}, manifest("a"))
    rows, sums = Located(f"{COMPACTED}generation-000001-a/", 5), Located(f"{SUMS}generation-000001-a/", 7)
    assert switched_at(found, (rows, sums)) == 7
    assert switched_at(found, (rows, None)) is None
    assert switched_at(found, (rows, replace_located(sums, since=None))) is None
    assert switched_at(found, (Located(RAW, 5), sums)) is None
    assert switched_at(Hour(HOUR, {}), (rows, sums)) is None


def test_raw_objects_go_only_when_the_generation_has_them_and_readers_had_time():
    """Not what came since, not before the switch is old enough, not a copy that was put just now."""
    found = Hour(HOUR, raw("a", "b") | raw("copy", put_at=50), manifest("a", "copy", "n", "m"), "e")
    staged = [Stored(f"{STAGED}n", 9, 0), Stored(f"{STAGED}m", 9, 0), Stored(f"{STAGED}other", 9, 0)]
    assert deletable_objects(found, staged, switched=40, deadline=39) == []
    assert deletable_objects(found, staged, switched=None, deadline=99) == []
    assert deletable_objects(found, staged, 40, 40) == [f"{STAGED}m", f"{STAGED}n", f"{RAW}a"]
    assert f"{RAW}copy" in deletable_objects(found, staged, 40, 50)
    waiting = replace(found, marks=(replacing(["n"], []),))
    assert deletable_objects(waiting, staged, 40, 40) == [f"{STAGED}m", f"{RAW}a"]
    done = replace(waiting, manifest=manifest("a", "copy", "n", "m", honoured=frozenset({"m1"})))
    assert deletable_objects(done, staged, 40, 40) == [f"{STAGED}m", f"{STAGED}n", f"{RAW}a"]


def test_folders_go_only_when_nobody_reads_or_writes_them():
    """The manifest's and the catalog's stay; superseded ones for the grace time, orphans while they are young."""
    found = [
        Stored(f"{table}generation-00000{name}/part", 9, put_at)
        for table in (COMPACTED, SUMS)
        for name, put_at in {"1-a": 0, "1-old": 0, "1-shown": 0, "1-superseded": 0, "1-young": 50}.items()
    ]
    found.append(Stored(f"{COMPACTED}by-hand.parquet", 9, 0))
    superseded = (Superseded(f"{COMPACTED}generation-000001-superseded/", 45),)
    shown = (Located(f"{COMPACTED}generation-000001-shown/", 0), Located(f"{SUMS}generation-000001-shown/", 0))
    of = Hour(HOUR, {}, manifest("a", superseded=superseded))
    old = [f"{COMPACTED}generation-000001-old/part", f"{SUMS}generation-000001-old/part"]
    gone = deletable_folders(of, found, shown, switched=40, deadline=44)
    assert gone == [*old, f"{SUMS}generation-000001-superseded/part"]
    assert f"{COMPACTED}generation-000001-superseded/part" in deletable_folders(of, found, shown, 40, 45)
    assert deletable_folders(of, found, shown, 40, 39) == deletable_folders(of, found, shown, None, 99) == []
    assert deletable_folders(Hour(HOUR, {}), found, (Located(RAW, None), None), None, 20)[0].endswith("1-a/part")


def test_what_will_be_deletable_one_day_is_known():
    """Until nothing of it is left a mark has to lead to the hour."""
    of = Hour(HOUR, raw("new"), manifest("a"))
    current = [Stored(f"{COMPACTED}generation-000001-a/part", 9, 0), Stored(f"{COMPACTED}by-hand", 9, 0)]
    assert not has_leftovers(of, [], current)
    assert has_leftovers(replace(of, raw=raw("a")), [], current)
    assert has_leftovers(of, [Stored(f"{STAGED}a", 9, 0)], current)
    assert has_leftovers(of, [], [*current, Stored(f"{COMPACTED}generation-000001-b/part", 9, 0)])


def replace_located(located, since):
    """The same place, shown since another time."""
    return Located(located.location, since)
