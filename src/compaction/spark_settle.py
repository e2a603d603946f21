"""The second look on Spark: ``enricher.settle`` over tables of bounded size, both ends of a flow in the same one.

Spark hands columns over by position, and knows no dictionaries; so both sides have one list of columns. What became of
the sides rides along in three columns of a table's first row: a task that is run again says the same again, where an
accumulator would count twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast

from enricher.inventory import Inventory, InventoryTables
from enricher.resolve import Rules
from enricher.schema import Column, arrow_schema
from enricher.settle import settle
from enricher.sources import Source

COUNTS: Final = ("_settled", "_changed", "_withdrawn")
_MOMENT: Final[Any] = pa.timestamp("us", "UTC")
TABLE_ROWS: Final = 50_000  # of one call, as long as no conversation is longer
MOST_ROWS: Final = 100_000  # then a conversation is cut


class SentSource:
    """An inventory on its way to a worker, where a ``Source`` arrives: its indexes are made where they are used.

    The tables are pickled, and indexes are not: they hold views into memory.
    """

    def __init__(self, tables: InventoryTables, promoted: Mapping[str, tuple[str, ...]]) -> None:
        self._tables = tables
        self._promoted = dict(promoted)

    def __reduce__(self) -> tuple[Any, ...]:
        return _source, (self._tables, self._promoted)


def _source(tables: InventoryTables, promoted: dict[str, tuple[str, ...]]) -> Source:
    return Source(Inventory(tables, promoted), "snapshot")


@dataclass(frozen=True, slots=True)
class Settler:
    """What is sent to the workers. ``source``: a broadcast, so that a process indexes the snapshot once, not a task.

    It is a ``Source`` there, and a ``SentSource`` in the driver.
    """

    columns: tuple[Column, ...]
    key: str
    source: Broadcast[Any]
    rules: Rules
    remembered_since: float

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Record batches of ``key`` and ``columns``, sorted by ``key`` → those of ``columns`` and ``COUNTS``."""
        schema = arrow_schema(self.columns)
        source: Source | None = self.source.value
        for rows in tables(batches, self.key):
            given = pa.table([rows[name].cast(kind) for name, kind in _types(schema)], schema=schema)
            done, counts = given, (0, 0, 0)
            if source is not None:
                settled = settle(given, source, self.rules, self.remembered_since)
                done, counts = settled.rows, (settled.settled, settled.changed, settled.withdrawn)
            for name, count in zip(COUNTS, counts, strict=True):
                done = done.append_column(name, pa.array([count] + [0] * (done.num_rows - 1), pa.int64()))
            yield from done.cast(_as_spark_takes(done.schema)).combine_chunks().to_batches(max_chunksize=TABLE_ROWS)


def tables(batches: Iterable[Any], key: str) -> Iterator[pa.Table]:
    """Tables of ``TABLE_ROWS`` or more, cut where ``key`` changes; never of more than ``MOST_ROWS`` and a batch."""
    waiting: list[Any] = []
    number = 0
    for batch in batches:
        waiting.append(batch)
        number += batch.num_rows
        if number < TABLE_ROWS:
            continue
        table = pa.Table.from_batches(waiting)
        cut = last_change(table[key]) if number < MOST_ROWS else number
        if cut:
            yield table.slice(0, cut)
            waiting = table.slice(cut).to_batches()
            number -= cut
    if number:
        yield pa.Table.from_batches(waiting)


def last_change(keys: Any) -> int:
    """Where the last run of equal keys begins."""
    flat = keys.combine_chunks()
    last = flat[len(flat) - 1]
    return int(pc.index(flat, last).as_py())


def _as_spark_takes(schema: pa.Schema) -> pa.Schema:
    """The schema with timestamps as Spark knows them: microseconds in a zone."""
    kinds = [(name, _MOMENT if pa.types.is_timestamp(kind) else kind) for name, kind in _types(schema)]
    return pa.schema(kinds)


def _types(schema: pa.Schema) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in schema]
