"""One record that cannot be read at each place of a batch of 500: the others are read, and it fails alone."""

import base64
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from reliability.fuzz.function import REGION, STREAM, Function
from reliability.fuzz.lines import VERSIONS, LineMaker
from reliability.fuzz.records import Record, RecordMaker

RECORDS: Final = 500
_FIRST_MS: Final = 1_794_996_300_000
_FIELDS: Final = tuple(VERSIONS["v2"].split())


def poisoned(seed: int, positions: range) -> Iterator[tuple[str, str]]:
    """Kind of poison, and what was wrong with one event (empty: nothing), for every position and kind."""
    rng = Random(seed)
    lines = LineMaker({"v2": _FIELDS})
    maker = RecordMaker(lines)
    function = Function(" ".join(f"${{{field}}}" for field in _FIELDS), "parquet")
    good = [_good(lines, rng) for _ in range(RECORDS)]
    for make in maker.poisons:
        for position in positions:
            poison = make(rng)
            records = [*good[:position], poison, *good[position + 1 :]]
            yield make.__name__.replace("_", " "), _wrong(function, records, position)


def _good(lines: LineMaker, rng: Random) -> Record:
    line = lines.good(rng)
    payload = b'{"message":"' + line.text.encode() + b'"}'
    return Record(base64.b64encode(payload).decode(), frozenset({"message"}), (line.row or {},))


def _wrong(function: Function, records: list[Record], position: int) -> str:
    event = {
        "invocationId": "one",
        "deliveryStreamArn": STREAM,
        "region": REGION,
        "records": [_sent(n, r) for n, r in enumerate(records)],
    }
    told = function.invoke(event)
    expected = [{"recordId": str(n), "result": "Dropped", "data": ""} for n in range(RECORDS)]
    expected[position] = {"recordId": str(position), "result": "ProcessingFailed"}
    if records[position].is_base64:
        expected[position]["data"] = records[position].data
    if told.answer.response["records"] != expected:
        return f"position {position}: another answer"
    rows = told.metrics["Rows"]
    objects = [key for key in told.objects if key.startswith("flow_logs/")]
    if rows != RECORDS - 1 or len(objects) != 1:
        return f"position {position}: {rows} rows in {len(objects)} objects"
    return ""


def _sent(number: int, record: Record) -> dict[str, Any]:
    return {"recordId": str(number), "approximateArrivalTimestamp": _FIRST_MS + number, "data": record.data}
