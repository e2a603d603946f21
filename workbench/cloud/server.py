"""HTTP on loopback around a WSGI application: one thread a connection, and connections that can be reset."""

import socket
import struct
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from .front import ResetConnectionError

HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.02
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_BACKLOG: Final = 128


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types that mypy follows here
    """Silent; a planted reset ends the connection without a word."""

    def log_request(self, *_: object) -> None:
        """The call recorder is the log."""

    def connection_dropped(self, error: BaseException, _environ: object = None) -> None:
        self.close_connection = True
        if isinstance(error, ResetConnectionError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class _Server(ThreadedWSGIServer):  # type: ignore[misc]  # same
    def shutdown_request(self, request: socket.socket) -> None:
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET_ON_CLOSE)) == _RESET_ON_CLOSE:
            self.close_request(request)  # a shutdown first would end it politely
        else:
            super().shutdown_request(request)


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
