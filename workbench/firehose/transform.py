"""Invoking the transformation Lambda with a batch, as often as Firehose would."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.envelopes import DeliveryRecord, transformation_event
from workbench.firehose.answers import FUNCTION_ERROR, Failed, Outcome, read_answers
from workbench.firehose.clock import SimulatedClock
from workbench.firehose.counters import Metrics
from workbench.firehose.error_objects import Attempts
from workbench.firehose.settings import LambdaProcessor, StreamSettings

Function = Callable[[dict[str, Any]], object]

_LOG = logging.getLogger(__name__)


class InvocationRefusedError(Exception):
    """Lambda did not run the function; raised by a stand-in to play throttling or a missing permission.

    ``code`` and ``message`` go into the error objects, such as ``Lambda.InvokeLimitExceeded``:
    https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Transformation:
    """The Lambda stage of one delivery stream.

    ``function`` is called like a Python handler: with the event, a fresh copy each time, and what it returns is the
    response; ``bytes`` stand for the raw payload that a custom runtime would post. What it raises, ``TimeoutError``
    included, is a function error; so are a response that JSON cannot hold, and one that takes longer than the limit
    on the simulated clock.
    """

    settings: StreamSettings
    processor: LambdaProcessor
    function: Function
    clock: SimulatedClock
    ids: Callable[[], str]
    metrics: Metrics

    def run(self, records: Sequence[DeliveryRecord]) -> tuple[list[Outcome], Attempts]:
        """Invoke with the same records until the function returns a response, 1 + retries times at most.

        Returns:
            One outcome for each record, in order, and what was tried. A response counts, however badly shaped.
        """
        last = FUNCTION_ERROR
        for made in range(1, self.processor.retries + 2):
            payload = self._invoke(records)
            if not isinstance(payload, Failed):
                outcomes = read_answers(payload, [record.record_id for record in records], self.settings.rules)
                return outcomes, self._attempts(made)
            last = payload
            _LOG.warning("%s: attempt %d failed: %s", self.settings.name, made, last.code)
        return [last for _ in records], self._attempts(self.processor.retries + 1)

    def _attempts(self, made: int) -> Attempts:
        return Attempts(made, self.clock.now_ms(), self.processor.arn)

    def _invoke(self, records: Sequence[DeliveryRecord]) -> bytes | Failed:
        event = transformation_event(records, self.settings.arn, self.settings.region, self.ids())
        request = json.dumps(event, separators=(",", ":")).encode()
        started_ms = self.clock.now_ms()
        answer = self._answer(request)
        duration_ms = self.clock.now_ms() - started_ms
        if duration_ms > self.settings.rules.invocation_limit_s * 1000:
            answer = FUNCTION_ERROR
        self.metrics.add("ExecuteProcessing.Duration", duration_ms)
        self.metrics.add("ExecuteProcessing.Success", 0 if isinstance(answer, Failed) else 1)
        return answer

    def _answer(self, request: bytes) -> bytes | Failed:
        limit = self.settings.rules.payload_limit_bytes
        if len(request) > limit:
            return FUNCTION_ERROR
        try:
            response = self.function(json.loads(request))
            payload = response if isinstance(response, bytes) else json.dumps(response, ensure_ascii=False).encode()
        except InvocationRefusedError as refused:
            return Failed(refused.code, refused.message)
        except Exception:  # noqa: BLE001 - to Firehose, whatever a function raises is a function error
            _LOG.warning("%s: the function failed", self.settings.name, exc_info=True)
            return FUNCTION_ERROR
        return FUNCTION_ERROR if len(payload) > limit else payload
