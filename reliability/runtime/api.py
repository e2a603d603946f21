"""Lambda's Runtime API on a loopback port: what AWS's runtime client asks for work and tells the outcome.

Lambda developer guide, "Using the Lambda runtime API": ``GET …/invocation/next`` waits for the next event,
``POST …/invocation/<id>/response`` or ``…/error`` ends it, ``POST …/init/error`` tells that there was no start.
"""

import json
import re
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any, Final

_VERSION: Final = "/2018-06-01/runtime"
_OUTCOME: Final = re.compile(rf"{_VERSION}/invocation/([0-9a-f-]+)/(response|error)")
_NEXT_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """What the function said: ``kind`` is ``response``, ``error`` or ``init_error``; ``body`` its JSON text."""

    kind: str
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Invocation:
    request_id: str
    body: bytes
    deadline_ms: int
    function_arn: str


class RuntimeApi:
    """Serves one function process at a time; `offer` an event, then wait for what is `told`."""

    def __init__(self, function_arn: str) -> None:
        self._function_arn = function_arn
        self._offered: Queue[_Invocation] = Queue()
        self._told: Queue[tuple[str | None, Told]] = Queue()
        self._closing = threading.Event()
        self.asked = threading.Event()  # set once the process has asked for its first event: it has started
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port, as AWS_LAMBDA_RUNTIME_API names them."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def offer(self, body: bytes, seconds: float) -> str:
        """Give the process an event with ``seconds`` to go; returns the request id."""
        request_id = str(uuid.uuid4())
        deadline_ms = int((time.time() + seconds) * 1000)  # as the client cuts the time now: never more than given
        self._offered.put(_Invocation(request_id, body, deadline_ms, self._function_arn))
        return request_id

    def told(self, request_id: str, seconds: float) -> Told | None:
        """What was said of that request (or of the start), None if nothing was within ``seconds``."""
        try:
            about, told = self._told.get(timeout=seconds)
        except Empty:
            return None
        return told if about in (request_id, None) else self.told(request_id, seconds)

    def close(self) -> None:
        """Stop serving."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self) -> _Invocation | None:
        """The event that the process waits for; None once this is closed."""
        self.asked.set()
        while not self._closing.is_set():
            try:
                return self._offered.get(timeout=_NEXT_POLL_S)
            except Empty:
                continue
        return None

    def record(self, request_id: str | None, told: Told) -> None:
        """Take down what was said of a request; None: of the start."""
        self._told.put((request_id, told))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, *_: object) -> None:
        """A process that is ended in the middle of a request is what Lambda does too: no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        invocation = self.server.api.next() if self.path == f"{_VERSION}/invocation/next" else None
        if invocation is None:
            self._answer(404, b"{}")
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        }
        self._answer(200, invocation.body, headers)

    def do_POST(self) -> None:
        body = self._body()
        ended = _OUTCOME.fullmatch(self.path)
        if ended is not None:
            self.server.api.record(ended[1], Told(ended[2], body))
        elif self.path == f"{_VERSION}/init/error":
            self.server.api.record(None, Told("init_error", body))
        self._answer(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""
