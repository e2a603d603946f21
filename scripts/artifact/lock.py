"""The lock files (`make requirements` writes them): which version of what, from whom, with which hashes."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA: Final = re.compile(r"#[ \t]+(?:via\b)?[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement: its version, the hashes of its files, what asks for it (``-r …``: a person)."""

    version: str
    hashes: frozenset[str]
    needed_by: frozenset[str]

    @property
    def is_direct(self) -> bool:
        """Whether a person asks for it."""
        return any(each.startswith("-r ") for each in self.needed_by)


Lock = dict[str, Pin]


def canonical(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> Lock:
    """Canonical name → pin of a compiled requirement file."""
    found = _BLOCK.finditer(path.read_text("utf-8"))
    return {canonical(match[1]): _pin(match[2], match[3]) for match in found}


def _pin(version: str, rest: str) -> Pin:
    asked = {asker.strip() for asker in _VIA.findall(rest)} - {""}
    return Pin(version, frozenset(_HASH.findall(rest)), frozenset(asked))
