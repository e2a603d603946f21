"""``make check``: what is never lost, doubled or let in, measured; docs/reliability.md is written by it.

    python -m reliability.run               everything, and the page
    python -m reliability.run --slice       a part of everything, in some two minutes; two sections at a time
    python -m reliability.run --only NAME   one section, whole

Exit code 1 if a figure misses its bound.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Final, NamedTuple

from reliability.figures import Figure
from reliability.sections import SECTIONS, Scale, Section

_ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = _ROOT / "docs" / "reliability.md"
_SEED: Final = 20_261_121
_AT_A_TIME: Final = 2  # sections of a slice; of a whole run one, since its page says how long each takes
_HEAD: Final = """\
# What is never lost, doubled or let in

Written by `make check`; do not edit. Figures are of one run, on the machine that it ran on. A figure with a bound that
it missed is marked **missed**.
"""


class Measured(NamedTuple):
    """A section's figures, and the seconds they took."""

    section: Section
    figures: list[Figure]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections, print each figure as it is found."""
    parser = argparse.ArgumentParser(prog="python -m reliability.run")
    parser.add_argument("--slice", action="store_true", help="a part of everything; writes no page")
    parser.add_argument("--only", choices=[section.name for section in SECTIONS], help="one section; writes no page")
    parser.add_argument("--seed", type=int, default=_SEED, help="of everything that is drawn")
    options = parser.parse_args(arguments)
    if options.slice and options.only is None:
        return _slices(options.seed)
    scale = Scale(not options.slice, options.seed)
    chosen = [section for section in SECTIONS if options.only in (None, section.name)]
    found = [_measured(section, scale) for section in chosen]
    missed = [figure.name for each in found for figure in each.figures if not figure.is_met]
    if scale.is_full and options.only is None:
        PAGE.write_text(page(found, _where(), scale.seed))
    print(f"check: {sum(each.seconds for each in found):.0f} s in all")
    print(f"check: {len(missed)} figures missed: {', '.join(missed)}" if missed else "check: every bound is kept")
    return int(bool(missed))


def _slices(seed: int) -> int:
    """A slice of each section in a process of its own; what each says, when it has ended."""
    begun = time.monotonic()
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        codes = list(pool.map(_slice, SECTIONS, repeat(seed)))
    failed = [section.name for section, code in zip(SECTIONS, codes, strict=True) if code]
    print(f"\ncheck: {time.monotonic() - begun:.0f} s in all, two sections at a time")
    print(f"check: missed in {', '.join(failed)}" if failed else "check: every bound is kept")
    return int(bool(failed))


def _slice(section: Section, seed: int) -> int:
    program = [sys.executable, "-m", "reliability.run", "--slice", "--only", section.name, "--seed", str(seed)]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    return done.returncode


def _measured(section: Section, scale: Scale) -> Measured:
    print(f"\n{section.title} (seed {scale.seed})", flush=True)
    begun = time.monotonic()
    figures = []
    for figure in section.figures(scale):
        print(f"  {figure}", flush=True)
        figures.append(figure)
    seconds = time.monotonic() - begun
    print(f"  {section.name} took {seconds:.0f} s", flush=True)
    return Measured(section, figures, seconds)


def page(found: Sequence[Measured], where: str, seed: int) -> str:
    """docs/reliability.md: what was measured, ``where`` and when in words, and how long each section took."""
    total = sum(each.seconds for each in found)
    parts = [_HEAD, f"{where}, seed {seed}, {total / 60:.0f} minutes in all.\n"]
    for section, figures, seconds in found:
        parts += [
            f"## {section.title}\n",
            f"{section.about} {seconds:.0f} seconds; `python -m reliability.run --only {section.name}`.\n",
            "| figure | value | bound | what it is |\n|---|---|---|---|",
        ]
        parts += [_row(figure) for figure in figures]
        parts.append("")
    return "\n".join(parts)


def _row(figure: Figure) -> str:
    # What stands in a cell may not end it, nor the line.
    meaning = " ".join(figure.meaning.split()).replace("|", "\\|")
    missed = "" if figure.is_met else " **missed**"
    return f"| `{figure.name}` | {figure.shown} {figure.unit}{missed} | {figure.target or '-'} | {meaning} |"


def _where() -> str:
    """The day, the commit and the machine; what is not committed is said."""
    commit = _git("rev-parse", "--short", "HEAD") or "no commit"
    changed = ", with changes" if _git("status", "--porcelain", "--untracked-files=no", "--", ":!docs") else ""
    python = platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}{changed}, {os.cpu_count()} cores, Python {python}"


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, "-C", str(_ROOT), *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
