"""Figures as text for people: plain tables, nothing that a terminal or a log could misread."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from compaction.enrich_files import Summary
from enricher.schema import SIDES
from workbench.paragraphs import printable

# Wider than any row: an id that is broken over two lines is found by nobody.
_PIPE_WIDTH: Final = 20_000


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; numbers to the right, cells shown as they are (no markup, no escape sequences)."""
    # A pipe has no width: lines are for grep there, not for a screen.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(markup=False, highlight=False, width=width)
    style = "" if console.no_color else "bold"
    table = Table(title=title, title_justify="left", header_style="", title_style=style, box=box.SIMPLE_HEAD)
    numeric = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(columns))]
    for name, is_number in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def print_summary(summary: Summary, out: Path) -> None:
    """What ``enrich`` came to."""
    print_figures(summary)
    print(f"lake {out}")


def print_figures(summary: Summary) -> None:
    """What went through the core came to."""
    print(f"{summary.lines:,} lines: {summary.rows:,} rows in {summary.objects} objects, {summary.rejected:,} rejected")
    if summary.already_there:
        print(f"  of these objects {summary.already_there} were in the lake already and were left as they are")
    for reason, number in sorted(summary.rejects_by_reason.items()):
        print(f"  rejected, {reason}: {number:,}")
    statuses = sorted({status for side in SIDES for status in summary.statuses[side]})
    if statuses:
        rows = [[status, *(summary.statuses[side][status] for side in SIDES)] for status in statuses]
        print_table("Endpoints by status", ("status", "source", "destination"), rows)
    print(f"inventory {summary.inventory}")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else printable(str(value))
