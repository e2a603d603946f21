"""A lake in a directory: which files make it up, what its table looks like, and that queries only read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from athena_lake import REGION, write_lake

from compaction.layout import manifest_key
from compaction.manifest import Manifest
from enricher.lake import Partition
from enricher.schema import PARTITION_COLUMNS, compacted_columns
from workbench.athena.engine import Lake, view_files
from workbench.athena.errors import LakeError, QueryError

DAY, HOUR = "2026-03-01", "05"
HOUR_FOLDER = f"aws_region={REGION}/day={DAY}/hour={HOUR}"


def _row(batch_id: str, **columns: object) -> dict[str, object]:
    return {"day": DAY, "hour": HOUR, "batch_id": batch_id, **columns}


def _open(directory: Path) -> Lake:
    return Lake(directory, directory / "no-views")


def _answer(directory: Path, sql: str, *parameters: str) -> tuple[tuple[object, ...], ...]:
    with _open(directory) as lake:
        return lake.run(sql, parameters).rows


def test_the_table_has_the_columns_of_the_schema_and_the_partitions(tmp_path):
    """flow_logs has compacted_columns in order, then aws_region, day and hour as text."""
    with _open(write_lake(tmp_path, [_row("a")])) as lake:
        columns = lake.catalog["flow_logs"]
        result = lake.run("SELECT * FROM flow_logs")
        partition = lake.run("SELECT aws_region, day, hour FROM flow_logs")

    assert (*(column.name for column in compacted_columns()), *PARTITION_COLUMNS) == tuple(columns) == result.columns
    assert tuple(columns.values()) == result.types
    assert partition.rows == ((REGION, DAY, HOUR),)
    assert partition.types == ("varchar",) * 3


def test_columns_that_older_files_lack_read_as_null(tmp_path):
    """Files of several ages form one table; types are the schema's, not the files'."""
    directory = write_lake(tmp_path, [_row("new", bytes=5, src_project="search")])
    old = pa.table({"bytes": pa.array([7], pa.int32()), "batch_id": ["old"]})
    pq.write_table(old, directory / "flow_logs" / HOUR_FOLDER / "old.parquet")

    with _open(directory) as lake:
        result = lake.run("SELECT batch_id, bytes, src_project, src_tags FROM flow_logs ORDER BY batch_id")

    assert result.rows == (("new", 5, "search", None), ("old", 7, None, None))
    assert result.types == ("varchar", "bigint", "varchar", "map(varchar, varchar)")


def test_a_table_of_old_files_only_has_the_new_columns_too(tmp_path):
    """A column that no file has is there, null and of its type."""
    folder = tmp_path / "flow_logs" / HOUR_FOLDER
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"bytes": pa.array([7], pa.int64())}), folder / "old.parquet")

    with _open(tmp_path) as lake:
        result = lake.run("SELECT bytes, dst_az_id, arrived_at FROM flow_logs")

    assert result.rows == ((7, None, None),)
    assert result.types == ("bigint", "varchar", "timestamp")


def test_promoted_tags_that_settings_added_are_columns(tmp_path):
    """A further promoted tag is in the files as src_ and dst_; a stray column of one side is not taken for one."""
    folder = tmp_path / "flow_logs" / HOUR_FOLDER
    folder.mkdir(parents=True)
    names = ("src_cost_center", "dst_cost_center", "src_stray", "other")
    pq.write_table(pa.table({name: ["x"] for name in names}), folder / "part.parquet")

    with _open(tmp_path) as lake:
        columns = tuple(lake.catalog["flow_logs"])

    assert (*(column.name for column in compacted_columns(("cost_center",))), *PARTITION_COLUMNS) == columns


def _commit(directory: Path, generation: int, run: str, rows: int) -> None:
    """The manifest that makes a generation the hour."""
    hour = Partition(REGION, DAY, HOUR)
    counts = dict.fromkeys(("dropped", "settled", "changed", "withdrawn"), 0) | {"rows": rows}
    names = frozenset[str]()
    manifest = Manifest(hour, generation, run, names, {}, names, None, 0.0, (), **counts)
    file = directory / manifest_key(hour)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(manifest.to_json())


def test_a_compacted_hour_is_the_generation_that_its_manifest_names(tmp_path):
    """It is read alone: not raw objects, not generations that were or were never committed; other hours stay raw."""
    write_lake(tmp_path, [_row("raw", bytes=1), {**_row("later", bytes=2), "hour": "06"}])
    for name in ("generation-000001-a", "generation-000002-a", "generation-000002-b", "generation-000003-c"):
        for table, column in (("flow_logs_compacted", "batch_id"), ("flows_hourly", "counts_as")):
            folder = tmp_path / table / HOUR_FOLDER / name
            folder.mkdir(parents=True)
            pq.write_table(pa.table({column: [name]}), folder / "part.parquet")
    # A first generation that was killed before its commit.
    (tmp_path / "flow_logs_compacted" / HOUR_FOLDER.replace("05", "06") / "generation-000001-a").mkdir(parents=True)
    _commit(tmp_path, 2, "b", rows=1)

    rows = _answer(tmp_path, "SELECT hour, batch_id FROM flow_logs ORDER BY hour")

    assert rows == (("05", "generation-000002-b"), ("06", "later"))
    sums = "SELECT counts_as FROM flows_hourly WHERE hour = '05'"
    with Lake(tmp_path) as lake:
        assert lake.run(sums).rows == (("generation-000002-b",),)


def test_an_hour_that_was_compacted_to_nothing_is_empty(tmp_path):
    """Its raw objects held no rows of this hour any more; they are not read beside it."""
    write_lake(tmp_path, [_row("raw"), {**_row("later"), "hour": "06"}])
    _commit(tmp_path, 1, "a", rows=0)

    assert _answer(tmp_path, "SELECT batch_id FROM flow_logs") == (("later",),)


def test_a_manifest_that_is_none_is_an_error_of_the_lake(tmp_path):
    """Reading the raw objects instead could show less than there was."""
    write_lake(tmp_path, [_row("raw")])
    _commit(tmp_path, 1, "a", rows=0)
    (tmp_path / manifest_key(Partition(REGION, DAY, HOUR))).write_bytes(b"{")

    with pytest.raises(LakeError, match="manifest compaction/manifests/"):
        _open(tmp_path)


def test_compacted_files_may_lie_in_the_hour_itself(tmp_path):
    """Without generations the files in the compacted partition's folder are read."""
    write_lake(tmp_path, [_row("raw")])
    write_lake(tmp_path, [_row("compacted")], table="flow_logs_compacted")

    assert _answer(tmp_path, "SELECT batch_id FROM flow_logs") == (("compacted",),)


@pytest.mark.parametrize("name", ["a [b] *", "it's", "env=prod", "ünï"])
def test_a_lake_may_lie_in_any_directory(tmp_path, name):
    """Glob characters, quotes and equals signs in the path mean themselves."""
    directory = write_lake(tmp_path / name, [_row("a")])

    assert _answer(directory, "SELECT count(*) FROM flow_logs WHERE day = '2026-03-01'") == ((1,),)


def test_a_lake_may_be_named_relative_to_the_working_directory(tmp_path, monkeypatch):
    """A relative path is the working directory's when the lake is opened."""
    write_lake(tmp_path / "lake", [_row("a")])
    monkeypatch.chdir(tmp_path)
    assert _answer(Path("lake"), "SELECT batch_id FROM flow_logs") == (("a",),)


def test_a_lake_that_is_not_there_is_one_line(tmp_path):
    """No directory, a directory without flow_logs, and one without Parquet each name the directory and the mend."""
    empty = tmp_path / "empty"
    (empty / "flow_logs" / HOUR_FOLDER).mkdir(parents=True)

    for directory, told in ((tmp_path / "none", "no such directory"), (tmp_path, "no "), (empty, "no ")):
        with pytest.raises(LakeError) as error:
            Lake(directory)
        message = str(error.value)
        assert message.startswith(f"lake {directory}: {told}")
        assert ";" in message
        assert "\n" not in message


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    """A broken file ends in one line that names it."""
    directory = write_lake(tmp_path, [_row("a")])
    broken = directory / "flow_logs" / HOUR_FOLDER / "broken.parquet"
    broken.write_bytes(b"not parquet at all")

    with pytest.raises(LakeError, match=r"broken\.parquet") as error:
        Lake(directory)

    assert "\n" not in str(error.value)


def test_a_query_writes_nothing(tmp_path, monkeypatch):
    """Neither the lake nor the working directory changes, and a statement that would write is refused."""
    directory = write_lake(tmp_path / "lake", [_row("a", bytes=1)])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = {file: file.stat().st_mtime_ns for file in directory.rglob("*")}

    with Lake(directory) as lake:
        lake.run("SELECT sum(bytes) FROM flows_once")
        with pytest.raises(QueryError, match="only a query"):
            lake.run(f"COPY flow_logs TO '{directory}/out.csv'")

    assert before == {file: file.stat().st_mtime_ns for file in directory.rglob("*")}
    assert list(elsewhere.iterdir()) == []


def test_each_parameter_needs_a_value(tmp_path):
    """Too few and too many values are refused with both numbers."""
    with _open(write_lake(tmp_path, [_row("a")])) as lake:
        for values in ((), ("x", "y")):
            with pytest.raises(QueryError, match=rf"1 parameters \(\?\), {len(values)} values"):
                lake.run("SELECT batch_id FROM flow_logs WHERE day = ?", values)


def test_values_are_bound_and_never_become_sql(tmp_path):
    """A quote in a value stays a quote."""
    rows = _answer(write_lake(tmp_path, [_row("it's")]), "SELECT batch_id FROM flow_logs WHERE batch_id = ?", "it's")

    assert rows == (("it's",),)


def test_a_result_is_also_records(tmp_path):
    """Rows as column → value, for JSON."""
    with _open(write_lake(tmp_path, [_row("a", bytes=3)])) as lake:
        records = lake.run("SELECT batch_id, bytes FROM flow_logs").records()

    assert records == [{"batch_id": "a", "bytes": 3}]


def test_views_are_created_after_those_they_read(tmp_path):
    """The order of names is not the order of creation."""
    views = tmp_path / "views"
    views.mkdir()
    (views / "a.sql").write_text("CREATE OR REPLACE VIEW a AS SELECT n + 1 AS n FROM b")
    (views / "b.sql").write_text("CREATE OR REPLACE VIEW b AS SELECT count(*) AS n FROM flow_logs")
    directory = write_lake(tmp_path / "lake", [_row("x")])

    with Lake(directory, views) as lake:
        assert lake.run("SELECT n FROM a").rows == ((2,),)
        assert lake.catalog["a"] == {"n": "bigint"}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a": "SELECT 1 AS n FROM b", "b": "SELECT 1 AS n FROM a"}, "read each other"),
        ({"a": "SELECT byts FROM flow_logs"}, "view a: SQL: byts is no column of flow_logs"),
    ],
)
def test_a_view_that_cannot_be_is_named(tmp_path, files, told):
    """Circles and mistakes in a view end in one line with the view's name."""
    views = tmp_path / "views"
    views.mkdir()
    for name, query in files.items():
        (views / f"{name}.sql").write_text(f"CREATE OR REPLACE VIEW {name} AS {query}")

    with pytest.raises(QueryError, match=told):
        Lake(write_lake(tmp_path / "lake", [_row("x")]), views)


def test_a_view_file_is_named_as_its_view(tmp_path):
    """One view a file, under its own name."""
    (tmp_path / "one.sql").write_text("CREATE OR REPLACE VIEW two AS SELECT 1 AS n")

    with pytest.raises(QueryError, match=r"view one\.sql: creates two"):
        view_files(tmp_path)
