"""What the pages show is what happens: their console blocks are run, and README's figures are today's."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from command_line import rows, vpcflow
from console_blocks import ROOT, blocks, is_shown, pages
from page_runner import run_page

from workbench.demo.run import CONNECTIONS, SECONDS, SEED, START
from workbench.estate import DEMO, build_estate, generate_traffic

README = (ROOT / "README.md").read_text(encoding="utf-8")


def page_id(page: Path) -> str:
    """A page as people call it."""
    return page.relative_to(ROOT).as_posix()


# Pages with blocks to run; a test compares the list with the pages. Of the tutorial, test_newcomer.py takes care.
RUN = ("CONTRIBUTING.md", "README.md")
HOW_TOS = (
    "docs/how-to/add-a-query.md",
    "docs/how-to/backfill.md",
    "docs/how-to/custom-log-format.md",
    "docs/how-to/promoted-tags.md",
    "docs/how-to/query.md",
    "docs/how-to/replay.md",
    "docs/how-to/several-accounts.md",
)
TUTORIAL = "docs/tutorial.md"


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_every_console_block_says_whether_it_is_run(page):
    """A block without a mark would be checked by nobody."""
    unmarked = [block.line for block in blocks(page.read_text(encoding="utf-8")) if block.runs is None]
    assert unmarked == []


def test_every_page_with_blocks_to_run_is_listed():
    """No marked block is left out of the test below."""
    marked = [page for page in pages() if any(block.runs for block in blocks(page.read_text(encoding="utf-8")))]
    assert sorted(map(page_id, marked)) == sorted([*RUN, *HOW_TOS, TUTORIAL])


@pytest.mark.parametrize("page", [*RUN, *(pytest.param(page, marks=pytest.mark.slow) for page in HOW_TOS)])
def test_marked_commands_print_what_the_page_shows(page, tmp_path):
    """A page's blocks, one after the other in one directory that holds only the environment and what is read."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for folder in ("athena", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    assert run_page(ROOT / page, tmp_path, {**os.environ, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}) > 0


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("a\nb\n", ["a", "b"], True),
        ("a  \n\nb\n", ["a", "", "b"], True),
        ("a\nb\nc\n", ["a", "…"], True),
        ("a\nb\nc\n", ["a", "… (one line)", "c"], True),
        ('{"a": 1, "b": 2}\n', ['{"a": 1, …'], True),
        ("a\nb\n", ["a"], False),
        ("a\n", ["a", "b"], False),
        ("a 1\n", ["a 2"], False),
        ("a.b\n", ["a-b"], False),
        ("", ["a"], False),
    ],
)
def test_an_output_that_is_not_shown_is_noticed(printed, shown, same):
    """Lines are compared whole; only the dots stand for something else."""
    assert is_shown(printed, shown) is same


def test_the_demo_shown_is_that_of_today():
    """The README's demo names the distributions and the number of records that `make demo` uses now."""
    estate = build_estate(DEMO, SEED)
    traffic = generate_traffic(estate, SEED, START, SECONDS, CONNECTIONS)
    shown = re.search(r"an estate of (\d+) interfaces \(distributions (\w+)\)", README)
    sent = re.search(r"sent ([\d,]+) records through the stream: ([\d,]+) in the lake, 0 failed", README)

    assert shown
    assert (len(estate.interfaces), DEMO.digest()) == (int(shown[1]), shown[2])
    assert sent
    assert [f"{len(traffic.lines):,}"] * 2 == [sent[1], sent[2]]


def test_the_row_shown_is_that_of_the_line_shown(tmp_path, capsys):
    """The README's first line is of the demo's traffic, and the command names both its sides as the table says."""
    line = re.search(r"```text\n(5 .*)\n```", README)
    table = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", README, re.MULTILINE)
    single = dict(re.findall(r"`(\w+)` = (\w+)", README))
    assert line
    assert len(table) == 7
    assert set(single) == {"reporter", "traffic_class", "path_name", "bytes"}

    estate = build_estate(DEMO, SEED)
    assert line[1] in generate_traffic(estate, SEED, START, SECONDS, CONNECTIONS).lines
    estate.write(tmp_path / "inventory")
    (tmp_path / "flow.log").write_text(line[1] + "\n", encoding="ascii")
    ran = vpcflow(capsys)(
        "enrich", tmp_path / "flow.log", "--log-format", "v5", "--inventory", tmp_path / "inventory",
        "--out", tmp_path / "lake", "--output", "json",
    )  # fmt: skip
    assert ran.exit_code == 0
    (row,) = rows(tmp_path / "lake")
    assert {name: (source, destination) for name, source, destination in table} == {
        name: (row[f"src_{name}"], row[f"dst_{name}"]) for name, _, _ in table
    }
    assert single == {name: str(row[name]) for name in single}


def test_bench_figures_shown_are_of_the_material_of_today():
    """A figure of other distributions says nothing; the README names those it was taken on."""
    shown = re.search(r"material `(\w+)`", README)
    digests = re.search(r"^\| digest .*$", (ROOT / "docs" / "estate.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert shown
    assert digests
    assert shown[1] == re.findall(r"`(\w+)`", digests[0])[1]


def test_the_event_shown_gets_the_whole_response(tmp_path, capsys):
    """The README cuts the response short; every record of the event is in it, once."""
    event = ROOT / "tests" / "data" / "events" / "direct-put-message.json"
    ran = vpcflow(capsys)("invoke", "--event", event, "--log-format", "v2", "--out", tmp_path)
    asked = [record["recordId"] for record in json.loads(event.read_text(encoding="utf-8"))["records"]]

    assert [record["recordId"] for record in json.loads(ran.out)["records"]] == asked
    assert asked[0] in README
