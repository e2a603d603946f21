"""The largest records, events and answers there can be."""

import base64
import io
import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pyarrow.parquet as pq

from reliability.figures import Figure
from reliability.fuzz.function import REGION, STREAM, Function, Told
from reliability.fuzz.lines import VERSIONS, LineMaker

_REQUEST: Final = 6_291_456  # Lambda: a request or a response of a synchronous invocation may have 6 MB
_ANSWER: Final = 5_500_000
_RECORD: Final = 1_000 * 1024  # Firehose: a record before base64
_LINES: Final = 10_000
_FIRST_MS: Final = 1_794_996_300_000
_FIELDS: Final = tuple(VERSIONS["v5"].split())
_FORMAT: Final = " ".join(f"${{{field}}}" for field in _FIELDS)


def figures(*, is_full: bool, seed: int) -> Iterator[Figure]:
    """Each built to be as large as it can."""
    maker = LineMaker({"v5": _FIELDS})
    rng = Random(seed)
    pool = [maker.good(rng).text for _ in range(_LINES)]
    parquet, as_json = Function(_FORMAT, "parquet"), Function(_FORMAT, "json")

    told = parquet.invoke(_event([_message(line) for line in pool]))
    yield _whether("bounds_lines_of_one_record", _rows(parquet.invoke(_event(["\n".join(pool).encode()]))) == _LINES,
                   f"{_LINES:,} lines in one record are {_LINES:,} rows")  # fmt: skip
    yield _whether("bounds_records_of_one_line", _rows(told) == _LINES, f"and so they are in {_LINES:,} records")

    full = _full(pool)
    told = parquet.invoke(_event([full]))
    yield _whether(
        "bounds_full_record", _rows(told) == full.count(b"\n") + 1, f"{len(full):,} bytes of lines in one record"
    )

    event = _largest(_message(pool[n % _LINES]) for n in range(100_000))
    count = len(event["records"])
    yield _whether(
        "bounds_largest_event", _rows(parquet.invoke(event)) == count, f"6 MB of {count:,} records, all rows"
    )

    sizes = [
        _answered(as_json, each)
        for each in (event, _largest(_bare(pool)), _largest(iter([full] * 8)))[: 3 if is_full else 1]
    ]
    yield Figure(
        "bounds_json_answer", max(sizes), "bytes", "the largest answer in JSON mode to such events", "<=", _ANSWER
    )

    failing = [_failing(b"x"), _failing(b'{"x":"'.ljust(300, b"y")), _failing(b"\xff" * _RECORD), _failing(b"")]
    failing = failing if is_full else failing[:1]
    sizes = [_answered(function, each) for each in failing for function in (parquet, as_json)]
    meaning = "the largest answer to an event of 6 MB none of whose records can be read"
    yield Figure("bounds_failing_answer", max(sizes), "bytes", meaning, "<=", _REQUEST)


def _message(line: str) -> bytes:
    return b'{"message":"' + line.encode() + b'"}'


def _bare(pool: list[str]) -> Iterator[bytes]:
    for first in range(0, 100_000, 50):
        yield "\n".join(pool[(first + n) % _LINES] for n in range(50)).encode()


def _full(pool: list[str]) -> bytes:
    """Whole lines, as many as a record holds."""
    text = "\n".join(pool).encode()[:_RECORD]
    return text[: text.rindex(b"\n")]


def _failing(payload: bytes) -> dict[str, Any]:
    return _largest(payload or f"x{n}".encode() for n in range(200_000))


def _largest(payloads: Iterator[bytes]) -> dict[str, Any]:
    """As many of them as a request holds, spelled as Firehose does: without a blank."""
    records: list[dict[str, Any]] = []
    size = 200
    for number, payload in enumerate(payloads):
        record = _record(number, payload)
        size += len(json.dumps(record, separators=(",", ":"))) + 1
        if size > _REQUEST:
            break
        records.append(record)
    return _wrapped(records)


def _record(number: int, payload: bytes) -> dict[str, Any]:
    data = base64.b64encode(payload).decode()
    return {"recordId": f"{number:056d}", "approximateArrivalTimestamp": _FIRST_MS, "data": data}


def _event(payloads: list[bytes]) -> dict[str, Any]:
    return _wrapped([_record(number, payload) for number, payload in enumerate(payloads)])


def _wrapped(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"invocationId": "one", "deliveryStreamArn": STREAM, "region": REGION, "records": records}


def _rows(told: Told) -> int:
    """Rows that lie in the lake, where every record was answered as processed; else -1."""
    if any(answer["result"] != "Dropped" for answer in told.answer.response["records"]):
        return -1
    bodies = [body for key, body in told.objects.items() if key.startswith("flow_logs/")]
    return sum(pq.ParquetFile(io.BytesIO(body)).metadata.num_rows for body in bodies)


def _answered(function: Function, event: dict[str, Any]) -> int:
    """Bytes of the answer as Lambda's runtime writes it; each record must be in it once."""
    answer = function.invoke(event).answer.response
    if [told["recordId"] for told in answer["records"]] != [sent["recordId"] for sent in event["records"]]:
        return 10**9
    return len(json.dumps(answer))


def _whether(name: str, holds: bool, meaning: str) -> Figure:  # noqa: FBT001 - the figure is the truth of it
    return Figure(name, float(holds), "of 1", meaning, "==", 1)
