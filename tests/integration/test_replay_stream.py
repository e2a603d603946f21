"""From a function that fails, over the stream's error prefix in S3, to the rows that it would have written."""

import io

import pyarrow.parquet as pq
import pytest
from command_line import vpcflow
from lakes import ARRIVED, FORMAT, LAKE, error_line, failed, keys, line, ports, use
from one_environment import (
    CLIENT,
    ESTATE,
    INVENTORY,
    LOG_FORMAT,
    OBSERVED,
    REGION,
    SNAPSHOT_KEY,
    Cloud,
    emptied,
    flow,
    make_bench,
    put_snapshot,
    running_cloud,
)
from simulated_firehose import PROCESSOR, broken
from simulated_firehose import make_bench as make_stream

from compaction.lake_objects import S3Lake
from enricher.inventory_documents import tables_of
from enricher.published import Facts, Place, publish
from workbench.cloud import Refuse, Reset
from workbench.envelopes import message_record
from workbench.firehose import Destination, ErrorSpelling, Rules, S3Store, SimulatedClock

POINTER = f"s3://{INVENTORY}/inventory/pointer.json"
PROVENANCE = {"batch_id"}


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake and a bucket for the snapshot."""
    with running_cloud() as running:
        glue = running.client("glue")
        glue.create_database(DatabaseInput={"Name": "flows"})
        storage = {"Columns": [{"Name": "version", "Type": "int"}], "Location": f"s3://{LAKE}/flow_logs/"}
        names = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
        table = {"Name": "flow_logs", "StorageDescriptor": storage, "PartitionKeys": names}
        glue.create_table(DatabaseName="flows", TableInput=table)
        yield running


@pytest.fixture
def cloud(shared_cloud, monkeypatch):
    """The same without objects, faults and calls; the command's AWS is this one."""
    use(shared_cloud, monkeypatch)
    return emptied(shared_cloud)


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


def lake_of(cloud: Cloud):
    """The lake's bucket."""
    return S3Lake(cloud.s3, LAKE)


def table(cloud, key):
    """The rows of an object, as sorted tuples of everything but what tells the batch."""
    rows = pq.read_table(io.BytesIO(cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read())).to_pylist()
    return sorted(repr({name: value for name, value in row.items() if name not in PROVENANCE}) for row in rows)


@pytest.mark.parametrize("spelling", list(ErrorSpelling))
@pytest.mark.parametrize("is_gzip", [False, True], ids=["plain", "gzip"])
def test_a_replay_writes_what_the_function_would_have_written(cloud, run, spelling, is_gzip):
    """The function fails all four times; its batch is replayed into the same hour with the same rows."""
    put_snapshot(cloud)
    stream = make_stream(
        broken,
        processor=PROCESSOR,
        destination=Destination("delivered/", "!{firehose:error-output-type}/", gzip=is_gzip),
        rules=Rules(error_spelling=spelling),
        clock=SimulatedClock(ARRIVED - 60_000),
        store=S3Store(cloud.s3, LAKE),
    )
    stream.put_and_drain(*(message_record(flow(CLIENT, f"10.0.2.{n}", 1024 + n)) for n in range(5, 20)))
    assert (len(stream.events), len(keys(cloud, "processing-failed/"))) == (4, 1)

    told = ("--inventory", f"s3://{INVENTORY}/{SNAPSHOT_KEY}", *FORMAT)
    ran = run("replay", f"s3://{LAKE}/processing-failed/", *told)

    (replayed,) = keys(cloud, "flow_logs/")
    bench = make_bench(cloud, snapshot=True, EC2_LOOKUPS="off")
    answer = bench.environment.handle(stream.events[0], 300.0)
    (written,) = answer.written
    assert ran.exit_code == 0
    assert replayed.rpartition("/")[0] == written.rpartition("/")[0]
    assert table(cloud, replayed) == table(cloud, written)
    assert len(table(cloud, written)) == 15
    assert "aws s3 rm --recursive s3://lake/processing-failed/" in ran.out


def test_the_pointer_tells_the_log_format_and_partitions_are_registered(cloud, run):
    """As the function knows it; what a partition says already stays."""
    facts = Facts(log_formats=(LOG_FORMAT,), tag_keys={})
    publish(cloud.s3, Place.of(POINTER), lambda _: tables_of(ESTATE, observed_at=OBSERVED), facts)
    for number in (1, 2):
        cloud.s3.put_object(Bucket=LAKE, Key=f"processing-failed/{number}", Body=failed(number).encode())

    told = ("--inventory", POINTER, "--database", "flows", "--output", "json")
    first = run("replay", f"s3://{LAKE}/processing-failed/", *told)
    second = run("replay", f"s3://{LAKE}/processing-failed/", *told)

    assert cloud.count("glue", "BatchCreatePartition") == 2  # once a run, not once an object
    glue = cloud.client("glue")
    (partition,) = glue.get_partitions(DatabaseName="flows", TableName="flow_logs")["Partitions"]
    assert [ran.exit_code for ran in (first, second)] == [0, 0]
    assert [ran.summary["partitions_registered"] for ran in (first, second)] == [1, 0]
    assert partition["Values"] == [REGION, "2026-11-18", "10"]
    assert (
        partition["StorageDescriptor"]["Location"]
        == f"s3://{LAKE}/flow_logs/aws_region={REGION}/day=2026-11-18/hour=10/"
    )
    assert ports(lake_of(cloud)) == {1: 1, 2: 1}
    assert first.summary["statuses"]["dst"] == {"resolved": 2}


@pytest.mark.parametrize(
    "fault", [Reset(), Reset(acted=True), Refuse("SlowDown"), Refuse("ConditionalRequestConflict")]
)
def test_one_refused_put_is_tried_again(cloud, run, fault):
    """Also where S3 had acted before the connection was lost: then the object is found."""
    cloud.s3.put_object(Bucket=LAKE, Key="processing-failed/1", Body=failed(1, 2).encode())
    cloud.fail("s3", "PutObject", fault)

    ran = run("replay", f"s3://{LAKE}/processing-failed/", *FORMAT, "--output", "json")

    assert (ran.exit_code, ran.summary["rows"]) == (0, 2)
    assert ports(lake_of(cloud)) == {1: 1, 2: 1}
    assert len(keys(cloud, "compaction/marked/")) == 1


@pytest.mark.parametrize(
    ("operation", "exit_code", "begins"),
    [("ListObjectsV2", 2, "vpcflow: AWS: "), ("GetObject", 2, "vpcflow: AWS: "), ("PutObject", 1, "vpcflow: failed: ")],
)
def test_a_refusal_ends_in_one_line_and_can_be_run_again(cloud, run, operation, exit_code, begins):
    """Bad input where nothing is written yet, else a failure; the right to ask for; the second run leaves one copy."""
    cloud.s3.put_object(Bucket=LAKE, Key="processing-failed/1", Body=failed(1, 2).encode())
    cloud.fail("s3", operation, Refuse("AccessDenied"))

    denied = run("replay", f"s3://{LAKE}/processing-failed/", *FORMAT)
    allowed = run("replay", f"s3://{LAKE}/processing-failed/", *FORMAT)

    assert (denied.exit_code, allowed.exit_code) == (exit_code, 0)
    assert denied.err.startswith(begins)
    assert denied.err.count("\n") == 1
    assert f"; allow the caller {operation} there, see docs/operator-policy.json" in denied.err
    assert ports(lake_of(cloud)) == {1: 1, 2: 1}


@pytest.mark.parametrize(
    ("source", "told"), [("s3://nobody-s-bucket/x", "bucket"), (f"s3://{LAKE}/nothing/", "nothing")]
)
def test_a_bucket_or_prefix_without_objects_is_refused(cloud, run, source, told):
    """Exit code 2, in one line."""
    del cloud
    ran = run("replay", source, *FORMAT)

    assert (ran.exit_code, ran.err.count("\n")) == (2, 1)
    assert told in ran.err


def test_an_empty_object_is_passed_over(cloud, run):
    """Consoles leave such objects where somebody made a folder."""
    cloud.s3.put_object(Bucket=LAKE, Key="rejected/", Body=b"")
    cloud.s3.put_object(Bucket=LAKE, Key="rejected/1", Body=error_line(line(3).encode()).encode())

    ran = run("replay", f"s3://{LAKE}/rejected/", *FORMAT, "--output", "json")

    assert (ran.exit_code, ran.summary["source_objects"], ran.summary["rows"]) == (0, 1, 1)
