"""One batch from event to answer: decode, parse, resolve, enrich, write. The order of effects is the promise.

Rejects are written first, then the rows; only then is the batch answered. Whatever of ours fails raises: the delivery
stream tries again, and keeps the raw batch in the end. In JSON mode the answer itself carries the rows, and nothing is
written but the rejects.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.enrich import Provenance, enrich
from enricher.firehose import RESPONSE_LIMIT, Delivery, fitted, read_event, response
from enricher.json_lines import PROVENANCE, TAGS, by_record, to_json_lines
from enricher.lake import ObjectStore, Partition, to_error_objects, to_parquet
from enricher.log_format import LogFormats
from enricher.metrics import of_rows
from enricher.parse import Parsed, parse_lines
from enricher.payload import Lines, Reject, read_payloads
from enricher.resolve import Misses, Rules, resolve
from enricher.sources import Source

_MILLISECONDS: Final = 1000
# Of 5.5 MB that leaves 80 bytes of JSON a line, less than any flow makes; more would take memory for nothing.
_MOST_LINES_ANSWERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to give, what was written (or found written), and the counts of ``metrics.METRICS``."""

    response: dict[str, Any]
    counts: Mapping[str, float]
    partition: Partition
    batch_id: str
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    """An event, read: its rows and rejects, and by ordinal the records that fail whole and those with both."""

    delivery: Delivery
    lines: Lines
    parsed: Parsed
    rejects: list[Reject]
    failed: list[int]
    mixed: set[int]
    batch_id: str
    partition: Partition


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What every batch of one stream shares. ``rules.default_region`` is set from each event.

    ``as_json``: the answer itself carries the rows, in at most ``response_limit`` bytes.
    """

    formats: LogFormats
    rules: Rules
    store: ObjectStore
    as_json: bool = False
    response_limit: int = RESPONSE_LIMIT

    def process(self, event: object, snapshot: Source | None, misses: Misses | None = None) -> Answer:
        """Write the batch's rows and rejects, and answer it; in JSON mode answer it with the rows.

        Raises:
            EventError, BatchTooLargeError: the event cannot be taken.
            Exception: whatever the store raises.
        """
        batch = _read(event, self.formats)
        if self.as_json:
            return self._answer_with_rows(batch, snapshot, misses)
        is_new = self._keep_rejects(batch, batch.mixed)
        counts = _counts(batch, batch.parsed.flows.num_rows, batch.rejects, len(batch.failed))
        if batch.parsed.flows.num_rows:
            key = batch.partition.flow_logs_key(batch.batch_id)
            rows = self._enriched(batch, snapshot, misses)
            body = to_parquet(rows)
            is_new[key] = self.store.put_if_absent(key, body)
            counts["BytesWritten"] = len(body)
            counts |= of_rows(rows)
        counts["ObjectsFound"] = list(is_new.values()).count(False)
        answer = response(batch.delivery, batch.failed)
        return Answer(answer, counts, batch.partition, batch.batch_id, tuple(is_new))

    def _answer_with_rows(self, batch: _Batch, snapshot: Source | None, misses: Misses | None) -> Answer:
        """JSON mode. What goes back as failed is not kept as rejects too: who replays it reads those lines again."""
        ordinals = batch.parsed.ordinals
        rows = self._enriched(batch, snapshot, misses) if batch.parsed.flows.num_rows else None
        hopeless = _too_many_lines(ordinals)
        if rows is not None and hopeless:
            rows, ordinals = _without(rows, ordinals, hopeless)
        told = fitted(
            batch.delivery,
            sorted({*batch.failed, *hopeless}),
            {} if rows is None else by_record(to_json_lines(rows), ordinals),
            lambda: {} if rows is None else by_record(to_json_lines(rows.drop_columns([*TAGS, *PROVENANCE])), ordinals),
            self.response_limit,
        )
        gone = {*told.too_large, *hopeless}
        is_new = self._keep_rejects(batch, batch.mixed - gone)
        rejects = [reject for reject in batch.rejects if reject.ordinal not in gone]
        if rows is not None and told.too_large:
            rows, ordinals = _without(rows, ordinals, told.too_large)
        number = 0 if rows is None else rows.num_rows
        counts = _counts(batch, number, rejects, len(batch.failed) + len(gone)) | {
            "ResponseBytes": told.size,
            "RecordsTrimmed": sum(record["result"] == "Ok" for record in told.response["records"]) * told.is_trimmed,
            "RecordsTooLarge": len(gone),
            "LinesTooLarge": batch.parsed.flows.num_rows - number + len(batch.rejects) - len(rejects),
            "ObjectsFound": list(is_new.values()).count(False),
        }
        if number:
            counts |= of_rows(rows)
        return Answer(told.response, counts, batch.partition, batch.batch_id, tuple(is_new))

    def _keep_rejects(self, batch: _Batch, records: set[int]) -> dict[str, bool]:
        """Write these records' rejects, if there are any; the key → whether it was written just now."""
        kept = [reject for reject in batch.rejects if reject.ordinal in records]
        if not kept:
            return {}
        key = batch.partition.rejected_key(batch.batch_id)
        body = to_error_objects(kept, batch.delivery.arrived_at.to_pylist())
        return {key: self.store.put_if_absent(key, body)}

    def _enriched(self, batch: _Batch, snapshot: Source | None, misses: Misses | None) -> pa.Table:
        flows = batch.parsed.flows
        arrived_at = batch.delivery.arrived_at.take(batch.parsed.ordinals)
        rules = replace(self.rules, default_region=batch.delivery.region)
        dimension = resolve(flows, snapshot, rules, misses, pc.divide(arrived_at, _MILLISECONDS))
        return enrich(flows, dimension, Provenance(batch.batch_id, arrived_at))


def _read(event: object, formats: LogFormats) -> _Batch:
    delivery = read_event(event)
    lines = read_payloads(delivery.payloads, delivery.column)
    parsed = parse_lines(lines.lines, lines.ordinals, formats)
    rejects = [*lines.rejects, *parsed.rejects]
    failed, mixed = _failed_and_mixed({r.ordinal for r in rejects}, parsed)
    partition = Partition.at(delivery.region, pc.min(delivery.arrived_at).as_py())
    return _Batch(delivery, lines, parsed, rejects, failed, mixed, delivery.digest(), partition)


def _too_many_lines(ordinals: Any) -> list[int]:
    """Delivery records whose lines would never fit beside those of records with fewer: they are not even written."""
    if len(ordinals) <= _MOST_LINES_ANSWERED:
        return []
    counted = ordinals.value_counts()
    numbers, lines = counted.field("values"), counted.field("counts")
    order = pc.sort_indices(lines)
    is_beyond = pc.greater(pc.cumulative_sum(lines.take(order)), _MOST_LINES_ANSWERED)
    hopeless: list[int] = numbers.take(order).filter(is_beyond).to_pylist()
    return hopeless


def _without(rows: pa.Table, ordinals: Any, records: Sequence[int]) -> tuple[pa.Table, Any]:
    """Rows and ordinals without those of some delivery records."""
    kept = pc.invert(pc.is_in(ordinals, value_set=pa.array(records, ordinals.type)))
    return rows.filter(kept), ordinals.filter(kept)


def _failed_and_mixed(rejecting: set[int], parsed: Parsed) -> tuple[list[int], set[int]]:
    """Delivery records with rejects: those without a single row, and those with rows beside them."""
    if not rejecting:
        return [], set()
    with_rows = set(parsed.ordinals.to_pylist())
    return sorted(rejecting - with_rows), rejecting & with_rows


def _counts(batch: _Batch, rows: int, rejects: list[Reject], failed: int) -> dict[str, float]:
    reasons = Counter(reject.reason for reject in rejects)
    drops = batch.lines.dropped + Counter(header=batch.parsed.headers)
    return {
        "Records": len(batch.delivery.record_ids),
        "Lines": batch.parsed.flows.num_rows + len(batch.rejects),
        "Rows": rows,
        "Rejects": reasons.total(),
        **{f"Rejects_{reason}": number for reason, number in reasons.items()},
        **{f"Drops_{reason}": number for reason, number in drops.items()},
        "FailedRecords": failed,
        "BytesIn": pc.sum(pc.binary_length(batch.delivery.column), min_count=0).as_py(),
    }
