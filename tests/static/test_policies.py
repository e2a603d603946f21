"""Who may do what: trusts name their caller, permissions name their actions and resources."""

import re

import pytest
from static.deployed import main_stack, nested_stack
from static.templates import ROOT, TEMPLATES, listed, load, resources, statements, text

from enricher.ipam import reads_of
from enricher.scan import ESSENTIAL, OPTIONAL
from enricher.stream_facts import FLOW_LOGS

MAIN = load("template.yaml")

# Every action that is allowed on all resources, because AWS takes none for it. Additions need a reason here:
# Describe actions, tag:GetResources and X-Ray's two have no resource types (service authorization reference), and of
# GetIpamResourceCidrs nobody has told (docs/unverified.md); PutMetricData and the log deliveries take none either. All
# but X-Ray's are held to regions or a namespace instead. In a key's own policy the star is the key itself.
REVIEWED_ON_ALL_RESOURCES = {
    "autoscaling:DescribeAutoScalingInstances",
    "cloudwatch:PutMetricData",
    "ec2:DescribeAddresses",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeInstances",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeTransitGatewayAttachments",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:GetIpamResourceCidrs",
    "elasticloadbalancing:DescribeLoadBalancers",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "tag:GetResources",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


# Who administers a key: the account, which leaves it to its IAM policies. Without this nobody could ever manage the key
# again (AWS KMS developer guide, "Default key policy").
ACCOUNT_ADMINISTERS_ITS_KEY = {
    "Sid": "LeaveItToIam",
    "Effect": "Allow",
    "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
    "Action": "kms:*",
    "Resource": "*",
}


def allowed(template):
    """All statements of a template that allow something, but for the account's hold on its own keys."""
    keys = [statement for key in resources(template, "AWS::KMS::Key").values() for statement in statements(key)]
    assert keys.count(ACCOUNT_ADMINISTERS_ITS_KEY) == len(resources(template, "AWS::KMS::Key"))
    return [
        statement
        for statement in statements(template["Resources"])
        if statement["Effect"] == "Allow" and statement not in keys
    ] + [{**statement, "Resource": "this key"} for statement in keys if statement != ACCOUNT_ADMINISTERS_ITS_KEY]


def role_actions(name):
    """Every action that a role of the main template allows."""
    policies = resources(MAIN, "AWS::IAM::Role")[name]["Policies"]
    return {action for statement in statements(policies) for action in listed(statement["Action"])}


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_service_that_is_let_in_comes_from_this_account_and_a_named_resource(path):
    """A statement with a service as principal has aws:SourceAccount and aws:SourceArn, both bound to this account."""
    for statement in allowed(load(path)):
        principal = statement.get("Principal")
        if not isinstance(principal, dict) or "Service" not in principal:
            continue
        condition = statement["Condition"]
        assert condition["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        sources = listed(condition["ArnLike"]["aws:SourceArn"])
        assert sources
        for source in sources:
            own = r"arn:\$\{AWS::Partition\}:[a-z]+:\$\{AWS::Region\}:\$\{AWS::AccountId\}:"
            # A name, a name with a version, names of ours that begin alike; of log delivery no more is known.
            named = r"([^*]+(:\*)?|alarm:\$\{ServiceName\}-\*)"
            of_log_delivery = path == "member-account.yaml" and text(source).endswith("${AWS::AccountId}:*")
            assert re.fullmatch(own + named, text(source)) or of_log_delivery


def test_each_role_trusts_exactly_one_service():
    """The functions' roles are Lambda's, the stream's is Firehose's, the jobs' Glue's, and nobody else's."""
    trusts = {
        name: [statement["Principal"] for statement in statements(role["AssumeRolePolicyDocument"])]
        for path in TEMPLATES
        for name, role in resources(load(path), "AWS::IAM::Role").items()
        if name not in ("CrossAccountRole", "InventoryRole")
    }
    of_lambda = [{"Service": "lambda.amazonaws.com"}]
    of_glue = [{"Service": "glue.amazonaws.com"}]
    assert {name: trust for name, trust in trusts.items() if not name.startswith("QuickSight")} == {
        "TransformRole": of_lambda,
        "RefreshRole": of_lambda,
        "DeploymentRole": of_lambda,
        "StreamRole": [{"Service": "firehose.amazonaws.com"}],
        "CrawlerRole": of_glue,
        "CompactRole": of_glue,
        "BackfillRole": of_glue,
        "DeliveryRole": [{"Service": "delivery.logs.amazonaws.com"}],
    }


def trusted_names(stack, role):
    """The resource names at the end of the ARNs that a deployed role's trust accepts, without a version."""
    (trust,) = statements(stack.properties(role)["AssumeRolePolicyDocument"])
    arns = [source.removesuffix(":*") for source in listed(trust["Condition"]["ArnLike"]["aws:SourceArn"])]
    return {re.split("function:|deliverystream/|job/|crawler/", arn)[-1] for arn in arns}


def test_trusts_name_the_resources_that_use_the_roles():
    """The names in the trusts are put together by hand; they are those of functions, stream, jobs and crawler."""
    stack = main_stack()
    jobs, catalog = nested_stack(stack, "Jobs"), nested_stack(stack, "Catalog")
    for name in ("Transform", "Refresh", "Deployment"):
        function = stack.properties(f"{name}Function")
        assert trusted_names(stack, f"{name}Role") == {function["FunctionName"]}
        assert function["Role"] == f"<{name}Role.Arn>"
    assert trusted_names(stack, "StreamRole") == {stack.properties("DeliveryStream")["DeliveryStreamName"]}
    for name in ("Compact", "Backfill"):
        assert trusted_names(jobs, f"{name}Role") == {jobs.properties(f"{name}Job")["Name"]}
        assert jobs.properties(f"{name}Job")["Role"] == f"<{name}Role.Arn>"
    assert trusted_names(catalog, "CrawlerRole") == {catalog.properties("Crawler")["Name"]}


def test_who_creates_views_may_look_for_the_default_database_and_no_more_there():
    """Athena asks for it whatever the statement names; without the right the first deployment ends there."""
    found = {
        action
        for statement in statements(main_stack().properties("DeploymentRole")["Policies"])
        if any(resource.endswith(":database/default") for resource in listed(statement["Resource"]))
        for action in listed(statement["Action"])
    }
    assert found == {"glue:GetDatabase"}


@pytest.mark.parametrize("path", TEMPLATES)
def test_allowed_actions_are_written_out(path):
    """No wildcard in any allowed action: what a role can do is read off the template."""
    for statement in allowed(load(path)):
        assert "NotAction" not in statement
        assert not [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("path", TEMPLATES)
def test_all_resources_are_allowed_only_for_the_reviewed_actions(path):
    """A bare star as resource stands only beside actions that take no resource."""
    for statement in allowed(load(path)):
        assert "NotResource" not in statement
        if "*" in listed(statement.get("Resource", [])):
            assert set(listed(statement["Action"])) <= REVIEWED_ON_ALL_RESOURCES


def test_list_of_reviewed_actions_has_no_leftovers():
    """An action that no statement allows any more leaves the reviewed list too."""
    used = {
        action
        for path in TEMPLATES
        for statement in allowed(load(path))
        if "*" in listed(statement.get("Resource", []))
        for action in listed(statement["Action"])
    }
    assert used == REVIEWED_ON_ALL_RESOURCES


def bound_regions(role):
    """The regions to which a role's statements with actions on all resources are held, X-Ray's left out."""
    return [
        statement["Condition"]["StringEquals"]["aws:RequestedRegion"]
        for statement in statements(resources(MAIN, "AWS::IAM::Role")[role]["Policies"])
        if statement["Resource"] == "*" and not str(statement["Action"]).startswith("['xray:")
    ]


def test_reads_stay_in_the_regions_they_are_for():
    """Where AWS takes no resource, the region is the narrowest bound there is: our own, unless others are named."""
    own = {"Ref": "AWS::Region"}
    assert bound_regions("TransformRole") == [own]
    assert bound_regions("RefreshRole") == [
        {"Fn::If": ["HasRegions", {"Fn::Split": [",", {"Ref": "RefreshRegions"}]}, own]},
        {"Fn::If": ["HasIpamRegion", {"Ref": "IpamRegion"}, own]},
    ]


def test_function_may_ask_ec2_exactly_what_its_code_asks():
    """The Describe actions of the role are the calls in enricher/ec2.py, the only caller of EC2."""
    code = (ROOT / "src" / "enricher" / "ec2.py").read_text(encoding="utf-8")
    called = {"".join(word.title() for word in name.split("_")) for name in re.findall(r'"(describe_[a-z_]+)"', code)}
    assert "DescribeNetworkInterfaces" in called
    assert {action for action in role_actions("TransformRole") if action.startswith("ec2:")} == {
        f"ec2:{name}" for name in called
    }


def test_function_may_add_to_the_lake_but_never_delete_or_read_flow_records():
    """Its S3 rights: put flow logs and rejects, read the inventory, tell absent from forbidden."""
    assert {action for action in role_actions("TransformRole") if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    }
    for policy in resources(MAIN, "AWS::IAM::Role")["TransformRole"]["Policies"]:
        for statement in statements(policy):
            if statement["Action"] == "s3:GetObject":
                assert statement["Resource"] == {"Fn::Sub": "${LakeBucket.Arn}/inventory/*"}


def reads():
    """What a policy calls every call of the scans."""
    return {read.action for read in (*ESSENTIAL, *OPTIONAL, FLOW_LOGS, *reads_of("ipam-scope-0"))}


def test_refresher_may_read_exactly_what_its_code_reads():
    """The actions on all resources are those of the reads that scan.py, stream_facts.py and ipam.py declare."""
    policies = resources(MAIN, "AWS::IAM::Role")["RefreshRole"]["Policies"]
    allowed_on_all = {
        action
        for policy in policies
        if policy["PolicyName"] == "inventory"
        for statement in statements(policy)
        for action in listed(statement["Action"])
    }
    assert allowed_on_all == reads() | {"sts:AssumeRole"}


def test_refresher_publishes_cleans_up_and_registers_and_no_more():
    """It writes below inventory/, deletes snapshots alone, touches one table; it never sees a flow record."""
    (lake,) = (p for p in resources(MAIN, "AWS::IAM::Role")["RefreshRole"]["Policies"] if p["PolicyName"] == "lake")
    found = {
        tuple(listed(statement["Action"])): [text(each) for each in listed(statement["Resource"])]
        for statement in statements(lake)
    }
    catalog = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:"
    assert found == {
        ("s3:GetObject", "s3:PutObject"): ["${LakeBucket.Arn}/inventory/*"],
        ("s3:DeleteObject",): ["${LakeBucket.Arn}/inventory/*.parquet"],
        ("s3:ListBucket",): ["LakeBucket.Arn"],
        ("glue:BatchCreatePartition", "glue:GetTable"): [
            f"{catalog}catalog",
            f"{catalog}database/${{DatabaseName}}",
            f"{catalog}table/${{DatabaseName}}/flow_logs",
        ],
    }


def test_refresher_assumes_the_roles_it_is_told_of_and_no_others():
    """The role's own statement for them names the parameters."""
    assumed = [
        statement["Resource"]
        for statement in statements(resources(MAIN, "AWS::IAM::Role")["RefreshRole"]["Policies"])
        if statement["Action"] == "sts:AssumeRole"
    ]
    assert assumed == [{"Ref": "RefreshRoles"}, {"Ref": "IpamRole"}]


def rights(stack, role):
    """Every action that a deployed role allows on objects of the lake, with their prefixes."""
    found = {}
    for statement in statements(stack.properties(role)["Policies"]):
        for resource in listed(statement["Resource"]):
            prefix = re.fullmatch(r"arn:aws:s3:::a-lake/(.*)\*", resource)
            for action in listed(statement["Action"]) if prefix else []:
                found.setdefault(action.removeprefix("s3:"), set()).add(prefix[1])
    return found


def test_compaction_writes_its_own_folders_and_deletes_only_what_it_replaces():
    """Raw objects it reads and deletes but never writes, manifests it writes but never deletes, inventory it reads."""
    told = rights(nested_stack(main_stack(), "Jobs"), "CompactRole")
    assert told["PutObject"] == {"flow_logs_compacted/", "flows_hourly/", "compaction/manifests/", "compaction/marked/"}
    assert told["DeleteObject"] == {
        "flow_logs/", "flow_logs_compacted/", "flows_hourly/", "backfill/", "compaction/marked/"
    }  # fmt: skip
    assert told["GetObject"] == {
        "flow_logs/", "flow_logs_compacted/", "flows_hourly/", "backfill/", "compaction/", "inventory/", "code/"
    }  # fmt: skip
    assert set(told) == {"PutObject", "DeleteObject", "GetObject", "AbortMultipartUpload"}


def test_backfill_adds_to_the_lake_and_deletes_nothing():
    """It writes raw and staged objects, rejects and marks; it reads its source, which may be another bucket."""
    stack = main_stack(BackfillBucket="delivered-logs")
    told = rights(nested_stack(stack, "Jobs"), "BackfillRole")
    assert told["PutObject"] == {"flow_logs/", "backfill/", "rejected/", "compaction/marked/"}
    assert not [action for action in told if "Delete" in action]
    for chosen, others in (
        (stack, {"arn:aws:s3:::delivered-logs", "arn:aws:s3:::delivered-logs/*"}),
        (main_stack(), set()),
    ):
        policies = nested_stack(chosen, "Jobs").properties("BackfillRole")["Policies"]
        named = {resource for statement in statements(policies) for resource in listed(statement["Resource"])}
        assert {arn for arn in named if arn.startswith("arn:aws:s3:") and ":a-lake" not in arn} == others


def test_jobs_count_hours_in_our_namespace_alone():
    """PutMetricData takes no resource; the namespace is the bound."""
    (statement,) = (
        statement
        for statement in statements(nested_stack(main_stack(), "Jobs").resources)
        if statement["Action"] == "cloudwatch:PutMetricData"
    )
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "VpcFlowLogEnrichment"}}


def test_crawler_cannot_turn_a_compacted_hour_back():
    """It may add partitions of one table; it can neither update nor delete one, nor read what compaction wrote."""
    catalog = nested_stack(main_stack(), "Catalog")
    actions = {
        action
        for statement in statements(catalog.properties("CrawlerRole")["Policies"])
        for action in listed(statement["Action"])
    }
    assert not [action for action in actions if re.search("Update|Delete|Put(?!LogEvents)", action)]
    assert rights(catalog, "CrawlerRole") == {"GetObject": {"flow_logs/"}}


def test_deployment_function_publishes_code_and_creates_views_and_no_more():
    """It writes code/ and query results, deletes nothing, invokes the refresher's alias, queries in one workgroup."""
    stack = main_stack()
    assert rights(stack, "DeploymentRole")["PutObject"] == {"code/", "athena-results/"}
    by_action = {
        action: statement["Resource"]
        for statement in statements(stack.properties("DeploymentRole")["Policies"])
        for action in listed(statement["Action"])
    }
    assert not [action for action in by_action if "Delete" in action]
    assert by_action["lambda:InvokeFunction"] == "<RefreshFunction.Alias>"
    assert by_action["athena:StartQueryExecution"].endswith(":workgroup/flows")


def test_alarms_may_publish_to_their_topic_alone_and_nobody_unencrypted():
    """Topic and key are CloudWatch's, for alarms of this stack; plain HTTP is refused to everybody."""
    monitoring = nested_stack(main_stack(), "Monitoring")
    alarms = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:flows-*"
    by_sid = {statement["Sid"]: statement for statement in statements(monitoring.properties("TopicPolicy"))}
    assert by_sid["LetAlarmsPublish"]["Condition"]["ArnLike"] == {"aws:SourceArn": alarms}
    assert by_sid["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    of_key = {statement["Sid"]: statement for statement in statements(monitoring.properties("TopicKey"))}
    assert of_key["LetAlarmsPublish"]["Condition"]["ArnLike"] == {"aws:SourceArn": alarms}
    assert monitoring.properties("Topic")["KmsMasterKeyId"] == "<TopicKey>"


def test_stream_cannot_write_where_the_function_writes():
    """The stream's own prefixes are apart from flow_logs/ and rejected/, and it never deletes."""
    assert not [action for action in role_actions("StreamRole") if "Delete" in action]
    for statement in statements(resources(MAIN, "AWS::IAM::Role")["StreamRole"]["Policies"]):
        assert "flow_logs" not in text(statement["Resource"])
        assert "rejected" not in text(statement["Resource"])


def denials():
    """The bucket policy's statements by Sid; all of them deny."""
    (policy,) = resources(MAIN, "AWS::S3::BucketPolicy").values()
    found = {statement["Sid"]: statement for statement in statements(policy)}
    assert {statement["Effect"] for statement in found.values()} == {"Deny"}
    return found


def test_bucket_refuses_plain_http():
    """Everybody, every action, bucket and objects: only over TLS."""
    tls = denials()["TlsOnly"]
    assert (tls["Principal"], tls["Action"]) == ("*", "s3:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert [text(resource) for resource in tls["Resource"]] == ["LakeBucket.Arn", "${LakeBucket.Arn}/*"]


def test_flow_logs_and_code_are_written_only_where_nothing_is_yet():
    """Creating an object under flow_logs/ or code/ without If-None-Match is refused to everybody."""
    once = denials()["FlowLogsAndCodeAreWrittenOnce"]
    assert (once["Principal"], once["Action"]) == ("*", "s3:PutObject")
    assert [text(resource) for resource in once["Resource"]] == [
        "${LakeBucket.Arn}/flow_logs/*",
        "${LakeBucket.Arn}/code/*",
    ]
    assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
