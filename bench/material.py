"""What every figure is measured on: events and one inventory, all from the generator whose digest is printed."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from enricher.inventory_documents import tables_of
from enricher.log_format import LogFormat
from enricher.schema import FIELDS_OF_VERSION
from enricher.snapshot import to_snapshot
from workbench.envelopes import DeliveryRecord, message_record, transformation_event
from workbench.estate import BENCH, Traffic, build_estate, generate_traffic

SEED: Final = 7
START: Final = 1_763_632_800  # 2025-11-20 10:00 UTC
SECONDS: Final = 120
CONNECTIONS: Final = 100_000  # in SECONDS: five a minute and interface, a flow and its answer each
REGION: Final = "us-east-1"
STREAM: Final = "arn:aws:firehose:us-east-1:123456789012:deliverystream/flow-logs"


@dataclass(frozen=True, slots=True)
class Material:
    """An event of plain ``{"message": …}`` records, its lines, and the estate's documents."""

    fields: tuple[str, ...]
    lines: list[str]
    event: dict[str, Any]
    documents: dict[str, Any]
    digest: str

    @property
    def raw(self) -> bytes:
        """The lines as a file, already in memory."""
        return "\n".join(self.lines).encode()

    @property
    def log_format(self) -> LogFormat:
        """Their format."""
        return LogFormat(self.fields)

    def snapshot(self) -> bytes:
        """The inventory as the refresher would have stored it a minute before the flows."""
        return bytes(to_snapshot(tables_of(self.documents, observed_at=START + SECONDS + 60)))


def make_material() -> Material:
    """The first of these batches."""
    return make_materials()[0]


def make_materials(records: int = 8_000, batches: int = 1, version: int = 5) -> list[Material]:
    """Batches of ``records`` records each, out of two busy minutes of 20,000 interfaces, 4 tags each.

    In the order of their arrival, each from another part of these minutes. What an interface recorded in a window
    arrives together, so a batch holds many flows of few recorders, and two batches few of the same.
    """
    fields = FIELDS_OF_VERSION[version]
    traffic, documents = _minutes(fields)
    made = []
    for number in range(batches):
        place = (len(traffic.lines) // 2 + number * (len(traffic.lines) // batches)) % len(traffic.lines)
        first = min(place, len(traffic.lines) - records)
        lines = traffic.lines[first : first + records]
        if len(lines) < records:
            raise AssertionError(f"the generator gave {len(lines)} of {records} lines")
        delivered = [
            DeliveryRecord(f"{first + position:056d}", message_record(line), arrived)
            for position, (line, arrived) in enumerate(zip(lines, traffic.times[first:], strict=False))
        ]
        event = json.loads(json.dumps(transformation_event(delivered, STREAM, REGION, "bench")))
        made.append(Material(fields, lines, event, documents, BENCH.digest()))
    return made


@lru_cache(maxsize=1)
def _minutes(fields: tuple[str, ...]) -> tuple[Traffic, dict[str, Any]]:
    """Two minutes' flows, and the estate's documents."""
    estate = build_estate(BENCH, SEED)
    return generate_traffic(estate, SEED, START, SECONDS, CONNECTIONS, fields), estate.documents()


def alternate(runs: int, *measured: Sequence[Callable[[], Any]]) -> list[list[float]]:
    """Processor seconds of each function, ``runs`` times in turn (A B C A B C …), run for run with the next batch.

    ``measured``: for each function itself with every batch; all of them run once before, to warm up.
    """
    for functions in measured:
        for function in functions:
            function()
    seconds: list[list[float]] = [[] for _ in measured]
    for run in range(runs):
        for taken, functions in zip(seconds, measured, strict=True):
            taken.append(seconds_of(functions[run % len(functions)]))
    return seconds


def seconds_of(function: Callable[[], Any]) -> float:
    """How long one call keeps the processor busy, whatever thread it is on: who else wants it does not count."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios pair by pair: what the machine's drift cannot move."""
    return statistics.median(n / d for n, d in zip(numerators, denominators, strict=True))
