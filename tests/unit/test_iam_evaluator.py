"""The evaluator of policies that the role tests rely on, against cases worked out by hand from IAM's rules."""

import pytest
from recorded.actions import filled, needs

from workbench.cloud.policies import PolicyError, Request, is_allowed

LAKE = "arn:aws:s3:::lake"


def allow(actions="s3:GetObject", resources=f"{LAKE}/a/*", **condition: object):
    """A statement that allows."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition}


DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{LAKE}/*"}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "expected"),
    [
        ([], "s3:GetObject", f"{LAKE}/a/x", False),
        ([allow()], "s3:GetObject", f"{LAKE}/a/x", True),
        ([allow()], "s3:getobject", f"{LAKE}/a/x/y", True),
        ([allow()], "s3:GetObjectAcl", f"{LAKE}/a/x", False),
        ([allow()], "s3:GetObject", f"{LAKE}/b/x", False),
        ([allow()], "s3:GetObject", f"{LAKE}/A/x", False),
        ([allow(["s3:PutObject", "s3:Get*"])], "s3:GetObject", f"{LAKE}/a/x", True),
        ([allow(resources=[LAKE, f"{LAKE}/?/x"])], "s3:GetObject", f"{LAKE}/b/x", True),
        ([allow(resources=f"{LAKE}/a.b")], "s3:GetObject", f"{LAKE}/acb", False),
        ([allow(resources="*")], "s3:GetObject", "*", True),
        ([allow(), DENY], "s3:GetObject", f"{LAKE}/a/x", False),
        ([DENY, allow()], "s3:GetObject", f"{LAKE}/a/x", False),
        ([DENY, allow("s3:ListBucket", LAKE)], "s3:ListBucket", LAKE, True),
    ],
)
def test_a_request_is_allowed_by_some_statement_and_denied_by_none(statements, action, resource, expected):
    """Actions without case, resources with it; a denial wins wherever it stands."""
    assert is_allowed(statements, Request(action, resource)) is expected


@pytest.mark.parametrize(
    ("operator", "keys", "context", "expected"),
    [
        (
            "StringEquals",
            {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]},
            {"aws:RequestedRegion": "eu-west-2"},
            True,
        ),
        ("StringEquals", {"aws:RequestedRegion": "eu-west-1"}, {"aws:requestedregion": "eu-west-1"}, True),
        ("StringEquals", {"aws:RequestedRegion": "eu-west-1"}, {"aws:RequestedRegion": "EU-WEST-1"}, False),
        ("StringEquals", {"aws:RequestedRegion": "eu-west-*"}, {"aws:RequestedRegion": "eu-west-1"}, False),
        ("StringEquals", {"aws:RequestedRegion": "eu-west-1"}, {}, False),
        ("StringEqualsIfExists", {"aws:RequestedRegion": "eu-west-1"}, {}, True),
        ("StringEqualsIfExists", {"aws:RequestedRegion": "eu-west-1"}, {"aws:RequestedRegion": "us-east-1"}, False),
        ("StringEquals", {"a": "1", "b": "2"}, {"a": "1", "b": "3"}, False),
        ("StringLike", {"s3:prefix": "flow_logs/*"}, {"s3:prefix": "flow_logs/x"}, True),
        ("ArnLike", {"aws:SourceArn": "arn:aws:glue:*:1:job/x"}, {"aws:SourceArn": "arn:aws:glue:eu:1:job/x"}, True),
        ("Bool", {"aws:SecureTransport": "false"}, {"aws:SecureTransport": "true"}, False),
        ("Bool", {"aws:SecureTransport": False}, {"aws:SecureTransport": "false"}, True),
        ("Null", {"s3:if-none-match": "true"}, {}, True),
        ("Null", {"s3:if-none-match": "true"}, {"s3:if-none-match": "*"}, False),
        ("Null", {"s3:if-none-match": "false"}, {"s3:if-none-match": "*"}, True),
    ],
)
def test_conditions_hold_as_iam_says(operator, keys, context, expected):
    """Values of a key are alternatives, keys must all hold, a key that is absent holds for Null and IfExists alone."""
    assert is_allowed([allow(**{operator: keys})], Request("s3:GetObject", f"{LAKE}/a/x", context)) is expected


@pytest.mark.parametrize(
    "statement",
    [
        allow(StringNotEquals={"a": "b"}),
        allow() | {"NotAction": "s3:*"},
        allow() | {"Effect": "Maybe"},
        allow(resources="arn:aws:s3:::lake/${aws:username}/*"),
    ],
)
def test_what_the_evaluator_does_not_know_is_an_error(statement):
    """Nothing is allowed by what nobody has understood."""
    with pytest.raises(PolicyError):
        is_allowed([statement], Request("s3:GetObject", f"{LAKE}/a/x"))


def test_a_call_of_many_objects_needs_the_right_to_each():
    """DeleteObjects names them in a list; a condition key that the call does not tell is absent."""
    keys = [{"Key": "a/1"}, {"Key": "b/2"}]
    assert needs("s3", "DeleteObjects", {"Bucket": "lake", "Delete": {"Objects": keys}}, "eu-west-1") == (
        ("s3:DeleteObject",),
        (f"{LAKE}/a/1", f"{LAKE}/b/2"),
        (("aws:RequestedRegion", "eu-west-1"), ("aws:SecureTransport", "true")),
    )
    assert list(filled("{Prefix}", {})) == []
    assert needs("s3", "NoSuchOperation", {}, "eu-west-1") == ((), (), ())
