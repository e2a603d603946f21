"""TTLCache against a naive model: a list of everything ever learnt, searched from its end."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache import LoadError, TTLCache

TTL, NEGATIVE_TTL, STALE_TTL, JITTER = 64, 16, 32, 0.5
KEYS = st.integers(0, 5)
# An answer: a value, None for absent, "mute" for a key the source leaves out.
FACTS = st.dictionaries(KEYS, st.one_of(st.integers(0, 3), st.none(), st.just("mute")))


def source_of(facts: dict, *, down: bool, asked: list):
    """A loader over ``facts`` that records its calls in ``asked``."""

    def load(missing: list) -> dict:
        asked.append(missing)
        if down:
            raise LoadError("down")
        return {key: facts.get(key) for key in missing if facts.get(key) != "mute"}

    return load


@dataclass(frozen=True)
class Learnt:
    """What the source said of one key, when, and the jitter drawn for it."""

    key: int
    value: int | None
    at: int
    draw: float


class CacheMachine(RuleBasedStateMachine):
    """Batches at any time, a clock that may step back, a source that changes, mutes and fails."""

    def __init__(self) -> None:
        super().__init__()
        self.draw = 0.0
        self.cache: TTLCache[int, int] = TTLCache(100, TTL, NEGATIVE_TTL, STALE_TTL, JITTER, lambda: self.draw)
        self.now = 0
        self.log: list[Learnt] = []
        self.totals = dict.fromkeys(
            ("hits", "negative_hits", "misses", "loads", "load_failures", "stale_served", "evictions"), 0
        )

    @rule(step=st.sampled_from([-8, 1, 7, 8, 16, 32, 33, 64]))
    def time_passes(self, step: int) -> None:
        """Move the clock."""
        self.now += step

    @rule(keys=st.lists(KEYS, max_size=8), facts=FACTS, down=st.booleans(), draw=st.sampled_from([0.0, 0.25, 0.75]))
    def batch(self, keys: list, facts: dict, *, down: bool, draw: float) -> None:
        """Ask the cache, and compare every answer with the log."""
        self.draw = draw
        asked: list = []
        answers = self.cache.get_many(keys, self.now, source_of(facts, down=down, asked=asked))
        unique = [key for position, key in enumerate(keys) if key not in keys[:position]]
        missing = [key for key in unique if not self.is_fresh(key)]
        assert asked == ([missing] if missing else [])
        self.totals["misses"] += len(missing)
        self.totals["loads"] += bool(missing)
        self.totals["load_failures"] += bool(missing) and down
        for key in unique:
            self.expect(key, answers, facts, asks=key in missing, down=down)
        places = [*answers.found, *answers.absent, *answers.stale, *answers.unresolved]
        assert sorted(places) == sorted(unique)

    def expect(self, key: int, answers, facts: dict, *, asks: bool, down: bool) -> None:
        """Check one key's answer, and learn what the source told."""
        last = self.last(key)
        if not asks:
            assert last
            known, self_count = (answers.absent, "negative_hits") if last.value is None else (answers.found, "hits")
            assert key in known
            assert answers.found.get(key) == last.value
            self.totals[self_count] += 1
        elif not down and facts.get(key) != "mute":
            value = facts.get(key)
            assert (key in answers.absent) if value is None else (answers.found[key] == value)
            self.log.append(Learnt(key, value, self.now, self.draw))
        elif last and last.value is not None and self.now < self.expiry(last) + STALE_TTL:
            assert answers.stale[key] == last.value
            self.totals["stale_served"] += 1
        else:
            assert key in answers.unresolved

    def last(self, key: int) -> Learnt | None:
        """What was learnt last of this key."""
        return next((learnt for learnt in reversed(self.log) if learnt.key == key), None)

    def expiry(self, learnt: Learnt) -> float:
        """When it stops being fresh."""
        ttl = NEGATIVE_TTL if learnt.value is None else TTL
        return learnt.at + ttl - ttl * JITTER * learnt.draw

    def is_fresh(self, key: int) -> bool:
        """Whether the key needs no asking now."""
        last = self.last(key)
        return last is not None and last.at <= self.now < self.expiry(last)

    @invariant()
    def counters_agree(self) -> None:
        """The counters are the model's at every moment."""
        counters = self.cache.counters()
        assert {name: getattr(counters, name) for name in self.totals} == self.totals


CacheMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, database=None)
TestAgainstTheModel = CacheMachine.TestCase


@settings(max_examples=150, deadline=None, database=None)
@given(
    maxsize=st.integers(1, 4),
    batches=st.lists(st.tuples(st.lists(KEYS, max_size=8), FACTS, st.booleans(), st.integers(0, 40)), max_size=12),
)
def test_a_small_cache_forgets_but_never_invents(maxsize: int, batches: list) -> None:
    """However little is kept: every key is answered once, and only with what the source said within its time."""
    cache: TTLCache[int, int] = TTLCache(maxsize, TTL, NEGATIVE_TTL, STALE_TTL, jitter=0)
    now, asked_keys, told = 0, 0, []
    for keys, facts, down, step in batches:
        now += step
        asked: list = []
        answers = cache.get_many(keys, now, source_of(facts, down=down, asked=asked))
        if not down:
            told += [(key, facts.get(key), now) for missing in asked for key in missing if facts.get(key) != "mute"]
        assert len(cache) <= maxsize
        assert sorted([*answers.found, *answers.absent, *answers.stale, *answers.unresolved]) == sorted(set(keys))
        newest = {key: (value, at) for key, value, at in told}
        for key, value in answers.found.items():
            assert newest[key][0] == value
            assert now - newest[key][1] < TTL
        for key in answers.absent:
            assert newest[key][0] is None
            assert now - newest[key][1] < NEGATIVE_TTL or newest[key][1] == now
        for key, value in answers.stale.items():
            assert newest[key][0] == value
            assert TTL <= now - newest[key][1] < TTL + STALE_TTL
        asked_keys += len(set(keys))
        counters = cache.counters()
        assert counters.hits + counters.negative_hits + counters.misses == asked_keys
