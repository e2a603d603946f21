"""A newcomer: a clean clone, an empty environment, the tutorial from top to bottom; at its end stands a report."""

import json
import os
import site
import subprocess
import venv
from pathlib import Path

import pytest
from console_blocks import ROOT, blocks
from page_runner import run_page

from reliability.chromium import INSTALL, Chromium, find
from workbench.report.page import TITLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The last commit, with an environment of its own: the packages of this one, and the clone's code, not ours."""
    directory = tmp_path_factory.mktemp("newcomer") / "clone"
    command = ["git", "clone", "--quiet", "--no-hardlinks", "--depth", "1", ROOT.as_uri(), str(directory)]
    subprocess.run(command, check=True, timeout=120)  # noqa: S603 - our own repository
    environment = directory / ".venv"
    venv.create(environment, with_pip=False, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # A plain path does not follow what this environment's own packages say of editable installs.
    paths = [directory / "src", directory, *site.getsitepackages()]
    (packages / "clone.pth").write_text("".join(f"{path}\n" for path in paths))
    script = environment / "bin" / "vpcflow"
    script.write_text(f"#!{environment}/bin/python\nfrom workbench.cli import run\n\nrun()\n")
    script.chmod(0o755)
    # `make setup` is done: nothing is downloaded in tests.
    stamp = environment / ".installed"
    stamp.touch()
    os.utime(stamp, (2**31 - 1, 2**31 - 1))
    return directory


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A shell that has just been opened by somebody who has neither account nor settings."""
    home = tmp_path_factory.mktemp("home")
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}


def test_the_clone_runs_its_own_code(clone, environment):
    """Else the tutorial would be tried on other files than those that were cloned."""
    names = "enricher, compaction, workbench"
    code = f"import json, {names}; print(json.dumps([module.__file__ for module in ({names})]))"
    ran = subprocess.run(  # noqa: S603 - our own environment
        [str(clone / ".venv" / "bin" / "python"), "-c", code],
        cwd=clone.parent, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert all(Path(file).is_relative_to(clone) for file in json.loads(ran.stdout))


def test_the_tutorial_ends_with_a_report(clone, environment):
    """Every block that can be run prints what the page shows; both reports are there, and whole."""
    page = clone / "docs" / "tutorial.md"
    runnable = [step for block in blocks(page.read_text(encoding="utf-8")) if block.runs for step in block.steps]
    assert run_page(page, clone, environment) == len(runnable) >= 10

    for name in ("demo-out/report.html", "report.html"):
        text = (clone / name).read_text(encoding="utf-8")
        assert f"<title>{TITLE}</title>" in text
        assert text.rstrip().endswith("</html>")
        assert "use1-az1" in text


@pytest.mark.skipif(find() is None, reason=INSTALL)
def test_the_newcomer_s_report_opens_in_a_browser(clone):
    """What the tutorial wrote shows its heading and asks for nothing."""
    with Chromium() as browser:
        seen = browser.open(clone / "report.html")
        heading = browser.evaluate("document.querySelector('h1').textContent")
    assert heading == TITLE
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
