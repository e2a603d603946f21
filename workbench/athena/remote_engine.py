"""Athena itself, asked through its API: start a query, wait for it, read its pages; stop it when nobody waits any more.

Athena API reference: StartQueryExecution, GetQueryExecution, GetQueryResults, StopQueryExecution. Only queries are
started: what would create, change or delete is refused here, before AWS is asked.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlglot import exp

from workbench.athena.engine import QueryResult
from workbench.athena.errors import QueryError
from workbench.athena.remote_values import literal, type_of, value_of
from workbench.athena.statement import parse

SCAN_PRICE: Final = Path(__file__).resolve().parents[2] / "athena" / "scan_price.json"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_ENDED: Final = ("SUCCEEDED", "FAILED", "CANCELLED")
# AthenaError's ErrorCategory; 1 is Athena's own, 3 is others'.
_USERS_FAULT: Final = 2
_MEGABYTE: Final = 1_000_000
# The caller's rights on S3 and Glue are asked while a query runs, and told in words only.
_DENIED: Final = re.compile(r"access ?denied|not authorized|insufficient permission", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a query runs: database, workgroup, and where S3 keeps the result (None: where the workgroup says)."""

    database: str
    work_group: str
    results: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """A query that ended: its id, parameters as Athena took them, bytes read, time in milliseconds."""

    query_id: str
    parameters: tuple[str, ...]
    scanned_bytes: int | None
    milliseconds: int | None


@dataclass(frozen=True, slots=True)
class ScanPrice:
    """What a scan costs by list price, in the region and as of the day told."""

    as_of: str
    region: str
    usd_per_tb: Decimal
    smallest_megabytes: int

    @classmethod
    def read(cls, file: Path = SCAN_PRICE) -> "ScanPrice":
        """The dated price beside the saved queries."""
        told = json.loads(file.read_text("utf-8"))
        return cls(told["as_of"], told["region"], Decimal(told["usd_per_tb"]), told["smallest_megabytes"])

    def usd(self, scanned_bytes: int) -> Decimal:
        """US dollars for a query that read so much: whole megabytes, the smallest charge at least."""
        megabytes = max(math.ceil(scanned_bytes / _MEGABYTE), self.smallest_megabytes)
        return self.usd_per_tb * megabytes / 1_000_000


@dataclass
class AthenaEngine:
    """Queries of one database.

    Args:
        client: boto3's, of Athena.
        place: where they run.
        wait: lets the seconds it is given go by.
    """

    client: Any
    place: Place
    wait: Callable[[float], Any]
    ran: list[Ran] = field(default_factory=list)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """The answer, its values as DuckDB gives them; `ran` tells what it took.

        A query that this leaves early, however, is stopped: it would read on, and be paid for.

        Raises:
            QueryError: not a query, or Athena says that it is wrong or that it reads too much.
            OSError: Athena failed.
            botocore's errors: AWS refused a call or could not be reached.
        """
        if isinstance(parse(sql), exp.Create):
            raise QueryError("SQL: creates a view; only a query (SELECT or WITH) can run")
        literals = tuple(map(literal, parameters))
        number = self._start(sql, literals)
        with self._stopped_if_left(number):
            execution = self._wait(number)
            statistics = execution.get("Statistics", {})
            scanned, took = statistics.get("DataScannedInBytes"), statistics.get("TotalExecutionTimeInMillis")
            self.ran.append(Ran(number, literals, scanned, took))
            _refuse_failed(execution["Status"], number)
            return self._read(number)

    def _start(self, sql: str, literals: Sequence[str]) -> str:
        place = self.place
        request: dict[str, Any] = {
            "QueryString": sql,
            "QueryExecutionContext": {"Database": place.database},
            "WorkGroup": place.work_group,
        }
        if literals:
            request["ExecutionParameters"] = list(literals)
        if place.results is not None:
            request["ResultConfiguration"] = {"OutputLocation": place.results}
        try:
            return str(self.client.start_query_execution(**request)["QueryExecutionId"])
        except self.client.exceptions.InvalidRequestException as error:
            reason = " ".join(str(error.response["Error"].get("Message", error)).split()).rstrip(".")
            raise QueryError(f"Athena: {reason}; mend the query, --database, --workgroup or --results") from error

    @contextmanager
    def _stopped_if_left(self, number: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # What made us leave is what is told; a query that has ended already needs no stop.
            if not self.ran or self.ran[-1].query_id != number:
                with suppress(Exception):
                    self.client.stop_query_execution(QueryExecutionId=number)
            raise

    def _wait(self, number: str) -> dict[str, Any]:
        seconds = _FIRST_WAIT_S
        while True:
            told = self.client.get_query_execution(QueryExecutionId=number)
            execution: dict[str, Any] = told["QueryExecution"]
            if execution["Status"]["State"] in _ENDED:
                return execution
            self.wait(seconds)
            seconds = min(2 * seconds, _LONGEST_WAIT_S)

    def _read(self, number: str) -> QueryResult:
        columns: tuple[str, ...] = ()
        types: tuple[str, ...] = ()
        rows: list[tuple[Any, ...]] = []
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=number)
        for count, page in enumerate(pages):
            told = page["ResultSet"]
            if count == 0:
                information = told["ResultSetMetadata"]["ColumnInfo"]
                columns, types = tuple(each["Name"] for each in information), tuple(map(type_of, information))
            # The first row of all holds the names.
            for row in told["Rows"][1 if count == 0 else 0 :]:
                texts = (cell.get("VarCharValue") for cell in row["Data"])
                rows.append(tuple(value_of(text, kind) for text, kind in zip(texts, types, strict=True)))
        return QueryResult(columns, types, tuple(rows))


def _refuse_failed(status: dict[str, Any], number: str) -> None:
    """Raises for a query that did not succeed, in one line."""
    state, reason = status["State"], " ".join(str(status.get("StateChangeReason", "no reason told")).split())
    if state == "SUCCEEDED":
        return
    if state == "CANCELLED":
        raise QueryError(
            f"Athena cancelled query {number}: {reason}; narrow its days, or ask for the workgroup's limit to be raised"
        )
    if _DENIED.search(reason):
        raise QueryError(f"Athena, query {number}: {reason}; allow the caller what docs/analyst-policy.json lists")
    category = status.get("AthenaError", {}).get("ErrorCategory", _USERS_FAULT)
    if category == _USERS_FAULT:
        raise QueryError(f"Athena, query {number}: {reason}; change the query, its parameters or --database")
    raise OSError(f"Athena, query {number}: {reason}; it can be run again")
