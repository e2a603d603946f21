"""Every saved query over the demo's estate equals what really happened, worked out in Python from the truth."""

from decimal import Decimal
from typing import Any

import pytest
from athena_lake import write_lake
from demo_truth import write_hour
from truth_answers import ANSWERS
from truth_details import DETAILS, GIVEN

from workbench.athena.engine import Lake
from workbench.athena.saved import get, list_queries

ALL = ANSWERS | DETAILS


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """(truth, opened lake) of one hour."""
    truth = write_hour(tmp_path_factory.mktemp("truth"))
    with Lake(truth.lake) as lake:
        yield truth, lake


def _keyed(rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[float]]:
    """Rows by what is exact in them; fractions beside, to be compared to the last of six places."""
    keyed = {}
    for row in rows:
        key = tuple(("fraction",) if isinstance(value, float | Decimal) else value for value in row)
        assert key not in keyed
        keyed[key] = [float(value) for value in row if isinstance(value, float | Decimal)]
    return keyed


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_saved_query_answers_what_really_happened(hour, name):
    """The same rows; bytes and flows exactly, dollars to a millionth."""
    truth, lake = hour
    query = get(name)
    everything = {"top": "100000"} if "top" in {parameter.name for parameter in query.parameters} else {}
    result = lake.run(query.sql, query.bind(everything | GIVEN.get(name, lambda _: {})(truth)))
    rows = [tuple(row[1:] if result.columns[0] == "place" else row) for row in result.rows]
    if result.columns[0] == "place":
        assert [row[0] for row in result.rows] == list(range(1, len(rows) + 1))

    expected, found = _keyed(ALL[name](truth)), _keyed(rows)

    assert expected
    assert set(found) == set(expected)
    for key, fractions in expected.items():
        assert found[key] == pytest.approx(fractions, abs=1.01e-6), key


JUDGED = """SELECT aws_region, day, hour, "start", action, traffic_class, src_az_id, dst_az_id, packets, bytes,
    judged_as AS counts_as FROM flows_judged"""


def test_rows_of_compacted_hours_answer_what_really_happened(hour, tmp_path):
    """cross_az_rows trusts counts_as; hours that are not compacted are left out."""
    truth, lake = hour
    query = get("cross_az_rows")
    rows = lake.run(JUDGED).records()
    with Lake(write_lake(tmp_path, rows)) as compacted:
        found = compacted.run(query.sql, query.bind({})).rows

    assert lake.run(query.sql, query.bind({})).rows == ()
    assert sorted(found) == sorted(row[:5] for row in ALL["cross_az_traffic"](truth))


def test_every_saved_query_has_an_answer_of_its_own():
    """No query is without an oracle."""
    assert sorted([*ALL, "cross_az_rows"]) == [query.name for query in list_queries()]


NOTHING = {"day": "2026-03-01", "hour": "10", "interface_id": "eni-a", "log_status": "NODATA", "start": 1772359200}
BARE = {"day": "2026-03-01", "hour": "10", "action": "ACCEPT", "reporter": "src", "srcaddr": "10.0.0.1",
        "dstaddr": "10.0.0.2", "bytes": 7}  # fmt: skip


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A lake whose records know next to nothing: one without data, one without owners, ports and times."""
    with Lake(write_lake(tmp_path_factory.mktemp("bare"), [NOTHING, BARE])) as lake:
        yield lake


@pytest.mark.parametrize("name", sorted(ALL))
def test_days_without_traffic_have_an_empty_answer(bare, name):
    """No row is made up where there is nothing to tell."""
    query = get(name)
    days = {parameter.name: "2001-01-01" for parameter in query.parameters if parameter.type == "date"}

    assert bare.run(query.sql, query.bind(days)).rows == ()


@pytest.mark.parametrize("name", sorted(ALL))
def test_records_that_know_nothing_name_nobody(bare, name):
    """Without owners, ports and times a query still answers, and no project, zone or dollar comes out of it."""
    query = get(name)
    result = bare.run(query.sql, query.bind({}))
    values = {
        value for row in result.records() for column, value in row.items() if column.endswith(("project", "az_id"))
    }
    dollars = {row[column] for row in result.records() for column in row if "usd" in column}

    assert values <= {"(unresolved)", None}
    assert dollars <= {0.0, None}


def test_what_is_unresolved_at_both_ends_is_of_one_kind(bare):
    """(unresolved) is no project, but bytes from it to itself stand once, under itself."""
    rows = bare.run(get("project_summary").sql, get("project_summary").bind({})).rows

    assert rows == (("(unresolved)", 7, *[0] * 9),)


def test_new_peers_are_those_of_no_earlier_day(tmp_path):
    """A pair seen the day before is known; a pair first seen on the day is new, from then on."""
    days = [
        ("2026-03-01", "10.0.0.2"),
        ("2026-03-02", "10.0.0.2"),
        ("2026-03-02", "10.0.0.3"),
        ("2026-03-03", "10.0.0.3"),
    ]
    rows = [BARE | {"day": day, "dstaddr": destination} for day, destination in days]
    query = get("new_peers")
    with Lake(write_lake(tmp_path, rows)) as lake:
        found = lake.run(query.sql, query.bind({"since_day": "2026-03-01", "first_day": "2026-03-02"})).rows

    assert found == ((1772445600, "10.0.0.1", "(unresolved)", "10.0.0.3", "(unresolved)", 2, 14),)
