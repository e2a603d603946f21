"""What a batch counts, by name, unit and meaning; the shell hands it to CloudWatch in embedded metric format.

Firehose's own success metrics stay empty when every record is ``Dropped``, so these are what alarms watch.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from enricher.columns import numbers, plain

COUNT: Final = "Count"
BYTES: Final = "Bytes"
SECONDS: Final = "Seconds"
_MOST_BYTES: Final = 127  # codes of so many words, and one for none, are bytes

# name → (unit, meaning); a name ending in `*` is a family, one metric a value.
METRICS: Final[dict[str, tuple[str, str]]] = {
    "Records": (COUNT, "delivery records in the batch"),
    "Lines": (COUNT, "flow log lines, headers left out"),
    "Rows": (COUNT, "rows written (or found already written) in the lake; in JSON mode rows in the answer"),
    "Rejects": (COUNT, "lines and payloads that could not be read"),
    "Rejects_*": (COUNT, "the same by reason"),
    "Drops_*": (COUNT, "what is dropped on purpose: control_message, empty_record, header"),
    "FailedRecords": (COUNT, "delivery records answered ProcessingFailed: no line could be read, or too large"),
    "Src_*": (COUNT, "source sides by status"),
    "Dst_*": (COUNT, "destination sides by status"),
    "UnresolvedSides": (COUNT, "sides with status unresolved or stale"),
    "Reporter_*": (COUNT, "rows by reporter: src, dst, hop, none"),
    "SkipData": (COUNT, "rows with log-status SKIPDATA: AWS missed flows"),
    "CacheHits": (COUNT, "keys answered by the cache over EC2"),
    "CacheNegativeHits": (COUNT, "keys the cache knows not to exist"),
    "CacheMisses": (COUNT, "keys the cache had to ask for"),
    "CacheStaleServed": (COUNT, "expired entries served because EC2 failed"),
    "CacheEvictions": (COUNT, "entries pushed out of the cache"),
    "Ec2Calls": (COUNT, "requests to EC2, each page its own"),
    "Ec2Throttles": (COUNT, "requests that EC2 throttled"),
    "Ec2Failures": (COUNT, "requests to EC2 that failed"),
    "Ec2Refusals": (COUNT, "requests not started: budget, deadline, breaker, or share of what all may ask"),
    "BytesIn": (BYTES, "decoded payload bytes of the batch"),
    "BytesWritten": (BYTES, "size of the Parquet object"),
    "ObjectsFound": (COUNT, "objects that an earlier attempt had already written"),
    "ResponseBytes": (BYTES, "size of the response; told in JSON mode only, as are the next three"),
    "RecordsTrimmed": (COUNT, "records answered without tags and provenance: with them the response is too large"),
    "RecordsTooLarge": (COUNT, "records answered ProcessingFailed because the response was still too large"),
    "LinesTooLarge": (COUNT, "lines of those records, readable or not"),
    "BatchSeconds": (SECONDS, "time from the event to the answer"),
    "InventoryAgeSeconds": (SECONDS, "age of the inventory used: of its oldest part's last good scan"),
    "InventoryMissing": (COUNT, "1 where there is to be an inventory and none could be had so far, else 0"),
    "InventoryPartsStale": (COUNT, "parts whose last good scan is past the hard TTL, or that never had one"),
    "InventoryPartsFailed": (COUNT, "parts whose latest scan failed"),
    "InventoryLoads": (COUNT, "times the inventory's pointer was asked for"),
    "InventoryLoadFailures": (COUNT, "those that failed, were refused, or found nothing"),
}

# The refresher's, one set a run.
REFRESHER_METRICS: Final[dict[str, tuple[str, str]]] = {
    "InventoryAgeSeconds": (SECONDS, "age of the oldest part's last good scan, at the end of the run"),
    "ScanSeconds": (SECONDS, "time from the run's start to the last scan's end"),
    "PartsScanned": (COUNT, "parts that were scanned well"),
    "PartsFailed": (COUNT, "parts that keep their previous state because their scan failed"),
    "ScanWarnings": (COUNT, "optional reads that failed; types, names or tags are older, or missing"),
    "ApiCalls": (COUNT, "requests of the scans, each page its own"),
    "ApiRetries": (COUNT, "requests that botocore repeated"),
    "ApiThrottles": (COUNT, "requests that stayed throttled after all retries"),
    "Interfaces": (COUNT, "interfaces in the inventory, with those that are gone and remembered"),
    "SnapshotBytes": (BYTES, "size of the snapshot"),
    "Merges": (COUNT, "times the run merged; more than one: another refresher was faster"),
    "SnapshotsDeleted": (COUNT, "old snapshots that were deleted"),
    "PartitionsRegistered": (COUNT, "partitions that were not there yet"),
    "RefreshFailures": (COUNT, "of publishing and registering, what failed"),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: a name of METRICS, its unit and value."""

    name: str
    unit: str
    value: float


def figures(counts: Mapping[str, float], declared: Mapping[str, tuple[str, str]] = METRICS) -> list[Metric]:
    """Counts by name as metrics with their units; an unknown name is a defect and raises KeyError."""
    return [Metric(name, _unit(name, declared), value) for name, value in sorted(counts.items())]


def of_rows(rows: Any) -> dict[str, int]:
    """Statuses, reporters and SKIPDATA of an enriched table."""
    counts: Counter[str] = Counter()
    for side in ("src", "dst"):
        for status, number in value_counts(rows[f"{side}_status"]).items():
            if status is not None:
                counts[f"{side.capitalize()}_{status}"] += number
                if status in ("unresolved", "stale"):
                    counts["UnresolvedSides"] += number
    for reporter, number in value_counts(rows["reporter"]).items():
        counts[f"Reporter_{reporter or 'none'}"] += number
    counts["SkipData"] += value_counts(rows["log_status"]).get("SKIPDATA", 0)
    return dict(counts)


def value_counts(column: Any) -> dict[str | None, int]:
    """How often each value (null included) stands in a column."""
    counts: dict[str | None, int] = {}
    column = plain(column)
    if isinstance(column, pa.DictionaryArray) and len(column.dictionary) <= _MOST_BYTES:
        # A byte a code: bytes are counted faster than Arrow groups.
        codes = bytes(numbers(column.indices.cast(pa.int8()), len(column.dictionary)))
        for code, word in enumerate([*column.dictionary.to_pylist(), None]):
            number = codes.count(code)
            if number:
                counts[word] = counts.get(word, 0) + number
        return counts
    for entry in column.value_counts().to_pylist():
        counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    return counts


def _unit(name: str, declared: Mapping[str, tuple[str, str]]) -> str:
    family, underscore, _ = name.partition("_")
    return declared[name if name in declared else f"{family}{underscore}*"][0]
