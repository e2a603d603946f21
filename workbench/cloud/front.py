"""The cloud's front door, a WSGI application: which call it is, planted faults, limits, then our answer or moto's."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Event, Lock
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client
from werkzeug.wrappers import Response

from .describe import Inventory
from .documents import LISTS, Documents, check_documents
from .errors import AwsError, refusal
from .faults import Delay, Fault, FaultPlan, Refuse, Reset
from .operations import OPERATIONS, Operation
from .query_protocol import check_result, read_parameters, render_result
from .requests import ApiCall, Environ, read_call
from .throttle import Buckets, Throttle


class ResetConnectionError(ConnectionError):
    """Ends a request without an answer; the server resets its connection."""


class Front:
    """All state of one cloud, and the application that answers from it.

    Args:
        models: boto3's service name → botocore's service model, for every service in `OPERATIONS`.
        throttle: None does not throttle.
        closing: Set when the cloud stops; ends delays.
    """

    def __init__(self, models: Mapping[str, Any], throttle: Throttle | None, closing: Event) -> None:
        self.calls: list[ApiCall] = []
        self.faults = FaultPlan()
        self._models = models
        self._buckets = None if throttle is None else Buckets(throttle)
        self._closing = closing
        self._inventories: dict[tuple[str, str], Inventory] = {}
        self._nothing = Inventory({})
        self._moto = DomainDispatcherApplication(create_backend_app)
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
        self._inventories[account_id, region] = Inventory(documents)

    def reset_moto(self) -> None:
        """Empties moto's backends, which all clouds of a process share."""
        Client(self._moto).post("/moto-api/reset")

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answers one HTTP request (WSGI)."""
        call = read_call(environ)
        respond = self._ask_moto(environ) if call is None else self._respond(call, environ)
        chunks: Iterable[bytes] = respond(environ, start_response)
        return chunks

    def _respond(self, call: ApiCall, environ: Environ) -> Any:
        request_id = str(uuid.uuid4())
        fault = None
        try:
            call = self._record(call)
            fault = self.faults.next(call.service, call.operation)
            self._meet(fault)
            response = self._act(call, environ, request_id)
        except AwsError as error:
            response = refusal(error, call.protocol, request_id)
        if fault == Reset(acted=True):
            raise ResetConnectionError
        return response

    def _record(self, call: ApiCall) -> ApiCall:
        """Remembers the call, with typed parameters if it is one of ours."""
        try:
            if (call.service, call.operation) in OPERATIONS:
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
        if self._buckets is not None and call.service == "ec2":
            self._buckets.take(call.account_id, call.region, call.operation, call.params)
        operation = OPERATIONS.get((call.service, call.operation))
        if operation is None:
            return self._ask_moto(environ)
        return self._describe(operation, call, request_id)

    def _describe(self, operation: Operation, call: ApiCall, request_id: str) -> Any:
        inventory = self._inventories.get((call.account_id, call.region), self._nothing)
        result: Mapping[str, Any] = inventory.describe(operation, call.params)
        model = self._models[call.service].operation_model(call.operation)
        return Response(render_result(model, result, request_id), content_type="text/xml;charset=UTF-8")

    def _ask_moto(self, environ: Environ) -> Any:
        with self._one_at_a_time:
            return Response.from_app(self._moto, environ, buffered=True)
