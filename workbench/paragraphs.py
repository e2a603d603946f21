"""Text for people, wrapped to what reads it: a terminal's width, within reason, or 100 columns in a pipe."""

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Final

_NARROWEST, _WIDEST, _PIPE = 60, 120, 100
_INDENT: Final = "  "


def width() -> int:
    """Columns to write in."""
    if not sys.stdout.isatty():
        return _PIPE
    return min(_WIDEST, max(_NARROWEST, shutil.get_terminal_size().columns))


def printable(text: str) -> str:
    """A text on one line, as a terminal may show it.

    Tags, names and keys may hold anything: what is not printable is shown as its escape, and no terminal obeys it.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def wrapped(text: str, columns: int, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of ``text`` behind ``first``, later ones behind ``rest`` (as wide as ``first`` if not given).

    Ids and addresses are never broken: a line may be too long, a broken id could not be copied.
    """
    return textwrap.wrap(
        printable(text),
        columns,
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled block behind an empty line; nothing where there are no lines."""
    body = list(lines)
    return ["", title, *body] if body else []


def named(pairs: Iterable[tuple[str, object]], columns: int, indent: str = _INDENT) -> list[str]:
    """``name  value`` lines, values in one column; a dash for None."""
    known = list(pairs)
    widest = max((len(name) for name, _ in known), default=0)
    lines: list[str] = []
    for name, value in known:
        shown = "-" if value is None else str(value)
        lines += wrapped(shown, columns, f"{indent}{name:<{widest}}  ") or [f"{indent}{name}"]
    return lines
