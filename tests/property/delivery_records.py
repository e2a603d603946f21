"""Strategies: delivery records of every shape, each told together with what is in it."""

import base64
import gzip
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from property.flow_lines import texts, without_blanks
from property.slow_reader import read_line

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

SOURCE = LogSource("111122223333", "flow-logs", "eni-0a-all", "to-firehose")


@dataclass(frozen=True)
class Piece:
    """One delivery record: the base64 text it comes as, its lines, what of it is no line, what is dropped."""

    data: str
    lines: tuple[str, ...] = ()
    unreadable: tuple[tuple[bytes, str], ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass
class Truth:
    """What must become of a batch: rows by column and rejects (bytes, reason) of each delivery record; all drops."""

    rows: list[list[dict[str, Any]]] = field(default_factory=list)
    rejects: list[list[tuple[bytes, str]]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def truth_of(pieces: list[Piece], log_format: str) -> Truth:
    """Read every line by itself."""
    truth = Truth()
    for piece in pieces:
        answers = [(line, read_line(line, log_format.split())) for line in piece.lines if line != log_format]
        truth.rows.append([answer for _, answer in answers if isinstance(answer, dict)])
        unread = [(line.encode(), answer) for line, answer in answers if isinstance(answer, str)]
        truth.rejects.append([*unread, *piece.unreadable])
        truth.dropped.update(piece.dropped)
        truth.dropped["header"] += piece.lines.count(log_format)
        if not piece.lines and not piece.unreadable and not piece.dropped:
            truth.dropped["empty_record"] += 1
    return truth


def pieces(log_format: str) -> st.SearchStrategy[Piece]:
    """A delivery record of any shape."""
    one = texts(log_format)
    plain = one.map(lambda text: _readable(message_record(text), [text]))
    several = st.lists(one, min_size=1, max_size=3)
    return st.one_of(
        plain,
        plain,
        st.builds(_messages, several, st.booleans()),
        st.builds(_bare, several, st.booleans()),
        st.builds(_cloudwatch, st.lists(st.lists(one, max_size=3), min_size=1, max_size=2), st.integers(0, 2)),
        st.builds(_with_a_broken_end, several),
        st.sampled_from(UNREADABLE),
        st.sampled_from(EMPTY),
    )


def _readable(payload: bytes, told: list[str], dropped: tuple[str, ...] = ()) -> Piece:
    lines = [line for text in told for line in without_blanks(text)]
    return Piece(base64.b64encode(payload).decode(), tuple(lines), (), dropped)


def _messages(told: list[str], newline: bool) -> Piece:  # noqa: FBT001 - drawn by position
    return _readable(message_records(told, newline=newline), told)


def _bare(told: list[str], newline: bool) -> Piece:  # noqa: FBT001 - drawn by position
    # A record that begins with a brace is read as JSON, so bare lines begin with something else.
    return _readable(bare_record(["- first", *told], newline=newline), ["- first", *told])


def _cloudwatch(told: list[list[str]], kind: int) -> Piece:
    """Envelopes with a control message between, compressed, decompressed, or with their messages extracted."""
    envelopes: list[dict[str, Any]] = [
        data_envelope([log_event(text, timestamp_ms=0) for text in ["- first", *member]], SOURCE) for member in told
    ]
    envelopes.insert(1, control_envelope(0))
    make = (compressed_record, decompressed_record, extracted_record)[kind]
    every = [text for member in told for text in ["- first", *member]]
    return _readable(make(*envelopes), every, () if make is extracted_record else ("control_message",))


def _with_a_broken_end(told: list[str]) -> Piece:
    good = _messages(told, newline=False)
    broken = b'{"message": "2 1111'
    payload = base64.b64decode(good.data) + broken
    return Piece(base64.b64encode(payload).decode(), good.lines, ((broken, "bad_json"),))


def _unreadable(payload: bytes, reason: str) -> Piece:
    return Piece(base64.b64encode(payload).decode(), (), ((payload, reason),))


UNREADABLE = [
    _unreadable(b'{"message": "2 1111', "bad_json"),
    _unreadable(b'{"a":' * 100_000, "bad_json"),
    _unreadable(b'{"message": 5}', "bad_envelope"),
    _unreadable(b'{"messageType":"NEWS","logEvents":[]}', "bad_envelope"),
    _unreadable(b'{"message":"a \\ud800 b"}', "bad_envelope"),
    _unreadable(b'{"message":"a \xff b"}', "not_utf8"),
    _unreadable(b"a \xff b", "not_utf8"),
    _unreadable(gzip.compress(b"2 1111", mtime=0)[:-1], "bad_gzip"),
    _unreadable(gzip.compress(b"2 1111", mtime=0) + b"2 1111", "bad_gzip"),
    Piece("no base64!", (), ((b"", "bad_base64"),)),
]
EMPTY = [
    Piece(base64.b64encode(payload).decode())
    for payload in (b"", b"\n", b" \r\n\t", b'{"message":""}', b'{"message":" \\n "}', gzip.compress(b"", mtime=0))
]
