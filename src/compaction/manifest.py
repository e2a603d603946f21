"""The manifest of a compacted hour: which generation is the hour, what went into it, and what it is no longer.

One object an hour, replaced only where it is still the one that was read. What is not exactly a manifest of this
hour is refused: from a wrong one objects would be deleted.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from compaction.layout import GENERATION, compacted_folder, generation_name, hourly_folder, manifest_key
from enricher.errors import EnricherError
from enricher.lake import Partition

VERSION: Final = 1
LARGEST: Final = 256 * 1024 * 1024  # bytes; the name of an object takes some 50
RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}")
_COUNTS: Final = ("rows", "dropped", "settled", "changed", "withdrawn")


class CompactionError(EnricherError):
    """An hour cannot be compacted, or what says how it was cannot be believed."""


class Superseded(NamedTuple):
    """A generation's folder that the hour no longer is, and since when (Unix seconds)."""

    location: str
    since: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an hour is. Names are those of raw objects, relative to the hour's folder; locations are folders' keys.

    ``included``: every raw object ever taken, also those that are deleted by now. ``neighbours``: name →
    digest of what that hour held when this one was counted. ``honoured``: digests of the replace marks that were.
    """

    partition: Partition
    generation: int
    run: str
    included: frozenset[str]
    neighbours: Mapping[str, str]
    honoured: frozenset[str]
    snapshot: str | None
    compacted_at: float
    superseded: tuple[Superseded, ...]
    rows: int
    dropped: int
    settled: int
    changed: int
    withdrawn: int

    @property
    def location(self) -> str:
        """The folder of the hour's rows."""
        return f"{compacted_folder(self.partition)}{generation_name(self.generation, self.run)}/"

    @property
    def hourly_location(self) -> str:
        """The folder of the hour's sums."""
        return f"{hourly_folder(self.partition)}{generation_name(self.generation, self.run)}/"

    def to_json(self) -> bytes:
        """The object's bytes."""
        told = {
            "version": VERSION,
            **asdict(self.partition),
            "generation": self.generation,
            "run": self.run,
            "location": self.location,
            "hourly_location": self.hourly_location,
            "included": sorted(self.included),
            "neighbours": dict(self.neighbours),
            "honoured": sorted(self.honoured),
            "snapshot": self.snapshot,
            "compacted_at": self.compacted_at,
            "superseded": [one._asdict() for one in self.superseded],
        }
        return json.dumps(told | {name: getattr(self, name) for name in _COUNTS}).encode()

    @classmethod
    def from_json(cls, body: bytes, partition: Partition) -> "Manifest":
        """Read an hour's manifest; raises CompactionError where it is none, or another hour's."""
        try:
            told = json.loads(body) if len(body) <= LARGEST else None
            return _checked(told, partition)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            why = " ".join(str(error).split())[:100] or type(error).__name__
            raise CompactionError(
                f"manifest {manifest_key(partition)}: is none of this hour ({why}); write it again by hand "
                "(docs/operating.md, A damaged manifest), nothing of the hour is touched until then"
            ) from error


def _checked(told: Any, partition: Partition) -> Manifest:
    if not isinstance(told, dict) or told["version"] != VERSION or told["version"] is True:
        raise ValueError("no object of version 1")
    manifest = Manifest(
        partition=partition,
        generation=_number(told, "generation", least=1),
        run=_text(told["run"], RUN),
        included=_texts(told["included"]),
        neighbours={_text(name): _text(digest) for name, digest in told["neighbours"].items()},
        honoured=_texts(told.get("honoured", [])),
        snapshot=None if told["snapshot"] is None else _text(told["snapshot"]),
        compacted_at=_moment(told["compacted_at"]),
        superseded=tuple(_superseded(one, partition) for one in told["superseded"]),
        **{name: _number(told, name) for name in _COUNTS},
    )
    said = Partition(told["aws_region"], told["day"], told["hour"]), told["location"], told["hourly_location"]
    if said != (partition, manifest.location, manifest.hourly_location):
        raise ValueError("names another hour or place")
    return manifest


def _superseded(told: Any, partition: Partition) -> Superseded:
    location = _text(told["location"])
    for folder in (compacted_folder(partition), hourly_folder(partition)):
        if location.startswith(folder) and GENERATION.fullmatch(location.removeprefix(folder)):
            return Superseded(location, _moment(told["since"]))
    raise ValueError("superseded is a folder of elsewhere")


def _text(value: object, pattern: re.Pattern[str] | None = None) -> str:
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        raise ValueError(f"no text: {value!r:.40}")
    return value


def _texts(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise TypeError(f"no list: {value!r:.40}")
    return frozenset(_text(each) for each in value)


def _number(told: Mapping[str, object], name: str, least: int = 0) -> int:
    value = told[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r:.40}")
    return value


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"no time: {value!r:.40}")
    return float(value)
