"""The soak in short: memory stays, nobody is asked; and a planted leak is seen."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

BATCHES = 480


def soaked(options=()):
    """Figures of a short soak in a process of its own (this one keeps log records), and what it says is missed."""
    command = [sys.executable, "-m", "bench.soak", f"--batches={BATCHES}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    *lines, figures = done.stdout.splitlines()
    assert done.returncode == any(line.endswith("MISSED") for line in lines)
    return json.loads(figures), {line.split(" ")[0] for line in lines if line.endswith("MISSED")}


def test_what_is_forgotten_is_seen_and_nothing_else_is():
    """With each batch's records kept in a list, Python's blocks grow; without, they do not, and no call is made.

    So few batches do not settle the heap's size: bytes are judged over ten thousand.
    """
    _, missed = soaked(["--leak"])
    assert {"blocks_growth", "rss_growth"} <= missed
    figures, missed = soaked()
    assert figures["s3_reads"] == BATCHES / 60
    assert not {"blocks_growth", "ec2_calls", "s3_reads_between_renewals"} & missed
