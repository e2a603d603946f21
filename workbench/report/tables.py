"""Answers as plain tables: the query's columns with its words for them, its values, its order."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from workbench.report.answers import Answer, Row
from workbench.report.markup import Child, Markup, name_of, tag
from workbench.report.numerals import (
    count_figure,
    dollars_figure,
    gigabytes_figure,
    moment,
    octets_figure,
    percent_figure,
)

# Rows that a table shows; the rest is one command away.
MOST_ROWS: Final = 200
# Ids of resources and zones are read as one word.
_ID: Final = re.compile(r"[a-z]{1,8}-[0-9a-f]{8,17}|[a-z0-9]+-az[0-9]+")
_COUNTS: Final = ("flows", "packets", "records", "place", "twins_in_src_az")
_TIMES: Final = ("first_start", "last_end", "last_arrival")
_WORDS: Final = {
    "src": "source", "dst": "destination", "az": "zone", "id": "ID", "usd": "US dollars", "vpc": "VPC", "aws": "AWS",
    "nat": "NAT", "utc": "UTC",
}  # fmt: skip

Draw = Callable[[Row], Markup]


def table(
    answer: Answer, columns: Sequence[str], caption: str, most: int = MOST_ROWS, extra: tuple[str, Draw] | None = None
) -> Markup:
    """The first ``most`` rows of an answer; ``extra`` is a drawing (heading, row → cell) beside them."""
    shown = answer.rows[:most]
    meanings = dict(answer.query.columns)
    heads: list[Child] = [
        tag("th", heading(name), scope="col", title=meanings[name], class_="number" if is_number(name) else None)
        for name in columns
    ]
    if extra is not None:
        heads.append(tag("th", extra[0], scope="col", class_="drawn"))
    body = [
        tag(
            "tr",
            [cell(name, row[name]) for name in columns],
            tag("td", extra[1](row), class_="drawn") if extra else None,
        )
        for row in shown
    ]
    return framed(
        tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", heads)),
            tag("tbody", body),
            data_query=answer.query.name,
        ),
        caption,
        _more(answer, len(shown)),
    )


def framed(drawn: Markup, label: str, *below: Child) -> Markup:
    """What may be wider than a phone, in a box that scrolls, by keyboard too."""
    box = tag("div", drawn, class_="scroll", role="region", tabindex=0, aria_label=f"{label}, scrolls")
    return tag("div", box, *below)


def cell(name: str, value: Any) -> Markup:
    """One value as its column's name says what it is."""
    return tag("td", value_of(name, value), data_column=name, class_="number" if is_number(name) else None)


def value_of(name: str, value: Any) -> Markup:
    """The same without the cell."""
    if name in _TIMES:
        return tag("data", moment(value), value=value) if value is not None else name_of(None)
    if is_number(name):
        return _figure_of(name)(value)
    text = None if value is None else str(value)
    return tag("span", name_of(text), class_="id") if text and _ID.fullmatch(text) else name_of(text)


def is_number(name: str) -> bool:
    """Whether a column holds numbers, by its name: the saved queries name bytes, dollars and counts alike."""
    return name in _COUNTS or any(part in name for part in ("bytes", "usd", "percent"))


def heading(name: str) -> str:
    """A column's name in words: ``src_az_id`` is ``source zone ID``."""
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def _figure_of(name: str) -> Callable[[Any], Markup]:
    if "usd" in name:
        return dollars_figure
    if "gigabytes" in name:
        return gigabytes_figure
    if "percent" in name:
        return percent_figure
    return octets_figure if "bytes" in name else count_figure


def _more(answer: Answer, shown: int) -> Markup | None:
    if shown == len(answer.rows):
        return None
    return tag(
        "p",
        f"The first {shown:,} of {len(answer.rows):,} rows; all of them: ",
        tag("code", answer.command),
        class_="more",
    )
