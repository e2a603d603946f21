"""Athena's query API on the stand-in cloud: statements run over a real lake, through boto3."""

import time
from datetime import date, datetime
from decimal import Decimal

import pytest
from athena_lake import write_lake
from botocore.exceptions import ClientError

from workbench.cloud import LocalCloud
from workbench.cloud.athena_results import read_parameter, render

DAY = {"day": "2026-11-01", "hour": "10"}
ROWS = [DAY | {"srcaddr": f"10.0.0.{number}", "bytes": number * 100} for number in range(1, 6)]
OF_FIVE = "SELECT srcaddr, bytes FROM flow_logs WHERE day = '2026-11-01' ORDER BY srcaddr"


@pytest.fixture(scope="module")
def athena(tmp_path_factory):
    """Athena over five rows, with a database `lake` and a workgroup `desk`."""
    directory = write_lake(tmp_path_factory.mktemp("lake"), ROWS)
    with LocalCloud(lake=directory) as cloud:
        cloud.client("glue").create_database(DatabaseInput={"Name": "lake"})
        client = cloud.client("athena")
        client.create_work_group(Name="desk")
        client.directory = directory
        yield client


def start(athena, sql, *parameters: str, **more: object):
    """Start a query; returns its id."""
    values = {"ExecutionParameters": list(parameters)} if parameters else {}
    request = {"QueryExecutionContext": {"Database": "lake"}, "WorkGroup": "desk"} | values | more
    return athena.start_query_execution(QueryString=sql, **request)["QueryExecutionId"]


def wait(athena, number, *states: str):
    """The query's description once it has ended, or is in one of ``states``."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        execution = athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]
        if execution["Status"]["State"] in (states or ("SUCCEEDED", "FAILED", "CANCELLED")):
            return execution
    raise AssertionError(f"query {number} is still {execution['Status']}")


def run(athena, sql, *parameters: str, **more: object):
    """Run a query to its end; returns its status."""
    return wait(athena, start(athena, sql, *parameters, **more))["Status"]


def values(answer):
    """The rows of a page as texts; null is None."""
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["ResultSet"]["Rows"]]


def refused(action):
    """The code and message of a refused call."""
    with pytest.raises(ClientError) as error:
        action()
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_query_is_answered_in_pages_that_begin_with_the_names(athena):
    """Names are the first row of the first page; tokens lead to the end; boto3's paginator sees every row once."""
    number = start(athena, OF_FIVE)
    execution = wait(athena, number)
    assert execution["Status"]["State"] == "SUCCEEDED"
    assert execution["StatementType"] == "DML"
    first = athena.get_query_results(QueryExecutionId=number, MaxResults=2)
    assert values(first) == [["srcaddr", "bytes"], ["10.0.0.1", "100"]]
    kinds = [column["Type"] for column in first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
    assert kinds == ["varchar", "bigint"]
    pages = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=number, PaginationConfig={"PageSize": 2}
    )
    rows = [row for answer in pages for row in values(answer)]
    assert rows == [["srcaddr", "bytes"], *([f"10.0.0.{number}", str(number * 100)] for number in range(1, 6))]


def test_parameters_fill_their_places_as_literals(athena):
    """A number and a text with its quotes; what is no literal is refused, because Athena would work it out."""
    sql = "SELECT bytes FROM flow_logs WHERE day = ? AND bytes > ? AND srcaddr <> ? ORDER BY bytes"
    number = start(athena, sql, "'2026-11-01'", "300", "'O''Brien'")
    assert wait(athena, number)["Status"]["State"] == "SUCCEEDED"
    assert values(athena.get_query_results(QueryExecutionId=number))[1:] == [["400"], ["500"]]
    code, message = refused(lambda: start(athena, sql, "2026-11-01", "300", "'x'"))
    assert code == "InvalidRequestException"
    assert "2026-11-01: is no literal" in message
    failed = run(athena, sql, "'2026-11-01'")
    assert failed["State"] == "FAILED"
    assert "3 parameters" in failed["StateChangeReason"]


def test_a_view_is_created_replaced_and_read(athena):
    """What reads it sees the newer definition; without OR REPLACE a name that is taken fails."""
    of = "VIEW large AS SELECT srcaddr FROM flow_logs WHERE bytes >"
    assert run(athena, f"CREATE {of} 300")["State"] == "SUCCEEDED"
    count = "SELECT count(*) AS n FROM large"
    for statement, expected in ((None, "2"), (f"CREATE OR REPLACE {of} 100", "4")):
        if statement:
            assert run(athena, statement)["State"] == "SUCCEEDED"
        number = start(athena, count)
        wait(athena, number)
        assert values(athena.get_query_results(QueryExecutionId=number)) == [["n"], [expected]]
    again = run(athena, f"CREATE {of} 1")
    assert again["State"] == "FAILED"
    assert "there is a view large" in again["StateChangeReason"]


def test_objects_that_come_later_are_read_through_the_views(athena):
    """The lake is looked at anew where files have changed; views stay."""
    view = "CREATE OR REPLACE VIEW later AS SELECT srcaddr FROM flow_logs WHERE hour = '23'"
    assert run(athena, view)["State"] == "SUCCEEDED"
    write_lake(athena.directory, [{"day": "2026-11-01", "hour": "23", "srcaddr": "10.9.9.9"}])
    number = start(athena, "SELECT srcaddr FROM later")
    wait(athena, number)
    assert values(athena.get_query_results(QueryExecutionId=number)) == [["srcaddr"], ["10.9.9.9"]]


def test_what_a_query_gets_wrong_fails_it_with_the_reason(athena):
    """An unknown column fails the query, not the call; its results cannot be read."""
    number = start(athena, "SELECT nothing_like_it FROM flow_logs")
    status = wait(athena, number)["Status"]
    assert status["State"] == "FAILED"
    assert "nothing_like_it" in status["StateChangeReason"]
    assert status["AthenaError"]["Retryable"] is False
    code, message = refused(lambda: athena.get_query_results(QueryExecutionId=number))
    assert (code, message) == ("InvalidRequestException", "Query has not yet finished. Current state: FAILED")


def test_an_unknown_database_fails_the_query(athena):
    """As in Athena, where the name is looked up when the query runs."""
    status = run(athena, OF_FIVE, QueryExecutionContext={"Database": "nowhere"})
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("SCHEMA_NOT_FOUND")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"WorkGroup": "nobody"}, "WorkGroup nobody is not found"),
        ({"QueryString": "DROP TABLE flow_logs"}, "only a query"),
        ({"QueryString": "SELECT 1 -- " + "x" * 262_144}, "262156 characters"),
    ],
)
def test_what_athena_would_not_even_start_is_refused(athena, request_, message):
    """No query comes of it."""
    asked = {"QueryString": OF_FIVE, "QueryExecutionContext": {"Database": "lake"}, "WorkGroup": "desk"} | request_
    code, text = refused(lambda: athena.start_query_execution(**asked))
    assert code == "InvalidRequestException"
    assert message in text


def test_one_token_starts_one_query(athena):
    """The same request again gives the same query; another request with that token is refused."""
    token = "t" * 32
    first = start(athena, OF_FIVE, ClientRequestToken=token)
    assert start(athena, OF_FIVE, ClientRequestToken=token) == first
    code, _ = refused(lambda: start(athena, "SELECT 1", ClientRequestToken=token))
    assert code == "InvalidRequestException"


def test_a_query_that_runs_too_long_is_stopped(athena):
    """It ends as CANCELLED while it runs, and so does one that waits behind it; the next query runs."""
    fifty = "(VALUES " + ", ".join(f"({number})" for number in range(50)) + ")"
    crosses = " CROSS JOIN ".join(f"{fifty} AS t{number} (n{number})" for number in range(8))
    endless = start(athena, f"SELECT sum(n0 * n7) FROM {crosses}")  # noqa: S608 - our own numbers
    waits = start(athena, OF_FIVE)
    assert wait(athena, endless, "RUNNING")
    assert athena.get_query_execution(QueryExecutionId=waits)["QueryExecution"]["Status"]["State"] == "QUEUED"
    for number in (waits, endless):
        athena.stop_query_execution(QueryExecutionId=number)
        assert wait(athena, number)["Status"]["State"] == "CANCELLED"
    assert run(athena, OF_FIVE)["State"] == "SUCCEEDED"


def test_a_page_that_is_none_is_refused(athena):
    """Sizes beyond 1 to 1000, tokens of another query, queries that are not there."""
    number, other = start(athena, OF_FIVE), start(athena, "SELECT 1 AS one")
    wait(athena, number)
    wait(athena, other)
    token = athena.get_query_results(QueryExecutionId=number, MaxResults=2)["NextToken"]
    for action in (
        lambda: athena.get_query_results(QueryExecutionId=number, MaxResults=1001),
        lambda: athena.get_query_results(QueryExecutionId=other, NextToken=token),
        lambda: athena.get_query_execution(QueryExecutionId="0" * 36),
    ):
        assert refused(action)[0] == "InvalidRequestException"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (12, "12"),
        (1.5, "1.5"),
        (0.0, "0.0"),
        (100.0, "100.0"),
        (1e7, "1.0E7"),
        (-12345678.25, "-1.234567825E7"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (float("nan"), "NaN"),
        (Decimal("0.10"), "0.10"),
        (datetime(2026, 11, 1, 2, 3, 4, 5000), "2026-11-01 02:03:04.005"),  # noqa: DTZ001 - the lake's are without
        (date(2026, 11, 1), "2026-11-01"),
        ({"a": "b", "c": None}, "{a=b, c=null}"),
        ([1, None], "[1, null]"),
    ],
)
def test_values_are_written_as_java_and_athena_write_them(value, text):
    """Double.toString for doubles, three digits of a second, maps in braces."""
    assert render(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("-7", -7), ("1.50", Decimal("1.50")), ("1e2", 100.0), ("'it''s'", "it's"), ("''", ""), ("'-1'", "-1")],
)
def test_parameters_are_read_as_literals(text, value):
    """A number's kind follows from how it is written."""
    assert read_parameter(text) == value
    assert type(read_parameter(text)) is type(value)
