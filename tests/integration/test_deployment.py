"""The deployment function against the stand-in cloud: each step, each failure, and what CloudFormation is told."""

import io
import json
import logging
import threading
import time
import traceback
from dataclasses import replace
from functools import lru_cache
from typing import Never

import pytest
from athena_lake import write_lake
from stack_that_waits import SIGNATURE, STACK_ID, Stack

from deployment.answer import Sender, require_cloudformation
from deployment.errors import DeploymentError
from deployment.handler import Environment
from deployment.request import read_request
from scripts.artifact.bundle import write_views
from workbench.cloud import FOREVER, LocalCloud, Refuse, Reset

PROPERTIES = {
    "Bucket": "lake",
    "Database": "flows",
    "WorkGroup": "desk",
    "RefreshFunction": "flows-refresh",
    "Version": "arn:aws:lambda:us-east-1:123456789012:function:flows-deployment:7",
}
CODE = {"backfill.py": b"b = 1\n", "compact.py": b"c = 1\n", "code.zip": b"PK" * 50_000}
VERSION = "0.1.0-0123456789ab"
TINY = {
    "prices": "CREATE OR REPLACE VIEW prices AS SELECT 1 AS one",
    "flow_rows": "CREATE OR REPLACE VIEW flow_rows AS SELECT l.srcaddr, p.one FROM flow_logs l CROSS JOIN prices p",
}
SENDER = Sender(check=lambda _: None)


class Refresher:
    """The Lambda service as far as one function goes: who was invoked, and what it answers."""

    def __init__(self, answer=None) -> None:
        self.invoked: list[str] = []
        self.answer = answer or {"Payload": io.BytesIO(b'{"parts": 1, "failed": 0}')}

    def invoke(self, **request: object):
        """Invoked and waited for."""
        assert request["InvocationType"] == "RequestResponse"
        self.invoked.append(str(request["FunctionName"]))
        return self.answer


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with one flow."""
    row = {"day": "2026-11-01", "hour": "10", "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2", "reporter": "src"}
    return write_lake(tmp_path_factory.mktemp("lake"), [row | {"bytes": 42, "action": "ACCEPT", "start": 1793527200}])


class Cloud:
    """A running stand-in, with clients that are made once."""

    def __init__(self, running) -> None:
        self.running = running
        self.client = lru_cache(maxsize=None)(running.client)


@pytest.fixture(scope="module")
def running(lake):
    """A cloud with the lake's bucket, database and workgroup, and Athena over the lake."""
    with LocalCloud(lake=lake) as local:
        local.client("s3").create_bucket(Bucket="lake")
        local.client("glue").create_database(DatabaseInput={"Name": "flows"})
        local.client("athena").create_work_group(Name="desk")
        yield Cloud(local)


@pytest.fixture
def cloud(running):
    """The same with an empty bucket, without faults and calls."""
    running.running.clear_faults()
    for key in keys(running):
        running.client("s3").delete_object(Bucket="lake", Key=key)
    running.running.reset_calls()
    return running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle with two small views."""
    return plant_bundle(tmp_path_factory.mktemp("bundle"), VERSION, CODE)


def plant_bundle(folder, version, code, views=None):
    """Write a bundle into a folder; ``views`` None: two small ones, of which the second reads the first."""
    if views is None:
        (folder / "views").mkdir()
        for name, sql in TINY.items():
            (folder / "views" / f"{name}.sql").write_text(sql)
    (folder / "code").mkdir()
    for name, content in code.items():
        (folder / "code" / name).write_bytes(content)
    manifest = {"version": version, "views": views or list(TINY), "code": sorted(code)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def environment(cloud, bundle, refresher=None, **more: object):
    """The function's environment over the stand-in cloud; of waiting a hundredth is real, for Athena has to work."""
    refresher = refresher or Refresher()
    clock = [0.0]

    def sleep(seconds) -> None:
        clock[0] += seconds
        time.sleep(seconds / 100)

    made = Environment(
        bundle,
        lambda service: refresher if service == "lambda" else cloud.client(service),
        lambda: clock[0],
        sleep,
        SENDER,
    )
    return replace(made, **more)


def deploy(cloud, bundle, kind="Create", refresher=None, remaining_s=600.0, **properties: str):
    """One request from beginning to end; returns what CloudFormation was told."""
    with Stack() as stack:
        event = stack.event(kind, **(PROPERTIES | properties))
        environment(cloud, bundle, refresher).handle(event, remaining_s)
    assert len(stack.answers) == 1
    assert len(stack.bodies[0]) <= 4096
    assert stack.content_types == [""]
    return stack.answers[0]


def keys(cloud):
    """Keys in the lake's bucket."""
    return sorted(found["Key"] for found in cloud.client("s3").list_objects_v2(Bucket="lake").get("Contents", []))


def query(cloud, sql):
    """Rows of a query through the stand-in's Athena."""
    athena = cloud.client("athena")
    number = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": "flows"}, WorkGroup="desk"
    )["QueryExecutionId"]
    while (state := athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Status"])["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        pass
    assert state["State"] == "SUCCEEDED", state
    rows = athena.get_query_results(QueryExecutionId=number)["ResultSet"]["Rows"][1:]
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows]


def test_a_deployment_refreshes_puts_the_code_and_creates_views_that_answer(cloud, tmp_path):
    """All three steps in one request; the views are there for the next query; the ids are CloudFormation's own."""
    views = write_views(tmp_path / "views")
    bundle = plant_bundle(tmp_path, VERSION, CODE, views)
    refresher = Refresher()
    told = deploy(cloud, bundle, refresher=refresher)
    assert refresher.invoked == ["flows-refresh"]
    assert keys(cloud) == [f"code/{VERSION}/{name}" for name in sorted(CODE)]
    assert cloud.client("s3").get_object(Bucket="lake", Key=f"code/{VERSION}/compact.py")["Body"].read() == b"c = 1\n"
    sql = "SELECT charge, bytes FROM flow_costs WHERE day = '2026-11-01'"
    assert query(cloud, sql) == [["not_estimated", "42"]]
    assert told.pop("PhysicalResourceId").endswith("/Deployment")
    assert told == {
        "Status": "SUCCESS",
        "StackId": STACK_ID,
        "RequestId": "unique-id-of-the-request",
        "LogicalResourceId": "Deployment",
        "Data": {"CodePrefix": f"code/{VERSION}/", "Version": VERSION, "Views": str(len(views)), "Refresh": "done"},
    }


def test_the_same_again_changes_nothing(cloud, bundle):
    """A request that is delivered twice, or an update without news, succeeds and leaves the code's objects alone."""
    first = deploy(cloud, bundle)
    before = cloud.client("s3").list_objects_v2(Bucket="lake")["Contents"]
    again = deploy(cloud, bundle)
    assert again == first
    assert cloud.client("s3").list_objects_v2(Bucket="lake")["Contents"] == before
    assert query(cloud, "SELECT srcaddr, one FROM flow_rows") == [["10.0.0.1", "1"]]


def test_code_that_is_there_is_never_written_again(cloud, bundle):
    """Not even with other bytes: a job may be reading it."""
    key = f"code/{VERSION}/compact.py"
    cloud.client("s3").put_object(Bucket="lake", Key=key, Body=b"being read")
    assert deploy(cloud, bundle)["Status"] == "SUCCESS"
    assert cloud.client("s3").get_object(Bucket="lake", Key=key)["Body"].read() == b"being read"


def test_another_version_lies_beside_the_one_before(cloud, bundle, tmp_path):
    """What a job of the older deployment reads stays; the physical id is the one that CloudFormation knows."""
    deploy(cloud, bundle)
    newer = plant_bundle(tmp_path, "0.1.0-ffffffffffff", CODE | {"compact.py": b"c = 2\n"})
    told = deploy(cloud, newer, "Update")
    assert told["Data"]["CodePrefix"] == "code/0.1.0-ffffffffffff/"
    assert told["PhysicalResourceId"] == "as-it-was"
    bodies = {
        prefix: cloud.client("s3").get_object(Bucket="lake", Key=f"code/{prefix}/compact.py")["Body"].read()
        for prefix in (VERSION, "0.1.0-ffffffffffff")
    }
    assert bodies == {VERSION: b"c = 1\n", "0.1.0-ffffffffffff": b"c = 2\n"}


def test_delete_removes_nothing_and_calls_nothing(cloud, bundle):
    """The lake stays, and what reads it; not even the properties have to be whole."""
    deploy(cloud, bundle)
    before = keys(cloud)
    cloud.running.reset_calls()
    assert deploy(cloud, bundle, "Delete", Bucket="")["Status"] == "SUCCESS"
    assert cloud.running.calls == ()
    assert keys(cloud) == before


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "bucket: denied\\nin two lines"}')},
            "failed: bucket: denied in two lines; see the refresher's log",
        ),
        ({"FunctionError": "Unhandled", "Payload": io.BytesIO(b"null")}, "failed: it raised; see the refresher's log"),
    ],
)
def test_a_refresher_that_fails_is_told_and_does_not_fail_the_deployment(cloud, bundle, answer, told):
    """Its schedule tries again in a minute, and the views do not wait for it."""
    document = deploy(cloud, bundle, refresher=Refresher(answer))
    assert document["Status"] == "SUCCESS"
    assert document["Data"]["Refresh"] == told


def test_without_a_refresher_nothing_is_invoked(cloud, bundle):
    """A stack whose inventory is somebody else's."""
    refresher = Refresher()
    assert deploy(cloud, bundle, refresher=refresher, RefreshFunction="")["Data"]["Refresh"] == "none"
    assert refresher.invoked == []


def test_a_put_that_meets_another_is_tried_again(cloud, bundle):
    """S3 answers 409 while another put of the key is under way."""
    cloud.running.fail("s3", "PutObject", Refuse("ConditionalRequestConflict"), times=2)
    assert deploy(cloud, bundle)["Status"] == "SUCCESS"
    assert len(keys(cloud)) == len(CODE)


@pytest.mark.parametrize(
    ("service", "operation", "reason"),
    [
        ("s3", "PutObject", f"code s3://lake/code/{VERSION}/backfill.py: An error occurred (AccessDenied)"),
        ("athena", "StartQueryExecution", "view prices: An error occurred (AccessDenied)"),
        ("athena", "GetQueryExecution", "view prices: An error occurred (AccessDenied)"),
    ],
)
def test_what_aws_refuses_is_told_with_the_step(cloud, bundle, service, operation, reason):
    """The reason names the key or the view, and what AWS said, in one line."""
    cloud.running.fail(service, operation, Refuse("AccessDenied"), times=FOREVER)
    told = deploy(cloud, bundle)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith(reason)
    assert "\n" not in told["Reason"]


def test_a_view_that_athena_fails_is_named_with_athena_s_words(cloud, tmp_path):
    """The views before it are there, those after it are not tried."""
    broken = plant_bundle(tmp_path, VERSION, CODE)
    sql = "CREATE OR REPLACE VIEW flow_rows AS\nSELECT no_such_column FROM flow_logs\n"
    (broken / "views" / "flow_rows.sql").write_text(sql)
    told = deploy(cloud, broken)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("view flow_rows: ")
    assert "no_such_column" in told["Reason"]
    assert cloud.running.count("athena", "StartQueryExecution") == 2


def test_a_database_that_is_not_there_fails_the_deployment(cloud, bundle):
    """Athena says so only when the statement runs."""
    told = deploy(cloud, bundle, Database="elsewhere")
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("view prices: SCHEMA_NOT_FOUND")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Bucket": ""}, "property Bucket: ''"),
        ({"Database": "a-b"}, "property Database: 'a-b'"),
        ({"WorkGroup": "x" * 129}, "property WorkGroup: "),
    ],
)
def test_a_property_that_cannot_be_is_named(cloud, bundle, properties, reason):
    """Before anything is done."""
    told = deploy(cloud, bundle, **properties)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith(reason)
    assert keys(cloud) == []


def test_a_bug_of_ours_is_answered_too(cloud, bundle):
    """Without an answer the stack would hang for an hour; long texts are cut, line ends go."""

    def make_client(_) -> Never:
        raise ZeroDivisionError("a\nbug " + "x" * 5000)

    with Stack() as stack:
        environment(cloud, bundle, make_client=make_client).handle(stack.event(**PROPERTIES), 600)
    assert stack.answers[0]["Status"] == "FAILED"
    assert stack.answers[0]["Reason"].startswith("ZeroDivisionError: a bug xxx")
    assert len(stack.bodies[0]) <= 4096


def test_a_bundle_that_is_not_there_is_told(cloud, tmp_path):
    """A function that was built otherwise than by the recipe."""
    told = deploy(cloud, tmp_path / "nothing")
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("bundle: ")


def test_a_statement_that_does_not_end_is_stopped_in_time(cloud, bundle):
    """Polling ends with the function's time: the query is stopped, the view is named."""

    class Endless:
        """Athena with a query that is always running."""

        stopped: list[str]

        def __init__(self) -> None:
            self.stopped = []

        def start_query_execution(self, **_: object) -> dict[str, str]:
            return {"QueryExecutionId": "q"}

        def get_query_execution(self, **_: object) -> dict[str, object]:
            return {"QueryExecution": {"Status": {"State": "RUNNING"}}}

        def stop_query_execution(self, **request: str) -> None:
            self.stopped.append(request["QueryExecutionId"])

    athena, refresher = Endless(), Refresher()
    clients = {"lambda": refresher, "athena": athena, "s3": cloud.client("s3")}
    with Stack() as stack:
        environment(cloud, bundle, make_client=clients.__getitem__).handle(stack.event(**PROPERTIES), 600)
    assert athena.stopped == ["q"]
    assert stack.answers[0]["Reason"].startswith("view prices: the function's time is over")


def test_whatever_hangs_is_answered_before_the_function_ends(cloud, bundle):
    """A call that never returns: CloudFormation is told once, and what comes back later says nothing more."""
    told = threading.Event()

    class Hangs(Refresher):
        def invoke(self, **request: object) -> dict[str, object]:
            assert told.wait(20)
            return super().invoke(**request)

    class Told(Sender):
        def send(self, url, answer) -> None:
            SENDER.send(url, answer)
            told.set()

    with Stack() as stack:
        hanging = environment(cloud, bundle, Hangs(), sender=Told(), answer_s=0.05)
        answer = hanging.handle(stack.event(**PROPERTIES), 0.2)
    assert [document["Status"] for document in stack.answers] == ["FAILED"]
    assert stack.answers[0]["Reason"] == "deployment: out of time; see the function's log"
    assert answer.status == "FAILED"


def test_an_answer_that_does_not_get_through_is_tried_again(cloud, bundle):
    """Two refusals are survived, three raise, so that Lambda invokes again."""
    with Stack(refuse=2) as stack:
        environment(cloud, bundle).handle(stack.event("Delete"), 600)
    assert [document["Status"] for document in stack.answers] == ["SUCCESS"]
    with Stack(refuse=3) as stack, pytest.raises(DeploymentError, match=r"could not be told \(HTTPError 503\)"):
        environment(cloud, bundle).handle(stack.event("Delete"), 600)


def test_the_signed_address_is_told_nobody(cloud, bundle, caplog):
    """Not in logs, reprs, reasons or tracebacks: who has it can answer in our place."""
    caplog.set_level(logging.DEBUG)
    said = []

    def make_client(_) -> Never:
        raise RuntimeError(f"about {stack.url}")

    with Stack() as stack:
        said.append(repr(read_request(stack.event(**PROPERTIES))))
        environment(cloud, bundle, make_client=make_client).handle(stack.event(**PROPERTIES), 600)
        said.append(stack.answers[0]["Reason"])
        url = stack.url
    for sender, address in ((SENDER, url), (Sender(), url), (SENDER, f"nonsense {url}")):
        broken = environment(cloud, bundle, sender=sender)
        with pytest.raises(DeploymentError) as error:
            broken.handle(stack.event("Delete") | {"ResponseURL": address}, 600)
        said.append("".join(traceback.format_exception(error.value)))
    ours = [record for record in caplog.records if record.name == "deployment"]
    said += [record.getMessage() for record in ours]
    assert len(said) >= 6
    assert [text for text in said if SIGNATURE in text] == []


def test_only_cloudformation_is_answered_in_production(cloud, bundle):
    """The default sender refuses any other address before it sends."""
    with Stack() as stack, pytest.raises(DeploymentError, match="not https to CloudFormation"):
        environment(cloud, bundle, sender=Sender()).handle(stack.event("Delete"), 600)
    assert stack.answers == []


BUCKET = "cloudformation-custom-resource-response-useast1"


@pytest.mark.parametrize(
    "host",
    [
        f"{BUCKET}.s3.amazonaws.com",
        "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com",
        "cloudformation-custom-resource-response-apeast1.s3.ap-east-1.amazonaws.com",
        "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn",
    ],
)
def test_cloudformation_s_own_buckets_are_answered(host):
    """The address as AWS has written it, in every partition."""
    require_cloudformation(f"https://{host}/arn%3Aaws%3Acloudformation?X-Amz-Signature=1")


@pytest.mark.parametrize(
    "address",
    [
        f"http://{BUCKET}.s3.amazonaws.com/",
        "https://169.254.169.254/latest/meta-data/",
        f"https://{BUCKET}.s3.amazonaws.com@elsewhere.example/",
        f"https://{BUCKET}.s3.amazonaws.com.elsewhere.example/",
        f"https://{BUCKET}.s3.amazonaws.com:8443/",
        f"https://elsewhere.example/{BUCKET}.s3.amazonaws.com/",
        "https://lake.s3.amazonaws.com/",
        f"file://{BUCKET}.s3.amazonaws.com/etc/passwd",
        "https://[::1/",
        "",
    ],
)
def test_an_address_elsewhere_is_refused(address):
    """Whoever invokes the function cannot make it talk to a host of their choice, and the refusal names none."""
    with pytest.raises(DeploymentError) as refused:
        require_cloudformation(address)
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize("missing", ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"])
def test_an_event_without_anybody_to_answer_to_raises(cloud, bundle, missing):
    """Whoever invoked it by hand sees why."""
    with Stack() as stack:
        event = {name: value for name, value in stack.event(**PROPERTIES).items() if name != missing}
        with pytest.raises(DeploymentError, match=missing):
            environment(cloud, bundle).handle(event, 600)
    assert stack.answers == []


def test_a_connection_that_breaks_is_told_as_athena_s(cloud, bundle):
    """Connection errors of boto3's own errors are failures of the step, not bugs."""
    cloud.running.fail("athena", "StartQueryExecution", Reset(), times=FOREVER)
    told = deploy(cloud, bundle)
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith("view prices: ")
