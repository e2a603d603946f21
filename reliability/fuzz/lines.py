"""Flow log lines of every version, good and bad, each with its row or the reason why it has none.

Written from AWS's field list ("Flow log records", "Transit Gateway Flow Logs"): a line's values are chosen first and
then spelled, so that what must be read is known without reading. Shares nothing with the code but names.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from reliability.hostile import hostile_words

_V2: Final = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
_V3: Final = f"{_V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"
_V4: Final = f"{_V3} region az-id sublocation-type sublocation-id"
_V5: Final = f"{_V4} pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
_V7: Final = (
    f"{_V5} ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id "
    "ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id"
)
_V8: Final = f"{_V7} reject-reason"
_V9: Final = f"{_V8} resource-id"
_V10: Final = f"{_V9} encryption-status"
_V11: Final = (
    f"{_V10} instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type "
    "next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type"
)
_TGW: Final = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id "
    "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id "
    "tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status "
    "type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags "
    "region flow-direction pkt-src-aws-service pkt-dst-aws-service"
)
VERSIONS: Final = {
    "v2": _V2, "v3": _V3, "v4": _V4, "v5": _V5, "tgw": _TGW, "v7": _V7, "v8": _V8, "v9": _V9, "v10": _V10, "v11": _V11,
}  # fmt: skip
INVENTED: Final = ("invented-field", "invented-2")
AWS_FIELDS: Final = tuple(dict.fromkeys(f"{_V11} {_TGW}".split()))

_INT32: Final = {"version", "srcport", "dstport", "tcp-flags", "traffic-path", "encryption-status"}
_INT64: Final = {
    "protocol", "packets", "bytes", "start", "end", "packets-lost-no-route", "packets-lost-blackhole",
    "packets-lost-mtu-exceeded", "packets-lost-ttl-expired",
}  # fmt: skip
_ADDRESSES: Final = {"srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"}
_MOST: Final = {"version": 11, "srcport": 65_535, "dstport": 65_535, "protocol": 255, "tcp-flags": 63,
                "traffic-path": 8, "encryption-status": 2**31 - 1}  # fmt: skip
# No flow log holds these: below or above what the field can be.
_OUTSIDE: Final = {
    "srcport": ("65536", "-1", "99999"), "dstport": ("65536", "2147483648", "-2147483649"), "protocol": ("256", "-1"),
    "packets": ("-1", "9223372036854775808"), "bytes": ("-7", "9" * 30), "start": ("-1", "9223372036854775808"),
    "end": ("-9223372036854775809", "-2"), "version": ("2147483648", "-5"), "tcp-flags": ("-1", "4294967296"),
    "traffic-path": ("-1", "2147483648"), "encryption-status": ("2147483648", "-2147483649"),
}  # fmt: skip
_NO_INTEGERS: Final = (
    "0x1F", "0X1f", "-0x5", "+5", "5.0", "5e3", "1_000", "\u0665", "\uff15", "5\0", "--5", "NaN", "null", "true", "0b1",
    "1,000", "\u00b2", "5-", "inf", "\u200b5",
)  # fmt: skip
_NO_ADDRESSES: Final = (
    "fe80::1%eth0", "fe80::1%", "1.2.3.4.", ".1.2.3.4", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.-4",
    "1.2.3.4/32", "2001:db8::/64", "1::2::3", "12345::", ":", "[::1]", "10.0.1.5:443", "\u0661.2.3.4", "localhost",
)  # fmt: skip
_WORDS: Final = {
    "action": ("ACCEPT", "REJECT"), "flow-direction": ("ingress", "egress"), "type": ("IPv4", "IPv6", "EFA"),
    "interface-id": ("eni-00000000000000001", "eni-00000000000000002", "eni-0f"), "vpc-id": ("vpc-0a", "vpc-0b"),
    "instance-id": ("i-00000000000000001", "i-0f"), "subnet-id": ("subnet-0a", "subnet-0f"), "region": ("eu-west-1",),
    "az-id": ("euw1-az1", "euw1-az2"), "account-id": ("111122223333", "unknown", "000000000042"),
    "pkt-src-aws-service": ("S3", "EC2", "AMAZON"), "pkt-dst-aws-service": ("S3", "DYNAMODB", "EC2"),
    "interface-type": ("interface", "nat_gateway"), "resource-type": ("TransitGateway",),
    "instance-tag": ("payments", "a%20b", "%3Cscript%3E", "%", "%zz", "%E2%80%A8"),
}  # fmt: skip
_HOSTILE: Final = hostile_words()
_START: Final = 1_794_996_000  # 2026-11-18 10:00:00 UTC


@dataclass(frozen=True, slots=True)
class Line:
    """A line without blanks at its ends; ``row``: its values by column, nulls left out; else why it has none.

    ``kind`` is its class. A repeated header is neither row nor reject.
    """

    text: str
    kind: str
    row: dict[str, Any] | None = None
    reason: str | None = None


class LineMaker:
    """Lines of the formats that one stream may carry (their numbers of fields differ)."""

    def __init__(self, formats: dict[str, tuple[str, ...]]) -> None:
        self._formats = list(formats.items())
        self._counts = {len(fields) for fields in formats.values()}
        self.kinds = (
            (self.good, 14), (self.ipv6, 2), (self.no_data, 2), (self.skip_data, 1), (self.milliseconds, 1),
            (self.odd_blanks, 1), (self.hostile_words, 2), (self.separators, 1), (self.with_nul, 1),
            (self.leading_zeros, 1), (self.field_count, 2), (self.bad_integer, 2), (self.out_of_range, 2),
            (self.bad_address, 2), (self.header, 1), (self.huge, 0.06),
        )  # fmt: skip
        self._makers = [maker for maker, _ in self.kinds]
        self._weights = [weight for _, weight in self.kinds]

    def any(self, rng: Random) -> Line:
        """A line of any kind."""
        return rng.choices(self._makers, self._weights)[0](rng)

    def row(self, rng: Random) -> Line:
        """A line that is a row."""
        return self.good(rng)

    def good(self, rng: Random) -> Line:
        """As AWS writes it."""
        return self._line(rng, "good", {})

    def ipv6(self, rng: Random) -> Line:
        """Between IPv6 addresses."""
        words = {name: _ipv6(rng) for name in _ADDRESSES}
        return self._line(rng, "IPv6", words | {"type": "IPv6"})

    def no_data(self, rng: Random) -> Line:
        """An interval without traffic."""
        return self._empty(rng, "NODATA")

    def skip_data(self, rng: Random) -> Line:
        """An interval that AWS missed."""
        return self._empty(rng, "SKIPDATA")

    def milliseconds(self, rng: Random) -> Line:
        """Times of a source that tells milliseconds: a row's are seconds."""
        name, fields = rng.choice(self._formats)
        row = _row(rng, fields)
        words = {field: _word(row, field) for field in fields}
        for field in ("start", "end"):
            if field in words:
                seconds = _START + rng.randrange(600)
                row[field] = seconds
                words[field] = str(seconds * 1000 + rng.randrange(1000))
        return Line(" ".join(words[field] for field in fields), "milliseconds", _told(row, name))

    def odd_blanks(self, rng: Random) -> Line:
        """Runs of spaces and tabs between the words."""
        line = self.good(rng)
        first, *rest = line.text.split(" ")
        text = first + "".join(rng.choice((" ", " ", "  ", "\t", " \t", "\v", "\f", "\r")) + word for word in rest)
        return Line(text, "odd blanks", line.row)

    def hostile_words(self, rng: Random) -> Line:
        """Words of an attacker's choice in a field of text: values like any other."""
        return self._with_text(rng, rng.choice(_HOSTILE), "hostile words")

    def separators(self, rng: Random) -> Line:
        """What other languages take for the end of a line or for a blank, inside a value."""
        odd = rng.choice("\u2028\u2029\u0085\u00a0\u2003\x1c\x1d\x1e\u3000\ufeff")
        return self._with_text(rng, rng.choice((f"a{odd}b", f"a{odd}", odd)), "U+2028 and other separators")

    def with_nul(self, rng: Random) -> Line:
        """A NUL inside a value."""
        return self._with_text(rng, rng.choice(("a\0b", "\0", "\0\0x")), "NUL")

    def huge(self, rng: Random) -> Line:
        """A value of up to 60,000 characters."""
        return self._with_text(rng, rng.choice("x\u00e9\U0001f98a") * rng.randrange(5_000, 60_000), "huge line")

    def leading_zeros(self, rng: Random) -> Line:
        """Numbers spelled with zeros in front, also more of them than a number of 64 bits has digits."""
        name, fields = rng.choice(self._formats)
        row = _row(rng, fields)
        zeros = "0" * rng.choice((1, 2, 40))
        words = {f: zeros + _word(row, f) if f in (_INT32 | _INT64) and f in row else _word(row, f) for f in fields}
        return Line(" ".join(words[field] for field in fields), "leading zeros", _told(row, name))

    def field_count(self, rng: Random) -> Line:
        """Words too few or too many."""
        words = self.good(rng).text.split(" ")
        count = rng.choice([n for n in range(1, len(words) + 4) if n not in self._counts])
        words = [*words, "7", "-", "x"][:count]
        # A text that is but one field's name would be a header where a format has one field; none has here.
        return Line(" ".join(words), "field count", reason="field_count")

    def bad_integer(self, rng: Random) -> Line:
        """A word where a number should be."""
        return self._spoilt(rng, _INT32 | _INT64, lambda _: rng.choice(_NO_INTEGERS), "bad_integer")

    def out_of_range(self, rng: Random) -> Line:
        """A number that no flow log can hold."""
        return self._spoilt(rng, set(_OUTSIDE), lambda field: rng.choice(_OUTSIDE[field]), "out_of_range")

    def bad_address(self, rng: Random) -> Line:
        """A word where an address should be."""
        return self._spoilt(rng, _ADDRESSES, lambda _: rng.choice(_NO_ADDRESSES), "bad_address")

    def header(self, rng: Random) -> Line:
        """The format's header line, as at the front of a delivered file."""
        _, fields = rng.choice(self._formats)
        return Line(" ".join(fields), "header")

    def _line(self, rng: Random, kind: str, given: dict[str, Any]) -> Line:
        name, fields = rng.choice(self._formats)
        row = _row(rng, fields) | {field: value for field, value in given.items() if field in fields}
        return Line(" ".join(_word(row, field) for field in fields), kind, _told(row, name))

    def _empty(self, rng: Random, status: str) -> Line:
        name, fields = rng.choice(self._formats)
        kept = {"version", "account-id", "interface-id", "start", "end"}
        row = {field: value for field, value in _row(rng, fields).items() if field in kept}
        if "log-status" in fields:
            row["log-status"] = status
        return Line(" ".join(_word(row, field) for field in fields), status, _told(row, name))

    def _with_text(self, rng: Random, word: str, kind: str) -> Line:
        name, fields = rng.choice(self._formats)
        texts = [field for field in fields if field not in _INT32 | _INT64 | _ADDRESSES | {"log-status"}]
        row = _row(rng, fields) | {rng.choice(texts): word}
        return Line(" ".join(_word(row, field) for field in fields), kind, _told(row, name))

    def _spoilt(self, rng: Random, candidates: set[str], word: Any, reason: str) -> Line:
        _, fields = rng.choice(self._formats)
        row = _row(rng, fields)
        spoilt = rng.choice([field for field in fields if field in candidates])
        text = " ".join(word(field) if field == spoilt else _word(row, field) for field in fields)
        return Line(text, reason.replace("_", " "), reason=reason)


def _row(rng: Random, fields: tuple[str, ...]) -> dict[str, Any]:
    """A value for most fields; those left out are null."""
    draw = rng.random
    row: dict[str, Any] = {}
    for field in fields:
        if draw() < 0.05:  # noqa: PLR2004 - the share of fields without a value
            continue
        if field in _MOST:
            row[field] = int(draw() * (_MOST[field] + 1))
        elif field in _INT64:
            row[field] = _START + int(draw() * 600) if field in ("start", "end") else int(10 ** (draw() * 18.9))
        elif field in _ADDRESSES:
            row[field] = _ipv4(rng)
        elif field == "log-status":
            row[field] = "OK"
        elif field in _WORDS:
            row[field] = rng.choice(_WORDS[field])
        else:
            row[field] = f"{field[:6]}{int(draw() * 50)}"
    return row


def _word(row: dict[str, Any], field: str) -> str:
    return str(row.get(field, "-"))


def _told(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The row by column: what the lake must hold of AWS's columns. ``name`` tells whether the format has a status."""
    told = {field.replace("-", "_"): value for field, value in row.items() if field not in INVENTED}
    extra = {field: row[field] for field in INVENTED if field in row}
    if extra:
        told["extra_fields"] = extra
    if name.endswith("without status"):
        told["log_status"] = "OK"
    return told


def _ipv4(rng: Random) -> str:
    n = rng.getrandbits(32)
    if n & 1:
        return f"10.0.{n >> 8 & 7}.{n >> 16 & 255}"
    return f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def _ipv6(rng: Random) -> str:
    n = rng.getrandbits(32)
    return f"2001:db8::{n >> 16:x}:{n & 0xFFFF:x}"
