"""What can be wrong with the lake: its catalog, its compaction, and what could not be written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from compaction.hours import is_closed
from compaction.layout import COMPACTED, HOUR_S, HOURLY, beside, manifest_key, raw_folder, short
from compaction.manifest import Manifest
from enricher.lake import FLOW_LOGS, Partition
from enricher.schema import compacted_columns
from workbench.doctor.commands import aws, redeploy, shown, tail, vpcflow
from workbench.doctor.finding import Finding, broken, degraded
from workbench.doctor.snapshot import PROCESSING_FAILED, REJECTED, Catalog, Document, Gap, Lake, Snapshot
from workbench.times import duration

# A mark is honoured by the next run, an hour later at most; a run may take its time.
OLDEST_MARK_S: Final = 4 * 3600
SLACK_S: Final = 2 * HOUR_S  # beyond the time at which an hour is due: a run takes its time
_NAMED: Final = 3  # hours named in a finding
_FAILED_RUNS: Final = ("FAILED", "ERROR", "TIMEOUT")
_UNFINISHED: Final = ("STARTING", "RUNNING", "WAITING", "STOPPING")


def catalog(snapshot: Snapshot) -> Iterator[Finding]:
    """Tables and partitions."""
    tables = snapshot.catalog.tables
    target = snapshot.target
    if tables is Gap.ABSENT:
        yield broken("database-missing", target.database, "there is no such database", _NO_QUERY, redeploy(target))
    if isinstance(tables, Gap):
        return
    for name in (FLOW_LOGS, HOURLY):
        if name not in tables:
            yield broken(
                "table-missing",
                f"{target.database}.{name}",
                "there is no such table",
                _NO_QUERY,
                f"{redeploy(target)}, after docs/operating.md, 'The catalog is gone'",
            )
        else:
            yield from _table(snapshot, name, tables[name])
    yield from _partitions(snapshot)


def compaction(snapshot: Snapshot) -> Iterator[Finding]:
    """What starts it, how it went, what it left."""
    target, found = snapshot.target, snapshot.schedules
    why = "Queries stay right and get slow, and flows_hourly, which dashboards read, ends where compaction stopped."
    if not isinstance(found.trigger, Gap) and found.trigger["Trigger"].get("State") != "ACTIVATED":
        yield degraded(
            "compaction-schedule",
            target.trigger,
            f"the trigger is {found.trigger['Trigger'].get('State')}",
            why,
            aws(target, "glue start-trigger", "--name", target.trigger),
        )
    if found.trigger is Gap.ABSENT:
        yield degraded("compaction-schedule", target.trigger, "there is no such trigger", why, redeploy(target))
    yield from _last_run(snapshot, why)
    yield from _behind(snapshot, why)
    yield from _marks(snapshot)


def failures(snapshot: Snapshot) -> Iterator[Finding]:
    """What could not be written into the lake, and waits for replay."""
    whys = {
        PROCESSING_FAILED: "These records are in no answer until they are replayed, and expire.",
        REJECTED: "These lines are in no answer until they are replayed, and expire.",
    }
    for prefix, found in snapshot.failures.items():
        if not found or not found.objects:
            continue
        codes = ", ".join(f"{code} {number:,}" for code, number in sorted(found.codes.items()))
        of = f"; records by error code, in the oldest {found.read}: {codes}" if codes else ""
        age = duration(snapshot.now - found.oldest)
        yield degraded(
            f"{prefix.rstrip('/')}-objects",
            f"s3://{snapshot.target.bucket}/{prefix}",
            f"{found.objects:,} object{'s' * (found.objects != 1)}, the oldest {age} old{of}",
            whys[prefix],
            f"mend the cause (docs/operating.md, 'Alarms'), then {_replay(snapshot, prefix)} and remove what it has "
            "replayed",
        )


_NO_QUERY: Final = "No query finds the lake."


def _table(snapshot: Snapshot, name: str, table: Document) -> Iterator[Finding]:
    target = snapshot.target
    called = f"{target.database}.{name}"
    if str(table.get("Parameters", {}).get("projection.enabled", "")).lower() == "true":
        yield broken(
            "table-projection",
            called,
            "partition projection is enabled",
            "Athena then ignores registered partitions, so compacted hours are read raw, or not at all.",
            f"take projection.* out of the table's properties (Glue console, Edit table); {redeploy(target)}",
        )
    storage = table.get("StorageDescriptor", {})
    wanted = f"s3://{target.bucket}/{name}/"
    if str(storage.get("Location", "")).rstrip("/") + "/" != wanted:
        yield broken(
            "table-location",
            called,
            f"it lies at {storage.get('Location')}, the lake at {wanted}",
            "New hours are registered where nothing is written.",
            redeploy(target),
        )
    if name == FLOW_LOGS:
        has = {column["Name"] for column in storage.get("Columns") or ()}
        missing = [column.name for column in compacted_columns() if column.name not in has]
        if missing:
            yield degraded(
                "table-columns",
                called,
                f"it lacks {len(missing)} of this version's columns: {', '.join(missing[:5])}",
                "Views and saved queries that read them fail.",
                redeploy(target),
            )


def _partitions(snapshot: Snapshot) -> Iterator[Finding]:
    found, lake = snapshot.catalog, snapshot.lake
    if lake.raw is None or lake.manifests is None:
        return
    compacted = {hour: told for hour, told in lake.manifests.items() if isinstance(told, Manifest) and told.rows}
    raw = lake.raw
    if not snapshot.target.inventory_uri:
        # Without a refresher compaction registers an hour, once it has closed.
        raw = frozenset(hour for hour in raw if is_closed(hour, snapshot.now - SLACK_S))
    wanted = {FLOW_LOGS: raw | frozenset(compacted), HOURLY: frozenset(compacted)}
    for table, hours in wanted.items():
        if table not in found.partitions:
            continue
        yield from _unregistered(snapshot, table, hours - frozenset(found.partitions[table]))
        if lake.folders is not None:
            yield from _astray(snapshot, table, found, lake, lake.folders, compacted)
    yield from _manifests(snapshot, found, lake)


def _unregistered(snapshot: Snapshot, table: str, missing: frozenset[Partition]) -> Iterator[Finding]:
    if missing:
        target = snapshot.target
        crawl = bool(target.crawler) and table == FLOW_LOGS
        command = aws(target, "glue start-crawler", "--name", target.crawler) if crawl else _compact(snapshot)
        yield degraded(
            "partitions-missing",
            f"{target.database}.{table}",
            f"{_hours(missing)} with objects and without a partition",
            "No query sees what is there.",
            f"{command}; and look why the refresher did not: its role's glue:BatchCreatePartition",
        )


def _astray(
    snapshot: Snapshot,
    table: str,
    found: Catalog,
    lake: Lake,
    folders: frozenset[str],
    compacted: Mapping[Partition, Manifest],
) -> Iterator[Finding]:
    """Partitions that point to a folder that is gone, or to another than the hour's manifest says."""
    target = snapshot.target
    bucket = f"s3://{target.bucket}/"
    gone: list[Partition] = []
    other: list[Partition] = []
    for hour, location in found.partitions[table].items():
        key = f"{location.removeprefix(bucket).rstrip('/')}/"
        manifest = compacted.get(hour)
        wanted = None if manifest is None else manifest.location if table == FLOW_LOGS else manifest.hourly_location
        # Sums may be empty where rows are not: what counts for nothing is in no sum.
        if key == _empty(lake, hour) or (key == wanted and table == HOURLY):
            continue
        is_generation = key.startswith((f"{COMPACTED}/", f"{HOURLY}/")) and "/generation-" in key
        if key not in folders and (is_generation or key not in (raw_folder(hour), f"{HOURLY}/{hour.path}/")):
            gone.append(hour)
        elif wanted is not None and key != wanted:
            other.append(hour)
    if gone:
        yield broken(
            "partition-gone",
            f"{target.database}.{table}",
            f"{_hours(frozenset(gone))} whose partition points to a folder without objects, such as "
            f"{found.partitions[table][gone[0]]}",
            "Queries read nothing for these hours, without an error.",
            f"{_compact(snapshot, short(gone[0]))} switches them to their generation where there "
            "is one; what was deleted, `vpcflow backfill --replace` brings back",
        )
    if other:
        yield degraded(
            "partition-not-switched",
            f"{target.database}.{table}",
            f"{_hours(frozenset(other))} whose partition does not point to the generation that the manifest names",
            "Queries read raw objects or an older generation, and after the grace time nothing.",
            f"{_compact(snapshot)}: each run's audit switches them",
        )


def _empty(lake: Lake, hour: Partition) -> str | None:
    """The folder of an hour that compaction left without a row."""
    manifest = (lake.manifests or {}).get(hour)
    return manifest.location if isinstance(manifest, Manifest) and not manifest.rows else None


def _manifests(snapshot: Snapshot, found: Catalog, lake: Lake) -> Iterator[Finding]:
    target, manifests = snapshot.target, lake.manifests or {}
    without = [
        hour
        for hour, location in found.partitions.get(FLOW_LOGS, {}).items()
        if f"/{COMPACTED}/" in location and hour not in manifests
    ]
    if without:
        yield broken(
            "manifest-missing",
            f"s3://{target.bucket}/{manifest_key(without[0])}",
            f"{_hours(frozenset(without))} compacted, without a manifest",
            "Queries stay as they are; each run refuses these hours, so what came late is never compacted.",
            _write_again(snapshot, without[0]),
        )
    for hour, told in manifests.items():
        if isinstance(told, str):
            yield broken(
                "manifest-unreadable",
                f"s3://{target.bucket}/{manifest_key(hour)}",
                told,
                "Until it can be read compaction leaves the hour alone, and those beside it: "
                f"{_beside(hour)}, in every region of the lake.",
                _write_again(snapshot, hour),
            )


def _write_again(snapshot: Snapshot, hour: Partition) -> str:
    target = snapshot.target
    command = aws(
        target,
        "glue get-partition",
        "--database-name",
        target.database,
        "--table-name",
        FLOW_LOGS,
        "--partition-values",
        hour.aws_region,
        hour.day,
        hour.hour,
    )
    return (
        f"write it again by hand, after docs/operating.md, 'A damaged manifest', with what {command} shows, and the "
        f"same of {HOURLY}; the next run goes on from there"
    )


def _beside(hour: Partition) -> str:
    return " and ".join(map(short, beside(hour)))


def _last_run(snapshot: Snapshot, why: str) -> Iterator[Finding]:
    target, runs = snapshot.target, snapshot.schedules.runs
    told = () if isinstance(runs, Gap) else runs.get("JobRuns") or ()
    ended = [run for run in told if run.get("JobRunState") not in _UNFINISHED]
    newest: Any = max(ended, key=lambda run: str(run.get("StartedOn")), default={})
    if newest.get("JobRunState") in _FAILED_RUNS:
        yield degraded(
            "compaction-run",
            target.job,
            f"its newest run ended as {newest['JobRunState']}: "
            f"{' '.join(str(newest.get('ErrorMessage') or 'no reason is told').split())[:200]}",
            why,
            f"its log names hour, reason and mend: {tail(target, f'/aws-glue/{target.stack}/output')}; then "
            f"{_compact(snapshot)}",
        )


def _behind(snapshot: Snapshot, why: str) -> Iterator[Finding]:
    target, found = snapshot.target, snapshot.lake.behind
    if found:
        objects = sum(found.values())
        hours = ",".join(short(hour) for hour in found)
        yield degraded(
            "compaction-behind",
            f"s3://{target.bucket}/{FLOW_LOGS}/",
            f"{_hours(frozenset(found))} due and not compacted; objects that wait: {objects:,}",
            why,
            _compact(snapshot, hours),
        )


def _marks(snapshot: Snapshot) -> Iterator[Finding]:
    lake, target = snapshot.lake, snapshot.target
    if lake.oldest_mark is not None and snapshot.now - lake.oldest_mark > OLDEST_MARK_S:
        yield degraded(
            "compaction-marks",
            f"s3://{target.bucket}/compaction/marked/",
            f"marks that wait: {lake.marks}, the oldest for {duration(snapshot.now - lake.oldest_mark)}",
            "What replay or backfill has put is not yet part of the hours that it belongs to.",
            f"{_compact(snapshot)}; its log says why it leaves them",
        )
    for key, why in lake.bad_marks.items():
        yield degraded(
            "compaction-mark-damaged",
            f"s3://{target.bucket}/{key}",
            why,
            "Its hour is not compacted as long as it is there.",
            f"{shown(['aws', 's3', 'rm', f's3://{target.bucket}/{key}'])}; then run the replay or backfill again that "
            "left it",
        )


def _replay(snapshot: Snapshot, prefix: str) -> str:
    target = snapshot.target
    pointer = ["--inventory", target.inventory_uri] if target.inventory_uri else []
    lake = f"s3://{target.bucket}"
    return vpcflow("replay", f"{lake}/{prefix}", "--lake", lake, *pointer, "--database", target.database)


def _compact(snapshot: Snapshot, hours: str = "") -> str:
    """The command that compacts what is due, or these hours (``<day>/<hour>,…``)."""
    target = snapshot.target
    only = ["--arguments", json.dumps({"--hours": hours})] if hours else []
    return aws(target, "glue start-job-run", "--job-name", target.job or "COMPACT_JOB", *only)


def _hours(hours: frozenset[Partition]) -> str:
    """``3 hours (2026-11-20/03, …)``, the newest first."""
    newest = sorted(map(short, hours), reverse=True)
    named = ", ".join(newest[:_NAMED]) + (", …" if len(newest) > _NAMED else "")
    return f"{len(newest)} {'hour' if len(newest) == 1 else 'hours'} ({named})"
