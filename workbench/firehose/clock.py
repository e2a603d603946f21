"""Time and ids of a simulation: handed in, so that every run of a seed is the same run."""

import random
import uuid
from collections.abc import Callable


class SimulatedClock:
    """A clock that stands still until it is moved, and never goes back. Time is milliseconds since 1970 (UTC)."""

    __slots__ = ("_now_ms",)

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """The present time."""
        return self._now_ms

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.move_to(self._now_ms + round(seconds * 1000))

    def move_to(self, now_ms: int) -> None:
        """Move on to that time; stay where the clock is already past it."""
        self._now_ms = max(self._now_ms, now_ms)


def uuid_ids(rng: random.Random) -> Callable[[], str]:
    """A source of version 4 UUIDs that draws from ``rng``: the same seed gives the same ids."""

    def next_id() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    return next_id
