"""The scaling curves as one SVG: a panel each, microseconds a line over what grows; no script, nothing from elsewhere.

It stands in a page as an image, so it carries its own colours for light and dark, and its own ground.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.curves import Curve, Point
from workbench.report.markup import Markup, join, tag

WIDTH: Final = 880.0
_COLUMNS: Final = 2
_PANEL: Final = (420.0, 236.0)
_GAP: Final = 28.0
_EDGE: Final = 16.0
_PLOT: Final = (46.0, 52.0, 404.0, 200.0)  # left, top, right and bottom within a panel
_LEGEND: Final = 42.0
_TICKS: Final = 4
_EVERY: Final = 2  # of 1, 2, 5, 10, 20, 50 …
_FAR_APART: Final = 20.0  # values further apart than this times are drawn by their logarithm

Scale = Callable[[float], float]

SERIES: Final[dict[str, tuple[str, Callable[[Point], float | None]]]] = {
    "handler": ("handler, warm", lambda point: point.handler),
    "unremembered": ("the same, nothing remembered", lambda point: point.unremembered),
    "floor": ("floor: Arrow reads the lines and writes them, no more", lambda point: point.floor),
}
_STYLE: Final = """
svg { --ground: #ffffff; --ink: #1c2326; --soft: #57615f; --line: #dcdad2; --handler: #0b5c8a; --floor: #8a6a12;
  --unremembered: #a8325e; }
@media (prefers-color-scheme: dark) { svg { --ground: #12181a; --ink: #e8ecea; --soft: #a7b3b1; --line: #364145;
  --handler: #7cc0ea; --floor: #d9b24a; --unremembered: #e886ab; } }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--ink);
  font-variant-numeric: tabular-nums; }
.tick, .axis { fill: var(--soft); font-size: 12px; }
.title { font-weight: 600; font-size: 14px; }
.ground { fill: var(--ground); }
.grid { stroke: var(--line); } .base { stroke: var(--soft); }
path { fill: none; stroke-width: 2; }
.handler { stroke: var(--handler); } .dot-handler { fill: var(--handler); }
.floor { stroke: var(--floor); stroke-dasharray: 6 4; } .dot-floor { fill: var(--floor); }
.unremembered { stroke: var(--unremembered); stroke-dasharray: 2 3; } .dot-unremembered { fill: var(--unremembered); }
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """Places for values: ``at`` gives a coordinate, ``marks`` the values that are named."""

    at: Scale
    marks: Sequence[float]


def svg(curves: Sequence[Curve], title: str) -> str:
    """The whole drawing."""
    rows = -(-len(curves) // _COLUMNS)
    height = _EDGE + _LEGEND + rows * _PANEL[1] + (rows - 1) * _GAP * 0.5 + _EDGE
    panels = [
        tag("g", panel(curve), transform=f"translate({_place(number)})", data_curve=curve.name)
        for number, curve in enumerate(curves)
    ]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" width="{WIDTH:.0f}" '
        f'height="{height:.0f}" role="img">'
    )
    ground = tag("rect", width=WIDTH, height=height, rx=8, class_="ground")
    drawn = join(tag("title", title), tag("style", Markup(_STYLE)), ground, _legend(), panels)
    return f"{opening}{drawn}</svg>\n"


def panel(curve: Curve) -> Markup:
    """One curve: title, grid, axes' names and the series that it has."""
    left, top, right, bottom = _PLOT
    xs = [float(point.x) for point in curve.points]
    lines = {
        name: [(float(point.x), value) for point in curve.points if (value := of(point)) is not None]
        for name, (_, of) in SERIES.items()
    }
    values = [value for line in lines.values() for _, value in line]
    across, up = axis(xs, left + 6, right - 6, named=xs), axis([0.0, *values], bottom, top)
    drawn = [tag("text", curve.axis.capitalize(), x=left - 34, y=18, class_="title")]
    drawn.append(tag("text", "µs a line", x=left - 34, y=38, class_="axis"))
    drawn.append(tag("text", curve.batch, x=right, y=38, text_anchor="end", class_="axis"))
    for mark in up.marks:
        y = up.at(mark)
        is_base = abs(y - bottom) < 1
        drawn.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="base" if is_base else "grid"))
        drawn.append(tag("text", number(mark), x=left - 8, y=y + 4, text_anchor="end", class_="tick"))
    for mark in across.marks:
        x = across.at(mark)
        drawn.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="base"))
        drawn.append(tag("text", number(mark), x=x, y=bottom + 18, text_anchor="middle", class_="tick"))
    drawn += [_line(name, [(across.at(x), up.at(value)) for x, value in line]) for name, line in lines.items() if line]
    return join(drawn)


def _line(name: str, places: Sequence[tuple[float, float]]) -> Markup:
    path = "".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(places))
    dots = [tag("circle", cx=x, cy=y, r=3, class_=f"dot-{name}") for x, y in places]
    return join(tag("path", d=path, class_=name), dots)


def axis(values: Sequence[float], begin: float, end: float, named: Sequence[float] | None = None) -> Axis:
    """From ``begin`` to ``end``: by logarithm where the values lie far apart, else from 0.

    ``named``: the values to name; of those that would stand on one another the greater one stays.
    """
    positive = [value for value in values if value > 0]
    if not positive:
        return Axis(lambda value: begin + (end - begin) * value, [0.0, 1.0])
    least, most = min(positive), max(positive)
    if most / least > _FAR_APART and (named is None or least == min(values)):
        return _by_logarithm(least, most, begin, end, named)
    marks = _round_marks(most) if named is None else list(named)
    last = marks[-1]

    def at(value: float) -> float:
        return begin + (end - begin) * value / last

    return Axis(at, marks if named is None else _apart(named, at))


def _by_logarithm(least: float, most: float, begin: float, end: float, named: Sequence[float] | None) -> Axis:
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    rounded = [each * 10.0**power for power in powers for each in (1, 2, 5)]
    low = least if named else max(value for value in rounded if value <= least)
    high = most if named else min(value for value in rounded if value >= most)
    span = math.log10(high / low)

    def at(value: float) -> float:
        return begin + (end - begin) * math.log10(value / low) / span

    return Axis(at, _apart(named, at) if named else [value for value in rounded if low <= value <= high][::_EVERY])


def _apart(named: Sequence[float], at: Scale) -> list[float]:
    """From the last one down, those whose names do not touch."""
    kept: list[float] = []
    for value in sorted(named, reverse=True):
        if not kept or at(kept[-1]) - at(value) > _room(value) + _room(kept[-1]):
            kept.append(value)
    return kept[::-1]


def _room(value: float) -> float:
    """Half of what a name takes, and a gap."""
    return 3.6 * len(number(value)) + 3


def _round_marks(most: float) -> list[float]:
    """0 and a few round numbers, the last one not below ``most``."""
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    return [place * step for place in range(math.ceil(most / step - 1e-9) + 1)]


def number(value: float) -> str:
    """24,000 as ``24k``, a million as ``1M``, small ones as they are."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _place(position: int) -> str:
    row, column = divmod(position, _COLUMNS)
    x = _EDGE + column * (_PANEL[0] + _GAP / 2)
    return f"{x:g} {_EDGE + _LEGEND + row * (_PANEL[1] + _GAP * 0.5):g}"


def _legend() -> Markup:
    drawn, x = [], _EDGE + 12
    for name, (words, _) in SERIES.items():
        drawn.append(tag("path", d=f"M{x:.1f} 30L{x + 26:.1f} 30", class_=name))
        drawn.append(tag("circle", cx=x + 13, cy=30, r=3, class_=f"dot-{name}"))
        drawn.append(tag("text", words, x=x + 34, y=34.5, class_="axis"))
        x += 34 + 6.6 * len(words) + 22
    return join(drawn)
