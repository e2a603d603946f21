"""Flow log lines plus their log format become flow records (columns) and rejects.

One ``pyarrow.csv`` read for all good lines; a line is looked at by itself only where it does not fit.
``-`` and the literal ``None`` are null. The rows' columns are those of ``schema.flow_columns()``; text columns are
dictionary-encoded, because everything downstream works on their indices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from ipaddress import ip_address
from socket import AF_INET, inet_pton
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from enricher.columns import int32_array, plain
from enricher.log_format import LogFormat, LogFormats
from enricher.payload import LineBlock, Reject
from enricher.schema import AWS_COLUMNS, BIGINT, EXTRA_FIELDS, INT, STRING

DICTIONARY: Final = pa.dictionary(pa.int32(), pa.string())
_NULLS: Final = ["-", "None"]
_TYPES: Final = {column.name: DICTIONARY if column.type == STRING else column.type for column in AWS_COLUMNS}
_NUMERIC: Final = {column.name: column.type for column in AWS_COLUMNS if column.type in (INT, BIGINT)}
_MOST: Final = {INT: 2**31 - 1, BIGINT: 2**63 - 1}
_ODD_BLANKS: Final = (b"\t", b"\r", b"\v", b"\f")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MILLISECONDS_FROM: Final = 10**11
_PORT_MOST: Final = 65_535
_RANGES: Final = {
    "srcport": _PORT_MOST,
    "dstport": _PORT_MOST,
    "protocol": 255,
    **dict.fromkeys(("version", "packets", "bytes", "start", "end", "tcp_flags", "traffic_path"), 2**63 - 1),
}
ADDRESS_COLUMNS: Final = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a batch's lines came to: ``len(flows) + len(rejects)`` is the number of lines, less ``headers``.

    ``flows``: columns of ``schema.flow_columns()``; ``ordinals[i]`` (int32) tells the delivery record of row ``i``;
    ``rejects`` stop here.
    """

    flows: pa.Table
    ordinals: Any
    rejects: list[Reject]
    headers: int = 0


def parse_lines(lines: Sequence[str], ordinals: Sequence[int], formats: LogFormats) -> Parsed:
    """Read ``lines`` (no line ends inside) that came in delivery records ``ordinals``.

    A line that does not fit its format is a reject with its bytes: ``field_count``, ``bad_integer``,
    ``bad_address``, ``out_of_range``. A line that repeats a format's header is passed over and counted.
    """
    text = lines.text if isinstance(lines, LineBlock) else "\n".join(lines).encode()
    if len(formats.formats) == 1 and not _NUMERIC.keys().isdisjoint(formats.formats[0].columns):
        # No number is spelt as a header's word: the read of numbers fails where there is one.
        return _parse_group(text, lines, ordinals, formats.formats[0], may_repeat_header=True)
    without = _without_headers(text, lines, ordinals, formats)
    if without is not None:
        return without
    if len(formats.formats) == 1:
        return _parse_group(text, lines, ordinals, formats.formats[0])
    return _parse_by_count(lines, ordinals, formats)


def _without_headers(text: bytes, lines: Sequence[str], ordinals: Sequence[int], formats: LogFormats) -> Parsed | None:
    """The other lines, parsed; None where no line repeats a header."""
    if not any(log_format.header.encode() in text for log_format in formats.formats):
        return None
    headers = {log_format.header for log_format in formats.formats}
    kept = [position for position, line in enumerate(lines) if _even(line) not in headers]
    if len(kept) == len(lines):
        return None
    parsed = parse_lines([lines[p] for p in kept], [ordinals[p] for p in kept], formats)
    return replace(parsed, headers=len(lines) - len(kept))


def _parse_by_count(lines: Sequence[str], ordinals: Sequence[int], formats: LogFormats) -> Parsed:
    """Lines of several formats, told apart by their number of fields."""
    by_count: dict[int, list[int]] = {}
    for position, line in enumerate(lines):
        by_count.setdefault(len(line.encode().split()), []).append(position)
    parts: list[Parsed] = []
    for log_format in formats.formats:
        positions = by_count.pop(len(log_format.fields), [])
        mine = [lines[p] for p in positions]
        parts.append(_parse_group("\n".join(mine).encode(), mine, [ordinals[p] for p in positions], log_format))
    strangers = [position for positions in by_count.values() for position in positions]
    rejects = [Reject(ordinals[p], lines[p].encode(), "field_count") for p in strangers]
    return _joined(parts, rejects)


def unify(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of one chunk a column from tables of the same columns; dictionaries are unified."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _joined(parts: list[Parsed], rejects: list[Reject]) -> Parsed:
    for part in parts:
        rejects.extend(part.rejects)
    parts = [part for part in parts if part.flows.num_rows] or parts[:1]
    if len(parts) == 1:
        return Parsed(parts[0].flows, parts[0].ordinals, rejects)
    return Parsed(unify([p.flows for p in parts]), pa.concat_arrays([p.ordinals for p in parts]), rejects)


class _Rows:
    """Rows read so far; ``positions[i]`` is the line that row ``i`` came from. Dropped rows become rejects."""

    def __init__(self, table: pa.Table, lines: Sequence[str], ordinals: Sequence[int], misfits: list[int]) -> None:
        self.table = table
        self.rejects: list[Reject] = []
        self._lines = lines
        self._ordinals = ordinals
        gone = set(misfits)
        self._positions = int32_array(p for p in range(len(lines)) if p not in gone) if gone else None

    def take_out(self, mask: Any) -> list[int]:
        """Take the rows where ``mask`` (bool, no nulls; None: nowhere) is true out; answers their lines' positions."""
        if mask is None or not pc.any(mask).as_py():
            return []
        mask = plain(mask)
        kept = pc.invert(mask)
        self.table = self.table.filter(kept)
        before = int32_array(range(len(self._lines))) if self._positions is None else self._positions
        self._positions = before.filter(kept)
        positions: list[int] = before.filter(mask).to_pylist()
        return positions

    def drop(self, mask: Any, reason: str) -> None:
        """Reject the rows where ``mask`` (bool, no nulls) is true."""
        self.reject(self.take_out(mask), reason)

    def reject(self, positions: list[int], reason: str) -> None:
        """Reject lines that are no row of the table."""
        self.rejects += [Reject(self._ordinals[p], self._lines[p].encode(), reason) for p in positions]

    def ordinals(self) -> Any:
        """The delivery record of each row (int32)."""
        ordinals = int32_array(self._ordinals)
        return ordinals if self._positions is None else ordinals.take(self._positions)


def _parse_group(
    text: bytes,
    lines: Sequence[str],
    ordinals: Sequence[int],
    log_format: LogFormat,
    *,
    may_repeat_header: bool = False,
) -> Parsed:
    """Lines of one format; ``text`` holds the same lines, LF between them."""
    as_told = text
    if not isinstance(lines, LineBlock) and any(blank in text for blank in _ODD_BLANKS):
        text = "\n".join(_even(line) for line in lines).encode()
    misfits: list[int] = []
    is_doubtful = _may_hold_hexadecimal(text)
    table = None if is_doubtful else _read_typed(text, log_format, misfits)
    without = None
    if table is None and may_repeat_header:
        without = _without_headers(as_told, lines, ordinals, LogFormats((log_format,)))
    if without is not None:
        return without
    if table is None:
        # One bad integer fails a typed read as a whole: read the numbers as text and look for it.
        misfits.clear()
        types = {**_TYPES, **dict.fromkeys(_NUMERIC, STRING)}
        rows = _Rows(_read(text, log_format, misfits, types), lines, ordinals, misfits)
        uneven = rows.take_out(_has_empty_word(rows.table))
        _cast_numbers(rows, log_format, is_doubtful=is_doubtful)
    else:
        rows = _Rows(table, lines, ordinals, misfits)
        uneven = rows.take_out(_has_empty_word(table))
    drop_implausible(rows)
    # Runs of spaces read as empty values, or as more fields than there are.
    mendable = [p for p in (*misfits, *uneven) if _even(lines[p]) != lines[p]]
    rows.reject(sorted({*misfits, *uneven} - set(mendable)), "field_count")
    parsed = Parsed(_in_schema(rows.table, log_format), rows.ordinals(), rows.rejects)
    if not mendable:
        return parsed
    return _joined([parsed, _parse_mended(sorted(mendable), lines, ordinals, log_format)], [])


def _may_hold_hexadecimal(text: bytes) -> bool:
    """Arrow reads 0x10 as a number. Searching for one byte is fast, for two it is not."""
    return (b"x" in text and b"0x" in text) or (b"X" in text and b"0X" in text)


def _read_typed(text: bytes, log_format: LogFormat, misfits: list[int]) -> pa.Table | None:
    try:
        return _read(text, log_format, misfits, _TYPES)
    except pa.ArrowInvalid:
        return None


def _parse_mended(positions: list[int], lines: Sequence[str], ordinals: Sequence[int], log_format: LogFormat) -> Parsed:
    """Lines read again with one space between fields; a reject still keeps the bytes that came."""
    evened = [_even(lines[p]) for p in positions]
    parsed = _parse_group("\n".join(evened).encode(), evened, range(len(evened)), log_format)
    rejects = [
        Reject(ordinals[positions[r.ordinal]], lines[positions[r.ordinal]].encode(), r.reason) for r in parsed.rejects
    ]
    came_in = int32_array(ordinals[p] for p in positions)
    return Parsed(parsed.flows, came_in.take(parsed.ordinals), rejects)


def _even(line: str) -> str:
    # bytes.split knows only ASCII's white space: str.split would cut values at U+00A0 and the like.
    return b" ".join(line.encode().split()).decode()


def _has_empty_word(table: pa.Table) -> Any:
    """Rows with an empty value in any text column (bool; None: there are none)."""
    columns = [plain(column) for column in table.columns]
    coded = [column for column in columns if pa.types.is_dictionary(column.type)]
    if not coded or pc.index(pa.chunked_array([column.dictionary for column in coded]), "").as_py() < 0:
        coded = []
    empty = [pc.equal(column.dictionary, "").take(column.indices) for column in coded]
    empty += [pc.equal(column, "") for column in columns if column.type == STRING]
    return reduce(pc.or_, (pc.fill_null(each, False) for each in empty)) if empty else None


def _cast_numbers(rows: _Rows, log_format: LogFormat, *, is_doubtful: bool) -> None:
    """Numbers that were read as text; ``is_doubtful``: some may be hexadecimals, which a cast takes too."""
    numeric = [name for name in log_format.columns if name in _NUMERIC]
    # One bad word is in one column; that the others are as they should be, a cast tells at once.
    doubtful = numeric if is_doubtful else _cast_what_can_be(rows, numeric)
    for name in doubtful:
        rows.drop(_not_a_number(rows.table[name]), "bad_integer")
    for name in doubtful:
        rows.drop(_too_large(rows.table[name], _MOST[_NUMERIC[name]]), "out_of_range")
    if left := _cast_what_can_be(rows, doubtful):
        raise AssertionError(f"words that are no numbers are left in {left}")


def _cast_what_can_be(rows: _Rows, names: Sequence[str]) -> list[str]:
    """Make columns of text the numbers that they are; answers those that hold a word that is none."""
    failed = []
    for name in names:
        try:
            numbers = rows.table[name].cast(_NUMERIC[name])
        except pa.ArrowInvalid:
            failed.append(name)
        else:
            rows.table = rows.table.set_column(rows.table.column_names.index(name), name, numbers)
    return failed


def _read(raw: bytes, log_format: LogFormat, misfits: list[int], types: dict[str, Any]) -> pa.Table:
    """One single-threaded, one-block read; numbers (from 0) of rows with another field count go to ``misfits``."""
    columns = log_format.columns
    if not raw:
        return pa.table({name: pa.array([], types.get(name, STRING)) for name in columns})

    if raw.startswith(_BYTE_ORDER_MARK):
        # Arrow drops one at the front; it is part of the first line's first value.
        raw = _BYTE_ORDER_MARK + raw

    def misfit(row: csv.InvalidRow) -> str:
        misfits.append(row.number - 1)
        return "skip"

    return csv.read_csv(
        pa.py_buffer(raw),
        csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(raw) + 1),
        csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=False, invalid_row_handler=misfit),
        csv.ConvertOptions(
            column_types={name: types.get(name, STRING) for name in columns},
            null_values=_NULLS,
            strings_can_be_null=True,
            check_utf8=False,  # the lines were text
        ),
    ).combine_chunks()


def _not_a_number(texts: Any) -> Any:
    texts = plain(texts)
    is_odd = pc.fill_null(pc.invert(pc.ascii_is_decimal(texts)), False)
    odd = texts.filter(is_odd)
    return pc.replace_with_mask(is_odd, is_odd, pc.invert(pc.match_substring_regex(odd, r"^-?[0-9]+$")))


def _too_large(texts: Any, most: int) -> Any:
    digits = pc.utf8_ltrim(plain(texts), "-0")
    length, limit = pc.utf8_length(digits), str(most)
    longer = pc.greater(length, len(limit))
    greater = pc.and_(pc.equal(length, len(limit)), pc.greater(digits, limit))
    return pc.fill_null(pc.or_(longer, greater), False)


def drop_implausible(rows: _Rows) -> None:
    """Reject rows that no flow log can hold: another order of fields was declared than was sent, or bytes are lost."""
    present = set(rows.table.column_names)
    for name, most in _RANGES.items():
        if name in present:
            column = rows.table[name]
            low, high = pc.min_max(column).as_py().values()
            if low is not None and (low < 0 or high > most):
                outside = pc.or_(pc.less(column, 0), pc.greater(column, most))
                rows.drop(pc.fill_null(outside, False), "out_of_range")
    names = [name for name in ADDRESS_COLUMNS if name in present]
    if names and rows.table.num_rows:
        words = pa.chunked_array([rows.table[name].chunk(0).dictionary for name in names]).unique()
        bad = [text for text in words.to_pylist() if not _is_address(text)]
        if bad:
            for name in names:
                _drop_addresses(rows, name, pa.array(bad, STRING))


def _drop_addresses(rows: _Rows, name: str, bad: Any) -> None:
    """Reject rows whose address is a ``bad`` word, and forget the word."""
    column = rows.table[name].combine_chunks()
    is_bad = pc.is_in(column.dictionary, value_set=bad)
    rows.drop(pc.fill_null(is_bad.take(column.indices), False), "bad_address")
    position = rows.table.column_names.index(name)
    compact = rows.table[name].cast(STRING).combine_chunks().dictionary_encode()
    rows.table = rows.table.set_column(position, name, compact)


def _is_address(text: str) -> bool:
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return ":" in text and _is_ipv6(text)
    return True


def _is_ipv6(text: str) -> bool:
    # ip_address takes a zone index (fe80::1%eth0), which no look-up does.
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _in_schema(table: pa.Table, log_format: LogFormat) -> pa.Table:
    """The columns of ``schema.flow_columns()``; those the format lacks are null."""
    rows = table.num_rows
    present = set(log_format.columns)
    nulls = {kind: pa.nulls(rows, kind) for kind in (DICTIONARY, INT, BIGINT)}
    columns: dict[str, Any] = {
        column.name: table[column.name] if column.name in present else nulls[_TYPES[column.name]]
        for column in AWS_COLUMNS
    }
    for name in ("start", "end"):
        columns[name] = _seconds(columns[name])
    if "log_status" not in present:
        columns["log_status"] = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["OK"]))
    columns[EXTRA_FIELDS.name] = _extra_fields(table, log_format)
    return pa.table(columns)


def _seconds(times: Any) -> Any:
    most = pc.max(times).as_py()
    if most is None or most < _MILLISECONDS_FROM:
        return times
    return pc.if_else(pc.greater_equal(times, _MILLISECONDS_FROM), pc.divide(times, 1000), times)


def _extra_fields(table: pa.Table, log_format: LogFormat) -> Any:
    unknown = log_format.unknown_fields
    if not unknown:
        return pa.nulls(table.num_rows, EXTRA_FIELDS.type)
    values = [table[field.replace("-", "_")].to_pylist() for field in unknown]
    rows = [
        [(field, value) for field, value in zip(unknown, row, strict=True) if value is not None]
        for row in zip(*values, strict=True)
    ]
    return pa.array(rows, EXTRA_FIELDS.type)
