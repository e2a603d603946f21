"""The crawler's stand-in, over the stand-in cloud's S3 and Glue."""

import pytest
from cloud_lake import CloudLake
from compaction_world import hour

from workbench.cloud import LocalCloud
from workbench.cloud.crawler import crawl

DROPPED, SWITCHED, FOREIGN = hour(5), hour(6), hour(7)


@pytest.fixture
def lake():
    """An empty lake."""
    with LocalCloud() as cloud:
        yield CloudLake(cloud)


def values(partition):
    """As in the catalog."""
    return [partition.aws_region, partition.day, partition.hour]


def test_a_folder_dropped_by_hand_is_registered_with_the_tables_columns(lake):
    """Queries see it after the crawl; a second crawl finds nothing new."""
    lake.put(f"flow_logs/{DROPPED.path}/by-hand.parquet")

    crawled = crawl(lake.s3, lake.glue, lake.database, "flow_logs")

    assert crawled.registered == (f"s3://{lake.bucket}/flow_logs/{DROPPED.path}/",)
    told = lake.partition("flow_logs", values(DROPPED))
    assert told["StorageDescriptor"]["Location"] == f"s3://{lake.bucket}/flow_logs/{DROPPED.path}/"
    assert told["StorageDescriptor"]["Columns"] == [{"Name": "id", "Type": "string"}]
    assert crawl(lake.s3, lake.glue, lake.database, "flow_logs").registered == ()


def test_a_switched_partition_is_left_alone(lake):
    """Its raw objects still lie there for a while; the log says so, the partition keeps its generation and stamp."""
    lake.put(f"flow_logs/{SWITCHED.path}/raw.parquet")
    lake.catalog.switch("flow_logs", SWITCHED, f"flow_logs_compacted/{SWITCHED.path}/generation-000001-a/", 5.0)
    before = lake.partition("flow_logs", values(SWITCHED))

    crawled = crawl(lake.s3, lake.glue, lake.database, "flow_logs")

    assert lake.partition("flow_logs", values(SWITCHED)) == before
    assert crawled.registered == ()
    assert "generation-000001-a" in crawled.logged[0]


def test_what_is_no_data_or_in_no_partition_is_not_registered(lake):
    """Hidden, empty and stray objects, and generations, which lie outside the table's place."""
    for key in ("_SUCCESS", ".hidden", "stray.parquet"):
        lake.put(f"flow_logs/{key}")
    lake.put(f"flow_logs/{FOREIGN.path}/_temporary")
    lake.put(f"flow_logs/{FOREIGN.path}/empty.parquet", b"")
    lake.put(f"flow_logs_compacted/{FOREIGN.path}/generation-000001-a/part.parquet")

    crawled = crawl(lake.s3, lake.glue, lake.database, "flow_logs")

    assert crawled.registered == ()
    assert [line.partition(":")[0] for line in crawled.logged] == ["s3"]


def test_more_folders_than_one_call_takes(lake):
    """BatchCreatePartition takes a hundred."""
    hours = [hour(number) for number in range(101)]
    for partition in hours:
        lake.put(f"flow_logs/{partition.path}/raw.parquet")

    assert len(crawl(lake.s3, lake.glue, lake.database, "flow_logs").registered) == 101
    assert all(lake.catalog.find("flow_logs", partition) for partition in (hours[0], hours[-1]))
