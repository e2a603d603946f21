"""An inventory directory (what the AWS CLI printed) or a snapshot file becomes a source for attribution."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from enricher.inventory import Inventory, InventoryTables
from enricher.inventory_documents import DOCUMENTS, check_document, tables_of
from enricher.snapshot import from_snapshot
from enricher.sources import Source
from workbench.errors import UsageError

SNAPSHOT = "snapshot.parquet"
_MEND = "give a directory of AWS CLI output (network-interfaces.json, subnets.json, …) or a snapshot"


def load_source(path: Path, promoted: Mapping[str, tuple[str, ...]], region: str | None) -> Source:
    """The inventory at ``path``; raises UsageError or InventoryError."""
    return Source(Inventory(load_tables(path, region), promoted), "snapshot")


def load_tables(path: Path, region: str | None) -> InventoryTables:
    """The tables of an inventory directory or snapshot file."""
    if path.is_file():
        return from_snapshot(path.read_bytes(), path.name)
    if not path.is_dir():
        raise UsageError(f"--inventory {path}: is not there; {_MEND}")
    if (path / SNAPSHOT).is_file():
        return from_snapshot((path / SNAPSHOT).read_bytes(), SNAPSHOT)
    documents = load_documents(path)
    return tables_of(documents, default_region=region)


def load_documents(path: Path) -> dict[str, dict[str, Any]]:
    """The JSON documents of a directory, by name without ``.json``."""
    documents: dict[str, dict[str, Any]] = {}
    for name in DOCUMENTS:
        file = path / f"{name}.json"
        if file.is_file():
            documents[name] = _read_json(file)
            check_document(name, documents[name])
    if not documents:
        raise UsageError(
            f"--inventory {path}: holds none of {', '.join(f'{name}.json' for name in DOCUMENTS)}; {_MEND}"
        )
    return documents


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        call = DOCUMENTS[file.stem][2]
        raise UsageError(
            f"--inventory {file}: is no JSON ({error}); write it with `aws {call} --output json`"
        ) from error
