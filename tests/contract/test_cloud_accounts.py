"""Several accounts on one cloud: who may assume which role, and faults that meet one account or region alone."""

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import FOREVER, LocalCloud, Refuse
from workbench.cloud.documents import LISTS

ACCOUNTS = ("111111111111", "222222222222")


def role(account):
    """The ARN of the account's role for readers."""
    return f"arn:aws:iam::{account}:role/inventory-reader"


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with a subnet in each account."""
    with LocalCloud() as running:
        for account in ACCOUNTS:
            documents = {"subnets": {"Subnets": [{"SubnetId": f"subnet-{account}"}]}}
            running.replace_inventory(documents, account_id=account)
        yield running


@pytest.fixture
def cloud(shared_cloud):
    """The same without faults; the first account's role demands an external id, the second's none."""
    shared_cloud.clear_faults()
    shared_cloud.reset_calls()
    shared_cloud.allow_roles({role(ACCOUNTS[0]): "vpcflow-7", role(ACCOUNTS[1]): None})
    return shared_cloud


def assume(cloud, account, **parameters: str):
    """Credentials of the account's role, as boto3's clients take them."""
    key = cloud.client("sts").assume_role(RoleArn=role(account), RoleSessionName="test", **parameters)["Credentials"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "aws_session_token": key["SessionToken"],
    }


def refusal_of(call, *arguments: object, **parameters: object):
    """Error code and status that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call(*arguments, **parameters)
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_assumed_credentials_reach_their_own_account(cloud):
    """With the external id, or without where none is demanded, each role sees its account's documents."""
    for account, parameters in ((ACCOUNTS[0], {"ExternalId": "vpcflow-7"}), (ACCOUNTS[1], {})):
        credentials = assume(cloud, account, **parameters)
        assert cloud.client("sts", **credentials).get_caller_identity()["Account"] == account
        (subnet,) = cloud.client("ec2", **credentials).describe_subnets()["Subnets"]
        assert subnet["SubnetId"] == f"subnet-{account}"


@pytest.mark.parametrize("parameters", [{}, {"ExternalId": "vpcflow-8"}], ids=["none", "another"])
def test_without_the_external_id_a_role_is_not_to_be_had(cloud, parameters):
    """AccessDenied, as AWS says it, and no credentials."""
    assert refusal_of(assume, cloud, ACCOUNTS[0], **parameters) == ("AccessDenied", 403)


def test_a_role_that_is_not_there_is_denied(cloud):
    """An account that has not set the role up cannot be told from one that refuses."""
    assert refusal_of(assume, cloud, "999999999999") == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("document", "resource", "service", "method"),
    [
        ("load-balancers", {"LoadBalancerName": "theirs"}, "elbv2", "describe_load_balancers"),
        ("classic-load-balancers", {"LoadBalancerName": "theirs"}, "elb", "describe_load_balancers"),
        ("vpc-endpoints", {"VpcEndpointId": "vpce-theirs"}, "ec2", "describe_vpc_endpoints"),
        ("auto-scaling-instances", {"InstanceId": "i-theirs"}, "autoscaling", "describe_auto_scaling_instances"),
        ("tagged-resources", {"ResourceARN": "arn:aws:sqs:us-east-1:1:q"}, "resourcegroupstaggingapi", "get_resources"),
        ("ipam-scopes", {"IpamScopeId": "ipam-scope-1"}, "ec2", "describe_ipam_scopes"),
        ("flow-logs", {"FlowLogId": "fl-theirs"}, "ec2", "describe_flow_logs"),
    ],
)
def test_every_service_shows_an_account_its_own_and_no_more(cloud, document, resource, service, method):
    """Nothing of another account, nor of the same account's other regions."""
    cloud.replace_inventory({document: {LISTS[document]: [resource]}}, account_id="333333333333")
    cloud.allow_roles({role("333333333333"): None})
    credentials = assume(cloud, "333333333333")
    elsewhere = cloud.client(service), cloud.client(service, "eu-west-1", **credentials)
    assert len(getattr(cloud.client(service, **credentials), method)()[LISTS[document]]) == 1
    assert [getattr(client, method)()[LISTS[document]] for client in elsewhere] == [[], []]


def test_one_account_can_be_denied_alone(cloud):
    """The fault meets its account's calls and no others."""
    cloud.fail("ec2", "DescribeSubnets", Refuse("UnauthorizedOperation"), times=FOREVER, account_id=ACCOUNTS[1])
    first = cloud.client("ec2", **assume(cloud, ACCOUNTS[0], ExternalId="vpcflow-7"))
    second = cloud.client("ec2", **assume(cloud, ACCOUNTS[1]))
    assert refusal_of(second.describe_subnets) == ("UnauthorizedOperation", 403)
    assert len(first.describe_subnets()["Subnets"]) == 1
    assert second.describe_vpcs()["Vpcs"] == []


def test_one_region_can_fail_alone(cloud):
    """The fault waits for the call that it fits."""
    cloud.fail("ec2", "DescribeSubnets", Refuse("Unavailable"), region="eu-west-1")
    assert cloud.client("ec2").describe_subnets()["Subnets"] == []
    assert refusal_of(cloud.client("ec2", "eu-west-1").describe_subnets) == ("Unavailable", 503)
