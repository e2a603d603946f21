"""Column types and small vector helpers for the traffic generator (numpy; workbench only)."""

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
# A frozen dataclass whose members are all arrays of one length: a table of numbers.
Block = TypeVar("Block")

NOBODY = -1


def integers(values: Any) -> Ints:
    """The values as 64-bit integers."""
    return np.asarray(values, dtype=np.int64)


def take(block: Block, rows: Any) -> Block:
    """The given rows (positions or mask) of every column."""
    columns: dict[str, Any] = {part.name: getattr(block, part.name)[rows] for part in fields(_table(block))}
    return type(block)(**columns)


def stack(blocks: list[Block]) -> Block:
    """Blocks of one type, one under the other."""
    names = [part.name for part in fields(_table(blocks[0]))]
    columns: dict[str, Any] = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}
    return type(blocks[0])(**columns)


def rank_in_group(groups: Ints) -> Ints:
    """For each row, how many earlier rows belong to the same group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    fresh = np.concatenate([np.ones(min(1, len(groups)), dtype=bool), ordered[1:] != ordered[:-1]])
    positions = np.arange(len(groups), dtype=np.int64)
    first = np.maximum.accumulate(np.where(fresh, positions, 0))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = positions - first
    return ranks


def group_ids(*columns: Ints) -> Ints:
    """A number for each distinct combination of the columns' values.

    Packs the columns into one key: their value ranges multiplied must stay below 2^63.
    """
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        low = int(column.min(initial=0))
        key = key * (int(column.max(initial=0)) - low + 1) + (column - low)
    return integers(np.unique(key, return_inverse=True)[1])


def _table(block: Any) -> Any:
    return block
