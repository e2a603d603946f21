"""Faults of workgroup, views and alarms."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from static.deployed import STACK

from doctored.cloud import DeployedCloud
from doctored.names import BUCKET, DATABASE, TOPIC
from doctored.planting import backend, fault
from workbench.doctor.views import expected_views


@contextmanager
def work_group(deployed: DeployedCloud, **changed: Any) -> Iterator[None]:
    """The workgroup with another configuration."""
    deployed.replace_work_group(**changed)
    yield
    deployed.replace_work_group()


@fault("workgroup-missing", STACK, "broken", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("athena").delete_work_group(WorkGroup=STACK, RecursiveDeleteOption=True)
    yield
    deployed.make_work_group()


@fault("workgroup-disabled", f"--work-group {STACK} --state ENABLED", "broken", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    backend("athena").work_groups[STACK].state = "DISABLED"
    yield
    deployed.replace_work_group()


@fault("workgroup-not-enforced", "EnforceWorkGroupConfiguration=true", "degraded", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with work_group(deployed, EnforceWorkGroupConfiguration=False):
        yield


@fault("workgroup-no-limit", "BytesScannedCutoffPerQuery", "degraded", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with work_group(deployed, BytesScannedCutoffPerQuery=None):
        yield


@fault("workgroup-results", f"s3://{BUCKET}/athena-results/", "degraded", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    encrypted = {"EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    with work_group(deployed, ResultConfiguration={"OutputLocation": "s3://another/", **encrypted}):
        yield


@fault("workgroup-unencrypted", "SSE_S3", "degraded", "athena")
def _(deployed: DeployedCloud) -> Iterator[None]:
    with work_group(deployed, ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/athena-results/"}):
        yield


@fault("views-missing", STACK, "broken", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("glue").delete_table(DatabaseName=DATABASE, Name="flows_once")
    yield
    deployed.make_view("flows_once", expected_views()["flows_once"])


@fault("views-other-version", STACK, "degraded", "glue")
def _(deployed: DeployedCloud) -> Iterator[None]:
    sql = expected_views()["prices"]
    deployed.replace_view("prices", sql.replace("1E-2", "2E-2"))
    yield
    deployed.replace_view("prices", sql)


@fault("alarms-unheard", TOPIC, "degraded", "sns")
def _(deployed: DeployedCloud) -> Iterator[None]:
    sns = deployed.client("sns")
    (told,) = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=told["SubscriptionArn"])
    yield
    deployed.subscribe()


@fault("alarms-muted", f"{STACK}-failed-records", "degraded", "cloudwatch")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.make_alarm(f"{STACK}-failed-records", ActionsEnabled=False)
    yield
    deployed.make_alarm(f"{STACK}-failed-records")


@fault("alarms-missing", STACK, "degraded", "cloudwatch")
def _(deployed: DeployedCloud) -> Iterator[None]:
    deployed.client("cloudwatch").delete_alarms(AlarmNames=[f"{STACK}-failed-records"])
    yield
    deployed.make_alarm(f"{STACK}-failed-records")


@fault("alarm-on", "docs/operating.md", "degraded", "cloudwatch")
def _(deployed: DeployedCloud) -> Iterator[None]:
    change = {"AlarmName": f"{STACK}-failed-records", "StateReason": "1 datapoint"}
    deployed.client("cloudwatch").set_alarm_state(StateValue="ALARM", **change)
    yield
    deployed.client("cloudwatch").set_alarm_state(StateValue="OK", **change)
