"""The truth: interfaces, what they were attached to, and which address each held, from second to second.

Everything is columns (numpy). A span [``since``, ``until``] includes both seconds; seconds count from the epoch.
``stays`` are an interface's spans with one attachment (or none), ``holds`` its spans with one address, and
``ends`` are where a hold meets a stay with somebody behind it: what sends and receives.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from accuracy.lifetimes import Ints, elapsed_and_left, gaps, hold_gaps, lives
from accuracy.parameters import Parameters
from accuracy.pools import Pools
from accuracy.topology import ATTACHED, PREFIX_SIZE, VPCS, ZONES, subnet_of

INSTANCE, TASK, MOVER, BALANCER, NAT, TRANSIT, ENDPOINT = range(7)
KINDS: Final = ("instance", "task", "mover", "load_balancer", "nat_gateway", "transit_gateway", "vpc_endpoint")
PRIMARY, SECONDARY, PREFIX, PUBLIC = range(4)
FOREVER: Final = 10**9
BALANCERS: Final = 4  # a VPC, each with an interface in every zone
ENDPOINTS: Final = 2


@dataclass(frozen=True, slots=True)
class Columns:
    """Equally long arrays by name, as attributes of a table would be."""

    of: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.of[name]

    def __len__(self) -> int:
        return len(next(iter(self.of.values())))

    def at(self, places: Any) -> "Columns":
        """The rows at ``places`` (or where a mask is true)."""
        return Columns({name: column[places] for name, column in self.of.items()})


@dataclass(frozen=True, slots=True)
class World:
    """``interfaces``: subnet, kind, address, born, died, serial; ``stays``: interface, instance (or -1), since, until.

    ``holds``: address, public (bool), interface, since, until, kind, size; ``ends``: hold, stay, since, until.
    ``serial`` of an interface numbers the resource behind a managed one.
    """

    interfaces: Columns
    stays: Columns
    holds: Columns
    ends: Columns

    def vpc_of(self, interfaces: Any) -> Any:
        """The VPCs of interfaces."""
        return self.interfaces.subnet[interfaces] // len(ZONES)


def world_of(parameters: Parameters) -> World:
    """The world of these parameters, from their seed alone."""
    random = np.random.default_rng([parameters.seed, 1])
    pools = Pools()
    interfaces = _populate(random, parameters, pools)
    stays = _stays(random, parameters, interfaces)
    holds = _holds(random, parameters, interfaces, pools)
    return World(interfaces, stays, holds, _ends(interfaces, stays, holds))


def _populate(random: np.random.Generator, parameters: Parameters, pools: Pools) -> Columns:
    """Interfaces and their primary addresses, generation after generation, until the horizon."""
    count = parameters.interfaces
    vpc = random.choice(len(VPCS), count, p=parameters.vpc_shares)
    subnet = vpc * len(ZONES) + random.integers(0, len(ZONES), count)
    draw = random.random(count)
    kind = np.where(draw < parameters.task_share, TASK, INSTANCE)
    kind[draw > 1 - parameters.mover_share] = MOVER
    median = np.where(kind == TASK, parameters.task_median_life_s, parameters.instance_median_life_s)
    elapsed, left = elapsed_and_left(random, median, parameters)
    managed = _managed()
    generation = {
        "subnet": np.concatenate([managed["subnet"], subnet]),
        "kind": np.concatenate([managed["kind"], kind]),
        "born": np.concatenate([np.full(len(managed["kind"]), -86_400), -elapsed]),
        "died": np.concatenate([np.full(len(managed["kind"]), FOREVER), left]),
        "serial": np.concatenate([managed["serial"], np.full(count, -1)]),
    }
    generation["address"] = pools.singles(generation["subnet"])
    generation["died"] = np.where(generation["kind"] == MOVER, FOREVER, generation["died"])
    generations = [generation]
    while True:
        gone = {name: column[generation["died"] < parameters.horizon_s] for name, column in generation.items()}
        if not len(gone["born"]):
            break
        gap, same = gaps(random, len(gone["born"]), parameters)
        born = gone["died"] + gap
        median = np.where(gone["kind"] == TASK, parameters.task_median_life_s, parameters.instance_median_life_s)
        fresh = pools.singles(np.where(same, -1, gone["subnet"]))
        generation = {
            **gone,
            "born": born,
            "died": born + lives(random, median, parameters),
            "address": np.where(same, gone["address"], fresh),
        }
        generation = {name: column[born < parameters.horizon_s] for name, column in generation.items()}
        generations.append(generation)
    return Columns({name: np.concatenate([each[name] for each in generations]) for name in generations[0]})


def _managed() -> dict[str, Ints]:
    """What services run: balancers, NAT gateways, endpoints in every VPC, transit gateway interfaces in two."""
    rows = []
    for vpc in range(len(VPCS)):
        for zone in range(len(ZONES)):
            subnet = subnet_of(vpc, zone)
            rows.append((subnet, NAT, subnet))
            rows += [(subnet, BALANCER, vpc * BALANCERS + n) for n in range(BALANCERS)]
            rows += [(subnet, ENDPOINT, vpc * ENDPOINTS + n) for n in range(ENDPOINTS)]
            if vpc in ATTACHED:
                rows.append((subnet, TRANSIT, vpc))
    subnets, kinds, serials = np.array(rows).T
    return {"subnet": subnets, "kind": kinds, "serial": serials}


def _stays(random: np.random.Generator, parameters: Parameters, interfaces: Columns) -> Columns:
    """Instances keep their first interface for life; movers go from one living instance of their zone to the next."""
    instances = np.flatnonzero(interfaces.kind == INSTANCE)
    fixed = np.flatnonzero(interfaces.kind != MOVER)
    rows = {
        "interface": [fixed],
        "instance": [np.where(interfaces.kind[fixed] == INSTANCE, fixed, -1)],
        "since": [interfaces.born[fixed]],
        "until": [interfaces.died[fixed]],
    }
    of_subnet = {n: instances[interfaces.subnet[instances] == n] for n in np.unique(interfaces.subnet).tolist()}
    moves: list[tuple[int, int, int, int]] = []
    for mover in np.flatnonzero(interfaces.kind == MOVER).tolist():
        hosts = of_subnet[int(interfaces.subnet[mover])]
        at = int(interfaces.born[mover])
        while at < parameters.horizon_s:
            host = _alive(random, interfaces, hosts, max(at, 0))
            stay = int(parameters.mover_median_stay_s * np.exp(random.normal(0, 1)))
            left = max(at, 0) + max(parameters.least_life_s, stay)
            until = min(left, int(interfaces.died[host]))
            since = max(at, int(interfaces.born[host]))
            moves.append((mover, host, since, until))
            gap = int(random.integers(2, 120))
            moves.append((mover, -1, until + 1, until + gap - 1))
            at = until + gap
    columns = np.array([move for move in moves if move[2] <= move[3]], np.int64).reshape(-1, 4).T
    for name, column in zip(rows, columns, strict=True):
        rows[name].append(column)
    return Columns({name: np.concatenate(column) for name, column in rows.items()})


def _alive(random: np.random.Generator, interfaces: Columns, hosts: Ints, at: int) -> int:
    """One of the hosts that is alive at a moment and has some time to live."""
    for _ in range(1_000):
        host = int(hosts[random.integers(len(hosts))])
        if interfaces.born[host] <= at and at + 60 <= interfaces.died[host]:
            return host
    raise RuntimeError("world: a subnet has no living instance; give the world more interfaces")


def _holds(random: np.random.Generator, parameters: Parameters, interfaces: Columns, pools: Pools) -> Columns:
    """Primary addresses for life; secondary addresses, prefixes and Elastic IPs that move; gateways' Elastic IPs."""
    everyone = np.arange(len(interfaces))
    gateways = np.flatnonzero(interfaces.kind == NAT)
    tables = [
        _table(interfaces.address, everyone, interfaces.born, interfaces.died, PRIMARY),
        _table(pools.publics(len(gateways)), gateways, interfaces.born[gateways], interfaces.died[gateways], PUBLIC),
    ]
    for kind, share in (
        (SECONDARY, parameters.secondary_share),
        (PREFIX, parameters.prefix_share),
        (PUBLIC, parameters.public_share),
    ):
        tables.append(_moving(random, parameters, interfaces, pools, kind, int(share * parameters.interfaces)))
    holds = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    holds["public"] = holds["kind"] == PUBLIC
    holds["size"] = np.where(holds["kind"] == PREFIX, PREFIX_SIZE, 1)
    return Columns(holds)


def _table(address: Ints, interface: Ints, since: Ints, until: Ints, kind: int) -> dict[str, Ints]:
    return {
        "address": address,
        "interface": interface,
        "since": since,
        "until": until,
        "kind": np.full(len(address), kind),
    }


def _moving(
    random: np.random.Generator, parameters: Parameters, interfaces: Columns, pools: Pools, kind: int, count: int
) -> dict[str, Ints]:
    """``count`` addresses at a time, each held by one instance's interface after the other."""
    hosts = np.flatnonzero(interfaces.kind == INSTANCE)
    of_subnet = {n: hosts[interfaces.subnet[hosts] == n] for n in np.unique(interfaces.subnet).tolist()}
    subnets = interfaces.subnet[random.choice(hosts, count)]
    since = np.zeros(count, np.int64) - random.integers(0, 86_400, count)
    addresses = pools.of_kind(kind == PUBLIC, kind == PREFIX, subnets)
    tables = []
    while len(subnets):
        holders = np.array(
            [
                _alive(random, interfaces, of_subnet[s], max(t, 0))
                for s, t in zip(subnets.tolist(), since.tolist(), strict=True)
            ]
        )
        since = np.maximum(since, interfaces.born[holders])
        stay = (parameters.hold_median_s * np.exp(random.normal(0, 1, len(subnets)))).astype(np.int64)
        until = np.minimum(np.maximum(since, 0) + np.maximum(stay, parameters.least_life_s), interfaces.died[holders])
        tables.append(_table(addresses, holders, since, until, kind))
        gap, same = hold_gaps(random, len(subnets), parameters)
        since = until + gap
        fresh = pools.of_kind(kind == PUBLIC, kind == PREFIX, np.where(same, -1, subnets))
        on = since < parameters.horizon_s
        addresses, subnets, since = np.where(same, addresses, fresh)[on], subnets[on], since[on]
    table = {name: np.concatenate([each[name] for each in tables]) for name in tables[0]}
    return _one_at_a_time(table) if kind == PUBLIC else table


def _one_at_a_time(table: dict[str, Ints]) -> dict[str, Ints]:
    """Without holds of an Elastic IP by an interface that has one already."""
    order = np.lexsort((table["since"], table["interface"]))
    table = {name: column[order] for name, column in table.items()}
    latest = np.full(len(order), -FOREVER)
    for place in range(1, len(order)):
        if table["interface"][place] == table["interface"][place - 1]:
            latest[place] = max(latest[place - 1], table["until"][place - 1])
    return {name: column[table["since"] > latest] for name, column in table.items()}


def _ends(interfaces: Columns, stays: Columns, holds: Columns) -> Columns:
    """Where a hold and a stay of one interface overlap; movers only while they are attached."""
    order = np.argsort(stays.interface, kind="stable")
    first = np.searchsorted(stays.interface[order], holds.interface, "left")
    count = np.searchsorted(stays.interface[order], holds.interface, "right") - first
    hold = np.repeat(np.arange(len(holds)), count)
    stay = order[np.repeat(first, count) + np.arange(len(hold)) - np.repeat(np.cumsum(count) - count, count)]
    since = np.maximum(holds.since[hold], stays.since[stay])
    until = np.minimum(holds.until[hold], stays.until[stay])
    detached = (interfaces.kind[stays.interface[stay]] == MOVER) & (stays.instance[stay] < 0)
    met = (since <= until) & ~detached
    return Columns({"hold": hold[met], "stay": stay[met], "since": since[met], "until": until[met]})
