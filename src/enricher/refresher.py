"""The refresher Lambda, on a schedule: environment, clients and clock meet here; the work is in ``refresh``.

What a run could not do is told at its end, by raising, so that the function's error alarm sees it.
"""

import time
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from enricher.errors import EnricherError, SettingsError
from enricher.metrics import REFRESHER_METRICS, figures
from enricher.paging import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from enricher.refresh import Refresh, Refresher
from enricher.refresher_settings import RefresherSettings

logger = Logger()
metrics = Metrics()


class RefreshError(EnricherError):
    """A run could not do all of its work."""


def make_client(service: str, region: str, **credentials: str) -> Any:
    """A boto3 client of a service, from the function's own credentials or from others."""
    import boto3  # noqa: PLC0415 - half a second, and not needed to look at this module
    from botocore.config import Config  # noqa: PLC0415 - same

    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=30,
    )
    return boto3.client(service, region_name=region, config=config, **credentials)


@lru_cache(maxsize=1)
def _refresher(account_id: str, region: str) -> Refresher:
    if not metrics.namespace:
        raise SettingsError("settings: POWERTOOLS_METRICS_NAMESPACE is empty; set it to a CloudWatch namespace")
    return Refresher(RefresherSettings.from_environ(), account_id, region, make_client, time.time, time.sleep)


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ARG001 - a schedule's event says nothing
    """The Lambda's entry: one run. Raises RefreshError where the inventory or the partitions could not be written."""
    _, _, _, region, account_id, *_ = context.invoked_function_arn.split(":")
    refresh = _refresher(account_id, region).run(context.get_remaining_time_in_millis() / 1000)
    emit(refresh, logger, metrics)
    if refresh.failures:
        raise RefreshError("; ".join(refresh.failures))
    return {"parts": len(refresh.parts), "failed": sum(part.error is not None for part in refresh.parts)}


def emit(refresh: Refresh, logger: Logger, metrics: Metrics) -> None:
    """One log line and one set of metrics (CloudWatch embedded metric format) a run."""
    for metric in figures(refresh.counts, REFRESHER_METRICS):
        metrics.add_metric(name=metric.name, unit=metric.unit, value=metric.value)
    metrics.flush_metrics(raise_on_empty_metrics=False)
    failed = {part.name: part.error for part in refresh.parts if part.error is not None}
    logger.info(
        "inventory refreshed",
        counts=refresh.counts,
        parts_failed=failed,
        warnings=list(refresh.warnings),
        failures=list(refresh.failures),
    )
