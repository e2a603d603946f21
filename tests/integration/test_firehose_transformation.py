"""How a delivery stream invokes its function, and what it makes of each answer."""

import json
from typing import Any

import pytest
from simulated_firehose import (
    DROPPED,
    FAILED,
    FUNCTION_ARN,
    START_MS,
    answering,
    broken,
    dropping,
    fails_then,
    make_bench,
    ok,
    shouting,
)

from workbench.firehose import Blame, ErrorSpelling, InvocationRefusedError, LambdaProcessor, Rules, Statistics

FUNCTION_ERROR = "The Lambda function was successfully invoked but it returned an error result."
INVALID_OUTPUT = (
    "Check your function and make sure the output is in required format. In addition to that, make sure the processed"
    " records contain valid result status of Dropped, Ok, or ProcessingFailed"
)
DUPLICATED = (
    "Multiple records were returned with the same record Id. Ensure that the Lambda function returns a unique record Id"
    " for each record."
)
NO_DATA = (
    "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and processing result is"
    " Ok. The value field cannot be null when the SourceType is MSKAsSource and processing result is Ok."
)
MISSING = "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids."


def reasons(bench):
    """Raw data, code and attempts of each error object."""
    return [(line["rawData"], line["errorCode"], line["attemptsMade"]) for line in bench.error_lines()]


# ── invocations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_function_gets_firehoses_event():
    """Ids, times of arrival and base64 data, nothing else."""
    bench = make_bench(dropping)
    bench.stream.put_record_batch([b"a"])
    bench.stream.advance(1)
    bench.stream.put_record_batch([b""])
    bench.stream.drain()

    (event,) = bench.events
    ids = [record.pop("recordId") for record in event["records"]]
    assert len(set(ids)) == 2
    assert event.pop("invocationId") not in ids
    assert event == {
        "deliveryStreamArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/flow-logs",
        "region": "eu-west-1",
        "records": [
            {"approximateArrivalTimestamp": START_MS, "data": "YQ=="},
            {"approximateArrivalTimestamp": START_MS + 1000, "data": ""},
        ],
    }


def test_a_failing_function_is_tried_four_times_with_the_same_records():
    """Three retries by default: each has a fresh invocation id, and the ids and bytes of the first."""
    bench = make_bench(broken)

    bench.put_and_drain(b"a", b"b")

    assert len(bench.events) == 4
    assert len({event["invocationId"] for event in bench.events}) == 4
    assert all(event["records"] == bench.events[0]["records"] for event in bench.events)


def test_a_function_that_alters_its_event_alters_no_retry():
    """Each attempt gets a copy of its own."""

    def vandal(event: dict[str, Any]) -> object:
        event["records"].clear()
        return broken(event)

    bench = make_bench(vandal)

    bench.put_and_drain(b"a")

    assert [len(event["records"]) for event in bench.events] == [1, 1, 1, 1]


def test_a_batch_that_never_succeeds_is_kept_whole():
    """Every record goes to the error output with the number of attempts; nothing else is written."""
    bench = make_bench(broken)

    bench.put_and_drain(b"a", b"b")

    assert reasons(bench) == [("YQ==", "Lambda.FunctionError", 4), ("Yg==", "Lambda.FunctionError", 4)]
    assert {line["errorMessage"] for line in bench.error_lines()} == {FUNCTION_ERROR}
    assert len(bench.bodies("")) == 1
    assert bench.stream.counters.metrics["ExecuteProcessing.Success"] == Statistics(4, 0)


def test_the_first_success_ends_the_attempts():
    """A batch that succeeds in the end is delivered once, and no attempt before it leaves a trace."""
    bench = make_bench(fails_then(2, shouting))

    bench.put_and_drain(b"a")

    assert len(bench.events) == 3
    assert bench.bodies("") == [b"A"]
    assert bench.stream.counters.metrics["ExecuteProcessing.Success"] == Statistics(3, 1)


def test_attempts_already_made_count_in_later_failures():
    """A record that the third invocation fails has had three attempts."""
    bench = make_bench(fails_then(2, answering(lambda _: [FAILED])))

    bench.put_and_drain(b"a")

    assert reasons(bench) == [("YQ==", "Lambda.ProcessingFailedStatus", 3)]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (3, 4)])
def test_the_number_of_retries_comes_on_top_of_the_first_attempt(retries, attempts):
    """NumberOfRetries 1 and 3 were seen on AWS to make 2 and 4 invocations."""
    bench = make_bench(broken, processor=LambdaProcessor(FUNCTION_ARN, retries))

    bench.put_and_drain(b"a")

    assert (len(bench.events), bench.error_lines()[0]["attemptsMade"]) == (attempts, attempts)


def timed_out(_: dict[str, Any]) -> object:
    """A function that the runtime ends."""
    raise TimeoutError


@pytest.mark.parametrize(
    "function",
    [timed_out, lambda _: {"records": {1, 2}}, lambda _: "\ud800", lambda _: b" " * 6_291_557],
    ids=["timeout", "not serialisable", "no UTF-8", "over 6 MB"],
)
def test_a_response_that_never_arrives_is_a_function_error(function):
    """Timeouts, responses that the runtime cannot post, and responses over Lambda's 6 MB are tried again."""
    bench = make_bench(function)

    bench.put_and_drain(b"a")

    assert reasons(bench) == [("YQ==", "Lambda.FunctionError", 4)]


def test_a_response_of_exactly_the_limit_arrives():
    """6,291,556 bytes pass; that they hold no records is another matter, and final."""
    bench = make_bench(lambda _: b"{}".ljust(6_291_556))

    bench.put_and_drain(b"a")

    assert reasons(bench) == [("YQ==", "Lambda.MissingRecordId", 1)]


def test_the_limit_counts_the_json_of_the_response_not_the_data():
    """Data of 4.8 MB is 6.4 MB in base64: too much."""
    bench = make_bench(answering(lambda _: [ok(b"x" * 4_800_000)]))

    bench.put_and_drain(b"a")

    assert reasons(bench) == [("YQ==", "Lambda.FunctionError", 4)]


def test_a_request_over_the_limit_never_reaches_the_function():
    """Lambda refuses the event itself; Firehose tries it again all the same."""
    bench = make_bench(dropping, rules=Rules(payload_limit_bytes=1000))

    bench.put_and_drain(b"x" * 700)

    assert bench.events == []
    assert [(line["errorCode"], line["attemptsMade"]) for line in bench.error_lines()] == [("Lambda.FunctionError", 4)]


def test_an_invocation_longer_than_five_minutes_is_given_up():
    """Firehose waits 300 seconds, however well the function answers then."""

    def slow(event: dict[str, Any]) -> object:
        bench.clock.advance(300 if len(bench.events) > 1 else 300.001)
        return shouting(event)

    bench = make_bench(slow)

    bench.put_and_drain(b"a")

    assert (len(bench.events), bench.bodies("delivered/")) == (2, [b"A"])
    assert bench.stream.counters.metrics["ExecuteProcessing.Duration"] == Statistics(2, 600_001)


def test_a_refused_invocation_keeps_lambdas_code():
    """Throttling and missing permission have codes of their own."""

    def throttled(_: dict[str, Any]) -> object:
        raise InvocationRefusedError("Lambda.InvokeLimitExceeded", "The concurrent execution limit is exceeded.")

    bench = make_bench(throttled)

    bench.put_and_drain(b"a")

    assert reasons(bench) == [("YQ==", "Lambda.InvokeLimitExceeded", 4)]
    assert bench.error_lines()[0]["errorMessage"] == "The concurrent execution limit is exceeded."


# ── badly shaped answers ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer",
    [None, [], "Ok", {}, {"records": None}, {"records": {}}, {"records": []}, b"not json", b"\xff"],
    ids=repr,
)
def test_a_malformed_answer_is_final_and_misses_every_record(answer):
    """The function was invoked well, so it is not asked again."""
    bench = make_bench(lambda _: answer)

    bench.put_and_drain(b"a", b"b")

    assert reasons(bench) == [("YQ==", "Lambda.MissingRecordId", 1), ("Yg==", "Lambda.MissingRecordId", 1)]
    assert {line["errorMessage"] for line in bench.error_lines()} == {MISSING}
    assert bench.stream.counters.metrics["ExecuteProcessing.Success"] == Statistics(1, 1)


def only_a(entries: list[Any]) -> Any:
    """A function that gives these entries for the record ``a`` and shouts the others."""
    return answering(lambda payload: entries if payload == b"a" else [ok(payload.upper())])


@pytest.mark.parametrize(
    ("entries", "code", "message"),
    [
        ([], "Lambda.MissingRecordId", MISSING),
        ([ok(b"1"), ok(b"2")], "Lambda.DuplicatedRecordId", DUPLICATED),
        ([{"result": "Ok"}], "Lambda.InvalidReturnFormat", NO_DATA),
        ([FAILED], "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"),
        ([{"result": "ProcessingFailed"}], "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"),
        ([{"recordId": ["a"]} | ok(b"1")], "Lambda.MissingRecordId", MISSING),
    ],
    ids=["missing", "twice", "no data", "failed", "failed without data", "id is no text"],
)
def test_one_bad_entry_costs_one_record(entries, code, message):
    """The record goes to the error output after one attempt; the rest of the batch is delivered."""
    bench = make_bench(only_a(entries))

    bench.put_and_drain(b"a", b"b")

    assert bench.bodies("delivered/") == [b"B"]
    assert reasons(bench) == [("YQ==", code, 1)]
    assert bench.error_lines()[0]["errorMessage"] == message


@pytest.mark.parametrize("entry", [DROPPED, {"result": "Dropped"}, DROPPED | {"data": "%%%"}])
def test_a_dropped_record_leaves_nothing_behind(entry):
    """Neither an object nor an error, whatever stands in data."""
    bench = make_bench(only_a([entry]))

    bench.put_and_drain(b"a", b"b")

    assert bench.bodies("") == [b"B"]
    assert (bench.stream.counters.records.dropped, bench.stream.counters.records.delivered) == (1, 1)


def test_entries_for_records_of_nobody_are_ignored():
    """An id that the batch never had, and an entry that is no object, change nothing."""

    def function(event: dict[str, Any]) -> object:
        answer: Any = shouting(event)
        answer["records"] += [{"recordId": "stray", "result": "Perhaps"}, "noise"]
        return answer

    bench = make_bench(function)

    bench.put_and_drain(b"a")

    assert bench.bodies("") == [b"A"]


BAD_ENTRIES = [{"result": "ok", "data": ""}, {"data": ""}, {"result": "Ok", "data": "not base64"}]
BAD_ENTRIES += [{"result": "Ok", "data": "YW%Jj"}, {"result": "Ok", "data": "YQ"}, {"result": "Ok", "data": 7}]


@pytest.mark.parametrize("entry", BAD_ENTRIES, ids=repr)
def test_an_unknown_result_or_bad_base64_brings_the_batch_down(entry):
    """As captured on AWS: every record of the batch is a function error, and nothing is delivered."""
    bench = make_bench(only_a([entry]))

    bench.put_and_drain(b"a", b"b")

    assert reasons(bench) == [("YQ==", "Lambda.FunctionError", 1), ("Yg==", "Lambda.FunctionError", 1)]
    assert {line["errorMessage"] for line in bench.error_lines()} == {INVALID_OUTPUT}


@pytest.mark.parametrize("entry", BAD_ENTRIES, ids=repr)
def test_by_rule_an_unknown_result_or_bad_base64_costs_its_record_only(entry):
    """The other reading of AWS, for tests that want both."""
    bench = make_bench(only_a([entry]), rules=Rules(unknown_result=Blame.RECORD, invalid_base64=Blame.RECORD))

    bench.put_and_drain(b"a", b"b")

    assert bench.bodies("delivered/") == [b"B"]
    assert reasons(bench) == [("YQ==", "Lambda.InvalidReturnFormat", 1)]


# ── error objects ────────────────────────────────────────────────────────────────────────────────────────────────────


def failing_bench(spelling: ErrorSpelling) -> Any:
    """A stream whose records all failed after five seconds of work, two in one object."""

    def function(event: dict[str, Any]) -> object:
        bench.clock.advance(5)
        return answering(lambda _: [{"result": "ProcessingFailed", "data": "b3RoZXI="}])(event)

    bench = make_bench(function, rules=Rules(error_spelling=spelling))
    bench.put_and_drain(b"a", b"b")
    return bench


def test_error_objects_are_spelled_as_observed():
    """One JSON line a record: original bytes, times in milliseconds, lambdaARN, and no record id."""
    ((key, body),) = failing_bench(ErrorSpelling.OBSERVED).store.objects()

    assert key.startswith("errors/processing-failed/flow-logs-1-2025-11-20-00-53-20-id-")
    assert body == (
        b'{"rawData":"YQ==","errorCode":"Lambda.ProcessingFailedStatus",'
        b'"errorMessage":"ProcessingFailed status set for record","attemptsMade":1,'
        b'"arrivalTimestamp":1763600000000,"attemptEndingTimestamp":1763600065000,'
        b'"lambdaARN":"arn:aws:lambda:eu-west-1:123456789012:function:enrich"}\n'
        b'{"rawData":"Yg==","errorCode":"Lambda.ProcessingFailedStatus",'
        b'"errorMessage":"ProcessingFailed status set for record","attemptsMade":1,'
        b'"arrivalTimestamp":1763600000000,"attemptEndingTimestamp":1763600065000,'
        b'"lambdaARN":"arn:aws:lambda:eu-west-1:123456789012:function:enrich"}\n'
    )


def test_error_objects_may_be_spelled_as_documented():
    """The guide's order and lambdaArn, as in objects until 2021."""
    (body,) = failing_bench(ErrorSpelling.DOCUMENTED).bodies("errors/")

    assert list(json.loads(body.splitlines()[1]).items()) == [
        ("attemptsMade", 1),
        ("arrivalTimestamp", 1763600000000),
        ("errorCode", "Lambda.ProcessingFailedStatus"),
        ("errorMessage", "ProcessingFailed status set for record"),
        ("attemptEndingTimestamp", 1763600065000),
        ("rawData", "Yg=="),
        ("lambdaArn", "arn:aws:lambda:eu-west-1:123456789012:function:enrich"),
    ]
