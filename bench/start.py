"""What a new environment takes: imports, and its first batch, snapshot to load; each in a process of its own."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.material import START, Material

RUNS: Final = 5
_NOW: Final = START + 420

# The artefact has neither; here pyarrow would import both, the one or the other program sooner.
_AS_SHIPPED: Final = """
import sys; sys.modules["pandas"] = sys.modules["numpy"] = None
"""
_LEAST: Final = """
import pyarrow.csv, pyarrow.parquet, boto3
boto3.client("s3", region_name="us-east-1")
import time; print(time.process_time())
"""
_HANDLER: Final = """
import enricher.handler
import time; print(time.process_time())
"""
# The handler makes its client when it is first needed: its first batch waits for that, whoever imports it does not.
_HANDLER_AND_CLIENT: Final = """
import enricher.handler, boto3
boto3.client("s3", region_name="us-east-1")
import time; print(time.process_time())
"""
_FIRST: Final = """
import json, sys, time
from pathlib import Path
from bench.function import MemoryS3, function
from bench.material import Material
told = json.loads(Path(sys.argv[1]).read_text())
material = Material(tuple(told["fields"]), [], told["event"], {}, "")
s3 = MemoryS3(Path(sys.argv[2]).read_bytes())
begin = time.process_time()
function([material], s3, float(sys.argv[3]))[0]()
print(time.process_time() - begin)
"""

Figure = tuple[str, float, str]


def starts(material: Material) -> Iterator[Figure]:
    """Name, value and unit of each; processor time."""
    programs = {"import": _HANDLER, "import_with_client": _HANDLER_AND_CLIENT}
    ratios: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(RUNS):
        least = _seconds(_AS_SHIPPED + _LEAST)
        for name, program in programs.items():
            ratios[name].append(_seconds(_AS_SHIPPED + program) / least)
    for name, found in ratios.items():
        yield f"{name}_to_pyarrow_and_s3", statistics.median(found), "ratio of times; at most 1.5 is asked for"
    with tempfile.TemporaryDirectory() as directory:
        event, snapshot = Path(directory, "event.json"), Path(directory, "snapshot")
        event.write_text(json.dumps({"fields": material.fields, "event": material.event}), "utf-8")
        snapshot.write_bytes(material.snapshot())
        taken = [_seconds(_FIRST, str(event), str(snapshot), str(_NOW)) for _ in range(RUNS)]
    yield "first_invocation_s", statistics.median(taken), "s after import, the snapshot's load included; at most 1.5"


def _seconds(program: str, *arguments: str) -> float:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)
