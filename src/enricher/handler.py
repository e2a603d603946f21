"""The transformation Lambda: environment, clients and clock meet here; the work is in ``batch``.

Clients are made once for an environment and only when first needed. See the Lambda developer guide, "Best practices".
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from random import random as uniform
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics

from cache import Budget, CircuitBreaker, Share, TTLCache
from enricher.batch import Answer, Pipeline
from enricher.current_inventory import CurrentInventory
from enricher.errors import SettingsError
from enricher.lake import S3Store
from enricher.memory import keep_freed_memory
from enricher.metrics import figures
from enricher.resolve import Misses, Rules
from enricher.settings import JSON, Settings
from enricher.sources import Source

if TYPE_CHECKING:
    from enricher.ec2 import Ec2Reader

_WRITE_SECONDS: Final = 10  # what enriching and writing may still take after the last EC2 request
_LOAD_SECONDS: Final = 10  # what loading an inventory may take where S3 hangs: two attempts, and a second between them
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000
# The lake must be written, the inventory need not be read: it is given up sooner.
_S3_LAKE: Final = {"connect_timeout": 2, "read_timeout": 20, "retries": {"mode": "standard", "total_max_attempts": 3}}
_S3_INVENTORY: Final = {
    "connect_timeout": 1, "read_timeout": 3, "retries": {"mode": "standard", "total_max_attempts": 2}
}  # fmt: skip

logger = Logger()
metrics = Metrics()


class Environment:
    """One Lambda environment: settings, clients, caches. Not thread-safe; an environment serves one event a time.

    Args:
        settings: checked at start.
        clock: Unix seconds.
        clients: ``s3`` and ``ec2`` → boto3 client, where they should not be made from the environment's credentials.
        settle: called when a snapshot has been loaded.
        warn: is told in one line why an inventory could not be loaded.
        random: draws from [0, 1), by which environments that know nothing of each other differ.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        clients: Mapping[str, Any] | None = None,
        settle: Callable[[], object] = lambda: None,
        warn: Callable[[str], object] = lambda _: None,
        random: Callable[[], float] = uniform,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._clients = dict(clients or {})
        ec2 = settings.ec2
        self._cache: TTLCache[Any, Any] = TTLCache(
            ec2.cache_size, ec2.cache_ttl_s, ec2.negative_ttl_s, ec2.stale_ttl_s, random=random
        )
        self._reader: Ec2Reader | None = None
        self._inventory = CurrentInventory(settings, lambda: self._s3("inventory", _S3_INVENTORY), settle, warn)

    def handle(self, event: Any, remaining_s: float) -> Answer:
        """Process one event with ``remaining_s`` seconds left.

        Raises:
            LogFormatError: neither the settings nor the inventory's pointer tell the stream's log format.
            Exception: as ``Pipeline.process`` does.
        """
        now = self._clock()
        before = self._counters()
        store = S3Store(self._s3("lake", _S3_LAKE), self._settings.lake_bucket)
        current = self._inventory.at(now, may_load=remaining_s > _LOAD_SECONDS + _WRITE_SECONDS)
        snapshot = self._inventory.source(current, now)
        rules = Rules(self._settings.promoted_tags, self._inventory.record_tags(current))
        as_json = self._settings.output_mode == JSON
        pipeline = Pipeline(self._inventory.log_formats(current), rules, store, as_json)
        answer = pipeline.process(event, snapshot, self._misses(event, snapshot, now, remaining_s))
        asked = {name: total - before[name] for name, total in self._counters().items()}
        told = asked | self._inventory.figures(current, now) | {"BatchSeconds": self._clock() - now}
        return replace(answer, counts={**answer.counts, **told})

    def _s3(self, purpose: str, config: Mapping[str, Any]) -> Any:
        """The S3 client for ``lake`` or ``inventory``: one that was handed in serves both."""
        if "s3" in self._clients:
            return self._clients["s3"]
        if purpose not in self._clients:
            import boto3  # noqa: PLC0415 - half a second; only needed where no client was handed in
            from botocore.config import Config  # noqa: PLC0415 - same

            self._clients[purpose] = boto3.client("s3", config=Config(**config))
        return self._clients[purpose]

    def _misses(self, event: Any, snapshot: Source | None, now: float, remaining_s: float) -> Misses | None:
        """EC2 for what the snapshot does not know. None while a configured snapshot does not exist yet: no scanning."""
        ec2 = self._settings.ec2
        region = event.get("region") if isinstance(event, Mapping) else None
        if not ec2.lookups or not region or (self._settings.inventory_uri and snapshot is None):
            return None
        from enricher.ec2 import LONGEST_CALL_SECONDS, Ec2Reader, WhenAsked, ec2_client  # noqa: PLC0415 - as boto3
        from enricher.misses import MissSource  # noqa: PLC0415 - same

        if self._reader is None:
            client = self._clients.get("ec2") or WhenAsked(lambda: ec2_client(region))
            breaker = CircuitBreaker(ec2.breaker_failures, ec2.breaker_cool_down_s, random=self._random)
            # With an inventory EC2 is asked for what is a minute too young; without one it is all there is.
            shared = (ec2.calls_per_minute, ec2.environments)
            share = Share(*shared, random=self._random) if self._settings.inventory_uri else None
            self._reader = Ec2Reader(client, clock=self._clock, breaker=breaker, share=share)
        time_left = remaining_s - LONGEST_CALL_SECONDS - _WRITE_SECONDS
        budget = Budget(ec2.call_budget, now + min(ec2.deadline_s, time_left))
        source = MissSource(self._reader, self._cache, self._settings.promoted_tags, region)
        return Misses(source, now, budget, _own_part(event, region))

    def _counters(self) -> dict[str, float]:
        """Running totals of the cache and of EC2, by metric name."""
        cache = self._cache.counters()
        counts: dict[str, float] = {
            "CacheHits": cache.hits,
            "CacheNegativeHits": cache.negative_hits,
            "CacheMisses": cache.misses,
            "CacheStaleServed": cache.stale_served,
            "CacheEvictions": cache.evictions,
        }
        asked = None if self._reader is None else self._reader.counters()
        return counts | {
            "Ec2Calls": 0 if asked is None else sum(asked.calls.values()),
            "Ec2Throttles": 0 if asked is None else asked.throttles,
            "Ec2Failures": 0 if asked is None else sum(asked.failures.values()),
            "Ec2Refusals": 0 if asked is None else sum(asked.refusals.values()),
            **(self._inventory.counters() if self._settings.inventory_uri else {}),
        }


def _own_part(event: Mapping[str, Any], region: str) -> str | None:
    """The part of the inventory that EC2 answers for: the stream's own account and region; None where it tells none."""
    _, _, account = str(event.get("deliveryStreamArn")).partition(f":firehose:{region}:")
    return f"{account.partition(':')[0]}/{region}" if account else None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    if not metrics.namespace:
        # Powertools would say so only when the first batch is written, and that batch would be tried again for ever.
        raise SettingsError("settings: POWERTOOLS_METRICS_NAMESPACE is empty; set it to a CloudWatch namespace")
    keep_freed_memory()
    return Environment(Settings.from_environ(), time.time, settle=settle_collector, warn=logger.warning)


def settle_collector() -> None:
    """Keep Python's collector from walking through a loaded snapshot again and again while batches come and go.

    A snapshot is a great many small objects that stay, a batch a few thousand that go; neither holds cycles, so both
    are freed without a collector. Clients do leave cycles behind: frozen, they would stay for ever, load after load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda's entry: a Firehose transformation event in, its response out.

    Anything of ours that fails raises: the stream invokes again, and keeps the raw batch under
    ``processing-failed/`` in the end.
    """
    answer = _environment().handle(event, context.get_remaining_time_in_millis() / 1000)
    emit(answer, logger, metrics)
    return answer.response


def emit(answer: Answer, logger: Logger, metrics: Metrics) -> None:
    """One log line and one set of metrics (CloudWatch embedded metric format) a batch."""
    for metric in figures(answer.counts):
        metrics.add_metric(name=metric.name, unit=metric.unit, value=metric.value)
    metrics.flush_metrics(raise_on_empty_metrics=False)
    logger.info("batch written", batch_id=answer.batch_id, objects=list(answer.written), counts=dict(answer.counts))
