"""What Athena answers, by Trino's manual, for every function that queries may use and for every rewrite.

Expected values are read off trino.io/docs/current/functions.html and language/types.html, never off DuckDB.
"""

from datetime import UTC, date, datetime

import pytest
from athena_lake import write_lake

from workbench.athena.engine import Lake
from workbench.athena.errors import QueryError
from workbench.athena.functions import ALLOWED


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


ROW = {
    "day": "2026-03-01",
    "hour": "10",
    "bytes": 7,
    "packets": 2,
    "srcport": 2,
    "dstport": 0,
    "protocol": -7,
    "start": 1767225600,
    "end": 9007199254740993,
    "action": "ACCEPT",
    "src_name": "web-1.eu",
    "dst_name": "12.7",
    "src_project": "7",
    "src_tags": {"team": "a", "env": "b"},
    "arrived_at": _at("2026-03-01 10:30:45"),
}

# One value: an expression over ROW. instance_id, dst_tags and tcp_flags are null.
EXPRESSIONS = [
    # integers divide to integers, towards zero, exactly
    ("bytes / 2", 3),
    ("protocol / 2", -3),
    ('"end" / 1', 9007199254740993),
    ("srcport / 4", 0),
    ("bytes / 2e0", 3.5),
    ("bytes * 1e0 / 2", 3.5),
    ("sum(bytes) / 2", 3),
    ("tcp_flags / 2", None),
    ("bytes / 2 * 2", 6),
    ("bytes / nullif(dstport, 0)", None),
    ("protocol % 4", -3),
    ("mod(protocol, 4)", -3),
    # conditions
    ("coalesce(instance_id, 'none')", "none"),
    ("nullif(action, 'ACCEPT')", None),
    ("if(bytes > 5, 'big', 'small')", "big"),
    ("if(tcp_flags > 5, 'big')", None),
    ("greatest(bytes, tcp_flags)", None),
    ("least(bytes, packets)", 2),
    ("CASE WHEN tcp_flags = 1 THEN 'one' ELSE 'other' END", "other"),
    # casts: nearest integer, halves away from zero; text must be digits
    ("CAST(2.5e0 AS bigint)", 3),
    ("CAST(-2.5e0 AS bigint)", -3),
    ("TRY_CAST(0.5e0 AS integer)", 1),
    ("TRY_CAST(dst_name AS bigint)", None),
    ("TRY_CAST(src_project AS bigint)", 7),
    ("TRY_CAST(' 7' AS bigint)", None),
    ("TRY_CAST(instance_id AS bigint)", None),
    ("CAST(src_project AS integer)", 7),
    ("CAST(instance_id AS integer)", None),
    ("CAST(bytes AS varchar)", "7"),
    ("CAST(day AS date)", date(2026, 3, 1)),
    # numbers
    ("abs(protocol)", 7),
    ("ceil(1.2e0)", 2.0),
    ("ceiling(bytes)", 7),
    ("floor(-1.5e0)", -2.0),
    ("floor(bytes) / 2", 3),
    ("round(2.5e0)", 3.0),
    ("round(-2.5e0)", -3.0),
    ("round(1.25e0, 1)", 1.3),
    ("power(packets, 3)", 8.0),
    ("bitwise_and(bytes, 3)", 3),
    ("bitwise_or(bytes, 8)", 15),
    ("bitwise_xor(bytes, 1)", 6),
    # text
    ("lower(action)", "accept"),
    ("upper(src_name)", "WEB-1.EU"),
    ("length(src_name)", 8),
    ("substr(src_name, 5)", "1.eu"),
    ("substr(src_name, -2)", "eu"),
    ("substring(src_name, 1, 3)", "web"),
    ("replace(src_name, 'e', 'E')", "wEb-1.Eu"),
    ("strpos(src_name, '.')", 6),
    ("strpos(src_name, '#')", 0),
    ("split_part(src_name, '.', 2)", "eu"),
    ("split_part(src_name, '.', 3)", None),
    ("starts_with(src_name, 'web')", True),
    ("lpad(src_project, 3, '0')", "007"),
    ("rpad(src_name, 3, 'x')", "web"),
    ("reverse(src_project || 'x')", "x7"),
    ("concat(action, instance_id)", None),
    ("action || '!'", "ACCEPT!"),
    ("regexp_like(src_name, '[0-9]')", True),
    ("regexp_extract(src_name, '([a-z]+)-([0-9])', 2)", "1"),
    ("regexp_extract(src_name, '[a-z]+')", "web"),
    ("regexp_extract(src_name, 'x([0-9])', 1)", None),
    ("regexp_replace(src_name, '([a-z]+)-([0-9])', '$2-$1')", "1-web.eu"),
    ("regexp_replace(src_name, 'e', '\\$')", "w$b-1.$u"),
    ("regexp_replace(src_name, '[^a-z]')", "webeu"),
    ("action LIKE 'ACC%'", True),
    # times
    ("date_trunc('hour', arrived_at)", _at("2026-03-01 10:00:00")),
    ("date_trunc('month', CAST(day AS date))", date(2026, 3, 1)),
    ("date_add('day', -1, CAST(day AS date))", date(2026, 2, 28)),
    ("CAST(day AS date) + INTERVAL '1' DAY", date(2026, 3, 2)),
    ("CAST(day AS date) - INTERVAL '1' DAY", date(2026, 2, 28)),
    ("CAST(date_add('day', 1, CAST(day AS date)) AS varchar)", "2026-03-02"),
    ("date_add('hour', 14, arrived_at)", _at("2026-03-02 00:30:45")),
    ("arrived_at + INTERVAL '90' MINUTE", _at("2026-03-01 12:00:45")),
    ("date_diff('hour', TIMESTAMP '2026-01-01 00:59:00', TIMESTAMP '2026-01-01 01:01:00')", 0),
    ("date_diff('hour', TIMESTAMP '2026-01-01 00:00:00', TIMESTAMP '2026-01-01 02:59:59')", 2),
    ("date_diff('day', CAST('2026-01-01' AS date), CAST(day AS date))", 59),
    ('from_unixtime("start")', datetime(2026, 1, 1, tzinfo=UTC)),
    ("to_unixtime(TIMESTAMP '2026-01-01 00:00:00')", 1767225600.0),
    ("to_unixtime(TIMESTAMP '2026-01-01 00:00:00') / 2", 883612800.0),
    ("date_format(arrived_at, '%Y-%m-%dT%H:%i:%s')", "2026-03-01T10:30:45"),
    ("date_parse('2026-03-01 05', '%Y-%m-%d %H')", _at("2026-03-01 05:00:00")),
    ("year(arrived_at)", 2026),
    ("quarter(arrived_at)", 1),
    ("month(arrived_at)", 3),
    ("day(arrived_at)", 1),
    ("hour(arrived_at)", 10),
    ("minute(arrived_at)", 30),
    ("second(arrived_at)", 45),
    ("day_of_week(arrived_at)", 7),  # 2026-03-01 is a Sunday; Monday is 1
    ("EXTRACT(day FROM arrived_at)", 1),
    # maps
    ("element_at(src_tags, 'team')", "a"),
    ("element_at(src_tags, 'none')", None),
    ("element_at(dst_tags, 'team')", None),
    ("element_at(map_keys(src_tags), 1)", "team"),
    ("element_at(map_values(src_tags), 3)", None),
    ("cardinality(src_tags)", 2),
    ("cardinality(map_keys(src_tags))", 2),
    ("cardinality(dst_tags)", None),
    ("array_join(map_values(src_tags), '+')", "a+b"),
]

# Statements and their rows; numbers stands for this table.
NUMBERS = "(VALUES (1, 'a', true), (2, 'a', false), (4, 'b', CAST(NULL AS boolean))) AS t (n, s, b)"
STATEMENTS = [
    ("SELECT count(*), count(b), count(DISTINCT s), count_if(b) FROM numbers", [(3, 2, 2, 1)]),
    ("SELECT count_if(bytes > 0) FROM flow_logs WHERE bytes < 0", [(0,)]),
    ("SELECT sum(n), avg(n), min(n), max(n) FROM numbers", [(7, 7 / 3, 1, 4)]),
    ("SELECT max_by(s, n), min_by(s, n) FROM numbers", [("b", "a")]),
    ("SELECT bool_and(b), bool_or(b) FROM numbers", [(False, True)]),
    ("SELECT sum(n) FILTER (WHERE s = 'a') / 2 FROM numbers", [(1,)]),
    ("SELECT n, sum(n) OVER (ORDER BY n) / 2 FROM numbers ORDER BY n", [(1, 0), (2, 1), (4, 3)]),
    ("SELECT array_join(array_agg(s ORDER BY n DESC), ',') FROM numbers", [("b,a,a",)]),
    (
        "SELECT s, grouping(s), sum(n) FROM numbers GROUP BY ROLLUP (s) ORDER BY 2, 1",
        [("a", 0, 3), ("b", 0, 4), (None, 1, 7)],
    ),
    (
        "SELECT s, sum(n) FROM numbers GROUP BY GROUPING SETS ((s), ()) ORDER BY s",
        [("a", 3), ("b", 4), (None, 7)],
    ),
    (
        """SELECT n, row_number() OVER (ORDER BY n DESC), rank() OVER (ORDER BY s), dense_rank() OVER (ORDER BY s)
        FROM numbers ORDER BY n""",
        [(1, 3, 1, 1), (2, 2, 1, 1), (4, 1, 3, 2)],
    ),
    (
        """SELECT n, lag(n) OVER (ORDER BY n), lead(n, 1, 0) OVER (ORDER BY n), first_value(n) OVER (ORDER BY n),
        last_value(n) OVER (ORDER BY n) FROM numbers ORDER BY n""",
        [(1, None, 2, 1, 1), (2, 1, 4, 1, 2), (4, 2, 0, 1, 4)],
    ),
    ("SELECT b FROM numbers ORDER BY b", [(False,), (True,), (None,)]),
    ("SELECT b FROM numbers ORDER BY b DESC", [(True,), (False,), (None,)]),
    (
        "SELECT t.k, t.v FROM flow_logs CROSS JOIN UNNEST(src_tags) AS t (k, v) ORDER BY t.k",
        [("env", "b"), ("team", "a")],
    ),
    (
        "WITH w AS (SELECT CAST(day AS date) AS d FROM flow_logs) SELECT date_trunc('month', d), d FROM w",
        [(date(2026, 3, 1), date(2026, 3, 1))],
    ),
    (
        "WITH w AS (SELECT bytes / 2 AS half FROM flow_logs) SELECT a.half, b.half / 2 FROM w AS a, w AS b",
        [(3, 1)],
    ),
]


def _select(expression: str) -> str:
    return f"SELECT {expression} AS answer FROM flow_logs"  # noqa: S608  # expressions are this file's own


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """One lake of one row for all cases."""
    directory = write_lake(tmp_path_factory.mktemp("lake"), [ROW])
    with Lake(directory) as lake:
        yield lake


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[expression for expression, _ in EXPRESSIONS])
def test_an_expression_means_what_it_means_on_athena(lake, expression, expected):
    """Each allowed function and each rewrite gives the value of Trino's manual, with its type."""
    ((answer,),) = lake.run(_select(expression)).rows

    assert (expected, type(expected)) == (answer, type(answer))


@pytest.mark.parametrize(("statement", "rows"), STATEMENTS, ids=[statement for statement, _ in STATEMENTS])
def test_a_statement_means_what_it_means_on_athena(lake, statement, rows):
    """Aggregates, windows, grouping, ordering and UNNEST give the rows of Trino's manual."""
    assert rows == list(lake.run(statement.replace("numbers", NUMBERS)).rows)


@pytest.mark.parametrize(
    "expression",
    ["CAST(dst_name AS bigint)", "CAST(' 7' AS integer)", "bytes / dstport", "bytes % dstport"],
)
def test_what_fails_on_athena_fails_here(lake, expression):
    """A text that is no integer, and division by zero, are errors and not values."""
    guarded = expression.replace("dstport", "nullif(coalesce(dstport, 1), 2)")

    with pytest.raises(QueryError, match=r"^SQL: .+; change the query or its parameters$"):
        lake.run(_select(guarded))


def test_a_sum_beyond_bigint_is_an_error(lake):
    """Trino's sum of bigint overflows with an error; DuckDB would go on with 128 bits."""
    rows = "(VALUES (CAST(9223372036854775807 AS bigint)), (CAST(1 AS bigint))) AS t (n)"

    with pytest.raises(QueryError, match="out of range"):
        lake.run("SELECT sum(n) FROM numbers".replace("numbers", rows))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("sum(bytes)", "bigint"),
        ("sum(srcport)", "bigint"),
        ("sum(bytes) FILTER (WHERE bytes > 0)", "bigint"),
        ("sum(sum(bytes)) OVER ()", "bigint"),
        ("sum(bytes) / 2e0", "double"),
        ("max(srcport)", "integer"),
        ("max(day)", "varchar"),
        ("max(arrived_at)", "timestamp"),
        ("max(CAST(day AS date))", "date"),
        ("count(*)", "bigint"),
        ("bool_or(bytes > 0)", "boolean"),
    ],
)
def test_types_are_those_of_athena(lake, expression, kind):
    """A result tells Athena's types: a sum of integers is a bigint, with FILTER and OVER too."""
    assert (kind,) == lake.run(_select(expression)).types


def test_every_allowed_function_has_a_case():
    """Nothing is allowed that this file does not compare."""
    text = " ".join([expression for expression, _ in EXPRESSIONS] + [statement for statement, _ in STATEMENTS])

    assert sorted(name for name in ALLOWED if f"{name}(" not in text) == []
