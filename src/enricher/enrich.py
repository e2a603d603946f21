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
from enricher.layout import compacted, encoded_column
from enricher.schema import SIDES, TIMESTAMP, lake_columns
from enricher.traffic import is_service, path_name, traffic_class

_REPORTER: Final = ("resource_type", "resource_id", "az_id")
_PLACE: Final = ("region", "az_id")
_LAKE: Final = tuple(column.name for column in lake_columns())
# A dictionary of at most so many words may as well hold some that no row of this side uses.
_FEW_WORDS: Final = 64
_FEW_VALUES: Final = 256  # of tags


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a batch comes from: the object's id, and its arrival (int64 Unix ms per row, nulls allowed)."""

    batch_id: str
    arrived_at: Any


def enrich(flows: pa.Table, dimension: Dimension, provenance: Provenance) -> pa.Table:
    """Add both sides, the reporter, class, path and provenance to ``flows`` (``schema.flow_columns()``)."""
    columns: dict[str, Any] = dict(zip(flows.column_names, flows.columns, strict=True))
    words = {name: encoded_column(plain(dimension.endpoints[name])) for name in dimension.endpoints.column_names}
    words["tags"] = compacted(words["tags"])
    for side in SIDES:
        columns |= _taken(words, dimension.side_rows[side], f"{side}_")
    columns["reporter"] = dimension.reporter
    columns |= _taken({name: words[name] for name in _REPORTER}, dimension.reporter_rows, "reporter_")
    services = {side: is_service(flows, side) for side in SIDES}
    columns["traffic_class"] = _traffic_class(flows, dimension, words, columns, services)
    for side in SIDES:
        columns[f"{side}_evidence"] = _with_service(side, columns, services[side])
    columns["path_name"] = path_name(plain(columns["traffic_path"]))
    columns |= _provenance(flows.num_rows, dimension, provenance)
    extra = [name.removeprefix("src_") for name in columns if name.startswith("src_") and name not in _LAKE]
    names = (*_LAKE, *(f"{side}_{name}" for name in extra for side in SIDES))
    return pa.Table.from_arrays([columns[name] for name in names], names)


def _taken(words: Mapping[str, Any], rows: Any, prefix: str) -> dict[str, Any]:
    """The endpoints' columns at ``rows``; dictionaries hold not many words more than are used."""
    used = rows.dictionary_encode()
    return {prefix + name: _at(column, rows, used) for name, column in words.items()}


def _at(column: Any, rows: Any, used: Any) -> Any:
    if isinstance(column, pa.DictionaryArray):
        if len(column.dictionary) <= _FEW_WORDS:
            return looked_up(column, rows)
        return looked_up(compacted(looked_up(column, used.dictionary)), used.indices)
    if len(column.items.dictionary) <= _FEW_VALUES:
        return looked_up(column, rows)
    column = looked_up(column, used.dictionary)
    items = compacted(column.items)
    return looked_up(pa.MapArray.from_arrays(column.offsets, column.keys, items, mask=column.is_null()), used.indices)


def _traffic_class(
    flows: pa.Table,
    dimension: Dimension,
    words: Mapping[str, Any],
    columns: Mapping[str, Any],
    services: Mapping[str, Any],
) -> Any:
    is_ours = _is_ours(words["status"], dimension.endpoints)
    rows = dimension.side_rows
    return traffic_class(
        plain(flows["traffic_path"]),
        pc.and_(*(pc.is_valid(dimension.is_public[side]) for side in SIDES)),
        {
            side: {name: _shared_codes(words[name], rows[side], columns[f"{side}_{name}"]) for name in _PLACE}
            for side in SIDES
        },
        {side: looked_up(is_ours, rows[side]) for side in SIDES},
        {side: _public(dimension.is_public[side], columns[f"{side}_status"]) for side in SIDES},
        services,
    )


def _shared_codes(words: Any, rows: Any, column: Any) -> Any:
    """Codes at ``rows`` from one dictionary for both sides, so that equal codes are equal words.

    ``column`` holds the same words at these rows, by codes of its own if there are many.
    """
    return column.indices if len(words.dictionary) <= _FEW_WORDS else looked_up(words.indices, rows)


def _is_ours(status: Any, endpoints: pa.Table) -> Any:
    """Endpoints that are named or located; ``status``: theirs, as words."""
    words = status.dictionary.to_pylist()
    ours = pa.array([word in (RESOLVED, SUBNET) for word in words], pa.bool_()).take(status.indices)
    is_stale = _is_word(status, STALE)
    if is_stale is not None:
        located = pc.or_(pc.is_valid(plain(endpoints["vpc_id"])), pc.is_valid(plain(endpoints["interface_id"])))
        ours = pc.or_(ours, pc.and_(is_stale, located))
    return pc.fill_null(ours, False)


def _public(is_public: Any, status: Any) -> Any:
    """Null where a public address might be ours: that is neither the internet nor private space."""
    maybe_ours = _is_word(status, AMBIGUOUS)
    return is_public if maybe_ours is None else pc.if_else(pc.and_(is_public, maybe_ours), None, is_public)


def _with_service(side: str, columns: Mapping[str, Any], is_service: Any) -> Any:
    """Where nobody of ours was found, the record's word that the address is an AWS service's."""
    evidence = columns[f"{side}_evidence"]
    is_absent = _is_word(columns[f"{side}_status"], ABSENT)
    service = None if is_absent is None else pc.and_(is_absent, is_service)
    if service is None or not service.true_count:
        return evidence
    words = pa.concat_arrays([evidence.dictionary, pa.array(["aws_service"], evidence.dictionary.type)])
    codes = pc.if_else(service, pa.scalar(len(words) - 1, pa.int32()), evidence.indices)
    return pa.DictionaryArray.from_arrays(codes, words, safe=False)


def _is_word(words: Any, word: str) -> Any:
    """Where a dictionary array holds ``word`` (bool, no nulls); None: its dictionary does not even have it."""
    known = words.dictionary.to_pylist()
    if word not in known:
        return None
    return pc.fill_null(pc.equal(words.indices, pa.scalar(known.index(word), words.indices.type)), False)


def _provenance(rows: int, dimension: Dimension, provenance: Provenance) -> dict[str, Any]:
    arrived = provenance.arrived_at
    age: Any = pa.nulls(rows, pa.int64())
    if dimension.inventory_observed_at is not None:
        age = pc.subtract(pc.divide(arrived, 1000), int(dimension.inventory_observed_at))
    first = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return {
        "batch_id": pa.DictionaryArray.from_arrays(first, pa.array([provenance.batch_id]), safe=False),
        "arrived_at": arrived.cast(TIMESTAMP),
        "inventory_age_s": age,
        "enricher_version": pa.DictionaryArray.from_arrays(first, pa.array([__version__]), safe=False),
    }
