"""Bars in a table: the name, the bar, the value, so that the drawing is the plain table too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workbench.report.markup import Child, Markup, join, tag

WIDTH: Final = 100.0
_HEIGHT: Final = 10


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: its size and the style sheet's class of its colour."""

    size: float
    style: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row: name, segments, and the cells behind them."""

    name: Markup
    segments: tuple[Segment, ...]
    cells: tuple[Markup, ...]

    @property
    def size(self) -> float:
        """Of all segments."""
        return sum(segment.size for segment in self.segments)


def bar(segments: Sequence[Segment], largest: float) -> Markup:
    """One bar, as long as its share of the largest."""
    place = 0.0
    drawn = []
    for segment in segments:
        width = WIDTH * segment.size / largest if largest > 0 else 0.0
        if width > 0:
            drawn.append(tag("rect", x=place, y=0, width=width, height=_HEIGHT, class_=f"fill-{segment.style}"))
        place += width
    # A bar says nothing that the cell beside it does not.
    return svg_hidden(drawn)


def svg_hidden(drawn: Sequence[Markup]) -> Markup:
    """A drawing that stretches with its cell and that screen readers leave out."""
    opening = f'<svg class="bar" viewBox="0 0 {WIDTH:.0f} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
    return Markup(f"{opening}{join(drawn)}</svg>")


def bars(rows: Sequence[Bar], heads: Sequence[str], caption: str, query: str) -> Markup:
    """The table; ``heads`` are of the name, the bar and the cells."""
    largest = max((row.size for row in rows), default=0.0)
    name_head, bar_head, *cell_heads = heads
    first: list[Child] = [tag("th", name_head, scope="col"), tag("th", bar_head, scope="col", class_="drawn")]
    head = tag("tr", first, [tag("th", text, scope="col", class_="number") for text in cell_heads])
    body = [
        tag(
            "tr",
            tag("th", row.name, scope="row"),
            tag("td", bar(row.segments, largest), class_="drawn"),
            [tag("td", each, class_="number") for each in row.cells],
        )
        for row in rows
    ]
    return tag(
        "table", tag("caption", caption), tag("thead", head), tag("tbody", body), class_="bars", data_drawn_from=query
    )


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Colours (style sheet's class) and what they mean."""
    return tag(
        "ul", [tag("li", tag("span", class_=f"swatch back-{style}"), name) for style, name in entries], class_="legend"
    )
