"""The core: flow records and their endpoint dimension become enriched rows. Pure: no I/O, no clock.

Same rows, same order, input columns untouched; the columns added are those of ``schema.lake_columns()``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher import __version__
from enricher.columns import looked_up, plain
from enricher.endpoints import ABSENT, AMBIGUOUS, RESOLVED, STALE, SUBNET, Dimension
from enricher.schema import SIDES, TIMESTAMP, lake_columns
from enricher.traffic import is_service, path_name, traffic_class

_REPORTER: Final = ("resource_type", "resource_id", "az_id")
_LAKE: Final = tuple(column.name for column in lake_columns())
# A dictionary of at most so many words may as well hold some that no row of this side uses.
_FEW_WORDS: Final = 64


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a batch comes from: the object's id, and its arrival (int64 Unix ms per row, nulls allowed)."""

    batch_id: str
    arrived_at: Any


def enrich(flows: pa.Table, dimension: Dimension, provenance: Provenance) -> pa.Table:
    """Add both sides, the reporter, class, path and provenance to ``flows`` (``schema.flow_columns()``)."""
    columns: dict[str, Any] = dict(zip(flows.column_names, map(plain, flows.columns), strict=True))
    words = {name: _encoded(plain(dimension.endpoints[name])) for name in dimension.endpoints.column_names}
    for side in SIDES:
        columns |= _taken(words, dimension.side_rows[side], f"{side}_")
    columns["reporter"] = dimension.reporter
    columns |= _taken({name: words[name] for name in _REPORTER}, dimension.reporter_rows, "reporter_")
    columns["traffic_class"] = _traffic_class(flows, dimension, words, columns)
    for side in SIDES:
        columns[f"{side}_evidence"] = _with_service(flows, side, columns)
    columns["path_name"] = path_name(columns["traffic_path"])
    columns |= _provenance(flows.num_rows, dimension, provenance)
    extra = [name.removeprefix("src_") for name in columns if name.startswith("src_") and name not in _LAKE]
    names = (*_LAKE, *(f"{side}_{name}" for name in extra for side in SIDES))
    return pa.table({name: columns[name] for name in names})


def _taken(words: Mapping[str, Any], rows: Any, prefix: str) -> dict[str, Any]:
    """The endpoints' columns at ``rows``; dictionaries hold not many words more than are used."""
    used = rows.dictionary_encode()
    return {prefix + name: _at(column, rows, used) for name, column in words.items()}


def _at(column: Any, rows: Any, used: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        if len(column.dictionary) <= _FEW_WORDS:
            return looked_up(column, rows)
        column = column.dictionary.take(column.indices.take(used.dictionary)).dictionary_encode()
        return looked_up(column, used.indices)
    column = column.take(used.dictionary)
    keys, items = column.keys.dictionary_encode(), column.items.dictionary_encode()
    return looked_up(pa.MapArray.from_arrays(column.offsets, keys, items, mask=column.is_null()), used.indices)


def _encoded(words: Any) -> Any:
    return words if pa.types.is_map(words.type) else words.dictionary_encode()


def _traffic_class(flows: pa.Table, dimension: Dimension, words: Mapping[str, Any], columns: Mapping[str, Any]) -> Any:
    is_ours = _is_ours(dimension.endpoints)
    # Both sides' codes come from one dictionary a column, so equal codes are equal words.
    codes = {name: words[name].indices for name in ("region", "az_id")}
    rows = dimension.side_rows
    return traffic_class(
        flows,
        pc.and_(*(pc.is_valid(dimension.is_public[side]) for side in SIDES)),
        {side: {name: looked_up(array, rows[side]) for name, array in codes.items()} for side in SIDES},
        {side: looked_up(is_ours, rows[side]) for side in SIDES},
        {side: _public(dimension.is_public[side], columns[f"{side}_status"]) for side in SIDES},
    )


def _is_ours(endpoints: pa.Table) -> Any:
    status = plain(endpoints["status"])
    located = pc.or_(pc.is_valid(plain(endpoints["vpc_id"])), pc.is_valid(plain(endpoints["interface_id"])))
    named = pc.is_in(status, value_set=pa.array([RESOLVED, SUBNET]))
    return pc.or_(named, pc.and_(pc.fill_null(pc.equal(status, STALE), False), located))


def _public(is_public: Any, status: Any) -> Any:
    """Null where a public address might be ours: that is neither the internet nor private space."""
    maybe_ours = _is_word(status, AMBIGUOUS)
    return pc.if_else(pc.and_(is_public, maybe_ours), None, is_public)


def _with_service(flows: pa.Table, side: str, columns: dict[str, Any]) -> Any:
    """Where nobody of ours was found, the record's word that the address is an AWS service's."""
    evidence = columns[f"{side}_evidence"]
    service = pc.and_(_is_word(columns[f"{side}_status"], ABSENT), is_service(flows, side))
    if not pc.any(service).as_py():
        return evidence
    words = pa.concat_arrays([evidence.dictionary, pa.array(["aws_service"], evidence.dictionary.type)])
    codes = pc.if_else(service, pa.scalar(len(words) - 1, pa.int32()), evidence.indices)
    return pa.DictionaryArray.from_arrays(codes, words)


def _is_word(words: Any, word: str) -> Any:
    """Where a dictionary array holds ``word`` (bool, no nulls): compared once a word, not once a row."""
    return pc.fill_null(pc.equal(words.dictionary, word).take(words.indices), False)


def _provenance(rows: int, dimension: Dimension, provenance: Provenance) -> dict[str, Any]:
    arrived = provenance.arrived_at
    age: Any = pa.nulls(rows, pa.int64())
    if dimension.inventory_observed_at is not None:
        age = pc.subtract(pc.divide(arrived, 1000), int(dimension.inventory_observed_at))
    return {
        "batch_id": _constant(provenance.batch_id, rows),
        "arrived_at": arrived.cast(TIMESTAMP),
        "inventory_age_s": age,
        "enricher_version": _constant(__version__, rows),
    }


def _constant(word: str, rows: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([word]))
