"""What replay and backfill read: objects below S3 prefixes, or files, one open at a time.

An object of S3 is fetched whole into a temporary file before it is read: readers go back to its start, Parquet to its
end, and a connection is not held while rows are written. Nothing here deletes or changes a source.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from enricher.errors import InputError

S3: Final = "s3://"
_CHUNK: Final = 1024 * 1024
_NO_BUCKET: Final = ("NoSuchBucket",)
_GONE: Final = ("NoSuchKey", "404")


@dataclass(frozen=True, slots=True)
class SourceObjects:
    """Objects of several places, called what a person calls them: ``s3://bucket/key``, or a path.

    Args:
        places: ``s3://bucket/prefix``, directories and files.
        s3: gives a boto3 S3 client; called only where one is needed.
    """

    places: Sequence[str]
    s3: Callable[[], Any]

    def names(self) -> list[str]:
        """All of them, each once; empty objects and hidden files left out. Raises InputError: a place has none."""
        found = [name for place in self.places for name in self._below(place)]
        return list(dict.fromkeys(found))

    @contextmanager
    def open(self, name: str) -> Iterator[Any]:
        """The object: a buffered reader that can seek. Raises InputError where it cannot be had."""
        with ExitStack() as opened:
            if name.startswith(S3):
                file: Any = opened.enter_context(tempfile.TemporaryFile())
                self._fetch(name, file)
            else:
                try:
                    file = opened.enter_context(Path(name).open("rb"))
                except OSError as error:
                    raise InputError(f"{name}: {error.strerror or error}; give a file that can be read") from error
            yield file

    def _below(self, place: str) -> list[str]:
        names = self._keys(place) if place.startswith(S3) else _files(Path(place))
        if not names:
            raise InputError(f"{place}: is not there, or is empty; give a file, a directory or s3://bucket/prefix/")
        return names

    def _keys(self, place: str) -> list[str]:
        bucket, prefix = bucket_and_key(place)
        pages = self.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with self._answers(_NO_BUCKET, f"{place}: there is no such bucket; give s3://bucket/prefix/, or a directory"):
            return [
                f"{S3}{bucket}/{told['Key']}" for page in pages for told in page.get("Contents") or () if told["Size"]
            ]

    def _fetch(self, name: str, file: Any) -> None:
        bucket, key = bucket_and_key(name)
        with self._answers(_GONE, f"{name}: is not there any more; run it again"):
            found = self.s3().get_object(Bucket=bucket, Key=key)
        with closing(found["Body"]) as body:
            for chunk in body.iter_chunks(_CHUNK):
                file.write(chunk)
        file.seek(0)

    @contextmanager
    def _answers(self, codes: Sequence[str], sentence: str) -> Iterator[None]:
        """S3's answers with one of these codes are the input's fault, and told so."""
        try:
            yield
        except self.s3().exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") not in codes:
                raise
            raise InputError(sentence) from error


def _files(path: Path) -> list[str]:
    if not path.is_dir():
        return [path.as_posix()] if path.exists() else []
    found = (each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    return sorted(each.as_posix() for each in found)


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Of ``s3://bucket/key``; raises InputError where there is no bucket."""
    bucket, _, key = uri.removeprefix(S3).partition("/")
    if not bucket:
        raise InputError(f"{uri}: names no bucket; give s3://bucket/prefix/")
    return bucket, key
