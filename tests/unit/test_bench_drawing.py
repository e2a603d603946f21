"""The picture of the scaling curves: numbers are places in it, names do not stand on one another."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from bench.curves import Curve, Point
from bench.drawing import WIDTH, axis, number, svg
from bench.page import ASKED, PAGE, PICTURE, page, picture
from bench.recorded import everything

SVG = "{http://www.w3.org/2000/svg}"
FAR = Curve("far", "far apart", "x", [Point(x, y, y / 4) for x, y in ((100, 120.0), (8_000, 5.0), (24_000, 5.5))])
NEAR = Curve("near", "close", "x", [Point(x, y, 0.0, y + 1) for x, y in ((0, 5.0), (1, 6.0), (2, 7.0), (100, 8.0))])
FLAT = Curve("flat", "nothing", "x", [Point(0, 0.0, 0.0), Point(4, 0.0, 0.0)])


def drawn(curves):
    """The drawing, parsed."""
    return ET.fromstring(svg(curves, "a < title"))  # noqa: S314 - our own


def ticks_of(panel, anchor):
    """Places and words of a panel's ticks, along its axis."""
    found = [
        each for each in panel.iter(f"{SVG}text") if each.get("class") == "tick" and each.get("text-anchor") == anchor
    ]
    return sorted((float(each.get("x" if anchor == "middle" else "y")), each.text) for each in found)


@pytest.mark.parametrize("curves", [[FAR], [NEAR, FAR], [FLAT, NEAR, FAR]])
def test_every_coordinate_is_a_number_within_the_picture(curves):
    """Also of curves without a value above zero."""
    picture = drawn(curves)
    height = float(picture.get("height"))
    for dot in picture.iter(f"{SVG}circle"):
        assert 0 <= float(dot.get("cx")) <= WIDTH
        assert 0 <= float(dot.get("cy")) <= height
    text = ET.tostring(picture, "unicode")
    assert not re.search(r"nan|inf(?!o)", text)
    assert "<script" not in text
    assert "href" not in text


@pytest.mark.parametrize("curve", [FAR, NEAR])
def test_names_of_ticks_do_not_touch(curve):
    """0, 1 and 2 of 100 stand in one place: the greatest of them stays, and so does the last."""
    panel = drawn([curve])
    across = ticks_of(panel, "middle")
    for (x, word), (next_x, next_word) in pairwise(across):
        assert next_x - x > 3.4 * (len(word) + len(next_word))
    assert across[-1][1] == number(curve.points[-1].x)
    up = ticks_of(panel, "end")
    assert all(next_y - y > 14 for (y, _), (next_y, _) in pairwise(up))
    assert len(up) >= 3


def test_a_series_is_drawn_where_its_values_are():
    """Twice as high is twice as far from the base line; what was not measured has no line."""
    near, far = drawn([NEAR, FAR]).findall(f"{SVG}g")
    assert [path.get("class") for path in far.iter(f"{SVG}path")] == ["handler", "floor"]
    assert [path.get("class") for path in near.iter(f"{SVG}path")] == ["handler", "unremembered", "floor"]
    base = max(y for y, _ in ticks_of(near, "end")) - 4
    heights = [base - float(dot.get("cy")) for dot in near.iter(f"{SVG}circle") if dot.get("class") == "dot-handler"]
    assert [height / heights[0] for height in heights] == pytest.approx([1, 6 / 5, 7 / 5, 8 / 5], abs=0.01)


def test_close_values_are_drawn_from_zero():
    """Zero is where the axis begins, the last mark where it ends; the marks are round and hold all values."""
    up = axis([0.0, 3.1, 7.9], 200, 0)
    assert up.marks == [0, 2, 4, 6, 8]
    assert [up.at(value) for value in (0, 2, 8)] == [200, 150, 0]


def test_far_apart_values_are_drawn_by_their_logarithm():
    """Ten times as much is as far wherever it is."""
    up = axis([1.0, 100.0], 200, 0)
    assert up.at(1) == 200
    assert up.at(10) == pytest.approx(100)
    assert up.at(100) == pytest.approx(0)
    assert all(math.isfinite(up.at(mark)) for mark in up.marks)


@pytest.mark.parametrize(("change", "met"), [(0.0, True), (-0.2, False), (0.2, False)])
def test_a_target_is_met_only_where_it_is(change, met):
    """At its bound each is; a fifth below, what must be large is missed, a fifth above, what must be small."""
    reached = {figure: bound + change for section, figure, _, bound, _ in ASKED if section == "usual"}
    section = {"commit": "abc", "at": "now", "machine": "here", "figures": reached}
    rows = [row for row in page({"usual": section}).splitlines() if row.endswith(("met |", "**missed** |"))]
    signs = [sign for section, _, sign, _, _ in ASKED if section == "usual"]
    assert len(rows) == len(signs)
    for row, sign in zip(rows, signs, strict=True):
        is_met = met or (sign == ">=" and change > 0) or (sign == "<=" and change < 0)
        assert row.endswith("| met |" if is_met else "| **missed** |")


def test_page_and_picture_are_what_was_recorded():
    """Neither was edited, nor left behind by a change of the writer: run `python -m bench.page`."""
    sections = everything()
    assert PAGE.read_text("utf-8") == page(sections)
    assert PICTURE.read_text("utf-8") == picture(sections)
