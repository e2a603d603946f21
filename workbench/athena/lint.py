"""Refuses SQL that Athena and DuckDB would answer differently, or that only one of them runs.

One rule, one function: it takes the statement's syntax tree and yields what it finds. Rules that need types are in
``typing_rules``. What a rewrite makes equal is not refused: see ``rewrites``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlglot import exp

from workbench.athena.functions import ALLOWED, FORBIDDEN, name_of
from workbench.athena.statement import parse

# Views without partitions: small tables that need no filter on day.
UNPARTITIONED: Final = ("prices",)
# What to filter instead where the partition is no day.
_PARTITIONS: Final = {"cost_and_usage_report": "billing_period"}

# Athena user guide, "Reserved keywords": those of SELECT statements.
_RESERVED: Final = frozenset(
    {
        "ALTER", "AND", "AS", "BETWEEN", "BY", "CASE", "CAST", "CONSTRAINT", "CREATE", "CROSS", "CUBE",
        "CURRENT_DATE", "CURRENT_PATH", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "DEALLOCATE", "DELETE",
        "DESCRIBE", "DISTINCT", "DROP", "ELSE", "END", "ESCAPE", "EXCEPT", "EXECUTE", "EXISTS", "EXTRACT", "FALSE",
        "FIRST", "FOR", "FROM", "FULL", "GROUP", "GROUPING", "HAVING", "IN", "INNER", "INSERT", "INTERSECT", "INTO",
        "IS", "JOIN", "LAST", "LEFT", "LIKE", "LOCALTIME", "LOCALTIMESTAMP", "NATURAL", "NORMALIZE", "NOT", "NULL",
        "ON", "OR", "ORDER", "OUTER", "PREPARE", "RECURSIVE", "RIGHT", "ROLLUP", "SELECT", "SKIP", "TABLE", "THEN",
        "TRIM", "TRUE", "UESCAPE", "UNION", "UNNEST", "USING", "VALUES", "WHEN", "WHERE", "WITH",
    }
)  # fmt: skip
_SCALARS: Final = ("VARCHAR", "TEXT", "BIGINT", "INT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "DECIMAL")
_FORMAT_CODES: Final = frozenset("YmdHMS%")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule refuses: ``rule`` is its id, ``message`` names the culprit, ``mend`` says what to write instead."""

    rule: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"SQL: {self.message} [{self.rule}]; {self.mend}"


Rule = Callable[[Any], Iterator[Finding]]


def lint(sql: str, *, saved: bool = False) -> list[Finding]:
    """All findings in ``sql``; ``saved`` adds the rule that a saved query filters on the partitions.

    Raises:
        QueryError: ``sql`` cannot be read as one query.
    """
    return findings(parse(sql), saved=saved)


def findings(statement: Any, *, saved: bool = False) -> list[Finding]:
    """The same for a statement that is already parsed."""
    rules = (*RULES, partition_filter) if saved else RULES
    return list(dict.fromkeys(finding for rule in rules for finding in rule(statement)))


def subscript(statement: Any) -> Iterator[Finding]:
    """``m['k']``: Athena fails where the key is missing, DuckDB answers null."""
    for bracket in statement.find_all(exp.Bracket):
        if not bracket.args.get("safe"):
            yield Finding("subscript", f"{_shown(bracket)} fails on Athena where the key is missing", "use element_at")


def function(statement: Any) -> Iterator[Finding]:
    """Functions that differ, and those nobody compared."""
    for call in statement.find_all(exp.Func):
        name = name_of(call)
        if name in FORBIDDEN:
            yield Finding("function", f"function {name} differs between Athena and DuckDB", FORBIDDEN[name])
        elif name is not None and name not in ALLOWED:
            mend = "use another, or add it with its cases to workbench/athena/functions.py"
            yield Finding("function", f"function {name} was not compared on Athena and DuckDB", mend)


def ip_type(statement: Any) -> Iterator[Finding]:
    """IPADDRESS and IPPREFIX do not exist in DuckDB."""
    for cast in statement.find_all(exp.Cast, exp.TryCast):
        if cast.to.this.name in ("IPADDRESS", "IPPREFIX"):
            mend = "compare text, or use a column that the enrichment writes, such as src_subnet_id"
            yield Finding("ip-type", f"type {cast.to.this.name.lower()} has no like in DuckDB", mend)


def cast_type(statement: Any) -> Iterator[Finding]:
    """Casts to types whose text or limits differ."""
    for cast in statement.find_all(exp.Cast, exp.TryCast):
        kind = cast.to.this.name
        if kind == "VARCHAR" and cast.to.expressions:
            yield Finding("cast-type", f"{_shown(cast)} cuts the text on Athena only", "use substr(x, 1, n)")
        elif kind not in _SCALARS and kind not in ("IPADDRESS", "IPPREFIX"):
            mend = "use varchar, bigint, integer, double, boolean, date or timestamp"
            yield Finding("cast-type", f"a cast to {kind.lower()} was not compared", mend)


def decimal_division(statement: Any) -> Iterator[Finding]:
    """``100.0 * a / b``: a decimal on Athena, cut to the operands' scale; a double in DuckDB."""
    # Anywhere in the statement: a decimal may reach the division through a WITH.
    if not any(statement.find_all(exp.Div)):
        return
    for literal in statement.find_all(exp.Literal):
        if not literal.is_string and "." in literal.name and "e" not in literal.name.lower():
            mend = f"write {literal.name}e0"
            yield Finding("decimal-division", f"{literal.name} is a decimal, whose division rounds on Athena", mend)
    for cast in statement.find_all(exp.Cast, exp.TryCast):
        if cast.to.this.name == "DECIMAL":
            yield Finding("decimal-division", f"{_shown(cast)}: the division of decimals rounds", "cast to double")


def unguarded_division(statement: Any) -> Iterator[Finding]:
    """``x / y`` with y = 0: an error for integers, infinity for doubles, and never what was meant."""
    for division in statement.find_all(exp.Div, exp.Mod):
        divisor = division.expression.unnest()
        is_number = isinstance(divisor, exp.Literal) and not divisor.is_string and float(divisor.name) != 0
        if not is_number and not isinstance(divisor, exp.Nullif):
            shown = _shown(divisor)
            yield Finding("unguarded-division", f"division by {shown}, which may be 0", f"use nullif({shown}, 0)")


def regexp_replacement(statement: Any) -> Iterator[Finding]:
    """Only a literal replacement can be rewritten: ``$1`` on Athena, another sign in DuckDB."""
    for call in statement.find_all(exp.RegexpReplace):
        replacement = call.args.get("replacement")
        if replacement is not None and not replacement.is_string:
            mend = "write the replacement as a literal"
            yield Finding("regexp-replacement", f"regexp_replace with {_shown(replacement)} as replacement", mend)


def time_format(statement: Any) -> Iterator[Finding]:
    """Format codes that both engines print alike, in a literal."""
    for call in statement.find_all(exp.TimeToStr, exp.StrToTime):
        pattern = call.args.get("format")
        codes = [part[:1] for part in pattern.name.replace("%%", "").split("%")[1:]] if pattern.is_string else [""]
        if not set(codes) <= _FORMAT_CODES:
            mend = "write a literal of %Y %m %d %H %i %s"
            yield Finding("time-format", f"{name_of(call)} with {_shown(pattern)}", mend)


def zero_position(statement: Any) -> Iterator[Finding]:
    """``substr(x, 0)`` is empty on Athena; positions count from 1."""
    for call in statement.find_all(exp.Substring):
        start = call.args.get("start")
        if isinstance(start, exp.Literal) and start.name == "0":
            yield Finding("zero-position", f"{_shown(call)} is empty on Athena only", "count positions from 1")


def foreign_syntax(statement: Any) -> Iterator[Finding]:
    """What the parser reads and Athena does not, or DuckDB does not."""
    for is_foreign, shown, mend in _FOREIGN:
        if any(is_foreign(node) for node in statement.walk()):
            yield Finding("foreign-syntax", f"{shown} is not in the common part of SQL", mend)


_FOREIGN: Final[tuple[tuple[Callable[[Any], bool], str, str], ...]] = (
    (lambda node: isinstance(node, exp.ILike), "ILIKE", "use lower(x) LIKE"),
    (lambda node: isinstance(node, exp.Array | exp.Struct), "a literal array or row", "use (VALUES …) AS t (x)"),
    (lambda node: isinstance(node, exp.HexString), "X'…'", "write the text"),
    (lambda node: isinstance(node, exp.Pivot), "PIVOT", "use sum(CASE …)"),
    (lambda node: isinstance(node, exp.Lateral), "LATERAL", "use a join"),
    (lambda node: isinstance(node, exp.TableSample), "TABLESAMPLE", "filter on hour"),
    (lambda node: isinstance(node, exp.With) and bool(node.recursive), "WITH RECURSIVE", "use plain WITH"),
    (lambda node: isinstance(node, exp.Star) and any(node.args.values()), "a star with EXCEPT", "list the columns"),
    (lambda node: isinstance(node, exp.Distinct) and bool(node.args.get("on")), "DISTINCT ON", "use row_number()"),
    (
        lambda node: isinstance(node, exp.Unnest) and not isinstance(node.parent, exp.From | exp.Join),
        "UNNEST outside FROM",
        "use CROSS JOIN UNNEST(x) AS t (k, v)",
    ),
    (
        lambda node: isinstance(node, exp.Join) and (node.kind in ("SEMI", "ANTI") or bool(node.method)),
        "a NATURAL, SEMI, ANTI or ASOF join",
        "use JOIN … ON, or EXISTS",
    ),
)


def reserved_word(statement: Any) -> Iterator[Finding]:
    """Names that Athena reads as keywords; the flow log column ``end`` is one."""
    for identifier in statement.find_all(exp.Identifier):
        if not identifier.quoted and identifier.name.upper() in _RESERVED:
            yield Finding("reserved-word", f"{identifier.name} is reserved on Athena", f'write "{identifier.name}"')


def parameter_place(statement: Any) -> Iterator[Finding]:
    """Athena's execution parameters stand in WHERE only (Athena user guide, "Use parameterized queries")."""
    for placeholder in statement.find_all(exp.Placeholder):
        if isinstance(statement, exp.Create):
            yield Finding("parameter-place", "a view takes no parameters", "move the ? into the queries that read it")
        elif placeholder.find_ancestor(exp.Where) is None:
            yield Finding("parameter-place", "a ? outside WHERE, which Athena does not bind", "move it into a WHERE")


def partition_filter(statement: Any) -> Iterator[Finding]:
    """A saved query reads only the days it is asked for."""
    own = {cte.alias_or_name.lower() for cte in statement.find_all(exp.CTE)}
    for select in statement.find_all(exp.Select):
        sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
        names = [source.this.name.lower() for source in sources if source and isinstance(source.this, exp.Table)]
        read = [name for name in names if name not in own and name not in UNPARTITIONED]
        for partition in dict.fromkeys(_PARTITIONS.get(name, "day") for name in read):
            if not _filters(select.args.get("where"), partition):
                mend = f"add WHERE {partition} >= ? AND {partition} <= … (one day of slack)"
                where = f"{read[0]} is read without a filter on its partition {partition}"
                yield Finding("partition-filter", where, mend)


def _filters(where: Any, partition: str) -> bool:
    comparisons = (exp.GTE, exp.GT, exp.LTE, exp.LT, exp.EQ, exp.Between, exp.In)
    return where is not None and any(
        isinstance(node.this, exp.Column) and node.this.name == partition and len(list(node.find_all(exp.Column))) == 1
        for node in where.find_all(*comparisons)
    )


RULES: Final[tuple[Rule, ...]] = (
    subscript,
    function,
    ip_type,
    cast_type,
    decimal_division,
    unguarded_division,
    regexp_replacement,
    time_format,
    zero_position,
    foreign_syntax,
    reserved_word,
    parameter_place,
)


def _shown(node: Any) -> str:
    text = " ".join(str(node.sql("athena")).split())
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  # keeps a message on one line
