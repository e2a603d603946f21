"""What Athena's API tells as text, as the values that DuckDB gives; and parameters as Athena takes them.

Athena API reference, "GetQueryResults" and "ColumnInfo"; user guide, "Use execution parameters".
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from workbench.athena.errors import QueryError


def literal(value: Any) -> str:
    """A parameter as an execution parameter: a number as it is, a text in single quotes with those inside doubled."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise QueryError(f"parameter {value!r}: is neither number nor text; write it into the SQL")
    return str(value) if not isinstance(value, str) else "'" + value.replace("'", "''") + "'"


def type_of(column: Mapping[str, Any]) -> str:
    """A ``ColumnInfo``'s type: decimals with precision and scale where they are told."""
    kind = str(column["Type"]).lower()
    if kind == "decimal" and column.get("Precision"):
        return f"decimal({column['Precision']},{column.get('Scale', 0)})"
    return kind


def value_of(text: str | None, kind: str) -> Any:
    """One ``VarCharValue`` by its column's type; None, which Athena leaves out, is null.

    Maps, arrays, rows and binaries stay Athena's text: ``{a=b, c=d}`` does not tell where a value ends.

    Raises:
        QueryError: the text is no value of that type.
    """
    read = _READERS.get(kind.partition("(")[0])
    if text is None or read is None:
        return text
    try:
        return read(text)
    except (ValueError, ArithmeticError, LookupError, OSError) as error:
        raise QueryError(f"Athena's answer: {text!r} is no {kind}; ask for CAST(… AS varchar)") from error


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _zoned(text: str) -> datetime:
    """``2026-11-01 02:03:04.005 Europe/Berlin``."""
    moment, _, zone = text.rpartition(" ")
    return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "boolean": _boolean,
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("float", "real", "double"), float),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamp with time zone": _zoned,
}
