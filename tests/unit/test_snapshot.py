"""A snapshot is its inventory: written and read back, it answers the same; what is damaged is refused."""

import contextlib
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import eni, estate, found, history, peering, scan, source, subnet, transit, vpc

from enricher.errors import InventoryError
from enricher.history import merge
from enricher.inventory import ADDRESS_SCHEMA, Inventory, InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.networks import Networks
from enricher.parquet_footer import row_groups
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import from_snapshot, to_snapshot
from enricher.sources import Source

DOCUMENTS = {
    **estate(
        interfaces=[
            eni("eni-1", "10.0.1.4", "10.0.1.5", attached=900, instance="i-1", SubnetId="subnet-a",
                TagSet=[{"Key": "Name", "Value": "ünï"}, {"Key": "empty", "Value": ""}],
                Ipv6Addresses=[{"Ipv6Address": "2001:db8:a::4"}],
                Ipv4Prefixes=[{"Ipv4Prefix": "10.0.2.0/28"}], Association={"PublicIp": "198.51.100.7"}),
            eni("eni-2", vpc="vpc-b"),
            {**eni("eni-3", "10.1.0.4"), "VpcId": None},
        ],
        subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24"), {"SubnetId": "subnet-bare", "VpcId": "vpc-b"}],
        vpcs=[vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56"), vpc("vpc-b", "10.1.0.0/16")],
        peerings=[peering("vpc-a", "vpc-b", regions=("us-east-1", "eu-west-1"))],
        transits=transit("tgw-1", "vpc-a", "vpc-c"),
    ),
    "instances": {"Reservations": [{"Instances": [{"InstanceId": "i-1", "Tags": [{"Key": "team", "Value": "x"}]}]}]},
}  # fmt: skip


def same(one: InventoryTables, other: InventoryTables) -> bool:
    """Whether two inventories hold the same."""
    networks = [
        (told.vpcs, told.subnets, told.connections, told.memberships) for told in (one.networks, other.networks)
    ]
    tables = all(
        getattr(one, name).combine_chunks().equals(getattr(other, name).combine_chunks())
        for name in ("interfaces", "addresses", "instances")
    )
    return tables and networks[0] == networks[1] and (one.observed_at, one.parts) == (other.observed_at, other.parts)


@settings(deadline=None)
@given(observed_at=st.one_of(st.none(), st.floats(0, 4e9), st.integers(0, 2**32)))
def test_a_snapshot_read_back_is_the_inventory_that_was_written(observed_at):
    """Interfaces, owners and their times, tags, networks, connections, and the date to the last digit."""
    tables = tables_of(DOCUMENTS, observed_at=observed_at)

    assert same(from_snapshot(to_snapshot(tables), "it"), tables)


def test_a_history_read_back_is_the_history_that_was_written():
    """Owners that have gone stay gone."""
    known = history(DOCUMENTS, [("10.0.1.5", "vpc-a", "eni-1", 1, 2_000, False)])
    tables = tables_of(DOCUMENTS)
    rows = [{"address": "10.0.1.5", "vpc_id": "vpc-a", "row": 0, "valid_from": 1, "seen_until": 2_000,
             "is_open": False}]  # fmt: skip
    written = InventoryTables(
        tables.interfaces,
        pa.Table.from_pylist(rows, tables.addresses.schema),
        tables.instances,
        tables.networks,
        2_000.0,
    )

    read = Source(Inventory(from_snapshot(to_snapshot(written), "it"), DEFAULT_PROMOTED_TAGS), "snapshot")

    for when in ((1, 2_000), (2_001, 2_060)):
        assert found([read], "10.0.1.5", "vpc-a", when) == found([known], "10.0.1.5", "vpc-a", when)


def test_a_history_of_parts_read_back_is_the_one_that_was_written():
    """Several versions of an interface, who told of what, which parts failed and why."""
    first = scan("111122223333/us-east-1", 5_000, 5_010.25, DOCUMENTS)
    moved = {**DOCUMENTS, "network-interfaces": {"NetworkInterfaces": [eni("eni-1", "10.0.1.4", attached=5_020)]}}
    second = scan("111122223333/us-east-1", 5_060, 5_070, moved)
    failed = Part("444455556666/us-east-1", None, None, 5_061.5, "AccessDenied: allow ec2:DescribeVpcs")
    tables = merge(None, [first, second], [failed], 5_070, 9_999, 180)

    read = from_snapshot(to_snapshot(tables), "it")

    assert same(read, tables)
    assert read.parts == tables.parts == (Part("111122223333/us-east-1", 5_060, 5_070), failed)
    assert read.interfaces["interface_id"].to_pylist().count("eni-1") == 2


def test_an_inventory_of_nothing_can_be_kept():
    """An estate without a single resource is a snapshot too."""
    tables = tables_of({})

    read = from_snapshot(to_snapshot(tables), "it")

    assert same(read, tables)
    assert (read.networks.vpcs, read.networks.subnets) == (Networks().vpcs, Networks().subnets)
    assert found([Source(Inventory(read, {}), "snapshot")], "10.0.1.5", "vpc-a", (1, 2)) == ("absent", None, None)


def test_what_was_asked_of_the_documents_is_answered_by_the_snapshot():
    """The same answers from either, for private, secondary, delegated, IPv6 and public addresses."""
    asked = ["10.0.1.4", "10.0.1.5", "10.0.2.7", "2001:db8:a::4", "198.51.100.7", "10.0.1.99", "10.1.0.9"]
    direct = source(DOCUMENTS, 5_000)
    tables = from_snapshot(to_snapshot(tables_of(DOCUMENTS, observed_at=5_000)), "it")
    read = Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot", continued_share=None)

    for address in asked:
        for when in ((800, 860), (1_000, 1_060), (5_000, 5_060)):
            assert found([read], address, "vpc-a", when) == found([direct], address, "vpc-a", when)
    assert read.inventory.endpoints.to_pylist() == direct.inventory.endpoints.to_pylist()


@settings(deadline=None)
@given(place=st.floats(0, 0.999))
def test_a_snapshot_cut_short_is_refused(place):
    """However much of it is missing, the error names it and the mend."""
    body = to_snapshot(tables_of(DOCUMENTS)).to_pybytes()

    with pytest.raises(InventoryError, match=r"^inventory s3://x/y: is no snapshot .*vpcflow inventory build"):
        from_snapshot(body[: int(place * len(body))], "s3://x/y")


def test_a_parquet_file_that_only_claims_to_be_a_snapshot_is_refused():
    """Its version alone makes it none."""
    sink = pa.BufferOutputStream()
    metadata = {"inventory_version": "2", "observed_at": ""}
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), sink)

    with pytest.raises(InventoryError, match="is no snapshot"):
        from_snapshot(sink.getvalue(), "it")


def test_a_snapshot_of_more_rows_than_any_inventory_has_is_not_decoded():
    """Five million equal values take some kilobytes in a file, whatever they take in memory."""
    table = pa.table({"kind": pa.repeat(pa.scalar("part"), 5_000_001)})
    sink = pa.BufferOutputStream()
    metadata = {"inventory_version": "2", "observed_at": ""}
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd", row_group_size=table.num_rows)
    assert sink.getvalue().size < 100_000

    with pytest.raises(InventoryError, match="is no snapshot") as refused:
        from_snapshot(sink.getvalue(), "it")
    assert "5000001 rows" in str(refused.value.__cause__)


@pytest.mark.parametrize(
    "owned",
    [
        {"row": None}, {"row": 3}, {"row": -1}, {"address": None}, {"address": "10.0.2.0/x"}, {"address": "10.0.2.0/"},
        {"address": "10.0.2.0/33"}, {"address": "2001:db8::/129"}, {"address": "/"},
    ],
)  # fmt: skip
def test_an_owner_that_could_not_be_looked_up_is_refused_when_it_is_read(owned):
    """It would fail every batch, or name somebody else."""
    row: dict[str, Any] = {"address": "10.0.2.0/28", "vpc_id": "vpc-a", "row": 0, "valid_from": 1, "seen_until": 2}
    told = [row | {"is_open": True}, row | {"address": "2001:db8::/80", "is_open": True}]
    tables = tables_of(DOCUMENTS)

    sound = replace(tables, addresses=pa.Table.from_pylist(told, ADDRESS_SCHEMA))
    assert same(from_snapshot(to_snapshot(sound), "it"), sound)
    odd = replace(tables, addresses=pa.Table.from_pylist([told[0] | owned], ADDRESS_SCHEMA))
    with pytest.raises(InventoryError, match="is no snapshot"):
        from_snapshot(to_snapshot(odd), "it")


def with_metadata(tables, **members: str) -> bytes:
    """A snapshot's bytes that say something else of themselves."""
    file = pq.ParquetFile(pa.BufferReader(to_snapshot(tables)))
    told = {name.encode(): value for name, value in members.items()}
    schema = file.schema_arrow.with_metadata({**file.schema_arrow.metadata, **told})
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema) as writer:
        for number in range(file.num_row_groups):
            writer.write_table(file.read_row_group(number).replace_schema_metadata(schema.metadata))
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("time", ["nan", "inf", "-inf", "1e400", "1e300", "-1e300", "253402300800", "-62135596801"])
def test_a_snapshot_whose_date_is_no_time_is_refused(time):
    """What is never older than anything would never be stale."""
    for good in (5, 253_402_300_799, -62_135_596_800):
        assert from_snapshot(with_metadata(tables_of(DOCUMENTS), observed_at=f"{good}"), "it").observed_at == good
    with pytest.raises(InventoryError, match="is no snapshot"):
        from_snapshot(with_metadata(tables_of(DOCUMENTS), observed_at=time), "it")


@pytest.mark.parametrize("time", [float("nan"), 1e300, 253_402_300_800.0])
@pytest.mark.parametrize("member", ["begun_at", "ended_at", "failed_at"])
def test_a_part_whose_time_is_none_is_refused(member, time):
    """The same of each scan's times."""
    part = replace(Part("111122223333/eu-west-1", 1.0, 2.0), **{member: time})
    with pytest.raises(InventoryError, match="is no snapshot"):
        from_snapshot(to_snapshot(replace(tables_of(DOCUMENTS), parts=(part,))), "it")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("interfaces", "attached_at"), ("interfaces", "seen_from"), ("interfaces", "seen_until"),
        ("addresses", "valid_from"), ("addresses", "seen_until"), ("instances", "seen_until"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("time", [2**63 - 1, -(2**63), 2**62, 253_402_300_800])
def test_a_moment_beyond_all_is_refused_when_it_is_read(table, column, time):
    """Sums of it with other times would not fit into what they are kept in, and end every batch."""
    tables = tables_of(DOCUMENTS, observed_at=2_000.0)

    def dated(moment: int) -> InventoryTables:
        told = getattr(tables, table)
        place = told.schema.get_field_index(column)
        moments = pa.array([moment] * told.num_rows, pa.int64())
        return replace(tables, **{table: told.set_column(place, told.schema.field(place), moments)})

    assert same(from_snapshot(to_snapshot(dated(0)), "it"), dated(0))
    with pytest.raises(InventoryError, match="is no snapshot") as refused:
        from_snapshot(to_snapshot(dated(time)), "it")
    assert column in str(refused.value.__cause__)


def of_instances(rows: int, **columns: Any) -> bytes:
    """A snapshot of that many instances, and nothing else."""
    schema = pq.ParquetFile(pa.BufferReader(to_snapshot(tables_of(DOCUMENTS)))).schema_arrow
    told = {"kind": pa.repeat(pa.scalar("instance"), rows), **columns}
    arrays = [told.get(field.name, pa.nulls(rows, field.type)) for field in schema]
    sink = pa.BufferOutputStream()
    table = pa.table(arrays, schema.names).replace_schema_metadata(schema.metadata)
    # Blanks are stored as they are, all else as dictionaries.
    texts = [name for name in schema.names if name != "region"]
    pq.write_table(table, sink, compression="zstd", use_dictionary=texts, dictionary_pagesize_limit=1 << 28)
    return sink.getvalue().to_pybytes()


def test_one_text_meant_a_thousand_times_is_not_spelt_out():
    """A megabyte for each of a thousand rows takes some kilobytes in a file, and would take a gigabyte."""
    once = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), 1_000), pa.array(["x" * 1_000_000]))
    body = of_instances(1_000, instance_id=once)
    assert len(body) < 20_000
    assert from_snapshot(of_instances(10, instance_id=once.slice(0, 10)), "it").instances.num_rows == 10

    with pytest.raises(InventoryError, match="is no snapshot") as refused:
        from_snapshot(body, "it")
    assert "too much text" in str(refused.value.__cause__)


def test_pages_that_inflate_without_measure_are_not_inflated():
    """270 MB of blanks, by the pages' own account; a part of a snapshot that nobody reads counts, too."""
    body = of_instances(270, region=pa.array([" " * 1_000_000]).take(pa.array([0] * 270)))
    assert len(body) < 50_000

    with pytest.raises(InventoryError, match="is no snapshot") as refused:
        from_snapshot(body, "it")
    assert "270 rows" in str(refused.value.__cause__)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_footer_that_contradicts_itself_ends_in_an_error_and_not_the_process(data):
    """Whatever numbers it holds: pyarrow ends the process if it is asked for a column chunk whose counts disagree."""
    body = bytearray(to_snapshot(tables_of(DOCUMENTS)).to_pybytes())
    size = int.from_bytes(body[-8:-4], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        body[-8 - data.draw(st.integers(1, size))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(InventoryError):
        from_snapshot(bytes(body), "it")


def test_a_footer_whose_column_is_named_by_numbers_is_none():
    """By hand, in Thrift's compact protocol: a column chunk whose path is a list of integers."""
    meta = bytes.fromhex("15 0c  29 15 02  46 00  26 00  00")  # type, path: [1], size, place
    footer = bytes.fromhex("49 1c  19 1c  3c") + meta + bytes.fromhex("00  26 02 00  00")  # groups, chunks, rows
    body = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"

    with pytest.raises(ValueError, match="field 3 is no list of texts"):
        row_groups(body)
    named = meta.replace(bytes.fromhex("29 15 02"), bytes.fromhex("29 18 01 61"))  # path: ["a"]
    body = body.replace(meta, named).replace(bytes([len(footer), 0, 0, 0]), bytes([len(footer) + 1, 0, 0, 0]))
    assert [chunk.path for group in row_groups(body) for chunk in group.chunks] == ["a"]


def test_a_bit_that_is_another_in_a_footer_makes_it_no_footer_or_another_one():
    """Each bit: a member of another type than it has is none of a Parquet file, never an error of Python's own."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"kind": ["part", "part"], "row": [1, 2]}), sink, store_schema=False)
    good = sink.getvalue().to_pybytes()
    size = int.from_bytes(good[-8:-4], "little")
    refused = 0
    for bit in range(8 * (len(good) - 8 - size), 8 * (len(good) - 8)):
        body = bytearray(good)
        body[bit // 8] ^= 1 << bit % 8
        try:
            groups = row_groups(body)
        except ValueError:
            refused += 1
            continue
        bounds = [bound for group in groups for chunk in group.chunks for bound in (chunk.least, chunk.most)]
        assert all(bound is None or isinstance(bound, bytes) for bound in bounds)
    assert refused > size


@pytest.mark.parametrize("text", ["", "10.0.1.4/32", "no address", None])
def test_what_an_interface_shows_of_itself_need_be_no_address(text):
    """Whether it is still there is asked of every batch; a text that nobody owns is owned by nobody."""
    tables = tables_of(DOCUMENTS, observed_at=2_000.0)
    place = tables.interfaces.schema.get_field_index("own_addresses")
    column = pa.array([[text]] * tables.interfaces.num_rows, tables.interfaces.schema.field(place).type)
    odd = replace(tables, interfaces=tables.interfaces.set_column(place, "own_addresses", column))

    assert Inventory(tables, DEFAULT_PROMOTED_TAGS).is_open(0)
    assert not Inventory(from_snapshot(to_snapshot(odd), "it"), DEFAULT_PROMOTED_TAGS).is_open(0)
