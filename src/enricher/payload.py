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
from typing import Final

import msgspec

from enricher.errors import BatchTooLargeError

MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
MAX_BATCH_BYTES: Final = 128 * 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Reject:
    """A line, or a whole payload, that could not be read: which delivery record, its bytes, why."""

    ordinal: int
    line: bytes
    reason: str


@dataclass(slots=True)
class Lines:
    """Flow log lines of a batch: ``ordinals[i]`` is the delivery record that ``lines[i]`` came in."""

    lines: list[str] = field(default_factory=list)
    ordinals: Sequence[int] = field(default_factory=list)
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


def read_payloads(payloads: Sequence[bytes | None]) -> Lines:
    """All lines of a batch, in the order of its delivery records.

    ``payloads[i]`` belongs to ordinal ``i``; None stands for data that was not base64.

    Raises:
        BatchTooLargeError: the batch inflates beyond MAX_BATCH_BYTES.
    """
    return _read_plain_messages(payloads) or _read_each(payloads)


def _read_plain_messages(payloads: Sequence[bytes | None]) -> Lines | None:
    """The common batch in one pass: every payload one ``{"message": …}`` of one line. None where any differs."""
    known = [payload for payload in payloads if payload and payload[:1] == b"{" and payload.endswith((b"}", b"}\n"))]
    if not known or len(known) != len(payloads):
        return None
    try:
        # A document cannot span payloads: behind "}" a JSON text never goes on with a newline and "{".
        lines = [message.message for message in _MESSAGE.decode_lines(b"\n".join(known))]
    except msgspec.MsgspecError:
        return None
    if len(lines) != len(payloads) or not all(lines) or "\n" in "".join(lines):
        return None
    return Lines(lines=lines, ordinals=range(len(lines)))


def _read_each(payloads: Sequence[bytes | None]) -> Lines:
    result = Lines()
    ordinals: list[int] = []
    room = MAX_BATCH_BYTES
    for ordinal, payload in enumerate(payloads):
        before = len(result.lines) + len(result.rejects) + result.dropped.total()
        if payload is None:
            result.rejects.append(Reject(ordinal, b"", "bad_base64"))
        elif payload.startswith(_GZIP_MAGIC):
            room -= _read_gzip(payload, ordinal, result)
            if room < 0:
                raise BatchTooLargeError(
                    f"batch: inflates to more than {MAX_BATCH_BYTES} bytes; lower the delivery stream's buffer hint"
                )
        else:
            _read_plain(payload, ordinal, result)
        if len(result.lines) + len(result.rejects) + result.dropped.total() == before:
            result.dropped["empty_record"] += 1
        ordinals.extend([ordinal] * (len(result.lines) - len(ordinals)))
    result.ordinals = ordinals
    return result


def _read_gzip(payload: bytes, ordinal: int, result: Lines) -> int:
    """Read an inflated payload; answer how many bytes it inflated to."""
    inflated, reason = inflate(payload, MAX_RECORD_BYTES)
    if reason:
        result.rejects.append(Reject(ordinal, payload, reason))
    else:
        _read_plain(inflated, ordinal, result)
    return len(inflated)


def inflate(payload: bytes, most: int) -> tuple[bytes, str | None]:
    """Inflate gzip members that follow each other, never holding much more than ``most`` bytes.

    Answers the bytes and None, or no bytes and why not: ``bad_gzip`` (truncated, corrupt, something else behind) or
    ``inflates_too_large``.
    """
    parts: list[bytes] = []
    room = most
    while payload:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(payload, room + 1)
        except zlib.error:
            return b"", "bad_gzip"
        if len(part) > room:
            return b"", "inflates_too_large"
        if not member.eof:
            return b"", "bad_gzip"
        parts.append(part)
        room -= len(part)
        payload = member.unused_data
    return b"".join(parts), None


def _read_plain(payload: bytes, ordinal: int, result: Lines) -> None:
    text = payload.strip()
    if text.startswith(b"{"):
        for document in _documents(text, ordinal, result):
            _read_document(document, ordinal, result)
    else:
        _read_text(text, ordinal, result)


def _documents(text: bytes, ordinal: int, result: Lines) -> list[msgspec.Raw]:
    """JSON documents that stand behind each other; what is none becomes a reject, line by line."""
    try:
        return _RAW.decode_lines(text)
    except msgspec.DecodeError:
        pass
    documents: list[msgspec.Raw] = []
    for part in text.split(b"\n"):
        rest = part.strip()
        while rest:
            document, rest = _first_document(rest)
            if document is None:
                result.rejects.append(Reject(ordinal, rest, "bad_json"))
                break
            documents.append(document)
    return documents


def _first_document(text: bytes) -> tuple[msgspec.Raw | None, bytes]:
    """The JSON object at the front of ``text`` and what follows; None and all of it where there is none."""
    try:
        decoded = text.decode()
        value, end = _STDLIB.raw_decode(decoded)
    except (ValueError, RecursionError):
        return None, text
    if not isinstance(value, dict):
        return None, text
    return msgspec.Raw(decoded[:end].encode()), decoded[end:].strip().encode()


def _read_document(document: msgspec.Raw, ordinal: int, result: Lines) -> None:
    try:
        result.lines.extend(_split(_MESSAGE.decode(document).message))
    except msgspec.MsgspecError:
        _read_envelope(document, ordinal, result)


def _read_envelope(document: msgspec.Raw, ordinal: int, result: Lines) -> None:
    try:
        envelope = _ENVELOPE.decode(document)
    except msgspec.MsgspecError:
        result.rejects.append(Reject(ordinal, bytes(document), "bad_envelope"))
        return
    if envelope.messageType == "DATA_MESSAGE":
        for event in envelope.logEvents:
            result.lines.extend(_split(event.message))
    elif envelope.messageType == "CONTROL_MESSAGE":
        result.dropped["control_message"] += 1
    else:
        result.rejects.append(Reject(ordinal, bytes(document), "bad_envelope"))


def _read_text(text: bytes, ordinal: int, result: Lines) -> None:
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
    return [line for line in (part.strip() for part in text.split("\n")) if line]
