"""Small column operations that Arrow lacks: several columns as one code, dictionaries over shared words."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

_FORMATS: Final[dict[int, Literal["b", "i", "q"]]] = {8: "b", 32: "i", 64: "q"}  # signed integers by width


def int32_array(numbers: Iterable[int]) -> Any:
    """An int32 array of plain numbers (pa.array asks each of them what it is)."""
    if isinstance(numbers, range):
        return pa.arange(numbers.start, numbers.stop, numbers.step).cast(pa.int32())
    numbers = array("i", numbers)
    return pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])


def int64_array(numbers: Iterable[int]) -> Any:
    """An int64 array of plain numbers."""
    numbers = array("q", numbers)
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def numbers(values: Any, null: int) -> Sequence[int]:
    """An integer array to be read one by one, nulls as ``null``: a view, ten times faster than Arrow's scalars."""
    filled = pc.fill_null(values, null)
    if not len(filled):
        return ()
    whole: memoryview[int] = memoryview(filled.buffers()[1]).cast(_FORMATS[filled.type.bit_width])
    return whole[filled.offset : filled.offset + len(filled)]


def plain(array: Any) -> Any:
    """One array from a chunked one."""
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    return array


def looked_up(values: Any, codes: Any) -> Any:
    """``values.take(codes)``, of codes that were made from these values: Arrow need not look at them before."""
    return pc.take(values, codes, boundscheck=False)


def shared_codes(arrays: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Dictionary arrays over one shared dictionary: the dictionary and, for each array, its codes (int32)."""
    unified = pa.chunked_array(arrays).unify_dictionaries()
    return unified.chunk(0).dictionary, [chunk.indices for chunk in unified.chunks]


class Combined:
    """Several columns of codes as one.

    ``codes[i]`` (int32) numbers row ``i``'s combination, ``rows[c]`` is a row that has combination ``c``.
    """

    def __init__(self, columns: Sequence[tuple[Any, int]]) -> None:
        """Take (codes, number of codes) pairs; null is a value of its own."""
        combined: Any = None
        room = 1
        for codes, size in columns:
            here = (pc.fill_null(codes, size) if codes.null_count else codes).cast(pa.int64())
            if combined is None:
                combined, room = here, size + 1
                continue
            if room > 2**62 // (size + 1):
                combined, room = _renumbered(combined)
            combined = pc.add(pc.multiply(combined, size + 1), here)
            room *= size + 1
        encoded = combined.dictionary_encode()
        self.codes = encoded.indices
        self.size = len(encoded.dictionary)
        self.rows = last_rows(self.codes, self.size)


def _renumbered(codes: Any) -> tuple[Any, int]:
    encoded = codes.dictionary_encode()
    return encoded.indices.cast(pa.int64()), len(encoded.dictionary)


def spans(codes: Any, size: int, starts: Any, ends: Any) -> tuple[list[int], list[int]]:
    """For each code below ``size`` the least start and the greatest end of its rows; every code has one."""
    descending = pc.array_sort_indices(starts, order="descending")
    return _values_of_last(codes, size, starts, descending), _values_of_last(
        codes, size, ends, pc.array_sort_indices(ends)
    )


def last_rows(codes: Any, size: int) -> Any:
    """For each code below ``size`` the last row that has it (int32); every code has one. Null is no code."""
    return pc.inverse_permutation(codes, max_index=size - 1) if size else int32_array([])


def _values_of_last(codes: Any, size: int, values: Any, order: Any) -> list[int]:
    found: list[int] = values.take(order.take(last_rows(codes.take(order), size))).to_pylist()
    return found
