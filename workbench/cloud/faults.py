"""Faults that a test plants: an error answered, an answer delayed or cut off, a connection reset."""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from enricher.errors import SettingsError

from .requests import ApiCall

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


@dataclass(frozen=True, slots=True)
class Truncate:
    """Acts, announces the whole answer, sends this share of its body and closes the connection."""

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise SettingsError(f"share of {self.share}: give 0 to below 1")


Fault = Refuse | Delay | Reset | Truncate
ANY_OPERATION: Final = "*"


@dataclass(slots=True)
class _Planted:
    service: str
    operation: str
    fault: Fault
    left: int | None
    account_id: str | None
    region: str | None

    def meets(self, call: ApiCall) -> bool:
        return (
            self.left != 0
            and self.service == call.service
            and self.operation in {call.operation, ANY_OPERATION}
            and self.account_id in {call.account_id, None}
            and self.region in {call.region, None}
        )


class FaultPlan:
    """The planted faults of one cloud; each call meets the oldest that fits it."""

    def __init__(self) -> None:
        self._planted: list[_Planted] = []
        self._lock = Lock()

    def plant(
        self,
        service: str,
        operation: str,
        fault: Fault,
        times: int | None,
        account_id: str | None = None,
        region: str | None = None,
    ) -> None:
        """Adds a fault for the next ``times`` calls, or until `clear` (`FOREVER`), of any or one account and region."""
        with self._lock:
            self._planted.append(_Planted(service, operation, fault, times, account_id, region))

    def clear(self) -> None:
        """Forgets all faults."""
        with self._lock:
            self._planted.clear()

    def next(self, call: ApiCall) -> Fault | None:
        """The fault that a call meets, counted as met; None where it meets none."""
        with self._lock:
            for planted in self._planted:
                if planted.meets(call):
                    planted.left = planted.left if planted.left is None else planted.left - 1
                    return planted.fault
        return None
