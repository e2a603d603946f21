"""What a bucket and a catalog hold between two stages, and when two such states are the same to whoever comes next."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pyarrow.parquet as pq

_RUN: Final = re.compile(rb"run-(\d+)-(\d+)")
_ID: Final = re.compile(rb"(id-[a-z]+)-\d{8}")  # ids count on with each attempt
# Why a scan failed is told to people: it is in the pointer and in the snapshot, whose name is a hash of all.
_WHY: Final = re.compile(rb'"error": "[^"]*"')
_SNAPSHOT: Final = re.compile(rb"snapshots/[^/\"]+-([0-9a-f]{32})\.parquet")
_SNAPSHOTS: Final = "inventory/snapshots/"


@dataclass(frozen=True, slots=True)
class State:
    """What a bucket and a catalog hold: key → bytes; (table, values) → (location, parameters)."""

    objects: Mapping[str, bytes]
    partitions: Mapping[tuple[str, tuple[str, ...]], tuple[str, Mapping[str, str]]]


def digest(state: State) -> str:
    """Tells states apart, but not by ids nor by errors' words; of compaction's runs it matters which came first."""
    told = [
        key.encode() + b"\n" + (_content(key, body) if key.endswith(".parquet") else body)
        for key, body in state.objects.items()
    ]
    text = b"\0".join([*told, *(repr(item).encode() for item in sorted(state.partitions.items(), key=repr))])
    for key, body in state.objects.items():
        if key.startswith(_SNAPSHOTS) and (name := _SNAPSHOT.search(key.encode())):
            text = text.replace(name[1], _content(key, body))
    runs = sorted({(int(pid), int(number)) for pid, number in _RUN.findall(text)}, key=lambda run: run[1])
    names = {b"run-%d-%d" % run: b"run-no-%d" % order for order, run in enumerate(runs)}
    text = _RUN.sub(lambda found: names[found[0]], text)
    return hashlib.sha256(_WHY.sub(b'"error": ""', _ID.sub(rb"\1", text))).hexdigest()


@lru_cache(maxsize=1_000)
def _content(key: str, body: bytes) -> bytes:
    """Tells Parquet objects apart by their bytes, snapshots by what they hold."""
    if not key.startswith(_SNAPSHOTS):
        return hashlib.sha256(body).hexdigest().encode()
    rows = pq.ParquetFile(io.BytesIO(body)).read().to_pylist()
    told = [row | {"error": bool(row["error"])} for row in rows]
    return hashlib.sha256(repr(told).encode()).hexdigest().encode()
