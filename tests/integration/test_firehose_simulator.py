"""A delivery stream from put to S3: limits, buffers, delivery, backup, and every record once."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_firehose import (
    BACKUP,
    DROPPED,
    FAILED,
    FUNCTION_ARN,
    PROCESSOR,
    START_MS,
    answering,
    b64,
    broken,
    dropping,
    hints,
    make_bench,
    ok,
    payload_of,
    shouting,
)

from workbench.firehose import Destination, LambdaProcessor, Processing


def sizes(bench):
    """Number of records of each invocation."""
    return [len(event["records"]) for event in bench.events]


# ── put ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_accepted_record_gets_an_id_of_its_own():
    """The API answers with one RecordId each and no failure; the function sees other ids."""
    bench = make_bench(shouting)

    answer = bench.stream.put_record_batch([b"a", b"a"])
    bench.stream.drain()

    public = [response["RecordId"] for response in answer["RequestResponses"]]
    private = [record["recordId"] for record in bench.events[0]["records"]]
    assert (answer["FailedPutCount"], answer["Encrypted"]) == (0, False)
    assert len(set(public + private)) == 4


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([], "ValidationException"),
        ([b"x"] * 501, "ValidationException"),
        ([b"x" * 1_024_001], "ValidationException"),
        ([b"x" * 1_000_000] * 4 + [b"x" * 194_305], "InvalidArgumentException"),
    ],
    ids=["none", "501", "record over 1,000 KiB", "4 MiB and a byte"],
)
def test_a_batch_over_a_bound_is_refused_whole_as_boto3_would(records, code):
    """PutRecordBatch takes 1 to 500 records, 1,000 KiB each, 4 MiB together, else it accepts none of them."""
    bench = make_bench(shouting)

    with pytest.raises(ClientError) as refused:
        bench.stream.put_record_batch(records)

    bench.stream.drain()
    assert refused.value.response["Error"]["Code"] == code
    assert (bench.events, bench.stream.counters.records.put) == ([], 0)


@pytest.mark.parametrize(
    "records",
    [[b"x"] * 500, [b"x" * 1_024_000], [b"x" * 1_000_000] * 4 + [b"x" * 194_304]],
    ids=["500", "1,000 KiB", "4 MiB"],
)
def test_a_batch_at_a_bound_is_accepted(records):
    """The bounds themselves are allowed."""
    bench = make_bench(dropping)

    bench.put_and_drain(*records)

    assert bench.stream.counters.records.dropped == len(records)


# ── buffers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_function_waits_for_the_interval_of_the_first_record():
    """Sixty seconds after the first record, everything that came since is one batch."""
    bench = make_bench(shouting)
    bench.stream.put_record_batch([b"a"])
    bench.stream.advance(59)
    bench.stream.put_record_batch([b"b"])

    bench.stream.advance(0.999)
    before = sizes(bench)
    bench.stream.advance(0.001)

    assert (before, sizes(bench)) == ([], [2])


def test_the_size_hint_counts_record_bytes_and_calls_the_function_at_once():
    """Two records of 512 KiB make the default hint of 1 MiB, base64 not counted."""
    bench = make_bench(shouting)

    bench.stream.put_record_batch([b"x" * 524_288] * 3)

    assert sizes(bench) == [2]


def test_a_record_that_would_pass_the_size_hint_begins_the_next_batch():
    """No batch passes the hint for the sake of one more record."""
    bench = make_bench(shouting)

    bench.stream.put_record_batch([b"x" * 600_000, b"x" * 600_000])
    bench.stream.drain()

    assert sizes(bench) == [1, 1]


def test_a_record_larger_than_the_hint_is_a_batch_of_its_own():
    """With the smallest hint a large record still goes through, alone."""
    processor = LambdaProcessor(FUNCTION_ARN, buffer=hints(0.2, 60))
    bench = make_bench(shouting, processor=processor)

    bench.stream.put_record_batch([b"a", b"x" * 1_000_000, b"b"])
    bench.stream.drain()

    assert sizes(bench) == [1, 1, 1]


def test_no_interval_means_no_waiting():
    """With an interval of zero the function is called as soon as records are there."""
    bench = make_bench(shouting, processor=LambdaProcessor(FUNCTION_ARN, buffer=hints(1, 0)))

    bench.stream.put_record_batch([b"a", b"b"])

    assert sizes(bench) == [2]


def test_a_batch_that_is_overdue_goes_before_later_records():
    """Where others moved the clock, a put first does what was due."""
    bench = make_bench(shouting)
    bench.stream.put_record_batch([b"early"])
    bench.clock.advance(61)

    bench.stream.put_record_batch([b"late"])

    assert [payload_of(record) for record in bench.events[0]["records"]] == [b"early"]


def test_each_due_thing_happens_at_its_own_time():
    """A long wait is walked through: the batch after 60 s, its object 300 s later."""
    seen = []
    bench = make_bench(lambda event: (seen.append(bench.clock.now_ms()), shouting(event))[1])
    bench.stream.put_record_batch([b"a"])

    bench.stream.advance(359.999)
    before = bench.bodies("")
    bench.stream.advance(0.001)

    assert seen == [START_MS + 60_000]
    assert (before, bench.bodies("")) == ([], [b"A"])


@pytest.mark.parametrize(
    ("size", "closed"),
    [(600_000, [600_000, 600_000]), (1_048_576, [1_048_576] * 3), (1_200_000, [1_200_000] * 3), (300_000, [])],
)
def test_objects_close_at_the_size_of_the_destinations_hint(size, closed):
    """Transformed bytes fill the object of 1 MiB; whatever does not fit waits for the interval."""
    bench = make_bench(
        answering(lambda _: [ok(b"y" * size)]),
        destination=Destination("delivered/", "errors/", hints(1, 900)),
        processor=LambdaProcessor(FUNCTION_ARN, buffer=hints(1, 0)),
    )

    bench.stream.put_record_batch([b"a", b"b", b"c"])

    assert [len(body) for body in bench.bodies("delivered/")] == closed


# ── delivery ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_transformed_data_is_delivered_verbatim_one_behind_the_other():
    """Firehose adds nothing between records."""
    bench = make_bench(shouting)

    bench.put_and_drain(b"one\n", b"two", b"\xff\x00", b"")

    assert bench.bodies("") == [b"ONE\nTWO\xff\x00"]


def test_the_key_is_prefix_hour_stream_version_time_and_id():
    """The time is the arrival of the oldest record, in UTC."""
    bench = make_bench(shouting)
    bench.stream.put_record_batch([b"oldest"])
    bench.stream.advance(50)

    bench.put_and_drain(b"newest")

    ((key, _),) = bench.store.objects()
    assert key.startswith("delivered/2025/11/20/00/flow-logs-1-2025-11-20-00-53-20-id-0000")


def test_without_enabled_processing_records_are_delivered_as_they_are():
    """A stream whose processing is not enabled never calls the function."""
    bench = make_bench(broken, processor=None)

    bench.put_and_drain(b"a", b"b")

    assert (bench.bodies("delivered/"), bench.events) == ([b"ab"], [])
    assert bench.stream.counters.metrics.names() == [
        "DeliveryToS3.Bytes",
        "DeliveryToS3.Records",
        "DeliveryToS3.Success",
        "IncomingBytes",
        "IncomingRecords",
    ]


def test_a_delimiter_goes_between_delivered_records_and_not_behind_the_last():
    """AppendDelimiterToRecord separates, it does not end; error objects are not its business."""
    processing = Processing(function=PROCESSOR, append_delimiter=True)
    bench = make_bench(
        answering(lambda payload: [FAILED if payload == b"bad" else ok(payload)]),
        processing=processing,
    )

    bench.put_and_drain(b"a", b"bad", b"b", b"bad")

    assert bench.bodies("delivered/") == [b"a\nb"]
    assert len(bench.error_lines()) == 2


def test_the_backup_keeps_every_record_as_it_was_put():
    """Source backup holds delivered, dropped and failed records alike, untransformed."""
    entries = {b"keep": ok(b"KEPT"), b"drop": DROPPED, b"fail": FAILED}
    bench = make_bench(answering(lambda payload: [entries[payload]]), backup=BACKUP)

    bench.put_and_drain(b"keep", b"drop", b"fail")

    assert bench.bodies("source/") == [b"keepdropfail"]
    assert bench.bodies("delivered/") == [b"KEPT"]


def test_without_backup_nothing_else_is_kept():
    """Where everything is dropped and no backup is configured, no object is written at all."""
    bench = make_bench(dropping)

    bench.put_and_drain(b"a")

    assert bench.bodies("") == []


# ── every record, once ───────────────────────────────────────────────────────────────────────────────────────────────

BEHAVIOURS = {
    "ok": lambda data: [ok(data + b";")],
    "drop": lambda _: [DROPPED],
    "fail": lambda _: [FAILED],
    "forget": lambda _: [],
    "twice": lambda data: [ok(data), DROPPED],
    "no data": lambda _: [{"result": "Ok"}],
    "stray": lambda data: [{"recordId": "of nobody"} | ok(data), ok(data + b";")],
}
PUTS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from(sorted(BEHAVIOURS)), st.sampled_from([20, 80_000, 250_000])),
            min_size=1,
            max_size=6,
        ),
        st.sampled_from([0, 1, 59, 60, 400]),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(puts=PUTS, failing=st.lists(st.booleans(), max_size=12), retries=st.integers(0, 3))
def test_every_record_put_ends_exactly_once(puts, failing, retries):
    """Whatever the function does, a record is delivered, dropped or failed, in one place, and ids never repeat."""
    failures, dropped = iter(failing), []

    def function(event: dict[str, Any]) -> object:
        if next(failures, False):
            return broken(event)
        names = [payload_of(record) for record in event["records"]]
        dropped.extend(name for name in names if name.startswith(b"drop"))
        return answering(lambda data: BEHAVIOURS[data.split(b"|")[0].decode()](data))(event)

    bench = make_bench(
        function,
        processor=LambdaProcessor(FUNCTION_ARN, retries, hints(0.2, 60)),
        backup=BACKUP,
    )
    names, public_ids = [], []
    for number, (records, seconds) in enumerate(puts):
        batch = [f"{kind}|{number}.{i}".encode().ljust(size, b" ") for i, (kind, size) in enumerate(records)]
        names += batch
        public_ids += [r["RecordId"] for r in bench.stream.put_record_batch(batch)["RequestResponses"]]
        bench.stream.advance(seconds)
    bench.stream.drain()

    delivered = b"".join(bench.bodies("delivered/")).split(b";")[:-1]
    failed = [line["rawData"] for line in bench.error_lines()]
    assert sorted(map(b64, names)) == sorted([*map(b64, delivered), *map(b64, dropped), *failed])
    assert b"".join(bench.bodies("source/")) == b"".join(names)
    records = bench.stream.counters.records
    assert (records.delivered, records.dropped, records.failed) == (len(delivered), len(dropped), len(failed))
    assert (records.put, records.pending, records.lost) == (len(names), 0, 0)
    private_ids = {record["recordId"] for event in bench.events for record in event["records"]}
    invocation_ids = [event["invocationId"] for event in bench.events]
    assert len(private_ids) == len(names)
    everything = [*public_ids, *private_ids, *invocation_ids]
    assert len(set(everything)) == len(everything)
