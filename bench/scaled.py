"""Batches of any shape over an estate of any size: what the scaling curves are drawn from.

Version 5 lines of ``bench.large_estate``'s interfaces, each recorder's together, as they arrive; the numbers in them
are drawn with one seed. Nothing here is a claim about traffic: only one thing differs between two points of a curve.
"""

import base64
import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bench.large_estate import BEGUN_AT, VPCS, address_of, interface_id_of, vpc_of
from bench.material import REGION, SEED, STREAM, Material
from enricher.schema import FIELDS_OF_VERSION
from workbench.envelopes import (
    DeliveryRecord,
    LogSource,
    compressed_record,
    data_envelope,
    log_event,
    message_record,
    transformation_event,
)

FIELDS: Final = FIELDS_OF_VERSION[5]
LINES_OF_AN_ENVELOPE: Final = 1_000
_SOURCE: Final = LogSource("111122223333", "flow-logs", "eni-all", "to-firehose")
_PORTS: Final = (443, 5432, 8080, 6379, 53)
_DIGEST_LENGTH: Final = 12

Pair = tuple[int, int]


def pairs_of_few(estate: int, few: int, recorders: int = 220, peers: int = 5) -> list[Pair]:
    """Recorder and peer, by number, spread over the whole estate: as many and alike in an estate of any size.

    ``few``: the least estate that is compared; ``estate`` is 1, 9, 99 … times as large.
    """
    chance = random.Random(SEED)
    stride = (estate // few) - (estate // few + 1) % 2  # odd, so that neighbours stay in different VPCs
    chosen = chance.sample(range(few), recorders)
    return [
        (recorder * stride, chance.randrange(recorder % VPCS, few, VPCS) * stride)
        for recorder in chosen
        for _ in range(peers)
    ]


def pairs_of_all(endpoints: int) -> list[Pair]:
    """The first ``endpoints`` interfaces, two and two of one VPC: each is in one pair."""
    firsts = (2 * VPCS * (place // VPCS) + place % VPCS for place in range(endpoints // 2))
    return [(first, first + VPCS) for first in firsts]


def make_lines(pairs: Sequence[Pair], number: int) -> list[str]:
    """``number`` flows, spread evenly over the pairs, pair by pair."""
    chance = random.Random(SEED)
    return [_line(*pairs[place * len(pairs) // number], chance) for place in range(number)]


def _line(recorder: int, peer: int, chance: random.Random) -> str:
    source, destination = address_of(recorder), address_of(peer)
    packets = 1 + int(chance.paretovariate(1.1))
    words = {
        "version": 5,
        "account-id": "111122223333",
        "interface-id": interface_id_of(recorder),
        "srcaddr": source,
        "dstaddr": destination,
        "srcport": chance.randrange(32_768, 61_000),
        "dstport": chance.choice(_PORTS),
        "protocol": 6,
        "packets": packets,
        "bytes": packets * chance.randrange(60, 1_400),
        "start": BEGUN_AT - chance.randrange(60, 120),
        "end": BEGUN_AT - chance.randrange(1, 60),
        "action": "ACCEPT",
        "log-status": "OK",
        "vpc-id": vpc_of(recorder),
        "subnet-id": f"subnet-{recorder % (VPCS * 32):017x}",
        "instance-id": f"i-{recorder // 2:017x}",
        "tcp-flags": chance.choice((2, 3, 18, 19)),
        "type": "IPv4",
        "pkt-srcaddr": source,
        "pkt-dstaddr": destination,
        "region": REGION,
        "az-id": f"use1-az{1 + recorder % 3}",
        "flow-direction": "egress",
        "traffic-path": 1,
    }
    return " ".join(str(words.get(field, "-")) for field in FIELDS)


def as_messages(lines: list[str]) -> Material:
    """A batch with a delivery record a line, as flow logs write into a stream."""
    return _material(lines, [message_record(line) for line in lines])


def as_envelopes(lines: list[str]) -> Material:
    """A batch of gzipped CloudWatch Logs envelopes: the only way in which so many lines fit an invocation."""
    parts = [lines[first : first + LINES_OF_AN_ENVELOPE] for first in range(0, len(lines), LINES_OF_AN_ENVELOPE)]
    moment = BEGUN_AT * 1000
    payloads = [
        compressed_record(data_envelope([log_event(line, timestamp_ms=moment) for line in part], _SOURCE))
        for part in parts
    ]
    return _material(lines, payloads)


def _material(lines: list[str], payloads: Sequence[bytes]) -> Material:
    records = [
        DeliveryRecord(f"{number:056d}", payload, BEGUN_AT * 1000 + number) for number, payload in enumerate(payloads)
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_DIGEST_LENGTH]
    return Material(FIELDS, lines, transformation_event(records, STREAM, REGION, "bench"), {}, digest)


def with_bad_lines(good: Material, share: float) -> Material:
    """The same batch with a share of its lines bad: cut off, or with a port that is no number, in turn.

    ``lines`` are those that stayed good. Evenly spread, the first one bad (unless none is).
    """
    lines, records = good.lines, list(good.event["records"])
    number = round(share * len(lines))
    bad = {place * len(lines) // number for place in range(number)} if number else set()
    for count, position in enumerate(sorted(bad)):
        words = lines[position].split(" ")
        line = " ".join(words[:-2] if count % 2 else [*words[:5], "http", *words[6:]])
        records[position] = {**records[position], "data": base64_of(line)}
    kept = [line for position, line in enumerate(lines) if position not in bad]
    return replace(good, lines=kept, event={**good.event, "records": records})


def base64_of(line: str) -> str:
    """A line's delivery record as an event carries it."""
    return base64.b64encode(message_record(line)).decode()
