"""When records arrive, and the rows that AWS writes where it has no record: NODATA and SKIPDATA."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from workbench.estate.arrays import NOBODY, Ints, integers
from workbench.estate.flows import WINDOW_SECONDS, Flows
from workbench.estate.population import Population
from workbench.estate.records import Records

STATUSES: Final = ("OK", "NODATA", "SKIPDATA")
_OK, _NODATA, _SKIPDATA = range(len(STATUSES))
_MILLISECONDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Period:
    """The time of the traffic: Unix seconds of its start, and how long."""

    start: int
    seconds: int

    @property
    def windows(self) -> int:
        """Aggregation windows, the last one perhaps cut short."""
        return -(-self.seconds // WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Written:
    """Everything that becomes a line, one row each.

    ``record`` is the row of ``Records``, -1 for NODATA and SKIPDATA; ``window`` counts minutes from the start of the
    period, ``start`` and ``end`` are Unix seconds; ``status`` is a position in ``STATUSES``.
    """

    record: Ints
    recorder: Ints
    window: Ints
    start: Ints
    end: Ints
    status: Ints


def write_down(people: Population, flows: Flows, records: Records, period: Period, rng: np.random.Generator) -> Written:
    """All records, some idle interface-windows as NODATA, some busy ones as SKIPDATA too."""
    window = flows.window[records.flow]
    spots = records.recorder * period.windows + window
    nodata, skipdata = _without_data(people, spots, period, rng)
    spots = np.concatenate([spots, nodata, skipdata])
    count = len(records.flow)
    opens = period.start + spots % period.windows * WINDOW_SECONDS
    closes = np.minimum(opens + WINDOW_SECONDS, period.start + period.seconds) - 1
    opens[:count], closes[:count] = flows.start[records.flow], flows.end[records.flow]
    return Written(
        record=np.concatenate([np.arange(count), np.full(len(spots) - count, NOBODY)]),
        recorder=spots // period.windows,
        window=spots % period.windows,
        start=opens,
        end=closes,
        status=np.repeat([_OK, _NODATA, _SKIPDATA], [count, len(nodata), len(skipdata)]),
    )


def arrivals(people: Population, written: Written, period: Period, rng: np.random.Generator) -> Ints:
    """Unix milliseconds: what an interface recorded in one window arrives together, some time after its end."""
    spots, spot = np.unique(written.recorder * period.windows + written.window, return_inverse=True)
    soonest, latest = people.distributions.delivery
    delay = rng.integers(soonest * _MILLISECONDS, latest * _MILLISECONDS, len(spots), endpoint=True)
    closes = np.minimum((written.window + 1) * WINDOW_SECONDS, period.seconds)
    return integers((period.start + closes) * _MILLISECONDS + delay[spot])


def _without_data(people: Population, busy: Ints, period: Period, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Interface-windows to write NODATA (nothing recorded in them) and SKIPDATA (something was) for."""
    plan = people.distributions
    busy_ones = np.unique(busy)
    recording = np.flatnonzero(people.recording)
    wanted = ceil(plan.nodata_share * len(busy))
    # Some of the drawn are busy or drawn twice: draw more than wanted rather than list every idle minute of an estate.
    drawn = recording[rng.integers(0, len(recording), 2 * wanted)] * period.windows
    drawn += rng.integers(0, period.windows, 2 * wanted)
    idle = rng.permutation(np.setdiff1d(drawn, busy_ones))[:wanted]
    skipped = rng.permutation(busy_ones)[: ceil(plan.skipdata_share * len(busy))]
    return integers(idle), integers(skipped)
