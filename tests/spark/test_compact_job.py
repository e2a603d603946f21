"""The compaction job as Glue runs it: its own main on real Spark, the stand-in cloud's S3, Glue and CloudWatch.

Between Spark and S3 stands a directory, because the s3a connector is no part of pyspark: that alone is not run here.
"""

import gc
import json
import runpy
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from athena_lake import REGION, write_lake
from cloud_lake import CloudLake
from lakes import CREDENTIALS, use

from compaction.hour import HourJob, HourResult, HourWriter
from compaction.layout import HOUR_S, hour_of, manifest_key
from compaction.manifest import Manifest
from workbench.athena.engine import Lake
from workbench.cloud import LocalCloud

GLUE = Path(__file__).parents[2] / "glue" / "compact.py"
NOW = time.time()
HOUR, NEXT = (hour_of(REGION, NOW - hours * HOUR_S) for hours in (6, 5))


class ThroughFiles:
    """A writer that finds the bucket's objects in a directory, and whose folders are put into the bucket."""

    def __init__(self, writer: HourWriter, lake: CloudLake, directory: Path) -> None:
        self._writer, self._lake, self._directory = writer, lake, directory

    def write(self, job: HourJob) -> HourResult:
        """As the writer."""
        rows, neighbours = self._fetched(job.rows), self._fetched(job.neighbours)
        places = [self._path(uri) for uri in (job.location, job.hourly_location)]
        result = self._writer.write(HourJob(job.partition, rows, neighbours, *(f"file://{place}/" for place in places)))
        for file in (file for place in places for file in place.rglob("*") if file.is_file()):
            self._lake.put(file.relative_to(self._directory).as_posix(), file.read_bytes())
        return result

    def _fetched(self, uris: Iterable[str]) -> tuple[str, ...]:
        for uri in uris:
            for stored in self._lake.objects.listed(self._key(uri)):
                file = self._directory / stored.key
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self._lake.objects.get(stored.key)[0])
        return tuple(f"file://{self._path(uri)}" for uri in uris)

    def _key(self, uri: str) -> str:
        assert uri.startswith(f"s3a://{self._lake.bucket}/")
        return uri.removeprefix(f"s3a://{self._lake.bucket}/")

    def _path(self, uri: str) -> Path:
        return self._directory / self._key(uri)


@pytest.fixture
def lake(monkeypatch, tmp_path):
    """Two hours: a flow that both ends recorded, each in another object and hour, and a copy of the first record."""
    with LocalCloud() as cloud:
        use(cloud, monkeypatch)
        monkeypatch.setenv("AWS_DEFAULT_REGION", cloud.region)
        found = CloudLake(cloud)
        found.metrics, found.endpoint = cloud.client("cloudwatch"), cloud.endpoint
        sent = {**flow("src", "eni-a"), "day": HOUR.day, "hour": HOUR.hour}
        got = {**flow("dst", "eni-b"), "day": NEXT.day, "hour": NEXT.hour}
        for number, rows in enumerate(([{**sent, "batch_id": "b1"}], [{**sent, "batch_id": "b2"}, got])):
            upload(found, write_lake(tmp_path / f"made-{number}", rows), f"{number}")
        yield found


def flow(reporter: str, interface_id: str) -> dict[str, object]:
    """A record of the one flow, by one of its ends."""
    told = {"version": 5, "interface_id": interface_id, "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2", "protocol": 6}
    told |= {"srcport": 4000, "dstport": 443, "packets": 3, "bytes": 700, "start": int(NOW), "end": int(NOW) + 60}
    told |= {"action": "ACCEPT", "log_status": "OK", "reporter": reporter, "traffic_class": "cross_az"}
    told |= {"src_interface_id": "eni-a", "dst_interface_id": "eni-b", "src_az_id": "use1-az1", "dst_az_id": "use1-az2"}
    return told | {
        "src_status": "resolved",
        "dst_status": "resolved",
        "src_evidence": "record",
        "dst_evidence": "snapshot",
    }


def upload(lake: CloudLake, directory: Path, name: str) -> None:
    """The files of a directory as raw objects with names of their own."""
    for file in sorted((directory / "flow_logs").rglob("*.parquet")):
        key = file.relative_to(directory).as_posix().replace(file.name, f"{name}-{file.name}")
        lake.put(key, file.read_bytes())


def download(lake: CloudLake, directory: Path) -> Path:
    """The bucket as a local lake."""
    for key in (*lake.keys("flow"), *lake.keys("compaction/")):
        file = directory / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lake.objects.get(key)[0])
    return directory


def test_the_job_compacts_registers_counts_and_tells(spark, lake, tmp_path, capsys):
    """Copies go, the flow counts once, sums agree with rows, the catalog shows it; then there is nothing to do."""
    spark.sparkContext.environment.update(CREDENTIALS)
    main = runpy.run_path(str(GLUE))["main"]
    arguments = ["--JOB_NAME", "compact", "--lake_bucket", lake.bucket, "--database", lake.database]
    arguments += ["--service", "flows-compact", "--aws_region", "us-east-1", "--endpoint_url", lake.endpoint]
    arguments += ["--inventory_uri", f"s3://{lake.bucket}/inventory/pointer.json"]

    def run() -> dict[str, object]:
        capsys.readouterr()
        code = main(arguments, lambda writer: ThroughFiles(writer, lake, tmp_path / "mirror"))
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert code == 0, told["failures"]
        return told

    first, again = run(), run()
    gc.collect()

    assert {path: (made["rows"], made["dropped"]) for path, made in first["compacted"].items()} == {
        HOUR.path: (1, 1),
        NEXT.path: (1, 0),
    }
    assert (first["missing"], again["compacted"], again["mended"], again["missing"]) == (2, {}, 0, 0)
    for partition in (HOUR, NEXT):
        manifest = Manifest.from_json(lake.objects.get(manifest_key(partition))[0], partition)
        assert lake.catalog.find("flow_logs", partition).location == manifest.location
        assert lake.catalog.find("flows_hourly", partition).location == manifest.hourly_location
        assert manifest.snapshot is None
    with Lake(download(lake, tmp_path / "lake")) as queried:
        rows = queried.run("SELECT hour, batch_id, counts_as, bytes FROM flow_logs ORDER BY day, hour").rows
        sums = queried.run("SELECT hour, counts_as, flows, bytes FROM flows_hourly ORDER BY day, hour").rows
    assert rows == ((HOUR.hour, "b1", "counted", 700), (NEXT.hour, None, "second record", 700))
    assert sums == ((HOUR.hour, "counted", 1, 700), (NEXT.hour, "second record", 1, 700))
    told = lake.metrics.list_metrics(Namespace="VpcFlowLogEnrichment")["Metrics"]
    assert {(one["MetricName"], one["Dimensions"][0]["Value"]) for one in told} == {
        (name, "flows-compact")
        for name in (
            "CompactionHoursBehind",
            "CompactionFailures",
            "HoursCompacted",
            "PartitionsMended",
            "PartitionsMissing",
        )
    }
