"""``vpcflow query``: saved questions, or SQL of one's own, asked of a lake on disk or of Athena."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from compaction.inputs import REGION
from workbench.errors import UsageError

LIST: Final = "list"
DESCRIBE: Final = "describe"
DUCKDB: Final = "duckdb"
ATHENA: Final = "athena"
_URL: Final = re.compile(r"https?://[^/\s]+/?")
_RESULTS: Final = re.compile(r"s3://[a-z0-9.-]{3,63}(/.*)?")
_NAMED: Final = 2

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME | list | describe NAME", help="A saved query; none, or `list`: which there are."),
]


def query(  # noqa: PLR0913 - a command's options
    words: Words = None,
    *,
    sql: Annotated[str | None, typer.Option(help="Athena SQL of your own.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Directory of the lake, for duckdb.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="A parameter of the saved query: name=value.")] = None,
    engine: Annotated[str, typer.Option(help="duckdb: a lake on disk; athena: one in AWS.")] = DUCKDB,
    database: Annotated[str | None, typer.Option(help="Glue database, for athena.")] = None,
    workgroup: Annotated[str, typer.Option(help="Athena workgroup.")] = "primary",
    results: Annotated[
        str | None, typer.Option(help="s3://bucket/prefix/ of results. Without: the workgroup's.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of Athena. Without: the environment's.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Athena's URL, where it is not AWS's own.")] = None,
    output: Annotated[str, typer.Option(help="table, json or csv.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on the error stream but errors.")] = False,
) -> int:
    """Ask a lake a saved question, or one of your own."""
    # DuckDB, sqlglot and boto3 take half a second each to import; the other commands do without.
    from workbench import query_run, query_saved  # noqa: PLC0415 - as said above

    _check(output, engine)
    words = words or []
    name = words[0] if words else None
    if len(words) > _NAMED or (len(words) == _NAMED and name != DESCRIBE):
        raise UsageError(f"query {' '.join(words)}: give one name, or `describe` and one")
    if name is not None and sql is not None:
        raise UsageError("query: a name and --sql are given; give one of them")
    if sql is None and name in (None, LIST):
        query_saved.print_list(output)
    elif name == DESCRIBE:
        if len(words) < _NAMED:
            raise UsageError("query describe: the name is missing; `vpcflow query list` tells which there are")
        query_saved.print_description(words[1], output)
    else:
        question = query_saved.question(name, sql, param or [])
        if engine == DUCKDB:
            _refuse({"--database": database, "--results": results, "--endpoint-url": endpoint_url})
            if lake is None:
                raise UsageError(
                    "--lake: is missing; give the directory that `vpcflow enrich` or `vpcflow demo` wrote, "
                    "or --engine athena"
                )
            query_run.ask_lake(question, lake, output, is_quiet=quiet)
        else:
            place = _place(lake, database, workgroup, results)
            query_run.ask_athena(question, place, _address(region, endpoint_url), output, is_quiet=quiet)
    return 0


def _check(output: str, engine: str) -> None:
    if output not in ("table", "json", "csv"):
        raise UsageError(f"--output {output}: is not known; give table or json or csv")
    if engine not in (DUCKDB, ATHENA):
        raise UsageError(f"--engine {engine}: is not known; give {DUCKDB} or {ATHENA}")


def _refuse(given: dict[str, str | None]) -> None:
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} {value}: belongs to --engine {ATHENA}; leave it out, or give that")


def _place(lake: Path | None, database: str | None, workgroup: str, results: str | None) -> tuple[str, str, str | None]:
    if lake is not None:
        raise UsageError(f"--lake {lake}: is for --engine {DUCKDB}; Athena reads the lake of --database")
    if database is None:
        raise UsageError("--database: is missing; give the Glue database of the stack (parameter DatabaseName)")
    if results is not None and not _RESULTS.fullmatch(results):
        raise UsageError(f"--results {results}: is no place in S3; give s3://bucket/prefix/")
    return database, workgroup, results


def _address(region: str | None, endpoint_url: str | None) -> tuple[str | None, str | None]:
    if region is not None and not REGION.fullmatch(region):
        raise UsageError(f"--region {region}: is no region; give one such as us-east-1")
    if endpoint_url is not None and not _URL.fullmatch(endpoint_url):
        raise UsageError(f"--endpoint-url {endpoint_url}: is no URL; give one such as http://127.0.0.1:5000")
    return region, endpoint_url
