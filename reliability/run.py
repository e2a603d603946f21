"""``make check``: what is never lost, doubled or let in, measured; docs/reliability.md is written by it.

    python -m reliability.run               everything, and the page
    python -m reliability.run --slice       a part of everything, in some two minutes
    python -m reliability.run --only NAME   one section, whole

Exit code 1 if a figure misses its bound.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reliability.figures import Figure
from reliability.sections import SECTIONS, Scale, Section

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
_SEED: Final = 20_261_121
_HEAD: Final = """\
# What is never lost, doubled or let in

Written by `make check`; do not edit. Figures are of one run, on the machine that it ran on.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections, print each figure as it is found."""
    parser = argparse.ArgumentParser(prog="python -m reliability.run")
    parser.add_argument("--slice", action="store_true", help="a part of everything; writes no page")
    parser.add_argument("--only", choices=[section.name for section in SECTIONS], help="one section; writes no page")
    parser.add_argument("--seed", type=int, default=_SEED, help="of everything that is drawn")
    options = parser.parse_args(arguments)
    scale = Scale(not options.slice, options.seed)
    chosen = [section for section in SECTIONS if options.only in (None, section.name)]
    found = [(section, _measured(section, scale)) for section in chosen]
    missed = [figure.name for _, figures in found for figure in figures if not figure.is_met]
    if scale.is_full and options.only is None:
        PAGE.write_text(_page(found, scale))
    print(f"check: {len(missed)} figures missed: {', '.join(missed)}" if missed else "check: every bound is kept")
    return int(bool(missed))


def _measured(section: Section, scale: Scale) -> list[Figure]:
    print(f"\n{section.title} (seed {scale.seed})", flush=True)
    begun = time.monotonic()
    figures = []
    for figure in section.figures(scale):
        print(f"  {figure}", flush=True)
        figures.append(figure)
    print(f"  {section.name} took {time.monotonic() - begun:.0f} s", flush=True)
    return figures


def _page(found: Sequence[tuple[Section, Sequence[Figure]]], scale: Scale) -> str:
    parts = [_HEAD, f"Seed {scale.seed}.\n"]
    for section, figures in found:
        parts += [
            f"## {section.title}\n",
            f"{section.about}\n",
            "| figure | value | bound | what it is |\n|---|---|---|---|",
        ]
        parts += [
            f"| `{figure.name}` | {figure.shown} {figure.unit} | {figure.target or '-'} | {figure.meaning} |"
            for figure in figures
        ]
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
