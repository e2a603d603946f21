"""Every shape that files of flow logs come in gives the same rows as the plain text."""

import base64
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import files, rejected, rows, vpcflow

from workbench.envelopes import (
    LogSource,
    compressed_record,
    control_envelope,
    data_envelope,
    decompressed_record,
    log_event,
    message_records,
)

FIELDS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status region flow-direction"
)
# All three are of 2026-11-18, 10:00 to 10:10 UTC.
LINES = [
    "5 012345678901 eni-1 10.0.1.5 10.0.2.9 49152 443 6 10 8400 1794996000 1794996060 ACCEPT OK us-east-1 egress",
    "5 012345678901 eni-1 2001:db8::9 2001:db8::5 443 49153 17 1 60 1794996001 1794996600 REJECT OK us-east-1 ingress",
    "5 012345678901 eni-1 - - - - - - - 1794996002 1794996060 - NODATA us-east-1 -",
]
COLUMNS = [field.replace("-", "_") for field in FIELDS.split()]
ROWS = [
    (5, "012345678901", "eni-1", "10.0.1.5", "10.0.2.9", 49152, 443, 6, 10, 8400, 1794996000, 1794996060,
     "ACCEPT", "OK", "us-east-1", "egress"),
    (5, "012345678901", "eni-1", "2001:db8::9", "2001:db8::5", 443, 49153, 17, 1, 60, 1794996001, 1794996600,
     "REJECT", "OK", "us-east-1", "ingress"),
    (5, "012345678901", "eni-1", None, None, None, None, None, None, None, 1794996002, 1794996060,
     None, "NODATA", "us-east-1", None),
]  # fmt: skip
HEADED = "\n".join([FIELDS, *LINES]) + "\n"
BARE = "\n".join(LINES) + "\n"
DECLARED = ("--log-format", " ".join(f"${{{field}}}" for field in FIELDS.split()))
SOURCE = LogSource("123456789012", "flow-logs", "eni-all", "to-firehose")


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


def told(lake):
    """The lake's rows, as tuples of the format's columns, by start."""
    return [tuple(row[column] for column in COLUMNS) for row in rows(lake)]


def envelope(lines, *, field_names=(), indent=None):
    """A CloudWatch envelope as text."""
    events = [log_event(line, timestamp_ms=1_794_996_000_000, field_names=field_names) for line in lines]
    return json.dumps(data_envelope(events, SOURCE), indent=indent)


def error_object(raw, *, arrived_ms=1_794_996_300_000, raw_name="rawData", **members: object):
    """A Firehose error object as one line of JSON."""
    spelled = {raw_name: base64.b64encode(raw).decode(), "arrivalTimestamp": arrived_ms, **members}
    return json.dumps(spelled)


AWS_TYPES = {
    **dict.fromkeys(("version", "srcport", "dstport"), pa.int32()),
    **dict.fromkeys(("packets", "bytes", "start", "end", "protocol"), pa.int64()),
}


def parquet(path, *, dash):
    """AWS-delivered Parquet: underscores, AWS's types; what is not told is null or the text ``-``."""
    columns = {}
    for place, name in enumerate(COLUMNS):
        kind = AWS_TYPES.get(name, pa.string())
        values = [row[place] for row in ROWS]
        columns[name] = pa.array(["-" if dash and v is None and kind == pa.string() else v for v in values], kind)
    pq.write_table(pa.table(columns), path, compression="snappy")


# ── one shape, the same rows ─────────────────────────────────────────────────────────────────────────────────────────

WITHOUT_FORMAT = {
    "header": HEADED,
    "header, no newline at the end": HEADED.rstrip("\n"),
    "header in dollars": " ".join(f"${{{field}}}" for field in FIELDS.split()) + "\n" + BARE,
    "header with underscores": FIELDS.replace("-", "_") + "\n" + BARE,
    "header after blank lines": "\n  \n" + HEADED,
    "header after a byte order mark": "\ufeff" + HEADED,
    "carriage returns": HEADED.replace("\n", "\r\n"),
    "blank lines between": HEADED.replace("\n", "\n\n \n"),
    "header repeated": FIELDS + "\n" + LINES[0] + "\n" + FIELDS + "\n" + "\n".join(LINES[1:]) + "\n",
    "runs of spaces": FIELDS + "\n" + BARE.replace(" ", "   "),
    "tabs": FIELDS + "\n" + BARE.replace(" ", "\t"),
    "spaces around": FIELDS + "\n" + "".join(f"  {line}  \n" for line in LINES),
}
WITH_FORMAT = {
    "bare lines": BARE,
    "messages with newlines": message_records(LINES, newline=True).decode(),
    "messages without newlines": message_records(LINES).decode(),
    "messages laid out": "\n".join(json.dumps({"message": line}, indent=2) for line in LINES),
    "one message of many lines": json.dumps({"message": BARE}),
    "messages with other members": "\n".join(json.dumps({"a": [1], "message": line, "z": {}}) for line in LINES),
    "envelope": envelope(LINES),
    "envelope with extracted fields": envelope(LINES, field_names=FIELDS.split()),
    "envelope laid out": envelope(LINES, field_names=FIELDS.split(), indent=4),
    "envelopes with newlines": "\n".join(envelope([line]) for line in LINES),
    "envelopes without newlines": "".join(envelope([line]) for line in LINES),
    "envelopes laid out": "\n".join(envelope([line], indent=1) for line in LINES),
    "envelope beside control messages": (
        json.dumps(control_envelope(1)) + "\n" + envelope(LINES) + json.dumps(control_envelope(2))
    ),
    "messages and an envelope": message_records(LINES[:1]).decode() + "\n" + envelope(LINES[1:]),
    "export": "".join(f"2026-11-18T10:00:00.000Z {line}\n" for line in LINES),
    "export without fractions": "".join(f"2026-11-18T10:00:00Z {line}\n" for line in LINES),
    "error objects": "".join(error_object(line.encode()) + "\n" for line in LINES),
    "error objects without newlines": "".join(error_object(line.encode()) for line in LINES),
    "error objects laid out": "\n".join(
        json.dumps(json.loads(error_object(line.encode())), indent=2) for line in LINES
    ),
    "one error object of many lines": error_object(BARE.encode()),
    "error object of messages": error_object(message_records(LINES)),
    "error object of a gzip envelope": error_object(
        compressed_record(data_envelope([log_event(line, timestamp_ms=1) for line in LINES], SOURCE))
    ),
    "error object of gzip members": error_object(
        compressed_record(
            *(data_envelope([log_event(line, timestamp_ms=1)], SOURCE) for line in LINES), control_envelope(1)
        )
    ),
    "error object of a plain envelope": error_object(
        decompressed_record(data_envelope([log_event(line, timestamp_ms=1) for line in LINES], SOURCE))
    ),
    "error objects and a message": error_object("\n".join(LINES[:2]).encode())
    + "\n"
    + json.dumps({"message": LINES[2]}),
}
SHAPES = [(name, text, ()) for name, text in WITHOUT_FORMAT.items()] + [
    (name, text, DECLARED) for name, text in WITH_FORMAT.items()
]


@pytest.mark.parametrize(("text", "options"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
@pytest.mark.parametrize("packed", ["plain", "gzip", "gzip members"])
def test_every_shape_gives_the_rows_of_the_plain_text(text, options, packed, tmp_path, run):
    """However the lines are wrapped and packed: the same three rows, nothing rejected, nothing lost."""
    content = text.encode()
    if packed == "gzip":
        content = gzip.compress(content)
    elif packed == "gzip members":
        content = gzip.compress(content[:100]) + gzip.compress(content[100:])
    (tmp_path / "flows.log").write_bytes(content)

    ran = run("enrich", tmp_path / "flows.log", *options, "--out", tmp_path / "lake", "--output", "json")

    assert told(tmp_path / "lake") == ROWS
    assert (ran.exit_code, ran.err) == (0, "")
    assert (ran.summary["lines"], ran.summary["rows"], ran.summary["rejected"]) == (3, 3, 0)


@pytest.mark.parametrize("dash", [True, False], ids=["dashes", "nulls"])
def test_delivered_parquet_gives_the_rows_of_the_plain_text(dash, tmp_path, run):
    """Column names are the format; ``-`` and null are both null."""
    parquet(tmp_path / "flows.log.parquet", dash=dash)

    ran = run("enrich", tmp_path / "flows.log.parquet", "--out", tmp_path / "lake", "--output", "json")

    assert ran.exit_code == 0
    assert told(tmp_path / "lake") == ROWS


def test_delivered_parquet_with_a_hop_in_it_keeps_order_of_its_own(tmp_path, run):
    """Alphabetical columns, an unknown column and empty text: names count, not places; the unknown goes to a map."""
    table = pa.table(
        {
            "zz_new": ["a", "", None],
            "start": pa.array([1, 2, 3], pa.int64()),
            "srcaddr": ["10.0.0.1", " ", "10.0.0.3"],
            "end": pa.array([1_794_996_000, 1_794_996_001, 1_794_996_002], pa.int64()),
            "dstaddr": pa.array(["10.0.0.2", None, "-"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "flows.parquet")

    ran = run("enrich", tmp_path / "flows.parquet", "--region", "us-east-1", "--out", tmp_path / "lake")

    assert ran.exit_code == 0
    found = [(row["srcaddr"], row["dstaddr"], dict(row["extra_fields"] or ())) for row in rows(tmp_path / "lake")]
    assert found == [("10.0.0.1", "10.0.0.2", {"zz-new": "a"}), (None, None, {}), ("10.0.0.3", None, {})]


@pytest.mark.parametrize("raw_name", ["rawData", "RawData", "rawdata"])
@pytest.mark.parametrize(
    "members",
    [
        {
            "errorCode": "Lambda.FunctionError",
            "errorMessage": "m",
            "attemptsMade": 4,
            "attemptEndingTimestamp": 1_794_999_999_999,
            "lambdaARN": "arn",
        },
        {"errorCode": "Lambda.FunctionError", "errorMessage": "m", "lambdaArn": "arn"},
        {"ErrorCode": "x", "ErrorMessage": "m", "sequenceNumber": "1", "subSequenceNumber": 0, "dataCatalogTable": {}},
        {"lastErrorCode": "x", "lastErrorMessage": "m"},
        {},
    ],
    ids=["lambdaARN", "lambdaArn", "ErrorCode", "lastErrorCode", "bare"],
)
def test_error_objects_are_read_in_every_spelling(raw_name, members, tmp_path, run):
    """The raw data and the arrival are all that counts, however the members are spelled."""
    (tmp_path / "errors").write_text(error_object(BARE.encode(), raw_name=raw_name, **members), encoding="utf-8")

    run("enrich", tmp_path / "errors", *DECLARED, "--out", tmp_path / "lake")

    assert told(tmp_path / "lake") == ROWS
    assert {(row["day"], row["hour"]) for row in rows(tmp_path / "lake")} == {("2026-11-18", "10")}


# ── one bad line ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("5 bogus", "field_count"),
        (LINES[0] + " more", "field_count"),
        (LINES[0].replace("49152", "4915x"), "bad_integer"),
        (LINES[0].replace("49152", "65536"), "out_of_range"),
        (LINES[0].replace("8400", "9223372036854775808"), "out_of_range"),
        (LINES[0].replace("10.0.1.5", "10.0.1.500"), "bad_address"),
        (LINES[0].replace("eni-1", "eni-\udcff"), "not_utf8"),
    ],
    ids=["few fields", "many fields", "no number", "no port", "no bigint", "no address", "no text"],
)
def test_one_bad_line_among_ten_thousand_costs_one_reject(bad, reason, tmp_path, run):
    """Its bytes are kept, and every other line is a row."""
    lines = [LINES[0].replace("49152", str(10_000 + n)) for n in range(9_999)]
    content = "\n".join([FIELDS, *lines[:5_000], bad, *lines[5_000:]])
    (tmp_path / "flows.log").write_bytes(content.encode(errors="surrogateescape"))

    ran = run("enrich", tmp_path / "flows.log", "--out", tmp_path / "lake", "--output", "json")

    assert ran.exit_code == 3
    assert ran.summary["rejects_by_reason"] == {reason: 1}
    assert rejected(tmp_path / "lake") == [(f"Enricher.{reason}", bad.encode(errors="surrogateescape"))]
    assert [row["srcport"] for row in rows(tmp_path / "lake")] == list(range(10_000, 19_999))


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ('{"message": "' + LINES[0] + '"}\n{"message": 7}\n', b'{"message": 7}'),
        ('{"message": "' + LINES[0] + '"}\n{"messageType": "NEWS"}\n', b'{"messageType": "NEWS"}'),
        ('{"message": "' + LINES[0] + '"}\n{"mess', b'{"mess'),
        (
            error_object(LINES[0].encode()) + '\n{"rawData": "*", "errorCode": "x"}',
            b'{"rawData": "*", "errorCode": "x"}',
        ),
        (error_object(LINES[0].encode()) + '\n{"rawData": 7}', b'{"rawData": 7}'),
        (error_object(LINES[0].encode()) + "\n" + error_object(b"\x1f\x8bno gzip"), b"\x1f\x8bno gzip"),
    ],
    ids=["no line", "no envelope", "cut off", "no base64", "no text", "no gzip"],
)
def test_a_document_that_holds_no_lines_is_one_reject(content, kept, tmp_path, run):
    """The other documents of the file are rows."""
    (tmp_path / "flows.json").write_text(content, encoding="utf-8")

    ran = run("enrich", tmp_path / "flows.json", *DECLARED, "--out", tmp_path / "lake", "--output", "json")

    assert ran.exit_code == 3
    assert (ran.summary["lines"], ran.summary["rows"], ran.summary["rejected"]) == (2, 1, 1)
    assert [line for _, line in rejected(tmp_path / "lake")] == [kept]
    assert told(tmp_path / "lake") == ROWS[:1]


def test_rejects_can_be_given_back(tmp_path, run):
    """What a run rejected is in the shape of Firehose's error objects: with the right format it becomes rows."""
    (tmp_path / "flows.log").write_text(BARE, encoding="utf-8")
    run("enrich", tmp_path / "flows.log", "--log-format", "v2", "--region", "us-east-1", "--out", tmp_path / "first")
    (again,) = (tmp_path / "first" / "rejected").rglob("*.jsonl")

    ran = run("enrich", again, *DECLARED, "--out", tmp_path / "second")

    assert ran.exit_code == 0
    assert told(tmp_path / "second") == ROWS


def test_a_file_of_nothing_is_done_at_once(tmp_path, run):
    """Empty, blank, a header alone, control messages alone: no lines, no rows, no objects, exit code 0."""
    for name, content in {"a": "", "b": " \n\n", "c": FIELDS, "d": json.dumps(control_envelope(1))}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        ran = run("enrich", tmp_path / name, *DECLARED, "--out", tmp_path / "lake", "--output", "json")
        assert ran.exit_code == 0
        assert [ran.summary[key] for key in ("lines", "rows", "rejected", "objects")] == [0, 0, 0, 0]
    assert files(tmp_path / "lake") == []
