"""Dollars a raw TB, against figures worked out by hand; the template's own values are those of the model."""

import re
from pathlib import Path

import pytest

from bench.cost import Assumptions, Measured, charged_by_aws, costs, first_steps, judged
from scripts.cost_of_running import read_prices

TEMPLATE = (Path(__file__).resolve().parents[2] / "template.yaml").read_text("utf-8")
# A million batches of a MB each: 10,000 lines of 100 bytes.
ROUND = Measured(
    batch_lines=10_000,
    batch_raw_bytes=1_000_000,
    handler_s=0.03,
    runtime_s=0.02,
    rows_per_cpu_s=10_000,
    compacted_to_raw=0.1,
    hourly_to_raw=0.001,
)
GIVEN = Assumptions(
    memory_mb=2048, slowdown=2.0, put_s=0.1, busy_share=0.5, gets_a_renewal=2, ttl_s=40, tb_a_day=2.0, vcpus=4,
    glue_busy=0.5, job_start_s=60, workers=5, reads_an_object=3, refreshed_days=3, refreshes_a_day=10,
    talker_reads=4, queries_a_day=10, query_days=7,
)  # fmt: skip
PRICES = {
    "lambda_gb_s": 0.00001,
    "lambda_request": 0.000001,
    "s3_put": 0.00001,
    "s3_get": 0.000001,
    "glue_dpu_h": 0.36,
    "athena_gb": 0.005,
    "flow_log_gb": 0.25,
    "firehose_gb": 0.1,
}


def test_items_add_up_by_hand():
    """0.2 s of 2 GB a million times; 10,000 renewals; ten billion lines at 10,000 a second on two busy vCPUs."""
    assert costs(ROUND, GIVEN, PRICES) == pytest.approx(
        {
            "Lambda: duration": 4.0,  # 400,000 GB-seconds
            "Lambda: requests": 1.0,
            "S3: puts of objects": 10.0,
            "S3: gets of the inventory": 0.02,  # 200,000 s at work, 400,000 s alive, a look each 40 s, two gets
            "compaction: DPU-hours": 100.36,  # 1,000,000 s of rows and 3,600 s of starts
            "compaction: gets of raw objects": 3.0,
            "Athena: dashboard and saved queries": 2.5,  # a GB a hundred times, and four times 100 GB
        }
    )


def test_what_has_targets_is_the_sum_of_its_items():
    """Requests of the function are the function's; requests to S3 come on top."""
    assert judged(costs(ROUND, GIVEN, PRICES)) == pytest.approx({"lambda": 5.0, "lambda_and_s3": 15.02})


def test_what_aws_charges_is_by_bytes_of_what_it_handles():
    """Vended by the line's bytes, taken in with the 14 bytes of JSON around each: 14 % of lines of 100."""
    assert charged_by_aws(ROUND, PRICES) == pytest.approx({"AWS: vended logs": 250.0, "AWS: Firehose": 114.0})


def test_every_price_of_the_model_is_in_the_table():
    """With evidence, each above zero."""
    table = read_prices()
    assert costs(ROUND, GIVEN, first_steps(table)).keys() == costs(ROUND, GIVEN, PRICES).keys()
    assert all(table["prices"][name]["evidence"] and first_steps(table)[name] > 0 for name in PRICES)


def test_memory_hint_and_architecture_are_the_templates():
    """The transformation function is an arm64 one of that memory; the stream's hint is 2 MB."""
    function = TEMPLATE.partition("\n  TransformFunction:")[2].partition("\n\n  # ----")[0]
    assert f"MemorySize: {Assumptions().memory_mb:.0f}\n" in function
    assert "Architectures: [arm64]" in function
    assert re.search(r'BufferSizeInMBs\n\s+ParameterValue: .*"0\.5", "2"', TEMPLATE)
