"""A run of compaction: audit the catalog, compact the dirty hours one after the other, delete what nobody needs.

An hour is compacted in this order, and may be killed between any two steps:

1. the generation's two folders are written whole, under a name that is nobody else's;
2. the manifest is put if it is still the one that was read: the commit, which one of two compactors wins;
3. the partitions of both tables are switched to the manifest's locations, as each later run's audit does again;
4. after the grace time, raw objects that the manifest includes and folders that it is not go.

Until 3 readers see what was before, whole; after it the generation, whole. An hour that fails stops no other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Final

from compaction.catalog import Catalog
from compaction.hour import HourJob, HourResult, HourWriter
from compaction.hours import Contents, Hour, contents, digests, is_dirty
from compaction.layout import COMPACTED, HOUR_S, HOURLY, begin, beside, manifest_key, raw_folder
from compaction.look import look, planned
from compaction.manifest import CompactionError, Manifest, Superseded
from compaction.objects import Objects
from compaction.settings import SweepSettings
from compaction.tidy import leave_follow_up, tidy
from enricher.lake import FLOW_LOGS, Partition

_ROUNDS: Final = 5  # of switching a partition while others commit


@dataclass
class Report:
    """What a run did. ``failures``: a line each; none means that all that was due is done.

    ``lost``: hours that another compactor committed meanwhile. ``behind``: hours that should be compacted and are not.
    ``mended``: partitions that did not point at their generation; ``missing``: those of raw hours that were not there.
    """

    compacted: dict[Partition, HourResult] = field(default_factory=dict)
    lost: list[Partition] = field(default_factory=list)
    behind: int = 0
    mended: int = 0
    missing: int = 0
    deleted: int = 0
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The run in a line of JSON."""
        return {
            "compacted": {partition.path: asdict(result) for partition, result in self.compacted.items()},
            "lost": [partition.path for partition in self.lost],
            "behind": self.behind,
            "mended": self.mended,
            "missing": self.missing,
            "deleted": self.deleted,
            "failures": self.failures,
        }


@dataclass(frozen=True)
class Compactor:
    """What runs share. Not thread-safe; any number of them may work on one lake.

    Args:
        objects: of the lake's bucket.
        catalog: with the tables ``flow_logs`` and ``flows_hourly``.
        writer: writes generations.
        clock: Unix seconds.
        uri: the address under which the writer reads and writes a key.
        run: names this run alone, of letters, digits and dashes.
        snapshot: the inventory with which rows are settled, None without one.
        tell: is told a line for each hour.
    """

    objects: Objects
    catalog: Catalog
    writer: HourWriter
    clock: Callable[[], float]
    uri: Callable[[str], str]
    run: str
    settings: SweepSettings
    snapshot: str | None = None
    tell: Callable[[str], object] = lambda _: None

    def sweep(self) -> Report:
        """One run; hours fail by themselves. Raises what the store raises when it is asked which hours there are."""
        settings, report = self.settings, Report()
        hours = planned(self.objects, self.clock(), settings.sweep_s, settings.grace_s, settings.only)
        audited = [hour for hour in hours.looked_at if self._try(report, hour, self._audit)]
        for hour in hours.due:
            if hour in audited:
                report.behind += not self._try(report, hour, partial(self._compact, regions=hours.regions))
            else:
                report.behind += 1
        report.behind += sum(self._is_waiting(hour) for hour in hours.waiting if hour in audited)
        for hour in audited:
            self._try(report, hour, partial(self._tidy, regions=hours.regions))
        return report

    def _try(self, report: Report, hour: Partition, step: Callable[[Report, Partition], object]) -> bool:
        try:
            step(report, hour)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other hours go on; the run fails at its end
            report.failures.append(f"{hour.path}: {' '.join(str(error).split()) or type(error).__name__}")
            return False
        return True

    def _audit(self, report: Report, partition: Partition) -> None:
        """The partitions show the manifest's generation; a raw hour has one that shows its raw objects."""
        if self.objects.get(manifest_key(partition)) is not None:
            report.mended += self._publish(partition)
            return
        is_registered = self._check_raw(partition)
        if not is_registered and any(True for _ in self.objects.listed(raw_folder(partition))):
            report.missing += self.catalog.register(FLOW_LOGS, partition, raw_folder(partition))

    def _check_raw(self, partition: Partition) -> bool:
        """Whether an hour without a manifest is registered. Raises CompactionError where one must have been lost."""
        place = self.catalog.find(FLOW_LOGS, partition)
        if place is not None and place.location.startswith(f"{COMPACTED}/"):
            raise CompactionError(
                f"the partition shows {place.location}, and there is no {manifest_key(partition)}; restore the "
                "manifest (if the hour's rows have expired, delete its raw objects and marks), nothing of the hour is "
                "touched until then"
            )
        return place is not None

    def _publish(self, partition: Partition) -> int:
        """Switch both partitions to the manifest's locations; how many were not there.

        Another compactor may commit and switch in between: whoever switched looks again.
        """
        switched: set[str] = set()
        for _ in range(_ROUNDS):
            found = self.objects.get(manifest_key(partition))
            if found is None:
                raise CompactionError(f"manifest {manifest_key(partition)}: is gone; restore it")
            manifest = Manifest.from_json(found[0], partition)
            wrong = {table: place for table, place in _places(manifest) if not self._shows(table, partition, place)}
            if not wrong:
                return len(switched)
            for table, place in wrong.items():
                self.catalog.switch(table, partition, place, self.clock())
            switched |= wrong.keys()
        raise CompactionError(f"the hour was committed in each of {_ROUNDS} rounds; the next run mends it")

    def _shows(self, table: str, partition: Partition, place: str) -> bool:
        shown = self.catalog.find(table, partition)
        return shown is not None and shown.location == place and shown.since is not None

    def _compact(self, report: Report, partition: Partition, regions: Iterable[str]) -> None:
        neighbours = tuple(look(self.objects, other) for other in beside(partition, regions))
        hour = look(self.objects, partition)
        if not is_dirty(hour, neighbours):
            return
        held = contents(hour)
        self._check_inputs(hour, held)
        if not self._is_swept(partition):
            leave_follow_up(self.objects, partition, self.run)
        result, manifest = self._write(hour, neighbours, held)
        if not self.objects.replace(manifest_key(partition), manifest.to_json(), hour.etag):
            report.lost.append(partition)
            self.tell(f"{partition.path}: another compactor was faster")
            return
        report.compacted[partition] = result
        self.tell(f"{partition.path}: generation {manifest.generation}, {result}")
        self._publish(partition)

    def _check_inputs(self, hour: Hour, held: Contents) -> None:
        """What is to be read is there: from a part of it no generation is made."""
        if hour.manifest is None:
            self._check_raw(hour.partition)
        for key in held.keys:
            if key.endswith("/") and not any(True for _ in self.objects.listed(key)):
                raise CompactionError(f"generation {key}: has no objects; restore them")
        there = {stored.key for key in held.staged[:1] for stored in self.objects.listed(f"{key.rpartition('/')[0]}/")}
        if missing := sorted(set(held.staged) - there):
            raise CompactionError(f"object {missing[0]}: a mark names it and it is not there; run the backfill again")

    def _write(self, hour: Hour, neighbours: Sequence[Hour], held: Contents) -> tuple[HourResult, Manifest]:
        """The generation's folders, and the manifest that would commit them."""
        before, now = hour.manifest, self.clock()
        manifest = Manifest(
            partition=hour.partition,
            generation=1 if before is None else before.generation + 1,
            run=self.run,
            included=held.names,
            neighbours=digests(hour.partition, neighbours),
            honoured=held.honoured,
            snapshot=self.snapshot,
            compacted_at=now,
            superseded=(),
            **dict.fromkeys(("rows", "dropped", "settled", "changed", "withdrawn"), 0),
        )
        result = self.writer.write(
            HourJob(
                partition=hour.partition,
                rows=tuple(map(self.uri, held.keys)),
                neighbours=tuple(self.uri(key) for other in neighbours for key in contents(other).keys),
                location=self.uri(manifest.location),
                hourly_location=self.uri(manifest.hourly_location),
            )
        )
        if result.rows and not any(stored.size for stored in self.objects.listed(manifest.location)):
            raise CompactionError(f"generation {manifest.location}: {result.rows} rows were written, none are there")
        committed_at = self.clock()
        return result, replace(
            manifest,
            compacted_at=committed_at,
            superseded=_superseded(before, committed_at, self.settings.grace_s),
            rows=result.rows,
            dropped=result.dropped,
            settled=result.settled,
            changed=result.changed,
            withdrawn=result.withdrawn,
        )

    def _is_waiting(self, partition: Partition) -> bool:
        hour = look(self.objects, partition)
        if not set(hour.raw) - hour.included:
            return False
        self.tell(f"{partition.path}: waits, older than the sweep; give a longer --sweep_hours, or it as --hours")
        return True

    def _is_swept(self, partition: Partition) -> bool:
        """Whether runs look at the hour by themselves until what is left behind it has gone."""
        return begin(partition) + HOUR_S > self.clock() - self.settings.sweep_s

    def _tidy(self, report: Report, partition: Partition, regions: Iterable[str]) -> None:
        deadline = self.clock() - self.settings.grace_s
        is_swept = self._is_swept(partition)
        deleted, errors = tidy(self.objects, self.catalog, partition, deadline, is_swept=is_swept, regions=regions)
        report.deleted += deleted
        if errors:
            raise CompactionError(f"{len(errors)} objects could not be deleted, the first: {errors[0]}")


def _places(manifest: Manifest) -> Iterable[tuple[str, str]]:
    return (FLOW_LOGS, manifest.location), (HOURLY, manifest.hourly_location)


def _superseded(before: Manifest | None, now: float, grace_s: float) -> tuple[Superseded, ...]:
    """The folders that the next manifest supersedes; those of long ago need no date any more."""
    if before is None:
        return ()
    recent = tuple(one for one in before.superseded if now - one.since < grace_s)
    return (*recent, *(Superseded(place, now) for _, place in _places(before)))
