"""Replay and backfill, and then compaction: readers see one copy, before, in between and after.

The hours are older than what compaction sweeps by itself: it comes to them by the marks alone.
"""

from collections import Counter
from dataclasses import dataclass

import pytest
from compaction_world import GRACE_S, MemoryCatalog, MemoryObjects, parquet, rows_in
from delivered import deliver
from lakes import ARRIVED, FORMAT, HOUR_MS, failed, put_all
from one_environment import REGION

from compaction.backfill import Backfill, Backfilled
from compaction.enrich_files import Summary
from compaction.hour import HourJob, HourResult
from compaction.known import Told
from compaction.replay import BatchWriter
from compaction.settings import SweepSettings
from compaction.source_objects import SourceObjects
from compaction.sweep import Compactor
from enricher.lake import FLOW_LOGS, Partition
from workbench.replay_run import Replay, Replayed

TEN, ELEVEN = (Partition.at(REGION, ARRIVED + n * HOUR_MS) for n in (0, 1))
KNOWN = Told([FORMAT[1]]).known(None)


class MemoryLake:
    """The same bucket as replay and backfill see it."""

    def __init__(self, objects) -> None:
        self.objects = objects

    def put_if_absent(self, key, body):
        """See LakeObjects."""
        return key not in self.objects.found and self.objects.replace(key, bytes(body), None)

    def keys(self, prefix):
        """See LakeObjects."""
        return (stored.key for stored in list(self.objects.listed(prefix)))

    def read(self, key):
        """See LakeObjects."""
        found = self.objects.get(key)
        return None if found is None else found[0]


@dataclass
class PortWriter:
    """Writes generations of lines that differ by their source port; drops copies."""

    objects: MemoryObjects

    def write(self, job: HourJob) -> HourResult:
        """See HourWriter; addresses are keys."""
        taken = [port for place in job.rows for port in rows_in(self.objects, place, "srcport")]
        kept = sorted(set(taken))
        self.objects.put(f"{job.location}part-0.parquet", parquet({"srcport": kept}))
        self.objects.put(f"{job.hourly_location}part-0.parquet", parquet({"rows": [len(kept)]}))
        return HourResult(len(kept), len(taken) - len(kept), 0, 0, 0)


class OldLake:
    """A lake whose clock stands ten days after the flows."""

    def __init__(self) -> None:
        self.now = ARRIVED / 1000 + 10 * 86_400
        self.objects = MemoryObjects(lambda: self.now)
        self.catalog = MemoryCatalog()
        self.lake = MemoryLake(self.objects)
        self.runs = 0

    def replay(self, directory):
        """Replay a directory of error objects; what it came to."""
        source, replayed = SourceObjects([str(directory)], lambda: None), Replayed(Summary())
        writer = BatchWriter(KNOWN.formats, None, KNOWN.rules, self.lake)
        list(Replay(source, writer, self.lake, None, self).run(source.names(), replayed))
        return replayed

    def register_hours(self, partitions):
        """As Partitions does: what is there stays."""
        return sum(self.catalog.register(FLOW_LOGS, each, f"{FLOW_LOGS}/{each.path}/") for each in partitions)

    def backfill(self, directory):
        """Backfill delivered files, replacing what their hours hold."""
        source, done = SourceObjects([str(directory)], lambda: None), Backfilled(Summary())
        job = Backfill(source, KNOWN, self.lake, is_replacing=True)
        for name in source.names():
            done.take(job.run(name, set()))
        return job.finish(done)

    def compact(self):
        """A run, two days later."""
        self.now += 2 * GRACE_S
        self.runs += 1
        settings = SweepSettings(GRACE_S)
        writer, run = PortWriter(self.objects), f"run-{self.runs}"
        report = Compactor(self.objects, self.catalog, writer, lambda: self.now, str, run, settings).sweep()
        assert report.failures == []
        return len(report.compacted)

    def seen(self, partition):
        """What a query of one hour reads, as the lines' numbers."""
        located = self.catalog.find(FLOW_LOGS, partition)
        ports = () if located is None else rows_in(self.objects, located.location, "srcport")
        return Counter(port - 1024 for port in ports)


@pytest.fixture
def world():
    """An old, empty lake."""
    return OldLake()


def test_replayed_before_and_after_compaction_is_one_copy(world, tmp_path):
    """Also where compaction has deleted the first replay's objects, so that the second one puts them again."""
    put_all(tmp_path, a=failed(1, 2, 3) + failed(4, 5, arrived_at=ARRIVED + HOUR_MS), b=failed(6))
    ten, eleven = Counter({1: 1, 2: 1, 3: 1, 6: 1}), Counter({4: 1, 5: 1})

    world.replay(tmp_path)
    assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    world.replay(tmp_path)
    assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    assert world.compact() == 2
    assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    for _ in range(3):
        world.compact()
    assert not list(world.lake.keys(f"{FLOW_LOGS}/"))

    again = world.replay(tmp_path)

    assert again.summary.already_there == 0
    assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    for _ in range(4):
        world.compact()
        assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    assert not list(world.lake.keys(f"{FLOW_LOGS}/"))
    assert not list(world.lake.keys("compaction/marked/"))


def test_what_is_replayed_into_a_compacted_hour_is_seen_after_the_next_run(world, tmp_path):
    """By its mark alone: compaction does not sweep so far back."""
    put_all(tmp_path, a=failed(1, 2))
    world.replay(tmp_path)
    world.compact()
    put_all(tmp_path, b=failed(2, 3))

    world.replay(tmp_path)
    assert world.seen(TEN) == Counter({1: 1, 2: 1})
    world.compact()

    assert world.seen(TEN) == Counter({1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize("is_compacted", [False, True], ids=["raw", "compacted"])
def test_a_replacing_backfill_leaves_only_its_own_rows(world, tmp_path, is_compacted):
    """Until compaction readers see what was; then the files' rows; the same again changes nothing."""
    put_all(tmp_path / "failed", a=failed(100, 101))
    world.replay(tmp_path / "failed")
    if is_compacted:
        world.compact()
    files = deliver(tmp_path / "delivered")

    assert world.backfill(files) == 2
    assert world.seen(TEN) == Counter({100: 1, 101: 1})
    world.compact()
    ten, eleven = Counter({1: 1, 2: 1, 3: 1, 4: 1}), Counter({5: 1, 6: 1})
    assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)

    world.backfill(files)
    for _ in range(4):
        world.compact()
        assert (world.seen(TEN), world.seen(ELEVEN)) == (ten, eleven)
    assert not list(world.lake.keys("compaction/marked/"))


def test_what_arrives_after_a_replacing_backfill_counts_on_top(world, tmp_path):
    """The mark retires what was there, not what came."""
    put_all(tmp_path / "failed", a=failed(100))
    world.replay(tmp_path / "failed")
    world.backfill(deliver(tmp_path / "delivered"))
    put_all(tmp_path / "late", a=failed(200))
    world.replay(tmp_path / "late")

    world.compact()

    assert world.seen(TEN) == Counter({1: 1, 2: 1, 3: 1, 4: 1, 200: 1})
