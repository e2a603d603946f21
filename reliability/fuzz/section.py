"""Fuzzing in two processes, and what they counted as figures."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reliability.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[2]
_PROCESSES: Final = 2
_RECORDS: Final = {True: 1_000_000, False: 24_000}
_RAREST: Final = {True: 1_000, False: 1}
_CLASSES: Final = 62  # a class that was never drawn would not be counted
_WRONG: Final = {
    "unaccounted": "batches whose answer is not each record once, in order",
    "results": "records with another result than theirs, or other data",
    "rows missing": "rows that are not there, or differ in an AWS column",
    "rows spurious": "rows that nobody sent",
    "rejects": "batches whose rejects are not kept byte for byte, with their reasons",
    "metrics": "batches whose metrics are not the truth",
    "log": "batches with more or less than one log line",
    "keys": "objects in another place than the batch's hour",
    "unhandled": "batches that ended in an exception",
}


def figures(*, is_full: bool, seed: int) -> Iterator[Figure]:
    """A million records of every class, or a slice of them.

    Raises:
        CalledProcessError: a worker ended otherwise than by telling what it found.
    """
    sums, kinds, findings = _fuzzed(_RECORDS[is_full] // _PROCESSES, seed)
    yield Figure("fuzz_records", sums["records"], "records", _classes(kinds), ">=", _RECORDS[is_full])
    yield Figure("fuzz_lines", sums["lines"], "lines", f"in them; {sums['rows']:,} rows; {sums['batches']:,} batches")
    yield Figure("fuzz_classes", len(kinds), "classes", "of records, lines, envelopes, formats, modes", ">=", _CLASSES)
    rarest, least = min(kinds.items(), key=lambda each: each[1])
    yield Figure("fuzz_rarest_class", least, "records", f"of the class '{rarest}'", ">=", _RAREST[is_full])
    yield Figure("fuzz_retried", sums["batches retried"], "batches", "came again, and were judged again", ">=", 1)
    for what, meaning in _WRONG.items():
        told = "; ".join(finding for finding in findings if finding.startswith(what))
        name = f"fuzz_{what.replace(' ', '_')}"
        yield Figure(name, sums[what], "", f"{meaning}{': ' if told else ''}{told}", "==", 0)


def _fuzzed(records: int, seed: int) -> tuple[Counter[str], Counter[str], list[str]]:
    """The workers' sums by name, records by class, and first findings."""
    commands = [
        [sys.executable, "-m", "reliability.fuzz.worker", str(seed + number), str(records)]
        for number in range(_PROCESSES)
    ]
    environment = {"PYTHONPATH": f"{_ROOT}/src:{_ROOT}", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT) for command in commands
    ]
    sums: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    findings: list[str] = []
    for command, worker in zip(commands, workers, strict=True):
        printed, _ = worker.communicate()
        if worker.returncode:
            raise subprocess.CalledProcessError(worker.returncode, command)
        told = json.loads(printed)
        sums.update(told["sums"])
        kinds.update(told["kinds"])
        findings += told["findings"]
    return sums, kinds, findings


def _classes(kinds: Counter[str]) -> str:
    return "; ".join(f"{kind} {number:,}" for kind, number in sorted(kinds.items()))
