"""Endpoint rows by codes: text as dictionary arrays, encoded once where it is kept, never word by word after.

A column's words are taken along whole; who writes rows keeps those that are used.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from enricher.columns import int32_array, looked_up, plain
from enricher.schema import STRING

# Number of a table, row in it.
Ref = tuple[int, int]


def encoded(table: pa.Table) -> pa.Table:
    """The same rows, their text and the text in their maps as dictionary arrays."""
    return pa.table({name: encoded_column(plain(table[name])) for name in table.column_names})


def encoded_column(words: Any) -> Any:
    """A text or map column as dictionary arrays; one that is encoded already as it is."""
    if isinstance(words, pa.DictionaryArray):
        return words
    if not isinstance(words, pa.MapArray):
        return words.dictionary_encode()
    keys, items = encoded_column(words.keys), encoded_column(words.items)
    return pa.MapArray.from_arrays(words.offsets, keys, items, mask=words.is_null())


def decoded(table: pa.Table) -> pa.Table:
    """The same rows with plain text."""
    return pa.table({name: _decoded_column(plain(table[name])) for name in table.column_names})


def _decoded_column(codes: Any) -> Any:
    if isinstance(codes, pa.MapArray):
        keys, items = codes.keys.cast(STRING), codes.items.cast(STRING)
        return pa.MapArray.from_arrays(codes.offsets, keys, items, mask=codes.is_null())
    return codes.cast(STRING)


def compacted(codes: Any) -> Any:
    """The same words, in a dictionary of those that are used."""
    if isinstance(codes, pa.MapArray):
        keys, items = compacted(codes.keys), compacted(codes.items)
        return pa.MapArray.from_arrays(codes.offsets, keys, items, mask=codes.is_null())
    used = codes.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(used.indices, looked_up(codes.dictionary, used.dictionary), safe=False)


def _small(codes: Any) -> Any:
    """The same words, in a dictionary that is no longer than the rows."""
    is_large = isinstance(codes, pa.MapArray) or len(codes.dictionary) > len(codes)
    return compacted(codes) if is_large else codes


def laid_out(tables: Sequence[pa.Table], refs: Sequence[Ref]) -> pa.Table:
    """The rows of encoded tables that ``refs`` name, in their order; the tables have the same columns."""
    numbers = {number for number, _ in refs}
    if len(numbers) == 1:
        return _rows(tables[numbers.pop()], [row for _, row in refs])
    groups: dict[int, list[int]] = {number: [] for number in numbers}
    for position, (number, _) in enumerate(refs):
        groups[number].append(position)
    parts = [_rows(tables[number], [refs[p][1] for p in mine]) for number, mine in groups.items()]
    small = [pa.table({name: _small(plain(part[name])) for name in part.column_names}) for part in parts]
    joined = pa.concat_tables(small).unify_dictionaries().combine_chunks()
    order = int32_array([position for mine in groups.values() for position in mine])
    return joined.take(pc.inverse_permutation(order)).combine_chunks()


def _rows(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    places = int32_array(rows)
    return pa.Table.from_arrays(
        [looked_up(plain(column), places) for column in table.itercolumns()], table.column_names
    )
