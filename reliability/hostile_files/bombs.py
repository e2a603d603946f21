"""Snapshots of some kilobytes that would take gigabytes, each read in a process of its own.

python -m reliability.hostile_files.bombs NAME
"""

import io
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from enricher.errors import InventoryError
from enricher.inventory import Inventory
from enricher.inventory_documents import tables_of
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import MOST_ROWS, from_snapshot, to_snapshot
from reliability.bounds.probe import memory, reset_peak
from reliability.fuzz.function import NOW, estate

_MIB: Final = 1024 * 1024
_REFUSED_MIB: Final = 256 + 64  # what may be inflated before a snapshot is refused, and what the check itself may take
_TAKEN_MIB: Final = 1_238  # 70 % of the function's 1,769 MB
_ONE: Final = pa.array(["x"])


def _one_text() -> bytes:
    """A million bytes once, meant a million times: 1 TB."""
    return _group("instance", 1_000_000, instance_id=_repeated("x" * 1_000_000, 1_000_000))


def _blanks() -> bytes:
    """400 MiB of blanks in zstd."""
    return _group("instance", 400, {"use_dictionary": False}, instance_id=pa.array([" " * _MIB] * 400))


def _list() -> bytes:
    """A subnet of thirty million CIDRs, all the same."""
    cidrs = pa.ListArray.from_arrays([0, 30_000_000], _repeated("10.0.0.0/8", 30_000_000).cast(pa.string()))
    return _group("subnet", 1, cidrs=cidrs, subnet_id=_ONE, vpc_id=_ONE)


def _tags() -> bytes:
    """Interfaces with ten thousand tags each, all the same, of fewer values than are read: 2 GB when spelt out."""
    number = 990
    text = _repeated("y" * 100, number * 10_000).cast(pa.string())
    tags = pa.MapArray.from_arrays([n * 10_000 for n in range(number + 1)], text, text)
    return _group("interface", number, tags=tags, interface_id=_repeated("eni-1", number))


def _rows() -> bytes:
    """More rows than any inventory has."""
    return _group("instance", 5_000_001, instance_id=_repeated("i-1", 5_000_001))


def _largest() -> bytes:
    """As many rows as are read, all one address of one interface: nobody can tell whose it is, but they are taken."""
    tables = tables_of(estate("payments", "search"), observed_at=NOW - 60)
    number = MOST_ROWS - 100
    row = tables.addresses.slice(0, 1)
    addresses = row.take(pa.array([0] * number, pa.int64()))
    return bytes(to_snapshot(tables.__class__(tables.interfaces, addresses, tables.instances, tables.networks, NOW)))


BOMBS: Final[Mapping[str, tuple[Callable[[], bytes], int]]] = {
    "one_text": (_one_text, _REFUSED_MIB),
    "blanks": (_blanks, _REFUSED_MIB),
    "list": (_list, _REFUSED_MIB),
    "tags": (_tags, _REFUSED_MIB),
    "rows": (_rows, _REFUSED_MIB),
    "largest": (_largest, _TAKEN_MIB),
}


def measured(name: str) -> dict[str, Any]:
    """``growth``: bytes of memory that reading and indexing it took; ``size``: of the file; ``bound`` in MiB."""
    make, bound = BOMBS[name]
    body = make()
    from_snapshot(to_snapshot(tables_of(estate("a", "b"))), "warm-up")
    pa.default_memory_pool().release_unused()
    before = reset_peak()
    begun = time.perf_counter()
    try:
        Inventory(from_snapshot(body, name), DEFAULT_PROMOTED_TAGS)
        told = "taken"
    except InventoryError:
        told = "refused"
    seconds = time.perf_counter() - begun
    growth = memory("VmHWM") - before
    return {"told": told, "growth": growth, "size": len(body), "bound": bound, "seconds": seconds}


def _repeated(text: str, number: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), number), pa.array([text]))


def _group(kind: str, rows: int, options: Mapping[str, Any] | None = None, **columns: Any) -> bytes:
    """A snapshot of one row group: these columns, the others null."""
    whole = bytes(to_snapshot(tables_of(estate("payments", "search"), observed_at=NOW - 60)))
    schema = pq.ParquetFile(pa.BufferReader(whole)).schema_arrow
    given = {"kind": _repeated(kind, rows), **columns}
    arrays = [given[field.name] if field.name in given else pa.nulls(rows, field.type) for field in schema]
    table = pa.table(arrays, schema.names).replace_schema_metadata(schema.metadata)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=rows, dictionary_pagesize_limit=_MIB * 64,
                   **(options or {}))  # fmt: skip
    return sink.getvalue()


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
