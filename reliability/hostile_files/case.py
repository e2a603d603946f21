"""What a hostile file must come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from enricher.pointer import Pointer

REFUSED: Final = "refused"  # a named error, and what was known is kept
TAKEN: Final = "taken"
EITHER: Final = "either"  # refused, or taken without anybody being named wrongly
BELIEVED: Final = "believed"  # either; what it says is data, and nobody can tell whether it is true


@dataclass(frozen=True, slots=True)
class Case:
    """Objects of the inventory bucket by key, as the enemy leaves them (None: gone), and what must come of it.

    ``kind``: what it is a case of. ``owner``: the account whose bucket it has become.
    """

    kind: str
    objects: Mapping[str, bytes | None] = field(default_factory=dict)
    must: str = REFUSED
    owner: str = ""


def pointer_to(key: str, observed_at: float) -> bytes:
    """A pointer's bytes that name a snapshot, and nothing else."""
    return Pointer(key, observed_at).to_json()
