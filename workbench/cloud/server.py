"""HTTP on loopback around a WSGI application: one thread a connection, which stays open, and can be reset."""

import io
import socket
import struct
import traceback
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from http import HTTPStatus
from threading import Lock, Thread
from typing import Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.datastructures import Headers
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import ClosingIterator

from .front import ResetConnectionError

HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.02
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_BACKLOG: Final = 128
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types that mypy follows here
    """Silent; a planted reset ends the connection without a word.

    As AWS does, and unlike werkzeug's own, it keeps a connection for the next request: requests are read whole first.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def run_wsgi(self) -> None:
        """Read a request whole, answer it; who went away meanwhile is answered nothing."""
        environ = self.make_environ()
        length = -1 if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:
            self.close_connection = True
            return
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, environ)
            with closing(ClosingIterator(chunks)):
                self._answer(status, headers, chunks if environ["REQUEST_METHOD"] != "HEAD" else None)
        except ConnectionError as error:
            self.connection_dropped(error)
        except Exception:  # noqa: BLE001 - a defect of the stand-in is told as what it is, and not as a lost connection
            self.close_connection = True
            self.server.log("error", f"Error on request:\n{traceback.format_exc()}")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            self.wfile.flush()

    def _answer(self, status: str, headers: Headers, chunks: Iterable[bytes] | None) -> None:
        """``chunks``: of the body; None: only its length is asked for."""
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        has_body = chunks is not None and int(code) not in _WITHOUT_BODY
        told = headers.get("Content-Length", type=int)
        if told is None and has_body:
            self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        for chunk in chunks if chunks is not None and has_body else ():
            self.wfile.write(chunk)
            self.wfile.flush()
            sent += len(chunk)
        self.wfile.flush()
        if has_body and told is not None and sent < told:
            self.close_connection = True  # nobody should wait for the rest

    def handle_expect_100(self) -> bool:
        """Tell the client to go on, now."""
        is_going_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return is_going_on

    def finish(self) -> None:
        """Let go of the connection, and of what nobody reads any more."""
        with suppress(ConnectionError):
            super().finish()

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
        """Read nothing more from anybody: connections that wait for another request end."""
        with self._lock:
            for request in self._open:
                with suppress(OSError):  # its client is gone already
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
