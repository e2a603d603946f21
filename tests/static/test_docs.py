"""The pages name only what exists, and everything a reader needs is named."""

import re
from pathlib import Path

import pytest
from console_blocks import ROOT, pages
from typer.testing import CliRunner

from compaction.figures import METRICS as COMPACTION_METRICS
from enricher import endpoints
from enricher.hourly import hourly_columns
from enricher.inventory_documents import DOCUMENTS
from enricher.metrics import METRICS, REFRESHER_METRICS
from enricher.refresher_settings import REFRESHER_VARIABLES
from enricher.schema import PARTITION_COLUMNS, compacted_columns
from enricher.settings import VARIABLES
from scripts.generate import PAGES, regenerated
from workbench.cli import app

FOLDERS = ("src", "workbench", "tests", "docs", "scripts", "bench", "athena", "glue", "requirements", ".ci")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def read(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def page_id(page: Path) -> str:
    """A page as people call it."""
    return page.relative_to(ROOT).as_posix()


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page to files or headings that are not there."""
    broken = []
    for target in LINK.findall(text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in slugs(file)):
            broken.append(target)
    return broken


def missing_files(text: str) -> list[str]:
    """Paths in code spans that begin with a folder of ours and match nothing; stars match as in a shell."""
    named = {
        word.partition("::")[0].rstrip(".,;:")  # of `file::test` the file; the test is test_security_page's
        for span in CODE.findall(text)
        for word in span.split()
        if word.partition("/")[0] in FOLDERS and "/" in word and not set("<>…{}$!") & set(word)
    }
    return sorted(word for word in named if not list(ROOT.glob(word.rstrip("/"))))


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_links_lead_somewhere(page):
    """Every relative link is a file that is there, with the heading it names."""
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_files_that_are_named_exist(page):
    """Whoever looks for a file that a page names finds it."""
    assert missing_files(page.read_text(encoding="utf-8")) == []


def test_what_leads_nowhere_is_noticed():
    """The two rules above see a missing file, a missing heading, and a pattern that matches nothing."""
    page = ROOT / "README.md"
    assert broken_links(page, "[a](docs/none.md) [b](LICENSE) [c](#none) [d](docs/columns.md#none)") == [
        "docs/none.md",
        "#none",
        "docs/columns.md#none",
    ]
    assert missing_files("`src/enricher/none.py`, `python tests/none/*.py`, `src/enricher/*.py`, `docs/`") == [
        "src/enricher/none.py",
        "tests/none/*.py",
    ]


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_no_page_names_a_directory_of_somebody_s_machine(page):
    """What is written holds for every clone."""
    assert re.findall(r"(?<![\w.…/])/(?:work|tmp|root|home|Users)\b", page.read_text(encoding="utf-8")) == []


def test_every_room_of_the_functions_is_in_the_architecture():
    """Its tables have a row for each module of src/enricher, and name each of src/cache."""
    text = read("docs/architecture.md")
    rows = re.findall(r"^\| (?:\+ )?`(\w+\.py)` \|", text, re.MULTILINE)
    rooms = {path.name for path in (ROOT / "src" / "enricher").glob("*.py")} - {"__init__.py"}
    cache = {path.name for path in (ROOT / "src" / "cache").glob("*.py")} - {"__init__.py"}

    assert rooms <= set(rows)
    assert [name for name in cache if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_modules_that_are_named_exist(page):
    """A bare `name.py` is a module somewhere in the repository; the refresher is still to come."""
    here = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    named = set(re.findall(r"`(\w+\.py)`", page.read_text(encoding="utf-8")))
    assert named - here == set()


def test_every_decision_is_in_the_index_and_numbered_as_its_file():
    """Numbers ascend, none twice; each page says context, decision and consequences."""
    index = LINK.findall(read("docs/decisions/README.md"))
    assert index == [page.name for page in DECISIONS]
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == sorted(set(numbers))
    for number, page in zip(numbers, DECISIONS, strict=True):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        assert [part for part in ("## Context", "## Decision", "## Consequences") if f"\n{part}\n" not in text] == []


def test_every_command_is_in_the_readme():
    """Each of `vpcflow`'s commands is shown or explained."""
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert len(commands) >= 4
    assert [name for name in commands if f"`vpcflow {name}" not in read("README.md")] == []


def test_every_make_target_is_in_the_readme():
    """What `make help` lists is named there."""
    assert len(TARGETS) >= 8
    listed = read("README.md").partition("`make help` lists")[2].partition(".\n")[0]
    assert [name for name in TARGETS if name != "help" and f"`{name}`" not in listed] == []


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_make_targets_that_are_named_exist(page):
    """`make something` in a page is a target."""
    named = re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= set(TARGETS)


def test_the_calls_that_make_an_inventory_are_those_that_are_read():
    """The README writes each file with the call that the reader names."""
    shown = re.findall(r"^\$ aws (\S+ \S+) .*> inventory/(\S+)\.json$", read("README.md"), re.MULTILINE)
    assert {name: call for call, name in shown} == {name: call for name, (_, _, call) in DOCUMENTS.items()}


def test_every_status_is_explained():
    """README's five rules name all statuses."""
    words = {value for name, value in vars(endpoints).items() if name.isupper() and isinstance(value, str)}
    assert {"resolved", "subnet", "ambiguous", "absent", "stale", "unresolved"} <= words
    text = read("README.md").partition("## How right it is")[2]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_generated_pages_hold_every_name():
    """Columns, metrics and settings, each in a row of its own page."""
    first = {page: re.findall(r"^\| `([^`]+)` \|", read(page), re.MULTILINE) for page in PAGES}
    columns = [column.name for column in compacted_columns() if not column.name.startswith("dst_")]

    hourly = [column.name for column in hourly_columns()]

    assert first["docs/columns.md"] == [*columns, *PARTITION_COLUMNS, *hourly]
    assert first["docs/metrics.md"] == [*METRICS, *COMPACTION_METRICS]
    assert first["docs/settings.md"] == list(VARIABLES)
    assert first["docs/refresher.md"] == [*REFRESHER_VARIABLES, *REFRESHER_METRICS]


def test_the_command_line_s_page_has_every_command_and_option():
    """What `--help` of each command lists stands in the page, below the command's own heading."""
    sections = dict(
        re.findall(r"^## `vpcflow ([a-z ]+)`\n(.*?)(?=^## |\Z)", read("docs/cli.md"), re.MULTILINE | re.DOTALL)
    )
    own = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    groups = [f"{group.typer_instance.info.name} {command.name}" for group in app.registered_groups
              if group.typer_instance for command in group.typer_instance.registered_commands]  # fmt: skip
    assert sorted(sections) == sorted([*own, *groups])
    for name, text in sections.items():
        told = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="vpcflow").output
        options = set(re.findall(r"--[a-z-]+", told.partition("Options:")[2])) - {"--help"}
        assert options
        assert [option for option in options if f"`{option}`" not in text] == []


def test_settings_name_what_the_template_sets():
    """Defaults and parameters as a person reads them off settings.py and template.yaml."""
    page = read("docs/settings.md")
    ends = {
        match[1]: match[2] for match in re.finditer(r"^\| `(\w+)` \|.*?\| ([^|]* \| [^|]*) \|$", page, re.MULTILINE)
    }

    assert ends["LAKE_BUCKET"] == "none: must be set | the stack's bucket"
    assert ends["LOG_FORMAT"] == "none: must be set | parameter `LogFormat`"
    assert ends["INVENTORY_URI"] == "empty | parameter `InventoryKey`"
    assert ends["INVENTORY_HARD_TTL_S"] == "`900` | `900`"
    assert ends["EC2_LOOKUPS"] == "`on` | parameter `Ec2Lookups`"
    assert ends["EC2_CACHE_TTL_S"] == "`300` | parameter `Ec2CacheSeconds`"


def test_generated_pages_changed_by_hand_are_noticed(tmp_path):
    """One more word in some, no page at all of the others: exactly these differ from what would be written."""
    for path in regenerated(ROOT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(read(path), encoding="utf-8")
    pages = sorted(PAGES)
    changed, gone = pages[::2], pages[1::2]
    for page in changed:
        (tmp_path / page).write_text(read(page) + "more\n", encoding="utf-8")
    assert {path for path, (now, wanted) in regenerated(tmp_path).items() if now != wanted} == set(changed)
    for page in gone:
        (tmp_path / page).unlink()
    assert {path for path, (now, wanted) in regenerated(tmp_path).items() if now != wanted} == set(pages)


def test_every_unverified_claim_has_its_check():
    """Claim, where it matters, evidence so far, check: four cells, none empty."""
    rows = [line for line in read("docs/unverified.md").splitlines() if re.match(r"\| (?!claim)", line)]
    assert len(rows) >= 30
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    assert [row for row in cells if len(row) != 4 or not all(row)] == []
