"""Column rules over resolved flows: whose side the recorder is, the traffic class, the path's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.endpoints import Batch

SRC: Final = 0
DST: Final = 1
HOP: Final = 2
REPORTERS: Final = pa.array(["src", "dst", "hop"])

# Recorders through which traffic passes: what they record belongs to neither side.
HOP_KINDS: Final = frozenset(
    {
        "nat_gateway",
        "regional_nat_gateway",
        "transit_gateway",
        "gateway_load_balancer",
        "gateway_load_balancer_endpoint",
    }
)
# VPC user guide, "traffic-path".
PATH_NAMES: Final = {
    1: "vpc_resource",
    2: "internet_or_gateway_endpoint",
    3: "virtual_private_gateway",
    4: "intra_region_peering",
    5: "inter_region_peering",
    6: "local_gateway_or_zone",
    7: "gateway_endpoint",
    8: "internet_gateway",
}
_PATHS: Final = pa.array(list(PATH_NAMES), pa.int32())
_PATH_WORDS: Final = pa.array(list(PATH_NAMES.values()))
CLASSES: Final = pa.array(
    ["same_az", "cross_az", "cross_region", "internet", "aws_service", "private_unknown", "unknown"]
)
_CODE: Final = {name: pa.scalar(code, pa.int8()) for code, name in enumerate(CLASSES.to_pylist())}

# Whether the recorder's interface owns the address: True, False, or None where the interface is not known.
Owns = Callable[[int, int], bool | None]


@dataclass(frozen=True, slots=True)
class RecorderKinds:
    """For each recorder (bool, no nulls): traffic only passes through it; it is known to be an end of its flows."""

    is_hop: Any
    is_endpoint: Any


def reporter_codes(batch: Batch, flow_direction: Any, kinds: RecorderKinds, own_pairs: Any, owns: Owns) -> Any:
    """SRC, DST, HOP or null for each row (int8).

    ``flow_direction``: dictionary array; ``own_pairs``: int64
    ``recorder · len(addresses) + address`` of every recorder's primary IPv4 and IPv6 addresses; ``owns(recorder,
    address)``: secondary addresses and prefixes included. Never from ports, repetition or private ranges.
    """
    side = told_by_direction(flow_direction)
    has_address = pc.or_(pc.is_valid(batch.packet["src"]), pc.is_valid(batch.packet["dst"]))
    if pc.any(pc.and_(has_address, pc.is_null(side))).as_py():
        side = pc.coalesce(side, _told_by_address(batch, own_pairs))
    side = pc.if_else(has_address, side, None)
    own_packet = _of_side(side, batch.packet)
    hop = kinds.is_hop.take(batch.recorder)
    pairs = batch.pairs(own_packet)
    shown = pc.is_in(pairs, value_set=own_pairs)
    doubtful = pc.and_(pc.is_valid(own_packet), pc.invert(shown))
    if pc.any(doubtful).as_py():
        foreign, unknown = _foreign_packets(pc.if_else(doubtful, pairs, None), len(batch.addresses), owns)
        # Only an interface that is plainly no gateway shows its own address where nobody knows its addresses.
        is_own = pc.and_(kinds.is_endpoint.take(batch.recorder), pc.equal(own_packet, _of_side(side, batch.hop)))
        unproven = pc.and_(unknown, pc.invert(pc.fill_null(is_own, False)))
        side = pc.if_else(pc.and_(unproven, pc.invert(hop)), None, side)
        hop = pc.or_(hop, foreign)
    return pc.if_else(hop, pa.scalar(HOP, pa.int8()), side)


def told_by_direction(flow_direction: Any) -> Any:
    """SRC, DST or null for each row, as flow-direction has it."""
    words = {"egress": SRC, "ingress": DST}
    codes = pa.array([words.get(word) for word in flow_direction.dictionary.to_pylist()], pa.int8())
    return codes.take(flow_direction.indices)


def _told_by_address(batch: Batch, own_pairs: Any) -> Any:
    """Without a direction: the one of srcaddr and dstaddr that is the recording interface's own."""
    is_own = {side: pc.is_in(batch.pairs(codes), value_set=own_pairs) for side, codes in batch.hop.items()}
    only_src = pc.and_(is_own["src"], pc.invert(is_own["dst"]))
    only_dst = pc.and_(is_own["dst"], pc.invert(is_own["src"]))
    nothing = pa.scalar(None, pa.int8())
    return pc.if_else(only_src, pa.scalar(SRC, pa.int8()), pc.if_else(only_dst, pa.scalar(DST, pa.int8()), nothing))


def _of_side(side: Any, codes: dict[str, Any]) -> Any:
    return pc.if_else(pc.equal(side, SRC), codes["src"], codes["dst"])


def _foreign_packets(pairs: Any, addresses: int, owns: Owns) -> tuple[Any, Any]:
    """Of rows with a pair: whose address is not the recorder's; of which that cannot be told (bool, no nulls)."""
    asked = pairs.dictionary_encode()
    answers = [owns(*divmod(pair, addresses)) for pair in asked.dictionary.to_pylist()]
    owned = pa.array(answers, pa.bool_()).take(asked.indices)
    return pc.fill_null(pc.invert(owned), False), pc.and_(pc.is_valid(pairs), pc.is_null(owned))


def traffic_class(
    traffic_path: Any,
    has_addresses: Any,
    located: Mapping[str, Mapping[str, Any]],
    ours: Mapping[str, Any],
    public: Mapping[str, Any],
    service: Mapping[str, Any],
) -> Any:
    """The class of each row as a dictionary array; null where not ``has_addresses``.

    ``located``: for ``src`` and ``dst`` {``region``, ``az_id``} codes over shared dictionaries (null: not known);
    ``ours``: bool, the side is located; ``public``: True, False, or null where the class must stay ``unknown``;
    ``service``: ``is_service``.
    """
    both = pc.and_(ours["src"], ours["dst"])
    region_differs = pc.fill_null(pc.not_equal(located["src"]["region"], located["dst"]["region"]), False)
    same_az = pc.equal(located["src"]["az_id"], located["dst"]["az_id"])
    path = pc.fill_null(traffic_path, 0)
    of_both = pc.if_else(
        region_differs,
        _CODE["cross_region"],
        pc.if_else(same_az, _CODE["same_az"], _CODE["cross_az"]),
    )
    of_both = pc.fill_null(of_both, _CODE["unknown"])
    other_service = pc.if_else(ours["src"], service["dst"], service["src"])
    other_public = pc.if_else(ours["src"], public["dst"], public["src"])
    of_one = pc.if_else(
        other_service,
        _CODE["aws_service"],
        pc.fill_null(pc.if_else(other_public, _CODE["internet"], _CODE["private_unknown"]), _CODE["unknown"]),
    )
    of_one = pc.if_else(pc.or_(ours["src"], ours["dst"]), of_one, _CODE["unknown"])
    codes = pc.if_else(
        both,
        of_both,
        pc.if_else(
            pc.equal(path, 5),
            _CODE["cross_region"],
            pc.if_else(pc.equal(path, 7), _CODE["aws_service"], of_one),
        ),
    )
    return pa.DictionaryArray.from_arrays(pc.if_else(has_addresses, codes, None), CLASSES, safe=False)


def is_service(flows: pa.Table, side: str) -> Any:
    """Rows whose packet address on this side is an AWS service's other than EC2 (bool, no nulls)."""
    services = flows[f"pkt_{side}_aws_service"].chunk(0)
    words = pa.array([word != "EC2" for word in services.dictionary.to_pylist()], pa.bool_())
    return pc.fill_null(words.take(services.indices), False)


def path_name(traffic_path: Any) -> Any:
    """AWS's ``traffic_path`` 1 to 8 as names (dictionary array), else null."""
    return pa.DictionaryArray.from_arrays(pc.index_in(traffic_path, value_set=_PATHS), _PATH_WORDS, safe=False)
