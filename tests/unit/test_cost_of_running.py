"""What running costs, against figures worked out by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from scripts.cost_of_running import Assumptions, costs, load_of, read_prices, tiered

# A day of 86.4 GB in lines of 100 bytes is 10,000 lines and 1 MB a second.
ROUND = Assumptions(
    line_bytes=Decimal(100),
    wrapping=Decimal(1),
    buffer_bytes=Decimal(1_000_000),
    batch_s=Decimal("0.5"),
    memory_mb=Decimal(2048),
    raw_row_bytes=Decimal(20),
    row_bytes=Decimal(10),
    row_days=98,
    hourly_days=1000,
    hourly_share=Decimal("0.1"),
    reads_an_object=10,
    rows_per_worker_s=Decimal(10_000),
    job_start_s=Decimal(60),
    refresh_s=Decimal(1),
    metrics=10,
    alarms=10,
    log_bytes=Decimal(1000),
    queries=10,
)
DAY = Decimal("86.4")


def flat(price):
    """A price without steps."""
    return {"tiers": [[None, price]]}


PRICES = {
    "flow_log_gb": {"tiers": [[1000, "0.5"], [None, "0.25"]]},
    "firehose_gb": flat("0.1"),
    "lambda_gb_s": flat("0.00001"),
    "lambda_request": flat("0.000001"),
    "s3_put": flat("0.00001"),
    "s3_get": flat("0.000001"),
    "s3_gb_month": flat("0.02"),
    "glue_dpu_h": flat("0.5"),
    "athena_gb": flat("0.005"),
    "metric_month": flat("0.3"),
    "alarm_month": flat("0.1"),
    "log_gb": flat("0.5"),
}


@pytest.mark.parametrize(
    ("amount", "cost"),
    [("0", "0"), ("10000", "2500"), ("10001", "2500.15"), ("40000", "6250"), ("60000", "7500")],
)
def test_each_step_is_paid_at_its_own_price(amount, cost):
    """10 TB at 0.25, the next 20 at 0.15, the next 20 at 0.075, the rest at 0.05."""
    assert tiered(Decimal(amount), read_prices()["prices"]["flow_log_gb"]["tiers"]) == Decimal(cost)


def test_the_load_follows_from_the_volume():
    """10,000 lines a second; a batch a second; half a function; 3,600 objects; one worker's work, of two at least."""
    load = load_of(DAY, ROUND)
    assert (load.lines_s, load.megabytes_s, load.batches_s) == (10_000, 1, 1)
    assert (load.functions, load.objects_hour, load.workers) == (Decimal("0.5"), 3600, 2)


def test_a_quiet_stream_makes_a_batch_a_minute():
    """The buffer's interval ends it before it is full."""
    assert load_of(Decimal("0.001"), ROUND).objects_hour == pytest.approx(60)


def test_every_item_is_what_a_pencil_gives():
    """86.4 GB a day for 30 days: 2,592 GB, 2,592,000 batches; a day 17.28 GB raw, 8.64 compacted, 0.864 of sums."""
    found = costs(DAY, PRICES, ROUND)
    expected = {
        "VPC flow logs: delivery": "898",  # 1000 * 0.5 + 1592 * 0.25
        "Firehose": "259.2",  # 2592 * 0.1
        "Transformation function": "28.512",  # 2592000 * 0.5 s * 2 GiB * 0.00001 + 2592000 * 0.000001
        "S3: requests": "52.704",  # (2592000 + 2 * 43200) * 0.00001 + 25920000 * 0.000001
        "S3: what is kept": "34.56",  # (17.28 + 8.64 * 98 + 0.864 * 1000) * 0.02
        "Compaction": "372",  # (720 h + 720 starts * 1/60 h * 2 workers) * 0.5
        "Refresher": "0.9072",  # 43200 * 1 s * 2 GiB * 0.00001 + 43200 * 0.000001
        "CloudWatch": "5.3176",  # 3 + 1 + 2.6352 GB * 0.5
        "Athena": "9.072",  # 300 queries * 6.048 GB * 0.005
    }
    assert {item: round(cost, 6) for item, cost in found.items()} == {
        item: Decimal(cost) for item, cost in expected.items()
    }


def test_a_query_costs_ten_megabytes_at_least():
    """However little it reads."""
    small = replace(ROUND, hourly_share=Decimal(0))
    assert costs(DAY, PRICES, small)["Athena"] == Decimal("0.015")  # 300 * 0.01 GB * 0.005


def test_every_price_tells_its_evidence():
    """A figure without a source would pass for one that somebody has read."""
    table = read_prices()
    assert table["as_of"] == "2026-11-21"
    assert [name for name, price in table["prices"].items() if not price["evidence"] or not price["what"]] == []
    assert set(table["prices"]) == {*PRICES}
