"""``vpcflow inventory``: build a snapshot, show what one holds, tell two apart."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from enricher.schema import DEFAULT_PROMOTED_TAGS
from workbench import inventory_diff, inventory_show
from workbench.errors import UsageError
from workbench.inventory_build import Dated, build

app = typer.Typer(
    name="inventory",
    help="What owned which address: build a snapshot, look into one, compare two.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Looked = Annotated[Path, typer.Argument(help="A snapshot, or a directory of AWS CLI output.")]
Output = Annotated[str, typer.Option(help="table or json.")]


@app.command("build")
def build_snapshot(  # noqa: PLR0913 - a command's options
    *,
    inventory: Annotated[Path, typer.Option(help="Directory of AWS CLI output.")],
    out: Annotated[Path, typer.Option(help="Snapshot file to write.")],
    region: Annotated[str | None, typer.Option(help="Region of interfaces whose zone tells none.")] = None,
    observed_at: Annotated[
        str | None, typer.Option(help="When the first file was asked for: ISO 8601 with offset, or Unix seconds.")
    ] = None,
    ended_at: Annotated[
        str | None, typer.Option(help="When the last file had been answered. Without: --observed-at.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="What the files cover: 111122223333/us-east-1. Without: told by the files.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="A dated snapshot whose history the new one goes on with.")
    ] = None,
    keep_days: Annotated[float, typer.Option(help="How long --previous owners that vanished are kept.")] = 30.0,
) -> int:
    """Turn AWS CLI output into one snapshot file, which loads faster; undated unless --observed-at says when."""
    if observed_at is None:
        for option, value in (("--ended-at", ended_at), ("--part", part), ("--previous", previous)):
            if value is not None:
                raise UsageError(f"{option} {value}: needs --observed-at; say when the files were written")
    dated = None if observed_at is None else Dated.of(observed_at, ended_at, part, previous, keep_days)
    sys.stdout.write(build(inventory, out, region, dated) + "\n")
    return 0


@app.command("show")
def show_inventory(
    snapshot: Looked,
    part: Annotated[str | None, typer.Option(help="Only this part: 111122223333/us-east-1.")] = None,
    vpc: Annotated[str | None, typer.Option(help="Only this VPC.")] = None,
    output: Output = "table",
) -> int:
    """What an inventory holds, how old each part is, and how well it is tagged."""
    _check_output(output)
    found = inventory_show.survey(snapshot, part, vpc, DEFAULT_PROMOTED_TAGS, time.time())
    inventory_show.write(found, output)
    return 0


@app.command("diff")
def diff_inventories(old: Looked, new: Looked, output: Output = "table") -> int:
    """Who came, went and moved between two inventories; exit code 0 also where they differ (json: ``same``)."""
    _check_output(output)
    inventory_diff.write(inventory_diff.compare(old, new), output)
    return 0


def _check_output(output: str) -> None:
    if output not in ("table", "json"):
        raise UsageError(f"--output {output}: is not known; give table or json")
