"""Compaction against every order of events: arrivals, copies, marks, kills, other compactors, crawls, and time."""

from compaction_world import GRACE_S, HOUR_S, World, crawl, hour
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from compaction.layout import begin

ABROAD = hour(6, "eu-west-1")
EVERY = (hour(5), hour(6), hour(7), ABROAD)
HOURS = st.sampled_from(EVERY)
EFFECTS = st.integers(0, 25)


class Compaction(RuleBasedStateMachine):
    """Readers look after each step and before each side effect; after a run to its end all is what it should be."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(now=begin(hour(7)) + 3 * HOUR_S)

    @rule(target=keys, partition=HOURS, is_registered=st.booleans())
    def arrive(self, partition, is_registered):
        """An object of the stream, of replay or backfill; the partition may be missing."""
        return self.world.arrive(partition, is_registered=is_registered)

    @rule(key=keys)
    def deliver_again(self, key):
        """The stream tries a batch again, whether or not its object was deleted meanwhile."""
        self.world.deliver_again(key)

    @rule(partition=HOURS)
    def mark_late(self, partition):
        """Replay leaves a mark."""
        self.world.mark_late(partition)

    @rule(target=keys, partition=HOURS, arrives=st.booleans(), sweeps=st.booleans())
    def replace(self, partition, arrives, sweeps):
        """A backfill replaces the hour, while an object comes, and a run takes it, between its listing and its mark."""
        if self.world.keys(f"compaction/marked/{partition.path}/replace-"):
            return multiple()
        late = []

        def between() -> None:
            if arrives:
                late.append(self.world.arrive(partition))
            if sweeps:
                self.world.sweep()

        self.world.replace_hour(partition, between)
        return multiple(*late)

    @rule()
    def crawl(self):
        """The crawler runs."""
        crawl(self.world.objects, self.world.catalog)

    @rule(hours=st.sampled_from([1, 5, 25, 70]))
    def wait(self, hours):
        """Time passes: hours leave the sweep, grace times end."""
        self.world.now += hours * HOUR_S

    @rule(effect=EFFECTS)
    def killed(self, effect):
        """A run goes before one of its side effects."""
        self.world.watched_sweep({effect: self.world.kill})

    @rule(effect=EFFECTS, partition=HOURS, is_killed=st.booleans())
    def two_compactors(self, effect, partition, is_killed):
        """A late object and a whole other run in the middle of a run; the first may be killed after that."""

        def other() -> None:
            self.world.arrive(partition)
            self.world.mark_late(partition)
            self.world.sweep()

        last = {effect + 2: self.world.kill} if is_killed else {}
        self.world.watched_sweep({effect: other} | last)

    @rule()
    def compact(self):
        """A run to its end: the hours are what they should be."""
        for partition in EVERY:
            self.world.mark_late(partition)
        self.world.watched_sweep()
        for partition in EVERY:
            if self.world.right(partition):
                self.world.check_compacted(partition)

    @invariant()
    def readers_see_one_copy(self):
        """Whoever reads now sees each row once."""
        self.world.check_readers()

    def teardown(self):
        """After a day without news nothing is left but the generations."""
        self.compact()
        self.world.now += GRACE_S
        self.world.sweep()
        self.world.now += GRACE_S
        self.world.sweep()
        for table in ("flow_logs/", "backfill/", "compaction/marked/"):
            assert self.world.keys(table) == []
        for table in ("flow_logs_compacted/", "flows_hourly/"):
            hours, folders = ({key.rsplit("/", parts)[0] for key in self.world.keys(table)} for parts in (2, 1))
            assert len(hours) == len(folders)


TestCompaction = Compaction.TestCase
TestCompaction.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
