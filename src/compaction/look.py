"""What there is in the lake: the hours of a run, and one hour as it is now."""

import hashlib
from collections.abc import Iterator

from compaction.hours import Hour, Left, Plan, Seen, days, plan, raw_objects
from compaction.layout import MANIFESTS, manifest_key, partition_in, raw_folder
from compaction.manifest import CompactionError, Manifest
from compaction.marks import MARKED, REPLACE, Mark
from compaction.objects import Objects
from enricher.lake import FLOW_LOGS, Partition


def look(objects: Objects, partition: Partition) -> Hour:
    """The hour as it is now, in the order that misses nothing (see Hour).

    Raises:
        CompactionError: its manifest is none.
        MarkError: one of its marks is none.
    """
    marks = tuple(_marks(objects, partition))
    found = objects.get(manifest_key(partition))
    manifest, etag = (None, None) if found is None else (Manifest.from_json(found[0], partition), found[1])
    raw = raw_objects(partition, objects.listed(raw_folder(partition)))
    return Hour(partition, raw, manifest, etag, marks)


def planned(objects: Objects, now: float, sweep_s: float, grace_s: float, only: frozenset[str]) -> Plan:
    """The hours of a run. Manifests are looked for as far back as something may be left to delete behind them."""
    regions = {region for table in (f"{FLOW_LOGS}/", MANIFESTS, MARKED) for region in objects.folders(table)}
    seen = Seen(
        raw=frozenset(_raw_hours(objects)),
        compacted=frozenset(
            partition
            for region in regions
            for day in {hour.partition("/")[0] for hour in only} or days(now, sweep_s + 2 * grace_s)
            for stored in objects.listed(f"{MANIFESTS}{region}/day={day}/")
            if (partition := partition_in(stored.key.removeprefix(MANIFESTS)))
        ),
        marked=frozenset(
            partition
            for stored in objects.listed(MARKED)
            if (partition := partition_in(stored.key.removeprefix(MARKED)))
        ),
        regions=frozenset(region.removeprefix("aws_region=") for region in regions),
    )
    return plan(seen, now, sweep_s, only)


def _raw_hours(objects: Objects) -> Iterator[Partition]:
    """Hours with objects below ``flow_logs/``, level by level: there are few, since compaction empties them."""
    for region in objects.folders(f"{FLOW_LOGS}/"):
        for day in objects.folders(f"{FLOW_LOGS}/{region}/"):
            for hour in objects.folders(f"{FLOW_LOGS}/{region}/{day}/"):
                partition = partition_in(f"{region}/{day}/{hour}")
                if partition is not None:
                    yield partition


def _marks(objects: Objects, partition: Partition) -> Iterator[Left]:
    for stored in objects.listed(f"{MARKED}{partition.path}/"):
        found = objects.get(stored.key)
        if found is None:
            continue  # another compactor has deleted it just now: it is honoured
        mark = Mark.from_json(found[0], stored.key)
        if mark.kind == REPLACE and not mark.objects:
            raise CompactionError(f"mark {stored.key}: replaces the hour with nothing; delete it")
        yield Left(stored.key, mark, hashlib.sha256(found[0]).hexdigest()[:32])
