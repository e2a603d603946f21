"""The transformation Lambda: environment, clients and clock meet here; the work is in ``batch``.

Clients are made once for an environment and only when first needed. See the Lambda developer guide, "Best practices".
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger, Metrics

from cache import Budget, CircuitBreaker, LoadError, New, NotThere, RefreshingValue, TTLCache, Unchanged
from enricher.attribution import Source
from enricher.batch import Answer, Pipeline
from enricher.ec2 import LONGEST_CALL_SECONDS, Ec2Reader, ec2_client
from enricher.errors import InventoryError, SettingsError
from enricher.inventory import Inventory
from enricher.lake import S3Store
from enricher.metrics import figures
from enricher.misses import MissSource
from enricher.resolve import Misses, Rules
from enricher.settings import Settings
from enricher.snapshot import from_snapshot

_WRITE_SECONDS: Final = 10  # what enriching and writing may still take after the last EC2 request
_RETRY_SNAPSHOT_SECONDS: Final = 10
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000

logger = Logger()
metrics = Metrics()


class Environment:
    """One Lambda environment: settings, clients, caches. Not thread-safe; an environment serves one event a time.

    Args:
        settings: checked at start.
        clock: Unix seconds.
        clients: service → boto3 client, for those that should not be made from the environment's own credentials.
        settle: called when a snapshot has been loaded.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        clients: Mapping[str, Any] | None = None,
        settle: Callable[[], object] = lambda: None,
    ) -> None:
        self._settle = settle
        self._settings = settings
        self._clock = clock
        self._clients = dict(clients or {})
        self._rules = Rules(settings.promoted_tags, settings.record_tags)
        ec2 = settings.ec2
        self._cache: TTLCache[Any, Any] = TTLCache(ec2.cache_size, ec2.cache_ttl_s, ec2.negative_ttl_s, ec2.stale_ttl_s)
        self._reader: Ec2Reader | None = None
        self._snapshot: RefreshingValue[Inventory] = RefreshingValue(
            self._load_snapshot,
            soft_ttl=settings.inventory_soft_ttl_s,
            hard_ttl=settings.inventory_hard_ttl_s,
            retry_after=_RETRY_SNAPSHOT_SECONDS,
        )

    def handle(self, event: Any, remaining_s: float) -> Answer:
        """Process one event with ``remaining_s`` seconds left; raises as ``Pipeline.process`` does."""
        now = self._clock()
        before = self._counters()
        store = S3Store(self._client("s3"), self._settings.lake_bucket)
        pipeline = Pipeline(self._settings.log_formats, self._rules, store)
        snapshot = self._current_snapshot(now)
        answer = pipeline.process(event, snapshot, self._misses(event, snapshot, now, remaining_s))
        asked = {name: total - before[name] for name, total in self._counters().items()}
        if snapshot is not None and snapshot.inventory.observed_at is not None:
            asked["InventoryAgeSeconds"] = now - snapshot.inventory.observed_at
        return replace(answer, counts={**answer.counts, **asked, "BatchSeconds": self._clock() - now})

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            import boto3  # noqa: PLC0415 - half a second; only needed where no client was handed in
            from botocore.config import Config  # noqa: PLC0415 - same

            config = Config(connect_timeout=2, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
            self._clients[service] = boto3.client(service, config=config)
        return self._clients[service]

    def _current_snapshot(self, now: float) -> Source | None:
        if not self._settings.inventory_uri:
            return None
        current = self._snapshot.get(now)
        if current.value is None:
            return None
        observed_at = current.value.observed_at
        too_old = observed_at is not None and now - observed_at > self._settings.inventory_hard_ttl_s
        return Source(current.value, "snapshot", is_stale=too_old or current.state == "stale")

    def _load_snapshot(self, held: New[Inventory] | None) -> New[Inventory] | Unchanged | NotThere:
        """A conditional GET of the snapshot (S3 API reference, GetObject: 304 where the ETag is unchanged)."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client

        uri = urlsplit(self._settings.inventory_uri)
        condition = {} if held is None else {"IfNoneMatch": held.token}
        try:
            found = self._client("s3").get_object(Bucket=uri.netloc, Key=uri.path.lstrip("/"), **condition)
            tables = from_snapshot(found["Body"].read(), self._settings.inventory_uri)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code in ("304", "NotModified"):
                return Unchanged()
            if code in ("NoSuchKey", "404"):
                return NotThere()
            raise LoadError(f"snapshot {self._settings.inventory_uri}: {code}") from error
        except (BotoCoreError, InventoryError) as error:
            raise LoadError(f"snapshot {self._settings.inventory_uri}: {error}") from error
        inventory = Inventory(tables, self._settings.promoted_tags)
        self._settle()
        return New(inventory, found["ETag"])

    def _misses(self, event: Any, snapshot: Source | None, now: float, remaining_s: float) -> Misses | None:
        """EC2 for what the snapshot does not know. None while a configured snapshot does not exist yet: no scanning."""
        ec2 = self._settings.ec2
        region = event.get("region") if isinstance(event, Mapping) else None
        if not ec2.lookups or not region or (self._settings.inventory_uri and snapshot is None):
            return None
        if self._reader is None:
            client = self._clients.get("ec2") or ec2_client(region)
            breaker = CircuitBreaker(ec2.breaker_failures, ec2.breaker_cool_down_s)
            self._reader = Ec2Reader(client, clock=self._clock, breaker=breaker)
        time_left = remaining_s - LONGEST_CALL_SECONDS - _WRITE_SECONDS
        budget = Budget(ec2.call_budget, now + min(ec2.deadline_s, time_left))
        return Misses(MissSource(self._reader, self._cache, self._settings.promoted_tags, region), now, budget)

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
        }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    if not metrics.namespace:
        # Powertools would say so only when the first batch is written, and that batch would be tried again for ever.
        raise SettingsError("settings: POWERTOOLS_METRICS_NAMESPACE is empty; set it to a CloudWatch namespace")
    return Environment(Settings.from_environ(), time.time, settle=settle_collector)


def settle_collector() -> None:
    """Keep Python's collector from walking through a loaded snapshot again and again while batches come and go.

    A snapshot is a great many small objects that stay, a batch a few thousand that go; neither holds cycles, so both
    are freed without a collector.
    """
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
