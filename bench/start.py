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

# The client is part of the comparison: the handler makes its own when it is first needed.
_LEAST: Final = """
import pyarrow.csv, pyarrow.parquet, boto3
boto3.client("s3", region_name="us-east-1")
import time; print(time.process_time())
"""
_HANDLER: Final = """
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
    ratios = [_seconds(_HANDLER) / _seconds(_LEAST) for _ in range(RUNS)]
    yield "import_to_pyarrow_and_s3", statistics.median(ratios), "ratio of times; at most 1.5 is asked for"
    with tempfile.TemporaryDirectory() as directory:
        event, snapshot = Path(directory, "event.json"), Path(directory, "snapshot")
        event.write_text(json.dumps({"fields": material.fields, "event": material.event}), "utf-8")
        snapshot.write_bytes(material.snapshot())
        taken = [_seconds(_FIRST, str(event), str(snapshot), str(_NOW)) for _ in range(RUNS)]
    yield "first_invocation_s", statistics.median(taken), "s after import, the snapshot's load included; at most 1.5"


def _seconds(program: str, *arguments: str) -> float:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)
