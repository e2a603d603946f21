"""What is left behind an hour's generation goes after the grace time; its marks go when all they ask for is done."""

from collections.abc import Iterable
from typing import Final

from compaction.catalog import Catalog
from compaction.hours import Hour, Stored, contents, counted_with, is_dirty
from compaction.layout import HOURLY, beside, compacted_folder, hourly_folder
from compaction.leftovers import deletable_folders, deletable_objects, has_leftovers, switched_at
from compaction.look import look
from compaction.marks import LATE, MARKED, STAGED, Mark
from compaction.objects import Objects
from enricher.lake import FLOW_LOGS, Partition

FOLLOW_UP: Final = "tidy-"  # begins the names of compaction's own marks


def leave_follow_up(objects: Objects, partition: Partition, run: str) -> None:
    """Put a mark for an hour outside the sweep, before it is compacted: so what is left behind goes one day."""
    objects.replace(Mark(LATE).key(partition, f"{FOLLOW_UP}{run}"), Mark(LATE).to_json(), None)


def tidy(
    objects: Objects,
    catalog: Catalog,
    partition: Partition,
    deadline: float,
    *,
    is_swept: bool,
    regions: Iterable[str] = (),
) -> tuple[int, tuple[str, ...]]:
    """Delete what nobody has needed since the deadline (Unix seconds), and marks.

    ``is_swept``: later runs look at the hour by themselves. ``regions``: the lake's. Returns how many objects are gone,
    and what the store said of those that it did not delete. Raises what store and catalog raise.
    """
    hour = look(objects, partition)
    located = [catalog.find(table, partition) for table in (FLOW_LOGS, HOURLY)]
    staged = tuple(objects.listed(f"{STAGED}{partition.path}/"))
    found = tuple(
        stored for folder in (compacted_folder, hourly_folder) for stored in objects.listed(folder(partition))
    )
    switched = switched_at(hour, located)
    old = deletable_objects(hour, staged, switched, deadline)
    old += deletable_folders(hour, found, located, switched, deadline)
    errors = objects.delete(old) if old else ()
    if hour.marks and not errors and _is_done(objects, hour, regions):
        gone = set(old)
        remaining = Hour(
            partition,
            {name: stored for name, stored in hour.raw.items() if stored.key not in gone},
            hour.manifest,
        )
        is_left = has_leftovers(remaining, _without(staged, gone), _without(found, gone))
        return len(old), objects.delete(_finished(hour, is_left=is_left, is_swept=is_swept))
    return len(old) - len(errors), errors


def _finished(hour: Hour, *, is_left: bool, is_swept: bool) -> list[str]:
    """Keys of the marks that may go: those that were seen, and not one that came meanwhile."""
    keys = [left.key for left in hour.marks]
    if not is_left or is_swept:
        return keys
    follow_ups = [key for key in keys if key.startswith(f"{MARKED}{hour.partition.path}/{FOLLOW_UP}")]
    return [key for key in keys if key not in follow_ups] if follow_ups else []


def _is_done(objects: Objects, hour: Hour, regions: Iterable[str]) -> bool:
    """Whether the hour is a generation of all it holds, and those beside it were counted with that."""
    neighbours = tuple(look(objects, other) for other in beside(hour.partition, regions))
    held = contents(hour).digest
    return not is_dirty(hour, neighbours) and all(
        other.manifest is None or counted_with(hour.partition, other) == held for other in neighbours
    )


def _without(stored: Iterable[Stored], gone: set[str]) -> tuple[Stored, ...]:
    return tuple(one for one in stored if one.key not in gone)
