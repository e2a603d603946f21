"""Which cases a bench runs: every kind of fault at every site and index; drawn by a seed where not all are run."""

import random
from collections.abc import Iterable, Sequence
from typing import Final

from reliability.oracle import world
from reliability.oracle.cases import Case, Death
from reliability.oracle.faults import Plant, Site, plants

_PAIRS: Final = 40
_HOUR_S: Final = 3600
_WRONG_BY: Final = (-24 * _HOUR_S, -3 * _HOUR_S, 3 * _HOUR_S, 24 * _HOUR_S)


def single(sites: Iterable[Site], conditional: Iterable[Site]) -> list[Plant]:
    """Every fault at every site, in an order that does not follow from when they were met."""
    on_condition = frozenset(conditional)
    return [plant for site in sorted(sites) for plant in plants(site, is_conditional=site in on_condition)]


def pairs(found: Sequence[Plant], seed: int, number: int = _PAIRS) -> list[Case]:
    """Two faults at two sites, drawn."""
    draw = random.Random(seed)
    drawn = (draw.sample(found, 2) for _ in range(number))
    return [Case((one, other)) for one, other in drawn if one.site != other.site]


def clocks() -> list[Case]:
    """Clocks that are wrong by hours and days, of everybody who has one."""
    parts = (world.FIRST_REFRESH, world.STREAM, world.SECOND_REFRESH, world.COMPACTION, world.SECOND_COMPACTION)
    return [Case(skews=((stage, float(seconds)),)) for stage in parts for seconds in _WRONG_BY]


def deaths(changing: dict[str, int]) -> list[Case]:
    """A process killed before and after each request that changes something."""
    return [
        Case(death=Death(stage, number, is_after))
        for stage, requests in changing.items()
        for number in range(requests)
        for is_after in (False, True)
    ]


def some(found: Sequence[Case], number: int, seed: int) -> list[Case]:
    """So many of them, drawn; one of each kind of fault first, as far as they go."""
    draw = random.Random(seed)
    mixed = draw.sample(found, len(found))
    kinds: dict[str, Case] = {}
    for case in mixed:
        kinds.setdefault(case.plants[0].kind if case.plants else case.touched[0], case)
    first = list(kinds.values())
    return [*first, *(case for case in mixed if case not in first)][:number]
