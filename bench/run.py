"""`make bench`: speed, size and API calls, each a line `name value unit`; then all of them as one JSON object.

Speeds are ratios of alternating runs in this one process, pinned to one core. Exit code 1 if a target is missed.
"""

import gc
import gzip
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from bench.ec2_calls import count_calls
from bench.function import MemoryS3, function
from bench.material import SECONDS, START, alternate, make_material, median_ratio
from bench.rivals import duckdb_join, floor, python_loop
from enricher.inventory import Inventory
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import from_snapshot

RUNS = 11
RECORDS = 8_000
AT_LEAST = {"handler_to_floor": 0.30, "handler_to_duckdb": 1.0, "handler_to_loop": 5.0}
AT_MOST = {"object_to_gzip": 1.4, "ec2_calls_warm": 0}


def main() -> int:
    """Measure, print, judge."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    material = make_material(RECORDS)
    snapshot = material.snapshot()
    inventory = Inventory(from_snapshot(snapshot, "bench"), DEFAULT_PROMOTED_TAGS)
    s3 = MemoryS3(snapshot)
    figures: dict[str, tuple[float, str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        measured = (
            function(material, s3, START + SECONDS + 300),
            floor(material),
            duckdb_join(material, inventory, Path(directory)),
            python_loop(material, inventory),
        )
        handler, floor_s, duckdb_s, loop_s = alternate(RUNS, *measured)
    figures["handler_to_floor"] = (median_ratio(floor_s, handler), "ratio of records/s")
    figures["handler_to_duckdb"] = (median_ratio(duckdb_s, handler), "ratio of records/s")
    figures["handler_to_loop"] = (median_ratio(loop_s, handler), "ratio of records/s")
    figures["handler_records_per_s"] = (RECORDS / statistics.median(handler), "records/s on this machine")
    figures["handler_ms"] = (statistics.median(handler) * 1e3, "ms")
    figures["floor_ms"] = (statistics.median(floor_s) * 1e3, "ms")
    figures["object_bytes"] = (len(s3.body), "bytes")
    figures["gzip_bytes"] = (len(gzip.compress(material.raw, 6)), "bytes")
    figures["object_to_gzip"] = (figures["object_bytes"][0] / figures["gzip_bytes"][0], "ratio")
    cold, allowed, warm = count_calls(material)
    figures["ec2_calls_cold"] = (cold, f"calls, {allowed} allowed")
    figures["ec2_calls_warm"] = (warm, "calls")
    missed = [name for name, least in AT_LEAST.items() if figures[name][0] < least]
    missed += [name for name, most in {**AT_MOST, "ec2_calls_cold": allowed}.items() if figures[name][0] > most]
    size = f"{RECORDS} records of {len(material.fields)} fields, {inventory.endpoints.num_rows} interfaces x 4 tags"
    print(f"material {material.digest}: {size}")
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.3f} {unit}{'  MISSED' if name in missed else ''}")
    # DuckDB complains at exit of what was frozen with the snapshot.
    gc.unfreeze()
    print(json.dumps({"material": material.digest, **{name: value for name, (value, _) in figures.items()}}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
