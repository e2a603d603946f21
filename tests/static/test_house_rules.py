"""Rules of the house that a reader should not have to check by eye."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from static.templates import ROOT

LONGEST_FILE = 400
SHELLS = {"handler.py", "refresher.py"}
CLOCK_READS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
ENVIRONMENT_READS = {"os": {"environ", "environb", "getenv", "putenv"}}

# A check is silenced by its codes, and a reason follows behind a dash or a second hash.
SILENCED = re.compile(
    r"#\s*(?:noqa|type:\s*ignore)(?P<codes>[:\[][\s:]*[A-Za-z0-9, -]*?\]?)?\s*(?:[-#]\s*(?P<why>.*))?$"
)


def sources(*folders: str):
    """Python files below folders of the repository."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path):
    """A file as people call it."""
    return path.relative_to(ROOT).as_posix()


def uses(code, forbidden):
    """Lines on which names of modules or classes are used, as ``module.name`` or imported from the module."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            last = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if node.attr in forbidden.get(last, ()):
                found.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and any(
            alias.name in forbidden.get(str(node.module), ()) for alias in node.names
        ):
            found.append(node.lineno)
    return found


def test_every_file_is_short_enough_to_be_one_room():
    """A file above 400 lines has become two rooms."""
    checked = sources("src", "workbench", "glue", "scripts", "bench")
    assert len(checked) > 10
    long = {name(path): count for path in checked if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert long == {}


def test_only_settings_read_the_environment():
    """What the functions can be told is in one place, and documented there."""
    guilty = {
        name(path): lines
        for path in sources("src", "glue")
        if path.name != "settings.py" and (lines := uses(path.read_text(), ENVIRONMENT_READS))
    }
    assert guilty == {}


def test_only_shells_read_the_clock():
    """Everywhere else time is an argument, so that a test can choose it."""
    guilty = {
        name(path): lines
        for path in sources("src")
        if path.name not in SHELLS and (lines := uses(path.read_text(), CLOCK_READS))
    }
    assert guilty == {}


@pytest.mark.parametrize(
    "code",
    [
        "import time\nnow = time.time()",
        "import time\ndef f(clock=time.monotonic): ...",
        "from time import perf_counter",
        "import datetime\nnow = datetime.datetime.now(tz)",
        "from datetime import datetime\nnow = datetime.now(tz)",
        "import datetime\nday = datetime.date.today()",
    ],
)
def test_every_spelling_of_a_clock_read_is_noticed(code):
    """The rule above sees calls, references and imports."""
    assert len(uses(code, CLOCK_READS)) == 1


@pytest.mark.parametrize(
    "code", ["import os\nx = os.environ['A']", "import os\nx = os.getenv('A')", "from os import environ"]
)
def test_every_spelling_of_an_environment_read_is_noticed(code):
    """The rule above sees the mapping, the function and the import."""
    assert len(uses(code, ENVIRONMENT_READS)) == 1


def test_arithmetic_on_times_is_no_clock_read():
    """Values handed in may be used freely."""
    code = "from datetime import UTC, datetime\nat = datetime.fromtimestamp(now, UTC)\nage = times.time(now)"
    assert uses(code, CLOCK_READS) == []


def test_every_silenced_check_says_why():
    """Behind the codes of a noqa or a type: ignore stands a reason."""
    silent = [
        f"{name(path)}:{number}"
        for path in sources("src", "workbench", "glue", "scripts", "bench", "tests", "accuracy", "reliability")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (silenced := SILENCED.search(line)) and path != Path(__file__)
        if not silenced["codes"] or len(silenced["why"] or "") < len("same")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("line", "reasoned"),
    [
        ("x = f()  # noqa: S603 - our own command", True),
        ("x = f()  # noqa: S603, S607 - same", True),
        ("x = f()  # type: ignore[misc]  # no types there", True),
        ("x = f()  # noqa: S603", False),
        ("x = f()  # type: ignore[misc]", False),
        ("x = f()  # noqa", False),
    ],
)
def test_a_reason_is_told_from_codes(line, reasoned):
    """The pattern of the rule above reads both spellings."""
    silenced = SILENCED.search(line)
    assert silenced
    assert bool(silenced["codes"] and silenced["why"]) is reasoned


def test_import_contracts_hold():
    """Shells, effects and core import only downwards (pyproject.toml, import-linter)."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", done.stdout)
    assert kept, done.stdout
    assert int(kept[1]) >= 5
    assert done.returncode == 0


REQUIREMENT_FILES = ("src/requirements.txt", "requirements/dev.txt", "requirements/sam.txt")


@pytest.mark.parametrize("path", REQUIREMENT_FILES)
def test_requirements_are_pinned_by_hash_and_name_no_index(path):
    """Every requirement is one version with at least one hash; where packages come from is the machine's business."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b|://", text, re.MULTILINE)
    requirements = re.sub(r"\s*#.*", "", text).replace("\\\n", " ").strip().splitlines()
    assert requirements
    for requirement in filter(str.strip, requirements):
        assert re.match(r"[A-Za-z0-9._\[\],-]+==[^\s;]+( *;.*?)? +(--hash=sha256:[0-9a-f]{64}\s*)+$", requirement)


def pins(path):
    """Names and versions in a pinned file."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", REQUIREMENT_FILES)
def test_pinned_files_hold_what_was_asked_for(path):
    """Versions written into the .in file are those that were compiled."""
    asked = (ROOT / path).with_suffix(".in").read_text(encoding="utf-8")
    exact = dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([0-9][0-9.]*)$", asked, re.MULTILINE))
    assert exact
    assert exact.items() <= pins(path).items()


def test_tests_run_with_the_versions_that_ship():
    """Whatever the functions carry has the same version in the tests' environment."""
    shipped = pins("src/requirements.txt")
    assert shipped
    assert shipped.items() <= pins("requirements/dev.txt").items()


def test_continuous_integration_runs_the_readme_s_test_command():
    """.ci/run is a script that bash can read, and it calls `make test`."""
    script = ROOT / ".ci" / "run"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0  # noqa: S603, S607 - only parses
    assert re.search(r"^\s*(step .* )?make test\b", script.read_text(encoding="utf-8"), re.MULTILINE)
