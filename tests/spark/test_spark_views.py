"""Views and saved queries on Spark give DuckDB's rows: a second engine reads the same text."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime

import pytest

from compaction import view_sql
from compaction.spark_rows import configured, read_rows, spark_schema
from enricher.lake import Partition
from enricher.schema import compacted_columns
from workbench.athena.engine import HOURLY_DEFINITION, VIEWS, Lake, view_files
from workbench.athena.errors import QueryError
from workbench.athena.saved import get
from workbench.athena.spark import to_spark
from workbench.cli import main
from workbench.demo.run import SEED, START
from workbench.estate import DEMO, build_estate, generate_traffic

# Windows and percentages, a CROSS JOIN of sides, hours as texts, a join of two aggregates, totals beside parts.
QUERIES = ("recording_gaps", "project_costs", "cross_az_over_time", "top_talkers", "unresolved_share")


@pytest.fixture(scope="module")
def lakes(spark, tmp_path_factory):
    """(Spark with every table and view, the same lake in DuckDB) of half an hour of the demo's estate."""
    directory = tmp_path_factory.mktemp("views")
    estate = build_estate(replace(DEMO, unlisted_share=0.0), SEED)
    traffic = generate_traffic(estate, SEED, START, 1800, 300)
    estate.write(directory / "inventory")
    (directory / "flows.log").write_text("\n".join([traffic.header, *traffic.lines]) + "\n")
    lake = directory / "lake"
    told = ["enrich", str(directory / "flows.log"), "--inventory", str(directory / "inventory"), "--out", str(lake)]
    assert main(told) == 0
    (folder,) = (lake / "flow_logs").glob("*/*/*")
    place = Partition(*(part.partition("=")[2] for part in folder.parts[-3:]))
    rows = read_rows(configured(spark), spark_schema(compacted_columns()), [f"file://{folder}"], place)
    rows.cache().createOrReplaceTempView("flow_logs")
    texts = dict(view_files(VIEWS))
    for name in ("prices", "flow_rows", "flows_judged", "flows_once"):
        spark.sql(to_spark(texts[name])).createOrReplaceTempView(name)
    spark.sql(to_spark(HOURLY_DEFINITION.read_text("utf-8"))).cache().createOrReplaceTempView("flows_hourly")
    for name in ("hourly_costs", "flow_costs"):
        spark.sql(to_spark(texts[name])).createOrReplaceTempView(name)
    with Lake(lake) as opened:
        yield spark, opened
    spark.catalog.clearCache()


def exact(value):
    """A value as both engines give it: moments without a zone, doubles to nine places, maps by key."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, 9)
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def rows_of(columns, rows) -> Counter:
    """A multiset of rows, columns by name."""
    order = sorted(range(len(columns)), key=lambda place: columns[place])
    return Counter(tuple(exact(row[place]) for place in order) for row in rows)


@pytest.mark.parametrize("name", ["flow_rows", "flows_once", "flow_costs", "hourly_costs", "flows_hourly"])
def test_a_view_has_the_same_rows_on_both_engines(lakes, name, monkeypatch):
    """Every column of every row."""
    spark, lake = lakes
    monkeypatch.setenv("TZ", "UTC")
    found = spark.table(name).drop("arrived_at")
    names = found.columns
    columns = ", ".join(f'"{column}"' for column in names)
    expected = lake.run(f"SELECT {columns} FROM {name}")  # noqa: S608 - names from this file
    rows = rows_of(names, found.collect())
    assert sum(rows.values()) > 50
    assert rows == rows_of(expected.columns, expected.rows)


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_has_the_same_rows_on_both_engines(lakes, name):
    """In their order, with their defaults."""
    spark, lake = lakes
    query = get(name)
    values = query.bind({})
    found = spark.sql(to_spark(query.sql), args=list(values))
    expected = lake.run(query.sql, values)
    assert tuple(found.columns) == expected.columns
    assert expected.rows
    assert [tuple(map(exact, row)) for row in found.collect()] == [tuple(map(exact, row)) for row in expected.rows]


def test_what_glue_runs_is_what_the_views_say():
    """The committed texts are today's translation, each view after those it reads."""
    texts = dict(view_files(VIEWS))
    assert list(view_sql.VIEWS) == ["flow_rows", "flows_judged", "flows_once"]
    assert {name: to_spark(texts[name]) for name in view_sql.VIEWS} == view_sql.VIEWS
    assert to_spark(HOURLY_DEFINITION.read_text("utf-8")) == view_sql.FLOWS_HOURLY


def test_a_division_that_spark_would_answer_otherwise_is_refused():
    """Whole numbers divide to whole numbers on Athena only."""
    with pytest.raises(QueryError, match="fraction in Spark; use 1e0"):
        to_spark("SELECT f.bytes / f.packets AS size FROM flow_logs AS f")
    assert "/ 1e9" in to_spark("SELECT f.bytes / 1e9 AS gigabytes FROM flow_logs AS f")
