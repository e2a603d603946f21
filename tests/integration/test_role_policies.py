"""Each component's role against the calls that it makes: all are allowed, and what more is allowed has a reason."""

import os
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import reduce
from importlib import import_module
from typing import Any, Final

import botocore.session
import pytest
from integration.refresher_bench import Clock
from recorded import scenarios
from recorded.actions import PLACE, table
from recorded.calls import ENTRY_POINTS, Call, component_of
from recorded.plugin import RECORDER
from recorded.verdict import READER, ROLES, deployed, grants, refusals, requests, used
from static.deployed import Deployed

from workbench.cloud.policies import is_allowed

# What roles allow beyond the calls of their own code, and why: component → (actions, resource) → reason. A line that
# covers nothing any more fails the test, as does a right without a line.
_RUNTIME: Final = {
    ("logs:CreateLogStream logs:PutLogEvents", "*"): "what Lambda or Glue runs in writes the log",
    ("kms:Decrypt kms:GenerateDataKey", "*"): "S3 uses the bucket's key for whoever reads or writes",
}
_TRACED: Final = {("xray:PutTelemetryRecords xray:PutTraceSegments", "*"): "Lambda's X-Ray daemon sends traces"}
_SPARK: Final = "Spark's own S3 client, in the JVM, looks for the bucket, reads rows and writes generations"
BEYOND: Final = {
    "transform": _RUNTIME
    | _TRACED
    | {("s3:ListBucket", "*"): "without it S3 answers 403 for an inventory that is not there yet, not 404"},
    "refresher": _RUNTIME | _TRACED,
    "deployment": _RUNTIME
    | _TRACED
    | {
        ("athena:StopQueryExecution", "*"): "a view that takes too long is stopped; the stand-in's never do",
        (
            "glue:CreateTable glue:GetDatabase glue:GetTable glue:GetTables glue:UpdateTable",
            "*",
        ): "Athena keeps views in the catalog, with its caller's rights",
        (
            "s3:AbortMultipartUpload s3:GetObject s3:ListMultipartUploadParts s3:PutObject",
            "*/athena-results/*",
        ): "Athena writes its results with its caller's rights",
        ("s3:GetBucketLocation s3:ListBucket s3:ListBucketMultipartUploads", "*"): "the same: it looks for the bucket",
    },
    "compaction": _RUNTIME
    | {
        ("s3:GetObject", "*/flow_logs/*"): _SPARK,
        ("s3:GetObject", "*/backfill/*"): _SPARK,
        ("s3:AbortMultipartUpload s3:GetObject s3:PutObject", "*/flow_logs_compacted/*"): _SPARK,
        ("s3:AbortMultipartUpload s3:GetObject s3:PutObject", "*/flows_hourly/*"): _SPARK,
        ("s3:GetBucketLocation", "*"): _SPARK,
        ("s3:GetObject", "*/code/*"): "Glue fetches the job's code",
    },
    "backfill": _RUNTIME
    | {
        ("s3:GetBucketLocation", "*"): _SPARK,
        ("s3:GetObject", "*/code/*"): "Glue fetches the job's code",
    },
    "crawler": {
        ("kms:Decrypt kms:GenerateDataKey", "*"): _RUNTIME["kms:Decrypt kms:GenerateDataKey", "*"],
        ("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents", "*"): "crawlers make and write their log",
        (
            "glue:BatchGetPartition glue:CreatePartition glue:GetDatabase glue:GetPartition glue:GetTables",
            "*",
        ): "Glue's managed policy for crawlers lists them; the stand-in needs fewer",
        ("s3:GetBucketLocation s3:GetObject", "*"): "a real crawler looks for the bucket and reads footers",
    },
    "operator": {},
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Everything that the components call in their scenarios."""
    clock = Clock()
    with RECORDER.only() as found:
        cloud = scenarios.make_cloud(clock)
        try:
            scenarios.refresh(cloud, clock)
            scenarios.compact(cloud, RECORDER)
            scenarios.transform(cloud, clock)
            scenarios.publish(cloud, tmp_path_factory.mktemp("bundle"))
            scenarios.backfill(cloud, RECORDER)
            scenarios.register(cloud)
            with pytest.MonkeyPatch.context() as patch:
                scenarios.operate(cloud, patch)
        finally:
            cloud.__exit__(None, None, None)
        yield frozenset(found)


def test_roles_allow_what_their_components_call(calls):
    """Action, resource and conditions of every recorded call, the bucket's own refusals included."""
    assert {call.component for call in calls} == set(ROLES)
    assert [call for call in calls for resource in call.resources if deployed(call.component, resource) is None] == []
    assert refusals(calls) == []


@pytest.mark.parametrize("component", ROLES)
def test_what_a_role_allows_beyond_its_component_s_calls_has_a_reason(component, calls):
    """Every right that no call needed stands in BEYOND, and BEYOND has no line too many."""
    unused = grants(component) - used(component, calls)
    reasons = {(action, resource) for actions, resource in BEYOND[component] for action in actions.split()}
    covered = {
        (action, resource): [reason for reason in reasons if reason[0] == action and fnmatchcase(resource, reason[1])]
        for action, resource in unused
    }
    assert [right for right, found in sorted(covered.items()) if not found] == []
    assert reasons == {reason for found in covered.values() for reason in found}


def test_role_in_another_account_allows_what_the_refresher_reads_there(calls):
    """The same reads, with the same conditions, through the role of member-account.yaml."""
    account = {"RefreshRoleArn": "arn:aws:iam::111122223333:role/flows-RefreshRole", "ExternalId": "vpcflow-7"}
    template = Deployed("member-account.yaml", account)
    (role,) = (
        role for role in template.of_type("AWS::IAM::Role").values() if role["Policies"][0]["PolicyName"] != "delivery"
    )
    statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    asked = [
        request
        for call in calls
        if call.component == "refresher" and call.service not in ("s3", "glue", "sts")
        for request in requests(call)
    ]
    assert len({request.action for request in asked}) > 10
    assert [request for request in asked if not is_allowed(statements, request)] == []


@pytest.mark.parametrize(
    ("component", "service", "operation", "resource", "action", "context"),
    [
        ("transform", "s3", "PutObject", "arn:aws:s3:::a-lake/inventory/pointer.json", "s3:PutObject", {}),
        ("transform", "s3", "GetObject", "arn:aws:s3:::a-lake/flow_logs/x.parquet", "s3:GetObject", {}),
        ("transform", "s3", "DeleteObject", "arn:aws:s3:::a-lake/flow_logs/x.parquet", "s3:DeleteObject", {}),
        # The bucket's own policy: nothing below flow_logs/ is written over.
        (
            "transform",
            "s3",
            "PutObject",
            "arn:aws:s3:::a-lake/flow_logs/x.parquet",
            "s3:PutObject",
            {"s3:ObjectCreationOperation": "true"},
        ),
        ("refresher", "s3", "DeleteObject", "arn:aws:s3:::a-lake/inventory/pointer.json", "s3:DeleteObject", {}),
        ("transform", "sts", "AssumeRole", READER, "sts:AssumeRole", {}),
        ("compaction", "cloudwatch", "PutMetricData", "*", "cloudwatch:PutMetricData", {"cloudwatch:namespace": "X"}),
        ("transform", "ec2", "RunInstances", "*", "ec2:RunInstances", {}),
    ],
)
def test_a_call_that_is_not_allowed_is_named(component, service, operation, resource, action, context):
    """Another prefix, another role, another namespace, without the condition: one line each, with role and action."""
    (line,) = refusals([Call(component, service, operation, (action,), (resource,), tuple(context.items()))])
    assert line.startswith(f"{component}: {service} {operation}: {ROLES[component][1]} does not allow {action} on ")


def test_a_call_that_the_table_does_not_know_is_named():
    """Somebody has to look up what it needs."""
    (line,) = refusals([Call("transform", "s3", "GetObjectTorrent", (), (), ())])
    assert line == "transform: s3 GetObjectTorrent: tests/data/iam/calls.yaml does not say which actions it needs"


RUN: Final = """
import boto3, pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from recorded.plugin import RECORDER

@pytest.mark.parametrize("key", ["inventory/pointer.json", "flow_logs/x.parquet"])
def test_a_component_reads(key):
    config = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3 = boto3.client("s3", "eu-west-1", endpoint_url="http://127.0.0.1:9", config=config, **keys)
    with RECORDER.acting_as("transform"), pytest.raises(EndpointConnectionError):
        s3.get_object(Bucket="lake", Key=key)
"""


@pytest.mark.parametrize(("options", "exit_code"), [(("-n2",), 1), (("-n0", "-k", "pointer"), 0)])
def test_a_run_fails_on_a_call_that_no_role_allows(tmp_path, options, exit_code):
    """All tests pass, and a worker's call is not allowed; a run of some tests judges what those called."""
    (tmp_path / "test_run.py").write_text(RUN, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "recorded.plugin", "-p", "no:cacheprovider", *options]

    ran = subprocess.run(  # noqa: S603 - this interpreter, a program from this file
        [*command, "test_run.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert " passed" in ran.stdout
    assert "failed" not in ran.stdout
    assert ran.returncode == exit_code
    refused = (
        "transform: s3 GetObject: TransformRole does not allow s3:GetObject on arn:aws:s3:::a-lake/flow_logs/x.parquet"
    )
    assert (refused in ran.stdout.splitlines()) == bool(exit_code)


def test_entry_points_are_functions_of_ours():
    """A function that was renamed would silently record nothing."""
    for module, name in ENTRY_POINTS:
        if module.startswith("glue."):
            assert callable(_main_of(module))
        else:
            found = reduce(getattr, name.split("."), import_module(module))
            assert (found.__module__, found.__code__.co_qualname) == (module, name)
    assert set(ENTRY_POINTS.values()) == set(ROLES)
    assert component_of(None) is None


def _main_of(module: str) -> Any:
    """A Glue job's main, without pyspark, which a machine may lack: compiled, not imported."""
    source = (scenarios.ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    code = compile(source, module, "exec")
    (main,) = [each for each in code.co_consts if getattr(each, "co_qualname", "") == "main"]
    return main.replace


def test_table_speaks_of_operations_and_parameters_that_exist():
    """Every operation, and every parameter that its resources and conditions are filled from, is in AWS's model."""
    session = botocore.session.get_session()
    for service, told in table().items():
        model = session.get_service_model(service)
        assert told["source"].startswith("list_")
        for operation, entry in told["calls"].items():
            shape = model.operation_model(operation).input_shape
            for text in (*entry["resources"], *entry.get("context", {}).values()):
                for place in PLACE.findall(text):
                    if place not in ("region", "account"):
                        _assert_member(shape, place.split("."))
            assert all(action.partition(":")[2] for action in entry["actions"])


def _assert_member(shape: Any, path: list[str]) -> None:
    for name in path:
        while shape.type_name == "list":
            shape = shape.member
        assert name in shape.members
        shape = shape.members[name]
