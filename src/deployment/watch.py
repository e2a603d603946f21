"""One answer, in time: who works and who watches the clock may both want to give it, the first one does."""

from collections.abc import Callable
from threading import Lock, Timer
from types import TracebackType
from typing import Self

from deployment.answer import Answer, failure
from deployment.errors import DeploymentError
from deployment.request import Request


class Watch:
    """While it is entered, time that runs out is answered with a failure.

    Args:
        seconds: until then `finish` is waited for.
        send: delivers an answer.
        request: what is answered.
    """

    def __init__(self, seconds: float, send: Callable[[Answer], None], request: Request) -> None:
        self._send = send
        self._request = request
        self._given: Answer | None = None
        self._lock = Lock()
        self._timer = Timer(max(seconds, 0.0), self._run_out)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def finish(self, answer: Answer) -> Answer:
        """Deliver ``answer``, unless time ran out before; returns the answer that was given.

        Raises:
            DeploymentError: it could not be delivered.
        """
        with self._lock:
            if self._given is None:
                self._send(answer)
                self._given = answer
            return self._given

    def _run_out(self) -> None:
        # What cannot be delivered here is left to `finish`, which raises.
        try:
            self.finish(failure(self._request, DeploymentError("deployment: out of time; see the function's log")))
        except DeploymentError:
            return
