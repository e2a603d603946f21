"""The lake's bucket, as compaction uses it: list, read, replace on a condition, delete.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 412 means that another one was faster,
404 that what should be replaced is gone, 409 that another put is under way.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html: at most 1,000 keys, and an answer for each.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final, Protocol

from compaction.hours import Stored
from compaction.manifest import LARGEST, CompactionError

_AT_ONCE: Final = 1000
_NOT_THERE: Final = frozenset({"NoSuchKey", "404"})
_CONFLICT: Final = frozenset({"ConditionalRequestConflict", "409"})
_LOST: Final = frozenset({"PreconditionFailed", "412", *_CONFLICT, *_NOT_THERE})


class Objects(Protocol):
    """What compaction asks of a store. Everything raises what the store raises."""

    def listed(self, prefix: str) -> Iterator[Stored]:
        """All objects whose keys begin so, in the keys' order."""
        ...

    def folders(self, prefix: str) -> tuple[str, ...]:
        """The next level below a prefix that ends in ``/``: names up to and without the next ``/``."""
        ...

    def get(self, key: str) -> tuple[bytes, str] | None:
        """An object's bytes and its ETag; None where there is none."""
        ...

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        """Put the object if it still has this ETag (None: if there is none); whether it is this one now."""
        ...

    def delete(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Delete the objects; what the store said of those that it could not delete, a line each."""
        ...


class S3Objects:
    """The objects of a bucket, through a boto3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client: Final = client
        self._bucket: Final = bucket

    def listed(self, prefix: str) -> Iterator[Stored]:
        """See Objects."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for told in page.get("Contents") or ():
                yield Stored(told["Key"], told["Size"], told["LastModified"].timestamp())

    def folders(self, prefix: str) -> tuple[str, ...]:
        """See Objects."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        found = [told["Prefix"] for page in pages for told in page.get("CommonPrefixes") or ()]
        return tuple(name.removeprefix(prefix).rstrip("/") for name in found)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """See Objects. Raises CompactionError for an object that is larger than any that compaction reads."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise
        with closing(found["Body"]) as stream:
            if found["ContentLength"] > LARGEST:
                raise CompactionError(f"object s3://{self._bucket}/{key}: is larger than {LARGEST} bytes; remove it")
            return stream.read(), found["ETag"]

    def replace(self, key: str, body: bytes, etag: str | None) -> bool:
        """See Objects."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType="application/json", **condition
            )
        except self._client.exceptions.ClientError as error:
            if _code(error) not in _LOST:
                raise
            # A put that botocore tried again may have lost against itself.
            found = self.get(key)
            is_ours = found is not None and found[0] == body
            # Another put was under way, and what was read is still there: nobody was faster.
            if not is_ours and _code(error) in _CONFLICT and (None if found is None else found[1]) == etag:
                raise
            return is_ours
        return True

    def delete(self, keys: Sequence[str]) -> tuple[str, ...]:
        """See Objects."""
        errors: list[str] = []
        for some in _batched(keys):
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
            )
            errors += [f"{told.get('Key')}: {told.get('Code')}" for told in answer.get("Errors") or ()]
        return tuple(errors)


def _batched(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code"))
