"""The saved queries as a person chooses one: the list by what they are about, one in full, and one with its values."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.athena.engine import QueryResult
from workbench.athena.saved import GROUPS, SavedQuery, Value, get, list_queries
from workbench.athena.statement import parse, tables_of
from workbench.errors import UsageError
from workbench.paragraphs import named, section, width, wrapped
from workbench.query_print import print_result
from workbench.show import print_table


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: a name for it, the title over its answer, the SQL, the values of its ``?`` in order."""

    name: str
    title: str
    sql: str
    values: tuple[Value, ...] = ()


def question(name: str | None, sql: str | None, given: Sequence[str]) -> Question:
    """The saved query ``name`` with the parameters ``given`` (``name=value``), or ``sql`` as it is.

    Raises:
        UsageError: a parameter is not ``name=value``, or is given for ``sql``.
        QueryError: no such query, no such parameter, a value of another type.
    """
    parameters = _parameters(given)
    if name is None:
        if parameters:
            raise UsageError("--param: belongs to saved queries; write the value into the --sql")
        return Question("", "", sql or "")
    query = get(name)
    return Question(name, query.title, query.sql, query.bind(parameters))


def print_list(output: str) -> None:
    """The saved queries: as a table for each group; as JSON and CSV in one, by name."""
    queries = list_queries()
    if output == "table":
        for group in GROUPS:
            rows = [(query.name, query.title, _names(query)) for query in queries if query.group == group]
            print_table(group, ("query", "title", "parameters"), rows)
        print("`vpcflow query describe NAME` tells more of one; `vpcflow query NAME --lake DIR` asks it.")
        return
    columns = ("name", "group", "title", "question", "parameters")
    told = tuple((query.name, query.group, query.title, query.question, _defaults(query)) for query in queries)
    print_result("", QueryResult(columns, ("varchar",) * len(columns), told), output)


def print_description(name: str, output: str) -> None:
    """All that one saved query's file says, and what it reads; of CSV its columns."""
    query = get(name)
    if output == "json":
        sys.stdout.write(json.dumps(_document(query)) + "\n")
    elif output == "csv":
        print_result("", QueryResult(("column", "meaning"), ("varchar",) * 2, query.columns), output)
    else:
        sys.stdout.write("\n".join(_lines(query, width())) + "\n")


def _lines(query: SavedQuery, columns: int) -> list[str]:
    parameters = ((f"{each.name}={each.default}", f"{each.type}: {each.meaning}") for each in query.parameters)
    return [
        *wrapped(f"{query.name}: {query.title}", columns),
        *wrapped(query.question, columns, "  "),
        *section("Parameters and their defaults", named(parameters, columns)),
        *section("Columns", named(query.columns, columns)),
        *section("Reads", wrapped(", ".join(_reads(query)), columns, "  ")),
        *section("Partitions", wrapped(query.partitions, columns, "  ")),
        *section("SQL", (f"  {line}" for line in _body(query.sql).splitlines())),
    ]


def _document(query: SavedQuery) -> dict[str, Any]:
    return {
        "name": query.name,
        "group": query.group,
        "title": query.title,
        "question": query.question,
        "parameters": [
            {"name": each.name, "type": each.type, "default": each.default, "meaning": each.meaning}
            for each in query.parameters
        ],
        "columns": [{"name": column, "meaning": meaning} for column, meaning in query.columns],
        "reads": _reads(query),
        "partitions": query.partitions,
        "sql": _body(query.sql),
    }


def _reads(query: SavedQuery) -> list[str]:
    return tables_of(parse(query.sql))


def _body(sql: str) -> str:
    """The SQL without its header."""
    lines = sql.splitlines()
    return "\n".join(lines[next(number for number, line in enumerate(lines) if not line.startswith("--")) :])


def _names(query: SavedQuery) -> str:
    return ", ".join(each.name for each in query.parameters)


def _defaults(query: SavedQuery) -> str:
    return ", ".join(f"{each.name}={each.default}" for each in query.parameters)


def _parameters(given: Sequence[str]) -> dict[str, str]:
    parameters = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(f"--param {text}: is no name=value; write --param first_day=2026-11-01")
        parameters[name] = value
    return parameters
