"""Caches that are handed the time, the loader and the randomness: no AWS, no Arrow, no flow words.

    ttl.py         many keys: batched, bounded, negative entries, stale if the source fails
    refreshing.py  one value with a soft and a hard TTL, renewed by a conditional load
    guard.py       what bounds the asking of a source: a budget per batch, a circuit breaker, a share of a common limit

None of them is thread-safe, none reads a clock, none waits. ``now`` is in seconds, on one clock for one object's
whole life. Give them the wall clock where the process may be frozen (a Lambda environment between invocations),
since a monotonic clock may stand still meanwhile; the wall clock may then step back, which makes an entry from the
future look expired, never fresh.
"""

from cache.errors import LoadError
from cache.guard import Budget, CircuitBreaker, Refusal, Share
from cache.refreshing import Current, New, NotThere, RefreshCounters, RefreshingValue, Unchanged
from cache.ttl import Answers, CacheCounters, TTLCache

__all__ = [
    "Answers",
    "Budget",
    "CacheCounters",
    "CircuitBreaker",
    "Current",
    "LoadError",
    "New",
    "NotThere",
    "RefreshCounters",
    "RefreshingValue",
    "Refusal",
    "Share",
    "TTLCache",
    "Unchanged",
]
