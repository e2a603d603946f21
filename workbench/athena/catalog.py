"""Which tables and columns a query may name, with the types Athena gives them."""

from collections.abc import Mapping
from typing import Any, Final

from enricher.hourly import hourly_columns
from enricher.schema import BIGINT, INT, PARTITION_COLUMNS, STRING, TAGS, TIMESTAMP, compacted_columns

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
    columns = {column.name: _ATHENA_TYPES[column.type] for column in compacted_columns(extra_promoted)}
    return columns | dict.fromkeys(PARTITION_COLUMNS, "varchar")


def flows_hourly() -> dict[str, str]:
    """The aggregate's table, likewise."""
    columns = {column.name: _ATHENA_TYPES[column.type] for column in hourly_columns()}
    return columns | dict.fromkeys(PARTITION_COLUMNS, "varchar")


# A Cost and Usage Report 2.0 (AWS Data Exports) as far as a query reads it; its files' months are its partitions.
COST_AND_USAGE_REPORT: Final = {
    "line_item_usage_account_id": "varchar",
    "line_item_usage_start_date": "timestamp",
    "line_item_line_item_type": "varchar",
    "line_item_usage_type": "varchar",
    "line_item_operation": "varchar",
    "line_item_usage_amount": "double",
    "line_item_unblended_cost": "double",
    "product_region_code": "varchar",
    "billing_period": "varchar",
}


def athena_type(duckdb_type: str) -> str:
    """DuckDB's name of a type as Athena prints it; names both share, such as ``DECIMAL(10,2)``, in lower case."""
    return _DUCKDB_TYPES.get(duckdb_type, duckdb_type.lower())
