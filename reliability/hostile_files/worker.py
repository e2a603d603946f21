"""A process's share of the hostile files: how many of each kind of file, how many refused, what is wrong.

python -m reliability.hostile_files.worker SHARE OF SEED full|slice

Prints each case's name before it is tried, and every few seconds and at the end what has been counted so far, as a line
of JSON: however the process ends, its last lines tell where it was and what it had found.
"""

import itertools
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from random import Random
from types import ModuleType
from typing import Any, Final

from enricher.errors import InventoryError
from enricher.snapshot import from_snapshot
from reliability.hostile_files import documents, formats, pointers, snapshots
from reliability.hostile_files.case import REFUSED
from reliability.hostile_files.hot_path import PLACE, HotPath
from reliability.hostile_files.watch import Watch

_COLD_EVERY: Final = 4
_FLIPS: Final = 1_000  # beside those before the function
_MOST_FINDINGS: Final = 10
_SAY_EVERY_S: Final = 2.0
_KIB: Final = 1024


class Worker:
    """Counts and findings of one share."""

    def __init__(self, share: int, of: int, seed: int, *, is_full: bool) -> None:
        self._share, self._of, self._seed, self._is_full = share, of, seed, is_full
        self._watch = Watch(self._say)
        self._said_at = time.monotonic()
        self._formats, self._documents = formats.Findings(self._watch), documents.Findings(self._watch)
        self.tried: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.findings: list[str] = []

    def run(self) -> dict[str, Any]:
        """All of the share."""
        for finding in self._watch.over(f"worker {self._share} of {self._of}", self._all()):
            self.findings.append(finding)  # one by one: they are told while the rest is tried
        return self.told()

    def told(self) -> dict[str, Any]:
        """What has been counted so far."""
        tried, refused = self.tried.copy(), self.refused.copy()
        for name, found in (("format", self._formats), ("document", self._documents)):
            tried[name] += found.tried
            refused[name] += found.refused
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
        told = {"tried": tried, "refused": refused, "wrong": len(self.findings), "peak": peak}
        return told | {"findings": self.findings[:_MOST_FINDINGS]}

    def _say(self, case: str) -> None:
        if time.monotonic() - self._said_at > _SAY_EVERY_S:
            print(json.dumps(self.told()))
            self._said_at = time.monotonic()
        print(case, flush=True)

    def _all(self) -> Iterator[str]:
        path = HotPath()
        for family in (pointers, snapshots):
            yield from self._watch.over(family.__name__, self._family(family, path))
        if self._share == 0:
            yield from self._formats.look(Random(self._seed), is_full=self._is_full)
            yield from self._read_snapshots(path)
        if self._share == self._of - 1:
            rng = Random(self._seed)
            yield from self._documents.parsed(rng, is_full=self._is_full)
            yield from self._documents.read()
            yield from self._documents.named(rng, 200 if self._is_full else 10)

    def _family(self, family: ModuleType, path: HotPath) -> Iterator[str]:
        found = family.cases(path.good, Random(self._seed), is_full=self._is_full)
        step = self._of if self._is_full else 2 * self._of
        for number, case in enumerate(itertools.islice(found, self._share, None, step)):
            name = case.kind.partition(":")[0]
            self.tried[name] += 1
            self.refused[name] += case.must == REFUSED
            yield from self._watch.over(case.kind, path.findings(case, is_cold_too=number % _COLD_EVERY == 0))

    def _read_snapshots(self, path: HotPath) -> Iterator[str]:
        """Cut off at every byte, and with a bit flipped anywhere: an error that names it, or tables; nothing else."""
        body = path.good[json.loads(path.good[PLACE.key])["snapshot"]]
        rng = Random(self._seed)
        for place in range(0, len(body), 1 if self._is_full else 50):
            where = f"snapshot: cut off at byte {place}"
            yield from self._watch.over(where, self._read(where, body[:place], ("refused",)))
        for _ in range(_FLIPS if self._is_full else 20):
            damaged = bytearray(body)
            bit = rng.randrange(8 * len(body))
            damaged[bit // 8] ^= 1 << bit % 8
            where = f"snapshot: bit {bit % 8} flipped at byte {bit // 8}"
            yield from self._watch.over(where, self._read(where, bytes(damaged), ("refused", "taken")))

    def _read(self, where: str, body: bytes, may_be: Collection[str]) -> Iterator[str]:
        if (told := self._is_refused(body)) not in may_be:
            yield f"{where}: {told}"

    def _is_refused(self, body: bytes) -> str:
        self.tried["snapshot"] += 1
        try:
            from_snapshot(body, "it")
        except InventoryError:
            self.refused["snapshot"] += 1
            return "refused"
        return "taken"


if __name__ == "__main__":
    number, count, drawn = map(int, sys.argv[1:4])
    print(json.dumps(Worker(number, count, drawn, is_full=sys.argv[4] == "full").run()))
