"""Every shape in which flow log lines reach the transformation Lambda, built from the lines.

A *record* here is what a delivery record's ``data`` decodes to:

    message_record, message_records   VPC to Firehose: ``{"message": "<line>"}``, one or several, with and without LF
    bare_record                       an own PutRecordBatch: the line itself, one or several
    compressed_record                 CloudWatch Logs subscription: gzip of an envelope, or several members in a row
    decompressed_record               the same with Firehose's decompression on
    extracted_record                  the same with decompression and message extraction on

``event`` wraps records into the dict that the function is invoked with. The shapes are third-party evidence (AWS says
only "plain text format"), except the CloudWatch Logs envelope:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GZIP_LEVEL = 6  # the level CloudWatch Logs compresses subscription data with
_FIRST_SEQUENCE_NUMBER = 49546986683135544286507457936321625675700192471156785154


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One Firehose record: its id within the batch, its bytes, its arrival in milliseconds since 1970 (UTC)."""

    record_id: str
    data: bytes
    arrived_at_ms: int


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where CloudWatch Logs took the events from; ``owner`` is the account that owns the log group."""

    owner: str
    log_group: str
    log_stream: str
    subscription_filter: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One CloudWatch Logs event; of a flow record, the time is its ``start`` in milliseconds."""

    timestamp_ms: int
    message: str
    extracted_fields: Mapping[str, str] | None = None


def message_record(line: str, *, newline: bool = False) -> bytes:
    """One flow log line as VPC Flow Logs puts it into a delivery stream, with LF behind it if ``newline``."""
    return _json({"message": line}) + (b"\n" if newline else b"")


def message_records(lines: Iterable[str], *, newline: bool = False) -> bytes:
    """Several such objects in one delivery record, each with LF behind it if ``newline``."""
    return b"".join(message_record(line, newline=newline) for line in lines)


def bare_record(lines: Sequence[str], *, newline: bool = False) -> bytes:
    """The lines themselves in one delivery record: LF between them, behind the last only if ``newline``."""
    return "\n".join(lines).encode() + (b"\n" if newline else b"")


def log_event(line: str, *, timestamp_ms: int, field_names: Sequence[str] = ()) -> LogEvent:
    """A CloudWatch Logs event of a flow log line.

    Args:
        line: the flow log line, its fields separated by spaces.
        timestamp_ms: the event's time; CloudWatch Logs uses the flow record's ``start``.
        field_names: names given by a space-delimited filter pattern; the event then carries ``extractedFields``.

    Raises:
        ValueError: there are names, but not as many as fields.
    """
    fields = dict(zip(field_names, line.split(), strict=True)) if field_names else None
    return LogEvent(timestamp_ms, line, fields)


def data_envelope(events: Sequence[LogEvent], source: LogSource) -> dict[str, Any]:
    """The DATA_MESSAGE envelope of a CloudWatch Logs subscription, members in AWS's order.

    Event ids are 56 digits that begin with the event's time, as AWS's do, and are unique within the envelope.
    """
    log_events = []
    for index, log in enumerate(events):
        entry: dict[str, Any] = {
            "id": f"{(log.timestamp_ms << 144) + index:056d}",
            "timestamp": log.timestamp_ms,
            "message": log.message,
        }
        if log.extracted_fields is not None:
            entry["extractedFields"] = dict(log.extracted_fields)
        log_events.append(entry)
    return {
        "messageType": "DATA_MESSAGE",
        "owner": source.owner,
        "logGroup": source.log_group,
        "logStream": source.log_stream,
        "subscriptionFilters": [source.subscription_filter],
        "logEvents": log_events,
    }


def control_envelope(timestamp_ms: int) -> dict[str, Any]:
    """The CONTROL_MESSAGE envelope with which CloudWatch Logs checks that the stream can be reached."""
    return {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [
            {
                "id": "",
                "timestamp": timestamp_ms,
                "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose.",
            },
        ],
    }


def compressed_record(*envelopes: Mapping[str, Any]) -> bytes:
    """The envelopes as gzip members one behind the other; same envelopes, same bytes."""
    return b"".join(gzip.compress(_json(envelope), GZIP_LEVEL, mtime=0) for envelope in envelopes)


def decompressed_record(*envelopes: Mapping[str, Any]) -> bytes:
    """What Firehose's decompression makes of ``compressed_record``: the JSON, byte for byte."""
    return b"".join(_json(envelope) for envelope in envelopes)


def extracted_record(*envelopes: Mapping[str, Any]) -> bytes:
    """What decompression and message extraction make of it: each message and LF; of a CONTROL_MESSAGE, nothing."""
    return b"".join(
        log["message"].encode() + b"\n"
        for envelope in envelopes
        if envelope["messageType"] == "DATA_MESSAGE"
        for log in envelope["logEvents"]
    )


def delivery_records(payloads: Iterable[bytes], *, first_arrival_ms: int) -> list[DeliveryRecord]:
    """The payloads as delivery records: ids as AWS makes them, each arriving a millisecond after the one before."""
    return [
        DeliveryRecord(f"{_FIRST_SEQUENCE_NUMBER + index}000000", data, first_arrival_ms + index)
        for index, data in enumerate(payloads)
    ]


def transformation_event(
    records: Sequence[DeliveryRecord],
    stream_arn: str,
    region: str,
    invocation_id: str,
    *,
    kinesis: bool = False,
) -> dict[str, Any]:
    """The dict that Firehose invokes a transformation Lambda with, members in the order seen on AWS.

    Args:
        records: the batch; ``data`` is base64-encoded here, of an empty record it is ``""``.
        stream_arn: of the delivery stream.
        region: of the delivery stream.
        invocation_id: differs from attempt to attempt.
        kinesis: whether the delivery stream reads a Kinesis data stream of its own name.
    """
    event: dict[str, Any] = {"invocationId": invocation_id, "deliveryStreamArn": stream_arn}
    if kinesis:
        event["sourceKinesisStreamArn"] = stream_arn.replace(":firehose:", ":kinesis:").replace(
            ":deliverystream/", ":stream/"
        )
    event["region"] = region
    event["records"] = [_event_record(record, kinesis=kinesis) for record in records]
    return event


def event(
    records: Iterable[bytes],
    stream_arn: str,
    region: str,
    invocation_id: str,
    *,
    kinesis: bool = False,
    first_arrival_ms: int,
) -> dict[str, Any]:
    """``transformation_event`` of bare payloads: see ``delivery_records`` for their ids and times."""
    return transformation_event(
        delivery_records(records, first_arrival_ms=first_arrival_ms),
        stream_arn,
        region,
        invocation_id,
        kinesis=kinesis,
    )


def _event_record(record: DeliveryRecord, *, kinesis: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "recordId": record.record_id,
        "approximateArrivalTimestamp": record.arrived_at_ms,
        "data": base64.b64encode(record.data).decode(),
    }
    if kinesis:
        # AWS forms the record id of a Kinesis source from the sequence number and six digits of subsequence.
        entry["kinesisRecordMetadata"] = {
            "sequenceNumber": record.record_id[:-6],
            "subsequenceNumber": 0,
            "partitionKey": f"partition-{record.record_id[-8:-6]}",
            "shardId": "shardId-000000000000",
            "approximateArrivalTimestamp": record.arrived_at_ms,
        }
    return entry


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
