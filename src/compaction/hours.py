"""What an hour holds, whether it has to be compacted, and which hours a run looks at. Pure.

An hour is the rows of its generation and of the raw objects that came since. A replace mark changes that: then it is
the staged objects, and the raw objects that came after the mark. Everybody who counts with an hour, itself or the ones
beside it, takes it as it will be once its marks are honoured, so that the order of compaction does not matter.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from compaction.layout import HOUR_S, begin, beside, hour_of, raw_folder, short
from compaction.manifest import Manifest
from compaction.marks import REPLACE, Mark
from enricher.lake import Partition

CLOSED_S = 2 * HOUR_S  # after its end an hour is compacted first


class Stored(NamedTuple):
    """An object of the lake: its key, size in bytes, and when it was put (Unix seconds, the store's clock)."""

    key: str
    size: int
    put_at: float


class Left(NamedTuple):
    """A mark as it was found: its key, what it says, and the digest of its bytes."""

    key: str
    mark: Mark
    digest: str


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour as it was found: marks first, then the manifest, then the raw objects (name → object).

    In that order nothing is missed: marks are put after their objects, and objects are deleted only when a manifest
    has taken them. ``etag``: the manifest's, None where there is none.
    """

    partition: Partition
    raw: Mapping[str, Stored]
    manifest: Manifest | None = None
    etag: str | None = None
    marks: tuple[Left, ...] = ()

    @property
    def included(self) -> frozenset[str]:
        """Names of the raw objects that its generation has taken."""
        return frozenset() if self.manifest is None else self.manifest.included

    @property
    def pending(self) -> tuple[Left, ...]:
        """The replace marks that its generation does not know of."""
        honoured = frozenset() if self.manifest is None else self.manifest.honoured
        return tuple(left for left in self.marks if left.mark.kind == REPLACE and left.digest not in honoured)


@dataclass(frozen=True, slots=True)
class Contents:
    """What an hour is once its marks are honoured.

    ``keys``: objects and folders with its rows, its generation first. ``staged``: which of them a mark names.
    ``names``: all objects ever taken. ``honoured``: digests of all replace marks.
    """

    keys: tuple[str, ...]
    staged: tuple[str, ...]
    names: frozenset[str]
    honoured: frozenset[str]

    @property
    def digest(self) -> str:
        """Tells contents apart; the same before and after they are compacted, and after objects are deleted."""
        if not self.names and not self.honoured:
            return ""
        told = "\n".join((*sorted(self.names), "", *sorted(self.honoured)))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def contents(hour: Hour) -> Contents:
    """What the hour is once its marks are honoured.

    Several marks that wait together are honoured together: leaving out what one of them names could lose rows.
    """
    generation = () if hour.manifest is None or hour.manifest.rows == 0 else (hour.manifest.location,)
    staged = tuple(sorted({key for left in hour.pending for key in left.mark.objects}))
    retired = {name for left in hour.pending for name in left.mark.retires}
    # What came after the mark counts on top, even if a generation has it already: that generation goes.
    taken = set(hour.raw) - (retired if hour.pending else hour.included)
    keys = ((*staged,) if hour.pending else generation) + tuple(hour.raw[name].key for name in sorted(taken))
    names = hour.included | retired | set(hour.raw) | {key.rpartition("/")[2] for key in staged}
    honoured = frozenset() if hour.manifest is None else hour.manifest.honoured
    return Contents(keys, staged, names, honoured | {left.digest for left in hour.pending})


def digests(partition: Partition, neighbours: Iterable[Hour]) -> dict[str, str]:
    """``<day>/<hour>`` (of another region: ``<region>/<day>/<hour>``) → digest of what each neighbour holds.

    So a manifest remembers the hours beside its own. Hours of other regions are named once they hold something: most
    lakes have one region, and a second one comes and goes.
    """
    told = ((_called(hour.partition, partition), contents(hour).digest) for hour in neighbours)
    return {name: digest for name, digest in told if digest or name.count("/") == 1}


def counted_with(partition: Partition, neighbour: Hour) -> str:
    """The digest of the hour with which a neighbour's generation was counted; that of an empty one is empty."""
    told = {} if neighbour.manifest is None else neighbour.manifest.neighbours
    return told.get(_called(partition, neighbour.partition), "")


def _called(partition: Partition, home: Partition) -> str:
    is_home = partition.aws_region == home.aws_region
    return short(partition) if is_home else f"{partition.aws_region}/{short(partition)}"


def is_dirty(hour: Hour, neighbours: Iterable[Hour]) -> bool:
    """Whether the hour is not yet a generation of all it holds, counted with what the hours beside it hold now."""
    if hour.manifest is None:
        return bool(hour.raw or hour.pending)
    is_whole = not hour.pending and set(hour.raw) <= hour.included
    return not is_whole or dict(hour.manifest.neighbours) != digests(hour.partition, neighbours)


class Plan(NamedTuple):
    """The hours of a run, oldest first: to be looked at, and of these those to be compacted where they are dirty.

    ``waiting``: closed hours with raw objects that are older than the sweep, and that nothing marks.
    ``regions``: all of the lake.
    """

    looked_at: tuple[Partition, ...]
    due: tuple[Partition, ...]
    waiting: tuple[Partition, ...]
    regions: frozenset[str]


class Seen(NamedTuple):
    """Hours with raw objects (of any age), with a manifest (of the sweep and a while before), and with marks.

    ``regions``: all that have any of these, of any age.
    """

    raw: frozenset[Partition]
    compacted: frozenset[Partition]
    marked: frozenset[Partition]
    regions: frozenset[str]


def is_closed(partition: Partition, now: float) -> bool:
    """Whether the hour ended long enough ago to be compacted."""
    return begin(partition) + HOUR_S + CLOSED_S <= now


def plan(seen: Seen, now: float, sweep_s: float, only: frozenset[str] = frozenset()) -> Plan:
    """Which hours a run looks at; ``only`` (``<day>/<hour>``): no others than these."""
    known = seen.raw | seen.compacted | seen.marked
    if only:
        due = {hour for hour in known if short(hour) in only}
        return Plan(_in_order(due), _in_order(due), (), seen.regions)
    swept = {hour for hour in seen.raw | seen.compacted if begin(hour) + HOUR_S > now - sweep_s}
    # An hour beside a marked one was counted with what that one held before.
    near = {other for hour in seen.marked for other in beside(hour, seen.regions)}
    due = {hour for hour in swept | seen.marked | near if is_closed(hour, now)}
    waiting = {hour for hour in seen.raw - due if is_closed(hour, now)}
    return Plan(_in_order(known | due), _in_order(due), _in_order(waiting), seen.regions)


def days(now: float, back_s: float) -> tuple[str, ...]:
    """The days (YYYY-MM-DD) from ``back_s`` seconds ago until ``now``."""
    first, last = round((now - back_s) // 86_400), round(now // 86_400)
    return tuple(hour_of("", day * 86_400).day for day in range(first, last + 1))


def raw_objects(partition: Partition, listed: Iterable[Stored]) -> dict[str, Stored]:
    """The raw objects of an hour by name: not what is empty or hidden, which no reader of the table reads either."""
    folder = raw_folder(partition)
    named = {stored.key.removeprefix(folder): stored for stored in listed if stored.size}
    return {
        name: stored
        for name, stored in named.items()
        if not any(part[:1] in ("_", ".", "") for part in name.split("/"))
    }


def _in_order(hours: Iterable[Partition]) -> tuple[Partition, ...]:
    return tuple(sorted(hours, key=lambda hour: (hour.day, hour.hour, hour.aws_region)))
