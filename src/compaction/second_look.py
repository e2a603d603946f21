"""With what compaction looks at rows again: the inventory that the refresher publishes now, and since when it knows."""

from dataclasses import dataclass
from typing import Any, Final

import pyarrow.compute as pc

from cache import LoadError, New
from compaction.known import Told
from enricher.errors import InventoryError
from enricher.history import KEEP_SECONDS
from enricher.inventory import ALWAYS, InventoryTables
from enricher.published import Place, read
from enricher.resolve import Rules

_KEEP_SECONDS: Final = KEEP_SECONDS


@dataclass(frozen=True)
class SecondLook:
    """``tables`` None: there is no inventory, rows are not settled. ``snapshot``: where it lies, for the manifest.

    ``remembered_since``: Unix seconds since when it holds owners that have vanished, as ``settle`` asks.
    """

    tables: InventoryTables | None
    rules: Rules
    remembered_since: float
    snapshot: str | None


def second_look(s3: Any, uri: str, told: Told, keep_s: float = _KEEP_SECONDS) -> SecondLook:
    """What is published at ``uri`` (``s3://bucket/key`` of the pointer or of a snapshot), if anything.

    ``keep_s``: how long the refresher keeps owners that have vanished.

    Raises:
        InventoryError: what is there cannot be read. Rows that are compacted without it would not be settled later.
        SettingsError: what was told of tags cannot be read.
    """
    rules = told.known(None).rules
    try:
        found = read(s3, Place.of(uri)) if uri else None
    except LoadError as error:
        raise InventoryError(str(error)) from error
    if not isinstance(found, New):
        return SecondLook(None, rules, ALWAYS, None)
    pointer, tables = found.value.pointer, found.value.tables
    if pointer is not None and not rules.record_tags:
        rules = Rules(rules.promoted, {name.replace("-", "_"): key for name, key in pointer.tag_keys.items()})
    snapshot = Place.of(uri).key if pointer is None else pointer.snapshot
    return SecondLook(tables, rules, _remembered_since(tables, keep_s), snapshot)


def _remembered_since(tables: InventoryTables, keep_s: float) -> float:
    """Since the first scan of its history, and no longer than the refresher keeps what has vanished."""
    if tables.observed_at is None:
        return ALWAYS
    first = pc.min(tables.interfaces["seen_from"]).as_py()
    return max(tables.observed_at - keep_s, ALWAYS if first is None else float(first))
