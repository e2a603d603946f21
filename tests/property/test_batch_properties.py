"""Whatever comes in a batch: every record answered once, every line a row or a reject, every count true."""

import base64
import io
import json
from collections import Counter
from datetime import UTC
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from property.delivery_records import Piece, Truth, pieces, truth_of
from property.slow_reader import V2, V5

from enricher.batch import Answer, Pipeline
from enricher.errors import BatchTooLargeError, EventError
from enricher.log_format import LogFormats
from enricher.metrics import figures
from enricher.resolve import Rules

ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"
FIRST_ARRIVAL = 1_794_996_300_000  # 2026-11-18 10:05:00 UTC
PARTITION = "aws_region=eu-west-1/day=2026-11-18/hour=10"


class MemoryStore:
    """Objects in the order they were put; a key that exists is left alone."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_if_absent(self, key: str, body: Any) -> bool:
        """As S3 does with ``If-None-Match: *``."""
        if key in self.objects:
            return False
        self.objects[key] = bytes(body)
        return True

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the flow logs object, if there is one."""
        keys = [key for key in self.objects if key.startswith("flow_logs/")]
        assert len(keys) <= 1
        return [row for key in keys for row in pq.read_table(io.BytesIO(self.objects[key])).to_pylist()]

    def rejected(self) -> list[dict[str, Any]]:
        """The error objects of the rejected object, if there is one."""
        keys = [key for key in self.objects if key.startswith("rejected/")]
        assert len(keys) <= 1
        return [json.loads(line) for key in keys for line in self.objects[key].splitlines()]


def event_of(batch: list[Piece], invocation_id: str = "one") -> dict[str, Any]:
    """The batch as an event; later records arrived earlier."""
    return {
        "invocationId": invocation_id,
        "deliveryStreamArn": ARN,
        "region": "eu-west-1",
        "records": [
            {
                "recordId": f"{ordinal:06d}",
                "approximateArrivalTimestamp": FIRST_ARRIVAL + 1000 * (len(batch) - ordinal),
                "data": piece.data,
            }
            for ordinal, piece in enumerate(batch)
        ],
    }


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[Piece]]:
    """A log format and delivery records of lines mostly in it."""
    log_format = draw(st.sampled_from([V2, V5]))
    return log_format, draw(st.lists(pieces(log_format), max_size=6))


@settings(max_examples=150, deadline=None)
@given(batch=batches())
def test_every_batch_is_answered_and_accounted_for(batch: tuple[str, list[Piece]]) -> None:
    """The lake, the rejects, the answer and the counts are what a reader of single lines says of the same records."""
    log_format, records = batch
    event = event_of(records)
    truth = truth_of(records, log_format)
    store = MemoryStore()

    answer = Pipeline(LogFormats.parse([log_format]), Rules(), store).process(event, None)

    arrivals = [record["approximateArrivalTimestamp"] for record in event["records"]]
    fields = [name.replace("-", "_") for name in log_format.split()]
    assert Counter(as_told(row, fields) for row in store.rows()) == Counter(
        (arrived_at, json.dumps(row, sort_keys=True))
        for arrived_at, rows in zip(arrivals, truth.rows, strict=True)
        for row in rows
    )
    assert answer.response == response_of(event, truth.rows, truth.rejects)
    assert Counter(map(error_object, store.rejected())) == Counter(
        (line, f"Enricher.{reason}", arrived_at)
        for arrived_at, rows, rejects in zip(arrivals, truth.rows, truth.rejects, strict=True)
        for line, reason in rejects
        if rows
    )
    assert {name: count for name, count in answer.counts.items() if count} == counts_of(records, truth, store)
    assert {metric.name: metric.value for metric in figures(answer.counts)} == answer.counts
    assert_written_in_order(answer, store)


@settings(max_examples=30, deadline=None)
@given(batch=batches())
def test_the_same_batch_again_changes_nothing(batch: tuple[str, list[Piece]]) -> None:
    """A retry, with an invocation id of its own, is answered alike and leaves every object as it is."""
    log_format, records = batch
    store = MemoryStore()
    pipeline = Pipeline(LogFormats.parse([log_format]), Rules(), store)
    first = pipeline.process(event_of(records), None)
    objects = dict(store.objects)

    second = pipeline.process(event_of(records, "two"), None)

    assert store.objects == objects
    assert (second.response, second.batch_id, second.written) == (first.response, first.batch_id, first.written)


def as_told(row: dict[str, Any], fields: list[str]) -> tuple[int, str]:
    """Arrival and AWS's columns of a row of the lake, as text to compare by."""
    arrived_at = row["arrived_at"].replace(tzinfo=UTC)
    told = {name: row[name] for name in fields if row[name] is not None}
    told["extra_fields"] = dict(row["extra_fields"] or ())
    return round(arrived_at.timestamp() * 1000), json.dumps(told, sort_keys=True)


def response_of(event: dict[str, Any], rows: list[list[Any]], rejects: list[list[Any]]) -> dict[str, Any]:
    """Every record once and in order; failed are those with rejects and not a single row, their data as it came."""
    records = []
    for record, good, bad in zip(event["records"], rows, rejects, strict=True):
        answer = {"recordId": record["recordId"], "result": "Dropped", "data": ""}
        if bad and not good:
            answer = {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}
            if record["data"] == "no base64!":
                del answer["data"]
        records.append(answer)
    return {"records": records}


def error_object(told: dict[str, Any]) -> tuple[bytes, str, int]:
    """What an error object says: the bytes, why, and when they arrived."""
    assert set(told) == {"rawData", "errorCode", "errorMessage", "attemptsMade", "arrivalTimestamp"}
    return base64.b64decode(told["rawData"]), told["errorCode"], told["arrivalTimestamp"]


def counts_of(records: list[Piece], truth: Truth, store: MemoryStore) -> dict[str, int]:
    """All counts that are not zero, from the truth and from what is in the lake."""
    rows = store.rows()
    rejects = [reason for told in truth.rejects for _, reason in told]
    counts = Counter(
        Records=len(records),
        Lines=len(rows) + len(rejects),
        Rows=len(rows),
        Rejects=len(rejects),
        FailedRecords=sum(bool(bad and not good) for good, bad in zip(truth.rows, truth.rejects, strict=True)),
        BytesIn=sum(len(base64.b64decode(record.data)) for record in records if record.data != "no base64!"),
        BytesWritten=sum(len(body) for key, body in store.objects.items() if key.startswith("flow_logs/")),
        SkipData=sum(row["log_status"] == "SKIPDATA" for row in rows),
        UnresolvedSides=sum(row[f"{side}_status"] == "unresolved" for row in rows for side in ("src", "dst")),
    )
    counts.update(f"Rejects_{reason}" for reason in rejects)
    counts.update({f"Drops_{reason}": number for reason, number in truth.dropped.items()})
    counts.update(f"Reporter_{row['reporter'] or 'none'}" for row in rows)
    counts.update(f"Src_{row['src_status']}" for row in rows if row["src_status"])
    counts.update(f"Dst_{row['dst_status']}" for row in rows if row["dst_status"])
    return {name: count for name, count in counts.items() if count}


def assert_written_in_order(answer: Answer, store: MemoryStore) -> None:
    """Rejects before rows, both under the batch's one name, in the partition of the earliest arrival."""
    assert list(answer.written) == list(store.objects)
    names = [f"rejected/{PARTITION}/{answer.batch_id}.jsonl", f"flow_logs/{PARTITION}/{answer.batch_id}.parquet"]
    assert list(store.objects) in ([], names[1:], names)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def broken_events(draw: st.DrawFn) -> Any:
    """An event of one good record in which one member is missing or anything else."""
    event = event_of([Piece("eA==")])
    place = draw(st.sampled_from([event, event["records"][0]]))
    member = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        del place[member]
    else:
        place[member] = draw(JSON)
    return draw(st.sampled_from([event, event, event, event.get("records"), place.get(member)]))


@settings(max_examples=150, deadline=None)
@given(event=broken_events())
def test_an_event_is_taken_or_refused_by_name(event: Any) -> None:
    """Nothing but the documented errors, one line each; what is taken is answered once for each record."""
    store = MemoryStore()
    response, refusal = None, None
    try:
        response = Pipeline(LogFormats.parse([V2]), Rules(), store).process(event, None).response
    except (EventError, BatchTooLargeError) as error:
        refusal = str(error)

    if response is None:
        assert str(refusal).splitlines() == [refusal]
        assert store.objects == {}
    else:
        assert [told["recordId"] for told in response["records"]] == [told["recordId"] for told in event["records"]]
