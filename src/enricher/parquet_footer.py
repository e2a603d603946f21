"""What a Parquet file holds and will take, by its footer and by its pages' own headers, before anything is inflated.

The footer tells sizes, but nothing holds it to its word: 10 KB of zstd can hold a gigabyte of blanks, and it is the
page's header that a reader allocates by. And pyarrow must not be asked: a footer whose column chunks contradict
themselves ends the process there (``RowGroupMetaData.column``, pyarrow 26), where a read merely raises.
Both are Thrift's compact protocol (https://parquet.apache.org/docs/file-format/metadata/,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from typing import Any, Final, NamedTuple

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8  # bytes: the footer's length, and the magic
_MOST_PAGES: Final = 100_000  # of one column chunk; a writer makes pages of about 1 MiB
_DEEPEST: Final = 12
# Thrift's types, as far as they are told apart.
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = frozenset({4, 5, 6})
# Fields of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData, Statistics.
_GROUPS, _CHUNKS, _ROWS, _META = 4, 1, 3, 3
_KIND, _PATH, _SIZE, _DATA_AT, _DICTIONARY_AT, _STATISTICS = 1, 3, 7, 9, 11, 12
_MOST_VALUE, _LEAST_VALUE = 5, 6
_BYTE_ARRAY: Final = 6
# Fields of PageHeader, and of the headers within that count values.
_INFLATED, _STORED = 2, 3
_DATA, _DICTIONARY, _DATA_V2 = 5, 7, 8
_COUNT: Final = 1


class Chunk(NamedTuple):
    """A column chunk: its path, where it lies in the file, the least and the greatest of its values where told."""

    path: str
    is_text: bool
    first: int
    size: int
    least: bytes | None
    most: bytes | None


class Group(NamedTuple):
    """A row group."""

    rows: int
    chunks: tuple[Chunk, ...]


class Pages(NamedTuple):
    """Of a column chunk: bytes when inflated, and values; dictionaries included."""

    inflated: int
    values: int


def row_groups(body: Any) -> list[Group]:
    """The row groups of a file's bytes, by its footer. Raises ValueError where it has none."""
    view = memoryview(body).cast("B")
    if len(view) < _TAIL + len(_MAGIC) or bytes(view[-4:]) != _MAGIC:
        raise ValueError("no Parquet file")
    size = int.from_bytes(view[-_TAIL:-4], "little")
    first = len(view) - _TAIL - size
    if first < len(_MAGIC):
        raise ValueError("the footer is longer than the file")
    footer, _ = _struct(view[first:-_TAIL], 0, _DEEPEST)
    return [
        Group(_member(group, _ROWS, int), tuple(map(_chunk, _member(group, _CHUNKS, list))))
        for group in _member(footer, _GROUPS, list)
    ]


def pages(body: Any, chunk: Chunk) -> Pages:
    """Walk a chunk's pages. Raises ValueError where there are none."""
    view = memoryview(body).cast("B")
    at, end = chunk.first, chunk.first + chunk.size
    if not 0 <= at <= end <= len(view):
        raise ValueError("a column lies outside of the file")
    inflated = values = number = 0
    while at < end:
        header, at = _struct(view, at, _DEEPEST)
        takes, stored = _member(header, _INFLATED, int), _member(header, _STORED, int)
        number += 1
        if min(takes, stored) < 0 or number > _MOST_PAGES:
            raise ValueError("a column's pages are none")
        inflated += takes
        values += sum(_member(header[kind], _COUNT, int) for kind in (_DATA, _DICTIONARY, _DATA_V2) if kind in header)
        at += stored
    return Pages(inflated, values)


def _chunk(told: Any) -> Chunk:
    meta = _member(told, _META, dict)
    statistics = _member(meta, _STATISTICS, dict) if _STATISTICS in meta else {}
    begins = [_member(meta, _DATA_AT, int)]
    # 0: some writers' word for "none".
    begins += [_member(meta, _DICTIONARY_AT, int)] if meta.get(_DICTIONARY_AT) else []
    return Chunk(
        b".".join(_texts(meta, _PATH)).decode(),
        _member(meta, _KIND, int) == _BYTE_ARRAY,
        min(begins),
        _member(meta, _SIZE, int),
        *(_member(statistics, bound, bytes) if bound in statistics else None for bound in (_LEAST_VALUE, _MOST_VALUE)),
    )


def _member(struct: Any, field: int, kind: type) -> Any:
    """A struct's member of this type; raises ValueError where there is none."""
    value = struct.get(field) if isinstance(struct, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"field {field} is none of a Parquet file")  # noqa: TRY004 - a malformed file
    return value


def _texts(struct: Any, field: int) -> list[bytes]:
    """A struct's list of texts; raises ValueError where it is none."""
    found: list[Any] = _member(struct, field, list)
    if not all(isinstance(each, bytes) for each in found):
        raise ValueError(f"field {field} is no list of texts")
    return found


def _struct(view: Any, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """A struct's fields by id, but for truth values; and where it ends."""
    if depth == 0:
        raise ValueError("nested too deep")
    found: dict[int, Any] = {}
    field = 0
    while True:
        head, at = _byte(view, at)
        if head == _STOP:
            return found, at
        delta, kind = head >> 4, head & 15
        if delta:
            field += delta
        else:
            field, at = _number(view, at)
        if kind not in (_TRUE, _FALSE):
            found[field], at = _value(view, at, kind, depth - 1)


def _value(view: Any, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        return _number(view, at)
    if kind == _STRUCT:
        return _struct(view, at, depth)
    if kind == _BINARY:
        length, at = _varint(view, at)
        if at + length > len(view):
            raise ValueError("cut off")
        return bytes(view[at : at + length]), at + length
    if kind in (_TRUE, _FALSE, _BYTE):
        return None, at + 1
    if kind == _DOUBLE:
        return None, at + 8
    if kind in (_LIST, _SET) and depth:
        return _list(view, at, depth - 1)
    raise ValueError("a type that Parquet does not use")


def _list(view: Any, at: int, depth: int) -> tuple[list[Any], int]:
    head, at = _byte(view, at)
    count, kind = head >> 4, head & 15
    if count == 15:  # noqa: PLR2004 - "more follows"
        count, at = _varint(view, at)
    if count > len(view) - at:  # each takes a byte at least
        raise ValueError("a list longer than the file")
    found = []
    for _ in range(count):
        value, at = _value(view, at, kind, depth)
        found.append(value)
    return found, at


def _number(view: Any, at: int) -> tuple[int, int]:
    """A signed number, zigzag."""
    number, at = _varint(view, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(view: Any, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte, at = _byte(view, at)
        number |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the high bit says that more follows
            return number, at
        shift += 7
        if shift > 63:  # noqa: PLR2004 - of 64 bits
            raise ValueError("a number without end")


def _byte(view: Any, at: int) -> tuple[int, int]:
    if at >= len(view):
        raise ValueError("cut off")
    return view[at], at + 1
