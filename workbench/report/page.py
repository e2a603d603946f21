"""The document: head with a strict content security policy, key figures, panels, what it was made from."""

import base64
import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from workbench.athena.prices import PRICES
from workbench.report.answers import Answer, Answers
from workbench.report.figures import KeyFigure, key_figures, length, observed, trust_figures
from workbench.report.markup import Markup, join, name_of, tag
from workbench.report.numerals import count_figure, moment
from workbench.report.panels import FULL, PANELS, Panel
from workbench.report.tables import table

STYLE: Final = Path(__file__).with_name("style.css")
TITLE: Final = "VPC traffic: who talks to whom, what crosses zones, who pays"


def page(answers: Answers, lake: str, now: float) -> str:
    """The whole document; ``lake`` is how its reader calls it, ``now`` the Unix seconds at which it is made."""
    style = STYLE.read_text("utf-8")
    main = tag(
        "main",
        _strip("What moved, and what it costs", "moved", key_figures(answers)),
        _strip("How far to trust it", "trust", trust_figures(answers)),
        tag("div", [_panel(panel, answers) for panel in PANELS], class_="panels"),
    )
    body = tag("body", _header(answers, lake), main, _footer(answers, now))
    return f'<!doctype html>\n<html lang="en">{_head(style)}{body}</html>\n'


def policy(style: str) -> str:
    """Nothing is loaded, nothing runs, nothing is sent; of styles only the one that this page was made with."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _head(style: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", TITLE),
        # Without an icon of its own a browser asks the server for one.
        tag("link", rel="icon", href="data:,"),
        # Our own file, byte for byte: the policy holds its digest.
        Markup(f"<style>{style}</style>"),
    )


def _header(answers: Answers, lake: str) -> Markup:
    hours = answers.hours
    told = (
        f"{moment(hours[0])} to {moment(hours[-1] + 3600)}, {length(observed(answers))} with data"
        if hours
        else "no flows that count in these days"
    )
    return tag(
        "header",
        tag("p", "VPC flow logs, enriched", class_="eyebrow"),
        tag("h1", TITLE),
        tag("p", "Lake ", name_of(lake), f", days {answers.period}: {told}.", class_="lead"),
        tag("p", "Every dollar here is an estimate by list price.", class_="lead"),
        tag(
            "nav",
            tag("ul", [tag("li", tag("a", panel.title, href=f"#{panel.name}")) for panel in PANELS]),
            aria_label="Panels",
        ),
    )


def _strip(title: str, name: str, figures: list[KeyFigure]) -> Markup:
    cards = [
        tag(
            "div",
            tag("h3", each.title),
            tag("p", each.figure, class_="figure"),
            tag("p", each.note, class_="note"),
            class_="card",
            id=f"figure-{each.name}",
        )
        for each in figures
    ]
    return tag("section", tag("h2", title, id=name), tag("div", cards, class_=f"cards {name}"), aria_labelledby=name)


def _panel(panel: Panel, answers: Answers) -> Markup:
    answer = answers.of[panel.query]
    width = FULL if panel.is_wide is not None and panel.is_wide(answers) else panel.width
    plain = None
    if panel.plain and answer.rows:
        caption = f"{panel.title}: the figures"
        plain = tag(
            "details",
            tag("summary", f"Table: {panel.title}"),
            table(answer, panel.plain, caption),
            class_="plain",
        )
    return tag(
        "section",
        tag("h2", panel.title, id=panel.name),
        tag("p", panel.subtitle, class_="subtitle"),
        tag("div", panel.draw(answers), class_="drawing"),
        plain,
        _sql(answer, panel),
        class_=f"panel {width}",
        aria_labelledby=panel.name,
    )


def _sql(answer: Answer, panel: Panel) -> Markup:
    """The saved query: its question, how to ask it again, what its columns mean, its text."""
    query = answer.query
    meanings = [join(tag("dt", tag("code", name)), tag("dd", meaning)) for name, meaning in query.columns]
    code = tag("pre", tag("code", query.sql), tabindex=0, role="region", aria_label=f"SQL of {panel.title}, scrolls")
    return tag(
        "details",
        tag("summary", f"SQL and what the columns mean: {panel.title}"),
        tag("p", query.question),
        tag("p", tag("code", answer.command)),
        tag("dl", meanings),
        code,
        class_="sql",
    )


def _footer(answers: Answers, now: float) -> Markup:
    fresh = answers.rows("data_freshness")
    versions = [
        tag(
            "li",
            "Enriched by version ",
            name_of(row["enricher_version"]),
            ": ",
            count_figure(row["records"]),
            " records",
        )
        for row in fresh
    ]
    arrivals = [row["last_arrival"] for row in fresh if row["last_arrival"] is not None]
    prices = json.loads(PRICES.read_text("utf-8"))
    return tag(
        "footer",
        tag("h2", "What this was made from"),
        tag(
            "ul",
            tag("li", f"Made {moment(now)} by vpcflow {version('vpc-flow-log-enrichment')}"),
            tag("li", f"Newest record arrived {moment(max(arrivals))}") if arrivals else None,
            versions,
            tag("li", f"List prices of {prices['region']} as of {prices['as_of']}, no free tiers, no volume steps"),
            tag(
                "li",
                "Days are UTC and those on which flows started. Flows count once, at one end; records of gateways in "
                "between, and those whose reporter is not known, never count and stand beside the totals",
            ),
        ),
    )  # fmt: skip
