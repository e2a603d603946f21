"""Which functions a query may use: those of which DuckDB's answer was compared with Trino's documented one.

Every allowed function has a case in ``tests/unit/test_athena_conformance.py``, with the value that Trino's manual
(trino.io/docs/current/functions.html) gives. To allow another: add it here, add its cases, and a rewrite if they fail.
"""

from typing import Any, Final

from sqlglot import exp

# By the parser's one name for all spellings: ceil is ceiling, power pow, substr substring, day_of_week dow.
# mod, bitwise_and, bitwise_or, bitwise_xor and element_at are parsed as operators and need no place here.
ALLOWED: Final = frozenset(
    {
        # conditions
        "coalesce", "nullif", "if", "greatest", "least",
        # aggregates
        "count", "count_if", "sum", "avg", "min", "max", "max_by", "min_by", "bool_and", "bool_or", "grouping",
        "array_agg",
        # windows
        "row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value",
        # numbers
        "abs", "ceil", "floor", "round", "power",
        # text
        "lower", "upper", "length", "substr", "replace", "strpos", "split_part", "starts_with",
        "lpad", "rpad", "reverse", "concat", "regexp_like", "regexp_extract", "regexp_replace",
        # times
        "date_trunc", "date_add", "date_diff", "from_unixtime", "to_unixtime", "date_format", "date_parse",
        "year", "quarter", "month", "day", "hour", "minute", "second", "day_of_week",
        # maps and arrays
        "cardinality", "map_keys", "map_values", "array_join",
    }
)  # fmt: skip

# Known to differ or to be missing in DuckDB, with what to write instead.
FORBIDDEN: Final = {
    "format": "use concat or ||",
    "try": "use nullif(divisor, 0) or try_cast",
    "contains": "use IN, or a column that the enrichment writes, such as traffic_class",
    "ip_prefix": "use a column that the enrichment writes, such as src_subnet_id",
    "ip_subnet_min": "use a column that the enrichment writes, such as src_subnet_id",
    "ip_subnet_max": "use a column that the enrichment writes, such as src_subnet_id",
    "ip_subnet_range": "use a column that the enrichment writes, such as src_subnet_id",
    "is_subnet_of": "use a column that the enrichment writes, such as src_subnet_id",
    "map_filter": "use element_at, or CROSS JOIN UNNEST(map) AS t (k, v) and WHERE",
    "map_agg": "use GROUP BY with one row a key",
    "histogram": "use GROUP BY and count(*)",
    "to_iso8601": "use date_format(x, '%Y-%m-%dT%H:%i:%s')",
    "approx_percentile": "rank exactly: row_number() OVER (ORDER BY x)",
    "approx_distinct": "use count(DISTINCT x)",
    "arbitrary": "use min or max: which value comes is not defined",
    "trim": "use regexp_replace(x, '^\\s+|\\s+$', '')",
    "ltrim": "use regexp_replace(x, '^\\s+', '')",
    "rtrim": "use regexp_replace(x, '\\s+$', '')",
    "sequence": "list the values: (VALUES (1), (2)) AS t (n)",
    "current_timestamp": "give the time as a parameter",
    "current_date": "give the day as a parameter",
    "localtimestamp": "give the time as a parameter",
}

# What the parser calls functions and SQL calls syntax.
_SYNTAX: Final = (
    exp.And,
    exp.Or,
    exp.Xor,
    exp.Case,
    exp.Cast,
    exp.TryCast,
    exp.Exists,
    exp.Extract,
    exp.Unnest,
    exp.Array,
    exp.Struct,
)
# Names the parser forgets: it keeps one class for several spellings, and builds some for syntax.
_NAMES: Final = {
    exp.ArgMax: "max_by",
    exp.ArgMin: "min_by",
    exp.ArraySize: "cardinality",
    exp.ArrayToString: "array_join",
    exp.DayOfWeekIso: "day_of_week",
    exp.GenerateSeries: "sequence",
    exp.AnyValue: "arbitrary",
    exp.LogicalAnd: "bool_and",
    exp.LogicalOr: "bool_or",
    exp.RegexpReplace: "regexp_replace",
    exp.StrToTime: "date_parse",
    exp.TimeToStr: "date_format",
    exp.TimeToUnix: "to_unixtime",
    exp.UnixToTime: "from_unixtime",
}


def name_of(function: Any) -> str | None:
    """The name of a function call as Athena spells it; None where the node is syntax and no function."""
    if isinstance(function, _SYNTAX):
        return None
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return _NAMES.get(type(function)) or str(function.sql("athena")).split("(")[0].strip().lower()
