"""Pointer objects: cut off, of another shape, leading elsewhere, in circles, of another account, out of time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

from enricher.inventory_documents import tables_of
from enricher.pointer import LARGEST_POINTER
from enricher.snapshot import to_snapshot
from reliability.fuzz.function import NOW, estate
from reliability.hostile import hostile_values
from reliability.hostile_files.case import BELIEVED, EITHER, REFUSED, TAKEN, Case, pointer_to
from reliability.hostile_files.hot_path import PART, PLACE

_NO_TIMES: Final = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 400, '"now"', "true", "[]", "{}")
_KEY_ELSEWHERE: Final = (
    "", "/", ".", "..", "../x.parquet", "estate/pointer.json", "estate/snapshots/", "estate/snapshots/../pointer.json",
    "estate/snapshots/../../flow_logs/x.parquet", "estate/snapshots/./x", "estate/snapshots//x", "/estate/snapshots/x",
    "estate/snapshots/..", "estate/snapshots/x/../../y", "s3://other/estate/snapshots/x.parquet",
    "arn:aws:s3:::other/estate/snapshots/x.parquet", "https://other.example.com/x", "other/estate/snapshots/x.parquet",
    "ESTATE/snapshots/x.parquet", "estate/snapshots\\..\\x", "estate/snapshots/x\0y", "estate/snapshots/x\ny",
    "estate/snapshots/\u202ex", "file:///etc/passwd", "flow_logs/x.parquet", "snapshots/x.parquet",
    " estate/snapshots/x",
)  # fmt: skip
# Below the folder, by the letter; nothing is there.
_KEY_BELOW: Final = (
    "estate/snapshots/%2e%2e/pointer.json", "estate/snapshots/..%2fx", "estate/snapshots/\u2025/x",
    "estate/snapshots/" + "x" * 1000, "estate/snapshots/" + "y/" * 500 + "z", "estate/snapshots/\uff0e\uff0e/x",
)  # fmt: skip
_OF_OTHER_TYPES: Final[Sequence[Any]] = (
    None, 0, -1, 1.5, True, "", "x", [], {}, [[]], [None], [1], {"a": 1}, [{}],
)  # fmt: skip
_NOT_JSON: Final = (
    b"", b"\0", b"{", b"{}", b"[]", b"null", b"true", b"2", b'"pointer"', b"NaN", b"PAR1", b"PAR1" + b"\0" * 64,
    b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"\x1f\x8b\x08\0", b"<pointer/>", b"{'version': 2}", b"\xed\xa0\x80",
)  # fmt: skip


def cases(good: Mapping[str, bytes], rng: Random, *, is_full: bool) -> Iterator[Case]:
    """Every kind; ``good``: the inventory that is there."""
    body = good[PLACE.key]
    told = json.loads(body)
    yield from _broken(body, rng, is_full=is_full)
    yield from _members(told, body)
    yield from _elsewhere(told, good)
    yield from _formats(told)
    yield from _times(told)
    for number, value in enumerate(hostile_values() if is_full else hostile_values()[::20]):
        if number % 4 == 0:
            yield _put("hostile value as version", told | {"version": value})
            yield _put("hostile value as snapshot", told | {"snapshot": value})
        # Told as errors of parts, and as names of fields nobody knows: data.
        part = told["parts"][0] | {"error": value}
        yield _put("hostile value as a part's error", told | {"parts": [part], f"x{value}": value}, TAKEN)


def _put(kind: str, told: Any, must: str = REFUSED) -> Case:
    return Case(f"pointer: {kind}", {PLACE.key: json.dumps(told).encode()}, must)


def _raw(kind: str, body: bytes, must: str = REFUSED) -> Case:
    return Case(f"pointer: {kind}", {PLACE.key: body}, must)


def _broken(body: bytes, rng: Random, *, is_full: bool) -> Iterator[Case]:
    places = range(0, len(body), 4) if is_full else rng.sample(range(len(body)), 8)
    for place in places:
        yield _raw("cut off", body[:place])
    for each in _NOT_JSON:
        yield _raw("no JSON, or none of ours", each)
    for _ in range(100 if is_full else 8):
        damaged = bytearray(body)
        damaged[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        yield _raw("a bit flipped", bytes(damaged), EITHER)
    for opening, closing in ((b"[", b"]"), (b'{"parts":', b"}"), (b'{"version":2,"parts":[', b"]}")):
        depth = 100_000
        yield _raw("deeply nested", opening * depth + b"1" + closing * depth)
        yield _raw("deeply nested, left open", opening * depth)
    yield _raw("larger than any", body[:-1] + b" " * LARGEST_POINTER + b"}")
    yield _raw("a number without end", body.replace(b'"version": 2', b'"version": ' + b"2" * 100_000))


def _members(told: dict[str, Any], body: bytes) -> Iterator[Case]:
    for member, known in told.items():
        yield _put("a member is missing", {name: value for name, value in told.items() if name != member})
        for value in _OF_OTHER_TYPES:
            is_same = type(value) is type(known) or (member == "observed_at" and isinstance(value, int))
            is_odd = (value is None and member == "observed_at") or is_same
            yield _put("a member of another type", told | {member: value}, EITHER if is_odd else REFUSED)
    for version in (0, 1, 3, 2**63, -2, "2", "2.0", None):
        yield _put("another version", told | {"version": version})
    part = told["parts"][0]
    for member in part:
        yield _put("a part without a member", told | {"parts": [{n: v for n, v in part.items() if n != member}]})
    yield _put("a part twice", told | {"parts": [part] * 2}, TAKEN)
    yield _put("ten thousand parts", told | {"parts": [part | {"name": f"p{n}"} for n in range(10_000)]}, TAKEN)
    yield _raw("a member twice", body[:-1] + b', "snapshot": "estate/pointer.json"}')
    yield _put("more members than known", told | {f"x{n}": n for n in range(1_000)}, TAKEN)


def _elsewhere(told: dict[str, Any], good: Mapping[str, bytes]) -> Iterator[Case]:
    for key in (*_KEY_ELSEWHERE, *_KEY_BELOW):
        # Whatever lies there, it must not be taken: a snapshot that names another.
        planted = {key: lie()} if key else {}
        pointer = {PLACE.key: json.dumps(told | {"snapshot": key}).encode()}
        yield Case("pointer: leads elsewhere", {**planted, **pointer})
    second = f"{PLACE.snapshots}second.json"
    forth = json.dumps(told | {"snapshot": second}).encode()
    back = json.dumps(told | {"snapshot": PLACE.key}).encode()
    yield Case("pointer: names a pointer", {PLACE.key: forth, second: forth})
    yield Case("pointer: names one that names it", {PLACE.key: forth, second: back})
    yield Case("pointer: names nothing", {told["snapshot"]: None, PLACE.key: good[PLACE.key] + b" "})
    yield Case("pointer: gone", {PLACE.key: None, told["snapshot"]: None}, EITHER)
    for owner in ("999999999999", "111122223334"):
        yield Case("pointer: another account's bucket", {PLACE.key: good[PLACE.key] + b" "}, REFUSED, owner)
    body = lie()
    key = PLACE.snapshot_key(NOW, body)
    yield Case(
        "pointer: to a well-formed lie", {key: body, PLACE.key: pointer_to(key, NOW)}, BELIEVED
    )  # who writes there is believed: SECURITY.md


def _formats(told: dict[str, Any]) -> Iterator[Case]:
    """Settings tell the format here, so the pointer's are not even looked at."""
    for formats in (["x"], ["${version}"] * 1_000, ["v5", "v5"], [""], ["\0"], ["${" + "x" * 100_000 + "}"]):
        yield _put("log formats of no use", told | {"log_formats": formats}, TAKEN)
    for tag in ({"field": "instance-tag", "key": "\0"}, {"field": "asg-tag-2", "key": "x" * 100_000}):
        yield _put("odd tag keys", told | {"tag_keys": [tag]}, TAKEN)
    for tag in ({"field": "srcaddr", "key": "x"}, {"field": "instance-tag", "key": ""}, {"field": "", "key": "x"}):
        yield _put("tag keys of no field", told | {"tag_keys": [tag]})


def _times(told: dict[str, Any]) -> Iterator[Case]:
    for text in _NO_TIMES:
        for member in ("observed_at", "begun_at", "ended_at", "failed_at"):
            marked = json.loads(json.dumps(told))
            holder = marked if member == "observed_at" else marked["parts"][0]
            holder[member] = "HERE"
            yield _raw("a time that is none", json.dumps(marked).replace('"HERE"', text).encode())
    for seconds in (0, -1, -(2**52), NOW + 10, NOW + 86_400, NOW + 10**9, 2**52):
        part = told["parts"][0] | {"begun_at": seconds, "ended_at": seconds}
        yield _put("older or newer than all", told | {"observed_at": seconds, "parts": [part]}, TAKEN)


def lie() -> bytes:
    """A snapshot in which the machines have each other's addresses."""
    text = json.dumps(estate("liars", "thieves")).replace("10.0.1.5", "#").replace("10.0.2.5", "10.0.1.5")
    return bytes(to_snapshot(tables_of(json.loads(text.replace("#", "10.0.2.5")), observed_at=NOW, part=PART)))
