"""Reading payloads: nothing raises, nothing disappears, and the way in does not matter."""

import gzip
import json
import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.slow_reader import BLANK

from enricher.payload import Lines, inflate, read_payloads
from workbench.envelopes import LogSource, data_envelope, log_event, message_record

SOURCE = LogSource("111122223333", "flow-logs", "eni-0a-all", "to-firehose")
SEEDS = [
    b'{"message":"2 1 eni-0a"}',
    b'{"message":"2 1 eni-0a"}\n{"message":"2 2 eni-0b"}{"message":"x"}',
    b'{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","timestamp":0,"message":"2 1 eni-0a"}]}',
    b'{"messageType":"CONTROL_MESSAGE","logEvents":[]}',
    b"2 1 eni-0a\n2 2 eni-0b\r\n",
    gzip.compress(b'{"messageType":"DATA_MESSAGE","logEvents":[{"message":"x"}]}', mtime=0),
    b'{"message":' + b"[" * 5000,
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A payload of a known shape, cut, doubled, or with bytes of its own in it."""
    payload = draw(st.sampled_from(SEEDS))
    position = draw(st.integers(0, len(payload)))
    change = draw(
        st.sampled_from(
            [
                lambda whole, at: whole[:at],
                lambda whole, at: whole[at:],
                lambda whole, at: whole[:at] + whole,
                lambda whole, at: whole[:at] + b"\xff" + whole[at + 1 :],
                lambda whole, at: whole[:at] + b"\n" + whole[at:],
                lambda whole, at: whole[:at] + b'\\"' + whole[at:],
            ]
        )
    )
    return change(payload, position)


@settings(max_examples=300, deadline=None)
@given(payloads=st.lists(st.one_of(st.none(), st.binary(max_size=40), damaged()), max_size=5))
@example(payloads=[b'{"message":"}'])
@example(payloads=[b'{"message":"a"}', b'{"message":"a', b'"}'])
@example(payloads=[b'{"message":"a"}{"message":"b"}', b'{"message":"c}', b'{d"}'])
def test_any_bytes_are_read_and_every_record_accounted_for(payloads: list[bytes | None]) -> None:
    """No bytes raise; every record ends in a line, a reject or a drop; lines have neither blank ends nor line ends."""
    read = read_payloads(payloads)

    assert list(read.ordinals) == sorted(read.ordinals)
    assert len(read.lines) == len(read.ordinals)
    assert [line for line in read.lines if line != line.strip(BLANK) or not line or "\n" in line] == []
    seen = {*read.ordinals, *(reject.ordinal for reject in read.rejects)}
    assert seen <= set(range(len(payloads)))
    assert len(payloads) - len(seen) <= read.dropped.total()
    assert set(read.dropped) <= {"control_message", "empty_record"}
    for ordinal, payload in enumerate(payloads):
        assert bool(payload is None) == any(r.reason == "bad_base64" for r in read.rejects if r.ordinal == ordinal)


@settings(max_examples=200, deadline=None)
@given(
    payload=st.one_of(
        st.binary(max_size=60),
        st.lists(st.one_of(st.just(b"2 1 eni-0a"), st.binary(max_size=8)), max_size=6).map(b"\n".join),
    ).filter(lambda payload: not payload.strip().startswith(b"{") and not payload.startswith(b"\x1f\x8b"))
)
def test_bare_lines_lose_no_byte(payload: bytes) -> None:
    """Lines and rejects together are the payload's own lines, byte for byte."""
    read = read_payloads([payload])

    parts = [part.strip() for part in payload.split(b"\n")]
    assert sorted([*(line.encode() for line in read.lines), *(r.line for r in read.rejects)]) == sorted(
        part for part in parts if part
    )
    assert {reject.reason for reject in read.rejects} <= {"not_utf8"}


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40_000), min_size=1, max_size=5),
    empty=st.integers(0, 2_000),
    cut=st.one_of(st.none(), st.floats(0, 1, exclude_max=True)),
    level=st.integers(0, 9),
)
def test_members_inflate_as_pythons_own_gzip_says(sizes: list[int], empty: int, cut: float | None, level: int) -> None:
    """Any number of members of any size, of which many fit a window or one spans several; cut off, none of it is."""
    members = [gzip.compress(bytes(n * n % 251 for n in range(size)), level, mtime=0) for size in sizes]
    whole = b"".join(members) + gzip.compress(b"", mtime=0) * empty
    payload = whole if cut is None else whole[: int(len(whole) * cut)]
    try:
        expected = (gzip.decompress(payload), None)
    except (EOFError, OSError, struct.error):
        expected = (b"", "bad_gzip")

    assert inflate(payload, 10**6) == expected


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=200, deadline=None)
@given(told=st.lists(TEXT, min_size=1, max_size=5), ascii_only=st.booleans())
@example(told=["2 1 eni-0a "], ascii_only=True)
@example(told=["2 1 eni-0a", " "], ascii_only=True)
@example(told=["\t2 1 eni-0a\r"], ascii_only=True)
def test_the_wrapping_does_not_change_the_lines(told: list[str], *, ascii_only: bool) -> None:
    """A message gives the same lines alone, with a newline behind, escaped, beside others, or in any envelope."""
    if ascii_only:
        told = [text.encode("ascii", "replace").decode() for text in told]
    envelope = data_envelope([log_event(text, timestamp_ms=0) for text in told], SOURCE)
    bare = json.dumps(envelope).encode()
    expected = [line for text in told for line in (part.strip(BLANK) for part in text.split("\n")) if line]

    ways = {
        "one record each": [message_record(text) for text in told],
        "newline behind": [message_record(text, newline=True) for text in told],
        "some with a newline": [message_record(text, newline=bool(n % 2)) for n, text in enumerate(told)],
        "with a space behind the colon": [json.dumps({"message": text}).encode() for text in told],
        "in one record": [b"".join(message_record(text) for text in told)],
        "in one record, by lines": [b"\n".join(message_record(text) for text in told)],
        "envelope": [bare],
        "envelope over several lines": [json.dumps(envelope, indent=2).encode()],
        "compressed": [gzip.compress(bare)],
        "compressed twice in a row": [gzip.compress(bare) * 2],
    }

    assert {way: list(read_payloads(payloads).lines) for way, payloads in ways.items()} == {
        way: expected * 2 if way == "compressed twice in a row" else expected for way in ways
    }
    assert {way: read_payloads(payloads).rejects for way, payloads in ways.items()} == {way: [] for way in ways}


@settings(max_examples=100, deadline=None)
@given(payloads=st.lists(st.one_of(st.sampled_from(SEEDS), damaged()), min_size=1, max_size=4))
def test_a_record_reads_the_same_beside_any_other(payloads: list[bytes]) -> None:
    """What one record gives does not depend on which records came with it."""
    together = read_payloads(payloads)

    for ordinal, payload in enumerate(payloads):
        assert of_ordinal(together, ordinal) == of_ordinal(read_payloads([payload]), 0)


def of_ordinal(read: Lines, ordinal: int) -> tuple[list[str], list[tuple[bytes, str]]]:
    """Lines and rejects of one delivery record."""
    lines = [line for line, came_in in zip(read.lines, read.ordinals, strict=True) if came_in == ordinal]
    return lines, [(reject.line, reject.reason) for reject in read.rejects if reject.ordinal == ordinal]
