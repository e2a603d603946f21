"""The system under test, as it runs: scans merged and published, snapshots read late, batches enriched as they come.

All of it is the real code: ``tables_of`` (see scans.py), ``merge``, ``to_snapshot``, ``from_snapshot``, ``Inventory``,
``parse_lines``, ``resolve`` with the miss cache over a truthful EC2, ``enrich``, and ``settle`` for the second look.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from accuracy.baselines import Baselines
from accuracy.delivery import FORMATS, Batch
from accuracy.parameters import EPOCH, Parameters
from accuracy.reader import WorldReader
from accuracy.scans import Refresher
from accuracy.topology import ACCOUNTS, REGION, part_of
from accuracy.world import Columns, World
from cache import Budget, TTLCache
from enricher.enrich import Provenance, enrich
from enricher.history import merge
from enricher.inventory import Inventory, InventoryTables, Part
from enricher.log_format import LogFormats
from enricher.misses import MissSource
from enricher.parse import parse_lines
from enricher.payload import LineBlock
from enricher.resolve import Misses, Rules, resolve
from enricher.settle import settle
from enricher.snapshot import from_snapshot, to_snapshot
from enricher.sources import Source

OWN_ACCOUNT: Final = 0  # the function's own: the only one whose EC2 it asks
_FORMATS: Final = {name: LogFormats.parse([text]) for name, text in FORMATS.items()}
_CHECK_EVERY: Final = 41  # scans; no multiple of the number of parts, so that each has its turn
_PART_GAP_S: Final = 0.7  # between the beginnings of the parts' scans
_GROUP: Final = 40  # batches that the second look takes together


class MadeUpScanError(Exception):
    """A scan built from columns is not what ``tables_of`` makes of the documents: the measure is worth nothing."""


class Inventories:
    """The refresher's work over time: scans, failures, the outage; and what is published when."""

    def __init__(self, refresher: Refresher, parameters: Parameters, baselines: Baselines) -> None:
        self._refresher = refresher
        self._parameters = parameters
        self._baselines = baselines
        self._random = np.random.default_rng([parameters.seed, 6])
        self._next = 0
        self._history: InventoryTables | None = None
        self._published: list[tuple[float, Any]] = []
        self._good: list[tuple[int, float]] = []
        self._seen: tuple[int, float] | None = None
        self.counts: Counter[str] = Counter()

    def run_until(self, moment: float) -> None:
        """Scan at every due time before a moment."""
        while self._next < moment:
            begin, outage = self._next, self._parameters.outage_from_s
            self._next += self._parameters.scan_every_s
            if outage <= begin < outage + self._parameters.outage_s:
                self.counts["scans lost in the outage"] += len(ACCOUNTS)
                continue
            self._refresh(begin)

    def _refresh(self, begin: int) -> None:
        scans, failures = [], []
        for account in range(len(ACCOUNTS)):
            begun = begin + 1 + account * _PART_GAP_S
            if self._random.random() < self._parameters.failed_share:
                failures.append(
                    Part(part_of(account), None, None, EPOCH + begun, f"{part_of(account)}: RequestLimitExceeded")
                )
                continue
            scan = self._refresher.scan(account, begun)
            if self.counts["scans"] % _CHECK_EVERY == 0:
                found = self._refresher.difference(account, begun, scan)
                if found:
                    raise MadeUpScanError(f"scan of {part_of(account)} at {begun}: {found}")
                self.counts["scans compared with tables_of"] += 1
            self.counts["scans"] += 1
            scans.append(scan)
            self._good.append((account, begun))
        self.counts["failed scans"] += len(failures)
        ended = max((scan.parts[0].ended_at or 0.0 for scan in scans), default=EPOCH + begin + 5.0)
        keep, gap = self._parameters.keep_s, self._parameters.max_gap_s
        self._history = merge(self._history, scans, failures, ended, keep, gap)
        self._published.append((ended - EPOCH + self._parameters.publish_s, to_snapshot(self._history)))

    def latest(self, moment: float) -> Any:
        """The bytes of the snapshot that is published at a moment, or None; the baselines see its scans too."""
        due = [body for at, body in self._published if at <= moment]
        if not due:
            return None
        self._published = [(-1.0, due[-1]), *self._published[len(due) :]]
        return due[-1]

    def show_baselines(self, moment: float) -> None:
        """Let the baselines see the latest scan of each part that was begun before a moment."""
        if not self._good or self._seen == self._good[-1]:
            return
        self._seen = self._good[-1]
        latest = {account: begun for account, begun in self._good if begun <= moment}
        self._good = list(latest.items())
        seen = [self._refresher.owners_now(begun, [account]) for account, begun in latest.items()]
        if seen:
            self._baselines.saw(np.concatenate([h for h, _ in seen]), np.concatenate([s for _, s in seen]))


@dataclass(frozen=True, slots=True)
class Enriched:
    """One batch's rows (lake columns), in the order of its truth."""

    rows: pa.Table
    batch: Batch


class Environment:
    """One warm environment of the function: holds a snapshot for its soft TTL, asks EC2 within its budget."""

    def __init__(self, world: World, inventories: Inventories, parameters: Parameters) -> None:
        self._inventories = inventories
        self._parameters = parameters
        self.rules = Rules(default_region=REGION)
        self.reader = WorldReader(world, OWN_ACCOUNT)
        # No jitter: the cache's only chance would make the run differ from itself.
        cache: TTLCache[Any, Any] = TTLCache(100_000, 300, 300, 3600, jitter=0)
        self._misses = MissSource(self.reader, cache, self.rules.promoted, REGION)  # type: ignore[arg-type]  # answers alike
        self._inventory: Inventory | None = None
        self._loaded_at = -float("inf")

    def source(self, moment: float) -> Source | None:
        """The snapshot held at a moment, renewed where its soft TTL is over."""
        if moment - self._loaded_at >= self._parameters.soft_ttl_s:
            body = self._inventories.latest(moment)
            if body is not None:
                self._inventory = Inventory(from_snapshot(body, "accuracy"), self.rules.promoted)
                self._loaded_at = moment
        if self._inventory is None:
            return None
        old = EPOCH + moment - self._parameters.hard_ttl_s
        stale = [p.name for p in self._inventory.parts if p.begun_at is not None and p.begun_at < old]
        return Source(self._inventory, "snapshot", stale_parts=frozenset(stale))

    def enrich(self, batch: Batch) -> Enriched:
        """The rows of a batch, as they go to the lake."""
        parsed = parse_lines(LineBlock(batch.text), range(len(batch.truth)), _FORMATS[batch.format])
        if parsed.rejects or parsed.flows.num_rows != len(batch.truth):
            raise MadeUpScanError(f"{len(parsed.rejects)} lines of the simulator are no flow log lines")
        now = EPOCH + batch.delivered
        self.reader.now = batch.delivered
        budget = Budget(self._parameters.call_budget, now + self._parameters.deadline_s)
        misses = Misses(self._misses, now, budget, part_of(OWN_ACCOUNT))
        source = self.source(batch.delivered)
        dimension = resolve(parsed.flows, source, self.rules, misses, batch.arrived_at)
        arrived_ms = pa.array(batch.arrived_at.to_numpy() * 1000)
        name = f"{batch.delivered}-{batch.format}"
        return Enriched(enrich(parsed.flows, dimension, Provenance(name, arrived_ms)), batch)


class Lake:
    """Keeps the rows as Parquet between the first look and the second."""

    def __init__(self) -> None:
        self._objects: list[tuple[Any, Columns]] = []

    def put(self, enriched: Enriched) -> None:
        """Write one batch."""
        sink = pa.BufferOutputStream()
        pq.write_table(enriched.rows, sink, compression="zstd", compression_level=1)
        self._objects.append((sink.getvalue(), enriched.batch.truth))

    def second_look(
        self, source: Source, rules: Rules, remembered_since: float
    ) -> Iterator[tuple[pa.Table, Columns, Counter[str]]]:
        """The rows settled with a later snapshot, some batches at a time, their truth, and what became of them."""
        for first in range(0, len(self._objects), _GROUP):
            group = self._objects[first : first + _GROUP]
            rows = pa.concat_tables([pq.read_table(pa.BufferReader(body)) for body, _ in group])
            truth = Columns({name: np.concatenate([t.of[name] for _, t in group]) for name in group[0][1].of})
            settled = settle(rows, source, rules, remembered_since)
            counts = {name: getattr(settled, name) for name in ("settled", "changed", "withdrawn", "kept")}
            yield settled.rows, truth, Counter(counts)
