"""Request limits, on a clock that the test turns."""

import pytest
from botocore.exceptions import ClientError

from workbench.cloud import Bucket, LocalCloud, Throttle

ONE_INTERFACE = {"network-interfaces": {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}]}}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time now."""
        return self.now


@pytest.fixture
def clock():
    """A clock at zero."""
    return Clock()


def granted(call, times):
    """How many of so many calls are answered."""
    return sum(refusal_of(call) is None for _ in range(times))


def refusal_of(call):
    """What a call is refused with, None if it is answered."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def test_awss_own_limits_are_a_hundred_calls_and_fifty_unpaginated(clock):
    """A full bucket grants 100 paged calls; bare calls draw 50 from a bucket of their own."""
    with LocalCloud(ONE_INTERFACE, throttle=Throttle(clock)) as cloud:
        ec2 = cloud.client("ec2")
        assert granted(lambda: ec2.describe_network_interfaces(MaxResults=5), 102) == 100
        assert granted(ec2.describe_network_interfaces, 52) == 50
        assert refusal_of(ec2.describe_network_interfaces) == ("RequestLimitExceeded", 503)


def test_a_bucket_refills_by_the_second_and_no_further_than_full(clock):
    """Half a second gives two of four tokens back, an hour gives four."""
    throttle = Throttle(clock, reading=Bucket(4, 4))
    with LocalCloud(ONE_INTERFACE, throttle=throttle) as cloud:
        ec2 = cloud.client("ec2")
        assert granted(ec2.describe_subnets, 6) == 4
        clock.now += 0.5
        assert granted(ec2.describe_subnets, 4) == 2
        clock.now += 3600
        assert granted(ec2.describe_subnets, 6) == 4


def test_buckets_are_apart_by_operation_region_and_account(clock):
    """Whoever empties one bucket leaves the others full."""
    throttle = Throttle(clock, reading=Bucket(1, 1))
    with LocalCloud(ONE_INTERFACE, throttle=throttle) as cloud:
        role = {"RoleArn": "arn:aws:iam::222222222222:role/reader", "RoleSessionName": "test"}
        key = cloud.client("sts").assume_role(**role)["Credentials"]
        elsewhere = cloud.client(
            "ec2",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
        )
        ec2 = cloud.client("ec2")
        assert granted(ec2.describe_subnets, 2) == 1
        assert granted(ec2.describe_vpcs, 2) == 1
        assert granted(cloud.client("ec2", "eu-west-1").describe_subnets, 2) == 1
        assert granted(elsewhere.describe_subnets, 2) == 1


def test_a_filter_or_a_page_size_spares_the_smaller_bucket(clock):
    """Only calls with neither draw on the bucket for unfiltered and unpaginated ones, and only of two operations."""
    throttle = Throttle(clock, reading=Bucket(3, 1), unpaginated=Bucket(1, 1))
    with LocalCloud(ONE_INTERFACE, throttle=throttle) as cloud:
        ec2 = cloud.client("ec2")
        filtered = {"Filters": [{"Name": "instance-id", "Values": ["i-1"]}]}
        assert granted(lambda: ec2.describe_instances(**filtered), 1) == 1
        assert granted(lambda: ec2.describe_instances(MaxResults=5), 1) == 1
        assert granted(ec2.describe_instances, 2) == 1
        assert granted(ec2.describe_subnets, 4) == 3


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("ec2", "describe_ipams", "RequestLimitExceeded"),
        ("ec2", "describe_vpc_endpoints", "RequestLimitExceeded"),
        ("elb", "describe_load_balancers", "Throttling"),
        ("elbv2", "describe_load_balancers", "Throttling"),
        ("autoscaling", "describe_auto_scaling_instances", "Throttling"),
        ("resourcegroupstaggingapi", "get_resources", "ThrottledException"),
    ],
)
def test_every_service_that_an_inventory_is_read_from_is_limited(clock, service, method, code):
    """Each operation has its bucket, and its service's own word for an empty one."""
    throttle = Throttle(clock, reading=Bucket(2, 1))
    with LocalCloud(throttle=throttle) as cloud:
        call = getattr(cloud.client(service), method)
        assert granted(call, 3) == 2
        assert refusal_of(call)[0] == code
        assert granted(cloud.client("elb" if service == "elbv2" else "elbv2").describe_load_balancers, 1) == 1


def test_other_services_are_not_limited(clock):
    """S3 answers though EC2's buckets are empty."""
    throttle = Throttle(clock, reading=Bucket(0, 0), unpaginated=Bucket(0, 0))
    with LocalCloud(ONE_INTERFACE, throttle=throttle) as cloud:
        assert granted(cloud.client("ec2").describe_regions, 1) == 0
        assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_without_a_throttle_nothing_is_refused():
    """Limits are off unless asked for."""
    with LocalCloud(ONE_INTERFACE) as cloud:
        assert granted(cloud.client("ec2").describe_network_interfaces, 60) == 60
