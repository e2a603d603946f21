"""An S3 client that keeps its objects in memory: conditional puts and gets as S3 answers them, and nothing else."""

from hashlib import md5
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError


class MemoryS3:
    """Objects by bucket and key. ``before_put`` is called with the key and may raise, as S3 may."""

    class exceptions:  # noqa: N801 - boto3's own name
        """What a client raises."""

        ClientError = ClientError

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, **told: Any) -> dict[str, Any]:
        """Put, with If-None-Match if it is asked for."""
        place = (told["Bucket"], told["Key"])
        if told.get("IfNoneMatch") == "*" and place in self.objects:
            raise _refused("PutObject", "PreconditionFailed", 412)
        self.objects[place] = bytes(told["Body"])
        return {}

    def get_object(self, **told: Any) -> dict[str, Any]:
        """Get, with If-None-Match if it is asked for."""
        body = self.objects.get((told["Bucket"], told["Key"]))
        if body is None:
            raise _refused("GetObject", "NoSuchKey", 404)
        etag = f'"{md5(body, usedforsecurity=False).hexdigest()}"'
        if told.get("IfNoneMatch") == etag:
            raise _refused("GetObject", "304", 304)
        return {"Body": BytesIO(body), "ContentLength": len(body), "ETag": etag}

    def take(self, bucket: str) -> dict[str, bytes]:
        """The bucket's objects by key; they are gone then."""
        mine = {place: body for place, body in self.objects.items() if place[0] == bucket}
        for place in mine:
            del self.objects[place]
        return {key: body for (_, key), body in mine.items()}


def _refused(operation: str, code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)
