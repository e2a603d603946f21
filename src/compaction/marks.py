"""Marks: "look at this hour again", left in the lake by replay and backfill, honoured and then deleted by compaction.

``{"version": 1, "kind": "late"}`` says that raw objects came after the hours that compaction sweeps by itself.
``{"version": 1, "kind": "replace", "objects": [keys below backfill/], "retires": [names of raw objects]}`` says that
these objects are from now on all that the hour holds; what is retired, and the generation before, is left out.

Marks are objects of their own, put once and never changed. A mark is put after the objects that it speaks of: who
lists marks first, and the hour's objects after them, misses neither.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from enricher.errors import EnricherError
from enricher.lake import ObjectStore, Partition

MARKED: Final = "compaction/marked/"
STAGED: Final = "backfill/"  # outside every table
LATE, REPLACE = "late", "replace"
VERSION: Final = 1
LARGEST_MARK: Final = 64 * 1024 * 1024  # bytes; an object's key takes some 120
_KEY: Final = re.compile(
    rf"{MARKED}aws_region=(?P<region>[a-z0-9-]+)/day=(?P<day>\d{{4}}-\d\d-\d\d)/hour=(?P<hour>[01]\d|2[0-3])/[^/]+\.json"
)
_MEND: Final = "delete it, and run the replay or backfill again that left it"


class MarkError(EnricherError):
    """Something that lies among the marks is none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mark says. ``objects`` and ``retires`` are empty for the kind ``late``."""

    kind: str
    objects: tuple[str, ...] = ()
    retires: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """The mark's bytes; the same mark gives the same bytes."""
        told: dict[str, Any] = {"version": VERSION, "kind": self.kind}
        if self.kind == REPLACE:
            told |= {"objects": sorted(self.objects), "retires": sorted(self.retires)}
        return json.dumps(told).encode()

    def key(self, partition: Partition, name: str) -> str:
        """Where the mark of an hour lies; ``name`` tells it from all others of the hour."""
        return f"{MARKED}{partition.path}/{name}.json"

    @classmethod
    def from_json(cls, body: bytes, key: str) -> "Mark":
        """Read a mark's bytes; raises MarkError where they are no mark, or one that names objects of elsewhere."""
        try:
            told = json.loads(body) if len(body) <= LARGEST_MARK else None
        except (ValueError, RecursionError) as error:
            raise MarkError(f"mark {key}: is no JSON ({type(error).__name__}); {_MEND}") from error
        if not isinstance(told, dict) or told.get("version") != VERSION or told.get("kind") not in (LATE, REPLACE):
            raise MarkError(f"mark {key}: is of no kind or version that this code knows; {_MEND}")
        if told["kind"] == LATE:
            return cls(LATE)
        objects, retires = _texts(told.get("objects")), _texts(told.get("retires"))
        if objects is None or retires is None:
            raise MarkError(f"mark {key}: names no objects to replace the hour with; {_MEND}")
        partition = partition_of(key)
        place = None if partition is None else f"{STAGED}{partition.path}/"
        if not all(place and name.startswith(place) and "/" not in name.removeprefix(place) for name in objects):
            raise MarkError(f"mark {key}: names objects of another place than its hour below {STAGED}; {_MEND}")
        return cls(REPLACE, objects, retires)


def partition_of(key: str) -> Partition | None:
    """The hour that a mark's key speaks of; None where it is no mark's key."""
    match = _KEY.fullmatch(key)
    return None if match is None else Partition(match["region"], match["day"], match["hour"])


def staged_key(partition: Partition, name: str) -> str:
    """Where a backfill that replaces puts an object until compaction takes it."""
    return f"{STAGED}{partition.path}/{name}.parquet"


def mark_name(kind: str, names: Iterable[str]) -> str:
    """A mark's name from the objects that it speaks of: who does the same again finds the mark, or puts it again."""
    hasher = hashlib.sha256()
    for name in sorted(names):
        hasher.update(name.encode() + b"\n")
    return f"{kind}-{hasher.hexdigest()[:32]}"


def mark_late(lake: ObjectStore, written: Mapping[Partition, Iterable[str]]) -> int:
    """Mark hours that raw objects of these names were put into; how many marks were not there yet.

    Also where an object was there before: whoever put it may have died before they marked its hour.
    """
    mark = Mark(LATE)
    keys = [mark.key(partition, mark_name(LATE, names)) for partition, names in written.items()]
    return sum(lake.put_if_absent(key, mark.to_json()) for key in keys)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value)
