"""Connections: who opens one to whom, over which way, and which addresses each side gets to see.

A client opens, a server answers; either may lie outside the estate. Every record that AWS writes of the connection
follows from these columns.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from enricher.errors import SettingsError
from workbench.estate.arrays import NOBODY, Bools, Floats, Ints, integers
from workbench.estate.population import Population
from workbench.estate.shares import zipf

# traffic-path (VPC guide, "Flow log records"): how egress leaves; 0 stands for "-".
PATH_IN_VPC: Final = 1
PATH_PRIVATE_GATEWAY: Final = 3
PATH_PEERING: Final = 4
PATH_GATEWAY_ENDPOINT: Final = 7
PATH_INTERNET_GATEWAY: Final = 8

ACCEPTED: Final = 0
REJECTED_BY_SERVER: Final = 1
REJECTED_AT_EGRESS: Final = 2


@dataclass(frozen=True, slots=True)
class Connections:
    """One row a connection.

    ``client`` and ``server`` are interfaces (-1: outside). Addresses: ``client_own`` and ``server_own`` stand in the
    packet at that side's own interface, ``server_seen`` is how the client addresses the server, ``client_seen`` what
    the server sees of the client. ``nat`` is the NAT gateway in between (-1: none), ``transit`` whether the transit
    gateway is. ``path_out`` and ``path_back`` are traffic-path of the client's and the server's egress. ``port`` is the
    server's (0: what it listens on). ``session`` ties connections of one size and time together, ``pair`` sessions that
    the same two endpoints open in one go.
    """

    kind: Ints
    client: Ints
    server: Ints
    client_own: Ints
    server_seen: Ints
    client_seen: Ints
    server_own: Ints
    nat: Ints
    transit: Bools
    path_out: Ints
    path_back: Ints
    port: Ints
    verdict: Ints
    session: Ints
    pair: Ints


class Chooser:
    """Draws interfaces by weight, within groups."""

    def __init__(self, members: Ints, groups: Ints, weights: Floats, group_count: int) -> None:
        """``groups`` and ``weights`` are those of ``members``."""
        order = np.argsort(groups, kind="stable")
        self._members = members[order]
        self._heap = np.concatenate([[0.0], np.cumsum(weights[order])])
        self._size = np.bincount(groups, minlength=group_count)
        self._first = np.concatenate([[0], np.cumsum(self._size)[:-1]])

    def sizes(self) -> Ints:
        """How many members each group has."""
        return integers(self._size)

    def draw(self, rng: np.random.Generator, groups: Ints, but: Ints | None = None) -> Ints:
        """A member of each of these groups, other than ``but`` (groups then need two members)."""
        first, size = self._first[groups], self._size[groups]
        low, high = self._heap[first], self._heap[first + size]
        found = np.searchsorted(self._heap, low + rng.random(len(groups)) * (high - low), side="right") - 1
        found = np.clip(found, first, first + size - 1)
        if but is not None:
            following = first + (found - first + 1) % size
            found = np.where(self._members[found] == but, following, found)
        return integers(self._members[found])


class Draw:
    """Seeded choices over one population."""

    def __init__(self, population: Population, rng: np.random.Generator) -> None:
        """Prepare the groups that servers are drawn from: VPC and zone, and VPC."""
        self.population = population
        self.rng = rng
        self.zones = len(population.distributions.zones)
        self.vpcs = len(population.estate.vpcs)
        self.spot = population.vpc * self.zones + population.zone

    def clients(self, count: int, eligible: Bools, what: str) -> Ints:
        """``count`` of the eligible interfaces, by how much they talk.

        Raises:
            SettingsError: nobody is eligible.
        """
        members = np.flatnonzero(eligible)
        _demand(members, count, what)
        heap = np.cumsum(self.population.talk[members])
        found = np.searchsorted(heap, self.rng.random(count) * heap[-1:], side="right")
        return integers(members[np.minimum(found, len(members) - 1)])

    def any_of(self, pool: Ints, count: int, what: str) -> Ints:
        """``count`` members of ``pool``, all equally likely.

        Raises:
            SettingsError: the pool is empty.
        """
        _demand(pool, count, what)
        return pool[(self.rng.random(count) * len(pool)).astype(np.int64)]

    def pairs(self, count: int) -> Ints:
        """How many connections each of some pairs has, ``count`` in all: Zipf, the last pair has what is left."""
        exponent, most = self.population.distributions.pair_connections
        weights = np.asarray(zipf(most, exponent))
        # As many draws as connections always suffice: no pair has fewer than one.
        sizes = 1 + self.rng.choice(most, count, p=weights / weights.sum())
        reached = np.cumsum(sizes)
        sizes = sizes[: np.searchsorted(reached, count) + 1]
        sizes[-1:] -= reached[len(sizes) - 1 : len(sizes)] - count
        return integers(sizes)

    def servers(self, eligible: Bools, *, by_zone: bool = False) -> Chooser:
        """A chooser of eligible interfaces by how much they serve, grouped by VPC or by VPC and zone."""
        members = np.flatnonzero(eligible)
        groups = self.spot if by_zone else self.population.vpc
        weights = self.population.serve[members]
        return Chooser(integers(members), groups[members], weights, self.vpcs * self.zones if by_zone else self.vpcs)

    def hosts(self, pool: Ints, count: int) -> Ints:
        """Addresses outside, by Zipf over the pool."""
        weights = np.asarray(zipf(len(pool), self.population.distributions.host_zipf))
        return integers(pool[self.rng.choice(len(pool), count, p=weights / weights.sum())])


def _demand(pool: Ints, count: int, what: str) -> None:
    if count and not len(pool):
        raise SettingsError(f"estate: nobody can take part in kind {what!r}; plan more interfaces or drop the kind")


def between(client: Ints, server: Ints) -> Connections:
    """Connections inside one VPC, on primary addresses."""
    count = len(client)
    nothing = np.zeros(count, dtype=np.int64)
    return Connections(
        kind=nothing,
        client=client,
        server=server,
        client_own=client,
        server_seen=server,
        client_seen=client,
        server_own=server,
        nat=np.full(count, NOBODY, dtype=np.int64),
        transit=np.zeros(count, dtype=np.bool_),
        path_out=np.full(count, PATH_IN_VPC, dtype=np.int64),
        path_back=np.full(count, PATH_IN_VPC, dtype=np.int64),
        port=nothing,
        verdict=nothing,
        session=np.arange(count, dtype=np.int64),
        pair=nothing,
    )


def to_outside(client: Ints, host: Ints, path: int) -> Connections:
    """Connections from the estate to addresses outside it."""
    nobody = np.full(len(client), NOBODY, dtype=np.int64)
    return replace(
        between(client, nobody),
        server_seen=host,
        server_own=host,
        path_out=np.full(len(client), path, dtype=np.int64),
    )


def from_outside(host: Ints, server: Ints, path: int) -> Connections:
    """Connections from addresses outside to the estate; ``path`` is how the answers leave."""
    nobody = np.full(len(server), NOBODY, dtype=np.int64)
    return replace(
        between(nobody, server),
        client_own=host,
        client_seen=host,
        path_back=np.full(len(server), path, dtype=np.int64),
    )
