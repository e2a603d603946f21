"""Faults of the lake's bucket, its catalog, its compaction, and what could not be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from static.deployed import STACK

from compaction.layout import manifest_key
from doctored.cloud import DeployedCloud
from doctored.names import BUCKET, DATABASE, POINTER
from doctored.planting import backend, fault, objects


@fault("bucket-public", f"--bucket {BUCKET}", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("s3").delete_public_access_block(Bucket=BUCKET)
    yield
    deployed.block_public()


@fault("bucket-lifecycle", STACK, "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    s3 = deployed.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    fewer = [rule for rule in rules if rule["ID"] != "rejected"]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": fewer})
    yield
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})


@fault("bucket-policy", STACK, "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.policy.text = str(deployed.policy.text).replace('"Null"', '"Bool"')
    yield
    deployed.set_policy()


@fault("bucket-versions", f"--bucket {BUCKET}", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    s3 = deployed.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@contextmanager
def table(deployed: DeployedCloud, name: str, **changed: Any) -> Iterator[None]:
    """A table with other members."""
    glue = deployed.client("glue")
    (told,) = (
        one["TableInput"]
        for one in deployed.nested["Catalog"].of_type("AWS::Glue::Table").values()
        if one["TableInput"]["Name"] == name
    )
    glue.update_table(DatabaseName=DATABASE, TableInput=told | changed)
    yield
    glue.update_table(DatabaseName=DATABASE, TableInput=told)


@fault("table-columns", STACK, "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    told = deployed.client("glue").get_table(DatabaseName=DATABASE, Name="flow_logs")["Table"]["StorageDescriptor"]
    with table(deployed, "flow_logs", StorageDescriptor=told | {"Columns": told["Columns"][:-1]}):
        yield


@fault("table-location", STACK, "broken", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    told = deployed.client("glue").get_table(DatabaseName=DATABASE, Name="flow_logs")["Table"]["StorageDescriptor"]
    with table(deployed, "flow_logs", StorageDescriptor=told | {"Location": "s3://another/flow_logs/"}):
        yield


@fault("table-projection", "projection", "broken", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with table(deployed, "flow_logs", Parameters={"projection.enabled": "true"}):
        yield


@fault("partitions-missing", f"start-crawler --region eu-west-1 --name {STACK}-partitions", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.unregister(deployed.hour(2))
    yield
    deployed.register(deployed.hour(2))


@fault("partition-gone", f"--job-name {STACK}-compact", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    manifest = deployed.manifest(deployed.hour(9))
    deployed.delete(f"{manifest.location}part-0.parquet")
    yield
    deployed.put(f"{manifest.location}part-0.parquet")


@fault("partition-not-switched", f"--job-name {STACK}-compact", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    hour = deployed.hour(9)
    deployed.switch(hour, "flow_logs", f"flow_logs/{hour.path}/")
    yield
    deployed.switch(hour, "flow_logs", deployed.manifest(hour).location)


@fault("manifest-missing", f"--database-name {DATABASE} --table-name flow_logs", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    hour = deployed.hour(9)
    deployed.delete(manifest_key(hour))
    yield
    deployed.put(manifest_key(hour), deployed.manifest(hour).to_json())


@fault("manifest-unreadable", "docs/operating.md, 'A damaged manifest'", "broken", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    hour = deployed.hour(9)
    deployed.put(manifest_key(hour), b"{}")
    yield
    deployed.put(manifest_key(hour), deployed.manifest(hour).to_json())


@fault("compaction-schedule", f"start-trigger --region eu-west-1 --name {STACK}-compact-hourly", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("glue").stop_trigger(Name=f"{STACK}-compact-hourly")
    yield
    deployed.client("glue").start_trigger(Name=f"{STACK}-compact-hourly")


@fault("compaction-run", f"/aws-glue/{STACK}/output --since 3h", "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("glue").start_job_run(JobName=f"{STACK}-compact")
    job = backend("glue").jobs[f"{STACK}-compact"]
    (run,) = job.job_runs if hasattr(job, "job_runs") else backend("glue").job_runs.values()
    run.status = "FAILED"
    yield
    run.status = "SUCCEEDED"


@fault("compaction-behind", f"--job-name {STACK}-compact", "degraded", "s3", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    hour = deployed.hour(7)
    deployed.register(hour)
    with objects(deployed, **{f"flow_logs/{hour.path}/late.parquet": b"x"}):
        yield
    deployed.unregister(hour)


@fault("compaction-marks", f"--job-name {STACK}-compact", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    key = f"compaction/marked/{deployed.hour(9).path}/late-0a.json"
    with objects(deployed, **{key: b'{"version": 1, "kind": "late"}'}):
        put_at = datetime.fromtimestamp(deployed.now - 5 * 3600, UTC).replace(tzinfo=None)
        backend("s3").buckets[BUCKET].keys[key].last_modified = put_at
        yield


@fault("compaction-mark-damaged", "late-0a.json", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with objects(deployed, **{f"compaction/marked/{deployed.hour(9).path}/late-0a.json": b"{}"}):
        yield


@fault("processing-failed-objects", f"vpcflow replay s3://{BUCKET}/processing-failed/", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    line = b'{"attemptsMade":4,"arrivalTimestamp":1763600000000,"errorCode":"Lambda.FunctionError","rawData":"YQ=="}\n'
    with objects(deployed, **{"processing-failed/day=2026-11-21/hour=10/a.gz": line * 2}):
        yield


@fault("rejected-objects", f"--inventory s3://{BUCKET}/{POINTER} --database {DATABASE}", "degraded", "s3")
def _(deployed: DeployedCloud) -> Iterator[None]:
    line = b'{"arrivalTimestamp":1763600000000,"errorCode":"Enricher.FieldCount","rawData":"YQ=="}\n'
    with objects(deployed, **{"rejected/aws_region=eu-west-1/day=2026-11-21/hour=10/a.jsonl": line}):
        yield
