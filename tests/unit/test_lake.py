"""Keys, partitions, and the bytes of both kinds of object."""

import base64
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from enricher.lake import Partition, to_error_objects, to_parquet
from enricher.payload import Reject
from enricher.schema import TAGS, TIMESTAMP


@pytest.mark.parametrize(
    ("arrived_at_ms", "day", "hour"),
    [
        (1_794_996_300_000, "2026-11-18", "10"),
        (1_794_995_999_999, "2026-11-18", "09"),
        (1_794_996_000_000, "2026-11-18", "10"),
        (1_795_046_399_999, "2026-11-18", "23"),
        (1_795_046_400_000, "2026-11-19", "00"),
        (1_709_164_800_000, "2024-02-29", "00"),
        (0, "1970-01-01", "00"),
        (None, "1970-01-01", "00"),
    ],
)
def test_a_partition_is_the_hour_of_arrival_in_utc(arrived_at_ms, day, hour):
    """Milliseconds are cut off, never rounded up into the next hour; no arrival is plainly no real day."""
    partition = Partition.at("eu-west-1", arrived_at_ms)

    assert partition == Partition("eu-west-1", day, hour)
    assert partition.path == f"aws_region=eu-west-1/day={day}/hour={hour}"


def test_rows_and_rejects_of_a_batch_share_its_name():
    """One key is found from the other."""
    partition = Partition("eu-west-1", "2026-11-18", "10")

    assert partition.flow_logs_key("ab12") == "flow_logs/aws_region=eu-west-1/day=2026-11-18/hour=10/ab12.parquet"
    assert partition.rejected_key("ab12") == "rejected/aws_region=eu-west-1/day=2026-11-18/hour=10/ab12.jsonl"


def written(table: pa.Table) -> pq.ParquetFile:
    """The table after its way through an object."""
    return pq.ParquetFile(io.BytesIO(bytes(to_parquet(table))))


def test_an_object_holds_plain_columns():
    """Dictionaries stay inside the file; readers meet strings, maps and millisecond timestamps."""
    table = pa.table(
        {
            "word": pa.array(["a", None, "a"]).dictionary_encode(),
            "number": pa.array([1, None, -(2**63)], pa.int64()),
            "tags": pa.array([[("k", "v")], None, []], TAGS),
            "at": pa.array([1_794_996_300_123, None, 0], TIMESTAMP),
        }
    )
    file = written(table)

    assert file.schema_arrow.types == [pa.string(), pa.int64(), TAGS, TIMESTAMP]
    assert file.read().to_pylist() == table.to_pylist()


def test_an_object_is_one_compressed_row_group():
    """Zstandard throughout: Athena's engine reads it, and a batch is never split."""
    rows = 200_000
    file = written(pa.table({"start": pa.array(range(rows), pa.int64()), "word": pa.array(["x"] * rows)}))
    columns = [file.metadata.row_group(0).column(position) for position in range(2)]

    assert (file.metadata.num_row_groups, file.metadata.num_rows) == (1, rows)
    assert {column.compression for column in columns} == {"ZSTD"}
    assert (columns[0].statistics.min, columns[0].statistics.max) == (0, rows - 1)


def test_only_what_has_something_to_compress_is_compressed():
    """Columns of a few words or numbers, or of none, lie in the object as they are."""
    rows = 1_000
    words = {f"words_{n}": pa.array([f"word {row % n}" for row in range(rows)]).dictionary_encode() for n in (1, 6, 7)}
    numbers = {name: pa.array([6] * rows, pa.int64()) for name in ("protocol", "packets", "bytes")}
    file = written(pa.table({**words, **numbers, "never": pa.nulls(rows, pa.string()), "tags": pa.nulls(rows, TAGS)}))
    columns = [file.metadata.row_group(0).column(position) for position in range(file.metadata.num_columns)]

    assert {column.path_in_schema: column.compression for column in columns} == {
        "words_1": "UNCOMPRESSED",
        "words_6": "UNCOMPRESSED",
        "words_7": "ZSTD",
        "protocol": "UNCOMPRESSED",
        "packets": "ZSTD",
        "bytes": "ZSTD",
        "never": "UNCOMPRESSED",
        "tags.key_value.key": "UNCOMPRESSED",
        "tags.key_value.value": "UNCOMPRESSED",
    }


def test_a_column_without_a_value_has_no_dictionary():
    """Most formats leave dozens of columns empty: each would hold a dictionary page of no words."""
    nothing = pa.nulls(3, pa.dictionary(pa.int32(), pa.string()))
    empty = {"never": nothing, "number": pa.nulls(3, pa.int64()), "tags": pa.nulls(3, TAGS)}
    table = pa.table({**empty, "once": pa.array([None, "x", None]).dictionary_encode()})
    file = written(table)
    columns = [file.metadata.row_group(0).column(position) for position in range(file.metadata.num_columns)]

    assert file.schema_arrow.types == [pa.string(), pa.int64(), TAGS, pa.string()]
    assert file.read().to_pydict() == table.to_pydict()
    assert [column.has_dictionary_page for column in columns] == [False, False, False, False, True]


def test_an_object_carries_no_arrow_schema():
    """It would tell readers of dictionaries that other engines do not know."""
    assert b"ARROW:schema" not in (written(pa.table({"word": pa.array(["a"])})).metadata.metadata or {})


def test_rejects_have_the_shape_of_the_streams_own_error_objects():
    """One JSON object a line, bytes as base64, our reason as error code, the delivery record's arrival."""
    rejects = [Reject(1, b'2 1 "\xff\n', "not_utf8"), Reject(0, b"", "bad_base64"), Reject(1, b"2", "field_count")]
    body = to_error_objects(rejects, [1_794_996_300_000, 1_794_996_301_000])

    assert body.endswith(b"}\n")
    told = [json.loads(line) for line in body.splitlines()]
    assert [list(line) for line in told] == [
        ["rawData", "errorCode", "errorMessage", "attemptsMade", "arrivalTimestamp"]
    ] * 3
    assert [base64.b64decode(line["rawData"]) for line in told] == [b'2 1 "\xff\n', b"", b"2"]
    assert [line["errorCode"] for line in told] == ["Enricher.not_utf8", "Enricher.bad_base64", "Enricher.field_count"]
    assert [line["arrivalTimestamp"] for line in told] == [1_794_996_301_000, 1_794_996_300_000, 1_794_996_301_000]
    assert {line["attemptsMade"] for line in told} == {1}
    assert all("cannot be read" in line["errorMessage"] for line in told)


def test_no_rejects_are_no_lines():
    """Nothing is written for nothing."""
    assert to_error_objects([], []) == b""
