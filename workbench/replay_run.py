"""A replay from its first look to its last object: what failed and why, then batch by batch into the lake."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from compaction.enrich_files import Summary
from compaction.error_objects import ErrorRecord, Unreadable, read_error_object
from compaction.inputs import region_of
from compaction.lake_objects import LakeObjects
from compaction.marks import mark_late
from compaction.replay import Batch, BatchWriter, batches
from compaction.source_objects import SourceObjects
from enricher.errors import InputError
from enricher.lake import Partition
from enricher.partitions import Partitions

_MOST_NAMED: Final = 1000


@dataclass(slots=True)
class Survey:
    """What there is to replay: records by error code, and what cannot be read: (object, line, reason).

    ``damaged``: objects that are left out as a whole. Line 0 is the object itself.
    """

    objects: int = 0
    records: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    named: list[tuple[str, int, str]] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)

    def take(self, name: str, found: ErrorRecord | Unreadable) -> None:
        """Count what was found in an object."""
        if isinstance(found, ErrorRecord):
            self.records += 1
            self.codes[found.code] += 1
            return
        self.unreadable += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append((name, found.line, found.reason))
        if found.line == 0:
            self.damaged.add(name)


@dataclass(slots=True)
class Replayed:
    """What a replay came to so far."""

    summary: Summary
    hours: set[Partition] = field(default_factory=set)
    marks: int = 0
    partitions: int = 0


def look(source: SourceObjects, names: Sequence[str], region: str | None) -> Survey:
    """Read everything once and write nothing.

    Raises:
        InputError: an object's records tell no region, and none is given.
    """
    survey = Survey(objects=len(names))
    for name in names:
        codes: Counter[str] = Counter()
        told = Survey(codes=codes)
        is_told = True
        with source.open(name) as file:
            for found in read_error_object(file):
                told.take(name, found)
                is_told = is_told and (isinstance(found, Unreadable) or found.region is not None)
        if name in told.damaged:
            told.records, told.codes = 0, Counter()
        elif not is_told and (region_of(name) or region) is None:
            raise InputError(f"{name}: its records tell no region; give --region, such as us-east-1")
        survey.records += told.records
        survey.codes.update(told.codes)
        survey.unreadable += told.unreadable
        survey.named += told.named[: _MOST_NAMED - len(survey.named)]
        survey.damaged |= told.damaged
    return survey


@dataclass(frozen=True, slots=True)
class Replay:
    """Writes all readable records of objects into a lake. ``region``: of records and keys that tell none.

    ``catalog``: where the hours that are written to are registered, if anywhere.
    """

    source: SourceObjects
    writer: BatchWriter
    lake: LakeObjects
    region: str | None
    catalog: Partitions | None

    def run(self, names: Iterable[str], replayed: Replayed) -> Iterator[str]:
        """Replay the objects in turn; the name of each that is done.

        Of each object first the rows, then a mark for each of their hours, then the hours' partitions. Whoever is
        stopped between two of these steps takes all of them again, and finds what is there.
        """
        for name in names:
            written: dict[Partition, list[str]] = {}
            with self.source.open(name) as file:
                for batch in self._batches(name, file):
                    if self.writer.write(batch, replayed.summary):
                        written.setdefault(batch.partition, []).append(batch.name)
            replayed.marks += mark_late(self.lake, written)
            replayed.hours |= written.keys()
            if self.catalog is not None:
                replayed.partitions += self.catalog.register_hours(written)
            yield name

    def _batches(self, name: str, file: Any) -> Iterator[Batch]:
        records = (found for found in read_error_object(file) if isinstance(found, ErrorRecord))
        return batches(records, region_of(name) or self.region, name)
