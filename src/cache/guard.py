"""What bounds the asking of a slow or failing source: a budget per batch, a circuit breaker over time."""

from typing import Final, Literal

Refusal = Literal["breaker", "budget", "deadline"]


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
    it for another ``cool_down``.

    Raises:
        ValueError: ``failures`` is below 1 or ``cool_down`` is negative.
    """

    __slots__ = ("_cool_down", "_failures", "_in_a_row", "_opened_at")

    def __init__(self, failures: int, cool_down: float) -> None:
        if failures < 1 or cool_down < 0:
            raise ValueError(f"CircuitBreaker: failures={failures}, cool_down={cool_down}; give at least 1 and 0")
        self._failures: Final = failures
        self._cool_down: Final = cool_down
        self._in_a_row = 0
        self._opened_at: float | None = None

    def refuses(self, now: float) -> bool:
        """Whether the breaker is open at ``now`` (seconds): nothing may be asked."""
        # A clock that stepped back must not hold the breaker open for longer than one cool-down.
        return self._opened_at is not None and 0 <= now - self._opened_at < self._cool_down

    def failed(self, now: float) -> None:
        """Count one failed request that ended at ``now`` (seconds)."""
        self._in_a_row += 1
        if self._in_a_row >= self._failures:
            self._opened_at = now

    def succeeded(self) -> None:
        """Count one request that was answered."""
        self._in_a_row = 0
        self._opened_at = None
