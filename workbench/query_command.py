"""``vpcflow query``: saved questions, or SQL of one's own, over a lake on disk; DuckDB in Athena's place."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from workbench.athena.engine import Lake, QueryResult
from workbench.athena.saved import get, list_queries
from workbench.errors import UsageError
from workbench.show import print_table

# What a spreadsheet would run, also in full width (OWASP, "CSV Injection"), and what it takes for the end of a cell
# or row, a lone CR among them.
_FORMULA_STARTS: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL_STARTS: Final = ("\t", "\r", "\n", "\0")
# What terminals obey; also in a file, which somebody may print.
_ORDERS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CELL_ENDS: Final = frozenset(',;|\t"\r\n')


def run_query(name: str | None, sql: str | None, lake: Path, given: Sequence[str], output: str) -> None:
    """Print the answer of a saved query or of ``sql``; with neither, the saved queries.

    Raises:
        UsageError: both are given, or a parameter is not ``name=value``.
        EnricherError: no such query or lake, bad SQL, a bad parameter.
    """
    if name is not None and sql is not None:
        raise UsageError("query: a name and --sql are given; give one of them")
    parameters = _parameters(given)
    if sql is not None and parameters:
        raise UsageError("--param: belongs to saved queries; write the value into the --sql")
    with Lake(lake) as opened:
        if sql is not None:
            _print("", opened.run(sql), output)
        elif name is not None:
            query = get(name)
            _print(query.title, opened.run(query.sql, query.bind(parameters)), output)


def print_saved(output: str) -> None:
    """List the saved queries with their questions and parameters."""
    rows = [
        (query.name, query.title, ", ".join(f"{p.name}={p.default}" for p in query.parameters))
        for query in list_queries()
    ]
    _print("Saved queries", QueryResult(("name", "question", "parameters"), ("varchar",) * 3, tuple(rows)), output)


def _parameters(given: Sequence[str]) -> dict[str, str]:
    parameters = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(f"--param {text}: is no name=value; write --param first_day=2026-11-01")
        parameters[name] = value
    return parameters


def _print(title: str, result: QueryResult, output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps([_plain_row(row) for row in result.records()]) + "\n")
    elif output == "csv":
        for row in (result.columns, *result.rows):
            sys.stdout.write(",".join(map(_csv_cell, row)) + "\n")
    else:
        print_table(title, result.columns, result.rows)


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def _csv_cell(value: Any) -> str:
    """A cell as RFC 4180 writes it, quoted also where a reader less strict would begin another one."""
    value = _safe(_plain(value))
    text = "" if value is None else _ORDERS.sub(lambda order: f"\\x{ord(order[0]):02x}", str(value))
    return '"' + text.replace('"', '""') + '"' if _CELL_ENDS & set(text) else text


def _safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: blanks and what nobody sees may stand in front of one."""
    if not isinstance(value, str):
        return value
    first = next((each for each in value if each.isprintable() and not each.isspace()), "")
    is_formula = first in _FORMULA_STARTS or value.lstrip(" \u00a0").startswith(_CONTROL_STARTS)
    return "'" + value if is_formula else value
