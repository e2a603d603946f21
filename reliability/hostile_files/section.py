"""Hostile files in two processes, bombs in processes of their own, and planted defects: as figures."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from reliability.figures import Figure
from reliability.hostile_files.bombs import BOMBS
from reliability.hostile_files.planted import defects

_ROOT: Final = Path(__file__).resolve().parents[2]
_MIB: Final = 1024 * 1024
_WORKERS: Final = 2
_MOST_MIB: Final = 1_238  # 70 % of the function's 1,769 MB
_SLICE_BOMBS: Final = ("one_text", "list")
# What is there at least, of a whole run and of a slice.
_LEAST: Final = {
    "format": ("log formats", 500, 60),
    "document": ("inventory documents", 5_000, 150),
    "snapshot": ("snapshot files", 25_000, 500),
    "pointer": ("pointer objects", 500, 150),
}


def figures(*, is_full: bool, seed: int) -> Iterator[Figure]:
    """All of them, or a part."""
    commands = [["worker", str(n), str(_WORKERS), str(seed), "full" if is_full else "slice"] for n in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        shares = list(pool.map(_run, commands))
        yield from _of(shares, is_full=is_full)
        names = tuple(BOMBS) if is_full else _SLICE_BOMBS
        for name, told in zip(names, pool.map(lambda name: _run(["bombs", name]), names), strict=True):
            yield _bomb(name, told)
    found = list(defects())
    unseen = [name for name, was_seen in found if not was_seen]
    yield Figure("hostile_planted", len(found), "defects", "planted, that the judges have to see", ">=", 10)
    yield Figure("hostile_planted_unseen", len(unseen), "defects", "; ".join(["unseen", *unseen]), "==", 0)


def _of(shares: list[dict[str, Any]], *, is_full: bool) -> Iterator[Figure]:
    tried = sum((Counter(share.get("tried")) for share in shares), Counter[str]())
    refused = sum((Counter(share.get("refused")) for share in shares), Counter[str]())
    for kind, (plural, *least) in _LEAST.items():
        meaning = f"{plural}, of which {refused[kind]:,} must be refused or were"
        yield Figure(f"hostile_{kind}s", tried[kind], "", meaning, ">=", least[0 if is_full else 1])
    ended = [share for share in shares if "ended" in share]
    told = "; ".join(share["ended"] for share in ended)
    yield Figure("hostile_ended", len(ended), "processes", f"ended by one of them{': ' if told else ''}{told}", "==", 0)
    findings = [finding for share in shares for finding in share.get("findings", ())]
    meaning = "wrong endpoints, lost rows, errors without a name, what was known forgotten" + "".join(
        f"; {each[:200]}" for each in findings[:5]
    )
    yield Figure("hostile_wrong", sum(share.get("wrong", 0) for share in shares), "findings", meaning, "==", 0)
    peak = max(share.get("peak", 0) for share in shares)
    yield Figure("hostile_peak", peak / _MIB, "MiB", "of a process that read half of them", "<=", _MOST_MIB)


def _bomb(name: str, told: dict[str, Any]) -> Figure:
    if "ended" in told:
        return Figure(f"hostile_bomb_{name}", float("inf"), "MiB", told["ended"], "<=", 0)
    meaning = f"more memory for a file of {told['size']:,} bytes, {told['told']} in {told['seconds']:.1f} s"
    return Figure(f"hostile_bomb_{name}", told["growth"] / _MIB, "MiB", meaning, "<=", told["bound"])


def _run(command: list[str]) -> dict[str, Any]:
    """What a process tells; ``ended``: how it ended where it told nothing."""
    module, *arguments = command
    environment = {"PYTHONPATH": f"{_ROOT}/src:{_ROOT}", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-m", f"reliability.hostile_files.{module}", *arguments],
        capture_output=True, text=True, check=False, env=environment, cwd=_ROOT,
    )  # fmt: skip
    if done.returncode:
        return {"ended": f"{' '.join(command)}: {done.returncode}, {done.stderr.strip()[-300:]}"}
    told: dict[str, Any] = json.loads(done.stdout)
    return told
