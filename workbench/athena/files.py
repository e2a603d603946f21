"""Which Parquet files make up a lake: ``flow_logs/aws_region=…/day=…/hour=…/*.parquet``, and what compaction wrote.

An hour that has a manifest is read from the generation that it names and from nothing else, as in the catalog, where
compaction switches the partition's location: raw objects that came later wait for its next run, and generations that
no manifest names are nobody's. A folder of a compacted table that has files itself, and no manifest, is read as it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from compaction.layout import COMPACTED, MANIFESTS, partition_in
from compaction.layout import HOURLY as SUMS
from compaction.manifest import CompactionError, Manifest
from enricher.lake import FLOW_LOGS
from enricher.schema import PARTITION_COLUMNS
from workbench.athena.errors import LakeError

RAW: Final = FLOW_LOGS
HOURLY: Final = SUMS
BILL: Final = "cost_and_usage_report"
_PARTITION: Final = "/".join(f"{name}=*" for name in PARTITION_COLUMNS)


def partition_folders(directory: Path) -> tuple[Path, ...]:
    """The folders to read, one a partition with at least one Parquet file, in the partitions' order.

    Raises:
        LakeError: there is no such directory, no Parquet in it, or a manifest is none.
    """
    if not directory.is_dir():
        raise LakeError(f"lake {directory}: no such directory; write one with `vpcflow enrich FILE --out {directory}`")
    raw, copied = _partitions(directory / RAW), _with_files(_partitions(directory / COMPACTED))
    compacted = {partition: directory / manifest.location for partition, manifest in _manifests(directory).items()}
    folders = _with_files(raw | copied | compacted)
    if not folders:
        where = f"{directory}/{RAW}/{_PARTITION}"
        raise LakeError(f"lake {directory}: no {where}/*.parquet; give the directory that holds {RAW}/")
    return tuple(folder for _, folder in sorted(folders.items()))


def hourly_folders(directory: Path) -> dict[tuple[str, ...], Path]:
    """The hours that compaction has added up: values of the partition columns → the folder with the rows.

    Raises:
        LakeError: a manifest is none.
    """
    copied = _with_files(_partitions(directory / HOURLY))
    compacted = {
        partition: directory / manifest.hourly_location for partition, manifest in _manifests(directory).items()
    }
    return {
        tuple(part.partition("=")[2] for part in partition.split("/")): folder
        for partition, folder in sorted(_with_files(copied | compacted).items())
    }


def bill_files(directory: Path) -> tuple[Path, ...]:
    """The Parquet files of a Cost and Usage Report beside the flow logs, if one was put there."""
    return tuple(sorted((directory / BILL).glob("billing_period=*/*.parquet")))


def _partitions(table: Path) -> dict[str, Path]:
    return {folder.relative_to(table).as_posix(): folder for folder in table.glob(_PARTITION) if folder.is_dir()}


def _with_files(folders: Mapping[str, Path]) -> dict[str, Path]:
    return {partition: folder for partition, folder in folders.items() if any(folder.glob("*.parquet"))}


def _manifests(directory: Path) -> dict[str, Manifest]:
    """The manifests of a lake, by their hour's path."""
    found = {}
    for file in sorted((directory / MANIFESTS).glob(f"{_PARTITION}.json")):
        partition = partition_in(file.relative_to(directory / MANIFESTS).as_posix())
        if partition is not None:
            try:
                found[partition.path] = Manifest.from_json(file.read_bytes(), partition)
            except CompactionError as error:
                raise LakeError(f"lake {directory}: {error}") from error
    return found
