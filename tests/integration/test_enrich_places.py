"""Where `enrich` puts the rows of a file: region, hour, object name; and that doing it again changes nothing."""

import gzip
import json
import shutil
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from command_line import files, rejected, rows, vpcflow

from enricher.schema import lake_columns

FIELDS = "version srcaddr dstaddr srcport start end region"
AT_1000 = 1_794_996_000  # 2026-11-18T10:00:00Z
DELIVERED = "111122223333_vpcflowlogs_us-east-2_fl-0123_20261118T1405Z_0a1b2c3d.log"


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


def line(*, port=1, start=AT_1000, end=AT_1000 + 60, region="us-west-1"):
    """A flow line of FIELDS."""
    return f"5 10.0.1.5 10.0.2.9 {port} {start} {end} {region}"


def written(path, *lines: str, header=FIELDS):
    """A file of these lines below a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def partitions(lake):
    """The partitions that have objects, without the objects' names."""
    return sorted({name.rsplit("/", 1)[0] for name in files(lake)})


def place(region, day, hour, root="flow_logs"):
    """A partition's path."""
    return f"{root}/aws_region={region}/day={day}/hour={hour}"


# ── region ───────────────────────────────────────────────────────────────────────────────────────────────────────────

HIVE = "aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/flows.log"


@pytest.mark.parametrize(
    ("path", "told", "option", "region"),
    [
        ("flows.log", "us-west-1", "sa-east-1", "us-west-1"),
        (HIVE, "us-west-1", "sa-east-1", "us-west-1"),
        (HIVE, "-", "sa-east-1", "eu-west-1"),
        ("AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/18/flows.log", "-", "sa-east-1", "eu-west-1"),
        (DELIVERED, "-", "sa-east-1", "us-east-2"),
        ("flows.log", "-", "sa-east-1", "sa-east-1"),
        ("flows.log", "None", "us-gov-west-1", "us-gov-west-1"),
        ("flows.log", "eusc-de-east-1", None, "eusc-de-east-1"),
        ("aws-region=eusc-de-east-1/flows.log", "-", None, "eusc-de-east-1"),
    ],
)
def test_the_region_is_the_records_else_the_paths_else_the_options(path, told, option, region, tmp_path, run):
    """In this order; the first that is told wins."""
    file = written(tmp_path / path, line(region=told))
    options = ("--region", option) if option else ()

    ran = run("enrich", file, *options, "--out", tmp_path / "lake")

    assert ran.exit_code == 0
    assert {row["aws_region"] for row in rows(tmp_path / "lake")} == {region}


def test_records_of_several_regions_go_to_their_own_partitions(tmp_path, run):
    """One file, three regions, one of them told by the option alone: three objects, every row once, rejects once."""
    lines = [line(port=1), line(port=2, region="eu-west-1"), line(port=3, region="-"), line(port=4), "bogus"]
    file = written(tmp_path / "flows.log", *lines)

    ran = run("enrich", file, "--region", "sa-east-1", "--out", tmp_path / "lake", "--output", "json")

    assert ran.exit_code == 3
    assert (ran.summary["rows"], ran.summary["objects"]) == (4, 3)
    found = {row["srcport"]: row["aws_region"] for row in rows(tmp_path / "lake")}
    assert found == {1: "us-west-1", 2: "eu-west-1", 3: "sa-east-1", 4: "us-west-1"}
    assert rejected(tmp_path / "lake") == [("Enricher.field_count", b"bogus")]


@pytest.mark.parametrize("told", ["../../../escaped", "x/y=z", "us-east-1/hour=99", "nowhere", ".."])
def test_a_word_that_is_no_region_never_becomes_a_path(told, tmp_path, run):
    """A record's region is part of the object's path: what is none tells none, and nothing leaves the lake."""
    file = written(tmp_path / "in" / "flows.log", line(region=told))

    ran = run("enrich", file, "--region", "us-east-1", "--out", tmp_path / "in" / "a" / "lake")
    refused = run("enrich", file, "--out", tmp_path / "in" / "b" / "lake")

    assert (ran.exit_code, refused.exit_code) == (0, 2)
    assert partitions(tmp_path / "in" / "a" / "lake") == [place("us-east-1", "2026-11-18", "10")]
    assert [row["region"] for row in rows(tmp_path / "in" / "a" / "lake")] == [told]
    assert {name.split("/")[0] for name in files(tmp_path)} == {"in"}
    assert {name.split("/")[1] for name in files(tmp_path)} == {"a", "flows.log"}


# ── hour ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_delivered_file_goes_to_the_hour_in_its_name(tmp_path, run):
    """The time of delivery is the arrival, whatever the records' times and however the file is packed."""
    plain = written(tmp_path / DELIVERED, line())
    packed = tmp_path / f"{DELIVERED}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    for file in (plain, packed):
        lake = tmp_path / file.suffix
        run("enrich", file, "--out", lake)
        (row,) = rows(lake)
        assert (row["day"], row["hour"]) == ("2026-11-18", "14")
        assert row["arrived_at"].replace(tzinfo=UTC) == datetime(2026, 11, 18, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize("name", ["flows.log", "x_20261399T9999Z_y.log", "20261118T1405Z.log"])
def test_another_file_goes_to_the_hour_of_its_largest_end(name, tmp_path, run):
    """One batch never splits: all rows stay together, and carry no arrival that nobody has seen."""
    late = line(port=2, start=AT_1000 + 3_540, end=AT_1000 + 3_600)
    file = written(tmp_path / name, line(port=1), late, line(port=3, start=AT_1000 - 3_600, end=AT_1000 - 3_540))

    run("enrich", file, "--out", tmp_path / "lake")

    assert partitions(tmp_path / "lake") == [place("us-west-1", "2026-11-18", "11")]
    assert [row["srcport"] for row in rows(tmp_path / "lake")] == [3, 1, 2]
    assert {row["arrived_at"] for row in rows(tmp_path / "lake")} == {None}


def test_milliseconds_are_the_same_hour(tmp_path, run):
    """Start and end in milliseconds become seconds, in the rows and in the choice of the hour."""
    file = written(tmp_path / "flows.log", line(start=AT_1000 * 1000 + 999, end=(AT_1000 + 60) * 1000))

    run("enrich", file, "--out", tmp_path / "lake")

    (row,) = rows(tmp_path / "lake")
    assert (row["start"], row["end"], row["day"], row["hour"]) == (AT_1000, AT_1000 + 60, "2026-11-18", "10")


@pytest.mark.parametrize("end", [9_223_372_036_854_775_807, 253_402_300_800_000])
def test_an_end_beyond_every_calendar_does_not_choose_the_hour(end, tmp_path, run):
    """A time that no clock shows is passed over; the file still lands."""
    file = written(tmp_path / "flows.log", line(port=1), line(port=2, end=end))

    ran = run("enrich", file, "--region", "us-east-1", "--out", tmp_path / "lake")

    assert ran.exit_code in (0, 3)
    assert set(partitions(tmp_path / "lake")) <= {
        place("us-west-1", "2026-11-18", "10"), place("us-west-1", "2026-11-18", "10", "rejected"),
    }  # fmt: skip
    assert len(rows(tmp_path / "lake")) + len(rejected(tmp_path / "lake")) == 2


def test_without_any_time_the_partition_is_plainly_no_real_one(tmp_path, run):
    """No times in the format, none in the name: 1970, not the clock's hour."""
    file = written(tmp_path / "flows.log", "5 10.0.1.5 10.0.2.9 us-west-1", header="version srcaddr dstaddr region")

    run("enrich", file, "--out", tmp_path / "lake")

    assert partitions(tmp_path / "lake") == [place("us-west-1", "1970-01-01", "00")]


@pytest.mark.parametrize(
    ("arrived", "hours"),
    [
        ([1_794_996_300_000, 1_794_999_900_000, 1_794_996_100_000], ["10", "11"]),
        ([1_794_996_300_000.0, "yesterday", None], ["10", "14"]),
        ([float("nan"), float("inf"), -1], ["14"]),
        ([10**30, True, []], ["14"]),
    ],
    ids=["two hours", "not all", "none", "odd"],
)
def test_error_objects_go_to_the_hours_of_their_arrival(arrived, hours, tmp_path, run):
    """Each error object's own arrivalTimestamp; where that is no time, the file's."""
    objects = [
        json.dumps({"rawData": raw, "arrivalTimestamp": moment})
        for raw, moment in zip(["NSAx", "NSAy", "NSAz"], arrived, strict=True)  # "5 1", "5 2", "5 3"
    ]
    file = tmp_path / DELIVERED
    file.write_text("\n".join(objects), encoding="utf-8")

    ran = run("enrich", file, "--log-format", "version srcport", "--out", tmp_path / "lake")

    assert ran.exit_code == 0
    assert sorted({row["hour"] for row in rows(tmp_path / "lake")}) == hours
    assert sorted(row["srcport"] for row in rows(tmp_path / "lake")) == [1, 2, 3]
    assert len(files(tmp_path / "lake")) == len(hours)


# ── what the record says and we do not understand ────────────────────────────────────────────────────────────────────


def test_fields_keep_what_the_record_says(tmp_path, run):
    """Account `unknown` and leading zeros stay, None is null, a strange interface stays, unknown fields go to a map."""
    header = "account-id interface-id srcaddr dstaddr new-field-1 region other"
    file = written(
        tmp_path / "flows.log",
        "unknown nat-0a1b 10.0.1.5 10.0.2.9 a=b us-west-1 -",
        "000000000012 - None 10.0.2.9 None us-west-1 7",
        header=header,
    )

    run("enrich", file, "--out", tmp_path / "lake")

    found = {row["account_id"]: row for row in rows(tmp_path / "lake")}
    strange, plain = found["unknown"], found["000000000012"]
    assert (strange["interface_id"], dict(strange["extra_fields"])) == ("nat-0a1b", {"new-field-1": "a=b"})
    assert (plain["interface_id"], plain["srcaddr"], dict(plain["extra_fields"])) == (None, None, {"other": "7"})
    assert {row["src_account_id"] for row in found.values()} == {None}
    assert {row["log_status"] for row in found.values()} == {"OK"}
    assert {row["reporter"] for row in found.values()} == {None}


@pytest.mark.parametrize(
    ("left_out", "status"),
    [
        ("flow-direction", "unresolved"),
        ("instance-id", "unresolved"),
        ("log-status", "resolved"),
        ("start end", "resolved"),
        ("srcaddr dstaddr", None),
    ],
)
def test_a_format_without_a_field_is_a_format(left_out, status, tmp_path, run):
    """Direction, instance, status, times, addresses: each may be missing, and costs only its own columns.

    Without instance nobody knows whether the interface is a gateway's, which shows others' addresses as its own.
    """
    everything = {
        "version": "5", "interface-id": "eni-1", "instance-id": "i-1", "srcaddr": "10.0.1.5", "dstaddr": "10.0.2.9",
        "start": str(AT_1000), "end": str(AT_1000 + 60), "log-status": "OK", "region": "us-west-1",
        "flow-direction": "egress",
    }  # fmt: skip
    kept = {name: value for name, value in everything.items() if name not in left_out.split()}
    file = written(tmp_path / "flows.log", " ".join(kept.values()), header=" ".join(kept))

    ran = run("enrich", file, "--out", tmp_path / "lake")

    (row,) = rows(tmp_path / "lake")
    assert ran.exit_code == 0
    expected = {name.replace("-", "_"): value for name, value in kept.items()}
    assert {name: str(row[name]) for name in expected} == expected
    for name in left_out.split():
        assert row[name.replace("-", "_")] == ("OK" if name == "log-status" else None)
    assert row["src_status"] == status


# ── objects ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_objects_hold_at_most_a_hundred_thousand_lines(tmp_path, run):
    """100,001 lines become two objects of one hour; no line is lost between them."""
    file = written(tmp_path / "flows.log", *(str(n) for n in range(100_001)), header="bytes")

    ran = run("enrich", file, "--region", "us-east-1", "--out", tmp_path / "lake", "--output", "json")

    assert (ran.summary["lines"], ran.summary["rows"], ran.summary["objects"]) == (100_001, 100_001, 2)
    tables = [pq.read_table(tmp_path / "lake" / name, columns=["bytes"]) for name in files(tmp_path / "lake")]
    assert sorted(table.num_rows for table in tables) == [1, 100_000]
    assert sorted(n for table in tables for n in table["bytes"].to_pylist()) == list(range(100_001))


def test_an_object_has_the_columns_of_the_catalog(tmp_path, run):
    """Names, order and types are those of the schema that the Glue table is made from."""
    run("enrich", written(tmp_path / "flows.log", line()), "--out", tmp_path / "lake")

    (name,) = files(tmp_path / "lake")
    schema = pq.read_schema(tmp_path / "lake" / name)
    assert [(field.name, field.type) for field in schema] == [(column.name, column.type) for column in lake_columns()]


def state(lake):
    """Every file's bytes and time of change."""
    return {name: ((lake / name).read_bytes(), (lake / name).stat().st_mtime_ns) for name in files(lake)}


def test_doing_it_again_changes_nothing(tmp_path, run):
    """The same lines give the same objects; what is there is not touched, by whatever name the file goes."""
    first = written(tmp_path / "flows.log", line(port=1), line(port=2, region="eu-west-1"), "bogus")
    copy = tmp_path / "copy" / "other.txt"
    copy.parent.mkdir()
    shutil.copy(first, copy)
    packed = tmp_path / "flows.log.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    lake = tmp_path / "lake"

    once = run("enrich", first, "--out", lake, "--output", "json")
    before = state(lake)
    again = [run("enrich", file, "--out", lake, "--output", "json") for file in (first, copy, packed)]

    assert len(before) == 3
    assert state(lake) == before
    assert [(ran.exit_code, ran.summary) for ran in again] == [
        (once.exit_code, once.summary | {"already_there": once.summary["objects"]})
    ] * len(again)


def test_other_lines_or_another_format_are_other_objects(tmp_path, run):
    """Nothing is taken for something that was there before."""
    lake = tmp_path / "lake"
    run("enrich", written(tmp_path / "a.log", line()), "--out", lake)
    run("enrich", written(tmp_path / "b.log", line(port=2)), "--out", lake)
    run("enrich", written(tmp_path / "c.log", line(), header=FIELDS.replace("srcport", "dstport")), "--out", lake)

    assert len(files(lake)) == 3
    assert sorted((row["srcport"] or 0, row["dstport"] or 0) for row in rows(lake)) == [(0, 1), (1, 0), (2, 0)]


def test_a_run_leaves_nothing_but_objects(tmp_path, run):
    """No staging directory, no half-written file stays in the lake."""
    run("enrich", written(tmp_path / "flows.log", line(), "bogus"), "--out", tmp_path / "lake")

    assert sorted(path.name for path in (tmp_path / "lake").iterdir()) == ["flow_logs", "rejected"]
    assert {name.rsplit(".", 1)[1] for name in files(tmp_path / "lake")} == {"parquet", "jsonl"}


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_is_one_json_object_on_the_last_line(tmp_path, run):
    """The names that scripts rely on, nothing else on standard output, nothing on standard error."""
    ran = run(
        "enrich", written(tmp_path / "flows.log", line(), "bogus"), "--out", tmp_path / "lake", "--output", "json"
    )

    assert ran.out.count("\n") == 1
    assert ran.err == ""
    expected = {
        "lines": 2,
        "rows": 1,
        "rejected": 1,
        "rejects_by_reason": {"field_count": 1},
        "statuses": {"src": {"unresolved": 1}, "dst": {"unresolved": 1}},
        "resolved": 0,
        "unresolved": 2,
        "objects": 1,
    }
    assert expected.items() <= ran.summary.items()


def test_the_table_says_the_same_for_people(tmp_path, run):
    """Counts, reasons, statuses, the inventory's date and the lake, in words."""
    ran = run("enrich", written(tmp_path / "flows.log", line(), "bogus"), "--out", tmp_path / "lake")

    assert ran.exit_code == 3
    assert "2 lines: 1 rows in 1 objects, 1 rejected" in ran.out
    assert "rejected, field_count: 1" in ran.out
    assert "unresolved" in ran.out
    assert f"lake {tmp_path / 'lake'}" in ran.out


def test_several_files_are_one_run(tmp_path, run):
    """Counts are summed over files of different formats."""
    one = written(tmp_path / "a.log", line(), line(port=2))
    other = written(tmp_path / "b.log", "10.0.1.5 us-west-1", "bogus line here", header="srcaddr region")

    ran = run("enrich", one, other, "--out", tmp_path / "lake", "--output", "json")

    assert [ran.summary[key] for key in ("lines", "rows", "rejected", "objects")] == [4, 3, 1, 2]
    assert len(rows(tmp_path / "lake")) == 3
