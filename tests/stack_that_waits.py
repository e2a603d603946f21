"""CloudFormation's end of a custom resource: a loopback address that takes answers."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/flows/51af3dc0-da77-11e4-872e-1234567db123"
SIGNATURE = "X-Amz-Signature=5ecre7"


class Stack:
    """Takes answers; ``refuse`` is how many to answer with 503 first."""

    def __init__(self, refuse: int = 0) -> None:
        self.answers: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.content_types: list[str | None] = []
        self.refuse = refuse
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer?{SIGNATURE}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def event(self, kind: str = "Create", **properties: str) -> dict[str, Any]:
        """A request as CloudFormation sends it."""
        event = {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": STACK_ID,
            "RequestId": "unique-id-of-the-request",
            "LogicalResourceId": "Deployment",
            "ResourceType": "Custom::Deployment",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **properties},
        }
        return event if kind == "Create" else event | {"PhysicalResourceId": "as-it-was"}


def _handler(stack: Stack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if stack.refuse:
                stack.refuse -= 1
                self.send_error(503)
                return
            stack.bodies.append(body)
            stack.answers.append(json.loads(body))
            stack.content_types.append(self.headers["Content-Type"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
