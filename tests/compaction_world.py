"""A lake in memory for compaction's tests, a writer of generations, and a model that knows which rows must be seen.

``MemoryObjects`` and ``MemoryCatalog`` behave as S3 and Glue do (``tests/contract/test_compaction_stores.py`` runs one
suite over both kinds) and have a clock of the test's. Each side effect is announced before it happens, so that a test
can kill the run there, or let somebody else act.
"""

import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import md5
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compaction.catalog import Catalog
from compaction.hour import HourJob, HourResult
from compaction.hours import Stored
from compaction.layout import begin, beside, manifest_key, short
from compaction.leftovers import Located
from compaction.manifest import Manifest
from compaction.marks import LATE, REPLACE, Mark, staged_key
from compaction.objects import Objects
from compaction.settings import SweepSettings
from compaction.sweep import Compactor, Report
from enricher.lake import FLOW_LOGS, Partition

REGION = "us-east-1"
HOUR_S = 3600
GRACE_S = 24 * HOUR_S
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
HOURLY = "flows_hourly"
SETTINGS = SweepSettings(GRACE_S)


class Killed(BaseException):
    """The process is gone; nothing of ours catches it."""


class MemoryObjects:
    """A bucket in memory."""

    def __init__(self, clock: Callable[[], float], effect: Callable[[str], object] = lambda _: None) -> None:
        self.found: dict[str, tuple[bytes, float]] = {}
        self._clock = clock
        self._effect = effect

    def listed(self, prefix: str) -> Iterator[Stored]:
        """See Objects."""
        for key in sorted(self.found):
            if key.startswith(prefix):
                body, put_at = self.found[key]
                yield Stored(key, len(body), put_at)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """See Objects."""
        rests = (key.removeprefix(prefix) for key in self.found if key.startswith(prefix))
        return tuple(sorted({rest.partition("/")[0] for rest in rests if "/" in rest}))

    def get(self, key: str) -> tuple[bytes, str] | None:
        """See Objects."""
        found = self.found.get(key)
        return None if found is None else (found[0], etag(found[0]))

    def replace(self, key: str, body: bytes, token: str | None) -> bool:
        """See Objects."""
        self._effect(f"put {key}")
        found = self.get(key)
        if (None if found is None else found[1]) != token:
            return found is not None and found[0] == body
        self.found[key] = (body, self._clock())
        return True

    def put(self, key: str, body: bytes) -> None:
        """An unconditional put, as Spark's."""
        self._effect(f"put {key}")
        self.found[key] = (body, self._clock())

    def delete(self, keys: Sequence[str]) -> tuple[str, ...]:
        """See Objects; a process may go between two of them."""
        for key in keys:
            self._effect(f"delete {key}")
            self.found.pop(key, None)
        return ()


class MemoryCatalog:
    """Partitions of any tables in memory."""

    def __init__(self, effect: Callable[[str], object] = lambda _: None) -> None:
        self.found: dict[tuple[str, Partition], Located] = {}
        self._effect = effect

    def find(self, table: str, partition: Partition) -> Located | None:
        """See Catalog."""
        return self.found.get((table, partition))

    def register(self, table: str, partition: Partition, location: str) -> bool:
        """See Catalog."""
        self._effect(f"register {table}/{partition.path}")
        if (table, partition) in self.found:
            return False
        self.found[table, partition] = Located(location, None)
        return True

    def switch(self, table: str, partition: Partition, location: str, now: float) -> None:
        """See Catalog."""
        self._effect(f"switch {table}/{partition.path}")
        self.found[table, partition] = Located(location, now)


@dataclass
class ArrowWriter:
    """Writes generations with pyarrow: drops equal rows, sorts, writes two objects of rows and one of sums.

    ``beside``, a column of the sums, tells how many rows the hours beside it had: with what it was counted.
    """

    objects: Any
    begun: Callable[[HourJob], object] = lambda _: None

    def write(self, job: HourJob) -> HourResult:
        """See HourWriter; addresses are keys."""
        self.begun(job)
        taken = self._rows(job.rows)
        rows = sorted(set(taken))
        half = (len(rows) + 1) // 2
        for number, part in enumerate((rows[:half], rows[half:])):
            if part:
                self.objects.put(f"{job.location}part-{number}.parquet", parquet({"id": part}))
        sums = {"rows": [len(rows)], "beside": [len(self._rows(job.neighbours))]}
        self.objects.put(f"{job.hourly_location}part-0.parquet", parquet(sums))
        return HourResult(len(rows), len(taken) - len(rows), 0, 0, 0)

    def _rows(self, places: Sequence[str]) -> list[str]:
        return [row for place in places for row in rows_in(self.objects, place, "id")]


def parquet(columns: dict[str, list[Any]]) -> bytes:
    """A table's bytes."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def rows_in(objects: Objects, place: str, column: str) -> list[Any]:
    """The values of a column in an object, or in all objects of a folder (a key that ends in ``/``)."""
    keys = [stored.key for stored in objects.listed(place)] if place.endswith("/") else [place]
    rows = []
    for key in keys:
        found = objects.get(key)
        assert found is not None, f"{key} is gone while it is read"
        rows += _column(found[0], column)
    return rows


@lru_cache(maxsize=10_000)
def _column(body: bytes, column: str) -> tuple[Any, ...]:
    """A column of an object; readers look at the same objects again and again."""
    return tuple(pq.ParquetFile(io.BytesIO(body)).read()[column].to_pylist())


def etag(body: bytes) -> str:
    """As S3's of an object put in one go."""
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'


def hour(number: int, region: str = REGION) -> Partition:
    """The hour so many hours after NOON's day began."""
    return Partition.at(region, round((NOON // 86_400 * 86_400 + number * HOUR_S) * 1000))


def crawl(objects: Objects, catalog: Catalog) -> None:
    """As the crawler's stand-in: folders below the table's place that have no partition are registered."""
    for stored in list(objects.listed(f"{FLOW_LOGS}/")):
        region, day, of = (part.partition("=")[2] for part in stored.key.split("/")[1:4])
        partition = Partition(region, day, of)
        if catalog.find(FLOW_LOGS, partition) is None:
            catalog.register(FLOW_LOGS, partition, f"{FLOW_LOGS}/{partition.path}/")


@dataclass
class World:
    """A lake with compactors, readers and a model of the rows; ``now`` is everybody's clock.

    ``raw``: hour → rows of all raw objects that ever came. ``states``: hour → what the hour was, should somebody have
    compacted it at once, after each arrival and each replacement; the last one is what it is now.
    ``announced``: side effects so far; ``at``: what happens before the n-th of all.
    """

    now: float = NOON
    raw: dict[Partition, list[str]] = field(default_factory=lambda: defaultdict(list))
    states: dict[Partition, list[frozenset[str]]] = field(default_factory=lambda: defaultdict(lambda: [frozenset()]))
    announced: list[str] = field(default_factory=list)
    at: dict[int, Callable[[], object]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.objects = MemoryObjects(lambda: self.now, self._effect)
        self.catalog = MemoryCatalog(self._effect)
        self._numbers = itertools.count(1)
        self._allowed: dict[str, list[frozenset[str]]] = {}
        self._is_watched = False

    def right(self, partition: Partition) -> frozenset[str]:
        """The rows that readers must see once the hour is compacted."""
        return self.states[partition][-1]

    def arrive(self, partition: Partition, rows: int = 2, *, is_registered: bool = True) -> str:
        """A raw object comes, as the stream, replay or backfill put it; its key."""
        number = next(self._numbers)
        ids = [f"{number}.{row}" for row in range(rows)]
        key = f"{FLOW_LOGS}/{partition.path}/batch-{number:04d}.parquet"
        self.bodies[key] = parquet({"id": ids})
        self.objects.found[key] = (self.bodies[key], self.now)
        self.raw[partition] += ids
        self.states[partition].append(self.right(partition) | set(ids))
        if is_registered:
            self.catalog.found.setdefault((FLOW_LOGS, partition), Located(f"{FLOW_LOGS}/{partition.path}/", None))
        return key

    def deliver_again(self, key: str) -> bool:
        """The stream tries a batch again: put unless it is there; whether it was put."""
        is_gone = key not in self.objects.found
        if is_gone:
            self.objects.found[key] = (self.bodies[key], self.now)
        return is_gone

    def mark_late(self, partition: Partition) -> str:
        """A mark as replay leaves it."""
        return self._mark(partition, Mark(LATE))

    def replace_hour(self, partition: Partition, between: Callable[[], object] = lambda: None) -> str:
        """A backfill that replaces the hour: it lists what it retires, stages two objects, and leaves its mark."""
        retires = [stored.key.rpartition("/")[2] for stored in self.objects.listed(f"{FLOW_LOGS}/{partition.path}/")]
        before = self.right(partition)
        between()
        number = next(self._numbers)
        rows = {f"{key}.{row}" for key in ("a", "b") for row in (number, number + 0.5)}
        keys = [staged_key(partition, f"backfill-{number:04d}{key}") for key in ("a", "b")]
        for key in keys:
            ids = sorted(row for row in rows if row[0] == key.removesuffix(".parquet")[-1])
            self.objects.found[key] = (parquet({"id": ids}), self.now)
        self.states[partition].append(frozenset(rows | (self.right(partition) - before)))
        return self._mark(partition, Mark(REPLACE, tuple(keys), tuple(retires)))

    def compactor(self, settings: SweepSettings = SETTINGS) -> Compactor:
        """One whose run begins now."""
        begun = {partition: len(states) - 1 for partition, states in self.states.items()}

        def writing(job: HourJob) -> None:
            self._allowed[job.location] = self.states[job.partition][begun.get(job.partition, 0) :]

        return Compactor(
            objects=self.objects,
            catalog=self.catalog,
            writer=ArrowWriter(self.objects, writing),
            clock=lambda: self.now,
            uri=str,
            run=f"run-{next(self._numbers):04d}",
            settings=settings,
        )

    def sweep(self, settings: SweepSettings = SETTINGS) -> Report:
        """A run to its end; nothing may fail in it."""
        report = self.compactor(settings).sweep()
        assert report.failures == []
        return report

    def watched_sweep(self, at: Mapping[int, Callable[[], object]] = {}) -> bool:
        """A run with readers looking before each side effect, and something happening before the n-th (from 0).

        Returns whether it came to its end, or was killed.
        """
        first = len(self.announced)
        self.at = {first + number: action for number, action in at.items()}
        self._is_watched = True
        try:
            self.sweep()
        except Killed:
            return False
        finally:
            self._is_watched, self.at = False, {}
            self.check_readers()
        return True

    def check_readers(self) -> None:
        """Each reader sees one copy of each row, and exactly what the hour was at some time of the run that wrote it.

        Whoever is shown raw objects sees all that ever came: none is deleted before readers are led elsewhere.
        """
        for partition in self.states:
            located = self.catalog.find(FLOW_LOGS, partition)
            if located is None:
                continue
            seen = sorted(rows_in(self.objects, located.location, "id"))
            if located.location.startswith(f"{FLOW_LOGS}/"):
                assert seen == sorted(self.raw[partition]), partition.path
            else:
                assert seen in [sorted(state) for state in self._allowed[located.location]], located.location

    def check_compacted(self, partition: Partition) -> None:
        """The hour is exactly what it should be, rows and sums, counted with what the hours beside it are now."""
        assert sorted(self.rows(partition)) == sorted(self.right(partition)), partition.path
        assert self.rows(partition, HOURLY, "rows") == [len(self.right(partition))]
        regions = {other.aws_region for other in [*self.states]}
        others = sum(len(self.right(other)) for other in beside(partition, regions))
        assert self.rows(partition, HOURLY, "beside") == [others], partition.path

    def check_shown(self) -> None:
        """Both tables show what the manifests say: whoever switched last did not switch back."""
        for partition in self.states:
            found = self.objects.get(manifest_key(partition))
            if found is not None:
                manifest = Manifest.from_json(found[0], partition)
                shown = [self.catalog.found[table, partition].location for table in (FLOW_LOGS, HOURLY)]
                assert shown == [manifest.location, manifest.hourly_location], partition.path

    def rows(self, partition: Partition, table: str = FLOW_LOGS, column: str = "id") -> list[Any]:
        """What a query of one hour reads: the partition's place, and then all objects there."""
        located = self.catalog.find(table, partition)
        return [] if located is None else rows_in(self.objects, located.location, column)

    def keys(self, prefix: str) -> list[str]:
        """Keys of the bucket that begin so."""
        return [stored.key for stored in self.objects.listed(prefix)]

    def kill(self) -> None:
        """What happens to a process at an effect."""
        raise Killed

    def _effect(self, name: str) -> None:
        number = len(self.announced)
        self.announced.append(name)
        if self._is_watched:
            self.check_readers()
            self._is_watched = False  # what happens here is watched no further
            self.at.get(number, lambda: None)()
            self._is_watched = True

    def _mark(self, partition: Partition, mark: Mark) -> str:
        key = mark.key(partition, f"{mark.kind}-{next(self._numbers):04d}")
        self.objects.found[key] = (mark.to_json(), self.now)
        return key


NEWS, BESIDE, REPLACED, FRESH, OLD = (hour(number) for number in (5, 6, 7, 8, 10))
BUSY_HOURS = (NEWS, BESIDE, REPLACED, FRESH, OLD)
START = begin(OLD) + 3 * HOUR_S


def busy_lake() -> World:
    """Five hours before a run that has everything to do.

    NEWS has a late object and a copy of one that was deleted; BESIDE, marked, was counted with what NEWS held before;
    REPLACED waits for a backfill; FRESH has no generation yet; of OLD, raw objects, a superseded generation and what a
    killed run left behind may go.
    """
    world = World(now=START)
    first = [world.arrive(partition) for partition in (NEWS, BESIDE, REPLACED, OLD) for _ in range(2)]
    world.sweep(SweepSettings(GRACE_S, only=frozenset(map(short, (NEWS, BESIDE, REPLACED)))))
    world.now += 2 * HOUR_S
    assert not world.watched_sweep({2: world.kill})
    world.sweep()
    world.arrive(OLD)
    world.now += HOUR_S
    world.sweep()
    world.now = START + GRACE_S
    world.sweep()
    assert world.deliver_again(first[0])
    world.arrive(NEWS)
    world.replace_hour(REPLACED)
    world.mark_late(BESIDE)
    world.now += 3 * HOUR_S
    world.arrive(FRESH)
    return world
