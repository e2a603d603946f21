"""The estate's networks: VPCs with their CIDRs, subnets with their AZ IDs, and which VPCs are connected."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, NamedTuple

from enricher.addresses import Address, Ranges, is_private_network, merged

INTRA_REGION_PEERING: Final = "peering"
INTER_REGION_PEERING: Final = "inter_region_peering"
TRANSIT: Final = "transit_gateway"
_MOST_REMEMBERED: Final = 1_000_000  # names in all answers of `connected`: about 40 MB
# VPC user guide, traffic-path. 4 and 5 are peering; 2, 3, 6, 7 and 8 leave for no VPC of ours. 1 is a resource of the
# same VPC: whether that may be a transit gateway's interface only, nobody has said, so it narrows nothing.
_KINDS_OF_PATH: Final = {
    4: frozenset({INTRA_REGION_PEERING}),
    5: frozenset({INTER_REGION_PEERING}),
    **dict.fromkeys((2, 3, 6, 7, 8), frozenset[str]()),
}


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet: its VPC, CIDRs (IPv4 and IPv6), AZ ID and region (None where not told), and who told of it."""

    subnet_id: str
    vpc_id: str
    cidrs: tuple[str, ...]
    az_id: str | None
    region: str | None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC and all its CIDRs, and the part of the inventory that told of it."""

    vpc_id: str
    cidrs: tuple[str, ...]
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Two VPCs between which private addresses route, by what kind of connection, and who told of it."""

    one: str
    other: str
    kind: str
    part: str | None = None


class Hub(NamedTuple):
    """What many VPCs are attached to, and over which any two of them may route: a transit gateway."""

    kind: str
    hub_id: str


@dataclass(frozen=True, slots=True)
class Membership:
    """A VPC's attachment to a hub, and who told of it: the hub's owner tells of all VPCs, others of their own.

    ``account_id`` is the VPC's account, ``hub_account_id`` the hub's; None where not told.
    """

    vpc_id: str
    hub: Hub
    part: str | None = None
    account_id: str | None = None
    hub_account_id: str | None = None


class Networks:
    """Look-ups over VPCs, subnets, connections and memberships; made once for an inventory."""

    def __init__(
        self,
        vpcs: Iterable[Vpc] = (),
        subnets: Iterable[Subnet] = (),
        connections: Iterable[Connection] = (),
        memberships: Iterable[Membership] = (),
    ) -> None:
        """Raises ValueError where a CIDR is none."""
        self.vpcs = tuple(vpcs)
        self.subnets = tuple(subnets)
        self.connections = tuple(connections)
        self.memberships = tuple(memberships)
        self.subnet_rows = {subnet.subnet_id: row for row, subnet in enumerate(self.subnets)}
        # A peering connection tells of a VPC too: several parts may know it, and one of them more of its CIDRs.
        cidrs: dict[str, set[str]] = {}
        for vpc in self.vpcs:
            cidrs.setdefault(vpc.vpc_id, set()).update(vpc.cidrs)
        self._vpc_ranges = {vpc_id: merged(blocks) for vpc_id, blocks in cidrs.items()}
        self._all_vpcs = merged(cidr for vpc in self.vpcs for cidr in vpc.cidrs)
        self.holds_public_ranges = any(not is_private_network(cidr) for vpc in self.vpcs for cidr in vpc.cidrs)
        by_vpc: dict[str, list[tuple[str, int]]] = {}
        self._parts: dict[str, frozenset[str | None]] = {}
        for row, subnet in enumerate(self.subnets):
            by_vpc.setdefault(subnet.vpc_id, []).extend((cidr, row) for cidr in subnet.cidrs)
            self._parts[subnet.vpc_id] = self.parts_of(subnet.vpc_id) | {subnet.part}
        # Subnets of one VPC never overlap, so the longest prefix is the only one.
        self._subnet_ranges = {vpc_id: Ranges(cidrs) for vpc_id, cidrs in by_vpc.items()}
        holding = {subnet.vpc_id: set[str]() for subnet in self.subnets} | cidrs
        for subnet in self.subnets:
            if subnet.vpc_id not in cidrs:
                holding[subnet.vpc_id].update(subnet.cidrs)
        self._contested = merged(_contested((cidr, vpc_id) for vpc_id, held in holding.items() for cidr in held))
        self._described: dict[str, set[str | None]] = {}
        for vpc in self.vpcs:
            self._described.setdefault(vpc.vpc_id, set()).add(vpc.part)
        self._pairs: dict[str, set[tuple[str, str]]] = {}
        self._peered: dict[str, set[str | None]] = {}
        for link in self.connections:
            for one, other in ((link.one, link.other), (link.other, link.one)):
                self._peered.setdefault(one, set()).add(link.part)
                self._pairs.setdefault(one, set()).add((link.kind, other))
        # Pairs of a hub's VPCs are never written down: a thousand VPCs are half a million pairs.
        self._hubs: dict[str, set[Hub]] = {}
        self._members: dict[Hub, set[str]] = {}
        for each in self.memberships:
            self._hubs.setdefault(each.vpc_id, set()).add(each.hub)
            self._members.setdefault(each.hub, set()).add(each.vpc_id)
        self._reached: dict[tuple[str, frozenset[str] | None], frozenset[str]] = {}
        self._room = _MOST_REMEMBERED

    def covers(self, vpc_id: str, address: Address) -> bool | None:
        """Whether a CIDR of the VPC holds the address; None where the VPC's CIDRs are not known."""
        ranges = self._vpc_ranges.get(vpc_id)
        if ranges is None:
            return True if self.subnet_row(vpc_id, address) is not None else None
        return ranges.find(address) is not None

    def knows(self, vpc_id: str | None) -> bool:
        """Whether anything is known of where the VPC's addresses are."""
        return vpc_id in self._vpc_ranges or vpc_id in self._subnet_ranges

    def parts_of(self, vpc_id: str) -> frozenset[str | None]:
        """The parts that tell of the VPC's subnets, and so of the interfaces in them; none where none do."""
        return self._parts.get(vpc_id, frozenset())

    def tellers_of(self, vpc_id: str) -> frozenset[str | None]:
        """The parts that would tell of an interface in the VPC; one without subnets has none, says who described it.

        A peering connection tells of a VPC too, of whose interfaces its teller may know nothing.
        """
        return self.parts_of(vpc_id) or frozenset(self._described.get(vpc_id, ())) - self._peered.get(vpc_id, set())

    def any_vpc_covers(self, address: Address) -> bool:
        """Whether a CIDR of any known VPC holds the address."""
        return self._all_vpcs.find(address) is not None

    def is_contested(self, address: Address) -> bool:
        """Whether more than one known VPC holds the address, connected or not."""
        return self._contested.find(address) is not None

    def vpcs_covering(self, address: Address) -> list[str]:
        """All known VPCs of which a CIDR holds the address."""
        return [vpc_id for vpc_id, ranges in self._vpc_ranges.items() if ranges.find(address) is not None]

    def subnet_row(self, vpc_id: str, address: Address) -> int | None:
        """Index into ``subnets`` of the VPC's subnet that holds the address, or None."""
        ranges = self._subnet_ranges.get(vpc_id)
        return None if ranges is None else ranges.find(address)

    def hubs_of(self, vpc_id: str, traffic_path: int = 0) -> set[Hub]:
        """The hubs to which a VPC is attached, of the kinds that ``traffic_path`` leaves."""
        kinds = _KINDS_OF_PATH.get(traffic_path)
        return {hub for hub in self._hubs.get(vpc_id, ()) if kinds is None or hub.kind in kinds}

    def connected(self, vpc_id: str, traffic_path: int = 0) -> frozenset[str]:
        """Other VPCs, paired or on a common hub with this one by what ``traffic_path`` leaves (0: not told, all)."""
        kinds = _KINDS_OF_PATH.get(traffic_path)
        known = self._reached.get((vpc_id, kinds))
        if known is None:
            pairs = {other for kind, other in self._pairs.get(vpc_id, ()) if kinds is None or kind in kinds}
            members = (self._members[hub] for hub in self.hubs_of(vpc_id, traffic_path))
            known = frozenset(pairs.union(*members) - {vpc_id})
            self._remember((vpc_id, kinds), known)
        return known

    def _remember(self, name: tuple[str, frozenset[str] | None], reached: frozenset[str]) -> None:
        """Keep an answer; all others go where they would be too many, since every VPC of a hub has all the others."""
        self._room -= len(reached) + 1
        if self._room < 0:
            self._reached.clear()
            self._room = _MOST_REMEMBERED - len(reached) - 1
        self._reached[name] = reached


def _contested(blocks: Iterable[tuple[str, str]]) -> list[str]:
    """The CIDRs, of (CIDR, VPC), that lie within one of another VPC: two CIDRs are apart, or one holds the other."""
    networks = ((ip_network(cidr, strict=False), vpc_id) for cidr, vpc_id in blocks)
    found: list[str] = []
    around: list[tuple[int, int, str | None]] = []  # (version, last address, VPC; None: several)
    for network, vpc_id in sorted(networks, key=lambda each: (each[0].version, int(each[0][0]), each[0].prefixlen)):
        first, last = int(network[0]), int(network[-1])
        while around and (around[-1][0] != network.version or around[-1][1] < first):
            around.pop()
        holder = vpc_id if not around or around[-1][2] == vpc_id else None
        if holder is None:
            found.append(str(network))
        around.append((network.version, last, holder))
    return found
