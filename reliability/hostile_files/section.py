"""Hostile files in two processes, bombs in processes of their own, and planted defects: as figures."""

import json
import subprocess
import sys
import time
from collections import Counter, deque
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
_SHOW_EVERY_S: Final = 15.0
_LAST_LINES: Final = 12  # of a process that ended badly: which case it was at, and its traceback
_LONGEST_END: Final = 600
_SLICE_BOMBS: Final = ("one_text", "list")
# What is there at least, of a whole run and of a slice.
_LEAST: Final = {
    "format": ("log formats", 500, 60),
    "document": ("inventory documents", 5_000, 150),
    "snapshot": ("snapshot files", 25_000, 500),
    "pointer": ("pointer objects", 500, 100),
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
    yield Figure("hostile_planted", len(found), "defects", "planted, that the judges have to see", ">=", 11)
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
    """What a process told last; ``ended``: how it ended where it did not end well. Its progress goes to stderr."""
    module, *arguments = command
    environment = {"PYTHONPATH": f"{_ROOT}/src:{_ROOT}", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    line = [sys.executable, "-X", "faulthandler", "-m", f"reliability.hostile_files.{module}", *arguments]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment, cwd=_ROOT
    ) as process:
        return listened(" ".join(command), process)


def listened(name: str, process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Its last line of JSON, and of the others the last few where it ends badly."""
    told: dict[str, Any] = {}
    others: deque[str] = deque(maxlen=_LAST_LINES)
    shown_at = time.monotonic()
    for line in process.stdout or ():
        if not (line.startswith('{"') and line.endswith("\n")):
            others.append(line.strip())
            continue
        told = json.loads(line)
        if time.monotonic() - shown_at > _SHOW_EVERY_S and "tried" in told:
            shown_at = time.monotonic()
            tried = ", ".join(f"{number:,} {kind}s" for kind, number in told["tried"].items())
            sys.stderr.write(
                f"  hostile, {name}: {tried}; {told['wrong']} wrong; before {others[-1] if others else '-'}\n"
            )
            sys.stderr.flush()
    if process.wait():
        told["ended"] = f"{name}: {process.returncode}, {' | '.join(others)[-_LONGEST_END:]}"
    return told
