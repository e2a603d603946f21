"""What bounds the asking of a source: a budget per batch, a circuit breaker over time, a share of what all may ask."""

from collections import Counter
from collections.abc import Callable
from math import floor
from random import random as uniform
from typing import Final, Literal

Refusal = Literal["breaker", "budget", "deadline", "share"]
_MINUTE: Final = 60


class Budget:
    """How often one batch may ask a source, and until when. Make a new one for each batch.

    Args:
        calls: requests that may be started, at least 0.
        deadline: seconds on the asker's clock from which no request is started. A request that has started may
            run on: leave room for it.

    Raises:
        ValueError: ``calls`` is negative.
    """

    __slots__ = ("_spent", "calls", "deadline")

    def __init__(self, calls: int, deadline: float) -> None:
        if calls < 0:
            raise ValueError(f"Budget: calls is {calls}; give 0 or more")
        self.calls: Final = calls
        self.deadline: Final = deadline
        self._spent = 0

    @property
    def spent(self) -> int:
        """Requests started so far."""
        return self._spent

    def refusal(self, now: float) -> Literal["budget", "deadline"] | None:
        """Why no request may start at ``now`` (seconds), or None if one may."""
        if now >= self.deadline:
            return "deadline"
        return "budget" if self._spent >= self.calls else None

    def spend(self) -> None:
        """Count one started request."""
        self._spent += 1


class CircuitBreaker:
    """Stops asking a source that keeps failing. One per source, for the life of the process.

    Closed: everything is asked. Open, after ``failures`` consecutive failures: nothing is asked for ``cool_down``
    seconds. Half-open, after that: the next request is the trial; its success closes the breaker, its failure opens
    it again, each time for twice as long and up to half as much more, so that many that failed together do not come
    back together.

    Args:
        failures: in a row, at least 1.
        cool_down: seconds, at least 0.
        most_doublings: of the cool-down, at least 0.
        random: draws from [0, 1).

    Raises:
        ValueError: an argument is out of its bounds.
    """

    __slots__ = ("_cool_down", "_failures", "_in_a_row", "_most_doublings", "_open_for", "_opened_at", "_random")

    def __init__(
        self, failures: int, cool_down: float, most_doublings: int = 3, random: Callable[[], float] = uniform
    ) -> None:
        if failures < 1 or cool_down < 0 or most_doublings < 0:
            raise ValueError(
                f"CircuitBreaker: failures={failures}, cool_down={cool_down}, most_doublings={most_doublings}; "
                "give at least 1, 0 and 0"
            )
        self._cool_down: Final = cool_down
        self._failures: Final = failures
        self._most_doublings: Final = most_doublings
        self._random: Final = random
        self._in_a_row = 0
        self._open_for = cool_down
        self._opened_at: float | None = None

    def refuses(self, now: float) -> bool:
        """Whether the breaker is open at ``now`` (seconds): nothing may be asked."""
        # A clock that stepped back must not hold the breaker open for longer than one cool-down.
        return self._opened_at is not None and 0 <= now - self._opened_at < self._open_for

    def failed(self, now: float) -> None:
        """Count one failed request that ended at ``now`` (seconds)."""
        self._in_a_row += 1
        doublings = min(self._in_a_row - self._failures, self._most_doublings)
        if doublings >= 0:
            self._opened_at = now
            self._open_for = self._cool_down * 2**doublings * (1 + self._random() / 2 if doublings else 1)

    def succeeded(self) -> None:
        """Count one request that was answered."""
        self._in_a_row = 0
        self._opened_at = None


class Share:
    """What one process may ask of a source whose limit many processes have in common, without knowing of each other.

    All together ask each operation ``per_minute`` times a minute on average, however many of them want to ask at the
    same moment: each may ask its part of that, and where the part is less than one, it draws minute by minute whether
    it may ask once. Its minutes begin at a moment of its own.

    Args:
        per_minute: requests of one operation, of all processes together, at least 0.
        processes: how many share it, at least 1.
        random: draws from [0, 1).

    Raises:
        ValueError: an argument is out of its bounds.
    """

    __slots__ = ("_allowed", "_each", "_minute", "_offset", "_random", "_spent")

    def __init__(self, per_minute: float, processes: int, random: Callable[[], float] = uniform) -> None:
        if per_minute < 0 or processes < 1:
            raise ValueError(f"Share: per_minute={per_minute}, processes={processes}; give at least 0 and 1")
        self._each: Final = per_minute / processes
        self._random: Final = random
        self._offset: Final = random() * _MINUTE
        self._minute: int | None = None
        self._allowed = 0
        self._spent: Counter[str] = Counter()

    def refuses(self, operation: str, now: float) -> bool:
        """Whether this process has asked the operation its part in the minute of ``now`` (seconds)."""
        minute = floor((now + self._offset) / _MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._allowed = floor(self._each + self._random())
            self._spent.clear()
        return self._spent[operation] >= self._allowed

    def spend(self, operation: str) -> None:
        """Count one started request."""
        self._spent[operation] += 1
