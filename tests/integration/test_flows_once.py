"""The view ``flows_once`` on a real lake: what counts in each way that one flow can be recorded several times.

A topology is a file in ``tests/data/topologies``: rows as they lie in the lake, with the columns that matter (``id``
becomes the batch's id), and by hand the ids and bytes that count.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlglot
from athena_lake import write_lake
from hypothesis import given, settings
from hypothesis import strategies as st

from enricher.schema import AWS_COLUMNS
from workbench.athena.engine import VIEWS, Lake

TOPOLOGIES = sorted((Path(__file__).parents[1] / "data" / "topologies").glob("*.json"))
COUNTED = "SELECT batch_id, bytes FROM flows_once ORDER BY batch_id, bytes"

Row = dict[str, Any]


def _rows(topology: dict[str, Any]) -> list[Row]:
    rows = [{**topology["every_row"], **row} for row in topology["rows"]]
    return [{("batch_id" if name == "id" else name): value for name, value in row.items()} for row in rows]


def _counted(directory: Path, rows: Iterable[Row], sql: str = COUNTED, *values: str) -> list[tuple[Any, ...]]:
    views = directory / "views"
    views.mkdir()
    for name in ("flow_rows.sql", "flows_judged.sql", "flows_once.sql"):
        (views / name).write_text((VIEWS / name).read_text("utf-8"))
    with Lake(write_lake(directory, rows), views) as lake:
        return list(lake.run(sql, values).rows)


@pytest.mark.parametrize("file", TOPOLOGIES, ids=[file.stem for file in TOPOLOGIES])
def test_each_flow_of_a_topology_counts_once(tmp_path, file):
    """The view keeps exactly the rows, and so the bytes, that the topology says by hand."""
    topology = json.loads(file.read_text("utf-8"))

    assert sorted(topology["counted"].items()) == _counted(tmp_path, _rows(topology))


def _judged_by_hand(row: Row, counted: dict[str, int]) -> str:
    """How a row of a compacted hour says that it counts: by the topology's own list, else by why it is not on it."""
    if row.get("log_status", "OK") not in ("OK", None):
        return row["log_status"]
    if row["batch_id"] in counted:
        return "counted"
    is_flow = row.get("reporter") in ("src", "dst") and row.get("srcaddr") and row.get("dstaddr")
    return "second record" if is_flow else "hop" if row.get("reporter") == "hop" else "reporter not known"


@pytest.mark.parametrize("file", TOPOLOGIES, ids=[file.stem for file in TOPOLOGIES])
def test_a_topology_compacted_in_part_counts_the_same(tmp_path, file):
    """Every hour but the last, or all of them, say themselves how they count: the same rows and bytes as raw."""
    topology = json.loads(file.read_text("utf-8"))
    rows = _rows(topology)
    hours = sorted({(row["day"], row["hour"]) for row in rows})
    for done in {tuple(hours[:-1] or hours), tuple(hours), tuple(hours[1:] or hours)}:
        compacted = []
        for row in rows:
            is_done = (row["day"], row["hour"]) in done
            marked = row | {"counts_as": _judged_by_hand(row, topology["counted"])} if is_done else row
            # Delivered twice in one batch, ids and all: compaction keeps one.
            compacted += [] if is_done and marked in compacted else [marked]
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        place.mkdir()
        assert sorted(topology["counted"].items()) == _counted(place, compacted)


def test_there_are_topologies():
    """The parametrised test above has something to run on."""
    assert len(TOPOLOGIES) >= 12


@pytest.mark.parametrize("missing", [None, "interface_id", "srcport", "dstport", "protocol", "start", "end"])
def test_equal_rows_are_copies_only_where_the_format_tells_flows_apart(tmp_path, missing):
    """Two equal rows are one delivered twice; without one of these fields they may be two flows, and both count."""
    row = {
        "day": "2026-03-01",
        "hour": "10",
        "reporter": "src",
        "interface_id": "eni-a",
        "srcaddr": "10.0.1.5",
        "dstaddr": "10.0.2.9",
        "srcport": 40000,
        "dstport": 443,
        "protocol": 6,
        "bytes": 60,
        "start": 1772359200,
        "end": 1772359260,
    }
    rows = [{name: value for name, value in row.items() if name != missing}] * 2

    assert [(None, 60)] * (1 if missing is None else 2) == _counted(tmp_path, rows)


def test_a_filter_on_day_does_not_change_what_counts(tmp_path):
    """The recorders of the hour before midnight are seen by a query that reads the day after only."""
    topology = json.loads((TOPOLOGIES[0].parent / "midnight.json").read_text("utf-8"))
    sql = "SELECT batch_id FROM flows_once WHERE day = ? ORDER BY batch_id"

    assert _counted(tmp_path, _rows(topology), sql, "2026-01-01") == [("answer at b",)]


def test_the_view_keeps_all_columns_and_adds_its_own(tmp_path):
    """Every column of flow_logs passes through; packet addresses, flow time and arrival hour are added."""
    row = {
        "day": "2026-03-01",
        "hour": "10",
        "reporter": "src",
        "srcaddr": "10.0.0.1",
        "dstaddr": "10.0.0.2",
        "pkt_srcaddr": "10.0.0.3",
        "protocol": 1,
    }
    sql = "SELECT packet_srcaddr, packet_dstaddr, conversation, flow_time, arrival_hour, copy_number FROM flows_once"

    arrival_hour = datetime.fromisoformat("2026-03-01 10:00")
    expected = ("10.0.0.3", "10.0.0.2", "10.0.0.3 10.0.0.2 - - 1", 1772359200, arrival_hour, 1)
    assert [expected] == _counted(tmp_path, [row], sql)


def test_copies_are_told_by_every_column_of_aws():
    """The window that finds rows delivered twice compares all AWS columns of the schema, within one partition."""
    sql = (VIEWS / "flows_once.sql").read_text("utf-8")
    listed = sql.split("PARTITION BY")[1].split("ORDER BY")[0].replace('"', "").replace("a.", " ")

    expected = ["aws_region", "day", "hour", *(column.name for column in AWS_COLUMNS)]
    assert expected == [name.strip() for name in listed.split(",")]


def test_the_view_means_the_same_as_spark_sql():
    """Compaction counts with the same text: nothing in it is lost or turned into days on the way to Spark."""
    sql = (VIEWS / "flows_judged.sql").read_text("utf-8")

    spark = sqlglot.transpile(sql, read="athena", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]

    # Athena's date_add('hour', …) would become Spark's date_add, which counts days.
    assert "DATE_ADD" not in spark
    assert spark.count("INTERVAL '1' HOUR") == 4


def _hour(row: Row, shift: int = 0) -> datetime:
    return datetime.fromisoformat(f"{row['day']} {row['hour']}:00") + timedelta(hours=shift)


def _keys_at_source(row: Row) -> list[tuple[Any, ...]]:
    """Under which names the recorder of a src row may be asked for."""
    keys: list[tuple[Any, ...]] = [_conversation(row)]
    if row["src_interface_id"] is not None:
        keys.append(("interface", row["src_interface_id"]))
    if row["src_vpc_id"] is not None:
        keys.append(("address", row["src_vpc_id"], row["srcaddr"]))
    return keys


def _key_at_destination(row: Row) -> tuple[Any, ...]:
    """Under which name a dst row asks for its source: the best one it knows."""
    if row["src_interface_id"] is not None:
        return ("interface", row["src_interface_id"])
    if row["src_vpc_id"] is not None:
        return ("address", row["src_vpc_id"], row["srcaddr"])
    return _conversation(row)


def _conversation(row: Row) -> tuple[Any, ...]:
    return ("conversation", row["srcaddr"], row["dstaddr"], row["srcport"], row["dstport"], row["protocol"])


def _expected(rows: list[Row]) -> Counter[tuple[str, int]]:
    """DESIGN §6, row by row: an oracle that shares nothing with the view but the rule."""
    flows = [row for row in rows if row["log_status"] == "OK" and row["srcaddr"] and row["dstaddr"]]
    recorded = {
        (_hour(row, shift), key)
        for row in flows
        if row["reporter"] == "src"
        for key in _keys_at_source(row)
        for shift in (-1, 0, 1)
    }
    seen: set[tuple[Any, ...]] = set()
    counted: Counter[tuple[str, int]] = Counter()
    for row in flows:
        if row["reporter"] not in ("src", "dst"):
            continue
        delivery = (row["day"], row["hour"], *(row.get(column.name) for column in AWS_COLUMNS))
        tells_apart = row["interface_id"] is not None and row["srcport"] is not None
        is_copy = tells_apart and delivery in seen
        seen.add(delivery)
        if row["reporter"] == "dst" and (_hour(row), _key_at_destination(row)) in recorded:
            continue
        counted[row["batch_id"], row["bytes"]] += not is_copy
    return +counted


HOURS = [("2026-02-28", "22"), ("2026-02-28", "23"), ("2026-03-01", "00"), ("2026-03-01", "01"), ("2026-03-01", "02")]
ROWS = st.fixed_dictionaries(
    {
        "world": st.integers(0, 15),
        "place": st.sampled_from(HOURS),
        "reporter": st.sampled_from(["src", "src", "dst", "dst", "dst", "hop", None]),
        "log_status": st.sampled_from(["OK", "OK", "OK", "SKIPDATA"]),
        "srcaddr": st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", None]),
        "srcport": st.sampled_from([1, 2, None]),
        "src_vpc_id": st.sampled_from(["vpc-1", "vpc-2", None]),
        "src_interface_id": st.sampled_from(["eni-1", "eni-2", "eni-3", None]),
        "is_named": st.booleans(),
        "bytes": st.sampled_from([10, 20]),
    }
)


def _drawn(number: int, drawn: Row) -> Row:
    """A row of the lake; worlds share no names, so that many small cases fit into one lake."""
    row = {**drawn, "dstaddr": "10.0.0.9", "dstport": 443, "protocol": 6, "action": "ACCEPT"}
    day, hour = row.pop("place")
    world = row.pop("world")
    for name in ("srcaddr", "dstaddr", "src_vpc_id", "src_interface_id"):
        row[name] = None if row[name] is None else f"{row[name]}.{world}"
    # One interface records on one side, so that equal AWS columns mean an equal reporter, as the enrichment gives it.
    recorder = f"eni-recorder-{row['reporter']}" if row.pop("is_named") else None
    times = {"day": day, "hour": hour, "start": 1772323200, "end": 1772323260}
    return {**row, **times, "interface_id": recorder, "batch_id": f"{number:03}"}


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.lists(ROWS, min_size=50, max_size=400))
def test_the_view_counts_what_the_rule_says_row_by_row(drawn):
    """Any mix of recorders, hours, statuses and copies: the view and a row-by-row reading of the rule agree."""
    rows = [_drawn(number, values) for number, values in enumerate(drawn)]

    with TemporaryDirectory() as directory:
        counted = Counter(_counted(Path(directory), rows))

    assert _expected(rows) == counted
