"""Records as AWS writes them: one text line each, fields in the order of the log format, "-" where there is nothing.

Fields: VPC guide, "Flow log records" (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html).
Whole columns are made at once and joined; only fields that the format asks for are made.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from enricher.errors import LogFormatError
from enricher.schema import COLUMN_OF_FIELD, VPC_COLUMNS
from workbench.estate.arrays import NOBODY, Bools, Ints
from workbench.estate.delivery import STATUSES, Written
from workbench.estate.documents import interface_type
from workbench.estate.flows import Flows
from workbench.estate.model import Interface
from workbench.estate.population import Population
from workbench.estate.records import NO_PATH, Records

# Which tags the flow log carries (CreateFlowLogs, TagFieldSpecifications): two keys a resource type.
TAG_FIELDS: Final = {
    "instance-tag": "project",
    "instance-tag-2": "team",
    "interface-tag": "Name",
    "interface-tag-2": "environment",
    "asg-tag": "Name",
    "asg-tag-2": "environment",
}
_VPC_FIELDS: Final = frozenset(column.field for column in VPC_COLUMNS)


def check_fields(fields: Sequence[str]) -> None:
    """Refuse formats that no VPC flow log can have.

    Raises:
        LogFormatError: a field is unknown, of transit gateway flow logs only, or named twice; or there is none.
    """
    if not fields:
        raise LogFormatError("log format: no fields; name at least one, such as srcaddr")
    for field in fields:
        if field not in _VPC_FIELDS:
            raise LogFormatError(f"log format: {field!r} is no field of VPC flow logs; see docs/columns.md")
    if len(set(fields)) < len(fields):
        twice = next(field for field in fields if list(fields).count(field) > 1)
        raise LogFormatError(f"log format: field {twice!r} stands there twice; name it once")


def write_lines(
    people: Population, flows: Flows, records: Records, written: Written, fields: Sequence[str]
) -> list[str]:
    """The lines, in the order of ``written``."""
    check_fields(fields)
    press = _Press(people, flows, records, written)
    version = max(COLUMN_OF_FIELD[field].since for field in fields)
    columns = [press.column(field, version).fill_null("-") for field in fields]
    lines: list[str] = pc.binary_join_element_wise(*columns, " ").to_pylist()
    return lines


class _Press:
    """Makes the column of any field for one set of lines."""

    def __init__(self, people: Population, flows: Flows, records: Records, written: Written) -> None:
        self._people = people
        self._flows = flows
        self._records = records
        self._written = written
        self._without_data: Bools = written.record < 0

    def column(self, field: str, version: int) -> Any:
        """The field's text by line; null where AWS writes "-"."""
        makers: dict[str, Callable[[], Any]] = {
            "version": lambda: self._constant(str(version)),
            "account-id": lambda: self._constant(self._people.distributions.account_id),
            "region": lambda: self._constant(self._people.distributions.region),
            "start": lambda: _text(self._written.start),
            "end": lambda: _text(self._written.end),
            "log-status": lambda: pa.array(STATUSES).take(pa.array(self._written.status)),
            "type": lambda: self._choice(self._ipv6(), "IPv6", "IPv4"),
            "action": lambda: self._choice(self._records.rejected, "REJECT", "ACCEPT"),
            "flow-direction": lambda: self._choice(self._records.egress, "egress", "ingress"),
        }
        own = self._written.recorder
        makers |= {name: partial(self._by_interface, value, own) for name, value in _OF_RECORDER.items()}
        makers |= {name: partial(self._of_next_hop, value) for name, value in _OF_NEXT_HOP.items()}
        makers |= {name: partial(self._numbers, value) for name, value in _OF_PACKET.items()}
        makers |= {name: partial(self._address, column) for name, column in _ADDRESSES.items()}
        makers |= {name: partial(self._service, column) for name, column in _SERVICES.items()}
        # Sublocations, reject-reason, resource-id, encryption-status and most of ECS: nothing here has any.
        return makers[field]() if field in makers else pa.nulls(len(self._written.record), pa.string())

    def _constant(self, text: str) -> Any:
        return pa.repeat(text, len(self._written.record))

    def _lined(self, values: Any, without_data: int) -> Ints:
        """A column of the records by line."""
        return np.where(self._without_data, without_data, values[self._written.record])

    def _of_next_hop(self, value: Callable[[Interface], str | None]) -> Any:
        return self._by_interface(value, self._lined(self._records.next_hop, NOBODY))

    def _address(self, column: str) -> Any:
        return self._by_address(pa.array(self._people.addresses.text), column)

    def _service(self, column: str) -> Any:
        services = [service or None for service in self._people.addresses.service]
        return self._by_address(pa.array(services, pa.string()), column)

    def _by_address(self, texts: Any, column: str) -> Any:
        """What ``texts`` says of the address in this column of the records."""
        return texts.take(pa.array(self._lined(getattr(self._records, column), 0), mask=self._without_data))

    def _choice(self, mask: Bools, yes: str, no: str) -> Any:
        lined = self._lined(mask.astype(np.int64), 0)
        return pa.array([no, yes]).take(pa.array(lined, mask=self._without_data))

    def _ipv6(self) -> Bools:
        return self._people.addresses.is_ipv6[self._records.pkt_src]

    def _numbers(self, values: Callable[[Flows, Records], Ints]) -> Any:
        """Numbers as text; those below zero are "-"."""
        lined = self._lined(values(self._flows, self._records), NOBODY)
        return pc.if_else(pa.array(lined < 0), None, _text(lined))

    def _by_interface(self, value: Callable[[Interface], str | None], positions: Ints) -> Any:
        values = pa.array([value(interface) for interface in self._people.interfaces], pa.string())
        return values.take(pa.array(positions, mask=positions < 0))


def _text(values: Ints) -> Any:
    return pc.cast(pa.array(values), pa.string())


def _tag(field: str) -> Callable[[Interface], str | None]:
    """A v11 tag field: the tag's value, percent-encoded; None without the tag."""
    key = TAG_FIELDS[field]

    def encoded(interface: Interface) -> str | None:
        if field.startswith("interface-tag"):
            tags = interface.own_tags
        elif field.startswith("instance-tag"):
            tags = interface.tags if interface.instance_id else {}
        else:
            tags = interface.tags if interface.scaling_group else {}
        return quote(tags[key], safe="") if key in tags else None

    return encoded


_OF_RECORDER: Final[dict[str, Callable[[Interface], str | None]]] = {
    "interface-id": lambda interface: interface.interface_id,
    "vpc-id": lambda interface: interface.vpc_id,
    "subnet-id": lambda interface: interface.subnet_id,
    "instance-id": lambda interface: interface.instance_id,
    "az-id": lambda interface: interface.az_id,
    "interface-type": lambda interface: interface_type(interface.kind),
    "ecs-cluster-name": lambda interface: interface.task.cluster if interface.task else None,
    "ecs-service-name": lambda interface: interface.task.service if interface.task else None,
    "ecs-task-id": lambda interface: interface.task.task_id if interface.task else None,
    **{field: _tag(field) for field in TAG_FIELDS},
}
_OF_NEXT_HOP: Final[dict[str, Callable[[Interface], str | None]]] = {
    "next-hop-interface-id": lambda interface: interface.interface_id,
    "next-hop-subnet-id": lambda interface: interface.subnet_id,
    "next-hop-az-id": lambda interface: interface.az_id,
    "next-hop-vpc-id": lambda interface: interface.vpc_id,
    "next-hop-interface-type": lambda interface: interface_type(interface.kind),
}
_ADDRESSES: Final = {
    "srcaddr": "srcaddr",
    "dstaddr": "dstaddr",
    "pkt-srcaddr": "pkt_src",
    "pkt-dstaddr": "pkt_dst",
}
_SERVICES: Final = {"pkt-src-aws-service": "pkt_src", "pkt-dst-aws-service": "pkt_dst"}
_OF_PACKET: Final[dict[str, Callable[[Flows, Records], Ints]]] = {
    "srcport": lambda _, records: records.srcport,
    "dstport": lambda _, records: records.dstport,
    "protocol": lambda flows, records: flows.protocol[records.flow],
    "packets": lambda flows, records: flows.packets[records.flow],
    "bytes": lambda flows, records: flows.bytes[records.flow],
    "tcp-flags": lambda flows, records: flows.tcp_flags[records.flow],
    "traffic-path": lambda _, records: np.where(records.path == NO_PATH, NOBODY, records.path),
}
