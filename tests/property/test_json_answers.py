"""JSON mode, whatever comes in a batch and however little room there is: every record and every line is told once."""

import base64
import json
from collections import Counter
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.delivery_records import Piece, Truth, truth_of
from property.slow_reader import V2
from property.test_batch_properties import MemoryStore, batches, error_object, event_of

from enricher.batch import Answer, Pipeline
from enricher.errors import BatchTooLargeError
from enricher.log_format import LogFormats
from enricher.metrics import figures
from enricher.resolve import Rules

PLENTY = 5_500_000
LINE = "2 111122223333 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK"
NOT_IN_TRIMMED = {"src_tags", "dst_tags", "batch_id", "arrived_at", "inventory_age_s", "enricher_version"}


def answer_of(event: dict[str, Any], log_format: str, limit: int) -> tuple[Answer, MemoryStore]:
    """The event's answer in JSON mode, and what it left in the store."""
    store = MemoryStore()
    pipeline = Pipeline(LogFormats.parse([log_format]), Rules(), store, as_json=True, response_limit=limit)
    return pipeline.process(event, None), store


def lines_of(record: dict[str, str]) -> list[dict[str, Any]]:
    """The rows in a record of the response."""
    body = base64.b64decode(record.get("data", ""), validate=True).decode()
    assert not body or body.endswith("\n")
    return [json.loads(line) for line in body.split("\n")[:-1]]


def room_for(event: dict[str, Any]) -> int:
    """What the bare results take, with the longest of them for every record."""
    bare = [{"recordId": told["recordId"], "result": "ProcessingFailed", "data": ""} for told in event["records"]]
    return len(json.dumps({"records": bare}))


@settings(max_examples=150, deadline=None)
@given(batch=batches(), room=st.one_of(st.just(PLENTY), st.integers(0, 6000)))
@example(batch=(V2, [Piece(base64.b64encode(LINE.encode()).decode(), (LINE,))]), room=900)
def test_every_line_is_answered_kept_or_failed(batch: tuple[str, list[Piece]], room: int) -> None:
    """Ids once and in order; rows with their record, rejects beside them, or the record as a whole as failed."""
    log_format, records = batch
    event = event_of(records)
    truth = truth_of(records, log_format)

    answer, store = answer_of(event, log_format, room_for(event) + room)

    told = answer.response["records"]
    assert len(json.dumps(answer.response)) <= room_for(event) + room
    assert [record["recordId"] for record in told] == [record["recordId"] for record in event["records"]]
    unreadable = [bool(bad and not good) for good, bad in zip(truth.rows, truth.rejects, strict=True)]
    results = [record["result"] for record in told]
    too_large = [result == "ProcessingFailed" and not alas for result, alas in zip(results, unreadable, strict=True)]
    assert results == [
        "ProcessingFailed" if alas or gone else "Ok" if good else "Dropped"
        for alas, gone, good in zip(unreadable, too_large, truth.rows, strict=True)
    ]
    if room == PLENTY:
        assert not any(too_large)
    assert_rows(event, told, truth, log_format)
    assert_failed_data(event, told, room)
    kept = [bool(good) and not gone for good, gone in zip(truth.rows, too_large, strict=True)]
    assert Counter(map(error_object, store.rejected())) == Counter(
        (line, f"Enricher.{reason}", record["approximateArrivalTimestamp"])
        for record, is_kept, rejects in zip(event["records"], kept, truth.rejects, strict=True)
        for line, reason in rejects
        if is_kept
    )
    assert not store.rows()
    assert_counts(answer, truth, too_large)


def assert_rows(event: dict[str, Any], told: list[dict[str, str]], truth: Truth, log_format: str) -> None:
    """An ``Ok`` record holds its own lines' rows; all records with all columns, or all without the same."""
    fields = [name.replace("-", "_") for name in log_format.split()]
    absent = set()
    for record, answer, rows in zip(event["records"], told, truth.rows, strict=True):
        if answer["result"] != "Ok":
            continue
        found = lines_of(answer)
        assert Counter(as_read(row, fields) for row in found) == Counter(
            json.dumps(row, sort_keys=True) for row in rows
        )
        absent |= {
            frozenset(NOT_IN_TRIMMED - row.keys() - {"src_tags", "dst_tags", "inventory_age_s"}) for row in found
        }
        arrivals = {row["arrived_at"] for row in found if "arrived_at" in row}
        assert arrivals <= {iso(record["approximateArrivalTimestamp"])}
    assert absent <= {frozenset()} or absent == {frozenset({"batch_id", "arrived_at", "enricher_version"})}


def assert_failed_data(event: dict[str, Any], told: list[dict[str, str]], room: int) -> None:
    """A failed record has its data as it came, or where that does not fit, or was no base64, none."""
    for record, answer in zip(event["records"], told, strict=True):
        if answer["result"] == "ProcessingFailed" and "data" in answer:
            assert answer["data"] == record["data"]
        elif answer["result"] == "ProcessingFailed":
            assert room < PLENTY or record["data"] == "no base64!"


def assert_counts(answer: Answer, truth: Truth, too_large: list[bool]) -> None:
    """Lines are rows, rejects, and what was in records that were too large."""
    counts = answer.counts
    pairs = list(zip(truth.rows, truth.rejects, too_large, strict=True))
    lines = sum(len(rows) + len(rejects) for rows, rejects, _ in pairs)
    assert counts["Lines"] == lines == counts["Rows"] + counts["Rejects"] + counts["LinesTooLarge"]
    assert counts["Rows"] == sum(len(rows) for rows, _, gone in pairs if not gone)
    assert counts["Rejects"] == sum(len(rejects) for _, rejects, gone in pairs if not gone)
    assert counts["RecordsTooLarge"] == sum(too_large)
    results = Counter(record["result"] for record in answer.response["records"])
    assert counts["FailedRecords"] == results["ProcessingFailed"]
    assert counts["RecordsTrimmed"] in (0, results["Ok"])
    assert counts["ResponseBytes"] == len(json.dumps(answer.response))
    assert sum(number for name, number in counts.items() if name.startswith("Reporter_")) == counts["Rows"]
    assert {metric.name: metric.value for metric in figures(counts)} == counts


def as_read(row: dict[str, Any], fields: list[str]) -> str:
    """AWS's columns of a line, in the words of ``read_line``."""
    told = {name: row[name] for name in fields if name in row}
    return json.dumps({**told, "extra_fields": row.get("extra_fields", {})}, sort_keys=True)


def iso(milliseconds: int) -> str:
    """FIRST_ARRIVAL's day is the only one here: 2026-11-18 10:05:00 UTC and some seconds."""
    return f"2026-11-18T10:05:{milliseconds // 1000 % 60:02d}.000Z"


@settings(max_examples=60, deadline=None)
@given(batch=batches(), limit=st.integers(0, 400))
def test_a_response_that_cannot_be_small_enough_raises(batch: tuple[str, list[Piece]], limit: int) -> None:
    """The stream then keeps the raw batch; an answer above the limit would lose it."""
    log_format, records = batch
    event, truth = event_of(records), truth_of(records, log_format)
    failed, dropped = {"result": "ProcessingFailed"}, {"result": "Dropped", "data": ""}
    least = [
        {"recordId": record["recordId"]} | (failed if rows or rejects else dropped)
        for record, rows, rejects in zip(event["records"], truth.rows, truth.rejects, strict=True)
    ]
    refusal = None
    try:
        answer, _ = answer_of(event, log_format, limit)
    except BatchTooLargeError as error:
        refusal = str(error)
    if refusal is None:
        assert len(json.dumps(answer.response)) <= limit
    else:
        assert len(json.dumps({"records": least})) > limit
        assert refusal.splitlines() == [refusal]
