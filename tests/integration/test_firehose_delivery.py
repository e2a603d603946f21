"""What surrounds a delivery: CloudWatch Logs as the source, an S3 that refuses, and the metrics."""

import gzip
import json

import pytest
from botocore.exceptions import ClientError
from simulated_firehose import (
    BACKUP,
    DROPPED,
    FAILED,
    PROCESSOR,
    START_MS,
    RefusingStore,
    answering,
    b64,
    dropping,
    hints,
    make_bench,
    ok,
    payload_of,
    shouting,
)

from workbench.envelopes import LogEvent, LogSource, compressed_record, control_envelope, data_envelope
from workbench.firehose import Destination, Processing, Statistics

# ── compression ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_gzip_compresses_delivered_and_error_objects_but_not_the_backup():
    """Each destination has a compression of its own; error objects share that of delivered ones."""
    bench = make_bench(
        answering(lambda payload: [FAILED if payload == b"bad" else ok(payload)]),
        destination=Destination("delivered/", "errors/", gzip=True),
        backup=BACKUP,
    )

    bench.put_and_drain(b"a\n", b"bad")

    objects = dict(bench.store.objects())
    suffixes = {key.split("/")[0]: key[-3:] == ".gz" for key in objects}
    assert suffixes == {"delivered": True, "errors": True, "source": False}
    (delivered,) = bench.bodies("delivered/")
    (errors,) = bench.bodies("errors/")
    assert gzip.decompress(delivered) == b"a\n"
    assert json.loads(gzip.decompress(errors))["rawData"] == "YmFk"
    assert bench.bodies("source/") == [b"a\nbad"]


# ── CloudWatch Logs as source ────────────────────────────────────────────────────────────────────────────────────────

SOURCE = LogSource("123456789012", "/vpc/flow-logs", "eni-1-all", "to-firehose")
LINES = data_envelope([LogEvent(1, "2 a"), LogEvent(2, "2 b")], SOURCE)


def test_decompression_hands_the_envelope_to_the_function():
    """The function sees the JSON that was compressed."""
    bench = make_bench(dropping, processing=Processing(decompression=True, function=PROCESSOR))

    bench.stream.put_record_batch([compressed_record(control_envelope(5))], from_cloudwatch_logs=True)
    bench.stream.drain()

    (record,) = bench.events[0]["records"]
    assert payload_of(record) == (
        b'{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",'
        b'"subscriptionFilters":[],"logEvents":[{"id":"","timestamp":5,'
        b'"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}'
    )


def test_extraction_keeps_one_record_for_each_envelope():
    """An envelope's lines stay one record; a control message becomes an empty one."""
    processing = Processing(decompression=True, message_extraction=True, function=PROCESSOR)
    bench = make_bench(dropping, processing=processing)

    bench.stream.put_record_batch(
        [compressed_record(LINES), compressed_record(control_envelope(5)), compressed_record(LINES, LINES)],
        from_cloudwatch_logs=True,
    )
    bench.stream.drain()

    assert [payload_of(record) for record in bench.events[0]["records"]] == [
        b"2 a\n2 b\n",
        b"",
        b"2 a\n2 b\n2 a\n2 b\n",
    ]


@pytest.mark.parametrize(
    "record",
    [
        b"2 plain line",
        compressed_record(LINES)[:-9],
        compressed_record({"messageType": "SOMETHING_ELSE", "logEvents": []}),
        compressed_record({"messageType": "DATA_MESSAGE"}),
    ],
    ids=["not gzip", "truncated", "other type", "no events"],
)
def test_what_cannot_be_decompressed_or_extracted_is_kept_apart(record):
    """The original bytes go under decompression-failed, without the function having been asked."""
    processing = Processing(decompression=True, message_extraction=True, function=PROCESSOR)
    bench = make_bench(dropping, processing=processing)

    bench.stream.put_record_batch([record], from_cloudwatch_logs=True)
    bench.stream.drain()

    ((key, _),) = bench.store.objects()
    (line,) = bench.error_lines()
    assert key.startswith("errors/decompression-failed/flow-logs-1-")
    assert b64(record) == line.pop("rawData")
    assert line == {
        "errorCode": "Decompression failed.",
        "errorMessage": "Decompression failed because input data does not conform to cloudwatch log.",
        "attemptsMade": 1,
        "arrivalTimestamp": START_MS,
        "attemptEndingTimestamp": START_MS + 60_000,
    }
    assert (bench.events, bench.stream.counters.records.failed) == ([], 1)


def test_a_decompressed_record_that_fails_is_kept_compressed():
    """Error objects and backup hold the bytes as they were put, not as the function saw them."""
    bench = make_bench(
        answering(lambda _: [FAILED]),
        processing=Processing(decompression=True, function=PROCESSOR),
        backup=BACKUP,
    )
    record = compressed_record(LINES)

    bench.stream.put_record_batch([record], from_cloudwatch_logs=True)
    bench.stream.drain()

    assert [line["rawData"] for line in bench.error_lines()] == [b64(record)]
    assert bench.bodies("source/") == [record]


def test_with_decompression_on_only_cloudwatch_logs_may_put():
    """AWS refuses other producers."""
    bench = make_bench(dropping, processing=Processing(decompression=True))

    with pytest.raises(ClientError, match="InvalidSourceException"):
        bench.stream.put_record_batch([compressed_record(LINES)])


# ── what S3 refuses ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_that_s3_refuses_is_written_later_and_the_function_not_asked_again():
    """The same object is tried again until it is there."""
    store = RefusingStore(refusals=2)
    bench = make_bench(shouting, store=store)

    bench.put_and_drain(b"a")

    assert (len(store.tried), len(set(store.tried)), len(bench.events)) == (3, 1, 1)
    assert bench.bodies("delivered/") == [b"A"]
    assert bench.stream.counters.metrics["DeliveryToS3.Success"] == Statistics(sample_count=3, sum=1)


def test_records_are_lost_when_s3_refuses_for_a_day():
    """Direct PUT records are kept for 24 hours, counted from their arrival."""
    bench = make_bench(shouting, store=RefusingStore(refusals=10_000))
    bench.stream.put_record_batch([b"a", b"b"])

    bench.stream.advance(24 * 3600 - 0.001)
    before = bench.stream.counters.records.pending
    bench.stream.advance(0.001)

    records = bench.stream.counters.records
    assert (before, records.pending, records.lost, records.delivered) == (2, 0, 2, 0)


def test_a_refused_backup_does_not_hold_up_delivery():
    """Primary objects and backup are tried apart."""
    store = RefusingStore(refusals=1)
    backup = Destination("source/", buffer=hints(1, 60))
    bench = make_bench(shouting, store=store, backup=backup)

    bench.put_and_drain(b"a")

    assert store.tried[0].startswith("source/")
    assert (bench.bodies("delivered/"), bench.bodies("source/")) == ([b"A"], [b"a"])
    assert bench.stream.counters.records.delivered == 1


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_metrics_count_as_in_a_capture_from_aws():
    """One Ok of 51 bytes, one Dropped and one failed of 53: only Ok succeeded; Ok and failed were delivered."""
    entries = {51: ok(b"transformed data is not what is counted " * 9), 53: DROPPED}
    bench = make_bench(
        answering(lambda payload: [FAILED if payload[:1] == b"f" else entries[len(payload)]]),
        backup=BACKUP,
    )

    bench.put_and_drain(b"o" * 51, b"d" * 53, b"f" * 53)

    metrics = bench.stream.counters.metrics
    assert {name: metrics[name] for name in metrics.names()} == {
        "IncomingRecords": Statistics(1, 3),
        "IncomingBytes": Statistics(1, 157),
        "ExecuteProcessing.Duration": Statistics(1, 0),
        "ExecuteProcessing.Success": Statistics(1, 1),
        "SucceedProcessing.Records": Statistics(1, 1),
        "SucceedProcessing.Bytes": Statistics(1, 51),
        "DeliveryToS3.Success": Statistics(2, 2),
        "DeliveryToS3.Records": Statistics(2, 2),
        "DeliveryToS3.Bytes": Statistics(2, 104),
        "BackupToS3.Success": Statistics(1, 1),
        "BackupToS3.Records": Statistics(1, 3),
        "BackupToS3.Bytes": Statistics(1, 157),
    }


def test_dropping_everything_leaves_the_success_metrics_at_nothing():
    """Dropped records are processed, yet neither succeed nor are delivered in the metrics."""
    bench = make_bench(dropping)

    bench.put_and_drain(b"a", b"b")

    metrics = bench.stream.counters.metrics
    assert metrics["ExecuteProcessing.Success"].average == 1
    assert metrics["SucceedProcessing.Records"] == Statistics(1, 0)
    assert metrics["DeliveryToS3.Records"] == Statistics(0, 0)
