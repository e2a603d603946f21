"""An inventory that is not what it says ends in one line that names the file and the mend; nothing is written."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import cut, parquet_of, put, refused, vpcflow
from made_by_hand import eni, estate, subnet, vpc

from enricher.inventory_documents import tables_of
from enricher.snapshot import to_snapshot

FLOWS = "version srcaddr dstaddr region\n5 10.0.1.5 10.0.2.9 us-east-1\n"
EVENT = {
    "deliveryStreamArn": "arn:aws:firehose:us-east-1:1:deliverystream/x",
    "region": "us-east-1",
    "records": [{"recordId": "r-1", "approximateArrivalTimestamp": 1_794_996_300_000, "data": "NSAx"}],
}


@pytest.fixture
def run(capsys):
    """The command."""
    return vpcflow(capsys)


@pytest.fixture(params=["enrich", "invoke"])
def command(request, tmp_path):
    """Either command, complete but for its inventory and lake."""
    if request.param == "enrich":
        return ["enrich", put(tmp_path, "flows.log", FLOWS)]
    return ["invoke", "--event", put(tmp_path, "event.json", json.dumps(EVENT)), "--log-format", "version srcport"]


INTERFACES = json.dumps({"NetworkInterfaces": [eni("eni-1", "10.0.1.5", attached=1_000)]})
MANGLED = json.dumps({"NetworkInterfaces": [{**eni("eni-1", "10.0.1.5"), "Attachment": {"AttachTime": "yesterday"}}]})


@pytest.mark.parametrize(
    "wrong",
    [
        ("network-interfaces.json", "", ["is no JSON", "describe-network-interfaces"]),
        ("network-interfaces.json", INTERFACES[:-5], ["is no JSON", "describe-network-interfaces"]),
        ("network-interfaces.json", "[" * 100_000, ["is no JSON", "describe-network-interfaces"]),
        ("network-interfaces.json", b"\xff\xfe{}", ["is no JSON"]),
        ("network-interfaces.json", "[]", ['no list "NetworkInterfaces"', "describe-network-interfaces"]),
        ("subnets.json", json.dumps({"Vpcs": []}), ['no list "Subnets"', "describe-subnets"]),
        ("vpcs.json", INTERFACES, ['no list "Vpcs"', "describe-vpcs"]),
        ("instances.json", json.dumps({"Instances": []}), ['no list "Reservations"', "describe-instances"]),
        ("network-interfaces.json", INTERFACES[:-1] + ', "NextToken": "t"}', ["NextToken", "without paging"]),
        ("network-interfaces.json", MANGLED, ["AttachTime of eni-1", "ISO 8601"]),
        ("network-interfaces.json", json.dumps({"NetworkInterfaces": ["eni-1"]}), ["entry 0", "NetworkInterfaceId"]),
        (
            "network-interfaces.json",
            INTERFACES.replace('"10.0.1.5"', '"10.0.1.555"'),
            ["eni-1 has '10.0.1.555' for an address"],
        ),
        (
            "subnets.json",
            json.dumps({"Subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/99")]}),
            ["subnet-a has '10.0.1.0/99' for a CIDR", "describe-subnets"],
        ),
        ("vpcs.json", json.dumps({"Vpcs": [vpc("vpc-a", "ten")]}), ["vpc-a has 'ten' for a CIDR", "describe-vpcs"]),
        ("snapshot.parquet", b"PAR1", ["snapshot.parquet", "is no snapshot", "vpcflow inventory build"]),
    ],
)
def test_an_inventory_file_that_is_not_what_it_says_is_refused(wrong, command, run, tmp_path):
    """The file is named, what is wrong with it, and the call that writes it."""
    name, content, told = wrong
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    put(inventory, "network-interfaces.json", INTERFACES)
    put(inventory, name, content)

    ran = run(*command, "--inventory", inventory, "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", name, *told)


@pytest.mark.parametrize("make", ["missing", "empty", "other files"])
def test_an_inventory_directory_without_inventory_is_refused(make, command, run, tmp_path):
    """Missing, empty, or full of something else: the files that would be read are named."""
    inventory = tmp_path / "inventory"
    if make != "missing":
        inventory.mkdir()
    if make == "other files":
        put(inventory, "network_interfaces.json", INTERFACES)

    ran = run(*command, "--inventory", inventory, "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", f"--inventory {inventory}", "network-interfaces.json")


TABLES = tables_of(estate(interfaces=[eni("eni-1", "10.0.1.5", attached=1_000)]), observed_at=5_000.0)


def snapshot(**metadata: str) -> bytes:
    """A snapshot of one interface, its metadata changed."""
    file = pq.ParquetFile(pa.BufferReader(to_snapshot(TABLES)))
    schema = file.schema_arrow
    told = {name.decode(): value.decode() for name, value in schema.metadata.items() if name != b"ARROW:schema"}
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema.with_metadata({**told, **metadata})) as writer:
        for number in range(file.num_row_groups):
            writer.write_table(file.read_row_group(number))
    return sink.getvalue().to_pybytes()


def mixed() -> bytes:
    """A snapshot written again by a tool that puts all of it into one row group."""
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(pa.BufferReader(snapshot())), sink)
    return sink.getvalue().to_pybytes()


def changed(**tables: pa.Table) -> bytes:
    """A snapshot of which some tables are others."""
    return bytes(to_snapshot(replace(TABLES, **tables)))


def unsorted() -> bytes:
    """A snapshot whose addresses are out of order, so that no search would find them."""
    rows = TABLES.addresses.to_pylist()
    return changed(addresses=pa.Table.from_pylist([*rows, {**rows[0], "address": "1"}], TABLES.addresses.schema))


@pytest.mark.parametrize(
    "wrong",
    [
        (b"", ["is no snapshot"]),
        (b"network-interfaces.json", ["is no snapshot"]),
        (INTERFACES.encode(), ["is no snapshot"]),
        (cut(snapshot()), ["is no snapshot"]),
        (parquet_of(srcaddr=["10.0.1.5"]), ["version none, this code reads 2"]),
        (snapshot(inventory_version="1"), ["version 1, this code reads 2"]),
        (snapshot(observed_at="yesterday"), ["is no snapshot"]),
        (mixed(), ["is no snapshot"]),
        (changed(interfaces=TABLES.interfaces.slice(0, 0)), ["is no snapshot"]),
        (unsorted(), ["is no snapshot"]),
    ],
    ids=["empty", "text", "json", "cut", "other parquet", "other version", "no date", "mixed", "no owner", "unsorted"],
)
@pytest.mark.parametrize("inside", [True, False], ids=["directory", "file"])
def test_a_snapshot_that_is_none_is_refused(wrong, inside, command, run, tmp_path):
    """Damaged, of another version, or something else, given as a file or found in the directory."""
    content, told = wrong
    inventory = put(tmp_path, "inventory.parquet", content)
    if inside:
        inventory = tmp_path / "inventory"
        inventory.mkdir()
        put(inventory, "snapshot.parquet", content)

    ran = run(*command, "--inventory", inventory, "--out", tmp_path / "lake")

    refused(ran, tmp_path / "lake", ".parquet", *told, "vpcflow inventory build")


def test_a_snapshot_that_is_one_is_read(run, tmp_path):
    """The good one, so that the refusals above are of what was changed."""
    inventory = put(tmp_path, "inventory.parquet", snapshot())

    flows = put(tmp_path, "flows.log", FLOWS)

    ran = run("enrich", flows, "--inventory", inventory, "--out", tmp_path / "lake", "--output", "json")

    assert ran.exit_code == 0
    assert ran.summary["inventory"] == "snapshot of 5000 (Unix seconds)"
