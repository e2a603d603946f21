"""A delivery record's payload becomes flow log lines, whatever wrapped them.

Shapes, as met on delivery streams (evidence: shared facts on AWS, "Input shapes"):
``{"message": "<line>"}``, one or several, with or without newlines between; bare lines; a CloudWatch Logs
subscription envelope, gzip (members may follow each other) or already decompressed, with or without message
extraction. Control messages and empty records are drops, counted; what cannot be read is a reject.
"""

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any, Final, overload

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from enricher.errors import BatchTooLargeError

MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
MAX_BATCH_BYTES: Final = 128 * 1024 * 1024
# Bytes alone bound no memory: of the shortest lines they would be millions of rows. `make check` measures both.
MAX_RECORD_LINES: Final = 250_000
MAX_BATCH_LINES: Final = 500_000
# What begins a line, or a reject: in text, in a JSON string (as \n or \u000a), and each object, whatever is in it.
_LINE_BEGINS: Final = (b"\n", b"\\n", b"\\u000", b"{")
_OPENING: Final = b'{"message":"'
_SPACE: Final = 0x20
_TILDE: Final = 0x7E
_GZIP_MAGIC: Final = b"\x1f\x8b"
# A line of JSON that is damaged is looked into for what is whole before the damage: that builds all of it as objects.
_LONGEST_MENDED: Final = 2 * 1024 * 1024
_WIDEST: Final = 4  # bytes that Python takes for each character of a text in which one is beyond U+FFFF
_GZIP_WINDOW: Final = 16 * 1024  # what is behind a member is copied: of many small ones, that of each once


@dataclass(frozen=True, slots=True)
class Reject:
    """A line, or a whole payload, that could not be read: which delivery record, its bytes, why."""

    ordinal: int
    line: bytes
    reason: str


class LineBlock(Sequence[str]):
    """Lines that stand in one text (ASCII, LF between them); cut apart only when one of them is looked at."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.decode().split("\n")

    def __len__(self) -> int:
        return self.text.count(b"\n") + 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._lines[index]


@dataclass(frozen=True, slots=True)
class Lines:
    """Flow log lines of a batch: ``ordinals[i]`` is the delivery record that ``lines[i]`` came in."""

    lines: Sequence[str]
    ordinals: Sequence[int]
    rejects: list[Reject] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What has been read so far, payload by payload."""

    lines: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


class _Message(msgspec.Struct):
    message: str


class _Envelope(msgspec.Struct):
    """CloudWatch Logs user guide, "Subscription filters": the document a subscription sends."""

    messageType: str  # noqa: N815 - CloudWatch's own name
    logEvents: list[_Message] = []  # noqa: N815 - CloudWatch's own name


_MESSAGE: Final = msgspec.json.Decoder(_Message)
_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_STDLIB: Final = json.JSONDecoder()
# msgspec tells bytes that are no UTF-8, and nesting without end, by Python's own errors.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
# Only these are cut off around a line: str.strip() would also take U+00A0 and the like from a value.
_BLANK: Final = " \t\r\n\v\f"


def read_payloads(payloads: Sequence[bytes | None], column: Any = None, *, has_few_lines: bool = True) -> Lines:
    """All lines of a batch, in the order of its delivery records.

    ``payloads[i]`` belongs to ordinal ``i``; None stands for data that was not base64. ``column``: the same as an
    Arrow array (binary), if there is one already. ``has_few_lines``: no record has more than MAX_RECORD_LINES, or it is
    a reject, and the batch has no more than MAX_BATCH_LINES; not so for whole files.

    Raises:
        BatchTooLargeError: the batch inflates beyond MAX_BATCH_BYTES, or may hold more than MAX_BATCH_LINES lines.
    """
    array = pa.array(payloads, pa.binary()) if column is None else column
    return _read_plain_messages(array) or _read_each(payloads, _Room(has_few_lines=has_few_lines))


def _read_plain_messages(array: Any) -> Lines | None:
    """The common batch in one pass: every payload ``{"message":"<line>"}``, all with a newline behind or none.

    None where any differs. Between ends as expected, printable ASCII without quotes and backslashes is a JSON string
    without escapes: a parser would have told the same.
    """
    if not len(array) or array.null_count:
        return None
    closing = b'"}\n' if array[0].as_py().endswith(b"\n") else b'"}'
    if not pc.all(pc.and_(pc.starts_with(array, _OPENING), pc.ends_with(array, closing))).as_py():
        return None
    lines = pc.binary_slice(array, len(_OPENING), -len(closing))
    text: bytes = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), b"\n")[0].as_py()
    if b'"' in text or b"\\" in text or not _is_printable(lines) or _has_blank_end(lines):
        return None
    return Lines(lines=LineBlock(text), ordinals=range(len(lines)))


def _is_printable(lines: Any) -> bool:
    text = lines.buffers()[2]
    extremes = pc.min_max(pa.Array.from_buffers(pa.uint8(), text.size, [None, text]))
    return bool(text.size) and extremes["min"].as_py() >= _SPACE and extremes["max"].as_py() <= _TILDE


def _has_blank_end(lines: Any) -> bool:
    """Whether a line is empty, or begins or ends with a space."""
    blank = pc.or_(pc.starts_with(lines, b" "), pc.ends_with(lines, b" "))
    return bool(pc.any(blank).as_py()) or pc.min(pc.binary_length(lines)).as_py() == 0


def _read_each(payloads: Sequence[bytes | None], room: "_Room") -> Lines:
    result = _Reading()
    ordinals: list[int] = []
    for ordinal, payload in enumerate(payloads):
        before = len(result.lines) + len(result.rejects) + result.dropped.total()
        if payload is None:
            result.rejects.append(Reject(ordinal, b"", "bad_base64"))
        elif payload.startswith(_GZIP_MAGIC):
            _read_gzip(payload, ordinal, result, room)
        elif room.takes(payload):
            _read_plain(payload, ordinal, result)
        else:
            result.rejects.append(Reject(ordinal, payload, "too_many_lines"))
        if len(result.lines) + len(result.rejects) + result.dropped.total() == before:
            result.dropped["empty_record"] += 1
        ordinals.extend([ordinal] * (len(result.lines) - len(ordinals)))
    return Lines(result.lines, ordinals, result.rejects, result.dropped)


def most_lines(payload: bytes) -> int:
    """How many lines a payload may hold, counted before it is taken apart: never too few."""
    return 1 + sum(map(payload.count, _LINE_BEGINS))


@dataclass(slots=True)
class _Room:
    """What a batch may still hold; a payload is counted before it is taken apart."""

    inflated_bytes: int = MAX_BATCH_BYTES
    lines: int = MAX_BATCH_LINES
    has_few_lines: bool = True

    def take_inflated(self, size: int) -> None:
        self.inflated_bytes -= size
        if self.inflated_bytes < 0:
            raise BatchTooLargeError(
                f"batch: inflates to more than {MAX_BATCH_BYTES} bytes; lower the delivery stream's buffer hint"
            )

    def takes(self, payload: bytes) -> bool:
        """Whether the payload's lines are no more than a record may have."""
        if not self.has_few_lines:
            return True
        lines = most_lines(payload)
        if lines > MAX_RECORD_LINES:
            return False
        self.lines -= lines
        if self.lines < 0:
            raise BatchTooLargeError(
                f"batch: may hold more than {MAX_BATCH_LINES} lines; lower the delivery stream's buffer hint"
            )
        return True


def _read_gzip(payload: bytes, ordinal: int, result: _Reading, room: _Room) -> None:
    inflated, reason = inflate(payload, MAX_RECORD_BYTES)
    size = held_bytes(inflated)
    if size > MAX_RECORD_BYTES:
        reason = "inflates_too_large"
    if not reason:
        room.take_inflated(size)
    if not reason and not room.takes(inflated):
        reason = "too_many_lines"
    if reason:
        result.rejects.append(Reject(ordinal, payload, reason))
    else:
        _read_plain(inflated, ordinal, result)


def held_bytes(inflated: bytes) -> int:
    """How many bytes an inflated payload may take as text: what counts against the bounds of records and batches."""
    return len(inflated) * (_WIDEST if _may_be_wide(inflated) else 1)


def _may_be_wide(payload: bytes) -> bool:
    """Whether it holds other characters than ASCII's, or spells one that takes Python more than a byte (over U+00FF).

    AWS percent-encodes the tags of flow logs.
    """
    return not payload.isascii() or payload.count(b"\\u") > payload.count(b"\\u00")


def inflate(payload: bytes, most: int) -> tuple[bytes, str | None]:
    """Inflate gzip members that follow each other, never holding much more than ``most`` bytes.

    Answers the bytes and None, or no bytes and why not: ``bad_gzip`` (truncated, corrupt, something else behind) or
    ``inflates_too_large``.
    """
    whole = memoryview(payload)
    inflated = BytesIO()
    position = 0
    while position < len(whole):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            window = whole[position : position + _GZIP_WINDOW]
            if not window:
                return b"", "bad_gzip"
            room = most - inflated.tell()
            try:
                part = member.decompress(window, room + 1)
            except zlib.error:
                return b"", "bad_gzip"
            if len(part) > room:
                return b"", "inflates_too_large"
            inflated.write(part)
            position += len(window) - len(member.unused_data)
    return inflated.getvalue(), None


def _read_plain(payload: bytes, ordinal: int, result: _Reading) -> None:
    text = payload.strip()
    if text.startswith(b"{"):
        for document in _documents(text, ordinal, result):
            _read_document(document, ordinal, result)
    else:
        _read_text(text, ordinal, result)


def _documents(text: bytes, ordinal: int, result: _Reading) -> list[msgspec.Raw]:
    """JSON documents that stand behind each other; what is none becomes a reject, line by line."""
    try:
        return _RAW.decode_lines(text)
    except _UNREADABLE:
        return [document for line in text.split(b"\n") for document in _documents_of_line(line, ordinal, result)]


def _documents_of_line(line: bytes, ordinal: int, result: _Reading) -> list[msgspec.Raw]:
    """The JSON objects at the front of a line; what follows the last one is a reject."""
    if len(line) > _LONGEST_MENDED:
        result.rejects.append(Reject(ordinal, line.strip(), "bad_json"))
        return []
    # Bytes that are no UTF-8 pass through as surrogates, so that they spoil only their own document.
    text = line.strip().decode(errors="surrogateescape")
    documents: list[msgspec.Raw] = []
    position = 0
    while position < len(text):
        end = _end_of_object(text, position)
        if end is None:
            result.rejects.append(Reject(ordinal, text[position:].encode(errors="surrogateescape"), "bad_json"))
            break
        documents.append(msgspec.Raw(text[position:end].encode(errors="surrogateescape")))
        position = end
        while position < len(text) and text[position] in _BLANK:
            position += 1
    return documents


def _end_of_object(text: str, start: int) -> int | None:
    """Where the JSON object that begins at ``start`` ends; None where there is none."""
    try:
        value, end = _STDLIB.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return end if isinstance(value, dict) else None


def _read_document(document: msgspec.Raw, ordinal: int, result: _Reading) -> None:
    try:
        result.lines.extend(_split(_MESSAGE.decode(document).message))
    except UnicodeDecodeError:
        result.rejects.append(Reject(ordinal, bytes(document), "not_utf8"))
    except _UNREADABLE:
        _read_envelope(document, ordinal, result)


def _read_envelope(document: msgspec.Raw, ordinal: int, result: _Reading) -> None:
    try:
        envelope = _ENVELOPE.decode(document)
    except _UNREADABLE as error:
        reason = "not_utf8" if isinstance(error, UnicodeDecodeError) else "bad_envelope"
        result.rejects.append(Reject(ordinal, bytes(document), reason))
        return
    if envelope.messageType == "DATA_MESSAGE":
        for event in envelope.logEvents:
            result.lines.extend(_split(event.message))
    elif envelope.messageType == "CONTROL_MESSAGE":
        result.dropped["control_message"] += 1
    else:
        result.rejects.append(Reject(ordinal, bytes(document), "bad_envelope"))


def _read_text(text: bytes, ordinal: int, result: _Reading) -> None:
    try:
        result.lines.extend(_split(text.decode()))
    except UnicodeDecodeError:
        for part in text.split(b"\n"):
            try:
                result.lines.extend(_split(part.decode()))
            except UnicodeDecodeError:
                result.rejects.append(Reject(ordinal, part.strip(), "not_utf8"))


def _split(text: str) -> list[str]:
    # Only LF ends a line: str.splitlines would also cut at U+2028 and the like, inside a value.
    return [line for line in (part.strip(_BLANK) for part in text.split("\n")) if line]
