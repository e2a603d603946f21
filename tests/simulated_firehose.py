"""What the tests of the Firehose simulator share: a stream on a still clock, and functions that answer by script."""

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workbench.firehose import (
    BufferHints,
    DeliveryStream,
    Destination,
    Function,
    LambdaProcessor,
    MemoryStore,
    ObjectStore,
    Processing,
    Rules,
    SimulatedClock,
    StoreError,
    StreamSettings,
)

START_MS = 1_763_600_000_000  # 2025-11-20 00:53:20 UTC
MIB = 1024 * 1024
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:enrich"
PROCESSOR = LambdaProcessor(FUNCTION_ARN)
DESTINATION = Destination("delivered/", "errors/!{firehose:error-output-type}/")
BACKUP = Destination("source/")


@dataclass
class Bench:
    """A stream and everything around it; ``events`` are those that its function got, in order."""

    stream: DeliveryStream
    store: ObjectStore
    clock: SimulatedClock
    events: list[dict[str, Any]] = field(default_factory=list)

    def put_and_drain(self, *records: bytes) -> None:
        """Put the records in one call and wait until each has ended."""
        self.stream.put_record_batch(records)
        self.stream.drain()

    def bodies(self, prefix: str) -> list[bytes]:
        """The objects below a prefix, by key."""
        return [body for _, body in self.store.objects(prefix)]

    def error_lines(self) -> list[dict[str, Any]]:
        """The members of all error objects."""
        return [json.loads(line) for body in self.bodies("errors/") for line in body.splitlines()]


def make_bench(  # noqa: PLR0913 - one keyword for each thing a test may vary
    function: Function,
    *,
    processor: LambdaProcessor | None = PROCESSOR,
    destination: Destination = DESTINATION,
    backup: Destination | None = None,
    rules: Rules | None = None,
    clock: SimulatedClock | None = None,
    store: ObjectStore | None = None,
    processing: Processing | None = None,
) -> Bench:
    """A stream called flow-logs that starts at ``START_MS``."""
    clock, store = clock or SimulatedClock(START_MS), store or MemoryStore()
    events: list[dict[str, Any]] = []

    def recording(event: dict[str, Any]) -> object:
        events.append(json.loads(json.dumps(event)))
        return function(event)

    settings = StreamSettings(
        "flow-logs",
        "123456789012",
        "eu-west-1",
        destination=destination,
        processing=processing or Processing(function=processor),
        backup=backup,
        rules=rules or Rules(),
    )
    numbers = itertools.count()
    stream = DeliveryStream(settings, recording, store, clock, lambda: f"id-{next(numbers):08d}")
    return Bench(stream, store, clock, events)


def hints(size_mib: float, interval_s: int) -> BufferHints:
    """Buffer hints as AWS words them."""
    return BufferHints(round(size_mib * MIB), interval_s)


def b64(data: bytes) -> str:
    """The bytes as an event carries them."""
    return base64.b64encode(data).decode()


def payload_of(record: dict[str, Any]) -> bytes:
    """The bytes that a record of an event carries."""
    return base64.b64decode(record["data"])


def answering(entries_of: Callable[[bytes], list[dict[str, Any]]]) -> Function:
    """A function that gives the entries made of each payload, with the record's id unless they bring their own."""

    def function(event: dict[str, Any]) -> object:
        return {
            "records": [
                {"recordId": record["recordId"]} | entry
                for record in event["records"]
                for entry in entries_of(payload_of(record))
            ]
        }

    return function


def ok(data: bytes) -> dict[str, Any]:
    """An entry that delivers these bytes."""
    return {"result": "Ok", "data": b64(data)}


DROPPED = {"result": "Dropped", "data": ""}
FAILED = {"result": "ProcessingFailed", "data": ""}


def shouting(event: dict[str, Any]) -> object:
    """A well-behaved function: every record in upper case."""
    return answering(lambda payload: [ok(payload.upper())])(event)


def dropping(event: dict[str, Any]) -> object:
    """A well-behaved function that keeps its output to itself."""
    return answering(lambda _: [DROPPED])(event)


def broken(_: dict[str, Any]) -> object:
    """A function that always fails."""
    raise RuntimeError("out of order")


def fails_then(times: int, function: Function) -> Function:
    """A function that fails so many times first."""
    left = [times]

    def flaky(event: dict[str, Any]) -> object:
        if left[0]:
            left[0] -= 1
            return broken(event)
        return function(event)

    return flaky


class RefusingStore(MemoryStore):
    """A bucket that refuses the first so many writes, and keeps the keys of all that were tried."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals
        self.tried: list[str] = []

    def put(self, key: str, body: bytes) -> None:
        """Write the object, or refuse as a bucket does that is not there."""
        self.tried.append(key)
        if len(self.tried) <= self.refusals:
            msg = "no such bucket"
            raise StoreError(msg)
        super().put(key, body)
