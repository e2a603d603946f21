"""`python -m bench.guard [REF]`: is this tree slower than the commit before it (or another one)?

REF's tree is laid out beside this one, both are given the same events and the same estate. A pair is a process of
either, on one core: they run one batch each in turn, so that whatever else the machine does meets both. Each runs its
own code with its own ``bench.function``, so modules may have moved; what is asked of a tree is ``bench.material`` and
``bench.function``. Of a pair the middle ratio counts; a new pair has its memory laid out anew. Exit code 1 if the
ratios say *slower* beyond their own scatter; 2 where the trees cannot be compared.

The verdict: the pairs are as good as independent, so were both trees equally fast, each ratio would be above 1 as often
as below. With ``n`` pairs, the chance that the ``k``th smallest lies above the true middle is that of fewer than ``k``
heads of ``n`` coins. ``k`` is the largest that keeps it below ``ERROR``; *slower* means that this one is above
``1 + TOLERATED``: what layout in memory alone can make, seen between two copies of one tree.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import comb
from pathlib import Path
from typing import Final, Self

from bench.material import Material, make_materials

PAIRS: Final = 13
ROUNDS: Final = 48  # of a pair
BATCHES: Final = 4
ERROR: Final = 0.02
TOLERATED: Final = 0.01
_ROOT: Final = Path(__file__).resolve().parent.parent
_CANNOT: Final = 2

# Runs in either tree, with its own modules; what it needs of them is all here.
_SIDE: Final = """
import json, os, sys, time
from pathlib import Path
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
import pyarrow as pa
pa.set_cpu_count(1)
from bench.function import MemoryS3, function
from bench.material import SECONDS, START, Material
told = json.loads(Path(sys.argv[1]).read_text())
kept = Path(sys.argv[2])
fields, known = tuple(told["fields"]), Path(sys.argv[3])
if not kept.exists():
    kept.write_bytes(bytes(Material(fields, [], {}, json.loads(known.read_text()), "").snapshot()))
materials = [Material(fields, [], event, {}, "") for event in told["events"]]
calls = function(materials, MemoryS3(kept.read_bytes()), START + SECONDS + 300)
for call in calls * 2:
    call()
print("ready", flush=True)
for line in sys.stdin:
    begun = time.process_time()
    calls[int(line) % len(calls)]()
    print(time.process_time() - begun, flush=True)
"""


class GuardError(Exception):
    """The trees cannot be compared; one line: what, where, the mend."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ratio``: middle of the pairs' ratios, new over old. ``at_least``, ``at_most``: where the true one lies."""

    ratio: float
    at_least: float
    at_most: float

    @property
    def is_slower(self) -> bool:
        """Beyond the scatter, and by more than what is tolerated."""
        return self.at_least > 1 + TOLERATED

    @property
    def is_faster(self) -> bool:
        """The other way around."""
        return self.at_most < 1 - TOLERATED


def judge(ratios: Sequence[float]) -> Verdict:
    """The verdict on pairs' ratios, new over old.

    Raises:
        GuardError: so few pairs that none could ever be slower.
    """
    ordered = sorted(ratios)
    place = rank(len(ordered))
    return Verdict(statistics.median(ordered), ordered[place - 1], ordered[-place])


def rank(pairs: int) -> int:
    """The largest ``k`` with a chance below ``ERROR`` that the ``k``th smallest of so many is above the middle."""
    chance, found = 0.0, 0
    for heads in range(pairs):
        chance += comb(pairs, heads) / 2**pairs
        if chance > ERROR:
            break
        found = heads + 1
    if not found:
        raise GuardError(f"guard: {pairs} pairs can never tell; take 7 or more")
    return found


def compare(old: Path, new: Path, pairs: int, report: Callable[[str], object] = lambda _: None) -> Verdict:
    """Processes of two trees in turn.

    Raises:
        GuardError: a tree has not what is asked of it.
    """
    rank(pairs)
    with tempfile.TemporaryDirectory(prefix="guard-") as directory:
        given = _given(make_materials(batches=BATCHES), Path(directory))
        ratios = []
        for number in range(pairs):
            with ExitStack() as running:
                sides = {}
                # Who comes first may find another machine than who comes second.
                for name, tree in sorted({"old": old, "new": new}.items(), reverse=bool(number % 2)):
                    sides[name] = running.enter_context(_Side(tree, (given[0], Path(directory, name), given[1])))
                rounds = [_round(sides["old"], sides["new"], turn) for turn in range(ROUNDS)]
            times = [statistics.median(side) * 1e3 for side in zip(*rounds, strict=True)]
            ratios.append(statistics.median(after / before for before, after in rounds))
            report(f"pair {number + 1}: {times[0]:.2f} ms, {times[1]:.2f} ms, {ratios[-1]:.4f}")
    return judge(ratios)


def _given(materials: Sequence[Material], directory: Path) -> tuple[Path, Path]:
    """Batches and documents as files, so that both trees are given the same."""
    batches, documents = directory / "batches.json", directory / "documents.json"
    told = {"fields": materials[0].fields, "events": [material.event for material in materials]}
    batches.write_text(json.dumps(told), "utf-8")
    documents.write_text(json.dumps(materials[0].documents), "utf-8")
    return batches, documents


class _Side:
    """A process of one tree that runs a batch when it is told to."""

    def __init__(self, tree: Path, files: Sequence[Path]) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}", "PYTHONHASHSEED": "0"}
        self._tree = tree
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SIDE, *map(str, files)],
            env=environment, cwd=tree, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, batch: int) -> float:
        """Processor seconds of one batch."""
        if self._process.stdin is None:
            raise AssertionError
        self._process.stdin.write(f"{batch}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        if self._process.stdout is None:
            raise AssertionError
        answer = self._process.stdout.readline()
        if not answer:
            _, errors = self._process.communicate()
            last = (errors.strip().splitlines() or ["no word"])[-1]
            raise GuardError(f"guard: the tree in {self._tree} cannot run its own bench: {last}; take another REF")
        return answer


def _round(before: _Side, after: _Side, turn: int) -> tuple[float, float]:
    """One batch of each side, who begins by turns: old, new."""
    if turn % 2:
        new = after.run(turn)
        return before.run(turn), new
    return before.run(turn), after.run(turn)


@contextmanager
def tree_of(ref: str, repository: Path = _ROOT) -> Iterator[Path]:
    """A commit's files in a directory that goes.

    Raises:
        GuardError: git does not know it.
    """
    with tempfile.TemporaryDirectory(prefix="guard-") as directory:
        archive = ["git", "-C", str(repository), "archive", "--format=zip", ref]
        done = subprocess.run(archive, capture_output=True, check=False)
        if done.returncode:
            why = done.stderr.decode(errors="replace").strip().splitlines()[-1]
            raise GuardError(f"guard: git has no tree of {ref}: {why}; name a commit")
        with zipfile.ZipFile(BytesIO(done.stdout)) as files:  # tarfile's filter is missing in Python 3.11.0 to 3.11.3
            files.extractall(directory)
        yield Path(directory)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, judge."""
    parser = argparse.ArgumentParser(description="this tree's speed over an earlier commit's")
    parser.add_argument("ref", nargs="?", default="HEAD~1")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--tree", type=Path, default=_ROOT, help="instead of the one this file is of")
    told = parser.parse_args(arguments)
    begun = time.monotonic()
    try:
        with tree_of(told.ref) as before:
            verdict = compare(before, told.tree.resolve(), told.pairs, lambda line: print(line, flush=True))
    except GuardError as error:
        print(error, file=sys.stderr)
        return _CANNOT
    print(f"time_to_{told.ref} {verdict.ratio:.4f} ratio of times, middle of {told.pairs} pairs")
    print(f"at_least {verdict.at_least:.4f} ratio; slower from {1 + TOLERATED}")
    print(f"at_most {verdict.at_most:.4f} ratio")
    word = "SLOWER" if verdict.is_slower else "faster" if verdict.is_faster else "not told apart"
    print(f"verdict {word} after {time.monotonic() - begun:.0f} s")
    return 1 if verdict.is_slower else 0


if __name__ == "__main__":
    sys.exit(main())
