"""Which interface writes which record of a flow-window, and with which addresses.

As the VPC guide's examples show ("Traffic through a NAT gateway", "Traffic through a transit gateway", "Traffic to a
secondary private IPv4 address",
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html):

* on its own side an interface writes its primary private IPv4 address into srcaddr or dstaddr, whatever the packet
  says (its IPv6 address for IPv6); pkt-srcaddr and pkt-dstaddr are the packet's;
* a NAT gateway writes four legs: client to itself, itself to the host, host to itself, itself to the client;
* a transit gateway's interface in the source VPC writes what comes in, the one in the destination VPC what goes out,
  both in the source's zone.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.estate.arrays import NOBODY, Bools, Ints, integers, stack, take
from workbench.estate.connections import (
    PATH_IN_VPC,
    PATH_INTERNET_GATEWAY,
    PATH_PEERING,
    REJECTED_AT_EGRESS,
    REJECTED_BY_SERVER,
)
from workbench.estate.flows import Flows
from workbench.estate.population import Population

SRC: Final = 0
DST: Final = 1
HOP: Final = 2
SIDES: Final = ("src", "dst", "hop")
NO_PATH: Final = 0


@dataclass(frozen=True, slots=True)
class Records:
    """One row a record.

    ``flow`` is the row of the flow-window, ``recorder`` and ``next_hop`` are interfaces, addresses are positions in
    ``Addresses``; ``path`` is 0 where AWS writes "-".
    """

    flow: Ints
    recorder: Ints
    side: Ints
    egress: Bools
    rejected: Bools
    srcaddr: Ints
    dstaddr: Ints
    pkt_src: Ints
    pkt_dst: Ints
    srcport: Ints
    dstport: Ints
    path: Ints
    next_hop: Ints


def write_records(people: Population, flows: Flows) -> Records:
    """Every record that the recording interfaces write of these flow-windows."""
    return stack(
        [
            _by_source(people, flows),
            _by_destination(people, flows),
            *_by_nat_gateway(people, flows),
            *_by_transit_gateway(people, flows),
        ]
    )


def source_records(people: Population, flows: Flows) -> Bools:
    """The flow-windows that their source's interface records."""
    recorded: Bools = (flows.src >= 0) & people.recording[flows.src]
    return recorded


def destination_records(people: Population, flows: Flows) -> Bools:
    """The flow-windows that their destination's interface records: what was rejected at egress never arrives."""
    recorded: Bools = (flows.dst >= 0) & people.recording[flows.dst] & (flows.verdict != REJECTED_AT_EGRESS)
    return recorded


def _by_source(people: Population, flows: Flows) -> Records:
    rows = np.flatnonzero(source_records(people, flows))
    these = take(flows, rows)
    return Records(
        flow=rows,
        recorder=these.src,
        side=np.full(len(rows), SRC, dtype=np.int64),
        egress=np.ones(len(rows), dtype=np.bool_),
        rejected=these.verdict == REJECTED_AT_EGRESS,
        srcaddr=_own_address(people, these.src, these.src_own),
        dstaddr=these.dst_seen,
        pkt_src=these.src_own,
        pkt_dst=these.dst_seen,
        srcport=these.srcport,
        dstport=these.dstport,
        path=these.path,
        next_hop=_next_hop(people, these, these.dst, these.src),
    )


def _by_destination(people: Population, flows: Flows) -> Records:
    rows = np.flatnonzero(destination_records(people, flows))
    these = take(flows, rows)
    return Records(
        flow=rows,
        recorder=these.dst,
        side=np.full(len(rows), DST, dtype=np.int64),
        egress=np.zeros(len(rows), dtype=np.bool_),
        rejected=these.verdict == REJECTED_BY_SERVER,
        srcaddr=these.src_seen,
        dstaddr=_own_address(people, these.dst, these.dst_own),
        pkt_src=these.src_seen,
        pkt_dst=these.dst_own,
        srcport=these.srcport,
        dstport=these.dstport,
        path=np.full(len(rows), NO_PATH, dtype=np.int64),
        next_hop=_next_hop(people, these, these.src, these.dst),
    )


def _by_nat_gateway(people: Population, flows: Flows) -> list[Records]:
    """Two legs a direction: into the gateway, out of the gateway."""
    rows = np.flatnonzero((flows.nat >= 0) & people.recording[flows.nat])
    asking, answering = rows[~flows.answer[rows]], rows[flows.answer[rows]]
    out, back = take(flows, asking), take(flows, answering)
    client, gateway, host = out.src_seen, out.nat, out.dst_seen
    nobody = np.full(len(asking), NOBODY, dtype=np.int64)
    inbound = _hop(asking, gateway, (client, gateway, client, host), (out.srcport, out.dstport), NO_PATH, out.src)
    translated = (gateway, host, gateway, host)
    outbound = _hop(asking, gateway, translated, (out.nat_port, out.dstport), PATH_INTERNET_GATEWAY, nobody)
    host, gateway, client = back.src_seen, back.nat, back.dst_seen
    nobody = np.full(len(answering), NOBODY, dtype=np.int64)
    translated = (host, gateway, host, gateway)
    returned = _hop(answering, gateway, translated, (back.srcport, back.nat_port), NO_PATH, nobody)
    onward = (gateway, client, host, client)
    handed = _hop(answering, gateway, onward, (back.srcport, back.dstport), PATH_IN_VPC, back.dst)
    return [inbound, outbound, returned, handed]


def _by_transit_gateway(people: Population, flows: Flows) -> list[Records]:
    """The gateway's interface in the source VPC takes packets in, the one in the destination VPC sends them on."""
    rows = np.flatnonzero(flows.transit)
    these = take(flows, rows)
    source, target = these.src_seen, these.dst_seen
    ports = (these.srcport, these.dstport)
    entry = _transit_interface(people, these.src, these.src)
    exit_ = _transit_interface(people, these.dst, these.src)
    legs = (
        _hop(rows, entry, (source, entry, source, target), ports, NO_PATH, these.src),
        _hop(rows, exit_, (exit_, target, source, target), ports, PATH_IN_VPC, these.dst),
    )
    return [take(leg, people.recording[leg.recorder]) for leg in legs]


def _hop(
    rows: Ints,
    recorder: Ints,
    addresses: tuple[Ints, Ints, Ints, Ints],
    ports: tuple[Ints, Ints],
    path: int,
    next_hop: Ints,
) -> Records:
    """Records of an interface in between; ``addresses`` are srcaddr, dstaddr, pkt-srcaddr and pkt-dstaddr."""
    srcaddr, dstaddr, pkt_src, pkt_dst = addresses
    return Records(
        flow=rows,
        recorder=recorder,
        side=np.full(len(rows), HOP, dtype=np.int64),
        egress=np.full(len(rows), path != NO_PATH),
        rejected=np.zeros(len(rows), dtype=np.bool_),
        srcaddr=srcaddr,
        dstaddr=dstaddr,
        pkt_src=pkt_src,
        pkt_dst=pkt_dst,
        srcport=ports[0],
        dstport=ports[1],
        path=np.full(len(rows), path, dtype=np.int64),
        next_hop=next_hop,
    )


def _own_address(people: Population, interface: Ints, packet: Ints) -> Ints:
    """What the interface writes for itself: its IPv6 address as it is, else its primary private IPv4 address."""
    return np.where(people.addresses.is_ipv6[packet], packet, interface)


def _transit_interface(people: Population, member: Ints, source: Ints) -> Ints:
    """The transit gateway's interface in the VPC of ``member``, in the zone of ``source``."""
    spot = people.vpc[member] * len(people.distributions.zones) + people.zone[source]
    return integers(people.transit_interface[spot])


def _next_hop(people: Population, flows: Flows, other: Ints, recorder: Ints) -> Ints:
    """The interface at the other end of this hop: a gateway's, the peer's, nobody's over the internet gateway."""
    if not len(other):
        return other
    direct = np.isin(flows.path, (PATH_IN_VPC, PATH_PEERING)) & (flows.nat < 0)
    hop = np.where(direct, other, flows.nat)
    return np.where(flows.transit, _transit_interface(people, recorder, flows.src), hop)
