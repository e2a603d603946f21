"""Bad input ends in one line on standard error that names the culprit and the mend, exit code 2, nothing written."""

import base64
import gzip
import json

import pytest
from command_line import cut, files, parquet_of, put, refused, vpcflow

from compaction.inputs import LONGEST_LINE

GOOD = "version srcaddr dstaddr region\n5 10.0.1.5 10.0.2.9 us-east-1\n"
BARE = "5 10.0.1.5 10.0.2.9 us-east-1\n"
RECORD = {"recordId": "r-1", "approximateArrivalTimestamp": 1_794_996_300_000, "data": "NSAx"}
EVENT = {"invocationId": "i-1", "deliveryStreamArn": "arn:aws:firehose:us-east-1:1:d/x", "region": "us-east-1"}


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


@pytest.fixture
def work(tmp_path):
    """A directory of input files; the lake would be beside it."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


# ── log formats ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        ([], ["flows.log", "no header line", "--log-format"]),
        ([""], ["is empty", "give the flow log's own format"]),
        (["   "], ["is empty"]),
        (["v6"], ["v6", "names no flow log field", "v5"]),
        (["v99"], ["v99", "no flow log field"]),
        (["${colour} ${shape}"], ["${colour} ${shape}", "no flow log field"]),
        (["5 10.0.1.5"], ["'5' is not a field"]),
        (["${version} ${srcaddr"], ["'${srcaddr' is not a field"]),
        (["${version} ${SRCADDR}"], ["'${SRCADDR}' is not a field"]),
        (["version,srcaddr,dstaddr"], ["is not a field"]),
        (["${srcaddr} ${dstaddr} ${srcaddr}"], ["contradicts itself", "srcaddr stands twice"]),
        (["${start} ${log-status} ${log_status}"], ["contradicts itself", "log-status stands twice"]),
        (["${srcaddr} ${dstaddr}", "${dstaddr} ${srcaddr}"], ["both have 2 fields", "cannot be told apart"]),
        (["v2", "v3", "v5", " ".join(f"${{f{n}}}" for n in range(13)) + " ${start}"], ["both have 14 fields"]),
    ],
)
def test_a_log_format_that_is_none_is_refused(formats, told, run, work, tmp_path):
    """None, empty, unknown, malformed, contradicting itself, or not to be told from another."""
    options = [word for each in formats for word in ("--log-format", each)]

    ran = run("enrich", put(work, "flows.log", BARE), *options, "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", *told)


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("version srcaddr srcaddr region", ["flows.log", "contradicts itself", "srcaddr stands twice"]),
        ("colour shape size place", ["flows.log", "no header line"]),
        ("5 10.0.1.5 10.0.2.9 us-east-1", ["flows.log", "no header line"]),
    ],
)
def test_a_header_line_that_is_none_is_not_guessed(first, told, run, work, tmp_path):
    """A header that contradicts itself, words that are no fields, no header at all."""
    refused(
        run("enrich", put(work, "flows.log", f"{first}\n{BARE}"), "--out", tmp_path / "lake"), tmp_path / "lake", *told
    )


def test_the_same_format_twice_is_one_format(run, work, tmp_path):
    """No contradiction: two spellings of one format."""
    formats = (
        "--log-format",
        "${version} ${srcaddr} ${dstaddr} ${region}",
        "--log-format",
        "version srcaddr dstaddr region",
    )

    assert run("enrich", put(work, "flows.log", BARE), *formats, "--out", tmp_path / "lake").exit_code == 0


@pytest.mark.parametrize("options", [[], ["--log-format", "${srcaddr} ${srcaddr}"]])
def test_invoke_needs_a_format_too(options, run, work, tmp_path):
    """An event names none."""
    event = put(work, "event.json", json.dumps({**EVENT, "records": [RECORD]}))

    refused(run("invoke", "--event", event, *options, "--out", tmp_path / "lake"), tmp_path / "lake", "format")


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


LONG = GOOD + BARE * 2_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (cut(gzip.compress(LONG.encode())), ["is damaged gzip"]),
        (gzip.compress(LONG.encode())[:-4] + b"\0\0\0\0", ["is damaged gzip"]),
        (gzip.compress(LONG.encode())[:30] + b"\xff" * 40, ["is damaged gzip"]),
        (gzip.compress(LONG.encode()) + b"rubbish", ["is damaged gzip"]),
        (b"\x1f\x8b", ["is damaged gzip"]),
        (b"PAR1 and no more", ["is damaged Parquet"]),
        (cut(parquet_of(srcaddr=["10.0.1.5"] * 2_000)), ["is damaged Parquet"]),
        (parquet_of(colour=["red"]), ["holds no flow logs"]),
        (parquet_of(srcaddr=["10.0.1.5"], colour=[["red"]]), ["Parquet"]),
        (json.dumps({**EVENT, "records": [RECORD]}), ["is a Firehose event", "vpcflow invoke --event"]),
        (json.dumps({**EVENT, "records": [RECORD]}, indent=2), ["is a Firehose event", "vpcflow invoke --event"]),
        (gzip.compress(b"1" * (LONGEST_LINE + 1)), ["has a line of more than 1,048,576 bytes"]),
        (gzip.compress(LONG.encode() + b"1" * (LONGEST_LINE + 1)), ["has a line of more than 1,048,576 bytes"]),
    ],
    ids=["gzip cut", "gzip sum", "gzip body", "gzip tail", "gzip head", "parquet head", "parquet cut", "other parquet",
         "nested parquet", "event", "event laid out", "line without end", "line without end behind others"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused(content, told, run, work, tmp_path):
    """Damaged, or something else; what stood before the damage is not written either."""
    file = put(work, "flows.log", content)
    options = ("--region", "us-east-1", "--log-format", "version srcport")

    refused(run("enrich", file, *options, "--out", tmp_path / "lake"), tmp_path / "lake", file, *told)


@pytest.mark.parametrize("position", [0, 1])
def test_a_missing_file_stops_the_run(position, run, work, tmp_path):
    """Wherever it stands among good ones: nothing of the others is written."""
    given = [put(work, "good.log", GOOD), put(work, "more.log", GOOD)]
    given.insert(position, work / "missing.log")

    ran = run("enrich", *given, "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", work / "missing.log", "No such file", "give a file of flow logs")


def test_a_directory_is_no_file(run, work, tmp_path):
    """Files are named one by one."""
    refused(run("enrich", work, "--out", tmp_path / "lake"), tmp_path / "lake", work, "Is a directory", "give a file")


def test_damage_behind_a_hundred_thousand_good_lines_writes_nothing(run, work, tmp_path):
    """All or nothing, also where whole objects were ready before the damage was met."""
    content = gzip.compress(("bytes\n" + "7\n" * 150_000).encode(), 1)
    file = put(work, "flows.log.gz", content[:-20])

    refused(run("enrich", file, "--region", "us-east-1", "--out", tmp_path / "lake"), tmp_path / "lake", file, "gzip")


@pytest.mark.parametrize("content", [BARE.replace("us-east-1", "-"), BARE.replace("us-east-1", "home")])
def test_without_region_nothing_is_written(content, run, work, tmp_path):
    """Neither record nor path nor option tells one."""
    file = put(work, "flows.log", GOOD.splitlines()[0] + "\n" + content)

    refused(run("enrich", file, "--out", tmp_path / "lake"), tmp_path / "lake", file, "region", "give --region")


def test_one_file_without_region_stops_the_others(run, work, tmp_path):
    """The good file before it is not written."""
    good, bad = put(work, "good.log", GOOD), put(work, "bad.log", "srcaddr\n10.0.1.5\n")

    refused(run("enrich", good, bad, "--out", tmp_path / "lake"), tmp_path / "lake", bad, "give --region")


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--output", "xml"], ["--output xml", "give table or json"]),
        (["--output", ""], ["--output", "give table or json"]),
        (["--output"], ["--output", "requires an argument"]),
        (["--bogus"], ["--bogus", "vpcflow enrich --help"]),
        (["--log-formats", "v2"], ["--log-formats", "--log-format"]),
        (["-x"], ["-x", "vpcflow enrich --help"]),
        (["--region", "home"], ["--region home", "us-east-1"]),
        (["--region", "../../x"], ["--region ../../x", "us-east-1"]),
        (["--region", ""], ["--region", "us-east-1"]),
    ],
)
def test_an_option_that_is_none_is_refused(options, told, run, work, tmp_path):
    """Unknown options and values are named, with what to give instead."""
    refused(run("enrich", put(work, "flows.log", GOOD), "--out", tmp_path / "lake", *options), tmp_path / "lake", *told)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["enrich"], ["files", "vpcflow enrich --help"]),
        (["invoke", "--log-format", "v2"], ["--event", "vpcflow invoke --help"]),
        (["enrish"], ["enrish", "vpcflow --help"]),
        (["--bogus"], ["--bogus", "vpcflow --help"]),
    ],
)
def test_a_command_without_what_it_needs_is_refused(argv, told, run, tmp_path):
    """Missing arguments and unknown commands say where to read on."""
    refused(run(*argv), tmp_path / "lake", *told)


def test_help_is_no_error(run):
    """Asked for or not, the list of commands goes to standard output."""
    for argv in ([], ["--help"], ["enrich", "--help"]):
        ran = run(*argv)
        assert (ran.exit_code, ran.err) == (0, "")
        assert "Usage: vpcflow" in ran.out


@pytest.mark.parametrize("command", ["enrich", "invoke"])
@pytest.mark.parametrize("where", ["file", "file/lake", "file/deeper/lake"])
def test_a_lake_that_cannot_be_written_is_refused(command, where, run, work, tmp_path):
    """A file stands where the directory should be, or above it."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    flows = put(work, "flows.log", GOOD)
    event = put(work, "event.json", json.dumps({**EVENT, "records": [RECORD]}))
    argv = ["enrich", flows] if command == "enrich" else ["invoke", "--event", event, "--log-format", "version srcport"]

    ran = run(*argv, "--out", tmp_path / where)

    refused(ran, tmp_path / "lake", f"--out {tmp_path / where}", "give a directory")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_refused_run_leaves_no_directory_behind(run, work, tmp_path):
    """Directories made for the lake go again; one that was there stays as it was."""
    bad = put(work, "bad.log", "srcaddr\n10.0.1.5\n")
    (tmp_path / "old").mkdir()
    put(tmp_path / "old", "note", "mine")

    assert run("enrich", bad, "--out", tmp_path / "a" / "b" / "lake").exit_code == 2
    assert run("enrich", bad, "--out", tmp_path / "old").exit_code == 2
    assert not (tmp_path / "a").exists()
    assert files(tmp_path / "old") == ["note"]
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["note"]


def test_a_refused_run_leaves_an_older_lake_as_it_was(run, work, tmp_path):
    """What an earlier run wrote stays, and nothing is added."""
    lake = tmp_path / "lake"
    assert run("enrich", put(work, "flows.log", GOOD), "--out", lake).exit_code == 0
    before = files(lake)
    more, bad = put(work, "more.log", GOOD.replace("10.0.1.5", "10.0.1.6")), put(work, "bad.log", "srcaddr\n10.0.1.5\n")

    assert run("enrich", more, bad, "--out", lake).exit_code == 2
    assert files(lake) == before


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", ["is no JSON", "give a Firehose event"]),
        ("{", ["is no JSON"]),
        ("[" * 100_000, ["is no JSON"]),
        (b"\xff\xfe", ["is no JSON"]),
        ("[]", ["no list of records"]),
        ("7", ["no list of records"]),
        ("{}", ["no list of records"]),
        (json.dumps({**EVENT, "records": {}}), ["no list of records"]),
        (json.dumps({"records": []}), ["deliveryStreamArn"]),
        (json.dumps({**EVENT, "records": [7]}), ["record 0"]),
        (json.dumps({**EVENT, "records": [RECORD, {}]}), ["record 1", "no recordId or data"]),
        (json.dumps({**EVENT, "records": [{**RECORD, "data": None}]}), ["data is no text"]),
        (json.dumps({**EVENT, "records": [{**RECORD, "recordId": 7}]}), ["recordId"]),
        (json.dumps({**EVENT, "records": [{"recordId": "r", "data": ""}]}), ["approximateArrivalTimestamp"]),
        (
            json.dumps({**EVENT, "records": [{**RECORD, "approximateArrivalTimestamp": "soon"}]}),
            ["approximateArrivalTimestamp"],
        ),
        (base64.b64encode(b"{}"), ["is no JSON"]),
    ],
)
def test_an_event_that_is_none_is_refused(content, told, run, work, tmp_path):
    """The file is named, and what is missing in it."""
    event = put(work, "event.json", content)

    ran = run("invoke", "--event", event, "--log-format", "version srcport", "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", f"--event {event}", *told)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_an_event_that_is_not_there_is_refused(name, run, work, tmp_path):
    """A missing file, or a directory."""
    ran = run("invoke", "--event", work / name, "--log-format", "v2", "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", f"--event {work / name}", "give a Firehose event")
