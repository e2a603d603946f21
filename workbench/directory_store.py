"""A directory in the place of the lake's bucket."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.errors import UsageError


class DirectoryStore:
    """Objects as files below a directory; an existing file is never touched (as S3 with ``If-None-Match: *``)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Write ``root/key`` unless it exists; readers never see half a file."""
        target = self._root / key
        if target.exists():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            os.link(name, target)
        except FileExistsError:
            return False
        finally:
            Path(name).unlink()
        return True


class DirectoryLake(DirectoryStore):
    """A lake in a directory, as replay and backfill need it."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys that begin with ``prefix``, sorted; files that are being written are none."""
        # A prefix may end within a name: its folder is listed, and what begins otherwise left out.
        folder = self._root / prefix.rpartition("/")[0]
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        keys = sorted(path.relative_to(self._root).as_posix() for path in found)
        return (key for key in keys if key.startswith(prefix))

    def read(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        path = self._root / key
        return path.read_bytes() if path.is_file() else None


class StagedStore:
    """Collects objects beside the directory they belong in; they move there together, or nothing is written.

    Raises:
        UsageError: on entering: nothing can be written there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._final = DirectoryStore(root)
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        self._made = [path for path in (self._root, *self._root.parents) if not path.exists()]
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(dir=self._root, prefix=".staging-"))
        except OSError as error:
            self._unmake()
            raise UsageError(
                f"--out {self._root}: {error.strerror or error}; give a directory that can be written"
            ) from error
        self._staged = DirectoryStore(self._staging)
        return self

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Stage the object; False where it is staged already, or there since an earlier run."""
        return not (self._root / key).exists() and self._staged.put_if_absent(key, body)

    def staged(self, prefix: str) -> Iterator[bytes]:
        """The objects staged so far below the folder ``prefix``."""
        return (path.read_bytes() for path in sorted((self._staging / prefix).rglob("*")) if path.is_file())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                for path in sorted(path for path in self._staging.rglob("*") if path.is_file()):
                    self._final.put_if_absent(path.relative_to(self._staging).as_posix(), path.read_bytes())
        finally:
            shutil.rmtree(self._staging)
        if error is not None:
            self._unmake()

    def _unmake(self) -> None:
        """Remove the directories that were made for this run, unless somebody has put something there."""
        for path in self._made:
            with suppress(OSError):
                path.rmdir()
