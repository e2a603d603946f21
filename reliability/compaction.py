"""What readers of the lake miss or see twice when compaction is ended by SIGKILL, anywhere."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from reliability.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[1]
_SLICE: Final = 2  # kills
_PROCESSES: Final = 2
_SHARES: Final = range(_PROCESSES)


def figures(*, is_full: bool) -> Iterator[Figure]:
    """A compactor killed before each of its changing requests, and run again; of a slice, before some.

    Raises:
        CalledProcessError: the script failed otherwise than by a finding.
    """
    command = [sys.executable, str(_ROOT / "tests" / "killed_compactor.py")]
    if not is_full:
        command += ["--most", str(_SLICE)]
    with ThreadPoolExecutor(_PROCESSES) as pool:
        shares = list(pool.map(lambda number: _told([*command, "--share", str(number), str(_PROCESSES)]), _SHARES))
    names = ("was_killed", "tried", "lost", "doubled")
    told = {name: sum(share[name] for share in shares) for name in names} | {"requests": shares[0]["requests"]}
    yield Figure("compaction_kills", told["was_killed"], "processes", "ended by SIGKILL", "==", told["tried"])
    yield Figure("compaction_requests", told["requests"], "requests", "that change something, in such a run")
    yield Figure("compaction_lost", told["lost"], "rows", "missed, after the kill or after the next run", "==", 0)
    yield Figure("compaction_doubled", told["doubled"], "rows", "seen twice, or that should be gone", "==", 0)


def _told(command: list[str]) -> dict[str, int]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=_environment())
    lines = done.stdout.splitlines()
    if not lines:
        raise subprocess.CalledProcessError(done.returncode, command)
    told: dict[str, int] = json.loads(lines[-1])
    return told


def _environment() -> dict[str, str]:
    """Nothing of ours but where the code lies: the script's clients have credentials of their own."""
    return {"PYTHONPATH": ":".join(str(_ROOT / part) for part in ("src", ".", "tests")), "PATH": "/usr/bin:/bin"}
