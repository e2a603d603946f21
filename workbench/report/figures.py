"""The strip of key figures: each one a sum over a saved query's rows, and what stands beside it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.report.answers import Answers, Row
from workbench.report.markup import Child, Markup, join, tag
from workbench.report.numerals import (
    age_figure,
    count_figure,
    dollars_figure,
    octets_figure,
    percent,
    percent_figure,
)
from workbench.report.over_time import accepted
from workbench.report.period import HOUR, hour_of, observed_seconds
from workbench.times import duration

# A month as AWS's price pages reckon it: 730 hours.
MONTH: Final = 730 * HOUR
# Less than an hour says nothing of a month.
_LEAST_OBSERVED: Final = 3_000


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """``name`` for the page's id, title, the figure, and a line below it; ``queries`` it was added up from."""

    name: str
    title: str
    figure: Markup
    note: Markup
    queries: tuple[str, ...]


def key_figures(answers: Answers) -> list[KeyFigure]:
    """What moved and what it costs."""
    rows = accepted(answers.rows("traffic_over_time"))
    moved, beside = _sum(rows, "bytes"), _sum(rows, "uncounted_bytes")
    crossing_rows = answers.rows("cross_az_over_time")
    crossing = _sum(crossing_rows, "bytes")
    usd = _dollars(answers.rows("class_costs"))
    crossing_usd = _dollars(crossing_rows)
    seconds = observed(answers)
    return [
        KeyFigure(
            "accepted-bytes",
            "Bytes accepted",
            octets_figure(moved),
            join(count_figure(_sum(rows, "flows")), " flows", _change(answers, "traffic_over_time", "bytes")),
            ("traffic_over_time",),
        ),
        KeyFigure(
            "crossing-bytes",
            "Bytes between zones",
            octets_figure(crossing),
            join(_part(crossing, moved, " of bytes accepted"),
                 _change(answers, "cross_az_over_time", "bytes")),
            ("cross_az_over_time", "traffic_over_time"),
        ),
        KeyFigure(
            "crossing-cost",
            "Estimate: US dollars for crossing zones",
            dollars_figure(crossing_usd),
            join("list price, both directions", _change(answers, "cross_az_over_time", "estimated_usd")),
            ("cross_az_over_time",),
        ),
        KeyFigure(
            "estimated-cost",
            "Estimate: US dollars for transfer and gateways",
            dollars_figure(usd),
            Markup("list price, without the hours of gateways"),
            ("class_costs",),
        ),
        _a_month(usd, crossing_usd, seconds),
        KeyFigure(
            "uncounted-bytes",
            "Bytes that no figure counts",
            octets_figure(beside),
            join(_part(beside, beside + moved, " of all: "), "records of gateways, or reporter not known"),
            ("traffic_over_time",),
        ),
    ]  # fmt: skip


def trust_figures(answers: Answers) -> list[KeyFigure]:
    """How far the others can be trusted."""
    pairs = answers.rows("project_traffic")
    total = _sum(pairs, "bytes")
    not_known = _sum((row for row in pairs if "(unresolved)" in _ends(row)), "bytes")
    untagged = _sum((row for row in pairs if "(untagged)" in _ends(row)), "bytes")
    fresh = answers.rows("data_freshness")
    by_inventory, by_request = _sum(fresh, "by_inventory"), _sum(fresh, "by_request")
    records = [row for row in answers.rows("unresolved_share") if row["part"] == "records"]
    skipped = _sum((row for row in records if row["what"] == "SKIPDATA"), "flows")
    return [
        KeyFigure(
            "unresolved-share",
            "Unresolved share of bytes",
            percent_figure(_share(not_known, total)),
            join("an end is (unresolved); ", _part(untagged, total, " have an untagged one")),
            ("project_traffic",),
        ),
        KeyFigure(
            "inventory-hits",
            "Cache hit ratio: named by the inventory",
            percent_figure(_share(by_inventory, by_inventory + by_request)),
            join("of ends named by look-up; by EC2 or IPAM: ", count_figure(by_request)),
            ("data_freshness",),
        ),
        _inventory_age(fresh),
        KeyFigure(
            "skipdata",
            "SKIPDATA records",
            count_figure(skipped),
            join("of ", count_figure(_sum(records, "flows")), "; in each AWS left out flows, nobody knows how many"),
            ("unresolved_share",),
        ),
    ]


def observed(answers: Answers) -> int:
    """For how many seconds of the period there is data."""
    fresh = answers.rows("data_freshness")
    starts = [row["first_start"] for row in fresh if row["first_start"] is not None]
    ends = [row["last_end"] for row in fresh if row["last_end"] is not None]
    return observed_seconds(answers.hours, min(starts, default=None), max(ends, default=None))


def length(seconds: int) -> str:
    """A length of time to the minute: records end within a second of the hour."""
    return duration(round(seconds / 60) * 60).replace(" ", "\u00a0")


def _a_month(usd: float, crossing_usd: float, seconds: int) -> KeyFigure:
    is_enough = seconds >= _LEAST_OBSERVED
    if is_enough:
        crossing = dollars_figure(round(crossing_usd * MONTH / seconds, 2))
        note = join(f"at the pace of the {length(seconds)} with data; ", crossing, " of it for crossing zones")
    else:
        note = join("less than an hour of data says nothing of a month")
    return KeyFigure(
        "estimated-month",
        "Estimate: US dollars a month",
        dollars_figure(round(usd * MONTH / seconds, 2) if is_enough else None),
        note,
        ("class_costs", "cross_az_over_time", "data_freshness"),
    )


def _inventory_age(fresh: Sequence[Row]) -> KeyFigure:
    oldest = max((row["oldest_inventory_s"] for row in fresh if row["oldest_inventory_s"] is not None), default=None)
    freshest = min(
        (row["freshest_inventory_s"] for row in fresh if row["freshest_inventory_s"] is not None), default=None
    )
    without = _sum(fresh, "without_age")
    parts: list[Child] = (
        ["at the most; ", age_figure(freshest), " at the least, when records were enriched"]
        if oldest is not None
        else ["the inventory carries no date, or there was none"]
    )
    if oldest is not None and without:
        parts += ["; ", count_figure(without), " records without"]
    return KeyFigure("inventory-age", "Inventory age", age_figure(oldest), join(parts), ("data_freshness",))


def _change(answers: Answers, name: str, column: str) -> Markup | None:
    """How much more or less than one period before, over hours that have data in both; None where few have."""
    shift = answers.period.hours * HOUR
    earlier_hours = {hour_of(row["hour_utc"]) + shift for row in answers.before["traffic_over_time"]}
    both = earlier_hours.intersection(answers.hours)
    if not both or 2 * len(both) < len(answers.hours):
        return None
    now = _accepted_in(answers.rows(name), both, 0)
    then = _accepted_in(answers.before[name], both, shift)
    amounts = [sum(float(row[column] or 0) for row in rows) for rows in (now, then)]
    if not amounts[1]:
        return None
    change = 100 * (amounts[0] - amounts[1]) / amounts[1]
    words = f"{'+' if change >= 0 else '-'}{percent(abs(change))}"
    return join("; ", tag("data", words, value=round(change, 2), class_="change"), " on the period before")


def _accepted_in(rows: Iterable[Row], hours: Collection[int], shift: int) -> list[Row]:
    return [
        row for row in rows if row.get("action", "ACCEPT") == "ACCEPT" and hour_of(row["hour_utc"]) + shift in hours
    ]


def _ends(row: Row) -> tuple[str, str]:
    return row["src_project"], row["dst_project"]


def _sum(rows: Iterable[Row], column: str) -> int:
    return sum(int(row[column] or 0) for row in rows)


def _dollars(rows: Iterable[Row]) -> float:
    # The queries round to a millionth: so does the sum, lest it shows the noise of binary fractions.
    return round(sum(float(row["estimated_usd"] or 0) for row in rows), 6)


def _part(part: int, whole: int, words: str) -> Markup | None:
    return join(percent_figure(_share(part, whole)), words) if whole else None


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
