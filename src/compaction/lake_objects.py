"""The lake's objects as replay and backfill need them: put once, listed, read. S3 here; a directory in the workbench.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from enricher.lake import ObjectStore, S3Store

_NOT_THERE: Final = ("NoSuchKey", "404")


class LakeObjects(ObjectStore, Protocol):
    """A lake: S3, or a directory."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with ``prefix``."""
        ...

    def read(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        ...


class S3Lake(S3Store):
    """Objects of one bucket through a boto3 S3 client."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with ``prefix``, sorted."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from (told["Key"] for told in page.get("Contents") or ())

    def read(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        try:
            found: Any = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_THERE:
                return None
            raise
        body: bytes = found["Body"].read()
        return body


class UnwrittenLake:
    """A lake that is looked into and not written: what ``--dry-run`` puts into."""

    def __init__(self, lake: LakeObjects) -> None:
        self._lake = lake
        self._put: set[str] = set()

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Whether the object would have been written."""
        del body
        is_new = key not in self._put and key not in self._lake.keys(key)
        self._put.add(key)
        return is_new

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with ``prefix``."""
        return self._lake.keys(prefix)

    def read(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        return self._lake.read(key)
