"""`vpcflow query --engine athena`: Athena's answers are DuckDB's, what they took is told, nothing is left running."""

import csv
import io
import json
from threading import Event

import pytest
from athena_cloud import CREDENTIALS, DATABASE, OPTIONS, PATIENT, WORK_GROUP, athena_over, demo_lake, engine_of, status
from console_blocks import ROOT
from recorded.actions import needs

from workbench.athena.engine import Lake
from workbench.athena.errors import QueryError
from workbench.athena.remote_engine import AthenaEngine, Place, ScanPrice
from workbench.athena.saved import get, list_queries
from workbench.cli import main
from workbench.cloud import FOREVER, Refuse
from workbench.cloud.policies import Request, is_allowed

NAMES = [query.name for query in list_queries()]
EVERY_TYPE = """SELECT true AS flag, 1 AS whole, bytes, 1.5e0 AS fraction,
    CAST('1.50' AS decimal(10, 2)) AS cents, CAST('2026-11-01' AS date) AS day_of,
    CAST('2026-11-01 02:03:04.005' AS timestamp) AS moment, 'it''s' AS text,
    '' AS blank, CAST(NULL AS bigint) AS missing FROM flow_logs ORDER BY bytes DESC LIMIT 1"""
ENDLESS = """SELECT count(*) AS n
    FROM flow_logs AS a CROSS JOIN flow_logs AS b CROSS JOIN flow_logs AS c CROSS JOIN flow_logs AS d
    WHERE a.bytes + b.bytes < c.bytes + d.bytes"""
# Nothing is compacted, and S3 is reached through endpoints already.
EMPTY = {"cross_az_rows", "nat_endpoint_savings"}
# The only addresses of the demo's lake that a test has to know.
GIVEN = {"address_traffic": {"address": "10.30.147.215"}}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """The tutorial's lake."""
    return demo_lake(tmp_path_factory.mktemp("athena"))


@pytest.fixture(scope="module")
def cloud(lake):
    """Athena over it."""
    with athena_over(lake) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def opened(lake):
    """The same lake, opened by DuckDB."""
    with Lake(lake) as opened:
        yield opened


@pytest.fixture
def ask(cloud, monkeypatch, capsys):
    """A caller of `vpcflow query` on the cloud's Athena: exit code, output, errors."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def asked(*argv: object, options: tuple[str, ...] = (*OPTIONS, "--endpoint-url")) -> tuple[int, str, str]:
        capsys.readouterr()
        endpoint = [cloud.endpoint] if options else []
        code = main(["query", *options, *endpoint, *map(str, argv)])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    yield asked
    cloud.clear_faults()


def same(left, right) -> bool:
    """Equal, and of one type; sums of fractions to twelve digits, because both add in an order of their own."""
    if isinstance(left, float) and isinstance(right, float):
        return left == pytest.approx(right, rel=1e-12, nan_ok=True)
    return type(left) is type(right) and left == right


# One of each group at once; the others with the slow tests.
AT_ONCE = {"cross_az_traffic", "estimated_charges", "top_talkers", "rejects_by_project", "unresolved_share"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in AT_ONCE else pytest.mark.slow) for name in NAMES]
)
def test_a_saved_query_is_answered_as_by_duckdb(name, cloud, opened):
    """The same columns, types and rows in the same order; and there are rows, or they would say nothing."""
    query = get(name)
    values = query.bind(GIVEN.get(name, {}))
    local, remote = opened.run(query.sql, values), engine_of(cloud).run(query.sql, values)

    assert bool(local.rows) is (name not in EMPTY)
    assert remote.columns == local.columns
    assert remote.types == tuple(kind.partition("(")[0] for kind in local.types)
    assert len(remote.rows) == len(local.rows)
    for left, right in zip(remote.rows, local.rows, strict=True):
        assert all(map(same, left, right)), (left, right)


def test_values_of_every_type_come_as_duckdb_gives_them(cloud, opened):
    """Athena writes text; a value is read by its column's type, null stays null and an empty text empty."""
    remote, local = engine_of(cloud).run(EVERY_TYPE), opened.run(EVERY_TYPE)
    assert all(map(same, remote.rows[0], local.rows[0])), (remote, local)
    assert [type(value).__name__ for value in remote.rows[0]] == [
        "bool", "int", "int", "float", "Decimal", "date", "datetime", "str", "str", "NoneType",
    ]  # fmt: skip


def test_an_answer_of_several_pages_is_whole(cloud):
    """More rows than one page of a thousand holds: each once, in order."""
    sql = 'SELECT row_number() OVER (ORDER BY bytes, packets, "start") AS n FROM flow_logs ORDER BY n'
    rows = engine_of(cloud).run(sql).rows
    assert [row[0] for row in rows] == list(range(1, 1521))


def test_the_command_prints_the_same_by_both_engines(ask, lake):
    """A parameter is given; the error stream tells what it took as one JSON object."""
    argv = ("cross_az_traffic", "--param", "first_day=2025-11-20", "--output", "csv")
    by_duckdb = ask(*argv, "--lake", lake, options=())
    code, out, err = ask(*argv)

    assert by_duckdb == (0, out, "")
    assert code == 0
    assert "use1-az1" in out
    told = json.loads(err)
    assert err.count("\n") == 1
    assert told["parameters"] == ["'2025-11-20'", "'2999-12-31'", "'2025-11-20'", "'2999-12-31'"]
    assert told["scanned_bytes"] == sum(file.stat().st_size for file in lake.rglob("*.parquet"))
    assert told["estimated_usd"] == 0.00005  # the smallest charge: 10 MB of $5 a TB


def test_quiet_tells_the_answer_alone(ask):
    """For scripts that read both streams."""
    assert ask("top_talkers", "--quiet", "--output", "json")[::2] == (0, "")


def test_history_shows_which_saved_query_it_was(ask, cloud):
    """The header's comments, with their question marks, stay at home."""
    cloud.reset_calls()
    ask("top_talkers")
    (started,) = [call.params for call in cloud.calls if call.operation == "StartQueryExecution"]
    first, second = started["QueryString"].splitlines()[:2]
    assert first == "-- vpcflow query top_talkers"
    assert not second.startswith("--")
    assert started["WorkGroup"] == WORK_GROUP
    assert "ResultConfiguration" not in started


def test_results_go_where_they_are_told_to(ask, cloud):
    """A workgroup without a place of its own needs one with the query."""
    cloud.reset_calls()
    ask("--sql", "SELECT 1 AS one", "--results", "s3://results/mine/")
    (started,) = [call.params for call in cloud.calls if call.operation == "StartQueryExecution"]
    assert started["ResultConfiguration"] == {"OutputLocation": "s3://results/mine/"}
    assert "ExecutionParameters" not in started


def test_a_query_nobody_waits_for_is_stopped(cloud):
    """Ctrl-C while it runs: StopQueryExecution, and the interrupt goes on."""
    cloud.reset_calls()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_of(cloud, interrupted).run(ENDLESS)
    (stopped,) = [call.params for call in cloud.calls if call.operation == "StopQueryExecution"]
    assert status(cloud.client("athena", config=PATIENT), stopped["QueryExecutionId"]) == "CANCELLED"


def test_a_query_whose_end_cannot_be_seen_is_stopped(cloud):
    """A refused look at it, too: it would read on, and be paid for."""
    cloud.reset_calls()
    cloud.fail("athena", "GetQueryExecution", Refuse("AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDenied"):
        engine_of(cloud).run("SELECT 1 AS one")
    assert cloud.count("athena", "StopQueryExecution") == 1


def test_a_query_that_ended_is_not_stopped(cloud):
    """Neither one that succeeded nor one that failed."""
    cloud.reset_calls()
    engine_of(cloud).run("SELECT 1 AS one")
    with pytest.raises(QueryError):
        engine_of(cloud).run("SELECT nothing_like_it FROM flow_logs")
    assert cloud.count("athena", "StopQueryExecution") == 0


def test_waiting_grows_to_two_seconds(cloud):
    """Short queries are answered at once, long ones are not asked about ten times a second."""
    waits: list[float] = []
    seen = Event()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 8:
            seen.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_of(cloud, wait).run(ENDLESS)
    assert seen.is_set()
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("sql", ["DROP TABLE flow_logs", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one",
                                 "INSERT INTO flow_logs SELECT 1", "UNLOAD (SELECT 1) TO 's3://x/'"])  # fmt: skip
def test_what_would_change_something_is_not_even_sent(sql, ask, cloud):
    """This command asks; exit code 2 without a call."""
    cloud.reset_calls()
    code, out, err = ask("--sql", sql)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "only a query" in err
    assert cloud.calls == ()


WRONG = {
    "no database": (("top_talkers", "--engine", "athena"), "--database: is missing"),
    "a lake, too": (("top_talkers", *OPTIONS, "--lake", "x"), "is for --engine duckdb"),
    "an engine that is none": (("top_talkers", "--engine", "presto"), "give duckdb or athena"),
    "no URL": (("top_talkers", *OPTIONS, "--endpoint-url", "localhost"), "give one such as http"),
    "no place": (("top_talkers", *OPTIONS, "--results", "results/"), "give s3://bucket/prefix/"),
    "no region": (("top_talkers", *OPTIONS, "--region", "Frankfurt"), "give one such as us-east-1"),
    "database for duckdb": (("top_talkers", "--lake", "x", "--database", "y"), "belongs to --engine athena"),
}


@pytest.mark.parametrize("case", WRONG)
def test_options_that_do_not_go_together_are_refused(case, ask):
    """Exit code 2, one line with the mend, before anything is asked."""
    argv, mend = WRONG[case]
    code, out, err = ask(*argv, options=())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert mend in err


@pytest.mark.parametrize(
    ("argv", "fault", "code", "told"),
    [
        (("--sql", "SELECT nothing_like_it FROM flow_logs"), None, 2, "change the query, its parameters or --database"),
        (("top_talkers", "--database", "nowhere"), None, 2, "Schema 'nowhere' does not exist"),
        (("top_talkers", "--workgroup", "nobody"), None, 2, "WorkGroup nobody is not found"),
        (
            ("top_talkers",),
            Refuse("AccessDeniedException"),
            2,
            "caller StartQueryExecution there, see docs/analyst",
        ),
        (("top_talkers",), Refuse("ExpiredTokenException"), 2, "log in again"),
        (("top_talkers",), Refuse("InternalServerException", 500), 1, "it can be run again"),
    ],
)
def test_what_athena_refuses_is_one_line_with_its_mend(argv, fault, code, told, ask, cloud):
    """Exit code 2 where the caller has to mend something, 1 where AWS failed."""
    if fault:
        cloud.fail("athena", "StartQueryExecution", fault, times=FOREVER)
    answer = ask(*argv, "--quiet")
    assert (answer[0], answer[1], answer[2].count("\n")) == (code, "", 1)
    assert told in answer[2]


def test_the_analyst_s_policy_allows_what_is_called(ask, cloud):
    """Every call of a query, and of one that is stopped, by the policy in docs/."""
    cloud.reset_calls()
    ask("top_talkers")
    with pytest.raises(KeyboardInterrupt):
        engine_of(cloud, lambda _: (_ for _ in ()).throw(KeyboardInterrupt)).run(ENDLESS)
    text = (ROOT / "docs" / "analyst-policy.json").read_text(encoding="utf-8")
    for place, name in (("REGION", "us-east-1"), ("ACCOUNT-ID", "123456789012"), ("WORKGROUP", WORK_GROUP)):
        text = text.replace(place, name)
    statements = json.loads(text)["Statement"]
    called = {call.operation for call in cloud.calls}
    assert called == {"StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"}
    for operation in called:
        actions, _, context = needs("athena", operation, {"WorkGroup": WORK_GROUP}, "us-east-1")
        arn = f"arn:aws:athena:us-east-1:123456789012:workgroup/{WORK_GROUP}"
        assert actions
        assert all(is_allowed(statements, Request(action, arn, dict(context))) for action in actions)


def test_csv_of_athena_is_safe_for_spreadsheets(ask):
    """The same cells as DuckDB's: a formula is quoted."""
    code, out, _ = ask("--sql", "SELECT '=1+1' AS formula, -5 AS number", "--output", "csv", "--quiet")
    assert code == 0
    assert list(csv.reader(io.StringIO(out))) == [["formula", "number"], ["'=1+1", "-5"]]


class Told:
    """Athena as its API reference describes answers that the stand-in cannot give."""

    def __init__(self, state: str, reason: str, category: int | None = None) -> None:
        error = {} if category is None else {"AthenaError": {"ErrorCategory": category}}
        self.status = {"State": state, "StateChangeReason": reason, **error}

    def start_query_execution(self, **_: object):
        """An id."""
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_: object):
        """Ended, as told."""
        return {"QueryExecution": {"Status": self.status}}


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        (Told("CANCELLED", "Bytes scanned limit was exceeded"), QueryError, "limit was exceeded; narrow its days"),
        (Told("FAILED", "HIVE_BAD_DATA", 2), QueryError, "HIVE_BAD_DATA; change the query"),
        (
            Told("FAILED", "PERMISSION_DENIED: Access Denied (Service: S3)", 2),
            QueryError,
            "docs/analyst-policy.json lists",
        ),
        (Told("FAILED", "GENERIC_INTERNAL_ERROR", 1), OSError, "GENERIC_INTERNAL_ERROR; it can be run again"),
    ],
)
def test_how_a_query_ended_says_whose_turn_it_is(told, kind, words):
    """A limit and the user's fault are to be mended; Athena's own fault is tried again."""
    with pytest.raises(kind, match=words):
        AthenaEngine(told, Place(DATABASE, WORK_GROUP), lambda _: None).run("SELECT 1 AS one")


@pytest.mark.parametrize(
    ("scanned", "usd"), [(0, "0.00005"), (10_000_000, "0.00005"), (10_000_001, "0.000055"), (2_000_000_000_000, "10")]
)
def test_the_estimate_is_the_list_price(scanned, usd):
    """$5 a TB, whole megabytes, at least ten; the other price table says the same."""
    price = ScanPrice.read()
    assert float(price.usd(scanned)) == pytest.approx(float(usd), rel=1e-9)
    running = json.loads((ROOT / "scripts" / "running_prices.json").read_text(encoding="utf-8"))["prices"]
    assert float(running["athena_gb"]["tiers"][0][1]) * 1000 == float(price.usd_per_tb)
