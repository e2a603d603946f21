"""What delivery records hold, shape by shape."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from enricher.errors import BatchTooLargeError
from enricher.payload import MAX_BATCH_BYTES, MAX_RECORD_BYTES, Reject, inflate, read_payloads
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

ONE = "2 111122223333 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK"
TWO = "2 111122223333 eni-0b 10.0.2.9 10.0.1.5 443 49152 6 9 5120 1794996000 1794996060 ACCEPT OK"
THREE = "2 111122223333 eni-0c - - - - - - - 1794996000 1794996060 - NODATA"
SOURCE = LogSource("111122223333", "flow-logs", "eni-0a-all", "to-firehose")
MIB = 1024 * 1024


def envelope(*lines: str):
    """A CloudWatch Logs envelope of these lines."""
    return data_envelope([log_event(line, timestamp_ms=1_794_996_000_000) for line in lines], SOURCE)


CONTROL = control_envelope(1_794_996_000_000)
SHAPES = {
    "message": [message_record(ONE), message_record(TWO), message_record(THREE)],
    "message with newline": [message_record(line, newline=True) for line in (ONE, TWO, THREE)],
    "message, some with newline": [message_record(ONE), message_record(TWO, newline=True), message_record(THREE)],
    "message with a space behind the colon": [json.dumps({"message": line}).encode() for line in (ONE, TWO, THREE)],
    "message with other members": [json.dumps({"at": 1, "message": line}).encode() for line in (ONE, TWO, THREE)],
    "messages": [message_records([ONE, TWO]), message_record(THREE)],
    "messages with newlines": [message_records([ONE, TWO], newline=True), message_record(THREE)],
    "message of several lines": [message_record(f"{ONE}\n{TWO}\n"), message_record(THREE)],
    "bare line": [bare_record([line]) for line in (ONE, TWO, THREE)],
    "bare line with newline": [bare_record([line], newline=True) for line in (ONE, TWO, THREE)],
    "bare lines": [bare_record([ONE, TWO], newline=True), bare_record([THREE])],
    "bare lines of Windows": [f"{ONE}\r\n{TWO}\r\n".encode(), f"{THREE}\r\n".encode()],
    "compressed": [compressed_record(envelope(ONE, TWO)), compressed_record(envelope(THREE))],
    "compressed, members in a row": [
        compressed_record(envelope(ONE), envelope(TWO)),
        compressed_record(envelope(THREE)),
    ],
    "compressed with extracted fields": [
        compressed_record(data_envelope([log_event(ONE, timestamp_ms=0, field_names=list("abcdefghijklmn"))], SOURCE)),
        compressed_record(envelope(TWO, THREE)),
    ],
    "decompressed": [decompressed_record(envelope(ONE, TWO)), decompressed_record(envelope(THREE))],
    "decompressed in a row": [decompressed_record(envelope(ONE), envelope(TWO), envelope(THREE))],
    "decompressed over several lines": [json.dumps(envelope(ONE, TWO, THREE), indent=2).encode()],
    "extracted": [extracted_record(envelope(ONE, TWO)), extracted_record(envelope(THREE))],
    "gzip of bare lines": [gzip.compress(f"{ONE}\n{TWO}\n{THREE}\n".encode(), mtime=0)],
    "one of each": [message_record(ONE, newline=True), compressed_record(envelope(TWO)), bare_record([THREE])],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_lines(shape):
    """However a flow log line is wrapped, it comes out as it was, in order."""
    read = read_payloads(SHAPES[shape])

    assert list(read.lines) == [ONE, TWO, THREE]
    assert (read.rejects, dict(read.dropped)) == ([], {})


@pytest.mark.parametrize(
    ("payloads", "ordinals"),
    [
        ([message_record(ONE), message_record(TWO)], [0, 1]),
        ([message_records([ONE, TWO]), message_record(THREE)], [0, 0, 1]),
        ([message_record(""), message_record(ONE)], [1]),
        ([b"", bare_record([ONE, TWO]), compressed_record(CONTROL), compressed_record(envelope(THREE))], [1, 1, 3]),
    ],
)
def test_each_line_knows_its_delivery_record(payloads, ordinals):
    """Ordinals count delivery records, those without a line included."""
    assert list(read_payloads(payloads).ordinals) == ordinals


@pytest.mark.parametrize(
    ("payload", "dropped"),
    [
        (b"", {"empty_record": 1}),
        (b" \r\n\t\n", {"empty_record": 1}),
        (message_record(""), {"empty_record": 1}),
        (message_record("  "), {"empty_record": 1}),
        (message_record("\n\n", newline=True), {"empty_record": 1}),
        (gzip.compress(b"", mtime=0), {"empty_record": 1}),
        (compressed_record(envelope()), {"empty_record": 1}),
        (compressed_record(CONTROL), {"control_message": 1}),
        (decompressed_record(CONTROL), {"control_message": 1}),
        (compressed_record(CONTROL, CONTROL), {"control_message": 2}),
        (extracted_record(CONTROL), {"empty_record": 1}),
    ],
)
def test_what_carries_no_line_is_a_counted_drop(payload, dropped):
    """Control messages and empty records are neither lines nor rejects."""
    read = read_payloads([payload])

    assert (list(read.lines), read.rejects, dict(read.dropped)) == ([], [], dropped)


def test_a_blank_message_among_good_ones_takes_no_line_from_them():
    """The blank one is dropped; the others keep their records."""
    read = read_payloads([message_record(ONE), message_record(" "), message_record(TWO)])

    assert (list(read.lines), list(read.ordinals)) == ([ONE, TWO], [0, 2])
    assert dict(read.dropped) == {"empty_record": 1}


def test_a_control_message_behind_data_is_dropped_alone():
    """Members of one record are judged one by one."""
    read = read_payloads([compressed_record(envelope(ONE), CONTROL)])

    assert (list(read.lines), dict(read.dropped)) == ([ONE], {"control_message": 1})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "bad_base64"),
        (b'{"message": "2 1111', "bad_json"),
        (b'{"message"}', "bad_json"),
        (b'{"a":' * 100_000, "bad_json"),
        (b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
        (b'{"message": 5}', "bad_envelope"),
        (b'{"message": null}', "bad_envelope"),
        (b'{"text": "2 1111"}', "bad_envelope"),
        (b'{"messageType": "NEWS", "logEvents": []}', "bad_envelope"),
        (b'{"messageType": "DATA_MESSAGE", "logEvents": [{"message": 5}]}', "bad_envelope"),
        (b'{"message": "a \\ud800 b"}', "bad_envelope"),
        (b'{"message": "a \xff b"}', "not_utf8"),
        (b'{"messageType": "DATA_MESSAGE", "logEvents": [{"message": "\xff"}]}', "not_utf8"),
        (b"2 1111 \xff", "not_utf8"),
        (gzip.compress(b"2 1111", mtime=0)[:-1], "bad_gzip"),
        (gzip.compress(b"2 1111", mtime=0)[:-8] + b"\0" * 8, "bad_gzip"),
        (gzip.compress(b"2 1111", mtime=0) + b"2 1111", "bad_gzip"),
        (b"\x1f\x8b", "bad_gzip"),
        (b"\x1f\x8bnot gzip at all", "bad_gzip"),
    ],
)
def test_what_cannot_be_read_is_one_reject_with_its_bytes(payload, reason):
    """The bytes are those that came, and the record beside it is read as if nothing had happened."""
    read = read_payloads([payload, message_record(ONE)])

    assert read.rejects == [Reject(0, payload or b"", reason)]
    assert (list(read.lines), list(read.ordinals), dict(read.dropped)) == ([ONE], [1], {})


@pytest.mark.parametrize(
    ("payload", "lines", "bytes_of_reject", "reason"),
    [
        (message_records([ONE, TWO]) + b'{"mess', [ONE, TWO], b'{"mess', "bad_json"),
        (message_record(ONE) + b'\n{"mess\n' + message_record(TWO), [ONE, TWO], b'{"mess', "bad_json"),
        (message_record(ONE) + b'{"mess\xff{"message":"x"}', [ONE], b'{"mess\xff{"message":"x"}', "bad_json"),
        (
            message_record(ONE) + b'{"message":"\xff"}' + message_record(TWO),
            [ONE, TWO],
            b'{"message":"\xff"}',
            "not_utf8",
        ),
        (message_record(ONE) + b'{"message":7}' + message_record(TWO), [ONE, TWO], b'{"message":7}', "bad_envelope"),
        (f"{ONE}\n".encode() + b"2 \xff\n" + TWO.encode(), [ONE, TWO], b"2 \xff", "not_utf8"),
    ],
)
def test_a_broken_piece_of_a_record_leaves_the_rest(payload, lines, bytes_of_reject, reason):
    """Of a record with a broken piece every piece that can be told apart is read."""
    read = read_payloads([payload])

    assert (list(read.lines), read.rejects) == (lines, [Reject(0, bytes_of_reject, reason)])


@pytest.mark.parametrize(
    "line",
    [
        "eni \"quoted\" 'single' back\\slash",
        "a\0b",
        "a\u2028b\u2029c\u0085d",
        "\u00a0a\u00a0",
        "tab\tinside",
        "🦊 é \u0665",
        pytest.param("x" * 200_000, id="very long"),
    ],
)
def test_a_line_is_cut_at_line_feeds_only_and_keeps_every_character(line):
    """Other characters that some programs take for line ends or blanks stay in the line."""
    for payload in (
        message_record(line),
        json.dumps({"message": line}).encode(),
        bare_record([line]),
        compressed_record(envelope(line)),
    ):
        assert list(read_payloads([payload]).lines) == [line]


def test_a_payload_that_ends_within_its_own_frame_is_not_taken_for_a_message():
    """Head and tail of a message may not overlap."""
    assert read_payloads([b'{"message":"}']).rejects == [Reject(0, b'{"message":"}', "bad_json")]


def test_payloads_do_not_complete_each_other():
    """Half a document in one record and half in the next are two rejects."""
    read = read_payloads([b'{"message":"a', b'b"}', message_record(ONE)])

    assert [reject.reason for reject in read.rejects] == ["bad_json"]
    assert list(read.lines) == ['b"}', ONE]


def test_a_batch_without_records_is_empty():
    """No payloads, no lines."""
    read = read_payloads([])

    assert (list(read.lines), list(read.ordinals), read.rejects, dict(read.dropped)) == ([], [], [], {})


def bomb(size):
    """A gzip member that inflates to ``size`` spaces."""
    deflate = zlib.compressobj(1, wbits=31)
    spaces = b" " * MIB
    parts = [deflate.compress(spaces) for _ in range(size // MIB)]
    return b"".join([*parts, deflate.compress(b" " * (size % MIB)), deflate.flush()])


def test_a_record_may_inflate_to_exactly_the_bound():
    """32 MiB are read, a byte more is a reject with the bytes that came."""
    assert MAX_RECORD_BYTES == 32 * MIB
    exact, above = bomb(32 * MIB), bomb(32 * MIB + 1)

    assert dict(read_payloads([exact]).dropped) == {"empty_record": 1}
    assert read_payloads([above]).rejects == [Reject(0, above, "inflates_too_large")]


@pytest.mark.parametrize(
    ("spelt", "reason"),
    [
        (rb"\u003c", None),
        (rb"\u00ff", None),
        (rb"\u0100", "inflates_too_large"),
        (rb"\ud83e\udd8a", "inflates_too_large"),
    ],
)
def test_a_record_that_spells_wide_characters_may_inflate_to_a_quarter_of_the_bound(spelt, reason):
    """Python takes up to four bytes for each character then; for what is in Latin-1 one, however it is spelt."""
    record = gzip.compress(b'{"message":"' + b"x" * (8 * MIB) + spelt + b'"}', 1, mtime=0)

    read = read_payloads([record])

    assert [reject.reason for reject in read.rejects] == ([reason] if reason else [])
    assert [len(line) for line in read.lines] == ([] if reason else [8 * MIB + 1])


def test_the_bound_counts_all_members_of_a_record():
    """Members that follow each other inflate into one room."""
    assert inflate(gzip.compress(b"ab", mtime=0) + gzip.compress(b"cd", mtime=0), 4) == (b"abcd", None)
    assert inflate(gzip.compress(b"ab", mtime=0) + gzip.compress(b"cde", mtime=0), 4) == (b"", "inflates_too_large")


def test_a_bomb_is_refused_in_flat_memory():
    """However far a payload would inflate, no more than the bound, and once more to join it, is ever held."""
    payload = bomb(256 * MIB)
    tracemalloc.start()
    try:
        assert inflate(payload, MAX_RECORD_BYTES) == (b"", "inflates_too_large")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2 * MAX_RECORD_BYTES + 2 * MIB


def test_a_batch_may_inflate_to_exactly_its_bound():
    """Four records of 32 MiB are read; with one byte more in a fifth the batch is too large."""
    assert MAX_BATCH_BYTES == 128 * MIB
    full = [bomb(32 * MIB)] * 4

    assert dict(read_payloads(full).dropped) == {"empty_record": 4}
    with pytest.raises(
        BatchTooLargeError, match=r"^batch: inflates to more than 134217728 bytes; lower .* buffer hint$"
    ):
        read_payloads([*full, gzip.compress(b" ", mtime=0)])


def test_text_that_takes_four_bytes_a_character_has_a_quarter_of_the_room():
    """In memory one character beyond U+FFFF makes all of a text four times as large, spelled out or as an escape."""
    for wide in ("\U0001f98a".encode(), rb'{"message":"\ud83e\udd8a"}'):
        exact = wide + b" " * (8 * MIB - len(wide))
        assert len(read_payloads([gzip.compress(exact, 1)]).lines) == 1
        above = gzip.compress(exact + b" ", 1)
        assert read_payloads([above]).rejects == [Reject(0, above, "inflates_too_large")]


def test_what_is_whole_before_a_damage_is_looked_for_in_lines_of_two_mebibytes_and_no_longer():
    """To look into one builds all of it as objects: twenty times its bytes."""
    damaged = (message_record("a b") + b'{"x":"').ljust(2 * MIB, b"y")
    read, unread = read_payloads([damaged]), read_payloads([damaged + b"y"])

    assert (list(read.lines), [reject.reason for reject in read.rejects]) == (["a b"], ["bad_json"])
    assert (list(unread.lines), unread.rejects) == ([], [Reject(0, damaged + b"y", "bad_json")])


def test_refused_records_take_no_room_from_the_others():
    """What is too large is not held, so it does not count towards the batch."""
    above = bomb(32 * MIB + 1)
    read = read_payloads([above] * 5 + [compressed_record(envelope(ONE))])

    assert [reject.reason for reject in read.rejects] == ["inflates_too_large"] * 5
    assert list(read.lines) == [ONE]


LINES = {
    "bare lines": b"a b\n" * 250_000,
    "short messages": b'{"message":"a"}' * 249_999 + b"\n" * 2,
    "one message of many lines": b'{"message":"' + b"a\\n" * 250_000 + b'"}',
    "line feeds spelled as code points": b'{"message":"' + b"a\\u000a" * 250_000 + b'"}',
    "objects without a message": b'{"a":1}' * 250_000,
    "messages by another spelling": rb'{"\u006dessage":"a"}' * 250_000,
    "events of an envelope": b'{"messageType":"DATA_MESSAGE","logEvents":[' + b'{"message":"a"},' * 250_000 + b"]}",
}


@pytest.mark.parametrize("name", LINES)
def test_a_record_of_more_lines_than_memory_is_meant_for_fails_alone(name):
    """Short lines are many rows for few bytes: a record of 250,000 and more is refused, the one beside it is read."""
    payload = gzip.compress(LINES[name], 1)
    read = read_payloads([payload, b"v1 good line"])
    assert (read.lines, list(read.ordinals)) == (["v1 good line"], [1])
    assert read.rejects == [Reject(0, payload, "too_many_lines")]


def test_a_record_of_a_hundred_thousand_lines_is_read():
    """What a CloudWatch Logs subscription may send, a few MiB of envelope, stays far below the bound."""
    assert len(read_payloads([b"a b\n" * 100_000]).lines) == 100_000


def test_a_batch_of_more_lines_than_memory_is_meant_for_raises():
    """Records that are each within their bound are refused together, before any more is taken apart."""
    with pytest.raises(BatchTooLargeError, match=r"^batch: may hold more than 500000 lines; lower .* buffer hint$"):
        read_payloads([b"a b\n" * 200_000] * 3)
