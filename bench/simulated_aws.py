"""Many environments at once on a fake clock: real handler, real boto3 clients, the stand-in cloud without a network.

A discrete simulation: each invocation is a thread, exactly one of which runs at a time, and the clock moves only when
all of them wait. They wait in two places, and both are handed to the simulation: where a request is on its way
(botocore's ``before-send`` event answers it instead of the network), and where botocore waits before another attempt
(``time`` as ``botocore.endpoint`` sees it). Nothing of ours is replaced.
"""

import heapq
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Semaphore, Thread
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.endpoint
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from urllib3.response import HTTPResponse
from werkzeug.test import Client, EnvironBuilder

from workbench.cloud.front import Front
from workbench.cloud.operations import OPERATIONS
from workbench.cloud.requests import read_call
from workbench.cloud.throttle import Throttle

REGION: Final = "eu-west-1"


class _Invocation:
    """One thread of the simulation."""

    def __init__(self, run: Callable[[], None], done: Semaphore) -> None:
        self.error: BaseException | None = None
        self._turn = Semaphore(0)
        self._done = done
        self._run = run
        self._thread: Thread | None = None

    def resume(self) -> None:
        """Let it run until it waits or ends."""
        if self._thread is None:
            self._thread = Thread(target=self._main, daemon=True)
            self._thread.start()
        else:
            self._turn.release()
        self._done.acquire()

    def wait(self) -> None:
        """Hand the turn back; goes on when resumed."""
        self._done.release()
        self._turn.acquire()

    def _main(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - raised again where the simulation runs
            self.error = error
        self._done.release()


class World:
    """The clock (Unix seconds), and who goes on when."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._done = Semaphore(0)
        self._queue: list[tuple[float, int, _Invocation]] = []
        self._count = 0
        self._current: _Invocation | None = None

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait on the simulated clock; outside of an invocation only the clock moves."""
        if self._current is None:
            self.now += seconds
            return
        mine = self._current
        self._push(self.now + seconds, mine)
        mine.wait()

    def at(self, moment: float, run: Callable[[], None]) -> None:
        """Have something run at a moment."""
        self._push(moment, _Invocation(run, self._done))

    def run(self) -> None:
        """Everything that was to run, in the order of time; raises what an invocation raised."""
        with _botocore_sleeping(self.sleep):
            while self._queue:
                moment, _, self._current = heapq.heappop(self._queue)
                self.now = max(self.now, moment)
                self._current.resume()
                if self._current.error is not None:
                    raise self._current.error
        self._current = None

    def _push(self, moment: float, invocation: _Invocation) -> None:
        self._count += 1
        heapq.heappush(self._queue, (moment, self._count, invocation))


@contextmanager
def _botocore_sleeping(sleep: Callable[[float], None]) -> Iterator[None]:
    """Between two attempts botocore sleeps on the simulated clock."""
    real = botocore.endpoint.time
    botocore.endpoint.time = SimpleNamespace(sleep=sleep)
    try:
        yield
    finally:
        botocore.endpoint.time = real


@dataclass(frozen=True, slots=True)
class Request:
    """An attempt that arrived: when, what, and the HTTP status of its answer."""

    at: float
    service: str
    operation: str
    key: str
    status: int


class SimulatedAws:
    """The stand-in cloud's answers, each after ``latency`` seconds; EC2's token buckets on the simulated clock.

    ``hangs``: operations that take the request and never answer.
    """

    def __init__(self, world: World, latency: float = 0.15) -> None:
        self.world = world
        self.requests: list[Request] = []
        self.hangs: set[str] = set()
        self._latency = latency
        self._session = botocore.session.get_session()
        models = {service: self._session.get_service_model(service) for service in {each for each, _ in OPERATIONS}}
        self.front = Front(models, Throttle(clock=world.clock), None, Event())
        self.front.reset_moto()
        self._http = Client(self.front)

    def client(self, service: str, *, connect: float, read: float, attempts: int) -> Any:
        """A boto3 client that this cloud answers; seconds of its timeouts, and attempts in all."""
        config = Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
        )
        client = self._session.create_client(
            service,
            region_name=REGION,
            endpoint_url=f"http://{service}.{REGION}.amazonaws.com",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - the stand-in cloud's credentials are this word
            config=config,
        )
        client.meta.events.register("before-send", lambda request, **_: self._answer(request, read))
        return client

    def _answer(self, request: AWSPreparedRequest, read_timeout: float) -> AWSResponse:
        url = urlsplit(request.url)
        environ = EnvironBuilder(
            path=url.path,
            base_url=f"{url.scheme}://{url.netloc}/",
            query_string=url.query,
            method=request.method,
            headers={name: _text(value) for name, value in request.headers.items()},
            data=request.body or b"",
        ).get_environ()
        call = read_call(environ)
        operation = "" if call is None else call.operation
        service = "" if call is None else call.service
        key = "" if call is None else str(call.params.get("Key", ""))
        if operation in self.hangs:
            self.world.sleep(read_timeout)
            self.requests.append(Request(self.world.now, service, operation, key, 0))
            raise ReadTimeoutError(endpoint_url=request.url)
        self.world.sleep(self._latency)
        answer = self._http.open(environ, buffered=True)
        self.requests.append(Request(self.world.now, service, operation, key, answer.status_code))
        body = answer.get_data()
        raw = HTTPResponse(
            io.BytesIO(body), headers=dict(answer.headers), status=answer.status_code, preload_content=False
        )
        return AWSResponse(request.url, answer.status_code, dict(answer.headers), raw)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
