"""What is deployed: bucket, catalog, crawler, jobs and workgroup are as the design promises."""

import ast
import json
import re

import pytest
from static.deployed import Deployed, main_stack, nested_stack
from static.templates import ROOT, listed, load, resources, statements

from compaction.settings import SweepSettings
from enricher.hourly import hourly_columns
from enricher.schema import PARTITION_COLUMNS, compacted_columns

GLUE = load("glue/template.yaml")
ATHENA = load("athena/template.yaml")
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"
MULTI_REGION_KEY = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"


# ---- the bucket ---------------------------------------------------------------------------------------------------


def test_bucket_is_private_and_outlives_the_stack():
    """Nothing public, no access lists, and neither deletion nor replacement takes the data along."""
    resource = main_stack().resources["LakeBucket"]
    blocked = resource["Properties"]["PublicAccessBlockConfiguration"]
    assert (set(blocked.values()), len(blocked)) == ({True}, 4)
    (rule,) = resource["Properties"]["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize(
    ("chosen", "key"),
    [("", None), (KEY, KEY), (MULTI_REGION_KEY, MULTI_REGION_KEY), ("new", "<LakeKey.Arn>")],
)
def test_lake_results_and_stream_are_encrypted_by_the_key_that_is_named(chosen, key):
    """Without a key those of S3 and Firehose; else one for bucket (through a bucket key), results and stream."""
    stack = main_stack(KmsKeyArn=chosen)
    (rule,) = stack.properties("LakeBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    results = nested_stack(stack, "Analysis").properties("WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    stream = stack.properties("DeliveryStream")["DeliveryStreamEncryptionConfigurationInput"]
    if key is None:
        assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
        assert stream == {"KeyType": "AWS_OWNED_CMK"}
    else:
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        assert rule == {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_default}
        assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
        assert stream == {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}


def test_a_key_of_our_own_rotates_and_outlives_the_stack():
    """Without it the lake that is kept could not be read; it is made only where `new` is typed."""
    key = main_stack(KmsKeyArn="new").resources["LakeKey"]
    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "LakeKey" not in main_stack(KmsKeyArn=KEY).resources
    assert "LakeKey" not in main_stack().resources


def roles(stack: Deployed):
    """All roles of a stack and of those nested in it, by name."""
    found = {**stack.of_type("AWS::IAM::Role")}
    for name in set(stack.of_type("AWS::CloudFormation::Stack")) & {"Catalog", "Jobs"}:
        found |= nested_stack(stack, name).of_type("AWS::IAM::Role")
    return found


def test_whoever_touches_the_lake_may_use_its_key_through_s3_and_for_nothing_else():
    """Each role with a right on objects has the policy that opens the key, held to S3; without a key there is none."""
    stack = main_stack(KmsKeyArn=KEY)
    touching = {
        name
        for name, role in roles(stack).items()
        for statement in statements(role["Policies"])
        if {"s3:GetObject", "s3:PutObject"} & set(listed(statement["Action"]))
    }
    assert touching == {
        "TransformRole", "RefreshRole", "StreamRole", "DeploymentRole", "CrawlerRole", "CompactRole", "BackfillRole"
    }  # fmt: skip
    assert {
        name for name, role in roles(stack).items() if role.get("ManagedPolicyArns") == ["<UseLakeKey>"]
    } == touching
    (statement,) = statements(stack.properties("UseLakeKey"))
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], KEY)
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    assert not [name for name, role in roles(main_stack()).items() if "ManagedPolicyArns" in role]


def expiring(stack: Deployed):
    """Prefix → days after which S3 deletes what lies there."""
    rules = stack.properties("LakeBucket")["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    return {rule["Prefix"]: int(rule["ExpirationInDays"]) for rule in rules if "Prefix" in rule}


def test_what_is_written_to_the_bucket_also_expires():
    """Every prefix that a role may write has a rule; only inventory/ the refresher cleans up, and code/ has to stay."""
    stack = main_stack(SourceDays="7")
    writable = {
        prefix
        for role in roles(stack).values()
        for statement in statements(role["Policies"])
        if "s3:PutObject" in statement["Action"]
        for prefix in re.findall(r"arn:aws:s3:::(?:a-lake|<LakeBucket>)/([a-z_-]+/)", str(statement["Resource"]))
    }
    assert writable == {
        "flow_logs/", "flow_logs_compacted/", "flows_hourly/", "compaction/", "backfill/", "rejected/", "delivered/",
        "processing-failed/", "source/", "athena-results/", "inventory/", "code/",
    }  # fmt: skip
    assert set(expiring(stack)) == writable - {"inventory/", "code/"}


def test_retention_is_what_is_typed_and_manifests_outlive_their_rows():
    """Rows, sums, failures and source each for their own days; a manifest never goes before the rows it names."""
    days = expiring(main_stack(FlowLogDays="100", HourlyDays="2000", FailureDays="20", SourceDays="7"))
    assert days["flow_logs/"] == days["flow_logs_compacted/"] == days["backfill/"] == 100
    assert days["compaction/"] >= days["flow_logs_compacted/"]
    assert days["flows_hourly/"] == 2000
    assert days["rejected/"] == days["processing-failed/"] == days["delivered/"] == 20
    assert days["source/"] == 7
    assert "source/" not in expiring(main_stack())
    assert expiring(main_stack(OutputMode="json", FlowLogDays="100"))["delivered/"] == 100


def test_parts_of_uploads_that_never_finished_go_too():
    """They cost like objects and nobody sees them."""
    rules = main_stack().properties("LakeBucket")["LifecycleConfiguration"]["Rules"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "Prefix" not in rule] == [
        {"DaysAfterInitiation": 3}
    ]


# ---- the catalog --------------------------------------------------------------------------------------------------


def table(name: str):
    """A Glue table's input."""
    return resources(GLUE, "AWS::Glue::Table")[name]["TableInput"]


def test_catalog_has_the_lake_s_columns_in_order():
    """Names, types and order of the Glue table are the schema's."""
    columns = [(column["Name"], column["Type"]) for column in table("FlowLogsTable")["StorageDescriptor"]["Columns"]]
    assert columns == [(column.name, column.glue_type) for column in compacted_columns()]
    assert ("src_tags", "map<string,string>") in columns
    assert ("end", "bigint") in columns


def test_aggregate_has_the_declared_columns_in_order():
    """Names, types and order of the Glue table of hours, its partitions those of the flows."""
    columns = [(column["Name"], column["Type"]) for column in table("FlowsHourlyTable")["StorageDescriptor"]["Columns"]]
    assert [(column.name, column.glue_type) for column in hourly_columns()] == columns
    assert [column["Name"] for column in table("FlowsHourlyTable")["PartitionKeys"]] == list(PARTITION_COLUMNS)


def test_partition_keys_are_strings():
    """Typed keys would let engines read '03' as 3; the path says '03'."""
    keys = table("FlowLogsTable")["PartitionKeys"]
    assert [(key["Name"], key["Type"]) for key in keys] == [(name, "string") for name in PARTITION_COLUMNS]
    assert PARTITION_COLUMNS == ("aws_region", "day", "hour")


def test_table_reads_raw_objects_only():
    """The table lies at flow_logs/ and has no partition projection, which would hide registered partitions."""
    assert table("FlowLogsTable")["StorageDescriptor"]["Location"] == {"Fn::Sub": "s3://${LakeBucketName}/flow_logs/"}
    assert not [key for key in table("FlowLogsTable")["Parameters"] if key.startswith("projection.")]


def crawler():
    """The crawler as deployed."""
    return nested_stack(main_stack(), "Catalog").properties("Crawler")


def test_crawler_adds_partitions_to_the_declared_table_and_changes_nothing():
    """Its target is the catalog's table of raw objects; schemas are inherited, changes only logged."""
    assert crawler()["Targets"] == {"CatalogTargets": [{"DatabaseName": "<Database>", "Tables": ["<FlowLogsTable>"]}]}
    assert crawler()["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    configuration = json.loads(crawler()["Configuration"])
    assert configuration["CrawlerOutput"]["Partitions"]["AddOrUpdateBehavior"] == "InheritFromTable"


def test_crawler_runs_daily():
    """One minute, one hour, every day; on demand besides."""
    assert re.fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", crawler()["Schedule"]["ScheduleExpression"])


# ---- the jobs -----------------------------------------------------------------------------------------------------


def jobs(**chosen: str):
    """The stack of jobs, parameters of the main one as ``chosen``."""
    return nested_stack(main_stack(**chosen), "Jobs")


@pytest.mark.parametrize(("name", "script"), [("CompactJob", "compact.py"), ("BackfillJob", "backfill.py")])
def test_jobs_run_the_code_that_was_deployed_with_them(name, script):
    """Script, our packages and the pinned ones come from the folder of this version; nothing is fetched elsewhere."""
    job = jobs().properties(name)
    assert job["GlueVersion"] == "5.0"
    assert job["WorkerType"] == "G.1X"
    assert job["Command"]["ScriptLocation"] == f"s3://a-lake/code/7-0a/{script}"
    assert (ROOT / "glue" / script).exists()
    arguments = job["DefaultArguments"]
    assert arguments["--extra-py-files"] == "s3://a-lake/code/7-0a/code.zip"
    assert arguments["--additional-python-modules"] == "s3://a-lake/code/7-0a/dependencies.gluewheels.zip"
    assert arguments["--python-modules-installer-option"] == "--no-index"
    assert job["Timeout"] > 0


def known_arguments(script: str):
    """The names that a job's script gives to argparse."""
    tree = ast.parse((ROOT / "glue" / script).read_text(encoding="utf-8"))
    (parser,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_arguments")
    texts = {node.value for node in ast.walk(parser) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text.removeprefix("--") for text in texts}


@pytest.mark.parametrize(("name", "script"), [("CompactJob", "compact.py"), ("BackfillJob", "backfill.py")])
def test_jobs_are_told_what_their_scripts_ask_for(name, script):
    """Our arguments, in lower case, are the script's own; what is not set is left out rather than given empty."""
    for stack in (jobs(RecordTags="instance-tag=project"), jobs(InventoryKey="", PromotedTags="")):
        arguments = stack.properties(name)["DefaultArguments"]
        ours = {key.removeprefix("--") for key in arguments if re.fullmatch("--[a-z_]+", key)} - {"source"}
        assert {"lake_bucket", "database"} <= ours <= known_arguments(script)
        assert "" not in arguments.values()
    told = jobs(RecordTags="instance-tag=project").properties(name)["DefaultArguments"]
    assert told["--inventory_uri"] == "s3://a-lake/inventory/pointer.json"
    assert told["--record_tags"] == "instance-tag=project"
    assert told["--database"] == "vpc_flow_logs"


def test_jobs_say_their_region_and_whom_a_delivered_bucket_must_let_in():
    """No process of a job has to guess where Glue is; the bucket policy of another account has to name the role."""
    stack = jobs()
    for name in ("CompactJob", "BackfillJob"):
        assert stack.properties(name)["DefaultArguments"]["--aws_region"] == "eu-west-1"
    assert main_stack().outputs["BackfillRoleArn"] == "<Jobs.Outputs.BackfillRoleArn>"
    assert stack.outputs["BackfillRoleArn"] == "<BackfillRole.Arn>"
    assert "BackfillRoleArn" not in main_stack(OutputMode="json").outputs


def test_compaction_deletes_only_what_no_run_and_no_query_still_reads():
    """The shortest grace time that can be typed is longer than the job's timeout and Athena's (30 minutes a query)."""
    parameters = load("template.yaml")["Parameters"]
    assert parameters["CompactionGraceHours"]["MinValue"] * 60 > jobs().properties("CompactJob")["Timeout"] + 30
    least, most = (
        SweepSettings.of(float(parameters["CompactionGraceHours"][end]), float(parameters["CompactionSweepHours"][end]))
        for end in ("MinValue", "MaxValue")
    )
    # An hour of which S3 has deleted the rows and not yet the manifest, or its neighbour's, can only fail.
    assert least.sweep_s < most.sweep_s < parameters["FlowLogDays"]["MinValue"] * 86_400
    arguments = jobs(CompactionGraceHours="30", CompactionSweepHours="72").properties("CompactJob")["DefaultArguments"]
    assert (arguments["--grace_hours"], arguments["--sweep_hours"]) == ("30", "72")


def test_compaction_runs_once_at_a_time_every_hour():
    """Two at once would do the same work; the trigger is on from the start."""
    stack = jobs(CompactionWorkers="10")
    assert stack.properties("CompactJob")["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert int(stack.properties("CompactJob")["NumberOfWorkers"]) == 10
    assert int(jobs().properties("CompactJob")["NumberOfWorkers"]) == 2
    trigger = stack.properties("EveryHour")
    assert re.fullmatch(r"cron\(\d+ \* \* \* \? \*\)", trigger["Schedule"])
    assert (trigger["Type"], trigger["StartOnCreation"]) == ("SCHEDULED", True)
    assert trigger["Actions"] == [{"JobName": "<CompactJob>"}]


def test_jobs_write_to_logs_that_end():
    """Glue's own log groups would stay for ever; both of ours are named by the prefix that the jobs are given."""
    stack = jobs(FunctionLogDays="14")
    groups = {
        group["LogGroupName"]: group["RetentionInDays"] for group in stack.of_type("AWS::Logs::LogGroup").values()
    }
    prefixes = {
        stack.properties(name)["DefaultArguments"]["--custom-logGroup-prefix"] for name in ("CompactJob", "BackfillJob")
    }
    (prefix,) = prefixes
    assert groups == {f"{prefix}/output": "14", f"{prefix}/error": "14"}


# ---- Athena -------------------------------------------------------------------------------------------------------


def test_nobody_leaves_the_workgroup_s_settings():
    """Results stay in the lake's bucket and expire, no query reads without a limit, what it read is counted."""
    stack = nested_stack(main_stack(ScanLimitBytes="20000000"), "Analysis")
    configuration = stack.properties("WorkGroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == "20000000"
    result = configuration["ResultConfiguration"]
    assert result["OutputLocation"] == "s3://a-lake/athena-results/"
    assert result["ExpectedBucketOwner"] == "111122223333"
    assert expiring(main_stack())["athena-results/"] == 30


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
