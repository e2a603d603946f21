"""The saved queries of ``athena/queries``: what each asks, its parameters by name, and its values in Athena's order.

A file begins with comment lines ``-- title:``, ``-- question:``, ``-- group:`` (one of `GROUPS`), ``-- parameters:``,
``-- columns:`` and ``-- partitions:``. Below ``parameters`` each line tells the places of the ``?`` it fills, its
name, type, default and meaning; below ``columns`` each tells one or more columns and what they hold. Two spaces part
the fields.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from workbench.athena.errors import QueryError
from workbench.athena.lint import lint
from workbench.athena.statement import meant, numbered

QUERIES: Final = Path(__file__).resolve().parents[2] / "athena" / "queries"

Value = str | int
_LAST_YEAR: Final = 2999
# What a question is about, in the order in which people ask.
GROUPS: Final = ("Availability Zones", "Cost", "Who talks to whom", "Security", "What is not known")
_SECTIONS: Final = ("title", "question", "group", "parameters", "columns", "partitions")
# A line indented deeper than a field's first one goes on with the line before it.
_CONTINUED: Final = " " * 8
_FIELDS: Final = re.compile(r"\s{2,}")
_EXAMPLES: Final = {"date": "YYYY-MM-DD, before 3000", "bigint": "a whole number", "varchar": "a text"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named parameter: it fills the ``?`` at ``places`` (from 1); ``type`` is date, bigint or varchar."""

    name: str
    type: str
    default: str
    meaning: str
    places: tuple[int, ...]

    def value(self, text: str) -> Value:
        """``text`` as the value to bind: a date stays text, because Athena's parameters are literals.

        Raises:
            QueryError: ``text`` is not of this parameter's type.
        """
        try:
            return _READERS[self.type](text)
        except ValueError as error:
            raise QueryError(
                f"parameter {self.name}: {text!r} is no {self.type}; write {_EXAMPLES[self.type]}"
            ) from error


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """One file of ``athena/queries``; ``columns`` are (name, meaning) pairs in the order of the result."""

    name: str
    title: str
    question: str
    group: str
    parameters: tuple[Parameter, ...]
    columns: tuple[tuple[str, str], ...]
    partitions: str
    sql: str

    def bind(self, given: Mapping[str, str]) -> tuple[Value, ...]:
        """The values for ``?`` in order: what is ``given`` by name, else the defaults.

        Raises:
            QueryError: a name this query does not have, or a value of the wrong type.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise QueryError(
                    f"query {self.name}: no parameter {name}{meant(name, list(known)) or '; it takes none'}"
                )
        placed = {
            place: parameter.value(given.get(parameter.name, parameter.default))
            for parameter in self.parameters
            for place in parameter.places
        }
        return tuple(placed[place] for place in sorted(placed))


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    # A later year would get a fifth digit by the day of slack, and days compare as text.
    if day.year > _LAST_YEAR:
        raise ValueError(text)
    return day.isoformat()


_READERS: Final[Mapping[str, Callable[[str], Value]]] = {"date": _day, "bigint": int, "varchar": str}


def list_queries(directory: Path = QUERIES) -> tuple[SavedQuery, ...]:
    """All saved queries, by name."""
    return tuple(_read(file) for file in sorted(directory.glob("*.sql")))


def get(name: str, directory: Path = QUERIES) -> SavedQuery:
    """The saved query of this name.

    Raises:
        QueryError: there is none, or its file breaks the rules for saved queries.
    """
    names = sorted(file.stem for file in directory.glob("*.sql"))
    if name not in names:
        raise QueryError(f"query {name}: no such query{meant(name, names)}")
    return _read(directory / f"{name}.sql")


def _read(file: Path) -> SavedQuery:
    return _checked(file, file.read_text("utf-8"))


@lru_cache(maxsize=128)
def _checked(file: Path, sql: str) -> SavedQuery:
    header = _header(file, sql)
    query = SavedQuery(
        file.stem,
        " ".join(header["title"]),
        " ".join(header["question"]),
        " ".join(header["group"]),
        tuple(_parameter(file, line) for line in header["parameters"]),
        tuple(column for line in header["columns"] for column in _columns(file, line)),
        " ".join(header["partitions"]),
        sql,
    )
    if query.group not in GROUPS:
        raise QueryError(f"query {file.name}: group {query.group!r} is none; write one of {', '.join(GROUPS)}")
    for finding in lint(sql, saved=True):
        raise QueryError(f"query {file.name}: {finding}")
    places = sorted(place for parameter in query.parameters for place in parameter.places)
    count = numbered(sql)[1]
    if places != list(range(1, count + 1)):
        raise QueryError(
            f"query {file.name}: {count} ? in the SQL, places {places} in the header; give each ? one place"
        )
    return query


def _header(file: Path, sql: str) -> dict[str, list[str]]:
    """Section → its lines without ``--``."""
    sections: dict[str, list[str]] = {}
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        text = line.removeprefix("--")
        name, colon, rest = text.strip().partition(":")
        if colon and name in _SECTIONS and not text.startswith("  "):
            sections[name] = [rest.strip()] if rest.strip() else []
        elif sections and text.startswith(_CONTINUED):
            sections[next(reversed(sections))][-1] += f" {text.strip()}"
        elif sections:
            sections[next(reversed(sections))].append(text.strip())
    missing = [name for name in _SECTIONS if name not in sections]
    if missing:
        raise QueryError(f"query {file.name}: its header lacks {', '.join(missing)}; add `-- {missing[0]}: …`")
    return sections


def _parameter(file: Path, line: str) -> Parameter:
    fields = _FIELDS.split(line, maxsplit=4)
    try:
        places, name, kind, default, meaning = fields
        parameter = Parameter(name, kind, default, meaning, tuple(int(place) for place in places.split(",")))
        parameter.value(default)
    except (ValueError, KeyError, QueryError) as error:
        mend = "write `places  name  date|bigint|varchar  default  meaning`"
        raise QueryError(f"query {file.name}: parameter line {line!r}; {mend}") from error
    return parameter


def _columns(file: Path, line: str) -> list[tuple[str, str]]:
    names, _, meaning = (part.strip() for part in line.partition("  "))
    if not meaning:
        raise QueryError(f"query {file.name}: column line {line!r}; write `name  meaning`")
    return [(name.strip(), meaning) for name in names.split(",")]
