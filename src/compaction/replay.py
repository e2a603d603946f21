"""Replay: delivery records that failed, through the function's own core, straight into the lake.

Which batches are made follows from one error object's bytes alone, not from what else there is or what was written
before, so a second replay makes the same batches, and each finds its first copy. They go into the hour in which the
function would have put them: a batch that failed whole is kept together by the time its last attempt ended, so that
a copy that the function did write lies in the same hour, where compaction and views see one of the two.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import gt
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from compaction.enrich_files import Summary
from compaction.error_objects import ErrorRecord
from compaction.inputs import MAX_LINES
from enricher.enrich import Provenance, enrich
from enricher.errors import InputError
from enricher.lake import ObjectStore, Partition, to_error_objects, to_parquet
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.payload import MAX_BATCH_LINES, MAX_RECORD_BYTES, held_bytes, inflate, most_lines, read_payloads
from enricher.resolve import Rules, resolve
from enricher.sources import Source

PREFIX: Final = "replay-"
WINDOW_BYTES: Final = 64 * 1024 * 1024  # of an object that are held at a time
BATCH_BYTES: Final = 64 * 1024 * 1024  # inflated, in one batch: half of what the core takes
_HOUR_MS: Final = 3_600_000
_RECORD_BYTES: Final = 512  # what a record takes beside its payload
_LONGEST_BATCH_MS: Final = 15 * 60_000  # the longest buffer interval of a Lambda processor
_BATCH_FAILED: Final = "Lambda."


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that become one object, sorted by their bytes."""

    partition: Partition
    records: Sequence[ErrorRecord]

    @property
    def name(self) -> str:
        """``replay-`` and a hash of the sorted raw records."""
        hasher = hashlib.sha256()
        for record in self.records:
            hasher.update(len(record.payload).to_bytes(8, "little"))
            hasher.update(record.payload)
        return f"{PREFIX}{hasher.hexdigest()[:32]}"


def batches(records: Iterable[ErrorRecord], region: str | None, name: str) -> Iterator[Batch]:
    """The batches of one error object's records; of as many as fit into memory at a time.

    Args:
        records: in the object's order.
        region: of records that tell none.
        name: of the object, for the error.

    Raises:
        InputError: a record tells no region, and none is given.
    """
    for window in _windows(records):
        by_hour: dict[tuple[str, int | None], list[ErrorRecord]] = {}
        for record, arrived_at in _with_hours(window):
            place = record.region or region
            if place is None:
                raise InputError(f"{name}: its records tell no region; give --region, such as us-east-1")
            by_hour.setdefault((place, None if arrived_at is None else arrived_at // _HOUR_MS), []).append(record)
        for (place, hour), members in by_hour.items():
            partition = Partition.at(place, None if hour is None else hour * _HOUR_MS)
            members.sort(key=lambda record: (record.payload, record.arrived_at or 0))
            for part in _cut(members):
                yield Batch(partition, part)


def _windows(records: Iterable[ErrorRecord]) -> Iterator[list[ErrorRecord]]:
    """Runs of records that together take not much more than WINDOW_BYTES."""
    window: list[ErrorRecord] = []
    held = 0
    for record in records:
        window.append(record)
        held += len(record.payload) + _RECORD_BYTES
        if held >= WINDOW_BYTES:
            yield window
            window, held = [], 0
    if window:
        yield window


def _with_hours(records: Sequence[ErrorRecord]) -> Iterator[tuple[ErrorRecord, int | None]]:
    """Each record with the arrival that its hour follows from: of a batch that failed whole, its first record's."""
    for (code, ended_at, _), members in groupby(records, key=lambda r: (r.code, r.ended_at, r.region)):
        failed = list(members)
        arrivals = [record.arrived_at or 0 for record in failed]
        first, last = min(arrivals), max(arrivals)
        is_batch = code.startswith(_BATCH_FAILED) and ended_at is not None
        if is_batch and last - first <= _LONGEST_BATCH_MS:
            yield from ((record, first) for record in failed)
        else:
            yield from ((record, record.arrived_at) for record in failed)


def _cut(records: Sequence[ErrorRecord]) -> Iterator[list[ErrorRecord]]:
    """Parts of at most MAX_LINES lines, and of no more than the core takes at once; a record is never cut."""
    part: list[ErrorRecord] = []
    held = _Weight(0, 0, 0)
    for record in records:
        more = _weight(record.payload)
        together = _Weight(*map(sum, zip(held, more, strict=True)))
        if part and any(map(gt, together, _MOST)):
            yield part
            part, together = [], more
        part.append(record)
        held = together
    if part:
        yield part


class _Weight(NamedTuple):
    """About how many lines a payload holds, how many the core fears, and how many bytes it takes once inflated."""

    lines: int
    feared: int
    size: int


_MOST: Final = _Weight(MAX_LINES, MAX_BATCH_LINES, BATCH_BYTES)


def _weight(payload: bytes) -> _Weight:
    size = len(payload)
    if payload.startswith(b"\x1f\x8b"):
        payload = inflate(payload, MAX_RECORD_BYTES)[0] or payload
        size = held_bytes(payload)
    text = payload.strip()
    is_json = text.startswith(b"{")
    lines = text.count(b'"message"') + text.count(rb"\n") if is_json else 1 + text.count(b"\n")
    return _Weight(max(lines, 1), most_lines(payload), size)


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes batches into a lake. ``rules.default_region`` is set from each batch."""

    formats: LogFormats
    source: Source | None
    rules: Rules
    store: ObjectStore

    def write(self, batch: Batch, summary: Summary) -> bool:
        """Put the batch's rejects, then its rows; whether it has rows. Both puts leave alone what is there.

        A line that was rejected before and cannot be read now either is counted, and not kept a second time.
        """
        lines = read_payloads([record.payload for record in batch.records])
        parsed = parse_lines(lines.lines, lines.ordinals, self.formats)
        rejects = [*lines.rejects, *parsed.rejects]
        summary.lines += parsed.flows.num_rows + len(rejects)
        summary.rejected += len(rejects)
        summary.rejects_by_reason.update(reject.reason for reject in rejects)
        dropped = lines.dropped + Counter(header=parsed.headers)
        summary.dropped.update({reason: number for reason, number in dropped.items() if number})
        arrivals = pa.array([record.arrived_at for record in batch.records], pa.int64())
        kept = [reject for reject in rejects if not batch.records[reject.ordinal].is_reject]
        if kept:
            body = to_error_objects(kept, arrivals.to_pylist())
            self.store.put_if_absent(batch.partition.rejected_key(batch.name), body)
        if not parsed.flows.num_rows:
            return False
        rows = self._enriched(batch, parsed.flows, arrivals.take(parsed.ordinals))
        is_new = self.store.put_if_absent(batch.partition.flow_logs_key(batch.name), to_parquet(rows))
        summary.add(rows, is_new=is_new)
        return True

    def _enriched(self, batch: Batch, flows: pa.Table, arrived_at: Any) -> pa.Table:
        rules = replace(self.rules, default_region=batch.partition.aws_region)
        dimension = resolve(flows, self.source, rules, None, pc.divide(arrived_at, 1000))
        return enrich(flows, dimension, Provenance(batch.name, arrived_at))
