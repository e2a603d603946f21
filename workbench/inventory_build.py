"""``vpcflow inventory build``: files of the AWS CLI become a snapshot, or one more scan of a dated one."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enricher.history import MAX_GAP_SECONDS, merge
from enricher.inventory import InventoryTables
from enricher.inventory_documents import tables_of
from enricher.snapshot import from_snapshot, to_snapshot
from workbench.errors import UsageError
from workbench.inventory_files import load_documents, load_tables
from workbench.times import seconds_of, shown

_PART: Final = re.compile(r"[0-9]{12}/[a-z0-9-]+|ipam/\S+")
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Dated:
    """When the files were written (Unix seconds), what they cover, and the history they go on with."""

    observed_at: float
    ended_at: float
    part: str | None
    previous: Path | None
    keep_s: float

    @classmethod
    def of(
        cls, observed_at: str, ended_at: str | None, part: str | None, previous: Path | None, keep: float
    ) -> "Dated":
        """Of the options as they were given, ``keep`` in days; raises UsageError where one is wrong."""
        began = seconds_of(observed_at, "--observed-at")
        ended = began if ended_at is None else seconds_of(ended_at, "--ended-at")
        if ended < began:
            raise UsageError(f"--ended-at {ended_at}: is before --observed-at {observed_at}; give the later one")
        if part is not None and not _PART.fullmatch(part):
            raise UsageError(f"--part {part}: is no part; give an account and region such as 111122223333/us-east-1")
        if not keep >= 0:
            raise UsageError(f"--keep-days {keep}: is no length of time; give a number of days, at least 0")
        return cls(began, ended, part, previous, keep * _DAY_S)


def build(inventory: Path, out: Path, region: str | None, dated: Dated | None) -> str:
    """Write the snapshot; one line that tells what is in it.

    Raises:
        UsageError: files, times or the previous snapshot do not fit, or ``out`` cannot be written.
        InventoryError: a file is not what its name says.
    """
    tables = load_tables(inventory, region) if dated is None else _merged(_scan(inventory, region, dated), dated)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the old file or the new one, never a part of it.
        unfinished = out.with_name(f".{out.name}.unfinished")
        unfinished.write_bytes(to_snapshot(tables))
        unfinished.replace(out)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror or error}; give a file that can be written") from error
    parts = "" if len(tables.parts) <= 1 else f" in {len(tables.parts)} parts"
    when = "undated" if dated is None else f"dated {shown(dated.observed_at)}"
    return f"{out}: {tables.interfaces.num_rows} interfaces, {tables.addresses.num_rows} addresses{parts}, {when}"


def _scan(inventory: Path, region: str | None, dated: Dated) -> InventoryTables:
    """The files as one dated scan."""
    if not inventory.is_dir():
        raise UsageError(f"--inventory {inventory}: is no directory of AWS CLI output, so --observed-at can't date it")
    documents = load_documents(inventory)
    part = dated.part or _part_of(tables_of(documents, default_region=region), inventory)
    return tables_of(documents, dated.observed_at, default_region=region, ended_at=dated.ended_at, part=part)


def _part_of(tables: InventoryTables, inventory: Path) -> str:
    """The one account and region that all interfaces are of."""
    told = [tables.interfaces[name].unique().to_pylist() for name in ("account_id", "region")]
    if any(len(values) != 1 or values[0] is None for values in told):
        raise UsageError(
            f"--inventory {inventory}: its interfaces are not of one account and region; "
            "say what it covers with --part 111122223333/us-east-1"
        )
    return "/".join(values[0] for values in told)


def _merged(scan: InventoryTables, dated: Dated) -> InventoryTables:
    """The previous snapshot's history, if there is one, gone on with by the scan."""
    before = None if dated.previous is None else _previous(dated.previous, scan.parts[0].name, dated.observed_at)
    return merge(before, [scan], [], dated.ended_at, dated.keep_s, MAX_GAP_SECONDS)


def _previous(path: Path, part: str, observed_at: float) -> InventoryTables:
    """The snapshot at ``path``; refused where it is undated, or knows a scan of the part that is not earlier."""
    try:
        before = from_snapshot(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError(f"--previous {path}: {error.strerror}; give a snapshot built with --observed-at") from error
    if not before.parts:
        raise UsageError(f"--previous {path}: carries no date; build it again with --observed-at")
    for known in before.parts:
        if known.name == part and known.begun_at is not None and known.begun_at >= observed_at:
            raise UsageError(
                f"--observed-at: {shown(observed_at)} is not after the last scan of {part} in --previous, "
                f"{shown(known.begun_at)}; give scans in the order of their times"
            )
    return before
