"""A simulated Amazon Data Firehose delivery stream: Direct PUT → Lambda transformation → S3.

It follows AWS's documentation and, where that is silent, what others captured on AWS. What it does not play: batches
run one after the other; retries follow at once; records keep their order; nothing is delivered twice; there are
neither throughput quotas nor permissions.

https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from workbench.envelopes import DeliveryRecord
from workbench.firehose.answers import Dropped, Failed, Outcome, Transformed
from workbench.firehose.buffers import Buffer, Kind, Part
from workbench.firehose.clock import SimulatedClock
from workbench.firehose.counters import Counters
from workbench.firehose.error_objects import Attempts, error_line
from workbench.firehose.outbox import Outbox, Step
from workbench.firehose.settings import BufferHints, StreamSettings
from workbench.firehose.source import prepare
from workbench.firehose.stores import ObjectStore
from workbench.firehose.transform import Function, Transformation

MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 4_194_304
MAX_RECORD_BYTES = 1_024_000


class DeliveryStream:
    """One delivery stream and what it counts.

    Time passes only where the clock is moved: by ``advance`` and ``drain``, or by whoever shares the clock.
    ``put_record_batch``, ``advance`` and ``drain`` do what has become due, in the order of its time.
    """

    def __init__(
        self,
        settings: StreamSettings,
        function: Function,
        object_store: ObjectStore,
        clock: SimulatedClock,
        ids: Callable[[], str],
    ) -> None:
        """Make an empty stream.

        Args:
            settings: of the stream.
            function: the transformation Lambda, see ``Transformation``; not called where the settings name none.
            object_store: the destination's bucket, and the backup's.
            clock: the simulated time.
            ids: a fresh id of at least 11 characters at each call, for records, invocations and objects.
        """
        self.counters = Counters()
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._outbox = Outbox(settings, object_store, clock, ids, self.counters)
        self._transformation: Transformation | None = None
        waiting = BufferHints(0, 0)  # without a function, records wait at the destination only
        if (processor := settings.processing.function) is not None:
            self._transformation = Transformation(settings, processor, function, clock, ids, self.counters.metrics)
            waiting = processor.buffer
        self._intake: Buffer[DeliveryRecord] = Buffer(waiting)

    def put_record_batch(self, records: Sequence[bytes], *, from_cloudwatch_logs: bool = False) -> dict[str, Any]:
        """Accept records, all or none.

        Args:
            records: 1 to 500, of at most 1,000 KiB each and 4 MiB together.
            from_cloudwatch_logs: whether CloudWatch Logs puts them; with decompression on, nobody else may.

        Returns:
            What the API answers: ``FailedPutCount``, ``Encrypted``, ``RequestResponses`` with a ``RecordId`` each
            (not the id that the Lambda sees).

        Raises:
            ClientError: as boto3 raises it, if a bound is passed or the source is not allowed.
        """
        self._check(records, from_cloudwatch_logs=from_cloudwatch_logs)
        self._run_due(self._clock.now_ms())
        arrived_at_ms = self._clock.now_ms()
        self.counters.metrics.add("IncomingRecords", len(records))
        self.counters.metrics.add("IncomingBytes", sum(map(len, records)))
        self.counters.records.put += len(records)
        for data in records:
            self._admit(DeliveryRecord(self._ids(), data, arrived_at_ms))
        self._run_due(self._clock.now_ms())
        return {
            "FailedPutCount": 0,
            "Encrypted": False,
            "RequestResponses": [{"RecordId": self._ids()} for _ in records],
        }

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass, doing what becomes due at its own time."""
        until_ms = self._clock.now_ms() + round(seconds * 1000)
        self._run_due(until_ms)
        self._clock.move_to(until_ms)

    def drain(self) -> None:
        """Let time pass until no record is on its way: the longest waits of the settings, a day if S3 refuses."""
        while (step := self._next_step()) is not None:
            self._run(step)

    def _run_due(self, until_ms: int) -> None:
        while (step := self._next_step()) is not None and step[0] <= until_ms:
            self._run(step)

    def _run(self, step: Step) -> None:
        self._clock.move_to(step[0])
        step[1]()

    def _next_step(self) -> Step | None:
        steps = self._outbox.steps()
        if self._intake.due_ms is not None:
            steps.append((self._intake.due_ms, self._empty_intake))
        return min(steps, key=lambda step: step[0], default=None)

    def _admit(self, record: DeliveryRecord) -> None:
        if not self._intake.has_room_for(len(record.data)):
            self._empty_intake()
        self._intake.add(record, len(record.data), self._clock.now_ms())
        if self._intake.is_full:
            self._empty_intake()

    def _empty_intake(self) -> None:
        """Decompress, extract, transform: each record goes out exactly once, and to the backup besides."""
        ready, sources = [], []
        for record in self._intake.take():
            if self._outbox.keeps_source:
                self._outbox.add(Kind.BACKUP, Part(record.data, record))
            prepared = prepare(record.data, self._settings.processing)
            if isinstance(prepared, Failed):
                attempts = Attempts(1, self._clock.now_ms(), None)
                self._fail(Kind.DECOMPRESSION_FAILED, record, prepared, attempts)
            else:
                ready.append(record if prepared is record.data else replace(record, data=prepared))
                sources.append(record)
        if ready:
            self._deliver(ready, sources)

    def _deliver(self, ready: Sequence[DeliveryRecord], sources: Sequence[DeliveryRecord]) -> None:
        if self._transformation is None:
            for record, source in zip(ready, sources, strict=True):
                self._outbox.add(Kind.DELIVERED, Part(record.data, source))
            return
        outcomes, attempts = self._transformation.run(ready)
        transformed = [
            len(source.data)
            for source, outcome in zip(sources, outcomes, strict=True)
            if isinstance(outcome, Transformed)
        ]
        self.counters.metrics.add("SucceedProcessing.Records", len(transformed))
        self.counters.metrics.add("SucceedProcessing.Bytes", sum(transformed))
        for source, outcome in zip(sources, outcomes, strict=True):
            self._end(source, outcome, attempts)

    def _end(self, source: DeliveryRecord, outcome: Outcome, attempts: Attempts) -> None:
        match outcome:
            case Transformed(data):
                self._outbox.add(Kind.DELIVERED, Part(data, source))
            case Dropped():
                self.counters.records.dropped += 1
            case failed:
                self._fail(Kind.PROCESSING_FAILED, source, failed, attempts)

    def _fail(self, kind: Kind, source: DeliveryRecord, failed: Failed, attempts: Attempts) -> None:
        line = error_line(source, failed, attempts, self._settings.rules.error_spelling)
        self._outbox.add(kind, Part(line, source))

    def _check(self, records: Sequence[bytes], *, from_cloudwatch_logs: bool) -> None:
        if not 1 <= len(records) <= MAX_BATCH_RECORDS:
            raise _refusal("ValidationException", f"Records must contain 1 to 500 entries, not {len(records)}.")
        for index, data in enumerate(records):
            if len(data) > MAX_RECORD_BYTES:
                size = f"Record {index} has {len(data)} bytes"
                raise _refusal("ValidationException", f"{size}: at most {MAX_RECORD_BYTES} are allowed.")
        if (total := sum(map(len, records))) > MAX_BATCH_BYTES:
            size = f"The records have {total} bytes together"
            raise _refusal("InvalidArgumentException", f"{size}: at most {MAX_BATCH_BYTES} are allowed.")
        if self._settings.processing.decompression and not from_cloudwatch_logs:
            message = f"Put to {self._settings.name} failed: the request does not originate from CloudWatch Logs."
            raise _refusal("InvalidSourceException", message)


def _refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutRecordBatch")
