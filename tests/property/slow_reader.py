"""A reader of single flow log lines, written from AWS's field list: the oracle for the columnar one.

It shares nothing with the code but the names of columns and reasons. One line at a time, ``bytes.split``, ``int`` and
``ipaddress``: too slow for a batch and too plain to be wrong in the same way.
"""

import ipaddress
import re
from typing import Any

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = (
    f"{V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)

BITS = {
    **dict.fromkeys(("version", "srcport", "dstport", "tcp-flags", "traffic-path", "encryption-status"), 32),
    **dict.fromkeys(("protocol", "packets", "bytes", "start", "end"), 64),
}
MOST = {
    **dict.fromkeys(("version", "packets", "bytes", "start", "end", "tcp-flags", "traffic-path"), 2**63),
    **dict.fromkeys(("srcport", "dstport"), 65_535),
    "protocol": 255,
}
FIELDS_OF_ADDRESSES = {"srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"}
UNKNOWN_TO_US = {"invented-field", "invented-2"}
BLANK = " \t\r\n\v\f"


def read_line(line: str, fields: list[str]) -> dict[str, Any] | str:
    """The line's values by column, or the reason why it is a reject.

    Fields are separated by runs of ASCII white space. Of several faults the first of this order is told: number of
    fields, a number that is none, a number that no flow log can hold, an address that is none.
    """
    words = [None if word in (b"-", b"None") else word.decode() for word in line.encode().split()]
    if len(words) != len(fields):
        return "field_count"
    told = dict(zip(fields, words, strict=True))
    numbers = {field: word for field, word in told.items() if field in BITS and word is not None}
    if not all(re.fullmatch(r"-?[0-9]+", word, re.ASCII) for word in numbers.values()):
        return "bad_integer"
    if not all(_fits(int(word), field) for field, word in numbers.items()):
        return "out_of_range"
    if not all(told.get(field) is None or _is_address(str(told[field])) for field in FIELDS_OF_ADDRESSES):
        return "bad_address"
    return _row(told)


def _row(told: dict[str, str | None]) -> dict[str, Any]:
    row: dict[str, Any] = {"log_status": "OK"}
    for field, word in told.items():
        if field not in UNKNOWN_TO_US:
            row[field.replace("-", "_")] = int(word) if field in BITS and word is not None else word
    for name in ("start", "end"):
        # Some sources tell milliseconds; 10^11 seconds are the year 5138.
        if row.get(name) is not None and row[name] >= 10**11:
            row[name] //= 1000
    row["extra_fields"] = {field: told[field] for field in UNKNOWN_TO_US & told.keys() if told[field] is not None}
    return {name: value for name, value in row.items() if value is not None}


def _fits(number: int, field: str) -> bool:
    limit = 2 ** (BITS[field] - 1)
    return -limit <= number < limit and (field not in MOST or 0 <= number <= MOST[field])


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return "%" not in word  # a zone index names an interface of one machine, not an address
