"""A directory in the place of the lake's bucket."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self


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


class StagedStore:
    """Collects objects beside the directory they belong in; they move there together, or nothing is written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made_root = False

    def __enter__(self) -> Self:
        self._made_root = not self._root.exists()
        self._root.mkdir(parents=True, exist_ok=True)
        self._staging = Path(tempfile.mkdtemp(dir=self._root, prefix=".staging-"))
        self._store = DirectoryStore(self._staging)
        return self

    def put_if_absent(self, key: str, body: Any) -> bool:
        """Stage the object; False where it is staged already."""
        return self._store.put_if_absent(key, body)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            final = DirectoryStore(self._root)
            for path in sorted(path for path in self._staging.rglob("*") if path.is_file()):
                final.put_if_absent(path.relative_to(self._staging).as_posix(), path.read_bytes())
        shutil.rmtree(self._staging)
        if error is not None and self._made_root:
            self._root.rmdir()
