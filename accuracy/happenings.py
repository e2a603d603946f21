"""Counts of what occurred in a world, so that a run proves that there was something to get wrong."""

from collections import Counter

import numpy as np

from accuracy.parameters import Parameters
from accuracy.records import CHANGED, Recording
from accuracy.traffic import Traffic
from accuracy.world import KINDS, PREFIX, PRIMARY, PUBLIC, SECONDARY, Columns, World


def happenings(
    world: World, traffic: Traffic, recording: Recording, records: Columns, parameters: Parameters
) -> Counter[str]:
    """What happened from the first scan to the end of the traffic."""
    interfaces, holds = world.interfaces, world.holds
    until = parameters.flows_until_s
    handovers = traffic.handovers()
    at = world.ends.since[handovers.second]
    handovers = handovers.at((at >= 0) & (at < until))
    first_hold = world.ends.hold[handovers.first]
    moved = (
        world.stays.interface[world.ends.stay[handovers.first]]
        != world.stays.interface[world.ends.stay[handovers.second]]
    )
    middle = (parameters.flows_from_s + until) // 2
    alive = (interfaces.born <= middle) & (middle <= interfaces.died)
    counts: Counter[str] = Counter()
    counts["interfaces alive midway"] = int(alive.sum())
    counts["interfaces that came"] = int(((interfaces.born >= 0) & (interfaces.born < until)).sum())
    counts["interfaces that went"] = int(((interfaces.died >= 0) & (interfaces.died < until)).sum())
    gone = (holds.until >= 0) & (holds.until < until - 3600) & (holds.kind == PRIMARY)
    counts["primary addresses freed more than an hour before the end"] = int(gone.sum())
    counts["addresses reused within 60 s"] = int((moved & (handovers.gap <= 60)).sum())  # noqa: PLR2004 - a minute
    counts["addresses reused within an hour"] = int((moved & (handovers.gap > 60) & (handovers.gap <= 3600)).sum())  # noqa: PLR2004 - an hour
    for kind, name in ((SECONDARY, "secondary addresses"), (PREFIX, "prefixes"), (PUBLIC, "Elastic IPs")):
        counts[f"moves of {name}"] = int((moved & (holds.kind[first_hold] == kind)).sum())
    counts["moves of secondary interfaces"] = int((~moved).sum())
    counts["interfaces that do not record"] = int((recording.is_silent & alive).sum())
    for kind, name in enumerate(KINDS):
        counts[f"alive midway: {name}"] = int((alive & (interfaces.kind == kind)).sum())
    counts["flows whose owner changed meanwhile"] = int(
        ((records.src_truth <= CHANGED) | (records.dst_truth <= CHANGED)).sum()
    )
    counts["private addresses held in two VPCs at once, midway"] = _shared(world, middle)
    return counts


def _shared(world: World, moment: int) -> int:
    """Addresses that interfaces of two VPCs hold at a moment."""
    holds = world.holds
    held = (holds.since <= moment) & (moment <= holds.until) & ~holds.public
    vpc = world.vpc_of(holds.interface[held])
    _, count = np.unique(np.unique(holds.address[held] << 4 | vpc) >> 4, return_counts=True)
    return int((count > 1).sum())
