"""Faults that a test plants, and the record of calls, as a boto3 client meets them."""

import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from enricher.errors import SettingsError
from workbench.cloud import ANY_OPERATION, FOREVER, Delay, LocalCloud, Refuse, Reset, Truncate

SUBNETS = {"subnets": {"Subnets": [{"SubnetId": "subnet-1"}]}}


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with one subnet and one bucket."""
    with LocalCloud(SUBNETS) as running:
        running.client("s3").create_bucket(Bucket="lake")
        yield running


@pytest.fixture
def cloud(shared_cloud):
    """The same without faults, calls and objects."""
    shared_cloud.clear_faults()
    shared_cloud.client("s3").delete_object(Bucket="lake", Key="k")
    shared_cloud.reset_calls()
    return shared_cloud


def outcome(call, **parameters: object):
    """The error code that a call ends with, None if it is answered."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def test_a_fault_is_met_so_many_times(cloud):
    """Two planted refusals, then the answer."""
    ec2 = cloud.client("ec2")
    cloud.fail("ec2", "DescribeSubnets", Refuse("RequestLimitExceeded"), times=2)
    assert [outcome(ec2.describe_subnets) for _ in range(3)] == ["RequestLimitExceeded", "RequestLimitExceeded", None]
    assert outcome(ec2.describe_vpcs) is None


def test_a_fault_forever_lasts_until_it_is_cleared(cloud):
    """Every operation of the service fails, other services don't."""
    ec2 = cloud.client("ec2")
    cloud.fail("ec2", ANY_OPERATION, Refuse("UnauthorizedOperation"), times=FOREVER)
    assert {outcome(ec2.describe_subnets), outcome(ec2.describe_regions)} == {"UnauthorizedOperation"}
    assert outcome(cloud.client("s3").list_buckets) is None
    cloud.clear_faults()
    assert outcome(ec2.describe_subnets) is None


def test_faults_are_met_in_the_order_planted(cloud):
    """The oldest fault that fits a call comes first."""
    ec2 = cloud.client("ec2")
    cloud.fail("ec2", "DescribeSubnets", Refuse("InternalError"))
    cloud.fail("ec2", ANY_OPERATION, Refuse("Unavailable"))
    assert [outcome(ec2.describe_subnets) for _ in range(3)] == ["InternalError", "Unavailable", None]


@pytest.mark.parametrize(
    ("service", "method", "parameters", "code", "status"),
    [
        ("ec2", "describe_subnets", {}, "RequestLimitExceeded", 503),
        ("elbv2", "describe_load_balancers", {}, "Throttling", 400),
        ("sts", "get_caller_identity", {}, "ExpiredToken", 400),
        ("s3", "put_object", {"Bucket": "lake", "Key": "k", "Body": b"x"}, "SlowDown", 503),
        ("s3", "put_object", {"Bucket": "lake", "Key": "k"}, "ConditionalRequestConflict", 409),
        ("glue", "get_table", {"DatabaseName": "d", "Name": "t"}, "InternalServiceException", 500),
        ("lambda", "list_functions", {}, "TooManyRequestsException", 429),
        ("elb", "describe_load_balancers", {}, "Throttling", 400),
        ("autoscaling", "describe_auto_scaling_instances", {}, "Throttling", 400),
        ("resourcegroupstaggingapi", "get_resources", {}, "ThrottledException", 429),
        ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}, "Throttling", 400),
    ],
)
def test_a_refusal_speaks_the_protocol_of_its_service(cloud, service, method, parameters, code, status):
    """Code and status arrive in every protocol: EC2, Query, JSON, REST XML and REST JSON."""
    client = cloud.client(service)
    cloud.fail(service, client.meta.method_to_api_mapping[method], Refuse(code, status))
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**parameters)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_refused_call_has_no_effect(cloud):
    """Nothing is stored by a refused put, and its body does not disturb the next request."""
    s3 = cloud.client("s3")
    cloud.fail("s3", "PutObject", Refuse("InternalError"))
    assert outcome(s3.put_object, Bucket="lake", Key="k", Body=b"x" * 1_000_000) == "InternalError"
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 0


@pytest.mark.parametrize(("acted", "stored"), [(False, 0), (True, 1)])
def test_a_reset_comes_before_or_after_the_call_took_effect(cloud, acted, stored):
    """The client sees a closed connection either way, and cannot know whether its object is there."""
    s3 = cloud.client("s3")
    cloud.fail("s3", "PutObject", Reset(acted=acted))
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket="lake", Key="k", Body=b"x")
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == stored


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_an_xml_answer_that_is_cut_off_does_not_parse(cloud, share):
    """The error is none of botocore's exceptions nor a ClientError: who reads EC2 must catch it by its own name."""
    cloud.fail("ec2", "DescribeSubnets", Truncate(share))
    with pytest.raises(ResponseParserError) as refused:
        cloud.client("ec2").describe_subnets()
    assert not isinstance(refused.value, BotoCoreError)
    assert outcome(cloud.client("ec2").describe_subnets) is None


def test_a_json_answer_that_is_cut_off_looks_empty(cloud):
    """Botocore takes it for an answer without its list: who reads one must miss the list, not take it for empty."""
    cloud.fail("resourcegroupstaggingapi", "GetResources", Truncate())
    tagging = cloud.client("resourcegroupstaggingapi")
    assert "ResourceTagMappingList" not in tagging.get_resources()
    assert tagging.get_resources()["ResourceTagMappingList"] == []


def test_an_object_can_be_cut_off_while_it_is_read(cloud):
    """S3's answer begins well; reading its body fails."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket="lake", Key="k", Body=b"x" * 100_000)
    cloud.fail("s3", "GetObject", Truncate())
    body = s3.get_object(Bucket="lake", Key="k")["Body"]
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        body.read()


def test_an_answer_cannot_be_cut_off_behind_its_end():
    """The whole answer is no fault."""
    with pytest.raises(SettingsError, match="share of 1"):
        Truncate(1)


def test_a_delayed_answer_still_comes(cloud):
    """A short delay changes nothing but the time."""
    cloud.fail("ec2", "DescribeSubnets", Delay(0.01))
    assert cloud.client("ec2").describe_subnets()["Subnets"] == [{"SubnetId": "subnet-1"}]


def test_a_client_may_lose_patience(cloud):
    """A delay longer than the client's timeout is a timeout; it does not hold up other calls."""
    cloud.fail("ec2", "DescribeSubnets", Delay(30))
    with pytest.raises(ReadTimeoutError):
        cloud.client("ec2", config=Config(read_timeout=0.05)).describe_subnets()
    assert outcome(cloud.client("ec2").describe_subnets) is None


def test_a_delay_is_bounded():
    """No test can plant a delay that outlasts a test run."""
    with pytest.raises(SettingsError, match="31 s"):
        Delay(31)


def test_calls_are_recorded_with_their_parameters(cloud):
    """Service, operation and parameters of each call, in order: ours typed, S3's from path and headers, JSON's body."""
    cloud.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-1"]}], MaxResults=5)
    cloud.client("s3").put_object(Bucket="lake", Key="flow_logs/a b=1+é.parquet", IfNoneMatch="*", Body=b"x")
    cloud.client("glue", "eu-west-1").get_databases(MaxResults=7)
    subnets, put, databases = cloud.calls
    assert (subnets.service, subnets.operation) == ("ec2", "DescribeSubnets")
    assert subnets.params == {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}], "MaxResults": 5}
    assert (put.service, put.operation) == ("s3", "PutObject")
    assert {"Bucket": "lake", "Key": "flow_logs/a b=1+é.parquet", "IfNoneMatch": "*"}.items() <= put.params.items()
    assert (databases.service, databases.operation, databases.region) == ("glue", "GetDatabases", "eu-west-1")
    assert databases.params == {"MaxResults": 7}
    assert {call.account_id for call in cloud.calls} == {"123456789012"}


def test_refused_calls_count_and_a_reset_count_starts_over(cloud):
    """Every attempt is counted, by service or by operation."""
    ec2 = cloud.client("ec2")
    cloud.fail("ec2", "DescribeSubnets", Refuse("RequestLimitExceeded"))
    for call in (ec2.describe_subnets, ec2.describe_subnets, ec2.describe_vpcs):
        outcome(call)
    outcome(ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}])
    assert (cloud.count("ec2"), cloud.count("ec2", "DescribeSubnets"), cloud.count("s3")) == (4, 2, 0)
    cloud.reset_calls()
    assert cloud.count("ec2") == 0
