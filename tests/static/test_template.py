"""What is deployed: stream, function, bucket and catalog are as the design promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from static.templates import ROOT, TEMPLATES, load, resources, statements, text

from enricher.hourly import hourly_columns
from enricher.schema import FIELDS_OF_VERSION, PARTITION_COLUMNS, lake_columns

MAIN = load("template.yaml")
GLUE = load("glue/template.yaml")
ATHENA = load("athena/template.yaml")
STREAM = resources(MAIN, "AWS::KinesisFirehose::DeliveryStream")["DeliveryStream"]
DESTINATION = STREAM["ExtendedS3DestinationConfiguration"]
FUNCTION = resources(MAIN, "AWS::Serverless::Function")["TransformFunction"]
BUCKET = resources(MAIN, "AWS::S3::Bucket")["LakeBucket"]
CFN_LINT = Path(sys.executable).with_name("cfn-lint")


def processor_parameters():
    """The parameters of the stream's only processor, by name."""
    (processor,) = DESTINATION["ProcessingConfiguration"]["Processors"]
    assert processor["Type"] == "Lambda"
    return {item["ParameterName"]: item["ParameterValue"] for item in processor["Parameters"]}


# ---- the stream ---------------------------------------------------------------------------------------------------


def test_transformation_is_switched_on_in_so_many_words():
    """Left out, Enabled is stored as false and raw records would flow past the function."""
    assert DESTINATION["ProcessingConfiguration"]["Enabled"] is True


def test_stream_calls_the_alias_so_that_a_deployment_can_be_rolled_back():
    """The processor names the published alias, never the function's latest version."""
    assert processor_parameters()["LambdaArn"] == {"Ref": "TransformFunction.Alias"}


def test_stream_tries_a_batch_four_times():
    """Three retries after the first call, then the batch is kept for replay."""
    assert processor_parameters()["NumberOfRetries"] == "3"


def test_batch_stays_so_small_that_its_answer_fits_the_payload_limit():
    """The buffer hint defaults to 2 MB and cannot be set above it, nor below what Firehose takes."""
    assert processor_parameters()["BufferSizeInMBs"] == {"Ref": "BufferMegabytes"}
    hint = MAIN["Parameters"]["BufferMegabytes"]
    assert (hint["MinValue"], hint["Default"], hint["MaxValue"]) == (0.2, 2, 2)


def test_failed_batches_land_under_processing_failed():
    """The error type comes first in the key, and Firehose demands it in a prefix that has expressions."""
    assert DESTINATION["ErrorOutputPrefix"].startswith("!{firehose:error-output-type}/")


def test_stream_is_open_to_the_log_delivery_service():
    """Vended flow logs are only delivered to streams with this tag."""
    assert {"Key": "LogDeliveryEnabled", "Value": "true"} in STREAM["Tags"]


def test_flow_log_and_function_speak_the_same_format():
    """One parameter feeds both: a format that differs would make every line a reject."""
    (flow_log,) = resources(MAIN, "AWS::EC2::FlowLog").values()
    assert flow_log["LogFormat"] == FUNCTION["Environment"]["Variables"]["LOG_FORMAT"] == {"Ref": "LogFormat"}


def test_default_format_is_the_29_documented_fields_of_version_5():
    """The default names every field up to version 5 once, in the documented order."""
    fields = re.findall(r"\$\{([a-z0-9-]+)\}", MAIN["Parameters"]["LogFormat"]["Default"])
    assert len(fields) == 29
    assert fields[0] == "version"
    assert fields[13:15] == ["log-status", "vpc-id"]
    assert fields[-2:] == ["flow-direction", "traffic-path"]
    assert tuple(fields) == FIELDS_OF_VERSION[5]
    assert MAIN["Parameters"]["LogFormat"]["Default"] == " ".join(f"${{{field}}}" for field in fields)


# ---- the function -------------------------------------------------------------------------------------------------


def test_function_runs_where_the_artefact_was_built_for():
    """Runtime and processor are those that the artefact's wheels are fetched for."""
    assert FUNCTION["Runtime"] == "python3.13"
    assert FUNCTION["Architectures"] == ["arm64"]
    assert MAIN["Resources"]["TransformFunction"]["Metadata"] == {"BuildMethod": "makefile"}


def test_function_has_one_cpu_and_less_time_than_firehose_waits():
    """1,769 MB is one whole CPU; Firehose gives up on a call after five minutes."""
    assert FUNCTION["MemorySize"] == 1769
    assert 0 < FUNCTION["Timeout"] <= 300


def test_function_is_published_traced_and_logged_with_an_end():
    """Every deployment is a version behind the alias; traces are on; logs do not stay for ever."""
    assert FUNCTION["AutoPublishAlias"]
    assert FUNCTION["AutoPublishAliasAllProperties"] is True
    assert FUNCTION["Tracing"] == "Active"
    group = FUNCTION["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources(MAIN, "AWS::Logs::LogGroup")[group]["RetentionInDays"]


def test_handler_is_a_function_of_the_sources():
    """The handler's module is a file that the artefact carries."""
    module, _, name = FUNCTION["Handler"].rpartition(".")
    assert name == "handler"
    assert module.split(".")[0] == "enricher"


# ---- the lake -----------------------------------------------------------------------------------------------------


def test_bucket_is_private_encrypted_and_outlives_the_stack():
    """Nothing public, everything encrypted, and neither deletion nor replacement takes the data along."""
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(BUCKET["PublicAccessBlockConfiguration"]) == 4
    assert BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    resource = MAIN["Resources"]["LakeBucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_what_writes_to_the_bucket_also_expires():
    """Every prefix that a role may write has a lifecycle rule, so nothing piles up; the refresher cleans up itself."""
    writable = set()
    for statement in statements(resources(MAIN, "AWS::IAM::Role")):
        if "s3:PutObject" in statement["Action"]:
            writable |= set(re.findall(r"LakeBucket\.Arn\}/([a-z_-]+/)\*", text(statement["Resource"])))
    writable.remove("inventory/")
    rules = text(BUCKET["LifecycleConfiguration"]["Rules"])
    assert writable == {"flow_logs/", "rejected/", "delivered/", "processing-failed/", "source/"}
    assert {prefix for prefix in writable if f" {prefix} " in rules} == writable


def test_catalog_has_the_lake_s_columns_in_order():
    """Names, types and order of the Glue table are the schema's."""
    table = resources(GLUE, "AWS::Glue::Table")["FlowLogsTable"]["TableInput"]
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert columns == [(column.name, column.glue_type) for column in lake_columns()]
    assert ("src_tags", "map<string,string>") in columns
    assert ("end", "bigint") in columns


def test_partition_keys_are_strings():
    """Typed keys would let engines read '03' as 3; the path says '03'."""
    keys = resources(GLUE, "AWS::Glue::Table")["FlowLogsTable"]["TableInput"]["PartitionKeys"]
    assert [(key["Name"], key["Type"]) for key in keys] == [(name, "string") for name in PARTITION_COLUMNS]
    assert PARTITION_COLUMNS == ("aws_region", "day", "hour")


def test_table_reads_raw_objects_only():
    """The table lies at flow_logs/ and has no partition projection, which would hide registered partitions."""
    table = resources(GLUE, "AWS::Glue::Table")["FlowLogsTable"]["TableInput"]
    assert table["StorageDescriptor"]["Location"] == {"Fn::Sub": "s3://${LakeBucketName}/flow_logs/"}
    assert not [key for key in table["Parameters"] if key.startswith("projection.")]


# ---- the template itself ------------------------------------------------------------------------------------------


def test_every_parameter_is_grouped_described_used_and_has_a_default():
    """The console shows parameters in groups, and a first deployment works without typing any."""
    interface = MAIN["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in interface for name in group["Parameters"]]
    assert sorted(grouped) == sorted(MAIN["Parameters"])
    for name, parameter in MAIN["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name


def test_outputs_say_what_to_do_next():
    """The first output is a command that fits the stack as deployed."""
    first = next(iter(MAIN["Outputs"].values()))
    assert first["Description"].startswith("Next:")
    assert first["Value"]["Fn::Sub"].startswith("aws ec2 create-flow-logs ")


def test_aggregate_has_the_declared_columns_in_order():
    """Names, types and order of the Glue table of hours, its partitions those of the flows."""
    table = resources(GLUE, "AWS::Glue::Table")["FlowsHourlyTable"]["TableInput"]
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert [(column.name, column.glue_type) for column in hourly_columns()] == columns
    assert [column["Name"] for column in table["PartitionKeys"]] == list(PARTITION_COLUMNS)


def test_nobody_leaves_the_workgroup_s_settings():
    """Results are encrypted in the lake's bucket, expire, and no query reads without a limit."""
    configuration = resources(ATHENA, "AWS::Athena::WorkGroup")["WorkGroup"]["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "ScanLimitBytes"}
    result = configuration["ResultConfiguration"]
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert result["OutputLocation"]["Fn::Sub"].endswith("}/athena-results/")
    assert " athena-results/ " in text(BUCKET["LifecycleConfiguration"]["Rules"])


def test_every_view_and_saved_query_is_deployed():
    """Each file once, as it stands, in the workgroup; views first, each after those it reads."""
    deployed = resources(ATHENA, "AWS::Athena::NamedQuery")
    files = [*ROOT.glob("athena/views/*.sql"), *ROOT.glob("athena/queries/*.sql")]
    assert sorted(query["QueryString"] for query in deployed.values()) == sorted(file.read_text() for file in files)
    assert {query["WorkGroup"]["Ref"] for query in deployed.values()} == {"WorkGroup"}
    views = [query["Name"].split()[-1] for query in deployed.values() if query["Name"].startswith("view ")]
    assert [query["Name"] for query in deployed.values()][: len(views)] == [
        f"view {number} {name}" for number, name in enumerate(views, 1)
    ]
    assert views.index("flow_rows") < views.index("flows_once") < views.index("flow_costs")
    assert views.index("prices") < views.index("hourly_costs")


@pytest.mark.parametrize("path", TEMPLATES)
def test_template_is_ascii(path):
    """CloudFormation shows other characters as question marks."""
    assert (ROOT / path).read_text(encoding="utf-8").isascii()


def test_all_templates_are_listed():
    """A template that no test reads would be deployed unread."""
    found = {
        str(path.relative_to(ROOT))
        for pattern in ("*.yaml", "glue/*.yaml", "athena/*.yaml", "quicksight/*.yaml")
        for path in ROOT.glob(pattern)
    }
    assert found == set(TEMPLATES)


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
