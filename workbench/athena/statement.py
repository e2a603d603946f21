"""SQL text to a syntax tree, as Athena would read it: one statement, a SELECT or a view of one."""

from difflib import get_close_matches
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import TokenType

from workbench.athena.errors import QueryError

DIALECT: Final = "athena"
_FIRST_WORDS: Final = ("SELECT", "WITH", "(", "CREATE")


def parse(sql: str) -> Any:
    """The syntax tree of ``sql``: a query, or ``CREATE [OR REPLACE] VIEW … AS`` a query.

    Raises:
        QueryError: not one statement, not a query, or not SQL; names the place.
    """
    try:
        tokens = sqlglot.tokenize(sql, read=DIALECT)
        # Anything else may fall back to an opaque command with a warning, so it is not even parsed.
        if not tokens or tokens[0].text.upper() not in _FIRST_WORDS:
            raise _only_queries(sql)
        if any(token.token_type == TokenType.DCOLON for token in tokens):
            raise QueryError("SQL: `::` is not Athena's; write CAST(x AS type)")
        statements = [statement for statement in sqlglot.parse(sql, read=DIALECT) if statement is not None]
    except ParseError as error:
        raise _place_of(error) from error
    except TokenError as error:
        raise QueryError("SQL: a quote or comment is not closed; close it") from error
    if len(statements) != 1:
        raise QueryError(f"SQL: {len(statements)} statements in one; run them one by one")
    statement = statements[0]
    is_view = isinstance(statement, exp.Create) and statement.kind == "VIEW"
    if not isinstance(statement.expression if is_view else statement, exp.Query):
        raise _only_queries(sql)
    return statement


def query_of(statement: Any) -> Any:
    """The query of a statement: of a view the one after AS."""
    return statement.expression if isinstance(statement, exp.Create) else statement


def numbered(sql: str) -> tuple[str, int]:
    """``sql`` with its ``?`` as ``:p1``, ``:p2``, … in the order they stand, and how many there are.

    Numbers keep each value in its place when a rewrite moves or repeats an expression.
    """
    places = [token.start for token in sqlglot.tokenize(sql, read=DIALECT) if token.token_type == TokenType.PLACEHOLDER]
    for number in range(len(places), 0, -1):
        place = places[number - 1]
        sql = f"{sql[:place]}:p{number}{sql[place + 1 :]}"
    return sql, len(places)


def tables_of(statement: Any) -> list[str]:
    """Names of the tables and views that a statement reads, without its own WITH names, each once."""
    query = query_of(statement)
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    names = [table.name.lower() for table in query.find_all(exp.Table)]
    return list(dict.fromkeys(name for name in names if name not in own))


def meant(word: str, known: list[str]) -> str:
    """``; did you mean …?`` with the nearest known word, else a list of what there is, else nothing."""
    close = get_close_matches(word.lower(), known, 1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there is {', '.join(known)}" if 0 < len(known) <= 12 else ""  # noqa: PLR2004  # one line stays readable


def _only_queries(sql: str) -> QueryError:
    found = repr(sql.split(maxsplit=1)[0]) if sql.split() else "nothing"
    return QueryError(f"SQL: begins with {found}; only a query (SELECT or WITH) can run")


def _place_of(error: ParseError) -> QueryError:
    first = error.errors[0]
    near = first.get("highlight") or "the end"
    what = "something is missing" if " missing for " in first.get("description", "") else "not SQL"
    return QueryError(f"SQL: line {first.get('line')}, near {near!r}: {what}; mend the syntax there")
