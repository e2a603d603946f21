"""`make bench-scan`: how many bytes a question about cross-AZ traffic reads, beside the gzip of the raw lines.

Ten million lines of one estate, in hours of arrival: each slice is drawn anew (its own seed), both ends record as the
estate does. Lines are enriched by the core in objects of 100,000, compacted by the real Spark writer, and asked by
DuckDB through a file system that counts every byte it hands out, footers included. What the answers must be is added up
from the generator's truth. Lines `name value unit`; exit code 1 if a target is missed.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from bench.counted_reads import answers
from enricher.columns import plain
from enricher.enrich import Provenance, enrich
from enricher.inventory import Inventory
from enricher.inventory_documents import tables_of
from enricher.lake import Partition, to_parquet
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source
from workbench.estate import BENCH, Estate, Traffic, build_estate, generate_traffic

if TYPE_CHECKING:
    from compaction.hour import HourResult

ROWS: Final = 10_000_000
HOURS: Final = 4
SEED: Final = 5
START: Final = 1_763_632_800  # 2025-11-20 10:00 UTC
REGION: Final = "us-east-1"
HOUR_S: Final = 3_600
CONNECTIONS: Final = 80_000  # a slice's
CHUNK: Final = 100_000
# All interfaces are listed: what is not is no zone's.
DISTRIBUTIONS: Final = replace(BENCH, unlisted_share=0.0)
LEAST_CROSS_AZ: Final = 0.30
AT_MOST: Final = {"hourly_to_gzip": 1 / 48, "rows_to_gzip": 1 / 12}

_NAMED: Final = ("src_az_id", "dst_az_id")

Pair = tuple[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, compact, ask, judge."""
    parser = argparse.ArgumentParser(description="bytes read by cross-AZ questions, over the gzip of the raw lines")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--keep", type=Path, help="an empty directory for the lake, which stays")
    told = parser.parse_args(arguments)
    figures = Figures()
    with _place(told.keep) as lake:
        begin = time.monotonic()
        made = make_lake(lake, told.rows, told.hours)
        figures["rows"] = (made["rows"], "rows")
        figures["cross_az_share"] = (made["cross_az"] / made["flows"], "of the flows that count")
        figures["not_named_share"] = (
            made["not_named"] / made["cross_az"],
            "of these: a side is not known, none is asked",
        )
        figures["gzip_bytes"] = (made["gzip"], "bytes")
        figures["made_in"] = (time.monotonic() - begin, "s")
        begin = time.monotonic()
        figures["dropped"] = (compact(lake), "rows")
        figures["compacted_in"] = (time.monotonic() - begin, "s")
        for name, (read, stored, answer) in answers(lake).items():
            figures[f"{name}_bytes_read"] = (read, f"bytes of {stored} stored")
            figures[f"{name}_to_gzip"] = (read / made["gzip"], f"ratio, 1/{made['gzip'] / read:.0f}")
            figures[f"{name}_equals_truth"] = (answer == made["truth"], "")
    missed = [name for name, most in AT_MOST.items() if figures[name][0] > most]
    missed += [name for name in figures if name.endswith("_equals_truth") and not figures[name][0]]
    missed += ["cross_az_share"] * (figures["cross_az_share"][0] < LEAST_CROSS_AZ)
    missed += ["rows"] * (figures["rows"][0] < told.rows) + ["dropped"] * bool(figures["dropped"][0])
    for name in missed:
        print(f"missed: {name}", file=sys.stderr)
    print(json.dumps({name: value for name, (value, _) in figures.items()}))
    return 1 if missed else 0


class Figures(dict[str, tuple[float, str]]):
    """Figures by name, each printed as soon as it is known: making them takes half an hour."""

    def __setitem__(self, name: str, figure: tuple[float, str]) -> None:
        value, unit = figure
        print(f"{name} {value:.6g} {unit}".rstrip(), flush=True)
        super().__setitem__(name, figure)


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """Where the lake lies: in ``keep``, or in a directory that goes."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="scan-economy-") as directory:
        yield Path(directory)


def make_lake(lake: Path, rows: int, hours: int) -> dict[str, Any]:
    """Write raw objects of ``rows`` rows or more: rows, bytes (raw, gzip), flows that count, and the truth by zones."""
    total: Counter[str] = Counter()
    truth: dict[Pair, Counter[str]] = {}
    context = multiprocessing.get_context("spawn")
    number = 0
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        while total["rows"] < rows:
            missing = rows - total["rows"]
            each = max(1, total["rows"] // number if number else missing)
            slices = max(hours, 2) if not number else -(-missing // each)
            orders = [(lake, hours, number + more) for more in range(slices)]
            number += slices
            for counts, pairs in pool.map(make_slice, orders):
                total.update(counts)
                for pair, sums in pairs.items():
                    truth.setdefault(pair, Counter()).update(sums)
    return {**total, "truth": {pair: (s["flows"], s["packets"], s["bytes"]) for pair, s in sorted(truth.items())}}


def make_slice(order: tuple[Path, int, int]) -> tuple[dict[str, int], dict[Pair, dict[str, int]]]:
    """A slice of an hour's traffic, drawn with a seed of its own, enriched and written in chunks."""
    lake, hours, number = order
    made, source = _estate()
    begin = START + number % hours * HOUR_S
    traffic = generate_traffic(made, SEED + number, begin, HOUR_S, CONNECTIONS)
    counts = Counter(rows=0, raw=0, gzip=0)
    partition = Partition.at(REGION, (begin + HOUR_S - 1) * 1000)
    named: list[pa.Table] = []
    for first in range(0, len(traffic.lines), CHUNK):
        lines = traffic.lines[first : first + CHUNK]
        raw = "\n".join([traffic.header, *lines]).encode()
        counts["raw"] += len(raw)
        counts["gzip"] += len(gzip.compress(raw, 6))
        name = f"slice-{number:04d}-{first:09d}"
        flows = parse_lines(lines, [0] * len(lines), LogFormats.parse([traffic.log_format])).flows
        arrivals = pa.array([(begin + HOUR_S - 1) * 1000] * flows.num_rows, pa.int64())
        dimension = resolve(flows, source, Rules(default_region=REGION), None, pc.divide(arrivals, 1000))
        rows = enrich(flows, dimension, Provenance(name, arrivals))
        path = lake / partition.flow_logs_key(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_parquet(rows))
        counts["rows"] += rows.num_rows
        named.append(pa.table({column: plain(rows[column]) for column in _NAMED}))
    return (*_truth(traffic, pa.concat_tables(named), counts),)


def _truth(
    traffic: Traffic, named: pa.Table, counts: Counter[str]
) -> tuple[dict[str, int], dict[Pair, dict[str, int]]]:
    """With the flows that count: how many, how many cross zones, how many of these have no zones in their row.

    And those that have, by the pair of zones. Which record counts, and what crossed, is the generator's word: the
    source's record where the source records, else the destination's. A row that has other zones than were true would
    be in no pair here, and so the answers would differ.
    """
    truth = traffic.truth.take(traffic.line_truth["truth_id"])
    side = traffic.line_truth["side"]
    of_destination = pc.and_(pc.equal(side, "dst"), pc.invert(truth["source_recorded"]))
    is_first = pc.fill_null(pc.or_(pc.equal(side, "src"), of_destination), fill_value=False)
    counting = pc.and_(is_first, pc.fill_null(pc.equal(truth["action"], "ACCEPT"), fill_value=False))
    crossing = pc.and_(counting, pc.fill_null(pc.equal(truth["traffic_class"], "cross_az"), fill_value=False))
    is_named = pc.fill_null(
        pc.and_(pc.equal(named["src_az_id"], truth["src_az_id"]), pc.equal(named["dst_az_id"], truth["dst_az_id"])),
        fill_value=False,
    )
    told = truth.select(["src_az_id", "dst_az_id", "packets", "bytes"]).filter(pc.and_(crossing, is_named))
    sums = told.combine_chunks().group_by(["src_az_id", "dst_az_id"])
    pairs = {
        (row["src_az_id"], row["dst_az_id"]): {
            "flows": row["bytes_count"],
            "packets": row["packets_sum"],
            "bytes": row["bytes_sum"],
        }
        for row in sums.aggregate([("bytes", "count"), ("packets", "sum"), ("bytes", "sum")]).to_pylist()
    }
    numbers = {"flows": counting, "cross_az": crossing, "not_named": pc.and_(crossing, pc.invert(is_named))}
    return {**counts, **{name: pc.sum(which).as_py() for name, which in numbers.items()}}, pairs


_MADE: list[tuple[Estate, Source]] = []


def _estate() -> tuple[Estate, Source]:
    """The estate and its inventory, once a process."""
    if not _MADE:
        made = build_estate(DISTRIBUTIONS, SEED)
        inventory = Inventory(tables_of(made.documents(), observed_at=START + 24 * HOUR_S), DEFAULT_PROMOTED_TAGS)
        _MADE.append((made, Source(inventory, "snapshot")))
    return _MADE[0]


def compact(lake: Path) -> int:
    """Every hour through Spark's writer, each with its neighbours; how many rows were dropped as copies."""
    with spark_session() as spark:
        return sum(result.dropped for result in compacted_hours(lake, spark))


def compacted_hours(lake: Path, spark: Any) -> "Iterator[HourResult]":
    """The hours one after the other, each when it is written."""
    from compaction.hour import HourJob  # noqa: PLC0415 - Spark starts after the pool is gone
    from compaction.spark_hour import SparkHourWriter  # noqa: PLC0415 - same

    folders = sorted((lake / "flow_logs").glob("*/*/*"))
    writer = SparkHourWriter(spark, None, Rules(default_region=REGION), 0.0)
    for place, folder in enumerate(folders):
        partition = Partition(*(part.partition("=")[2] for part in folder.parts[-3:]))
        beside = [folders[other] for other in (place - 1, place + 1) if 0 <= other < len(folders)]
        targets = [f"file://{lake}/{table}/{partition.path}" for table in ("flow_logs_compacted", "flows_hourly")]
        uris = tuple(f"file://{other}" for other in beside)
        yield writer.write(HourJob(partition, (f"file://{folder}",), uris, *targets))


@contextmanager
def spark_session() -> Iterator[Any]:
    """A local session; it asks for Java 17."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - same

    settings: dict[str, Any] = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "6g",
        "spark.sql.shuffle.partitions": "8",
    }
    # Or workers are the first python3 on PATH. The setting of that name reaches only what spark-submit starts.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[2]").appName("scan-economy").config(map=settings).getOrCreate()
    try:
        yield session
    finally:
        session.stop()


if __name__ == "__main__":
    sys.exit(main())
