"""The answers of a batch as one table, and for each flow the row that holds for its own time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.attribution import PEER, Candidate, Source
from enricher.columns import plain
from enricher.endpoints import ABSENT, AMBIGUOUS, UNRESOLVED, Batch, Dimension
from enricher.keys import Keys
from enricher.recorders import Recorders, taken
from enricher.schema import LOCATION, RESOURCE, SIDES, STRING, TAGS
from enricher.traffic import REPORTERS

_UNPROVEN: Final = (AMBIGUOUS, ABSENT, UNRESOLVED)


@dataclass(frozen=True, slots=True)
class Answers:
    """Each key's candidates, in the order of the keys, and the sources that their numbers mean."""

    candidates: Sequence[Sequence[Candidate]]
    sources: Sequence[Source]


def dimension_of(
    batch: Batch,
    recorders: Recorders,
    reporter: Any,
    keys: Keys,
    answers: Answers,
    promoted: Mapping[str, tuple[str, ...]],
) -> Dimension:
    """Lay out recorders, recorders before their attachment, candidates, and a last row of nulls."""
    count = batch.recorders.num_rows
    sources = answers.sources
    candidates = [candidate for answer in answers.candidates for candidate in answer]
    names = ["status", *LOCATION, *RESOURCE, *promoted, "tags", "evidence"]
    nothing = pa.table({name: pa.nulls(1, TAGS if name == "tags" else STRING) for name in names})
    endpoints = pa.concat_tables(
        [
            recorders.endpoints.select(names),
            recorders.detached.select(names).slice(0, count if _may_be_detached(recorders) else 0),
            _candidate_rows(candidates, recorders, sources, promoted).select(names),
            nothing,
        ]
    ).combine_chunks()
    offset = 2 * count if _may_be_detached(recorders) else count
    own = _own_rows(batch, recorders)
    side_rows = {}
    for side in SIDES:
        asked = _candidate_of(batch, keys.codes[side], answers.candidates, offset)
        rows = pc.if_else(keys.is_own[side], own, pc.fill_null(asked, endpoints.num_rows - 1))
        side_rows[side] = _unnamed_own(side, rows, endpoints, recorders, batch, reporter)
    observed = [source.inventory.observed_at for source in sources if source.inventory.observed_at is not None]
    return Dimension(
        endpoints,
        side_rows,
        keys.is_public,
        pa.DictionaryArray.from_arrays(reporter.cast(pa.int32()), REPORTERS),
        own,
        min(observed, default=None),
    )


def _candidate_rows(
    candidates: Sequence[Candidate],
    recorders: Recorders,
    sources: Sequence[Source],
    promoted: Mapping[str, tuple[str, ...]],
) -> pa.Table:
    """One endpoint row a candidate: an interface, an own side elsewhere in the batch, a subnet, or nobody."""
    interfaces = [(c.source, c.row) if c.source >= 0 and c.evidence != "subnet" else None for c in candidates]
    table = taken(sources, interfaces, promoted)
    peers = [position for position, c in enumerate(candidates) if c.source == PEER]
    if peers:
        table = _replaced(table, peers, recorders.endpoints, [candidates[p].row for p in peers])
    located = [(position, c) for position, c in enumerate(candidates) if c.evidence == "subnet"]
    if located:
        subnets = [sources[c.source].inventory.networks.subnets[c.row] for _, c in located]
        columns = {
            name: pa.array([getattr(subnet, name, None) for subnet in subnets], STRING)
            if name in ("vpc_id", "subnet_id", "az_id", "region")
            else pa.nulls(len(subnets), table.schema.field(name).type)
            for name in table.column_names
        }
        table = _replaced(table, [position for position, _ in located], pa.table(columns), list(range(len(subnets))))
    table = table.append_column("status", pa.array([c.status for c in candidates], STRING))
    return table.append_column("evidence", pa.array([c.evidence for c in candidates], STRING))


def _replaced(table: pa.Table, positions: Sequence[int], other: pa.Table, rows: Sequence[int]) -> pa.Table:
    """``table`` with the rows at ``positions`` taken from ``rows`` of ``other``."""
    order = list(range(table.num_rows))
    for place, position in enumerate(positions):
        order[position] = table.num_rows + place
    joined = pa.concat_tables([table, other.select(table.column_names).take(pa.array(rows, pa.int64()))])
    return joined.combine_chunks().take(pa.array(order, pa.int64()))


def _may_be_detached(recorders: Recorders) -> bool:
    return bool(recorders.attached_at.null_count < len(recorders.attached_at))


def _own_rows(batch: Batch, recorders: Recorders) -> Any:
    """The recorder's endpoint row for each flow; before its instance's attachment the detached one."""
    if not _may_be_detached(recorders):
        return batch.recorder
    early = pc.fill_null(pc.less(batch.starts, recorders.attached_at.take(batch.recorder)), False)
    return pc.if_else(early, pc.add(batch.recorder, batch.recorders.num_rows), batch.recorder)


def _candidate_of(batch: Batch, codes: Any, answers: Sequence[Sequence[Candidate]], offset: int) -> Any:
    """For each row its key's first candidate that holds for [start, end] (null where nothing was asked)."""
    first_of_key, bounds = [], []
    position = offset
    for answer in answers:
        first_of_key.append(position)
        position += len(answer)
        bounds.append(len(answer))
    rows = pa.array(first_of_key, pa.int32()).take(codes)
    deepest = max(bounds, default=1)
    if deepest == 1:
        return rows
    limits = [(c.valid_from, c.valid_to) for answer in answers for c in answer]
    valid_from = pa.array([low for low, _ in limits], pa.int64())
    valid_to = pa.array([high for _, high in limits], pa.int64())
    for _ in range(deepest - 1):
        here = pc.subtract(rows, offset)
        holds = pc.and_(
            pc.less_equal(valid_from.take(here), batch.starts), pc.less_equal(batch.ends, valid_to.take(here))
        )
        rows = pc.if_else(pc.fill_null(holds, True), rows, pc.add(rows, 1))
    return rows


def _unnamed_own(side: str, rows: Any, endpoints: pa.Table, recorders: Recorders, batch: Batch, reporter: Any) -> Any:
    """A recorder without interface or instance still tells its own side's subnet and AZ, if nobody told more."""
    if pc.all(recorders.named).as_py() is not False:
        return rows
    is_own = pc.fill_null(pc.equal(reporter, SIDES.index(side)), False)
    nameless = pc.and_(is_own, pc.invert(recorders.named.take(batch.recorder)))
    unproven = pc.is_in(plain(endpoints["status"]), value_set=pa.array(_UNPROVEN)).take(rows)
    located = pc.is_valid(pc.coalesce(plain(recorders.endpoints["subnet_id"]), plain(recorders.endpoints["az_id"])))
    use = pc.and_(pc.and_(nameless, unproven), located.take(batch.recorder))
    return pc.if_else(use, batch.recorder, rows)
