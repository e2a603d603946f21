"""Glue job: compact the lake's dirty hours, audit the catalog, delete what nobody needs (``compaction.sweep``).

--lake_bucket BUCKET --database NAME --service NAME [--inventory_uri s3://…] [--inventory_keep_s 14400]
[--promoted_tags …] [--record_tags …] [--grace_hours 24] [--sweep_hours 48] [--hours day/hour,…]
[--aws_region REGION]
The grace time must be longer than the job's timeout and than any query reads.
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from pyspark.sql import SparkSession

from compaction.catalog import GlueCatalog
from compaction.figures import NAMESPACE, metric_data
from compaction.hour import HourWriter
from compaction.known import Told
from compaction.objects import S3Objects
from compaction.second_look import second_look
from compaction.settings import SweepSettings
from compaction.spark_hour import SparkHourWriter
from compaction.sweep import Compactor
from enricher.history import KEEP_SECONDS


def main(argv: Sequence[str] | None = None, around: Callable[[HourWriter], HourWriter] = lambda writer: writer) -> int:
    """Run the job; 0, or 1 where an hour failed. ``around``: what stands between Spark and S3 where s3a cannot."""
    told = _arguments(argv)
    settings = SweepSettings.of(told.grace_hours, told.sweep_hours, told.hours)
    client = partial(_client, told.aws_region or None, told.endpoint_url or None)
    s3, glue, metrics = client("s3"), client("glue"), client("cloudwatch")
    known = second_look(s3, told.inventory_uri, Told((), told.promoted_tags, told.record_tags), told.inventory_keep_s)
    if told.inventory_uri and known.tables is None:
        sys.stderr.write(f"{told.inventory_uri}: nothing is published there yet, so rows stay as they were enriched\n")
    spark = SparkSession.builder.appName("compact").getOrCreate()
    compactor = Compactor(
        objects=S3Objects(s3, told.lake_bucket),
        catalog=GlueCatalog(glue, told.database, told.lake_bucket, time.sleep),
        writer=around(SparkHourWriter(spark, known.tables, known.rules, known.remembered_since)),
        clock=time.time,
        uri=lambda key: f"s3a://{told.lake_bucket}/{key}",
        run=uuid.uuid4().hex,
        snapshot=known.snapshot,
        settings=settings,
        tell=lambda line: sys.stderr.write(f"{line}\n"),
    )
    report = compactor.sweep()
    sys.stdout.write(json.dumps(report.as_json()) + "\n")
    metrics.put_metric_data(Namespace=NAMESPACE, MetricData=metric_data(report, told.service))
    return 1 if report.failures else 0


def _client(region: str | None, endpoint_url: str | None, service: str) -> Any:
    config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
    return boto3.client(service, region_name=region, endpoint_url=endpoint_url, config=config)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("lake_bucket", "database", "service"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("inventory_uri", "promoted_tags", "record_tags", "hours", "aws_region", "endpoint_url"):
        parser.add_argument(f"--{name}", default="")
    for name, default in (("grace_hours", 24.0), ("sweep_hours", 48.0), ("inventory_keep_s", KEEP_SECONDS)):
        parser.add_argument(f"--{name}", type=float, default=default)
    # Glue passes arguments of its own beside ours.
    return parser.parse_known_args(argv)[0]


if __name__ == "__main__" and (code := main()):
    sys.exit(code)
