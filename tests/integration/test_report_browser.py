"""The report in a browser: nothing runs, nothing is asked for, everybody can read it, at any width and on paper."""

import zlib

import pytest
from athena_lake import write_lake
from report_lakes import HOSTILE, HOUR, MONDAY, hostile, many_projects, two_weeks

from reliability import page_checks
from reliability.chromium import INSTALL, Chromium, find
from workbench.cli import main
from workbench.report.markup import visible

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find() is None, reason=INSTALL),
]

SECOND_WEEK = MONDAY + 7 * 24 * HOUR
WAYS = (
    {"width": 1280},
    {"width": 390, "height": 844},
    {"width": 1280, "dark": True},
    {"width": 390, "height": 844, "dark": True},
    {"width": 1040, "media": "print"},
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with everything in it: two weeks, many projects and zones, all hostile texts."""
    directory = tmp_path_factory.mktemp("browser")
    start = SECOND_WEEK + 13 * HOUR
    lake = write_lake(directory / "lake", [*two_weeks(), *many_projects(60, start), *hostile(start=start)])
    assert main(["report", "--lake", str(lake), "--out", str(directory / "report.html")]) == 0
    return directory / "report.html"


@pytest.fixture(scope="module")
def browser():
    """Chromium, once."""
    with Chromium() as opened:
        yield opened


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_it_is_readable_and_quiet_every_way(browser, report, way):
    """Only the file is asked for; nothing on the console, too pale, without a label or wider than the window."""
    seen = browser.open(report, **way)
    assert seen.requests == [report.resolve().as_uri(), "data:,"][: len(seen.requests)]
    assert seen.console == []
    assert page_checks.overflow(browser) == []
    page_checks.open_details(browser)
    checked, pale = page_checks.contrast(browser)
    assert checked > 1000
    assert pale == []
    assert page_checks.structure(browser) == []


def test_nothing_of_the_lake_runs_or_loads(browser, report):
    """Not a script, not a handler, not a link out, and each of the largest hostile texts is there to be read."""
    browser.open(report)
    assert page_checks.active(browser) == []
    shown = browser.evaluate("document.body.textContent")
    assert all(visible(text) in shown for text in HOSTILE[-15:])


def test_the_policy_stops_what_would_get_in(browser, report, tmp_path):
    """A script, a handler, a style and a picture put into the file do nothing, and are reported."""
    bad = (
        "<script>window.hacked=1</script><img src='http://198.51.100.7/x.png' onerror='window.hacked=1'>"
        "<style>h1{display:none}</style>"
    )
    file = tmp_path / "hurt.html"
    file.write_text(report.read_text("utf-8").replace("<main>", f"<main>{bad}"), "utf-8")
    seen = browser.open(file)

    assert any("Content Security Policy" in line or "issue" in line for line in seen.console)
    assert browser.evaluate("window.hacked") is None
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    assert len(page_checks.active(browser)) >= 3


def test_every_chart_can_be_read_as_a_table_by_keyboard(browser, report):
    """Tab reaches each summary; Enter opens it, and the table is there."""
    browser.open(report)
    reached = browser.evaluate("[...document.querySelectorAll('summary')].every(each => each.tabIndex === 0)")
    assert reached is True
    browser.evaluate("document.querySelector('details.plain summary').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
        )
    assert browser.evaluate("document.querySelector('details.plain').open") is True
    drawings = browser.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].map(e => e.closest('section').querySelector('table') !== null)"
    )
    assert drawings
    assert all(drawings)


def test_one_drawing_is_shown_at_each_width(browser, report):
    """The wide one on a desk, the narrow one on a phone, never both; its names keep a size that can be read."""
    for way, style in ((WAYS[0], "wide"), (WAYS[1], "narrow")):
        browser.open(report, **way)
        shown = browser.evaluate(
            "[...document.querySelectorAll('svg[role=img]')].filter(e => e.getBoundingClientRect().width)"
            ".map(e => [e.getAttribute('class').split(' ')[1], e.querySelector('text').getBoundingClientRect().height])"
        )
        assert {name for name, _ in shown} == {style}
        assert min(height for _, height in shown) >= 11


def test_columns_are_as_high_as_their_bytes(browser, report):
    """Drawn heights, measured in the browser, are to the bytes as one scale; what a column holds is what it says."""
    browser.open(report)
    columns = browser.evaluate(
        "[...document.querySelectorAll('svg.chart.wide g[data-bytes]')].map(g => [Number(g.dataset.bytes),"
        "[...g.querySelectorAll('rect:not(.gap)')].reduce((sum, r) => sum + r.getBoundingClientRect().height, 0)])"
    )
    assert len(columns) == 7 * 24
    largest, height = max(columns)
    assert height > 50
    for octets, drawn in columns:
        assert drawn == pytest.approx(height * octets / largest, abs=0.2)


def test_it_prints(browser, report):
    """On paper: a PDF of some pages, also with hundreds of hostile names, because long tables are cut."""
    browser.open(report)
    paper = browser.paper()
    assert paper.startswith(b"%PDF")
    assert 5 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") + paper.count(b"/Type/Page/") <= 25


def test_a_picture_is_of_the_page(browser, report):
    """A PNG whose pixels are not all one colour: the dark page is drawn dark."""
    lights = []
    for dark in (False, True):
        browser.open(report, dark=dark)
        data = browser.picture(whole=False)
        assert data.startswith(b"\x89PNG")
        lights.append(_mean(data))
    assert lights[0] > 2 * lights[1]


def _mean(png: bytes) -> int:
    """Mean byte of the first rows of pixels: none of them is filtered but by its left neighbour, so a rough light."""
    place, packed = 8, b""
    while place < len(png):
        size, kind = int.from_bytes(png[place : place + 4]), png[place + 4 : place + 8]
        packed += png[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += 12 + size
    raw = zlib.decompress(packed)
    return raw[1] + 1


CHECKS = {
    "contrast": lambda browser: page_checks.contrast(browser)[1],
    "structure": page_checks.structure,
    "overflow": page_checks.overflow,
}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (("--soft: #57615f", "--soft: #b9c1bf"), "contrast"),
        (("<h2 ", "<h4 "), "structure"),
        (("<caption>", "<caption hidden>"), "structure"),
        (("<caption>", "<caption style='visibility: hidden'>"), "structure"),
        (('aria-label="SQL', 'data-label="SQL'), "structure"),
        ((".figure { font-size: 30px", ".figure { min-width: 2000px; font-size: 30px"), "overflow"),
    ],
)
def test_the_checks_can_fail(browser, report, tmp_path, change, check):
    """A pale ink, a skipped level, a caption for nobody, a lost label, a page too wide: each is found, by its check."""
    file = tmp_path / "worse.html"
    text = report.read_text("utf-8")
    policy = text[text.index("<meta http-equiv") : text.index('<meta name="viewport"')]
    assert change[0] in text
    file.write_text(text.replace(policy, "").replace(*change), "utf-8")
    browser.open(file)
    if check != "overflow":
        page_checks.open_details(browser)
    assert CHECKS[check](browser)
