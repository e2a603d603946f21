"""Bombs in processes of their own, poison at every place, largest events, least time: as figures."""

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from reliability.bounds import sizes
from reliability.bounds.bombs import CASES
from reliability.bounds.deadline import LEFT_MS, findings
from reliability.bounds.poison import RECORDS, poisoned
from reliability.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[2]
_MIB: Final = 1024 * 1024
_SPARE_MIB: Final = 64
_SLICE: Final = ("honest_20", "ratio_1000", "messages", "wide_line")
_SECONDS: Final = 30
_PROCESSES: Final = 2


def figures(*, is_full: bool, seed: int) -> Iterator[Figure]:
    """All of them, or a part."""
    yield from _bombs(tuple(CASES) if is_full else _SLICE)
    yield from _poison(seed, range(RECORDS) if is_full else range(0, RECORDS, 167))
    yield from sizes.figures(is_full=is_full, seed=seed)
    found = list(findings())
    wrong = [finding for finding in found if finding]
    left = ", ".join(map(str, LEFT_MS))
    yield Figure("bounds_deadlines", len(found), "invocations", f"with {left} ms left; S3 writes, or hangs", ">=", 16)
    meaning = "answered without all written, or asked what nobody waits for" + "".join(
        f"; {each}" for each in wrong[:3]
    )
    yield Figure("bounds_deadlines_wrong", len(wrong), "invocations", meaning, "==", 0)


def _bombs(names: tuple[str, ...]) -> Iterator[Figure]:
    with ThreadPoolExecutor(2) as pool:
        for name, told in zip(names, pool.map(_probed, names), strict=True):
            bound = told["held_mib"] + _SPARE_MIB
            took = f"ratio {told['ratio']:.1f}, {told['seconds']:.1f} s"
            meaning = f"more memory than before ({took}); {told['held_mib']} inflated, and {_SPARE_MIB}"
            yield Figure(f"bounds_memory_{name}", told["growth"] / _MIB, "MiB", meaning, "<=", bound)
            is_right = not told["wrong"] and told["seconds"] <= _SECONDS
            meaning = told["wrong"] or f"answered as it must be, in {_SECONDS} s at most"
            yield Figure(f"bounds_answer_{name}", float(is_right), "of 1", meaning, "==", 1)
            if name.startswith("honest"):
                yield Figure(f"bounds_ratio_{name}", told["ratio"], "", "of an honest envelope, 10 to 20", ">=", 10)


def _probed(name: str) -> dict[str, Any]:
    """What the probe tells of a case.

    Raises:
        CalledProcessError: it ended otherwise.
    """
    command = [sys.executable, "-m", "reliability.bounds.probe", name]
    environment = {"PYTHONPATH": f"{_ROOT}/src:{_ROOT}", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment, cwd=_ROOT)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _poisoned(seed: int, positions: range) -> list[tuple[str, str]]:
    """One process's share."""
    logging.disable(logging.CRITICAL)
    return list(poisoned(seed, positions))


def _poison(seed: int, positions: range) -> Iterator[Figure]:
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        work = [pool.submit(_poisoned, seed + n, positions[n::_PROCESSES]) for n in range(_PROCESSES)]
        found = [each for one in work for each in one.result()]
    for kind, finding in found:
        kinds[kind] += 1
        if finding:
            wrong.append(f"{kind}: {finding}")
    told = f"with one poison record each, at {len(positions)} places, of {len(kinds)} kinds"
    yield Figure("bounds_poison", kinds.total(), "events", told, ">=", 11 * len(positions))
    meaning = f"without {RECORDS - 1} rows and exactly one ProcessingFailed" + "".join(
        f"; {each}" for each in wrong[:3]
    )
    yield Figure("bounds_poison_wrong", len(wrong), "events", meaning, "==", 0)
