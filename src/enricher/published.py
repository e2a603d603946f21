"""The inventory as it is published in S3: a snapshot object that never changes, and the pointer that names it.

Readers ask for the pointer alone, by its ETag. Writers put a new snapshot under a key of its own and then replace the
pointer, if it is still the one they started from: two refreshers cannot lose each other's work, and nobody reads half.
S3 user guide, "Conditional requests"; S3 API reference, GetObject and PutObject (304, 404, 409, 412).
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cache import LoadError, New, NotThere, Unchanged
from enricher.errors import InventoryError
from enricher.inventory import InventoryTables
from enricher.lake import S3Store
from enricher.pointer import LARGEST_POINTER, Pointer
from enricher.snapshot import from_snapshot, to_snapshot

SNAPSHOTS: Final = "snapshots/"  # beside the pointer
ATTEMPTS: Final = 5  # how often a refresher that loses the race merges again
_PARQUET: Final = b"PAR1"
_LARGEST_SNAPSHOT: Final = 512 * 1024 * 1024  # bytes; 200,000 interfaces with 4 tags take some 15 MB
_UNCHANGED: Final = frozenset({"304", "NotModified"})
_NOT_THERE: Final = frozenset({"NoSuchKey", "404"})
_LOST: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409", *_NOT_THERE})


@dataclass(frozen=True, slots=True)
class Published:
    """What is published: the pointer, None where INVENTORY_URI names a bare snapshot; and what it points to."""

    pointer: Pointer | None
    tables: InventoryTables


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pointer tells beside the inventory; None where it could not be learnt: what was known is kept.

    ``is_partial``: somebody could not be asked, so what was known stands beside it.
    """

    log_formats: tuple[str, ...] | None = None
    tag_keys: Mapping[str, str] | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """What ``publish`` wrote: the pointer, the snapshot's size in bytes, and how often it had to merge.

    ``begun_anew``: why the history that was published could not be gone on with; None where it could.
    """

    pointer: Pointer
    snapshot_bytes: int
    merges: int
    begun_anew: str | None = None


class _Current(NamedTuple):
    """What a writer finds: the pointer's ETag (None: there is none), what can be read of it, and what is refused."""

    token: str | None = None
    pointer: Pointer | None = None
    tables: InventoryTables | None = None
    refused: str | None = None


class Place(NamedTuple):
    """Where a pointer lies, and the account that must own the bucket (None: any)."""

    bucket: str
    key: str
    owner: str | None = None

    @classmethod
    def of(cls, uri: str, owner: str | None = None) -> "Place":
        """From ``s3://bucket/key``."""
        parts = urlsplit(uri)
        return cls(parts.netloc, parts.path.lstrip("/"), owner)

    @property
    def uri(self) -> str:
        """``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def snapshots(self) -> str:
        """With which the keys of all snapshots begin."""
        return f"{self.key.rpartition('/')[0]}/{SNAPSHOTS}".lstrip("/")

    def snapshot_key(self, observed_at: float | None, body: Any) -> str:
        """The key of a snapshot: when it was true, to be read by people, and the hash of its bytes."""
        moment = "undated" if observed_at is None else f"{datetime.fromtimestamp(observed_at, UTC):%Y%m%dT%H%M%SZ}"
        return f"{self.snapshots}{moment}-{_digest(body)}.parquet"


def read(s3: Any, place: Place, held: New[Any] | None = None) -> New[Published] | Unchanged | NotThere:
    """What is published now; Unchanged where the pointer is still the one with ``held``'s token.

    Raises:
        LoadError: S3 could not be asked, or what it holds is refused: keep what you have.
    """
    failures = _failures()
    try:
        return _read(s3, place, None if held is None else held.token)
    except InventoryError as error:
        raise LoadError(str(error)) from error
    except failures as error:
        raise LoadError(f"inventory {place.uri}: {_code(error)}; nothing was learnt, what is known is kept") from error


def publish(
    s3: Any,
    place: Place,
    merge_again: Callable[[InventoryTables | None], InventoryTables],
    facts: Facts = Facts(),
) -> Publication:
    """Put a snapshot and make the pointer name it, unless somebody else was faster: then merge onto theirs.

    A crash between the two puts leaves the old state, and an object that nobody names. What is published and cannot
    be read (another version after an upgrade or a rollback, damaged, not there) is replaced by a new history:
    otherwise the inventory would grow old until somebody looked.

    Args:
        s3: a boto3 S3 client.
        place: of the pointer.
        merge_again: is given what is published (None: nothing yet), answers what shall be. Called for every attempt.
        facts: what the pointer tells beside it.

    Raises:
        InventoryError: something else lies where the pointer should, or others were faster every time. Nothing was
            replaced.
        Exception: whatever S3 raises. Whether the pointer was replaced is then not known.
    """
    for merges in range(1, ATTEMPTS + 1):
        current = _current(s3, place)
        tables = merge_again(current.tables)
        body = bytes(to_snapshot(tables))
        key = place.snapshot_key(tables.observed_at, body)
        S3Store(s3, place.bucket).put_if_absent(key, body)
        pointer = _pointer(key, tables, facts, current.pointer)
        if _replaced(s3, place, pointer, current.token):
            return Publication(pointer, len(body), merges, current.refused)
    raise InventoryError(
        f"pointer {place.uri}: was replaced by others in each of {ATTEMPTS} attempts; let fewer refreshers write it"
    )


def _pointer(key: str, tables: InventoryTables, facts: Facts, before: Pointer | None) -> Pointer:
    pointer = Pointer(key, tables.observed_at, tables.parts)
    known = pointer if before is None else before
    formats, tag_keys = facts.log_formats, facts.tag_keys
    if facts.is_partial:
        formats = tuple(sorted({*known.log_formats, *(formats or ())}))
        tag_keys = {**known.tag_keys, **(tag_keys or {})}
    return replace(
        pointer,
        log_formats=known.log_formats if formats is None else formats,
        tag_keys=known.tag_keys if tag_keys is None else tag_keys,
    )


def _current(s3: Any, place: Place) -> _Current:
    """What is published, for a writer; raises InventoryError where something else lies in the pointer's place."""
    found = _get(s3, place, place.key)
    if found is None:
        return _Current()
    body, token = found
    if body.startswith(_PARQUET):
        raise InventoryError(f"pointer {place.uri}: is a snapshot itself; give the pointer a key of its own")
    pointer = None
    try:
        pointer = Pointer.from_json(body, place.uri, place.snapshots)
        snapshot = _get(s3, place, pointer.snapshot)
        if snapshot is None:
            return _Current(token, pointer, None, f"snapshot {pointer.snapshot}: is not there")
        return _Current(token, pointer, _opened(snapshot[0], place, pointer.snapshot))
    except InventoryError as error:
        if not Pointer.is_one(body):
            raise
        return _Current(token, pointer, None, str(error))


def _replaced(s3: Any, place: Place, pointer: Pointer, token: str | None) -> bool:
    """Put the pointer if it is still the one with ``token`` (None: none is there); False where it is not."""
    condition = {"IfNoneMatch": "*"} if token is None else {"IfMatch": token}
    body = pointer.to_json()
    try:
        s3.put_object(
            **_object(place, place.key), Body=body, ContentType="application/json", CacheControl="no-cache", **condition
        )
    except s3.exceptions.ClientError as error:
        if _code(error) not in _LOST:
            raise
        # A put that was tried again may have lost against itself.
        return _is_there(s3, place, body)
    return True


def _is_there(s3: Any, place: Place, body: bytes) -> bool:
    found = _get(s3, place, place.key)
    return found is not None and found[0] == body


def _read(s3: Any, place: Place, token: str | None) -> New[Published] | Unchanged | NotThere:
    try:
        found = _get(s3, place, place.key, {} if token is None else {"IfNoneMatch": token})
    except s3.exceptions.ClientError as error:
        if _code(error) in _UNCHANGED:
            return Unchanged()
        raise
    if found is None:
        return NotThere()
    body, etag = found
    if body.startswith(_PARQUET):
        return New(Published(None, from_snapshot(body, place.uri)), etag)
    pointer = Pointer.from_json(body, place.uri, place.snapshots)
    snapshot = _get(s3, place, pointer.snapshot)
    if snapshot is None:
        # A refresher has moved the pointer on and cleaned up behind it.
        found = _get(s3, place, place.key)
        if found is None:
            return NotThere()
        pointer, etag = Pointer.from_json(found[0], place.uri, place.snapshots), found[1]
        snapshot = _get(s3, place, pointer.snapshot)
    if snapshot is None:
        raise InventoryError(
            f"pointer {place.uri}: names {pointer.snapshot}, which is not there; the refresher's next run mends it"
        )
    return New(Published(pointer, _opened(snapshot[0], place, pointer.snapshot)), etag)


def _opened(body: bytes, place: Place, key: str) -> InventoryTables:
    """The tables of a snapshot that a pointer names.

    Raises:
        InventoryError: it is none, or its bytes are not those of which its name tells: one bit that is another can be
            another machine's name.
    """
    name = f"s3://{place.bucket}/{key}"
    if not key.endswith(f"-{_digest(body)}.parquet"):
        raise InventoryError(f"inventory {name}: was damaged, its name tells of other bytes; the next refresh mends it")
    return from_snapshot(body, name)


def _digest(body: Any) -> str:
    return sha256(body).hexdigest()[:32]


def _get(s3: Any, place: Place, key: str, condition: Mapping[str, str] | None = None) -> tuple[bytes, str] | None:
    """An object's bytes and ETag; None where there is none. Raises InventoryError where it is too large to be read."""
    try:
        found = s3.get_object(**_object(place, key), **(condition or {}))
    except s3.exceptions.ClientError as error:
        if _code(error) in _NOT_THERE:
            return None
        raise
    with closing(found["Body"]) as stream:  # its own context manager hands out urllib3's stream, and urllib3's errors
        head = stream.read(len(_PARQUET))
        most = _LARGEST_SNAPSHOT if head == _PARQUET else LARGEST_POINTER
        if found["ContentLength"] > most:
            raise InventoryError(f"inventory s3://{place.bucket}/{key}: is larger than {most} bytes; build it again")
        return head + stream.read(), found["ETag"]


def _object(place: Place, key: str) -> dict[str, str]:
    """The arguments that name an object, and who must own it (S3 answers 403 where somebody else does)."""
    owner = {} if place.owner is None else {"ExpectedBucketOwner": place.owner}
    return {"Bucket": place.bucket, "Key": key, **owner}


def _code(error: Any) -> str:
    """AWS's error code, or the name of botocore's exception."""
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return answer.get("Error", {}).get("Code") or type(error).__name__


def _failures() -> tuple[type[Exception], ...]:
    """How S3 fails."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded already where there is a client
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - same
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - of a refusal whose body stops coming

    return (BotoCoreError, ClientError, ResponseParserError, HTTPError)
