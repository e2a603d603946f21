"""A process's share of the hostile files, told as JSON: how many of each kind of file, how many refused, what is wrong.

python -m reliability.hostile_files.worker SHARE OF SEED full|slice
"""

import itertools
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from enricher.errors import InventoryError
from enricher.snapshot import from_snapshot
from reliability.hostile_files import documents, formats, pointers, snapshots
from reliability.hostile_files.case import REFUSED
from reliability.hostile_files.hot_path import PLACE, HotPath

_COLD_EVERY: Final = 4
_FLIPS: Final = 1_000  # beside those before the function
_MOST_FINDINGS: Final = 10
_KIB: Final = 1024


class Worker:
    """Counts and findings of one share."""

    def __init__(self, share: int, of: int, seed: int, *, is_full: bool) -> None:
        self._share, self._of, self._seed, self._is_full = share, of, seed, is_full
        self.tried: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.findings: list[str] = []

    def run(self) -> dict[str, Any]:
        """All of the share."""
        path = HotPath()
        for family in (pointers, snapshots):
            found = family.cases(path.good, Random(self._seed), is_full=self._is_full)
            for number, case in enumerate(itertools.islice(found, self._share, None, self._of)):
                name = case.kind.partition(":")[0]
                self.tried[name] += 1
                self.refused[name] += case.must == REFUSED
                self.findings += path.findings(case, is_cold_too=number % _COLD_EVERY == 0)
        if self._share == 0:
            self._run_formats()
            self.findings += self._read_snapshots(path)
        if self._share == self._of - 1:
            self._run_documents()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
        told = {"tried": self.tried, "refused": self.refused, "wrong": len(self.findings), "peak": peak}
        return told | {"findings": self.findings[:_MOST_FINDINGS]}

    def _run_formats(self) -> None:
        found = formats.Findings()
        self.findings += found.look(Random(self._seed), is_full=self._is_full)
        self.tried["format"] += found.tried
        self.refused["format"] += found.refused

    def _run_documents(self) -> None:
        found = documents.Findings()
        rng = Random(self._seed)
        self.findings += found.parsed(rng, is_full=self._is_full)
        self.findings += found.read()
        self.findings += found.named(rng, 200 if self._is_full else 10)
        self.tried["document"] += found.tried
        self.refused["document"] += found.refused

    def _read_snapshots(self, path: HotPath) -> Iterator[str]:
        """Cut off at every byte, and with a bit flipped anywhere: an error that names it, or tables; nothing else."""
        body = path.good[json.loads(path.good[PLACE.key])["snapshot"]]
        rng = Random(self._seed)
        for place in range(0, len(body), 1 if self._is_full else 50):
            if self._is_refused(body[:place]) != "refused":
                yield f"snapshot: cut off at byte {place}: {self._is_refused(body[:place])}"
        for _ in range(_FLIPS if self._is_full else 20):
            damaged = bytearray(body)
            place = rng.randrange(len(body))
            damaged[place] ^= 1 << rng.randrange(8)
            if (told := self._is_refused(bytes(damaged))) not in ("refused", "taken"):
                yield f"snapshot: a bit flipped at byte {place}: {told}"

    def _is_refused(self, body: bytes) -> str:
        self.tried["snapshot"] += 1
        try:
            from_snapshot(body, "it")
        except InventoryError:
            self.refused["snapshot"] += 1
            return "refused"
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return f"{type(error).__name__}: {error}"
        return "taken"


if __name__ == "__main__":
    number, count, drawn = map(int, sys.argv[1:4])
    print(json.dumps(Worker(number, count, drawn, is_full=sys.argv[4] == "full").run()))
