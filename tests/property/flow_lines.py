"""Strategies: flow log lines from plain to hostile."""

import itertools

from hypothesis import strategies as st
from property.slow_reader import BITS, BLANK, FIELDS_OF_ADDRESSES, V2, V5

PLAIN = (
    "5 111122223333 eni-0a 10.0.1.5 10.0.2.9 49152 443 6 12 840 1794996000 1794996060 ACCEPT OK "
    "vpc-0a subnet-0a i-0a 2 IPv4 10.0.1.5 10.0.2.9 eu-west-1 euw1-az1 - - - - egress 1"
)
FORMATS = [V2, V5, "srcaddr dstaddr bytes", "version", "action invented-field start", "invented-2 type srcport end"]

NUMBERS = [
    "0", "-0", "7", "007", "65535", "65536", "255", "256", "-1", "2147483647", "2147483648", "-2147483649",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "000000000000000000000000000000007",
    "99999999999", "100000000000", "1794996000999", "1" * 30, "0x1F", "0X1f", "-0x5", "+5", "5.0", "5e3", "1_000",
    "\u0665", "\uff15", "5\0", "--5", "-", "None", "none", "NaN", "null", "true", "0b1", "1,000", "\u00b2",
]  # fmt: skip
ADDRESSES = [
    "10.0.1.5", "198.51.100.7", "255.255.255.255", "0.0.0.1", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "::",
    "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fe80::1%", "1.2.3.4.", ".1.2.3.4", "1.2.3", "1.2.3.4.5",
    "01.2.3.4", "256.1.1.1", "1.2.3.-4", "1.2.3.4/32", "2001:db8::/64", "1::2::3", "12345::", ":", "[::1]",
    "10.0.1.5:443", "\u0661.2.3.4", "localhost", "-", "None",
]  # fmt: skip
WORDS = [
    "ACCEPT", "OK", "NODATA", "SKIPDATA", "egress", "ingress", "IPv4", "eni-0a", "unknown", "-", "None", "--", '"',
    '""', '"a', "a,b", "'", "\\", "\\n", "a\0b", "a\u2028b", "a\u00a0b", "\u00a0", "\u2003", "a\x1cb", "a\u0085b",
    "\ufeff", "é", "🦊", "#", "${version}", "version", "{", "}", "x" * 5000,
]  # fmt: skip
SEPARATORS = ["  ", "\t", " \t ", "\r", "\v", "\f"]


def words(field: str = "") -> st.SearchStrategy[str]:
    """Any word without the white space that ends words; mostly one of the kind the field holds."""
    free = st.text(st.characters(codec="utf-8", exclude_characters=BLANK), min_size=1, max_size=6)
    anything = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(ADDRESSES), st.sampled_from(WORDS), free)
    if field in BITS:
        return st.one_of(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), anything)
    if field in FIELDS_OF_ADDRESSES:
        return st.one_of(st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES), anything)
    return anything


@st.composite
def lines(draw: st.DrawFn, log_format: str) -> str:
    """A line for the format: as it should be, with a few strange words, or of any number of any words."""
    fields = log_format.split()
    fitting = dict(zip(V5.split(), PLAIN.split(), strict=True))
    line = [fitting.get(field, "word") for field in fields]
    kind = draw(st.integers(0, 9))
    if kind >= 4:
        for position in draw(st.lists(st.integers(0, len(fields) - 1), max_size=2)):
            line[position] = draw(words(fields[position]))
    if kind == 9:
        line = draw(st.lists(words(), min_size=1, max_size=len(fields) + 2))
    separators = [" "] * len(line)
    if kind in (3, 8):
        separators[draw(st.integers(0, len(line) - 1))] = draw(st.sampled_from(SEPARATORS))
    return "".join(itertools.chain.from_iterable(zip(line, separators, strict=True))).strip(BLANK)


def texts(log_format: str) -> st.SearchStrategy[str]:
    """What may stand in one message: mostly a line, now and then several, a blank one, or the format's header."""
    one = lines(log_format)
    several = st.lists(st.one_of(one, st.sampled_from(["", "  ", "\t"])), max_size=3).map("\n".join)
    return st.one_of(one, one, one, several, st.sampled_from([log_format, " ", ""]))


def without_blanks(text: str) -> list[str]:
    """The lines of a text."""
    return [line for line in (part.strip(BLANK) for part in text.split("\n")) if line]
