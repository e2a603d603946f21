"""Which case a process is at, told before it is tried; and errors that nobody looked for, as findings of that case."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_LONGEST: Final = 300


class Watch:
    """``say`` is given the name of each case, in one line, before it is tried."""

    def __init__(self, say: Callable[[str], object] | None = None) -> None:
        self._say = say

    def over(self, name: str, findings: Iterator[str]) -> Iterator[str]:
        """The findings of one case. An error, of what is judged or of its judge, ends the case and nothing else."""
        if self._say is not None:
            self._say(one_line(name))
        try:
            yield from findings
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            (where,) = traceback.extract_tb(error.__traceback__)[-1:]
            yield f"{name}: ended in {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"


def one_line(text: str) -> str:
    """What can be shown of a text in one line, and not more than that."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST])
    return shown or "?"
