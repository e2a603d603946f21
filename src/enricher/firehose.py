"""The delivery stream's envelope: a transformation event in, its response out. Nothing else knows either.

Amazon Data Firehose developer guide, "Data transformation and status model" (every recordId exactly once; ``Ok``,
``Dropped`` or ``ProcessingFailed``). Request and response may each have 6 MB.
"""

import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from enricher.columns import int64_array
from enricher.errors import BatchTooLargeError, EventError

# Bytes of a response that carries data: Lambda takes 6 MB, and what is above it fails the whole batch.
RESPONSE_LIMIT: Final = 5_500_000

_DIGEST_BYTES: Final = 16
_MEND: Final = "expected a Firehose transformation event (deliveryStreamArn, region, records)"
_REGION: Final = re.compile(r"[a-z0-9-]+")  # it becomes part of a key
_YEAR_10000_MS: Final = 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event's delivery records as columns: position ``i`` is ordinal ``i`` everywhere.

    ``records`` are the event's own; ``payloads[i]`` is None where the data was not base64, and ``column`` holds the
    same as an Arrow array (binary); ``arrived_at`` are Unix milliseconds (int64 array without nulls).
    """

    stream_arn: str
    region: str
    records: Sequence[Mapping[str, Any]]
    record_ids: list[str]
    payloads: list[bytes | None]
    column: Any
    arrived_at: Any

    @property
    def data(self) -> list[str]:
        """The records' data as they came."""
        return [record["data"] for record in self.records]

    def digest(self) -> str:
        """A name for this batch that its retries share: stream, record ids and data, never the invocation's id."""
        hasher = blake3(_in_json([self.stream_arn, *self.record_ids]))
        # An Arrow array is its values' ends, then its values without a gap: there is nothing to join.
        for buffer in self._as_bytes().buffers()[1:]:
            hasher.update(buffer or b"")
        return hasher.hexdigest(_DIGEST_BYTES)

    def _as_bytes(self) -> Any:
        """Every record's payload, or its data's text where that was not base64 (binary array without nulls)."""
        if not self.column.null_count:
            return self.column
        texts = (text.encode(errors="surrogatepass") for text in self.data)
        pairs = zip(self.payloads, texts, strict=True)
        return pa.array([text if payload is None else payload for payload, text in pairs], pa.binary())


def read_event(event: object) -> Delivery:
    """The delivery records of an event.

    Raises:
        EventError: it is no transformation event, or a record has no id, data or arrival time.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("records"), list):
        raise EventError(f"event: has no list of records; {_MEND}")
    stream_arn = event.get("deliveryStreamArn") or event.get("sourceKinesisStreamArn")
    region = event.get("region") or _region_of(stream_arn)
    if not isinstance(stream_arn, str) or not isinstance(region, str) or not _REGION.fullmatch(region):
        raise EventError(f"event: has no deliveryStreamArn or region; {_MEND}")
    records = event["records"]
    try:
        record_ids = msgspec.convert([record["recordId"] for record in records], list[str])
        # msgspec takes the text of bytes to be base64.
        payloads: list[bytes | None] = msgspec.convert([record["data"] for record in records], list[bytes])
        moments = msgspec.convert([record["approximateArrivalTimestamp"] for record in records], list[int])
    except (KeyError, TypeError, IndexError, msgspec.ValidationError, UnicodeEncodeError):
        return _read_records(stream_arn, region, records)
    column = pa.array(payloads, pa.binary())
    return Delivery(stream_arn, region, records, record_ids, payloads, column, _checked(moments))


def _read_records(stream_arn: str, region: str, records: list[Any]) -> Delivery:
    """The slow way, for a batch in which a record is not as usual."""
    try:
        record_ids = [record["recordId"] for record in records]
        data = [record["data"] for record in records]
        arrived_at = [record["approximateArrivalTimestamp"] for record in records]
    except (KeyError, TypeError, IndexError):
        record_ids, data, arrived_at = _look_closer(records)
    if not all(type(moment) is int for moment in arrived_at):
        arrived_at = [_milliseconds(moment, position) for position, moment in enumerate(arrived_at)]
    if not all(type(text) is str for text in (*record_ids, *data)):
        raise EventError(f"event: a record's recordId or data is no text; {_MEND}")
    payloads = [_decoded(text) for text in data]
    column = pa.array(payloads, pa.binary())
    return Delivery(stream_arn, region, records, record_ids, payloads, column, _checked(arrived_at))


def response(delivery: Delivery, failed: Sequence[int]) -> dict[str, Any]:
    """The answer for a batch that is in the lake: ``Dropped`` for every record but the ``failed`` ordinals.

    ``Dropped`` counts as processed and delivers nothing. A failed record goes back untouched, without data where
    that was not base64 (the stream keeps it under ``processing-failed/``).
    """
    # A copy of a small dictionary takes less than making one.
    dropped = {"recordId": "", "result": "Dropped", "data": ""}
    records = list(map(dict.copy, repeat(dropped, len(delivery.record_ids))))
    for record, record_id in zip(records, delivery.record_ids, strict=True):
        record["recordId"] = record_id
    for ordinal in failed:
        records[ordinal] = _failed(delivery, ordinal)
        if delivery.payloads[ordinal] is not None:
            records[ordinal]["data"] = delivery.records[ordinal]["data"]
    return {"records": records}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A response with data that fits, and what it took.

    ``size`` is in bytes, as Lambda would write it or a little more; ``is_trimmed``: the shorter data was taken;
    ``too_large``: ordinals of the records that had to fail, ascending.
    """

    response: dict[str, Any]
    size: int
    is_trimmed: bool
    too_large: tuple[int, ...]


def fitted(
    delivery: Delivery,
    failed: Sequence[int],
    whole: Mapping[int, Any],
    shorter: Callable[[], Mapping[int, Any]],
    limit: int = RESPONSE_LIMIT,
) -> Fitted:
    """The answer that hands data on: ``Ok`` with a record's bytes, else as ``response`` answers.

    Where ``whole`` (bytes by ordinal) makes more than ``limit`` bytes of response, ``shorter()`` is taken for every
    record. Where that does too, records fail, those first that free most: with their data, as every failed record; and
    where no choice of them leaves room for that, without. The stream keeps a copy of its own of what fails (captured by
    third parties, not documented), so data is given back out of caution alone, and rows come before it.

    Raises:
        BatchTooLargeError: not even the bare results of so many records fit.
    """
    answer = _with_data(response(delivery, failed), whole)
    size = response_size(answer)
    if size <= limit:
        return Fitted(answer, size, is_trimmed=False, too_large=())
    trimmed = _with_data(response(delivery, failed), shorter())["records"]
    for concessions in (_giving_data_back, _giving_nothing_back):
        records = list(trimmed)
        size = response_size({"records": records})
        for ordinal, smaller in concessions(delivery, trimmed):
            if size <= limit:
                break
            size -= response_size(records[ordinal]) - response_size(smaller)
            records[ordinal] = smaller
        if size <= limit:
            gone = {ordinal for ordinal, record in enumerate(records) if record["result"] == "ProcessingFailed"}
            return Fitted({"records": records}, size, is_trimmed=True, too_large=tuple(sorted(gone - set(failed))))
    raise BatchTooLargeError(
        f"response: {size} bytes for {len(trimmed)} records without any data, {limit} are allowed; "
        "lower the stream's BufferSizeInMBs"
    )


def response_size(answer: Mapping[str, Any]) -> int:
    """Bytes of a response as Lambda's Python runtime writes it: JSON with a blank behind each comma and colon.

    What is not ASCII counts as its escape, which is longer than its UTF-8: the runtime writes the one or the other.
    """
    return len(json.dumps(answer))


def _with_data(answer: dict[str, Any], bodies: Mapping[int, Any]) -> dict[str, Any]:
    records = answer["records"]
    for ordinal, body in bodies.items():
        data = binascii.b2a_base64(body, newline=False).decode()
        records[ordinal] = {"recordId": records[ordinal]["recordId"], "result": "Ok", "data": data}
    return answer


def _giving_data_back(delivery: Delivery, records: Sequence[Mapping[str, str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """What an ``Ok`` may be replaced with, the greatest gain first: failed, with the data that came."""
    came = [record["data"] for record in delivery.records]
    gains = {o: len(told["data"]) - len(came[o]) for o, told in enumerate(records) if told["result"] == "Ok"}
    for ordinal in sorted(gains, key=lambda o: (-gains[o], o)):
        if gains[ordinal] > 0:
            yield ordinal, {**_failed(delivery, ordinal), "data": came[ordinal]}


def _giving_nothing_back(
    delivery: Delivery, records: Sequence[Mapping[str, str]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """What an answer may be replaced with: the data of what failed goes first, then rows, the greatest gain first."""
    with_data = [o for o, told in enumerate(records) if told.get("data")]
    for ordinal in sorted(with_data, key=lambda o: (records[o]["result"] == "Ok", -len(records[o]["data"]), o)):
        yield ordinal, _failed(delivery, ordinal)


def _failed(delivery: Delivery, ordinal: int) -> dict[str, str]:
    return {"recordId": delivery.record_ids[ordinal], "result": "ProcessingFailed"}


def _in_json(texts: Sequence[str]) -> bytes:
    """Texts in one: other texts, or the same cut differently, are other bytes."""
    try:
        return msgspec.json.encode(texts)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return json.dumps(texts).encode()


def _checked(moments: list[int]) -> Any:
    try:
        arrived_at = int64_array(moments)
        first, last = pc.min_max(arrived_at).as_py().values()
    except OverflowError:
        first = last = _YEAR_10000_MS
    if first is not None and not 0 <= first <= last < _YEAR_10000_MS:
        raise EventError(f"event: a record's approximateArrivalTimestamp is no time in Unix milliseconds; {_MEND}")
    return arrived_at


def _decoded(text: str) -> bytes | None:
    if len(text) % 4:  # Python 3.11 takes padding behind a whole group, "QUJD=", which msgspec does not
        return None
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b"" if not text else None


def _look_closer(records: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """The slow way, for records that lack something: a Kinesis source may tell the arrival in its metadata."""
    ids, data, arrived = [], [], []
    for position, record in enumerate(records):
        if not isinstance(record, Mapping) or "recordId" not in record or "data" not in record:
            raise EventError(f"event: record {position} has no recordId or data; {_MEND}")
        metadata = record.get("kinesisRecordMetadata")
        moment = record.get("approximateArrivalTimestamp")
        if moment is None and isinstance(metadata, Mapping):
            moment = metadata.get("approximateArrivalTimestamp")
        if moment is None:
            raise EventError(f"event: record {position} has no approximateArrivalTimestamp; {_MEND}")
        ids.append(record["recordId"])
        data.append(record["data"])
        arrived.append(moment)
    return ids, data, arrived


def _milliseconds(moment: object, position: int) -> int:
    try:
        if isinstance(moment, int | float) and not isinstance(moment, bool):
            return int(moment)
        parsed = datetime.fromisoformat(str(moment))
    except (ValueError, OverflowError) as error:
        raise EventError(
            f"event: record {position} has an approximateArrivalTimestamp that is no time; {_MEND}"
        ) from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _region_of(arn: object) -> str | None:
    parts = str(arn).split(":")
    return parts[3] if len(parts) > 3 else None  # noqa: PLR2004 - arn:partition:service:region:…
