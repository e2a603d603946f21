"""An enriched table becomes one Parquet object with one conditional put; rejects become one JSON-lines object.

Keys are deterministic, puts carry ``If-None-Match: *``: a retry finds its first attempt's object and leaves it.
S3 user guide, "Conditional writes": 412 means it is there, 409 that another put is under way: try again.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from enricher.payload import Reject
from enricher.schema import STRING

FLOW_LOGS: Final = "flow_logs"
REJECTED: Final = "rejected"
ROWS_PER_GROUP: Final = 1_000_000  # a batch is one row group
# Here hardly a value repeats, or only in runs that a compressor finds: a dictionary and its codes would be larger.
_PLAIN_COLUMNS: Final = ("packets", "bytes", "arrived_at")
# Ports jump between a service's own and one of many: small differences, and again no dictionary.
_DELTA_COLUMNS: Final = ("srcport", "dstport")
_NO_DICTIONARY: Final = frozenset({*_PLAIN_COLUMNS, *_DELTA_COLUMNS})
# Of a few words or numbers the file holds codes of a few bits, in runs. To set a compressor up takes longer than to
# write all that, and makes it hardly smaller.
_FEW_WORDS: Final = 6
_UNCOMPRESSED: Final = ("version", "protocol", "traffic_path", "inventory_age_s")
_WRITE_AT_ONCE: Final = 8_192  # rows: most batches in one go
_ATTEMPTS_ON_CONFLICT: Final = 5
# Where neither a time nor an arrival is known: a partition that is plainly no real one.
_UNDATED: Final = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """Hive partition of a batch, by arrival (UTC): ``aws_region``, ``day`` (YYYY-MM-DD), ``hour`` (00 to 23)."""

    aws_region: str
    day: str
    hour: str

    @classmethod
    def at(cls, aws_region: str, arrived_at_ms: int | None) -> "Partition":
        """The partition of a region and an arrival in Unix milliseconds."""
        moment = datetime.fromtimestamp((arrived_at_ms or _UNDATED) / 1000, UTC)
        return cls(aws_region, f"{moment:%Y-%m-%d}", f"{moment:%H}")

    @property
    def path(self) -> str:
        """``aws_region=…/day=…/hour=…``."""
        return f"aws_region={self.aws_region}/day={self.day}/hour={self.hour}"

    def flow_logs_key(self, batch_id: str) -> str:
        """Key of a batch's Parquet object."""
        return f"{FLOW_LOGS}/{self.path}/{batch_id}.parquet"

    def rejected_key(self, batch_id: str) -> str:
        """Key of the same batch's rejects."""
        return f"{REJECTED}/{self.path}/{batch_id}.jsonl"


class ObjectStore(Protocol):
    """Where objects go: S3, or a directory."""

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Write the object unless the key exists; True if it was written now. Raises what the store raises."""
        ...


class S3Store:
    """Objects of one bucket through a boto3 S3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Put with ``If-None-Match: *``; other failures of S3 raise (the delivery stream then tries again)."""
        for attempt in range(_ATTEMPTS_ON_CONFLICT):
            try:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=bytes(body), IfNoneMatch="*")
            except self._client.exceptions.ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if code in ("PreconditionFailed", "412"):
                    return False
                if code not in ("ConditionalRequestConflict", "409") or attempt == _ATTEMPTS_ON_CONFLICT - 1:
                    raise
            else:
                return True
        raise AssertionError  # the last attempt returned or raised


def to_parquet(rows: pa.Table) -> Any:
    """The object's bytes (a buffer): zstd, plain strings for readers, dictionaries only inside the file."""
    sink = pa.BufferOutputStream()
    dictionaries: list[str] = []
    compressed: list[str] = []
    columns: list[Any] = []
    nothing = pa.nulls(rows.num_rows, STRING)
    for name, column in zip(rows.column_names, rows.itercolumns(), strict=True):
        if column.null_count == rows.num_rows:  # nor does the file need a dictionary of nothing
            columns.append(nothing if isinstance(column.type, pa.DictionaryType) else column)
            continue
        columns.append(column)
        leaves = _leaves(name, column.type)
        if name not in _NO_DICTIONARY:
            dictionaries += leaves
        if not _is_small(name, column):
            compressed += leaves
    pq.write_table(
        pa.Table.from_arrays(columns, rows.column_names),
        sink,
        compression=dict.fromkeys(compressed, "zstd"),  # what is not named is not compressed
        use_dictionary=dictionaries,
        column_encoding=dict.fromkeys(_DELTA_COLUMNS, "DELTA_BINARY_PACKED"),
        store_schema=False,
        row_group_size=ROWS_PER_GROUP,
        write_batch_size=_WRITE_AT_ONCE,
        # Objects are found by partition; within one, only time can exclude a row group.
        write_statistics=["start", "end"],
    )
    return sink.getvalue()


def _is_small(name: str, column: Any) -> bool:
    """Whether there is nothing to compress: few words, few numbers."""
    is_coded = isinstance(column.type, pa.DictionaryType)
    return name in _UNCOMPRESSED or (is_coded and len(column.chunk(0).dictionary) <= _FEW_WORDS)


def _leaves(name: str, kind: Any) -> tuple[str, ...]:
    """The Parquet paths of a column: its name, for a map its keys and values."""
    return (f"{name}.key_value.key", f"{name}.key_value.value") if isinstance(kind, pa.MapType) else (name,)


def to_error_objects(rejects: Iterable[Reject], arrived_at: Sequence[int | None]) -> bytes:
    """Rejects in the shape of Firehose's own error objects, with our reason as error code; JSON lines.

    Firehose developer guide, "Data transformation failure handling".
    """
    lines = [
        json.dumps(
            {
                "rawData": base64.b64encode(reject.line).decode(),
                "errorCode": f"Enricher.{reject.reason}",
                "errorMessage": f"the line cannot be read: {reject.reason}",
                "attemptsMade": 1,
                "arrivalTimestamp": arrived_at[reject.ordinal],
            }
        )
        for reject in rejects
    ]
    return "".join(line + "\n" for line in lines).encode()
