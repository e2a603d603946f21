"""What is deployed: stream, functions and flow log are as the design promises."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from static.deployed import MADE, MEMBER, Deployed, main_stack, nested_stack
from static.templates import ROOT, TEMPLATES, load, text

from enricher.log_format import LogFormat
from enricher.pointer import TAG_FIELDS
from enricher.schema import FIELDS_OF_VERSION

MAIN = load("template.yaml")
CFN_LINT = Path(sys.executable).with_name("cfn-lint")
FUNCTIONS = ("TransformFunction", "RefreshFunction", "DeploymentFunction")


def destination(**chosen: str):
    """The stream's destination, parameters as ``chosen``."""
    return main_stack(**chosen).properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]


def processor_parameters(**chosen: str):
    """The parameters of the stream's only processor, by name."""
    (processor,) = destination(**chosen)["ProcessingConfiguration"]["Processors"]
    assert processor["Type"] == "Lambda"
    return {item["ParameterName"]: item["ParameterValue"] for item in processor["Parameters"]}


# ---- the stream ---------------------------------------------------------------------------------------------------


def test_stream_takes_direct_puts_and_is_open_to_the_log_delivery_service():
    """Flow logs put records themselves, and vended ones are only delivered to streams with this tag."""
    stream = main_stack().properties("DeliveryStream")
    assert stream["DeliveryStreamType"] == "DirectPut"
    assert {"Key": "LogDeliveryEnabled", "Value": "true"} in stream["Tags"]


def test_transformation_is_switched_on_in_so_many_words():
    """Left out, Enabled is stored as false and raw records would flow past the function."""
    assert destination()["ProcessingConfiguration"]["Enabled"] is True


def test_stream_calls_the_alias_so_that_a_deployment_can_be_rolled_back():
    """The processor names the published alias, never the function's latest version."""
    assert processor_parameters()["LambdaArn"] == "<TransformFunction.Alias>"


def test_stream_tries_a_batch_four_times():
    """Three retries after the first call, then the batch is kept for replay."""
    assert processor_parameters()["NumberOfRetries"] == "3"


@pytest.mark.parametrize(
    ("chosen", "megabytes"),
    [
        ({}, "2"),
        ({"BufferMegabytes": "0.25"}, "0.25"),
        ({"OutputMode": "json"}, "0.5"),
        ({"OutputMode": "json", "BufferMegabytes": "0.2"}, "0.2"),
    ],
)
def test_batch_stays_so_small_that_its_answer_fits_the_payload_limit(chosen, megabytes):
    """2 MB where the answer is all Dropped, 0.5 MB where it is JSON lines, less where somebody says so."""
    assert processor_parameters(**chosen)["BufferSizeInMBs"] == megabytes
    assert main_stack(**chosen).objections() == []


def test_no_buffer_can_be_chosen_whose_answer_would_not_fit():
    """Above 2 MB never, nor below what Firehose takes; above 0.5 MB not for JSON lines."""
    sizes = [float(size) for size in MAIN["Parameters"]["BufferMegabytes"]["AllowedValues"] if size != "auto"]
    assert (min(sizes), max(sizes)) == (0.2, 2)
    refused = [size for size in sizes if main_stack(OutputMode="json", BufferMegabytes=f"{size:g}").objections()]
    assert refused == [1, 2]


def test_failed_batches_land_under_processing_failed():
    """The error type comes first in the key, and Firehose demands it in a prefix that has expressions."""
    assert destination()["ErrorOutputPrefix"].startswith("!{firehose:error-output-type}/")


def test_source_records_are_kept_only_on_request():
    """A copy of everything that came: once on it cannot be switched off, so it is off unless days are named."""
    assert destination()["S3BackupMode"] == "Disabled"
    assert "S3BackupConfiguration" not in destination()
    kept = destination(SourceDays="30")
    assert (kept["S3BackupMode"], kept["S3BackupConfiguration"]["Prefix"]) == ("Enabled", "source/")


def test_json_mode_tells_the_function_and_delivers_lines_instead_of_a_lake():
    """The function answers JSON, the stream writes it under delivered/ in larger objects; nothing is compacted."""
    stack = main_stack(OutputMode="json")
    assert stack.properties("TransformFunction")["Environment"]["Variables"]["OUTPUT_MODE"] == "json"
    assert destination(OutputMode="json")["Prefix"].startswith("delivered/")
    assert destination(OutputMode="json")["BufferingHints"]["SizeInMBs"] >= 64
    assert "Jobs" not in stack.resources
    assert nested_stack(stack, "Monitoring").parameters["WatchesCompaction"] == "no"
    assert "delivered/" in stack.outputs["SeeArrivals"]


# ---- the flow log -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tags", ["", "project", "project,team"])
def test_recommended_format_is_version_11_and_everybody_speaks_it(tags):
    """Flow log, function, jobs and the outputs agree; tag fields only together with the keys they shall carry."""
    stack = main_stack(VpcId="vpc-0a1b", RecordedTagKeys=tags)
    flow_log = stack.properties("FlowLog")
    fields = LogFormat.parse(flow_log["LogFormat"]).fields
    recorded = ("instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2") if tags else ()
    assert fields == tuple(f for f in FIELDS_OF_VERSION[11] if f not in TAG_FIELDS or f in recorded)
    specifications = flow_log.get("TagFieldSpecifications", [])
    assert {each["ResourceType"]: each["TagKeys"] for each in specifications} == (
        {"instance": tags.split(","), "network-interface": tags.split(",")} if tags else {}
    )
    assert stack.properties("TransformFunction")["Environment"]["Variables"]["LOG_FORMAT"] == flow_log["LogFormat"]
    assert nested_stack(stack, "Jobs").parameters["LogFormat"] == flow_log["LogFormat"]
    assert stack.outputs["LogFormat"] == flow_log["LogFormat"]
    member = Deployed(
        "member-account.yaml", MEMBER | {"LogFormat": stack.outputs["LogFormat"], "RecordedTagKeys": tags}
    )
    assert member.properties("FlowLog").get("TagFieldSpecifications", []) == specifications
    for command in (stack.outputs["CreateFlowLog"], member.outputs["CreateFlowLog"]):
        words = shlex.split(command)
        assert words[words.index("--log-format") + 1] == flow_log["LogFormat"]
        kinds = ("instance", "network-interface") if tags else ()
        assert [word for word in words if "TagKeys" in word] == [
            f"ResourceType={kind},TagKeys={tags}" for kind in kinds
        ]


def test_a_format_of_one_s_own_reaches_flow_log_and_function():
    """What is typed replaces the recommended format everywhere."""
    own = "${version} ${srcaddr} ${dstaddr} ${start} ${end} ${log-status}"
    stack = main_stack(VpcId="vpc-0a1b", LogFormat=own)
    assert stack.properties("FlowLog")["LogFormat"] == own
    assert stack.properties("TransformFunction")["Environment"]["Variables"]["LOG_FORMAT"] == own
    assert stack.outputs["LogFormat"] == own


def test_flow_log_waits_for_the_first_inventory():
    """It is made after the deployment function, which runs the refresher; without a VPC there is none."""
    flow_log = main_stack(VpcId="vpc-0a1b").resources["FlowLog"]
    assert flow_log["DependsOn"] == "Deployment"
    assert flow_log["Properties"]["LogDestination"] == MADE["DeliveryStream.Arn"]
    assert flow_log["Properties"]["LogDestinationType"] == "kinesis-data-firehose"
    assert "FlowLog" not in main_stack().resources


# ---- the functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_runs_where_the_artefact_was_built_for(name):
    """Runtime and processor are those that the artefact's wheels are fetched for."""
    function = main_stack().resources[name]
    assert function["Properties"]["Runtime"] == "python3.13"
    assert function["Properties"]["Architectures"] == ["arm64"]
    assert function["Metadata"]["BuildMethod"] == "makefile"


def test_functions_have_one_cpu_and_less_time_than_firehose_waits():
    """1,769 MB is one whole CPU; Firehose gives up on a call after five minutes."""
    stack = main_stack()
    assert str(stack.properties("TransformFunction")["MemorySize"]) == "1769"
    assert str(stack.properties("RefreshFunction")["MemorySize"]) == "1769"
    assert 0 < stack.properties("TransformFunction")["Timeout"] <= 300
    assert 0 < stack.properties("RefreshFunction")["Timeout"] <= 300


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_published_traced_and_logged_with_an_end(name):
    """Every deployment is a version behind the alias; traces are on; logs do not stay for ever."""
    stack = main_stack()
    function = stack.properties(name)
    assert function["AutoPublishAlias"] == "live"
    assert function["AutoPublishAliasAllProperties"] is True
    assert function["Tracing"] == "Active"
    group = function["LoggingConfig"]["LogGroup"].strip("<>")
    assert int(stack.properties(group)["RetentionInDays"]) > 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_handler_is_a_function_of_the_sources(name):
    """The handler's module is a file that the artefact carries, and has that function."""
    module, _, function = main_stack().properties(name)["Handler"].rpartition(".")
    source = (ROOT / "src" / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    assert re.search(rf"^def {function}\(", source, re.MULTILINE)


def test_refresher_runs_every_minute_and_is_not_tried_again():
    """The next run is due anyway; a queue of old ones would do harm."""
    refresher = main_stack().properties("RefreshFunction")
    (event,) = refresher["Events"].values()
    assert (event["Type"], event["Properties"]["Schedule"]) == ("Schedule", "rate(1 minute)")
    assert refresher["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_deployment_runs_again_with_each_new_version_of_its_code():
    """CloudFormation calls only where a property changes, and views and the jobs' code are part of the function's."""
    deployment = main_stack().properties("Deployment")
    assert deployment["ServiceToken"] == "<DeploymentFunction.Alias>"
    assert deployment["Version"] == "<DeploymentFunction.Version.Version>"
    assert deployment["Bucket"] == "a-lake"
    assert deployment["Database"] == "vpc_flow_logs"
    assert deployment["WorkGroup"] == "flows"
    assert deployment["RefreshFunction"] == "<RefreshFunction.Alias>"
    assert deployment["ServiceTimeout"] > main_stack().properties("DeploymentFunction")["Timeout"]


def test_alarms_come_after_the_first_inventory():
    """Made before, the one on the snapshot's age would begin with silence, which is what it is about."""
    assert main_stack().resources["Monitoring"]["DependsOn"] == "Deployment"


# ---- the template itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["template.yaml", "member-account.yaml"])
def test_every_parameter_is_grouped_described_used_and_has_a_default(path):
    """The console shows parameters in groups, and a first deployment works without typing any."""
    template = load(path)
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in interface for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
    assert Deployed(path, {}).objections() == []


PRINCIPAL = "arn:aws:quicksight:eu-west-1:111122223333:user/default/boss"


def test_dashboard_is_made_only_for_somebody_and_after_its_views():
    """QuickSight costs by user: without a principal there is nothing of it."""
    stack = main_stack(QuickSightPrincipalArn=PRINCIPAL)
    assert stack.resources["Visuals"]["DependsOn"] == "Deployment"
    assert nested_stack(stack, "Visuals").parameters["PrincipalArn"] == PRINCIPAL
    assert "Visuals" not in main_stack().resources
    assert "OpenVisuals" not in main_stack().outputs


@pytest.mark.parametrize("name", ["Catalog", "Analysis", "Jobs", "Monitoring", "Visuals"])
def test_nested_stacks_are_told_all_they_ask_for(name):
    """Whatever a nested template has no default for, or the main one has a parameter for, it is given."""
    stack = main_stack(QuickSightPrincipalArn=PRINCIPAL)
    nested = load(stack.properties(name)["TemplateURL"])
    given = set(stack.properties(name)["Parameters"])
    required = {each for each, declared in nested["Parameters"].items() if "Default" not in declared}
    assert required <= given <= set(nested["Parameters"])
    assert given >= set(nested["Parameters"]) & set(MAIN["Parameters"])


def test_outputs_say_what_to_do_next():
    """The first output is a command that fits the stack as deployed; none shows an unresolved name."""
    outputs = main_stack().outputs
    assert next(iter(MAIN["Outputs"].values()))["Description"].startswith("Next:")
    assert next(iter(outputs.values())).startswith("aws ec2 create-flow-logs --region eu-west-1 ")
    assert "--job-name <Jobs.Outputs.CompactJobName>" in outputs["CompactNow"]


def test_two_commands_deploy():
    """`sam build && sam deploy` needs no argument: stack, bucket for artefacts and capabilities are in samconfig.toml.

    Named roles and nested stacks beside a transform have to be acknowledged (AWS CloudFormation API, CreateChangeSet).
    """
    config = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
    assert re.search(r'^capabilities = "(.*)"$', config, re.MULTILINE)[1].split() == [
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ]
    assert re.search(r"^stack_name = ", config, re.MULTILINE)
    assert re.search(r"^resolve_s3 = true$", config, re.MULTILINE)


@pytest.mark.parametrize("path", TEMPLATES)
def test_template_is_ascii(path):
    """CloudFormation shows other characters as question marks."""
    assert (ROOT / path).read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_check_that_is_skipped_says_why(path):
    """What checkov (`make template`) shall not say stands beside the resource, with a reason, on one line."""
    for name, resource in load(path)["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert re.fullmatch(r"CKV2?_AWS_\d+", skip["id"]), name
            assert len(skip["comment"]) > 20, name
            assert "\n" not in skip["comment"], name


def test_make_template_looks_at_every_template():
    """All three tools of `make template` are told of every template, by its first line; checkov asks nobody outside."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ntemplate:")[2].partition("\n\n")[0]
    assert "sam validate --lint" in recipe
    assert re.search(r"/cfn-lint .*\$\(TEMPLATES\)", recipe)
    assert re.search(r"/checkov .*--skip-download .*\$\(TEMPLATES\)", recipe)
    assert re.search(
        r"^TEMPLATES = .*grep -l '\^AWSTemplateFormatVersion' \*\.yaml \*/\*\.yaml",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )


def lint(*paths: Path):
    """Run cfn-lint on templates; its exit code and report."""
    command = [str(CFN_LINT), "--regions", "us-east-1", "--", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool and files
    return done.returncode, done.stdout


def test_cfn_lint_has_nothing_to_say():
    """Resource types, properties, values and references of all templates are valid."""
    assert lint(*(ROOT / path for path in TEMPLATES)) == (0, "")


def test_cfn_lint_would_notice_a_misspelt_processor_parameter(tmp_path):
    """The check above can fail: Firehose's parameter names are among what it knows."""
    broken = (ROOT / "template.yaml").read_text(encoding="utf-8").replace("BufferSizeInMBs", "BufferSizeMB")
    (tmp_path / "template.yaml").write_text(broken, encoding="utf-8")
    code, report = lint(tmp_path / "template.yaml")
    assert code != 0
    assert "'BufferSizeMB' is not one of" in report


def test_no_template_names_an_account():
    """What is committed fits every account."""
    for path in TEMPLATES:
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", text(load(path)).replace("1099511627776", "")), path
