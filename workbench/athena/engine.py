"""A lake in a local directory, queried with Athena's SQL: DuckDB over its Parquet files, offline and read-only."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from glob import escape
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb
from sqlglot import exp

from enricher.schema import DEFAULT_PROMOTED_TAGS, PARTITION_COLUMNS, SIDES, compacted_columns
from workbench.athena.catalog import COST_AND_USAGE_REPORT, athena_type, flow_logs, flows_hourly
from workbench.athena.errors import LakeError, QueryError
from workbench.athena.files import BILL, HOURLY, RAW, bill_files, hourly_folders, partition_folders
from workbench.athena.statement import parse, tables_of
from workbench.athena.translate import translate

VIEWS: Final = Path(__file__).resolve().parents[2] / "athena" / "views"
# What the rows of flows_hourly are, for every engine.
HOURLY_DEFINITION: Final = VIEWS.parent / "tables" / f"{HOURLY}.sql"

# Before the files are read: UTC as in Athena, and nothing is ever downloaded.
_SETTINGS: Final = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)
# After: only the lake's directory can be opened, and no query can change that.
_LOCKS: Final = ("SET enable_external_access = false", "SET lock_configuration = true")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer: names of the columns, their types as Athena prints them, and the rows in the query's order."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """The rows as column → value."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Lake:
    """The tables over the files of a directory, and the views of ``athena/views`` over them.

    ``flow_logs`` has exactly the columns of ``schema.compacted_columns`` (promoted tags that settings added included)
    and the partition columns, also where older files lack some: those read as null. ``flows_hourly`` holds the hours
    that compaction has added up, and, from its definition, all others: added up in memory when a query first asks.
    ``cost_and_usage_report`` is a bill's, empty without one.
    """

    def __init__(self, directory: Path, views: Path = VIEWS) -> None:
        folders = partition_folders(directory.resolve())
        self._directory = directory
        self._connection = duckdb.connect(":memory:")
        self._catalog: dict[str, dict[str, str]] = {}
        self._reads: dict[str, list[str]] = {}
        self._hours = hourly_folders(directory.resolve())
        self._is_added_up = False
        with ExitStack() as undo:
            undo.callback(self.close)
            with _reading(directory):
                _prepare(self._connection, directory.resolve())
                self._add_table(folders)
                self._add_bill(bill_files(directory.resolve()))
                self._add_empty(HOURLY, flows_hourly())
            for name, sql in view_files(views):
                self._add_view(name, sql)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    @property
    def catalog(self) -> dict[str, dict[str, str]]:
        """Table or view → column → type as Athena prints it."""
        return {name: dict(columns) for name, columns in self._catalog.items()}

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run one Athena query; ``parameters`` are the values of its ``?`` in order.

        Raises:
            QueryError: bad SQL, an unknown name, a construct that Athena and DuckDB answer differently, a wrong number
                of parameters, or a value that the query cannot work with.
        """
        translated = translate(sql, self._catalog)
        if len(parameters) != translated.parameters:
            raise QueryError(
                f"SQL: {translated.parameters} parameters (?), {len(parameters)} values; give one for each"
            )
        self._add_up_for(sql)
        values = {f"p{number}": value for number, value in enumerate(parameters, 1)}
        with _running():
            answer = self._connection.execute(translated.sql, values)
            rows = tuple(tuple(row) for row in answer.fetchall())
        description = answer.description
        return QueryResult(
            tuple(column[0] for column in description),
            tuple(athena_type(str(column[1])) for column in description),
            rows,
        )

    def create_view(self, sql: str) -> str:
        """Create a view, or replace the one of its name; returns the name.

        Raises:
            QueryError: not ``CREATE [OR REPLACE] VIEW``, a name that is taken, or what `run` would refuse in its query.
        """
        statement = parse(sql)
        if not isinstance(statement, exp.Create):
            raise QueryError("SQL: creates no view; write CREATE OR REPLACE VIEW name AS …")
        name = str(statement.this.name).lower()
        if name in self._catalog and (name not in self._reads or not statement.args.get("replace")):
            raise QueryError(
                f"SQL: there is a {'view' if name in self._reads else 'table'} {name}; choose another name"
            )
        self._add_view(name, sql)
        return name

    def interrupt(self) -> None:
        """End the query that runs in another thread: it raises QueryError there."""
        # Closed meanwhile: nothing runs that could be ended.
        with suppress(duckdb.Error):
            self._connection.interrupt()

    def _add_table(self, folders: Sequence[Path]) -> None:
        globs = ", ".join(_text(f"{escape(str(folder))}/*.parquet") for folder in folders)
        types = ", ".join(f"{_text(name)}: VARCHAR" for name in PARTITION_COLUMNS)
        source = f"read_parquet([{globs}], hive_partitioning = true, hive_types = {{{types}}}, union_by_name = true)"
        present = self._columns_of(source)
        columns = flow_logs(_extra_promoted(present))
        selected = ", ".join(
            f"CAST({_name(name) if name in present else 'NULL'} AS {kind.upper()}) AS {_name(name)}"
            for name, kind in columns.items()
        )
        self._connection.execute(f"CREATE VIEW {RAW} AS SELECT {selected} FROM {source}")  # noqa: S608  # same
        self._catalog[RAW] = columns

    def _add_view(self, name: str, sql: str) -> None:
        try:
            query = translate(sql, self._catalog).sql
        except QueryError as error:
            raise QueryError(f"view {name}: {error}") from error
        with _running():
            self._connection.execute(f"CREATE OR REPLACE VIEW {_name(name)} AS {query}")
            described = self._connection.execute(f"DESCRIBE {_name(name)}").fetchall()
        self._catalog[name] = {row[0]: athena_type(row[1]) for row in described}
        self._reads[name] = list(_reads(sql))

    def _add_empty(self, name: str, columns: Mapping[str, str]) -> None:
        types = ", ".join(f"{_name(column)} {kind.upper()}" for column, kind in columns.items())
        self._connection.execute(f"CREATE TABLE {_name(name)} ({types})")
        self._catalog[name] = dict(columns)

    def _add_bill(self, files: Sequence[Path]) -> None:
        self._add_empty(BILL, COST_AND_USAGE_REPORT)
        if files:
            self._insert(BILL, COST_AND_USAGE_REPORT, files, {"billing_period": "VARCHAR"})

    def _insert(
        self, table: str, columns: Mapping[str, str], files: Sequence[Path], partitions: Mapping[str, str]
    ) -> None:
        listed = ", ".join(_text(str(file)) for file in files)
        types = ", ".join(f"{_text(name)}: {kind}" for name, kind in partitions.items())
        source = f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{{types}}}, union_by_name = true)"
        present = self._columns_of(source)
        # Older files lack newer columns: those read as null.
        values = ", ".join(_name(name) if name in present else "NULL" for name in columns)
        self._connection.execute(f"INSERT INTO {_name(table)} SELECT {values} FROM {source}")  # noqa: S608  # our own names, quoted

    def _columns_of(self, source: str) -> set[str]:
        return {row[0] for row in self._connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608  # same

    def _add_up_for(self, sql: str) -> None:
        """Fill ``flows_hourly`` before the first query that reads it, itself or through views."""
        waiting, seen = list(_reads(sql)), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self._reads.get(name, [])
        if HOURLY not in seen or self._is_added_up:
            return
        columns = flows_hourly()
        definition = translate(HOURLY_DEFINITION.read_text("utf-8"), self._catalog).sql
        names = ", ".join(map(_name, columns))
        done = ", ".join(f"({', '.join(map(_text, partition))})" for partition in self._hours)
        partition = ", ".join(map(_name, PARTITION_COLUMNS))
        others = f" WHERE ({partition}) NOT IN ({done})" if done else ""
        if self._hours:
            files = [file for folder in self._hours.values() for file in sorted(folder.glob("*.parquet"))]
            with _reading(self._directory):
                self._insert(HOURLY, columns, files, dict.fromkeys(PARTITION_COLUMNS, "VARCHAR"))
        with _running():
            self._connection.execute(f"INSERT INTO {HOURLY} SELECT {names} FROM ({definition}){others}")  # noqa: S608  # same
        self._is_added_up = True


def view_files(directory: Path) -> list[tuple[str, str]]:
    """(name, SQL) of every ``*.sql`` in a directory, each after those it reads.

    Raises:
        QueryError: a file's view has another name than the file, or views read each other in a circle.
    """
    texts = {file.stem: file.read_text("utf-8") for file in sorted(directory.glob("*.sql"))}
    reads: dict[str, list[str]] = {}
    for name, sql in texts.items():
        created = _created(sql)
        if created != name:
            raise QueryError(f"view {name}.sql: creates {created}; give file and view one name")
        reads[name] = [table for table in _reads(sql) if table in texts]
    try:
        return [(name, texts[name]) for name in TopologicalSorter(reads).static_order()]
    except CycleError as error:
        raise QueryError(f"views {' → '.join(error.args[1])}: read each other; break the circle") from error


@lru_cache(maxsize=256)  # of views, again and again
def _reads(sql: str) -> tuple[str, ...]:
    return tuple(tables_of(parse(sql)))


@lru_cache(maxsize=64)
def _created(sql: str) -> str:
    return str(parse(sql).this.name)


def _prepare(connection: Any, directory: Path) -> None:
    for statement in _SETTINGS:
        connection.execute(statement)
    # Spilling needs a place outside the lake; DuckDB's default is the working directory.
    spill = Path(tempfile.gettempdir()) / "vpcflow-duckdb"
    connection.execute(f"SET temp_directory = {_text(str(spill))}")
    # Globs are compared as they are written, so the directory is allowed as a glob too.
    allowed = ", ".join(_text(f"{path}/") for path in (str(directory), escape(str(directory))))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    for statement in _LOCKS:
        connection.execute(statement)


def _extra_promoted(present: set[str]) -> tuple[str, ...]:
    """Promoted tags that only settings know: unknown columns that both sides have."""
    known = {column.name for column in compacted_columns()} | {f"src_{name}" for name in DEFAULT_PROMOTED_TAGS}
    src, dst = ({name.removeprefix(f"{side}_") for name in present - known if name.startswith(side)} for side in SIDES)
    return tuple(sorted(src & dst))


@contextmanager
def _reading(directory: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise LakeError(f"lake {directory}: {_first_line(error)}; remove or replace that file") from error


@contextmanager
def _running() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(f"SQL: {_first_line(error)}; change the query or its parameters") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
