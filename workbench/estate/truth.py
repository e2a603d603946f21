"""What really happened, as tables: one row a true flow-window, and what each line is a record of."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from workbench.estate.arrays import Bools, Ints
from workbench.estate.connections import REJECTED_AT_EGRESS, REJECTED_BY_SERVER
from workbench.estate.flows import Flows
from workbench.estate.kinds import KIND_NAMES
from workbench.estate.model import Interface
from workbench.estate.population import Population
from workbench.estate.records import HOP, SIDES, Records, destination_records, source_records

# What the truth tells of each side, null where the side lies outside the estate.
SIDE_COLUMNS: Final[dict[str, Callable[[Interface], str | None]]] = {
    "interface_id": lambda interface: interface.interface_id,
    "vpc_id": lambda interface: interface.vpc_id,
    "subnet_id": lambda interface: interface.subnet_id,
    "az_id": lambda interface: interface.az_id,
    "instance_id": lambda interface: interface.instance_id,
    "resource_type": lambda interface: interface.resource_type,
    "resource_id": lambda interface: interface.resource_id,
    "name": lambda interface: interface.name,
    "project": lambda interface: interface.project,
    "team": lambda interface: interface.team,
    "environment": lambda interface: interface.environment,
}
CLASSES: Final = ("same_az", "cross_az", "internet", "aws_service", "private_unknown")
_SAME_AZ, _CROSS_AZ, _INTERNET, _AWS_SERVICE, _PRIVATE_UNKNOWN = range(len(CLASSES))


def truth_table(people: Population, flows: Flows, records: Records) -> Any:
    """One row a true flow-window, ``truth_id`` its number.

    ``src_addr`` and ``dst_addr`` are the packet's, as the record that counts shows them: the source's where the source
    records, else the destination's. ``action`` likewise: ACCEPT as sent, though the peer may reject. ``src_listed`` and
    ``dst_listed`` tell whether the inventory documents know that side's interface, null where it lies outside the
    estate. ``traffic_class`` is that of DESIGN.md, columns. ``observable`` means that at least one side records;
    ``hop_records`` counts the lines of gateways in between.
    """
    source, destination = source_records(people, flows), destination_records(people, flows)
    as_sent = source | ~destination
    src_addr = np.where(as_sent, flows.src_own, flows.src_seen)
    dst_addr = np.where(as_sent, flows.dst_seen, flows.dst_own)
    rejected = np.where(as_sent, flows.verdict == REJECTED_AT_EGRESS, flows.verdict == REJECTED_BY_SERVER)
    columns: dict[str, Any] = {
        "truth_id": np.arange(len(flows.src), dtype=np.int64),
        "connection_id": flows.connection,
        "kind": _named(KIND_NAMES, flows.kind),
        "answer": flows.answer,
    }
    for side, members in (("src", flows.src), ("dst", flows.dst)):
        for name, value in SIDE_COLUMNS.items():
            columns[f"{side}_{name}"] = _of_interfaces(people, value, members)
        columns[f"{side}_listed"] = pa.array(people.listed).take(pa.array(members, mask=members < 0))
    addresses = pa.array(people.addresses.text)
    columns |= {
        "src_addr": addresses.take(pa.array(src_addr)),
        "dst_addr": addresses.take(pa.array(dst_addr)),
        "srcport": flows.srcport,
        "dstport": flows.dstport,
        "protocol": flows.protocol,
        "bytes": flows.bytes,
        "packets": flows.packets,
        "start": flows.start,
        "end": flows.end,
        "action": _named(("ACCEPT", "REJECT"), rejected.astype(np.int64)),
        "traffic_class": _named(CLASSES, _traffic_class(people, flows)),
        "source_recorded": source,
        "dest_recorded": destination,
        "observable": source | destination,
        "hop_records": np.bincount(records.flow[records.side == HOP], minlength=len(flows.src)),
    }
    return pa.table(columns)


def line_table(records: Records, record: Ints) -> Any:
    """One row a line: ``truth_id`` and ``side`` (src, dst, hop), null for NODATA and SKIPDATA; ``hop`` as a flag."""
    without = record < 0
    side = np.where(without, 0, records.side[record])
    return pa.table(
        {
            "truth_id": pa.array(np.where(without, 0, records.flow[record]), mask=without),
            "hop": ~without & (side == HOP),
            "side": pa.array(SIDES).take(pa.array(side, mask=without)),
        }
    )


def _traffic_class(people: Population, flows: Flows) -> Ints:
    """Both ours: by zone; else by what the address outside is."""
    outside = np.where(flows.src >= 0, flows.dst_seen, flows.src_seen)
    both = (flows.src >= 0) & (flows.dst >= 0)
    served = np.array([service not in ("", "EC2") for service in people.addresses.service])
    elsewhere = np.where(
        served[outside], _AWS_SERVICE, np.where(people.addresses.is_private[outside], _PRIVATE_UNKNOWN, _INTERNET)
    )
    same: Bools = people.zone[flows.src] == people.zone[flows.dst]
    return np.where(both, np.where(same, _SAME_AZ, _CROSS_AZ), elsewhere)


def _of_interfaces(people: Population, value: Callable[[Interface], str | None], members: Ints) -> Any:
    values = pa.array([value(interface) for interface in people.interfaces], pa.string())
    return values.take(pa.array(members, mask=members < 0))


def _named(names: tuple[str, ...], codes: Ints) -> Any:
    return pa.array(names).take(pa.array(codes))
