"""Cases: a stack, faults planted in it, what whoever ran said, the recovery, and what readers saw all along.

A stage that says it failed is run again without faults, as its schedule or an operator does; one that says all went
well is not, but for a refresher whose clock was wrong: its next run, a minute later, comes before anything arrives.
Then the stages after it follow. What follows from a state that was met before is not run again.

Readers must see at every look what they saw at any look before, whatever failed in between. Once a stage has ended, run
again where it failed, they must see what has arrived: until the replay all but what is kept raw under
``processing-failed/``, after it all.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from reliability.oracle import world as stages
from reliability.oracle.faults import RIVAL, Plant, Site
from reliability.oracle.judge import Judge, Verdict, verdict
from reliability.oracle.producer import FIRST_PORT
from reliability.oracle.remote import RemoteService
from reliability.oracle.states import State, digest
from reliability.oracle.wire import Kill
from reliability.oracle.world import FAULTLESS, STAGES, World

_LATE: Final = frozenset({9})  # what waits in a compacted hour until its next run
_EVERY_MINUTE: Final = frozenset({stages.FIRST_REFRESH, stages.SECOND_REFRESH})


class Death(NamedTuple):
    """A process is ended by SIGKILL before or after its stage's ``number``-th request that changes something."""

    stage: str
    number: int
    is_after: bool

    def __str__(self) -> str:
        return f"{self.stage}/kill/{self.number}/{'after' if self.is_after else 'before'}"


class Case(NamedTuple):
    """Faults, clocks that are wrong by seconds (stage, seconds), or a process that dies."""

    plants: tuple[Plant, ...] = ()
    skews: tuple[tuple[str, float], ...] = ()
    death: Death | None = None

    def __str__(self) -> str:
        clocks = (f"{stage}/clock/{seconds:g}" for stage, seconds in self.skews)
        return "+".join([*map(str, self.plants), *clocks, *([] if self.death is None else [str(self.death)])])

    @classmethod
    def parse(cls, text: str) -> "Case":
        """What ``str`` gives; raises ValueError for anything else."""
        plants, skews, death = [], [], None
        for part in text.split("+"):
            stage, what, *rest = part.split("/")
            if what == "clock":
                skews.append((stage, float(rest[0])))
            elif what == "kill":
                death = Death(stage, int(rest[0]), rest[1] == "after")
            else:
                plants.append(Plant.parse(part))
        return cls(tuple(plants), tuple(skews), death)

    @property
    def touched(self) -> tuple[str, ...]:
        """The stages in which something is wrong, in their order."""
        stages = {plant.site.stage for plant in self.plants} | {stage for stage, _ in self.skews}
        stages |= set() if self.death is None else {self.death.stage}
        return tuple(stage for stage in STAGES if stage in stages)


class Look(NamedTuple):
    """A reading, when it was made, and the flows that it must show beside those that were seen before it."""

    when: str
    reading: str
    must_see: frozenset[int]
    stage: str


@dataclass
class Ran:
    """What happened in a case, before it is judged. ``wrong``: what went wrong whatever readers see, in words."""

    case: Case
    looks: list[Look] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    met: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case, judged: the worst of its readings. ``raw_duplicates``: rows of raw objects beyond one a flow."""

    case: str
    verdict: Verdict
    wrong: tuple[str, ...]
    when: tuple[str, ...]
    met: int
    raw_duplicates: int
    said_failed: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict.is_clean and not self.wrong


class Bench:
    """Runs cases in one world. Made with a clean run, from which each case takes its beginning."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.judge = Judge()
        self.before: dict[str, State] = {}
        self.sites: list[Site] = []
        self.conditional: frozenset[Site] = frozenset()
        self.changing: dict[str, int] = {}
        self._visible: dict[str, frozenset[int]] = {}
        self._rest: dict[tuple[str, type, str], tuple[list[Look], list[str]]] = {}
        self._again: dict[tuple[str, type, str], tuple[list[str], State]] = {}
        self._elsewhere = RemoteService(world.endpoint, world.wire)
        self._run_clean()

    def run(self, case: Case) -> Ran:
        """Run a case to its end."""
        world, ran = self.world, Ran(case)
        first, last = (STAGES.index(stage) for stage in (case.touched[0], case.touched[-1]))
        world.begin(self.before[STAGES[first]])
        for stage in STAGES[first : last + 1]:
            self._run_stage(ran, stage)
        ran.met += sum(min(world.wire.met[plant], 1) for plant in case.plants)
        ran.wrong += _told_lost(world.lost)
        self._run_rest(ran, STAGES[last + 1 :])
        return ran

    def judged(self, done: Iterable[Ran]) -> list[Outcome]:
        """The cases, judged together."""
        runs = list(done)
        self.judge.flush()
        return [self._outcome(ran) for ran in runs]

    @property
    def again(self) -> int:
        """How many next runs are known, each from another state."""
        return len(self._again)

    def forget(self) -> None:
        """Know of no next run what comes of it."""
        self._again.clear()

    def look(self, when: str, stage: str, must_see: Iterable[int]) -> Look:
        """Read the lake as it is now."""
        return Look(when, self.judge.take(self.world.reading()), frozenset(must_see), stage)

    def must_see(self, stage: str) -> frozenset[int]:
        """What readers must see now that a stage has ended, whatever was before it."""
        sent = frozenset(self.world.sent(stage))
        if STAGES.index(stage) < STAGES.index(stages.REPLAY):
            return sent - self.world.kept()
        return sent - (_LATE if stage == stages.FRESH else frozenset())

    def _run_clean(self) -> None:
        self.world.begin()
        looks = []
        for stage in STAGES:
            self.before[stage] = self.world.save()
            if not self.world.run(stage):
                raise AssertionError(f"{stage} fails without any fault: {self.world.service.said}")
            looks.append(self.look(f"{stage}, later", stage, self.must_see(stage)))
        self.sites = [site for site in self.world.wire.calls if site.stage not in FAULTLESS]
        self.conditional = frozenset(self.world.wire.conditional)
        changing = Counter(site.stage for site in self.world.wire.changing)
        self.changing = {stage: changing[stage] for stage in STAGES if stage not in FAULTLESS}
        self.judge.flush()
        for number, stage in enumerate(STAGES):
            self._rest[stage, type(self.world.service), digest(self.before[stage])] = looks[number:], []
            self._visible[stage] = self._shown(looks[number - 1]) if number else frozenset()
        found = self._outcome(Ran(Case(), looks))
        if not found.is_clean or found.verdict.unnamed:
            raise AssertionError(f"the clean run is not clean: {found}")

    def _run_stage(self, ran: Ran, stage: str) -> None:
        """A stage with the case's faults; a look at once; its next run, where that is due; and another look."""
        is_well = self._run_faulty(ran, stage)
        ran.looks.append(self.look(f"{stage}, at once", stage, ()))
        if not is_well:
            ran.failed.append(stage)
        was_wrong = stage in _EVERY_MINUTE and stage in dict(ran.case.skews)
        if not is_well or was_wrong:
            ran.wrong += self._run_again(stage)
        ran.looks.append(self.look(f"{stage}, in the end", stage, self.must_see(stage)))

    def _run_again(self, stage: str) -> list[str]:
        """The stage's next run, without faults; from a state that was met before, what came of it then."""
        world = self.world
        key = stage, type(world.service), digest(world.save())
        if key in self._again:
            wrong, state = self._again[key]
            world.put(state)
        else:
            wrong = self._run_well(stage)
            self._again[key] = wrong, world.save()
        return wrong

    def _run_faulty(self, ran: Ran, stage: str) -> bool:
        world, death = self.world, ran.case.death
        world.wire.planted, world.skews = ran.case.plants, dict(ran.case.skews)
        here = world.service
        if any(plant.kind == RIVAL for plant in ran.case.plants):
            world.service = type(here)(world.patient)  # whose rival takes longer than others wait
        if death is None or death.stage != stage:
            is_well = world.run(stage)
        else:
            is_well = self._run_and_kill(death)
            ran.met += world.wire.killed is not None
        world.wire.planted, world.skews, world.service = (), {}, here
        return is_well

    def _run_and_kill(self, death: Death) -> bool:
        world = self.world
        here, world.service = world.service, self._elsewhere
        world.wire.changing.clear()
        world.wire.kill = Kill(death.number, death.is_after)
        try:
            return world.run(death.stage)
        finally:
            world.service, world.wire.kill = here, None

    def _run_rest(self, ran: Ran, later: Sequence[str]) -> None:
        """The stages after the last fault; from a state that was met before, what came of it then."""
        key = later[0] if later else "", type(self.world.service), digest(self.world.save())
        if key not in self._rest:
            looks: list[Look] = []
            wrong: list[str] = []
            for stage in later:
                wrong += self._run_well(stage)
                looks.append(self.look(f"{stage}, later", stage, self.must_see(stage)))
            self._end(wrong)
            self._rest[key] = looks, wrong
        looks, wrong = self._rest[key]
        ran.looks += looks
        ran.wrong += wrong

    def _run_well(self, stage: str) -> list[str]:
        """A stage without faults; what was wrong with it beside what readers see."""
        world, lost = self.world, self.world.lost
        wrong = [] if world.run(stage) else [f"{stage} fails without a fault: {world.service.said[-1:]}"]
        wrong += _told_lost(world.lost - lost)
        world.lost = lost
        return wrong

    def _end(self, wrong: list[str]) -> None:
        """What must hold at the end beside the rows: rejects are kept with their bytes."""
        lost = {stages.BAD_LINE, stages.HOPELESS} - self.world.rejected()
        wrong += [f"the reject {line!r} is kept nowhere" for line in sorted(lost)]
        rows = set(self.world.rejected()) & {one.flow.line for one in self.world.flows.values()}
        wrong += [f"the good line {line!r} is kept as a reject" for line in sorted(rows)]

    def _outcome(self, ran: Ran) -> Outcome:
        worst, when, duplicates = Verdict(), [], 0
        flows = self.world.flows
        shown = self._visible[ran.case.touched[0]] if ran.case.touched else frozenset()
        for look in ran.looks:
            seen = self.judge.seen(look.reading)
            must_see = {number: flows[number] for number in look.must_see | shown}
            found = verdict(seen.counted, must_see, self.world.sent(look.stage))
            shown |= self._shown(look)
            if not found.is_clean:
                when.append(f"{look.when}: {found}")
            worst = Verdict(*(max(pair) for pair in zip(_figures(worst), _figures(found), strict=True)))
            duplicates = max(duplicates, seen.rows - len(seen.counted))
        return Outcome(str(ran.case), worst, tuple(ran.wrong), tuple(when), ran.met, duplicates, len(ran.failed))

    def _shown(self, look: Look) -> frozenset[int]:
        """The flows that a reading shows."""
        numbers = {(row["srcport"] or 0) - FIRST_PORT for row in self.judge.seen(look.reading).counted}
        return frozenset(numbers & self.world.flows.keys())


def _told_lost(records: int) -> list[str]:
    return [f"{records} delivery records ended neither written nor kept as failed"] if records else []


def _figures(found: Verdict) -> Sequence[int]:
    return found.missing, found.spurious, found.corrupted, found.doubled, found.unnamed
