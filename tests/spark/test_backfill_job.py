"""The backfill as Glue runs it, on real Spark against the stand-in cloud: rows equal to the command's, once."""

import gc
import io
import json
import runpy
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import vpcflow
from delivered import PLAIN, deliver, name_of, text
from lakes import CREDENTIALS, keys, ports, use
from one_environment import INVENTORY, LAKE, REGION, SNAPSHOT_KEY, emptied, put_snapshot, running_cloud

from compaction.lake_objects import S3Lake

GLUE = Path(__file__).parents[2] / "glue" / "backfill.py"
SOURCE = f"s3://{LAKE}/delivered/"
URI = f"s3://{INVENTORY}/{SNAPSHOT_KEY}"


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake, an inventory, and a catalog."""
    with running_cloud() as running:
        glue = running.client("glue")
        glue.create_database(DatabaseInput={"Name": "flows"})
        storage = {"Columns": [{"Name": "version", "Type": "int"}], "Location": f"s3://{LAKE}/flow_logs/"}
        names = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
        table = {"Name": "flow_logs", "StorageDescriptor": storage, "PartitionKeys": names}
        glue.create_table(DatabaseName="flows", TableInput=table)
        yield running


@pytest.fixture
def cloud(shared_cloud, monkeypatch, tmp_path):
    """The same with the delivered files alone; the command finds it by the environment."""
    use(shared_cloud, monkeypatch)
    emptied(shared_cloud)
    put_snapshot(shared_cloud)
    files = deliver(tmp_path / "delivered")
    for path in sorted(files.rglob("*.*")):
        key = f"delivered/{path.relative_to(files)}"
        shared_cloud.s3.put_object(Bucket=LAKE, Key=key, Body=path.read_bytes())
    return shared_cloud


@pytest.fixture
def job(spark, cloud, capsys):
    """The job's main, run as Glue runs the file; its exit code and what it told."""
    # Executors were started before this test: what they find in their environment goes with the tasks.
    spark.sparkContext.environment.update(CREDENTIALS)
    main = runpy.run_path(str(GLUE))["main"]

    def run(*more: str) -> tuple[int, dict[str, object]]:
        told = ["--JOB_NAME", "backfill", "--source", SOURCE, "--lake_bucket", LAKE, "--database", "flows"]
        told += ["--inventory_uri", URI, "--endpoint_url", cloud.endpoint, "--region", REGION]
        capsys.readouterr()
        code = main([*told, *more])
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    yield run
    gc.collect()


def lake_rows(cloud, prefix):
    """Every row below a prefix as text, and the objects' names."""
    found = keys(cloud, prefix)
    bodies = (cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in found)
    rows = sorted(repr(row) for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist())
    return rows, [key.removeprefix(prefix) for key in found]


def test_the_job_writes_what_the_command_writes_and_twice_is_one_copy(job, cloud, tmp_path, capsys):
    """The same objects with the same rows, in every column; the second run finds them."""
    code, first = job()
    again, second = job()

    assert (code, again) == (0, 0)
    assert (first["rows"], first["objects"], first["already_there"], first["marks"]) == (6, 3, 0, 2)
    assert first["partitions_registered"] == 2
    assert (second["rows"], second["already_there"], second["marks"]) == (6, 3, 0)
    assert ports(S3Lake(cloud.s3, LAKE)) == dict.fromkeys(range(1, 7), 1)
    assert first["statuses"]["src"] == {"resolved": 6}
    ran = vpcflow(capsys)("backfill", SOURCE, "--lake", tmp_path / "lake", "--inventory", URI)
    assert ran.exit_code == 0
    written, names = lake_rows(cloud, "flow_logs/")
    by_hand = sorted((tmp_path / "lake" / "flow_logs").rglob("*.parquet"))
    assert [path.relative_to(tmp_path / "lake" / "flow_logs").as_posix() for path in by_hand] == names
    assert sorted(repr(row) for path in by_hand for row in pq.ParquetFile(path).read().to_pylist()) == written


def test_a_replacement_is_staged_and_marked_by_the_driver_alone(job, cloud):
    """Nothing in the tables until compaction; nothing at all from a dry run; a damaged file stops the switch."""
    assert job("--replace", "--dry_run", "true")[1]["rows"] == 6
    assert keys(cloud, "backfill/") == keys(cloud, "compaction/") == []

    assert job("--replace", "true")[0] == 0
    assert (len(keys(cloud, "backfill/")), len(keys(cloud, "compaction/marked/"))) == (3, 2)
    assert keys(cloud, "flow_logs/") == []

    cloud.s3.put_object(Bucket=LAKE, Key=f"delivered/{PLAIN}/{name_of('20261118T1015', 7)}", Body=text(7)[:-9])
    code, told = job("--replace", "true")
    assert (code, len(told["left"]), told["marks"]) == (1, 1, 0)
