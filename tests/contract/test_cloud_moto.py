"""What moto answers on the same endpoint, and how accounts, regions and inventories are kept apart."""

import threading

import pytest
from botocore.exceptions import ClientError

from enricher.errors import InventoryError, SettingsError
from workbench.cloud import LocalCloud


def subnets(*identifiers: str):
    """An inventory of subnets."""
    return {"subnets": {"Subnets": [{"SubnetId": identifier} for identifier in identifiers]}}


@pytest.fixture(scope="module")
def cloud():
    """A running cloud with one subnet in us-east-1."""
    with LocalCloud(subnets("subnet-here")) as running:
        yield running


@pytest.fixture
def bucket(cloud):
    """A bucket of the test's own, emptied before."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="lake")
    for found in s3.list_objects_v2(Bucket="lake").get("Contents", []):
        s3.delete_object(Bucket="lake", Key=found["Key"])
    return "lake"


def subnet_ids(client):
    """Identifiers of the subnets that a client sees."""
    return [subnet["SubnetId"] for subnet in client.describe_subnets()["Subnets"]]


def test_a_conditional_put_is_refused_where_the_object_is(cloud, bucket):
    """The second put with If-None-Match gets 412, and the first object stays."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="flow_logs/a.parquet", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="flow_logs/a.parquet", Body=b"second", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=bucket, Key="flow_logs/a.parquet")["Body"].read() == b"first"


def test_of_many_conditional_puts_at_once_one_wins(cloud, bucket):
    """Eight writers start together: one object, seven 412."""
    s3 = cloud.client("s3")
    together = threading.Barrier(8)
    outcomes = []

    def put(writer) -> None:
        together.wait(timeout=10)
        try:
            s3.put_object(Bucket=bucket, Key="one", Body=str(writer).encode() * 100_000, IfNoneMatch="*")
            outcomes.append(writer)
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=put, args=(writer,)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    (winner,) = [outcome for outcome in outcomes if outcome != "PreconditionFailed"]
    assert len(outcomes) == 8
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == str(winner).encode() * 100_000


def test_partitions_are_registered_in_batches(cloud):
    """Glue's batch_create_partition works on the same endpoint; a partition that is there comes back as an error."""
    glue = cloud.client("glue")
    table = {"DatabaseName": "lake", "TableName": "flow_logs"}
    partitions = [{"Values": ["us-east-1", "2025-11-20", hour]} for hour in ("07", "08")]
    glue.create_database(DatabaseInput={"Name": "lake"})
    keys = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
    glue.create_table(DatabaseName="lake", TableInput={"Name": "flow_logs", "PartitionKeys": keys})
    first = glue.batch_create_partition(**table, PartitionInputList=partitions)
    again = glue.batch_create_partition(**table, PartitionInputList=partitions[:1])
    assert first.get("Errors", []) == []
    assert [error["ErrorDetail"]["ErrorCode"] for error in again["Errors"]] == ["AlreadyExistsException"]
    found = glue.get_partitions(**table, Expression="hour = '08'")["Partitions"]
    assert [partition["Values"] for partition in found] == [["us-east-1", "2025-11-20", "08"]]


def test_an_assumed_role_sees_its_own_account(cloud):
    """The access key decides whose documents are described."""
    cloud.replace_inventory(subnets("subnet-theirs"), account_id="222222222222")
    role = {"RoleArn": "arn:aws:iam::222222222222:role/reader", "RoleSessionName": "test"}
    key = cloud.client("sts").assume_role(**role)["Credentials"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "aws_session_token": key["SessionToken"],
    }
    theirs = cloud.client("ec2", **credentials)
    assert cloud.client("sts", **credentials).get_caller_identity()["Account"] == "222222222222"
    assert subnet_ids(theirs) == ["subnet-theirs"]
    assert subnet_ids(cloud.client("ec2")) == ["subnet-here"]
    assert cloud.calls[-2].account_id == "222222222222"


def test_a_region_has_its_own_inventory(cloud):
    """Documents belong to the cloud's region unless another is named."""
    cloud.replace_inventory(subnets("subnet-ireland"), region="eu-west-1")
    assert subnet_ids(cloud.client("ec2", "eu-west-1")) == ["subnet-ireland"]
    assert subnet_ids(cloud.client("ec2", "eu-central-1")) == []
    assert subnet_ids(cloud.client("ec2")) == ["subnet-here"]


def test_an_inventory_can_be_replaced_at_any_time():
    """The next call sees the new documents, all of them and nothing of the old."""
    with LocalCloud(subnets("subnet-old")) as cloud:
        ec2 = cloud.client("ec2")
        assert subnet_ids(ec2) == ["subnet-old"]
        cloud.replace_inventory(subnets("subnet-new", "subnet-newer"))
        assert subnet_ids(ec2) == ["subnet-new", "subnet-newer"]
        cloud.replace_inventory({})
        assert subnet_ids(ec2) == []


def test_each_start_finds_moto_empty():
    """What one cloud stored is gone in the next."""
    with LocalCloud() as first:
        first.client("s3").create_bucket(Bucket="left-behind")
    with LocalCloud() as second:
        assert second.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("documents", "culprit"),
    [
        ({"subnet": {"Subnets": []}}, "'subnet' is not known"),
        ({"subnets": {"Vpcs": []}}, "'subnets' has no list 'Subnets'"),
        ({"subnets": {"Subnets": ["subnet-1"]}}, "'subnets' has no list 'Subnets'"),
        ({"subnets": {"Subnets": [{"SubnetID": "subnet-1"}]}}, "subnets.Subnets\\[0\\]: AWS has no member 'SubnetID'"),
    ],
)
def test_an_inventory_that_is_none_is_refused(documents, culprit):
    """A document of unknown name or wrong content is named before the cloud starts."""
    with pytest.raises(InventoryError, match=culprit):
        LocalCloud(documents)


def test_a_cloud_that_does_not_run_has_no_endpoint():
    """The error says how to run it."""
    with pytest.raises(SettingsError, match="with LocalCloud"):
        LocalCloud().client("ec2")
