"""``vpcflow query``: saved questions, or SQL of one's own, over a lake on disk; DuckDB in Athena's place."""

import csv
import json
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

# What a spreadsheet would run, also behind blanks (OWASP, "CSV Injection").
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


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
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([_safe(_plain(value)) for value in row] for row in result.rows)
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


def _safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.lstrip(" \u00a0").startswith(_FORMULA_STARTS):
        return "'" + value
    return value
