"""TTLCache, one behaviour a test: ttl 60 s, negative TTL 10 s, stale TTL 30 s, no jitter unless a test says so."""

from collections.abc import Mapping

import pytest

from cache import Answers, CacheCounters, LoadError, TTLCache


class Source:
    """Knows ``facts`` (None: does not exist), leaves ``mute`` keys out, fails while ``down``; records its calls."""

    def __init__(self, facts: Mapping[str, int | None]) -> None:
        self.facts = dict(facts)
        self.mute: set[str] = set()
        self.down = False
        self.asked: list[list[str]] = []

    def __call__(self, missing: list[str]) -> dict[str, int | None]:
        """Load, as the cache does."""
        self.asked.append(missing)
        if self.down:
            raise LoadError("the source is down")
        return {key: self.facts.get(key) for key in missing if key not in self.mute}


def make_cache(maxsize: int = 100) -> TTLCache[str, int]:
    """A cache with the times of this file."""
    return TTLCache(maxsize=maxsize, ttl=60, negative_ttl=10, stale_ttl=30, jitter=0)


def test_asks_the_source_once_for_all_keys_it_does_not_know() -> None:
    """One call carries every missing key, in the order asked, each once; no call carries a known one."""
    cache, source = make_cache(), Source({"a": 1, "b": 2, "c": 3})
    assert cache.get_many(["b", "a", "b"], 0, source) == Answers({"b": 2, "a": 1}, set(), {}, set())
    assert cache.get_many(["a", "c"], 1, source).found == {"a": 1, "c": 3}
    assert source.asked == [["b", "a"], ["c"]]


def test_does_not_call_the_source_without_a_missing_key() -> None:
    """Empty batches and batches of fresh keys load nothing."""
    cache, source = make_cache(), Source({"a": 1})
    assert cache.get_many([], 0, source) == Answers({}, set(), {}, set())
    cache.get_many(["a"], 0, source)
    cache.get_many(["a"], 59.9, source)
    assert source.asked == [["a"]]


def test_asks_again_when_the_ttl_has_passed() -> None:
    """A value is fresh for less than its TTL, counted from the load and not from the last read."""
    cache, source = make_cache(), Source({"a": 1})
    cache.get_many(["a"], 0, source)
    source.facts["a"] = 2
    assert cache.get_many(["a"], 59, source).found == {"a": 1}
    assert cache.get_many(["a"], 60, source).found == {"a": 2}


def test_believes_an_absence_for_the_negative_ttl() -> None:
    """None from the source is remembered as absent, for its own time."""
    cache, source = make_cache(), Source({"a": None})
    assert cache.get_many(["a"], 0, source) == Answers({}, {"a"}, {}, set())
    source.facts["a"] = 1
    assert cache.get_many(["a"], 9, source).absent == {"a"}
    assert cache.get_many(["a"], 10, source).found == {"a": 1}


def test_a_negative_ttl_of_zero_believes_no_absence() -> None:
    """Then every batch asks again."""
    cache: TTLCache[str, int] = TTLCache(maxsize=10, ttl=60, negative_ttl=0, stale_ttl=30)
    source = Source({"a": None})
    assert [cache.get_many(["a"], 0, source).absent for _ in range(2)] == [{"a"}, {"a"}]
    assert source.asked == [["a"], ["a"]]


def test_a_value_that_is_false_is_a_value() -> None:
    """Only None means absent."""
    assert make_cache().get_many(["zero"], 0, Source({"zero": 0})).found == {"zero": 0}


def test_a_failure_is_never_cached_as_absence() -> None:
    """A failed load leaves its keys unresolved, and the next batch asks again."""
    cache, source = make_cache(), Source({"a": 1})
    source.down = True
    assert cache.get_many(["a"], 0, source) == Answers({}, set(), {}, {"a"})
    source.down = False
    assert cache.get_many(["a"], 0, source).found == {"a": 1}


def test_a_key_left_out_of_the_answer_is_unresolved_alone() -> None:
    """The others of the same load are answered and kept; the key left out is asked again."""
    cache, source = make_cache(), Source({"a": 1, "b": None, "c": 3})
    source.mute = {"c"}
    assert cache.get_many(["a", "b", "c"], 0, source) == Answers({"a": 1}, {"b"}, {}, {"c"})
    source.mute = set()
    assert cache.get_many(["a", "b", "c"], 1, source) == Answers({"a": 1, "c": 3}, {"b"}, {}, set())
    assert source.asked == [["a", "b", "c"], ["c"]]


@pytest.mark.parametrize("how", ["down", "mute"])
def test_serves_an_expired_value_while_the_source_cannot_be_asked(how: str) -> None:
    """Within the stale TTL the old value is served and called stale, beyond it nothing is."""
    cache, source = make_cache(), Source({"a": 1})
    cache.get_many(["a"], 0, source)
    if how == "down":
        source.down = True
    else:
        source.mute = {"a"}
    assert cache.get_many(["a"], 60, source) == Answers({}, set(), {"a": 1}, set())
    assert cache.get_many(["a"], 89, source).stale == {"a": 1}
    assert cache.get_many(["a"], 90, source) == Answers({}, set(), {}, {"a"})


def test_serving_stale_does_not_renew_the_entry() -> None:
    """The source is asked again at once, and its new answer replaces the stale one."""
    cache, source = make_cache(), Source({"a": 1})
    cache.get_many(["a"], 0, source)
    source.down = True
    cache.get_many(["a"], 61, source)
    source.down = False
    source.facts["a"] = 2
    assert cache.get_many(["a"], 62, source) == Answers({"a": 2}, set(), {}, set())


def test_an_expired_absence_is_not_served_stale() -> None:
    """That a key did not exist says nothing of now: it is unresolved."""
    cache, source = make_cache(), Source({"a": None})
    cache.get_many(["a"], 0, source)
    source.down = True
    assert cache.get_many(["a"], 11, source) == Answers({}, set(), {}, {"a"})


def test_an_absence_replaces_an_expired_value() -> None:
    """What the source denies now is absent, and no longer there to be served stale."""
    cache, source = make_cache(), Source({"a": 1})
    cache.get_many(["a"], 0, source)
    source.facts["a"] = None
    assert cache.get_many(["a"], 60, source).absent == {"a"}
    source.down = True
    assert cache.get_many(["a"], 71, source).unresolved == {"a"}


def test_entries_learnt_together_do_not_expire_together() -> None:
    """Each entry's life is its TTL less its own draw of the jitter: 60 s, 45 s and, absent, 7.5 s."""
    draws = iter([0.0, 0.5, 0.5])
    cache: TTLCache[str, int] = TTLCache(
        100, ttl=60, negative_ttl=10, stale_ttl=30, jitter=0.5, random=lambda: next(draws)
    )
    source = Source({"a": 1, "b": 2, "c": None})
    cache.get_many(["a", "b", "c"], 0, source)
    source.down = True
    for now in (7, 7.5, 44, 45, 59, 60):
        cache.get_many(["a", "b", "c"], now, source)
    assert source.asked[1:] == [["c"], ["c"], ["b", "c"], ["b", "c"], ["a", "b", "c"]]


def test_a_stale_value_serves_for_the_stale_ttl_beyond_its_own_life() -> None:
    """A life shortened by jitter to 45 s ends at 75 s as stale."""
    cache: TTLCache[str, int] = TTLCache(100, ttl=60, negative_ttl=10, stale_ttl=30, jitter=0.5, random=lambda: 0.5)
    source = Source({"a": 1})
    cache.get_many(["a"], 0, source)
    source.down = True
    assert cache.get_many(["a"], 74, source).stale == {"a": 1}
    assert cache.get_many(["a"], 75, source).unresolved == {"a"}


def test_default_randomness_stays_within_the_jitter() -> None:
    """With the default draw nothing lives for less than nine tenths of the TTL, nor for longer than it."""
    cache: TTLCache[int, int] = TTLCache(1000, ttl=60, negative_ttl=10, stale_ttl=30)
    asked: list[list[int]] = []

    def load(missing: list[int]) -> dict[int, int | None]:
        asked.append(missing)
        return {key: key for key in missing}

    for now in (0, 54 - 1e-9, 60):
        cache.get_many(range(1000), now, load)
    assert [len(missing) for missing in asked] == [1000, 1000]


def test_a_clock_that_stepped_back_makes_entries_look_expired() -> None:
    """An entry from the future is asked for again; meanwhile it serves as stale, never as fresh."""
    cache, source = make_cache(), Source({"a": 1})
    cache.get_many(["a"], 1000, source)
    source.down = True
    assert cache.get_many(["a"], 999, source) == Answers({}, set(), {"a": 1}, set())


def test_memory_is_bounded_and_the_least_recently_asked_goes_first() -> None:
    """Absences count too; what is asked often stays; what goes is counted."""
    cache, source = make_cache(maxsize=2), Source({"a": 1, "c": 3})
    cache.get_many(["a"], 0, source)
    cache.get_many(["b"], 0, source)
    cache.get_many(["a"], 0, source)
    cache.get_many(["c"], 0, source)
    assert len(cache) == 2
    assert cache.get_many(["a", "c"], 0, source).found == {"a": 1, "c": 3}
    assert source.asked == [["a"], ["b"], ["c"]]
    assert cache.counters().evictions == 1


def test_a_batch_larger_than_the_cache_is_answered_in_full() -> None:
    """Only what is kept is bounded."""
    cache, source = make_cache(maxsize=2), Source({"a": 1, "b": 2, "c": 3, "d": 4})
    assert cache.get_many(["a", "b", "c", "d"], 0, source).found == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert len(cache) == 2


def test_an_entry_pushed_out_by_its_own_batch_still_serves_stale() -> None:
    """New entries of a batch do not take the old value of another key of the same batch away."""
    cache, source = make_cache(maxsize=1), Source({"a": 1, "b": 2})
    cache.get_many(["a"], 0, source)
    source.mute = {"a"}
    assert cache.get_many(["b", "a"], 60, source) == Answers({"b": 2}, set(), {"a": 1}, set())


def test_answers_of_keys_that_were_not_asked_are_ignored() -> None:
    """A chatty source neither answers nor fills memory."""
    cache = make_cache()
    assert cache.get_many(["a"], 0, lambda _: {"a": 1, "z": 26}).found == {"a": 1}
    assert len(cache) == 1


def test_an_undeclared_exception_of_the_loader_passes_through() -> None:
    """A defect is not an outage: it reaches the caller, and nothing is remembered of the batch."""
    cache, source = make_cache(), Source({"a": 1})

    def broken(missing: list[str]) -> dict[str, int | None]:
        raise KeyError(missing[0])

    with pytest.raises(KeyError):
        cache.get_many(["a"], 0, broken)
    assert cache.get_many(["a"], 0, source).found == {"a": 1}


def test_counters_tell_what_happened() -> None:
    """Keys are counted once a batch; the snapshot stays as it was taken; two of them subtract."""
    cache, source = make_cache(maxsize=3), Source({"a": 1, "b": None})
    cache.get_many(["a", "a", "b"], 0, source)
    before = cache.counters()
    assert before == CacheCounters(misses=2, loads=1)
    cache.get_many(["a", "b"], 1, source)
    source.down = True
    cache.get_many(["a", "c"], 60, source)
    source.down = False
    cache.get_many(["a", "c", "d"], 61, source)
    assert before == CacheCounters(misses=2, loads=1)
    assert cache.counters() == CacheCounters(
        hits=1, negative_hits=1, misses=7, loads=3, load_failures=1, stale_served=1, evictions=1
    )
    assert (cache.counters() - before).misses == 5


@pytest.mark.parametrize(
    ("maxsize", "ttl", "negative_ttl", "stale_ttl", "jitter"),
    [(0, 60, 10, 30, 0.1), (1, 0, 10, 30, 0.1), (1, 60, -1, 30, 0.1), (1, 60, 10, -1, 0.1), (1, 60, 10, 30, 1)],
)
def test_refuses_arguments_out_of_bounds(
    maxsize: int, ttl: float, negative_ttl: float, stale_ttl: float, jitter: float
) -> None:
    """The error names the arguments and what would do."""
    with pytest.raises(ValueError, match=r"TTLCache: .*give maxsize >= 1"):
        TTLCache[str, int](maxsize, ttl, negative_ttl, stale_ttl, jitter)
