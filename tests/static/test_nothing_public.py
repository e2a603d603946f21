"""Nothing that a template makes can be reached by everybody."""

import pytest
from static.templates import TEMPLATES, listed, load, resources, statements

# Sources of a Lambda permission that name nobody in particular are refused below; these would open a door beside it.
DOORS = {
    "AWS::Lambda::Url",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
}


@pytest.mark.parametrize("path", TEMPLATES)
def test_nobody_in_general_is_let_in(path):
    """Whoever a policy lets in is named: a service, or accounts; a star stands only where something is refused."""
    for statement in statements(load(path)["Resources"]):
        principal = statement.get("Principal", {})
        assert "NotPrincipal" not in statement
        if statement["Effect"] == "Allow":
            named = (
                [each for who in principal.values() for each in listed(who)]
                if isinstance(principal, dict)
                else principal
            )
            assert "*" not in named


@pytest.mark.parametrize("path", TEMPLATES)
def test_functions_are_invoked_by_named_sources_alone(path):
    """A permission names the service, the account and the resource that may invoke; no function has an address."""
    template = load(path)
    for permission in resources(template, "AWS::Lambda::Permission").values():
        assert permission["Principal"].endswith(".amazonaws.com")
        assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert permission["SourceArn"]
    for function in resources(template, "AWS::Serverless::Function").values():
        assert "FunctionUrlConfig" not in function
        kinds = {event["Type"] for event in function.get("Events", {}).values()}
        assert kinds <= {"Schedule", "ScheduleV2"}
    assert {resource["Type"] for resource in template["Resources"].values()} & DOORS == set()


@pytest.mark.parametrize("path", TEMPLATES)
def test_buckets_block_whatever_would_make_them_public(path):
    """All four switches of every bucket."""
    for bucket in resources(load(path), "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
