"""Enriched rows as JSON lines, for a delivery stream's destinations other than the lake. Pure.

A line is a row of the lake as one JSON object: the columns' names in the lake's order, nulls left out, maps as objects,
integers as numbers, ``arrived_at`` as ISO 8601 in UTC with milliseconds. Built column by column: a word of a dictionary
is written as JSON once, not once a row.
"""

from functools import reduce
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from enricher.columns import plain
from enricher.schema import SIDES

# What a response that is too large does without: the lake's own tags and where the row came from. Owners, places and
# promoted tags stay.
TAGS: Final = tuple(f"{side}_tags" for side in SIDES)
PROVENANCE: Final = ("batch_id", "arrived_at", "inventory_age_s", "enricher_version")

_BYTES: Final = pa.binary()


def to_json_lines(rows: pa.Table) -> Any:
    """Each row's line with LF behind it (binary array without nulls), in the rows' order.

    Args:
        rows: columns of strings (also as dictionaries), integers, timestamps in ms, and maps from string to string.
    """
    members = [
        _member(name, plain(column))
        for name, column in zip(rows.column_names, rows.columns, strict=True)
        if column.null_count < len(column)
    ]
    # pyarrow 26 leaves a row out of the result where all are null and skipped: such a row gets a member of no bytes.
    has_none = reduce(pc.and_, (member.is_null() for member in members), pa.repeat(pa.scalar(True), rows.num_rows))
    members.append(pc.if_else(has_none, pa.scalar(b"", _BYTES), pa.scalar(None, _BYTES)))
    joined = pc.binary_join_element_wise(*members, b",", null_handling="skip")
    return pc.binary_join_element_wise(b"{", joined, b"}\n", b"")


def by_record(lines: Any, ordinals: Any) -> dict[int, memoryview]:
    """The lines of each delivery record that has any, one behind the other, by ordinal.

    Args:
        lines: as ``to_json_lines`` gives them.
        ordinals: each line's delivery record (int32 array without nulls).
    """
    order = pc.sort_indices(ordinals)  # stable: a record's lines stay in their order
    lines, ordinals = lines.take(order), ordinals.take(order)
    runs = pc.run_end_encode(ordinals)
    ends: list[int] = pc.take(_offsets(lines), runs.run_ends).to_pylist()
    text = memoryview(lines.buffers()[2] or b"")
    starts = [0, *ends]
    return {
        ordinal: text[start:end] for ordinal, start, end in zip(runs.values.to_pylist(), starts, ends, strict=False)
    }


def _offsets(lines: Any) -> Any:
    """Where each line of a freshly taken array begins, and the last one ends (int32)."""
    return pa.Array.from_buffers(pa.int32(), len(lines) + 1, [None, lines.buffers()[1]])


def _member(name: str, column: Any) -> Any:
    """A column's members, ``"name":value``; null where the value is."""
    return pc.binary_join_element_wise(msgspec.json.encode(name) + b":", _values(column), b"")


def _values(column: Any) -> Any:
    """A column's values as JSON (binary); nulls stay."""
    kind = column.type
    if pa.types.is_map(kind):
        return _objects(column)
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary).take(column.indices)
    if pa.types.is_string(kind):
        encoded = column.dictionary_encode()
        return _texts(encoded.dictionary).take(encoded.indices)
    if pa.types.is_timestamp(kind):
        texts = pc.strftime(column, format='"%Y-%m-%dT%H:%M:%SZ"', locale="C")
        return texts.cast(_BYTES)
    return column.cast(pa.string()).cast(_BYTES)


def _texts(words: Any) -> Any:
    """Each word as a JSON string; what JSON does not allow in one is escaped."""
    encode = msgspec.json.Encoder().encode
    return pa.array([None if word is None else encode(word) for word in words.to_pylist()], _BYTES)


def _objects(maps: Any) -> Any:
    """Each map as a JSON object."""
    # The flattened entries of the array's own rows: its offsets may begin anywhere.
    keys, items = maps.keys, maps.items
    pairs = pc.binary_join_element_wise(_values(keys), pc.fill_null(_values(items), b"null"), b":")
    joined = pc.binary_join(pa.ListArray.from_arrays(maps.offsets, pairs), b",")
    members = pc.binary_join_element_wise(b"{", joined, b"}", b"")
    return pc.if_else(maps.is_valid(), members, None)
