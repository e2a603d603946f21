"""An inventory as one Parquet object: what a snapshot holds, written and read whole.

Each table is a row group of one wide table, told apart by ``kind``, so that a reader decodes of it only its own
columns; the schema's metadata carries version and time. A snapshot of another version, or of none, is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from enricher.errors import InventoryError
from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, InventoryTables, Part
from enricher.networks import Connection, Hub, Membership, Networks, Subnet, Vpc
from enricher.parquet_footer import Group, pages, row_groups
from enricher.schema import EARLIEST, LATEST

VERSION: Final = "2"
_CIDRS: Final = pa.list_(pa.string())
_SUBNET_SCHEMA: Final = pa.schema(
    [
        ("subnet_id", pa.string()),
        ("vpc_id", pa.string()),
        ("cidrs", _CIDRS),
        ("az_id", pa.string()),
        ("region", pa.string()),
        ("part", pa.string()),
    ]
)
_VPC_SCHEMA: Final = pa.schema([("vpc_id", pa.string()), ("cidrs", _CIDRS), ("part", pa.string())])
_CONNECTION_SCHEMA: Final = pa.schema(
    [("one", pa.string()), ("other", pa.string()), ("connection", pa.string()), ("part", pa.string())]
)
_MEMBERSHIP_SCHEMA: Final = pa.schema(
    [
        ("vpc_id", pa.string()),
        ("hub_id", pa.string()),
        ("connection", pa.string()),
        ("part", pa.string()),
        ("account_id", pa.string()),
        ("hub_account_id", pa.string()),
    ]
)
_PART_SCHEMA: Final = pa.schema(
    [
        ("part", pa.string()),
        ("begun_at", pa.float64()),
        ("ended_at", pa.float64()),
        ("failed_at", pa.float64()),
        ("error", pa.string()),
    ]
)
# What is read of a snapshot: equal values take next to nothing in a file, and all of it in memory. 200,000 interfaces
# with 4 addresses and 4 tags each make 1,000,000 rows, some 40 MB of pages and 200 MB of text.
MOST_ROWS: Final = 5_000_000
_MOST_VALUES: Final = 10_000_000  # of one column: of a list there are more than rows
_MOST_BYTES: Final = 256 * 1024 * 1024  # of pages, inflated
_MOST_TEXT: Final = 512 * 1024 * 1024  # bytes of all values, however often they are the same
# Of an owned prefix the length alone is read, at every look-up.
_PREFIX: Final = r"^([\d.]+/(\d|[12]\d|3[0-2])|[\da-f.]*:[\da-f:.]*/(\d{1,2}|1[01]\d|12[0-8]))$"
# Unix seconds, null where undated.
_MOMENTS: Final = (
    ("interface", "attached_at"),
    ("interface", "seen_from"),
    ("interface", "seen_until"),
    ("address", "valid_from"),
    ("address", "seen_until"),
    ("instance", "seen_until"),
)
_SCHEMAS: Final = {
    "interface": INTERFACE_SCHEMA,
    "address": ADDRESS_SCHEMA,
    "instance": INSTANCE_SCHEMA,
    "subnet": _SUBNET_SCHEMA,
    "vpc": _VPC_SCHEMA,
    "connection": _CONNECTION_SCHEMA,
    "membership": _MEMBERSHIP_SCHEMA,
    "part": _PART_SCHEMA,
}


def to_snapshot(tables: InventoryTables) -> Any:
    """The snapshot's bytes (a buffer)."""
    networks = tables.networks
    parts = {
        "interface": tables.interfaces,
        "address": tables.addresses,
        "instance": tables.instances,
        "subnet": pa.Table.from_pylist(
            [
                {
                    "subnet_id": s.subnet_id,
                    "vpc_id": s.vpc_id,
                    "cidrs": s.cidrs,
                    "az_id": s.az_id,
                    "region": s.region,
                    "part": s.part,
                }
                for s in networks.subnets
            ],
            _SUBNET_SCHEMA,
        ),
        "vpc": pa.Table.from_pylist(
            [{"vpc_id": v.vpc_id, "cidrs": v.cidrs, "part": v.part} for v in networks.vpcs], _VPC_SCHEMA
        ),
        "connection": pa.Table.from_pylist(
            [{"one": c.one, "other": c.other, "connection": c.kind, "part": c.part} for c in networks.connections],
            _CONNECTION_SCHEMA,
        ),
        "membership": pa.Table.from_pylist(
            [
                {
                    "vpc_id": m.vpc_id,
                    "hub_id": m.hub.hub_id,
                    "connection": m.hub.kind,
                    "part": m.part,
                    "account_id": m.account_id,
                    "hub_account_id": m.hub_account_id,
                }
                for m in networks.memberships
            ],
            _MEMBERSHIP_SCHEMA,
        ),
        "part": pa.Table.from_pylist([{**asdict(part), "part": part.name} for part in tables.parts], _PART_SCHEMA),
    }
    marked = [part.append_column("kind", pa.repeat(pa.scalar(kind), part.num_rows)) for kind, part in parts.items()]
    schema = pa.unify_schemas([part.schema for part in marked])
    observed_at = "" if tables.observed_at is None else repr(tables.observed_at)
    schema = schema.with_metadata({"inventory_version": VERSION, "observed_at": observed_at})
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for part in marked:
            if part.num_rows:
                wide = pa.concat_tables([schema.empty_table(), part], promote_options="default")
                writer.write_table(wide.combine_chunks(), row_group_size=part.num_rows)
    return sink.getvalue()


def from_snapshot(body: Any, name: str) -> InventoryTables:
    """The tables of a snapshot's bytes; ``name`` is what errors call it.

    Raises:
        InventoryError: truncated, of another version, or no snapshot at all.
    """
    mend = "build it again with `vpcflow inventory build`"
    try:
        told = row_groups(body)
        # Text is read as the dictionaries that it is stored as, so that its size can be told before it is spelt out.
        texts = {chunk.path for group in told for chunk in group.chunks if chunk.is_text}
        file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=sorted(texts))
        metadata = file.schema_arrow.metadata or {}
        version = metadata.get(b"inventory_version", b"none").decode()
        if version != VERSION:
            raise InventoryError(f"inventory {name}: has version {version}, this code reads {VERSION}; {mend}")
        _check_size(told, body)
        groups = _groups(told)
        encoded = {kind: _part(file, groups.get(kind), schema) for kind, schema in _SCHEMAS.items()}
        _check_text(encoded.values())
        parts = {kind: encoded.pop(kind).cast(schema) for kind, schema in _SCHEMAS.items()}
        observed_at = metadata[b"observed_at"].decode()
        observed_at_s = float(observed_at) if observed_at else None
        _check_times(observed_at_s, parts)
        _check_owners(parts["address"], parts["interface"])
        networks = Networks(
            [Vpc(row["vpc_id"], tuple(row["cidrs"]), row["part"]) for row in parts["vpc"].to_pylist()],
            [
                Subnet(row["subnet_id"], row["vpc_id"], tuple(row["cidrs"]), row["az_id"], row["region"], row["part"])
                for row in parts["subnet"].to_pylist()
            ],
            [
                Connection(row["one"], row["other"], row["connection"], row["part"])
                for row in parts["connection"].to_pylist()
            ],
            [
                Membership(
                    row["vpc_id"],
                    Hub(row["connection"], row["hub_id"]),
                    row["part"],
                    row["account_id"],
                    row["hub_account_id"],
                )
                for row in parts["membership"].to_pylist()
            ],
        )
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError) as error:
        raise InventoryError(f"inventory {name}: is no snapshot ({type(error).__name__}); {mend}") from error
    return InventoryTables(
        parts["interface"],
        parts["address"],
        parts["instance"],
        networks,
        observed_at_s,
        tuple(Part(*row.values()) for row in parts["part"].to_pylist()),
    )


def _check_size(groups: Sequence[Group], body: Any) -> None:
    """Raises ValueError where there is more than an inventory may have, by the footer's word or by the pages'."""
    found = [pages(body, chunk) for group in groups for chunk in group.chunks]
    rows, size = sum(group.rows for group in groups), sum(each.inflated for each in found)
    most = max((each.values for each in found), default=0)
    if rows > MOST_ROWS or size > _MOST_BYTES or most > _MOST_VALUES:
        raise ValueError(f"{rows} rows, {size} bytes, {most} values of a column")


def _check_text(tables: Iterable[pa.Table]) -> None:
    """Raises ValueError where there is more text than an inventory has."""
    chunks = (chunk for table in tables for column in table.columns for chunk in column.chunks)
    if sum(map(_spelt_out, chunks)) > _MOST_TEXT:
        raise ValueError("too much text")


def _spelt_out(array: Any) -> int:
    """Bytes that an array's text will take once each value stands for itself."""
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary).cast(pa.int64())
        return pc.sum(lengths.take(array.indices), min_count=0).as_py() or 0
    return sum(map(_spelt_out, _children(array)))


def _children(array: Any) -> Iterator[Any]:
    if pa.types.is_map(array.type):
        yield from (array.keys, array.items)
    elif pa.types.is_list(array.type):
        yield array.values


def _check_times(observed_at: float | None, parts: Mapping[str, pa.Table]) -> None:
    """Raises ValueError where a time is none: what is never older than anything would never be stale.

    No time can be so far off that it cannot be counted with: sums of them are kept in 64 bits, and must fit.
    """
    scans = parts["part"]
    times = [observed_at, *(time for name in ("begun_at", "ended_at", "failed_at") for time in scans[name].to_pylist())]
    if not all(time is None or EARLIEST <= time <= LATEST for time in times):
        raise ValueError("a time is none")
    for kind, name in _MOMENTS:
        found = pc.min_max(parts[kind][name]).as_py()
        # What was seen is dated less how late a scan may be.
        if found["min"] is not None and not -LATEST <= found["min"] <= found["max"] <= LATEST:
            raise ValueError(f"{name} is no time")


def _groups(groups: Sequence[Group]) -> dict[str, int]:
    """Which row group holds which kind; raises ValueError where one holds several."""
    kinds = [next((chunk for chunk in group.chunks if chunk.path == "kind"), None) for group in groups]
    if any(kind is None or kind.least is None or kind.least != kind.most for kind in kinds):
        raise ValueError("a row group holds several kinds")
    return {kind.least.decode(): number for number, kind in enumerate(kinds) if kind and kind.least is not None}


def _part(file: Any, group: int | None, schema: pa.Schema) -> pa.Table:
    if group is None:
        return schema.empty_table()
    return file.read_row_group(group, columns=schema.names, use_threads=False).select(schema.names)


def _check_owners(addresses: pa.Table, interfaces: pa.Table) -> None:
    """Raises ValueError where an owner is none of the snapshot's interfaces, an address is none, or out of order."""
    if any(addresses[name].null_count for name in ("address", "row")):
        raise ValueError("an address or its owner is not told")
    rows = pc.min_max(addresses["row"]).as_py()
    if addresses.num_rows and not 0 <= rows["min"] <= rows["max"] < interfaces.num_rows:
        raise ValueError("an owner is not among the interfaces")
    texts = addresses["address"].combine_chunks()
    if not pc.all(pc.less_equal(texts[:-1], texts[1:]), min_count=0).as_py():
        raise ValueError("the addresses are not in order")
    prefixes = texts.filter(pc.match_substring(texts, "/"))
    if not pc.all(pc.match_substring_regex(prefixes, _PREFIX), min_count=0).as_py():
        raise ValueError("a prefix has no length")
