"""Flows and their windows: each direction of a connection, cut into the minutes in which AWS aggregates it.

One row of ``Flows`` is one *true* flow-window: what really went from the source to the destination between two
times, whoever recorded it. An answer is a flow of its own.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from enricher.errors import SettingsError
from workbench.estate.arrays import Bools, Ints, group_ids, integers, rank_in_group, stack, take
from workbench.estate.connections import ACCEPTED, PATH_IN_VPC, Connections
from workbench.estate.distributions import Distributions
from workbench.estate.population import Population

WINDOW_SECONDS: Final = 60
EPHEMERAL: Final = (32_768, 61_000)
NAT_PORTS: Final = (1_024, 65_536)
LEAST_PACKET: Final = 40
TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
HTTPS: Final = 443
# tcp-flags as AWS ors them over an interval: ACK alone is 0 (VPC guide, "TCP flag sequence").
SYN: Final = 2
SYN_ACK: Final = 18
FIN: Final = 1


@dataclass(frozen=True, slots=True)
class Flows:
    """One row a flow-window; addresses as in ``Connections``, for this direction.

    ``nat_port`` is the client's port as the NAT gateway translates it, ``window`` counts minutes from the start,
    ``start`` and ``end`` are Unix seconds of the first and last packet, ``path`` is the source's egress.
    """

    connection: Ints
    kind: Ints
    answer: Bools
    src: Ints
    dst: Ints
    src_own: Ints
    dst_seen: Ints
    src_seen: Ints
    dst_own: Ints
    srcport: Ints
    dstport: Ints
    protocol: Ints
    nat: Ints
    nat_port: Ints
    transit: Bools
    path: Ints
    verdict: Ints
    window: Ints
    start: Ints
    end: Ints
    bytes: Ints
    packets: Ints
    tcp_flags: Ints


@dataclass(frozen=True, slots=True)
class Timing:
    """When and how much: one row a connection, times in seconds from the start of the traffic."""

    begin: Ints
    finish: Ints
    request: Ints
    answer: Ints


def draw_timing(plan: Distributions, connections: Connections, seconds: int, rng: np.random.Generator) -> Timing:
    """Times and sizes; connections of one session share them, sessions of one pair begin close together."""
    sessions = connections.session
    count = int(sessions.max(initial=-1)) + 1
    pair = np.zeros(count, dtype=np.int64)
    pair[sessions] = connections.pair
    opened = rng.integers(0, seconds, int(pair.max(initial=-1)) + 1)
    begin = (opened[pair] + _log_normal(plan.pair_spread, count, rng).astype(np.int64)) % seconds
    lasting = _log_normal(plan.duration, count, rng)
    finish = np.minimum(begin + lasting.astype(np.int64), seconds - 1)
    request = _log_normal(plan.request_bytes, count, rng)
    answer = request * _log_normal(plan.answer_ratio, count, rng)
    return Timing(
        begin=begin[sessions],
        finish=finish[sessions],
        request=integers(request)[sessions],
        answer=integers(answer)[sessions],
    )


def make_flows(
    people: Population, connections: Connections, timing: Timing, start: int, rng: np.random.Generator
) -> Flows:
    """All flow-windows of the connections; ``start`` is the Unix second of the first window.

    Raises:
        SettingsError: two endpoints have more connections than there are client ports.
    """
    port = _server_ports(people, connections)
    protocol = _protocols(people.distributions, connections, port, rng)
    client_port = _client_ports(people, connections, port, protocol)
    port = np.where(protocol == ICMP, 0, port)
    nat_port = _free_ports(NAT_PORTS, connections.nat, connections.server_seen, port, protocol)
    both = _directions(connections, port, client_port)
    both = replace(both, protocol=protocol[both.connection], nat_port=nat_port[both.connection])
    return _cut(both, timing, start, people.distributions, rng)


def _server_ports(people: Population, connections: Connections) -> Ints:
    """The port asked for, else what the server listens on, else HTTPS."""
    listening = np.where(connections.server >= 0, people.service_port[connections.server], HTTPS)
    return np.where(connections.port > 0, connections.port, listening)


def _protocols(plan: Distributions, connections: Connections, port: Ints, rng: np.random.Generator) -> Ints:
    """TCP or UDP by port; some first connections of a pair inside a VPC are pings.

    Pings have no ports: a second one between the same two could not be told from the first.
    """
    low = np.minimum(connections.client, connections.server)
    high = np.maximum(connections.client, connections.server)
    first_of_pair = rank_in_group(group_ids(low, high)) == 0
    plain = (
        (low >= 0) & (connections.path_out == PATH_IN_VPC) & ~connections.transit & (connections.verdict == ACCEPTED)
    )
    ping = first_of_pair & plain & (rng.random(len(port)) < plan.icmp_share)
    transport = np.where(np.isin(port, plan.udp_ports), UDP, TCP)
    return integers(np.where(ping, ICMP, transport))


def _client_ports(people: Population, connections: Connections, port: Ints, protocol: Ints) -> Ints:
    """Ephemeral ports, so that no two connections between the same endpoints share all five of the five-tuple."""
    outside = len(people.interfaces)
    client = np.where(connections.client >= 0, connections.client, outside + connections.client_own)
    server = np.where(connections.server >= 0, connections.server, outside + connections.server_own)
    ports = _free_ports(EPHEMERAL, client, server, port, protocol)
    return np.where(protocol == ICMP, 0, ports)


def _free_ports(ports: tuple[int, int], *endpoints: Ints) -> Ints:
    groups = group_ids(*endpoints)
    ranks = rank_in_group(groups)
    low, high = ports
    busiest = int(ranks.max(initial=0))
    if busiest >= high - low:
        raise SettingsError(
            f"estate: {busiest + 1} connections between one pair, {high - low} client ports; ask for fewer flows"
        )
    return low + (groups * 7919 + ranks) % (high - low)


def _directions(connections: Connections, port: Ints, client_port: Ints) -> Flows:
    """The request of every connection, then the answer of every accepted one; windows, times, sizes still zero."""
    number = np.arange(len(port), dtype=np.int64)
    zero = np.zeros_like(number)
    request = Flows(
        connection=number,
        kind=connections.kind,
        answer=np.zeros(len(port), dtype=np.bool_),
        src=connections.client,
        dst=connections.server,
        src_own=connections.client_own,
        dst_seen=connections.server_seen,
        src_seen=connections.client_seen,
        dst_own=connections.server_own,
        srcport=client_port,
        dstport=port,
        protocol=zero,
        nat=connections.nat,
        nat_port=zero,
        transit=connections.transit,
        path=connections.path_out,
        verdict=connections.verdict,
        window=zero,
        start=zero,
        end=zero,
        bytes=zero,
        packets=zero,
        tcp_flags=zero,
    )
    answer = replace(
        request,
        answer=np.ones(len(port), dtype=np.bool_),
        src=request.dst,
        dst=request.src,
        src_own=request.dst_own,
        dst_seen=request.src_seen,
        src_seen=request.dst_seen,
        dst_own=request.src_own,
        srcport=port,
        dstport=client_port,
        path=connections.path_back,
    )
    return stack([request, take(answer, connections.verdict == ACCEPTED)])


def _cut(flows: Flows, timing: Timing, start: int, plan: Distributions, rng: np.random.Generator) -> Flows:
    """One row per minute touched; bytes in proportion to the seconds of the flow in that minute."""
    begin, finish = timing.begin[flows.connection], timing.finish[flows.connection]
    total = np.where(flows.answer, timing.answer[flows.connection], timing.request[flows.connection])
    per_packet = rng.integers(plan.packet_bytes[0], plan.packet_bytes[1], len(total), endpoint=True)
    first = begin // WINDOW_SECONDS
    windows = finish // WINDOW_SECONDS - first + 1
    row = np.repeat(np.arange(len(windows)), windows)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(windows) - windows, windows)
    window = first[row] + nth
    opens = np.maximum(begin[row], window * WINDOW_SECONDS)
    closes = np.minimum(finish[row], (window + 1) * WINDOW_SECONDS - 1)
    share = (closes - opens + 1) / (finish[row] - begin[row] + 1)
    size = np.maximum((total[row] * share).astype(np.int64), LEAST_PACKET)
    cut = take(flows, row)
    return replace(
        cut,
        window=window,
        start=start + opens,
        end=start + closes,
        bytes=size,
        packets=-(-size // per_packet[row]),
        tcp_flags=_tcp_flags(cut, nth == 0, nth == windows[row] - 1),
    )


def _tcp_flags(flows: Flows, first: Bools, last: Bools) -> Ints:
    opening = np.where(first, np.where(flows.answer, SYN_ACK, SYN), 0)
    closing = np.where(last & (flows.verdict == ACCEPTED), FIN, 0)
    return integers(np.where(flows.protocol == TCP, opening | closing, 0))


def _log_normal(
    shape: tuple[float, float], count: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    median, sigma = shape
    return median * rng.lognormal(0.0, sigma, count)
