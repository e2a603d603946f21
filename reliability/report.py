"""The report in a real browser, made of texts that want to be run: what ran, loaded, or could not be read."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reliability.chromium import INSTALL, find
from reliability.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[1]
_SLICE: Final = 40  # texts


def figures(*, is_full: bool) -> Iterator[Figure]:
    """Every text of the corpus as every name on the page; of a slice, some.

    Raises:
        CalledProcessError: the script failed otherwise than by a finding.
    """
    if find() is None:
        yield Figure("report_browsers", 0, "browsers", INSTALL, "==", 1)
        return
    command = [sys.executable, str(_ROOT / "tests" / "report_in_browser.py")]
    if not is_full:
        command += ["--most", str(_SLICE)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=_environment())
    told = json.loads(done.stdout.splitlines()[-1])
    yield Figure("report_hostile_texts", told["texts"], "texts", "each as every name that the page shows")
    yield Figure("report_cells", told["cells"], "cells", "of its tables", ">=", 100)
    yield Figure("report_executable_cells", told["executable"], "cells", "with anything but text and bars", "==", 0)
    yield Figure("report_script_nodes", told["scripts"], "nodes", "or traces of one that ran", "==", 0)
    yield Figure("report_active", told["active"], "elements", "or attributes that could run or load", "==", 0)
    yield Figure("report_texts_lost", told["lost"], "texts", f"of {told['readable']} short ones not readable", "==", 0)
    yield Figure("report_ways", told["ways"], "ways", "it was opened: 1280 px, 390 px, dark, print")
    yield Figure("report_requests", told["requests"], "requests", "but for the file itself", "==", 0)
    yield Figure("report_console", told["console"], "lines", "on the browser's console", "==", 0)
    yield Figure("report_too_pale", told["pale"], "texts", "below WCAG's contrast", "==", 0)
    yield Figure("report_unlabelled", told["structure"], "elements", "without label, heading or keyboard", "==", 0)
    yield Figure("report_too_wide", told["wide"], "elements", "wider than the window", "==", 0)


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(str(_ROOT / part) for part in ("src", ".", "tests")), "PATH": "/usr/bin:/bin"}
