"""HTTP on loopback around a WSGI application: one thread a connection, which stays open, and can be reset."""

import io
import socket
import struct
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock, Thread
from typing import Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from .front import ResetConnectionError

HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.02
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_BACKLOG: Final = 128
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types that mypy follows here
    """Silent; a planted reset ends the connection without a word.

    As AWS does, and unlike werkzeug's own, it keeps a connection for the next request, unless a body was cut short.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def run_wsgi(self) -> None:
        """Read a request whole, answer it."""
        environ = self.make_environ()
        length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        answers: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
            answers.append((status, headers))

        try:
            chunks = self.server.app(environ, start_response)
            self._answer(*answers[-1], chunks, is_head=environ["REQUEST_METHOD"] == "HEAD")
        except ConnectionError as error:
            self.connection_dropped(error)

    def _answer(self, status: str, headers: list[tuple[str, str]], chunks: Iterable[bytes], *, is_head: bool) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        told = dict(headers).get("Content-Length")
        if told is None and int(code) not in _WITHOUT_BODY:
            self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        for chunk in chunks:
            if not is_head:
                self.wfile.write(chunk)
                self.wfile.flush()
                sent += len(chunk)
        self.wfile.flush()
        if told is not None and not is_head and sent < int(told) and int(code) not in _WITHOUT_BODY:
            self.close_connection = True  # nobody should wait for the rest

    def handle_expect_100(self) -> bool:
        """Tell the client to go on, now."""
        is_going_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return is_going_on

    def log_request(self, *_: object) -> None:
        """The call recorder is the log."""

    def connection_dropped(self, error: BaseException, _environ: object = None) -> None:
        self.close_connection = True
        if isinstance(error, ResetConnectionError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class _Server(ThreadedWSGIServer):  # type: ignore[misc]  # same
    def __init__(self, *args: Any, **named: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(*args, **named)

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        with self._lock:
            self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET_ON_CLOSE)) == _RESET_ON_CLOSE:
            self.close_request(request)  # a shutdown first would end it politely
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that wait for another request."""
        with self._lock:
            for request in self._open:
                request.shutdown(socket.SHUT_RD)


class LoopbackServer:
    """Serves an application on 127.0.0.1 from a thread of this process.

    Args:
        application: WSGI.
        port: 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, application: Callable[[dict[str, Any], Any], Iterable[bytes]], port: int) -> None:
        with socket.create_server((HOST, port), backlog=_BACKLOG) as listener:
            self._server = _Server(HOST, port, application, _Handler, fd=listener.fileno())
        self.endpoint = f"http://{HOST}:{self._server.port}"
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="local cloud", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops listening; answers under way are not waited for."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
