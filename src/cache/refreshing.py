"""One value with a soft and a hard TTL, renewed by a loader, served for as long as it cannot be renewed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final, Generic, Literal, TypeVar

from cache.errors import LoadError

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class New(Generic[V]):
    """A value and the token (an ETag, a version) by which the source can later tell whether it has changed."""

    value: V
    token: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The source confirmed that the previous value is still the current one."""


@dataclass(frozen=True, slots=True)
class NotThere:
    """The source was asked and holds no value."""


@dataclass(frozen=True, slots=True)
class Current(Generic[V]):
    """The value as it stands.

    ``loaded_at`` is when this very value came, ``confirmed_at`` when the source last confirmed it (both seconds; None
    while there is no value). ``missing``: there is none. ``fresh``: confirmed within the hard TTL. ``stale``: confirmed
    longer ago and not renewable. How old the data inside the value is, is for the caller to tell.
    """

    value: V | None
    loaded_at: float | None
    confirmed_at: float | None
    state: Literal["missing", "fresh", "stale"]


@dataclass(frozen=True, slots=True)
class RefreshCounters:
    """Running totals. ``after - before`` are those of the time between two snapshots.

    ``loads`` are calls of the loader; ``changed`` + ``unchanged`` + ``not_there`` + ``failures`` are their outcomes.
    """

    loads: int = 0
    changed: int = 0
    unchanged: int = 0
    not_there: int = 0
    failures: int = 0

    def __sub__(self, earlier: "RefreshCounters") -> "RefreshCounters":
        return RefreshCounters(*(getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self)))


class RefreshingValue(Generic[V]):
    """Keeps one value and renews it when it is asked for. Not thread-safe.

    Within ``soft_ttl`` of its last confirmation the value is served without asking; after that the loader is asked
    first. Where it cannot renew the value, the old one is served on, ``stale`` beyond ``hard_ttl``, and the loader is
    left alone for ``retry_after``. A source that no longer holds the value has not renewed it either.

    Args:
        load: is given the previous value with its token (None the first time) for a conditional request and answers
            New, Unchanged or NotThere; raises LoadError when the source could not be asked. Any other exception
            passes through.
        soft_ttl: seconds, at least 0 (0: ask each time).
        hard_ttl: seconds, more than 0 and at least ``soft_ttl``.
        retry_after: seconds, at least 0.

    Raises:
        ValueError: the TTLs are out of their bounds.
    """

    def __init__(
        self,
        load: Callable[[New[V] | None], New[V] | Unchanged | NotThere],
        soft_ttl: float,
        hard_ttl: float,
        retry_after: float,
    ) -> None:
        if not 0 <= soft_ttl <= hard_ttl or hard_ttl == 0 or retry_after < 0:
            raise ValueError(
                f"RefreshingValue: soft_ttl={soft_ttl}, hard_ttl={hard_ttl}, retry_after={retry_after}; "
                "give 0 <= soft_ttl <= hard_ttl, hard_ttl > 0 and retry_after >= 0"
            )
        self._load: Final = load
        self._soft_ttl: Final = soft_ttl
        self._hard_ttl: Final = hard_ttl
        self._retry_after: Final = retry_after
        self._held: New[V] | None = None
        self._loaded_at: float | None = None
        self._confirmed_at: float | None = None
        self._failed_at: float | None = None
        self._totals: Counter[str] = Counter()

    def counters(self) -> RefreshCounters:
        """The totals since this object was made."""
        return RefreshCounters(**self._totals)

    def get(self, now: float) -> Current[V]:
        """The value at ``now`` (seconds), renewed first where that is due.

        Raises:
            ValueError: the loader answered something else, or Unchanged although it had been given no previous value.
        """
        confirmed = _within(self._confirmed_at, self._soft_ttl, now)
        if not confirmed and not _within(self._failed_at, self._retry_after, now):
            self._renew(now)
        return self.peek(now)

    def peek(self, now: float) -> Current[V]:
        """The value at ``now`` (seconds) as it is held; the loader is left alone."""
        if self._held is None:
            return Current(None, None, None, "missing")
        state: Literal["fresh", "stale"] = "fresh" if _within(self._confirmed_at, self._hard_ttl, now) else "stale"
        return Current(self._held.value, self._loaded_at, self._confirmed_at, state)

    def _renew(self, now: float) -> None:
        """Ask the loader once and keep what it answered."""
        self._totals["loads"] += 1
        try:
            answer = self._load(self._held)
        except LoadError:
            self._totals["failures"] += 1
            self._failed_at = now
            return
        match answer:
            case NotThere():
                self._totals["not_there"] += 1
                self._failed_at = now
                return
            case Unchanged() if self._held is not None:
                self._totals["unchanged"] += 1
            case New():
                self._totals["changed"] += 1
                self._held = answer
                self._loaded_at = now
            case _:
                raise ValueError(
                    f"RefreshingValue: the loader answered {answer!r}; "
                    "answer New, NotThere, or Unchanged to a previous value"
                )
        self._confirmed_at = now


def _within(moment: float | None, span: float, now: float) -> bool:
    """Whether ``moment`` lies less than ``span`` seconds back (a clock that stepped back: it does not)."""
    return moment is not None and 0 <= now - moment < span
