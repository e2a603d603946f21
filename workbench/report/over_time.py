"""Answers hour by hour, in buckets that fit a drawing: bytes a class, and the period before on the same clock."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from workbench.report.answers import Answers, Row
from workbench.report.period import HOUR, hour_of

# Widths of a bucket in hours: an hour, a quarter of a day, a day, a week, four.
_WIDTHS: Final = (1, 6, 24, 168, 672)
MOST_BUCKETS: Final = 170
# So few are bars with names, not a time axis.
FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Bucket:
    """``start`` in Unix seconds; accepted bytes by class; those of as long a time one period before, None: no data."""

    start: int
    by_class: dict[str, int]
    before: int | None
    has_data: bool

    @property
    def total(self) -> int:
        """Of all classes."""
        return sum(self.by_class.values())


@dataclass(frozen=True, slots=True)
class Series:
    """Buckets without a hole between them, and how many hours each holds."""

    buckets: tuple[Bucket, ...]
    hours: int

    @property
    def unit(self) -> str:
        """A bucket in words."""
        names = {1: "hour", 6: "6 hours", 24: "day", 168: "week", 672: "4 weeks"}
        return names[self.hours]

    def name(self, bucket: Bucket) -> str:
        """When it began."""
        return datetime.fromtimestamp(bucket.start, UTC).strftime("%Y-%m-%d" if self.hours >= 24 else "%Y-%m-%d %H:00")  # noqa: PLR2004 - a day


def accepted(rows: Iterable[Row]) -> list[Row]:
    """Rows of ``traffic_over_time`` that total up: rejected traffic is none."""
    return [row for row in rows if row["action"] == "ACCEPT"]


def series(answers: Answers) -> Series:
    """From the first hour with data to the last."""
    hours = answers.hours
    if not hours:
        return Series((), 1)
    span = (hours[-1] - hours[0]) // HOUR + 1
    width = next((width for width in _WIDTHS if span / width <= MOST_BUCKETS), _WIDTHS[-1])
    begin = answers.period.begin

    def bucket_of(hour: int) -> int:
        return begin + (hour - begin) // (width * HOUR) * width * HOUR

    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in accepted(answers.rows("traffic_over_time")):
        sums[bucket_of(hour_of(row["hour_utc"]))][row["traffic_class"]] += row["bytes"]
    shift, earlier = answers.period.hours * HOUR, dict[int, int]()
    for row in accepted(answers.before["traffic_over_time"]):
        place = bucket_of(hour_of(row["hour_utc"]) + shift)
        earlier[place] = earlier.get(place, 0) + row["bytes"]
    present = {bucket_of(hour) for hour in hours}
    starts = range(bucket_of(hours[0]), hours[-1] + 1, width * HOUR)
    return Series(
        tuple(Bucket(start, dict(sums.get(start, {})), earlier.get(start), start in present) for start in starts), width
    )


def ticks(largest: float, most: int = 4) -> list[float]:
    """Round steps from 0 to above ``largest``: 1, 2 or 5 times a power of ten."""
    if largest <= 0:
        return [0.0, 1.0]
    power = 1.0
    while power * 10 <= largest:
        power *= 10
    while power > largest:
        power /= 10
    step = next(unit * power for unit in (0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10) if largest / (unit * power) <= most)
    count = int(-(-largest // step))
    return [step * number for number in range(count + 1)]


def labels(found: Series, most: int) -> list[tuple[int, str]]:
    """Places (index of a bucket) and names below the axis, at most about ``most``: days where there are days."""
    count = len(found.buckets)
    days = [
        place
        for place, bucket in enumerate(found.buckets)
        if found.hours < 24 and bucket.start % (24 * HOUR) == 0  # noqa: PLR2004 - a day
    ]
    chosen: Sequence[int]
    if len(days) > 1:
        chosen = days[:: -(-len(days) // most)]
        pattern = "%b %-d"
    else:
        chosen = range(0, count, max(1, -(-count // most)))
        pattern = "%H:00" if found.hours == 1 else "%b %-d"
    return [(place, datetime.fromtimestamp(found.buckets[place].start, UTC).strftime(pattern)) for place in chosen]
