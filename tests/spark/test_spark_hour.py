"""An hour compacted by real Spark: what counts, what is dropped, what is kept, and how it lies on disk."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from athena_lake import REGION, write_lake
from topologies import all_topologies

from compaction import spark_hour
from compaction.hour import HourJob, HourResult
from compaction.spark_hour import SparkHourWriter
from enricher.hourly import hourly_columns
from enricher.lake import Partition
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS, arrow_schema, compacted_columns
from workbench.athena.engine import Lake

DAY, HOUR = "2026-03-01", "10"
FLOW = {
    "day": DAY,
    "hour": HOUR,
    "reporter": "src",
    "interface_id": "eni-a",
    "src_interface_id": "eni-a",
    "srcaddr": "10.0.1.5",
    "dstaddr": "10.0.2.9",
    "srcport": 40000,
    "dstport": 443,
    "protocol": 6,
    "packets": 1,
    "bytes": 60,
    "start": 1772359200,
    "end": 1772359260,
    "action": "ACCEPT",
}


def compact(spark, lake: Path, rules: Rules | None = None) -> dict[Partition, HourResult]:
    """Every hour of a lake, with the hours beside it, into the same lake."""
    writer = SparkHourWriter(spark, None, rules or Rules(), 0.0)
    folders = sorted((lake / "flow_logs").glob("*/*/*"))
    results = {}
    for folder in folders:
        partition = Partition(*(part.partition("=")[2] for part in folder.parts[-3:]))
        beside = tuple(f"file://{other}" for other in folders if other != folder and abs(_hours(other, folder)) <= 1)
        tables = [f"file://{lake}/{table}/{partition.path}" for table in ("flow_logs_compacted", "flows_hourly")]
        job = HourJob(partition, (f"file://{folder}",), beside, *tables)
        results[partition] = writer.write(job)
    return results


def _hours(one: Path, other: Path) -> float:
    """From one partition's folder to the other's."""
    begin, end = (datetime.strptime("/".join(p.parts[-2:]), "day=%Y-%m-%d/hour=%H") for p in (one, other))  # noqa: DTZ007 - both in one zone
    return (end - begin).total_seconds() / 3600


def written(lake: Path, table: str = "flow_logs_compacted") -> list[Path]:
    """The Parquet files of a table."""
    return sorted((lake / table).rglob("*.parquet"))


def rows_of(lake: Path) -> list[dict[str, object]]:
    """The compacted rows."""
    return [row for path in written(lake) for row in pq.ParquetFile(path).read().to_pylist()]


EXTRA = {"batch_id": "copies c", "extra_fields": [("new", "1"), ("newer", "2")]}
COPIES = [
    {**FLOW, "batch_id": "copies b", "src_project": "later"},
    {**FLOW, "batch_id": "copies a", "src_project": "first"},
    {**FLOW, **EXTRA},
    {**FLOW, **EXTRA, "batch_id": "copies d", "extra_fields": [("newer", "2"), ("new", "1")]},
    {**FLOW, "batch_id": "copies e", "packets_lost_mtu_exceeded": 1},
    {**FLOW, "batch_id": "copies f", "srcport": None},
    {**FLOW, "batch_id": "copies g", "srcport": None},
    {**FLOW, "batch_id": "copies h", "interface_id": None, "resource_id": "nat-1", "reporter": "hop"},
    {**FLOW, "batch_id": "copies i", "interface_id": None, "resource_id": "nat-1", "reporter": "hop"},
]
KEPT = {"copies a": "counted", "copies c": "counted", "copies e": "counted", "copies f": "counted",
        "copies g": "counted", "copies h": "hop"}  # fmt: skip
TAGS = [('it\'s "quoted"\n', "ünï\u0000"), ("", ""), ("a" * 300, None)]
STRANGE = [
    {"day": DAY, "hour": HOUR, "log_status": "NODATA", "interface_id": "eni-a", "batch_id": "strange a"},
    {"day": DAY, "hour": HOUR, "batch_id": "strange b"},
    {**FLOW, "batch_id": "strange c", "srcaddr": "2001:db8::1", "dstaddr": "2001:db8::2", "src_tags": TAGS},
    {**FLOW, "batch_id": "strange d", "reporter": "hop", "interface_id": None, "tgw_id": "tgw-1", "version": 6,
     "resource_type": "TransitGateway", "reporter_resource_type": "transit_gateway"},
]  # fmt: skip
WORDS = {"strange a": "NODATA", "strange b": "reporter not known", "strange c": "counted", "strange d": "hop"}
OWN_TAG = Rules({**DEFAULT_PROMOTED_TAGS, "cost_center": ("cost-center",)})


@pytest.fixture(scope="module")
def topologies(spark, tmp_path_factory):
    """(counted by hand, raw sums by DuckDB, lake compacted by Spark, results, rows in): writes take long, so few."""
    lake = tmp_path_factory.mktemp("topologies")
    rows, counted = all_topologies()
    own = COPIES + STRANGE
    write_lake(lake, rows + own)
    for path in written(lake, "flow_logs"):
        # As the function writes them: no counts_as, tags of one's own; and one column that is not there yet.
        raw = pq.ParquetFile(path).read().drop_columns(["counts_as", "traffic_path"])
        ids = pa.array([f"cost of {name}" for name in raw["batch_id"].to_pylist()])
        pq.write_table(raw.append_column("src_cost_center", ids).append_column("dst_cost_center", ids), path)
    with Lake(lake) as raw:
        sums = raw.run(SUMS).rows
    counted |= {row["batch_id"]: row["bytes"] for row in own if (KEPT | WORDS).get(row["batch_id"]) == "counted"}
    return counted, sums, lake, compact(spark, lake, OWN_TAG), len(rows + own)


# Without the hour of COPIES: among raw rows hops are never compared, nor extra fields.
SUMS = """SELECT flow_hour, counts_as, reporter, src_az_id, dst_az_id, traffic_class, action, charge, gateway_charge,
    sum(flows), sum(packets), sum(bytes), day, hour FROM flows_hourly WHERE counts_as <> 'second record'
    AND day || hour <> '2026-03-0110'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14"""


def test_what_counts_in_compacted_hours_is_what_the_topologies_say(topologies):
    """Read by DuckDB through the views, and straight by counts_as: the ids and bytes written by hand."""
    counted, _, lake, _, _ = topologies
    with Lake(lake) as compacted:
        once = compacted.run("SELECT batch_id, bytes FROM flows_once").rows
        marked = compacted.run("SELECT batch_id, bytes FROM flow_logs WHERE counts_as = 'counted'").rows
    assert Counter(once) == Counter(marked) == Counter(counted.items())


def test_every_row_is_there_once_and_says_how_it_counts(topologies):
    """Rows in, less the copies, are rows out; each with one of the six words."""
    _, _, lake, results, number = topologies
    rows = rows_of(lake)
    assert sum(result.rows for result in results.values()) == len(rows)
    assert sum(result.rows + result.dropped for result in results.values()) == number
    words = {"counted", "second record", "hop", "reporter not known", "NODATA", "SKIPDATA"}
    assert {row["counts_as"] for row in rows} == words


def test_sums_that_spark_wrote_are_those_of_the_raw_rows(topologies):
    """flows_hourly as Spark wrote it beside the rows equals DuckDB's of the raw lake, copies aside."""
    _, raw, lake, _, _ = topologies
    assert len(written(lake, "flows_hourly")) == len(written(lake))
    with Lake(lake) as compacted:
        assert Counter(compacted.run(SUMS).rows) == Counter(raw)
        own = compacted.run("SELECT counts_as, count(*), sum(bytes) FROM flow_logs GROUP BY 1 ORDER BY 1").rows
        sums = compacted.run("SELECT counts_as, sum(flows), sum(bytes) FROM flows_hourly GROUP BY 1 ORDER BY 1").rows
    assert [(word, flows, size or 0) for word, flows, size in own] == list(sums)


def test_files_have_the_glue_table_s_types(topologies):
    """By name and in order; timestamps of milliseconds (Athena's), zstd, statistics for what a question filters by."""
    _, _, lake, _, _ = topologies
    file = pq.ParquetFile(written(lake)[0])
    expected = arrow_schema(compacted_columns(("cost_center",)))
    found = {field.name: field.type for field in file.schema_arrow}
    assert list(found) == expected.names
    assert found.pop("arrived_at") in (pa.timestamp("ms"), pa.timestamp("ms", "UTC"))
    assert all(str(kind) == str(expected.field(name).type) for name, kind in found.items() if "map" not in str(kind))
    group = file.metadata.row_group(0)
    leaves = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert leaves["arrived_at"].physical_type == "INT64"
    assert leaves["bytes"].compression == "ZSTD"
    assert all(leaves[name].statistics is not None for name in ("traffic_class", "counts_as", "src_az_id", "start"))
    sums = pq.ParquetFile(written(lake, "flows_hourly")[0]).schema_arrow
    assert {f.name: f.type for f in sums} == {column.name: column.type for column in hourly_columns()}


def test_what_two_ends_said_stands_together(topologies):
    """Behind what questions leave rows out by: both ends as the packet had them, the recorder, ports, time."""
    _, _, lake, _, _ = topologies
    for file in written(lake):
        rows = pq.read_table(file, partitioning=None).to_pylist()
        keys = [
            [
                *(row[name] for name in ("traffic_class", "counts_as", "src_az_id", "dst_az_id")),
                row["pkt_srcaddr"] or row["srcaddr"],
                row["pkt_dstaddr"] or row["dstaddr"],
                *(row[name] for name in ("interface_id", "srcport", "dstport", "start")),
            ]
            for row in rows
        ]
        # Spark sorts nulls first.
        assert keys == sorted(keys, key=lambda key: [(word is not None, word) for word in key])


def test_words_have_a_dictionary_and_numbers_have_none(spark, tmp_path):
    """Codes would hide from the compressor that numbers resemble those before them."""
    rows = spark.range(50_000).selectExpr("'OK' AS log_status", "id % 3 AS packets", "1763632800 AS start")
    spark_hour.write(rows.repartition(1), str(tmp_path / "words"))
    (file,) = (tmp_path / "words").glob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    leaves = [group.column(n) for n in range(group.num_columns)]
    coded = {leaf.path_in_schema for leaf in leaves if any("DICTIONARY" in word for word in leaf.encodings)}
    assert coded == {"log_status"}


def test_copies_go_with_all_their_columns_equal_and_no_others(topologies):
    """Equal in AWS's columns and extra fields: the smallest batch stays. Else, or without ports, both do."""
    _, _, lake, results, _ = topologies
    found = {row["batch_id"]: row for row in rows_of(lake) if row["batch_id"].startswith("copies")}
    assert {name: row["counts_as"] for name, row in found.items()} == KEPT
    assert found["copies a"]["src_project"] == "first"
    # Three here, and three of delivered_twice.
    assert sum(result.dropped for result in results.values()) == 3 + 3


def test_strange_rows_pass_as_they_came(topologies):
    """No addresses, hops, IPv6, transit gateways, hostile maps, tags of one's own, a column too few: to the letter."""
    _, _, lake, _, _ = topologies
    names = [column.name for column in compacted_columns(("cost_center",))]
    found = {row["batch_id"]: row for row in rows_of(lake) if row["batch_id"] in WORDS}
    for given in STRANGE:
        name = given["batch_id"]
        told = {key: value for key, value in given.items() if key not in ("day", "hour")}
        own = {"src_cost_center": f"cost of {name}", "dst_cost_center": f"cost of {name}", "counts_as": WORDS[name]}
        assert found[name] == dict.fromkeys(names) | told | own


def test_a_large_hour_is_in_files_that_questions_leave_out(spark, tmp_path, monkeypatch):
    """What counts and crosses, what sorts after that, what sorts before, and the rest: two slices of time each."""
    monkeypatch.setattr(spark_hour, "ROWS_OF_A_LARGE_HOUR", 1)
    monkeypatch.setattr(spark_hour, "ROWS_A_SLICE", 8)
    answer = {"reporter": "dst", "interface_id": "eni-b", "dst_interface_id": "eni-b"}
    rows = [
        {**FLOW, **told, "srcport": port, "start": FLOW["start"] + away, "end": FLOW["end"] + away, "traffic_class": of}
        for port, of in enumerate(["aws_service", "cross_az", "same_az", None])
        for away in (0, 1900)
        for told in ({}, answer)
    ]
    lake = write_lake(tmp_path, [*rows, {**STRANGE[0], "start": FLOW["start"], "end": FLOW["end"]}])
    ((result,),) = [compact(spark, lake).values()]

    assert (result.rows, result.dropped) == (len(rows) + 1, 0)
    files = [pq.ParquetFile(path).read().to_pylist() for path in written(lake)]
    assert sum(map(len, files)) == result.rows
    kinds = [{(_kind(row), row["start"] % 3600 // 1800) for row in file} for file in files]
    assert sorted(map(len, kinds)) == [1] * 8
    assert set.union(*kinds) == {(kind, half) for kind in ("crosses", "after", "before", "rest") for half in (0, 1)}


def _kind(row: dict[str, object]) -> str:
    """Of which of the four files a row is."""
    if row["counts_as"] == "second record":
        return "rest"
    order = {"aws_service": "before", "cross_az": "crosses", "same_az": "after"}
    return order.get(str(row["traffic_class"]), "before")


def test_an_empty_hour_and_the_previous_generation_can_be_written(spark, tmp_path):
    """No objects make empty tables; a generation is compacted again, with what came late, by today's neighbours."""
    partition = Partition(REGION, DAY, HOUR)
    writer = SparkHourWriter(spark, None, Rules(), 0.0)
    empty = HourJob(partition, (), (), f"file://{tmp_path}/none", f"file://{tmp_path}/no-sums")
    assert writer.write(empty) == HourResult(0, 0, 0, 0, 0)

    answer = {**FLOW, "batch_id": "answer", "reporter": "dst", "interface_id": "eni-b"}
    lake = write_lake(tmp_path / "first", [answer])
    compact(spark, lake)
    assert [row["counts_as"] for row in rows_of(lake)] == ["counted"]
    late = write_lake(tmp_path / "late", [{**answer, "batch_id": "again"}])
    beside = write_lake(tmp_path / "beside", [{**FLOW, "hour": "11", "srcport": 1, "batch_id": "source"}])
    old, new = written(lake)[0].parent, next((late / "flow_logs").rglob("*.parquet"))
    neighbour = next((beside / "flow_logs").rglob("*.parquet"))
    target = tmp_path / "second"
    uris = (f"file://{old}", f"file://{new}"), (f"file://{neighbour}",)
    result = writer.write(HourJob(partition, *uris, f"file://{target}/rows", f"file://{target}/sums"))

    assert (result.rows, result.dropped) == (1, 1)
    ((row),) = [row for path in target.glob("rows/*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    assert (row["batch_id"], row["counts_as"]) == ("again", "second record")
