"""`python -m bench.parts`: where a batch's time goes, by part, warm and cold; a Markdown table, then JSON.

The parts are functions of ours, each wrapped where its caller finds it; what a wrapped one calls that is wrapped too is
counted there and not twice. Warm: lower quartiles of many runs with the bench's batches in turn. Cold: an environment's
first batch, each in a process of its own, the inventory's load included. Thread time on one core.
"""

import functools
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from bench.function import MemoryS3, function
from bench.material import SECONDS, START, Material, make_materials
from enricher.errors import SettingsError

BATCHES: Final = 4
RUNS: Final = 80
COLD_RUNS: Final = 5
RECORDS: Final = 8_000
NOW: Final = START + SECONDS + 300
REST: Final = "what is left: freeing memory, glue"


@dataclass(frozen=True, slots=True)
class Part:
    """A row of the table, and the functions that it is made of: ``module:attribute`` or ``module:Class.method``."""

    name: str
    places: tuple[str, ...]


PARTS: Final = (
    Part("inventory: snapshot read and indexed", ("enricher.handler:CurrentInventory.at",)),
    Part("event: delivery records to columns, base64", ("enricher.batch:read_event",)),
    Part("payload: to lines", ("enricher.batch:read_payloads",)),
    Part("parse: lines to flow records", ("enricher.batch:parse_lines",)),
    Part("batch id", ("enricher.firehose:Delivery.digest",)),
    Part("resolve: keys and addresses", ("enricher.resolve:batch_of", "enricher.resolve:keys_of")),
    Part("resolve: recorders and reporter", ("enricher.resolve:recorders_of", "enricher.resolve:reporter_codes")),
    Part("resolve: owners", ("enricher.resolve:Attributor.answers",)),
    Part("resolve: dimension", ("enricher.resolve:dimension_of",)),
    Part("resolve: the rest", ("enricher.batch:resolve",)),
    Part("enrich", ("enricher.batch:enrich",)),
    Part("write: Parquet", ("enricher.batch:to_parquet",)),
    Part("put: in memory", ("enricher.lake:S3Store.put_if_absent",)),
    Part("response", ("enricher.batch:response",)),
    Part("counts, metrics, log line", ("enricher.batch:of_rows", "bench.function:emit")),
)


class Times:
    """Seconds by part, each without those of the parts that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((part.name for part in PARTS), 0.0)
        self._inner = [0.0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is counted."""

        @functools.wraps(function)
        def run(*args: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begun = time.thread_time()
            try:
                return function(*args, **named)
            finally:
                taken = time.thread_time() - begun
                self.seconds[name] += taken - self._inner.pop()
                self._inner[-1] += taken

        return run


@contextmanager
def watched(times: Times) -> Iterator[None]:
    """All parts are counted in here.

    Raises:
        SettingsError: a part is not where PARTS says.
    """
    with ExitStack() as undo:
        for part in PARTS:
            for place in part.places:
                owner, name = _found(place)
                before = getattr(owner, name)
                setattr(owner, name, times.timed(part.name, before))
                undo.callback(setattr, owner, name, before)
        yield


def _found(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each, None)
    if not hasattr(owner, name):
        raise SettingsError(f"bench.parts: there is no {place}; tell PARTS what does that part's work now")
    return owner, name


def run_parts(run: Callable[[], object]) -> dict[str, float]:
    """Milliseconds by part of one call; ``all`` and what is left of it by difference."""
    times = Times()
    with watched(times):
        begun = time.thread_time()
        run()
        whole = time.thread_time() - begun
    told = {name: seconds * 1e3 for name, seconds in times.seconds.items()}
    return told | {REST: whole * 1e3 - sum(told.values()), "all": whole * 1e3}


def warm(materials: Sequence[Material], snapshot: bytes) -> dict[str, float]:
    """Lower quartiles over runs with each batch in turn."""
    calls = function(materials, MemoryS3(snapshot), NOW)
    for call in calls:
        call()
    runs = [run_parts(calls[number % len(calls)]) for number in range(RUNS)]
    return {name: statistics.quantiles([run[name] for run in runs], n=4)[0] for name in runs[0]}


def cold(material: Material, snapshot: bytes) -> dict[str, float]:
    """Medians of first batches, imports left out."""
    with tempfile.TemporaryDirectory() as directory:
        told, kept = Path(directory, "event.json"), Path(directory, "snapshot")
        told.write_text(json.dumps({"fields": material.fields, "event": material.event}), "utf-8")
        kept.write_bytes(snapshot)
        command = [sys.executable, "-m", "bench.parts", str(told), str(kept)]
        outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(COLD_RUNS)]
    runs = [json.loads(output) for output in outputs]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def markdown(warm_ms: dict[str, float], cold_ms: dict[str, float]) -> list[str]:
    """The table as Markdown lines, in the order of a batch."""
    lines = ["| part | warm, ms | cold, ms |", "|---|---:|---:|"]
    for name, milliseconds in warm_ms.items():
        mark = "**" if name == "all" else ""
        lines.append(f"| {mark}{name}{mark} | {mark}{milliseconds:.1f}{mark} | {mark}{cold_ms[name]:.1f}{mark} |")
    return lines


def measure() -> dict[str, Any]:
    """Both tables, and the material's hash."""
    _one_core()
    materials = make_materials(RECORDS, BATCHES)
    snapshot = materials[0].snapshot()
    return {
        "material": materials[0].digest,
        "warm": warm(materials, snapshot),
        "cold": cold(materials[0], snapshot),
    }


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)


def main() -> int:
    """Measure and print; with an event's and a snapshot's path that batch's cold parts, in this process."""
    if sys.argv[1:]:
        _one_core()
        told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
        material = Material(tuple(told["fields"]), [], told["event"], {}, "")
        (call,) = function([material], MemoryS3(Path(sys.argv[2]).read_bytes()), NOW)
        print(json.dumps(run_parts(call)))
        return 0
    figures = measure()
    print(f"material {figures['material']}: {BATCHES} batches of {RECORDS} records of 29 fields")
    print("\n".join(markdown(figures["warm"], figures["cold"])))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
