"""Events of compressed records, honest and not, each with what must become of it.

A record has up to 1,000 KiB as it arrives; deflate makes up to a thousand times as much of it. CloudWatch Logs
envelopes of flow logs come at ratios of 10 to 20.
"""

import base64
import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from reliability.fuzz.function import REGION, STREAM
from reliability.fuzz.lines import VERSIONS, LineMaker
from workbench.envelopes import LogSource, compressed_record, data_envelope, log_event

MIB: Final = 1024 * 1024
RECORD: Final = 1_000 * 1024
_SOURCE: Final = LogSource("111122223333", "flow-logs", "eni-0a-all", "to-firehose")
_ARRIVED_MS: Final = 1_794_996_300_000


@dataclass(frozen=True, slots=True)
class Case:
    """``payloads`` of an event; ``reason`` of each one's reject (None: read whole, ``rows`` in all).

    ``refusal``: the exception's name where the event as a whole must be refused; ``held_mib``: what may be inflated at
    a time.
    """

    payloads: list[bytes]
    reason: str | None = None
    rows: int = 0
    refusal: str = ""
    held_mib: int = 32

    def event(self) -> dict[str, Any]:
        """As Firehose sends it."""
        records = [
            {
                "recordId": f"{number:056d}",
                "approximateArrivalTimestamp": _ARRIVED_MS + number,
                "data": base64.b64encode(payload).decode(),
            }
            for number, payload in enumerate(self.payloads)
        ]
        return {"invocationId": "one", "deliveryStreamArn": STREAM, "region": REGION, "records": records}

    @property
    def ratio(self) -> float:
        """Bytes that the first payload inflates to, by its own; without holding them."""
        return _inflated_bytes(self.payloads[0]) / len(self.payloads[0])


def _honest(ratio: int) -> Case:
    """An envelope of flow records as CloudWatch Logs sends it, of up to 1,000 KiB."""
    rng = Random(ratio)
    maker = LineMaker({"v2": tuple(VERSIONS["v2"].split())})
    # Fewer different lines are a higher ratio.
    pool = [maker.good(rng).text for _ in range({10: 120, 20: 60}[ratio])]
    lines = [rng.choice(pool) for _ in range({10: 48_000, 20: 90_000}[ratio])]
    events = [log_event(line, timestamp_ms=_ARRIVED_MS + n // 50) for n, line in enumerate(lines)]
    envelope = data_envelope(events, _SOURCE)
    return Case([compressed_record(envelope)], rows=len(lines), held_mib=128)


def _bomb(ratio: int, size: int = RECORD) -> bytes:
    """A gzip member of that ratio: words that compress badly, then a blank again and again."""
    noise = Random(ratio)
    deflate = zlib.compressobj(9, wbits=31)
    packed: list[bytes] = []
    inflated = count = 0
    while count < size:
        is_short = inflated < ratio * count
        part = b" " * (MIB * ratio // 200) if is_short else noise.randbytes(4096).hex().encode() + b"\n"
        inflated += len(part)
        packed.append(deflate.compress(part) + deflate.flush(zlib.Z_SYNC_FLUSH))
        count += len(packed[-1])
    packed.append(deflate.flush())
    return b"".join(packed)


def _ratio(ratio: int) -> Callable[[], Case]:
    inside = ratio * RECORD <= 32 * MIB
    return lambda: Case([_bomb(ratio)], "field_count" if inside else "inflates_too_large")


def _nested() -> Case:
    """A bomb in a bomb: the inner one is no text, and stays closed."""
    return Case([gzip.compress(_bomb(1000), 9, mtime=0)], "not_utf8")


def _members(size: int, number: int, reason: str | None) -> Case:
    return Case([gzip.compress(b" " * size, 9, mtime=0) * number], reason)


def _repeated(unit: bytes, before: bytes = b"", behind: bytes = b"", times: int = 1) -> list[bytes]:
    """32 MiB of the same, in a gzip member."""
    count = (32 * MIB - len(before) - len(behind)) // len(unit)
    return [gzip.compress(before + unit * count + behind, 9, mtime=0)] * times


CASES: Final[dict[str, Callable[[], Case]]] = {
    "honest_10": lambda: _honest(10),
    "honest_20": lambda: _honest(20),
    **{f"ratio_{ratio}": _ratio(ratio) for ratio in (10, 20, 50, 100, 200, 500, 1000)},
    "nested": _nested,
    "many_members": lambda: _members(0, RECORD // 20, None),
    "large_members": lambda: _members(MIB, 900, "inflates_too_large"),
    "truncated": lambda: Case([_bomb(1000)[: RECORD // 2]], "inflates_too_large"),
    "truncated_small": lambda: Case([_bomb(20)[: RECORD // 2]], "bad_gzip"),
    "objects": lambda: Case(_repeated(b'{"a":1}'), "too_many_lines"),
    "messages": lambda: Case(_repeated(rb'{"\u006dessage":"x"}'), "too_many_lines"),
    "lists": lambda: Case(_repeated(b"[],", b'{"a":[', b"1]}{"), "bad_json"),
    "short_lines": lambda: Case(_repeated(b"x\n"), "too_many_lines"),
    "one_line": lambda: Case(_repeated(b"x"), "field_count", held_mib=128),
    "wide_line": lambda: Case(_repeated(b"x", "\U0001f98a".encode()), "inflates_too_large"),
    "wide_messages": lambda: Case(_repeated(rb'{"message":"\ud83e\udd8a x"}'), "inflates_too_large"),
    "batch": lambda: Case(_repeated(b" ", times=5), refusal="BatchTooLargeError", held_mib=128),
}


def _inflated_bytes(payload: bytes) -> int:
    """How far it inflates, without holding it."""
    member = zlib.decompressobj(wbits=31)
    total = 0
    while payload and not member.eof:
        total += len(member.decompress(payload, MIB))
        payload = member.unconsumed_tail
    return total
