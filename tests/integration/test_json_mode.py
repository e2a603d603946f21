"""JSON mode: the same rows as the lake's, through the stream to its destination, in a response that fits."""

import base64
import io
import json
from collections.abc import Iterable
from typing import Any

import pyarrow.parquet as pq
import pytest
from one_environment import ARN, CLIENT, LAKE, REGION, batch, emptied, flow, make_bench, running_cloud
from simulated_firehose import make_bench as make_stream

from enricher.batch import Pipeline
from enricher.firehose import RESPONSE_LIMIT
from enricher.inventory import Inventory
from enricher.inventory_documents import tables_of
from enricher.log_format import LogFormat, LogFormats
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS, FIELDS_OF_VERSION
from enricher.sources import Source
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
from workbench.estate import DEMO, build_estate, generate_traffic

HALF_MB = 512 * 1024
START, SECONDS = 1_763_632_800, 120  # 2025-11-20 10:00 UTC
TRIMMED = {"src_tags", "dst_tags", "batch_id", "arrived_at", "inventory_age_s", "enricher_version"}
BAD = "2 not a flow"


class Kept:
    """A store that keeps what it is given."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Keep the object."""
        return self.objects.setdefault(key, bytes(body)) is body


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a reader of Parquet sees it, in the words of JSON mode."""
    told = {name: value for name, value in row.items() if value is not None}
    for name in told.keys() & {"src_tags", "dst_tags", "extra_fields"}:
        told[name] = dict(told[name])
    if "arrived_at" in told:
        told["arrived_at"] = told["arrived_at"].isoformat(timespec="milliseconds") + "Z"
    return told


def data_of(record: dict[str, str]) -> bytes:
    """A record's bytes."""
    return base64.b64decode(record.get("data", ""))


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    return [json.loads(line) for line in body.split(b"\n")[:-1]]


def assert_same(found: Iterable[Any], expected: Iterable[Any]) -> None:
    """The same one by one: thousands at once take pytest minutes to explain."""
    for one, other in zip(found, expected, strict=True):
        assert one == other


@pytest.fixture(scope="module")
def estate():
    """An estate whose interfaces have four tags, its source, and lines of its traffic in version 5."""
    fields = FIELDS_OF_VERSION[5]
    made = build_estate(DEMO, 7)
    traffic = generate_traffic(made, 7, START, SECONDS, 16_000, fields)
    tables = tables_of(made.documents(), observed_at=START + SECONDS + 60)
    source = Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot")
    return LogFormats((LogFormat(fields),)), source, traffic.lines


def records_of(lines: list[str], size: int) -> list[bytes]:
    """As many of the lines as fit, as VPC Flow Logs puts them into a stream, in so many bytes."""
    records, total = [], 0
    for line in lines:
        records.append(message_record(line))
        total += len(records[-1])
        if total > size:
            return records[:-1]
    raise AssertionError(f"the lines make only {total} of {size} bytes")


def answers(estate, records: list[bytes]):
    """The rows of the Parquet object, and the answer of JSON mode, for one event."""
    formats, source, _ = estate
    told = event(records, ARN, REGION, "one", first_arrival_ms=1_763_633_000_123)
    lake, nowhere = Kept(), Kept()
    Pipeline(formats, Rules(), lake).process(told, source)
    answer = Pipeline(formats, Rules(), nowhere, as_json=True).process(told, source)
    rows = [pq.read_table(io.BytesIO(body)) for key, body in lake.objects.items() if key.startswith("flow_logs/")]
    assert not nowhere.objects
    return rows[0].to_pylist(), answer


def test_rows_are_those_of_the_lake_and_half_a_megabyte_stays_whole(estate):
    """Every column of every row, each in its own record; four tags a side, and still nothing left out."""
    rows, answer = answers(estate, records_of(estate[2], HALF_MB))

    told = answer.response["records"]
    assert {record["result"] for record in told} == {"Ok"}
    assert_same((line for record in told for line in rows_of(data_of(record))), map(as_json, rows))
    assert sum(len(row["src_tags"] or ()) >= 4 for row in rows) > len(rows) / 2
    assert (answer.counts["RecordsTrimmed"], answer.counts["RecordsTooLarge"]) == (0, 0)
    assert HALF_MB * 5 < answer.counts["ResponseBytes"] == len(json.dumps(answer.response)) <= RESPONSE_LIMIT


def test_a_larger_batch_goes_without_tags_and_provenance_and_three_megabytes_fail_in_part(estate):
    """What is answered is complete but for those columns; what fails goes back as it came, or bare."""
    rows, answer = answers(estate, records_of(estate[2], int(1.25 * HALF_MB)))
    lines = [row for record in answer.response["records"] for row in rows_of(data_of(record))]
    assert len(lines) == len(rows) > 2000
    assert_same(lines, (as_json({name: row[name] for name in row if name not in TRIMMED}) for row in rows))
    assert answer.counts["RecordsTrimmed"] == answer.counts["Rows"] == len(rows)
    assert answer.counts["ResponseBytes"] <= RESPONSE_LIMIT

    records = records_of(estate[2], 6 * HALF_MB)
    rows, answer = answers(estate, records)
    told = answer.response["records"]
    assert len(json.dumps(answer.response)) <= RESPONSE_LIMIT
    results = [record["result"] for record in told]
    assert set(results) == {"Ok", "ProcessingFailed"}
    for record, row, came in zip(told, rows, records, strict=True):
        if record["result"] == "Ok":
            assert rows_of(data_of(record)) == [as_json({name: row[name] for name in row if name not in TRIMMED})]
        else:
            assert data_of(record) in (came, b"")
    assert answer.counts["Rows"] + answer.counts["LinesTooLarge"] == len(records) == answer.counts["Lines"]
    assert answer.counts["FailedRecords"] == answer.counts["RecordsTooLarge"] == results.count("ProcessingFailed")


def test_one_record_that_is_too_large_fails_alone(estate):
    """Thousands of lines in one delivery record; the small ones beside it arrive."""
    _, _, lines = estate
    rows, answer = answers(estate, [message_record(lines[0]), bare_record(lines[:4000]), message_record(lines[1])])

    results = [record["result"] for record in answer.response["records"]]
    assert results == ["Ok", "ProcessingFailed", "Ok"]
    assert data_of(answer.response["records"][1]) == bare_record(lines[:4000])
    assert answer.counts["LinesTooLarge"] == 4000
    assert len(rows) == 4002


def test_more_lines_than_any_answer_holds_are_not_even_written(estate):
    """60,000 short lines in one record, as a small gzip may hold: it fails, the records beside it arrive."""
    _, source, lines = estate
    crowd = bare_record(["10.0.0.1 10.0.0.2"] * 60_000)
    records = [bare_record(["10.0.0.3 10.0.0.4"]), crowd, bare_record(["10.0.0.5 10.0.0.6"])]

    rows, answer = answers((LogFormats.parse(["${srcaddr} ${dstaddr}"]), source, lines), records)

    told = answer.response["records"]
    assert [record["result"] for record in told] == ["Ok", "ProcessingFailed", "Ok"]
    assert [row["srcaddr"] for row in rows_of(data_of(told[2]))] == ["10.0.0.5"]
    assert data_of(told[1]) == crowd
    assert (answer.counts["LinesTooLarge"], answer.counts["Rows"], answer.counts["RecordsTooLarge"]) == (60_000, 2, 1)
    assert len(rows) == 60_002


def test_control_messages_are_dropped_and_envelopes_keep_their_rows_together(estate):
    """A CloudWatch Logs record answers with all its lines, LF behind each."""
    _, _, lines = estate
    source = LogSource("123456789012", "flow-logs", "eni-all", "to-firehose")
    envelope = data_envelope([log_event(line, timestamp_ms=0) for line in lines[:3]], source)

    rows, answer = answers(estate, [compressed_record(control_envelope(0)), compressed_record(envelope), b"\n"])

    assert [record["result"] for record in answer.response["records"]] == ["Dropped", "Ok", "Dropped"]
    assert rows_of(data_of(answer.response["records"][1])) == [as_json(row) for row in rows]
    assert [row["srcport"] for row in rows] == [int(line.split()[5]) for line in lines[:3]]


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake."""
    with running_cloud() as running:
        yield running


def test_the_stream_delivers_the_rows_and_keeps_the_rest(shared_cloud):
    """From the settings to the destination: rows delivered once, bad lines in rejected/, unreadable records kept."""
    cloud = emptied(shared_cloud)
    good = [flow(CLIENT, "10.0.2.9", port) for port in (1, 2, 3)]
    lake = make_bench(cloud)
    _, rows = lake.handle(*good)
    emptied(cloud)
    function = make_bench(cloud, OUTPUT_MODE="json").environment
    stream = make_stream(lambda told: function.handle(told, 300.0).response)

    stream.put_and_drain(
        message_record(good[0]), bare_record([good[1], BAD, good[2]]), message_record(BAD), message_record("")
    )

    (delivered,) = stream.bodies("delivered/")
    own = {"batch_id", "arrived_at", "inventory_age_s"}  # those of this batch, and the stream's clock is another one
    found = [{name: told for name, told in row.items() if name not in own} for row in rows_of(delivered)]
    assert found == [{name: told for name, told in as_json(row).items() if name not in own} for row in rows]
    (error,) = stream.error_lines()
    assert (error["errorCode"], base64.b64decode(error["rawData"])) == (
        "Lambda.ProcessingFailedStatus",
        message_record(BAD),
    )
    keys = [told["Key"] for told in cloud.s3.list_objects_v2(Bucket=LAKE).get("Contents", [])]
    assert [key.split("/")[0] for key in keys] == ["rejected"]
    kept = cloud.s3.get_object(Bucket=LAKE, Key=keys[0])["Body"].read()
    assert [base64.b64decode(json.loads(line)["rawData"]) for line in kept.splitlines()] == [BAD.encode()]


def test_a_retry_answers_the_same_and_leaves_the_rejects_alone(shared_cloud):
    """There is nothing to find again but the rejects: rows are handed over at least once."""
    cloud = emptied(shared_cloud)
    bench = make_bench(cloud, OUTPUT_MODE="json")
    told = batch(flow(CLIENT, "10.0.2.9"))
    told["records"].append(
        told["records"][0]
        | {"recordId": "mixed", "data": base64.b64encode(bare_record([flow(CLIENT, "10.0.2.9"), BAD])).decode()}
    )

    first = bench.environment.handle(told, 300.0)
    again = bench.environment.handle(told | {"invocationId": "two"}, 300.0)

    assert again.response == first.response
    assert (first.counts["ObjectsFound"], again.counts["ObjectsFound"]) == (0, 1)
