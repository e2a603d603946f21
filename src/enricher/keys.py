"""What a batch has to ask: unique keys with the span of their flows, and what its own records already prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import IPV6
from enricher.attribution import Key, PeerSides, Source, is_private_to
from enricher.columns import Combined, plain, spans
from enricher.endpoints import Batch
from enricher.recorders import Recorders
from enricher.schema import SIDES
from enricher.traffic import DST, SRC

_PATHS = 8  # traffic-path is 1 to 8


@dataclass(frozen=True, slots=True)
class Keys:
    """Unique keys; ``codes[side]`` tells each row's key (int32, null where its own side is known or no address is).

    ``is_own[side]``: the recorder is this side's endpoint; ``is_public[side]``: see ``Dimension``.
    """

    keys: list[Key]
    codes: dict[str, Any]
    is_own: dict[str, Any]
    is_public: dict[str, Any]


class OwnAddresses:
    """Which addresses belong to the batch's recorders, as far as the sources know."""

    def __init__(self, batch: Batch, recorders: Recorders, sources: Sequence[Source]) -> None:
        self._addresses = batch.addresses
        self._picks = recorders.picks
        self._instances = batch.recorders["instance_id"].to_pylist()
        self._vpc_ids = recorders.vpc_ids
        self._sources = sources

    def pairs(self) -> Any:
        """``recorder · len(addresses) + address`` (int64) of each recorder's primary IPv4 and IPv6 addresses."""
        codes = {address.text: code for code, address in enumerate(self._addresses)}
        pairs = [
            recorder * len(self._addresses) + codes[address]
            for recorder, inventory, row in self._interfaces()
            for address in inventory.own_addresses[row] or ()
            if address in codes
        ]
        return pa.array(pairs, pa.int64())

    def owns(self, recorder: int, address: int) -> bool | None:
        """Whether one of the recorder's interfaces owns the address; None where no source knows the interface."""
        known = [(inventory, row) for number, inventory, row in self._of(recorder)]
        if any(owner.row == row for inventory, row in known for owner in inventory.owners(self._addresses[address])):
            return True
        # What an instance's other interfaces do not own, an interface that no source knows yet may.
        return False if self._picks[recorder] is not None else self._may_own(recorder, address)

    def _may_own(self, recorder: int, address: int) -> bool | None:
        """Of an interface that no source knows: False where its VPC's CIDRs do not hold the address, else None."""
        vpc_id = self._vpc_ids[recorder]
        if vpc_id is None:
            return None
        held = {source.inventory.networks.covers(vpc_id, self._addresses[address]) for source in self._sources}
        return False if False in held and True not in held else None

    def _interfaces(self) -> Any:
        for recorder in range(len(self._picks)):
            yield from self._of(recorder)

    def _of(self, recorder: int) -> Any:
        pick = self._picks[recorder]
        if pick is not None:
            yield recorder, self._sources[pick[0]].inventory, pick[1]
            return
        for source in self._sources:
            for row in source.inventory.instance_rows.get(self._instances[recorder] or "", ()):
                yield recorder, source.inventory, row


def keys_of(flows: pa.Table, batch: Batch, recorders: Recorders, reporter: Any, sources: Sequence[Source]) -> Keys:
    """The keys of both sides in one pass: private addresses by VPC, public ones alone."""
    named = recorders.named.take(batch.recorder)
    is_own = {
        side: pc.and_(pc.and_(pc.fill_null(pc.equal(reporter, code), False), named), pc.is_valid(batch.packet[side]))
        for side, code in zip(SIDES, (SRC, DST), strict=True)
    }
    vpcs, vpc_codes = _vpc_codes(flows, batch, recorders)
    private = [is_private_to(address, sources) for address in batch.addresses]
    scoped = pa.array(
        [is_ours or address.version == IPV6 for is_ours, address in zip(private, batch.addresses, strict=True)],
        pa.bool_(),
    )
    columns: list[list[Any]] = [[], [], [], [], []]
    for side in SIDES:
        address = pc.if_else(is_own[side], None, batch.packet[side])
        in_vpc = scoped.take(address)
        path = _path(flows) if side == "dst" else pa.nulls(batch.rows, pa.int32())
        for column, values in zip(
            columns,
            (
                address,
                pc.if_else(in_vpc, vpc_codes[side], None),
                pc.if_else(in_vpc, path, None),
                batch.starts,
                batch.ends,
            ),
            strict=True,
        ):
            column.append(values)
    address, vpc, path, start, end = (pa.concat_arrays([plain(part) for part in column]) for column in columns)
    asked = pc.is_valid(address)
    combined = Combined(
        [
            (address.filter(asked), len(batch.addresses)),
            (vpc.filter(asked), len(vpcs)),
            (path.filter(asked), _PATHS + 1),
        ]
    )
    firsts, lasts = spans(combined.codes, combined.size, start.filter(asked), end.filter(asked))
    keys = [
        Key(None if v is None else vpcs[v], a, p or 0, first, last)
        for a, v, p, first, last in zip(
            address.filter(asked).take(combined.firsts).to_pylist(),
            vpc.filter(asked).take(combined.firsts).to_pylist(),
            path.filter(asked).take(combined.firsts).to_pylist(),
            firsts,
            lasts,
            strict=True,
        )
    ]
    codes = pc.replace_with_mask(pa.nulls(len(asked), pa.int32()), asked, combined.codes)
    public = pc.invert(pa.array(private, pa.bool_()))
    return Keys(
        keys,
        {"src": codes[: batch.rows], "dst": codes[batch.rows :]},
        is_own,
        {side: public.take(batch.packet[side]) for side in SIDES},
    )


def peer_sides(batch: Batch, recorders: Recorders, reporter: Any) -> PeerSides:
    """Own sides of the batch's non-hop records, from srcaddr and dstaddr only: proof for their own span."""
    sides: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
    own_hop = pc.if_else(pc.equal(reporter, SRC), batch.hop["src"], batch.hop["dst"])
    proven = pc.fill_null(pc.less_equal(reporter, DST), False)
    proven = pc.and_(pc.and_(proven, recorders.named.take(batch.recorder)), pc.is_valid(own_hop))
    recorder, address = batch.recorder.filter(proven), own_hop.filter(proven)
    if not len(recorder):
        return sides
    pairs = Combined([(recorder, batch.recorders.num_rows), (address, len(batch.addresses))])
    firsts, lasts = spans(pairs.codes, pairs.size, batch.starts.filter(proven), batch.ends.filter(proven))
    attached_at = recorders.attached_at.to_pylist()
    for number, code, first, last in zip(
        recorder.take(pairs.firsts).to_pylist(), address.take(pairs.firsts).to_pylist(), firsts, lasts, strict=True
    ):
        vpc_id, since = recorders.vpc_ids[number], attached_at[number]
        # An instance that the inventory tells, not the record, holds only since its attachment.
        first = first if since is None else max(first, since)  # noqa: PLW2901 - the span that is proven
        if vpc_id is not None and first <= last:
            sides.setdefault((vpc_id, code), []).append((number, first, last))
    return sides


def _vpc_codes(flows: pa.Table, batch: Batch, recorders: Recorders) -> tuple[list[str], dict[str, Any]]:
    """The VPC each side is looked up from: the recorder's, or what a transit gateway record names for the side."""
    of_recorders = pa.array(recorders.vpc_ids, pa.string()).dictionary_encode()
    vpcs = of_recorders.dictionary.to_pylist()
    default = of_recorders.indices.take(batch.recorder)
    codes = {}
    for side in SIDES:
        told = plain(flows[f"tgw_{side}_vpc_id"])
        if told.null_count == len(told):
            codes[side] = default
            continue
        known = {vpc_id: code for code, vpc_id in enumerate(vpcs)}
        mapped = [known.setdefault(vpc_id, len(known)) for vpc_id in told.dictionary.to_pylist()]
        vpcs = list(known)
        codes[side] = pc.coalesce(pa.array(mapped, pa.int32()).take(told.indices), default)
    return vpcs, codes


def _path(flows: pa.Table) -> Any:
    path = plain(flows["traffic_path"])
    known = pc.and_(pc.greater_equal(path, 1), pc.less_equal(path, _PATHS))
    return pc.if_else(known, path, None)
