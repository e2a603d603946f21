"""``vpcflow backfill``: flow log files that AWS delivered, into the hours that they are of."""

import json
import sys
from collections.abc import Iterator
from threading import Event
from typing import Annotated

import typer

from compaction.backfill import Backfill, Backfilled, asked_hours
from compaction.enrich_files import Summary, describe
from compaction.known import Told
from compaction.lake_objects import UnwrittenLake
from compaction.source_objects import SourceObjects
from enricher.lake import Partition
from enricher.partitions import Partitions
from workbench.aws import aws_failures, clients
from workbench.errors import UsageError
from workbench.lake_options import load_known, open_lake
from workbench.replay_command import (
    Database,
    DryRun,
    Inventory,
    LogFormats,
    Output,
    Region,
    Tags,
    check_options,
    tell_progress,
)
from workbench.show import print_figures, print_table


def backfill(  # noqa: PLR0913 - a command's options
    sources: Annotated[list[str], typer.Argument(help="Delivered files: s3://bucket/prefix, directories, files.")],
    *,
    lake: Annotated[str, typer.Option(help="Lake to write: s3://bucket, or a directory.")] = "lake",
    inventory: Inventory = None,
    log_format: LogFormats = None,
    promoted_tags: Tags = "",
    record_tags: Tags = "",
    region: Region = None,
    hours: Annotated[str, typer.Option(help="Only these: 2026-11-18/09,2026-11-18/10 or whole days.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Have compaction replace what the hours hold by these files.")
    ] = False,
    database: Database = None,
    dry_run: DryRun = False,
    output: Output = "table",
) -> int:
    """Write flow logs that AWS delivered to S3 into the lake; the same twice is one copy."""
    check_options(region, output)
    asked = asked_hours(hours)
    client = clients()
    writes = Event()
    with aws_failures(has_written=writes.is_set):
        source = SourceObjects(sources, lambda: client("s3"))
        names = source.names()
        place = open_lake(lake, client)
        known = load_known(inventory, Told(log_format or (), promoted_tags, record_tags), region, client)
        place = UnwrittenLake(place) if dry_run else place
        job = Backfill(source, known, place, region, asked, is_replacing=replace)
        planned = {partition for name in names for partition in job.plan(name)}
        job.refuse_occupied(planned)
        done = Backfilled(Summary(inventory=describe(known.source)))
        writes.set()
        tell_progress(_files(job, names, set(planned), done), len(names), lambda: done.summary)
        if done.left and not done.summary.lines:
            raise UsageError(done.left[0][1])
        marks = job.finish(done)
        registers = database is not None and not dry_run and not replace
        made = Partitions(client("glue"), str(database)).register_hours(done.written) if registers else 0
    told = {"hours": len(done.written), "marks": marks, "partitions_registered": made}
    if output == "json":
        sys.stdout.write(json.dumps({"dry_run": dry_run} | done.as_json() | told) + "\n")
    else:
        _print_backfilled(done, told, replace=replace, dry_run=dry_run)
        print(f"lake {lake}")
    return 3 if done.left or done.summary.rejected else 0


def _files(job: Backfill, names: list[str], checked: set[Partition], backfilled: Backfilled) -> Iterator[str]:
    for name in names:
        backfilled.take(job.run(name, checked))
        yield name


def _print_backfilled(done: Backfilled, told: dict[str, int], *, replace: bool, dry_run: bool) -> None:
    print_figures(done.summary)
    print(f"  hours {told['hours']:,}, new marks {told['marks']:,}, partitions {told['partitions_registered']:,}")
    if done.left:
        print_table(f"{len(done.left):,} of {done.files:,} files were not taken whole", ("file", "why"), done.left)
    if dry_run:
        print("dry run: nothing was written")
    elif replace and done.left:
        print("nothing is replaced: an hour is replaced by all of its files or not at all; mend them and run it again")
    elif replace:
        print("staged; what the hours hold is replaced when compaction runs next")
