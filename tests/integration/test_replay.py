"""`vpcflow replay`: what failed is in the lake as if it had not, once, however often it is replayed."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
from command_line import files, put, rejected, rows, vpcflow
from lakes import (
    ARRIVED,
    FORMAT,
    HOUR_MS,
    Catalog,
    DiedError,
    Dying,
    Life,
    content,
    error_line,
    failed,
    hours,
    line,
    ports,
)

from compaction.enrich_files import Summary
from compaction.known import Told
from compaction.marks import LATE, Mark, partition_of
from compaction.replay import BatchWriter
from compaction.source_objects import SourceObjects
from workbench.directory_store import DirectoryLake
from workbench.envelopes import LogSource, compressed_record, control_envelope, data_envelope, log_event
from workbench.replay_run import Replay, Replayed

NEXT = ARRIVED + HOUR_MS


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


def envelope(numbers):
    """A CloudWatch envelope of these lines, as a subscription sends it."""
    events = [log_event(line(number), timestamp_ms=ARRIVED) for number in numbers]
    return compressed_record(data_envelope(events, LogSource("111122223333", "flow-logs", "eni", "all")))


def source(directory):
    """Three error objects: messages of two hours, whole envelopes, and records that failed one by one."""
    directory.mkdir()
    put(directory, "a", failed(1, 2, 3) + failed(4, 5, arrived_at=NEXT))
    put(directory, "b", error_line(envelope([6, 7, 8])) + error_line(compressed_record(control_envelope(1))))
    put(directory, "c", error_line(line(9).encode(), NEXT, errorCode="Lambda.ProcessingFailedStatus"))
    return directory


ONCE = Counter(dict.fromkeys(range(1, 10), 1))


def test_what_failed_is_in_the_lake_in_the_hours_of_its_arrival(run, tmp_path):
    """Each line once; rows tell the batch they came by and when they had arrived; each hour is marked."""
    ran = run("replay", source(tmp_path / "failed"), "--lake", tmp_path / "lake", *FORMAT, "--output", "json")

    lake = DirectoryLake(tmp_path / "lake")
    assert ran.exit_code == 0
    assert ports(lake) == ONCE
    assert hours(lake, "flow_logs/") == hours(lake, "compaction/marked/") == ["2026-11-18/10", "2026-11-18/11"]
    told = {(row["hour"], row["arrived_at"].timestamp() * 1000, row["batch_id"][:7]) for row in rows(tmp_path / "lake")}
    assert told == {("10", ARRIVED, "replay-"), ("11", NEXT, "replay-")}
    marks = {key: lake.read(key) for key in lake.keys("compaction/marked/")}
    assert [Mark.from_json(body, key).kind for key, body in marks.items()] == [LATE] * 4
    assert {partition_of(key).hour for key in marks} == {"10", "11"}
    assert {name: ran.summary[name] for name in ("records", "error_codes", "lines", "rows", "objects", "dropped")} == {
        "records": 8,
        "error_codes": {"Lambda.FunctionError": 7, "Lambda.ProcessingFailedStatus": 1},
        "lines": 9,
        "rows": 9,
        "objects": 4,
        "dropped": {"control_message": 1},
    }


def test_the_error_codes_come_first(run, tmp_path):
    """What failed and why is told before anything is written, most frequent first."""
    ran = run("replay", source(tmp_path / "failed"), "--lake", tmp_path / "lake", *FORMAT)

    told = ran.out.splitlines()
    assert told[0] == "8 records in 3 objects"
    codes = [told.split() for told in told if told.strip().startswith("Lambda.")]
    assert codes == [["Lambda.FunctionError", "7"], ["Lambda.ProcessingFailedStatus", "1"]]
    assert f"all of it is in the lake; {tmp_path}/failed may be deleted" in ran.out


def test_twice_and_in_another_order_is_one_copy(run, tmp_path):
    """The second replay finds every object, and changes no byte of the lake."""
    failed_objects = source(tmp_path / "failed")
    run("replay", failed_objects, "--lake", tmp_path / "lake", *FORMAT)
    before = content(tmp_path / "lake")

    other = tmp_path / "other"
    other.mkdir()
    for name, new in (("a", "z.gz"), ("b", "y"), ("c", "x")):
        put(other, new, (failed_objects / name).read_bytes())
    again = run("replay", failed_objects, "--lake", tmp_path / "lake", *FORMAT, "--output", "json")
    ordered = run("replay", other, "--lake", tmp_path / "lake", *FORMAT, "--output", "json")

    assert content(tmp_path / "lake") == before
    assert [each.summary["already_there"] for each in (again, ordered)] == [4, 4]
    assert [each.summary["marks"] for each in (again, ordered)] == [0, 0]


def test_two_processes_at_once_are_one_copy(tmp_path):
    """Both end well, and each line is there once."""
    failed_objects = source(tmp_path / "failed")
    command = [sys.executable, "-m", "workbench.cli", "replay", str(failed_objects), "--lake", "lake", *FORMAT]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        for _ in range(2)
    ]

    assert [process.wait(60) for process in both] == [0, 0]
    assert ports(DirectoryLake(tmp_path / "lake")) == ONCE


def once(directory, lake, catalog):
    """One run over everything."""
    objects = SourceObjects([str(directory)], lambda: None)
    known = Told([FORMAT[1]]).known(None)
    replay = Replay(objects, BatchWriter(known.formats, None, known.rules, lake), lake, None, catalog)
    list(replay.run(objects.names(), Replayed(Summary())))


@pytest.mark.parametrize("acts", [False, True], ids=["before", "after"])
def test_whoever_dies_at_any_effect_and_starts_again_leaves_one_copy(tmp_path, acts):
    """Rows, rejects, marks and partitions: all of them, each once, wherever the first run ended."""
    put(tmp_path, "failed-1", failed(1, 2) + failed(3, arrived_at=NEXT))
    put(tmp_path, "failed-2", error_line(f"{line(4)}\nnot a flow\n".encode()))
    directory = tmp_path / "all"
    directory.mkdir()
    for name in ("failed-1", "failed-2"):
        (tmp_path / name).rename(directory / name)
    effects = 4 + 1 + 3 + 1  # of each object its rejects, rows and marks, then its partitions

    for last in range(1, effects + 2):
        lake, catalog, life = DirectoryLake(tmp_path / f"lake-{last}"), Catalog(), Life(last, acts=acts)
        with nullcontext() if last > effects else pytest.raises(DiedError):
            once(directory, Dying(lake, life), Dying(catalog, life))
        once(directory, lake, catalog)

        assert ports(lake) == Counter({1: 1, 2: 1, 3: 1, 4: 1})
        assert len(list(lake.keys("rejected/"))) == 1
        marked = {partition_of(key) for key in lake.keys("compaction/marked/")}
        assert {partition.hour for partition in marked} == {"10", "11"}
        assert catalog.hours == marked


def test_lines_that_cannot_be_read_are_kept_once_with_their_bytes(run, tmp_path):
    """As the function keeps them; the good lines beside them are rows. Exit code 3."""
    put(tmp_path, "failed", error_line(f"{line(1)}\n2 short\n".encode()) + error_line(b"\xff\n"))
    for _ in range(2):
        ran = run("replay", tmp_path / "failed", "--lake", tmp_path / "lake", *FORMAT, "--output", "json")

    assert ran.exit_code == 3
    assert ports(DirectoryLake(tmp_path / "lake")) == Counter({1: 1})
    assert rejected(tmp_path / "lake") == [("Enricher.field_count", b"2 short"), ("Enricher.not_utf8", b"\xff")]
    assert (ran.summary["lines"], ran.summary["rows"], ran.summary["rejected"]) == (3, 1, 2)


def test_rejects_that_can_be_read_now_become_rows_and_others_are_not_kept_again(run, tmp_path):
    """A wrong format's rejects, replayed with the right one; what is still none does not grow with each replay."""
    put(tmp_path, "failed", failed(1, 2) + error_line(b"2 short"))
    lake = tmp_path / "lake"
    run("replay", tmp_path / "failed", "--lake", lake, "--log-format", "v5")
    assert len(rejected(lake)) == 3
    before = files(lake / "rejected")

    ran = run("replay", lake / "rejected", "--lake", lake, *FORMAT, "--output", "json")
    again = run("replay", lake / "rejected", "--lake", lake, *FORMAT)

    assert (ran.exit_code, again.exit_code) == (3, 3)
    assert ports(DirectoryLake(lake)) == Counter({1: 1, 2: 1})
    assert files(lake / "rejected") == before
    assert ran.summary["rejects_by_reason"] == {"field_count": 1}
    assert [row["day"] for row in rows(lake)] == ["2026-11-18"] * 2
    assert "keep " in again.out


def test_what_cannot_be_read_is_named_and_left_in_place(run, tmp_path):
    """Object, line and reason of each; the rest is replayed; the source keeps every byte."""
    directory = source(tmp_path / "failed")
    put(directory, "d", failed(10) + '{"rawData": \n' + error_line(b"x", 253_402_300_800_000))
    put(directory, "e.gz", b"\x1f\x8b" + failed(11).encode())
    put(directory, "f.parquet", b"PAR1 and more")
    before = content(directory)

    ran = run("replay", directory, "--lake", tmp_path / "lake", *FORMAT, "--output", "json")

    assert ran.exit_code == 3
    assert ran.summary["unreadable"] == 4
    assert [
        (told["object"].rpartition("/")[2], told["line"], told["reason"]) for told in ran.summary["left_in_place"]
    ] == [
        ("d", 2, "bad_json"),
        ("d", 3, "bad_arrival"),
        ("e.gz", 0, "damaged_gzip"),
        ("f.parquet", 0, "no_error_object"),
    ]
    assert ports(DirectoryLake(tmp_path / "lake")) == ONCE + Counter({10: 1})
    assert content(directory) == before
    shown = run("replay", directory, "--lake", tmp_path / "lake", *FORMAT)
    assert "Left in place, 4 cannot be read" in shown.out


def test_a_damaged_object_is_left_as_a_whole(run, tmp_path):
    """What could be read of it would make other batches than the whole object will."""
    whole = gzip.compress(failed(*range(1, 2000)).encode())
    put(tmp_path, "failed.gz", whole[:-20])
    ran = run("replay", tmp_path / "failed.gz", "--lake", tmp_path / "lake", *FORMAT, "--output", "json")

    assert (ran.exit_code, ran.summary["records"], ran.summary["rows"]) == (3, 0, 0)
    assert not (tmp_path / "lake").exists()


def test_a_dry_run_tells_the_same_and_writes_nothing(run, tmp_path):
    """Figures of the run to come, and of objects that are there already."""
    arguments = ("replay", source(tmp_path / "failed"), "--lake", tmp_path / "lake", *FORMAT, "--output", "json")
    dry = run(*arguments, "--dry-run")
    assert not (tmp_path / "lake").exists()

    wet = run(*arguments)
    again = run(*arguments, "--dry-run")

    assert (dry.summary["dry_run"], wet.summary["dry_run"]) == (True, False)
    assert {**dry.summary, "dry_run": False} == wet.summary
    assert (again.summary["already_there"], again.summary["marks"]) == (4, 0)
    assert "dry run: nothing was written" in run(*arguments[:-2], "--dry-run").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("failed",), "--log-format"),
        (("failed", "--log-format", "nonsense"), "nonsense"),
        (("nowhere", *FORMAT), "nowhere"),
        (("empty", *FORMAT), "empty"),
        (("no-region", *FORMAT), "--region"),
        (("failed", *FORMAT, "--region", "moon"), "moon"),
        (("failed", *FORMAT, "--output", "xml"), "xml"),
        (("failed", *FORMAT, "--lake", "s3://bucket/prefix"), "s3://bucket"),
        (("failed", *FORMAT, "--lake", "failed"), "failed"),
        (("failed", *FORMAT, "--inventory", "nowhere"), "nowhere"),
        (("failed", *FORMAT, "--promoted-tags", "x"), "PROMOTED_TAGS"),
        (("s3://", *FORMAT), "bucket"),
    ],
)
def test_usage_errors_are_one_line_and_write_nothing(run, tmp_path, monkeypatch, arguments, told):
    """Exit code 2: what, where, the mend."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "failed", failed(1))
    put(tmp_path, "no-region", failed(1) + json.dumps({**json.loads(failed(2)), "lambdaArn": None}))
    (tmp_path / "empty").mkdir()
    before = content(tmp_path)

    ran = run("replay", *arguments)

    assert ran.exit_code == 2
    assert ran.err.startswith("vpcflow: ")
    assert ran.err.count("\n") == 1
    assert told in ran.err
    assert content(tmp_path) == before


def test_the_region_of_rejects_is_that_of_their_path_then_of_the_option(run, tmp_path):
    """Our own rejects tell no function; they lie in their hour's folder."""
    reject = error_line(line(1).encode(), lambdaArn=None, errorCode="Enricher.field_count")
    folder = tmp_path / "rejected" / "aws_region=eu-west-1" / "day=2026-11-18" / "hour=10"
    folder.mkdir(parents=True)
    put(folder, "x.jsonl", reject)
    put(tmp_path, "fetched.jsonl", error_line(line(2).encode(), lambdaArn=None))

    run("replay", tmp_path / "rejected", "--lake", tmp_path / "lake", *FORMAT, "--region", "us-east-1")
    run("replay", tmp_path / "fetched.jsonl", "--lake", tmp_path / "lake", *FORMAT, "--region", "us-east-1")

    assert [(row["srcport"], row["aws_region"]) for row in rows(tmp_path / "lake")] == [
        (1025, "eu-west-1"),
        (1026, "us-east-1"),
    ]
