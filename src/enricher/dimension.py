"""The answers of a batch as one table, and for each flow the row that holds for its own time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.attribution import NOBODY, PEER, Candidate
from enricher.columns import int32_array, plain
from enricher.endpoints import ABSENT, AMBIGUOUS, UNRESOLVED, Batch, Dimension
from enricher.inventory import ALWAYS, FOREVER
from enricher.keys import Keys
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
    """Lay out recorders, recorders before their attachment, different answers, and a last row of nulls."""
    names = ["status", *LOCATION, *RESOURCE, *promoted, "tags", "evidence"]
    known = recorders.endpoints.select(names)
    they_change = recorders.change
    before = recorders.detached().select(names) if they_change else known.slice(0, 0)
    candidates = [candidate for answer in answers.candidates for candidate in answer]
    number_of: dict[_Said, int] = {}
    said = int32_array([number_of.setdefault(candidate[2:], len(number_of)) for candidate in candidates])
    answered, row_of = _answer_rows(number_of, answers.sources, known)
    endpoints = pa.concat_tables([known, before, answered, _nulls(known, 1)]).combine_chunks()
    endpoint = pc.add(row_of.take(said), pa.scalar(known.num_rows + before.num_rows, pa.int32()))
    chosen = _chosen([len(answer) for answer in answers.candidates], candidates, keys.codes, batch, len(SIDES))
    asked = pc.fill_null(endpoint.take(chosen), endpoints.num_rows - 1)
    own = _own_rows(batch, recorders) if they_change else batch.recorder
    side_rows = {}
    for number, side in enumerate(SIDES):
        rows = pc.if_else(keys.is_own[side], own, asked.slice(number * batch.rows, batch.rows))
        side_rows[side] = _unnamed_own(side, rows, endpoints, recorders, batch, reporter)
    observed = [source.inventory.observed_at for source in answers.sources if source.inventory.observed_at is not None]
    return Dimension(
        endpoints,
        side_rows,
        keys.is_public,
        pa.DictionaryArray.from_arrays(reporter.cast(pa.int32()), REPORTERS),
        own,
        min(observed, default=None),
    )


def _answer_rows(said: Iterable[_Said], sources: Sequence[Source], known: pa.Table) -> tuple[pa.Table, Any]:
    """An endpoint row for each of ``said``, grouped by where they come from; and which row that is (int32).

    ``known``: the recorders' rows.
    """
    groups: dict[int, list[tuple[int, int]]] = {}
    statuses: list[str] = []
    evidence: list[str | None] = []
    for position, (number, row, status, by) in enumerate(said):
        statuses.append(status)
        evidence.append(by)
        if number == NOBODY:
            groups.setdefault(0 if sources else NOBODY, []).append((position, -1))
        else:
            place = sources[number].inventory.subnet_place(row) if by == "subnet" else row
            groups.setdefault(number, []).append((position, place))
    if not groups:
        return known.slice(0, 0), int32_array([])
    silent = known.drop_columns(["status", "evidence"])
    tables = []
    for number, group in groups.items():
        if number == NOBODY:
            table = _nulls(silent, len(group))
        else:
            places = silent if number == PEER else sources[number].inventory.places.select(silent.column_names)
            last = places.num_rows - 1
            table = places.take(int32_array([last if place < 0 else place for _, place in group]))
        tables.append(table)
    order = int32_array([position for group in groups.values() for position, _ in group])
    table = pa.concat_tables(tables)
    for name, words in (("status", statuses), ("evidence", evidence)):
        table = table.append_column(name, pa.array(words, STRING).take(order))
    return table.select(known.column_names), pc.inverse_permutation(order)


def _nulls(like: pa.Table, rows: int) -> pa.Table:
    return pa.table([pa.nulls(rows, field.type) for field in like.schema], schema=like.schema)


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
    valid_from = pa.array([offer.valid_from for offer in offers], pa.int64())
    valid_to = pa.array([offer.valid_to for offer in offers], pa.int64())
    for _ in range(max(depths) - 1):
        since, until = valid_from.take(places_of_deep), valid_to.take(places_of_deep)
        holds = pc.and_(pc.less_equal(since, starts), pc.less_equal(ends, until))
        places_of_deep = pc.if_else(holds, places_of_deep, pc.add(places_of_deep, pa.scalar(1, pa.int32())))
    return pc.replace_with_mask(places, is_deep, places_of_deep)


def _own_rows(batch: Batch, recorders: Recorders) -> Any:
    """The recorder's endpoint row for each flow: the first spell that holds, else the one without its instance."""
    detached = recorders.endpoints.num_rows
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
    unproven = pc.is_in(plain(endpoints["status"]), value_set=pa.array(_UNPROVEN)).take(rows)
    located = pc.is_valid(pc.coalesce(plain(recorders.endpoints["subnet_id"]), plain(recorders.endpoints["az_id"])))
    use = pc.and_(pc.and_(nameless, unproven), located.take(batch.recorder))
    return pc.if_else(use, batch.recorder, rows)
