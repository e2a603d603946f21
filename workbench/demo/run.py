"""The demo's story: send an hour of traffic, look at what arrived, ask who pays, and write it all as one page."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from workbench.athena.engine import Lake, QueryResult
from workbench.athena.saved import get
from workbench.cloud import LocalCloud
from workbench.demo.deployment import DATABASE, Deployment
from workbench.envelopes import message_record
from workbench.errors import UsageError
from workbench.estate import DEMO, Traffic, build_estate, generate_traffic
from workbench.report_command import write_report
from workbench.show import print_table

SEED: Final = 1
START: Final = 1_763_632_800  # Thursday 2025-11-20 10:00 UTC
SECONDS: Final = 3_600
CONNECTIONS: Final = 12_000
_PUT_MOST: Final = 500
_QUERIES: Final = (
    ("cross_az_traffic", ("src_az_id", "dst_az_id", "flows", "gigabytes", "estimated_usd")),
    ("project_traffic", ("src_project", "dst_project", "flows", "gigabytes", "cross_az_gigabytes", "estimated_usd")),
    ("unresolved_share", ()),
)
REPORT: Final = "report.html"
_ROWS_SHOWN: Final = 12
_EXAMPLE_SQL: Final = "SELECT traffic_class, count(*) AS flows FROM flows_once GROUP BY 1"


def run_demo(out: Path) -> None:
    """Run the demo and write its lake and inventory below ``out``.

    Raises:
        UsageError: ``out`` holds something else already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / "lake").is_dir():
        raise UsageError(f"--out {out}: holds something else; give a directory of the demo's own")
    begin = time.monotonic()
    estate = build_estate(DEMO, SEED)
    traffic = generate_traffic(estate, SEED, START, SECONDS, CONNECTIONS)
    _say(f"made up an estate of {len(estate.interfaces)} interfaces (distributions {traffic.digest})")
    lake = _fresh(out / "lake")
    estate.write(out / "inventory")
    with LocalCloud(estate.documents()) as cloud:
        _say(f"stand-in cloud on {cloud.endpoint}: S3, Glue, EC2 over HTTP")
        deployment = Deployment(cloud, traffic.log_format, (START - 60) * 1000, SEED)
        _say(f"inventory snapshot of {deployment.take_snapshot()} interfaces read from EC2, stored in S3")
        send(deployment, traffic)
        partitions = deployment.register_partitions()
        objects = deployment.download(lake)
        _print_written(deployment, traffic, objects, partitions)
    _print_answers(lake)
    _say("writing the report")
    write_report(lake, out / REPORT, None, None)
    _print_next(out, time.monotonic() - begin)


def send(deployment: Deployment, traffic: Traffic) -> None:
    """Put every record when it arrives: the clock is simulated, the stream buffers and invokes by it."""
    batch: list[bytes] = []
    for line, arrived in zip(traffic.lines, traffic.times, strict=True):
        if batch and (len(batch) == _PUT_MOST or arrived - deployment.clock.now_ms() >= 1000):  # noqa: PLR2004 - a second
            deployment.stream.put_record_batch(batch)
            batch = []
        if arrived > deployment.clock.now_ms() and not batch:
            deployment.stream.advance((arrived - deployment.clock.now_ms()) / 1000)
        batch.append(message_record(line))
    deployment.stream.put_record_batch(batch)
    deployment.stream.drain()
    records = deployment.stream.counters.records
    _say(f"sent {records.put:,} records through the stream: {records.dropped:,} in the lake, {records.failed} failed")


def _print_written(deployment: Deployment, traffic: Traffic, objects: int, partitions: int) -> None:
    counts = deployment.counts
    raw = sum(len(line) + 1 for line in traffic.lines)
    rows = [
        ("flow log lines", len(traffic.lines)),
        ("rows in the lake", int(counts["Rows"])),
        ("rejected lines", int(counts["Rejects"])),
        ("batches (one Parquet object each)", objects),
        (f"partitions registered in {DATABASE}.flow_logs", partitions),
        ("raw megabytes", raw / 1e6),
        ("Parquet megabytes", counts["BytesWritten"] / 1e6),
        ("EC2 calls", int(counts["Ec2Calls"])),
        ("answers from the cache over EC2", int(counts["CacheHits"] + counts["CacheNegativeHits"])),
    ]
    print_table("Written", ("what", "how much"), rows)


def _print_answers(lake: Path) -> None:
    with Lake(lake) as opened:
        for name, columns in _QUERIES:
            query = get(name)
            result = _selected(opened.run(query.sql, query.bind({})), columns)
            more = len(result.rows) - _ROWS_SHOWN
            title = query.title + (f" (first {_ROWS_SHOWN} of {len(result.rows)})" if more > 0 else "")
            print_table(title, result.columns, result.rows[:_ROWS_SHOWN])


def _selected(result: QueryResult, columns: Sequence[str]) -> QueryResult:
    if not columns:
        return result
    places = [result.columns.index(name) for name in columns]
    rows = tuple(tuple(row[place] for place in places) for row in result.rows)
    return QueryResult(tuple(columns), tuple(result.types[place] for place in places), rows)


def _print_next(out: Path, seconds: float) -> None:
    lake, inventory = out / "lake", out / "inventory"
    vpcflow = sys.argv[0] if Path(sys.argv[0]).name == "vpcflow" else "vpcflow"
    print(f"\nDone in {seconds:.0f} s. Dollars are estimates by list price (athena/prices.json). Try next:")
    print(f"  {vpcflow} query top_talkers --lake {lake}")
    print(f'  {vpcflow} query --lake {lake} --sql "{_EXAMPLE_SQL}"')
    print(f"  {vpcflow} enrich your-flow-logs.log.gz --inventory {inventory} --region us-east-1 --out my-lake")
    print(f"\nThe report, for a browser: {out / REPORT}")


def _fresh(directory: Path) -> Path:
    """The demo's lake, empty: an earlier run's objects would be counted with this one's."""
    if directory.is_dir():
        for path in sorted(directory.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _say(sentence: str) -> None:
    sys.stderr.write(f"demo: {sentence}\n")
    sys.stderr.flush()
