"""Where DuckDB means something else by the same words, the words that mean the same.

Each function takes one node of the annotated tree and answers what to put there; ``apply`` goes over the tree. What
Trino means is quoted from its manual (trino.io/docs/current/functions.html); the tests hold the cases.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from workbench.athena.typing_rules import DATE, FRACTION, INTEGER, MAP, TEXT, kind_of

Rewrite = Callable[[Any], Any]

_INTEGER_TYPES: Final = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_STRICT_INTEGER: Final = "[+-]?[0-9]+"


def apply(query: Any) -> Any:
    """The query with every rewrite done, innermost expressions first."""
    query = query.copy()
    for node in reversed(list(query.walk())):
        rewrite = REWRITES.get(type(node))
        if rewrite is None:
            continue
        changed = rewrite(node)
        if changed is not node:
            if node is query:
                query = changed
            else:
                node.replace(changed)
    return query


def division(node: Any) -> Any:
    """Integers divide to an integer, towards zero: exact above 2^53, and an error by zero."""
    if kind_of(node.this) == INTEGER and kind_of(node.expression) == INTEGER:
        return _typed(exp.IntDiv(this=node.this.copy(), expression=node.expression.copy()), node.type)
    return node


def total(node: Any) -> Any:
    """``sum`` of integers is a bigint and fails beyond it; FILTER and OVER stay with the aggregate."""
    if isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
        return node
    aggregate = node
    while isinstance(aggregate, exp.Filter | exp.Window):
        aggregate = aggregate.this
    is_total = isinstance(aggregate, exp.Sum) and kind_of(aggregate.this) == INTEGER
    return _cast(node.copy(), "BIGINT") if is_total else node


def count_if(node: Any) -> Any:
    """``count_if`` of no rows is 0."""
    return _typed(exp.Count(this=exp.If(this=node.this.copy(), true=exp.Literal.number(1))), node.type)


def complete_units(node: Any) -> Any:
    """``date_diff`` counts complete units, not boundaries."""
    unit = exp.Literal.string(node.args["unit"].name.lower())
    return _typed(
        exp.Anonymous(this="date_sub", expressions=[unit, node.expression.copy(), node.this.copy()]), node.type
    )


def date_stays_date(node: Any) -> Any:
    """A date moved by an interval, or cut to a unit, is a date."""
    return _cast(node.copy(), "DATE") if kind_of(node.this) == DATE else node


def date_and_interval(node: Any) -> Any:
    """The same, written with + or -."""
    return date_stays_date(node) if isinstance(node.expression, exp.Interval) else node


def split_part(node: Any) -> Any:
    """A field beyond the last is null."""
    text, separator, index = node.this, node.args["delimiter"], node.args["part_index"]
    fields = exp.Anonymous(this="len", expressions=[_call("string_split", text, separator)])
    inside = exp.LTE(this=index.copy(), expression=fields)
    return _typed(exp.If(this=inside, true=_call("split_part", text, separator, index)), node.type)


def regexp_extract(node: Any) -> Any:
    """No match is null."""
    group = node.args.get("group") or exp.Literal.number(0)
    found = _call("regexp_extract", node.this, node.expression, group)
    return _typed(exp.If(this=_call("regexp_matches", node.this, node.expression), true=found), node.type)


def regexp_replace(node: Any) -> Any:
    r"""Groups are ``$1``, and a dollar sign is ``\$``; all matches are replaced."""
    replacement = node.args.get("replacement")
    text = _backreferences(replacement.name) if replacement is not None else ""
    everywhere = exp.Literal.string("g")
    call = _call("regexp_replace", node.this, node.expression, exp.Literal.string(text), everywhere)
    return _typed(call, node.type)


def _backreferences(replacement: str) -> str:
    r"""Java's replacement text as RE2's: ``$1`` → ``\1``, ``\$`` → ``$``, a backslash doubled."""
    out, rest = "", replacement
    while rest:
        head, rest = rest[0], rest[1:]
        if head == "\\" and rest:
            out, rest = out + rest[0].replace("\\", "\\\\"), rest[1:]
        elif head == "$" and rest[:1].isdigit():
            out, rest = f"{out}\\{rest[0]}", rest[1:]
        else:
            out += head.replace("\\", "\\\\")
    return out


def cast(node: Any) -> Any:
    """A fraction becomes the nearest integer, halves away from zero; text must be digits to become one."""
    if node.to.this.name not in _INTEGER_TYPES:
        return node
    kind = kind_of(node.this)
    if kind == FRACTION:
        rounded = exp.Anonymous(this="round", expressions=[node.this.copy()])
        return _typed(type(node)(this=rounded, to=node.to.copy()), node.type)
    if kind != TEXT:
        return node
    is_whole = _call("regexp_full_match", node.this, exp.Literal.string(_STRICT_INTEGER))
    fail = exp.Anonymous(this="error", expressions=[exp.Literal.string("a text is not an integer; use try_cast")])
    branches = [exp.If(this=is_whole, true=node.copy())]
    if not isinstance(node, exp.TryCast):
        branches.append(exp.If(this=exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null())), true=fail))
    return _typed(exp.Case(ifs=branches), node.type)


def whole_number(node: Any) -> Any:
    """``floor`` and ``ceil`` of an integer are the integer."""
    return node.this.copy() if kind_of(node.this) == INTEGER else node


def size(node: Any) -> Any:
    """``cardinality`` counts a map's entries too."""
    return _typed(_call("cardinality" if kind_of(node.this) == MAP else "len", node.this), node.type)


def unnest(node: Any) -> Any:
    """``CROSS JOIN UNNEST(map) AS t (k, v)``: one row an entry."""
    source = node.expressions[0]
    if kind_of(source) != MAP:
        return node
    alias = node.args["alias"]
    key, value = alias.columns
    rows = exp.select(
        exp.alias_(_call("unnest", _call("map_keys", source)), key.copy()),
        exp.alias_(_call("unnest", _call("map_values", source)), value.copy()),
    )
    return exp.Lateral(this=rows.subquery(), alias=exp.TableAlias(this=alias.this.copy()))


def with_clause(node: Any) -> Any:
    """A WITH query is inlined wherever it is named, so that filters reach the partitions through it."""
    node.set("materialized", False)
    return node


REWRITES: Final[dict[type, Rewrite]] = {
    exp.Div: division,
    exp.Sum: total,
    exp.Filter: total,
    exp.Window: total,
    exp.CountIf: count_if,
    exp.DateDiff: complete_units,
    exp.DateAdd: date_stays_date,
    exp.Add: date_and_interval,
    exp.Sub: date_and_interval,
    exp.TimestampTrunc: date_stays_date,
    exp.DateTrunc: date_stays_date,
    exp.SplitPart: split_part,
    exp.RegexpExtract: regexp_extract,
    exp.RegexpReplace: regexp_replace,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Floor: whole_number,
    exp.Ceil: whole_number,
    exp.ArraySize: size,
    exp.Unnest: unnest,
    exp.CTE: with_clause,
}


def _call(name: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _cast(node: Any, to: str) -> Any:
    return exp.cast(node, to, copy=False)


def _typed(node: Any, kind: Any) -> Any:
    node.type = kind
    return node
