"""A simulated Amazon Data Firehose delivery stream, for the demo and the tests.

In the order a record travels: ``stream`` (accept, buffer), ``source`` (decompress, extract), ``transform`` (invoke,
try again), ``answers`` (what the response means), ``error_objects``, ``outbox`` and ``buffers`` (objects, when),
``prefix`` (their keys), ``stores`` (their place). ``settings`` and ``configuration`` say how.
"""

from workbench.firehose.clock import SimulatedClock, uuid_ids
from workbench.firehose.configuration import stream_settings
from workbench.firehose.counters import Counters, Metrics, RecordCounts, Statistics
from workbench.firehose.settings import (
    Blame,
    BufferHints,
    Destination,
    ErrorSpelling,
    LambdaProcessor,
    Processing,
    Rules,
    StreamSettings,
)
from workbench.firehose.stores import DirectoryStore, MemoryStore, ObjectStore, S3Store, StoreError
from workbench.firehose.stream import DeliveryStream
from workbench.firehose.transform import Function, InvocationRefusedError

__all__ = [
    "Blame",
    "BufferHints",
    "Counters",
    "DeliveryStream",
    "Destination",
    "DirectoryStore",
    "ErrorSpelling",
    "Function",
    "InvocationRefusedError",
    "LambdaProcessor",
    "MemoryStore",
    "Metrics",
    "ObjectStore",
    "Processing",
    "RecordCounts",
    "Rules",
    "S3Store",
    "SimulatedClock",
    "Statistics",
    "StoreError",
    "StreamSettings",
    "stream_settings",
    "uuid_ids",
]
