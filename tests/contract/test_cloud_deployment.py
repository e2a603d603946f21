"""The stand-in cloud on a deployment, beside what AWS documents: stacks, simulated policies, workgroups."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud

ROLE = "arn:aws:iam::123456789012:role/reader"
NESTED = "arn:aws:cloudformation:us-east-1:123456789012:stack/main-Inner/0a1b"


def stack(name: str, identity: str) -> dict[str, str]:
    """As DescribeStacks tells it."""
    made = {"StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-11-21T10:00:00Z"}
    return {"StackName": name, "StackId": identity, **made}


def resource(name: str, identity: str, logical: str) -> dict[str, str]:
    """As DescribeStackResources tells it."""
    return {
        "StackName": name,
        "StackId": identity,
        "LogicalResourceId": logical,
        "PhysicalResourceId": logical.lower(),
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": "CREATE_COMPLETE",
        "Timestamp": "2026-11-21T10:00:00Z",
    }


@pytest.fixture(scope="module")
def cloud():
    """A cloud with two stacks, one of more resources than are told."""
    documents = {
        "stacks": {"Stacks": [stack("main", "arn:main"), stack("main-Inner", NESTED)]},
        "stack-resources": {
            "StackResources": [
                resource("main", "arn:main", "Lake"),
                *(resource("main-Inner", NESTED, f"Bucket{number}") for number in range(120)),
            ]
        },
    }
    with LocalCloud(documents) as running:
        yield running


def refused(call: Any, **parameters: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"]


def test_stack_is_found_by_name_and_by_id(cloud):
    """Nested stacks are known by the ARN that is their physical id; one that is not there is a ValidationError."""
    cloudformation = cloud.client("cloudformation")
    assert cloudformation.describe_stacks(StackName=NESTED)["Stacks"][0]["StackName"] == "main-Inner"
    found = cloudformation.describe_stack_resources(StackName="main")["StackResources"]
    assert [told["PhysicalResourceId"] for told in found] == ["lake"]
    assert refused(cloudformation.describe_stacks, StackName="none") == "ValidationError"
    assert refused(cloudformation.describe_stack_resources, StackName="none") == "ValidationError"


def test_at_most_a_hundred_resources_are_told(cloud):
    """As AWS documents of DescribeStackResources, which has no pages."""
    found = cloud.client("cloudformation").describe_stack_resources(StackName=NESTED)["StackResources"]
    assert len(found) == 100


def test_simulation_decides_by_the_roles_own_policies(cloud):
    """Allowed, refused outright, or just not allowed; conditions by the context that the call gives."""
    iam = cloud.client("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "ec2:DescribeVpcs",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=policy)

    def decisions(resource: str, *actions: str, region: str = "eu-west-1") -> list[str]:
        context = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"}
        answer = iam.simulate_principal_policy(
            PolicySourceArn=ROLE, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=[context]
        )
        return [told["EvalDecision"] for told in answer["EvaluationResults"]]

    asked = ("s3:GetObject", "s3:DeleteObject")
    assert decisions("arn:aws:s3:::lake/a", *asked) == ["allowed", "explicitDeny"]
    assert decisions("arn:aws:s3:::other/a", "s3:GetObject") == ["implicitDeny"]
    assert decisions("*", "ec2:DescribeVpcs") == ["allowed"]
    assert decisions("*", "ec2:DescribeVpcs", region="us-east-1") == ["implicitDeny"]
    missing = {"PolicySourceArn": f"{ROLE}-2", "ActionNames": ["s3:GetObject"]}
    assert refused(iam.simulate_principal_policy, **missing) == "NoSuchEntity"


def test_workgroup_that_is_not_there_is_refused(cloud):
    """Moto alone would answer with nothing."""
    assert refused(cloud.client("athena").get_work_group, WorkGroup="none") == "InvalidRequestException"
    assert cloud.client("athena").get_work_group(WorkGroup="primary")["WorkGroup"]["Name"] == "primary"
