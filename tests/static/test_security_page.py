"""SECURITY.md claims only what is there: its files, its tests, its assumptions."""

import ast
import re
from functools import lru_cache

import pytest
from static.templates import ROOT

PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
THREATS = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
SPAN = re.compile(r"`([^`\n]+)`")
LABELS = ("Defence", "Shown by", "Left")


@lru_cache
def functions(path: str) -> set[str]:
    """Names of the functions in a file of tests."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def not_there(span: str) -> str | None:
    """A file, or ``file::test``, that is named and is not there; None for whatever else stands between backticks."""
    path, _, name = span.partition("::")
    if not re.fullmatch(r"[\w./-]+\.(?:py|yaml|md|txt)", path):
        return None
    if not (ROOT / path).is_file():
        return path
    return span if name and name not in functions(path) else None


def parts(threat: str) -> dict[str, str]:
    """Label → text of a threat's list, up to the next heading."""
    found = re.split(r"^- (Defence|Shown by|Left): ", threat.partition("\n## ")[0], flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_every_file_and_test_that_is_named_is_there():
    """A renamed test, or a file that moved, is noticed here."""
    spans = SPAN.findall(PAGE)
    assert sum("::" in span for span in spans) > 40
    assert [missing for span in spans if (missing := not_there(span))] == []


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.partition("\n")[0])
def test_each_threat_has_its_defence_in_code_its_test_and_what_is_left(threat):
    """No defence without the file that is it and a test that shows it; what remains is said, not left out."""
    told = parts(threat)
    assert tuple(told) == LABELS
    code = [
        span for span in SPAN.findall(told["Defence"]) if (not_there(span) is None and "/" in span) or ".yaml" in span
    ]
    assert [span for span in code if (ROOT / span).is_file()]
    shown = SPAN.findall(told["Shown by"])
    assert shown
    assert [span for span in shown if not span.startswith("tests/") or not_there(span)] == []


def test_threats_are_numbered_and_every_attacker_is_there():
    """One list, without gaps; what the issue asks about has its place."""
    assert [int(threat.partition(".")[0]) for threat in THREATS] == list(range(1, len(THREATS) + 1))
    for named in ("addresses", "tags", "log format", "error object", "snapshot", "member account", "athena", "package"):
        assert named in PAGE.lower(), named


def test_assumptions_are_listed_as_unverified():
    """Each with its check, word for word."""
    claims = re.findall(r"^- (.+)$", PAGE.partition("\n## Assumptions\n")[2], re.MULTILINE)
    known = [
        line.split(" | ")[0].removeprefix("| ")
        for line in (ROOT / "docs" / "unverified.md").read_text("utf-8").splitlines()
    ]
    assert len(claims) >= 4
    assert [claim for claim in claims if not any(line.startswith(claim) for line in known)] == []


@pytest.mark.parametrize(
    "span",
    ["src/enricher/no_such_room.py", "tests/unit/test_payload.py::test_of_nothing", "tests/unit/none.py::test_x"],
)
def test_what_is_not_there_is_noticed(span):
    """The rule above sees missing files and missing tests."""
    assert not_there(span)
