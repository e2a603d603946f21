"""A query's answer on standard output: a table for people, JSON and CSV for programs and spreadsheets."""

import json
import math
import re
import sys
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from workbench.athena.engine import QueryResult
from workbench.show import print_table

# What a spreadsheet would run, also in full width (OWASP, "CSV Injection"), and what it takes for the end of a cell
# or row, a lone CR among them.
_FORMULA_STARTS: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL_STARTS: Final = ("\t", "\r", "\n", "\0")
# What terminals obey; also in a file, which somebody may print.
_ORDERS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CELL_ENDS: Final = frozenset(',;|\t"\r\n')


def print_result(title: str, result: QueryResult, output: str) -> None:
    """The rows as ``output`` (table, json or csv) has them."""
    if output == "json":
        rows = [{name: _plain(value) for name, value in row.items()} for row in result.records()]
        sys.stdout.write(json.dumps(rows, allow_nan=False) + "\n")
    elif output == "csv":
        for row in (result.columns, *result.rows):
            sys.stdout.write(",".join(map(_csv_cell, row)) + "\n")
    else:
        print_table(title, result.columns, result.rows)


def _plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601, what is no number as null, bytes as Athena writes them."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value.hex(" ") if isinstance(value, bytes) else str(value)


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
