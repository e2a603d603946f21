"""The refresher's entry point in a process of its own, and its sessions in other accounts."""

import json
import os
import subprocess
import sys

import pytest
from integration.refresher_bench import (
    EXTERNAL_ID,
    HOME,
    POINTER,
    REGION,
    SHOP,
    STREAM,
    Bench,
    Clock,
    Cloud,
    estate,
    interface,
    make_lake,
    role,
)

from enricher.accounts import SESSION_SECONDS, SPARE_SECONDS, Accounts
from enricher.metrics import REFRESHER_METRICS
from workbench.cloud import FOREVER, Refuse

RUN = """
import json, sys
from types import SimpleNamespace
from enricher.refresher import handler
arn = "arn:aws:lambda:eu-west-1:123456789012:function:stack-refresh"
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 240_000, invoked_function_arn=arn)
for line in sys.stdin:
    print(json.dumps({"answer": handler(json.loads(line), context)}))
"""


@pytest.fixture
def cloud():
    """Two accounts, and the lake."""
    with Cloud(region=REGION) as running:
        running.replace_inventory(estate(HOME, interface(HOME, 1, "10.1.0.4")))
        running.replace_inventory(estate(SHOP, interface(SHOP, 1, "10.2.0.4")), account_id=SHOP)
        running.allow_roles({role(SHOP): EXTERNAL_ID})
        make_lake(running)
        running.reset_calls()
        yield running


def run_handler(cloud, runs, **variables: str):
    """Run the function in a process that knows nothing but its environment variables."""
    environ = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "INVENTORY_URI": POINTER,
        "GLUE_DATABASE": "flows",
        "STREAM_ARN": STREAM,
        "REFRESH_ROLES": role(SHOP),
        "REFRESH_EXTERNAL_ID": EXTERNAL_ID,
        "POWERTOOLS_METRICS_NAMESPACE": "FlowLogs",
        "POWERTOOLS_SERVICE_NAME": "refresh",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONWARNINGS": "error",
    }
    return subprocess.run(  # noqa: S603 - this interpreter, a program from this file
        [sys.executable, "-c", RUN],
        input='{"source": "aws.events"}\n' * runs,
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_entry_point_works_from_its_environment_alone(cloud):
    """Two runs in one environment: both parts, metrics in embedded format with their units, one log line each."""
    done = run_handler(cloud, 2)

    assert (done.returncode, done.stderr) == (0, "")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["answer"] for line in printed if "answer" in line] == [{"parts": 2, "failed": 0}] * 2
    emitted = [line for line in printed if "_aws" in line]
    units = {m["Name"]: m["Unit"] for line in emitted for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {name: unit for name, (unit, _) in REFRESHER_METRICS.items()}
    assert [line["PartsScanned"] for line in emitted] == [[2], [2]]
    assert [line["PartitionsRegistered"] for line in emitted] == [[3], [0]]
    assert [line["message"] for line in printed if "message" in line] == ["inventory refreshed"] * 2
    assert cloud.count("sts", "AssumeRole") == 1


def test_a_run_that_could_not_publish_fails_at_its_end(cloud):
    """The alarm on the function's errors sees it; metrics and the log line are out before."""
    cloud.fail("s3", "PutObject", Refuse("AccessDenied"), times=FOREVER)

    done = run_handler(cloud, 1)

    assert done.returncode != 0
    assert "RefreshError: publishing the inventory failed: AccessDenied" in done.stderr.splitlines()[-1]
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["RefreshFailures"] for line in printed if "_aws" in line] == [[1]]
    assert [line["PartitionsRegistered"] for line in printed if "_aws" in line] == [[3]]


@pytest.mark.parametrize("variable", ["INVENTORY_URI", "GLUE_DATABASE", "POWERTOOLS_METRICS_NAMESPACE"])
def test_a_setting_that_is_missing_ends_the_start(cloud, variable):
    """Nothing is asked of AWS."""
    done = run_handler(cloud, 1, **{variable: ""})
    assert done.returncode != 0
    assert variable in done.stderr.splitlines()[-1]
    assert cloud.calls == ()


def test_a_session_is_kept_until_shortly_before_its_end(cloud):
    """One AssumeRole an hour; clients of a session that ends are made anew with it."""
    clock = Clock()
    accounts = Accounts(Bench(cloud).client, REGION, EXTERNAL_ID, clock)
    target = accounts.target(SHOP, REGION, role(SHOP))
    first = target.client("ec2")
    ends_at = accounts._sessions[role(SHOP)].ends_at  # noqa: SLF001 - moto tells no other way when it ends
    asked = next(call for call in cloud.calls if call.operation == "AssumeRole")
    assert asked.params["DurationSeconds"] == str(SESSION_SECONDS)
    assert asked.params["ExternalId"] == EXTERNAL_ID

    clock.now = ends_at - SPARE_SECONDS - 1
    assert target.client("ec2") is first
    clock.now += 1
    assert target.client("ec2") is not first

    assert cloud.count("sts", "AssumeRole") == 2
    assert first.describe_subnets()["Subnets"][0]["SubnetId"] == "subnet-2"


def test_credentials_are_not_in_what_a_log_would_show(cloud):
    """Neither of the accounts, nor of what is made of them."""
    accounts = Accounts(Bench(cloud).client, REGION, EXTERNAL_ID, Clock())
    target = accounts.target(SHOP, REGION, role(SHOP))
    target.client("ec2")
    secrets = accounts._sessions[role(SHOP)].credentials  # noqa: SLF001 - what must not be shown

    assert len(secrets) == 3
    assert not any(secret in repr((accounts, target)) for secret in secrets.values())


def test_roles_regions_and_accounts_have_clients_of_their_own(cloud):
    """Nothing that one account is asked reaches another."""
    accounts = Accounts(Bench(cloud).client, REGION, EXTERNAL_ID, Clock())
    own = accounts.target(HOME, REGION).client("ec2")
    other = accounts.target(SHOP, REGION, role(SHOP)).client("ec2")
    abroad = accounts.target(SHOP, "us-east-1", role(SHOP)).client("ec2")
    assert [c.describe_subnets()["Subnets"][0]["SubnetId"] for c in (own, other)] == ["subnet-1", "subnet-2"]
    assert abroad.describe_subnets()["Subnets"] == []
    assert cloud.count("sts", "AssumeRole") == 1
