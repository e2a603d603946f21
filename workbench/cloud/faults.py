"""Faults that a test plants: an error answered, an answer delayed, a connection reset."""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from enricher.errors import SettingsError

LONGEST_DELAY_S: Final = 30.0
FOREVER: Final = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answers this error code and does not act. ``status`` None: the HTTP status that AWS has for the code."""

    code: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Acts and answers after this many seconds, at most `LONGEST_DELAY_S`; cut short when the cloud stops."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= LONGEST_DELAY_S:
            raise SettingsError(f"delay of {self.seconds} s: give 0 to {LONGEST_DELAY_S} seconds")


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection instead of answering; with ``acted`` the call takes effect before."""

    acted: bool = False


Fault = Refuse | Delay | Reset
ANY_OPERATION: Final = "*"


@dataclass(slots=True)
class _Planted:
    service: str
    operation: str
    fault: Fault
    left: int | None

    def meets(self, service: str, operation: str) -> bool:
        return self.service == service and self.operation in {operation, ANY_OPERATION} and self.left != 0


class FaultPlan:
    """The planted faults of one cloud; each call meets the oldest that fits it."""

    def __init__(self) -> None:
        self._planted: list[_Planted] = []
        self._lock = Lock()

    def plant(self, service: str, operation: str, fault: Fault, times: int | None) -> None:
        """Adds a fault for the next ``times`` calls, or until `clear` (`FOREVER`)."""
        with self._lock:
            self._planted.append(_Planted(service, operation, fault, times))

    def clear(self) -> None:
        """Forgets all faults."""
        with self._lock:
            self._planted.clear()

    def next(self, service: str, operation: str) -> Fault | None:
        """The fault that a call meets, counted as met; None where it meets none."""
        with self._lock:
            for planted in self._planted:
                if planted.meets(service, operation):
                    planted.left = planted.left if planted.left is None else planted.left - 1
                    return planted.fault
        return None
