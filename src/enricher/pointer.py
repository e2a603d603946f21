"""The pointer: the small JSON object that names the inventory's current snapshot and tells what is in it.

``{"version": 2, "snapshot": "<key>", "observed_at": …, "parts": […], "log_formats": […], "tag_keys": […]}``. It comes
from a bucket that others may write to, so nothing in it is believed before it has been looked at.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from enricher.errors import InventoryError
from enricher.inventory import Part

VERSION: Final = 2
LARGEST_POINTER: Final = 4 * 1024 * 1024  # bytes; a part with an error takes some 300
TAG_FIELDS: Final = ("instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2")
_MEND: Final = "delete it, the refresher then writes a new one"
_MEMBERS: Final = {
    "snapshot": str,
    "observed_at": (int, float, type(None)),
    "parts": list,
    "log_formats": list,
    "tag_keys": list,
}
_PART_MEMBERS: Final = {
    "name": str,
    "begun_at": (int, float, type(None)),
    "ended_at": (int, float, type(None)),
    "failed_at": (int, float, type(None)),
    "error": (str, type(None)),
}


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which snapshot is current, and what readers need to know before they have read it.

    Args:
        snapshot: key of the snapshot in the pointer's own bucket, below ``snapshots/`` beside the pointer.
        observed_at: Unix seconds; None for an inventory without a date.
        parts: what was scanned, and when (``inventory.Part``).
        log_formats: of the flow logs that deliver into the stream, ``${version} …``, as AWS tells them; whether they
            can be read is for those to say who need them.
        tag_keys: v11 tag field (``instance-tag``, …) → the tag key that it carries.
    """

    snapshot: str
    observed_at: float | None
    parts: tuple[Part, ...] = ()
    log_formats: tuple[str, ...] = ()
    tag_keys: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The pointer's bytes; the same pointer gives the same bytes."""
        told = asdict(self) | {
            "version": VERSION,
            "tag_keys": [{"field": name, "key": key} for name, key in sorted(self.tag_keys.items())],
        }
        return json.dumps(told, sort_keys=True).encode()

    @classmethod
    def from_json(cls, body: bytes, name: str, prefix: str) -> "Pointer":
        """Read a pointer's bytes.

        Args:
            body: as stored.
            name: what errors call it.
            prefix: with which the key of its snapshot must begin.

        Raises:
            InventoryError: not a pointer, of another version, or naming a snapshot elsewhere.
        """
        if len(body) > LARGEST_POINTER:
            raise InventoryError(f"pointer {name}: is larger than {LARGEST_POINTER} bytes; {_MEND}")
        try:
            told = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InventoryError(f"pointer {name}: is not JSON ({type(error).__name__}); {_MEND}") from error
        if not isinstance(told, dict) or "version" not in told:
            raise InventoryError(f"pointer {name}: has no version; {_MEND}")
        if told["version"] != VERSION:
            version = str(told["version"])[:20]
            raise InventoryError(f"pointer {name}: has version {version!r}, this code reads {VERSION}; {_MEND}")
        try:
            pointer = cls._of(told)
        except (TypeError, ValueError) as error:
            raise InventoryError(f"pointer {name}: {_one_line(error)}; {_MEND}") from error
        if not _is_below(pointer.snapshot, prefix):
            raise InventoryError(
                f"pointer {name}: names the snapshot {pointer.snapshot[:200]!r}, which is not below {prefix!r}; {_MEND}"
            )
        return pointer

    @staticmethod
    def is_one(body: bytes) -> bool:
        """Whether the bytes are a pointer of any version, and so a refresher's to replace; nobody else's object."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return isinstance(told, dict) and "version" in told and isinstance(told.get("snapshot"), str)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> "Pointer":
        _check(told, _MEMBERS, "")
        for entry in told["parts"]:
            _check(entry, _PART_MEMBERS, "parts: ")
        for entry in told["tag_keys"]:
            _check(entry, {"field": str, "key": str}, "tag_keys: ")
            if entry["field"] not in TAG_FIELDS or not entry["key"]:
                raise ValueError(f"tag_keys names the field {entry['field'][:40]!r}, or no key")
        if not all(isinstance(text, str) for text in told["log_formats"]):
            raise TypeError("log_formats has something else than text")
        return cls(
            told["snapshot"],
            told["observed_at"],
            tuple(Part(**{name: entry[name] for name in _PART_MEMBERS}) for entry in told["parts"]),
            tuple(told["log_formats"]),
            {entry["field"]: entry["key"] for entry in told["tag_keys"]},
        )


def _check(entry: Any, members: Mapping[str, Any], where: str) -> None:
    """Raises TypeError or ValueError where a member is missing or of another type; further members are left alone."""
    if not isinstance(entry, dict):
        raise TypeError(f"{where}has something else than an object")
    for name, types in members.items():
        if name not in entry:
            raise ValueError(f"{where}{name} is missing")
        value = entry[name]
        if not isinstance(value, types) or isinstance(value, bool):
            raise TypeError(f"{where}{name} has another type")
        # A whole number of JSON may be larger than any float.
        if isinstance(value, (int, float)) and not (abs(value) < 2**53 and math.isfinite(value)):
            raise ValueError(f"{where}{name} is no time")


def _is_below(key: str, prefix: str) -> bool:
    """Whether the key lies below the prefix and nowhere else, whoever reads it as a path."""
    steps = key.removeprefix(prefix).split("/")
    return key.startswith(prefix) and key.isprintable() and not {"", ".", ".."} & set(steps)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
