"""A lake in the stand-in cloud's Athena as a deployment leaves it: database, workgroup, views; a small demo lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from botocore.config import Config

from workbench.athena.engine import VIEWS, view_files
from workbench.athena.remote_engine import AthenaEngine, Place
from workbench.cli import main
from workbench.cloud import LocalCloud
from workbench.estate.__main__ import main as write_estate

DATABASE, WORK_GROUP = "vpc_flow_logs", "vpc-flow-logs"
# The first call of a service waits for moto to load it.
PATIENT = Config(read_timeout=60)
OPTIONS = ("--engine", "athena", "--database", DATABASE, "--workgroup", WORK_GROUP)
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def demo_lake(directory: Path, flows: int = 300) -> Path:
    """A lake of the demo's estate, as the tutorial makes it."""
    assert write_estate(["--out", str(directory), "--flows", str(flows)]) == 0
    argv = ["enrich", str(directory / "flows.log"), "--inventory", str(directory / "inventory")]
    assert main([*argv, "--out", str(directory / "lake")]) == 0
    return directory / "lake"


@contextmanager
def athena_over(lake: Path) -> Iterator[LocalCloud]:
    """The cloud, its Athena over ``lake``; views are created through the API, in their order."""
    with LocalCloud(lake=lake) as cloud:
        cloud.client("glue", config=PATIENT).create_database(DatabaseInput={"Name": DATABASE})
        make_workgroup(cloud)
        cloud.reset_calls()
        yield cloud


def make_workgroup(cloud: LocalCloud) -> None:
    """The workgroup, and the views, created through the API in their order."""
    client = cloud.client("athena", config=PATIENT)
    client.create_work_group(Name=WORK_GROUP)
    for _, sql in view_files(VIEWS):
        _succeed(client, sql)


def _succeed(client: Any, sql: str) -> None:
    context = {"QueryExecutionContext": {"Database": DATABASE}, "WorkGroup": WORK_GROUP}
    number = client.start_query_execution(QueryString=sql, **context)["QueryExecutionId"]
    while (state := status(client, number)) in ("QUEUED", "RUNNING"):
        shortly(0)
    assert state == "SUCCEEDED"


def status(client: Any, number: str) -> str:
    """State of a query."""
    return str(client.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Status"]["State"])


def shortly(_: float) -> None:
    """A pause between two looks, short because nothing here runs for seconds."""
    Event().wait(0.01)


def engine_of(cloud: LocalCloud, wait: Any = shortly) -> AthenaEngine:
    """An engine on the lake's database."""
    return AthenaEngine(cloud.client("athena", config=PATIENT), Place(DATABASE, WORK_GROUP), wait)
