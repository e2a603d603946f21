"""The kinds of connection: for each, who takes part and which way it goes.

One function a kind: given the draw and a count it answers that many connections, each between a pair of endpoints that
repeats it. ``KINDS`` lists them under the names
that ``Distributions.kinds`` gives shares to; ``KIND_NAMES`` are those that the truth tells (a load balancer's two legs
are told apart).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from workbench.estate.arrays import Ints, stack, take
from workbench.estate.connections import (
    PATH_GATEWAY_ENDPOINT,
    PATH_INTERNET_GATEWAY,
    PATH_PEERING,
    PATH_PRIVATE_GATEWAY,
    REJECTED_AT_EGRESS,
    REJECTED_BY_SERVER,
    Chooser,
    Connections,
    Draw,
    between,
    from_outside,
    to_outside,
)
from workbench.estate.shares import apportion

LOAD_BALANCER_TARGET: Final = "load_balancer_target"
# Connections of one session, where there are several: to the load balancer, and on to its target.
_LEGS: Final = {"load_balancer": 2}


def draw_connections(draw: Draw, count: int) -> Connections:
    """Exactly ``count`` connections, apportioned over the kinds by their shares."""
    plan = draw.population.distributions
    counts = apportion(count, [share for _, share in plan.kinds])
    blocks, sessions, pairs = [], 0, 0
    for (name, _), wanted in zip(plan.kinds, counts, strict=True):
        block = _repeated(draw, name, wanted)
        code = np.full(wanted, KIND_NAMES.index(name), dtype=np.int64)
        kind = np.where(block.kind, block.kind, code)
        blocks.append(replace(block, kind=kind, session=block.session + sessions, pair=block.pair + pairs))
        sessions, pairs = sessions + wanted, pairs + wanted
    return stack(blocks)


def _repeated(draw: Draw, name: str, count: int) -> Connections:
    """Exactly ``count`` connections of one kind: its pairs, each as often as drawn; legs of one session stay tied."""
    legs = _LEGS.get(name, 1)
    sizes = draw.pairs(-(-count // legs))
    pairs = KINDS[name](draw, legs * len(sizes))
    times = sizes[pairs.session]
    row = np.repeat(np.arange(len(times)), times)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    block = take(pairs, row)
    first = np.cumsum(sizes) - sizes
    return take(replace(block, session=first[block.session] + nth, pair=block.session), slice(count))


def _same_az(draw: Draw, count: int) -> Connections:
    people = draw.population
    servers = draw.servers(people.workloads(), by_zone=True)
    client = draw.clients(count, people.workloads() & (servers.sizes()[draw.spot] > 1), "same_az")
    return between(client, servers.draw(draw.rng, draw.spot[client], but=client))


def _cross_az(draw: Draw, count: int) -> Connections:
    people = draw.population
    servers = draw.servers(people.workloads(), by_zone=True)
    filled = servers.sizes().reshape(draw.vpcs, draw.zones).min(axis=1) > 0
    client = draw.clients(count, people.workloads() & filled[people.vpc], "cross_az")
    away = draw.rng.integers(1, draw.zones, count)
    spot = people.vpc[client] * draw.zones + (people.zone[client] + away) % draw.zones
    return between(client, servers.draw(draw.rng, spot))


def _peering(draw: Draw, count: int) -> Connections:
    client, server = _over(draw, draw.population.peer_vpc, count, "peering")
    path = np.full(count, PATH_PEERING, dtype=np.int64)
    return replace(between(client, server), path_out=path, path_back=path)


def _transit_gateway(draw: Draw, count: int) -> Connections:
    client, server = _over(draw, draw.population.transit_vpc, count, "transit_gateway")
    return replace(between(client, server), transit=np.ones(count, dtype=np.bool_))


def _over(draw: Draw, other_vpc: Ints, count: int, what: str) -> tuple[Ints, Ints]:
    """Clients of connected VPCs, and a server of the VPC they are connected to."""
    people = draw.population
    servers = draw.servers(people.workloads())
    reachable = (other_vpc >= 0) & (servers.sizes()[other_vpc] > 0)
    client = draw.clients(count, people.workloads() & reachable[people.vpc], what)
    return client, servers.draw(draw.rng, other_vpc[people.vpc[client]])


def _nat_gateway(draw: Draw, count: int) -> Connections:
    people = draw.population
    behind = (people.workloads() | people.kind["lambda"]) & (people.public < 0) & (people.nat_gateway[draw.spot] >= 0)
    client = draw.clients(count, behind, "nat_gateway")
    connections = to_outside(client, draw.hosts(people.addresses.internet, count), 1)
    return replace(connections, nat=people.nat_gateway[draw.spot[client]])


def _load_balancer(draw: Draw, count: int) -> Connections:
    """Client to load balancer, and load balancer to target: two connections of one size."""
    people = draw.population
    balancers = people.kind["application_load_balancer"] | people.kind["network_load_balancer"]
    targets = draw.servers(people.workloads())
    fronts, backs = count - count // 2, count // 2
    front = draw.clients(fronts, balancers & (targets.sizes()[people.vpc] > 1), "load_balancer")
    front = front[np.argsort(people.public[front] < 0, kind="stable")]
    target = targets.draw(draw.rng, people.vpc[front])
    opened = int((people.public[front] >= 0).sum())
    host = draw.hosts(people.addresses.internet, opened)
    neighbour = targets.draw(draw.rng, people.vpc[front[opened:]], but=target[opened:])
    outer = from_outside(host, front[:opened], PATH_INTERNET_GATEWAY)
    first = replace(stack([outer, between(neighbour, front[opened:])]), session=np.arange(fronts, dtype=np.int64))
    kind = np.full(backs, KIND_NAMES.index(LOAD_BALANCER_TARGET), dtype=np.int64)
    return stack([first, replace(between(front[:backs], target[:backs]), kind=kind)])


def _own_public_address(draw: Draw, count: int) -> Connections:
    """Two of ours over the internet gateway: each sees the other's public address."""
    people = draw.population
    open_ones = people.kind["instance"] & (people.public >= 0)
    several = np.count_nonzero(open_ones) > 1
    client = draw.clients(count, open_ones & several, "own_public_address")
    everywhere = np.zeros(len(people.vpc), dtype=np.int64)
    members = np.flatnonzero(open_ones)
    server = Chooser(members, everywhere[members], people.serve[members], 1).draw(
        draw.rng, everywhere[client], but=client
    )
    path = np.full(count, PATH_INTERNET_GATEWAY, dtype=np.int64)
    return replace(
        between(client, server),
        server_seen=people.public[server],
        client_seen=people.public[client],
        path_out=path,
        path_back=path,
    )


def _internet_in(draw: Draw, count: int) -> Connections:
    people = draw.population
    server = draw.clients(count, people.kind["instance"] & (people.public >= 0), "internet_in")
    return from_outside(draw.hosts(people.addresses.internet, count), server, PATH_INTERNET_GATEWAY)


def _internet_out(draw: Draw, count: int) -> Connections:
    people = draw.population
    client = draw.clients(count, people.kind["instance"] & (people.public >= 0), "internet_out")
    return to_outside(client, draw.hosts(people.addresses.internet, count), PATH_INTERNET_GATEWAY)


def _gateway_endpoint(draw: Draw, count: int) -> Connections:
    people = draw.population
    client = draw.clients(count, people.workloads() | people.kind["lambda"], "gateway_endpoint")
    return to_outside(client, draw.hosts(people.addresses.s3, count), PATH_GATEWAY_ENDPOINT)


def _interface_endpoint(draw: Draw, count: int) -> Connections:
    return _to_managed(draw, count, "vpc_endpoint", "interface_endpoint")


def _efs(draw: Draw, count: int) -> Connections:
    return _to_managed(draw, count, "efs", "efs")


def _to_managed(draw: Draw, count: int, server_kind: str, what: str) -> Connections:
    people = draw.population
    servers = draw.servers(people.kind[server_kind])
    client = draw.clients(count, people.workloads() & (servers.sizes()[people.vpc] > 0), what)
    return between(client, servers.draw(draw.rng, people.vpc[client]))


def _lambda_to_rds(draw: Draw, count: int) -> Connections:
    people = draw.population
    servers = draw.servers(people.kind["rds"])
    client = draw.clients(count, people.kind["lambda"] & (servers.sizes()[people.vpc] > 0), "lambda_to_rds")
    return between(client, servers.draw(draw.rng, people.vpc[client]))


def _private_unknown(draw: Draw, count: int) -> Connections:
    """To and from an office behind the virtual private gateway, half each."""
    people = draw.population
    ours = draw.clients(count, people.workloads() & people.private_gateway[people.vpc], "private_unknown")
    host = draw.hosts(people.addresses.unknown_private, count)
    half = count // 2
    return stack(
        [
            to_outside(ours[:half], host[:half], PATH_PRIVATE_GATEWAY),
            replace(
                from_outside(host[half:], ours[half:], PATH_PRIVATE_GATEWAY),
                session=np.arange(half, count, dtype=np.int64),
            ),
        ]
    )


def _rejected_from_internet(draw: Draw, count: int) -> Connections:
    people = draw.population
    server = draw.clients(count, people.kind["instance"] & (people.public >= 0), "rejected_from_internet")
    scan = from_outside(draw.hosts(people.addresses.internet, count), server, PATH_INTERNET_GATEWAY)
    return _rejected(draw, scan, REJECTED_BY_SERVER)


def _rejected_by_peer(draw: Draw, count: int) -> Connections:
    return _rejected(draw, _cross_az(draw, count), REJECTED_BY_SERVER)


def _rejected_egress(draw: Draw, count: int) -> Connections:
    return _rejected(draw, _same_az(draw, count), REJECTED_AT_EGRESS)


def _rejected(draw: Draw, connections: Connections, verdict: int) -> Connections:
    count = len(connections.client)
    return replace(
        connections,
        verdict=np.full(count, verdict, dtype=np.int64),
        port=draw.rng.choice(np.asarray(draw.population.distributions.scanned_ports, dtype=np.int64), count),
    )


def _secondary_address(draw: Draw, count: int) -> Connections:
    """Half the time the client sends from a secondary (or prefix) address, half the time it is the server's."""
    people = draw.population
    others = draw.servers(people.workloads())
    usable = np.flatnonzero(others.sizes()[people.vpc[people.extra_owner]] > 1)
    chosen = draw.any_of(usable, count, "secondary_address")
    owner, address = people.extra_owner[chosen], people.extra_address[chosen]
    other = others.draw(draw.rng, people.vpc[owner], but=owner)
    half = count // 2
    sending = replace(
        between(owner[:half], other[:half]),
        client_own=address[:half],
        client_seen=address[:half],
    )
    receiving = replace(
        between(other[half:], owner[half:]),
        server_seen=address[half:],
        server_own=address[half:],
        session=np.arange(half, count, dtype=np.int64),
    )
    return stack([sending, receiving])


def _ipv6_vpc(draw: Draw, count: int) -> Connections:
    people = draw.population
    speaking = people.kind["instance"] & (people.ipv6 >= 0)
    servers = draw.servers(speaking)
    client = draw.clients(count, speaking & (servers.sizes()[people.vpc] > 1), "ipv6_vpc")
    server = servers.draw(draw.rng, people.vpc[client], but=client)
    here, there = people.ipv6[client], people.ipv6[server]
    return replace(between(client, server), client_own=here, client_seen=here, server_own=there, server_seen=there)


def _ipv6_internet(draw: Draw, count: int) -> Connections:
    people = draw.population
    client = draw.clients(count, people.kind["instance"] & (people.ipv6 >= 0), "ipv6_internet")
    host = draw.hosts(people.addresses.internet_ipv6, count)
    here = people.ipv6[client]
    return replace(to_outside(client, host, PATH_INTERNET_GATEWAY), client_own=here, client_seen=here)


KINDS: Final[dict[str, Callable[[Draw, int], Connections]]] = {
    "same_az": _same_az,
    "cross_az": _cross_az,
    "peering": _peering,
    "transit_gateway": _transit_gateway,
    "nat_gateway": _nat_gateway,
    "load_balancer": _load_balancer,
    "own_public_address": _own_public_address,
    "internet_in": _internet_in,
    "internet_out": _internet_out,
    "gateway_endpoint": _gateway_endpoint,
    "interface_endpoint": _interface_endpoint,
    "lambda_to_rds": _lambda_to_rds,
    "efs": _efs,
    "private_unknown": _private_unknown,
    "rejected_from_internet": _rejected_from_internet,
    "rejected_by_peer": _rejected_by_peer,
    "rejected_egress": _rejected_egress,
    "secondary_address": _secondary_address,
    "ipv6_vpc": _ipv6_vpc,
    "ipv6_internet": _ipv6_internet,
}
# Code 0 stays free: it means that the kind's function leaves the naming to its caller.
KIND_NAMES: Final = ("", *KINDS, LOAD_BALANCER_TARGET)
