"""The answers of a batch as one table, and for each flow the row that holds for its own time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.attribution import NOBODY, PEER, Candidate
from enricher.columns import int32_array, int64_array, plain
from enricher.endpoints import ABSENT, AMBIGUOUS, UNRESOLVED, Batch, Dimension
from enricher.inventory import ALWAYS, FOREVER
from enricher.keys import Keys
from enricher.layout import laid_out
from enricher.recorders import Recorders, Spell
from enricher.schema import LOCATION, RESOURCE, SIDES, STRING
from enricher.sources import Source
from enricher.traffic import REPORTERS

_UNPROVEN: Final = (AMBIGUOUS, ABSENT, UNRESOLVED)
# What a candidate says, whatever the time it holds for: source, row, status, evidence.
_Said = tuple[int, int, str, str | None]


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
    promoted: Iterable[str],
) -> Dimension:
    """Lay out recorders, different answers, a row of nulls, and recorders without what they were attached to."""
    names = [*LOCATION, *RESOURCE, *promoted, "tags"]
    tables = [source.inventory.places.select(names) for source in answers.sources]
    if recorders.table is not None:
        tables.append(recorders.table.select(names))
    candidates = [candidate for answer in answers.candidates for candidate in answer]
    number_of: dict[_Said, int] = {}
    said = int32_array([number_of.setdefault(candidate[2:], len(number_of)) for candidate in candidates])
    nulls = 0, tables[0].num_rows - 1
    own_table = len(answers.sources)
    own = [ref if ref[0] < recorders.sources else (own_table, ref[1]) for ref in recorders.refs]
    inventories = [source.inventory for source in answers.sources]
    refs = [
        *own,
        *(
            nulls
            if number == NOBODY
            else own[row]
            if number == PEER
            else (number, inventories[number].subnet_place(row) if by == "subnet" else row)
            for number, row, _, by in number_of
        ),
        nulls,
    ]
    endpoints = laid_out(tables, refs)
    statuses = [*recorders.statuses, *(each[2] for each in number_of), None]
    evidence = [*recorders.evidence, *(each[3] for each in number_of), None]
    endpoints = endpoints.add_column(0, "status", pa.array(statuses, STRING).dictionary_encode())
    endpoints = endpoints.append_column("evidence", pa.array(evidence, STRING).dictionary_encode())
    chosen = _chosen([len(answer) for answer in answers.candidates], candidates, keys.codes, batch, len(SIDES))
    endpoint = pc.add(said, pa.scalar(len(own), pa.int32()))
    asked = pc.fill_null(endpoint.take(chosen), len(refs) - 1)
    own_rows = batch.recorder
    if recorders.change:
        own_rows = _own_rows(batch, recorders, endpoints.num_rows)
        endpoints = _with_detached(endpoints, len(recorders.picks))
    side_rows = {}
    for number, side in enumerate(SIDES):
        rows = pc.if_else(keys.is_own[side], own_rows, asked.slice(number * batch.rows, batch.rows))
        side_rows[side] = _unnamed_own(side, rows, endpoints, recorders, batch, reporter)
    observed = [source.inventory.observed_at for source in answers.sources if source.inventory.observed_at is not None]
    return Dimension(
        endpoints,
        side_rows,
        keys.is_public,
        pa.DictionaryArray.from_arrays(reporter.cast(pa.int32()), REPORTERS),
        own_rows,
        min(observed, default=None),
    )


def _with_detached(endpoints: pa.Table, recorders: int) -> pa.Table:
    """The endpoints, then each recorder without the instance that it has at other times: its place, no resource."""
    every = pa.arange(0, endpoints.num_rows)
    with_place = pa.concat_arrays([every, every.slice(0, recorders)])
    without = pa.concat_arrays([every, pa.nulls(recorders, every.type)])
    lasting = {"status", "evidence", *LOCATION} - {"instance_id"}
    return pa.table(
        {
            name: plain(endpoints[name]).take(with_place if name in lasting else without)
            for name in endpoints.column_names
        }
    )


def _chosen(
    depths: Sequence[int], offers: Sequence[Candidate] | Sequence[Spell], codes: Any, batch: Batch, copies: int
) -> Any:
    """For each code of a key its first offer that holds for [start, end] (null where nothing was asked).

    ``depths``: how many ``offers`` each key has, which stand behind each other, best first; the last one holds always.
    ``codes`` are those of the batch's rows, ``copies`` times.
    """
    places = int32_array(accumulate(depths[:-1], initial=0)).take(codes)
    if max(depths, default=1) == 1:
        return places
    is_deep = pc.fill_null(pc.greater(int32_array(depths), 1).take(codes), False)
    deep = pc.indices_nonzero(is_deep)
    places_of_deep = places.take(deep)
    starts, ends = (pa.concat_arrays([times] * copies).take(deep) for times in (batch.starts, batch.ends))
    valid_from = int64_array([offer[0] for offer in offers])
    valid_to = int64_array([offer[1] for offer in offers])
    for _ in range(max(depths) - 1):
        since, until = valid_from.take(places_of_deep), valid_to.take(places_of_deep)
        holds = pc.and_(pc.less_equal(since, starts), pc.less_equal(ends, until))
        places_of_deep = pc.if_else(holds, places_of_deep, pc.add(places_of_deep, pa.scalar(1, pa.int32())))
    return pc.replace_with_mask(places, is_deep, places_of_deep)


def _own_rows(batch: Batch, recorders: Recorders, detached: int) -> Any:
    """The recorder's endpoint row for each flow: the first spell that holds, else the one without its instance.

    ``detached``: the first one of those.
    """
    offers = [
        [*spells, Spell(ALWAYS, FOREVER, detached + recorder, is_proven=False)]
        for recorder, spells in enumerate(recorders.spells)
    ]
    every = [spell for offered in offers for spell in offered]
    chosen = _chosen([len(offered) for offered in offers], every, batch.recorder, batch, 1)
    return int32_array([spell.row for spell in every]).take(chosen)


def _unnamed_own(side: str, rows: Any, endpoints: pa.Table, recorders: Recorders, batch: Batch, reporter: Any) -> Any:
    """A recorder without interface or instance still tells its own side's subnet and AZ, if nobody told more."""
    if pc.all(recorders.named).as_py() is not False:
        return rows
    is_own = pc.fill_null(pc.equal(reporter, SIDES.index(side)), False)
    nameless = pc.and_(is_own, pc.invert(recorders.named.take(batch.recorder)))
    unproven = pc.is_in(plain(endpoints["status"]).cast(STRING), value_set=pa.array(_UNPROVEN)).take(rows)
    located = pc.or_(pc.is_valid(plain(endpoints["subnet_id"])), pc.is_valid(plain(endpoints["az_id"])))
    use = pc.and_(pc.and_(nameless, unproven), located.take(batch.recorder))
    return pc.if_else(use, batch.recorder, rows)
