"""Flow log lines to columns: values, nulls, several formats, and what one bad line costs."""

import pyarrow as pa
import pytest

from enricher.log_format import LogFormats
from enricher.parse import parse_lines, unify
from enricher.payload import Reject
from enricher.schema import flow_columns

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
GOOD = "2 012345678901 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK"
ROW = {
    "version": 2,
    "account_id": "012345678901",
    "interface_id": "eni-0a",
    "srcaddr": "10.0.1.5",
    "dstaddr": "10.0.2.9",
    "srcport": 49152,
    "dstport": 443,
    "protocol": 6,
    "packets": 12,
    "bytes": 840,
    "start": 1794996000,
    "end": 1794996060,
    "action": "ACCEPT",
    "log_status": "OK",
}


def changed(**words: str):
    """The good line with other words in some columns."""
    told = dict(zip((name.replace("-", "_") for name in V2.split()), GOOD.split(), strict=True))
    return " ".join((told | words).values())


def parse(lines, *formats: str):
    """Parse lines that each came in a delivery record of their own."""
    return parse_lines(lines, range(len(lines)), LogFormats.parse(formats or ["v2"]))


def rows(parsed):
    """The rows without their nulls, by delivery record."""
    told = [{name: value for name, value in row.items() if value is not None} for row in parsed.flows.to_pylist()]
    return dict(zip(parsed.ordinals.to_pylist(), told, strict=True))


def test_a_line_becomes_a_row_of_all_columns():
    """AWS's values under AWS's names; columns that the format lacks are there and null."""
    parsed = parse([GOOD])

    assert rows(parsed) == {0: ROW}
    assert parsed.flows.column_names == [column.name for column in flow_columns()]
    assert (parsed.rejects, parsed.headers) == ([], 0)


def test_text_columns_are_dictionaries_and_numbers_are_aws_types():
    """Everything downstream works on the indices of one chunk."""
    parsed = parse([GOOD, changed(interface_id="eni-0b"), changed(srcport="x")])
    types = {field.name: field.type for field in parsed.flows.schema}

    for column in flow_columns():
        expected = pa.dictionary(pa.int32(), pa.string()) if column.type == pa.string() else column.type
        assert types[column.name] == expected, column.name
    assert {parsed.flows[name].num_chunks for name in ROW} == {1}


def test_no_lines_are_no_rows_of_the_same_columns():
    """An empty batch has the schema of a full one."""
    parsed = parse([])

    assert (parsed.flows.num_rows, len(parsed.ordinals), parsed.rejects) == (0, 0, [])
    assert parsed.flows.schema == parse([GOOD]).flows.schema


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"account_id": "unknown"}, {"account_id": "unknown"}),
        ({"interface_id": "-"}, {"interface_id": None}),
        ({"interface_id": "None"}, {"interface_id": None}),
        ({"srcport": "-", "dstport": "None"}, {"srcport": None, "dstport": None}),
        ({"log_status": "-"}, {"log_status": None}),
        (
            {"log_status": "SKIPDATA", "srcaddr": "-", "bytes": "-"},
            {"log_status": "SKIPDATA", "srcaddr": None, "bytes": None},
        ),
        ({"srcaddr": "2001:DB8::1"}, {"srcaddr": "2001:DB8::1"}),
        ({"srcport": "0", "dstport": "65535"}, {"srcport": 0, "dstport": 65535}),
        ({"srcport": "0443"}, {"srcport": 443}),
        ({"protocol": "255"}, {"protocol": 255}),
        ({"bytes": "9223372036854775807"}, {"bytes": 2**63 - 1}),
        ({"version": "2147483647"}, {"version": 2**31 - 1}),
        ({"start": "1794996000999", "end": "1794996060000"}, {}),
        ({"start": "99999999999"}, {"start": 99999999999}),
        ({"start": "100000000000"}, {"start": 100000000}),
        ({"start": "-", "end": "1794996060001"}, {"start": None}),
    ],
)
def test_words_become_values(words, expected):
    """``-`` and None are null, text stays as it is, milliseconds (from 10^11) become seconds."""
    expected_row = {name: value for name, value in (ROW | expected).items() if value is not None}

    assert rows(parse([changed(**words)])) == {0: expected_row}
    assert rows(parse([changed(**words), changed(bytes="x"), GOOD])) == {0: expected_row, 2: ROW}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"srcport": "x"}, "bad_integer"),
        ({"srcport": "4e2"}, "bad_integer"),
        ({"srcport": "1.0"}, "bad_integer"),
        ({"srcport": "+1"}, "bad_integer"),
        ({"srcport": "0x1F"}, "bad_integer"),
        ({"bytes": "0X1f"}, "bad_integer"),
        ({"bytes": "1_000"}, "bad_integer"),
        ({"bytes": "nan"}, "bad_integer"),
        ({"bytes": "null"}, "bad_integer"),
        ({"bytes": "\u0665"}, "bad_integer"),
        ({"bytes": "5\0"}, "bad_integer"),
        ({"srcport": "65536"}, "out_of_range"),
        ({"dstport": "-1"}, "out_of_range"),
        ({"protocol": "256"}, "out_of_range"),
        ({"packets": "-1"}, "out_of_range"),
        ({"version": "2147483648"}, "out_of_range"),
        ({"bytes": "9223372036854775808"}, "out_of_range"),
        ({"start": "-1"}, "out_of_range"),
        ({"srcaddr": "10.0.1"}, "bad_address"),
        ({"srcaddr": "10.0.1.5."}, "bad_address"),
        ({"dstaddr": "10.0.1.256"}, "bad_address"),
        ({"dstaddr": "10.0.01.5"}, "bad_address"),
        ({"srcaddr": "fe80::1%eth0"}, "bad_address"),
        ({"srcaddr": "2001:db8::/64"}, "bad_address"),
        ({"srcaddr": "eni-0a"}, "bad_address"),
        ({"srcaddr": "10.0.1.5\0"}, "bad_address"),
        ({"action": "ACCEPT more"}, "field_count"),
        ({"action": ""}, "field_count"),
    ],
)
def test_a_line_that_no_flow_log_holds_is_one_reject_with_its_bytes(words, reason):
    """The reason is the same alone and beside any other bad line, and the good line beside it is a row."""
    line = changed(**words)

    assert parse([line]).rejects == [Reject(0, line.encode(), reason)]
    for other in (changed(srcport="x"), changed(srcaddr="x"), changed(srcport="65536"), "2"):
        parsed = parse([other, line, GOOD])
        assert [reject for reject in parsed.rejects if reject.ordinal] == [Reject(1, line.encode(), reason)]
        assert rows(parsed) == {2: ROW}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"srcport": "2147483648", "dstport": "x"}, "bad_integer"),
        ({"srcport": "x", "dstport": "2147483648"}, "bad_integer"),
        ({"srcport": "65536", "srcaddr": "x"}, "out_of_range"),
        ({"srcaddr": "x", "bytes": "x"}, "bad_integer"),
    ],
)
def test_a_line_with_two_faults_has_one_reason_always_the_same(words, reason):
    """Numbers that are none come before numbers too large, and those before addresses."""
    assert [reject.reason for reject in parse([changed(**words)]).rejects] == [reason]


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(" ", "  "),
        GOOD.replace(" ", "\t"),
        GOOD.replace(" ", " \t "),
        f"  {GOOD}",
        f"{GOOD} \t",
        f"{GOOD}\r",
        GOOD.replace("ACCEPT OK", "ACCEPT    OK"),
    ],
)
def test_runs_of_blanks_are_one_separator(line):
    """An example row in AWS's own guide has two spaces."""
    assert rows(parse([line])) == {0: ROW}
    assert rows(parse([GOOD, line, changed(bytes="x")])) == {0: ROW, 1: ROW}


@pytest.mark.parametrize(
    "value",
    [
        '"',
        '"eni',
        'eni"',
        '""',
        '"a,b"',
        "'",
        "\\",
        "\\n",
        "a\0b",
        "a\u2028b",
        "a\u00a0b",
        "é",
        "🦊",
        "#",
        pytest.param("e" * 100_000, id="very long"),
    ],
)
def test_a_strange_value_survives_as_it_is(value):
    """Quotes, escapes, NUL and what other programs take for blanks are characters like any other."""
    line = changed(interface_id=value)

    assert rows(parse([line])) == {0: ROW | {"interface_id": value}}
    assert rows(parse([GOOD.replace(" ", "  "), line, changed(interface_id='"')])) == {
        0: ROW,
        1: ROW | {"interface_id": value},
        2: ROW | {"interface_id": '"'},
    }


@pytest.mark.parametrize(
    "line", [changed(interface_id="a\tb"), changed(interface_id="a\rb"), changed(interface_id="a\vb")]
)
def test_a_blank_within_a_value_is_a_separator(line):
    """The line then has a field too many, and is kept with its bytes."""
    for beside in ([], [GOOD], [GOOD.replace(" ", "  ")]):
        assert parse([*beside, line]).rejects == [Reject(len(beside), line.encode(), "field_count")]


@pytest.mark.parametrize("bad", [changed(bytes="x"), changed(srcaddr="x"), changed(protocol="256"), "2 1", GOOD + " x"])
def test_one_bad_line_among_ten_thousand_costs_one_reject(bad):
    """All others are rows, in order, with their delivery records."""
    lines = [changed(srcport=str(number)) for number in range(10_000)]
    lines[7_123] = bad
    parsed = parse(lines)

    assert parsed.rejects == [Reject(7_123, bad.encode(), parsed.rejects[0].reason)]
    kept = [number for number in range(10_000) if number != 7_123]
    assert parsed.ordinals.to_pylist() == kept
    assert parsed.flows["srcport"].to_pylist() == kept


def test_a_row_knows_the_delivery_record_it_came_in():
    """Ordinals repeat where a record holds several lines, and skip records without any."""
    parsed = parse_lines([GOOD, "2 1", GOOD, GOOD], [3, 3, 3, 8], LogFormats.parse(["v2"]))

    assert parsed.ordinals.to_pylist() == [3, 3, 8]
    assert parsed.ordinals.type == pa.int32()
    assert parsed.rejects == [Reject(3, b"2 1", "field_count")]


@pytest.mark.parametrize("header", [V2, V2.replace(" ", "  "), f" {V2}"])
def test_a_line_that_repeats_the_header_is_passed_over_and_counted(header):
    """Files that were delivered, and then sent through a stream, bring theirs along."""
    parsed = parse([GOOD, header, GOOD]) if header == V2 else parse([V2, header, GOOD])

    assert parsed.headers == (1 if header == V2 else 2)
    assert parsed.rejects == []
    assert list(rows(parsed).values())[-1] == ROW


def test_a_header_of_another_format_is_a_reject():
    """It is no flow record either."""
    assert [reject.reason for reject in parse([V2.replace("start end", "end start"), GOOD]).rejects] == ["bad_integer"]


def test_a_format_without_log_status_means_ok():
    """The field is younger than some formats; its absence says nothing is wrong."""
    assert rows(parse(["10.0.1.5 840"], "srcaddr bytes")) == {
        0: {"srcaddr": "10.0.1.5", "bytes": 840, "log_status": "OK"}
    }


def test_fields_that_are_not_known_go_to_extra_fields():
    """By AWS's own name; ``-`` is no entry, and nothing else is dropped."""
    parsed = parse(
        ["10.0.1.5 up -", "10.0.2.9 - 7", "10.0.3.1 - None", "10.0.4.1 0x1F 007"], "srcaddr quantum-state depth"
    )

    assert [dict(row["extra_fields"]) for row in parsed.flows.to_pylist()] == [
        {"quantum-state": "up"},
        {"depth": "7"},
        {},
        {"quantum-state": "0x1F", "depth": "007"},
    ]


def test_a_format_of_one_field_reads_every_line():
    """Nulls included; no line is taken for an empty one."""
    parsed = parse(["2", "-", "x", "None", "3"], "version")

    assert parsed.flows["version"].to_pylist() == [2, None, None, 3]
    assert parsed.ordinals.to_pylist() == [0, 1, 3, 4]
    assert parsed.rejects == [Reject(2, b"x", "bad_integer")]


def test_several_formats_are_told_apart_by_their_number_of_fields():
    """Each line is read in its own; a line of no format's length is a reject."""
    parsed = parse(["10.0.1.5 840", GOOD, "10.0.1.6 841", "840", "10.0.1.7  842", V2, "x 843"], "v2", "srcaddr bytes")

    assert rows(parsed) == {
        0: {"srcaddr": "10.0.1.5", "bytes": 840, "log_status": "OK"},
        1: ROW,
        2: {"srcaddr": "10.0.1.6", "bytes": 841, "log_status": "OK"},
        4: {"srcaddr": "10.0.1.7", "bytes": 842, "log_status": "OK"},
    }
    assert sorted((reject.ordinal, reject.line, reject.reason) for reject in parsed.rejects) == [
        (3, b"840", "field_count"),
        (6, b"x 843", "bad_address"),
    ]
    assert parsed.headers == 1
    assert {column.num_chunks for column in parsed.flows.columns} == {1}


@pytest.mark.parametrize("lines", [["840"], [], ["10.0.1.5 840"], [GOOD]])
def test_a_format_without_lines_takes_nothing_from_the_others(lines):
    """Whichever of the declared formats is seen, the columns are the same."""
    parsed = parse(lines, "v2", "srcaddr bytes")

    assert parsed.flows.num_rows == len(lines) - len(parsed.rejects)
    assert parsed.flows.column_names == [column.name for column in flow_columns()]


def test_version_eleven_is_read_whole():
    """54 fields, tags percent-encoded as AWS delivers them."""
    words = [
        *GOOD.replace("2 ", "11 ", 1).split(),
        *["-"] * 28,
        "project=shop%20eu",
        *["-"] * 5,
        "interface",
        *["-"] * 5,
    ]
    parsed = parse([" ".join(words)], "v11")

    assert rows(parsed) == {
        0: ROW | {"version": 11, "instance_tag": "project=shop%20eu", "interface_type": "interface"}
    }


def test_tables_of_several_reads_become_one():
    """Dictionaries are shared, so that equal codes are equal words."""
    one, other = parse([GOOD]).flows, parse([changed(interface_id="eni-0b"), GOOD]).flows
    both = unify([one, other])

    assert both["interface_id"].to_pylist() == ["eni-0a", "eni-0b", "eni-0a"]
    assert both["interface_id"].num_chunks == 1
    assert len(both["interface_id"].chunk(0).dictionary) == 2


def test_a_bad_address_costs_no_line_without_addresses():
    """A record of no data stands beside it and stays a row."""
    silent = {name: value for name, value in ROW.items() if name not in ("srcaddr", "dstaddr")}
    lines = [changed(srcaddr="-", dstaddr="-"), changed(srcaddr="eni-0a"), changed(dstaddr="eni-0a"), GOOD]
    parsed = parse(lines)

    assert rows(parsed) == {0: silent, 3: ROW}
    assert [(reject.ordinal, reject.reason) for reject in parsed.rejects] == [(1, "bad_address"), (2, "bad_address")]


def test_an_empty_word_is_seen_where_it_is_the_first_of_all():
    """As many spaces as the format has, and no account in the first line."""
    line = GOOD.replace("012345678901", "")

    assert parse([line, GOOD]).rejects == [Reject(0, line.encode(), "field_count")]
