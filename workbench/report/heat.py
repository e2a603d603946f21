"""Bytes from zone to zone as a table whose cells are coloured by how much they hold."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from workbench.report.answers import Row
from workbench.report.markup import Markup, shortened, tag, visible
from workbench.report.numerals import dollars_figure, octets_figure

STEPS: Final = 6
MOST_ZONES: Final = 10
_LETTERS: Final = 16
OTHER: Final = "(other)"


def has_many(rows: Sequence[Row]) -> bool:
    """Whether the map needs the page's whole width."""
    return len(_zones(rows)) > MOST_ZONES // 2


def heat(rows: Sequence[Row], caption: str, query: str) -> Markup:
    """Rows of ``cross_az_traffic``: sending zones down, receiving ones across, the ten largest and the others."""
    zones = _zones(rows)
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for row in rows:
        pair = tuple(_zone(row[f"{side}_az_id"], zones) for side in ("src", "dst"))
        sums[pair[0], pair[1]][0] += row["bytes"]
        sums[pair[0], pair[1]][1] += float(row["estimated_usd"] or 0)
    largest = max((octets for octets, _ in sums.values()), default=0)
    head = tag(
        "tr",
        tag("th", "from ↓ to →", scope="col", class_="corner"),
        [tag("th", _short(zone), scope="col", title=visible(zone)) for zone in zones],
    )
    body = [
        tag(
            "tr",
            tag("th", _short(source), scope="row", title=visible(source)),
            [_cell(source, target, sums.get((source, target)), largest) for target in zones],
        )
        for source in zones
    ]
    return tag(
        "table", tag("caption", caption), tag("thead", head), tag("tbody", body), class_="heat", data_drawn_from=query
    )


def step(value: float, largest: float) -> int:
    """0 for nothing, else 1 to ``STEPS``, even parts of the largest."""
    if value <= 0 or largest <= 0:
        return 0
    return min(STEPS, 1 + int(STEPS * value / largest))


def _zones(rows: Sequence[Row]) -> list[str]:
    """The zones by name; of too many those with most bytes, and one for the rest."""
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        for side in ("src", "dst"):
            totals[str(row[f"{side}_az_id"])] += row["bytes"]
    largest = sorted(totals, key=lambda zone: (-totals[zone], zone))[:MOST_ZONES]
    return sorted(largest) + ([OTHER] if len(totals) > len(largest) else [])


def _zone(zone: object, zones: Sequence[str]) -> str:
    return str(zone) if str(zone) in zones else OTHER


def _short(zone: str) -> Markup:
    return tag("bdi", shortened(visible(zone), _LETTERS))


def _cell(source: str, target: str, sums: list[float] | None, largest: float) -> Markup:
    if sums is None:
        words = "same zone" if source == target and source != OTHER else "none"
        return tag("td", tag("span", "-" if words == "none" else "·", class_="none", title=words), class_="heat-0")
    octets, usd = sums
    return tag(
        "td",
        octets_figure(int(octets)),
        tag("small", "est. ", dollars_figure(round(usd, 6))),
        class_=f"heat-{step(octets, largest)}",
        data_from=visible(source),
        data_to=visible(target),
    )
