"""One Athena database over a lake's directory: tables from its files, views as they were created."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workbench.athena.engine import Lake, QueryResult
from workbench.athena.statement import parse, tables_of


class AthenaLake:
    """Opens the lake when it is first asked and again when its files have changed; not thread-safe but `interrupt`.

    Args:
        directory: the lake.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._views: dict[str, str] = {}
        self._lake: Lake | None = None
        self._files: frozenset[tuple[str, int]] = frozenset()

    def run(self, sql: str, parameters: Sequence[Any]) -> QueryResult:
        """Answer one query; raises as `Lake.run`."""
        return self._opened().run(sql, parameters)

    def create_view(self, sql: str) -> None:
        """Create or replace a view; raises as `Lake.create_view`."""
        self._views[self._opened().create_view(sql)] = sql

    def interrupt(self) -> None:
        """End what runs in another thread."""
        if self._lake is not None:
            self._lake.interrupt()

    def scanned_bytes(self, sql: str) -> int:
        """What a query reads at most: all files of the lake, where it reads a table; Athena reads fewer columns."""
        return sum(Path(name).stat().st_size for name, _ in self._files) if tables_of(parse(sql)) else 0

    def close(self) -> None:
        """Let go of the files."""
        if self._lake is not None:
            self._lake.close()
            self._lake = None

    def _opened(self) -> Lake:
        files = frozenset(
            (str(path), path.stat().st_mtime_ns) for path in self._directory.rglob("*.parquet") if path.is_file()
        )
        if self._lake is None or files != self._files:
            self.close()
            with TemporaryDirectory() as no_views:
                self._lake = Lake(self._directory, Path(no_views))
            for sql in self._views.values():
                self._lake.create_view(sql)
            self._files = files
        return self._lake
