"""Who may do what: trusts name their caller, permissions name their actions and resources."""

import re

import pytest
from static.templates import ROOT, TEMPLATES, listed, load, resources, statements, text

MAIN = load("template.yaml")

# Every action that is allowed on all resources, because AWS takes none for it. Additions need a reason here:
# EC2's Describe actions and X-Ray's two have no resource types (service authorization reference); the Describe actions
# are held to the stack's own region instead.
REVIEWED_ON_ALL_RESOURCES = {
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeTransitGatewayAttachments",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def allowed(template):
    """All statements of a template that allow something."""
    return [statement for statement in statements(template["Resources"]) if statement["Effect"] == "Allow"]


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
            assert re.fullmatch(
                r"arn:\$\{AWS::Partition\}:[a-z]+:\$\{AWS::Region\}:\$\{AWS::AccountId\}:[^*]+(:\*)?", text(source)
            )


def test_both_roles_trust_exactly_one_service():
    """The function's role is Lambda's, the stream's is Firehose's, and nobody else's."""
    trusts = {
        name: [statement["Principal"] for statement in statements(role["AssumeRolePolicyDocument"])]
        for name, role in resources(MAIN, "AWS::IAM::Role").items()
    }
    assert trusts == {
        "TransformRole": [{"Service": "lambda.amazonaws.com"}],
        "StreamRole": [{"Service": "firehose.amazonaws.com"}],
    }


def trusted_names(role):
    """The resource names at the end of the ARNs that a role's trust accepts, without a version."""
    (trust,) = statements(resources(MAIN, "AWS::IAM::Role")[role]["AssumeRolePolicyDocument"])
    arns = [text(source).removesuffix(":*") for source in listed(trust["Condition"]["ArnLike"]["aws:SourceArn"])]
    return {re.split("function:|deliverystream/", arn)[-1] for arn in arns}


def test_trusts_name_the_resources_that_use_the_roles():
    """The names in the trusts are put together by hand; they are those of function and stream."""
    function = resources(MAIN, "AWS::Serverless::Function")["TransformFunction"]
    stream = resources(MAIN, "AWS::KinesisFirehose::DeliveryStream")["DeliveryStream"]
    assert function["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-transform"}
    assert trusted_names("TransformRole") == {"${AWS::StackName}-transform"}
    assert stream["DeliveryStreamName"] == {"Ref": "AWS::StackName"}
    assert trusted_names("StreamRole") == {"${AWS::StackName}"}


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


def test_describe_calls_stay_in_the_stack_s_region():
    """Where AWS takes no resource, the region is the narrowest bound there is."""
    for statement in allowed(MAIN):
        if any(action.startswith("ec2:") for action in listed(statement["Action"])):
            assert statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == {"Ref": "AWS::Region"}


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


def test_flow_logs_are_written_only_where_nothing_is_yet():
    """Creating an object under flow_logs/ without If-None-Match is refused to everybody."""
    once = denials()["FlowLogsAreWrittenOnce"]
    assert (once["Principal"], once["Action"]) == ("*", "s3:PutObject")
    assert once["Resource"] == {"Fn::Sub": "${LakeBucket.Arn}/flow_logs/*"}
    assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
