"""Each component's work from end to end on the stand-in cloud, with everything that makes it call AWS."""

import io
import time
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import pytest
from delivered import HIVE, name_of, parquet, text
from integration.refresher_bench import (
    BANK,
    EXTERNAL_ID,
    HOME,
    POINTER,
    REGION,
    SHOP,
    Bench,
    Clock,
    Cloud,
    estate,
    interface,
    make_lake,
    role,
)
from lakes import CREDENTIALS
from one_environment import LOG_FORMAT, flow

from compaction.backfill import Backfilled
from compaction.backfill_job import BackfillJob
from compaction.catalog import GlueCatalog
from compaction.enrich_files import Summary
from compaction.figures import NAMESPACE, metric_data
from compaction.hour import HourJob, HourResult
from compaction.known import Told
from compaction.layout import hour_of, raw_folder
from compaction.marks import LATE, REPLACE, Mark, staged_key
from compaction.objects import S3Objects
from compaction.second_look import second_look
from compaction.settings import SweepSettings
from compaction.sweep import Compactor
from deployment.bundle import Bundle
from deployment.deadline import Deadline
from deployment.request import Properties
from deployment.steps import deploy
from enricher.handler import Environment
from enricher.partitions import Partitions
from enricher.refresher_settings import Role
from enricher.settings import Settings
from recorded.calls import Recorder
from workbench.cli import main
from workbench.cloud import Ipam
from workbench.cloud.crawler import crawl
from workbench.cloud.ipam import PRIVATE_SCOPE
from workbench.envelopes import bare_record, event, message_record

ROOT = Path(__file__).resolve().parents[2]
ARN = f"arn:aws:firehose:{REGION}:{HOME}:deliverystream/flow-logs"
OURS = interface(HOME, 1, "10.1.0.4")
HOUR_S = 3600


def make_cloud(clock: Clock) -> Cloud:
    """Our account, one with a role for the refresher, one with an IPAM; the lake, with both its tables."""
    cloud = Cloud(region=REGION, ipam=Ipam(clock, BANK, REGION))
    cloud.__enter__()
    for account in (HOME, SHOP, BANK):
        documents = estate(account, interface(account, 1, f"10.{account[0]}.0.4"))
        cloud.replace_inventory(documents, account_id=account)
    cloud.allow_roles({role(SHOP): EXTERNAL_ID, role(BANK): EXTERNAL_ID})
    make_lake(cloud)
    glue = cloud.client("glue")
    table = glue.get_table(DatabaseName="flows", Name="flow_logs")["Table"]
    told = {name: table[name] for name in ("StorageDescriptor", "PartitionKeys")}
    glue.create_table(DatabaseName="flows", TableInput={"Name": "flows_hourly", **told})
    return cloud


def refresh(cloud: Cloud, clock: Clock) -> None:
    """Another account, the IPAM, a pointer that is not there yet; an hour later an old snapshot to delete."""
    ipam = {"ipam_scopes": (PRIVATE_SCOPE,), "ipam_role": Role(role(BANK), BANK)}
    bench = Bench(cloud, (SHOP,), clock=clock, settings=ipam)
    assert bench.run().failures == ()
    bench.clock.now = time.time() + 2 * HOUR_S
    assert bench.run().counts["SnapshotsDeleted"] == 1


def transform(cloud: Cloud, clock: Clock) -> None:
    """A batch with rows and rejects, once with the inventory and once without any: EC2 is asked for everything."""
    clients = {service: cloud.client(service) for service in ("s3", "ec2")}
    for uri in (POINTER, ""):
        environ = {"LAKE_BUCKET": "lake", "LOG_FORMAT": LOG_FORMAT, "INVENTORY_URI": uri}
        environment = Environment(Settings.from_environ(environ), clock, clients)
        lines = [flow(OURS, "10.1.0.9"), flow(OURS, "10.1.0.10")]
        records = [message_record(lines[0]), bare_record([lines[1], f"bad {uri}"])]
        told = event(records, ARN, REGION, "1", first_arrival_ms=round(clock() * 1000))
        assert len(environment.handle(told, 300.0).written) == 2


def publish(cloud: Cloud, folder: Path) -> None:
    """A deployment: the refresher (which the stand-in refuses to run), the code, a view."""
    code = folder / "code.zip"
    code.write_bytes(b"code")
    properties = Properties("lake", "flows", "primary", "flows-refresh", "1")
    bundle = Bundle("1", (code,), (("one", "CREATE OR REPLACE VIEW one AS SELECT 1"),))
    deploy(properties, bundle, cloud.client, Deadline(time.time() + 60, time.time, lambda _: None))


class Nothing:
    """Writes an hour without rows: what Spark writes, Spark's own client writes."""

    def write(self, job: HourJob) -> HourResult:
        """Nothing."""
        assert job.rows
        return HourResult(0, 0, 0, 0, 0)


def compact(cloud: Cloud, recorder: Recorder) -> None:
    """A raw hour without partition to which more comes, a late one, one that is replaced; later what is left goes."""
    s3, glue, now = cloud.client("s3"), cloud.client("glue"), time.time()
    new, late, replaced = (hour_of(REGION, now - hours * HOUR_S) for hours in (5, 100, 200))
    for partition in (new, late, replaced):
        s3.put_object(Bucket="lake", Key=f"{raw_folder(partition)}a.parquet", Body=b"rows")
    staged = staged_key(replaced, "backfill-1")
    s3.put_object(Bucket="lake", Key=staged, Body=b"rows")
    for partition, mark in ((late, Mark(LATE)), (replaced, Mark(REPLACE, (staged,), ("a.parquet",)))):
        s3.put_object(Bucket="lake", Key=mark.key(partition, "m"), Body=mark.to_json())
    for table in ("flow_logs_compacted", "flows_hourly"):
        orphan = f"{table}/{new.path}/generation-000001-dead/part.parquet"
        s3.put_object(Bucket="lake", Key=orphan, Body=b"rows")
    more = {"two": f"{raw_folder(new)}b.parquet"}
    with recorder.acting_as("compaction"):
        known = second_look(s3, POINTER, Told((), "", ""))
        for run, passed_s in (("one", 60), ("two", 30 * HOUR_S), ("three", 60 * HOUR_S)):
            compactor = Compactor(
                objects=S3Objects(s3, "lake"),
                catalog=GlueCatalog(glue, "flows", "lake", lambda _: None),
                writer=Nothing(),
                clock=partial(float, now + passed_s),
                uri=str,
                run=run,
                settings=SweepSettings(24 * HOUR_S, 72 * HOUR_S),
                snapshot=known.snapshot,
            )
            with recorder.acting_as(None):
                if run in more:
                    s3.put_object(Bucket="lake", Key=more[run], Body=b"rows")
            report = compactor.sweep()
            assert report.failures == []
        cloud.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=metric_data(report, "flows-compact"))
    left = {told["Key"] for told in s3.list_objects_v2(Bucket="lake").get("Contents", [])}
    assert not [key for key in left if key.startswith(("flow_logs/", "flow_logs_compacted/", "flows_hourly/"))]


def backfill(cloud: Cloud, recorder: Recorder) -> None:
    """Delivered files, one with a bad line, into empty hours and to replace them; then the stream's own backup."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="logs", Key=f"{HIVE}/{name_of('20251118T1100', 1)}", Body=text(1, 2))
    s3.put_object(Bucket="logs", Key=f"{HIVE}/{name_of('20251118T1105', 2, 'log.parquet')}", Body=parquet(3))
    s3.put_object(Bucket="logs", Key=f"{HIVE}/bad.log", Body=b"5 not a flow\n")
    s3.put_object(Bucket="lake", Key="source/backup.gz", Body=text(4))
    told = Told([LOG_FORMAT], "", "")
    with recorder.acting_as("backfill"):
        for source, is_replacing in (("logs/AWSLogs/", False), ("logs/AWSLogs/", True), ("lake/source/", False)):
            uri = f"s3://{source}"
            job = BackfillJob(uri, "lake", POINTER, told, cloud.client, region=REGION, is_replacing=is_replacing)
            opened = job.open()
            names = opened.source.names()
            opened.refuse_occupied(job.plan(names))
            done = Backfilled(Summary())
            for file in job.run(names):
                done.take(file)
            opened.finish(done)
            assert done.summary.rows
            assert done.left == []
            if not is_replacing:
                Partitions(cloud.client("glue"), "flows").register_hours(done.written)


def register(cloud: Cloud) -> None:
    """A crawl that finds an hour without partition."""
    folder = raw_folder(hour_of(REGION, time.time() - 300 * HOUR_S))
    cloud.client("s3").put_object(Bucket="lake", Key=f"{folder}a.parquet", Body=b"rows")
    assert crawl(cloud.client("s3"), cloud.client("glue"), "flows", "flow_logs").registered


def operate(cloud: Cloud, patch: pytest.MonkeyPatch) -> None:
    """Replay of what failed and of what was rejected; a backfill into other hours, and one that replaces them."""
    s3 = cloud.client("s3")
    failed = (ROOT / "tests" / "data" / "error_objects" / "processing-failed.jsonl").read_bytes()
    for prefix in ("processing-failed", "rejected"):
        s3.put_object(Bucket="lake", Key=f"{prefix}/one.jsonl", Body=failed + b"no json\n")
    # A year before: hours in which the sweep above, which counts back from now, has put nothing.
    s3.put_object(Bucket="logs", Key=f"more/{name_of('20251117T1100', 3)}", Body=text(5, 6))
    s3.put_object(Bucket="logs", Key="more/bad.log", Body=b"5 not a flow\n")
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": cloud.endpoint}).items():
        patch.setenv(name, value)
    told = ["--inventory", POINTER, "--database", "flows", "--region", REGION]
    for arguments in (
        ["replay", "s3://lake/processing-failed/", "--log-format", "v2", *told],
        ["replay", "s3://lake/rejected/", "--log-format", "v2", *told],
        ["backfill", "s3://logs/more/", "--lake", "s3://lake", "--log-format", LOG_FORMAT, *told],
        ["backfill", "s3://logs/more/", "--lake", "s3://lake", "--log-format", LOG_FORMAT, *told, "--replace"],
    ):
        with redirect_stdout(io.StringIO()) as told_out, redirect_stderr(io.StringIO()) as told_err:
            exit_code = main(arguments)
        assert exit_code in (0, 3), (arguments, told_out.getvalue(), told_err.getvalue())
