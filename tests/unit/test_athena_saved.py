"""Saved queries: their headers, their parameters, and their answers over a lake small enough to add up by hand."""

from typing import Any

import pytest
from athena_lake import write_lake

from workbench.athena.engine import Lake, QueryResult
from workbench.athena.errors import QueryError
from workbench.athena.saved import QUERIES, Parameter, get, list_queries

NAMES = sorted(file.stem for file in QUERIES.glob("*.sql"))
ONE_DAY = {"first_day": "2026-03-01", "last_day": "2026-03-01"}
TEN_O_CLOCK = 1772359200  # 2026-03-01T10:00:00Z
GB = 1_000_000_000

Side = dict[str, str]

SEARCH = {
    "src_status": "resolved",
    "src_vpc_id": "vpc-1",
    "src_az_id": "use1-az1",
    "src_interface_id": "eni-search",
    "src_resource_type": "instance",
    "src_resource_id": "i-search",
    "src_name": "search-1",
    "src_project": "search",
}
LEDGER = {
    "src_status": "resolved",
    "src_vpc_id": "vpc-1",
    "src_az_id": "use1-az2",
    "src_interface_id": "eni-ledger",
    "src_resource_type": "instance",
    "src_resource_id": "i-ledger",
    "src_name": "ledger-1",
    "src_project": "ledger",
}
BALANCER = {
    "src_status": "resolved",
    "src_vpc_id": "vpc-1",
    "src_az_id": "use1-az1",
    "src_interface_id": "eni-balancer",
    "src_resource_type": "load_balancer",
    "src_resource_id": "front",
}
OUTSIDE = {"src_status": "absent"}


def _to(side: Side) -> Side:
    return {name.replace("src_", "dst_"): value for name, value in side.items()}


def _flow(
    src: Side, dst: Side, addresses: tuple[str, str], gigabytes: float, traffic_class: str, **more: Any
) -> dict[str, Any]:
    srcaddr, dstaddr = addresses
    return {
        "day": "2026-03-01",
        "hour": "10",
        "log_status": "OK",
        "action": "ACCEPT",
        "reporter": "src",
        "srcaddr": srcaddr,
        "dstaddr": dstaddr,
        "srcport": 40000,
        "dstport": 443,
        "protocol": 6,
        "packets": 10,
        "bytes": int(gigabytes * GB),
        "start": TEN_O_CLOCK,
        "end": TEN_O_CLOCK + 60,
        "traffic_class": traffic_class,
        **src,
        **_to(dst),
        **more,
    }


INSIDE = ("10.0.1.5", "10.0.2.9")
FLOWS = [
    _flow(SEARCH, LEDGER, INSIDE, 4, "cross_az"),
    _flow(LEDGER, SEARCH, ("10.0.2.9", "10.0.1.5"), 1.5, "cross_az"),
    _flow(BALANCER, {**SEARCH, "src_az_id": "use1-az2"}, ("10.0.1.7", "10.0.2.5"), 2, "cross_az"),
    _flow(SEARCH, OUTSIDE, ("10.0.1.5", "198.51.100.7"), 1, "internet"),
    _flow(OUTSIDE, SEARCH, ("203.0.113.9", "10.0.1.5"), 0.5, "internet", reporter="dst"),
    _flow(LEDGER, OUTSIDE, ("10.0.2.9", "52.216.0.1"), 3, "aws_service",
          pkt_dst_aws_service="S3", path_name="gateway_endpoint"),
    # Started ten seconds before midnight, arrived after it: the day of slack finds it.
    _flow(SEARCH, SEARCH, ("10.0.1.5", "10.0.1.6"), 6, "same_az",
          day="2026-03-02", hour="00", start=1772409590, end=1772409650),
    _flow(SEARCH, LEDGER, ("10.0.1.5", "198.51.100.20"), 1, "same_az"),
    _flow(SEARCH, {**BALANCER, "src_vpc_id": "vpc-2"}, ("2001:db8::1", "2001:db8::2"), 1, "same_az"),
    _flow(SEARCH, LEDGER, ("10.0.1.5", "10.8.0.9"), 1, "cross_region"),
    _flow(SEARCH, OUTSIDE, ("10.0.1.5", "10.9.9.9"), 0.25, "private_unknown"),
    _flow(SEARCH, {"src_status": "subnet", "src_vpc_id": "vpc-1", "src_az_id": "use1-az3"},
          ("10.0.1.5", "10.0.3.3"), 0.5, "cross_az"),
]  # fmt: skip
REJECTS = [
    _flow(OUTSIDE, SEARCH, ("203.0.113.9", "10.0.1.5"), 0, "internet",
          reporter="dst", action="REJECT", dstport=22, bytes=40, packets=1),
    _flow(OUTSIDE, SEARCH, ("203.0.113.9", "10.0.1.5"), 0, "internet",
          reporter="dst", action="REJECT", dstport=22, bytes=40, packets=1, start=TEN_O_CLOCK + 60),
    _flow(OUTSIDE, SEARCH, ("203.0.113.10", "10.0.1.5"), 0, "internet",
          reporter="dst", action="REJECT", dstport=23, bytes=60, packets=1, reject_reason="BPA"),
]  # fmt: skip
NOT_COUNTED = [
    _flow(SEARCH, LEDGER, INSIDE, 4, "cross_az", reporter="dst"),
    _flow(SEARCH, LEDGER, INSIDE, 0, "cross_az", reporter="hop", bytes=7),
    _flow(SEARCH, LEDGER, INSIDE, 0, "cross_az", reporter=None, bytes=9),
    {"day": "2026-03-01", "hour": "10", "log_status": "NODATA", "start": TEN_O_CLOCK},
    {"day": "2026-03-01", "hour": "10", "log_status": "SKIPDATA", "start": TEN_O_CLOCK},
]
# Arrived on the day, started one second before it.
DAY_BEFORE = _flow(SEARCH, LEDGER, INSIDE, 9, "cross_az", hour="00", start=1772323199, end=1772323250)

ANSWERS = {
    "cross_az_traffic": [
        ("use1-az1", "use1-az2", 2, 20, 6 * GB, 6.0, 0.08, 16),  # 2 GB of it from a load balancer, free
        ("use1-az2", "use1-az1", 1, 10, 1_500_000_000, 1.5, 0.03, 0),
        ("use1-az1", "use1-az3", 1, 10, 500_000_000, 0.5, 0.01, 0),
    ],
    "cross_az_projects": [
        ("search", "ledger", 1, 4 * GB, 4.0, 0.08, 0.04, 0.04, 16),
        ("(untagged)", "search", 1, 2 * GB, 2.0, 0.0, 0.0, 0.0, 0),
        ("ledger", "search", 1, 1_500_000_000, 1.5, 0.03, 0.015, 0.015, 0),
        ("search", "(unresolved)", 1, 500_000_000, 0.5, 0.01, 0.005, 0.005, 0),
    ],
    "cross_az_over_time": [
        ("2026-03-01 10:00", 4, 8 * GB, 8.0, 50.79, 0.12, 16),  # of 15.75 GB
        ("2026-03-01 23:00", 0, 0, 0.0, 0.0, 0.0, 0),
    ],
    "traffic_over_time": [
        ("2026-03-01 10:00", "aws_service", "ACCEPT", 1, 10, 3 * GB, 0),
        ("2026-03-01 10:00", "cross_az", "ACCEPT", 4, 40, 8 * GB, 16),
        ("2026-03-01 10:00", "cross_region", "ACCEPT", 1, 10, GB, 0),
        ("2026-03-01 10:00", "internet", "ACCEPT", 2, 20, 1_500_000_000, 0),
        ("2026-03-01 10:00", "internet", "REJECT", 3, 3, 140, 0),
        ("2026-03-01 10:00", "private_unknown", "ACCEPT", 1, 10, 250_000_000, 0),
        ("2026-03-01 10:00", "same_az", "ACCEPT", 2, 20, 2 * GB, 0),
        ("2026-03-01 23:00", "same_az", "ACCEPT", 1, 10, 6 * GB, 0),
    ],
    "project_summary": [
        # project, within, projects out and in, internet out and in, AWS out and in, unresolved out and in, uncounted
        ("(unresolved)", 0, 0, 750_000_000, 0, 0, 0, 0, 0, 0, 0),
        ("(untagged)", 0, 2 * GB, GB, 0, 0, 0, 0, 0, 0, 0),
        ("ledger", 0, 1_500_000_000, 6 * GB, 0, 0, 3 * GB, 0, 0, 0, 16),
        ("search", 6 * GB, 7 * GB, 3_500_000_000, GB, 500_000_000, 0, 0, 750_000_000, 0, 16),
    ],
    "internet_traffic": [("search", 2, GB, 500_000_000, 1.0, 0.09, 0)],
    "aws_service_traffic": [("ledger", "S3", "gateway_endpoint", 1, 3 * GB, 0, 0)],
    "class_costs": [
        ("internet", "search", 0.09, 0.0, 0.09, 0),
        ("cross_az", "search", 0.06, 0.0, 0.06, 9),
        ("cross_az", "ledger", 0.055, 0.0, 0.055, 9),
        ("cross_region", "search", 0.02, 0.0, 0.02, 0),
        ("same_az", "search", 0.02, 0.0, 0.02, 0),
        ("same_az", "(untagged)", 0.01, 0.0, 0.01, 0),
        ("same_az", "ledger", 0.01, 0.0, 0.01, 0),
        ("cross_az", "(unresolved)", 0.005, 0.0, 0.005, 0),
        ("private_unknown", "(unresolved)", 0.0, 0.0, 0.0, 250_000_000),
        ("private_unknown", "search", 0.0, 0.0, 0.0, 250_000_000),
    ],
    "rejects_by_project": [
        ("(internet)", "search", "destination", None, 2, 2, 80, 0),
        ("(internet)", "search", "destination", "BPA", 1, 1, 60, 0),
    ],
    "estimated_charges": [
        ("transfer", "cross_az", 3, 6 * GB, 6.0, 0.02, 0.12),
        ("transfer", "internet_out", 1, GB, 1.0, 0.09, 0.09),
        ("transfer", "cross_region", 1, GB, 1.0, 0.02, 0.02),
        ("transfer", "ipv6_other_vpc", 1, GB, 1.0, 0.02, 0.02),
        ("transfer", "public_ipv4", 1, GB, 1.0, 0.02, 0.02),
        ("transfer", "free", 4, 11_500_000_000, 11.5, 0.0, 0.0),
        ("transfer", "not_counted", 1, 9, 0.0, None, None),
        ("transfer", "not_estimated", 1, 250_000_000, 0.25, None, None),
    ],
    "project_costs": [
        ("search", "internet_out", 1.0, 0.0, 0.09, 0.25),
        ("search", "cross_az", 4.5, 1.5, 0.06, 0.25),
        ("ledger", "cross_az", 1.5, 4.0, 0.055, 0.0),
        ("search", "cross_region", 1.0, 0.0, 0.02, 0.25),
        ("(untagged)", "ipv6_other_vpc", 0.0, 1.0, 0.01, 0.0),
        ("ledger", "public_ipv4", 0.0, 1.0, 0.01, 0.0),
        ("search", "ipv6_other_vpc", 1.0, 0.0, 0.01, 0.25),
        ("search", "public_ipv4", 1.0, 0.0, 0.01, 0.25),
        ("(unresolved)", "cross_az", 0.0, 0.5, 0.005, 0.25),
    ],
    "project_traffic": [
        ("search", "ledger", 3, 6 * GB, 6.0, 4.0, 0.12, 16),
        ("search", "search", 1, 6 * GB, 6.0, 0.0, 0.0, 0),
        ("ledger", "(aws service)", 1, 3 * GB, 3.0, 0.0, 0.0, 0),
        ("(untagged)", "search", 1, 2 * GB, 2.0, 2.0, 0.0, 0),
        ("ledger", "search", 1, 1_500_000_000, 1.5, 1.5, 0.03, 0),
        ("search", "(internet)", 1, GB, 1.0, 0.0, 0.09, 0),
        ("search", "(untagged)", 1, GB, 1.0, 0.0, 0.02, 0),
        ("search", "(unresolved)", 2, 750_000_000, 0.75, 0.5, 0.01, 0),
        ("(internet)", "search", 1, 500_000_000, 0.5, 0.0, 0.0, 0),
    ],
    "rejected_traffic": [
        (
            1,
            "203.0.113.9",
            None,
            "i-search",
            "search-1",
            "search",
            22,
            6,
            None,
            2,
            2,
            80,
            TEN_O_CLOCK,
            TEN_O_CLOCK + 60,
        ),
        (2, "203.0.113.10", None, "i-search", "search-1", "search", 23, 6, "BPA", 1, 1, 60, TEN_O_CLOCK, TEN_O_CLOCK),
    ],
    "top_talkers": [
        (1, "instance", "search-1", "i-search", "vpc-1", "use1-az1", "search", 8, 14_750_000_000, 14.75, 4.5, 0.24),
        (2, "instance", "ledger-1", "i-ledger", "vpc-1", "use1-az2", "ledger", 2, 4_500_000_000, 4.5, 1.5, 0.03),
        (3, "load_balancer", None, "front", "vpc-1", "use1-az1", "(untagged)", 1, 2 * GB, 2.0, 2.0, 0.0),
        (4, None, None, "203.0.113.9", None, None, "(internet)", 1, 500_000_000, 0.5, 0.0, 0.0),
    ],
    "unresolved_share": [
        ("destination", "resolved", 11, 17_000_000_140, 73.33),
        ("destination", "absent", 3, 4_250_000_000, 20.0),
        ("destination", "subnet", 1, 500_000_000, 6.67),
        ("records", "counted", 15, 21_750_000_140, 75.0),
        ("records", "NODATA", 1, 0, 5.0),
        ("records", "SKIPDATA", 1, 0, 5.0),
        ("records", "hop", 1, 7, 5.0),
        ("records", "reporter not known", 1, 9, 5.0),
        ("records", "second record", 1, 4 * GB, 5.0),
        ("source", "resolved", 11, 21_250_000_000, 73.33),
        ("source", "absent", 4, 500_000_140, 26.67),
    ],
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """All flows of this file in one lake."""
    rows = [*FLOWS, *REJECTS, *NOT_COUNTED, DAY_BEFORE]
    with Lake(write_lake(tmp_path_factory.mktemp("lake"), rows)) as lake:
        yield lake


def _ask(lake: Lake, name: str, **given: str) -> QueryResult:
    query = get(name)
    return lake.run(query.sql, query.bind(given))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_saved_query_answers_what_adding_up_by_hand_does(lake, name):
    """Every flow of the day once, the charges of the price list, and the shares of what is not known."""
    assert ANSWERS[name] == list(_ask(lake, name, **ONE_DAY).rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_tells_the_columns_that_come(lake, name):
    """The columns of the header are those of the answer, in order, also without any parameter."""
    query = get(name)

    assert tuple(column for column, _ in query.columns) == lake.run(query.sql, query.bind({})).columns


@pytest.mark.parametrize("name", NAMES)
def test_an_estimate_is_called_one(name):
    """No column says usd or cost without saying estimated, or whose bill it is from."""
    money = [column for column, _ in get(name).columns if "usd" in column or "cost" in column]

    assert [column for column in money if not column.startswith(("estimated_", "usd_per_gb", "billed_"))] == []


def test_without_parameters_a_query_reads_the_whole_lake(lake):
    """The defaults are wide: the flow of the day before is in."""
    assert _ask(lake, "cross_az_traffic").rows[0] == ("use1-az1", "use1-az2", 3, 30, 15 * GB, 15.0, 0.26, 16)


def test_parameters_narrow_by_when_flows_started_not_when_they_arrived(lake):
    """The day before holds only the flow that started then, though it arrived a day later."""
    result = _ask(lake, "cross_az_traffic", first_day="2026-02-28", last_day="2026-02-28")

    assert result.rows == (("use1-az1", "use1-az2", 1, 10, 9 * GB, 9.0, 0.18, 0),)


def test_a_list_is_cut_to_the_number_asked_for(lake):
    """`top` is bound as a number."""
    assert ANSWERS["top_talkers"][:1] == list(_ask(lake, "top_talkers", **ONE_DAY, top="1").rows)


def test_all_saved_queries_are_listed_with_what_they_ask():
    """The list is by name; every query has a title, a question and a word on partitions."""
    queries = list_queries()

    assert [query.name for query in queries] == NAMES
    assert all(query.title and query.question.endswith("?") and query.partitions for query in queries)


def test_values_are_bound_in_the_places_of_their_parameter():
    """One value by name fills each of its places; the others keep their defaults."""
    values = get("top_talkers").bind({"last_day": "2026-03-05"})

    assert values == ("2000-01-01", "2026-03-05", "2000-01-01", "2026-03-05", 20)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("cross_az", {}, "query cross_az: no such query; did you mean cross_az_rows?"),
        ("cross_az_traffic", {"firstday": "2026-03-01"}, "no parameter firstday; did you mean first_day?"),
        (
            "cross_az_traffic",
            {"first_day": "yesterday"},
            "parameter first_day: 'yesterday' is no date; write YYYY-MM-DD",
        ),
        ("cross_az_traffic", {"first_day": "2026-02-30"}, "parameter first_day: '2026-02-30' is no date"),
        ("cross_az_traffic", {"last_day": "9999-12-31"}, "before 3000"),
        ("top_talkers", {"top": "many"}, "parameter top: 'many' is no bigint; write a whole number"),
    ],
)
def test_a_wrong_name_or_value_is_one_line(name, given, told):
    """An unknown query or parameter, or a value of another type, names itself and the mend."""
    with pytest.raises(QueryError) as error:
        get(name).bind(given)

    assert told in str(error.value)
    assert "\n" not in str(error.value)


HEADER = """\
-- title: T
-- question: Q?
-- group: Cost
-- parameters:
--   1  first_day  date  2000-01-01  the first
-- columns:
--   n, m  numbers,
--         both of them
-- partitions: day
"""
SELECT = "SELECT bytes AS n, bytes AS m FROM flow_logs WHERE day >= ?"


def test_a_header_is_read_into_its_parts(tmp_path):
    """Sections, fields parted by two spaces, several columns on a line, a line that goes on."""
    (tmp_path / "q.sql").write_text(HEADER + SELECT)

    query = get("q", tmp_path)

    assert (query.name, query.title, query.question, query.group) == ("q", "T", "Q?", "Cost")
    assert query.partitions == "day"
    assert (Parameter("first_day", "date", "2000-01-01", "the first", (1,)),) == query.parameters
    assert query.columns == (("n", "numbers, both of them"), ("m", "numbers, both of them"))


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (SELECT, "lacks title, question, group, parameters, columns, partitions"),
        (HEADER.replace("-- title: T\n", "") + SELECT, "lacks title"),
        (HEADER.replace("Cost", "Costs") + SELECT, "group 'Costs' is none; write one of Availability Zones, Cost,"),
        (HEADER + SELECT.replace(" WHERE day >= ?", ""), "partition-filter"),
        (HEADER + SELECT + " AND day <= ?", "2 ? in the SQL, places [1] in the header"),
        (HEADER.replace("date", "time") + SELECT, "parameter line"),
        (HEADER.replace("2000-01-01", "early") + SELECT, "parameter line"),
        (HEADER.replace("n, m  numbers,", "n") + SELECT, "column line"),
    ],
)
def test_a_file_that_breaks_the_rules_is_named(tmp_path, sql, told):
    """A saved query whose header and SQL disagree, or that the linter refuses, cannot be had."""
    (tmp_path / "q.sql").write_text(sql)

    with pytest.raises(QueryError) as error:
        get("q", tmp_path)

    assert str(error.value).startswith("query q.sql: ")
    assert told in str(error.value)
