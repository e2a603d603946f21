"""`python -m bench.compacted`: an hour as compaction leaves it, over the gzip of its raw lines; where its bytes are.

A realistic hour of the bench's estate, enriched in objects of 100,000 lines, compacted by the real Spark writer, whose
processor time is taken too (JVM and Python workers). Lines `name value unit`, then all as one JSON object; exit code 1
if the target is missed. Needs Java 17.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from bench.column_bytes import bytes_of_columns
from bench.scan_economy import DISTRIBUTIONS, compacted_hours, make_lake, spark_session

ROWS: Final = 700_000
COLUMNS_TOLD: Final = 12  # all are in the JSON object
AT_MOST: Final = {"compacted_to_gzip": 0.7}
_TABLES: Final = {"object": "flow_logs", "compacted": "flow_logs_compacted", "hourly": "flows_hourly"}


def measure(rows: int, lake: Path) -> dict[str, Any]:
    """Figures of an hour of ``rows`` rows or more; ``columns``: of compacted rows, bytes by column, largest first."""
    made = make_lake(lake, rows, 1)
    with spark_session() as spark:
        first, _ = _timed(lake, spark)
        # An hour of a busy stream is a hundred times as large: what Java compiles and workers import is nothing there.
        taken, dropped = _timed(lake, spark)
    files = {name: sorted((lake / folder).rglob("*.parquet")) for name, folder in _TABLES.items()}
    sizes = {f"{name}_bytes": sum(file.stat().st_size for file in found) for name, found in files.items()}
    return {
        "material": DISTRIBUTIONS.digest(),
        "rows": made["rows"],
        "raw_bytes": made["raw"],
        "gzip_bytes": made["gzip"],
        **sizes,
        "compacted_rows": sum(pq.read_metadata(file).num_rows for file in files["compacted"]),
        "dropped": dropped,
        "compacted_to_gzip": sizes["compacted_bytes"] / made["gzip"],
        "hourly_to_gzip": sizes["hourly_bytes"] / made["gzip"],
        "first_cpu_s": first,
        "cpu_s": taken,
        "rows_per_cpu_s": made["rows"] / taken,
        "columns": bytes_of_columns(files["compacted"]),
    }


def _timed(lake: Path, spark: Any) -> tuple[float, int]:
    """Processor seconds of compacting the hour (over what was there), and rows dropped as copies."""
    before = cpu_seconds()
    dropped = sum(result.dropped for result in compacted_hours(lake, spark))
    return cpu_seconds() - before, dropped


UNITS: Final = {
    "compacted_to_gzip": "ratio; at most 0.7 is asked for",
    "hourly_to_gzip": "ratio, flows_hourly",
    "first_cpu_s": "s of processor time, JVM and workers, the session's first hour, its start left out",
    "cpu_s": "s of the same hour once more: compiled, imported",
    "rows_per_cpu_s": "rows a second of one core here",
}


def cpu_seconds() -> float:
    """Processor time of all processes below this one, with those of theirs that have ended."""
    ticks = os.sysconf("SC_CLK_TCK")
    stats = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text("utf-8", "replace")
        except OSError:  # it ended between two looks
            continue
        # proc(5): behind the name, which may hold anything, state and parent; user and system time are 14 to 17.
        words = text.rpartition(")")[2].split()
        stats[int(entry.parent.name)] = (int(words[1]), sum(map(int, words[11:15])) / ticks)
    return sum(seconds for pid, (_, seconds) in stats.items() if _is_below(pid, stats))


def _is_below(pid: int, stats: dict[int, tuple[int, float]]) -> bool:
    while pid in stats:
        pid = stats[pid][0]
        if pid == os.getpid():
            return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="bytes of a compacted hour over the gzip of its raw lines")
    parser.add_argument("--rows", type=int, default=ROWS)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="compacted-") as directory:
        figures = measure(told.rows, Path(directory))
    columns = figures["columns"]
    missed = [name for name, most in AT_MOST.items() if figures[name] > most]
    missed += ["dropped"] * bool(figures["dropped"])
    missed += ["compacted_rows"] * (figures["compacted_rows"] != figures["rows"])
    print(f"material {figures['material']}")
    for name, value in figures.items():
        if name not in {"columns", "material"}:
            print(f"{name} {value:.6g} {UNITS.get(name, '')}{'  MISSED' if name in missed else ''}")
    for name, size in list(columns.items())[:COLUMNS_TOLD]:
        print(f"column {name} {size} bytes, {size / figures['gzip_bytes']:.4f} of gzip")
    print(json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
