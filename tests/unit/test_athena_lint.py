"""What the linter refuses, rule by rule, and what it lets pass."""

import pytest

from workbench.athena.errors import QueryError
from workbench.athena.functions import FORBIDDEN
from workbench.athena.lint import RULES, Finding, lint

REFUSED = [
    ("subscript", "SELECT src_tags['team'] FROM flow_logs"),
    ("subscript", "SELECT map_keys(src_tags)[1] FROM flow_logs"),
    ("function", "SELECT format('%s', bytes) FROM flow_logs"),
    ("function", "SELECT try(bytes / nullif(packets, 0)) FROM flow_logs"),
    ("function", "SELECT contains('10.0.0.0/8', srcaddr) FROM flow_logs"),
    ("function", "SELECT ip_prefix(srcaddr, 8) FROM flow_logs"),
    ("function", "SELECT map_filter(src_tags, (k, v) -> v = 'a') FROM flow_logs"),
    ("function", "SELECT map_agg(srcaddr, bytes) FROM flow_logs"),
    ("function", "SELECT to_iso8601(arrived_at) FROM flow_logs"),
    ("function", "SELECT approx_percentile(bytes, 0.5) FROM flow_logs"),
    ("function", "SELECT histogram(action) FROM flow_logs"),
    ("function", "SELECT current_timestamp"),
    ("function", "SELECT levenshtein_distance(action, srcaddr) FROM flow_logs"),
    ("ip-type", "SELECT CAST(srcaddr AS ipaddress) FROM flow_logs"),
    ("ip-type", "SELECT TRY_CAST(srcaddr AS ipprefix) FROM flow_logs"),
    ("cast-type", "SELECT CAST(action AS varchar(3)) FROM flow_logs"),
    ("cast-type", "SELECT CAST(action AS json) FROM flow_logs"),
    ("decimal-division", "SELECT 100.0 * bytes / nullif(packets, 0) FROM flow_logs"),
    ("decimal-division", "WITH w AS (SELECT 100.0 AS n) SELECT n / 3 FROM w"),
    ("decimal-division", "SELECT CAST(bytes AS decimal(20, 2)) / 3 FROM flow_logs"),
    ("unguarded-division", "SELECT bytes / packets FROM flow_logs"),
    ("unguarded-division", "SELECT bytes / 0 FROM flow_logs"),
    ("unguarded-division", "SELECT bytes % packets FROM flow_logs"),
    ("regexp-replacement", "SELECT regexp_replace(action, 'A', srcaddr) FROM flow_logs"),
    ("time-format", "SELECT date_format(arrived_at, '%W') FROM flow_logs"),
    ("time-format", "SELECT date_parse(day, hour) FROM flow_logs"),
    ("zero-position", "SELECT substr(action, 0) FROM flow_logs"),
    ("foreign-syntax", "SELECT action ILIKE 'a%' FROM flow_logs"),
    ("foreign-syntax", "SELECT * EXCLUDE (bytes) FROM flow_logs"),
    ("foreign-syntax", "SELECT DISTINCT ON (action) action FROM flow_logs"),
    ("foreign-syntax", "SELECT a.bytes FROM flow_logs AS a NATURAL JOIN flow_logs AS b"),
    ("foreign-syntax", "SELECT a.bytes FROM flow_logs AS a LEFT SEMI JOIN flow_logs AS b ON a.bytes = b.bytes"),
    ("foreign-syntax", "SELECT unnest(map_keys(src_tags)) FROM flow_logs"),
    ("foreign-syntax", "SELECT bytes FROM flow_logs TABLESAMPLE BERNOULLI (10)"),
    ("foreign-syntax", "WITH RECURSIVE w AS (SELECT 1 AS n) SELECT n FROM w"),
    ("foreign-syntax", "SELECT ARRAY[1, 2]"),
    ("reserved-word", "SELECT end FROM flow_logs"),
    ("reserved-word", "SELECT bytes AS last FROM flow_logs"),
    ("parameter-place", "SELECT bytes FROM flow_logs LIMIT ?"),
    ("parameter-place", "SELECT ? FROM flow_logs"),
    ("parameter-place", "SELECT action FROM flow_logs GROUP BY action HAVING count(*) > ?"),
    ("parameter-place", "CREATE VIEW v AS SELECT bytes FROM flow_logs WHERE day = ?"),
]

PASSED = [
    "SELECT element_at(src_tags, 'team') FROM flow_logs",
    "SELECT 1e2 * bytes / nullif(packets, 0), 1.5e0 / 3 FROM flow_logs",
    "SELECT bytes * 1.5 FROM flow_logs",
    "SELECT bytes / 1024, packets % 2 FROM flow_logs",
    'SELECT "end" AS "last" FROM flow_logs',
    "SELECT bytes FROM flow_logs WHERE bytes IN (SELECT packets FROM flow_logs WHERE day = ?)",
    "SELECT t.k FROM flow_logs CROSS JOIN UNNEST(src_tags) AS t (k, v)",
    "SELECT regexp_replace(action, '(A)', '$1$1'), date_format(arrived_at, '%Y-%m-%d %H:%i:%s') FROM flow_logs",
    "SELECT bytes FROM flow_logs WHERE EXISTS (SELECT 1 FROM flow_logs) AND NOT (action = 'ACCEPT' OR bytes > 1)",
]

PARTITIONED = [
    "SELECT bytes FROM flow_logs WHERE day = '2026-01-01'",
    "SELECT bytes FROM flow_logs AS f WHERE f.day BETWEEN ? AND ? AND bytes > 1",
    "WITH w AS (SELECT bytes FROM flows_once WHERE day >= ? AND day <= '2026-01-02') SELECT sum(bytes) FROM w",
    "SELECT charge FROM prices",
    "SELECT line_item_usage_amount FROM cost_and_usage_report WHERE billing_period >= ?",
]
UNPARTITIONED = [
    "SELECT bytes FROM flow_logs",
    "SELECT bytes FROM flow_logs WHERE bytes > 1",
    "SELECT bytes FROM flow_costs WHERE hour = '05'",
    "SELECT a.bytes FROM flow_logs AS a JOIN flows_once AS b ON a.bytes = b.bytes WHERE a.day = b.day",
    "SELECT line_item_usage_amount FROM cost_and_usage_report WHERE line_item_usage_type = 'x'",
    "WITH w AS (SELECT day, bytes FROM flow_logs) SELECT sum(bytes) FROM w WHERE day = '2026-01-01'",
]


@pytest.mark.parametrize(("rule", "sql"), REFUSED)
def test_a_construct_that_differs_is_refused_by_its_rule(rule, sql):
    """Each rule finds its construct, and no other rule takes it for its own."""
    found = lint(sql)

    assert {rule} == {finding.rule for finding in found}
    assert all(finding.mend for finding in found)


@pytest.mark.parametrize("sql", PASSED)
def test_the_common_part_of_sql_passes(sql):
    """What both engines answer alike, or a rewrite makes equal, is not refused."""
    assert lint(sql) == []


@pytest.mark.parametrize("sql", PARTITIONED)
def test_a_saved_query_with_a_filter_on_day_passes(sql):
    """A comparison of the partition column with a value in the SELECT that reads the table is enough."""
    assert lint(sql, saved=True) == []


@pytest.mark.parametrize("sql", UNPARTITIONED)
def test_a_saved_query_without_a_filter_on_day_is_refused(sql):
    """A saved query never reads the whole lake; the same SQL may be typed by hand."""
    assert [finding.rule for finding in lint(sql, saved=True)] == ["partition-filter"]
    assert lint(sql) == []


def test_every_rule_refuses_something():
    """The table above holds a case for each rule."""
    assert {rule.__name__.replace("_", "-") for rule in RULES} == {rule for rule, _ in REFUSED}


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_forbidden_function_is_recognised_by_its_name(name):
    """The name in the table is the one under which the parser's call is looked up, so the mend is the table's."""
    arguments = {"format": "'%s', 1", "approx_percentile": "n, 5e-1", "sequence": "1, 3", "contains": "n, 1"}
    arguments |= {"map_filter": "n, (k, v) -> v"}
    keywords = ("current_timestamp", "current_date", "localtimestamp")
    call = name if name in keywords else f"{name}({arguments.get(name, 'n')})"

    assert [finding.mend for finding in lint("SELECT call FROM t".replace("call", call))] == [FORBIDDEN[name]]


def test_a_finding_prints_on_one_line():
    """What, where and the mend: culprit, rule, what to write instead."""
    finding = Finding("subscript", "m['k'] fails on Athena where the key is missing", "use element_at")

    assert str(finding) == "SQL: m['k'] fails on Athena where the key is missing [subscript]; use element_at"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("", "begins with nothing"),
        ("DROP TABLE flow_logs", "begins with 'DROP'"),
        ("COPY flow_logs TO 'x'", "begins with 'COPY'"),
        ("EXPLAIN SELECT 1", "begins with 'EXPLAIN'"),
        ("CREATE TABLE t AS SELECT 1 AS n", "begins with 'CREATE'"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT bytes FROM flow_logs WHERE", "line 1, near 'WHERE'"),
        ("SELECT bytes\nFROM flow_logs QUALIFY 1 = 1", "line 2"),
        ("SELECT 'a FROM flow_logs", "a quote or comment is not closed"),
        ("SELECT bytes::varchar FROM flow_logs", "write CAST"),
    ],
)
def test_what_is_no_single_query_ends_in_one_line(sql, told):
    """Bad SQL names the place and the mend, without a parser's trace."""
    with pytest.raises(QueryError) as error:
        lint(sql)

    message = str(error.value)
    assert told in message
    assert ";" in message
    assert "\n" not in message
