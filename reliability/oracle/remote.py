"""The service's parts as processes of their own over HTTP, so that they can be killed: ``Service``, elsewhere.

Processes are forked from one that has only loaded the code (multiprocessing's fork server): no thread, no connection
and no client is shared. ``vpcflow replay`` runs as the command that people type.
"""

import contextlib
import io
import logging
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from reliability.oracle.clients import PATIENT_SECONDS, Clients
from reliability.oracle.producer import REGION
from reliability.oracle.service import BUCKET, DATABASE, FAILED, POINTER, Function, Service
from reliability.oracle.wire import Wire
from workbench.cli import main

_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "NO_PROXY": "127.0.0.1",
}
_FUNCTION: Final = "function"


class KilledError(Exception):
    """The process is gone; nobody told how it ended."""


class RemoteService(Service):
    """One process a run; a function's process lives until it is killed, then the next event starts another."""

    def __init__(self, endpoint: str, wire: Wire) -> None:
        super().__init__(Clients(endpoint))
        self._endpoint = endpoint
        self._wire = wire
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])

    def refresh(self, now: float) -> bool:
        """See Service."""
        return self._run("refresh", now)

    def replay(self) -> bool:
        """`vpcflow replay`."""
        return self._run("replay")

    def compact(self, now: float) -> bool:
        """See Service."""
        return self._run("compact", now)

    def function(self, now: float) -> Function:
        """See Service; an answer that never comes raises KilledError."""
        held: list[tuple[Any, Connection]] = []

        def invoke(event: dict[str, Any]) -> Mapping[str, Any]:
            if not held:
                held.append(self._start(_FUNCTION, now))
            process, connection = held[0]
            self._wire.victim = process.pid
            connection.send(event)
            try:
                answer: Mapping[str, Any] | Exception = connection.recv()
            except (EOFError, OSError) as error:
                held.clear()
                process.join()
                raise KilledError from error
            if isinstance(answer, Exception):
                raise answer
            return answer

        return invoke

    def _run(self, part: str, *arguments: float) -> bool:
        process, connection = self._start(part, *arguments)
        self._wire.victim = process.pid
        connection.send("go")
        try:
            told = bool(connection.recv())
        except (EOFError, OSError):
            told = False
        process.join()
        return told

    def _start(self, part: str, *arguments: float) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_live, args=(theirs, self._endpoint, part, arguments), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _live(connection: Connection, endpoint: str, part: str, arguments: tuple[float, ...]) -> None:
    """A process's whole life."""
    logging.disable(logging.CRITICAL)
    os.environ.update(_ENVIRONMENT, AWS_ENDPOINT_URL=endpoint)
    service = Service(Clients(endpoint, PATIENT_SECONDS))
    if part == _FUNCTION:
        function = service.function(*arguments)
        for event in _received(connection):
            connection.send(_answer(function, event))
        return
    for _ in _received(connection):
        is_well = _replayed() if part == "replay" else getattr(service, part)(*arguments)
        connection.send(is_well)


def _received(connection: Connection) -> Iterator[Any]:
    with contextlib.suppress(EOFError):
        while True:
            yield connection.recv()


def _answer(function: Function, event: dict[str, Any]) -> object:
    try:
        return dict(function(event))
    except Exception as error:  # noqa: BLE001 - what Lambda tells of it
        return RuntimeError(f"{type(error).__name__}: {error}")


def _replayed() -> bool:
    with _silence():
        code = main(["replay", FAILED, "--lake", f"s3://{BUCKET}", "--inventory", POINTER, "--database", DATABASE])
    return code in (0, 3)  # 3: some of it are rejects


@contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
