"""Which days a report is about, which hours of them have data, and the same days before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self

from workbench.errors import UsageError

DAYS: Final = 7
HOUR: Final = 3600
_HOUR_FORMAT: Final = "%Y-%m-%d %H:00"


@dataclass(frozen=True, slots=True)
class Period:
    """``first`` to ``last`` day (UTC), both included."""

    first: date
    last: date

    @classmethod
    def chosen(cls, first: str | None, last: str | None, newest: date) -> Self:
        """The days that were asked for; else the seven that end with ``last``, or with the newest data.

        Raises:
            UsageError: no days, or the last before the first.
        """
        until = newest if last is None else _day("--last-day", last)
        since = until - timedelta(days=DAYS - 1) if first is None else _day("--first-day", first)
        if since > until:
            raise UsageError(f"--first-day {since}: is after the last day, {until}; give days in order")
        return cls(since, until)

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def hours(self) -> int:
        """How many."""
        return self.days * 24

    @property
    def begin(self) -> int:
        """Unix seconds of the first day's begin."""
        return int(datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC).timestamp())

    @property
    def previous(self) -> "Period":
        """As many days, right before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def given(self) -> dict[str, str]:
        """As a saved query's parameters."""
        return {"first_day": self.first.isoformat(), "last_day": self.last.isoformat()}

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def hour_of(text: str) -> int:
    """Unix seconds of ``hour_utc`` as the saved queries write it, ``2025-11-20 10:00``."""
    return int(datetime.strptime(text, _HOUR_FORMAT).replace(tzinfo=UTC).timestamp())


def hour_name(seconds: int) -> str:
    """And back."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_HOUR_FORMAT)


def observed_seconds(hours: Iterable[int], first_start: int | None, last_end: int | None) -> int:
    """For how long there is data: hours with flows, without what lies before the first and after the last record."""
    present = sorted(set(hours))
    if not present:
        return 0
    before = max(0, (first_start or 0) - present[0]) if first_start is not None else 0
    end = present[-1] + HOUR
    after = max(0, end - last_end) if last_end is not None else 0
    # A record that is misdated takes at most its own hour away.
    return len(present) * HOUR - min(before, HOUR) - min(after, HOUR)


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: is no day; write YYYY-MM-DD") from error
    if not 1971 <= day.year < 3000:  # noqa: PLR2004 - years that compare as text, with days before them
        raise UsageError(f"{option} {text}: is too far away; give a day from 1971 to 2999")
    return day
