"""Budget and CircuitBreaker: what may be asked, and when."""

from collections.abc import Callable
from random import Random

import pytest

from cache import Budget, CircuitBreaker, Share


def test_a_budget_allows_its_calls_and_no_more() -> None:
    """Three calls may start, the fourth may not."""
    budget = Budget(calls=3, deadline=100)
    for _ in range(3):
        assert budget.refusal(0) is None
        budget.spend()
    assert budget.refusal(0) == "budget"
    assert budget.spent == 3


def test_a_budget_ends_at_its_deadline() -> None:
    """From the deadline on nothing starts, however many calls are left; the deadline is named first."""
    budget = Budget(calls=1, deadline=100)
    assert [budget.refusal(now) for now in (99.9, 100, 101)] == [None, "deadline", "deadline"]
    budget.spend()
    assert budget.refusal(100) == "deadline"


def test_a_budget_of_no_calls_is_allowed() -> None:
    """Zero is how a caller says: do not ask."""
    assert Budget(calls=0, deadline=100).refusal(0) == "budget"


def test_a_budget_refuses_a_negative_number() -> None:
    """The error says what would do."""
    with pytest.raises(ValueError, match="calls is -1; give 0 or more"):
        Budget(calls=-1, deadline=0)


def test_the_breaker_opens_after_failures_in_a_row() -> None:
    """Two failures do not open it, the third does."""
    breaker = CircuitBreaker(failures=3, cool_down=10)
    refused = []
    for now in (0, 1, 2):
        breaker.failed(now)
        refused.append(breaker.refuses(now))
    assert refused == [False, False, True]


def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    """Only failures in a row count."""
    breaker = CircuitBreaker(failures=2, cool_down=10)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert not breaker.refuses(1)


def test_the_breaker_lets_a_trial_through_after_the_cool_down() -> None:
    """Half-open at 10 s: a failed trial opens it again, a good one closes it."""
    breaker = CircuitBreaker(failures=2, cool_down=10, most_doublings=0)
    breaker.failed(0)
    breaker.failed(0)
    assert [breaker.refuses(now) for now in (0, 9.9, 10)] == [True, True, False]
    breaker.failed(10)
    assert [breaker.refuses(now) for now in (10, 19.9, 20)] == [True, True, False]
    breaker.succeeded()
    breaker.failed(21)
    assert not breaker.refuses(21)


def test_each_failed_trial_opens_the_breaker_for_twice_as_long() -> None:
    """10, 20, 40, 40 s: up to the bound; after a success it begins anew."""
    breaker = CircuitBreaker(failures=2, cool_down=10, most_doublings=2, random=lambda: 0.0)
    breaker.failed(0)
    now = 0.0
    for opened_for in (10, 20, 40, 40):
        breaker.failed(now)
        assert [breaker.refuses(now + s) for s in (0, opened_for - 0.1, opened_for)] == [True, True, False]
        now += opened_for
    breaker.succeeded()
    breaker.failed(now)
    breaker.failed(now)
    assert [breaker.refuses(now + s) for s in (9.9, 10)] == [True, False]


def test_breakers_that_opened_together_do_not_come_back_together() -> None:
    """From the second time on, each stays open up to half as long again, by its own draw."""
    ends = []
    for draw in (0.0, 0.5, 0.99):
        breaker = CircuitBreaker(failures=1, cool_down=10, random=lambda draw=draw: draw)
        breaker.failed(0)
        assert [breaker.refuses(s) for s in (9.9, 10)] == [True, False]
        breaker.failed(10)
        ends.append(next(s for s in range(10, 100) if not breaker.refuses(s)))
    assert ends == [30, 35, 40]


def draws(*numbers: float) -> Callable[[], float]:
    """These draws, one after another; more are not expected."""
    left = iter(numbers)
    return lambda: next(left)


def test_a_share_of_more_than_one_is_asked_each_minute() -> None:
    """5 a minute for 2: two each and every minute, a third in every second; each operation counts for itself."""
    share = Share(5, 2, draws(0.0, 0.4, 0.6))
    asked = []
    for minute in (0, 1):
        for operation in ("a", "b"):
            count = 0
            while not share.refuses(operation, 60 * minute + count):
                share.spend(operation)
                count += 1
            asked.append(count)
    assert asked == [2, 2, 3, 3]


def test_a_share_of_less_than_one_is_drawn_minute_by_minute() -> None:
    """A tenth: only a draw in the last tenth may ask, once; asking again within the minute draws no second time."""
    share = Share(1, 10, draws(0.0, 0.89, 0.91, 0.0))
    assert [share.refuses("a", now) for now in (0, 1, 59)] == [True] * 3
    assert not share.refuses("a", 60)
    share.spend("a")
    assert share.refuses("a", 61)
    assert share.refuses("a", 120)


def test_the_minutes_of_a_share_begin_at_a_moment_of_its_own() -> None:
    """So those who share are not all drawn anew in the same second."""
    share = Share(1, 1, draws(0.25, 0.0, 0.0))
    share.refuses("a", 0)
    share.spend("a")
    assert [share.refuses("a", now) for now in (44.9, 45)] == [True, False]


@pytest.mark.parametrize("processes", [1, 7, 1000])
def test_all_that_share_ask_as_often_as_they_may_and_no_more(processes: int) -> None:
    """Everybody wants to ask all the time: over an hour 60 a minute come together, give or take a tenth."""
    chance = Random(7)  # noqa: S311 - no secret is drawn
    shares = [Share(60, processes, chance.random) for _ in range(processes)]
    asked = 0
    for minute in range(60):
        for share in shares:
            while not share.refuses("a", 60 * minute):
                share.spend("a")
                asked += 1
    assert 54 * 60 <= asked <= 66 * 60


def test_a_share_of_nothing_never_asks() -> None:
    """Whatever the draw."""
    assert Share(0, 1, draws(0.999, 0.999)).refuses("a", 0)


@pytest.mark.parametrize(("per_minute", "processes"), [(-1, 1), (1, 0)])
def test_a_share_refuses_arguments_out_of_bounds(per_minute: float, processes: int) -> None:
    """The error names the arguments."""
    with pytest.raises(ValueError, match=f"per_minute={per_minute}, processes={processes}"):
        Share(per_minute, processes)


def test_a_clock_that_stepped_back_does_not_hold_the_breaker_open() -> None:
    """An opening in the future counts as over, and a success ends it for good."""
    breaker = CircuitBreaker(failures=1, cool_down=10)
    breaker.failed(1000)
    assert breaker.refuses(1001)
    assert not breaker.refuses(500)
    breaker.succeeded()
    assert not breaker.refuses(1001)


@pytest.mark.parametrize(("failures", "cool_down"), [(0, 1), (1, -1)])
def test_the_breaker_refuses_arguments_out_of_bounds(failures: int, cool_down: float) -> None:
    """The error names the arguments."""
    with pytest.raises(ValueError, match=f"failures={failures}, cool_down={cool_down}"):
        CircuitBreaker(failures, cool_down)
