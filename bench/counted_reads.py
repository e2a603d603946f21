"""Saved queries over a lake's Parquet, read through a file system that counts the bytes it hands out."""

from pathlib import Path
from typing import Any, Final

import duckdb
from fsspec.implementations.local import LocalFileSystem

from enricher.schema import PARTITION_COLUMNS
from workbench.athena.catalog import athena_type, flow_logs, flows_hourly
from workbench.athena.engine import VIEWS, view_files
from workbench.athena.saved import get
from workbench.athena.translate import translate

_QUESTIONS: Final = {
    "hourly": ("cross_az_traffic", "flows_hourly"),
    "rows": ("cross_az_rows", "flow_logs_compacted"),
}
_TABLES: Final = {"flows_hourly": flows_hourly(), "flow_logs": flow_logs()}


class CountingFiles(LocalFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """Local files that count: every read's bytes, a footer's too. No caching between reads."""

    protocol = "counted"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.bytes_read = 0

    def _open(self, path: str, mode: str = "rb", **more: Any) -> Any:
        file = super()._open(path, mode, **more)
        return _Counted(file, self)


class _Counted:
    """A file that tells how much was read of it."""

    def __init__(self, file: Any, files: CountingFiles) -> None:
        self._file = file
        self._files = files

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self._files.bytes_read += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def answers(lake: Path) -> dict[str, tuple[int, int, dict[tuple[str, str], tuple[int, int, int]]]]:
    """Of each question: bytes read, bytes stored, and the answer: zones → flows, packets, bytes."""
    return {name: _answer(lake, *question) for name, question in _QUESTIONS.items()}


def _answer(lake: Path, name: str, folder: str) -> tuple[int, int, dict[tuple[str, str], tuple[int, int, int]]]:
    files = CountingFiles()
    query = get(name)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")  # threads share a file, and would seek where another one reads
        connection.execute("SET disable_parquet_prefetching = true")  # it would read what was not asked for
        connection.register_filesystem(files)
        catalog = _tables(connection, lake, folder)
        translated = translate(query.sql, catalog)
        files.bytes_read = 0  # what is read to learn the schema is read again by the query
        values = {f"p{number}": value for number, value in enumerate(query.bind({}), 1)}
        answer = connection.execute(translated.sql, values)
        names = [column[0] for column in answer.description]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    stored = sum(path.stat().st_size for path in (lake / folder).rglob("*.parquet"))
    found = {(row["src_az_id"], row["dst_az_id"]): (row["flows"], row["packets"], row["bytes"]) for row in rows}
    return files.bytes_read, stored, dict(sorted(found.items()))


def _tables(connection: Any, lake: Path, folder: str) -> dict[str, dict[str, str]]:
    """The table that is asked, and the views over it."""
    catalog: dict[str, dict[str, str]] = {}
    table = folder.removesuffix("_compacted")
    paths = ", ".join(f"'counted://{path}'" for path in sorted((lake / folder).rglob("*.parquet")))
    kinds = ", ".join(f"'{name}': VARCHAR" for name in PARTITION_COLUMNS)
    source = f"read_parquet([{paths}], hive_partitioning = true, hive_types = {{{kinds}}})"
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in _TABLES[table].items())
    connection.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM {source}")  # noqa: S608 - our own names
    catalog[table] = _TABLES[table]
    for name, sql in view_files(VIEWS):
        if name in ("prices", "hourly_costs") and table == "flows_hourly":
            connection.execute(f"CREATE VIEW {name} AS {translate(sql, catalog).sql}")
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            catalog[name] = {row[0]: athena_type(row[1]) for row in described}
    return catalog
