"""``vpcflow report``: a lake on disk as one HTML file that needs nothing else."""

import os
import sys
import time
from pathlib import Path

from workbench.athena.engine import Lake
from workbench.errors import UsageError
from workbench.report.answers import ask
from workbench.report.page import page


def write_report(lake: Path, out: Path, first_day: str | None, last_day: str | None) -> None:
    """Ask ``lake`` and write ``out``, whole or not at all.

    Raises:
        UsageError: ``out`` is no name of an HTML file, or days that are none.
        EnricherError: there is no such lake, or it cannot be read.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: is no HTML file; give a name that ends in .html, it is written anew each time")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: {out.parent} is no directory; make it first")
    with Lake(lake) as opened:
        text = page(ask(opened, first_day, last_day, _say), str(lake), time.time())
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, "utf-8")
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _say(question: str) -> None:
    # Where a script listens, the error stream holds errors alone.
    if sys.stderr.isatty():
        sys.stderr.write(f"report: {question}\n")
