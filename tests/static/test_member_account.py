"""What another account deploys: who may read there, and how its flow logs reach our stream."""

import pytest
from static.deployed import MEMBER, Deployed, main_stack
from static.templates import load, resources, statements

from enricher.ipam import reads_of
from enricher.scan import ESSENTIAL, OPTIONAL
from enricher.stream_facts import FLOW_LOGS


def test_role_of_another_account_may_do_what_the_refresher_does_there():
    """Its reads are the refresher's; it trusts the refresher's role alone, with the external id."""
    role = resources(load("member-account.yaml"), "AWS::IAM::Role")["InventoryRole"]
    (trust,) = statements(role["AssumeRolePolicyDocument"])
    assert trust["Principal"] == {"AWS": {"Ref": "RefreshRoleArn"}}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    (granted,) = statements(role["Policies"])
    assert set(granted["Action"]) == {
        read.action for read in (*ESSENTIAL, *OPTIONAL, FLOW_LOGS, *reads_of("ipam-scope-0"))
    }
    for typed, regions in (("", "eu-west-1"), ("eu-west-1,us-east-1", ["eu-west-1", "us-east-1"])):
        member = Deployed("member-account.yaml", MEMBER | {"Regions": typed})
        (granted,) = statements(member.properties("InventoryRole")["Policies"])
        assert granted["Condition"] == {"StringEquals": {"aws:RequestedRegion": regions}}


def test_flow_logs_of_another_account_go_from_its_role_to_ours_and_no_further():
    """Its role is log delivery's, for VPCs of its account, and leads to one role; ours takes it of named accounts.

    What ours may do is what AWS demands: tag this stream, and make the service-linked role of log delivery (VPC user
    guide, "IAM roles for cross account delivery").
    """
    stack = main_stack(SourceAccounts="222233334444,333344445555")
    central = stack.properties("CrossAccountRole")
    member = Deployed("member-account.yaml", MEMBER)
    delivery = member.properties("DeliveryRole")
    assert central["RoleName"] == "AWSLogDeliveryFirehoseCrossAccountRole-0a1b2c3d"
    (trust,) = statements(central["AssumeRolePolicyDocument"])
    assert trust["Principal"] == {"AWS": ["222233334444", "333344445555"]}
    assert trust["Condition"] == {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{delivery['RoleName']}"}}
    granted = {statement["Action"]: statement for statement in statements(central["Policies"])}
    assert set(granted) == {"firehose:TagDeliveryStream", "iam:CreateServiceLinkedRole"}
    assert granted["firehose:TagDeliveryStream"]["Resource"] == MEMBER["StreamArn"]
    assert granted["iam:CreateServiceLinkedRole"]["Resource"].endswith("/AWSServiceRoleForLogDelivery*")
    by_sid = {statement["Sid"]: statement for statement in statements(delivery["Policies"])}
    assert by_sid["ReachTheStreamsAccount"]["Resource"] == MEMBER["CrossAccountRoleArn"]
    passing = by_sid["BePassedForVpcsAlone"]
    assert passing["Resource"].endswith(f":role/{delivery['RoleName']}")
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "delivery.logs.amazonaws.com"}
    flow_log = member.properties("FlowLog")
    assert flow_log["DeliverLogsPermissionArn"] == "<DeliveryRole.Arn>"
    assert flow_log["DeliverCrossAccountRole"] == MEMBER["CrossAccountRoleArn"]
    assert (flow_log["LogDestination"], flow_log["LogFormat"]) == (MEMBER["StreamArn"], MEMBER["LogFormat"])
    assert "CrossAccountRole" not in main_stack().resources


@pytest.mark.parametrize("missing", ["ExternalId", "StreamArn", "CrossAccountRoleArn", "LogFormat"])
def test_another_account_s_stack_is_refused_half_filled_in(missing):
    """A role without external id, or a flow log without destination or with AWS's format, would be worse than none."""
    assert Deployed("member-account.yaml", MEMBER).objections() == []
    (objection,) = Deployed("member-account.yaml", MEMBER | {missing: ""}).objections()
    assert missing in objection


def test_another_account_s_stack_makes_what_it_is_asked_for():
    """The inventory role alone, the flow log alone, or both."""
    role_alone = Deployed("member-account.yaml", MEMBER | {"VpcId": ""})
    assert set(role_alone.resources) == {"InventoryRole"}
    flow_log_alone = Deployed("member-account.yaml", MEMBER | {"RefreshRoleArn": ""})
    assert set(flow_log_alone.resources) == {"DeliveryRole", "FlowLog"}
