"""The columnar reader against one that reads a line at a time."""

from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.flow_lines import FORMATS, lines
from property.slow_reader import V2, read_line

from enricher.log_format import LogFormats
from enricher.parse import Parsed, parse_lines
from enricher.schema import arrow_schema, flow_columns

GOOD = "2 111122223333 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK"


def with_word(position: int, word: str) -> str:
    """The good line with another word at this position."""
    every = GOOD.split(" ")
    every[position] = word
    return " ".join(every)


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A log format and lines for it."""
    log_format = draw(st.sampled_from(FORMATS))
    one = lines(log_format).filter(lambda line: line and line != log_format)
    return log_format, draw(st.lists(one, max_size=8))


@settings(max_examples=400, deadline=None)
@given(batch=batches())
@example(batch=(V2, [GOOD, with_word(5, "0x1F")])).via("Arrow reads 0x1F as 31; AWS writes decimal")
@example(batch=(V2, [with_word(5, "0x1F"), with_word(5, "x")])).via("another bad line must not change the answer")
@example(batch=(V2, [with_word(3, "1.2.3.4.")])).via("a dot too many")
@example(batch=(V2, [with_word(3, "fe80::1%eth0")])).via("ipaddress takes a zone index, inet_pton does not")
@example(batch=(V2, [with_word(2, "a\u00a0b"), GOOD.replace(" ", "  ", 1)])).via("a neighbour with two spaces")
@example(batch=(V2, [with_word(2, "a\tb")])).via("a tab beside single spaces")
@example(batch=(V2, [with_word(5, "x").replace("443", "65536")])).via("two faults in one line")
@example(batch=(V2, [with_word(5, "2147483648").replace("443", "x")])).via("two faults in one line")
@example(batch=(V2, ["\ufeff" + GOOD, GOOD])).via("the mark that text files of Windows begin with")
def test_rows_and_rejects_are_those_of_the_reader_of_single_lines(batch: tuple[str, list[str]]) -> None:
    """Same rows in the same order, same rejects with the same bytes and reasons, whatever stands beside a line."""
    log_format, batch_lines = batch
    ordinals = [3 * position for position in range(len(batch_lines))]

    parsed = parse_lines(batch_lines, ordinals, LogFormats.parse([log_format]))

    assert answers(parsed, ordinals) == [read_line(line, log_format.split()) for line in batch_lines]
    assert sorted((r.ordinal, r.line) for r in parsed.rejects) == [
        (ordinal, line.encode())
        for ordinal, line in zip(ordinals, batch_lines, strict=True)
        if isinstance(read_line(line, log_format.split()), str)
    ]


def answers(parsed: Parsed, ordinals: Sequence[int]) -> list[Any]:
    """For each line its row (the columns of its format) or its reason."""
    found: dict[int, Any] = {reject.ordinal: reject.reason for reject in parsed.rejects}
    assert parsed.flows.schema.names == arrow_schema(flow_columns()).names
    rows = parsed.flows.to_pylist()
    for ordinal, row in zip(parsed.ordinals.to_pylist(), rows, strict=True):
        assert ordinal not in found
        told = {name: value for name, value in row.items() if value is not None}
        found[ordinal] = {**told, "extra_fields": dict(row["extra_fields"] or ())}
    return [found.pop(ordinal) for ordinal in ordinals]
