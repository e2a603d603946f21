"""Glue job: flow log files that AWS delivered to S3, into the lake. ``vpcflow backfill`` is the same on one machine.

--source s3://bucket/prefix/ --lake_bucket BUCKET --database NAME [--inventory_uri s3://…] [--log_format FORMAT;FORMAT]
[--promoted_tags …] [--record_tags …] [--region REGION] [--hours day/hour,…] [--replace true] [--dry_run true]
[--aws_region REGION]

``--region`` is that of the flow logs, where no file says it; ``--aws_region`` is where the job itself runs.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from pyspark.sql import SparkSession

from compaction.backfill import Backfilled, asked_hours
from compaction.backfill_job import BackfillJob, number_of_slices
from compaction.enrich_files import Summary, describe
from compaction.known import Told
from enricher.partitions import Partitions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0, or 1 where files were left. One line of JSON tells what it came to."""
    told = _arguments(argv)
    formats = [text for text in told.log_format.split(";") if text.strip()]
    tags = Told(formats, told.promoted_tags, told.record_tags)
    client = partial(_client, told.aws_region or None, told.endpoint_url or None)
    flags = (told.region or None, asked_hours(told.hours), told.replace == "true", told.dry_run == "true")
    job = BackfillJob(told.source, told.lake_bucket, told.inventory_uri, tags, client, *flags)
    backfill = job.open()
    names = backfill.source.names()
    context = SparkSession.builder.appName("backfill").getOrCreate().sparkContext
    files = context.parallelize(names, number_of_slices(names, context.defaultParallelism))
    backfill.refuse_occupied(files.mapPartitions(job.plan).collect())
    done = Backfilled(Summary(inventory=describe(backfill.known.source)))
    for file in files.mapPartitions(job.run).collect():
        done.take(file)
    figures = {"hours": len(done.written), "marks": backfill.finish(done)}
    if told.database and not (job.is_replacing or job.is_dry):
        figures["partitions_registered"] = Partitions(client("glue"), told.database).register_hours(done.written)
    sys.stdout.write(json.dumps({"dry_run": job.is_dry} | done.as_json() | figures) + "\n")
    return 1 if done.left else 0


def _client(region: str | None, endpoint_url: str | None, service: str) -> Any:
    config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})
    return boto3.client(service, region_name=region, endpoint_url=endpoint_url, config=config)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("source", "lake_bucket"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("database", "inventory_uri", "promoted_tags", "record_tags", "log_format", "region", "hours"):
        parser.add_argument(f"--{name}", default="")
    for name in ("replace", "dry_run"):
        parser.add_argument(f"--{name}", nargs="?", const="true", default="false", choices=("true", "false"))
    for name in ("aws_region", "endpoint_url"):
        parser.add_argument(f"--{name}", default="")
    # Glue passes arguments of its own beside ours.
    return parser.parse_known_args(argv)[0]


if __name__ == "__main__" and (code := main()):
    sys.exit(code)
