"""Chains of owners: who follows whom on an address, and how long each stays. All times are whole seconds."""

from typing import Any, Final

import numpy as np

from accuracy.parameters import Parameters

Ints = Any  # numpy int64 array
FAILOVER_S: Final = 10
MINUTE: Final = 60
HOUR: Final = 3_600
_RESTING: Final = 0.7  # of what is not taken again within the hour


def lives(random: np.random.Generator, medians: Ints, parameters: Parameters) -> Ints:
    """A life for each median: log-normal, none shorter or longer than the parameters allow."""
    return _within(lambda n, m: m * np.exp(random.normal(0, parameters.life_sigma, n)), medians, parameters)


def elapsed_and_left(random: np.random.Generator, medians: Ints, parameters: Parameters) -> tuple[Ints, Ints]:
    """Of those alive at one moment: how long they have been, how long they will be (long lives are met more often)."""
    sigma = parameters.life_sigma
    whole = _within(lambda n, m: m * np.exp(sigma**2 + random.normal(0, sigma, n)), medians, parameters)
    elapsed = (random.random(len(medians)) * whole).astype(np.int64)
    return elapsed, np.maximum(whole - elapsed, 1)


def _within(draw: Any, medians: Ints, parameters: Parameters) -> Ints:
    """Draw again whatever is out of bounds; after some rounds take the bound."""
    drawn = draw(len(medians), medians)
    for _ in range(30):
        out = (drawn < parameters.least_life_s) | (drawn > parameters.most_life_s)
        if not out.any():
            break
        drawn[out] = draw(int(out.sum()), medians[out])
    return np.clip(drawn, parameters.least_life_s, parameters.most_life_s).astype(np.int64)


def gaps(random: np.random.Generator, size: int, parameters: Parameters) -> tuple[Ints, Any]:
    """After an owner goes: seconds until the next one, and whether that one gets the same address."""
    draw = random.random(size)
    soon = draw < parameters.reused_within_minute
    later = ~soon & (draw < parameters.reused_within_minute + parameters.reused_within_hour)
    gap = random.integers(1, HOUR // 2, size)
    gap[soon] = random.integers(1, MINUTE, int(soon.sum()))
    gap[later] = random.integers(MINUTE, HOUR, int(later.sum()))
    gap[~soon & ~later] = random.integers(1, 2 * MINUTE, int((~soon & ~later).sum()))
    return gap, soon | later


def hold_gaps(random: np.random.Generator, size: int, parameters: Parameters) -> tuple[Ints, Any]:
    """The same for what moves between interfaces: some fail over within seconds, some rest for an hour or two."""
    gap, same = gaps(random, size, parameters)
    failover = random.random(size) < parameters.failover_share
    gap[failover] = random.integers(1, FAILOVER_S, int(failover.sum()))
    rested = ~same & ~failover & (random.random(size) < _RESTING)
    gap[rested] = random.integers(HOUR, 2 * HOUR, int(rested.sum()))
    return gap, same | failover | rested
