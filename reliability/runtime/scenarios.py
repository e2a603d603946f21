"""What the built function does in AWS's runtime client: starts, errors, time-outs, want of memory, largest events."""

import base64
import gzip
import json
import statistics
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.large_estate import make_tables
from bench.material import REGION, STREAM, Material, make_material
from enricher.payload import MAX_BATCH_BYTES, MAX_BATCH_LINES, MAX_RECORD_BYTES
from enricher.snapshot import to_snapshot
from reliability.figures import Figure
from reliability.runtime.function import LambdaFunction, Outcome
from workbench.cloud import Delay, LocalCloud, Refuse

TREE: Final = Path(__file__).resolve().parents[2] / "build" / "host"
MEMORY_BYTES: Final = 1769 * 1024**2
_HANDLER: Final = "enricher.handler.handler"
_BUCKET: Final = "check-lake"
_INVENTORY: Final = "inventory/snapshot.parquet"
_SECONDS: Final = 120  # the template's timeout
_WARM_RUNS: Final = 15
_TOO_LITTLE: Final = 112 * 1024**2  # enough to start in, not to hold a batch
_INTERFACES: Final = 200_000
_SLICE: Final = ("gzip",)  # of the largest events, the one that takes most
_ARRIVED_AT_MS: Final = 1_763_632_860_000
_EVENT_BYTES: Final = 6_000_000  # what a request to a function may hold
# The shortest lines that there are: as many rows, or as many rejects, as a batch's bytes can hold.
_SHORTEST_ROW: Final = b"2 - - - - - - - - - - - - NODATA\n"
_SHORTEST_REJECT: Final = b"x\n"


def figures(*, is_full: bool) -> Iterator[Figure]:
    """All figures of the artefact in build/host (`make artifact` makes it).

    Raises:
        FileNotFoundError: it was not built.
    """
    if not Path(TREE, "enricher").is_dir():
        raise FileNotFoundError(f"{TREE}: there is no artefact; run `make artifact` first")
    scenarios = Scenarios(TREE, cold_starts=5) if is_full else Scenarios(TREE, cold_starts=1, largest=_SLICE)
    return scenarios.figures()


class Scenarios:
    """The function in ``tree`` (a built artefact), one figure after the other; ``largest``: events, None: all."""

    def __init__(self, tree: Path, cold_starts: int, largest: Container[str] | None = None) -> None:
        self._tree = tree
        self._cold_starts = cold_starts
        self._largest_events = largest
        self._material: Material = make_material()

    def figures(self) -> Iterator[Figure]:
        """Run all of them."""
        with LocalCloud() as cloud:
            s3 = cloud.client("s3")
            s3.create_bucket(Bucket=_BUCKET)
            s3.put_object(Bucket=_BUCKET, Key=_INVENTORY, Body=self._material.snapshot())
            yield from self._starts(cloud)
            yield from self._failures(cloud)
            yield from self._want_of_memory(cloud)
            s3.put_object(Bucket=_BUCKET, Key=_INVENTORY, Body=bytes(to_snapshot(make_tables(_INTERFACES))))
            yield from self._largest(cloud)

    def _starts(self, cloud: LocalCloud) -> Iterator[Figure]:
        cold = []
        for _ in range(self._cold_starts):
            with self._function(cloud) as function:
                cold.append(_answered(function.invoke(self._material.event, _SECONDS)).seconds)
                warm = [_answered(function.invoke(self._event(n), _SECONDS)).seconds for n in range(_WARM_RUNS)]
        yield Figure("runtime_cold_start", statistics.median(cold), "s", "process start to the first batch's answer")
        yield Figure("runtime_warm", statistics.median(warm), "s", "8,000 records, their way over HTTP included")

    def _failures(self, cloud: LocalCloud) -> Iterator[Figure]:
        with self._function(cloud) as function:
            _answered(function.invoke(self._material.event, _SECONDS))
            cloud.fail("s3", "PutObject", Refuse("AccessDenied"))
            refused = function.invoke(self._event(1), _SECONDS)
            after = function.invoke(self._event(1), _SECONDS)
            cloud.fail("s3", "PutObject", Delay(8))
            hanging = function.invoke(self._event(2), 2)
            again = function.invoke(self._event(2), _SECONDS)
        yield _whether("runtime_error_raised", refused.kind == "error", "a refused write is an error, never an answer")
        yield _whether(
            "runtime_serves_after_error", _is_whole(after, 8_000) and not after.is_cold, "the same process goes on"
        )
        yield _whether("runtime_timeout", hanging.kind == "timeout", "a write that hangs ends with the function's time")
        yield _whether("runtime_serves_after_timeout", _is_whole(again, 8_000), "the next process takes the batch")

    def _want_of_memory(self, cloud: LocalCloud) -> Iterator[Figure]:
        event = self._event(3)
        before = _objects(cloud)
        with self._function(cloud, _TOO_LITTLE) as function:
            starved = function.invoke(event, _SECONDS)
            kind = function.limit.kind
        unfinished = len(_objects(cloud) - before)
        with self._function(cloud) as function:
            fed = function.invoke(event, _SECONDS)
        meaning = f"under {_TOO_LITTLE // 1024**2} MB ({kind}) the batch is not answered"
        yield _whether("runtime_out_of_memory", starved.kind in ("died", "error", "init_error"), meaning)
        yield Figure("runtime_out_of_memory_objects", unfinished, "objects", "it wrote", "==", 0)
        yield _whether("runtime_serves_after_out_of_memory", _is_whole(fed, 8_000), "with its memory it is")

    def _largest(self, cloud: LocalCloud) -> Iterator[Figure]:
        """Peak memory of the largest events there can be, each in a process of its own."""
        events: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
            "plain": (self._plain, "v5"),
            "gzip": (self._compressed, "v5"),
            "short_rows": (lambda: _short(_SHORTEST_ROW, MAX_BATCH_LINES), "v2"),
            "short_rejects": (lambda: _short(_SHORTEST_REJECT, MAX_BATCH_LINES), "v2"),
            "more_rows": (lambda: _short(_SHORTEST_ROW, MAX_BATCH_BYTES // len(_SHORTEST_ROW)), "v2"),
            "more_rejects": (lambda: _short(_SHORTEST_REJECT, MAX_BATCH_BYTES // len(_SHORTEST_REJECT)), "v2"),
        }
        for name, (make, log_format) in events.items():
            if self._largest_events is not None and name not in self._largest_events:
                continue
            event = make()
            with self._function(cloud, log_format=log_format) as function:
                outcomes = [function.invoke(event, _SECONDS) for _ in range(2)]
            peak = max(outcome.peak_rss for outcome in outcomes)
            told = f"{len(event['records'])} records; ended by {outcomes[-1].kind}"
            yield Figure(f"runtime_peak_{name}", peak / MEMORY_BYTES, "of memory", told, "<=", 0.7)
            ended = {outcome.kind for outcome in outcomes}
            yield _whether(f"runtime_survives_{name}", ended <= {"response", "error"}, f"it ended by {sorted(ended)}")

    def _plain(self) -> dict[str, Any]:
        """As many plain records as a request holds."""
        records: list[dict[str, Any]] = []
        size = 0
        while size < _EVENT_BYTES:
            record = self._material.event["records"][len(records) % 8_000] | {"recordId": f"{len(records):056d}"}
            size += len(json.dumps(record)) + 2
            records.append(record)
        return _event(records[:-1])

    def _compressed(self) -> dict[str, Any]:
        """CloudWatch envelopes that inflate to all that a batch may hold."""
        records: list[dict[str, Any]] = []
        inflated = first = 0
        while True:
            body = self._envelope(first)
            first += 5_000
            inflated += len(body)
            if inflated > MAX_BATCH_BYTES:
                return _event(records)
            records.append(_record(len(records), gzip.compress(body, 6)))

    def _envelope(self, first: int) -> bytes:
        events = [
            {"id": f"{n:056d}", "timestamp": _ARRIVED_AT_MS, "message": self._material.lines[n % 8_000]}
            for n in range(first, first + 5_000)
        ]
        told = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s"}
        return json.dumps({**told, "subscriptionFilters": ["f"], "logEvents": events}).encode()

    def _event(self, number: int) -> dict[str, Any]:
        """The material as a batch of its own: other record ids."""
        records = [
            record | {"recordId": f"{number}-{position}"}
            for position, record in enumerate(self._material.event["records"])
        ]
        return _event(records)

    @contextmanager
    def _function(
        self, cloud: LocalCloud, memory_bytes: int = MEMORY_BYTES, log_format: str = "v5"
    ) -> Iterator[LambdaFunction]:
        with LambdaFunction(self._tree, _HANDLER, _variables(cloud, log_format), memory_bytes) as function:
            yield function


def _variables(cloud: LocalCloud, log_format: str) -> Mapping[str, str]:
    return {
        "LAKE_BUCKET": _BUCKET,
        "LOG_FORMAT": log_format,
        "INVENTORY_URI": f"s3://{_BUCKET}/{_INVENTORY}",
        "EC2_LOOKUPS": "off",
        "POWERTOOLS_METRICS_NAMESPACE": "VpcFlowLogEnrichment",
        "POWERTOOLS_SERVICE_NAME": "check",
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def _short(line: bytes, lines: int) -> dict[str, Any]:
    """The same line as often as given, in four records: what bytes and lines may come to, and beyond."""
    each = min(lines // 4 - 1, (MAX_RECORD_BYTES - 1) // len(line))
    return _event([_record(n, gzip.compress(line * each, 6)) for n in range(4)])


def _record(number: int, payload: bytes) -> dict[str, Any]:
    data = base64.b64encode(payload).decode()
    return {"recordId": f"{number:056d}", "approximateArrivalTimestamp": _ARRIVED_AT_MS, "data": data}


def _event(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"invocationId": "check", "deliveryStreamArn": STREAM, "region": REGION, "records": records}


def _answered(outcome: Outcome) -> Outcome:
    if not _is_whole(outcome, 8_000):
        raise RuntimeError(f"the function ended by {outcome.kind}: {str(outcome.value)[:200]}")
    return outcome


def _is_whole(outcome: Outcome, records: int) -> bool:
    """Whether every record was answered as processed."""
    if outcome.kind != "response":
        return False
    answers = outcome.value["records"]
    return len(answers) == records and all(answer["result"] == "Dropped" for answer in answers)


def _objects(cloud: LocalCloud) -> set[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix="flow_logs/")
    return {found["Key"] for page in pages for found in page.get("Contents", ())}


def _whether(name: str, holds: bool, meaning: str) -> Figure:  # noqa: FBT001 - the figure is the truth of it
    return Figure(name, float(holds), "of 1", meaning, "==", 1)
