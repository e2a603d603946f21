"""A process that takes one event and tells what it came to and how much more memory it took.

python -m reliability.bounds.probe CASE
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from reliability.bounds.bombs import CASES, Case
from reliability.fuzz.function import Function
from reliability.fuzz.lines import VERSIONS

_LOG_FORMAT: Final = " ".join(f"${{{field}}}" for field in VERSIONS["v2"].split())


def measured(name: str) -> dict[str, Any]:
    """``growth``: bytes of resident memory above those before the event; ``wrong``: what is not as it must be."""
    case = CASES[name]()
    event = case.event()
    function = Function(_LOG_FORMAT, "parquet")
    function.invoke(CASES["nested"]().event() | {"records": []})
    before = reset_peak()
    begun = time.perf_counter()
    wrong = _wrong(case, event, function)
    seconds = time.perf_counter() - begun
    growth = memory("VmHWM") - before
    return {"growth": growth, "wrong": wrong, "seconds": seconds, "ratio": case.ratio, "held_mib": case.held_mib}


def _wrong(case: Case, event: dict[str, Any], function: Function) -> str:
    try:
        told = function.invoke(event)
    except Exception as error:  # noqa: BLE001 - that is what is told
        name = type(error).__name__
        return "" if name == case.refusal else f"{name}: {error}"[:300]
    if case.refusal:
        return "was answered"
    failed = [{"recordId": r["recordId"], "result": "ProcessingFailed", "data": r["data"]} for r in event["records"]]
    dropped = [{"recordId": r["recordId"], "result": "Dropped", "data": ""} for r in event["records"]]
    if told.answer.response["records"] != (failed if case.reason else dropped):
        return "another answer"
    reasons = {n.removeprefix("Rejects_") for n, value in told.metrics.items() if n.startswith("Rejects_") and value}
    if reasons - {case.reason} and reasons != {"not_utf8", "field_count"}:
        return f"rejects by {sorted(reasons)}"
    return "" if told.metrics["Rows"] == case.rows else f"{told.metrics['Rows']} rows of {case.rows}"


def memory(name: str) -> int:
    """Bytes of resident memory: now (VmRSS) or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def reset_peak() -> int:
    """Begin a new peak where the kernel allows it; the memory before the event in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return memory("VmHWM")
    return memory("VmRSS")


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
