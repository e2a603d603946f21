"""Delivery records of every wrapping and every damage, each with its lines, rejects and drops.

The shapes are those of "Input shapes" (VPC to Firehose, PutRecordBatch, CloudWatch Logs subscriptions with and without
decompression and extraction); the damages what happens to bytes.
"""

import base64
import gzip
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from reliability.fuzz.lines import Line, LineMaker
from workbench.envelopes import (
    LogSource,
    bare_record,
    compressed_record,
    control_envelope,
    data_envelope,
    decompressed_record,
    extracted_record,
    log_event,
    message_record,
    message_records,
)

_SOURCE: Final = LogSource("111122223333", "flow-logs", "eni-0a-all", "to-firehose")
_BLANK: Final = b" \t\r\n\v\f"
_NO_BASE64: Final = (
    "no base64!",
    "A",
    "AAA",
    "A===",
    "====",
    "QUJD=",
    "QU-_",
    "QUJD QUJD",
    "\u00e9",
    "\u2028",
    "\ud800",
    "QQ\0=",
)
_NO_JSON: Final = (
    b'{"message": "2 1111', b'{"message" "2"}', b"{", b"{]", b'{"message":"a\nb"}', b'{"message":"a"',
    b"{'message':'a'}", b'{"message":"\\x"}', b"{NaN}", b'{"message":tru}', b'{"message":"\\ud8"}',
)  # fmt: skip
_NO_MESSAGE: Final = (
    b"{}", b'{"message":5}', b'{"message":null}', b'{"message":["2"]}', b'{"Message":"2"}', b'{"logEvents":[]}',
    b'{"messageType":"NEWS","logEvents":[]}', b'{"messageType":"DATA_MESSAGE","logEvents":[{"message":7}]}',
    b'{"messageType":"DATA_MESSAGE","logEvents":{}}', b'{"messageType":null}', b'{"message":{"message":"2"}}',
    b'{"messageType":"DATA_MESSAGE","logEvents":["2"]}',
)  # fmt: skip
_LONE: Final = (rb'{"message":"a \ud800 b"}', rb'{"message":"\udfff"}', rb'{"message":"\udfff\ud800"}')
_NO_UTF8: Final = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x80", b"\x80")
_EMPTY: Final = (b"", b"\n", b" \r\n\t", b'{"message":""}', b'{"message":" \\n "}')


@dataclass(frozen=True, slots=True)
class Record:
    """``data``: the text as in the event; what must come of it: rows, rejects (bytes, reason), drops by reason."""

    data: str
    kinds: frozenset[str]
    rows: tuple[dict[str, Any], ...] = ()
    rejects: tuple[tuple[bytes, str], ...] = ()
    drops: Counter[str] = field(default_factory=Counter)
    is_base64: bool = True

    @property
    def fails(self) -> bool:
        """Whether none of its lines can be read."""
        return bool(self.rejects) and not self.rows


class RecordMaker:
    """Delivery records of one stream; ``poisons`` are those that must fail whole, whatever stands beside them."""

    def __init__(self, lines: LineMaker) -> None:
        self._lines = lines
        self.poisons = (
            self.bad_base64, self.bad_json, self.no_message, self.lone_surrogate, self.bad_utf8, self.truncated_gzip,
            self.corrupt_gzip, self.trailing_gzip, self.nested_gzip, self.deep_nesting, self.unreadable_line,
        )  # fmt: skip
        shapes = (
            (self.message, 20), (self.message_with_newline, 8), (self.several_messages, 4), (self.bare_line, 5),
            (self.bare_lines, 4), (self.bare_with_bad_utf8, 1), (self.compressed, 3), (self.concatenated, 2),
            (self.control, 1), (self.decompressed, 2), (self.extracted, 2), (self.broken_end, 2), (self.empty, 2),
            (self.flipped_gzip, 1),
        )  # fmt: skip
        weights = {self.deep_nesting: 0.15}
        self._makers = [maker for maker, _ in shapes] + list(self.poisons)
        self._weights = [weight for _, weight in shapes] + [weights.get(maker, 1.0) for maker in self.poisons]

    def any(self, rng: Random) -> Record:
        """A record of any kind."""
        return rng.choices(self._makers, self._weights)[0](rng)

    def message(self, rng: Random) -> Record:
        """``{"message": …}`` alone."""
        return self._message(rng, newline=False)

    def message_with_newline(self, rng: Random) -> Record:
        """The same with a newline behind."""
        return self._message(rng, newline=True)

    def several_messages(self, rng: Random) -> Record:
        """Several objects in one record."""
        lines = self._some(rng)
        payload = message_records([line.text for line in lines], newline=rng.random() < 0.5)  # noqa: PLR2004 - a coin
        return _readable("several messages", payload, lines)

    def bare_line(self, rng: Random) -> Record:
        """A line by itself."""
        return self._bare(rng, [self._lines.any(rng)])

    def bare_lines(self, rng: Random) -> Record:
        """Lines under each other."""
        return self._bare(rng, self._some(rng))

    def bare_with_bad_utf8(self, rng: Random) -> Record:
        """Good lines, and one between them whose bytes are no text."""
        bad = b"2 " + rng.choice(_NO_UTF8) + b" x"
        lines = [self._lines.row(rng), self._lines.row(rng)]
        payload = b"\n".join([lines[0].text.encode(), bad, lines[1].text.encode()])
        if payload.startswith(b"{"):
            return self.bare_with_bad_utf8(rng)
        return _readable("lines beside bad UTF-8", payload, lines, rejects=((bad, "not_utf8"),))

    def compressed(self, rng: Random) -> Record:
        """A CloudWatch Logs envelope, gzip."""
        lines = self._some(rng)
        return _readable("gzip envelope", compressed_record(_envelope(lines)), lines)

    def concatenated(self, rng: Random) -> Record:
        """Several gzip members behind each other, a control message among them."""
        members = [self._some(rng) for _ in range(rng.randrange(2, 4))]
        envelopes = [_envelope(member) for member in members]
        envelopes.insert(rng.randrange(len(envelopes) + 1), control_envelope(0))
        every = [line for member in members for line in member]
        return _readable("concatenated members", compressed_record(*envelopes), every, drops=("control_message",))

    def control(self, rng: Random) -> Record:
        """A control message alone, compressed or not."""
        make = compressed_record if rng.random() < 0.5 else decompressed_record  # noqa: PLR2004 - a coin
        return _readable(
            "CONTROL_MESSAGE", make(control_envelope(rng.randrange(10**12))), [], drops=("control_message",)
        )

    def decompressed(self, rng: Random) -> Record:
        """Envelopes as Firehose's decompression hands them on."""
        first, second = self._some(rng), self._some(rng)
        return _readable("decompressed", decompressed_record(_envelope(first), _envelope(second)), [*first, *second])

    def extracted(self, rng: Random) -> Record:
        """Messages as its message extraction hands them on."""
        lines = self._some(rng)
        if lines[0].text.startswith("{"):
            return self.extracted(rng)
        return _readable("extracted", extracted_record(_envelope(lines)), lines)

    def broken_end(self, rng: Random) -> Record:
        """Good messages, and one that is cut off."""
        lines = [self._lines.row(rng) for _ in range(rng.randrange(1, 3))]
        broken = message_record(self._lines.row(rng).text)[:-2]
        payload = message_records([line.text for line in lines]) + broken
        return _readable("good and bad in one record", payload, lines, rejects=((broken, "bad_json"),))

    def empty(self, rng: Random) -> Record:
        """Nothing at all, or nothing but blanks, also compressed."""
        payload = rng.choice(_EMPTY)
        return _readable("empty", gzip.compress(payload, mtime=0) if rng.random() < 0.2 else payload, [])  # noqa: PLR2004 - a share

    def flipped_gzip(self, rng: Random) -> Record:
        """A gzip envelope in which one bit of the data is another; Python's own gzip tells whether it still reads."""
        lines = self._some(rng)
        payload = bytearray(compressed_record(_envelope(lines)))
        payload[rng.randrange(10, len(payload))] ^= 1 << rng.randrange(8)
        damaged = bytes(payload)
        try:
            is_same = gzip.decompress(damaged) == decompressed_record(_envelope(lines))
        except (OSError, EOFError, zlib.error):
            return _unreadable("gzip, a bit flipped", damaged, "bad_gzip")
        if not is_same:
            return self.flipped_gzip(rng)
        return _readable("gzip, a bit flipped", damaged, lines)

    def bad_base64(self, rng: Random) -> Record:
        """Data that is no base64."""
        return Record(rng.choice(_NO_BASE64), frozenset({"bad base64"}), (), ((b"", "bad_base64"),), is_base64=False)

    def bad_json(self, rng: Random) -> Record:
        """Something that begins as JSON and is none."""
        payload = rng.choice(_NO_JSON)
        # What is no JSON is told line by line.
        return _rejected("bad JSON", payload, [(part, "bad_json") for part in payload.split(b"\n")])

    def no_message(self, rng: Random) -> Record:
        """JSON that is neither a message nor an envelope; numbers where text should be."""
        return _unreadable("JSON without a message", rng.choice(_NO_MESSAGE), "bad_envelope")

    def lone_surrogate(self, rng: Random) -> Record:
        """Half of a surrogate pair in a JSON escape: no text at all."""
        return _unreadable("lone surrogate", rng.choice(_LONE), "bad_envelope")

    def bad_utf8(self, rng: Random) -> Record:
        """Bytes that are no text, bare or in a message."""
        bad = rng.choice(_NO_UTF8)
        payload = rng.choice((b"2 " + bad + b" x", b'{"message":"2 ' + bad + b'"}'))
        return _unreadable("bad UTF-8", payload, "not_utf8")

    def truncated_gzip(self, rng: Random) -> Record:
        """A gzip envelope without its end."""
        whole = compressed_record(_envelope(self._some(rng)))
        return _unreadable("gzip, truncated", whole[: rng.randrange(3, len(whole))], "bad_gzip")

    def corrupt_gzip(self, rng: Random) -> Record:
        """A gzip envelope with another checksum."""
        whole = bytearray(compressed_record(_envelope(self._some(rng))))
        whole[-rng.randrange(1, 9)] ^= rng.randrange(1, 256)
        return _unreadable("gzip, corrupt", bytes(whole), "bad_gzip")

    def trailing_gzip(self, rng: Random) -> Record:
        """A gzip envelope and something else behind it."""
        rubbish = rng.choice((b"\0", b"\n", b"2 1111", b"\x1f", b"\x1f\x8b\x08", b"{}"))
        return _unreadable(
            "gzip, something behind", compressed_record(_envelope(self._some(rng))) + rubbish, "bad_gzip"
        )

    def nested_gzip(self, rng: Random) -> Record:
        """Gzip in gzip: what is inside is no text, and is not opened."""
        inner = gzip.compress(self._lines.row(rng).text.encode(), mtime=0)
        parts = [part.strip(_BLANK) for part in inner.split(b"\n")]
        told = [(part, "field_count" if _is_text(part) else "not_utf8") for part in parts if part]
        return _rejected("gzip in gzip", gzip.compress(inner, mtime=0), told)

    def deep_nesting(self, rng: Random) -> Record:
        """Objects in objects without end, closed or not."""
        depth = rng.choice((3_000, 10_000, 50_000))
        payload = b'{"a":' * depth + (b"1" + b"}" * depth if rng.random() < 0.5 else b"")  # noqa: PLR2004 - a coin
        return _unreadable("deep nesting", payload, "bad_json")

    def unreadable_line(self, rng: Random) -> Record:
        """A message whose line cannot be read."""
        lines = self._lines
        line = rng.choice((lines.field_count, lines.bad_integer, lines.out_of_range, lines.bad_address))(rng)
        return _readable("one unreadable line", message_record(line.text), [line])

    def _message(self, rng: Random, *, newline: bool) -> Record:
        line = self._lines.any(rng)
        kind = "message with newline" if newline else "message"
        return _readable(kind, message_record(line.text, newline=newline), [line])

    def _bare(self, rng: Random, lines: list[Line]) -> Record:
        if lines[0].text.startswith("{"):
            return _readable("message", message_record(lines[0].text), lines[:1])
        payload = bare_record([line.text for line in lines], newline=rng.random() < 0.5)  # noqa: PLR2004 - a coin
        return _readable("bare line" if len(lines) == 1 else "bare lines", payload, lines)

    def _some(self, rng: Random) -> list[Line]:
        return [self._lines.any(rng) for _ in range(rng.randrange(1, 4))]


def _envelope(lines: list[Line]) -> dict[str, Any]:
    return data_envelope([log_event(line.text, timestamp_ms=0) for line in lines], _SOURCE)


def _readable(
    kind: str,
    payload: bytes,
    lines: list[Line],
    *,
    rejects: tuple[tuple[bytes, str], ...] = (),
    drops: tuple[str, ...] = (),
) -> Record:
    rows = tuple(line.row for line in lines if line.row is not None)
    unread = tuple((line.text.encode(), line.reason) for line in lines if line.reason is not None)
    dropped = Counter({"header": len(lines) - len(rows) - len(unread)})
    dropped.update(drops)
    if not lines and not rejects and not drops:
        dropped["empty_record"] = 1
    kinds = frozenset({kind, *(f"line: {line.kind}" for line in lines)})
    return Record(_base64(payload), kinds, rows, (*unread, *rejects), +dropped)


def _unreadable(kind: str, payload: bytes, reason: str) -> Record:
    return _rejected(kind, payload, [(payload, reason)])


def _rejected(kind: str, payload: bytes, rejects: list[tuple[bytes, str]]) -> Record:
    return Record(_base64(payload), frozenset({kind}), (), tuple(rejects))


def _base64(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def _is_text(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


def as_json(row: dict[str, Any]) -> str:
    """A row's values as text to compare by."""
    return json.dumps(row, sort_keys=True)
