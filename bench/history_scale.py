"""Merging the scan of a large estate into its history: CPU seconds on one core, with hours of vanished owners kept.

`python -m bench.history_scale` prints a line `name value unit` for each figure. Exit code 1 if the target is missed.
"""

import os
import statistics
import sys
import time
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from bench.large_estate import BEGUN_AT, PART, make_tables
from enricher.history import KEEP_SECONDS, MAX_GAP_SECONDS, merge
from enricher.inventory import InventoryTables, Part

INTERFACES: Final = 200_000
VANISHED: Final = 100_000  # in the hours before, and still kept
EACH_MINUTE: Final = 1_000  # vanish, and as many are new
MINUTES: Final = 5
SECONDS_AT_MOST: Final = 3.0


def main() -> int:
    """Measure, print, judge."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    world = make_tables(VANISHED + INTERFACES + MINUTES * EACH_MINUTE)
    known = _merged(None, _scan(world, 0, VANISHED, 0))[0]
    seconds = []
    for minute in range(MINUTES):
        scan = _scan(world, VANISHED + minute * EACH_MINUTE, INTERFACES, minute + 1)
        known, took = _merged(known, scan)
        seconds.append(took)
    print(f"interfaces {INTERFACES} in the scan, {known.interfaces.num_rows} in the history")
    print(f"addresses {scan.addresses.num_rows} in the scan, {known.addresses.num_rows} in the history")
    median = statistics.median(seconds[1:])
    missed = median > SECONDS_AT_MOST
    print(f"history_merge {median:.3f} s{'  MISSED' if missed else ''}")
    return int(missed)


def _merged(known: InventoryTables | None, scan: InventoryTables) -> tuple[InventoryTables, float]:
    begun = time.process_time()
    merged = merge(known, [scan], [], float(scan.parts[0].ended_at or 0), KEEP_SECONDS, MAX_GAP_SECONDS)
    return merged, time.process_time() - begun


def _scan(world: InventoryTables, first: int, count: int, minute: int) -> InventoryTables:
    """What a scan of that minute shows: ``count`` of the world's interfaces from the ``first`` on."""
    begun = BEGUN_AT + 60 * minute
    rows = pc.subtract(world.addresses["row"], first)
    addresses = _set(world.addresses, "row", rows).filter(pc.and_(pc.greater_equal(rows, 0), pc.less(rows, count)))
    interfaces, instances = world.interfaces.slice(first, count), world.instances.slice(first // 2, count // 2)
    return InventoryTables(
        _seen(interfaces, begun),
        _seen(addresses, begun),
        _seen(instances, begun),
        world.networks,
        begun,
        (Part(PART, begun, begun + 5),),
    )


def _seen(table: pa.Table, begun: int) -> pa.Table:
    return _set(table, "seen_until", pa.array([begun] * table.num_rows)).combine_chunks()


def _set(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), column)


if __name__ == "__main__":
    sys.exit(main())
