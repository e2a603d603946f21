"""Which cases a bench runs: every site and index, every kind of fault; drawn by a seed where not all are run."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Final

from reliability.oracle import world
from reliability.oracle.cases import Case, Death
from reliability.oracle.faults import KINDS, Plant, Site, plants

# Here one question is asked of S3 or Glue a hundred times a run, and each run costs a second: of its reads each site
# meets one kind, turn about, so that every operation meets every kind. What changes something meets them all.
_LONG: Final = frozenset({world.COMPACTION, world.SECOND_COMPACTION, world.TIDYING})
_PAIRS: Final = 40
_HOUR_S: Final = 3600
_WRONG_BY: Final = (-24 * _HOUR_S, -3 * _HOUR_S, 3 * _HOUR_S, 24 * _HOUR_S)


def single(sites: Sequence[Site], conditional: Iterable[Site], seed: int) -> list[Plant]:
    """Every fault at every site; of a long stage's reads one kind each."""
    turns: dict[tuple[str, ...], Iterator[str]] = {}
    on_condition, found = frozenset(conditional), []
    for site in sites:
        if site.changes or site.stage not in _LONG:
            found += plants(site, is_conditional=site in on_condition)
        else:
            turn = turns.setdefault((site.stage, site.service, site.operation), cycle(_turned(seed)))
            found.append(Plant(site, next(turn)))
    return found


def left_out(sites: Sequence[Site], conditional: Iterable[Site], number: int) -> int:
    """How many faults at these sites there are beyond so many."""
    on_condition = frozenset(conditional)
    return sum(len(plants(site, is_conditional=site in on_condition)) for site in sites) - number


def _turned(seed: int) -> list[str]:
    kinds = list(KINDS)
    random.Random(seed).shuffle(kinds)
    return kinds


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
