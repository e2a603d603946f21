"""`vpcflow report`: figures are the queries' answers, no text becomes markup, mistakes end in one line."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from athena_lake import write_lake
from report_lakes import HOSTILE, HOUR, MONDAY, hostile, many_projects, row, two_weeks

from scripts.quicksight_visuals import VISUALS
from workbench.athena.engine import Lake
from workbench.athena.saved import get
from workbench.cli import main
from workbench.report.markup import visible
from workbench.report.page import STYLE, policy
from workbench.report.panels import PANELS
from workbench.report.period import hour_name
from workbench.report.tables import MOST_ROWS

pytestmark = pytest.mark.xdist_group("report")

SECOND_WEEK = MONDAY + 7 * 24 * HOUR
DAYS = {"first_day": "2026-03-09", "last_day": "2026-03-15"}
VOID = ("meta", "link", "br")


class Page(HTMLParser):
    """What a reader of the file finds: tables with their cells, key figures, all texts, all elements."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[tuple[str, list[dict[str, tuple[str | None, str]]]]] = []
        self.cards: dict[str, list[tuple[str, str]]] = {}
        self.figures: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.texts: list[str] = []
        self.cell: tuple[str, list[str | None], list[str]] | None = None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        """Remember where we are."""
        told = dict(attributes)
        self.names.append(name)
        if name == "table" and "data-query" in told:
            self.tables.append((told["data-query"], []))
        if name == "tr" and self._in("tbody") and self._in("table", "data-query"):
            self.tables[-1][1].append({})
        if name == "td" and "data-column" in told:
            self.cell = (told["data-column"], [], [])
        if name == "data" and self.cell:
            self.cell[1].append(told["value"])
        if name not in VOID:
            self.open.append((name, told))

    def handle_endtag(self, name):
        """Every element ends where it should."""
        if name == "td" and self.cell:
            column, values, texts = self.cell
            self.tables[-1][1][-1][column] = (values[0] if values else None, "".join(texts))
            self.cell = None
        assert self.open.pop()[0] == name

    def handle_data(self, data):
        """Text, with the figure it is of."""
        self.texts.append(data)
        if self.cell:
            self.cell[2].append(data)
        name, told = self.open[-1] if self.open else ("", {})
        if name == "data":
            self.figures.append((told["value"], data))
            card = next((each["id"] for _, each in self.open if str(each.get("id")).startswith("figure-")), None)
            if card:
                self.cards.setdefault(card.removeprefix("figure-"), []).append((told["value"], data))

    def _in(self, name: str, attribute: str | None = None) -> bool:
        return any(each == name and (attribute is None or attribute in told) for each, told in self.open)


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """(lake, rows, page): two weeks, 300 projects more, and all hostile texts, in the second week."""
    directory = tmp_path_factory.mktemp("report")
    start = SECOND_WEEK + 13 * HOUR
    rows = [*two_weeks(), *many_projects(300, start)[:-1], *hostile(start=start)]
    lake = write_lake(directory / "lake", rows)
    assert main(["report", "--lake", str(lake), "--out", str(directory / "report.html")]) == 0
    return lake, rows, (directory / "report.html").read_text("utf-8")


def made(directory, rows, *options: str):
    """The page of a lake, or of one of some rows."""
    lake = rows if isinstance(rows, Path) else write_lake(directory / "lake", rows)
    out = directory / "report.html"
    assert main(["report", "--lake", str(lake), "--out", str(out), *options]) == 0
    return Page(out.read_text("utf-8"))


def test_every_table_is_the_querys_answer(busy):
    """Row by row and cell by cell, exactly, in the query's order; what is left out is said."""
    lake, _, text = busy
    page = Page(text)
    assert {name for name, _ in page.tables} >= {"traffic_over_time", "cross_az_traffic", "project_traffic",
                                                 "class_costs", "estimated_charges", "cross_az_over_time",
                                                 "top_talkers", "az_affinity_candidates"}  # fmt: skip
    with Lake(lake) as opened:
        for name, found in page.tables:
            query = get(name)
            given = DAYS | ({"top": "15"} if "top" in {parameter.name for parameter in query.parameters} else {})
            expected = opened.run(query.sql, query.bind(given)).records()
            assert 0 < len(found) <= MOST_ROWS
            assert len(found) == len(expected) or f"of {len(expected):,} rows" in text
            for cells, record in zip(found, expected, strict=False):
                for column, (value, words) in cells.items():
                    answer = record[column]
                    if value is not None:
                        assert value == str(answer), (name, column)
                    else:
                        assert words == ("-" if answer in (None, "") else visible(str(answer))), (name, column)


def test_key_figures_are_what_was_sent(busy):
    """Added up from the rows themselves: all of them count, at list price, two cents a gigabyte across zones."""
    _, rows, text = busy
    week = [each for each in rows if each["start"] >= SECOND_WEEK]
    moved = sum(each["bytes"] for each in week)
    crossing = sum(each["bytes"] for each in week if each["traffic_class"] == "cross_az")
    cards = Page(text).cards

    assert cards["accepted-bytes"][0][0] == str(moved)
    assert cards["accepted-bytes"][1][0] == str(len(week))
    assert cards["crossing-bytes"][0][0] == str(crossing)
    assert float(cards["crossing-bytes"][1][0]) == pytest.approx(100 * crossing / moved, abs=0.005)
    assert float(cards["crossing-cost"][0][0]) <= crossing * 0.02 / 1e9 + 1e-4
    assert cards["uncounted-bytes"][0][0] == "0"
    assert cards["skipdata"][0][0] == "0"
    assert cards["inventory-age"][0][0] == "60"


def test_the_week_before_is_compared_hour_by_hour(tmp_path):
    """Twice the bytes are 100 % more, though the second week lacks a day; the same hours are compared, no others."""
    cards = made(tmp_path, two_weeks()).cards

    assert cards["accepted-bytes"][2][0] == "100"
    assert cards["crossing-bytes"][2][0] == "100"
    # 60 s before the last hour's end and six days of data.
    assert float(cards["crossing-cost"][0][0]) == pytest.approx(_crossing_dollars(two_weeks()), abs=2e-4)
    assert float(cards["estimated-month"][1][0]) == pytest.approx(
        _crossing_dollars(two_weeks()) * 730 * HOUR / (6 * 24 * HOUR - 3540), abs=0.02
    )


def _crossing_dollars(rows: list[dict[str, Any]]) -> float:
    week = (each for each in rows if each["start"] >= SECOND_WEEK and each["traffic_class"] == "cross_az")
    return sum(each["bytes"] for each in week) * 0.02 / 1e9


def test_words_of_figures_are_their_values(busy):
    """Every number in words, read back, is its exact value to half of its last digit."""
    figures = Page(busy[2]).figures
    assert len(figures) > 1500
    scales = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "million": 1e6}
    for value, words in figures:
        read = re.fullmatch(r"(-|\+|under )?(\$)?([0-9.,]+)(?: (B|kB|MB|GB|TB|PB|million|%))?", words)
        if read is None:
            assert re.fullmatch(r"[0-9a-z ]+|[0-9-]+ [0-9:]+ UTC", words), words
            continue
        amount = float(read[3].replace(",", "")) * scales.get(read[4] or "", 1)
        # Gigabytes of a query are the value in thousand millions.
        exact = [abs(float(value)), abs(float(value)) * 1e9]
        assert any(abs(amount - each) <= 0.051 * max(each, 1) or read[1] == "under " for each in exact), (value, words)


def test_hostile_texts_are_all_there_and_all_text(busy):
    """Each is readable somewhere, none is an element; the file holds ours alone, and one style of known digest."""
    page = Page(busy[2])
    joined = "\n".join(page.texts)
    largest = sorted(HOSTILE, key=HOSTILE.index)[-15:]
    assert all(visible(text) in joined for text in largest if text)
    assert not set(page.names) & {
        "script",
        "iframe",
        "img",
        "a href",
        "form",
        "object",
        "embed",
        "base",
        "foreignobject",
    }
    assert page.names.count("style") == 1
    assert page.names.count("meta") == 5
    assert policy(STYLE.read_text("utf-8")) in busy[2].replace("&#x27;", "'")


def test_panels_are_the_dashboards_by_name(busy):
    """The same titles as QuickSight shows, and savings beside them; each panel has its query's SQL and question."""
    text = busy[2]
    titles = {panel.title for panel in PANELS}
    page = Page(text)
    assert {visual.title for visual in VISUALS if visual.kind != "KPI"} <= titles
    assert all(visual.title in page.texts for visual in VISUALS)
    for panel in PANELS:
        query = get(panel.query)
        assert panel.title in page.texts
        assert query.sql in page.texts
        assert query.question in page.texts
        assert "stimate" in panel.title + panel.subtitle or "usd" not in " ".join(panel.plain)


def test_whose_word_it_is_stands_below(busy):
    """Version, newest data, prices' date; every dollar is called an estimate."""
    joined = " ".join(Page(busy[2]).texts)
    assert re.search(r"Made \d{4}-\d\d-\d\d \d\d:\d\d UTC by vpcflow 0\.1\.0", joined)
    assert "List prices of us-east-1 as of 2026-09-20" in joined
    assert "Every dollar here is an estimate by list price." in joined


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A lake of a flow, and of one that began after the last arrival."""
    arrived = {"arrived_at": datetime(2026, 3, 2, 0, 2, tzinfo=UTC).replace(tzinfo=None)}
    misdated = row(2, start=MONDAY + 300 * 24 * HOUR, day="2026-03-02", hour="00", bytes=5)
    return write_lake(tmp_path_factory.mktemp("small"), [row(1) | arrived, misdated | arrived])


def test_one_flow_is_a_report_and_a_misdated_one_does_not_choose_the_days(small, tmp_path):
    """A minute of data: no month is made of it, no division fails, the bytes are there."""
    page = made(tmp_path, small)
    assert page.cards["accepted-bytes"][0] == ("1000000", "1.00 MB")
    assert page.cards.get("estimated-month") is None
    assert "less than an hour of data says nothing of a month" in page.texts


def test_a_lake_in_which_nothing_counts_says_so(tmp_path):
    """NODATA alone: panels that say there is nothing, figures that are zero or unknown."""
    nodata = {"day": "2026-03-02", "hour": "00", "interface_id": "eni-a", "log_status": "NODATA", "start": MONDAY}
    page = made(tmp_path, [nodata])
    assert page.texts.count("Nothing here in these days.") == len(PANELS) - 1
    assert page.cards["accepted-bytes"][0] == ("0", "0 B")


def test_days_can_be_chosen(small, tmp_path):
    """Up to the misdated flow's day, both are there."""
    day = hour_name(MONDAY + 300 * 24 * HOUR)[:10]
    page = made(tmp_path, small, "--first-day", "2026-03-02", "--last-day", day)
    assert page.cards["accepted-bytes"][0] == ("1000005", "1.00 MB")


@pytest.mark.parametrize(
    ("argv", "culprit"),
    [
        (("--lake", "LAKE", "--out", "flows.log"), "flows.log: is no HTML file"),
        (("--lake", "no-lake", "--out", "a.html"), "no-lake: no such directory"),
        (("--lake", "LAKE", "--out", "nowhere/a.html"), "nowhere is no directory"),
        (("--lake", "LAKE", "--out", "a.html", "--first-day", "yesterday"), "--first-day yesterday"),
    ],
)
def test_mistakes_end_in_one_line_and_write_nothing(tmp_path, monkeypatch, capsys, argv, culprit):
    """Exit code 2, what and where and the mend, and no file."""
    monkeypatch.chdir(tmp_path)
    write_lake(tmp_path / "LAKE", [row(1)])
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", *argv]) == 2
    told = capsys.readouterr().err
    assert culprit in told
    assert told.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
