"""What running the service costs a month, and how much it has to do, by GB of flow log lines a day.

    python -m scripts.cost_of_running [GB_A_DAY …]

Prices are data (running_prices.json, with date and evidence), and so are the assumptions below, each with where it is
from. No free tier, no discount, no data transfer; storage as it is when the retention times are full for the first
time. GB are 1e9 bytes, a month has 30 days.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

PRICES: Final = Path(__file__).with_name("running_prices.json")
VOLUMES: Final = (10, 1_000, 100_000)
DAYS: Final = 30
_GIB_OF_MB: Final = Decimal(1024)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the figures rest on besides prices.

    Attributes:
        line_bytes: a version 5 line (mean of the demo's 58,491).
        wrapping: bytes of a delivery record to bytes of its line (262 to 249).
        buffer_bytes: the stream's hint; smaller where less than that comes in a minute.
        batch_s: billed for a full batch of the function. The bench's batch of 8,000 records takes about 0.045 s of one
            core here; the rest is for the put and for a slower core. Not measured on AWS.
        memory_mb: of both functions, as in the template.
        raw_row_bytes: as the function writes them, 115 columns, kept for a day once compacted (`make bench-compacted`:
            16,342,597 bytes of 799,973 rows; small batches take more).
        row_bytes: of a compacted row (9,821,020 bytes, same).
        row_days, hourly_days: the template's retention.
        hourly_share: bytes of flows_hourly to bytes of compacted rows (125,863, same; more where there are more ends).
        reads_an_object: GETs of compaction for each object of the function (`bench.cost`); its own objects are few.
        rows_per_worker_s: compaction. 5,906 a core here (`make bench-compacted`), times 4 vCPUs, 0.7 of them busy, each
            taken to be 1.5 times as slow. Not measured on AWS.
        job_start_s: of each hourly job, paid for by two workers at least.
        refresh_s: a run a minute. Not measured on AWS.
        metrics, alarms: custom metrics of a stack, and its alarms.
        log_bytes: of one invocation.
        queries: a day, of saved queries, each over a week of flows_hourly: many analysts' (`bench.cost` takes 100, and
            the dashboard's refreshes).
    """

    line_bytes: Decimal = Decimal(249)
    wrapping: Decimal = Decimal("1.052")
    buffer_bytes: Decimal = Decimal(2_000_000)
    batch_s: Decimal = Decimal("0.2")
    memory_mb: Decimal = Decimal(1769)
    raw_row_bytes: Decimal = Decimal("20.4")
    row_bytes: Decimal = Decimal("12.3")
    row_days: int = 400
    hourly_days: int = 1100
    hourly_share: Decimal = Decimal("0.0128")
    reads_an_object: int = 9
    rows_per_worker_s: Decimal = Decimal(11_000)
    job_start_s: Decimal = Decimal(60)
    refresh_s: Decimal = Decimal(5)
    metrics: int = 60
    alarms: int = 15
    log_bytes: Decimal = Decimal(1_500)
    queries: int = 500


@dataclass(frozen=True, slots=True)
class Load:
    """What a volume means: lines and bytes a second, batches a second, functions at once, objects an hour, workers."""

    lines_s: Decimal
    megabytes_s: Decimal
    batches_s: Decimal
    functions: Decimal
    objects_hour: Decimal
    workers: Decimal


def load_of(gb_a_day: Decimal, given: Assumptions) -> Load:
    """The load, spread evenly over the day; the stream makes a batch a minute at least."""
    lines_s = gb_a_day * 10**9 / given.line_bytes / 86_400
    records_s = gb_a_day * 10**9 * given.wrapping / 86_400
    batches_s = max(records_s / given.buffer_bytes, Decimal(1) / 60)
    return Load(
        lines_s,
        records_s / 10**6,
        batches_s,
        batches_s * given.batch_s,
        batches_s * 3600,
        max(lines_s / given.rows_per_worker_s, Decimal(2)),
    )


def costs(gb_a_day: Decimal, prices: Mapping[str, Any], given: Assumptions) -> dict[str, Decimal]:
    """Item → US dollars a month."""
    load = load_of(gb_a_day, given)
    gb, month_s = gb_a_day * DAYS, Decimal(86_400 * DAYS)
    batches = load.batches_s * month_s
    gib = given.memory_mb / _GIB_OF_MB
    rows = load.lines_s * 86_400
    raw_gb, rows_gb = (rows * size / 10**9 for size in (given.raw_row_bytes, given.row_bytes))
    hourly_gb = rows_gb * given.hourly_share
    refreshes = Decimal(1440 * DAYS)
    busy_h = load.lines_s * month_s / given.rows_per_worker_s / 3600
    start_h = 24 * DAYS * given.job_start_s / 3600 * load.workers

    def price(name: str, amount: Decimal) -> Decimal:
        return tiered(amount, prices[name]["tiers"])

    return {
        "VPC flow logs: delivery": price("flow_log_gb", gb),
        "Firehose": price("firehose_gb", gb * given.wrapping),
        "Transformation function": price("lambda_gb_s", batches * given.batch_s * gib)
        + price("lambda_request", batches),
        "S3: requests": price("s3_put", batches + 2 * refreshes) + price("s3_get", batches * given.reads_an_object),
        "S3: what is kept": price("s3_gb_month", raw_gb + rows_gb * given.row_days + hourly_gb * given.hourly_days),
        "Compaction": price("glue_dpu_h", busy_h + start_h),
        "Refresher": price("lambda_gb_s", refreshes * given.refresh_s * gib) + price("lambda_request", refreshes),
        "CloudWatch": price("metric_month", Decimal(given.metrics))
        + price("alarm_month", Decimal(given.alarms))
        + price("log_gb", (batches + refreshes) * given.log_bytes / 10**9),
        "Athena": price("athena_gb", given.queries * DAYS * max(7 * hourly_gb, Decimal("0.01"))),
    }


def tiered(amount: Decimal, tiers: list[list[Any]]) -> Decimal:
    """What an amount costs: each step's price for the part of it up to the step's end (null: no end)."""
    total, begin = Decimal(0), Decimal(0)
    for end, price in tiers:
        part = amount - begin if end is None else min(amount, Decimal(end)) - begin
        if part <= 0:
            break
        total += part * Decimal(price)
        begin += part
    return total


def read_prices() -> dict[str, Any]:
    """The price table: ``as_of``, ``region``, ``prices`` by name."""
    table: dict[str, Any] = json.loads(PRICES.read_text("utf-8"))
    return table


def markdown() -> list[str]:
    """Both tables as Markdown lines."""
    table, given = read_prices(), Assumptions()
    volumes = [Decimal(volume) for volume in VOLUMES]
    by_volume = [costs(volume, table["prices"], given) for volume in volumes]
    loads = [load_of(volume, given) for volume in volumes]
    head = "".join(f" {_volume(volume)} a day |" for volume in volumes)
    lines = [f"| US dollars a month |{head}", f"|---|{'---:|' * len(volumes)}"]
    lines += [f"| {item} |{''.join(f' {_number(cost[item])} |' for cost in by_volume)}" for item in by_volume[0]]
    totals = [sum(cost.values(), Decimal(0)) for cost in by_volume]
    lines.append(f"| **together** |{''.join(f' **{_number(total)}** |' for total in totals)}")
    ours = [
        total - cost["VPC flow logs: delivery"] - cost["Firehose"]
        for total, cost in zip(totals, by_volume, strict=True)
    ]
    lines += [f"| of it ours, not AWS's delivery |{''.join(f' {_number(part)} |' for part in ours)}", ""]
    lines += [f"| load |{head}", f"|---|{'---:|' * len(volumes)}"]
    for name, label in _LOADS.items():
        lines.append(f"| {label} |{''.join(f' {_number(getattr(load, name))} |' for load in loads)}")
    unsure = sorted(name for name, price in table["prices"].items() if "from memory" in price["evidence"])
    return [
        *lines,
        "",
        f"List prices of {table['region']} as of {table['as_of']}, none read on AWS's own page by us but where",
        "`scripts/running_prices.json` says so; from memory: " + ", ".join(f"`{name}`" for name in unsure) + ".",
    ]


_LOADS: Final = {
    "lines_s": "lines a second",
    "megabytes_s": "MB a second into the stream",
    "batches_s": "batches a second",
    "functions": "functions at once",
    "objects_hour": "raw objects an hour",
    "workers": "compaction workers (2 at least)",
}


def _volume(gb: Decimal) -> str:
    return f"{gb / 1000:,.0f} TB" if gb >= 1000 else f"{gb:,.0f} GB"  # noqa: PLR2004 - decimal units


def _number(value: Decimal) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:,.2f}"  # noqa: PLR2004 - two digits tell enough


def main(arguments: list[str] | None = None) -> int:
    """Print the tables, or the items of the volumes given."""
    given = [Decimal(text) for text in (sys.argv[1:] if arguments is None else arguments)]
    if not given:
        print("\n".join(markdown()))
    for volume in given:
        for item, cost in costs(volume, read_prices()["prices"], Assumptions()).items():
            print(f"{volume} GB a day  {item:28} {_number(cost):>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
