"""Console blocks of the Markdown pages: how they are marked, and whether an output is the one they show."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
ANYTHING: Final = "…"
_RUN: Final = "<!-- run -->"
_RUN_IN_CLOUD: Final = "<!-- run on the stand-in cloud -->"
_NOT_RUN: Final = re.compile(r"<!-- not run: \S.* -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A block's commands, each with the lines it is said to print; ``runs`` is None where its mark is missing.

    ``needs_cloud``: it is written for AWS, and run on the stand-in cloud.
    """

    line: int
    runs: bool | None
    needs_cloud: bool
    steps: list[tuple[str, list[str]]]


def pages() -> list[Path]:
    """Every page that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str) -> list[Block]:
    """The console blocks of a page, in order."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        if line != "```console":
            continue
        end = lines.index("```", number)
        above = lines[number - 1].strip()
        runs = True if above in (_RUN, _RUN_IN_CLOUD) else False if _NOT_RUN.fullmatch(above) else None
        found.append(Block(number + 1, runs, above == _RUN_IN_CLOUD, _steps(lines[number + 1 : end])))
    return found


def _steps(body: list[str]) -> list[tuple[str, list[str]]]:
    steps: list[tuple[str, list[str]]] = []
    for line in body:
        if line.startswith("$ "):
            steps.append((line.removeprefix("$ "), []))
        else:
            steps[-1][1].append(line)
    return steps


def is_shown(printed: str, shown: list[str]) -> bool:
    """Whether ``printed`` is what a block shows; blank lines and blanks at line ends do not matter.

    ``…`` within a line stands for anything in it, a line that begins with it for any lines.
    """
    pattern = "".join(
        r"(?:.*\n)*" if line.startswith(ANYTHING) else re.escape(line.rstrip()).replace(ANYTHING, ".*") + r"\n"
        for line in shown
        if line.strip()
    )
    lines = [line.rstrip() for line in printed.splitlines() if line.strip()]
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None
