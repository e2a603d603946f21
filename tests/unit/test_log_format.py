"""Log formats: every spelling, short names, headers, and what is refused."""

import pytest

from enricher.errors import LogFormatError
from enricher.log_format import LogFormat, LogFormats, header_format

# VPC user guide, "Flow log records" and transit gateway guide, "Transit Gateway Flow Log records", typed by hand.
V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = (
    f"{V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)
TRANSIT_GATEWAY = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id "
    "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id "
    "tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status "
    "type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags "
    "region flow-direction pkt-src-aws-service pkt-dst-aws-service"
)


@pytest.mark.parametrize(("name", "fields"), [("default", V2), ("v2", V2), ("v5", V5), ("tgw", TRANSIT_GATEWAY)])
def test_short_names_stand_for_the_documented_order(name, fields):
    """The default format, all fields up to a version, and the transit gateway's list."""
    assert LogFormat.parse(name).fields == tuple(fields.split())


@pytest.mark.parametrize(
    ("name", "count"), [("v3", 21), ("v4", 25), ("v7", 39), ("v8", 40), ("v9", 41), ("v10", 42), ("v11", 54)]
)
def test_each_version_adds_its_fields(name, count):
    """The cumulative counts of the user guide's table."""
    assert len(LogFormat.parse(name).fields) == count


@pytest.mark.parametrize(
    "text",
    [
        "${version} ${account-id} ${srcaddr}",
        "  ${version}\n${account-id}\t${srcaddr} ",
        "version account-id srcaddr",
        "version account_id srcaddr",
        "${version} account-id ${srcaddr}",
    ],
)
def test_every_spelling_means_the_same_fields(text):
    """What AWS's console shows, a delivered file's header, Parquet's column names."""
    log_format = LogFormat.parse(text)

    assert log_format.fields == ("version", "account-id", "srcaddr")
    assert log_format.columns == ("version", "account_id", "srcaddr")
    assert log_format.header == "version account-id srcaddr"


def test_fields_that_are_not_known_are_kept_by_name():
    """AWS adds fields; a format that names one is still a format."""
    log_format = LogFormat.parse("${srcaddr} ${quantum-state} ${dstaddr} ${field_of-2027}")

    assert log_format.unknown_fields == ("quantum-state", "field-of-2027")
    assert log_format.columns == ("srcaddr", "quantum_state", "dstaddr", "field_of_2027")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("${quantum-state}", "names no flow log field"),
        ("v6", "names no flow log field"),
        ("v12", "names no flow log field"),
        ("${srcaddr} ${dstaddr} ${srcaddr}", "contradicts itself, srcaddr stands twice"),
        ("${pkt-srcaddr} ${pkt_srcaddr}", "contradicts itself, pkt-srcaddr stands twice"),
        ("${srcaddr", "'${srcaddr' is not a field"),
        ("$srcaddr", "'$srcaddr' is not a field"),
        ("${srcaddr}${dstaddr}", "'${srcaddr}${dstaddr}' is not a field"),
        ("${srcaddr},${dstaddr}", "is not a field"),
        ("${}", "'${}' is not a field"),
        ("SRCADDR dstaddr", "'SRCADDR' is not a field"),
        ("{version} {srcaddr}", "'{version}' is not a field"),
        ("2 123456789012 eni-0a1b", "'2' is not a field"),
    ],
)
def test_what_is_no_format_is_refused_with_the_mend(text, told):
    """One line: what was given, what is wrong with it, what to give."""
    with pytest.raises(LogFormatError) as refused:
        LogFormat.parse(text)

    message = str(refused.value)
    assert told in message
    assert "; give the flow log's own format, such as '${version} ${account-id} ${interface-id}', or one of" in message
    assert message.isprintable()


def test_a_refusal_shows_a_long_or_unprintable_text_in_short():
    """The line stays a line."""
    with pytest.raises(LogFormatError) as refused:
        LogFormat.parse("srcaddr \x1b[31m" + "x" * 10_000)

    assert len(str(refused.value)) < 500
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("fields", [V2, V5, TRANSIT_GATEWAY, "srcaddr quantum-state", "pkt_srcaddr bytes", "version"])
def test_a_header_line_declares_its_format(fields):
    """The first line of a file that AWS delivers, of any order and with fields we do not know."""
    assert header_format(fields) == LogFormat.parse(fields)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "2 111122223333 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK",
        "- - - -",
        "egress eu-west-1",
        "unknown",
        "ACCEPT OK",
        "interface subnet vpc",
        "srcaddr,dstaddr",
    ],
)
def test_a_flow_line_is_no_header(line):
    """Numbers, ``-``, capitals, or words that are no field of AWS."""
    assert header_format(line) is None


def test_a_header_that_contradicts_itself_is_refused():
    """It is plainly a header, and cannot be used."""
    with pytest.raises(LogFormatError, match="bytes stands twice"):
        header_format("srcaddr bytes bytes")


def test_a_header_line_of_a_hundred_thousand_words_is_read_at_once():
    """Who makes the longest header costs a moment: each name is counted once, not against all others; and is refused.

    Every field is a column of every batch: a thousand are fifteen times what AWS has.
    """
    fields = ["version", *(f"f{number}" for number in range(100_000))]
    with pytest.raises(LogFormatError, match="has 100001 fields, at most 1000 are read"):
        header_format(" ".join(fields))
    log_format = header_format(" ".join(fields[:1000]))
    assert log_format is not None
    assert len(log_format.fields) == 1000
    with pytest.raises(LogFormatError, match="f7 stands twice"):
        header_format(" ".join([*fields, "f7"]))


def test_formats_of_different_length_live_in_one_stream():
    """The number of fields tells them apart; the same format twice counts once, however it is spelt."""
    formats = LogFormats.parse(["v2", "${srcaddr} ${dstaddr}", "srcaddr dstaddr", "default"])

    assert [log_format.header for log_format in formats.formats] == [V2, "srcaddr dstaddr"]


def test_formats_of_equal_length_are_refused_together():
    """Guessing between them would be wrong for one of them."""
    with pytest.raises(LogFormatError) as refused:
        LogFormats.parse(["srcaddr dstaddr", "v2", "dstaddr srcaddr"])

    assert str(refused.value) == (
        "log formats 'srcaddr dstaddr' and 'dstaddr srcaddr': both have 2 fields and cannot be told apart; "
        "send them to streams of their own"
    )


def test_no_format_at_all_is_refused():
    """A format is never guessed."""
    with pytest.raises(LogFormatError, match=r"^log format: none is given; give the flow log's own format"):
        LogFormats.parse([])
