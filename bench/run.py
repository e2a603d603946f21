"""`make bench`: speed, size and API calls, each a line `name value unit`; then all of them as one JSON object.

Speeds are ratios of processor times of alternating runs in this one process, pinned to one core, several batches in
turn. Each rival takes turns with the function alone, so that what one leaves in the processor's caches is no part of
another's figure: a Lambda environment runs nothing but the function. Exit code 1 if a target is missed.
"""

import gc
import gzip
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from bench.ec2_calls import count_calls
from bench.function import MemoryS3, function
from bench.material import SECONDS, START, Material, alternate, make_materials, median_ratio, seconds_of
from bench.rivals import duckdb_join, floor, python_loop
from bench.shapes import shapes
from bench.start import starts
from enricher.inventory import Inventory
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import from_snapshot

BATCHES = 4
RUNS = 4 * BATCHES
RECORDS = 8_000
NOW = START + SECONDS + 300
_REPEATS = 3
AT_LEAST = {"handler_to_floor": 0.30, "handler_to_duckdb": 1.0, "handler_to_loop": 5.0}
AT_MOST = {"object_to_gzip": 1.4, "ec2_calls_warm": 0}


def main() -> int:
    """Measure, print, judge."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    materials = make_materials(RECORDS, BATCHES)
    snapshot = materials[0].snapshot()
    inventory = Inventory(from_snapshot(snapshot, "bench"), DEFAULT_PROMOTED_TAGS)
    s3 = MemoryS3(snapshot)
    figures: dict[str, tuple[float, str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        handler = function(materials, s3, NOW)
        rivals = {
            "floor": [floor(material) for material in materials],
            "duckdb": duckdb_join(materials, inventory, Path(directory)),
            "loop": python_loop(materials, inventory),
        }
        taken = {name: alternate(RUNS, rival, handler) for name, rival in rivals.items()}
    for name, (theirs, ours) in taken.items():
        figures[f"handler_to_{name}"] = (median_ratio(theirs, ours), "ratio of records/s")
    floor_s, handler_s = (statistics.median(seconds) for seconds in taken["floor"])
    figures["handler_records_per_s"] = (RECORDS / handler_s, "records/s on this machine")
    figures["handler_ms"] = (handler_s * 1e3, "ms")
    figures["floor_ms"] = (floor_s * 1e3, "ms")
    figures["first_to_repeated"] = (_first_to_repeated(materials, snapshot), "ratio of times, once after a snapshot")
    sizes = list(zip(s3.sizes.values(), [len(gzip.compress(material.raw, 6)) for material in materials], strict=True))
    figures["object_bytes"] = (max(ours for ours, _ in sizes), "bytes, the largest")
    figures["object_to_gzip"] = (max(ours / zipped for ours, zipped in sizes), "ratio, the largest")
    ours, zipped = (sum(each) for each in zip(*sizes, strict=True))
    figures["objects_to_gzip"] = (ours / zipped, "ratio, all batches together")
    cold, allowed, warm = count_calls(materials[0])
    figures["ec2_calls_cold"] = (cold, f"calls, {allowed} allowed")
    figures["ec2_calls_warm"] = (warm, "calls")
    figures |= {name: (value, unit) for name, value, unit in (*shapes(materials, snapshot, NOW), *starts(materials[0]))}
    missed = [name for name, least in AT_LEAST.items() if figures[name][0] < least]
    missed += [name for name, most in {**AT_MOST, "ec2_calls_cold": allowed}.items() if figures[name][0] > most]
    material = materials[0]
    size = f"{RECORDS} records of {len(material.fields)} fields, {inventory.endpoints.num_rows} interfaces x 4 tags"
    print(f"material {material.digest}: {BATCHES} batches of {size}")
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.3f} {unit}{'  MISSED' if name in missed else ''}")
    # DuckDB complains at exit of what was frozen with the snapshot.
    gc.unfreeze()
    print(json.dumps({"material": material.digest, **{name: value for name, (value, _) in figures.items()}}))
    return 1 if missed else 0


def _first_to_repeated(materials: Sequence[Material], snapshot: bytes) -> float:
    """A batch's time right after a snapshot, when nothing of it is remembered, over its time when it comes again."""
    ratios = []
    for number in range(len(materials)):
        batch, other = materials[number], materials[number - 1]
        run, load = function([batch, other], MemoryS3(snapshot), NOW)
        load()
        first = seconds_of(run)
        ratios.append(first / statistics.median(seconds_of(run) for _ in range(_REPEATS)))
    return statistics.median(ratios)


if __name__ == "__main__":
    sys.exit(main())
