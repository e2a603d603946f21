"""Backfill: flow log files that AWS delivered to S3, through the function's own core, into the hours they are of.

A chunk's object is called after its sorted lines, so the same files twice, in another order or by several workers at
once, are one copy. Hours that the stream wrote to are refused, since nobody could tell its rows from the files'
(arrivals and batches differ). To replace them, objects are staged outside every table, and marks ask compaction to
take them as all that their hours hold: readers see the one or the other, never both.

VPC user guide, "Flow log files": names, prefixes, and that a file holds the records that ended in its five minutes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from compaction.enrich_files import FileEnricher, Summary, arrival_of, parsed_lines
from compaction.inputs import Chunk, delivered_at, read_open_file, region_of
from compaction.known import Known
from compaction.lake_objects import LakeObjects
from compaction.layout import manifest_key, raw_folder
from compaction.manifest import Manifest
from compaction.marks import REPLACE, Mark, mark_late, mark_name, staged_key
from compaction.source_objects import SourceObjects
from enricher.errors import EnricherError, InputError
from enricher.lake import Partition

PREFIX: Final = "backfill-"
_SUFFIX: Final = ".parquet"


class OccupiedError(InputError):
    """Hours to be backfilled hold rows of somebody else."""


@dataclass(frozen=True, slots=True)
class FileDone:
    """What became of one file: the names of the objects in each hour, and why it was left, or left in the middle."""

    name: str
    summary: Summary
    written: Mapping[Partition, Sequence[str]] = field(default_factory=dict)
    error: str | None = None


@dataclass(slots=True)
class Backfilled:
    """What a backfill came to so far; ``left``: files that could not be taken whole, and why."""

    summary: Summary
    files: int = 0
    written: dict[Partition, list[str]] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)

    def take(self, done: FileDone) -> None:
        """Add what became of a file."""
        self.files += 1
        self.summary.merge(done.summary)
        for partition, names in done.written.items():
            self.written.setdefault(partition, []).extend(names)
        if done.error is not None:
            self.left.append((done.name, done.error))

    def as_json(self) -> dict[str, Any]:
        """The figures under the names that scripts rely on."""
        left = [{"file": name, "why": why} for name, why in self.left]
        return {"files": self.files, "left": left, **self.summary.as_json()}


@dataclass(frozen=True, slots=True)
class Backfill:
    """Files into hours. ``region``: of records and paths that tell none; ``hours``: (day, hour) to be filled, or all.

    ``is_replacing``: whether what the hours hold is replaced.
    """

    source: SourceObjects
    known: Known
    lake: LakeObjects
    region: str | None = None
    hours: frozenset[tuple[str, str]] | None = None
    is_replacing: bool = False

    def plan(self, name: str) -> set[Partition]:
        """The hours that a file goes into; it is read only where its path does not tell. Empty where it is damaged."""
        moment, region = delivered_at(name), region_of(name) or self.region
        if moment is not None and region is not None:
            return set(filter(self._is_asked, [Partition.at(region, moment)]))
        enricher = self._enricher(set())
        planned: set[Partition] = set()
        try:
            for chunk in self._chunks(name):
                flows = parsed_lines(chunk).flows
                arrived_at = arrival_of(chunk, flows)
                planned |= {Partition.at(told, arrived_at) for told in enricher.regions(name, chunk, flows)}
        except EnricherError:
            return set()  # the run itself meets it again, and names it
        return set(filter(self._is_asked, planned))

    def refuse_occupied(self, planned: Iterable[Partition]) -> None:
        """Raises OccupiedError where one of the hours holds what no backfill wrote, unless that is to be replaced."""
        if self.is_replacing:
            return
        occupied = sorted((p for p in set(planned) if is_occupied(self.lake, p)), key=lambda p: p.path)
        if occupied:
            raise OccupiedError(
                f"lake: {len(occupied)} of these hours hold rows that no backfill wrote, the first is "
                f"{occupied[0].path}; leave them out with --hours, or replace what they hold with --replace"
            )

    def run(self, name: str, checked: set[Partition]) -> FileDone:
        """Write one file's objects. ``checked``: hours known to be free, which this adds to.

        What is wrong with a file is told, not raised: other files go on.
        """
        summary = Summary()
        written: dict[Partition, list[str]] = {}
        enricher = self._enricher(checked)
        try:
            if self._may_be_asked(name):
                for chunk in self._chunks(name):
                    for partition, batch_id in enricher.enrich(name, chunk, summary):
                        written.setdefault(partition, []).append(batch_id)
        except EnricherError as error:
            return FileDone(name, summary, written, str(error))
        return FileDone(name, summary, written)

    def finish(self, done: Backfilled) -> int:
        """When all files are done: mark the hours; how many marks were not there yet.

        Only then, and only if none was left: an hour is replaced by all of its files, not by some.
        """
        if not self.is_replacing:
            return mark_late(self.lake, done.written)
        marks = 0
        for partition, names in done.written.items() if not done.left else ():
            objects = tuple(staged_key(partition, name) for name in sorted(set(names)))
            retires = tuple(raw_names(self.lake, partition))
            mark = Mark(REPLACE, objects, retires)
            key = mark.key(partition, mark_name(REPLACE, [*objects, *retires]))
            marks += self.lake.put_if_absent(key, mark.to_json())
        return marks

    def _enricher(self, checked: set[Partition]) -> FileEnricher:
        def admits(partition: Partition) -> bool:
            if not self._is_asked(partition):
                return False
            if partition not in checked:
                self.refuse_occupied([partition])
                checked.add(partition)
            return True

        rules = self.known.rules
        return FileEnricher(
            self.known.formats,
            self.known.source,
            rules.promoted,
            self.region,
            self.lake,
            record_tags=rules.record_tags,
            name_of=_name_of,
            key_of=staged_key if self.is_replacing else Partition.flow_logs_key,
            admits=admits,
        )

    def _chunks(self, name: str) -> Iterator[Chunk]:
        with self.source.open(name) as file:
            yield from read_open_file(name, file, self.known.formats)

    def _is_asked(self, partition: Partition) -> bool:
        return self.hours is None or (partition.day, partition.hour) in self.hours

    def _may_be_asked(self, name: str) -> bool:
        """Whether a file can hold something for the hours that are to be filled, as far as its name tells."""
        moment = delivered_at(name)
        return moment is None or self._is_asked(Partition.at("", moment))


def asked_hours(text: str) -> frozenset[tuple[str, str]] | None:
    """``2026-11-18/09,2026-11-19``: hours, or whole days, as (day, hour); None where nothing is asked for.

    Raises InputError where one of them is neither.
    """
    asked: set[tuple[str, str]] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        day, _, hour = part.partition("/")
        try:
            moment = datetime.strptime(f"{day}/{hour or '00'}", "%Y-%m-%d/%H").replace(tzinfo=UTC)
        except ValueError as error:
            raise InputError(f"--hours {part}: is no hour; give 2026-11-18/09, or the day alone") from error
        asked |= {(f"{moment:%Y-%m-%d}", f"{each:02}") for each in ([moment.hour] if hour else range(24))}
    return frozenset(asked) or None


def is_occupied(lake: LakeObjects, partition: Partition) -> bool:
    """Whether an hour holds rows that no backfill wrote: raw ones, or compacted ones that came from such."""
    names = [*raw_names(lake, partition), *_included(lake, partition)]
    return any(not name.startswith(PREFIX) for name in names)


def raw_names(lake: LakeObjects, partition: Partition) -> list[str]:
    """Names of an hour's raw objects, as manifests and marks call them (``….parquet``)."""
    folder = raw_folder(partition)
    return sorted(key.removeprefix(folder) for key in lake.keys(folder) if key.endswith(_SUFFIX))


def _included(lake: LakeObjects, partition: Partition) -> Iterable[str]:
    """Names of the raw objects that compaction has taken into the hour, also of those that are deleted by now.

    Raises CompactionError where nobody can tell: such an hour is not taken for a free one.
    """
    body = lake.read(manifest_key(partition))
    return () if body is None else Manifest.from_json(body, partition).included


def _name_of(chunk: Chunk) -> str:
    return f"{PREFIX}{chunk.sorted_name}"
