"""Athena's SQL as Spark's: the views and the definition of ``flows_hourly``, written into what Glue runs.

Done at `make generate` time and committed, so that the Glue job needs no SQL parser. Stars stay stars: tags that
settings promote pass through. What Spark (3.5, ANSI on) means otherwise is refused here, or rewritten.
"""

from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from workbench.athena.engine import HOURLY_DEFINITION, VIEWS, view_files
from workbench.athena.errors import QueryError
from workbench.athena.statement import parse, query_of

# Those that compaction judges and adds up by; prices are nothing to it.
_NEEDED: Final = ("flow_rows", "flows_judged", "flows_once")
_HEAD: Final = '''\
# ruff: noqa: E501  # SQL as a generator writes it
"""The views of ``athena/views`` and the definition of ``flows_hourly`` as Spark SQL; written by `make generate`."""

from typing import Final

# Each after those it reads; the first reads ``flow_logs``.
VIEWS: Final = {
'''


def to_spark(sql: str) -> str:
    """Spark's query for one of Athena's; of ``CREATE VIEW … AS`` the query after AS.

    Raises:
        QueryError: it has something that Spark answers otherwise.
    """
    query = query_of(parse(sql)).copy()
    for division in query.find_all(exp.Div):
        if not _is_fraction(division):
            raise QueryError(f"SQL: {division.sql('athena')} of whole numbers is a fraction in Spark; use 1e0")
    try:
        return str(query.sql(dialect="spark", comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE))
    except SqlglotError as error:
        raise QueryError(f"SQL: {str(error).splitlines()[0]}; Spark has no like") from error


def module_of_views() -> str:
    """The text of ``src/compaction/view_sql.py``."""
    views = {name: to_spark(sql) for name, sql in view_files(VIEWS) if name in _NEEDED}
    lines = [f'    "{name}": {_text(sql)},\n' for name, sql in views.items()]
    hourly = _text(to_spark(HOURLY_DEFINITION.read_text("utf-8")))
    return f"{_HEAD}{''.join(lines)}}}\nFLOWS_HOURLY: Final = {hourly}\n"


def _text(sql: str) -> str:
    return f'r"""{sql}"""'


def _is_fraction(division: Any) -> bool:
    """Whether a double is written in it, so that both engines divide doubles."""
    literals = division.find_all(exp.Literal)
    return any(not literal.is_string and "e" in literal.name.lower() for literal in literals)
