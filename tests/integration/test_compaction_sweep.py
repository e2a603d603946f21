"""A run of compaction: what it mends, whom it leaves alone, and what it says where it cannot go on."""

from dataclasses import replace

import pytest
from compaction_world import GRACE_S, HOUR_S, SETTINGS, World, hour, parquet

from compaction.figures import metric_data
from compaction.hour import HourResult
from compaction.layout import begin, manifest_key, short
from compaction.leftovers import Located
from compaction.manifest import Manifest, Superseded
from compaction.marks import REPLACE, Mark
from compaction.settings import SweepSettings
from enricher.errors import SettingsError
from enricher.lake import FLOW_LOGS

HOUR, NEXT, OLD = hour(5), hour(6), hour(-200)
NOW = begin(NEXT) + 3 * HOUR_S


@pytest.fixture
def world():
    """Two hours with two objects each."""
    world = World(now=NOW)
    for partition in (HOUR, NEXT):
        world.arrive(partition)
        world.arrive(partition)
    return world


def test_closed_hours_are_compacted_and_counted_with_those_beside_them(world):
    """Rows and sums; the catalog shows them; nothing is deleted yet."""
    report = world.sweep()
    assert {partition: result.rows for partition, result in report.compacted.items()} == {HOUR: 4, NEXT: 4}
    world.check_compacted(HOUR)
    world.check_compacted(NEXT)
    assert len(world.keys("flow_logs/")) == 4
    assert world.sweep().compacted == {}


def test_an_hour_waits_until_two_hours_after_its_end(world):
    """Before that its objects, and those of the next hour, are still coming."""
    world.now = NOW - 1
    assert list(world.sweep().compacted) == [HOUR]
    world.now = NOW
    assert list(world.sweep().compacted) == [NEXT]


def test_an_hour_beside_a_late_object_is_counted_again(world):
    """Its own rows are the same; whether they count may not be."""
    world.sweep()
    world.arrive(HOUR)
    report = world.sweep()
    assert list(report.compacted) == [HOUR, NEXT]
    world.check_compacted(NEXT)


def test_an_hour_of_another_region_is_beside_it(world):
    """A flow between regions is recorded in both: news abroad counts the hours at home again, of any age."""
    abroad = hour(6, "eu-west-1")
    world.sweep()
    assert set(Manifest.from_json(world.objects.get(manifest_key(HOUR))[0], HOUR).neighbours) == {
        short(hour(4)),
        short(NEXT),
    }
    world.arrive(abroad, rows=3)
    assert list(world.sweep().compacted) == [HOUR, abroad, NEXT]
    for partition in (HOUR, NEXT, abroad):
        world.check_compacted(partition)
    # Outside the sweep, with nothing abroad in it any more: what was counted with it stays as it is.
    world.now += 30 * 24 * HOUR_S
    world.mark_late(HOUR)
    assert world.sweep().compacted == {}


def test_a_copy_of_a_deleted_object_is_no_news(world):
    """The stream tried a batch again after its object was taken and deleted: the copy goes after the grace time."""
    key = world.keys("flow_logs/")[0]
    world.sweep()
    world.now += GRACE_S
    assert world.sweep().deleted == 4
    assert world.deliver_again(key)
    assert world.sweep().compacted == {}
    world.now += GRACE_S - 1
    assert (world.sweep().deleted, world.keys("flow_logs/")) == (0, [key])
    world.now += 1
    assert (world.sweep().deleted, world.keys("flow_logs/")) == (1, [])
    world.check_readers()


def test_the_grace_time_counts_from_the_switch_not_from_the_commit(world):
    """A run died between them: a day later readers have just been led away from the raw objects."""
    effects = len(world.announced)
    world.watched_sweep({})
    first_switch = next(
        number for number, name in enumerate(world.announced[effects:]) if name.startswith("switch flow_logs/")
    )
    killed = World(now=NOW)
    killed.arrive(HOUR)
    killed.arrive(HOUR)
    assert not killed.watched_sweep({first_switch: killed.kill})
    killed.now += GRACE_S
    report = killed.sweep()
    assert (report.mended, report.deleted) == (2, 0)
    killed.now += GRACE_S
    assert killed.sweep().deleted == 2


def test_a_switched_partition_is_mended_and_a_missing_one_registered(world):
    """By hand, or by a crawler that did more than it should; rows are the generation's again."""
    world.arrive(hour(7), is_registered=False)
    world.sweep()
    world.catalog.found[FLOW_LOGS, HOUR] = Located(f"flow_logs/{HOUR.path}/", None)
    del world.catalog.found[FLOW_LOGS, NEXT]
    del world.catalog.found["flows_hourly", NEXT]
    report = world.sweep()
    assert (report.mended, report.missing, report.failures) == (3, 0, [])
    world.check_compacted(HOUR)
    world.check_compacted(NEXT)
    assert world.sweep().mended == 0


def test_a_catalog_that_is_gone_is_made_again_from_manifests(world):
    """A database of another name, or deleted: one run with a sweep as long as the lake shows every hour again."""
    world.arrive(OLD)
    for _ in range(2):
        world.sweep(SweepSettings(GRACE_S, only=frozenset({short(OLD)})))
        world.sweep()
        world.now += GRACE_S
    assert world.keys(f"flow_logs/{OLD.path}") == []
    world.catalog.found.clear()
    assert world.sweep().failures == []
    assert (FLOW_LOGS, OLD) not in world.catalog.found
    report = world.sweep(SweepSettings(GRACE_S, sweep_s=400 * 3600))
    assert (report.failures, report.behind) == ([], 0)
    for partition in (OLD, HOUR):
        world.check_compacted(partition)


def test_a_partition_that_somebody_made_again_is_stamped(world):
    """It shows the right place, and nobody knows since when: without a stamp nothing would ever be deleted."""
    world.sweep()
    for table in (FLOW_LOGS, "flows_hourly"):
        world.catalog.found[table, HOUR] = Located(world.catalog.found[table, HOUR].location, None)
    world.now += GRACE_S
    report = world.sweep()
    assert (report.mended, world.keys(f"flow_logs/{HOUR.path}") == []) == (2, False)
    world.now += GRACE_S
    world.sweep()
    assert world.keys(f"flow_logs/{HOUR.path}") == []


def test_what_a_generation_supersedes_stands_in_its_manifest(world):
    """With the time: from it the grace time of those is counted who still read it."""
    world.sweep()
    first = [world.catalog.found[table, HOUR].location for table in (FLOW_LOGS, "flows_hourly")]
    world.now += HOUR_S
    world.arrive(HOUR)
    world.sweep()
    manifest = Manifest.from_json(world.objects.found[manifest_key(HOUR)][0], HOUR)
    assert manifest.superseded == tuple(Superseded(place, world.now) for place in first)
    assert manifest.generation == 2


def test_a_raw_hour_of_any_age_is_registered(world):
    """A folder that no partition shows; once."""
    world.arrive(OLD, is_registered=False)
    report = world.sweep()
    assert (report.missing, world.rows(OLD)) == (1, sorted(world.right(OLD)))
    assert world.sweep().missing == 0


def test_an_old_hour_waits_for_its_mark_and_is_told_of(world):
    """The sweep does not reach it: it counts as behind and the log names it, until somebody marks it, or names it."""
    world.arrive(OLD)
    lines = []
    report = replace(world.compactor(), tell=lines.append).sweep()
    assert (report.behind, OLD in report.compacted) == (1, False)
    assert [line for line in lines if "--sweep_hours" in line] == [
        f"{OLD.path}: waits, older than the sweep; give a longer --sweep_hours, or it as --hours"
    ]
    world.mark_late(OLD)
    report = world.sweep()
    assert (report.behind, OLD in report.compacted) == (0, True)
    world.check_compacted(OLD)


def test_what_is_left_behind_an_old_hour_goes_too(world):
    """A mark of compaction's own leads to it until nothing is left, to the hours beside it as well."""
    beside = hour(-199)
    for partition in (OLD, beside):
        world.arrive(partition)
    world.sweep(SweepSettings(GRACE_S, only=frozenset({short(OLD), short(beside)})))
    world.arrive(OLD)
    world.mark_late(OLD)
    world.sweep()
    assert [key for key in world.keys("compaction/marked/") if "/late-" in key] == []
    world.now += GRACE_S
    world.sweep()
    assert world.keys(f"flow_logs/{OLD.path}") == world.keys(f"flow_logs/{beside.path}") == []
    assert world.keys("compaction/marked/") == []
    for partition in (OLD, beside):
        world.check_compacted(partition)
        assert len(world.keys(f"flows_hourly/{partition.path}/")) == 1


def test_generations_go_where_nothing_raw_leads_to_them_any_more(world):
    """An old hour beside a marked one was counted again: the mark that compaction left leads to what it superseded."""
    beside = hour(-199)
    for partition in (OLD, beside):
        world.arrive(partition)
    both = SweepSettings(GRACE_S, only=frozenset({short(OLD), short(beside)}))
    world.sweep(both)
    world.now += GRACE_S
    world.sweep(both)
    world.arrive(OLD)
    world.mark_late(OLD)
    world.sweep()
    assert world.keys(f"flow_logs/{beside.path}") == []
    assert len(world.keys(f"flows_hourly/{beside.path}/")) == 2
    world.now += GRACE_S
    world.sweep()
    assert len(world.keys(f"flows_hourly/{beside.path}/")) == 1
    assert world.keys("compaction/marked/") == []


def test_a_mark_that_comes_while_its_hour_is_written_stays(world):
    """It speaks of objects that this run may not have seen."""
    world.mark_late(HOUR)
    late = []
    assert world.watched_sweep({3: lambda: late.extend((world.arrive(HOUR), world.mark_late(HOUR)))})
    assert world.keys("compaction/marked/")[-1:] == [late[1]]
    world.sweep()
    assert world.keys("compaction/marked/") == []
    world.check_compacted(HOUR)


def test_asked_for_hours_alone_are_compacted(world):
    """--hours: no others, of whatever age."""
    world.arrive(OLD)
    report = world.sweep(SweepSettings(GRACE_S, only=frozenset({short(OLD), short(NEXT)})))
    assert list(report.compacted) == [OLD, NEXT]


def test_a_damaged_manifest_stops_its_own_hour_and_those_that_count_with_it(world):
    """Nothing of the hour is touched; far hours go on; each failure is one line with the mend."""
    world.sweep()
    far = hour(-10)
    world.arrive(far)
    world.arrive(HOUR)
    world.objects.found[manifest_key(HOUR)] = (b'{"version": 1', NOW)
    before = dict(world.objects.found)
    report = world.compactor().sweep()
    assert list(report.compacted) == [far]
    assert report.behind == 2
    assert [line.partition(":")[0] for line in report.failures] == [HOUR.path, NEXT.path]
    assert "write it again by hand" in report.failures[0]
    assert before.items() <= world.objects.found.items() | {(key, before[key]) for key in before if far.path in key}


def test_a_lost_manifest_is_not_taken_for_a_first_compaction(world):
    """The raw objects are deleted by now: a generation of what lies there would lose all rows before."""
    world.sweep()
    world.now += GRACE_S
    world.sweep()
    world.arrive(HOUR)
    del world.objects.found[manifest_key(HOUR)]
    report = world.compactor().sweep()
    assert HOUR not in report.compacted
    assert "there is no compaction/manifests/" in report.failures[0]
    world.check_readers()


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (b"{}", "is of no kind or version"),
        (Mark(REPLACE, (), ()).to_json(), "replaces the hour with nothing"),
        (Mark(REPLACE, (f"backfill/{HOUR.path}/gone.parquet",), ()).to_json(), "a mark names it and it is not there"),
    ],
)
def test_a_mark_that_cannot_be_honoured_touches_nothing(world, mark, why):
    """The hour stays as it is, and the run says which mark."""
    world.objects.found[f"compaction/marked/{HOUR.path}/x.json"] = (mark, NOW)
    report = world.compactor().sweep()
    assert HOUR not in report.compacted
    assert why in report.failures[0]
    assert world.rows(HOUR) == sorted(world.right(HOUR))


def test_a_generation_that_is_gone_is_not_left_out(world):
    """Somebody has deleted its folder: the hour is not written again without those rows."""
    world.sweep()
    for key in world.keys(f"flow_logs_compacted/{HOUR.path}"):
        del world.objects.found[key]
    world.arrive(HOUR)
    report = world.compactor().sweep()
    assert HOUR not in report.compacted
    assert "has no objects; restore them" in report.failures[0]


class Broken:
    """A writer that fails, or says that it has written."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def write(self, job: object) -> HourResult:
        """Neither rows nor sums."""
        if self.error is not None and HOUR.path in str(job):
            raise self.error
        return HourResult(4, 0, 0, 0, 0)


@pytest.mark.parametrize("error", [None, MemoryError(), ValueError("row 7\nis odd")])
def test_an_hour_that_cannot_be_written_is_not_committed(world, error):
    """The others go on, the run fails and says which hours; the objects stay dirty."""
    compactor = world.compactor()
    object.__setattr__(compactor, "writer", Broken(error))
    report = compactor.sweep()
    assert report.compacted == {}
    assert report.behind == len(report.failures) == 2
    assert not any("\n" in line for line in report.failures)
    assert world.keys("compaction/manifests/") == []
    assert len(world.sweep().compacted) == 2


def test_an_hour_without_rows_is_compacted_and_read_no_more(world):
    """An object may hold no row; a generation of none has no objects, and the next one is made without it."""
    empty = hour(-5)
    key = f"flow_logs/{empty.path}/nothing.parquet"
    world.objects.found[key] = (parquet({"id": []}), NOW)
    world.states[empty].append(frozenset())
    assert world.sweep().compacted[empty].rows == 0
    world.arrive(empty)
    assert world.sweep().compacted[empty].rows == 2


def test_objects_that_cannot_be_deleted_are_told_of(world):
    """The run fails at its end; rows are as they were."""
    world.sweep()
    world.now += GRACE_S
    world.objects.delete = lambda keys: (f"{keys[0]}: AccessDenied",)
    report = world.compactor().sweep()
    assert report.deleted == 2
    assert "1 objects could not be deleted, the first: flow_logs/" in report.failures[0]
    told = {one["MetricName"]: one["Value"] for one in metric_data(report, "enricher")}
    assert (told["CompactionHoursBehind"], told["CompactionFailures"]) == (0, len(report.failures))


def test_a_mark_that_cannot_be_deleted_is_told_of(world):
    """Its hour would be looked at again in every run, and nobody would know why."""
    world.mark_late(HOUR)
    delete = world.objects.delete

    def refusing(keys) -> tuple[str, ...]:
        refused = [key for key in keys if key.startswith("compaction/marked/")]
        delete([key for key in keys if key not in refused])
        return tuple(f"{key}: AccessDenied" for key in refused)

    world.objects.delete = refusing
    report = world.compactor().sweep()
    assert ["compaction/marked/" in failure for failure in report.failures] == [True]
    world.objects.delete = delete
    assert world.sweep().failures == []
    assert world.keys("compaction/marked/") == []


def test_the_figures_that_alarms_watch(world):
    """Each run puts all of them, zeros too."""
    world.arrive(OLD, is_registered=False)
    report = world.sweep()
    told = {one["MetricName"]: one["Value"] for one in metric_data(report, "enricher")}
    assert told == {
        "CompactionHoursBehind": 1.0,
        "CompactionFailures": 0.0,
        "HoursCompacted": 2.0,
        "PartitionsMended": 0.0,
        "PartitionsMissing": 1.0,
    }
    assert metric_data(report, "enricher")[0]["Dimensions"] == [{"Name": "service", "Value": "enricher"}]
    assert report.as_json()["behind"] == 1


@pytest.mark.parametrize(
    "arguments", [(0, 48), (float("nan"), 48), (24, 3), (24, float("inf")), (24, 48, "2026-01-01"), (24, 48, "x,y")]
)
def test_bounds_that_would_lose_rows_are_refused(arguments):
    """No grace time at all, a sweep that reaches no closed hour, hours that are none."""
    with pytest.raises(SettingsError, match="--"):
        SweepSettings.of(*arguments)


def test_bounds_as_a_job_gives_them():
    """Hours become seconds."""
    assert SweepSettings.of(24, 48, " 2026-01-01/05 ,") == SweepSettings(86400, 172800, frozenset({"2026-01-01/05"}))
    assert SETTINGS.sweep_s == 172800
