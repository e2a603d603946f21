"""The published samples in tests/data/real, each through `enrich` and `invoke`: every line a row or a named reject."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command_line import files, rejected, rows, vpcflow

from workbench.envelopes import (
    LogSource,
    bare_record,
    compressed_record,
    data_envelope,
    event,
    log_event,
    message_record,
)

REAL = Path(__file__).parents[1] / "data" / "real"
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/flow-logs"
ARRIVED_MS = 1_794_996_300_000  # 2026-11-18T10:05:00Z
SOURCE = LogSource("123456789012", "flow-logs", "eni-all", "to-firehose")

# The layout of the export line is not published: of its 16 fields six can be told, the others are invented names.
EXPORT = "instance-id interface-id x-1 x-2 x-3 az-id x-4 end x-5 x-6 x-7 x-8 x-9 x-10 start subnet-id"


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of flow lines: how to run it, its lines by hand, how many become rows, and the exit code."""

    name: str
    rows: int
    rejects: dict[str, int] = field(default_factory=dict)
    exit_code: int = 0
    log_format: str | None = None
    region: str | None = "us-east-1"
    header: bool = True

    @property
    def path(self) -> Path:
        """Where it is."""
        return REAL / self.name

    @property
    def argv(self) -> list[str]:
        """The options of `enrich`."""
        given = {"--log-format": self.log_format, "--region": self.region}
        return [word for option, value in given.items() if value for word in (option, value)]


FLOWLOGS_READER = "obsrvbl-oss__flowlogs-reader"
STREAMALERT = "airbnb__streamalert/cloudwatch_flow_logs_extractedFields.json"
APPENDER = "awslabs__aws-vpc-flow-log-appender/decorator_event.json"
TAILPIPE = "turbot__tailpipe-plugin-aws/cloudwatch_export_to_s3_line.log"
SAMPLES = [
    Sample(f"{FLOWLOGS_READER}/V2_RECORDS.log", 5, log_format="v2", header=False),
    Sample(f"{FLOWLOGS_READER}/V3_FILE.log", 2),
    Sample(f"{FLOWLOGS_READER}/V4_FILE.log", 2, region=None),
    Sample(f"{FLOWLOGS_READER}/V5_FILE.log", 2, {"field_count": 1}, 3, region=None),
    Sample(f"{FLOWLOGS_READER}/V6_FILE.log", 1),
    Sample(STREAMALERT, 2, log_format="v2", header=False),
    Sample(TAILPIPE, 0, {"field_count": 1}, 3, log_format="v2", header=False),
    Sample(TAILPIPE, 1, log_format=EXPORT, header=False),
]
IDS = [f"{Path(sample.name).stem}-{sample.exit_code}" for sample in SAMPLES]


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


def flow_lines(sample: Sample) -> tuple[str, list[str]]:
    """The sample's format and its flow lines, read without our own code."""
    text = sample.path.read_text(encoding="utf-8")
    if text.startswith("{"):
        return "v2", [each["message"] for each in json.loads(text)["logEvents"]]
    lines = text.splitlines()
    if sample.header:
        return lines[0], lines[1:]
    return str(sample.log_format), [line.removeprefix("2025-02-25T12:25:04.000Z ") for line in lines]


def test_every_published_file_is_tried():
    """No sample lies about unread, and the licence and provenance came along."""
    found = {path.relative_to(REAL).as_posix() for path in REAL.rglob("*") if path.is_file()}

    assert found == {sample.name for sample in SAMPLES} | {APPENDER, "README.md", "LICENSE-Apache-2.0.txt"}


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_enrich_accounts_for_every_line_of_a_published_file(sample, tmp_path, run):
    """Rows and named rejects add up to the lines; the lake holds what the summary says; the exit code is stated."""
    ran = run("enrich", sample.path, *sample.argv, "--out", tmp_path / "lake", "--output", "json")

    lines = flow_lines(sample)[1]
    assert ran.exit_code == sample.exit_code
    assert ran.summary["lines"] == len(lines)
    assert ran.summary["rows"] == sample.rows == len(rows(tmp_path / "lake"))
    assert ran.summary["rejects_by_reason"] == sample.rejects
    assert ran.summary["rejected"] == len(lines) - sample.rows == len(rejected(tmp_path / "lake"))
    assert {line for _, line in rejected(tmp_path / "lake")} <= {line.encode() for line in lines}
    assert ran.err == ""


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
@pytest.mark.parametrize("wrapped", ["message", "one record", "envelope"])
def test_invoke_accounts_for_every_line_of_a_published_file(sample, wrapped, tmp_path, run):
    """The same lines as delivery records: rows in the lake, rejects kept, bad records given back, nothing lost."""
    log_format, lines = flow_lines(sample)
    if wrapped == "message":
        records = [message_record(line) for line in lines]
    elif wrapped == "one record":
        records = [bare_record(lines, newline=True)]
    else:
        records = [compressed_record(data_envelope([log_event(each, timestamp_ms=0) for each in lines], SOURCE))]
    told = event(records, STREAM, "us-east-1", "invocation-1", first_arrival_ms=ARRIVED_MS)
    (tmp_path / "event.json").write_text(json.dumps(told), encoding="utf-8")

    ran = run("invoke", "--event", tmp_path / "event.json", "--log-format", log_format, "--out", tmp_path / "lake")

    answered = json.loads(ran.out)["records"]
    assert ran.exit_code == sample.exit_code
    assert [each["recordId"] for each in answered] == [each["recordId"] for each in told["records"]]
    assert len(rows(tmp_path / "lake")) == sample.rows
    kept = [line for _, line in rejected(tmp_path / "lake")]
    given_back = [each for each in answered if each["result"] == "ProcessingFailed"]
    assert {each["result"] for each in answered} <= {"Dropped", "ProcessingFailed"}
    rejects = sum(sample.rejects.values())
    if wrapped == "message" or not sample.rows:
        assert (len(given_back), kept) == (rejects, [])
        assert {each["data"] for each in given_back} <= {each["data"] for each in told["records"]}
    else:
        assert (len(given_back), len(kept)) == (0, rejects)
        assert set(kept) <= {line.encode() for line in lines}


def test_the_published_event_goes_through_invoke(tmp_path, run):
    """Two plain lines without newline: both records dropped, two rows in the hour of their arrival."""
    ran = run("invoke", "--event", REAL / APPENDER, "--log-format", "v2", "--out", tmp_path / "lake")

    assert ran.exit_code == 0
    assert json.loads(ran.out) == {
        "records": [
            {"recordId": "record1", "result": "Dropped", "data": ""},
            {"recordId": "record2", "result": "Dropped", "data": ""},
        ]
    }
    found = rows(tmp_path / "lake")
    assert [(row["srcaddr"], row["dstaddr"], row["bytes"]) for row in found] == [
        ("72.21.196.65", "172.31.16.21", 4249),
        ("10.3.45.44", "172.31.16.21", 4249),
    ]
    # 1510772160000 ms is 2017-11-15 18:56 UTC.
    assert {(row["aws_region"], row["day"], row["hour"]) for row in found} == {("us-east-2", "2017-11-15", "18")}
    assert len(files(tmp_path / "lake")) == 1


def test_the_published_event_is_no_file_of_flow_logs(tmp_path, run):
    """`enrich` says which command takes it, and writes nothing."""
    ran = run("enrich", REAL / APPENDER, "--log-format", "v2", "--region", "us-east-1", "--out", tmp_path / "lake")

    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "vpcflow invoke --event" in ran.err
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("name", ["V2_RECORDS.log", STREAMALERT, TAILPIPE], ids=["plain", "envelope", "export"])
def test_a_published_file_without_format_is_not_guessed(name, tmp_path, run):
    """Without a header line and without --log-format nothing is read."""
    path = REAL / (name if "/" in name else f"{FLOWLOGS_READER}/{name}")

    ran = run("enrich", path, "--region", "us-east-1", "--out", tmp_path / "lake")

    assert (ran.exit_code, ran.out) == (2, "")
    assert str(path) in ran.err
    assert "--log-format" in ran.err
    assert not (tmp_path / "lake").exists()


def test_the_values_of_the_published_lines_come_through(tmp_path, run):
    """Spot checks by hand: leading zeros, a wavelength zone, alphabetical order, NODATA, transit gateway counters."""
    lakes = {}
    for sample in SAMPLES[:5]:
        lakes[Path(sample.name).stem] = tmp_path / Path(sample.name).stem
        assert run("enrich", sample.path, *sample.argv, "--out", tmp_path / Path(sample.name).stem).exit_code in (0, 3)
    found = {name: rows(lake) for name, lake in lakes.items()}

    assert [row["log_status"] for row in found["V2_RECORDS"]] == ["NODATA", "SKIPDATA", "OK", "OK", "OK"]
    assert {row["account_id"] for row in found["V3_FILE"]} == {"000000000000"}
    assert {row["tcp_flags"] for row in found["V3_FILE"]} == {19, 3}
    assert {row["sublocation_type"] for row in found["V4_FILE"]} == {"wavelength", "outpost"}
    assert {row["az_id"] for row in found["V4_FILE"]} == {"use1-az4"}
    egress = next(row for row in found["V5_FILE"] if row["flow_direction"] == "egress")
    assert (egress["bytes"], egress["pkt_dst_aws_service"], egress["path_name"]) == (3015, "S3", "gateway_endpoint")
    assert (egress["reporter"], egress["src_instance_id"]) == ("src", "i-00123456789abcdef")
    assert (egress["aws_region"], egress["day"], egress["hour"]) == ("us-east-2", "2021-03-04", "14")
    (gateway,) = found["V6_FILE"]
    assert (gateway["tgw_id"], gateway["packets_lost_ttl_expired"]) == ("00000000", 16)
    assert gateway["src_status"] is gateway["dst_status"] is gateway["traffic_class"] is None
    assert rejected(lakes["V5_FILE"]) == [("Enricher.field_count", b"bogus line")]


def test_the_published_error_of_the_wrapped_bogus_line_keeps_its_bytes(tmp_path, run):
    """A delivery record none of whose lines can be read goes back untouched."""
    log_format, lines = flow_lines(SAMPLES[3])
    told = event([message_record(each) for each in lines], STREAM, "us-east-2", "i", first_arrival_ms=ARRIVED_MS)
    (tmp_path / "event.json").write_text(json.dumps(told), encoding="utf-8")

    ran = run("invoke", "--event", tmp_path / "event.json", "--log-format", log_format, "--out", tmp_path / "lake")

    last = json.loads(ran.out)["records"][-1]
    assert last["result"] == "ProcessingFailed"
    assert base64.b64decode(last["data"]) == b'{"message":"bogus line"}'
