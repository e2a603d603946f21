"""Columns as codes: whatever the codes are, they tell equal from unequal, and lead back to the values."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enricher.columns import Combined, last_rows, looked_up, numbers, plain, shared_codes, spans

CODES = st.one_of(st.none(), st.integers(0, 4))
SIZES = st.sampled_from([5, 2**20, 2**31 - 2])
WORDS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "-", "ä"]))


@st.composite
def coded_columns(draw):
    """Up to five columns of equal length, each of codes below its size."""
    rows = draw(st.integers(0, 12))
    sizes = draw(st.lists(SIZES, min_size=1, max_size=5))
    columns = [
        [None if code is None else code * (size // 5) for code in draw(st.lists(CODES, min_size=rows, max_size=rows))]
        for size in sizes
    ]
    return list(zip(columns, sizes, strict=True))


@settings(deadline=None)
@given(columns=coded_columns())
def test_a_combined_code_stands_for_one_combination(columns):
    """Rows share a code if and only if all their columns are equal, null being a value of its own."""
    combined = Combined([(pa.array(codes, pa.int32()), size) for codes, size in columns])
    rows = list(zip(*(codes for codes, _ in columns), strict=True))
    codes = combined.codes.to_pylist()

    assert combined.codes.type == pa.int32()
    assert len(codes) == len(rows)
    assert len(set(zip(codes, rows, strict=True))) == len(set(codes)) == len(set(rows)) == combined.size
    assert sorted(set(codes)) == list(range(combined.size))
    assert [rows[row] for row in combined.rows.to_pylist()] == [
        dict(zip(codes, rows, strict=True))[code] for code in range(combined.size)
    ]


@settings(deadline=None)
@given(data=st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), *[st.integers(-9, 9)] * 2), max_size=12))
def test_spans_are_the_least_start_and_the_greatest_end_of_each_code(data):
    """Against a plain loop; codes may come in any order, rows without a code count for none."""
    used = sorted({code for code, _, _ in data if code is not None})
    codes = [None if code is None else used.index(code) for code, _, _ in data]
    starts, ends = [start for _, start, _ in data], [end for _, _, end in data]
    expected = [
        (
            min(start for code, start in zip(codes, starts, strict=True) if code == wanted),
            max(end for code, end in zip(codes, ends, strict=True) if code == wanted),
        )
        for wanted in range(len(used))
    ]

    firsts, lasts = spans(
        pa.array(codes, pa.int32()), len(used), pa.array(starts, pa.int64()), pa.array(ends, pa.int64())
    )

    assert list(zip(firsts, lasts, strict=True)) == expected


@settings(deadline=None)
@given(columns=st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=4))
def test_codes_over_a_shared_dictionary_lead_back_to_the_words(columns):
    """Equal codes are equal words, across columns; null stays null."""
    dictionary, codes = shared_codes([pa.array(words, pa.string()).dictionary_encode() for words in columns])

    assert [dictionary.take(code).to_pylist() for code in codes] == columns
    words = dictionary.to_pylist()
    assert len(set(words)) == len(words)


def test_a_chunked_column_becomes_one_array():
    """No chunk, one chunk, several: the same values in one array."""
    for chunks in ([], [[1, None]], [[1], [], [None, 3]]):
        array = plain(pa.chunked_array(chunks, pa.int64()))
        assert isinstance(array, pa.Int64Array)
        assert array.to_pylist() == [value for chunk in chunks for value in chunk]
    assert plain(pa.array([1])).to_pylist() == [1]


@pytest.mark.parametrize("width", [pa.int8(), pa.int32(), pa.int64()])
@pytest.mark.parametrize("part", [(0, 4), (1, 2), (3, 0), (1, 3)])
def test_numbers_are_read_one_by_one_nulls_too(width, part):
    """Also of a slice, and of nothing."""
    whole = [1, None, -3, 4]
    offset, length = part

    read = numbers(pa.array(whole, width).slice(offset, length), -7)

    assert list(read) == [-7 if value is None else value for value in whole[offset : offset + length]]


def test_the_last_row_of_each_code():
    """Null is no code; no codes have no rows."""
    assert last_rows(pa.array([0, None, 1, 0, None], pa.int32()), 2).to_pylist() == [3, 2]
    assert last_rows(pa.array([None, None], pa.int32()), 0).to_pylist() == []


def test_a_code_is_looked_up_as_take_would():
    """In plain and in dictionary arrays; null stays null."""
    for words in (pa.array(["a", None, "b"]), pa.array(["a", None, "b"]).dictionary_encode()):
        assert looked_up(words, pa.array([2, None, 1, 0], pa.int32())).to_pylist() == ["b", None, None, "a"]
