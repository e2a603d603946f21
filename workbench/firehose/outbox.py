"""The far end of a delivery stream: what becomes an object, when it is written, and what if it cannot be."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from workbench.firehose.buffers import Buffer, Kind, Part, SealedObject
from workbench.firehose.clock import SimulatedClock
from workbench.firehose.counters import Counters
from workbench.firehose.prefix import Moment, delivery_prefix, error_prefix, object_name
from workbench.firehose.settings import Destination, StreamSettings
from workbench.firehose.stores import ObjectStore, StoreError

RETENTION_MS = 24 * 3600 * 1000  # how long records of a Direct PUT stream are kept while S3 refuses them

Step = tuple[int, Callable[[], None]]  # when (milliseconds since 1970), and what is then to do


@dataclass(slots=True)
class Outbox:
    """One buffer for each kind of object, under the hints of its destination.

    https://docs.aws.amazon.com/firehose/latest/dev/retry.html
    """

    settings: StreamSettings
    store: ObjectStore
    clock: SimulatedClock
    ids: Callable[[], str]
    counters: Counters
    _destinations: dict[Kind, Destination] = field(default_factory=dict)
    _buffers: dict[Kind, Buffer[Part]] = field(default_factory=dict)
    _sealed: list[SealedObject] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._destinations = {kind: self.settings.destination for kind in Kind if kind is not Kind.BACKUP}
        if self.settings.backup is not None:
            self._destinations[Kind.BACKUP] = self.settings.backup
        self._buffers = {kind: Buffer(destination.buffer) for kind, destination in self._destinations.items()}

    @property
    def keeps_source(self) -> bool:
        """Whether untransformed records are backed up."""
        return Kind.BACKUP in self._buffers

    def add(self, kind: Kind, part: Part) -> None:
        """Take a part of the next object of that kind; full buffers are written at once."""
        buffer = self._buffers[kind]
        if not buffer.has_room_for(len(part.data)):
            self._seal(kind)
        buffer.add(part, len(part.data), self.clock.now_ms())
        if buffer.is_full:
            self._seal(kind)

    def steps(self) -> list[Step]:
        """What is to do and when, in no order: buffers whose interval ends, objects to try again."""
        due: list[Step] = [
            (buffer.due_ms, partial(self._seal, kind))
            for kind, buffer in self._buffers.items()
            if buffer.due_ms is not None
        ]
        due.extend((sealed.due_ms, partial(self._write, sealed)) for sealed in self._sealed)
        return due

    def _seal(self, kind: Kind) -> None:
        parts = self._buffers[kind].take()
        sources = tuple(part.source for part in parts)
        oldest_ms = min(source.arrived_at_ms for source in sources)
        delimiter = b"\n" if kind is Kind.DELIVERED and self.settings.processing.append_delimiter else b""
        body = delimiter.join(part.data for part in parts)
        destination = self._destinations[kind]
        sealed = SealedObject(
            kind,
            self._key(kind, destination, Moment(oldest_ms, self.ids)),
            gzip.compress(body, mtime=0) if destination.gzip else body,
            sources,
            due_ms=self.clock.now_ms(),
            expires_ms=oldest_ms + RETENTION_MS,
        )
        self._sealed.append(sealed)
        self._write(sealed)

    def _key(self, kind: Kind, destination: Destination, moment: Moment) -> str:
        prefix = (
            error_prefix(destination.prefix, destination.error_output_prefix, kind.value, moment)
            if kind.is_error
            else delivery_prefix(destination.prefix, moment)
        )
        name = object_name(self.settings.name, self.settings.version_id, moment)
        return prefix + name + (".gz" if destination.gzip else "")

    def _write(self, sealed: SealedObject) -> None:
        metric = "BackupToS3" if sealed.kind is Kind.BACKUP else "DeliveryToS3"
        metrics = self.counters.metrics
        if sealed.due_ms >= sealed.expires_ms:
            self._end(sealed, lost=True)
            return
        try:
            self.store.put(sealed.key, sealed.body)
        except StoreError:
            metrics.add(f"{metric}.Success", 0)
            sealed.due_ms = min(self.clock.now_ms() + self.settings.rules.store_retry_s * 1000, sealed.expires_ms)
            return
        metrics.add(f"{metric}.Success", 1)
        metrics.add(f"{metric}.Records", len(sealed.sources))
        metrics.add(f"{metric}.Bytes", sealed.source_bytes)
        self._end(sealed)

    def _end(self, sealed: SealedObject, *, lost: bool = False) -> None:
        self._sealed.remove(sealed)
        records = self.counters.records
        if sealed.kind is Kind.BACKUP:
            return
        if lost:
            records.lost += len(sealed.sources)
        elif sealed.kind.is_error:
            records.failed += len(sealed.sources)
        else:
            records.delivered += len(sealed.sources)
