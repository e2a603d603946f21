"""Athena's SQL as DuckDB's: names and types settled against a catalog, differences refused or rewritten."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from workbench.athena import rewrites, typing_rules
from workbench.athena.catalog import Catalog
from workbench.athena.errors import QueryError
from workbench.athena.lint import findings
from workbench.athena.statement import DIALECT, meant, numbered, parse, query_of, tables_of

_UNNAMED: Final = "_unnamed_"


@dataclass(frozen=True, slots=True)
class Translated:
    """DuckDB's SQL of one query, and how many positional parameters it takes (``$p1`` … in it)."""

    sql: str
    parameters: int


def translate(sql: str, catalog: Catalog) -> Translated:
    """The DuckDB query that answers as Athena would answer ``sql``; of ``CREATE VIEW … AS`` the query after AS.

    Raises:
        QueryError: not one query, an unknown table or column, or a construct that the two answer differently.
    """
    return _translated(sql, tuple((name, tuple(columns.items())) for name, columns in catalog.items()))


@lru_cache(maxsize=256)  # each lake that is opened has the same views over the same columns
def _translated(sql: str, known: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> Translated:
    catalog = {name: dict(columns) for name, columns in known}
    for finding in findings(parse(sql)):
        raise QueryError(str(finding))
    text, parameters = numbered(sql)
    query = query_of(sqlglot.parse_one(text, read=DIALECT))
    for name in tables_of(query):
        if name not in catalog:
            raise QueryError(f"SQL: table {name} is not in the lake{meant(name, list(catalog))}")
    query = _typed(query, catalog)
    for rule in typing_rules.RULES:
        for finding in rule(query):
            raise QueryError(str(finding))
    return Translated(_generated(rewrites.apply(query)), parameters)


def _typed(query: Any, catalog: Catalog) -> Any:
    """The query with every column qualified and every expression's type annotated."""
    schema = MappingSchema({name: dict(columns) for name, columns in catalog.items()}, dialect=DIALECT)
    given = {alias.alias.lower() for alias in query.find_all(exp.Alias)}
    for select in _outermost(query):
        select.set("expressions", [_marked(column, number) for number, column in enumerate(select.expressions)])
    try:
        query = qualify(query, schema=schema, dialect=DIALECT, expand_alias_refs=False)
        query = annotate_types(query, schema=schema, dialect=DIALECT, expression_metadata=_metadata())
    except SqlglotError as error:
        raise _unknown_name(error, query, catalog, given) from error
    selects = list(_outermost(query))
    positions = [{column.alias: position for position, column in enumerate(select.expressions)} for select in selects]
    # Last the whole query: the ORDER BY of a UNION goes by the first SELECT's names.
    for part, names in zip([*selects, query], [*positions, positions[0]], strict=True):
        _name_by_position(part, names)
    return query


def _outermost(query: Any) -> Iterator[Any]:
    """The SELECTs whose columns are the query's own: one, or those of a UNION."""
    query = query.unnest()
    if isinstance(query, exp.SetOperation):
        yield from _outermost(query.this)
        yield from _outermost(query.expression)
    else:
        yield query


def _marked(column: Any, number: int) -> Any:
    """An expression without a name gets a mark, because Athena calls it ``_col`` and its position."""
    is_named = column.is_star or isinstance(column, exp.Column | exp.Alias)
    return column if is_named else exp.alias_(column, f"{_UNNAMED}{number}")


def _name_by_position(part: Any, positions: dict[str, int]) -> None:
    """Turn the marks into ``_col0``, ``_col1``, …: positions count once stars are expanded."""
    for identifier in part.find_all(exp.Identifier):
        if identifier.name.startswith(_UNNAMED) and identifier.name in positions:
            identifier.set("this", f"_col{positions[identifier.name]}")


def _metadata() -> dict[Any, Any]:
    """How types are inferred, with what the parser's own table leaves out."""

    def fixed(kind: str) -> dict[str, Any]:
        return {"returns": exp.DType[kind]}

    def as_argument(annotator: Any, node: Any) -> Any:
        return annotator._set_type(node, node.this.type)  # noqa: SLF001  # the table's own rules call the same

    def map_value(annotator: Any, node: Any) -> Any:
        kinds = node.this.type.expressions if node.this.type is not None else []
        return annotator._set_type(node, kinds[-1] if kinds else None)  # noqa: SLF001  # same

    return {
        **sqlglot.Dialect.get_or_raise(DIALECT).EXPRESSION_METADATA,
        exp.TimeToUnix: fixed("DOUBLE"),
        exp.Grouping: fixed("INT"),
        exp.ArraySize: fixed("BIGINT"),
        exp.ArgMax: {"annotator": as_argument},
        exp.ArgMin: {"annotator": as_argument},
        exp.TimestampTrunc: {"annotator": as_argument},
        exp.Bracket: {"annotator": map_value},
    }


def _unknown_name(error: SqlglotError, query: Any, catalog: Catalog, given: set[str]) -> QueryError:
    """One line for the optimiser's complaint: the column, the tables it could be of, the nearest name."""
    text = str(error).splitlines()[0]
    words = text.split("'")
    name = words[1] if len(words) > 1 else text.rsplit(maxsplit=1)[-1]
    tables = [table for table in tables_of(query) if table in catalog]
    known = list(dict.fromkeys(column for table in tables for column in catalog[table]))
    if name.lower() in known:
        return QueryError(f"SQL: {name} is in several tables, or not in the one named; write table.{name}")
    if name.lower() in given:
        return QueryError(
            f"SQL: {name} is a name given in SELECT, unknown to WHERE and GROUP BY; repeat the expression"
        )
    where = f" of {' or '.join(tables)}" if tables else ""
    return QueryError(f"SQL: {name} is no column{where}{meant(name, known)}")


def _generated(query: Any) -> str:
    try:
        return str(query.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))
    except SqlglotError as error:
        raise QueryError(f"SQL: {str(error).splitlines()[0]}; DuckDB has no like, write it otherwise") from error
