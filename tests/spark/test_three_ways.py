"""The same lines by the function, by the command and by Spark: the same rows, but for what tells of the delivery."""

import gc
import gzip
import io
import json
import runpy
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import vpcflow
from lakes import CREDENTIALS, keys, use
from one_environment import (
    FLOWS_END,
    FLOWS_START,
    INVENTORY,
    LAKE,
    PLENTY,
    SNAPSHOT_KEY,
    make_bench,
    put_snapshot,
    running_cloud,
)

from compaction.hour import HourJob
from compaction.spark_hour import SparkHourWriter
from enricher.inventory import ALWAYS, Inventory
from enricher.inventory_documents import tables_of
from enricher.lake import Partition, to_parquet
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS, arrow_schema, lake_columns
from enricher.settle import settle
from enricher.sources import Source
from workbench.envelopes import event, message_record
from workbench.estate import DEMO, build_estate, generate_traffic

GLUE = Path(__file__).parents[2] / "glue" / "backfill.py"
REGION = "us-east-1"  # the estate's
URI = f"s3://{INVENTORY}/{SNAPSHOT_KEY}"
FOLDER = f"AWSLogs/111122223333/vpcflowlogs/{REGION}/2026/11/18"
FILE = f"{FOLDER}/111122223333_vpcflowlogs_{REGION}_fl-1_20261118T1005Z_a.log.gz"
# Which delivery it was, and what belongs to it: not of the flow.
DELIVERY = {"batch_id", "arrived_at", "inventory_age_s"}
NO_RECORDS = ["9 not a flow log line", "2 111122223333 eni-1 10.0.0.1 10.0.0.2 x 443 6 1 1 1 1 ACCEPT OK"]


@pytest.fixture(scope="module")
def made():
    """An estate and a minute of its traffic: resources of all kinds, gateways, services, the internet, no data."""
    estate = build_estate(DEMO, 3)
    return estate, generate_traffic(estate, 7, FLOWS_START, FLOWS_END - FLOWS_START, 400)


@pytest.fixture(scope="module")
def cloud(made):
    """A running cloud with the estate's inventory as a snapshot, and the lines in a file as AWS delivers them."""
    estate, traffic = made
    with running_cloud() as running, pytest.MonkeyPatch.context() as patch:
        use(running, patch)
        put_snapshot(running, estate.documents())
        body = gzip.compress("\n".join([traffic.header, *traffic.lines, *NO_RECORDS, ""]).encode())
        running.s3.put_object(Bucket=LAKE, Key=f"delivered/{FILE}", Body=body)
        yield running


def in_order(table: pa.Table) -> list[dict[str, object]]:
    """The rows as values, maps with their entries in order, without what tells of the delivery alone."""
    rows = table.drop_columns(sorted(DELIVERY & set(table.column_names))).to_pylist()
    for row in rows:
        row |= {name: sorted(value) for name, value in row.items() if isinstance(value, list)}
    return sorted(rows, key=repr)


def stored(cloud, prefix: str) -> pa.Table:
    """All rows below a prefix of the lake's bucket."""
    bodies = [cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in keys(cloud, prefix)]
    return pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])


def by_the_function(cloud, made, **variables: str) -> tuple[pa.Table, int]:
    """The rows that the handler's environment writes, and how many records it gives back as failed."""
    _, traffic = made
    bench = make_bench(cloud, LOG_FORMAT=traffic.log_format, AWS_REGION=REGION, **variables)
    payloads = [message_record(line) for line in [*traffic.lines, *NO_RECORDS]]
    arn = f"arn:aws:firehose:{REGION}:111122223333:deliverystream/flows"
    told = event(payloads, arn, REGION, "one", first_arrival_ms=round(bench.clock.now * 1000))
    answer = bench.environment.handle(told, PLENTY)
    (key,) = answer.written
    body = cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
    results = [record["result"] for record in answer.response["records"]]
    return pq.read_table(io.BytesIO(body)), results.count("ProcessingFailed")


def test_function_command_and_spark_give_equal_rows(spark, cloud, made, tmp_path, capsys):
    """Resources, subnets, tags, zones, statuses, evidence, class, path, whose side: each of 1,500 rows is equal."""
    spark.sparkContext.environment.update(CREDENTIALS)
    lambda_rows, failed = by_the_function(cloud, made, INVENTORY_URI=URI)
    for key in keys(cloud, "flow_logs/"):
        cloud.s3.delete_object(Bucket=LAKE, Key=key)

    file, lake = tmp_path / Path(FILE).name, tmp_path / "lake"
    file.write_bytes(cloud.s3.get_object(Bucket=LAKE, Key=f"delivered/{FILE}")["Body"].read())
    snapshot = tmp_path / "snapshot.parquet"
    snapshot.write_bytes(cloud.s3.get_object(Bucket=INVENTORY, Key=SNAPSHOT_KEY)["Body"].read())
    ran = vpcflow(capsys)("enrich", file, "--inventory", snapshot, "--region", REGION, "--out", lake)
    assert ran.exit_code == 3  # lines were rejected
    command_rows = pa.concat_tables([pq.ParquetFile(path).read() for path in (lake / "flow_logs").rglob("*.parquet")])

    arguments = ["--JOB_NAME", "b", "--source", f"s3://{LAKE}/delivered/", "--lake_bucket", LAKE, "--database", ""]
    arguments += ["--inventory_uri", URI, "--endpoint_url", cloud.endpoint, "--region", REGION]
    capsys.readouterr()
    runpy.run_path(str(GLUE))["main"](arguments)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    gc.collect()
    spark_rows = stored(cloud, "flow_logs/")

    expected = in_order(lambda_rows)
    assert len(expected) == len(made[1].lines) > 1000
    assert {row["src_status"] for row in expected} == {"resolved", "subnet", "ambiguous", "absent", None}
    assert {row["reporter"] for row in expected} == {"src", "dst", "hop", None}
    assert in_order(command_rows) == expected
    assert in_order(spark_rows) == expected
    assert failed == told["rejected"] == len(NO_RECORDS)
    assert f"{len(NO_RECORDS)} rejected" in ran.out


def test_spark_settles_as_the_core_does(spark, cloud, made, tmp_path):
    """Rows that the function wrote without an inventory, settled by Spark's workers: equal to the core's own call."""
    estate, _ = made
    lambda_rows, _ = by_the_function(cloud, made)
    tables = tables_of(estate.documents(), observed_at=FLOWS_END + 60)
    source, rules = Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot"), Rules(default_region=REGION)
    given = lambda_rows.cast(arrow_schema(lake_columns()))
    expected = settle(given, source, rules, ALWAYS)
    partition = Partition.at(REGION, FLOWS_END * 1000)
    raw = tmp_path / partition.flow_logs_key("one")
    raw.parent.mkdir(parents=True)
    raw.write_bytes(to_parquet(given))
    job = HourJob(partition, (f"file://{raw}",), (), f"file://{tmp_path}/rows", f"file://{tmp_path}/sums")

    result = SparkHourWriter(spark, tables, rules, ALWAYS).write(job)
    gc.collect()

    written = pa.concat_tables([pq.ParquetFile(path).read() for path in (tmp_path / "rows").glob("*.parquet")])
    assert (result.rows, result.dropped) == (given.num_rows, 0)
    assert (result.settled, result.changed, result.withdrawn) == (
        expected.settled,
        expected.changed,
        expected.withdrawn,
    )
    assert result.settled > 500
    names = [column.name for column in lake_columns()]
    assert in_order(written.select(names)) == in_order(expected.rows.select(names))
