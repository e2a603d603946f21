"""What a batch has to ask: unique keys with the span of their flows, and what its own records already prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import Addresses, is_plainly_public
from enricher.attribution import Key, PeerSides
from enricher.columns import int32_array, plain, spans
from enricher.endpoints import Batch
from enricher.inventory import FOREVER
from enricher.recorders import Recorders
from enricher.schema import SIDES
from enricher.sources import Source, is_private_to
from enricher.traffic import DST, HOP, SRC, told_by_direction

_PER_VPC: Final = 9  # traffic-path is 1 to 8, or none
_MOST_REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Keys:
    """Unique keys; ``codes`` tells the key of each row's src, then of each row's dst.

    It is int32, null where the side is the recorder's own or has no address.
    ``is_own[side]``: the recorder is this side's endpoint; ``is_public[side]``: see ``Dimension``.
    """

    keys: list[Key]
    codes: Any
    is_own: dict[str, Any]
    is_public: dict[str, Any]


class OwnAddresses:
    """Which addresses belong to the batch's recorders, as far as the sources know."""

    def __init__(self, batch: Batch, recorders: Recorders, sources: Sequence[Source]) -> None:
        self._addresses = batch.addresses
        self._picks = recorders.picks
        self._unpicked = [recorder for recorder, pick in enumerate(recorders.picks) if pick is None]
        self._instances = batch.recorders["instance_id"].to_pylist()
        self._vpc_ids = recorders.vpc_ids
        self._sources = sources
        self._last = pc.max(batch.ends).as_py() or 0

    def pairs(self) -> Any:
        """``recorder · len(addresses) + address`` (int64) of each recorder's primary IPv4 and IPv6 addresses."""
        codes = {text: code for code, text in enumerate(self._addresses.texts)}
        room = len(self._addresses)
        pairs: list[int] = []
        for number, source in enumerate(self._sources):
            mine = [(n, pick[1]) for n, pick in enumerate(self._picks) if pick is not None and pick[0] == number]
            mine += [(n, row) for n in self._unpicked for row in source.inventory.instance_rows(self._instances[n])]
            places, texts = source.inventory.own_addresses_of([row for _, row in mine])
            told = zip(places, texts, strict=True)
            pairs += [mine[place][0] * room + codes[text] for place, text in told if text in codes]
        return pa.array(pairs, pa.int64())

    def owns(self, recorder: int, address: int) -> bool | None:
        """Whether one of the recorder's interfaces owns the address; None where no source knows the interface.

        None too where it owned it, and another interface came after it before the batch's end: who once had an address
        may pass on the traffic of its heir.
        """
        for _, inventory, row in self._of(recorder):
            owners = inventory.owners(self._addresses[address])
            name = inventory.interface_ids[row]
            mine = [owner for owner in owners if inventory.interface_ids[owner.row] == name]
            if mine:
                until = FOREVER if any(owner.is_open for owner in mine) else max(owner.last_sight for owner in mine)
                heirs = (o for o in owners if o.vpc_id == mine[0].vpc_id and inventory.interface_ids[o.row] != name)
                return None if self._last > until and any(heir.last_sight > until for heir in heirs) else True
        # What an instance's other interfaces do not own, an interface that no source knows yet may.
        return False if self._picks[recorder] is not None else self._may_own(recorder, address)

    def _may_own(self, recorder: int, address: int) -> bool | None:
        """Of an interface that no source knows: False where its VPC's CIDRs do not hold the address, else None."""
        vpc_id = self._vpc_ids[recorder]
        if vpc_id is None:
            return None
        held = {source.inventory.networks.covers(vpc_id, self._addresses[address]) for source in self._sources}
        return False if False in held and True not in held else None

    def _of(self, recorder: int) -> Any:
        pick = self._picks[recorder]
        if pick is not None:
            yield recorder, self._sources[pick[0]].inventory, pick[1]
            return
        for source in self._sources:
            for row in source.inventory.instance_rows(self._instances[recorder]):
                yield recorder, source.inventory, row


def keys_of(flows: pa.Table, batch: Batch, recorders: Recorders, reporter: Any, sources: Sequence[Source]) -> Keys:
    """The keys of both sides in one pass: private addresses by VPC, public ones alone."""
    named = recorders.named.take(batch.recorder)
    is_own = {
        side: pc.and_(pc.and_(pc.fill_null(pc.equal(reporter, code), False), named), pc.is_valid(batch.packet[side]))
        for side, code in zip(SIDES, (SRC, DST), strict=True)
    }
    vpcs, places = _places(flows, batch, recorders)
    private = _private(batch.addresses, sources)
    scoped = pa.array(
        [is_ours or ":" in text for is_ours, text in zip(private, batch.addresses.texts, strict=True)], pa.bool_()
    )
    claimed = _claimed(flows, batch, recorders, reporter)
    unclaimed = len(vpcs) * _PER_VPC
    room = 2 * unclaimed
    combined = []
    for side in SIDES:
        address = pc.if_else(is_own[side], None, batch.packet[side])
        place = pc.if_else(scoped.take(address), places[side], 0)
        if claimed is not None:
            place = pc.add(place, pc.if_else(claimed[side], unclaimed, 0))
        combined.append(pc.add(pc.multiply(address.cast(pa.int64()), room), place))
    asked = pa.concat_arrays(combined).dictionary_encode()
    starts, ends = (pa.concat_arrays([times] * len(SIDES)) for times in (batch.starts, batch.ends))
    firsts, lasts = spans(asked.indices, len(asked.dictionary), starts, ends)
    numbers = pc.divide(asked.dictionary, room)
    here = pc.subtract(asked.dictionary, pc.multiply(numbers, room))
    is_claimed = pc.greater_equal(here, unclaimed)
    here = pc.if_else(is_claimed, pc.subtract(here, unclaimed), here)
    vpc_numbers = pc.divide(here, _PER_VPC)
    paths = pc.subtract(here, pc.multiply(vpc_numbers, _PER_VPC))
    seen_from = [vpcs[number] for number in vpc_numbers.to_pylist()]
    told = zip(seen_from, numbers.to_pylist(), paths.to_pylist(), firsts, lasts, is_claimed.to_pylist(), strict=True)
    # Key(*each), without a call in Python for each.
    keys = list(map(tuple.__new__, repeat(Key), told))
    public = pc.invert(pa.array(private, pa.bool_()))
    return Keys(keys, asked.indices, is_own, {side: public.take(batch.packet[side]) for side in SIDES})


def _claimed(flows: pa.Table, batch: Batch, recorders: Recorders, reporter: Any) -> dict[str, Any] | None:
    """For each side the rows whose recorder shows a new address as its own; None where there are none.

    An end of its flows, no gateway, that is not known to have the address: it may have got it since it was last seen.
    Without flow-direction either side may be its own.
    """
    is_end = pc.and_(recorders.kinds.is_endpoint, pc.invert(recorders.kinds.is_hop)).take(batch.recorder)
    is_new = pc.and_(is_end, pc.fill_null(pc.equal(reporter, HOP), True))
    has_address = pc.or_(*(pc.is_valid(batch.packet[name]) for name in SIDES))
    if not pc.any(pc.and_(is_new, has_address)).as_py():
        return None
    side = told_by_direction(plain(flows["flow_direction"]))
    return {
        name: pc.and_(is_new, pc.fill_null(pc.equal(side, code), True))
        for name, code in zip(SIDES, (SRC, DST), strict=True)
    }


def _private(addresses: Addresses, sources: Sequence[Source]) -> list[bool]:
    """Which addresses are of private space or of any known VPC's CIDR; a snapshot's own word is remembered with it."""
    known = sources[0].inventory.private if len(sources) == 1 else {}
    if len(known) > _MOST_REMEMBERED:
        known.clear()
    is_plain = not any(source.inventory.networks.holds_public_ranges for source in sources)
    for number, text in enumerate(addresses.texts):
        if text not in known:
            is_public = is_plain and is_plainly_public(text)
            known[text] = text.startswith("10.") or (not is_public and is_private_to(addresses[number], sources))
    return [known[text] for text in addresses.texts]


def peer_sides(batch: Batch, recorders: Recorders, reporter: Any) -> PeerSides:
    """Own sides of the batch's non-hop records, from srcaddr and dstaddr only: proof for their own span."""
    sides: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
    proven = pc.and_(pc.less_equal(reporter, DST), recorders.named.take(batch.recorder))
    pairs = batch.pairs(
        pc.if_else(proven, pc.if_else(pc.equal(reporter, SRC), batch.hop["src"], batch.hop["dst"]), None)
    )
    shown = pairs.dictionary_encode()
    firsts, lasts = spans(shown.indices, len(shown.dictionary), batch.starts, batch.ends)
    for pair, first, last in zip(shown.dictionary.to_pylist(), firsts, lasts, strict=True):
        recorder, address = divmod(pair, len(batch.addresses))
        vpc_id = recorders.vpc_ids[recorder]
        if vpc_id is None:
            continue
        # An instance that the inventory tells, not the record, holds only for the time that is proven.
        for since, until, row, is_proven in recorders.spells[recorder]:
            proven_from, proven_to = max(first, since), min(last, until)
            if is_proven and proven_from <= proven_to:
                sides.setdefault((vpc_id, address), []).append((row, proven_from, proven_to))
    return sides


def _places(flows: pa.Table, batch: Batch, recorders: Recorders) -> tuple[list[str | None], dict[str, Any]]:
    """Where each side is looked up from: ``number of the VPC · _PER_VPC + traffic-path``, the path for dst only.

    The VPC is the recorder's, or what a transit gateway record names for the side; number 0 is none.
    """
    vpcs: dict[str | None, int] = {None: 0}
    default = int32_array(vpcs.setdefault(vpc_id, len(vpcs)) for vpc_id in recorders.vpc_ids).take(batch.recorder)
    here = pc.multiply(default, _PER_VPC)
    places = dict.fromkeys(SIDES, here)
    for side in SIDES:
        told = plain(flows[f"tgw_{side}_vpc_id"])
        if told.null_count < len(told):
            numbers = int32_array(vpcs.setdefault(vpc_id, len(vpcs)) for vpc_id in told.dictionary.to_pylist())
            places[side] = pc.coalesce(pc.multiply(numbers.take(told.indices), _PER_VPC), here)
    places["dst"] = pc.add(places["dst"], _path(flows))
    return list(vpcs), places


def _path(flows: pa.Table) -> Any:
    """``traffic-path``, 0 where it is none of those known."""
    path = plain(flows["traffic_path"])
    least, most = pc.min_max(path).as_py().values()
    if least is not None and not 0 <= least <= most < _PER_VPC:
        path = pc.if_else(pc.and_(pc.greater_equal(path, 1), pc.less(path, _PER_VPC)), path, 0)
    return pc.fill_null(path, 0)
