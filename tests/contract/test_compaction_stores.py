"""One suite for what compaction asks of S3 and Glue: boto3 against the stand-in cloud, and the memory of its tests."""

import pytest
from botocore.exceptions import ClientError
from cloud_lake import CloudLake
from compaction_world import MemoryCatalog, MemoryObjects, hour

from compaction.catalog import ATTEMPTS
from compaction.leftovers import Located
from compaction.manifest import CompactionError
from workbench.cloud import LocalCloud, Refuse, Reset

HOUR = hour(5)


@pytest.fixture(scope="module")
def cloud():
    """The stand-in cloud with a lake."""
    with LocalCloud() as running:
        running.lake = CloudLake(running)
        yield running


@pytest.fixture
def lake(cloud):
    """The lake without objects, partitions and faults."""
    cloud.clear_faults()
    cloud.lake.objects.delete(cloud.lake.keys())
    for table in ("flow_logs", "flows_hourly"):
        names = {"DatabaseName": cloud.lake.database, "TableName": table}
        for told in cloud.lake.glue.get_partitions(**names)["Partitions"]:
            cloud.lake.glue.delete_partition(**names, PartitionValues=told["Values"])
    cloud.lake.waits.clear()
    return cloud.lake


@pytest.fixture(params=["memory", "s3"])
def objects(request):
    """An empty store of each kind."""
    return MemoryObjects(lambda: 0.0) if request.param == "memory" else request.getfixturevalue("lake").objects


@pytest.fixture(params=["memory", "glue"])
def catalog(request):
    """An empty catalog of each kind."""
    return MemoryCatalog() if request.param == "memory" else request.getfixturevalue("lake").catalog


def test_an_object_is_replaced_only_as_the_one_that_was_read(objects):
    """Of two writers that read the same one, the first wins; a put that is repeated finds itself and has won."""
    assert objects.get("a") is None
    assert objects.replace("a", b"one", None)
    assert not objects.replace("a", b"two", None)
    body, etag = objects.get("a")
    assert body == b"one"
    assert objects.replace("a", b"two", etag)
    assert not objects.replace("a", b"three", etag)
    assert objects.replace("a", b"two", etag)
    assert objects.get("a")[0] == b"two"


def test_a_conflict_that_nobody_won_is_no_defeat(cloud, lake):
    """409 with what was read still there, or still nothing: the store's error, so that the run says it failed."""
    etag = None
    for body in (None, b"one"):
        if body:
            lake.put("a", body)
            _, etag = lake.objects.get("a")
        cloud.fail("s3", "PutObject", Refuse("ConditionalRequestConflict", 409), times=20)
        with pytest.raises(ClientError, match="Conflict"):
            lake.objects.replace("a", b"two", etag)
        cloud.clear_faults()
    lake.put("a", b"somebody's")
    cloud.fail("s3", "PutObject", Refuse("ConditionalRequestConflict", 409), times=20)
    assert not lake.objects.replace("a", b"two", etag)
    cloud.clear_faults()


def test_what_should_be_replaced_and_is_gone_is_not_written(objects):
    """Somebody has deleted the manifest: it is not brought back from what was read before."""
    objects.replace("a", b"one", None)
    etag = objects.get("a")[1]
    objects.delete(["a"])
    assert not objects.replace("a", b"two", etag)
    assert objects.get("a") is None


def test_objects_are_listed_in_order_with_size_and_level_by_level(objects):
    """Prefixes are beginnings of keys; folders are the next level's names."""
    for key, body in (("t/b=1/x", b"xy"), ("t/a=1/y", b""), ("t/a=1/h=2/z", b"z"), ("t2/a", b"a"), ("t/file", b"f")):
        objects.replace(key, body, None)
    assert [(stored.key, stored.size) for stored in objects.listed("t/")] == [
        ("t/a=1/h=2/z", 1),
        ("t/a=1/y", 0),
        ("t/b=1/x", 2),
        ("t/file", 1),
    ]
    assert objects.folders("t/") == ("a=1", "b=1")
    assert objects.folders("t/a=1/") == ("h=2",)
    assert list(objects.listed("nothing/")) == []


def test_a_partition_is_registered_once_and_switched_as_often_as_asked(catalog):
    """Registering what is there changes nothing; a switch makes it where it is missing, and leaves its stamp."""
    assert catalog.find("flow_logs", HOUR) is None
    assert catalog.register("flow_logs", HOUR, "flow_logs/x/")
    assert not catalog.register("flow_logs", HOUR, "flow_logs/y/")
    assert catalog.find("flow_logs", HOUR) == Located("flow_logs/x/", None)
    for number in (1, 2):
        for table in ("flow_logs", "flows_hourly"):
            catalog.switch(table, HOUR, f"c/{number}/", 1_767_268_800.25 + number)
            assert catalog.find(table, HOUR) == Located(f"c/{number}/", 1_767_268_800.25 + number)


def test_more_than_a_page_is_listed_and_deleted_in_batches(cloud, lake):
    """Pages of two; 1,001 keys are two calls."""
    keys = [f"many/{name}" for name in "abcde"]
    for key in keys:
        lake.put(key)
    small = lake.s3.meta.events
    small.register("provide-client-params.s3.ListObjectsV2", two_a_page, unique_id="two")
    try:
        cloud.reset_calls()
        assert lake.keys("many/") == keys
        assert lake.objects.folders("many/") == ()
        assert cloud.count("s3", "ListObjectsV2") > 3
    finally:
        small.unregister("provide-client-params.s3.ListObjectsV2", unique_id="two")
    assert lake.objects.delete([*(f"none/{number}" for number in range(1000)), keys[0]]) == ()
    assert lake.keys("many/") == keys[1:]
    assert cloud.count("s3", "DeleteObjects") == 2


def test_what_could_not_be_deleted_is_told_by_key(lake):
    """DeleteObjects answers 200 and tells of each key that it refused."""

    class Refusing:
        def delete_objects(self, **_: object) -> dict[str, object]:
            return {"Errors": [{"Key": "b", "Code": "AccessDenied", "Message": "no"}]}

    lake.objects._client = Refusing()  # noqa: SLF001 - moto refuses no single key
    assert lake.objects.delete(["a", "b"]) == ("b: AccessDenied",)
    lake.objects._client = lake.s3  # noqa: SLF001 - same


def test_a_put_whose_answer_is_lost_raises_or_has_won(cloud, lake):
    """The connection breaks after the put took effect: the next one with the same bytes finds itself."""
    cloud.fail("s3", "PutObject", Reset(acted=True))
    with pytest.raises(Exception, match="onnection"):
        lake.objects.replace("a", b"one", None)
    assert lake.objects.replace("a", b"one", None)


def test_a_busy_partition_is_tried_again_a_few_times(cloud, lake):
    """ConcurrentModificationException passes; where it does not, one line says so."""
    lake.catalog.register("flow_logs", HOUR, "flow_logs/x/")
    plant(cloud, "UpdatePartition", Refuse("ConcurrentModificationException"), 2)
    lake.catalog.switch("flow_logs", HOUR, "c/1/", 1.0)
    assert lake.catalog.find("flow_logs", HOUR) == Located("c/1/", 1.0)
    assert lake.waits == [0.5, 1.0]
    plant(cloud, "UpdatePartition", Refuse("ConcurrentModificationException"), ATTEMPTS)
    with pytest.raises(CompactionError, match="others changed it in 5 attempts"):
        lake.catalog.switch("flow_logs", HOUR, "c/2/", 2.0)


def test_what_glue_refuses_for_good_is_not_tried_again(cloud, lake):
    """A missing right is no matter of patience."""
    plant(cloud, "GetPartition", Refuse("AccessDeniedException"), 1)
    with pytest.raises(ClientError, match="AccessDenied"):
        lake.catalog.switch("flow_logs", HOUR, "c/1/", 1.0)
    assert lake.waits == []


def test_a_switch_takes_the_tables_columns_of_today_and_keeps_parameters(lake):
    """A column that the table got since is in the partition from its next switch on."""
    values = [HOUR.aws_region, HOUR.day, HOUR.hour]
    names = {"DatabaseName": lake.database, "TableName": "flow_logs"}
    told = {"Values": values, "StorageDescriptor": {"Columns": [], "Location": "s3://x/"}, "Parameters": {"by": "hand"}}
    lake.glue.batch_create_partition(**names, PartitionInputList=[told])
    lake.catalog.switch("flow_logs", HOUR, "c/1/", 1.0)
    found = lake.partition("flow_logs", values)
    assert found["StorageDescriptor"] == {
        "Columns": [{"Name": "id", "Type": "string"}],
        "Location": f"s3://{lake.bucket}/c/1/",
    }
    assert found["Parameters"] == {"by": "hand", "vpcflow.switched_at": "1.0"}


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "nan", "inf"])
def test_a_partition_that_somebody_else_switched_tells_no_time(lake, stamp):
    """What is no stamp of ours is none: from it nothing is deleted."""
    told = {"Values": [HOUR.aws_region, HOUR.day, HOUR.hour], "StorageDescriptor": {"Location": "s3://elsewhere/x"}}
    if stamp is not None:
        told["Parameters"] = {"vpcflow.switched_at": stamp}
    lake.glue.batch_create_partition(DatabaseName=lake.database, TableName="flow_logs", PartitionInputList=[told])
    assert lake.catalog.find("flow_logs", HOUR) == Located("s3://elsewhere/x/", None)


def two_a_page(params, **_: object):
    """Asks for pages of two."""
    return params | {"MaxKeys": 2}


def plant(cloud, operation, fault, times):
    """The next calls of a Glue operation meet a fault."""
    cloud.fail("glue", operation, fault, times=times)
