"""Rows as JSON lines: what each kind of column looks like, and which line belongs to which delivery record."""

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enricher.json_lines import by_record, to_json_lines
from enricher.schema import BIGINT, INT, STRING, TAGS, TIMESTAMP

WORDS = st.text(st.characters(codec="utf-8"), max_size=4)
HOSTILE = [
    "",
    '"',
    "\\",
    'a"b\\',
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x1b",
    "\x7f",
    "\u0085",
    "\u2028",
    "\u2029",
    "\ufeff",
    "é🦊",
]
YEAR_9999_MS = 253_402_300_799_999


def texts() -> st.SearchStrategy[str]:
    """Hostile words and any others."""
    return st.one_of(st.sampled_from(HOSTILE), WORDS)


def columns(rows: int) -> st.SearchStrategy[dict[str, list[Any]]]:
    """One column of each kind, values and nulls."""

    def column(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows)

    maps = st.dictionaries(texts(), texts(), max_size=3).map(lambda told: list(told.items()))
    return st.fixed_dictionaries(
        {
            "text": column(texts()),
            'na"me': column(texts()),
            "small": column(st.integers(-(2**31), 2**31 - 1)),
            "large": column(st.integers(-(2**63), 2**63 - 1)),
            "tags": column(maps),
            "moment": column(st.integers(0, YEAR_9999_MS)),
        }
    )


def table_of(told: dict[str, list[Any]]) -> pa.Table:
    """The columns in the types of the lake; one of the texts as a dictionary, as enrichment makes them."""
    return pa.table(
        {
            "text": pa.array(told["text"], STRING),
            'na"me': pa.array(told['na"me'], STRING).dictionary_encode(),
            "small": pa.array(told["small"], INT),
            "large": pa.array(told["large"], BIGINT),
            "tags": pa.array(told["tags"], TAGS),
            "moment": pa.array(told["moment"], BIGINT).cast(TIMESTAMP),
        }
    )


def object_of(told: dict[str, list[Any]], row: int) -> dict[str, Any]:
    """What a reader must find in a row's line."""
    values = {name: told[name][row] for name in table_of(told).column_names if told[name][row] is not None}
    if "tags" in values:
        values["tags"] = dict(values["tags"])
    if "moment" in values:
        seconds, milliseconds = divmod(values["moment"], 1000)
        values["moment"] = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
    return values


@settings(max_examples=150, deadline=None)
@given(data=st.data(), rows=st.integers(0, 4), skipped=st.integers(0, 2))
def test_a_line_is_its_row_and_nothing_else(data: st.DataObject, rows: int, skipped: int) -> None:
    """One object a line, LF only at its end, names in order, nulls left out; the same for a slice of a table."""
    told = data.draw(columns(rows))

    lines = to_json_lines(table_of(told).slice(skipped)).to_pylist()

    assert all(line.count(b"\n") == 1 and line.endswith(b"}\n") for line in lines)
    expected = [object_of(told, row) for row in range(skipped, rows)]
    assert [json.loads(line) for line in lines] == expected
    assert [list(json.loads(line)) for line in lines] == [list(row) for row in expected]


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=3)), max_size=9))
def test_a_record_gets_its_own_lines_in_order(pairs: list[tuple[int, bytes]]) -> None:
    """Whatever the order of the rows: each record's lines one behind the other, no key for a record without any."""
    lines = pa.array([line for _, line in pairs], pa.binary())
    ordinals = pa.array([ordinal for ordinal, _ in pairs], pa.int32())

    told = {ordinal: bytes(body) for ordinal, body in by_record(lines, ordinals).items()}

    expected: dict[int, bytes] = {}
    for ordinal, line in sorted(pairs, key=lambda pair: pair[0]):
        expected[ordinal] = expected.get(ordinal, b"") + line
    assert list(told.items()) == list(expected.items())


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_rows_of_nulls_are_empty_objects(rows: int) -> None:
    """There is a line for every row, even for one that says nothing."""
    assert to_json_lines(pa.table({"a": pa.nulls(rows, STRING)})).to_pylist() == [b"{}\n"] * rows
