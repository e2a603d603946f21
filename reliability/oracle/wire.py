"""What stands between clients and the stand-in cloud: it knows who calls, counts calls, plants faults, kills.

The SDK names a call in a header that all its attempts share, so attempts are told from calls.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final, NamedTuple

from werkzeug.wrappers import Response

from reliability.oracle import faults
from reliability.oracle.faults import ALWAYS, Plant, Site
from reliability.oracle.producer import ACCOUNT
from workbench.cloud import AwsError
from workbench.cloud.errors import refusal
from workbench.cloud.front import ResetConnectionError
from workbench.cloud.local_cloud import Application
from workbench.cloud.requests import ApiCall, read_call

_CALL: Final = "HTTP_AMZ_SDK_INVOCATION_ID"
BYSTANDER: Final = "bystander"  # in the user agent of who is no part of the case: the bench's own clients, and rivals
_CONDITIONS: Final = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")


class Kill(NamedTuple):
    """SIGKILL for a process before or after its ``number``-th call that changes something (from 0) took effect."""

    number: int
    is_after: bool


@dataclass
class Wire:
    """The state of one wire. ``calls``: sites in order, each once; ``conditional``: puts on a condition.

    ``met``: planted faults that calls met, attempts counted. ``loses_answers``: answers to puts of the acting stage are
    lost after they took effect. ``changing``: requests that change something, attempts counted. ``killed``: at which of
    them the victim was. ``rival``: does the acting stage's work as another process would, once; ``rivals``: how often.
    """

    inner: Application | None = None
    stage: str | None = None
    planted: Sequence[Plant] = ()
    met: Counter[Plant] = field(default_factory=Counter)
    calls: list[Site] = field(default_factory=list)
    conditional: set[Site] = field(default_factory=set)
    loses_answers: bool = False
    victim: int | None = None
    kill: Kill | None = None
    killed: Site | None = None
    changing: list[Site] = field(default_factory=list)
    rival: Callable[[], object] | None = None
    rivals: int = 0
    _sites: dict[str, Site] = field(default_factory=dict)
    _numbers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)
    _closing: Event = field(default_factory=Event)

    def around(self, application: Application) -> Application:
        """Stand in front of it."""
        self.inner = application
        return self

    def forget(self) -> None:
        """As at the beginning."""
        with self._lock:
            self.planted, self.met, self.calls, self.conditional = (), Counter(), [], set()
            self.kill, self.killed, self.victim, self.changing = None, None, None, []
            self._sites, self._numbers, self.loses_answers = {}, Counter(), False
            self.rival, self.rivals = None, 0

    @contextmanager
    def acting(self, stage: str) -> Iterator[None]:
        """Whoever calls meanwhile is of this stage."""
        self.stage = stage
        try:
            yield
        finally:
            self.stage = None

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """Puts of a stage take effect, and nobody is told."""
        self.loses_answers = True
        try:
            yield
        finally:
            self.loses_answers = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one HTTP request (WSGI)."""
        is_of_case = self.stage is not None and BYSTANDER not in environ.get("HTTP_USER_AGENT", "")
        call = read_call(environ) if is_of_case else None
        if call is None:
            return self._inner(environ, start_response)
        with self._lock:
            site, fault = self._met(call, environ)
            is_end = self._is_end(site)
        if is_end:
            self._kill(environ)
        respond = self._with(fault, call, environ)
        return respond(environ, start_response)  # type: ignore[no-any-return]  # werkzeug's types are not followed

    def _inner(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.inner is None:
            raise ResetConnectionError
        return self.inner(environ, start_response)

    def _met(self, call: ApiCall, environ: dict[str, Any]) -> tuple[Site, str | None]:
        """The call's site, and the fault that this attempt of it meets."""
        name = environ.get(_CALL) or uuid.uuid4().hex
        is_first = name not in self._sites
        if is_first:
            # Accounts are asked at the same time: which of them met a fault must not be a matter of chance.
            service = call.service if call.account_id == ACCOUNT else f"{call.service}@{call.account_id}"
            key = str(self.stage), service, call.operation
            self._sites[name] = Site(*key, self._numbers[key])
            self._numbers[key] += 1
            self.calls.append(self._sites[name])
        site = self._sites[name]
        if any(condition in environ for condition in _CONDITIONS) and call.operation == "PutObject":
            self.conditional.add(site)
        for plant in self.planted:
            is_there = plant.kind != faults.RIVAL or self.rival is not None
            if plant.site == site and is_there and (is_first or plant.extent == ALWAYS):
                self.met[plant] += 1
                return site, plant.kind
        lost = self.loses_answers and call.operation == "PutObject"
        return site, faults.RESET_AFTER if lost else None

    def _with(self, fault: str | None, call: ApiCall, environ: dict[str, Any]) -> Any:
        if fault == faults.RESET_BEFORE:
            raise ResetConnectionError
        if fault is not None and fault in faults.REFUSED:
            return _refusal(*faults.refusal_of(fault, call.service), call)
        if fault == faults.RIVAL:
            self._race()
        if fault is None:
            return self._inner
        response = Response.from_app(self._inner, environ, buffered=True)
        if fault == faults.RESET_AFTER:
            raise ResetConnectionError
        if fault == faults.WON_BY_ITSELF:
            return _refusal("PreconditionFailed", 412, call)
        if fault == faults.TIMEOUT:
            self._closing.wait(faults.ANSWER_LATE_S)
            raise ResetConnectionError
        if fault in (faults.TRUNCATED, faults.SLOW_BODY):
            return self._half(response, is_slow=fault == faults.SLOW_BODY)
        return response

    def _race(self) -> None:
        """Let the rival do its work first, once."""
        rival, self.rival = self.rival, None
        if rival is not None:
            self.rivals += 1
            rival()

    def _half(self, response: Any, *, is_slow: bool) -> Any:
        """Half of the body, and then the end, or a pause that no client sits through; none of an empty one."""
        body = response.get_data()
        response.headers["Content-Length"] = str(max(len(body), 1))
        response.automatically_set_content_length = False

        def chunks() -> Iterator[bytes]:
            yield body[: len(body) // 2]
            if is_slow:
                self._closing.wait(faults.ANSWER_LATE_S)

        response.response = chunks()
        return response

    def _is_end(self, site: Site) -> bool:
        """Whether the victim's time has come: this is the call that changes something of which a Kill speaks."""
        if not site.changes:
            return False
        self.changing.append(site)
        return self.kill is not None and self.kill.number == len(self.changing) - 1

    def _kill(self, environ: dict[str, Any]) -> None:
        if self.kill is None or self.victim is None:
            raise AssertionError("nobody is there to be killed")
        if self.kill.is_after:
            Response.from_app(self._inner, environ, buffered=True)
        os.kill(self.victim, signal.SIGKILL)
        self.killed = self.changing[-1]
        raise ResetConnectionError


def _refusal(code: str, status: int, call: ApiCall) -> Any:
    return refusal(AwsError(code, "This error was planted.", status), call.protocol, str(uuid.uuid4()))
