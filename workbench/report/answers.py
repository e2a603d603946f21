"""What the report asks the lake: saved queries, each with the days and the rows of its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from workbench.athena.engine import Lake
from workbench.athena.saved import SavedQuery, get
from workbench.report.period import Period, hour_of

Row = Mapping[str, Any]

# How many rows the queries that list the largest are asked for.
TOP: Final = 15
# The newest day of a lake without any time in it: 2000-01-07.
_LONG_AGO: Final = 947_203_200
_LISTS: Final = ("top_talkers", "unresolved_talkers")
_OVER_TIME: Final = ("traffic_over_time", "cross_az_over_time")
_OF_PERIOD: Final = (
    "data_freshness",
    "cross_az_traffic",
    "project_traffic",
    "class_costs",
    "estimated_charges",
    "unresolved_share",
    *_LISTS,
    "az_affinity_candidates",
    "nat_endpoint_savings",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A saved query, the parameters it was asked with, and its rows in its order."""

    query: SavedQuery
    given: Mapping[str, str]
    rows: tuple[Row, ...]

    @property
    def command(self) -> str:
        """What to type to get the same rows."""
        parameters = " ".join(f"--param {name}={value}" for name, value in self.given.items())
        return f"vpcflow query {self.query.name} --lake DIR {parameters}"


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers for ``period``, and what the queries over time say of the period ``before`` it."""

    period: Period
    of: Mapping[str, Answer]
    before: Mapping[str, tuple[Row, ...]]

    def rows(self, name: str) -> tuple[Row, ...]:
        """The rows of one answer."""
        return self.of[name].rows

    @property
    def hours(self) -> list[int]:
        """Hours of the period with flows, Unix seconds, in order."""
        return sorted({hour_of(row["hour_utc"]) for row in self.rows("traffic_over_time")})


def ask(lake: Lake, first: str | None, last: str | None, say: Callable[[str], None]) -> Answers:
    """Ask everything; ``say`` is told each question before it is asked.

    Raises:
        UsageError: days that are none.
        EnricherError: a query cannot be answered.
    """
    say("which days have data")
    hours = [hour_of(row["hour_utc"]) for row in _asked(lake, "traffic_over_time", {}).rows]
    period = Period.chosen(first, last, _newest(lake, hours))
    both = {"first_day": period.previous.first.isoformat(), "last_day": period.last.isoformat()}
    of, before = {}, {}
    for name in _OVER_TIME:
        say(get(name).title)
        rows = _asked(lake, name, both).rows
        of[name] = Answer(get(name), period.given, tuple(row for row in rows if _is_in(row, period)))
        before[name] = tuple(row for row in rows if not _is_in(row, period))
    for name in _OF_PERIOD:
        say(get(name).title)
        of[name] = _asked(lake, name, period.given | ({"top": str(TOP)} if name in _LISTS else {}))
    return Answers(period, of, before)


def _asked(lake: Lake, name: str, given: Mapping[str, str]) -> Answer:
    query = get(name)
    return Answer(query, given, tuple(lake.run(query.sql, query.bind(given)).records()))


def _newest(lake: Lake, hours: Sequence[int]) -> date:
    """The day of the newest flow that began before the last arrival: a misdated record does not choose the days."""
    told = _asked(lake, "data_freshness", {}).rows
    arrived = max((row["last_arrival"] for row in told if row["last_arrival"] is not None), default=None)
    starts = [row["first_start"] for row in told if row["first_start"] is not None]
    believed = [hour for hour in hours if arrived is None or hour <= arrived]
    return datetime.fromtimestamp(max(believed or hours or starts, default=_LONG_AGO), UTC).date()


def _is_in(row: Row, period: Period) -> bool:
    return hour_of(row["hour_utc"]) >= period.begin
