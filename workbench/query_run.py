"""Where a question is asked: a lake on disk, by DuckDB in Athena's place, or Athena itself."""

import json
import sys
import time
from pathlib import Path

from workbench.athena.engine import Lake
from workbench.athena.remote_engine import AthenaEngine, Place, Ran, ScanPrice
from workbench.aws import aws_failures, clients
from workbench.paragraphs import printable
from workbench.progress import Progress
from workbench.query_print import print_result
from workbench.query_saved import Question


def ask_lake(question: Question, lake: Path, output: str, *, is_quiet: bool) -> None:
    """Print the answer of the lake in a directory.

    Raises:
        EnricherError: there is no such lake, bad SQL, a bad parameter.
    """
    with Progress(f"query {question.name}".rstrip(), sys.stderr, is_quiet=is_quiet), Lake(lake) as opened:
        result = opened.run(question.sql, question.values)
    print_result(question.title, result, output)


def ask_athena(
    question: Question,
    place: tuple[str, str, str | None],
    address: tuple[str | None, str | None],
    output: str,
    *,
    is_quiet: bool,
) -> None:
    """Print Athena's answer, and on the error stream what it took.

    Args:
        question: what to ask.
        place: database, workgroup, place of results or None.
        address: region and endpoint, None for the environment's.
        output: table, json or csv.
        is_quiet: tell nothing of what it took.

    Raises:
        EnricherError: Athena says that the query, or the caller, is wrong.
        OSError: Athena failed, or cannot be reached.
    """
    with aws_failures("it can be run again"):
        engine = AthenaEngine(clients(*address)("athena"), Place(*place), time.sleep)
        try:
            with Progress(f"query {question.name} on Athena".replace("  ", " "), sys.stderr, is_quiet=is_quiet):
                result = engine.run(_marked(question), question.values)
        finally:
            # What was read is paid for, whatever came of it.
            for ran in () if is_quiet else engine.ran:
                _tell(ran, ScanPrice.read())
    print_result(question.title, result, output)


def _marked(question: Question) -> str:
    """The SQL as the workgroup's history shall show it: a saved query by its name, without its header."""
    if not question.name:
        return question.sql
    lines = question.sql.splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join([f"-- vpcflow query {question.name}", *lines[first:]])


def _tell(ran: Ran, price: ScanPrice) -> None:
    """What a query took: a sentence for a person, a JSON object a line for whatever else reads the error stream."""
    usd = None if ran.scanned_bytes is None else price.usd(ran.scanned_bytes)
    if not sys.stderr.isatty():
        told = {
            "query_execution_id": ran.query_id,
            "parameters": list(ran.parameters),
            "scanned_bytes": ran.scanned_bytes,
            "milliseconds": ran.milliseconds,
            "estimated_usd": None if usd is None else float(usd),
            "price_as_of": price.as_of,
        }
        sys.stderr.write(json.dumps(told) + "\n")
        return
    parts = [f"Athena query {ran.query_id}"]
    if ran.parameters:
        parts.append(f"parameters {printable(', '.join(ran.parameters))}")
    if ran.scanned_bytes is not None and usd is not None:
        parts.append(f"read {ran.scanned_bytes / 1e6:,.1f} MB, about ${usd:f} ({price.region}, {price.as_of})")
    if ran.milliseconds is not None:
        parts.append(f"{ran.milliseconds / 1000:.1f} s")
    sys.stderr.write("; ".join(parts) + "\n")
