"""Compaction killed at each side effect and run again, beside readers, a crawler, late objects, another compactor."""

import pytest
from compaction_world import GRACE_S, HOUR_S, World, crawl, hour

from compaction.layout import begin, short
from compaction.settings import SweepSettings

LATE, BESIDE, REPLACED, FRESH, OLD = (hour(number) for number in (5, 6, 7, 8, 10))
HOURS = (LATE, BESIDE, REPLACED, FRESH, OLD)
START = begin(OLD) + 3 * HOUR_S


def lake() -> World:
    """Five hours before a run that has everything to do.

    LATE has a late object and a copy of one that was deleted; BESIDE, marked, was counted with what LATE held before;
    REPLACED waits for a backfill; FRESH has no generation yet; of OLD, raw objects, a superseded generation and what a
    killed run left behind may go.
    """
    world = World(now=START)
    first = [world.arrive(partition) for partition in (LATE, BESIDE, REPLACED, OLD) for _ in range(2)]
    world.sweep(SweepSettings(GRACE_S, only=frozenset(map(short, (LATE, BESIDE, REPLACED)))))
    world.now += 2 * HOUR_S
    assert not world.watched_sweep({2: world.kill})
    world.sweep()
    world.arrive(OLD)
    world.now += HOUR_S
    world.sweep()
    world.now = START + GRACE_S
    world.sweep()
    assert world.deliver_again(first[0])
    world.arrive(LATE)
    world.replace_hour(REPLACED)
    world.mark_late(BESIDE)
    world.now += 3 * HOUR_S
    world.arrive(FRESH)
    return world


def effects_of_a_run() -> list[str]:
    """What a run does to the lake, in order."""
    world = lake()
    before = len(world.announced)
    assert world.watched_sweep()
    return world.announced[before:]


def check_all(world: World) -> None:
    """All hours are what they should be."""
    for partition in HOURS:
        world.check_compacted(partition)


def test_a_run_has_every_kind_of_side_effect():
    """What is killed below is the whole list: folders, manifests, both tables, deletions of objects and marks."""
    effects = effects_of_a_run()
    for kind in (
        "put flow_logs_compacted/",
        "put flows_hourly/",
        "put compaction/manifests/",
        "switch flow_logs/",
        "switch flows_hourly/",
        "delete flow_logs/",
        "delete flow_logs_compacted/",
        "delete flows_hourly/",
        "delete compaction/marked/",
    ):
        assert any(effect.startswith(kind) for effect in effects), kind
    assert len(effects) > 20


EFFECTS = effects_of_a_run()


def crawl_all(world: World) -> None:
    """The crawler's stand-in runs."""
    crawl(world.objects, world.catalog)


@pytest.mark.parametrize("effect", range(len(EFFECTS)), ids=EFFECTS)
def test_killed_before_a_side_effect_and_run_again(effect):
    """Late objects come meanwhile, and the crawler runs: in the end every row is there once, and nothing is left."""
    world = lake()
    assert not world.watched_sweep({effect: world.kill})
    world.arrive(LATE)
    world.arrive(FRESH)
    crawl_all(world)
    world.check_readers()
    assert world.watched_sweep()
    check_all(world)
    world.now += GRACE_S
    assert world.watched_sweep()
    check_all(world)
    check_tidy(world)


@pytest.mark.parametrize("effect", range(len(EFFECTS)), ids=EFFECTS)
def test_another_compactor_runs_in_the_middle(effect):
    """Whoever commits first wins; readers see one copy all the time, and all that came once both are through."""
    world = lake()

    def other() -> None:
        world.arrive(REPLACED)
        world.sweep()

    assert world.watched_sweep({effect: other})
    world.sweep()
    check_all(world)
    world.now += GRACE_S
    world.sweep()
    check_all(world)
    check_tidy(world)


def check_tidy(world: World) -> None:
    """After the grace time the lake holds the generations and nothing else."""
    assert world.keys("flow_logs/") == world.keys("backfill/") == world.keys("compaction/marked/") == []
    for partition in HOURS:
        for table in ("flow_logs_compacted", "flows_hourly"):
            folders = {key.rpartition("/")[0] for key in world.keys(f"{table}/{partition.path}/")}
            assert len(folders) == 1, folders
