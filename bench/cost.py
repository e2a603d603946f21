"""`python -m bench.cost`: dollars a raw TB, from measured times and dated prices; formula, items, then JSON.

A raw TB is 1e12 bytes of flow log lines, not compressed. Prices are ``scripts/running_prices.json`` (each with its
evidence). What is measured here is not Lambda's or Glue's time: the assumptions say how one becomes the other. Exit
code 1 if a target is missed. What the service costs a month at a volume: ``scripts.cost_of_running``.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

import pyarrow as pa

from bench.function import MemoryS3, function
from bench.material import SECONDS, START, make_materials, seconds_of
from bench.recorded import recorded
from scripts.cost_of_running import read_prices
from workbench.envelopes import message_record

RAW_TB: Final = 10**12
AT_MOST: Final = {"lambda": 2.0, "lambda_and_s3": 5.0}
SLOWDOWNS: Final = (1.0, 1.5, 2.0, 3.0)
HINT: Final = 2_000_000  # bytes of delivery records in a batch, as in the template
RUNS: Final = 40
_NOW: Final = START + SECONDS + 300
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on this machine.

    Attributes:
        batch_lines, batch_raw_bytes: of a batch at the hint.
        handler_s: its processor time in a warm environment (see ``measure``).
        runtime_s: what reading the event's JSON and writing the response's takes the runtime.
        rows_per_cpu_s: rows that a core compacts a second.
        compacted_to_raw, hourly_to_raw: bytes of compacted rows and of ``flows_hourly`` to bytes of the lines.
    """

    batch_lines: int
    batch_raw_bytes: int
    handler_s: float
    runtime_s: float
    rows_per_cpu_s: float
    compacted_to_raw: float
    hourly_to_raw: float


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What makes dollars of it besides prices.

    Attributes:
        memory_mb: the template's; 1,769 MB have one vCPU (Lambda developer guide, "Configuring memory").
        slowdown: how much longer such a vCPU (arm64) takes than this machine's core. Nobody has measured it.
        put_s: a put from Lambda to S3.
        busy_share: of an environment's life that it is invoked in; it looks for a new inventory all the time.
        gets_a_renewal, ttl_s: pointer and snapshot, once in the soft TTL.
        tb_a_day: the volume, for what costs by the hour.
        vcpus, glue_busy: of a G.1X worker, and the share of them that works while the job runs.
        job_start_s, workers: paid each hour before the first row.
        reads_an_object: requests of compaction: footer and data, for its own hour and as a neighbour of two.
        refreshed_days, refreshes_a_day: what the dashboard's two hourly data sets read of ``flows_hourly``.
        talker_reads: days of compacted rows that its two daily data sets read in a day, as if all columns were.
        queries_a_day, query_days: saved queries by people, over so many days of ``flows_hourly``, read whole.
    """

    memory_mb: float = 1769
    slowdown: float = 1.5
    put_s: float = 0.060
    busy_share: float = 0.1
    gets_a_renewal: int = 2
    ttl_s: float = 60
    tb_a_day: float = 1.0
    vcpus: int = 4
    glue_busy: float = 0.7
    job_start_s: float = 60
    workers: int = 2
    reads_an_object: int = 9
    refreshed_days: int = 3
    refreshes_a_day: int = 48
    talker_reads: int = 6
    queries_a_day: int = 100
    query_days: int = 7


FORMULA: Final = (
    "batches = 1e12 / raw bytes of a batch",
    "duration = (handler + JSON of event and response) x slowdown + put",
    "Lambda = batches x (duration x memory / 1024 MB x price of a GB-second + price of a request)",
    "S3 requests = batches x price of a PUT + batches x duration / busy share / TTL x GETs x price of a GET",
    (
        "compaction = (lines / (rows a CPU second / slowdown x vCPUs x busy) + 24 x start x workers / TB a day) / 3600"
        " x price of a DPU-hour + batches x reads x price of a GET"
    ),
    (
        "Athena = (bytes of flows_hourly x (days x refreshes + days x queries) + bytes of rows x days of talkers)"
        " x price of a TB scanned"
    ),
)


def costs(measured: Measured, given: Assumptions, prices: Mapping[str, float]) -> dict[str, float]:
    """Item → US dollars a raw TB; ``prices`` by the names of the price table, their first step."""
    batches = RAW_TB / measured.batch_raw_bytes
    duration = (measured.handler_s + measured.runtime_s) * given.slowdown + given.put_s
    gb_s = batches * duration * given.memory_mb / 1024
    renewals = batches * duration / given.busy_share / given.ttl_s
    lines = batches * measured.batch_lines
    busy_s = lines * given.slowdown / measured.rows_per_cpu_s / (given.vcpus * given.glue_busy)
    start_s = 24 * given.job_start_s * given.workers / given.tb_a_day
    hourly_gb = RAW_TB / 1e9 * measured.hourly_to_raw
    scans = given.refreshed_days * given.refreshes_a_day + given.query_days * given.queries_a_day
    scanned_gb = hourly_gb * scans + RAW_TB / 1e9 * measured.compacted_to_raw * given.talker_reads
    return {
        "Lambda: duration": gb_s * prices["lambda_gb_s"],
        "Lambda: requests": batches * prices["lambda_request"],
        "S3: puts of objects": batches * prices["s3_put"],
        "S3: gets of the inventory": renewals * given.gets_a_renewal * prices["s3_get"],
        "compaction: DPU-hours": (busy_s + start_s) / _HOUR * prices["glue_dpu_h"],
        "compaction: gets of raw objects": batches * given.reads_an_object * prices["s3_get"],
        "Athena: dashboard and saved queries": scanned_gb * prices["athena_gb"],
    }


def charged_by_aws(measured: Measured, prices: Mapping[str, float]) -> dict[str, float]:
    """What AWS charges to vend that TB and to take it into the stream (first steps), in US dollars."""
    wrapping = 1 + measured.batch_lines * len(message_record("")) / measured.batch_raw_bytes
    return {
        "AWS: vended logs": RAW_TB / 1e9 * prices["flow_log_gb"],
        "AWS: Firehose": RAW_TB / 1e9 * wrapping * prices["firehose_gb"],
    }


def judged(items: Mapping[str, float]) -> dict[str, float]:
    """The figures that have targets."""
    function_usd = items["Lambda: duration"] + items["Lambda: requests"]
    return {
        "lambda": function_usd,
        "lambda_and_s3": function_usd + items["S3: puts of objects"] + items["S3: gets of the inventory"],
    }


def first_steps(table: Mapping[str, Any]) -> dict[str, float]:
    """Name → price of the first step."""
    return {name: float(price["tiers"][0][1]) for name, price in table["prices"].items()}


def measure() -> tuple[str, Measured, Measured]:
    """The material's hash, and a batch at the hint, measured now; compaction as ``bench.compacted`` last recorded it.

    Twice: by the lower quartile of each batch's runs, since other work on the machine is none of Lambda's; and by their
    median, which has all that a batch may meet.

    Raises:
        SettingsError: nothing is recorded of compaction.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    usual = make_materials()[0]
    lines = HINT // (sum(len(message_record(line)) for line in usual.lines) // len(usual.lines))
    materials = make_materials(lines, 4)
    calls = function(materials, MemoryS3(materials[0].snapshot()), _NOW)
    handler = _seconds(calls)
    texts = [json.dumps(material.event) for material in materials]
    answer = {"records": [{"recordId": f"{n:056d}", "result": "Dropped", "data": ""} for n in range(lines)]}
    reading, writing = _seconds([partial(json.loads, text) for text in texts]), _seconds([partial(json.dumps, answer)])
    hour = recorded("compacted")["figures"]
    raw = statistics.mean(len(material.raw) + 1 for material in materials)
    undisturbed, usual_s = (
        Measured(
            lines,
            round(raw),
            handler_s,
            reading_s + writing_s,
            hour["rows_per_cpu_s"],
            hour["compacted_bytes"] / hour["raw_bytes"],
            hour["hourly_bytes"] / hour["raw_bytes"],
        )
        for handler_s, reading_s, writing_s in zip(handler, reading, writing, strict=True)
    )
    return materials[0].digest, undisturbed, usual_s


def _seconds(calls: list[Callable[[], Any]]) -> tuple[float, float]:
    """What a call takes on average, each by the lower quartile of its runs, and by their median."""
    for call in calls:
        call()
    runs = [[seconds_of(call) for call in calls] for _ in range(RUNS)]
    quartiles = [statistics.quantiles(each, n=4) for each in zip(*runs, strict=True)]
    return statistics.mean(low for low, _, _ in quartiles), statistics.mean(middle for _, middle, _ in quartiles)


def figures_of(material: str, measured: Measured, by_median: Measured) -> dict[str, Any]:
    """All that a page tells: measured, assumed, items, what AWS charges, Lambda by slowdown and by medians."""
    table, given = read_prices(), Assumptions()
    prices = first_steps(table)
    items = costs(measured, given, prices)
    by_slowdown = {
        f"{each:g}": judged(costs(measured, replace(given, slowdown=each), prices)) for each in (*SLOWDOWNS,)
    }
    return {
        "material": material,
        "formula": list(FORMULA),
        "measured": asdict(measured),
        "assumed": asdict(given),
        "prices": {
            name: {"usd": prices[name], "what": entry["what"], "from": entry["evidence"]}
            for name, entry in table["prices"].items()
            if name in _USED
        },
        "as_of": table["as_of"],
        "region": table["region"],
        "items": items,
        "aws": charged_by_aws(measured, prices),
        "judged": judged(items),
        "by_slowdown": by_slowdown,
        "by_median": judged(costs(by_median, given, prices)),
    }


_USED: Final = ("lambda_gb_s", "lambda_request", "s3_put", "s3_get", "glue_dpu_h", "athena_gb", "flow_log_gb",
                "firehose_gb")  # fmt: skip


def main() -> int:
    """Measure, print, judge."""
    begun = time.monotonic()
    figures = figures_of(*measure())
    print(f"material {figures['material']}")
    print("\n".join(FORMULA))
    for name, price in figures["prices"].items():
        print(f"price {name} {price['usd']:.10f} USD: {price['what']} ({price['from']}; {figures['as_of']})")
    for group in ("measured", "assumed"):
        for name, value in figures[group].items():
            print(f"{group} {name} {value:.6g}")
    for name, usd in {**figures["items"], **figures["aws"]}.items():
        print(f"{name} {usd:.3f} USD a raw TB")
    missed = [name for name, usd in figures["judged"].items() if usd > AT_MOST[name]]
    for name, usd in figures["judged"].items():
        print(f"{name} {usd:.3f} USD a raw TB; at most {AT_MOST[name]:g}{'  MISSED' if name in missed else ''}")
    for name, usd in figures["by_median"].items():
        print(f"{name}_by_median {usd:.3f} USD a raw TB, not judged")
    print(f"measured_in {time.monotonic() - begun:.0f} s")
    print(json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
