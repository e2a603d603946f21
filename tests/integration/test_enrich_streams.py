"""Inputs that are read once, and files that were put behind each other."""

import json
import os
import threading

import pyarrow.parquet as pq

from workbench.cli import main

HEADER = "version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end region"
SWAPPED = "version interface-id dstaddr srcaddr dstport srcport protocol packets bytes start end region"


def line(number: int) -> str:
    """A flow of its own, from 10.0.0.1 to 10.0.0.2."""
    return f"2 eni-1 10.0.0.1 10.0.0.2 {40000 + number} 443 6 1 60 1794996000 1794996060 us-east-1"


def summary(capsys, path, out):
    """Exit code and JSON summary of one run."""
    capsys.readouterr()
    code = main(["enrich", str(path), "--out", str(out), "--output", "json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_pipe_gives_every_line(tmp_path, capsys):
    """What can be read only once is read once: nothing is lost to a look at its first bytes."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "w") as pipe:
            pipe.write("\n".join([HEADER, *map(line, range(1000))]) + "\n")

    writer = threading.Thread(target=write)
    writer.start()
    code, found = summary(capsys, f"/dev/fd/{reading}", tmp_path / "lake")
    writer.join()
    os.close(reading)

    assert (code, found["lines"], found["rows"], found["rejected"]) == (0, 1000, 1000, 0)


def test_a_second_header_speaks_for_the_lines_below_it(tmp_path, capsys):
    """Two files behind each other, the second with its sides in the other order: both are read as they are meant."""
    swapped = "2 eni-1 10.0.0.2 10.0.0.1 443 40001 6 1 60 1794996000 1794996060 us-east-1"
    log = tmp_path / "both.log"
    log.write_text("\n".join([HEADER, line(0), SWAPPED, swapped]) + "\n")

    code, found = summary(capsys, log, tmp_path / "lake")

    files = (tmp_path / "lake").rglob("*.parquet")
    rows = [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
    assert (code, found["rows"], found["rejected"]) == (0, 2, 0)
    assert {(row["srcaddr"], row["srcport"]) for row in rows} == {("10.0.0.1", 40000), ("10.0.0.1", 40001)}


def test_what_is_in_the_lake_already_is_said_and_left(tmp_path, capsys):
    """The same lines again, or twice in one run, make no second object; the summary says so."""
    log = tmp_path / "flows.log"
    log.write_text(f"{HEADER}\n{line(0)}\n")

    assert summary(capsys, log, tmp_path / "lake")[1]["already_there"] == 0
    assert summary(capsys, log, tmp_path / "lake")[1]["already_there"] == 1
    assert len(list((tmp_path / "lake").rglob("*.parquet"))) == 1
