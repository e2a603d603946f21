"""Who a batch asks about: its unique recorders, addresses and keys, each row known by small codes.

Also the words an answer uses: statuses, evidence, and the dimension that ``resolve`` hands to ``enrich``.
An address alone is never a key: two VPCs may hold the same one.
"""

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import Address, Addresses
from enricher.columns import Combined, int32_array, plain, shared_codes
from enricher.inventory import ALWAYS, FOREVER
from enricher.schema import SIDES

RESOLVED: Final = "resolved"
SUBNET: Final = "subnet"
AMBIGUOUS: Final = "ambiguous"
ABSENT: Final = "absent"
STALE: Final = "stale"
UNRESOLVED: Final = "unresolved"

# What a flow record says of the interface (or resource) that recorded it, and of nobody else.
RECORDER_COLUMNS: Final = (
    "interface_id",
    "instance_id",
    "vpc_id",
    "subnet_id",
    "account_id",
    "region",
    "az_id",
    "interface_type",
    "resource_id",
    "ecs_task_id",
    "tgw_id",
    "instance_tag",
    "instance_tag_2",
    "interface_tag",
    "interface_tag_2",
    "asg_tag",
    "asg_tag_2",
)
# Flow logs arrive within minutes (VPC user guide: about 5 to CloudWatch Logs, about 10 to S3); a record without
# times is taken to be of the hour before its arrival.
_UNTIMED_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's rows as codes. Sides are dicts with keys ``src`` and ``dst``; codes are int32, null where absent.

    ``recorder`` numbers the rows of ``recorders`` (RECORDER_COLUMNS, strings); ``packet`` and ``hop`` number
    ``addresses``: the endpoints, and what the interface saw. ``starts`` and ``ends`` are Unix seconds without nulls.
    """

    rows: int
    recorders: pa.Table
    recorder: Any
    addresses: Addresses
    packet: dict[str, Any]
    hop: dict[str, Any]
    starts: Any
    ends: Any

    def pairs(self, addresses: Any) -> Any:
        """``recorder · len(self.addresses) + address`` (int64) for each row's code in ``addresses``; nulls stay."""
        return pc.add(pc.multiply(self.recorder.cast(pa.int64()), len(self.addresses)), addresses)


@dataclass(frozen=True, slots=True)
class Dimension:
    """All answers for one batch of flows, and where each row finds its own.

    ``endpoints``: status, location, resource, promoted tags, tags, evidence; its last row is all null.
    ``side_rows``: for ``src`` and ``dst`` the row of ``endpoints`` for each flow (int32, no nulls).
    ``is_public``: for each side whether the packet address is nobody's private space (null without address).
    ``reporter``: dictionary array src, dst, hop; ``reporter_rows``: the recorder's row of ``endpoints``.
    ``inventory_observed_at``: when the inventory used was true (Unix seconds), None where undated or none.
    """

    endpoints: pa.Table
    side_rows: dict[str, Any]
    is_public: dict[str, Any]
    reporter: Any
    reporter_rows: Any
    inventory_observed_at: float | None


def batch_of(flows: pa.Table, arrived_at: Any = None) -> Batch:
    """The codes of a table of flow records; ``arrived_at`` (Unix seconds per row, or None) bounds untimed records."""
    recorder_columns = {name: plain(flows[name]) for name in RECORDER_COLUMNS}
    told = {name: array for name, array in recorder_columns.items() if array.null_count < len(array)}
    varying = [array for array in told.values() if array.null_count or len(array.dictionary) > 1]
    if varying:
        combined = Combined([(array.indices, len(array.dictionary)) for array in varying])
        recorder, rows = combined.codes, combined.rows
    else:
        recorder = pa.array([0] * flows.num_rows, pa.int32())
        rows = pa.array([0] if flows.num_rows else [], pa.int32())
    nulls = pa.nulls(len(rows), pa.string())
    recorders = pa.table(
        {name: told[name].take(rows).cast(pa.string()) if name in told else nulls for name in RECORDER_COLUMNS}
    )
    names = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
    texts, codes = shared_codes([plain(flows[name]) for name in names])
    addresses, canonical = _addresses(texts.to_pylist())
    if canonical is not None:
        codes = [canonical.take(code) for code in codes]
    hop = dict(zip(SIDES, codes[:2], strict=True))
    packet = {side: pc.coalesce(code, hop[side]) for side, code in zip(SIDES, codes[2:], strict=True)}
    starts, ends = _times(flows, arrived_at)
    return Batch(flows.num_rows, recorders, recorder, addresses, packet, hop, starts, ends)


def _addresses(texts: list[str]) -> tuple[Addresses, Any]:
    """The unique addresses and, where two texts mean one address, the code of each text.

    IPv4 has been read in its only spelling, IPv6 has many.
    """
    if not any(":" in text for text in texts):
        return Addresses(texts), None
    canonical = [Address.parse(text).text if ":" in text else text for text in texts]
    codes = {text: code for code, text in enumerate(dict.fromkeys(canonical))}
    if len(codes) == len(canonical):
        return Addresses(canonical), None
    return Addresses(list(codes)), int32_array(codes[text] for text in canonical)


def _times(flows: pa.Table, arrived_at: Any) -> tuple[Any, Any]:
    starts, ends = plain(flows["start"]), plain(flows["end"])
    if not starts.null_count and not ends.null_count:
        return starts, ends
    if arrived_at is not None:
        starts = pc.coalesce(starts, pc.subtract(arrived_at, _UNTIMED_SECONDS))
        ends = pc.coalesce(ends, arrived_at)
    return pc.fill_null(starts, ALWAYS), pc.fill_null(ends, FOREVER)
