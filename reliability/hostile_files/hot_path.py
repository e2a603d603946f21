"""The function beside an inventory that turns hostile: rows must stay, and nobody be named who was not there.

The truth is an estate of two machines. A batch is enriched twice: by an environment that had a good inventory before
(warm), and by one that never had (cold).
"""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from enricher.errors import EnricherError
from enricher.handler import Environment
from enricher.inventory_documents import tables_of
from enricher.pointer import Pointer
from enricher.published import Place
from enricher.settings import Settings
from enricher.snapshot import to_snapshot
from reliability.fuzz.function import INVENTORY, LAKE, NOW, REGION, STREAM, estate
from reliability.hostile_files.case import BELIEVED, REFUSED, TAKEN, Case
from reliability.memory_s3 import MemoryS3
from workbench.envelopes import event, message_record

ACCOUNT: Final = "111122223333"
PART: Final = f"{ACCOUNT}/{REGION}"
PLACE: Final = Place(INVENTORY, "estate/pointer.json", ACCOUNT)
LOG_FORMAT: Final = (
    "${version} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${vpc-id} ${flow-direction} ${pkt-srcaddr}"
)
SECONDS: Final = 5.0  # that a case may take, both batches
_ARRIVED_MS: Final = 1_794_996_300_000
_START: Final = 1_794_996_000
_LONGEST: Final = 2_000  # of a line that people read; S3's keys alone may have 1,024 bytes
_LATER_S: Final = 61  # past the soft TTL: what is published is looked at again
# Address → who it is in truth; the third is nobody.
TRUTH: Final[Mapping[str, Mapping[str, str]]] = {
    f"10.0.{number}.5": {
        "interface_id": f"eni-{number:017x}",
        "instance_id": f"i-{number:017x}",
        "project": project,
        "vpc_id": "vpc-0a",
        "subnet_id": "subnet-0a",
        "az_id": "euw1-az1",
    }
    for number, project in ((1, "payments"), (2, "search"))
}
_PLACE_COLUMNS: Final = frozenset({"vpc_id", "subnet_id", "az_id"})  # of the subnet; an address of nobody lies there
_NOBODY: Final = ("10.0.9.9", "10.77.0.1", "203.0.113.9", "2001:db8::9")
_PAIRS: Final = [
    (one, other)
    for one in TRUTH
    for other in (*TRUTH, *_NOBODY)
    if one != other
]  # fmt: skip


class OwnedS3(MemoryS3):
    """S3 whose buckets have owners: whoever expects another is refused."""

    def __init__(self, owner: str = ACCOUNT) -> None:
        super().__init__()
        self.owner = owner

    def get_object(self, **told: Any) -> dict[str, Any]:
        """See MemoryS3."""
        expected = told.pop("ExpectedBucketOwner", self.owner)
        if expected != self.owner:
            answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, "GetObject")
        return super().get_object(**told)


def published(documents: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """A good inventory as it lies in the bucket: a pointer and its snapshot."""
    told = documents or estate("payments", "search")
    tables = tables_of(told, observed_at=NOW - 60, ended_at=NOW - 30, part=PART)
    body = bytes(to_snapshot(tables))
    key = PLACE.snapshot_key(tables.observed_at, body)
    return {PLACE.key: Pointer(key, tables.observed_at, tables.parts).to_json(), key: body}


def lines() -> list[str]:
    """The batch: each machine to the other and to nobody, as the sender records it."""
    told = []
    for source, target in _PAIRS:
        interface = TRUTH[source]["interface_id"]
        told.append(f"5 {interface} {source} {target} {_START} {_START + 60} vpc-0a egress {source}")
    return told


def batch(number: int) -> dict[str, Any]:
    """The event that carries it."""
    payloads = [message_record(line) for line in lines()]
    return event(payloads, STREAM, REGION, f"{number}", first_arrival_ms=_ARRIVED_MS + number)


class Reader:
    """An environment with its bucket, log and clock."""

    def __init__(self, good: Mapping[str, bytes], *, environ: Mapping[str, str] | None = None) -> None:
        self.s3 = OwnedS3()
        for key, body in good.items():
            self.s3.put_object(Bucket=INVENTORY, Key=key, Body=body)
        self.now = NOW
        self.warned: list[str] = []
        settings = {
            "LAKE_BUCKET": LAKE,
            "LOG_FORMAT": LOG_FORMAT,
            "INVENTORY_URI": PLACE.uri,
            "INVENTORY_OWNER": ACCOUNT,
            "EC2_LOOKUPS": "off",
        }
        self._settings = Settings.from_environ(settings | dict(environ or {}))
        self.restart()

    def restart(self) -> None:
        """A cold start."""
        self.environment = Environment(self._settings, lambda: self.now, {"s3": self.s3}, warn=self.warned.append)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """The rows that a batch becomes; it raises what the function raises."""
        self.environment.handle(batch(number), 300.0)
        bodies = [body for key, body in self.s3.take(LAKE).items() if key.startswith("flow_logs/")]
        return [row for body in bodies for row in pq.ParquetFile(io.BytesIO(body)).read().to_pylist()]

    def turn(self, case: Case) -> None:
        """What the case says happens to the bucket."""
        self.s3.owner = case.owner or self.s3.owner
        for key, body in case.objects.items():
            self.s3.objects.pop((INVENTORY, key), None)
            if body is not None:
                self.s3.put_object(Bucket=INVENTORY, Key=key, Body=body)


class HotPath:
    """Judges cases. ``good``: the inventory that was there before. ``reader``: whom it judges."""

    def __init__(self, reader: Callable[[Mapping[str, bytes]], Reader] = Reader) -> None:
        self._reader = reader
        self.good = published()
        self._before = _sides(Reader(self.good).rows(0))

    def findings(self, case: Case, *, is_cold_too: bool = True) -> Iterator[str]:
        """What is wrong, in words; nothing where all is as it must be."""
        begun = time.monotonic()
        for is_warm in (True, False) if is_cold_too else (True,):
            for finding in self._findings(case, is_warm=is_warm):
                yield f"{case.kind}, {'warm' if is_warm else 'cold'}: {finding}"
        if time.monotonic() - begun > SECONDS:
            yield f"{case.kind}: took {time.monotonic() - begun:.1f} s"

    def _findings(self, case: Case, *, is_warm: bool) -> Iterator[str]:
        reader = self._reader(self.good)
        if is_warm:
            reader.rows(0)
            reader.now += _LATER_S
        reader.turn(case)
        try:
            rows = reader.rows(1)
        except EnricherError as error:
            yield f"the batch was not written: {error}"
            return
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            yield f"the function ended in {type(error).__name__}: {error}"
            return
        yield from lost(rows)
        if case.must != BELIEVED:
            yield from wrong_names(rows)
        yield from _refusal(case, reader.warned)
        if reader.warned and is_warm and _sides(rows) != self._before:
            yield "what was known before is known no more"


def _refusal(case: Case, warned: list[str]) -> Iterator[str]:
    if case.must == REFUSED and not warned:
        yield "was not refused"
    if case.must == TAKEN and warned:
        yield f"was refused: {warned[0]}"
    for line in warned:
        if not line.isprintable() or len(line) > _LONGEST:
            yield f"the refusal is no short printable line: {line[:200]!r}"


def lost(rows: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the number of rows of a batch, or with which they are."""
    told = sorted((line.split()[2], line.split()[3]) for line in lines())
    found = sorted((row["srcaddr"], row["dstaddr"]) for row in rows)
    if told != found:
        yield f"{len(rows)} rows of {len(told)} lines"


def wrong_names(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Sides that are named otherwise than they are in truth; what nobody names is not wrong."""
    for row in rows:
        for side in ("src", "dst"):
            address = row[f"{side}addr"]
            truth = TRUTH.get(address, {})
            for column in next(iter(TRUTH.values())):
                is_in_subnet = column in _PLACE_COLUMNS and address.startswith("10.0.")
                true = TRUTH["10.0.1.5"][column] if is_in_subnet else truth.get(column)
                if row[f"{side}_{column}"] not in (None, true):
                    yield f"{address} is named {column} {row[f'{side}_{column}']!r}, and is {true!r}"


def _sides(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    columns = [f"{side}_{name}" for side in ("src", "dst") for name in next(iter(TRUTH.values()))]
    return sorted((row["srcaddr"], row["dstaddr"], *(str(row[name]) for name in columns)) for row in rows)
