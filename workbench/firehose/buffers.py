"""Records that wait, and objects that wait to be written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from workbench.envelopes import DeliveryRecord
from workbench.firehose.settings import BufferHints

Item = TypeVar("Item")


class Kind(Enum):
    """Why an object is written; the value of the error kinds is Firehose's ``error-output-type``."""

    DELIVERED = "delivered"
    PROCESSING_FAILED = "processing-failed"
    DECOMPRESSION_FAILED = "decompression-failed"
    BACKUP = "backup"

    @property
    def is_error(self) -> bool:
        """Whether it goes under ``ErrorOutputPrefix``."""
        return self in {Kind.PROCESSING_FAILED, Kind.DECOMPRESSION_FAILED}


@dataclass(slots=True)
class Buffer(Generic[Item]):
    """Items in order of arrival, until their sizes or the wait since the first reach the hints."""

    hints: BufferHints
    items: list[Item] = field(default_factory=list)
    size_bytes: int = 0
    due_ms: int | None = None

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether one more item of that size stays within the size hint; an empty buffer takes any."""
        return not self.items or self.size_bytes + size_bytes <= self.hints.size_bytes

    @property
    def is_full(self) -> bool:
        """Whether the size hint is reached."""
        return self.size_bytes >= self.hints.size_bytes

    def add(self, item: Item, size_bytes: int, now_ms: int) -> None:
        """Append; the first item starts the interval."""
        if self.due_ms is None:
            self.due_ms = now_ms + self.hints.interval_s * 1000
        self.items.append(item)
        self.size_bytes += size_bytes

    def take(self) -> list[Item]:
        """Everything in it; the buffer is empty afterwards."""
        items, self.items, self.size_bytes, self.due_ms = self.items, [], 0, None
        return items


@dataclass(frozen=True, slots=True)
class Part:
    """What one record contributes to an object: these bytes; ``source`` is the record as it was put."""

    data: bytes
    source: DeliveryRecord


@dataclass(slots=True)
class SealedObject:
    """An object whose key and bytes are settled, tried at ``due_ms`` and given up at ``expires_ms``."""

    kind: Kind
    key: str
    body: bytes
    sources: Sequence[DeliveryRecord]
    due_ms: int
    expires_ms: int

    @property
    def source_bytes(self) -> int:
        """Size of the records as they were put: this is what the delivery metrics count."""
        return sum(len(source.data) for source in self.sources)
