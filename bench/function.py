"""The function as Lambda runs it, with S3 in memory: event dictionary in, metrics and log line out."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from botocore.exceptions import ClientError

from bench.material import Material
from enricher.handler import Environment, emit, settle_collector
from enricher.log_format import LogFormats
from enricher.memory import keep_freed_memory
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.settings import Ec2Settings, Settings

SNAPSHOT_URI = "s3://bench-lake/inventory/snapshot.parquet"
_SECONDS_LEFT = 120


class MemoryS3:
    """As much of a boto3 S3 client as the function uses; ``sizes`` are those of the objects put, by key."""

    class exceptions:  # noqa: N801 - boto3's own name
        """boto3 clients carry their exceptions so."""

        ClientError = ClientError

    def __init__(self, snapshot: bytes) -> None:
        self._snapshot = snapshot
        self.sizes: dict[str, int] = {}

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """The snapshot, or 304 where the caller has it."""
        if arguments.get("IfNoneMatch") == "bench":
            raise ClientError({"Error": {"Code": "304"}}, "GetObject")
        return {"Body": io.BytesIO(self._snapshot), "ContentLength": len(self._snapshot), "ETag": "bench"}

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Take the object."""
        self.sizes[arguments["Key"]] = len(arguments["Body"])
        return {}


def function(
    materials: Sequence[Material], s3: MemoryS3, now: float, promoted: Mapping[str, tuple[str, ...]] | None = None
) -> list[Callable[[], int]]:
    """A warm environment's invocation with each batch: answers the number of records it was asked about.

    ``promoted``: columns of their own for tags, beyond the four that always exist.
    """
    settings = Settings(
        lake_bucket="bench-lake",
        log_formats=LogFormats((materials[0].log_format,)),
        promoted_tags={**DEFAULT_PROMOTED_TAGS, **(promoted or {})},
        inventory_uri=SNAPSHOT_URI,
        inventory_hard_ttl_s=86_400,
        ec2=Ec2Settings(lookups=False),
    )
    keep_freed_memory()
    environment = Environment(settings, lambda: now, {"s3": s3}, settle=settle_collector)
    printed = io.StringIO()
    logger = Logger(service="enricher", stream=printed)
    metrics = Metrics(namespace="VpcFlowLogs", service="enricher")

    def run(event: dict[str, Any]) -> int:
        answer = environment.handle(event, _SECONDS_LEFT)
        with redirect_stdout(printed):
            emit(answer, logger, metrics)
        return len(answer.response["records"])

    return [partial(run, material.event) for material in materials]
