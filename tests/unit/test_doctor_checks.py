"""What the doctor judges where no stand-in can be brought to it, and that it keeps up with templates and documents."""

import re
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from static.deployed import main_stack
from static.templates import ROOT, load, resources

from compaction.layout import hour_of
from compaction.manifest import Manifest
from enricher.lake import Partition
from enricher.schema import AWS_COLUMNS
from workbench.cloud.policies import Request, is_allowed, listed
from workbench.doctor import checks_functions, fields
from workbench.doctor.ask import Asker, TimeIsOverError
from workbench.doctor.checks import judge
from workbench.doctor.finding import Finding, Severity, broken
from workbench.doctor.needs import needs
from workbench.doctor.probe import READS
from workbench.doctor.probe_writes import WRITES
from workbench.doctor.report import Report, lines
from workbench.doctor.snapshot import (
    REFRESH,
    TIME_IS_OVER,
    TRANSFORM,
    Analysis,
    Catalog,
    Function,
    Gap,
    Lake,
    Published,
    Snapshot,
    Stream,
    Target,
    Unasked,
)

NOW = 1_795_000_000.0
TARGET = Target(
    "eu-west-1",
    "111122223333",
    "arn:aws:sts::111122223333:assumed-role/you/you",
    stream="flows",
    bucket="a-lake",
    database="vpc_flow_logs",
    inventory_uri="s3://a-lake/inventory/pointer.json",
    functions={TRANSFORM: "flows-transform", REFRESH: "flows-refresh"},
)


def found(**parts: Any) -> list[tuple[str, str]]:
    """Ids and severities of what is found in a snapshot that holds nothing but this."""
    target = parts.pop("target", TARGET)
    return [(one.id, one.severity.value) for one in judge(Snapshot(target, NOW, **parts))]


def test_what_is_not_known_is_not_judged():
    """A snapshot that nobody could fill brings no finding of its own: why it is empty, others say."""
    assert found() == []


def test_whatever_could_not_be_asked_is_said_once():
    """Two denials of one action are one finding; what the time was not enough for is one, with all its actions."""
    denied = Unasked("glue:GetTables", "AccessDeniedException", "no")
    late = [Unasked(action, TIME_IS_OVER, "over") for action in ("s3:GetObject", "s3:ListBucket", "s3:GetObject")]
    throttled = Unasked("sns:ListSubscriptionsByTopic", "Throttling", "Rate exceeded")
    findings = judge(Snapshot(TARGET, NOW, unasked=(denied, *late, denied, throttled)))
    assert {finding.id for finding in findings} == {"not-checked"}
    said = sorted(finding.what for finding in findings)
    assert said == [
        "not checked: access denied to glue:GetTables",
        "not checked: s3:GetObject, s3:ListBucket answered TimeIsOver: over",
        "not checked: sns:ListSubscriptionsByTopic answered Throttling: Rate exceeded",
    ]


def test_catalog_without_database_or_tables():
    """A database that is gone is one finding, not one for each thing in it."""
    assert found(catalog=Catalog(Gap.ABSENT)) == [("database-missing", "broken")]
    tables = [one for one in found(catalog=Catalog({})) if one[0] == "table-missing"]
    assert tables == [("table-missing", "broken")] * 2


def test_subscription_that_nobody_confirmed_hears_nothing():
    """And the mend names the mail to open."""
    waiting = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "you@example.org"}
    (finding,) = judge(Snapshot(TARGET, NOW, analysis=Analysis(subscriptions=(waiting,))))
    assert (finding.id, finding.what) == ("alarms-unheard", "you@example.org: not confirmed yet")
    assert finding.mend.startswith("open the link")


def test_function_that_lambda_could_not_update():
    """What Lambda says of it is what was found."""
    told = {"Runtime": "python3.13", "Architectures": ["arm64"], "MemorySize": 1769, "Timeout": 120, "State": "Failed"}
    refresh = {"GLUE_DATABASE": "vpc_flow_logs", "INVENTORY_URI": TARGET.inventory_uri}
    function = Function({**told, "StateReason": "InvalidSubnet", "Environment": {"Variables": refresh}})
    assert found(functions={REFRESH: function}) == [("function-state", "broken")]


def test_ipam_of_another_account_is_not_passed_over():
    """Its tier was not looked at: a note says so."""
    variables = {"IPAM_SCOPES": "ipam-scope-0", "IPAM_ROLE": "arn:aws:iam::222222222222:role/reader"}
    refresh = {"GLUE_DATABASE": "vpc_flow_logs", "INVENTORY_URI": TARGET.inventory_uri, **variables}
    function = Function({"Runtime": "python3.13", "Architectures": ["arm64"], "Environment": {"Variables": refresh}})
    assert found(functions={REFRESH: function}, published=Published()) == [("ipam-elsewhere", "note")]


def test_flow_logs_of_other_accounts_may_be_all_there_are():
    """They are not seen from here, so that none is no fault where the stack takes other accounts'."""
    stream = Stream(flow_logs=())
    others = replace(TARGET, parameters={"SourceAccounts": "222222222222"})
    assert found(stream=stream) == [("flow-logs-none", "broken")]
    assert found(stream=stream, target=others) == [("flow-logs-none", "note")]


def test_transit_gateway_flow_log_is_judged_by_its_own_fields():
    """It has no traffic type, and a format that brings both sides."""
    told = {
        "FlowLogId": "fl-1",
        "ResourceId": "tgw-0a1b",
        "LogFormat": fields.log_format_text(tuple(str(column.field) for column in AWS_COLUMNS)),
    }
    assert found(stream=Stream(flow_logs=(told,))) == []
    lacking = told | {"LogFormat": told["LogFormat"].replace("${tgw-src-az-id} ", "")}
    (finding,) = judge(Snapshot(TARGET, NOW, stream=Stream(flow_logs=(lacking,))))
    assert finding.id == "flow-log-fields"
    assert "--resource-type TransitGateway --resource-ids tgw-0a1b --max" in finding.commands[-1]


def manifest(hour: Partition, rows: int) -> Manifest:
    """Of a first generation."""
    return Manifest(hour, 1, "run-1", frozenset(), {}, frozenset(), None, NOW, (), rows, 0, 0, 0, 0)


@pytest.mark.parametrize(("rows", "expected"), [(0, []), (3, [("partition-gone", "broken")])])
def test_generation_without_objects_is_gone_unless_it_has_no_rows(rows, expected):
    """Compaction may leave an hour without a row; its folder is then empty for good."""
    hour = hour_of("eu-west-1", NOW - 40_000)
    told = manifest(hour, rows)
    storage = {"Location": "s3://a-lake/flow_logs/"}
    catalog = Catalog(
        {"flow_logs": {"StorageDescriptor": storage}}, {"flow_logs": {hour: f"s3://a-lake/{told.location}"}}
    )
    lake = Lake(frozenset(), frozenset(), {hour: told}, {})
    partitions = [one for one in found(catalog=catalog, lake=lake) if one[0].startswith(("partition", "manifest"))]
    assert partitions == expected


def hourly(location: str) -> list[tuple[str, str]]:
    """Findings where a compacted hour's sums are registered at this key, and only its rows have objects."""
    hour = hour_of("eu-west-1", NOW - 40_000)
    told = manifest(hour, 3)
    partitions = {"flows_hourly": {hour: f"s3://a-lake/{location.format(told=told, hour=hour)}"}}
    storage = {"StorageDescriptor": {"Location": "s3://a-lake/flows_hourly/"}}
    lake = Lake(frozenset(), frozenset({told.location}), {hour: told}, {})
    return [one for one in found(catalog=Catalog({"flows_hourly": storage}, partitions), lake=lake) if "part" in one[0]]


def test_sums_may_be_empty_only_where_the_manifest_says_they_lie():
    """What counts for nothing is in no sum; another generation's folder, or another bucket's, is one that is gone."""
    assert hourly("{told.hourly_location}") == []
    gone = [("partition-gone", "broken")]
    assert hourly("flows_hourly/{hour.path}/generation-000009-run-9/") == gone
    assert hourly("elsewhere/{hour.path}/") == gone
    assert hourly("flows_hourly/{hour.path}/") == [("partition-not-switched", "degraded")]


def test_sums_without_a_partition_are_registered_by_the_job():
    """The crawler looks at raw objects alone."""
    hour = hour_of("eu-west-1", NOW - 40_000)
    lake = Lake(frozenset(), frozenset(), {hour: manifest(hour, 3)}, {})
    storage = {"StorageDescriptor": {"Location": "s3://a-lake/flows_hourly/"}}
    target = replace(TARGET, crawler="a-crawler", job="a-job")
    snapshot = Snapshot(target, NOW, catalog=Catalog({"flows_hourly": storage}, {"flows_hourly": {}}), lake=lake)
    (finding,) = (one for one in judge(snapshot) if one.id == "partitions-missing")
    assert finding.commands == ("aws glue start-job-run --region eu-west-1 --job-name a-job",)


def stream_with(configuration: dict[str, Any]) -> Stream:
    """A stream that is right but for its processing."""
    destination = {
        "BucketARN": "arn:aws:s3:::a-lake",
        "ErrorOutputPrefix": "!{firehose:error-output-type}/",
        "CloudWatchLoggingOptions": {"Enabled": True},
        "S3BackupMode": "Enabled",
        "ProcessingConfiguration": configuration,
    }
    told = {"DeliveryStreamStatus": "ACTIVE", "Destinations": [{"ExtendedS3DestinationDescription": destination}]}
    return Stream({"DeliveryStreamDescription": told})


def test_stream_without_a_function_gets_the_deployed_one():
    """Enabled or not, without a Lambda processor nothing is transformed; the mend names the alias."""
    alias = "arn:aws:lambda:eu-west-1:111122223333:function:flows-transform:live"
    target = replace(TARGET, aliases={TRANSFORM: alias})
    (finding,) = judge(Snapshot(target, NOW, stream=stream_with({"Enabled": True, "Processors": []})))
    assert (finding.id, finding.what) == ("stream-processing", "it has no Lambda processor")
    assert alias in finding.commands[0]


@pytest.mark.parametrize(("function", "first"), [("v2", "deploy with"), ("", "`aws"), ("recommended", "`aws")])
def test_new_flow_log_has_a_format_that_the_function_reads(function, first):
    """Where the function is told another one, it is deployed first: else every line of the new format is rejected."""
    text = {"recommended": fields.log_format_text(fields.RECOMMENDED)}.get(function, function)
    variables = {"LAKE_BUCKET": "a-lake", "LOG_FORMAT": text, "INVENTORY_URI": TARGET.inventory_uri}
    told = {"Runtime": "python3.13", "Architectures": ["arm64"], "Environment": {"Variables": variables}}
    flow_log = {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "TrafficType": "ACCEPT", "LogFormat": text or "v5"}
    snapshot = Snapshot(TARGET, NOW, stream=Stream(flow_logs=(flow_log,)), functions={TRANSFORM: Function(told)})
    (finding,) = (one for one in judge(snapshot) if one.id == "flow-log-traffic")
    assert finding.mend.startswith(first)
    assert finding.commands[-1].count("${") == len(fields.RECOMMENDED)


def test_without_a_refresher_young_hours_need_no_partition():
    """Compaction registers them once they have closed; with a refresher they must be there from the start."""
    young = hour_of("eu-west-1", NOW - 3600)
    lake = Lake(frozenset({young}), frozenset(), {}, {})
    catalog = Catalog({"flow_logs": {"StorageDescriptor": {"Location": "s3://a-lake/flow_logs/"}}}, {"flow_logs": {}})
    without = replace(TARGET, inventory_uri="", functions={})
    assert ("partitions-missing", "degraded") in found(catalog=catalog, lake=lake)
    assert ("partitions-missing", "degraded") not in found(catalog=catalog, lake=lake, target=without)


class OneClient:
    """Answers every call with its name; refuses after some."""

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {"asked": name}


def test_run_is_bounded_in_calls_and_time():
    """What comes later is not asked, and is said."""
    now = iter(range(1000))
    asker = Asker(lambda *_: OneClient(), lambda: float(next(now)), most_calls=2)
    assert [asker.ask("s3", "get_object") for _ in range(3)] == [{"asked": "get_object"}] * 2 + [Gap.UNASKED]
    assert [(one.action, one.code) for one in asker.unasked] == [("s3:GetObject", TIME_IS_OVER)]
    slow = Asker(lambda *_: OneClient(), iter((0.0, 51.0)).__next__)
    with pytest.raises(TimeIsOverError):
        slow.call("s3", "get_object")


# ---- Text ----------------------------------------------------------------------------------------------------


def in_a_shell(command: str) -> str:
    """The words that a shell would give the commands, one a line."""
    script = f"aws() {{ printf '%s\\n' \"$@\"; }}\n{command}"
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout  # noqa: S603 - a test's own words


def test_command_is_broken_between_words_and_stays_a_command():
    """Pasted into a shell it is what the finding says, also with quoted words."""
    command = "aws x --a " + "b" * 30 + ' --c \'{"d": "e f"}\' --g ' + "h" * 40 + " && aws y"
    report = Report(TARGET, (broken("a", "b", "c", "d", f"do `{command}` now"),), 1)
    shown = [line for line, _ in lines(report, 80)]
    start = next(number for number, line in enumerate(shown) if line.startswith("    $"))
    end = next(number for number in range(start, len(shown)) if not shown[number].endswith("\\"))
    pasted = "\n".join(shown[start : end + 1]).replace("    $ ", "", 1)
    words = [in_a_shell(text) for text in (pasted, command)]
    assert words[0] == words[1]
    assert len(words[0].splitlines()) == 8
    assert max(map(len, shown)) <= 80


def test_text_shows_nothing_that_a_terminal_obeys():
    """An error message of a pointer's part, or a key, may hold anything."""
    report = Report(TARGET, (broken("a", "key\x1b[31m", "said \x1b]0;x\x07", "d", "`rm 'k\x1b'`"),), 1)
    assert all(line.isprintable() for line, _ in lines(report, 80))


def test_notes_leave_a_deployment_healthy():
    """Anything worse does not."""
    finding = Finding("a", Severity.NOTE, "b", "c", "d", "e")
    assert Report(TARGET, (finding,), 1).is_healthy
    assert not Report(TARGET, (finding, replace(finding, severity=Severity.DEGRADED)), 1).is_healthy


# ---- Kept up ----------------------------------------------------------------------------------------------------


def test_every_finding_is_documented_and_every_documented_one_exists():
    """docs/doctor.md has a row for each id that the code can give."""
    code = "\n".join(path.read_text() for path in (ROOT / "workbench/doctor").glob("*.py"))
    given = set(re.findall(r'(?:broken|degraded|note|say)\(\s*"([a-z-]+)"', code)) | {
        "processing-failed-objects",
        "rejected-objects",
    }
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE))
    assert documented == given


def test_expected_runtime_and_sizes_are_the_templates():
    """The functions as the template makes them are within what the doctor takes for right."""
    for role, (least, shortest, longest) in checks_functions.SIZES.items():
        logical = f"{role.capitalize()}Function"
        told = main_stack().properties(logical)
        assert (told["Runtime"], told["Architectures"]) == (checks_functions.RUNTIME, [checks_functions.ARCHITECTURE])
        assert int(told["MemorySize"]) >= least
        assert shortest <= told["Timeout"] <= longest


def test_recommended_format_is_the_templates():
    """The command that the doctor gives makes the flow log that the template makes."""
    (format_,) = {told["LogFormat"] for told in main_stack(VpcId="vpc-0a1b").of_type("AWS::EC2::FlowLog").values()}
    assert fields.log_format_text(fields.RECOMMENDED).split() == format_.split()


def test_features_need_only_fields_that_there_are_and_the_recommended_format_lacks_none():
    """Each field by AWS's name."""
    known = {column.field for column in AWS_COLUMNS}
    groups = (fields.ESSENTIAL, fields.NEEDED, fields.NEWER, fields.TRANSIT_GATEWAY)
    assert {name for group in groups for feature in group for name in feature.fields} <= known
    assert fields.lacking(fields.RECOMMENDED, (*fields.ESSENTIAL, *fields.NEEDED, *fields.NEWER)) == []
    needed = {name for group in groups[:3] for feature in group for name in feature.fields}
    assert set(fields.RECOMMENDED) - needed == {"version"}


ROLES = {"transform": "TransformRole", "refresh": "RefreshRole", "stream": "StreamRole"}
# What a component can do without: its log, traces, and what only some deployments have.
NOT_SIMULATED = ("logs:", "xray:", "sts:", "ec2:GetIpamResourceCidrs")


@pytest.mark.parametrize("component", ROLES)
def test_what_the_doctor_asks_of_a_role_is_what_the_template_grants(component):
    """Every need is allowed by the deployed role, and every action that it has is asked for."""
    stack = main_stack()
    role = stack.properties(ROLES[component])
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    target = replace(
        TARGET,
        roles={component: "role"},
        region="eu-west-1",
        account="111122223333",
        aliases={TRANSFORM: "<TransformFunction.Alias>"},
    )
    asked = [need for name, _, need in needs(target) if name == component]
    refused = [
        (action, need.resource)
        for need in asked
        for action in need.actions
        if not is_allowed(statements, Request(action, need.resource, need.context or {}))
    ]
    assert refused == []
    granted = {action for one in statements if one["Effect"] == "Allow" for action in listed(one["Action"])}
    kept = {action for action in granted if not action.startswith(NOT_SIMULATED)}
    assert kept == {action for need in asked for action in need.actions}


def test_refresher_is_simulated_in_a_region_that_it_covers():
    """Its role may ask in the stack's RefreshRegions alone, which may leave out its own."""
    target = replace(TARGET, roles={"refresh": "role"}, parameters={"RefreshRegions": "us-east-1,eu-west-1"})
    assert {(need.context or {})["aws:RequestedRegion"] for _, _, need in needs(target)} == {"us-east-1"}


def test_stack_reader_looks_for_resources_that_the_templates_have():
    """By logical id and type; what SAM makes of a function is told by its name."""
    from workbench.doctor import stack  # noqa: PLC0415 - its names are private

    templates = (
        "template.yaml",
        "glue/template.yaml",
        "glue/jobs.yaml",
        "athena/template.yaml",
        "monitoring/template.yaml",
    )
    declared = {(told["Type"], name) for path in templates for name, told in load(path)["Resources"].items()}
    named = {key for key in stack._NAMES if key[0] != "AWS::Events::Rule"}  # noqa: SLF001 - as said above
    assert named <= declared
    assert {("AWS::IAM::Role", name) for name in stack._ROLES} <= declared  # noqa: SLF001 - same
    functions = resources(load("template.yaml"), "AWS::Serverless::Function")
    assert set(stack._FUNCTIONS) == set(functions)  # noqa: SLF001 - same
    events = {f"{name}{event}" for name, told in functions.items() for event in told.get("Events", {})}
    assert {name for kind, name in stack._NAMES if kind == "AWS::Events::Rule"} == events  # noqa: SLF001 - same


def test_every_probe_settles_a_claim_of_the_unverified_page():
    """Word for word; who settles a claim on AWS removes the row, and then the probe."""
    page = (ROOT / "docs/unverified.md").read_text()
    claims = [line.removeprefix("| ").partition(" | ")[0] for line in page.splitlines() if line.startswith("| ")]
    probes = (*READS, *WRITES)
    assert [probe.id for probe in probes if probe.claim not in claims] == []
    assert len({probe.id for probe in probes}) == len(probes)
    assert {probe.writes for probe in READS} == {False}
    assert {probe.writes for probe in WRITES} == {True}
