"""`vpcflow backfill`: files that AWS delivered are in the lake once, and never beside what the stream wrote."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
from command_line import put, rejected, rows, vpcflow
from delivered import HEADER, PLAIN, deliver, name_of, parquet, text
from lakes import DiedError, Dying, Life, content, failed, hours, keys, line, ports, use
from one_environment import LAKE, REGION, emptied, running_cloud

from compaction.backfill import Backfill, Backfilled, asked_hours
from compaction.backfill_job import BackfillJob, number_of_slices
from compaction.enrich_files import Summary
from compaction.known import Told
from compaction.lake_objects import S3Lake
from compaction.manifest import Manifest
from compaction.marks import LATE, REPLACE, Mark, partition_of
from compaction.source_objects import SourceObjects
from enricher.errors import InputError
from enricher.lake import Partition
from workbench.directory_store import DirectoryLake

ONCE = Counter(dict.fromkeys(range(1, 7), 1))
TEN = f"aws_region={REGION}/day=2026-11-18/hour=10"
JSON = ("--output", "json")


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


@pytest.fixture
def files(tmp_path):
    """What AWS delivered."""
    return deliver(tmp_path / "delivered")


@pytest.fixture
def lake(tmp_path):
    """The lake, not there yet."""
    return DirectoryLake(tmp_path / "lake")


def occupy(lake, key=f"flow_logs/{TEN}/0a1b.parquet"):
    """Something of the stream's in the hour 10."""
    lake.put_if_absent(key, b"of the stream")


def marks(lake):
    """The hours' marks: hour → what they say."""
    found = [(partition_of(key), Mark.from_json(lake.read(key), key)) for key in lake.keys("compaction/marked/")]
    return {partition.hour: mark for partition, mark in found}


def test_files_go_into_the_hours_of_their_names(run, tmp_path, files, lake):
    """Text and Parquet, both styles of prefix, without a word on region or format; each hour is marked."""
    ran = run("backfill", files, "--lake", tmp_path / "lake", *JSON)

    assert ran.exit_code == 0
    assert ports(lake) == ONCE
    assert [(row["hour"], row["aws_region"]) for row in rows(tmp_path / "lake")] == [("10", REGION)] * 4 + [
        ("11", REGION)
    ] * 2
    assert {row["batch_id"][:9] for row in rows(tmp_path / "lake")} == {"backfill-"}
    assert marks(lake) == {"10": Mark(LATE), "11": Mark(LATE)}
    assert [ran.summary[name] for name in ("files", "lines", "rows", "objects", "hours", "left")] == [3, 6, 6, 3, 2, []]


def test_a_file_whose_name_tells_no_time_goes_into_the_hour_of_its_latest_end(run, tmp_path, lake):
    """All flows of lines 1 and 2 end at 10:01 UTC."""
    ran = run("backfill", put(tmp_path, "flows.gz", text(1, 2)), "--lake", tmp_path / "lake", "--region", REGION)

    assert ran.exit_code == 0
    assert hours(lake, "flow_logs/") == ["2026-11-18/10"]


def test_twice_and_in_another_order_is_one_copy(run, tmp_path, files):
    """No byte of the lake changes; lines of a file in another order are the same lines."""
    run("backfill", files, "--lake", tmp_path / "lake")
    before = content(tmp_path / "lake")

    again = run("backfill", *sorted(files.rglob("*.*"), reverse=True), "--lake", tmp_path / "lake", *JSON)
    assert content(tmp_path / "lake") == before
    turned = put(tmp_path, name_of("20261118T1005", 9), text(2, 1))
    run("backfill", turned, "--lake", tmp_path / "lake", "--region", REGION)

    assert content(tmp_path / "lake" / "flow_logs") == {
        name.removeprefix("flow_logs/"): body for name, body in before.items() if name.startswith("flow_logs/")
    }
    assert (again.exit_code, again.summary["already_there"], again.summary["marks"]) == (0, 3, 0)


MANIFEST = f"compaction/manifests/{TEN}.json"


def manifest(*included: str):
    """What compaction says of the hour 10."""
    nothing = dict.fromkeys(("rows", "dropped", "settled", "changed", "withdrawn"), 0)
    told = {"neighbours": {}, "honoured": frozenset(), "snapshot": None, "compacted_at": 0.0, "superseded": ()}
    return Manifest(Partition(REGION, "2026-11-18", "10"), 1, "r", frozenset(included), **told, **nothing).to_json()


@pytest.mark.parametrize(
    ("key", "body"),
    [
        (f"flow_logs/{TEN}/0a1b.parquet", b""),
        (f"flow_logs/{TEN}/replay-1.parquet", b""),
        (MANIFEST, manifest("backfill-1.parquet", "0a1b.parquet")),
    ],
    ids=["the stream's", "a replay's", "compacted"],
)
def test_hours_that_hold_what_no_backfill_wrote_are_refused(run, tmp_path, files, lake, key, body):
    """Exit code 2: how many, and the first; nothing is written, not even into hours that are free."""
    lake.put_if_absent(key, body)
    before = content(tmp_path / "lake")

    ran = run("backfill", files, "--lake", tmp_path / "lake")

    assert (ran.exit_code, ran.err.count("\n")) == (2, 1)
    assert f"1 of these hours hold rows that no backfill wrote, the first is {TEN};" in ran.err
    assert "--replace" in ran.err
    assert content(tmp_path / "lake") == before


def test_hours_that_only_backfills_wrote_are_not_refused(run, tmp_path, files, lake):
    """Also where they are compacted, and their raw objects deleted."""
    lake.put_if_absent(MANIFEST, manifest("backfill-1.parquet"))
    lake.put_if_absent(f"flow_logs/{TEN}/backfill-2.parquet", parquet(9))

    assert run("backfill", files, "--lake", tmp_path / "lake").exit_code == 0
    assert ports(lake) == ONCE + Counter({9: 1})


def test_a_manifest_that_cannot_be_read_is_no_free_hour(run, tmp_path, files, lake):
    """Nobody can tell what the hour holds."""
    lake.put_if_absent(MANIFEST, b"{")

    ran = run("backfill", files, "--lake", tmp_path / "lake")

    assert ran.exit_code == 2
    assert MANIFEST in ran.err


def test_some_hours_can_be_left_out(run, tmp_path, files, lake):
    """With --hours: those that the stream wrote, or a part of a large source."""
    occupy(lake)
    # Of another hour, and damaged: it is not even opened. And one whose name tells no hour.
    (files / PLAIN / name_of("20261118T1205", 8)).write_bytes(text(8)[:-9])
    put(files, "vpcflowlogs_eu-west-1_untold.gz", text(7))
    put(files, ".hidden", b"of somebody's file manager")

    ran = run("backfill", files, "--lake", tmp_path / "lake", "--hours", "2026-11-18/11", *JSON)

    assert (ran.exit_code, ran.summary["rows"]) == (0, 2)
    assert hours(lake, "flow_logs/") == ["2026-11-18/10", "2026-11-18/11"]
    assert hours(lake, "compaction/marked/") == ["2026-11-18/11"]


def test_hours_are_asked_for_as_hours_or_days():
    """Spaces do not matter; what is no hour is refused."""
    assert asked_hours("") is None
    assert asked_hours("2026-11-18/09, 2026-11-18/10") == {("2026-11-18", "09"), ("2026-11-18", "10")}
    assert len(asked_hours("2026-11-18,2026-11-19")) == 48
    for asked in ("2026-11-18/24", "yesterday", "2026-13-01", "/10"):
        with pytest.raises(InputError, match="--hours"):
            asked_hours(asked)


def test_a_replacement_is_staged_outside_the_tables_and_marked(run, tmp_path, files, lake):
    """The marks name what is staged and what it retires; until compaction takes it, readers see what they saw."""
    occupy(lake)
    before = content(tmp_path / "lake")

    ran = run("backfill", files, "--lake", tmp_path / "lake", "--replace", *JSON)

    assert ran.exit_code == 0
    assert {name: body for name, body in content(tmp_path / "lake").items() if name.startswith("flow")} == before
    assert ports(lake, "backfill/") == ONCE
    told = marks(lake)
    assert told["10"] == Mark(REPLACE, tuple(lake.keys(f"backfill/{TEN}/")), ("0a1b.parquet",))
    assert (len(told["10"].objects), len(told["11"].objects), told["11"].retires) == (2, 1, ())
    assert "staged; what the hours hold is replaced when compaction runs next" in (
        run("backfill", files, "--lake", tmp_path / "lake", "--replace").out
    )


def test_a_replacement_twice_is_one_copy(run, tmp_path, files, lake):
    """The same objects, the same marks."""
    occupy(lake)
    run("backfill", files, "--lake", tmp_path / "lake", "--replace")
    before = content(tmp_path / "lake")

    again = run("backfill", files, "--lake", tmp_path / "lake", "--replace", *JSON)

    assert content(tmp_path / "lake") == before
    assert (again.summary["already_there"], again.summary["marks"]) == (3, 0)


def test_a_damaged_file_is_named_and_the_others_go_on(run, tmp_path, files, lake):
    """Exit code 3; with another try once it is whole, one copy of all."""
    broken = files / PLAIN / name_of("20261118T1015", 7)
    broken.write_bytes(text(*range(20, 400))[:-30])

    ran = run("backfill", files, "--lake", tmp_path / "lake", *JSON)

    assert ran.exit_code == 3
    assert [(Path(told["file"]).name, "damaged gzip" in told["why"]) for told in ran.summary["left"]] == [
        (broken.name, True)
    ]
    assert ports(lake) == ONCE
    shown = run("backfill", files, "--lake", tmp_path / "lake")
    assert "1 of 4 files were not taken whole" in shown.out
    broken.write_bytes(text(20, 21))
    assert run("backfill", files, "--lake", tmp_path / "lake").exit_code == 0
    assert ports(lake) == ONCE + Counter({20: 1, 21: 1})


def test_nothing_is_replaced_while_a_file_cannot_be_read(run, tmp_path, files, lake):
    """An hour would lose what that file holds."""
    (files / PLAIN / name_of("20261118T1015", 7)).write_bytes(text(7)[:-9])
    occupy(lake)

    ran = run("backfill", files, "--lake", tmp_path / "lake", "--replace")

    assert ran.exit_code == 3
    assert "nothing is replaced" in ran.out
    assert marks(lake) == {}


def test_rows_of_an_hour_that_the_path_did_not_tell_do_not_slip_in(run, tmp_path, lake):
    """A file of one region with records of another, whose hour the stream wrote, is left and named."""
    fields = HEADER + " region"
    folder = tmp_path / "delivered" / PLAIN
    folder.mkdir(parents=True)
    put(folder, name_of("20261118T1105", 1), text(1))
    put(folder, name_of("20261118T1005", 2, "log"), f"{fields}\n{line(2)} us-east-1\n")
    occupy(lake, "flow_logs/aws_region=us-east-1/day=2026-11-18/hour=10/0a1b.parquet")

    ran = run("backfill", tmp_path / "delivered", "--lake", tmp_path / "lake", *JSON)

    assert ran.exit_code == 3
    assert "no backfill wrote" in ran.summary["left"][0]["why"]
    assert ports(DirectoryLake(tmp_path / "lake"), f"flow_logs/aws_region={REGION}") == Counter({1: 1})


def test_lines_that_cannot_be_read_are_kept_once(run, tmp_path, lake):
    """As rejects of the hour, under the same name each time; exit code 3."""
    file = put(tmp_path, name_of("20261118T1005", 1, "log"), f"{HEADER}\n{line(1)}\n2 short\n")
    for _ in range(2):
        ran = run("backfill", file, "--lake", tmp_path / "lake", "--region", REGION)

    assert ran.exit_code == 3
    assert rejected(tmp_path / "lake") == [("Enricher.field_count", b"2 short")]
    assert ports(lake) == Counter({1: 1})


def once(source, lake, *, is_replacing):
    """One run over everything."""
    job, done = Backfill(source, Told().known(None), lake, is_replacing=is_replacing), Backfilled(Summary())
    for name in source.names():
        done.take(job.run(name, set()))
    job.finish(done)


@pytest.mark.parametrize("acts", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("is_replacing", [False, True], ids=["free hours", "replacing"])
def test_whoever_dies_at_any_effect_and_starts_again_leaves_one_copy(tmp_path, acts, is_replacing):
    """Objects and marks, each once; no hour is marked before all of its files are there."""
    source = SourceObjects([str(deliver(tmp_path / "delivered"))], lambda: None)
    place = "backfill/" if is_replacing else "flow_logs/"
    effects = 3 + 2

    for last in range(1, effects + 2):
        lake = DirectoryLake(tmp_path / f"lake-{last}")
        with nullcontext() if last > effects else pytest.raises(DiedError):
            once(source, Dying(lake, Life(last, acts=acts)), is_replacing=is_replacing)
        assert ports(lake, place) == ONCE or not marks(lake)
        once(source, lake, is_replacing=is_replacing)

        assert ports(lake, place) == ONCE
        told = marks(lake)
        assert {mark.kind for mark in told.values()} == {REPLACE if is_replacing else LATE}
        assert sorted(told) == ["10", "11"]
        assert sorted(key for mark in told.values() for key in mark.objects) == sorted(lake.keys("backfill/"))


def test_a_dry_run_tells_the_same_and_writes_nothing(run, tmp_path, files):
    """Also of a replacement."""
    for more in ((), ("--replace",)):
        dry = run("backfill", files, "--lake", tmp_path / "lake", "--dry-run", *more, *JSON)
        assert (dry.exit_code, dry.summary["rows"], dry.summary["objects"], dry.summary["marks"]) == (0, 6, 3, 2)
        assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "nowhere"),
        (("lines.log",), "--log-format"),
        (("headed.log",), "--region"),
        (("headed.log", "--region", "moon"), "moon"),
        (("headed.log", "--hours", "noon"), "noon"),
        (("headed.log", "--output", "xml"), "xml"),
        (("headed.log", "--record-tags", "x"), "RECORD_TAGS"),
    ],
)
def test_usage_errors_are_one_line_and_write_nothing(run, tmp_path, monkeypatch, arguments, told):
    """Exit code 2: what, where, the mend."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "lines.log", line(1))
    put(tmp_path, "headed.log", f"{HEADER}\n{line(1)}\n")
    before = content(tmp_path)

    ran = run("backfill", *arguments)

    assert ran.exit_code == 2
    assert ran.err.startswith("vpcflow: ")
    assert ran.err.count("\n") == 1
    assert told in ran.err
    assert content(tmp_path) == before


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake's bucket."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def cloud(shared_cloud, monkeypatch, files):
    """The same with the delivered files alone."""
    use(shared_cloud, monkeypatch)
    emptied(shared_cloud)
    for path in sorted(files.rglob("*.*")):
        key = f"delivered/{path.relative_to(files)}"
        shared_cloud.s3.put_object(Bucket=LAKE, Key=key, Body=path.read_bytes())
    return shared_cloud


def test_from_a_bucket_into_a_bucket(run, cloud):
    """Twice is one copy, and what a replay writes afterwards closes the hour for the next backfill."""
    arguments = ("backfill", f"s3://{LAKE}/delivered/", "--lake", f"s3://{LAKE}", *JSON)
    first, second = run(*arguments), run(*arguments)

    assert [(ran.exit_code, ran.summary["already_there"]) for ran in (first, second)] == [(0, 0), (0, 3)]
    assert ports(S3Lake(cloud.s3, LAKE)) == ONCE
    assert len(keys(cloud, "compaction/marked/")) == 2
    cloud.s3.put_object(Bucket=LAKE, Key="processing-failed/1", Body=failed(9).encode())
    assert run("replay", f"s3://{LAKE}/processing-failed/", "--log-format", HEADER).exit_code == 0
    assert run(*arguments).exit_code == 2


def test_a_task_of_the_job_may_die_and_run_twice_at_once(cloud):
    """As Spark does where an executor is lost, or slow: each line is there once, and both tell the same names."""
    job = BackfillJob(f"s3://{LAKE}/delivered/", LAKE, "", Told(), lambda _: cloud.s3, is_replacing=False)
    names = job.open().source.names()
    lost = job.run(names)
    assert next(lost).summary.rows == 2
    lost.close()

    with ThreadPoolExecutor(2) as executors:
        first, second = executors.map(lambda _: list(job.run(names)), range(2))

    assert ports(S3Lake(cloud.s3, LAKE)) == ONCE
    assert [each.written for each in first] == [each.written for each in second]
    assert sum(each.summary.rows for each in first) == 6


@pytest.mark.parametrize(("files_", "cores", "slices"), [(1, 8, 1), (30, 4, 16), (10_000, 4, 200), (8, 2, 8)])
def test_a_task_has_few_files_and_every_core_some_tasks(files_, cores, slices):
    """What a lost task has to do again is bounded, and no core waits long for another."""
    assert number_of_slices(["x"] * files_, cores) == slices
