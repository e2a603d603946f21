"""The cloud's front door, a WSGI application: which call it is, planted faults, limits, then our answer or moto's."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client
from werkzeug.wrappers import Response

from .athena import Athena, check_work_group
from .documents import LISTS, Documents, check_documents
from .errors import AwsError, refusal
from .estate import Estate
from .faults import Delay, Fault, FaultPlan, Refuse, Reset, Truncate
from .ipam import Ipam
from .operation import Operation
from .operations import OPERATIONS
from .query_protocol import check_result, read_parameters, render_result
from .requests import ApiCall, Environ, read_call
from .roles import Roles
from .simulation import SIMULATION, simulate
from .throttle import Buckets, Throttle


class ResetConnectionError(ConnectionError):
    """Ends a request without an answer; the server resets its connection."""


class Front:
    """All state of one cloud, and the application that answers from it.

    Args:
        models: boto3's service name → botocore's service model, for every service in `OPERATIONS`.
        throttle: None does not throttle.
        ipam: None has no IPAM but what documents tell of one.
        closing: Set when the cloud stops; ends delays.
        lake: A lake's directory that Athena queries; None leaves Athena to moto, which runs nothing.
    """

    def __init__(
        self,
        models: Mapping[str, Any],
        throttle: Throttle | None,
        ipam: Ipam | None,
        closing: Event,
        lake: Path | None = None,
    ) -> None:
        self.calls: list[ApiCall] = []
        self.faults = FaultPlan()
        self.roles = Roles()
        self._models = models
        self._buckets = None if throttle is None else Buckets(throttle)
        self._closing = closing
        self._estate = Estate(ipam)
        self._athena = None if lake is None else Athena(lake, _work_groups, _databases)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._moto_of: dict[str, Any] = {}
        # moto looks for the object and stores it in two steps; a conditional put is one step on S3.
        self._one_at_a_time = Lock()

    def own(self, documents: Documents, account_id: str, region: str) -> None:
        """Makes these documents what the account owns in the region, from the next call on.

        Raises:
            InventoryError: A document is not what its name says, or holds what AWS's answer cannot.
        """
        check_documents(documents)
        for operation in OPERATIONS.values():
            if operation.document in documents:
                model = self._models[operation.service].operation_model(operation.name)
                member = LISTS[operation.document]
                check_result(model, {member: documents[operation.document][member]}, operation.document)
        self._estate.own(documents, account_id, region)

    def reset_moto(self) -> None:
        """Empties moto's backends, which all clouds of a process share."""
        Client(self._moto).post("/moto-api/reset")

    def close(self) -> None:
        """Ends queries under way."""
        if self._athena is not None:
            self._athena.close()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answers one HTTP request (WSGI)."""
        call = read_call(environ)
        respond = self._ask_moto(None, environ) if call is None else self._respond(call, environ)
        chunks: Iterable[bytes] = respond(environ, start_response)
        return chunks

    def _respond(self, call: ApiCall, environ: Environ) -> Any:
        request_id = str(uuid.uuid4())
        fault = None
        try:
            call = self._record(call)
            fault = self.faults.next(call)
            self._meet(fault)
            self.roles.check(call)
            response = self._act(call, environ, request_id)
        except AwsError as error:
            response = refusal(error, call.protocol, request_id)
        if fault == Reset(acted=True):
            raise ResetConnectionError
        return _truncated(response, fault.share) if isinstance(fault, Truncate) else response

    def _record(self, call: ApiCall) -> ApiCall:
        """Remembers the call, with typed parameters if it is one of ours."""
        try:
            key = (call.service, call.operation)
            if (key in OPERATIONS or key == SIMULATION) and call.protocol != "json":
                model = self._models[call.service].operation_model(call.operation)
                call = replace(call, params=read_parameters(model, call.params))
        finally:
            self.calls.append(call)
        return call

    def _meet(self, fault: Fault | None) -> None:
        """What a fault does before the call takes effect."""
        if isinstance(fault, Refuse):
            raise AwsError(fault.code, "This error was planted.", fault.status)
        if isinstance(fault, Delay) and self._closing.wait(fault.seconds):
            raise ResetConnectionError
        if fault == Reset(acted=False):
            raise ResetConnectionError

    def _act(self, call: ApiCall, environ: Environ, request_id: str) -> Any:
        if self._buckets is not None:
            self._buckets.take(call)
        if self._athena is not None and call.service == "athena":
            result = self._athena.answer(call)
            return self._ask_moto(call, environ) if result is None else _json(result, request_id)
        if (call.service, call.operation) == ("athena", "GetWorkGroup"):
            check_work_group(call, _work_groups(call.account_id, call.region))
        if (call.service, call.operation) == SIMULATION:
            return self._simulate(call, request_id)
        operation = OPERATIONS.get((call.service, call.operation))
        if operation is None:
            return self._ask_moto(call, environ)
        return self._describe(operation, call, request_id)

    def _describe(self, operation: Operation, call: ApiCall, request_id: str) -> Any:
        inventory = self._estate.inventory(call.account_id, call.region)
        result: Mapping[str, Any] = inventory.describe(operation, call.params)
        if call.protocol == "json":
            return _json(result, request_id)
        model = self._models[call.service].operation_model(call.operation)
        return Response(render_result(model, result, request_id), content_type="text/xml;charset=UTF-8")

    def _simulate(self, call: ApiCall, request_id: str) -> Any:
        """IAM's policy simulation over the roles that moto keeps, which knows none."""
        result = simulate(get_backend("iam")[call.account_id]["aws"].roles.values(), call.params)
        model = self._models[call.service].operation_model(call.operation)
        return Response(render_result(model, result, request_id), content_type="text/xml;charset=UTF-8")

    def _ask_moto(self, call: ApiCall | None, environ: Environ) -> Any:
        with self._one_at_a_time:
            if call is None:
                return Response.from_app(self._moto, environ, buffered=True)
            # moto looks through its own directories for each request; which of its applications it is does not change.
            if call.service not in self._moto_of:
                self._moto_of[call.service] = self._moto.get_application(environ)
            return Response.from_app(self._moto_of[call.service], environ, buffered=True)


def _json(result: Mapping[str, Any], request_id: str) -> Any:
    headers = {"x-amzn-RequestId": request_id}
    return Response(json.dumps(result), headers=headers, content_type="application/x-amz-json-1.1")


def _work_groups(account_id: str, region: str) -> set[str]:
    return set(get_backend("athena")[account_id][region].work_groups)


def _databases(account_id: str, region: str) -> set[str]:
    return set(get_backend("glue")[account_id][region].databases)


def _truncated(response: Any, share: float) -> Any:
    """The response with its full length in the headers and only the first part of its body behind them."""
    body = response.get_data()
    response.headers["Content-Length"] = str(len(body))
    response.automatically_set_content_length = False
    response.response = [body[: int(len(body) * share)]]
    return response
