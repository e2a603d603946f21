"""Athena's query API over a lake in a directory: statements really run, on DuckDB in Athena's place.

StartQueryExecution, GetQueryExecution, GetQueryResults and StopQueryExecution are answered here; workgroups, saved
queries and prepared statements stay moto's, and a query must name a workgroup and a database that exist there. As in
Athena a query is queued, runs, and ends as SUCCEEDED, FAILED or CANCELLED; one runs at a time. A view that is created
lasts as long as the cloud.

Athena API reference; "Use execution parameters" in the user guide: a parameter is a literal, a text with its quotes.
"""

import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final

from enricher.errors import EnricherError
from workbench.athena.engine import QueryResult
from workbench.athena.errors import QueryError
from workbench.athena.statement import parse

from .athena_lake import AthenaLake
from .athena_results import page, read_parameter
from .errors import AwsError
from .requests import ApiCall

LONGEST_STATEMENT: Final = 262_144
_USER_ERROR: Final = 2
_INTERRUPT_EVERY_S: Final = 0.02


@dataclass
class Execution:
    """One query: what was asked, how far it is, what came out."""

    number: str
    statement: str
    database: str
    work_group: str
    parameters: list[Any]
    is_view: bool
    submitted: datetime
    lake: AthenaLake
    state: str = "QUEUED"
    reason: str = ""
    completed: datetime | None = None
    result: QueryResult | None = None
    scanned_bytes: int = 0
    # Set when nothing of it runs any more, which after a stop may be later than its state says.
    left: Event = field(default_factory=Event)

    def describe(self) -> dict[str, Any]:
        """As GetQueryExecution tells it; times in Unix seconds."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted.timestamp()}
        took = 0
        if self.completed is not None:
            status["CompletionDateTime"] = self.completed.timestamp()
            took = int((self.completed - self.submitted).total_seconds() * 1000)
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.state == "FAILED":
            status["AthenaError"] = {"ErrorCategory": _USER_ERROR, "ErrorMessage": self.reason, "Retryable": False}
        return {
            "QueryExecutionId": self.number,
            "Query": self.statement,
            "StatementType": "DDL" if self.is_view else "DML",
            "ResultConfiguration": {"OutputLocation": f"s3://athena-results/{self.number}.csv"},
            "QueryExecutionContext": {"Database": self.database},
            "Status": status,
            "Statistics": {"TotalExecutionTimeInMillis": took, "DataScannedInBytes": self.scanned_bytes},
            "WorkGroup": self.work_group,
        }


@dataclass
class Athena:
    """The queries of one cloud.

    Args:
        directory: the lake, as `vpcflow enrich` writes it.
        work_groups: account and region → names of the workgroups there are.
        databases: the same of Glue's databases.
    """

    directory: Path
    work_groups: Callable[[str, str], set[str]]
    databases: Callable[[str, str], set[str]]
    _executions: dict[str, Execution] = field(default_factory=dict)
    _tokens: dict[str, tuple[Any, str]] = field(default_factory=dict)
    _lakes: dict[tuple[str, str, str], AthenaLake] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "athena")

    def close(self) -> None:
        """Ends what runs and lets go of the lake's files."""
        for execution in list(self._executions.values()):
            self._cancel(execution, "the cloud was stopped")
        self._worker.shutdown()
        for lake in self._lakes.values():
            lake.close()

    def answer(self, call: ApiCall) -> dict[str, Any] | None:
        """The result of a call; None where it is none of ours.

        Raises:
            AwsError: Athena would refuse the call.
        """
        answers: Mapping[str, Callable[[ApiCall], dict[str, Any]]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda call: {"QueryExecution": self._of(call).describe()},
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
        }
        return answers[call.operation](call) if call.operation in answers else None

    def _start(self, call: ApiCall) -> dict[str, Any]:
        asked = {name: value for name, value in call.params.items() if name != "ClientRequestToken"}
        token = call.params.get("ClientRequestToken")
        with self._lock:
            if token in self._tokens:
                before, number = self._tokens[token]
                if before != asked:
                    raise _invalid("Idempotent parameters do not match")
                return {"QueryExecutionId": number}
            execution = self._new(call)
            self._executions[execution.number] = execution
            if token is not None:
                self._tokens[token] = (asked, execution.number)
        if execution.completed is None:
            self._worker.submit(self._run, execution)
        return {"QueryExecutionId": execution.number}

    def _new(self, call: ApiCall) -> Execution:
        statement = call.params.get("QueryString", "")
        if not 1 <= len(statement) <= LONGEST_STATEMENT:
            raise _invalid(f"QueryString has {len(statement)} characters; 1 to {LONGEST_STATEMENT} are taken")
        work_group = call.params.get("WorkGroup", "primary")
        if work_group not in self.work_groups(call.account_id, call.region):
            raise _invalid(f"WorkGroup {work_group} is not found.")
        try:
            is_view = type(parse(statement)).__name__ == "Create"
        except QueryError as error:
            raise _invalid(str(error)) from error
        parameters = [read_parameter(text) for text in call.params.get("ExecutionParameters", [])]
        database = call.params.get("QueryExecutionContext", {}).get("Database", "default")
        lake = self._lakes.setdefault((call.account_id, call.region, database), AthenaLake(self.directory))
        execution = Execution(
            str(uuid.uuid4()), statement, database, work_group, parameters, is_view, datetime.now(UTC), lake
        )
        if database not in self.databases(call.account_id, call.region):
            self._finish(execution, "FAILED", f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
        return execution

    def _run(self, execution: Execution) -> None:
        with self._lock:
            if execution.completed is not None:
                return
            execution.state = "RUNNING"
        result, failure = None, ""
        try:
            if execution.is_view:
                execution.lake.create_view(execution.statement)
            else:
                result = execution.lake.run(execution.statement, execution.parameters)
                execution.scanned_bytes = execution.lake.scanned_bytes(execution.statement)
        except EnricherError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is ends the query, not the worker
            failure = f"GENERIC_INTERNAL_ERROR: {error}"
        execution.left.set()
        with self._lock:
            if execution.completed is None:
                execution.result = result
                self._finish(execution, "FAILED" if failure else "SUCCEEDED", failure)

    def _stop(self, call: ApiCall) -> dict[str, Any]:
        self._cancel(self._of(call), "Query cancelled by user")
        return {}

    def _cancel(self, execution: Execution, reason: str) -> None:
        """Tell it cancelled, then interrupt it until it has left: what has not begun yet cannot be interrupted."""
        with self._lock:
            if execution.completed is not None:
                return
            is_running = execution.state == "RUNNING"
            self._finish(execution, "CANCELLED", reason)
        while is_running and not execution.left.wait(_INTERRUPT_EVERY_S):
            execution.lake.interrupt()

    def _results(self, call: ApiCall) -> dict[str, Any]:
        execution = self._of(call)
        if execution.state != "SUCCEEDED":
            raise _invalid(f"Query has not yet finished. Current state: {execution.state}")
        return page(execution.result, execution.number, call.params)

    def _of(self, call: ApiCall) -> Execution:
        number = call.params.get("QueryExecutionId")
        if number not in self._executions:
            raise _invalid(f"QueryExecution {number} was not found")
        return self._executions[number]

    def _finish(self, execution: Execution, state: str, reason: str) -> None:
        execution.reason = reason
        execution.completed = datetime.now(UTC)
        execution.state = state


def check_work_group(call: ApiCall, there: set[str]) -> None:
    """GetWorkGroup of a workgroup that is not there is refused; moto answers it with nothing."""
    name = call.params.get("WorkGroup", "")
    if name not in there:
        raise _invalid(f"WorkGroup {name} is not found.")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)
