"""Error objects back into delivery records: what Firehose keeps of records that failed, and our own rejects.

JSON lines, one delivery record each, its bytes in base64. Members come in several spellings (``lambdaArn`` or
``lambdaARN``; ``errorCode``, ``ErrorCode`` or ``lastErrorCode``), so case is ignored. Whoever may write to the error
prefix may write anything: a line that cannot be read is a value with its reason, never an exception.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
"""

import binascii
import gzip
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import msgspec

from compaction.inputs import LATEST_MS, REGION

LONGEST_LINE: Final = 16 * 1024 * 1024  # bytes; a Kinesis record of 10 MiB in base64 takes 14
LARGEST_OBJECT: Final = 1024 * 1024 * 1024  # bytes, inflated; Firehose's buffer holds 128 MiB
OURS: Final = "Enricher."  # how the error codes of our own rejects begin
_LONGEST_CODE: Final = 80
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_JSON: Final = json.JSONDecoder()
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Any])
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_FUNCTION: Final = re.compile(rf"arn:[a-z-]+:lambda:({REGION.pattern}):.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A delivery record that failed.

    ``line``: its line in the object, from 1. ``arrived_at``: Unix ms; None only of our own rejects of undated files.
    ``code``: why it failed. ``region``: of the function, and so of the stream; None where the object tells none.
    ``ended_at``: when the last attempt ended (Unix ms), the same for all records of a failed batch.
    """

    line: int
    payload: bytes
    arrived_at: int | None
    code: str
    region: str | None = None
    ended_at: int | None = None

    @property
    def is_reject(self) -> bool:
        """Whether it is a line that we rejected before: it is kept already."""
        return self.code.startswith(OURS)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line of an error object (from 1; 0: the object itself) that is no delivery record, and why not."""

    line: int
    reason: str


def read_error_object(file: BinaryIO, largest: int = LARGEST_OBJECT) -> Iterator[ErrorRecord | Unreadable]:
    """The records of one object, plain or gzip, in its order; never more than a line of it in memory.

    Args:
        file: at its start; can seek.
        largest: bytes, inflated, that are read of it.

    Where the object itself is damaged, the last value is an Unreadable of line 0: then nobody knows what is missing,
    and what was read before it is not to be used.
    """
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    try:
        if is_gzip:
            with gzip.open(file) as inflated:
                yield from _read_lines(cast("BinaryIO", inflated), largest)
        else:
            yield from _read_lines(file, largest)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield Unreadable(0, "damaged_gzip")


def _read_lines(file: BinaryIO, largest: int) -> Iterator[ErrorRecord | Unreadable]:
    number = total = 0
    is_first = True
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        total += len(line)
        start = line.lstrip(_BLANK)[:1]
        if is_first and start not in (b"", b"{"):
            yield Unreadable(0, "no_error_object")
            return
        is_first = is_first and not start
        is_whole = len(line) <= LONGEST_LINE
        while not is_whole and not line.endswith(b"\n") and line and total <= largest:
            line = file.readline(LONGEST_LINE + 1)
            total += len(line)
        if total > largest:
            yield Unreadable(0, "inflates_too_large")
            return
        if is_whole:
            yield from _records(line, number)
        else:
            yield Unreadable(number, "line_too_long")


def _records(line: bytes, number: int) -> Iterator[ErrorRecord | Unreadable]:
    """The records of one line: mostly one, several where delimiters went missing."""
    text = line.lstrip(_BLANK).rstrip()
    if not text:
        return
    try:
        yield _record(_MEMBERS.decode(text), number)
    except _UNREADABLE:
        yield from _several(text.decode(errors="replace"), number)


def _several(text: str, number: int) -> Iterator[ErrorRecord | Unreadable]:
    position = 0
    while position < len(text):
        try:
            value, position = _JSON.raw_decode(text, position)
        except (ValueError, RecursionError):
            yield Unreadable(number, "bad_json")
            return
        yield _record(value, number) if isinstance(value, dict) else Unreadable(number, "no_object")
        while position < len(text) and text[position].isspace():
            position += 1


def _record(told: Mapping[str, Any], number: int) -> ErrorRecord | Unreadable:
    members = {name.lower(): value for name, value in told.items()}
    raw, arrival = members.get("rawdata"), _first(members, "arrivaltimestamp", "approximatearrivaltimestamp")
    if raw is None:
        return Unreadable(number, "no_raw_data")
    try:
        payload = binascii.a2b_base64(raw, strict_mode=True) if isinstance(raw, str) else None
    except ValueError:
        payload = None
    if payload is None:
        return Unreadable(number, "bad_base64")
    code = _code(_first(members, "errorcode", "lasterrorcode"))
    arrived_at = _milliseconds(arrival)
    if arrived_at is None and not (arrival is None and code.startswith(OURS)):
        return Unreadable(number, "no_arrival" if arrival is None else "bad_arrival")
    ended_at = _milliseconds(members.get("attemptendingtimestamp"))
    return ErrorRecord(number, payload, arrived_at, code, _region(members.get("lambdaarn")), ended_at)


def _first(members: Mapping[str, Any], *names: str) -> Any:
    return next((members[name] for name in names if members.get(name) is not None), None)


def _code(value: object) -> str:
    """The error code as it may be shown: one short line of printable characters."""
    text = value[:_LONGEST_CODE] if isinstance(value, str) and value else "none"
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


def _region(function: object) -> str | None:
    found = _FUNCTION.fullmatch(function) if isinstance(function, str) else None
    return None if found is None else found[1]


def _milliseconds(moment: object) -> int | None:
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
        return None
    return int(moment) if 0 <= moment <= LATEST_MS else None
