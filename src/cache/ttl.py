"""A bounded TTL cache over a source that is asked in batches.

An entry stores facts (the value or its absence, and when it was learnt); whether it is fresh, stale or worthless is
decided when it is read. Absence is an answer and is cached; a failure is never cached as absence.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, fields
from random import random as uniform
from typing import Final, Generic, TypeVar

import cachetools

from cache.errors import LoadError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Answers(Generic[K, V]):
    """Each key that was asked is in exactly one of these.

    ``found``: known now. ``absent``: the source knows that it does not exist. ``stale``: the entry has expired, the
    source could not be asked, the old value is still within the stale TTL. ``unresolved``: nothing is known.
    """

    found: dict[K, V]
    absent: set[K]
    stale: dict[K, V]
    unresolved: set[K]


@dataclass(frozen=True, slots=True)
class CacheCounters:
    """Running totals. ``after - before`` are those of the time between two snapshots.

    ``hits`` + ``negative_hits`` + ``misses`` are the distinct keys of every batch; ``loads`` are calls of the loader,
    ``load_failures`` those that raised LoadError; ``evictions`` are entries pushed out by newer ones.
    """

    hits: int = 0
    negative_hits: int = 0
    misses: int = 0
    loads: int = 0
    load_failures: int = 0
    stale_served: int = 0
    evictions: int = 0

    def __sub__(self, earlier: "CacheCounters") -> "CacheCounters":
        return CacheCounters(*(getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    """What was learnt (None: it does not exist), when, and this entry's own draw for the jitter, in [0, 1)."""

    value: V | None
    stored_at: float
    draw: float


class _Entries(cachetools.LRUCache[K, _Entry[V]]):
    """The bounded storage; the least recently asked entry goes first."""

    evictions = 0

    def popitem(self) -> tuple[K, _Entry[V]]:
        self.evictions += 1
        return super().popitem()


class TTLCache(Generic[K, V]):
    """Answers batches of keys from memory, and from ``load`` what memory does not know. Not thread-safe.

    Args:
        maxsize: entries held, positive and negative together, at least 1.
        ttl: seconds a value is fresh, more than 0.
        negative_ttl: seconds an absence is believed, at least 0 (0: not at all).
        stale_ttl: seconds beyond its life for which an expired value still serves while the source cannot be asked,
            at least 0. An expired absence never serves: then nothing is known.
        jitter: the share of its TTL, below 1, by which an entry's life is shortened at most, so that entries learnt
            together are not all asked again together. No entry is fresh beyond its TTL.
        random: draws from [0, 1), once for each entry.

    Raises:
        ValueError: an argument is out of its bounds.
    """

    def __init__(
        self,
        maxsize: int,
        ttl: float,
        negative_ttl: float,
        stale_ttl: float,
        jitter: float = 0.1,
        random: Callable[[], float] = uniform,
    ) -> None:
        if maxsize < 1 or ttl <= 0 or negative_ttl < 0 or stale_ttl < 0 or not 0 <= jitter < 1:
            raise ValueError(
                f"TTLCache: maxsize={maxsize}, ttl={ttl}, negative_ttl={negative_ttl}, stale_ttl={stale_ttl}, "
                f"jitter={jitter}; give maxsize >= 1, ttl > 0, the other TTLs >= 0, 0 <= jitter < 1"
            )
        self._ttl: Final = ttl
        self._negative_ttl: Final = negative_ttl
        self._stale_ttl: Final = stale_ttl
        self._jitter: Final = jitter
        self._random: Final = random
        self._entries: _Entries[K, V] = _Entries(maxsize)
        self._totals: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def counters(self) -> CacheCounters:
        """The totals since this cache was made."""
        return CacheCounters(evictions=self._entries.evictions, **self._totals)

    def get_many(self, keys: Iterable[K], now: float, load: Callable[[list[K]], Mapping[K, V | None]]) -> Answers[K, V]:
        """Answer every key: from memory where that is fresh, the rest by one call of ``load``.

        Args:
            keys: in any order; asked twice counts once.
            now: seconds; what is loaded counts as learnt at this time.
            load: is given the keys that memory cannot answer, in the order asked, each once, and not called if there
                are none. It answers a value, or None for a key that the source knows not to exist. A key it leaves
                out could not be asked. LoadError: no key could be asked. Keys it was not given are ignored.

        Returns:
            Every key in exactly one of the four answers. Batches larger than ``maxsize`` are answered in full; only
            what is kept is bounded.
        """
        answers: Answers[K, V] = Answers({}, set(), {}, set())
        expired = self._from_memory(keys, now, answers)
        if expired:
            self._from_source(expired, now, load, answers)
        return answers

    def _from_memory(self, keys: Iterable[K], now: float, answers: Answers[K, V]) -> dict[K, _Entry[V] | None]:
        """File what is fresh; give back the other keys with their expired entry, or None where there is none."""
        expired: dict[K, _Entry[V] | None] = {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is None or not 0 <= now - entry.stored_at < self._life(entry):
                expired[key] = entry
            else:
                _file(answers, key, entry.value)
        self._totals.update(hits=len(answers.found), negative_hits=len(answers.absent), misses=len(expired))
        return expired

    def _from_source(
        self,
        expired: dict[K, _Entry[V] | None],
        now: float,
        load: Callable[[list[K]], Mapping[K, V | None]],
        answers: Answers[K, V],
    ) -> None:
        """Ask once for all these keys; store and file what was answered, fall back for the rest."""
        self._totals["loads"] += 1
        try:
            loaded = load(list(expired))
        except LoadError:
            self._totals["load_failures"] += 1
            loaded = {}
        for key, entry in expired.items():
            if key in loaded:
                self._entries[key] = _Entry(loaded[key], now, self._random())
                _file(answers, key, loaded[key])
            elif entry is not None and entry.value is not None and self._may_serve_stale(entry, now):
                self._totals["stale_served"] += 1
                answers.stale[key] = entry.value
            else:
                answers.unresolved.add(key)

    def _may_serve_stale(self, entry: _Entry[V], now: float) -> bool:
        """Whether this expired entry is still of use while the source cannot be asked."""
        return now - entry.stored_at < self._life(entry) + self._stale_ttl

    def _life(self, entry: _Entry[V]) -> float:
        """Seconds for which this entry is fresh."""
        ttl = self._negative_ttl if entry.value is None else self._ttl
        return ttl * (1 - self._jitter * entry.draw)


def _file(answers: Answers[K, V], key: K, value: V | None) -> None:
    """Put one known key where it belongs."""
    if value is None:
        answers.absent.add(key)
    else:
        answers.found[key] = value
