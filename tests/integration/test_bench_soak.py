"""The soak in short: memory stays, nobody is asked; and a planted leak is seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BATCHES = 480
# In a process of its own: pytest keeps what is logged.
PROGRAM = f"""
import json
from bench.soak import draw, missed, soak
if __name__ == "__main__":
    kept = []
    drawn = draw()
    leaking = soak(drawn, {BATCHES}, lambda event: kept.append([dict(record) for record in event["records"]]))
    kept.clear()
    sound = soak(drawn, {BATCHES})
    print(json.dumps([missed(leaking), missed(sound), sound["s3_reads"][0]]))
"""


def test_what_is_forgotten_is_seen_and_nothing_else_is(tmp_path):
    """With each batch's records kept in a list, Python's blocks grow; without, they do not, and no call is made.

    So few batches do not settle the heap's size: bytes are judged over ten thousand.
    """
    program = tmp_path / "soak_twice.py"
    program.write_text(PROGRAM, "utf-8")
    ours = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, str(program)]
    done = subprocess.run(command, env=ours, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    leaking, sound, reads = json.loads(done.stdout)
    assert {"blocks_growth", "rss_growth"} <= set(leaking)
    assert not {"blocks_growth", "ec2_calls", "s3_reads_between_renewals"} & set(sound)
    assert reads == BATCHES / 60
