"""docs/cli.md: every command of ``vpcflow`` with its arguments and options, as the command itself declares them."""

from collections.abc import Iterator
from typing import Any, Final

import typer

from scripts.markdown import code, page, table
from workbench.cli import app

_INTRODUCTION: Final = """\
Exit codes of every command: 0 done, 1 failed (it can be run again; of `doctor`: something is wrong, or AWS could not be
asked), 2 usage or bad input (one line on the error stream: what, where, the mend; nothing is written), 3 done with
rejects. Results go to standard output; the error stream holds errors, and for a person at a terminal progress. Colour
follows `NO_COLOR`. Options that may be given several times end in `…`."""


def commands() -> Iterator[tuple[str, Any]]:
    """Full name → command, those of groups in place of the group, by name."""
    yield from _below("vpcflow", typer.main.get_command(app))


def cli_page() -> str:
    """The page's text."""
    lines = [_INTRODUCTION, ""]
    for name, command in commands():
        lines += [f"## {code(name)}", "", str(command.help), ""]
        rows = [[_spelled(each), str(each.help or ""), _default(each)] for each in command.params]
        lines += [*table("| argument or option | meaning | default |", rows), ""]
    return page("The command `vpcflow`", lines[:-1])


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word in sorted(inner):
        yield from _below(f"{name} {word}", inner[word])


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        word = parameter.metavar or parameter.name.upper()
        return code(word + (" …" if parameter.nargs != 1 else ""))
    return ", ".join(map(code, parameter.opts)) + (" …" if parameter.multiple else "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    return "" if parameter.default in (None, "", False, ()) else code(str(parameter.default))
