"""Records become flow log lines, delivered late and out of order, in batches; the truth of each row stays here.

VPCs whose flow logs have the default format (version 2) tell no packet addresses and not whose side the recorder is:
there the truth of its own side is the recorder itself. All others have the fields of version 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accuracy.names import Truth
from accuracy.parameters import EPOCH, Parameters
from accuracy.topology import REGION, VPCS, text_of
from accuracy.world import Columns, World

FORMATS: Final = {"v5": "v5", "v2": "default"}
_SIDES: Final = ("src", "dst")


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one log format that arrive together (``arrived_at``, ``delivered``: seconds since the epoch)."""

    format: str
    text: bytes
    delivered: int
    arrived_at: Any
    truth: Columns


class Delivery:
    """The batches of a world's records, in the order of their delivery."""

    def __init__(self, world: World, truth: Truth, records: Columns, parameters: Parameters) -> None:
        random = np.random.default_rng([parameters.seed, 5])
        low, high = parameters.delay_s
        size = len(records)
        delay = np.clip(low * np.exp(random.gamma(2.0, 0.6, size)), low, high).astype(np.int64)
        arrived = records.window_end + delay
        order = np.argsort(arrived, kind="stable")
        self._records = Columns(
            {**records.at(order).of, "arrived": arrived[order], "lot": random.integers(0, 2**31, size)}
        )
        self._every = parameters.batch_every_s
        self._is_v2 = np.array([site.is_v2 for site in VPCS])[world.vpc_of(world.stays.interface)]
        names = ("account_id", "interface_id", "vpc_id", "subnet_id", "instance_id", "az_id")
        self._recorder = {name: pa.array(["-" if v is None else v for v in truth.columns[name]]) for name in names}
        columns = ("srcaddr", "dstaddr", "pkt_src", "pkt_dst")
        numbers = np.unique(np.concatenate([records.of[name] for name in columns]))
        self._numbers = numbers
        self._texts = pa.array([text_of(number) for number in numbers.tolist()])

    def __len__(self) -> int:
        return len(self._records)

    def batches(self) -> Iterator[Batch]:
        """Every ``batch_every_s`` seconds what arrived meanwhile, of each format."""
        due = -(-self._records.arrived // self._every) * self._every
        for moment in np.unique(due).tolist():
            first, last = np.searchsorted(due, [moment, moment + 1])
            rows = self._records.at(slice(first, last))
            is_v2 = self._is_v2[rows.recorder]
            for name in FORMATS:
                mine = rows.at(is_v2 == (name == "v2"))
                if len(mine):
                    yield self._batch(name, mine, moment)

    def _batch(self, name: str, rows: Columns, moment: int) -> Batch:
        truth = {side: rows.of[f"{side}_truth"] for side in _SIDES} | {
            f"{s}_place": rows.of[f"{s}_place"] for s in _SIDES
        }
        addresses = {"src": rows.pkt_src, "dst": rows.pkt_dst}
        if name == "v2":
            for side, shown, is_own in (("src", rows.srcaddr, rows.egress), ("dst", rows.dstaddr, ~rows.egress)):
                truth[side] = np.where(is_own, rows.recorder, truth[side])
                addresses[side] = shown
        told = {**truth, "recorder": rows.recorder, "src_address": addresses["src"], "dst_address": addresses["dst"]}
        told |= {"start": rows.start, "end": rows.end, "is_made": rows.is_made.astype(bool)}
        lines = pc.binary_join_element_wise(*self._fields(name, rows), " ")
        text = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), "\n")
        arrived = pa.array(rows.arrived + EPOCH, pa.int64())
        return Batch(name, text[0].as_py().encode(), moment, arrived, Columns(told))

    def _fields(self, name: str, rows: Columns) -> list[Any]:
        recorder = pa.array(rows.recorder)
        size = len(rows)

        def words(word: str) -> Any:
            return pa.repeat(pa.scalar(word), size)

        def number(values: Any) -> Any:
            return pa.array(values).cast(pa.string())

        def address(values: Any) -> Any:
            return self._texts.take(pa.array(np.searchsorted(self._numbers, values)))

        known = {key: column.take(recorder) for key, column in self._recorder.items()}
        packets = 1 + rows.lot % 90
        fields = [
            words(name[1:]), known["account_id"], known["interface_id"], address(rows.srcaddr), address(rows.dstaddr),
            number(1024 + rows.lot % 60_000), number(np.where(rows.lot % 3, 443, 5432)), words("6"), number(packets),
            number(packets * 700), number(rows.start + EPOCH), number(rows.end + EPOCH), words("ACCEPT"), words("OK"),
        ]  # fmt: skip
        if name == "v2":
            return fields
        path = pc.if_else(pa.array(rows.path > 0), number(rows.path), "-")
        return [
            *fields, known["vpc_id"], known["subnet_id"], known["instance_id"], words("0"), words("IPv4"),
            address(rows.pkt_src), address(rows.pkt_dst), words(REGION), known["az_id"], words("-"), words("-"),
            words("-"), pc.if_else(pa.array(rows.service), "S3", "-"),
            pc.if_else(pa.array(rows.egress.astype(bool)), "egress", "ingress"), path,
        ]  # fmt: skip
