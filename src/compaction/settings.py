"""Bounds of a run of compaction, checked before it begins."""

import re
from dataclasses import dataclass
from typing import Final

from enricher.errors import SettingsError

_HOUR_S: Final = 3600
_CLOSED_HOURS: Final = 3  # an hour, and two after its end
_HOUR: Final = re.compile(r"\d{4}-\d\d-\d\d/([01]\d|2[0-3])")


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """``grace_s``: longer than any reader reads and any compactor writes; ``sweep_s``: how far back a run looks.

    ``only``: hours (``<day>/<hour>``), and no others.
    """

    grace_s: float = 24 * _HOUR_S
    sweep_s: float = 48 * _HOUR_S
    only: frozenset[str] = frozenset()

    @classmethod
    def of(cls, grace_hours: float, sweep_hours: float, hours: str = "") -> "SweepSettings":
        """From a job's arguments; raises SettingsError."""
        if not 1 <= grace_hours < float("inf"):
            raise SettingsError(
                f"--grace_hours is {grace_hours:g}; give at least 1, longer than a query or a run takes"
            )
        if not _CLOSED_HOURS < sweep_hours < float("inf"):
            raise SettingsError(
                f"--sweep_hours is {sweep_hours:g}; give more than {_CLOSED_HOURS}, when an hour is first compacted"
            )
        only = frozenset(part.strip() for part in hours.split(",") if part.strip())
        if wrong := sorted(hour for hour in only if not _HOUR.fullmatch(hour)):
            raise SettingsError(f"--hours has '{wrong[0]}'; write YYYY-MM-DD/HH,YYYY-MM-DD/HH")
        return cls(grace_hours * _HOUR_S, sweep_hours * _HOUR_S, only)
