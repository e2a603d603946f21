"""A snapshot of a large estate: how long it takes to read and index, its memory, and what its size costs a batch.

`python -m bench.snapshot_scale` prints a line `name value unit` for each figure, measured in a process of its own that
is pinned to one core; seconds are CPU seconds. Exit code 1 if a target is missed.
"""

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from bench.large_estate import BEGUN_AT, VPCS, address_of, interface_id_of, make_tables, vpc_of
from bench.material import REGION, STREAM
from enricher.batch import Pipeline
from enricher.handler import settle_collector
from enricher.inventory import Inventory
from enricher.log_format import LogFormats
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import from_snapshot, to_snapshot
from enricher.sources import Source
from workbench.envelopes import DeliveryRecord, message_record, transformation_event

INTERFACES: Final = 200_000
FEW: Final = 10_000
MANY: Final = 1_000_000
_STRIDE: Final = 97  # from one of the few to one of the many, VPC by VPC
LINES: Final = 8_000
RECORDERS: Final = 220  # as many as in the batch of `make bench`
PEERS: Final = 5  # of each; `make bench` has fewer
RUNS: Final = 30
PROCESSES: Final = 3
AT_MOST: Final = {"snapshot_read_and_index": 1.0, "peak_rss": 0.7 * 1_769, "batch_cost_ratio": 1.1}
_FORMAT: Final = "version account-id interface-id srcaddr dstaddr srcport dstport start end vpc-id flow-direction"


def main() -> int:
    """Measure, print, judge; with a figure's name and a snapshot's path measure that one, in this process."""
    if sys.argv[1:]:
        print(_FIGURES[sys.argv[1]](Path(sys.argv[2])))
        return 0
    with tempfile.TemporaryDirectory() as directory:
        snapshot = Path(directory) / "snapshot.parquet"
        _apart("write", snapshot)
        reads = [_apart("read", snapshot) for _ in range(PROCESSES)]
        figures = {
            "snapshot_bytes": (float(snapshot.stat().st_size), "bytes"),
            "snapshot_read_and_index": (statistics.median(reads), "s"),
            "peak_rss": (_apart("memory", snapshot), "MB"),
            "batch_cost_ratio": (_apart("ratio", snapshot), f"{MANY} to {FEW} interfaces"),
        }
    missed = [name for name, most in AT_MOST.items() if figures[name][0] > most]
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.3f} {unit}{'  MISSED' if name in missed else ''}")
    return 1 if missed else 0


def _apart(name: str, snapshot: Path) -> float:
    """A figure from a process of its own."""
    command = [sys.executable, "-m", "bench.snapshot_scale", name, str(snapshot)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _write(snapshot: Path) -> float:
    return float(snapshot.write_bytes(to_snapshot(make_tables(INTERFACES))))


def _read(snapshot: Path) -> float:
    _one_core()
    body = snapshot.read_bytes()
    begun = time.process_time()
    Inventory(from_snapshot(body, "bench"), DEFAULT_PROMOTED_TAGS)
    return time.process_time() - begun


def _memory(snapshot: Path) -> float:
    """The most that the process ever held: all that the function imports, the snapshot's bytes, the index."""
    _one_core()
    import boto3  # noqa: F401, PLC0415 - a part of what is measured

    Inventory(from_snapshot(snapshot.read_bytes(), "bench"), DEFAULT_PROMOTED_TAGS)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ratio(_snapshot: Path) -> float:
    """Seconds of one batch with many interfaces by its seconds with few: of either the least of alternating runs."""
    _one_core()
    few, many = _batch(FEW, 1), _batch(MANY, _STRIDE)
    settle_collector()
    pairs = [(many(), few()) if turn % 2 else (few(), many())[::-1] for turn in range(RUNS)]
    return min(pair[0] for pair in pairs) / min(pair[1] for pair in pairs)


class _Nowhere:
    """An object store that forgets what it is given."""

    def put_if_absent(self, key: str, body: Any) -> bool:
        """As if it were new."""
        del key, body
        return True


def _batch(size: int, stride: int) -> Callable[[], float]:
    """A whole batch, from event to response, over all of an estate; running it tells its CPU seconds."""
    source = Source(Inventory(make_tables(size), DEFAULT_PROMOTED_TAGS), "snapshot")
    pipeline = Pipeline(LogFormats.parse([_FORMAT]), Rules(), _Nowhere())
    records = [
        DeliveryRecord(f"{number:056d}", message_record(line), BEGUN_AT * 1000)
        for number, line in enumerate(_lines(stride))
    ]
    event = transformation_event(records, STREAM, REGION, "bench")

    def run() -> float:
        source.inventory.remembered.clear()  # nothing remembered from the batch before
        begun = time.process_time()
        pipeline.process(event, source)
        return time.process_time() - begun

    return run


def _lines(stride: int) -> list[str]:
    """What every estate sees alike: the numbers of the interfaces differ by ``stride`` alone."""
    chance = random.Random(7)
    recorders = chance.sample(range(FEW), RECORDERS)
    peers = {recorder: [chance.randrange(recorder % VPCS, FEW, VPCS) for _ in range(PEERS)] for recorder in recorders}
    lines = []
    for _ in range(LINES):
        recorder = chance.choice(recorders)
        peer = chance.choice(peers[recorder])
        recorder, peer = recorder * stride, peer * stride
        port = chance.randrange(1024, 65536)
        lines.append(
            f"2 111122223333 {interface_id_of(recorder)} {address_of(recorder)} {address_of(peer)} {port} 443 "
            f"{BEGUN_AT - 60} {BEGUN_AT} {vpc_of(recorder)} egress"
        )
    return lines


_FIGURES: Final[dict[str, Callable[[Path], float]]] = {
    "write": _write,
    "read": _read,
    "memory": _memory,
    "ratio": _ratio,
}

if __name__ == "__main__":
    sys.exit(main())
