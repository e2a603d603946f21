"""The `vpcflow` command as a person runs it, and what it leaves behind: shared by the tests of the command."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from enricher.schema import PARTITION_COLUMNS
from workbench.cli import main

HIVE = ds.partitioning(pa.schema([(name, pa.string()) for name in PARTITION_COLUMNS]), flavor="hive")


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: its exit code, and what it wrote to standard output and standard error."""

    exit_code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object on the last line of standard output."""
        told: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return told


Vpcflow = Callable[..., Ran]


def vpcflow(capsys: Any) -> Vpcflow:
    """A caller of the command that captures what it prints."""

    def run(*argv: object) -> Ran:
        exit_code = main([str(each) for each in argv])
        printed = capsys.readouterr()
        return Ran(exit_code, printed.out, printed.err)

    return run


def rows(lake: Path) -> list[dict[str, Any]]:
    """All rows of a lake, by start and srcport, with their partition."""
    objects = lake / "flow_logs"
    if not objects.exists():
        return []
    found: list[dict[str, Any]] = ds.dataset(objects, format="parquet", partitioning=HIVE).to_table().to_pylist()
    return sorted(found, key=lambda row: (row["start"] or 0, row["srcport"] or 0))


def rejected(lake: Path) -> list[tuple[str, bytes]]:
    """(error code, bytes) of every reject in a lake, in order."""
    lines = [line for path in sorted((lake / "rejected").rglob("*.jsonl")) for line in path.read_text().splitlines()]
    objects = [json.loads(line) for line in lines]
    return sorted((each["errorCode"], base64.b64decode(each["rawData"])) for each in objects)


def files(lake: Path) -> list[str]:
    """Every file below a directory, hidden ones too."""
    return sorted(path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file())


def refused(ran: Ran, lake: Path, *told: object) -> None:
    """The run was refused: exit code 2, silent on stdout, one line that tells all of this, no lake."""
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith("vpcflow: ")
    assert ran.err.endswith("\n")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    for each in told:
        assert str(each) in ran.err
    assert not lake.exists()


def put(directory: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cut(content: bytes) -> bytes:
    """The first half of it."""
    return content[: len(content) // 2]


def parquet_of(**columns: list[Any]) -> bytes:
    """A Parquet file of these columns, as bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body
