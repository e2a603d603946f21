"""The answers of a batch as one table, and for each flow the row that holds for its own time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.attribution import NOBODY, PEER, Candidate, Source
from enricher.columns import int32_array, plain
from enricher.endpoints import ABSENT, AMBIGUOUS, UNRESOLVED, Batch, Dimension
from enricher.keys import Keys
from enricher.networks import Subnet
from enricher.recorders import Recorders
from enricher.schema import LOCATION, RESOURCE, SIDES, STRING
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
    before = recorders.detached().select(names) if _may_be_detached(recorders) else known.slice(0, 0)
    answered, number_of = _answer_rows(answers, known)
    endpoints = pa.concat_tables([known, before, answered, _nulls(known, 1)]).combine_chunks()
    offers = _Offers(answers.candidates, number_of, known.num_rows + before.num_rows)
    asked = pc.fill_null(offers.rows(keys.codes, batch), endpoints.num_rows - 1)
    own = _own_rows(batch, recorders)
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


def _answer_rows(answers: Answers, known: pa.Table) -> tuple[pa.Table, dict[_Said, int]]:
    """One endpoint row for all candidates that say the same, and which row that is; ``known``: the recorders' rows."""
    groups: dict[tuple[int, bool], list[_Said]] = {}
    for said in dict.fromkeys([candidate[2:] for answer in answers.candidates for candidate in answer]):
        groups.setdefault((said[0], said[3] == "subnet"), []).append(said)
    if not groups:
        return known.slice(0, 0), {}
    silent = known.drop_columns(["status", "evidence"])
    tables = []
    for (number, is_subnet), group in groups.items():
        rows = [row for _, row, _, _ in group]
        if number == NOBODY:
            table = _nulls(silent, len(rows))
        elif number == PEER:
            table = silent.take(pa.array(rows))
        elif is_subnet:
            subnets = answers.sources[number].inventory.networks.subnets
            table = _of_subnets([subnets[row] for row in rows], silent)
        else:
            table = answers.sources[number].inventory.endpoints.select(silent.column_names).take(pa.array(rows))
        tables.append(table)
    ordered = [said for group in groups.values() for said in group]
    table = pa.concat_tables(tables)
    for place, name in ((2, "status"), (3, "evidence")):
        table = table.append_column(name, pa.array([said[place] for said in ordered], STRING))
    return table.select(known.column_names), {said: number for number, said in enumerate(ordered)}


def _nulls(like: pa.Table, rows: int) -> pa.Table:
    return pa.table([pa.nulls(rows, field.type) for field in like.schema], schema=like.schema)


def _of_subnets(subnets: Sequence[Subnet], like: pa.Table) -> pa.Table:
    """A row a subnet: where it is, and nothing else."""
    table = _nulls(like, len(subnets))
    for name in ("vpc_id", "subnet_id", "az_id", "region"):
        values = pa.array([getattr(subnet, name) for subnet in subnets], STRING)
        table = table.set_column(table.column_names.index(name), name, values)
    return table


class _Offers:
    """Where the candidates of each key stand, best first, and for which times they hold."""

    def __init__(self, answers: Sequence[Sequence[Candidate]], number_of: Mapping[_Said, int], offset: int) -> None:
        candidates = [candidate for answer in answers for candidate in answer]
        self._endpoint = int32_array([offset + number_of[candidate[2:]] for candidate in candidates])
        depths = [len(answer) for answer in answers]
        self._first = int32_array(accumulate(depths[:-1], initial=0)) if depths else int32_array([])
        self._most = max(depths, default=1)
        self._valid_from = pa.array([candidate.valid_from for candidate in candidates], pa.int64())
        self._valid_to = pa.array([candidate.valid_to for candidate in candidates], pa.int64())

    def rows(self, codes: Any, batch: Batch) -> Any:
        """For each of ``Keys.codes`` its first candidate that holds for [start, end] (null where nothing was asked)."""
        places = self._first.take(codes)
        starts, ends = (pa.concat_arrays([times] * len(SIDES)) for times in (batch.starts, batch.ends))
        for _ in range(self._most - 1):
            since, until = self._valid_from.take(places), self._valid_to.take(places)
            holds = pc.and_(pc.less_equal(since, starts), pc.less_equal(ends, until))
            places = pc.if_else(pc.fill_null(holds, True), places, pc.add(places, 1))
        return self._endpoint.take(places)


def _may_be_detached(recorders: Recorders) -> bool:
    return bool(recorders.attached_at.null_count < len(recorders.attached_at))


def _own_rows(batch: Batch, recorders: Recorders) -> Any:
    """The recorder's endpoint row for each flow; before its instance's attachment the detached one."""
    if not _may_be_detached(recorders):
        return batch.recorder
    early = pc.fill_null(pc.less(batch.starts, recorders.attached_at.take(batch.recorder)), False)
    return pc.if_else(early, pc.add(batch.recorder, batch.recorders.num_rows), batch.recorder)


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
