"""Compaction killed at each side effect and run again, beside readers, a crawler, late objects, another compactor."""

import pytest
from compaction_world import BUSY_HOURS, FRESH, GRACE_S, NEWS, REPLACED, World, busy_lake, crawl


def effects_of_a_run() -> list[str]:
    """What a run does to the lake, in order."""
    world = busy_lake()
    before = len(world.announced)
    assert world.watched_sweep()
    return world.announced[before:]


def check_all(world: World) -> None:
    """All hours are what they should be."""
    for partition in BUSY_HOURS:
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
    world = busy_lake()
    assert not world.watched_sweep({effect: world.kill})
    world.arrive(NEWS)
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
    world = busy_lake()

    def other() -> None:
        world.arrive(REPLACED)
        world.sweep()

    assert world.watched_sweep({effect: other})
    world.check_shown()
    world.sweep()
    check_all(world)
    world.now += GRACE_S
    world.sweep()
    check_all(world)
    check_tidy(world)


def test_a_compactor_that_slept_for_longer_than_the_grace_time_loses():
    """What it wrote lacks what came since, and what another one has taken and deleted: it must not be the hour."""
    world = busy_lake()
    commit = next(number for number, name in enumerate(EFFECTS) if name.startswith("put compaction/manifests/"))

    def others() -> None:
        world.arrive(NEWS)
        world.sweep()
        world.now += GRACE_S
        world.sweep()

    assert world.watched_sweep({commit: others})
    world.sweep()
    check_all(world)


def check_tidy(world: World) -> None:
    """After the grace time the lake holds the generations and nothing else."""
    assert world.keys("flow_logs/") == world.keys("backfill/") == world.keys("compaction/marked/") == []
    for partition in BUSY_HOURS:
        for table in ("flow_logs_compacted", "flows_hourly"):
            folders = {key.rpartition("/")[0] for key in world.keys(f"{table}/{partition.path}/")}
            assert len(folders) == 1, folders
