"""``vpcflow replay``: delivery records that failed, back into the lake."""

import json
import sys
from collections.abc import Callable, Sequence
from threading import Event
from typing import Annotated, Any

import typer

from compaction.enrich_files import Summary, describe
from compaction.inputs import REGION
from compaction.known import Told
from compaction.lake_objects import UnwrittenLake
from compaction.replay import BatchWriter
from compaction.source_objects import S3, SourceObjects, bucket_and_key
from enricher.partitions import Partitions
from workbench.aws import aws_failures, clients
from workbench.errors import UsageError
from workbench.lake_options import load_known, open_lake
from workbench.paragraphs import printable
from workbench.replay_run import Replay, Replayed, Survey, look
from workbench.show import print_figures, print_table

Lake = Annotated[
    str | None, typer.Option("--lake", help="s3://bucket, or a directory. Without: the source's bucket, or ./lake.")
]
Inventory = Annotated[
    str | None, typer.Option(help="Directory of AWS CLI output, a snapshot, or the refresher's pointer s3://….")
]
LogFormats = Annotated[
    list[str] | None, typer.Option("--log-format", help="As of `enrich`. Without: what the pointer tells.")
]
Tags = Annotated[str, typer.Option(help="As the function's setting of this name. Without: its default.")]
Region = Annotated[str | None, typer.Option(help="Region of records and paths that tell none.")]
Database = Annotated[str | None, typer.Option(help="Glue database, to register the partitions that are written to.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing; tell what would be written.")]
Output = Annotated[str, typer.Option(help="table or json.")]


def replay(  # noqa: PLR0913 - a command's options
    source: Annotated[str, typer.Argument(help="Error objects: s3://bucket/prefix, a directory, or a file.")],
    *,
    lake: Lake = None,
    inventory: Inventory = None,
    log_format: LogFormats = None,
    promoted_tags: Tags = "",
    record_tags: Tags = "",
    region: Region = None,
    database: Database = None,
    dry_run: DryRun = False,
    output: Output = "table",
) -> int:
    """Write what is under processing-failed/ or rejected/ into the lake; the same twice is one copy."""
    check_options(region, output)
    client = clients()
    told = Told(log_format or (), promoted_tags, record_tags)
    writes = Event()
    with aws_failures(has_written=writes.is_set):
        objects = SourceObjects([source], lambda: client("s3"))
        names = objects.names()
        lake = lake or lake_beside(source)
        place = open_lake(lake, client)
        known = load_known(inventory, told, region, client)
        survey = look(objects, names, region)
        if output == "table":
            _print_survey(survey)
        if survey.records and known.formats is None:
            raise UsageError(
                f"{source}: error objects name no log format; give --log-format, or --inventory with the pointer's URI"
            )
        replayed = Replayed(Summary(inventory=describe(known.source)))
        if known.formats is not None:
            place = UnwrittenLake(place) if dry_run else place
            catalog = None if database is None or dry_run else Partitions(client("glue"), database)
            writer = BatchWriter(known.formats, known.source, known.rules, place)
            done = Replay(objects, writer, place, region, catalog)
            writes.set()
            readable = [name for name in names if name not in survey.damaged]
            tell_progress(done.run(readable, replayed), len(readable), lambda: replayed.summary)
    if output == "json":
        sys.stdout.write(json.dumps(_as_json(survey, replayed, dry_run=dry_run)) + "\n")
    else:
        _print_replayed(source, lake, survey, replayed, dry_run=dry_run)
    return 3 if replayed.summary.rejected or survey.unreadable else 0


def lake_beside(source: str) -> str:
    """The lake that error objects are of: they lie in its bucket. Of files it is where `enrich` writes."""
    return f"{S3}{bucket_and_key(source)[0]}" if source.startswith(S3) else "lake"


def check_options(region: str | None, output: str) -> None:
    """Raises UsageError where an option cannot be what it is."""
    if output not in ("table", "json"):
        raise UsageError(f"--output {output}: is not known; give table or json")
    if region is not None and not REGION.fullmatch(region):
        raise UsageError(f"--region {region}: is no region; give one such as us-east-1")


def tell_progress(steps: Any, number: int, summary: Callable[[], Summary]) -> None:
    """Run the steps; where a person watches, tell each on the error stream."""
    for done, name in enumerate(steps, 1):
        # Where a script listens, the error stream holds errors alone.
        if sys.stderr.isatty():
            so_far = summary()
            told = f"{so_far.rows:,} rows, {so_far.rejected:,} rejected so far"
            sys.stderr.write(f"{done}/{number} {printable(name)}: {told}\n")


def _print_survey(survey: Survey) -> None:
    print(f"{survey.records:,} records in {survey.objects:,} objects")
    codes: Sequence[Sequence[object]] = [[code, number] for code, number in survey.codes.most_common()]
    if codes:
        print_table("Records by error code", ("error code", "records"), codes)
    if survey.named:
        places = [[name, line or "all", reason] for name, line, reason in survey.named]
        print_table(f"Left in place, {survey.unreadable:,} cannot be read", ("object", "line", "reason"), places)
    sys.stdout.flush()


def _print_replayed(source: str, lake: str, survey: Survey, replayed: Replayed, *, dry_run: bool) -> None:
    print_figures(replayed.summary)
    print(f"  hours {len(replayed.hours):,}, new marks {replayed.marks:,}, partitions {replayed.partitions:,}")
    if dry_run:
        print("dry run: nothing was written")
        return
    print(f"lake {lake}")
    if survey.unreadable or replayed.summary.rejected:
        print(f"keep {source}: some of it is not in the lake as rows")
    elif source.startswith(S3):
        print(f"all of it is in the lake; to delete the source: aws s3 rm --recursive {source}")
    else:
        print(f"all of it is in the lake; {source} may be deleted")


def _as_json(survey: Survey, replayed: Replayed, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "source_objects": survey.objects,
        "records": survey.records,
        "error_codes": dict(sorted(survey.codes.items())),
        "unreadable": survey.unreadable,
        "left_in_place": [{"object": name, "line": line, "reason": reason} for name, line, reason in survey.named],
        **replayed.summary.as_json(),
        "dropped": dict(sorted(replayed.summary.dropped.items())),
        "hours": len(replayed.hours),
        "marks": replayed.marks,
        "partitions_registered": replayed.partitions,
    }
