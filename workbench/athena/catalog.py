"""Which tables and columns a query may name, with the types Athena gives them."""

from collections.abc import Mapping
from typing import Any, Final

from enricher.schema import BIGINT, INT, PARTITION_COLUMNS, STRING, TAGS, TIMESTAMP, lake_columns

# Table or view → column → type as Athena prints it.
Catalog = Mapping[str, Mapping[str, str]]

_ATHENA_TYPES: Final[dict[Any, str]] = {
    STRING: "varchar",
    INT: "integer",
    BIGINT: "bigint",
    TAGS: "map(varchar, varchar)",
    TIMESTAMP: "timestamp",
}
_DUCKDB_TYPES: Final = {
    "VARCHAR": "varchar",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "MAP(VARCHAR, VARCHAR)": "map(varchar, varchar)",
}


def flow_logs(extra_promoted: tuple[str, ...] = ()) -> dict[str, str]:
    """The lake's table: its columns in order, then the partition columns, as Glue declares them."""
    columns = {column.name: _ATHENA_TYPES[column.type] for column in lake_columns(extra_promoted)}
    return columns | dict.fromkeys(PARTITION_COLUMNS, "varchar")


def athena_type(duckdb_type: str) -> str:
    """DuckDB's name of a type as Athena prints it; names both share, such as ``DECIMAL(10,2)``, in lower case."""
    return _DUCKDB_TYPES.get(duckdb_type, duckdb_type.lower())
