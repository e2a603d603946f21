"""Log formats: what is written is what is read back, and no text is taken for what it is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.flow_lines import FORMATS, lines
from property.slow_reader import V5

from enricher.errors import LogFormatError
from enricher.log_format import LogFormat, LogFormats, header_format

KNOWN = [*V5.split(), "instance-tag-2", "next-hop-az-id", "tgw-src-vpc-id", "packets-lost-no-route"]
SHORT_NAMES = {"default", "tgw", "v2", "v3", "v4", "v5", "v7", "v8", "v9", "v10", "v11"}
INVENTED = st.from_regex(r"[a-z]{1,6}(-[a-z0-9]{1,3}){0,2}", fullmatch=True).filter(
    lambda name: name not in SHORT_NAMES
)


@st.composite
def field_lists(draw: st.DrawFn) -> list[str]:
    """Fields in any order, at least one of them AWS's."""
    known = draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=12, unique=True))
    invented = draw(st.lists(INVENTED, max_size=3, unique=True))
    return draw(st.permutations(list(dict.fromkeys(known + invented))))


@settings(max_examples=150, deadline=None)
@given(fields=field_lists(), separator=st.sampled_from([" ", "  ", "\t", "\n "]))
def test_a_format_reads_back_from_every_spelling(fields: list[str], separator: str) -> None:
    """``${field}`` words, a header line and column names mean the same fields in the same order."""
    expected = LogFormat(tuple(fields))

    assert LogFormat.parse(separator.join(f"${{{field}}}" for field in fields)) == expected
    assert LogFormat.parse(separator.join(fields)) == expected
    assert LogFormat.of_fields([field.replace("-", "_") for field in fields]) == expected
    assert LogFormat.parse(expected.header) == header_format(expected.header) == expected
    assert expected.columns == tuple(field.replace("-", "_") for field in fields)
    assert set(expected.unknown_fields) == set(fields) - set(KNOWN)


@settings(max_examples=100, deadline=None)
@given(fields=field_lists(), data=st.data())
def test_a_field_that_stands_twice_is_refused_by_its_name(fields: list[str], data: st.DataObject) -> None:
    """Nobody can tell which of the two values was meant."""
    twice = data.draw(st.sampled_from(fields))
    at = data.draw(st.integers(0, len(fields)))

    with pytest.raises(LogFormatError, match=f"{twice} stands twice"):
        LogFormat.parse(" ".join([*fields[:at], twice, *fields[at:]]))


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=80), st.from_regex(r"(\$\{[a-z-]*\}? ?){1,4}", fullmatch=True)))
def test_any_text_is_a_format_or_refused_in_one_line(text: str) -> None:
    """What is no format ends in one printable line."""
    refusal = None
    try:
        LogFormat.parse(text)
    except LogFormatError as error:
        refusal = str(error)

    assert refusal is None or (refusal.isprintable() and refusal.startswith("log format"))


@settings(max_examples=150, deadline=None)
@given(line=st.sampled_from(FORMATS).flatmap(lines).filter(lambda line: any(character in line for character in "0- ")))
def test_a_flow_line_is_no_header(line: str) -> None:
    """Only a line of field names is a header; one with a number, ``-`` or a capital is a flow record."""
    has_value = any(not word.replace("-", "").replace("_", "").isalpha() or word[:1] == "-" for word in line.split())
    if has_value and not line.startswith("$"):
        assert header_format(line) is None


@settings(max_examples=100, deadline=None)
@given(several=st.lists(field_lists(), min_size=1, max_size=4))
def test_formats_are_told_apart_by_their_number_of_fields_or_refused(several: list[list[str]]) -> None:
    """Two different formats of equal length are refused; the same one twice counts once."""
    texts = [" ".join(fields) for fields in several]
    by_length: dict[int, set[str]] = {}
    for text in texts:
        by_length.setdefault(len(text.split()), set()).add(text)

    if any(len(same) > 1 for same in by_length.values()):
        with pytest.raises(LogFormatError, match="cannot be told apart"):
            LogFormats.parse(texts)
    else:
        assert LogFormats.parse(texts).formats == LogFormats.parse([*texts, *texts]).formats
        assert len(LogFormats.parse(texts).formats) == len(by_length)
