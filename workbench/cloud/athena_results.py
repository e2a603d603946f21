"""Athena's results as its API tells them: every value as text, in pages; and parameters as it takes them.

Athena API reference, "GetQueryResults": the first row of the first page holds the columns' names; null has no value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from workbench.athena.engine import QueryResult

from .errors import AwsError

LARGEST_PAGE: Final = 1000
_WHOLE: Final = re.compile(r"[+-]?\d+")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+)")
_DOUBLE: Final = re.compile(r"[+-]?\d+(?:\.\d*)?[eE][+-]?\d+")
_TEXT: Final = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
# Java writes numbers outside of these with an exponent.
_PLAIN_FROM: Final = 1e-3
_PLAIN_BELOW: Final = 1e7


def page(result: QueryResult | None, number: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a result (None: of a statement that has none), from where ``NextToken`` says.

    Raises:
        AwsError: a page of another size than 1 to 1000, or a token that is none of this query's.
    """
    size = params.get("MaxResults", LARGEST_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise AwsError("InvalidRequestException", f"MaxResults is {size}; 1 to {LARGEST_PAGE} are taken")
    columns = result.columns if result else ()
    types = result.types if result else ()
    rows = [columns, *result.rows] if result else []
    begin = _begin(params.get("NextToken"), number, len(rows))
    texts = [
        [{"VarCharValue": name} for name in row] if begin + position == 0 else [_datum(value) for value in row]
        for position, row in enumerate(rows[begin : begin + size])
    ]
    information = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": _type(kind)}
        for name, kind in zip(columns, types, strict=True)
    ]
    answer: dict[str, Any] = {
        "UpdateCount": 0,
        "ResultSet": {"Rows": [{"Data": data} for data in texts], "ResultSetMetadata": {"ColumnInfo": information}},
    }
    if begin + size < len(rows):
        answer["NextToken"] = f"{number}:{begin + size}"
    return answer


def _begin(token: str | None, number: str, count: int) -> int:
    if token is None:
        return 0
    query, _, begin = token.rpartition(":")
    if query != number or not begin.isdigit() or not 0 < int(begin) < count:
        raise AwsError("InvalidRequestException", "NextToken is not valid for this query")
    return int(begin)


def _type(kind: str) -> str:
    """A type without what stands in brackets: ``map(varchar, varchar)`` is ``map``."""
    return kind.partition("(")[0]


def _datum(value: Any) -> dict[str, str]:
    return {} if value is None else {"VarCharValue": render(value)}


def render(value: Any) -> str:
    """A value as Athena writes it into results."""
    for kind, text in _TEXTS:
        if isinstance(value, kind):
            return text(value)
    return str(value)


def _inner(value: Any) -> str:
    return "null" if value is None else render(value)


def _double(value: float) -> str:
    """As Java's ``Double.toString``."""
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value))
    if special:
        return special
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return f"{Decimal(repr(value)):f}" if "e" in repr(value) else repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(digits) - 1}"


def read_parameter(text: str) -> int | float | Decimal | str:
    """An execution parameter's value: a number, or a text in single quotes with quotes inside doubled.

    Raises:
        AwsError: neither. A bare word would be an expression: 2026-11-01 is 2014.
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    if _DOUBLE.fullmatch(text):
        return float(text)
    if _TEXT.fullmatch(text):
        return text[1:-1].replace("''", "'")
    raise AwsError("InvalidRequestException", f"execution parameter {text}: is no literal; write a text as '{text}'")


def _map(value: Mapping[Any, Any]) -> str:
    return "{" + ", ".join(f"{_inner(key)}={_inner(inner)}" for key, inner in value.items()) + "}"


def _list(value: Sequence[Any]) -> str:
    return "[" + ", ".join(map(_inner, value)) + "]"


def _timestamp(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"


# The first that fits: True is an int too, a datetime is a date too.
_TEXTS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (bool, lambda value: str(value).lower()),
    (float, _double),
    (datetime, _timestamp),
    (date, date.isoformat),
    (Decimal, lambda value: f"{value:f}"),
    (Mapping, _map),
    (list | tuple, _list),
)
