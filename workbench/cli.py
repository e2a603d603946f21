"""The ``vpcflow`` command. Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 done with rejects."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from compaction.enrich_files import FileEnricher, Summary, describe
from compaction.inputs import REGION
from enricher.batch import Pipeline
from enricher.errors import EnricherError, EventError
from enricher.lake import REJECTED
from enricher.log_format import LogFormats
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.settings import JSON, OUTPUT_MODES, PARQUET
from workbench.backfill_command import backfill
from workbench.directory_store import StagedStore
from workbench.doctor_command import doctor
from workbench.errors import UsageError
from workbench.explain_command import tell, write_json
from workbench.explain_text import lines
from workbench.inventory_command import app as inventory_app
from workbench.inventory_files import load_source
from workbench.paragraphs import printable, width
from workbench.query_command import query
from workbench.replay_command import replay
from workbench.show import print_summary
from workbench.wrong_format import refuse_wrong_format

OK, FAILED, USAGE, WITH_REJECTS = 0, 1, 2, 3

app = typer.Typer(
    name="vpcflow",
    help="Who was behind each address in your VPC flow logs, and what crosses an Availability Zone.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Formats = Annotated[
    list[str] | None,
    typer.Option("--log-format", help="Format of lines without a header: '${version} ${account-id} …', v2 … v11, tgw."),
]
app.add_typer(inventory_app)
app.command()(replay)
app.command()(backfill)
app.command()(query)
app.command()(doctor)

InventoryOption = Annotated[
    Path | None, typer.Option("--inventory", help="Directory of AWS CLI output, or a snapshot. Without: no look-ups.")
]
LakeOut = Annotated[Path, typer.Option("--out", help="Directory of the lake to write.")]


def main(argv: list[str] | None = None) -> int:
    """Run the command with ``argv`` (default: the process's) and answer its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        answer = app(arguments or ["--help"], prog_name="vpcflow", standalone_mode=False)
    except typer.TyperException as error:
        return _refuse(_usage(error))
    except EnricherError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _fail("stopped")
    except OSError as error:
        return _fail(str(error))
    return answer if isinstance(answer, int) else OK


def run() -> None:
    """The console script: exit with ``main``'s code."""
    sys.exit(main())


@app.command()
def enrich(
    files: Annotated[list[Path], typer.Argument(help="Flow logs: text, gzip, Parquet, JSON, error objects.")],
    log_format: Formats = None,
    inventory: InventoryOption = None,
    region: Annotated[str | None, typer.Option(help="Region of records and paths that tell none.")] = None,
    out: LakeOut = Path("lake"),
    output: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> int:
    """Enrich files of flow logs into a lake on disk."""
    _one_of("--output", output, ("table", "json"))
    if region is not None and not REGION.fullmatch(region):
        raise UsageError(f"--region {region}: is no region; give one such as us-east-1")
    promoted = dict(DEFAULT_PROMOTED_TAGS)
    source = None if inventory is None else load_source(inventory, promoted, region)
    summary = Summary(inventory=describe(source))
    formats = _formats(log_format)
    with StagedStore(out) as store:
        for path, so_far in FileEnricher(formats, source, promoted, region, store).run(files):
            summary = so_far
            # Where a script listens, the error stream holds errors alone.
            if sys.stderr.isatty():
                sys.stderr.write(f"{printable(str(path))}: {summary.rows} rows, {summary.rejected} rejected so far\n")
        refuse_wrong_format(summary, store.staged(REJECTED), formats)
    if output == "json":
        sys.stdout.write(json.dumps(summary.as_json()) + "\n")
    else:
        print_summary(summary, out)
    return WITH_REJECTS if summary.rejected else OK


@app.command()
def invoke(
    event: Annotated[Path, typer.Option(help="A Firehose transformation event, JSON.")],
    log_format: Formats = None,
    inventory: InventoryOption = None,
    out: LakeOut = Path("lake"),
    output_mode: Annotated[str, typer.Option(help="parquet: rows into the lake; json: into the response.")] = PARQUET,
) -> int:
    """Run one Firehose event through the function's own pipeline; prints the response and nothing else."""
    _one_of("--output-mode", output_mode, OUTPUT_MODES)
    formats = _formats(log_format)
    if formats is None:
        raise UsageError(
            "--log-format: is missing; an event names no format: give the flow log's own, or v2 … v11, tgw"
        )
    document = _read_event(event)
    region = document.get("region") if isinstance(document, dict) else None
    source = None if inventory is None else load_source(inventory, DEFAULT_PROMOTED_TAGS, region)
    try:
        with StagedStore(out) as store:
            answer = Pipeline(formats, Rules(), store, output_mode == JSON).process(document, source)
    except EventError as error:
        raise UsageError(f"--event {event}: {error}") from error
    sys.stdout.write(json.dumps(answer.response) + "\n")
    return WITH_REJECTS if answer.counts["Rejects"] or answer.counts["FailedRecords"] else OK


@app.command()
def report(
    lake: Annotated[Path, typer.Option(help="Directory of the lake.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write; one that is there is written anew.")],
    first_day: Annotated[str | None, typer.Option(help="YYYY-MM-DD, UTC. Without: six days before the last.")] = None,
    last_day: Annotated[str | None, typer.Option(help="YYYY-MM-DD, UTC. Without: the newest with data.")] = None,
) -> int:
    """Write a lake's answers as one HTML file: what crosses zones, who talks to whom, who pays, what is not known."""
    # DuckDB and sqlglot take half a second to import; enrich and invoke do without.
    from workbench.report_command import write_report  # noqa: PLC0415 - as said above

    write_report(lake, out, first_day, last_day)
    print(f"report {out}")
    return OK


@app.command()
def explain(
    ip: Annotated[str, typer.Argument(help="An address, IPv4 or IPv6 in any spelling.")],
    inventory: Annotated[Path, typer.Option(help="Directory of AWS CLI output, or a snapshot.")],
    vpc: Annotated[str | None, typer.Option(help="VPC that the flow was recorded in. Without: from each.")] = None,
    at: Annotated[str | None, typer.Option(help="ISO 8601 with offset, or Unix seconds. Without: the newest.")] = None,
    output: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> int:
    """Who an address was at a time, what proves it, and why not where it is not known."""
    _one_of("--output", output, ("table", "json"))
    story = tell(ip, vpc, at, inventory, DEFAULT_PROMOTED_TAGS)
    if output == "json":
        write_json(story)
    else:
        sys.stdout.write("\n".join(lines(story, width())) + "\n")
    return OK


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Directory to write the demo's lake into.")] = Path("demo-out")) -> int:
    """Send an hour of made-up traffic through the real handler, and show what crossed zones and who pays."""
    from workbench.demo.run import run_demo  # noqa: PLC0415 - needs moto and DuckDB, which others do not

    run_demo(out)
    return OK


def _read_event(path: Path) -> object:
    try:
        document: object = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"--event {path}: {error.strerror}; give a Firehose event as JSON") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--event {path}: is no JSON ({error}); give a Firehose event as JSON") from error
    return document


def _formats(texts: list[str] | None) -> LogFormats | None:
    return LogFormats.parse(texts) if texts else None


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{option} {value}: is not known; give {' or '.join(allowed)}")


def _usage(error: typer.TyperException) -> str:
    """What typer says is wrong with the arguments, and where to read how they are written."""
    told = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    command = "vpcflow" if context is None else context.command_path
    return f"{told.rstrip('.')}; see `{command} --help`"


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"vpcflow: {printable(' '.join(sentence.split()))}\n")
    return USAGE


def _fail(sentence: str) -> int:
    sys.stderr.write(f"vpcflow: failed: {printable(' '.join(sentence.split()))}\n")
    return FAILED


if __name__ == "__main__":
    run()
