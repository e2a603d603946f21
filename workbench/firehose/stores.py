"""Where a delivery stream puts its objects: memory, a directory, or a bucket."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError


class StoreError(Exception):
    """The object could not be written now; a delivery stream tries again."""


class ObjectStore(Protocol):
    """What a delivery stream and its readers need of a bucket."""

    def put(self, key: str, body: bytes) -> None:
        """Write the object whole, over one of the same key.

        Raises:
            StoreError: it was not written.
        """

    def objects(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix`` and their bodies, sorted by key."""


class MemoryStore:
    """Objects in a dict."""

    __slots__ = ("_bodies",)

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        """Write the object."""
        self._bodies[key] = body

    def objects(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix`` and their bodies, sorted by key."""
        return iter(sorted((key, body) for key, body in self._bodies.items() if key.startswith(prefix)))


class DirectoryStore:
    """Objects as files below ``root``; a key's slashes are folders."""

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, body: bytes) -> None:
        """Write the object.

        Raises:
            StoreError: the key is no path below the root, or the file system refuses.
        """
        if not key or key.startswith("/") or any(part in {"", ".", ".."} for part in key.split("/")):
            msg = f"object key {key!r} is no path below {self._root}: leave out empty, '.' and '..' parts"
            raise StoreError(msg)
        path = self._root.joinpath(*PurePosixPath(key).parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror}"
            raise StoreError(msg) from error

    def objects(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix`` and their bodies, sorted by key."""
        files = {path.relative_to(self._root).as_posix(): path for path in self._root.rglob("*") if path.is_file()}
        return ((key, files[key].read_bytes()) for key in sorted(files) if key.startswith(prefix))


class S3Store:
    """Objects in a bucket, through the boto3 S3 client that is handed in."""

    __slots__ = ("_bucket", "_client")

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> None:
        """Write the object.

        Raises:
            StoreError: S3 refused it or could not be reached.
        """
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            msg = f"cannot write s3://{self._bucket}/{key}: {error}"
            raise StoreError(msg) from error

    def objects(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix`` and their bodies, sorted by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                body = self._client.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read()
                yield entry["Key"], body
