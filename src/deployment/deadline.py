"""Until when the steps may work."""

from collections.abc import Callable
from dataclasses import dataclass

from deployment.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, and how to wait until nearly then.

    Args:
        at: Unix seconds.
        clock: the same.
        sleep: waits for seconds.
    """

    at: float
    clock: Callable[[], float]
    sleep: Callable[[float], object]

    def require(self, what: str) -> None:
        """Raises DeploymentError where the time is over."""
        if self.clock() >= self.at:
            raise DeploymentError(
                f"{what}: the function's time is over; raise its Timeout, or look why it took so long"
            )

    def wait(self, seconds: float, what: str) -> None:
        """Wait, but not beyond the deadline; raises DeploymentError where the time is over."""
        self.require(what)
        self.sleep(min(seconds, max(self.at - self.clock(), 0.0)))
