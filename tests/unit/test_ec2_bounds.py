"""Ec2Reader within its bounds: budget, deadline, circuit breaker, failures as values, counters."""

import pytest
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError, ParamValidationError
from botocore.parsers import ResponseParserError
from fake_ec2 import FAR, FakeClock, FakeEc2, aws_error, eni, make_reader, names, plenty
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import Budget
from enricher.ec2 import Asked, Networks


def test_a_request_whose_pages_did_not_all_arrive_was_not_asked() -> None:
    """The budget ends after the first of two pages: the second owner is unseen, so the first is not told either."""
    ec2 = FakeEc2([eni("eni-a", "10.0.0.1"), eni("eni-b", "10.0.0.1")], page=1)
    reader = make_reader(ec2)
    asked = reader.interfaces(budget=Budget(calls=1, deadline=FAR), private_addresses=["10.0.0.1"])
    assert asked == Asked((), frozenset())
    assert reader.counters().refusals == {"budget": 1}


def test_the_budget_is_shared_by_all_reads_of_a_batch() -> None:
    """Three calls: 400 ids take two, instances the third, networks get none."""
    ec2 = FakeEc2([eni("eni-0"), eni("eni-399"), eni("eni-400")], instances=["i-a"])
    reader = make_reader(ec2)
    budget = Budget(calls=3, deadline=FAR)
    interfaces = reader.interfaces(budget=budget, ids=[f"eni-{number}" for number in range(400)])
    instances = reader.instances(["i-a"], budget=budget)
    assert names(interfaces) == ["eni-0", "eni-399"]
    assert instances.asked == {"i-a"}
    assert reader.networks(budget=budget) == Networks(None, None, None, None)
    assert reader.instances(["i-a"], budget=budget) == Asked((), frozenset())
    assert (len(ec2.requests), reader.counters().refusals) == (3, {"budget": 5})


def test_what_the_budget_did_not_reach_is_told_from_what_is_absent() -> None:
    """One call for 201 ids: the first 200 are asked and absent, the last is not asked."""
    ids = [f"eni-{number}" for number in range(201)]
    asked = make_reader(FakeEc2()).interfaces(budget=Budget(calls=1, deadline=FAR), ids=ids)
    assert asked == Asked((), frozenset(ids[:200]))


def test_no_call_starts_at_or_after_the_deadline() -> None:
    """Each call takes 4 s of a budget of 10 s: calls start at 0, 4 and 8 s, none at 12 s."""
    ec2 = FakeEc2()
    reader = make_reader(ec2, clock=FakeClock(step=4))
    asked = reader.interfaces(budget=Budget(calls=1000, deadline=10), ids=[f"eni-{number}" for number in range(1000)])
    assert len(ec2.requests) == 3
    assert len(asked.asked) == 600
    assert reader.counters().refusals == {"deadline": 2}


def test_a_value_given_under_two_names_is_asked_only_when_both_were() -> None:
    """The private question was asked, the public one was not: an absent owner cannot be concluded."""
    reader = make_reader(FakeEc2())
    asked = reader.interfaces(
        budget=Budget(calls=1, deadline=FAR), private_addresses=["198.51.100.7"], public_addresses=["198.51.100.7"]
    )
    assert asked.asked == frozenset()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (aws_error("UnauthorizedOperation"), "UnauthorizedOperation"),
        (aws_error(""), "ClientError"),
        (ConnectTimeoutError(endpoint_url="http://127.0.0.1"), "ConnectTimeoutError"),
        (NoCredentialsError(), "NoCredentialsError"),
        (ResponseParserError("cut short"), "ResponseParserError"),
    ],
)
def test_a_failure_of_aws_is_a_value(failure: Exception, code: str) -> None:
    """The second of three requests fails: its values were not asked, the others stand, the cause is counted."""
    ec2 = FakeEc2([eni("eni-0"), eni("eni-200"), eni("eni-400")])
    ec2.failures = {2: failure}
    reader = make_reader(ec2)
    ids = [f"eni-{number}" for number in range(401)]
    asked = reader.interfaces(budget=plenty(), ids=ids)
    assert names(asked) == ["eni-0", "eni-400"]
    assert asked.asked == {*ids[:200], "eni-400"}
    assert (reader.counters().failures, reader.counters().throttles) == ({code: 1}, 0)


def test_a_malformed_request_is_a_defect() -> None:
    """What botocore refuses to send is ours to mend, not an outage."""
    ec2 = FakeEc2()
    ec2.failures = {1: ParamValidationError(report="MaxResults")}
    with pytest.raises(ParamValidationError):
        make_reader(ec2).interfaces(budget=plenty(), ids=["eni-a"])


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled"])
def test_throttles_are_counted_apart(code: str) -> None:
    """A throttled request is a failure and a throttle; botocore's retries are told as well."""
    ec2 = FakeEc2()
    ec2.failures = {1: aws_error(code, retries=1), 2: aws_error("InternalError", retries=1)}
    reader = make_reader(ec2)
    for _ in range(3):
        reader.interfaces(budget=plenty(), ids=["eni-a"])
    counters = reader.counters()
    assert (counters.throttles, counters.retries) == (1, 2)
    assert counters.failures == {code: 1, "InternalError": 1}
    assert counters.calls == {"DescribeNetworkInterfaces": 3}


def test_the_breaker_stops_a_batch_and_spares_its_budget() -> None:
    """Two failures open it: of five requests two are sent; the breaker is named before the budget that is gone too."""
    ec2 = FakeEc2()
    ec2.failures = dict.fromkeys(range(1, 6), aws_error("RequestLimitExceeded"))
    reader = make_reader(ec2, failures=2)
    budget = Budget(calls=2, deadline=FAR)
    assert reader.interfaces(budget=budget, ids=[f"eni-{number}" for number in range(1000)]).asked == frozenset()
    assert (len(ec2.requests), budget.spent, reader.counters().refusals) == (2, 2, {"breaker": 3})


def test_failures_with_successes_between_them_leave_the_breaker_closed() -> None:
    """Every other request fails; all five are sent."""
    ec2 = FakeEc2()
    ec2.failures = dict.fromkeys((1, 3, 5), aws_error("InternalError"))
    ids = [f"eni-{number}" for number in range(1000)]
    asked = make_reader(ec2, failures=2).interfaces(budget=plenty(), ids=ids)
    assert len(ec2.requests) == 5
    assert asked.asked == {*ids[200:400], *ids[600:800]}


def test_the_breaker_outlives_the_batch_and_closes_on_success() -> None:
    """Open within 30 s of the failure; then one trial, and its success lets everything through."""
    ec2 = FakeEc2()
    ec2.failures = {1: aws_error("InternalError")}
    clock = FakeClock()
    reader = make_reader(ec2, clock=clock, failures=1)
    answers = []
    for clock.now in (0, 29, 30, 31):
        answers.append(reader.interfaces(budget=plenty(), ids=["eni-a"]).asked)
    assert answers == [frozenset(), frozenset(), {"eni-a"}, {"eni-a"}]
    assert len(ec2.requests) == 3


def test_counters_are_snapshots_that_subtract() -> None:
    """What one batch did is the difference of two snapshots; the earlier one does not change."""
    ec2 = FakeEc2()
    ec2.failures = {2: aws_error("Throttling", retries=1)}
    reader = make_reader(ec2)
    reader.interfaces(budget=plenty(), ids=["eni-a"])
    before = reader.counters()
    reader.interfaces(budget=Budget(calls=1, deadline=FAR), ids=["eni-a"], private_addresses=["10.0.0.1"])
    assert before.calls == {"DescribeNetworkInterfaces": 1}
    batch = reader.counters() - before
    assert (batch.calls, batch.retries, batch.throttles) == ({"DescribeNetworkInterfaces": 1}, 1, 1)
    assert (batch.failures, batch.refusals) == ({"Throttling": 1}, {"budget": 1})


@settings(max_examples=80, deadline=None, database=None)
@given(
    calls=st.integers(0, 6),
    page=st.integers(1, 3),
    ids=st.lists(st.integers(0, 500), max_size=450),
    failing=st.sets(st.integers(1, 8), max_size=4),
)
def test_whatever_fails_the_budget_holds_and_asked_is_the_truth(
    calls: int, page: int, ids: list[int], failing: set[int]
) -> None:
    """Never more calls than the budget; every asked id that exists is among the documents, and nothing else is."""
    existing = {f"eni-{number}" for number in range(0, 500, 50)}
    ec2 = FakeEc2([eni(name) for name in sorted(existing)], page=page)
    ec2.failures = dict.fromkeys(failing, aws_error("InternalError"))
    wanted = {f"eni-{number}" for number in ids}
    asked = make_reader(ec2, failures=3).interfaces(
        budget=Budget(calls=calls, deadline=FAR), ids=[f"eni-{number}" for number in ids]
    )
    assert len(ec2.requests) <= calls
    assert asked.asked <= wanted
    assert sorted(names(asked)) == sorted(asked.asked & existing)
