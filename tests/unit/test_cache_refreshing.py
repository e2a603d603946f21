"""RefreshingValue, one behaviour a test: soft TTL 60 s, hard TTL 600 s, asked again 5 s after a failure."""

from collections.abc import Iterable

import pytest

from cache import Current, LoadError, New, NotThere, RefreshCounters, RefreshingValue, Unchanged

FIRST, SECOND = New("first", "etag-1"), New("second", "etag-2")
FAILS = LoadError("the source is down")
MISSING: Current[str] = Current(None, None, None, "missing")

Answer = New[str] | Unchanged | NotThere | Exception


class Loader:
    """Answers or raises what the script says, in order; records the previous value it was given each time."""

    def __init__(self, script: Iterable[Answer]) -> None:
        self.script = list(script)
        self.given: list[New[str] | None] = []

    def __call__(self, previous: New[str] | None) -> New[str] | Unchanged | NotThere:
        """Load, as the refreshing value does."""
        self.given.append(previous)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def make_value(*script: Answer) -> tuple[RefreshingValue[str], Loader]:
    """A value with the times of this file, and its scripted loader."""
    load = Loader(script)
    return RefreshingValue(load, soft_ttl=60, hard_ttl=600, retry_after=5), load


def test_loads_on_the_first_get_and_not_before() -> None:
    """Making the object asks nothing; the first get has no previous value to offer."""
    value, load = make_value(FIRST)
    assert load.given == []
    assert value.get(100) == Current("first", 100, 100, "fresh")
    assert load.given == [None]


def test_serves_without_asking_within_the_soft_ttl() -> None:
    """The loader rests for less than 60 s, then is given the value and its token."""
    value, load = make_value(FIRST, SECOND)
    value.get(100)
    assert value.get(159.9).value == "first"
    assert load.given == [None]
    assert value.get(160) == Current("second", 160, 160, "fresh")
    assert load.given == [None, FIRST]


def test_unchanged_confirms_the_value() -> None:
    """The TTLs start again at the confirmation; the value keeps the time at which it came."""
    value, load = make_value(FIRST, Unchanged(), SECOND)
    value.get(0)
    assert value.get(60) == Current("first", 0, 60, "fresh")
    assert value.get(119) == Current("first", 0, 60, "fresh")
    assert value.get(120).value == "second"
    assert load.given == [None, FIRST, FIRST]


@pytest.mark.parametrize("answer", [FAILS, NotThere()])
def test_serves_the_old_value_when_it_cannot_be_renewed(answer: Answer) -> None:
    """Fresh up to the hard TTL, stale from then on, and never given up; a vanished source is no reason either."""
    value, _ = make_value(FIRST, *[answer] * 4)
    value.get(0)
    assert value.get(60) == Current("first", 0, 0, "fresh")
    assert value.get(599.9) == Current("first", 0, 0, "fresh")
    assert value.get(605) == Current("first", 0, 0, "stale")
    assert value.get(1_000_000) == Current("first", 0, 0, "stale")


@pytest.mark.parametrize("answer", [FAILS, NotThere()])
def test_does_not_hammer_a_source_that_could_not_renew(answer: Answer) -> None:
    """After a failure at 60 s the next question comes at 65 s."""
    value, load = make_value(FIRST, answer, answer, SECOND)
    for now in (0, 60, 61, 64.9, 65, 66, 69.9):
        value.get(now)
    assert load.given == [None, FIRST, FIRST]
    assert value.get(70).value == "second"


def test_a_stale_value_becomes_fresh_when_the_source_is_back() -> None:
    """Unchanged is enough: the source confirmed it."""
    value, _ = make_value(FIRST, FAILS, Unchanged())
    value.get(0)
    assert value.get(700).state == "stale"
    assert value.get(705) == Current("first", 0, 705, "fresh")


@pytest.mark.parametrize("answer", [FAILS, NotThere()])
def test_is_missing_until_the_source_has_a_value(answer: Answer) -> None:
    """Without any value there is nothing to serve; the source is asked again after the pause."""
    value, load = make_value(answer, FIRST)
    assert value.get(0) == MISSING
    assert value.get(4.9) == MISSING
    assert value.get(5) == Current("first", 5, 5, "fresh")
    assert load.given == [None, None]


def test_a_clock_that_stepped_back_asks_again() -> None:
    """A confirmation or a failure in the future keeps nobody from asking, and proves nothing fresh."""
    value, load = make_value(FIRST, FAILS, Unchanged())
    value.get(1000)
    assert value.get(500) == Current("first", 1000, 1000, "stale")
    assert value.get(400) == Current("first", 1000, 400, "fresh")
    assert load.given == [None, FIRST, FIRST]


def test_a_none_value_is_told_from_no_value() -> None:
    """Only the state says that nothing is there."""
    value: RefreshingValue[None] = RefreshingValue(lambda _: New(None, "etag"), 60, 600, 5)
    assert value.get(0) == Current(None, 0, 0, "fresh")


def test_unchanged_without_a_previous_value_is_a_defect() -> None:
    """The loader had nothing to compare with, so the error says so."""
    value, _ = make_value(Unchanged())
    with pytest.raises(ValueError, match=r"answered Unchanged\(\); answer New, NotThere, or Unchanged to a previous"):
        value.get(0)


def test_an_undeclared_exception_of_the_loader_passes_through() -> None:
    """A defect is not an outage; the value held before is not lost by it."""
    value, _ = make_value(FIRST, KeyError("etag"), Unchanged())
    value.get(0)
    with pytest.raises(KeyError):
        value.get(60)
    assert value.get(60) == Current("first", 0, 60, "fresh")


def test_counters_tell_what_happened() -> None:
    """Every load has one outcome; the snapshot stays as it was taken; two of them subtract."""
    value, _ = make_value(NotThere(), FIRST, Unchanged(), FAILS)
    value.get(0)
    before = value.counters()
    for now in (5, 6, 65, 125):
        value.get(now)
    assert before == RefreshCounters(loads=1, not_there=1)
    assert value.counters() == RefreshCounters(loads=4, changed=1, unchanged=1, not_there=1, failures=1)
    assert value.counters() - before == RefreshCounters(loads=3, changed=1, unchanged=1, failures=1)


@pytest.mark.parametrize(("soft", "hard", "retry"), [(-1, 600, 5), (61, 60, 5), (0, 0, 5), (60, 600, -1)])
def test_refuses_arguments_out_of_bounds(soft: float, hard: float, retry: float) -> None:
    """The error names the arguments and what would do."""
    with pytest.raises(ValueError, match=r"RefreshingValue: .*give 0 <= soft_ttl <= hard_ttl"):
        RefreshingValue(Loader([]), soft, hard, retry)
