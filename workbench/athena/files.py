"""Which Parquet files make up a lake: ``flow_logs/aws_region=…/day=…/hour=…/*.parquet``, and what compaction wrote.

An hour that has a folder under ``flow_logs_compacted/`` is read from there alone, as in the catalog, where compaction
switches the partition's location: raw objects that came later wait for its next run.
"""

from pathlib import Path
from typing import Final

from enricher.schema import PARTITION_COLUMNS
from workbench.athena.errors import LakeError

RAW: Final = "flow_logs"
COMPACTED: Final = "flow_logs_compacted"
HOURLY: Final = "flows_hourly"
BILL: Final = "cost_and_usage_report"
_PARTITION: Final = "/".join(f"{name}=*" for name in PARTITION_COLUMNS)


def partition_folders(directory: Path) -> tuple[Path, ...]:
    """The folders to read, one a partition with at least one Parquet file, in the partitions' order.

    Raises:
        LakeError: there is no such directory, or no Parquet in it.
    """
    if not directory.is_dir():
        raise LakeError(f"lake {directory}: no such directory; write one with `vpcflow enrich FILE --out {directory}`")
    raw = _partitions(directory / RAW)
    compacted = {partition: _generation(folder) for partition, folder in _partitions(directory / COMPACTED).items()}
    folders = {partition: folder for partition, folder in (raw | compacted).items() if any(folder.glob("*.parquet"))}
    if not folders:
        where = f"{directory}/{RAW}/{_PARTITION}"
        raise LakeError(f"lake {directory}: no {where}/*.parquet; give the directory that holds {RAW}/")
    return tuple(folder for _, folder in sorted(folders.items()))


def hourly_folders(directory: Path) -> dict[tuple[str, ...], Path]:
    """The hours that compaction has added up: values of the partition columns → the folder with the rows."""
    folders = {partition: _generation(folder) for partition, folder in _partitions(directory / HOURLY).items()}
    return {
        tuple(part.partition("=")[2] for part in partition.split("/")): folder
        for partition, folder in sorted(folders.items())
        if any(folder.glob("*.parquet"))
    }


def bill_files(directory: Path) -> tuple[Path, ...]:
    """The Parquet files of a Cost and Usage Report beside the flow logs, if one was put there."""
    return tuple(sorted((directory / BILL).glob("billing_period=*/*.parquet")))


def _partitions(table: Path) -> dict[str, Path]:
    return {folder.relative_to(table).as_posix(): folder for folder in table.glob(_PARTITION) if folder.is_dir()}


def _generation(folder: Path) -> Path:
    """The folder itself, or the newest of the generations in it (folders named by a number)."""
    numbers = [
        inner for inner in folder.iterdir() if inner.is_dir() and inner.name.removeprefix("generation-").isdigit()
    ]
    return max(numbers, key=lambda inner: int(inner.name.removeprefix("generation-")), default=folder)
