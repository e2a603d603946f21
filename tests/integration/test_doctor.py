"""`vpcflow doctor` in the stand-in cloud: nothing on a healthy deployment, and each planted fault with its mend."""

import gzip
import io
import json
import re
import time
from typing import Any

import pytest
from athena_lake import write_lake
from command_line import Ran, Vpcflow, vpcflow
from doctored import analysis_faults, function_faults, lake_faults, planting, stream_faults
from doctored.cloud import DeployedCloud, Policy
from doctored.names import BUCKET, DATABASE, REGION
from doctored.planting import FAULTS, Fault
from static.deployed import ACCOUNT, STACK
from static.templates import ROOT

from workbench.cloud import FOREVER, LocalCloud, Refuse
from workbench.cloud.policies import listed
from workbench.doctor.ask import Asker, action_named
from workbench.doctor.report import Report
from workbench.doctor.run import Asked, Wanted, examine, run
from workbench.doctor.stack import Named
from workbench.errors import UsageError

PLANTED = (stream_faults, function_faults, lake_faults, analysis_faults)
NAMES = Named(STACK, f"s3://{BUCKET}", DATABASE, STACK)


class Remembering(Asker):
    """Asks the cloud only services that answer otherwise than on the healthy deployment; others are remembered."""

    def __init__(self, client: Any, answers: dict[str, Any], services: frozenset[str]) -> None:
        super().__init__(client, time.monotonic)
        self.answers, self.services = answers, services

    def call(self, service: str, operation: str, *, region: str | None = None, **parameters: Any) -> Any:
        """As the cloud answers, or as it did."""
        key = f"{service} {operation} {region} {parameters}"
        if service in self.services or key not in self.answers:
            try:
                answer: Any = super().call(service, operation, region=region, **parameters)
            except Exception as error:  # noqa: BLE001 - a refusal is an answer, too
                answer = error
            if "Body" in answer if isinstance(answer, dict) else False:
                answer = {**answer, "Body": answer["Body"].read()}
            if service in self.services:
                return _given(answer)
            self.answers[key] = answer
        return _given(self.answers[key])


def _given(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return {**answer, "Body": io.BytesIO(answer["Body"])} if "Body" in answer else answer


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The deployment, which each test leaves healthy; Athena has one row to query."""
    policy = Policy()
    lake = write_lake(tmp_path_factory.mktemp("lake"), [{"day": "2026-11-21", "hour": "10", "bytes": 1}])
    with LocalCloud(region=REGION, around=policy.around, lake=lake) as cloud:
        yield DeployedCloud(cloud, policy)


@pytest.fixture(scope="module")
def answers(deployed):
    """What the healthy deployment's services answer."""
    found: dict[str, Any] = {}
    asker = Remembering(deployed.client, found, frozenset())
    assert examine(asker, Asked(REGION, STACK), deployed.now)[0].findings == ()
    return found


def look(deployed: DeployedCloud, asked: Asked | None = None) -> Report:
    """What the doctor says."""
    asker = Asker(deployed.client, time.monotonic)
    return examine(asker, asked or Asked(REGION, STACK), deployed.now)[0]


def test_healthy_deployment_has_no_finding(deployed):
    """Neither by its stack's name, nor by names alone, but for what these do not tell; and only reads were asked."""
    deployed.cloud.reset_calls()
    report = look(deployed)
    assert report.findings == ()
    assert (report.target.stream, report.target.bucket, report.target.database) == (STACK, BUCKET, DATABASE)
    by_name = look(deployed, Asked(REGION, named=NAMES))
    assert [(finding.id, finding.severity.value) for finding in by_name.findings] == [("not-named", "note")]
    assert by_name.is_healthy
    reads = ("Describe", "Get", "List", "Head", "Simulate")
    assert [call for call in deployed.cloud.calls if not call.operation.startswith(reads)] == []
    assert report.target.account == ACCOUNT


def test_documented_policy_allows_what_is_asked(deployed):
    """Every action behind a call of a healthy run but dry runs, and no other."""
    deployed.cloud.reset_calls()
    look(deployed)
    statements = json.loads((ROOT / "docs/doctor-policy.json").read_text())["Statement"]
    allowed = {action for statement in statements for action in listed(statement["Action"])}
    dry = {("ec2", call.operation) for call in deployed.cloud.calls if call.params.get("DryRun")}
    asked = {(call.service, call.operation) for call in deployed.cloud.calls} - dry - {("sts", "GetCallerIdentity")}
    # The bucket's policy is answered before the cloud sees the call (`Policy`).
    assert {action_named(*call) for call in asked} | {"s3:GetBucketPolicy"} == allowed


# What needs many calls of S3 has a run of its own, but for these.
QUICK = ("pointer-missing", "snapshot-old", "manifest-missing", "compaction-behind", "rejected-objects")


def _is_long(fault: Fault) -> bool:
    return bool({"s3", "iam"} & fault.services) and fault.id not in QUICK


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, id=one.id, marks=[pytest.mark.slow] if _is_long(one) else []) for one in FAULTS],
)
def test_planted_fault_is_found_alone_with_its_mend(deployed, answers, fault: Fault):
    """One fault, one finding: with its severity, what, why, and a mend that names the thing."""
    with fault.plant(deployed):
        asker = Remembering(deployed.client, dict(answers), fault.services)
        findings = examine(asker, Asked(REGION, STACK), deployed.now)[0].findings
    assert [(finding.id, finding.severity.value) for finding in findings] == [(fault.id, fault.severity)]
    (finding,) = findings
    assert fault.mends in finding.mend
    assert finding.what
    assert finding.why.endswith((".", "?"))
    assert finding.resource
    assert finding.mend.count("`") % 2 == 0


@pytest.fixture
def command(deployed, capsys, monkeypatch) -> Vpcflow:
    """The command as a person runs it, with the deployment's credentials, against the cloud's endpoint."""
    for name, value in deployed.credentials.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    run = vpcflow(capsys)
    return lambda *words: run("doctor", "--endpoint-url", deployed.cloud.endpoint, *words)


@pytest.fixture
def ran(deployed, capsys):
    """The same without its options, with clients that are there already: exit code, output."""

    def run_it(**wanted: bool) -> Ran:
        exit_code = run(deployed.client, Asked(REGION, STACK), Wanted(**wanted))
        printed = capsys.readouterr()
        return Ran(exit_code, printed.out, printed.err)

    return run_it


HERE = ("--region", REGION, "--stack", STACK)


def test_command_says_that_all_is_well(command):
    """Exit code 0, two lines, nothing on the error stream."""
    ran = command(*HERE)
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == f"stack {STACK} in {REGION}, account {ACCOUNT}"
    assert ran.out.splitlines()[1].startswith("healthy")


def test_findings_are_told_in_80_columns_and_as_one_object(ran, deployed):
    """Exit code 1; no colours into a pipe; only what cannot be broken is longer; commands stand apart in JSON."""
    with planting.variables(deployed, "RefreshFunction", GLUE_DATABASE="another"):
        text, told = ran(), ran(is_json=True)
    assert (text.exit_code, told.exit_code) == (1, 1)
    assert "\x1b" not in text.out
    assert [line for line in text.out.splitlines() if len(line) > 80 and len(line.split()) > 1] == []
    assert "BROKEN  function-elsewhere" in text.out
    (finding,) = told.summary["findings"]
    assert told.out.count("\n") == 1
    assert told.summary["counts"] == {"broken": 1, "degraded": 0, "note": 0}
    assert finding["commands"] == [f"sam build && sam deploy --stack-name {STACK} --region {REGION}"]


def test_expired_credentials_are_the_only_finding(ran, deployed):
    """Nothing else is asked, and the mend is to sign in."""
    deployed.cloud.fail("sts", "GetCallerIdentity", Refuse("ExpiredToken"), times=FOREVER)
    deployed.cloud.reset_calls()
    expired = ran(is_json=True)
    deployed.cloud.clear_faults()
    (finding,) = expired.summary["findings"]
    assert (expired.exit_code, finding["id"], expired.summary["healthy"]) == (1, "credentials", False)
    assert "aws sso login" in finding["commands"]
    assert {call.service for call in deployed.cloud.calls} == {"sts"}


def test_missing_credentials_are_a_finding(command, monkeypatch, tmp_path):
    """Not a traceback, and not silence."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    told = command(*HERE, "--output", "json").summary
    assert [finding["id"] for finding in told["findings"]] == ["credentials"]


def test_stack_that_may_not_be_read_is_not_silence(deployed):
    """It says which action to allow, and is not healthy."""
    deployed.cloud.fail("cloudformation", "DescribeStacks", Refuse("AccessDenied"), times=FOREVER)
    report = look(deployed)
    deployed.cloud.clear_faults()
    (finding,) = report.findings
    assert not report.is_healthy
    assert finding.mend.startswith("allow cloudformation:DescribeStacks to arn:aws:sts::")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked(REGION, "nope"), "--stack nope: there is no such stack"),
        (Asked(REGION, f"{STACK}-Analysis"), "has no DeliveryStream"),
        (Asked(REGION, named=Named(STACK)), "--lake: is missing"),
        (Asked(REGION), "--stream: is missing; give --stack NAME"),
        (Asked(REGION, named=Named("s", "s3://b/p", "d")), "--lake s3://b/p: is no lake"),
        (Asked(REGION, named=Named("s", "s3://b", "d", "", "x")), "--inventory-uri x: is no object"),
    ],
)
def test_wrong_names_are_refused_with_the_mend(deployed, asked, told):
    """Before anything is looked at."""
    with pytest.raises(UsageError, match=re.escape(told)):
        look(deployed, asked)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*HERE, "--lake", "s3://x"), "--stack: tells all names itself"),
        ((*HERE, "--output", "yaml"), "--output yaml: is not known"),
        ((*HERE, "--agree"), "--agree: goes with --probe"),
    ],
)
def test_wrong_options_are_refused_in_one_line(command, words, told):
    """Exit code 2, nothing on standard output."""
    refused = command(*words)
    assert (refused.exit_code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert told in refused.err


def test_probes_that_write_run_only_where_the_user_agrees(ran, deployed):
    """Without it nothing but reads; with it every probe object is gone afterwards."""
    deployed.cloud.reset_calls()
    outcomes = {probe["id"]: probe["outcome"] for probe in ran(is_json=True, probe=True).summary["probes"]}
    writes = ("Put", "Copy", "Delete", "Start")
    assert [call for call in deployed.cloud.calls if call.operation.startswith(writes)] == []
    assert outcomes["filter-values"] == outcomes["page-token"] == outcomes["flow-log-pages"] == "as claimed"
    # The stand-in looks at no owner: the probe says so, instead of believing the claim.
    assert outcomes["expected-owner"] == "differs"
    assert outcomes["conditional-put"] == outcomes["views-run"] == "not decided"
    agreed = ran(is_json=True, probe=True, agree=True).summary["probes"]
    outcomes = {probe["id"]: probe["outcome"] for probe in agreed}
    assert outcomes["conditional-put"] == outcomes["no-sql"] == outcomes["literal-parameter"] == "as claimed"
    assert outcomes["copy-into-prefix"] == "differs"  # nor at the bucket's policy
    assert outcomes["views-run"] == "differs"  # nor does its Athena know the views of its catalog
    listed = deployed.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [told["Key"] for told in listed if "probe" in told["Key"]] == []


@pytest.mark.slow
def test_probes_are_announced_before_they_are_done(ran, deployed):
    """What is done, then how it turned out; what an error object looks like, one of them tells."""
    body = gzip.compress(b'{"lambdaARN": "arn", "errorCode": "Lambda.FunctionError"}\n')
    with planting.objects(deployed, **{"processing-failed/a.gz": body}):
        out = ran(probe=True).out
    said = out.index("expected-owner: asks for the lake's bucket as one of account 000000000000")
    assert said < out.index("differs: was answered") < out.index("flow-log-pages: reads one page")
    assert "as claimed: members lambdaARN, errorCode; gzip" in out


def test_every_planted_fault_was_undone(deployed):
    """The deployment is healthy again, so that no fault hid another."""
    assert look(deployed).findings == ()
