"""Error objects: every spelling is read, whatever is not one is named with its line."""

import base64
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compaction.error_objects import LONGEST_LINE, ErrorRecord, Unreadable, read_error_object

ARRIVED = 1_794_996_300_000
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:enrich"


def told(**members: object):
    """An error object of the payload ``x``, as one line of JSON."""
    return json.dumps({"rawData": "eA==", "errorCode": "Lambda.FunctionError", "arrivalTimestamp": ARRIVED} | members)


def read(content):
    """What is found in an object of these bytes or this text."""
    return list(read_error_object(io.BytesIO(content.encode() if isinstance(content, str) else content)))


@pytest.mark.parametrize(
    "members",
    [
        {"errorCode": "Lambda.FunctionError", "lambdaArn": ARN},
        {"errorCode": "Lambda.FunctionError", "lambdaARN": ARN},
        {"ErrorCode": "Lambda.FunctionError", "ErrorMessage": "no", "LambdaArn": ARN},
        {"lastErrorCode": "Lambda.FunctionError", "lastErrorMessage": "no", "LAMBDAARN": ARN},
    ],
    ids=["documented", "observed", "capitals", "format conversion"],
)
def test_every_spelling_gives_the_same_record(members):
    """Case and prefix of a member's name differ between Firehose's own writers."""
    line = json.dumps({"rawData": "eA==", "arrivalTimestamp": ARRIVED, "attemptEndingTimestamp": ARRIVED + 9} | members)

    assert read(line) == [ErrorRecord(1, b"x", ARRIVED, "Lambda.FunctionError", "eu-west-1", ARRIVED + 9)]


def test_an_object_of_a_failed_format_conversion_is_read():
    """It has members that no other has, and no function."""
    conversion = {"sequenceNumber": "1", "subSequenceNumber": None, "dataCatalogTable": {"databaseName": "flows"}}
    line = json.dumps(
        {"attemptsMade": 1, "arrivalTimestamp": ARRIVED, "lastErrorCode": "DataFormatConversion.ParseError"}
        | {"lastErrorMessage": "no", "attemptEndingTimestamp": ARRIVED, "rawData": "eA=="}
        | conversion
    )

    assert read(line) == [ErrorRecord(1, b"x", ARRIVED, "DataFormatConversion.ParseError", None, ARRIVED)]


@pytest.mark.parametrize("wrap", [lambda b: b, gzip.compress, lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])])
def test_plain_or_gzip_whatever_it_is_called(wrap):
    """A destination that compresses compresses error objects too, members may follow each other."""
    body = f"{told()}\n\n{told(rawData='eQ==')}\r\n{told(rawData='')}".encode()

    assert [(each.line, each.payload) for each in read(wrap(body))] == [(1, b"x"), (3, b"y"), (4, b"")]


def test_records_without_delimiter_and_a_byte_order_mark_are_read():
    """Objects that were put behind each other, and files that an editor has saved."""
    assert [each.line for each in read("\ufeff" + told() + told() + " " + told())] == [1, 1, 1]


HOSTILE = {
    "bad_json": [
        told()[:-5],
        "{" * 100_000,
        "{",
        '{"rawData": 1e',
        '{"rawData": "\ud800'.encode(errors="surrogatepass"),
    ],
    "no_raw_data": ["{}", '{"message": "2 1 eni-1"}', told(rawData=None)],
    "bad_base64": [told(rawData=each) for each in ("eA", "e\u00e4==", "e A==", "eA==eA==", 7, ["eA=="])],
    "no_arrival": [told(arrivalTimestamp=None)],
    "bad_arrival": [
        told(arrivalTimestamp=each)
        for each in (253_402_300_800_000, -1, True, "2026-11-18", [1], 1e300, float("inf"), float("nan"), {"a": 1})
    ],
    "line_too_long": [told(errorMessage="x" * LONGEST_LINE)],
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_what_is_no_delivery_record_is_named_with_its_line_and_reason(reason):
    """And the lines before and behind it are read all the same."""
    for line in HOSTILE[reason]:
        body = line if isinstance(line, bytes) else line.encode()

        before, found, behind = read(told().encode() + b"\n" + body + b"\n" + told().encode())

        assert (before.line, behind.line) == (1, 3)
        assert found == Unreadable(2, reason)


def test_something_that_is_no_object_behind_a_record_is_named():
    """Not passed over: a list, a number."""
    assert read(told() + "[1]") == [read(told())[0], Unreadable(1, "no_object")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(told().encode())[:-5], "damaged_gzip"),
        (gzip.compress(told().encode()) + b"more", "damaged_gzip"),
        (b"\x1f\x8b", "damaged_gzip"),
        (b"PAR1" + bytes(100), "no_error_object"),
        (b"\n\n2 123456789012 eni-1 - - - -\n" + told().encode(), "no_error_object"),
    ],
)
def test_an_object_that_is_damaged_or_foreign_is_named_as_a_whole(body, reason):
    """Its last word is that none of it is to be used."""
    assert read(body)[-1] == Unreadable(0, reason)


@pytest.mark.parametrize("line", [told().encode() + b"\n", b"{" + bytes(4 * LONGEST_LINE)], ids=["lines", "one line"])
def test_an_object_that_inflates_without_end_is_given_up(line):
    """A gzip bomb in the error prefix costs its bound, not the machine."""
    bomb = io.BytesIO(gzip.compress(line * (2_000_000 // len(line) + 1)))

    assert list(read_error_object(bomb, largest=1_000_000))[-1] == Unreadable(0, "inflates_too_large")


def test_our_own_rejects_of_undated_files_have_no_arrival():
    """As decision 14 says, they belong to no real hour; anybody else's must tell one."""
    (reject,) = read(told(errorCode="Enricher.field_count", arrivalTimestamp=None))

    assert (reject.arrived_at, reject.is_reject) == (None, True)


def test_an_error_code_is_one_short_printable_line():
    """It is shown to a person as it stands."""
    (record,) = read(told(errorCode="a\n\x1b[31m" + "b" * 500))

    assert record.code == "a??[31m" + "b" * 73


@pytest.mark.parametrize("arn", [None, 7, "arn:aws:lambda:../..:1:function:x", "arn:aws:s3:eu-west-1:1:x", "eu-west-1"])
def test_a_region_that_is_none_is_not_told(arn):
    """It becomes a part of a key."""
    (record,) = read(told(lambdaArn=arn))

    assert record.region is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["rawData", "errorCode", "arrivalTimestamp", "lambdaARN", "attemptEndingTimestamp", "x"])
LINES = st.lists(
    st.builds(lambda members: json.dumps(members).encode(), st.dictionaries(NAMES, JSON))
    | st.builds(lambda raw: told(rawData=base64.b64encode(raw).decode()).encode(), st.binary(max_size=30))
    | st.binary(max_size=60),
    max_size=6,
)


@given(LINES, st.booleans())
def test_any_bytes_are_records_and_named_lines_never_an_error(lines, is_gzip):
    """Every well-formed line's payload comes out as it went in, in order, unless the object is given up as a whole."""
    body = b"\n".join(lines)
    found = read(gzip.compress(body) if is_gzip else body)

    assert all(isinstance(each, ErrorRecord | Unreadable) for each in found)
    if not any(each.line == 0 for each in found):
        end = b'", "errorCode": "Lambda.FunctionError", "arrivalTimestamp": 1794996300000}'
        wellformed = [line for line in body.split(b"\n") if line.startswith(b'{"rawData": "') and line.endswith(end)]
        payloads = [base64.b64decode(json.loads(line)["rawData"]) for line in wellformed]
        read_ones = [each for each in found if isinstance(each, ErrorRecord) and each.code == "Lambda.FunctionError"]
        assert [each.payload for each in read_ones] == payloads
