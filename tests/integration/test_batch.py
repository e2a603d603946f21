"""One batch from event to lake, over a real S3 protocol: shapes, rejects, retries, and what happens when S3 fails."""

import base64
import gzip
import io
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from enricher.batch import Answer, Pipeline
from enricher.errors import BatchTooLargeError, EventError
from enricher.lake import S3Store
from enricher.log_format import LogFormats
from enricher.resolve import Rules
from enricher.schema import arrow_schema, lake_columns
from workbench.cloud import FOREVER, ApiCall, LocalCloud, Refuse, Reset
from workbench.envelopes import (
    LogSource,
    bare_record,
    compressed_record,
    control_envelope,
    data_envelope,
    event,
    log_event,
    message_record,
)

EVENTS = Path(__file__).parents[1] / "data" / "events"
BUCKET = "lake"
ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"
AT = 1_794_996_300_000  # 2026-11-18 10:05:00 UTC
PARTITION = "aws_region=eu-west-1/day=2026-11-18/hour=10"
GOOD = "2 111122223333 eni-0a100000000000101 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK"
MIB = 1024 * 1024


class Cloud(LocalCloud):
    """The stand-in cloud with one client a service: making a client takes longer than most of the tests."""

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.client("s3")


@dataclass(frozen=True)
class Lake:
    """The pipeline over the stand-in cloud, and what is in its bucket."""

    cloud: Cloud
    pipeline: Pipeline

    def process(self, told: object) -> Answer:
        """Process an event, without inventory."""
        return self.pipeline.process(told, None)

    def keys(self) -> list[str]:
        """All keys, sorted."""
        listed = self.cloud.s3.list_objects_v2(Bucket=BUCKET)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def body(self, key: str) -> bytes:
        """An object's bytes."""
        body: bytes = self.cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all objects of flow logs."""
        keys = [key for key in self.keys() if key.startswith("flow_logs/")]
        return [row for key in keys for row in pq.read_table(io.BytesIO(self.body(key))).to_pylist()]

    def rejected(self) -> list[dict[str, Any]]:
        """The error objects of all objects of rejects."""
        keys = [key for key in self.keys() if key.startswith("rejected/")]
        return [json.loads(line) for key in keys for line in self.body(key).splitlines()]

    def puts(self) -> list[ApiCall]:
        """The puts so far."""
        return [call for call in self.cloud.calls if call.operation == "PutObject"]


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud."""
    with Cloud() as running:
        yield running


@pytest.fixture
def lake(shared_cloud):
    """An empty bucket of a cloud without faults."""
    shared_cloud.clear_faults()
    s3 = shared_cloud.s3
    s3.create_bucket(Bucket=BUCKET)
    shared_cloud.reset_calls()
    yield Lake(shared_cloud, Pipeline(LogFormats.parse(["v2"]), Rules(), S3Store(s3, BUCKET)))
    shared_cloud.clear_faults()
    for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def batch(*payloads: bytes, invocation_id: str = "one") -> dict[str, Any]:
    """An event of these payloads, a millisecond apart."""
    return event(payloads, ARN, "eu-west-1", invocation_id, first_arrival_ms=AT)


def changed(**words: str) -> str:
    """The good line with other words in some columns."""
    names = "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    told = dict(zip([*names.split(), "log_status"], GOOD.split(), strict=True))
    return " ".join((told | words).values())


def results(answer: Answer) -> list[str]:
    """What the records were answered."""
    return [record["result"] for record in answer.response["records"]]


EXPECTED_ROWS = [
    {
        "version": 2, "account_id": "111122223333", "interface_id": "eni-0a100000000000101", "srcaddr": "10.0.1.5",
        "dstaddr": "10.0.2.9", "srcport": 49152, "dstport": 443, "protocol": 6, "packets": 12, "bytes": 840,
        "start": 1794996000, "end": 1794996060, "action": "ACCEPT", "log_status": "OK",
    },
    {
        "version": 2, "account_id": "111122223333", "interface_id": "eni-0b200000000000202", "srcaddr": "10.0.2.9",
        "dstaddr": "10.0.1.5", "srcport": 443, "dstport": 49152, "protocol": 6, "packets": 9, "bytes": 5120,
        "start": 1794996000, "end": 1794996060, "action": "ACCEPT", "log_status": "OK",
    },
    {
        "version": 2, "account_id": "111122223333", "interface_id": "eni-0c300000000000303", "srcaddr": None,
        "dstaddr": None, "srcport": None, "dstport": None, "protocol": None, "packets": None, "bytes": None,
        "start": 1794996000, "end": 1794996060, "action": None, "log_status": "NODATA",
    },
]  # fmt: skip
# event → its delivery records, and what is dropped of it on purpose
VARIANTS = {
    "direct-put-message": (3, {}),
    "direct-put-message-newline": (3, {}),
    "direct-put-several-messages": (2, {}),
    "put-record-bare-lines": (2, {}),
    "cloudwatch-compressed": (4, {"Drops_control_message": 1, "Drops_empty_record": 1}),
    "cloudwatch-decompressed": (4, {"Drops_control_message": 1, "Drops_empty_record": 1}),
    "cloudwatch-extracted": (4, {"Drops_empty_record": 2}),
    "kinesis-source": (3, {}),
    "mixed": (4, {"Drops_control_message": 1}),
}


def test_every_event_file_is_a_variant():
    """No file is left out."""
    assert {path.stem for path in EVENTS.glob("*.json")} == VARIANTS.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_the_same_rows(lake, variant):
    """The same three flow lines come to the same rows, all records are answered, drops are counted."""
    told = json.loads((EVENTS / f"{variant}.json").read_bytes())
    records, drops = VARIANTS[variant]

    answer = lake.process(told)

    columns = EXPECTED_ROWS[0].keys()
    in_lake = sorted(({name: row[name] for name in columns} for row in lake.rows()), key=lambda r: r["interface_id"])
    assert in_lake == EXPECTED_ROWS
    assert answer.response == {
        "records": [{"recordId": record["recordId"], "result": "Dropped", "data": ""} for record in told["records"]]
    }
    assert len(told["records"]) == records
    assert {name: count for name, count in answer.counts.items() if name.startswith("Drops_") and count} == drops
    assert (answer.counts["Records"], answer.counts["Lines"], answer.counts["Rows"]) == (records, 3, 3)
    assert lake.keys() == [f"flow_logs/{PARTITION}/{answer.batch_id}.parquet"] == list(answer.written)


def test_an_object_has_the_schema_of_the_catalog(lake):
    """Every column of the lake in order and type, whatever the format lacks."""
    answer = lake.process(batch(message_record(GOOD)))
    file = pq.ParquetFile(io.BytesIO(lake.body(answer.written[0])))

    assert file.schema_arrow.equals(arrow_schema(lake_columns()))
    assert file.metadata.num_row_groups == 1


def test_rows_tell_where_they_came_from(lake):
    """The batch's name and each delivery record's own arrival."""
    answer = lake.process(batch(message_record(GOOD), b"", message_record(changed(srcport="7"))))
    told = {row["srcport"]: row for row in lake.rows()}

    assert {row["batch_id"] for row in told.values()} == {answer.batch_id}
    assert {port: row["arrived_at"].isoformat() for port, row in told.items()} == {
        49152: "2026-11-18T10:05:00",
        7: "2026-11-18T10:05:00.002000",
    }


def test_a_batch_lies_in_the_hour_of_its_earliest_arrival(lake):
    """Its records may have arrived in any order and in the next hour; the batch never splits."""
    told = batch(message_record(GOOD), message_record(GOOD), message_record(GOOD))
    for record, minutes in zip(told["records"], (60, 54, 61), strict=True):
        record["approximateArrivalTimestamp"] = AT + minutes * 60_000

    answer = lake.process(told)

    assert lake.keys() == [f"flow_logs/aws_region=eu-west-1/day=2026-11-18/hour=10/{answer.batch_id}.parquet"]


BAD_LINES = [
    (changed(srcport="x"), "bad_integer"),
    (changed(srcport="0x1F"), "bad_integer"),
    (changed(srcaddr="10.0.1.5."), "bad_address"),
    (changed(dstport="65536"), "out_of_range"),
    ("2 1", "field_count"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES)
def test_a_bad_record_among_ten_thousand_fails_alone(lake, bad, reason):
    """It goes back untouched; the others are rows; nothing else is written."""
    payloads = [message_record(changed(srcport=str(number))) for number in range(10_000)]
    payloads[4_321] = message_record(bad)
    told = batch(*payloads)

    answer = lake.process(told)

    records = answer.response["records"]
    assert [record["recordId"] for record in records] == [record["recordId"] for record in told["records"]]
    assert records.pop(4_321) == {
        "recordId": told["records"][4_321]["recordId"],
        "result": "ProcessingFailed",
        "data": base64.b64encode(message_record(bad)).decode(),
    }
    assert {(record["result"], record["data"]) for record in records} == {("Dropped", "")}
    assert sorted(row["srcport"] for row in lake.rows()) == [number for number in range(10_000) if number != 4_321]
    assert lake.rejected() == []
    assert rejects_of(answer) == {"Rejects": 1, f"Rejects_{reason}": 1}
    assert (answer.counts["FailedRecords"], answer.counts["Rows"]) == (1, 9_999)


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES)
def test_a_bad_line_in_a_record_of_ten_thousand_costs_itself(lake, bad, reason):
    """The record is dropped, its good lines are rows, the bad one lies beside them with its bytes."""
    lines = [changed(srcport=str(number)) for number in range(10_000)]
    lines[4_321] = bad

    answer = lake.process(batch(bare_record(lines), message_record(GOOD)))

    assert results(answer) == ["Dropped", "Dropped"]
    assert sorted(row["srcport"] for row in lake.rows()) == sorted({*range(10_000)} - {4_321} | {49_152})
    (told,) = lake.rejected()
    assert base64.b64decode(told["rawData"]) == bad.encode()
    assert (told["errorCode"], told["arrivalTimestamp"]) == (f"Enricher.{reason}", AT)
    assert lake.keys() == [
        f"flow_logs/{PARTITION}/{answer.batch_id}.parquet",
        f"rejected/{PARTITION}/{answer.batch_id}.jsonl",
    ]
    assert rejects_of(answer) == {"Rejects": 1, f"Rejects_{reason}": 1}
    assert answer.counts["FailedRecords"] == 0


def rejects_of(answer: Answer) -> dict[str, float]:
    """The counts of rejects that are not zero."""
    return {name: count for name, count in answer.counts.items() if name.startswith("Rejects") and count}


def test_rejects_are_written_before_rows(lake):
    """Whoever dies in between has lost nothing: the retry writes the rows."""
    answer = lake.process(batch(bare_record([GOOD, "2 1"])))

    assert [call.params["Key"] for call in lake.puts()] == list(answer.written)
    assert list(answer.written) == [
        f"rejected/{PARTITION}/{answer.batch_id}.jsonl",
        f"flow_logs/{PARTITION}/{answer.batch_id}.parquet",
    ]


def test_every_put_is_conditional(lake):
    """An object that is there is never replaced."""
    lake.process(batch(bare_record([GOOD, "2 1"])))

    assert [call.params["IfNoneMatch"] for call in lake.puts()] == ["*", "*"]


def versions(lake: Lake) -> dict[str, tuple[str, str, bytes]]:
    """Every object as S3 tells it."""
    s3 = lake.cloud.s3
    keys = lake.keys()
    told = {key: s3.head_object(Bucket=BUCKET, Key=key) for key in keys}
    return {key: (head["ETag"], str(head["LastModified"]), lake.body(key)) for key, head in told.items()}


def test_the_same_event_again_leaves_one_object_unchanged(lake):
    """A retry has an invocation id of its own, finds its first attempt's objects and answers the same."""
    payloads = [bare_record([GOOD, "2 1"]), message_record("2"), b"", compressed_record(control_envelope(AT))]
    first = lake.process(batch(*payloads))
    before = versions(lake)

    second = lake.process(batch(*payloads, invocation_id="another"))

    assert versions(lake) == before
    assert len(before) == 2
    assert (second.response, second.written, second.batch_id) == (first.response, first.written, first.batch_id)
    assert (first.counts["ObjectsFound"], second.counts["ObjectsFound"]) == (0, 2)


def test_another_batch_is_another_object(lake):
    """Of the same lines too: two deliveries were two deliveries."""
    told = batch(message_record(GOOD))
    lake.process(told)
    told["records"][0]["recordId"] += "1"
    lake.process(told)

    assert len(lake.keys()) == 2


def test_a_put_in_conflict_is_tried_again(lake):
    """S3 answers 409 while another put of the key is under way."""
    lake.cloud.fail("s3", "PutObject", Refuse("ConditionalRequestConflict", 409), times=3)

    answer = lake.process(batch(message_record(GOOD)))

    assert lake.keys() == list(answer.written)
    assert len(lake.puts()) == 4
    assert {call.params["IfNoneMatch"] for call in lake.puts()} == {"*"}


def test_a_conflict_without_end_raises(lake):
    """Then the stream tries the batch again."""
    lake.cloud.fail("s3", "PutObject", Refuse("ConditionalRequestConflict", 409), times=FOREVER)

    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        lake.process(batch(message_record(GOOD)))

    assert len(lake.puts()) == 5
    assert lake.keys() == []


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("AccessDenied", 403), ("NoSuchBucket", 404)]
)
@pytest.mark.parametrize("passed", [0, 1], ids=["at the rejects", "at the rows"])
def test_any_other_failure_of_s3_raises_and_the_retry_completes_the_batch(lake, code, status, passed):
    """The batch is not answered; the next attempt finds what was written and adds the rest, once."""
    told = batch(bare_record([GOOD, "2 1"]))
    s3 = lake.cloud.s3
    if passed:
        # The rejects are there already, so that only the rows' put meets the fault.
        key = f"rejected/{PARTITION}/{batch_id(told)}.jsonl"
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"of the first attempt")
        lake.cloud.fail("s3", "PutObject", Refuse("PreconditionFailed", 412))
    lake.cloud.fail("s3", "PutObject", Refuse(code, status))

    with pytest.raises(ClientError, match=code):
        lake.process(told)
    assert len(lake.keys()) == passed

    answer = lake.process(told)
    assert sorted(lake.keys()) == sorted(answer.written)
    assert len(lake.rows()) == 1
    assert answer.counts["ObjectsFound"] == passed


def batch_id(told: dict[str, Any]) -> str:
    """The name an event's objects get, seen through a store that keeps nothing."""

    class Nowhere:
        def put_if_absent(self, key: str, body: object) -> bool:  # noqa: ARG002 - as the protocol says
            return True

    return Pipeline(LogFormats.parse(["v2"]), Rules(), Nowhere()).process(told, None).batch_id


def test_a_put_that_took_effect_though_its_answer_was_lost_is_found(lake):
    """The connection breaks after S3 stored the object: the attempt raises, the retry changes nothing."""
    lake.cloud.fail("s3", "PutObject", Reset(acted=True))
    told = batch(message_record(GOOD))

    with pytest.raises(ConnectionClosedError):
        lake.process(told)
    before = versions(lake)
    answer = lake.process(told)

    assert versions(lake) == before
    assert list(before) == list(answer.written)
    assert answer.counts["ObjectsFound"] == 1


def test_data_that_is_not_base64_fails_without_data(lake):
    """There is nothing to give back; the others of the batch are rows."""
    told = batch(message_record(GOOD), message_record(GOOD), message_record(GOOD))
    told["records"][1]["data"] = "no base64!"

    answer = lake.process(told)

    assert results(answer) == ["Dropped", "ProcessingFailed", "Dropped"]
    assert answer.response["records"][1] == {
        "recordId": told["records"][1]["recordId"],
        "result": "ProcessingFailed",
    }
    assert len(lake.rows()) == 2
    assert rejects_of(answer) == {"Rejects": 1, "Rejects_bad_base64": 1}


@pytest.mark.parametrize("told", [None, {}, {"records": []}, {"records": [{}], "deliveryStreamArn": ARN}])
def test_an_event_that_cannot_be_read_raises_before_anything_is_written(lake, told):
    """The stream keeps the raw batch in the end."""
    with pytest.raises(EventError):
        lake.process(told)

    assert lake.cloud.calls == ()


def test_a_batch_without_lines_touches_nothing(lake):
    """Control messages and empty records are answered, and S3 is not asked."""
    answer = lake.process(batch(compressed_record(control_envelope(AT)), b"", b"\n", message_record("")))

    assert results(answer) == ["Dropped"] * 4
    assert lake.cloud.calls == ()
    assert answer.written == ()
    assert answer.counts["Drops_control_message"] == 1
    assert answer.counts["Drops_empty_record"] == 3


def test_a_batch_without_records_is_answered(lake):
    """No records in, no records out."""
    assert lake.process(batch()).response == {"records": []}
    assert lake.cloud.calls == ()


def test_a_batch_of_bad_records_alone_touches_nothing(lake):
    """The stream itself keeps what failed."""
    answer = lake.process(batch(message_record("2 1"), b'{"mess', gzip.compress(b"2 1")[:-1]))

    assert results(answer) == ["ProcessingFailed"] * 3
    assert lake.cloud.calls == ()
    assert rejects_of(answer) == {
        "Rejects": 3,
        "Rejects_field_count": 1,
        "Rejects_bad_json": 1,
        "Rejects_bad_gzip": 1,
    }


def blanks(size: int) -> bytes:
    """A gzip member that inflates to ``size`` blanks."""
    deflate = zlib.compressobj(1, wbits=31)
    return deflate.compress(b" " * size) + deflate.flush()


def test_a_record_that_inflates_too_far_fails_alone(lake):
    """32 MiB and a byte is a reject; its bytes go back as they came."""
    above = blanks(32 * MIB + 1)

    answer = lake.process(batch(above, message_record(GOOD)))

    assert results(answer) == ["ProcessingFailed", "Dropped"]
    assert answer.response["records"][0]["data"] == base64.b64encode(above).decode()
    assert rejects_of(answer) == {"Rejects": 1, "Rejects_inflates_too_large": 1}
    assert len(lake.rows()) == 1


def test_a_batch_that_inflates_too_far_raises_before_anything_is_written(lake):
    """The function never holds more than its bound; the stream keeps the raw batch."""
    member = blanks(32 * MIB)

    with pytest.raises(BatchTooLargeError, match="lower the delivery stream's buffer hint"):
        lake.process(batch(message_record(GOOD), *[member] * 4, blanks(1)))

    assert lake.cloud.calls == ()


def test_strange_values_reach_the_lake_as_they_are(lake):
    """Quotes, escapes, NUL, other scripts and very long values are neither cut nor changed, nor moved elsewhere."""
    values = ['"', '"a', '""', "'", "\\", "\\n", "a,b", "a\0b", "a\u2028b", "a\u00a0b", "🦊", "#", "x" * 300_000]
    source = LogSource("111122223333", "flow-logs", "eni", "to-firehose")
    lines = [changed(interface_id=value, srcport=str(number)) for number, value in enumerate(values)]
    envelope = data_envelope([log_event(line, timestamp_ms=AT) for line in lines], source)

    answer = lake.process(batch(*(message_record(line) for line in lines), compressed_record(envelope)))

    assert rejects_of(answer) == {}
    told = [(row["srcport"], row["interface_id"]) for row in lake.rows()]
    assert sorted(told) == sorted([*enumerate(values)] * 2)


def test_lines_of_two_formats_in_one_batch_reach_one_object(lake):
    """Each is read in its own; what the shorter lacks is null."""
    pipeline = Pipeline(
        LogFormats.parse(["v2", "${srcaddr} ${invented} ${bytes}"]),
        Rules(),
        S3Store(lake.cloud.s3, BUCKET),
    )

    lines = [GOOD, "10.9.9.9 yes 5", "1 2"]
    answer = pipeline.process(batch(*(message_record(line) for line in lines)), None)

    assert results(answer) == ["Dropped", "Dropped", "ProcessingFailed"]
    told = {row["srcaddr"]: (row["bytes"], row["dstport"], dict(row["extra_fields"] or ())) for row in lake.rows()}
    assert told == {"10.0.1.5": (840, 443, {}), "10.9.9.9": (5, None, {"invented": "yes"})}


def test_a_header_in_the_stream_is_a_counted_drop(lake):
    """Delivered files that are put into a stream bring theirs along; a record of nothing else is dropped."""
    header = (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
        "log-status"
    )

    answer = lake.process(batch(bare_record([header, GOOD]), bare_record([header])))

    assert results(answer) == ["Dropped", "Dropped"]
    assert answer.counts["Drops_header"] == 2
    assert (answer.counts["Lines"], len(lake.rows())) == (1, 1)
