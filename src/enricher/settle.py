"""The second look: rows of the lake answered again with a later snapshot. Attribution's own rules, run again.

What is looked at again: every side that is not proven. Not only ``unresolved``, ``stale`` and ``snapshot_open``: an
address was also ``subnet``, ``absent`` or ``ambiguous`` because its owner came after the snapshot of that moment. All
given rows answer for each other, so a whole hour may be handed in.

A side is replaced where the new answer

- is better founded: proven (record, peer_record, snapshot, ipam, ec2), then named by continuation, then named by a
  stale snapshot, then a subnet, then absent or ambiguous, then unresolved; or
- is that of an inventory that knows the flow's time: all of it was scanned after the flow's end (for an owner named by
  continuation: the owner's part was), and it still remembers owners that were gone at the flow's start. That owner is
  then withdrawn, unless it had the address again next, with nobody in between: so it is after an outage.
- is the recorder's own word on a side that was told not to be its own: two claim the address, so neither is named.
- names the same interface, where the record told who it is and no snapshot knew its tags.

What stays: AWS's columns, rows and their order, ``batch_id``, ``arrived_at``, proven sides, and a ``reporter`` once
told. What follows the sides of a changed row: ``traffic_class``, ``inventory_age_s`` (negative: the inventory is later
than the arrival) and ``enricher_version``. A second look with the same inventory changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import Address
from enricher.columns import plain
from enricher.endpoints import ABSENT, AMBIGUOUS, RESOLVED, STALE, SUBNET, Dimension
from enricher.enrich import Provenance, enrich
from enricher.inventory import ALWAYS, Inventory
from enricher.layout import decoded
from enricher.resolve import Rules, resolve
from enricher.schema import DEFAULT_PROMOTED_TAGS, LOCATION, RESOURCE, SIDES, STRING, flow_columns, lake_columns
from enricher.sources import Source

_PROVEN: Final = 6
_PLACE: Final = ("region", "az_id", "vpc_id", "subnet_id")
_STALE_NAMED: Final = 4
_COMPARED: Final = ("status", "evidence", *LOCATION, *RESOURCE)
_COUNTS: Final = ("settled", "changed", "withdrawn", "kept")
_REPORTER: Final = ("resource_type", "resource_id", "az_id")
_STAYS: Final = ("batch_id", "arrived_at", "path_name")
_TOLD: Final = pa.array(["record", "peer_record"])


@dataclass(frozen=True, slots=True)
class Settled:
    """The rows after the second look, and what became of the sides that were looked at again.

    ``settled``: better founded, and nobody else than before; ``changed``: another owner than was named before;
    ``withdrawn``: an owner was named and none is now; ``kept``: as they were.
    """

    rows: pa.Table
    settled: int
    changed: int
    withdrawn: int
    kept: int


def settle(rows: pa.Table, source: Source, rules: Rules, remembered_since: float = ALWAYS) -> Settled:
    """Answer rows (``schema.lake_columns()``) again with ``source``, a snapshot later than those they were made with.

    ``remembered_since``: Unix seconds since when the snapshot holds owners that have vanished: when it was merged,
    less ``keep_s``. ``rules`` are those that the rows were made with.

    Raises:
        ValueError: the rows have columns that ``rules`` promote no tag to.
    """
    _check_columns(rows, rules)
    rows = rows.combine_chunks()
    doubtful = pc.indices_nonzero(_is_doubtful(rows))
    if not len(doubtful):
        return Settled(rows, 0, 0, 0, 0)
    flows = _flows(rows)
    # All rows are asked about, because the proven ones are proof for others.
    told = resolve(flows, source, rules, arrived_at=_arrived_at(rows, 1000))
    fresh = _at(replace(told, endpoints=decoded(told.endpoints)), doubtful)
    some = rows.take(doubtful).combine_chunks()
    reporter = _reporter(some, fresh)
    knowledge = _Knowledge(source.inventory, remembered_since)
    sides = {side: _side(side, some, fresh, reporter.final, knowledge) for side in SIDES}
    counts = [sum(side.counts[name] for side in sides.values()) for name in _COUNTS]
    is_changed = reduce(pc.or_, [reporter.is_taken, *(pc.or_(one.is_taken, one.is_left) for one in sides.values())])
    changed = pc.indices_nonzero(is_changed)
    if not len(changed):
        return Settled(rows, *counts)
    merged = _at(_merged(some, fresh, reporter, sides), changed)
    numbers = doubtful.take(changed)
    before = rows.take(numbers).combine_chunks()
    settled = enrich(_flows(before), merged, Provenance("", _arrived_at(before, 1)))
    return Settled(_with_rows(rows, numbers, settled), *counts)


def _check_columns(rows: pa.Table, rules: Rules) -> None:
    extra = tuple(name for name in rules.promoted if name not in DEFAULT_PROMOTED_TAGS)
    unknown = set(rows.column_names) - {column.name for column in lake_columns(extra)}
    if unknown:
        raise ValueError(f"no tag is promoted to {', '.join(sorted(unknown))}: settle rows by the rules that made them")


def _is_doubtful(rows: pa.Table) -> Any:
    """Rows of which more could be known: of a side, of whose side the recorder is, or of a recorder's tags."""
    doubtful = pc.or_(pc.is_null(rows["reporter"]), pc.is_null(rows["reporter_resource_type"]))
    for side in SIDES:
        said = {name: _words(rows, f"{side}_{name}") for name in ("status", "evidence")}
        is_bare = pc.and_(pc.is_in(said["evidence"], value_set=_TOLD), _has_none(plain(rows[f"{side}_tags"])))
        doubtful = pc.or_(doubtful, pc.or_(pc.fill_null(pc.less(_rank(said), _PROVEN), False), is_bare))
    return plain(doubtful)


def _flows(rows: pa.Table) -> pa.Table:
    """The rows as they were parsed: AWS's columns, words as dictionaries."""
    columns = {}
    for column in flow_columns():
        values = plain(rows[column.name])
        is_words = column.type == STRING and not pa.types.is_dictionary(values.type)
        columns[column.name] = values.dictionary_encode() if is_words else values
    return pa.table(columns)


def _arrived_at(rows: pa.Table, unit: int) -> Any:
    """When the rows arrived, in Unix milliseconds divided by ``unit``."""
    return pc.divide(plain(rows["arrived_at"]).cast(pa.int64()), unit)


def _at(dimension: Dimension, rows: Any) -> Dimension:
    """The dimension of some of the rows."""
    return replace(
        dimension,
        side_rows={side: taken.take(rows) for side, taken in dimension.side_rows.items()},
        is_public={side: taken.take(rows) for side, taken in dimension.is_public.items()},
        reporter=dimension.reporter.take(rows),
        reporter_rows=dimension.reporter_rows.take(rows),
    )


def _with_rows(rows: pa.Table, numbers: Any, settled: pa.Table) -> pa.Table:
    """The rows, those of these numbers with what was settled; AWS's columns and where they come from stay."""
    place = pc.index_in(pa.arange(0, rows.num_rows), value_set=numbers.cast(pa.int64()))
    place = pc.coalesce(pc.add(place.cast(pa.int64()), rows.num_rows), pa.arange(0, rows.num_rows))
    stays = {column.name for column in flow_columns()} | set(_STAYS)
    columns = []
    for field in rows.schema:
        column = rows[field.name]
        if field.name not in stays:
            both = [*column.chunks, *_of_type(settled[field.name], field.type).chunks]
            column = pa.chunked_array(both, field.type).take(place).combine_chunks()
        columns.append(column)
    return pa.table(columns, schema=rows.schema)


class _Reporter(NamedTuple):
    """Whose side the recorder is in the end, and whether the new dimension tells it (bool)."""

    final: Any
    is_taken: Any


def _reporter(rows: pa.Table, fresh: Dimension) -> _Reporter:
    """As told before, or what is told now that the recorder's interface is known."""
    before = _words(rows, "reporter")
    now = fresh.reporter.cast(STRING)
    kind = plain(fresh.endpoints["resource_type"]).take(fresh.reporter_rows)
    is_known_now = pc.and_(pc.is_null(_words(rows, "reporter_resource_type")), pc.is_valid(kind))
    is_same = pc.fill_null(pc.equal(before, now), False)
    is_new = pc.and_(pc.is_null(before), pc.is_valid(now))
    return _Reporter(pc.coalesce(before, now), pc.or_(is_new, pc.and_(is_same, is_known_now)))


class _Knowledge:
    """Which flows' times the inventory knows."""

    def __init__(self, inventory: Inventory, remembered_since: float) -> None:
        self._inventory = inventory
        self.remembered_since = remembered_since
        names = [part.name for part in inventory.parts]
        self._complete_until = min(map(inventory.known_until, names), default=inventory.known_until(None))

    def until(self, interfaces: Any) -> Any:
        """For each interface id (null: nobody in particular) up to when its part was scanned (float)."""
        codes = interfaces.dictionary_encode()
        inventory = self._inventory
        rows = [inventory.rows.get(name) for name in codes.dictionary.to_pylist()]
        known = [self._complete_until if row is None else inventory.known_until(inventory.part_of(row)) for row in rows]
        until = pa.array([float(moment) for moment in known], pa.float64()).take(codes.indices)
        return pc.fill_null(until, float(self._complete_until))

    def comes_back(self, owner: tuple[str | None, str | None], vpc_id: str | None, address: str, start: int) -> bool:
        """Whether ``owner`` (``name_of``, instance) had the address before ``start`` and next after, nobody between."""
        inventory = self._inventory
        parsed = Address.parse(address)
        spells = sorted(
            (one.valid_from, one.seen_until, one.row)
            for one in (*inventory.owners(parsed), *inventory.public_owners(parsed))
            if one.vpc_id in (None, vpc_id)
        )
        before = [row for valid_from, _, row in spells if valid_from <= start][-1:]
        after = [row for valid_from, _, row in spells if valid_from > start][:1]
        return bool(before and after) and all(
            (inventory.name_of(row), inventory.instance_ids[row]) == owner for row in (*before, *after)
        )


class _Side(NamedTuple):
    """Where a side takes its new answer, where it keeps no more than its place (bool), and the counts."""

    is_taken: Any
    is_left: Any
    counts: dict[str, int]


def _side(side: str, rows: pa.Table, fresh: Dimension, reporter: Any, knowledge: _Knowledge) -> _Side:
    before = {name: _words(rows, f"{side}_{name}") for name in _COMPARED}
    before["evidence"] = _without_service(before["evidence"])
    now = {name: plain(fresh.endpoints[name]).take(fresh.side_rows[side]) for name in _COMPARED}
    rank, new_rank = _rank(before), _rank(now)
    is_open = pc.fill_null(pc.less(rank, _PROVEN), False)
    is_named = pc.and_(is_open, pc.greater_equal(rank, _STALE_NAMED))
    is_better = pc.fill_null(pc.greater(new_rank, rank), False)

    asked = pc.is_in(now["status"], value_set=pa.array([RESOLVED, SUBNET, ABSENT, AMBIGUOUS]))
    is_refuted = pc.and_(asked, _is_known(rows, pc.if_else(is_named, before["interface_id"], None), knowledge))
    # A record names its own side only: not that of another reporter than the one that was told before.
    is_own = pc.fill_null(pc.equal(reporter, side), False)
    is_allowed = pc.or_(is_own, _differs(now["evidence"], pa.scalar("record")))
    is_other = pc.and_(_any_differs(before, now, _COMPARED), pc.and_(is_open, is_allowed))
    takes = pc.and_(is_other, pc.or_(is_better, is_refuted))
    withdrawn = pc.and_(takes, pc.and_(is_named, pc.invert(is_better)))
    takes = pc.and_(takes, pc.invert(_returning(side, rows, before, withdrawn, knowledge)))
    tags = plain(fresh.endpoints["tags"]).take(fresh.side_rows[side])
    takes = pc.or_(takes, _is_fuller(before, now, plain(rows[f"{side}_tags"]), tags))

    # Its recorder is known by now to have had the address, before or after: two claim it, so neither is named.
    is_claimed = pc.and_(pc.equal(now["evidence"], "record"), pc.and_(is_refuted, pc.invert(is_own)))
    is_claimed = pc.and_(is_claimed, _any_differs(before, now, ("interface_id",)))
    is_left = pc.and_(pc.fill_null(is_claimed, False), is_named)

    left = pc.and_(takes, is_named)
    is_nobody = pc.less(new_rank, _STALE_NAMED)
    is_another = pc.and_(_any_differs(before, now, ("interface_id", "instance_id")), pc.invert(is_nobody))
    counts = {
        "changed": pc.and_(left, is_another).true_count,
        "withdrawn": pc.and_(left, is_nobody).true_count,
        "kept": pc.and_(is_open, pc.invert(pc.or_(takes, is_left))).true_count,
    }
    settled = takes.true_count - counts["changed"] - counts["withdrawn"]
    counts["withdrawn"] += is_left.true_count
    return _Side(takes, is_left, {"settled": settled, **counts})


def _rank(said: Mapping[str, Any]) -> Any:
    """How well an answer is founded (int32), null where the side has no address."""
    status, evidence = said["status"], said["evidence"]
    is_open = pc.fill_null(pc.equal(evidence, "snapshot_open"), False)
    is_place = pc.equal(evidence, "subnet")
    stale = pc.if_else(is_place, 2, pc.if_else(pc.is_valid(evidence), _STALE_NAMED, 0))
    stale = pc.fill_null(stale, 0)
    ranks = pc.case_when(
        pc.make_struct(
            pc.equal(status, RESOLVED),
            pc.equal(status, SUBNET),
            pc.is_in(status, value_set=pa.array([ABSENT, AMBIGUOUS])),
            pc.equal(status, STALE),
        ),
        pc.if_else(is_open, _PROVEN - 1, _PROVEN),
        pa.scalar(3, pa.int64()),
        pa.scalar(1, pa.int64()),
        stale,
        pa.scalar(0, pa.int64()),
    )
    return pc.if_else(pc.is_valid(status), ranks, None)


def _is_known(rows: pa.Table, interfaces: Any, knowledge: _Knowledge) -> Any:
    """Whether the inventory knows the flow's time: it looked later, and remembers so far."""
    looked = pc.less_equal(plain(rows["end"]).cast(pa.float64()), knowledge.until(interfaces))
    remembers = pc.greater_equal(plain(rows["start"]).cast(pa.float64()), float(knowledge.remembered_since))
    return pc.fill_null(pc.and_(looked, remembers), False)


def _returning(side: str, rows: pa.Table, before: Mapping[str, Any], doubtful: Any, knowledge: _Knowledge) -> Any:
    """Of the doubtful rows those whose owner had the address before the flow, and next after it."""
    numbers = pc.indices_nonzero(doubtful)
    address = pc.coalesce(_words(rows, f"pkt_{side}addr"), _words(rows, f"{side}addr"))
    names = pc.coalesce(before["interface_id"], before["resource_id"])
    asked = (names, before["instance_id"], before["vpc_id"], address, plain(rows["start"]))
    found: dict[tuple[Any, ...], bool] = {}
    returning = []
    for number, *key in zip(numbers.to_pylist(), *(column.take(numbers).to_pylist() for column in asked), strict=True):
        name, instance_id, vpc_id, text, start = key
        known = found.get(tuple(key))
        if known is None:
            known = knowledge.comes_back((name, instance_id), vpc_id, text, start)
            found[tuple(key)] = known
        if known:
            returning.append(number)
    return pc.is_in(pa.arange(0, rows.num_rows), value_set=pa.array(returning, pa.int64()))


def _is_fuller(before: Mapping[str, Any], now: Mapping[str, Any], tags: Any, new_tags: Any) -> Any:
    """Whether a record told who it is, and only now a snapshot knows its tags."""
    same = pc.and_(pc.equal(before["evidence"], now["evidence"]), pc.is_in(before["evidence"], value_set=_TOLD))
    same = pc.and_(same, pc.equal(before["interface_id"], now["interface_id"]))
    same = pc.and_(same, pc.or_(pc.is_null(before["instance_id"]), pc.equal(before["instance_id"], now["instance_id"])))
    return pc.fill_null(pc.and_(same, pc.and_(_has_none(tags), pc.invert(_has_none(new_tags)))), False)


def _has_none(tags: Any) -> Any:
    return pc.or_(tags.is_null(), pc.equal(tags.offsets[1:], tags.offsets[:-1]))


def _merged(rows: pa.Table, fresh: Dimension, reporter: _Reporter, sides: Mapping[str, _Side]) -> Dimension:
    """The dimension of the chosen answers: the new ones, then for each row both sides and the recorder as they were."""
    names = fresh.endpoints.column_names
    before = [
        _placed(_endpoints(rows, f"{name}_", names, fresh.endpoints.schema), side.is_left)
        for name, side in sides.items()
    ]
    recorders = _endpoints(rows, "reporter_", _REPORTER, fresh.endpoints.schema)
    offsets = [fresh.endpoints.num_rows + place * rows.num_rows for place in range(len(SIDES) + 1)]
    kept = [pa.arange(offset, offset + rows.num_rows).cast(pa.int32()) for offset in offsets]
    return replace(
        fresh,
        endpoints=pa.concat_tables([fresh.endpoints, *before, recorders]).combine_chunks(),
        side_rows={
            name: pc.if_else(side.is_taken, fresh.side_rows[name], kept[place])
            for place, (name, side) in enumerate(sides.items())
        },
        reporter=reporter.final.dictionary_encode(),
        reporter_rows=pc.if_else(reporter.is_taken, fresh.reporter_rows, kept[-1]),
    )


def _placed(endpoints: pa.Table, where: Any) -> pa.Table:
    """The endpoints, ``where`` told with no more than their place: the address's subnet, whoever has it there.

    A record claims private and IPv6 addresses only, which never leave their subnet.
    """
    if not where.true_count:
        return endpoints
    is_there = plain(pc.is_valid(endpoints["subnet_id"]))
    told = {"status": pc.if_else(is_there, SUBNET, AMBIGUOUS), "evidence": pc.if_else(is_there, "subnet", None)}
    kept = pc.if_else(where, None, pa.arange(0, endpoints.num_rows))
    columns = []
    for field in endpoints.schema:
        column = plain(endpoints[field.name])
        if field.name in told:
            column = pc.if_else(where, told[field.name], column)
        elif field.name not in _PLACE:
            column = column.take(kept)
        columns.append(column)
    return pa.table(columns, schema=endpoints.schema)


def _endpoints(rows: pa.Table, prefix: str, names: Any, schema: pa.Schema) -> pa.Table:
    """The rows' columns ``prefix`` + ``names`` as endpoints; what rows or ``names`` lack is null."""
    columns = []
    for field in schema:
        name = prefix + field.name
        is_there = field.name in names and name in rows.column_names
        column = _of_type(plain(rows[name]), field.type) if is_there else pa.nulls(rows.num_rows, field.type)
        columns.append(_without_service(column) if name.endswith("_evidence") else column)
    return pa.table(columns, schema=schema)


def _without_service(evidence: Any) -> Any:
    """The evidence without ``aws_service``: that is the record's word, which ``enrich`` adds again."""
    return pc.if_else(pc.fill_null(pc.equal(evidence, "aws_service"), False), None, evidence)


def _words(rows: pa.Table, name: str) -> Any:
    return _of_type(plain(rows[name]), STRING)


def _of_type(column: Any, wanted: Any) -> Any:
    return column if column.type == wanted else column.cast(wanted)


def _any_differs(before: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str]) -> Any:
    return reduce(pc.or_, (_differs(before[name], now[name]) for name in names))


def _differs(one: Any, other: Any) -> Any:
    """Whether two words differ; null is a word of its own (bool, no nulls)."""
    return pc.if_else(
        pc.and_(pc.is_valid(one), pc.is_valid(other)),
        pc.fill_null(pc.not_equal(one, other), False),
        pc.not_equal(pc.is_valid(one), pc.is_valid(other)),
    )
