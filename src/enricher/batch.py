"""One batch from event to answer: decode, parse, resolve, enrich, write. The order of effects is the promise.

Rejects are written first, then the rows; only then is the batch answered. Whatever of ours fails raises: the delivery
stream tries again, and keeps the raw batch in the end.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.enrich import Provenance, enrich
from enricher.firehose import Delivery, read_event, response
from enricher.lake import ObjectStore, Partition, to_error_objects, to_parquet
from enricher.log_format import LogFormats
from enricher.metrics import of_rows
from enricher.parse import Parsed, parse_lines
from enricher.payload import Lines, read_payloads
from enricher.resolve import Misses, Rules, resolve
from enricher.sources import Source

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to give, what was written (or found written), and the counts of ``metrics.METRICS``."""

    response: dict[str, Any]
    counts: Mapping[str, float]
    partition: Partition
    batch_id: str
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What every batch of one stream shares. ``rules.default_region`` is set from each event."""

    formats: LogFormats
    rules: Rules
    store: ObjectStore

    def process(self, event: object, snapshot: Source | None, misses: Misses | None = None) -> Answer:
        """Write the batch's rows and rejects, and answer it.

        Raises:
            EventError, BatchTooLargeError: the event cannot be taken.
            Exception: whatever the store raises.
        """
        delivery = read_event(event)
        lines = read_payloads(delivery.payloads, delivery.column)
        parsed = parse_lines(lines.lines, lines.ordinals, self.formats)
        rejects = [*lines.rejects, *parsed.rejects]
        failed, mixed = _failed_and_mixed({r.ordinal for r in rejects}, parsed)
        batch_id = delivery.digest()
        partition = Partition.at(delivery.region, pc.min(delivery.arrived_at).as_py())
        is_new: dict[str, bool] = {}
        kept = [reject for reject in rejects if reject.ordinal in mixed]
        if kept:
            key = partition.rejected_key(batch_id)
            is_new[key] = self.store.put_if_absent(key, to_error_objects(kept, delivery.arrived_at.to_pylist()))
        counts = _counts(delivery, lines, parsed, failed)
        if parsed.flows.num_rows:
            key = partition.flow_logs_key(batch_id)
            rows = self._enriched(parsed, delivery, batch_id, snapshot, misses)
            body = to_parquet(rows)
            is_new[key] = self.store.put_if_absent(key, body)
            counts["BytesWritten"] = len(body)
            counts |= of_rows(rows)
        counts["ObjectsFound"] = list(is_new.values()).count(False)
        return Answer(response(delivery, failed), counts, partition, batch_id, tuple(is_new))

    def _enriched(
        self, parsed: Parsed, delivery: Delivery, batch_id: str, snapshot: Source | None, misses: Misses | None
    ) -> pa.Table:
        arrived_at = delivery.arrived_at.take(parsed.ordinals)
        rules = replace(self.rules, default_region=delivery.region)
        dimension = resolve(parsed.flows, snapshot, rules, misses, pc.divide(arrived_at, _MILLISECONDS))
        return enrich(parsed.flows, dimension, Provenance(batch_id, arrived_at))


def _failed_and_mixed(rejecting: set[int], parsed: Parsed) -> tuple[list[int], set[int]]:
    """Delivery records with rejects: those without a single row, and those with rows beside them."""
    if not rejecting:
        return [], set()
    with_rows = set(parsed.ordinals.to_pylist())
    return sorted(rejecting - with_rows), rejecting & with_rows


def _counts(delivery: Delivery, lines: Lines, parsed: Parsed, failed: list[int]) -> dict[str, float]:
    reasons = Counter(reject.reason for reject in (*lines.rejects, *parsed.rejects))
    drops = lines.dropped + Counter(header=parsed.headers)
    return {
        "Records": len(delivery.record_ids),
        "Lines": parsed.flows.num_rows + reasons.total(),
        "Rows": parsed.flows.num_rows,
        "Rejects": reasons.total(),
        **{f"Rejects_{reason}": number for reason, number in reasons.items()},
        **{f"Drops_{reason}": number for reason, number in drops.items()},
        "FailedRecords": len(failed),
        "BytesIn": pc.sum(pc.binary_length(delivery.column), min_count=0).as_py(),
    }
