"""Rules that need types: what Athena refuses, or answers otherwise, once the columns' types are known.

Each takes the annotated syntax tree and yields what it finds; a value of unknown type (a parameter) is let pass.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlglot import exp

from workbench.athena.lint import Finding

TEXT: Final = "text"
INTEGER: Final = "integer"
FRACTION: Final = "fraction"
BOOLEAN: Final = "boolean"
DATE: Final = "date"
TIME: Final = "time"
MAP: Final = "map"
ARRAY: Final = "array"

_KINDS: Final = {
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR", "NCHAR", "NVARCHAR"), TEXT),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), INTEGER),
    **dict.fromkeys(("DOUBLE", "FLOAT", "DECIMAL"), FRACTION),
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ", "DATETIME", "TIMESTAMP_S", "TIMESTAMP_MS"), TIME),
    "MAP": MAP,
    "ARRAY": ARRAY,
    "LIST": ARRAY,
}
# Kinds that Athena compares with each other.
_COMPARABLE: Final = ({INTEGER, FRACTION}, {DATE, TIME})


def kind_of(node: Any) -> str | None:
    """What a node's type is, roughly; None where it is not known (a parameter, a null)."""
    return _KINDS.get(node.type.this.name) if node.type is not None else None


def incomparable(query: Any) -> Iterator[Finding]:
    """``hour = 5``: Athena refuses text against a number, DuckDB converts silently."""
    for node in query.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Coalesce):
        parts = [node.this, *node.expressions]
        parts += [node.args[name] for name in ("expression", "low", "high") if node.args.get(name) is not None]
        kinds = [kind for kind in map(kind_of, parts) if kind is not None]
        if kinds and not _agree(set(kinds)):
            shown = " and ".join(dict.fromkeys(kinds))
            yield Finding("types", f"{_shown(node)} mixes {shown}", "CAST one side, or quote the literal")


def _agree(kinds: set[str]) -> bool:
    return len(kinds) == 1 or any(kinds <= together for together in _COMPARABLE)


def not_text(query: Any) -> Iterator[Finding]:
    """``||``, concat and LIKE take text only."""
    for node in query.find_all(exp.DPipe, exp.Concat, exp.Like):
        parts = [node.this, node.expression] if isinstance(node, exp.Binary) else node.expressions
        for part in parts:
            if part is not None and kind_of(part) not in (None, TEXT, ARRAY):
                mend = f"use CAST({_shown(part)} AS varchar)"
                yield Finding("types", f"{_shown(part)} is no text in {_shown(node)}", mend)


def text_of_value(query: Any) -> Iterator[Finding]:
    """Casts to text that the two print differently: ``1.0E10`` or ``10000000000.0``, ``… 00:00:00.000`` or without."""
    for cast in query.find_all(exp.Cast, exp.TryCast):
        kind = kind_of(cast.this)
        if cast.to.this.name == "VARCHAR" and kind in (FRACTION, TIME, MAP, ARRAY):
            mends = {FRACTION: "round it to bigint first", TIME: "use date_format", ARRAY: "use array_join"}
            mend = mends.get(kind, "use element_at")
            yield Finding("cast-type", f"{_shown(cast)} prints a {kind} differently", mend)


def unknown_division(query: Any) -> Iterator[Finding]:
    """Integers divide to an integer on Athena, so the types must be known."""
    for node in query.find_all(exp.Div):
        for part in (node.this, node.expression):
            if kind_of(part) not in (INTEGER, FRACTION):
                mend = f"use CAST({_shown(part)} AS double)"
                yield Finding("types", f"the type of {_shown(part)} in a division is not known", mend)


def select_name(query: Any) -> Iterator[Finding]:
    """HAVING sees columns, not the names that SELECT gives; WHERE and GROUP BY are checked with the columns."""
    for having in query.find_all(exp.Having):
        for column in having.find_all(exp.Column):
            if not column.table:
                mend = "repeat the expression there"
                yield Finding("select-name", f"{column.name} in HAVING is a name given in SELECT", mend)


RULES: Final[tuple[Callable[[Any], Iterator[Finding]], ...]] = (
    incomparable,
    not_text,
    text_of_value,
    unknown_division,
    select_name,
)


def _shown(node: Any) -> str:
    return " ".join(str(node.sql("athena")).replace('"', "").split())[:60]
