"""What nobody needs any more, and may be deleted at a time t. Pure.

A reader plans on what the catalog told it, and reads for a while. So nothing goes before the grace time has passed
since the catalog was switched to what the manifest says; and nothing of which it is not known that the manifest's
generation holds it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from compaction.hours import Hour, Stored
from compaction.layout import GENERATION, compacted_folder, hourly_folder


class Located(NamedTuple):
    """A partition in the catalog: its place (a folder's key), and since when (None: switched by somebody else)."""

    location: str
    since: float | None


def switched_at(hour: Hour, located: Iterable[Located | None]) -> float | None:
    """Since when all tables show the generation of the hour's manifest; None where one does not, or none says since."""
    if hour.manifest is None:
        return None
    right = {hour.manifest.location, hour.manifest.hourly_location}
    shown = [one for one in located if one is not None and one.location in right and one.since is not None]
    if {one.location for one in shown} != right:
        return None
    return max(one.since for one in shown if one.since is not None)


def deletable_objects(hour: Hour, staged: Iterable[Stored], switched: float | None, deadline: float) -> list[str]:
    """Keys of raw and staged objects that the generation holds, put before the deadline, as was the switch.

    A staged object that a mark names stays while the mark waits to be honoured.
    """
    if switched is None or switched > deadline:
        return []
    needed = {key for left in hour.pending for key in left.mark.objects}
    old = [stored for name, stored in hour.raw.items() if name in hour.included]
    old += [one for one in staged if one.key not in needed and one.key.rpartition("/")[2] in hour.included]
    return sorted(stored.key for stored in old if stored.put_at <= deadline)


def deletable_folders(
    hour: Hour, found: Iterable[Stored], located: Iterable[Located | None], switched: float | None, deadline: float
) -> list[str]:
    """Keys in generations' folders that are neither the manifest's nor the catalog's, and that nobody writes or reads.

    A generation that was superseded after the deadline may still be read; a folder with an object put after the
    deadline may be one that is being written.
    """
    if hour.manifest is not None and (switched is None or switched > deadline):
        return []
    kept = {one.location for one in located if one is not None}
    since: Mapping[str, float] = {}
    if hour.manifest is not None:
        kept |= {hour.manifest.location, hour.manifest.hourly_location}
        since = {one.location: one.since for one in hour.manifest.superseded}
    return sorted(
        stored.key
        for folder, objects in _generations(hour, found).items()
        if folder not in kept and max(since.get(folder, 0), *(stored.put_at for stored in objects)) <= deadline
        for stored in objects
    )


def has_leftovers(hour: Hour, staged: Iterable[Stored], found: Iterable[Stored]) -> bool:
    """Whether anything is there that will be deletable one day."""
    current = set() if hour.manifest is None else {hour.manifest.location, hour.manifest.hourly_location}
    return (
        bool(set(hour.raw) & hour.included)
        or any(one.key.rpartition("/")[2] in hour.included for one in staged)
        or not _generations(hour, found).keys() <= current
    )


def _generations(hour: Hour, found: Iterable[Stored]) -> dict[str, list[Stored]]:
    """The objects by generation's folder; whatever else lies there is not ours."""
    folders: dict[str, list[Stored]] = {}
    for stored in found:
        for table in (compacted_folder(hour.partition), hourly_folder(hour.partition)):
            if stored.key.startswith(table) and (name := GENERATION.match(stored.key.removeprefix(table))):
                folders.setdefault(f"{table}{name[0]}", []).append(stored)
    return folders
