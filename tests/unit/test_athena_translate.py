"""From Athena's SQL to DuckDB's: names, parameters, and the one line that a mistake gets."""

import pytest

from workbench.athena.catalog import flow_logs
from workbench.athena.errors import QueryError
from workbench.athena.translate import translate

CATALOG = {
    "flow_logs": flow_logs(),
    "prices": {"charge": "varchar", "usd": "double", "day": "varchar"},
}

MISTAKES = [
    ("SELECT byts FROM flow_logs", "byts is no column of flow_logs; did you mean bytes?"),
    ("SELECT f.byts FROM flow_logs AS f", "byts is no column of flow_logs; did you mean bytes?"),
    ("SELECT bytes FROM flowlogs", "table flowlogs is not in the lake; did you mean flow_logs?"),
    ("SELECT bytes FROM 'x.parquet'", "table x.parquet is not in the lake"),
    ("SELECT n FROM read_parquet('x')", "read_parquet"),
    ("SELECT day FROM flow_logs AS f, prices AS p", "write table.day"),
    ("SELECT x.bytes FROM flow_logs AS f", "write table.bytes"),
    ("SELECT bytes AS b FROM flow_logs WHERE b > 1", "b is a name given in SELECT"),
    ("SELECT action AS a, count(*) AS n FROM flow_logs GROUP BY a", "a is a name given in SELECT"),
    ("SELECT action, count(*) AS n FROM flow_logs GROUP BY action HAVING n > 1", "n in HAVING"),
    ("SELECT bytes FROM flow_logs WHERE hour = 5", "mixes text and integer"),
    ("SELECT bytes FROM flow_logs WHERE hour IN (5, 6)", "mixes text and integer"),
    ("SELECT bytes FROM flow_logs WHERE bytes BETWEEN '1' AND '2'", "mixes integer and text"),
    ("SELECT bytes FROM flow_logs WHERE CAST(day AS date) > '2026-01-01'", "mixes date and text"),
    ("SELECT coalesce(bytes, 'none') FROM flow_logs", "mixes integer and text"),
    ("SELECT bytes || ' B' FROM flow_logs", "use CAST(flow_logs.bytes AS varchar)"),
    ("SELECT concat(action, bytes) FROM flow_logs", "use CAST(flow_logs.bytes AS varchar)"),
    ("SELECT bytes FROM flow_logs WHERE bytes LIKE '1%'", "use CAST(flow_logs.bytes AS varchar)"),
    ("SELECT CAST(arrived_at AS varchar) FROM flow_logs", "use date_format"),
    ("SELECT CAST(usd AS varchar) FROM prices", "prints a fraction differently"),
    ("SELECT CAST(src_tags AS varchar) FROM flow_logs", "use element_at"),
    ("SELECT grouping(action) / 2, t.v / 2 FROM flow_logs CROSS JOIN UNNEST(src_tags) AS t (k, v)", "is not known"),
    ("SELECT src_tags['team'] FROM flow_logs", "[subscript]"),
]


@pytest.mark.parametrize(("sql", "told"), MISTAKES)
def test_a_mistake_is_one_line_with_culprit_and_mend(sql, told):
    """Unknown names, names of the wrong place, and types that Athena refuses are all refused here, in one line."""
    with pytest.raises(QueryError) as error:
        translate(sql, CATALOG)

    message = str(error.value)
    assert told in message
    assert message.startswith("SQL: ")
    assert "\n" not in message


def test_columns_without_a_name_are_called_as_athena_calls_them():
    """Unnamed columns are _col and their position, also after a star and in ORDER BY."""
    translated = translate("SELECT p.*, 1 + 1, usd * 2e0 FROM prices AS p ORDER BY 5 DESC", CATALOG)

    expected = (
        'SELECT "p"."charge" AS "charge", "p"."usd" AS "usd", "p"."day" AS "day", 1 + 1 AS "_col3", '
        '"p"."usd" * 2e0 AS "_col4" FROM "prices" AS "p" ORDER BY "_col4" DESC'
    )
    assert expected == translated.sql


def test_a_union_is_named_and_ordered_by_its_first_select():
    """Each SELECT counts its own columns; ORDER BY goes by the first one's."""
    translated = translate(
        "SELECT usd * 2e0, charge FROM prices UNION ALL SELECT usd, day FROM prices ORDER BY 1", CATALOG
    )

    expected = (
        'SELECT "prices"."usd" * 2e0 AS "_col0", "prices"."charge" AS "charge" FROM "prices" AS "prices" UNION ALL '
        'SELECT "prices"."usd" AS "usd", "prices"."day" AS "day" FROM "prices" AS "prices" ORDER BY "_col0"'
    )
    assert expected == translated.sql


def test_parameters_keep_their_place_when_a_rewrite_moves_them():
    """date_diff swaps its arguments for DuckDB; the first ? stays the first value."""
    sql = "SELECT bytes FROM flow_logs WHERE date_diff('day', CAST(? AS date), CAST(? AS date)) > 1 AND action <> '?'"

    translated = translate(sql, CATALOG)

    assert translated.parameters == 2
    assert "DATE_SUB('day', CAST($p1 AS DATE), CAST($p2 AS DATE)) > 1" in translated.sql
    assert "<> '?'" in translated.sql


def test_names_may_be_written_in_any_case_and_quoted():
    """Athena's names are lower case, however they are written."""
    translated = translate('SELECT F.Bytes, "end" FROM FLOW_LOGS AS f', CATALOG)

    assert translated.sql == 'SELECT "f"."bytes" AS "bytes", "f"."end" AS "end" FROM "flow_logs" AS "f"'


def test_of_a_view_the_query_is_translated():
    """CREATE VIEW … AS gives the query after AS."""
    translated = translate("CREATE OR REPLACE VIEW v AS SELECT charge FROM prices", CATALOG)

    assert translated.sql == 'SELECT "prices"."charge" AS "charge" FROM "prices" AS "prices"'


def test_a_with_query_is_inlined_as_on_athena():
    """Filters reach the table through a WITH that is named twice."""
    translated = translate("WITH w AS (SELECT usd FROM prices) SELECT a.usd FROM w AS a, w AS b", CATALOG)

    assert 'WITH "w" AS NOT MATERIALIZED (' in translated.sql
