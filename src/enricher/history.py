"""Scans become a history: who owned which address from when to when, and what no scan proves. Pure: no clock, no I/O.

What proves what, for one part of the estate (an account's region, or an IPAM scope), between two good scans:

- The same interface with the same attachment (instance and AttachTime) had its primary IPv4 address all the time:
  UnassignPrivateIpAddresses and AllowReassignment take secondary ones only (EC2 API reference).
- Any other address (secondary, public, IPv6, a prefix, and whatever IPAM tells) may leave and come back unseen. It was
  there all the time if both scans saw it, no good scan between them missed it, and the time from the beginning of the
  first to the end of the second is at most ``max_gap_s``. So too an interface that may be attached elsewhere and has no
  AttachTime. This assumes that what leaves an interface does not come back to it within ``max_gap_s`` (told by IPAM:
  within that and IPAM's own lag).
- Each entry was read at some moment between the scan's beginning and end, and may show how things were up to
  ``consistency_s`` earlier (EC2 developer guide, "Eventual consistency in the Amazon EC2 API"). So an owner is proven
  from the end of the first scan that saw it, or its AttachTime, to the beginning of the last one less that.

Times are Unix seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.columns import plain
from enricher.errors import InventoryError
from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, InventoryTables, Part, is_ipam
from enricher.networks import Networks

KEEP_SECONDS: Final = 4 * 3600
MAX_GAP_SECONDS: Final = 180
CONSISTENCY_SECONDS: Final = 5
CLOCK_SECONDS: Final = 60  # how far a scan's clock may be ahead of ours


def merge(  # noqa: PLR0913 - what each time means is told by name
    previous: InventoryTables | None,
    scans: Sequence[InventoryTables],
    failures: Sequence[Part],
    now: float,
    keep_s: float,
    max_gap_s: float,
    *,
    consistency_s: float = CONSISTENCY_SECONDS,
) -> InventoryTables:
    """What ``previous`` knows, with ``scans`` (one part each, any order) and the parts whose scan failed.

    A part that is in neither, or failed, stays as it was; one that nobody has tried to scan for ``keep_s``, and for
    KEEP_SECONDS at least, is no longer anybody's, and forgotten. A scan that began no later than what is known of its
    part is ignored. Owners that no scan shows any more are closed, and forgotten with all that hangs on them when last
    seen before ``now - keep_s``. The result's rows stand in order of their part, in each part the living interfaces
    last; ``observed_at`` is the beginning of the oldest of the parts' last good scans, None where there is none.

    A scan that ended more than CLOCK_SECONDS after ``now`` counts as failed, and a known part whose scan did is begun
    anew; the part's error says so. A wrong clock would hide every later scan until then, and prove too much.

    Raises:
        InventoryError: ``previous`` holds what no part tells: AWS CLI files, which carry no date.
        ValueError: a scan has not exactly one part.
    """
    known = {} if previous is None else {name: _up_to(now, one) for name, one in _by_part(previous).items()}
    good = [scan for scan in sorted(scans, key=_begun_at) if not _is_ahead(scan.parts[0], now)]
    for scan in good:
        fresh = _fresh(scan, consistency_s)
        before = known.get(fresh.part.name, _nothing(fresh.part.name))
        known[fresh.part.name] = _followed(before, fresh, max_gap_s - consistency_s)
    refused = [_refused(scan.parts[0], now) for scan in scans if _is_ahead(scan.parts[0], now)]
    for failure in (*failures, *refused):
        before = known.get(failure.name, _nothing(failure.name))
        known[failure.name] = replace(before, part=_with_failure(before.part, failure))
    asked = sorted(name for name, one in known.items() if _last_asked(one.part) >= now - max(keep_s, KEEP_SECONDS))
    return _joined([_remembered(known[name], now, keep_s) for name in asked])


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one part. ``addresses``' ``row`` counts from the part's own first interface."""

    part: Part
    interfaces: pa.Table
    addresses: pa.Table
    instances: pa.Table
    networks: Networks


def _nothing(name: str) -> _Known:
    interfaces, addresses, instances = (
        schema.empty_table() for schema in (INTERFACE_SCHEMA, ADDRESS_SCHEMA, INSTANCE_SCHEMA)
    )
    return _Known(Part(name, None, None), interfaces, addresses, instances, Networks())


def _is_ahead(part: Part, now: float) -> bool:
    """Whether its last good scan is dated later than it can have been."""
    return max(_time(part.begun_at), _time(part.ended_at)) > now + CLOCK_SECONDS


def _refused(part: Part, now: float) -> Part:
    """The part, failed now because its scan is dated ahead."""
    ahead_s = max(_time(part.begun_at), _time(part.ended_at)) - now
    error = (
        f"part {part.name}: its scan is dated {ahead_s:.0f} s ahead of now and is not used; mend the scanner's clock"
    )
    return Part(part.name, None, None, now, error)


def _up_to(now: float, known: _Known) -> _Known:
    """What is known of a part; nothing where that is dated ahead: no time of it can be told from a wrong one."""
    if _is_ahead(known.part, now):
        return replace(_nothing(known.part.name), part=_refused(known.part, now))
    if _time(known.part.failed_at) > now + CLOCK_SECONDS:
        return replace(known, part=replace(known.part, failed_at=None, error=None))
    return known


def _last_asked(part: Part) -> float:
    """When the part was last scanned, well or not."""
    return max(part.ended_at or 0, part.failed_at or 0)


def _begun_at(scan: InventoryTables) -> float:
    if len(scan.parts) != 1 or scan.parts[0].begun_at is None or scan.parts[0].ended_at is None:
        raise ValueError(f"a scan has one part, scanned well; this one has {scan.parts}")
    return scan.parts[0].begun_at


def _fresh(scan: InventoryTables, consistency_s: float) -> _Known:
    """A scan, proven only until ``consistency_s`` before it began."""
    interfaces, addresses, instances = (
        _with(table.combine_chunks(), "seen_until", pc.subtract(plain(table["seen_until"]), -int(-consistency_s // 1)))
        for table in (scan.interfaces, scan.addresses, scan.instances)
    )
    return _Known(scan.parts[0], interfaces, addresses, instances, scan.networks)


def _by_part(previous: InventoryTables) -> dict[str, _Known]:
    """The parts of an inventory, each for itself."""
    names = {part.name: part for part in previous.parts}
    told_by = {name for table in (previous.interfaces, previous.instances) for name in _words(table["part"])}
    told_by |= {one.part for told in _told(previous.networks) for one in told}
    if told_by - names.keys():
        raise InventoryError(
            "the previous inventory holds what no dated scan told (AWS CLI files?); begin anew, or build it from AWS"
        )
    return {name: _of_part(previous, part) for name, part in names.items()}


def _words(column: Any) -> list[str | None]:
    words: list[str | None] = pc.unique(column).to_pylist()
    return words


def _of_part(previous: InventoryTables, part: Part) -> _Known:
    mine = pc.indices_nonzero(pc.equal(previous.interfaces["part"], part.name))
    rows = pc.index_in(plain(previous.addresses["row"]), value_set=mine.cast(pa.int64()))
    addresses = _with(previous.addresses, "row", rows.cast(pa.int64())).filter(pc.is_valid(rows))
    networks = previous.networks
    return _Known(
        part,
        _taken(previous.interfaces, mine),
        addresses,
        previous.instances.filter(pc.equal(previous.instances["part"], part.name)),
        Networks(*([one for one in told if one.part == part.name] for told in _told(networks))),
    )


def _told(networks: Networks) -> tuple[Sequence[Any], ...]:
    return networks.vpcs, networks.subnets, networks.connections, networks.memberships


def _taken(table: pa.Table, rows: Any) -> pa.Table:
    """Rows of a table (uint64, ascending); no copy where they stand together."""
    if not len(rows):
        return table.slice(0, 0)
    first, last = rows[0].as_py(), rows[-1].as_py()
    together = last - first + 1 == len(rows)
    return table.slice(first, len(rows)).combine_chunks() if together else table.take(rows).combine_chunks()


def _followed(known: _Known, scan: _Known, max_gap_s: float) -> _Known:
    """What is known after one more good scan; ``known`` itself where the scan is no later."""
    if known.part.begun_at is not None and _time(scan.part.begun_at) <= known.part.begun_at:
        return known
    is_near = known.part.begun_at is not None and _time(scan.part.ended_at) - known.part.begun_at <= max_gap_s
    versions = _versions(known, scan, is_near=is_near)
    since = pc.coalesce(plain(known.interfaces["seen_from"]).take(versions), plain(scan.interfaces["seen_from"]))
    living = _tagged(_with(scan.interfaces, "seen_from", since), versions, known, scan)
    owned, gone = _owners(known, scan, versions, is_near=is_near)

    # Versions that were not seen again stand before the living ones, so later rows are later in time.
    count = known.interfaces.num_rows
    successor = pc.index_in(pa.arange(0, count), value_set=versions)
    is_over = pc.is_null(successor)
    over = _ended(known.interfaces.filter(is_over), scan.interfaces)
    place = pc.subtract(pc.cumulative_sum(is_over.cast(pa.int64())), 1)
    place = pc.if_else(is_over, place, pc.add(successor.cast(pa.int64()), over.num_rows))
    addresses = [
        _with(gone, "row", place.take(plain(gone["row"]))),
        _with(owned, "row", pc.add(plain(owned["row"]), over.num_rows)),
    ]
    missing = pc.invert(pc.is_in(known.instances["instance_id"], value_set=plain(scan.instances["instance_id"])))
    return _Known(
        _with_failure(scan.part, known.part),
        pa.concat_tables([over, living]).combine_chunks(),
        pa.concat_tables(addresses),
        pa.concat_tables([known.instances.filter(missing), scan.instances]).combine_chunks(),
        scan.networks,
    )


def _tagged(living: pa.Table, versions: Any, known: _Known, scan: _Known) -> pa.Table:
    """``living``, as far as a scan did not show the instances behind them with the tags known before, or with none.

    Instances are read after interfaces; one that ended in between leaves its interface's own tags, which are not those
    that it had: an instance's tags go before its interface's.
    """
    instances = plain(living["instance_id"])
    is_shown = pc.is_in(instances, value_set=plain(scan.instances["instance_id"]))
    is_bare = pc.and_(pc.is_valid(instances), pc.invert(is_shown))
    if not pc.any(is_bare).as_py():
        return living
    tags = pa.concat_arrays([plain(living["tags"]), plain(known.interfaces["tags"])])
    own = pa.arange(0, living.num_rows)
    return _with(living, "tags", tags.take(pc.if_else(is_bare, pc.add(versions, living.num_rows), own)))


def _versions(known: _Known, scan: _Known, *, is_near: bool) -> Any:
    """For each interface of the scan the known row that is the same interface with the same attachment, else null."""
    interfaces = known.interfaces
    holds = pc.or_(pc.is_valid(interfaces["attached_at"]), pc.invert(pc.fill_null(interfaces["may_move"], True)))
    if is_near:
        holds = pc.or_(holds, _is_open(known))
    rows = pc.indices_nonzero(plain(holds))
    found = pc.index_in(_identity(scan.interfaces), value_set=_identity(interfaces).take(rows), skip_nulls=True)
    return rows.take(found).cast(pa.int64())


def _identity(interfaces: pa.Table) -> Any:
    """Interface and attachment as one text; an Elastic IP that IPAM tells of has no interface, but its own id."""
    since = pc.fill_null(plain(interfaces["attached_at"]).cast(pa.string()), "")
    instance = pc.fill_null(plain(interfaces["instance_id"]), "")
    name = pc.coalesce(plain(interfaces["interface_id"]), plain(interfaces["resource_id"]))
    return pc.binary_join_element_wise(name, instance, since, "|")


def _is_open(known: _Known) -> Any:
    """Whether the last good scan saw the interface (one without any address: whether none was seen later)."""
    addresses = known.addresses
    rows = pa.arange(0, known.interfaces.num_rows)
    seen_until = plain(known.interfaces["seen_until"])
    is_bare = pc.invert(pc.is_in(rows, value_set=plain(addresses["row"])))
    is_last = pc.equal(seen_until, pc.max(seen_until))
    is_owner = pc.is_in(rows, value_set=plain(addresses.filter(addresses["is_open"])["row"]))
    return pc.or_(is_owner, plain(pc.and_(is_bare, is_last)))


def _owners(known: _Known, scan: _Known, versions: Any, *, is_near: bool) -> tuple[pa.Table, pa.Table]:
    """The scan's owners, each since it is proven; and known owners that are none any more (``row`` in ``known``)."""
    lasting = _is_primary(known)
    addresses = known.addresses
    holds = pc.or_(lasting, pc.and_(addresses["is_open"], pa.scalar(is_near)))
    rows = pc.indices_nonzero(plain(holds))
    before = versions.take(plain(scan.addresses["row"]))
    found = pc.index_in(
        _owner_text(before, scan.addresses), value_set=_owner_text(plain(addresses["row"]), addresses).take(rows)
    )
    found = rows.take(found)
    since = pc.coalesce(plain(addresses["valid_from"]).take(found), plain(scan.addresses["valid_from"]))
    owned = _with(scan.addresses, "valid_from", since)
    is_gone = pc.invert(pc.is_in(pa.arange(0, addresses.num_rows), value_set=found.cast(pa.int64())))
    gone = addresses.filter(is_gone)
    gone = _with(gone, "is_open", pa.repeat(pa.scalar(False), gone.num_rows))
    return owned, _succeeded(gone, owned, scan)


def _owner_text(rows: Any, addresses: pa.Table) -> Any:
    """Interface row and address as one text; null where the row is."""
    return pc.binary_join_element_wise(rows.cast(pa.string()), plain(addresses["address"]), "|")


def _is_primary(known: _Known) -> Any:
    """Whether an address is its interface's primary IPv4 one, which stays as long as the interface lives."""
    if is_ipam(known.part.name):
        return pa.repeat(pa.scalar(False), known.addresses.num_rows)
    own = plain(known.interfaces["own_addresses"])
    firsts = pc.if_else(pc.greater(pc.list_value_length(own), 0), own.offsets[: len(own)], None)
    primary = own.values.take(firsts).take(plain(known.addresses["row"]))
    is_same = pc.equal(primary, plain(known.addresses["address"]))
    return pc.and_(pc.fill_null(is_same, False), pc.invert(pc.match_substring(plain(known.addresses["address"]), ":")))


def _succeeded(gone: pa.Table, owned: pa.Table, scan: _Known) -> pa.Table:
    """``gone``, none of them longer than until the attachment of whoever has the address as its primary one now.

    AttachTime is AWS's clock, that of the flows; when we scanned is ours.
    """
    is_attached = _is_primary(replace(scan, addresses=owned))
    attached_at = plain(scan.interfaces["attached_at"]).take(plain(owned["row"]))
    heirs = owned.filter(pc.and_(is_attached, pc.is_valid(attached_at)))
    found = pc.index_in(_place_text(gone), value_set=_place_text(heirs))
    return _cut(gone, plain(heirs["valid_from"]).take(found), plain(gone["valid_from"]))


def _place_text(addresses: pa.Table) -> Any:
    vpc = pc.fill_null(plain(addresses["vpc_id"]), "")
    return pc.binary_join_element_wise(plain(addresses["address"]), vpc, "|")


def _ended(over: pa.Table, seen: pa.Table) -> pa.Table:
    """Versions not seen again, none longer than until the interface's attachment to something else."""
    found = pc.index_in(plain(over["interface_id"]), value_set=plain(seen["interface_id"]), skip_nulls=True)
    return _cut(over, plain(seen["attached_at"]).take(found), plain(over["seen_from"]))


def _cut(rows: pa.Table, successor: Any, since: Any) -> pa.Table:
    """``seen_until`` before ``successor`` (a time, or null), for rows that began before that."""
    seen_until = plain(rows["seen_until"])
    is_later = pc.fill_null(pc.and_(pc.less(since, successor), pc.greater_equal(seen_until, successor)), False)
    return _with(rows, "seen_until", pc.if_else(is_later, pc.subtract(successor, 1), seen_until))


def _with_failure(part: Part, other: Part) -> Part:
    """The part with what ``other`` tells of a failure, where that came after the last good scan and any failure."""
    if other.failed_at is None or other.failed_at <= max(_time(part.begun_at), _time(part.failed_at)):
        return part
    return replace(part, failed_at=other.failed_at, error=other.error)


def _remembered(known: _Known, now: float, keep_s: float) -> _Known:
    """Without owners that are gone for longer than ``keep_s``, and without what only they needed."""
    since = now - keep_s
    addresses, interfaces, instances = known.addresses, known.interfaces, known.instances
    is_kept = pc.or_(_is_open(known), plain(pc.greater_equal(interfaces["seen_until"], since)))
    addresses = addresses.filter(pc.or_(addresses["is_open"], pc.greater_equal(addresses["seen_until"], since)))
    is_kept = pc.or_(is_kept, pc.is_in(pa.arange(0, interfaces.num_rows), value_set=plain(addresses["row"])))
    if is_kept.true_count < len(is_kept):
        interfaces = interfaces.filter(is_kept)
        place = pc.subtract(pc.cumulative_sum(is_kept.cast(pa.int64())), 1)
        addresses = _with(addresses, "row", place.take(plain(addresses["row"])))
    is_needed = pc.or_(
        pc.is_in(instances["instance_id"], value_set=plain(interfaces["instance_id"])),
        pc.greater_equal(instances["seen_until"], since),
    )
    return replace(known, interfaces=interfaces, addresses=addresses, instances=instances.filter(is_needed))


def _joined(parts: Sequence[_Known]) -> InventoryTables:
    """One inventory of all parts, its addresses sorted."""
    offset = 0
    addresses = [ADDRESS_SCHEMA.empty_table()]
    for known in parts:
        addresses.append(_with(known.addresses, "row", pc.add(plain(known.addresses["row"]), offset)))
        offset += known.interfaces.num_rows
    owners = pa.concat_tables(addresses).combine_chunks()
    begun = [known.part.begun_at for known in parts if known.part.begun_at is not None]
    networks: Iterable[tuple[Any, ...]] = zip(*(_told(known.networks) for known in parts), strict=True)
    return InventoryTables(
        pa.concat_tables([INTERFACE_SCHEMA.empty_table(), *(known.interfaces for known in parts)]).combine_chunks(),
        owners.take(pc.sort_indices(owners["address"])),
        pa.concat_tables([INSTANCE_SCHEMA.empty_table(), *(known.instances for known in parts)]).combine_chunks(),
        Networks(*([one for each in told for one in each] for told in networks)),
        min(begun, default=None),
        tuple(known.part for known in parts),
    )


def _with(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), column)


def _time(moment: float | None) -> float:
    return -float("inf") if moment is None else moment
