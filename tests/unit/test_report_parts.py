"""The report's small parts: markup, numbers, days, scales, and drawings that are true to their figures."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.report.bars import WIDTH, Segment, bar
from workbench.report.heat import STEPS, step
from workbench.report.markup import Markup, join, name_of, shortened, tag, visible
from workbench.report.numerals import count, dollars, octets, percent
from workbench.report.over_time import ticks
from workbench.report.period import HOUR, Period, hour_name, hour_of, observed_seconds
from workbench.report.sankey import NARROW, WIDE, links, nodes, sankey

MONDAY = 1772409600


class Reader(HTMLParser):
    """Python's own parser as the judge of what was written."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, name, attributes):
        """An element."""
        self.tags.append((name, dict(attributes)))

    def handle_data(self, data):
        """Its text."""
        self.text += data


def read(markup):
    """The elements and the text of some markup."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


@given(st.text())
def test_text_stays_text(text):
    """Whatever a text holds, as content and as an attribute it comes out as it went in, and nothing else does."""
    # A parser may end lines otherwise and drop NUL: what is invisible is spelt out before, as everywhere in the report.
    shown = visible(text)
    found = read(tag("p", shown, title=shown))

    assert found.tags == [("p", {"title": shown})]
    assert found.text == shown


@given(st.text())
def test_names_hold_nothing_invisible(text):
    """No control, no direction mark and no line end of a name reaches the page."""
    assert re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", name_of(text)) is None


def test_only_markup_is_let_through():
    """Joining keeps what is markup, escapes what is not, and leaves None out."""
    assert join(Markup("<br>"), "<br>", None, ["&", 7]) == "<br>&lt;br&gt;&amp;7"


def test_long_names_keep_both_ends():
    """What is left out is marked, and the length is kept."""
    assert shortened("checkout-worker-staging", 15) == "checkout-…aging"
    assert shortened("short", 15) == "short"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (octets(0), "0 B"),
        (octets(999), "999 B"),
        (octets(999_600), "1.00 MB"),
        (octets(17_013_945_799), "17.0 GB"),
        (octets(7_654_321_987_654_321_000), "7.65 EB"),
        (octets(10**27), "1,000 YB"),
        (count(9_999_999), "9,999,999"),
        (count(58_400_000), "58.4 million"),
        (count(9_007_199_254_740_993), "9,007,199 billion"),
        (dollars(0), "$0"),
        (dollars(0.0494), "$0.049"),
        (dollars(0.28574), "$0.29"),
        (dollars(12.3), "$12.30"),
        (dollars(153_086_440.2), "$153,086,440"),
        (dollars(1e-9), "under $0.000001"),
        (dollars(Decimal("0.10")), "$0.10"),
        (percent(0), "0 %"),
        (percent(0.01), "under 0.1 %"),
        (percent(43.21), "43.2 %"),
    ],
)
def test_numbers_in_words(words, expected):
    """As people read them: decimal units, no more digits than are looked at, little is not nothing."""
    assert words == expected


@given(st.integers(min_value=1, max_value=10**26))
def test_bytes_in_words_are_never_far_off(value):
    """Read back, the words are within half of their last digit."""
    number, unit = octets(value).split()
    scale = 1000 ** ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB").index(unit)
    assert abs(float(number.replace(",", "")) * scale - value) <= 0.0051 * value + 1e-9


def test_days_default_to_the_week_that_ends_with_the_newest():
    """Seven days; the period before is as long and ends the day before."""
    newest = Period.chosen(None, None, Period.chosen("2026-03-08", "2026-03-08", None).last)
    assert (str(newest), newest.begin, newest.hours) == ("2026-03-02 to 2026-03-08", MONDAY, 168)
    assert str(newest.previous) == "2026-02-23 to 2026-03-01"


@pytest.mark.parametrize(
    ("first", "last"), [("2026-03-09", "2026-03-08"), ("monday", None), (None, "2026-13-01"), (None, "9999-01-01")]
)
def test_days_that_are_none_are_refused(first, last):
    """One line that names the option."""
    with pytest.raises(UsageError, match=r"--(first|last)-day"):
        Period.chosen(first, last, Period.chosen("2026-03-08", "2026-03-08", None).last)


def test_hours_are_read_as_the_queries_write_them():
    """UTC, there and back."""
    assert hour_of("2026-03-02 05:00") == MONDAY + 5 * HOUR
    assert hour_name(MONDAY + 5 * HOUR) == "2026-03-02 05:00"


@pytest.mark.parametrize(
    ("hours", "first_start", "last_end", "expected"),
    [
        ((), None, None, 0),
        ((0,), None, None, HOUR),
        ((0,), MONDAY, MONDAY + 60, 60),
        ((0, 1, 5), MONDAY + 600, MONDAY + 5 * HOUR + 1200, 3 * HOUR - 600 - 2400),
        ((0, 1), 5, MONDAY + 10**9, 2 * HOUR),
    ],
)
def test_a_month_is_reckoned_from_time_with_data(hours, first_start, last_end, expected):
    """What lies without data, before the first and after the last record is not observed; misdated ends are nothing."""
    assert observed_seconds([MONDAY + hour * HOUR for hour in hours], first_start, last_end) == expected


@given(st.floats(min_value=1e-3, max_value=1e24))
def test_an_axis_reaches_the_largest_in_few_round_steps(largest):
    """It starts at nothing, ends at or above the largest value, and has at most five lines."""
    found = ticks(largest)
    assert found[0] == 0
    assert found[-1] >= largest * (1 - 1e-9)
    assert 2 <= len(found) <= 6


def test_heat_has_even_steps():
    """Nothing has no colour, the largest the strongest, a half the middle."""
    assert [step(value, 100) for value in (0, 1, 50, 99, 100)] == [0, 1, 1 + STEPS // 2, STEPS, STEPS]


def test_a_bar_is_as_long_as_its_share():
    """Widths are of the largest; what is nothing is not drawn."""
    drawn = [attributes for name, attributes in read(bar((Segment(1, "a"), Segment(0, "b"), Segment(3, "c")), 8)).tags]
    rects = [(float(each["x"]), float(each["width"])) for each in drawn if "x" in each]
    assert rects == [(0, WIDTH / 8), (WIDTH / 8, 3 * WIDTH / 8)]


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "(untagged)", "(internet)", "(unresolved)", "(aws service)"])
PAIRS = st.lists(
    st.builds(
        lambda source, target, size, part: {
            "src_project": source, "dst_project": target, "bytes": size, "cross_az_gigabytes": size * part / 1e9,
        },
        NAMES, NAMES, st.integers(min_value=0, max_value=10**18), st.floats(min_value=0, max_value=1),
    ),
    max_size=40,
    unique_by=lambda row: (row["src_project"], row["dst_project"]),
)  # fmt: skip


@given(PAIRS, st.integers(min_value=1, max_value=4))
def test_links_lose_no_byte(rows, most):
    """Whoever is put together with others: all bytes go out and come in once, and no more crosses than goes."""
    found = links(rows, most)
    total = sum(row["bytes"] for row in rows)
    assert sum(link.bytes for link in found) == total
    assert all(0 <= link.crossing <= link.bytes for link in found)
    assert len({link.source for link in found}) <= most + 1 + 1 + 4
    for side in ("source", "target"):
        assert sum(node.bytes for node in nodes(found, side, 1.0)) == total


@given(PAIRS)
def test_nodes_are_to_scale_and_do_not_touch(rows):
    """On one side, heights are bytes by one scale, and no node reaches into the next."""
    placed = nodes(links(rows, 3), "source", 0.5 / 10**16)
    for node in placed:
        assert node.height == pytest.approx(node.bytes * 0.5 / 10**16)
    for upper, lower in pairwise(placed):
        assert upper.top + upper.height <= lower.top


def test_the_largest_have_names_and_one_left_over_is_no_group():
    """Of five projects with room for three two are others; of four none is."""
    rows = [
        {"src_project": name, "dst_project": name, "bytes": size, "cross_az_gigabytes": 0}
        for size, name in enumerate("abcde", 1)
    ]
    assert {link.source for link in links(rows, 3)} == {"e", "d", "c", "(other projects)"}
    assert {link.source for link in links(rows[1:], 3)} == {"b", "c", "d", "e"}


def test_ribbons_are_as_thick_as_their_bytes():
    """Read from the drawn paths, at both widths: twice the bytes, twice the thickness; what crosses is its own band."""
    rows = [
        {"src_project": "a", "dst_project": "b", "bytes": 3000, "cross_az_gigabytes": 1000 / 1e9},
        {"src_project": "a", "dst_project": "c", "bytes": 1000, "cross_az_gigabytes": 0},
    ]
    for shape in (WIDE, NARROW):
        paths = [attributes for name, attributes in read(sankey(rows, shape, "t")).tags if name == "path"]
        sizes = [(each["class"], _thickness(each["d"])) for each in paths]
        assert [style for style, _ in sizes] == ["band-same", "band-cross", "band-same"]
        assert sizes[0][1] == pytest.approx(2 * sizes[1][1], rel=0.01)
        assert sizes[2][1] == pytest.approx(sizes[1][1], rel=0.01)


def _thickness(path: str) -> float:
    """Of a band: from where its upper edge begins to where its lower one ends."""
    numbers = [float(number) for number in re.findall(r"-?[0-9.]+", path)]
    return numbers[-1] - numbers[1]
