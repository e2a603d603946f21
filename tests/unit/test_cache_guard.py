"""Budget and CircuitBreaker: what may be asked, and when."""

import pytest

from cache import Budget, CircuitBreaker


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
    """Half-open at 10 s: a failed trial opens it again for a whole cool-down, a good one closes it."""
    breaker = CircuitBreaker(failures=2, cool_down=10)
    breaker.failed(0)
    breaker.failed(0)
    assert [breaker.refuses(now) for now in (0, 9.9, 10)] == [True, True, False]
    breaker.failed(10)
    assert [breaker.refuses(now) for now in (10, 19.9, 20)] == [True, True, False]
    breaker.succeeded()
    breaker.failed(21)
    assert not breaker.refuses(21)


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
