"""Flow log lines plus their log format become flow records (columns) and rejects.

One ``pyarrow.csv`` read for all good lines; a line is looked at by itself only where it does not fit.
``-`` and the literal ``None`` are null. The rows' columns are those of ``schema.flow_columns()``; text columns are
dictionary-encoded, because everything downstream works on their indices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from enricher.columns import plain
from enricher.log_format import LogFormat, LogFormats
from enricher.payload import Reject
from enricher.schema import AWS_COLUMNS, BIGINT, EXTRA_FIELDS, INT, STRING

DICTIONARY: Final = pa.dictionary(pa.int32(), pa.string())
_NULLS: Final = ["-", "None", ""]
_TYPES: Final = {column.name: DICTIONARY if column.type == STRING else column.type for column in AWS_COLUMNS}
_NUMERIC: Final = {column.name: column.type for column in AWS_COLUMNS if column.type in (INT, BIGINT)}
_MOST: Final = {INT: 2**31 - 1, BIGINT: 2**63 - 1}
_MILLISECONDS_FROM: Final = 10**11
_PORT_MOST: Final = 65_535
_RANGES: Final = {
    "srcport": _PORT_MOST,
    "dstport": _PORT_MOST,
    "protocol": 255,
    **dict.fromkeys(("version", "packets", "bytes", "start", "end", "tcp_flags", "traffic_path"), 2**63 - 1),
}
ADDRESS_COLUMNS: Final = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
_IPV4: Final = r"^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$"


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
    ``bad_address``, ``out_of_range``. A line that repeats the format's header is passed over and counted.
    """
    headers = {log_format.header for log_format in formats.formats}
    if any(map(headers.__contains__, lines)):
        return _without_headers(lines, ordinals, formats, headers)
    if len(formats.formats) == 1:
        return _parse_group(lines, ordinals, formats.formats[0])
    by_count: dict[int, list[int]] = {}
    for position, line in enumerate(lines):
        by_count.setdefault(len(line.split()), []).append(position)
    known = {len(log_format.fields): log_format for log_format in formats.formats}
    parts = [
        _parse_group([lines[p] for p in positions], [ordinals[p] for p in positions], known[count])
        for count, positions in by_count.items()
        if count in known
    ]
    strangers = [p for count, positions in by_count.items() if count not in known for p in positions]
    rejects = [Reject(ordinals[p], lines[p].encode(), "field_count") for p in strangers]
    return _joined(parts or [_parse_group([], [], formats.formats[0])], rejects)


def unify(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of one chunk a column from tables of the same columns; dictionaries are unified."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _without_headers(lines: Sequence[str], ordinals: Sequence[int], formats: LogFormats, headers: set[str]) -> Parsed:
    kept = [position for position, line in enumerate(lines) if line not in headers]
    parsed = parse_lines([lines[p] for p in kept], [ordinals[p] for p in kept], formats)
    return Parsed(parsed.flows, parsed.ordinals, parsed.rejects, len(lines) - len(kept))


def _joined(parts: list[Parsed], rejects: list[Reject]) -> Parsed:
    for part in parts:
        rejects.extend(part.rejects)
    if len(parts) == 1:
        return Parsed(parts[0].flows, parts[0].ordinals, rejects)
    return Parsed(unify([p.flows for p in parts]), pa.concat_arrays([p.ordinals for p in parts]), rejects)


class _Rows:
    """Rows read so far; ``positions[i]`` is the line that row ``i`` came from. Dropped rows become rejects."""

    def __init__(self, table: pa.Table, lines: Sequence[str], ordinals: Sequence[int], misfits: list[int]) -> None:
        self.table = table
        self._lines = lines
        self._ordinals = ordinals
        self.rejects = [self._reject(position, "field_count") for position in misfits]
        gone = set(misfits)
        self._positions = pa.array(
            range(len(lines)) if not gone else [p for p in range(len(lines)) if p not in gone], pa.int32()
        )

    def drop(self, mask: Any, reason: str) -> None:
        """Reject the rows where ``mask`` (bool, no nulls) is true."""
        if not pc.any(mask).as_py():
            return
        self.rejects.extend(self._reject(position, reason) for position in self._positions.filter(mask).to_pylist())
        kept = pc.invert(mask)
        self.table = self.table.filter(kept)
        self._positions = self._positions.filter(kept)

    def ordinals(self) -> Any:
        return pa.array(self._ordinals, pa.int32()).take(self._positions)

    def _reject(self, position: int, reason: str) -> Reject:
        return Reject(self._ordinals[position], self._lines[position].encode(), reason)


def _parse_group(lines: Sequence[str], ordinals: Sequence[int], log_format: LogFormat) -> Parsed:
    blob = "\n".join(lines)
    if "  " in blob or "\t" in blob or "\r" in blob or " \n" in blob or "\n " in blob or blob != blob.strip():
        # Runs of spaces would read as empty values and shift the rest.
        blob = "\n".join(" ".join(line.split()) for line in lines)
    raw = blob.encode()
    misfits: list[int] = []
    try:
        rows = _Rows(_read(raw, log_format, misfits, _TYPES), lines, ordinals, misfits)
    except pa.ArrowInvalid:
        # One bad integer fails a typed read as a whole: read the numbers as text and look for it.
        misfits.clear()
        rows = _Rows(
            _read(raw, log_format, misfits, {**_TYPES, **dict.fromkeys(_NUMERIC, STRING)}), lines, ordinals, misfits
        )
        for name in _NUMERIC.keys() & set(log_format.columns):
            rows.drop(_not_a_number(rows.table[name]), "bad_integer")
            rows.drop(_too_large(rows.table[name], _MOST[_NUMERIC[name]]), "out_of_range")
        for index, name in enumerate(rows.table.column_names):
            if name in _NUMERIC:
                rows.table = rows.table.set_column(index, name, rows.table[name].cast(_NUMERIC[name]))
    drop_implausible(rows)
    return Parsed(_in_schema(rows.table, log_format), rows.ordinals(), rows.rejects)


def _read(raw: bytes, log_format: LogFormat, misfits: list[int], types: dict[str, Any]) -> pa.Table:
    """One single-threaded, one-block read; numbers (from 0) of rows with another field count go to ``misfits``."""
    columns = log_format.columns
    if not raw:
        return pa.table({name: pa.array([], types.get(name, STRING)) for name in columns})

    def misfit(row: csv.InvalidRow) -> str:
        misfits.append(row.number - 1)
        return "skip"

    return csv.read_csv(
        pa.py_buffer(raw),
        csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(raw) + 1),
        csv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=misfit),
        csv.ConvertOptions(
            column_types={name: types.get(name, STRING) for name in columns},
            null_values=_NULLS,
            strings_can_be_null=True,
            check_utf8=False,  # the lines were str
        ),
    ).combine_chunks()


def _not_a_number(texts: Any) -> Any:
    return pc.fill_null(pc.invert(pc.match_substring_regex(plain(texts), r"^-?[0-9]+$")), False)


def _too_large(texts: Any, most: int) -> Any:
    digits = pc.utf8_ltrim(plain(texts), "-0")
    length, limit = pc.utf8_length(digits), str(most)
    longer = pc.greater(length, len(limit))
    greater = pc.and_(pc.equal(length, len(limit)), pc.greater(digits, limit))
    return pc.fill_null(pc.or_(longer, greater), False)


def drop_implausible(rows: _Rows) -> None:
    """Reject rows that no flow log can hold: another order of fields was declared than was sent, or bytes are lost."""
    for name, most in _RANGES.items():
        if name in rows.table.column_names:
            column = rows.table[name]
            extremes = pc.min_max(column)
            if extremes["min"].is_valid and (extremes["min"].as_py() < 0 or extremes["max"].as_py() > most):
                outside = pc.or_(pc.less(column, 0), pc.greater(column, most))
                rows.drop(pc.fill_null(outside, False), "out_of_range")
    for name in ADDRESS_COLUMNS:
        if name in rows.table.column_names and rows.table.num_rows:
            column = rows.table[name].chunk(0)
            bad = [index for index, text in _unlike_ipv4(column.dictionary) if not _is_address(text)]
            if bad:
                outside = pc.is_in(column.indices, pa.array(bad, pa.int32()))
                rows.drop(outside, "bad_address")
                position = rows.table.column_names.index(name)
                compact = rows.table[name].cast(STRING).combine_chunks().dictionary_encode()
                rows.table = rows.table.set_column(position, name, compact)


def _unlike_ipv4(addresses: Any) -> list[tuple[int, str]]:
    unlike = pc.indices_nonzero(pc.invert(pc.match_substring_regex(addresses, _IPV4)))
    return list(zip(unlike.to_pylist(), addresses.take(unlike).to_pylist(), strict=True))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _in_schema(table: pa.Table, log_format: LogFormat) -> pa.Table:
    """The columns of ``schema.flow_columns()``; those the format lacks are null."""
    rows = table.num_rows
    present = set(log_format.columns)
    columns: dict[str, Any] = {}
    for column in AWS_COLUMNS:
        if column.name in present:
            columns[column.name] = table[column.name]
        else:
            columns[column.name] = pa.nulls(rows, _TYPES[column.name])
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
