"""A world of interfaces whose every second is known, and scans that see it as EC2 and IPAM would.

Interfaces are made and deleted, attached, detached, and given addresses, each at some second. Scans see it: each
interface at a moment of its own between the scan's beginning and end, and as it was up to ``CONSISTENCY`` before. IPAM
sees it up to ``LAG`` later. The only thing the world keeps to is what ``enricher.history`` assumes: what leaves an
interface (an address that is not the primary one, or the state of being attached to nothing) stays away for the
greatest gap, where IPAM tells of it for that and its lag.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from made_by_hand import Document, estate, iso

from enricher.history import merge
from enricher.inventory import InventoryTables, Part, is_ipam
from enricher.inventory_documents import tables_of
from enricher.networks import Networks, Vpc

PARTS = ("111111111111/us-east-1", "222222222222/us-east-1", "ipam/scope")
PUBLIC = "198.51.100.7"
ADDRESSES = ("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.1.0/28", "2001:db8::4", PUBLIC)
PRIMARY = ADDRESSES[:3]
INSTANCES = ("i-1", "i-2")
CHANGES = ("make", "attach", "attach", "assign", "assign", "assign", "delete")
KINDS = ("first", "moving", "managed")
CONSISTENCY = 4
LAG = 50
LONG = 100_000


@dataclass
class Spell:
    """Something was so from ``since`` to the second before ``until``."""

    what: Any
    since: int
    until: int = LONG

    def holds(self, moment: int) -> bool:
        """Whether it was so at that second."""
        return self.since <= moment < self.until


@dataclass
class Interface:
    """An interface's whole life: what it was attached to, which addresses it had."""

    name: str
    kind: str
    vpc: str
    primary: str
    life: Spell
    attachments: list[Spell] = field(default_factory=list)
    others: list[Spell] = field(default_factory=list)

    @property
    def part(self) -> str:
        """The account it is of."""
        return PARTS[int(self.name.removeprefix("eni-")) % 2]

    def attached_to(self, moment: int) -> str | None:
        """The instance, if any."""
        return next((spell.what for spell in self.attachments if spell.holds(moment)), None)


def ended_after(spells: list[Spell], what: Any, moment: int) -> bool:
    """Whether one of the spells of ``what`` ended later than that."""
    return any(spell.what == what and spell.until > moment for spell in spells)


class World:
    """Carries out what is possible of the drawn changes."""

    def __init__(self, gap: int, lag: int) -> None:
        self.gap = gap
        self.away = gap + lag
        self.interfaces: list[Interface] = []
        self.now = 0

    def owner(self, address: str, vpc: str, moment: int) -> Interface | None:
        """Who has an address in a VPC (a public one in any)."""
        for one in self.interfaces:
            if one.life.holds(moment) and (vpc == one.vpc or address == PUBLIC):
                held = [spell.what for spell in one.others if spell.holds(moment)]
                if address in (one.primary, *held):
                    return one
        return None

    def change(self, wait: int, what: str, number: int, choice: int) -> None:
        """Some seconds later, change what the numbers choose, if it can be."""
        self.now += wait
        alive = [one for one in self.interfaces if one.life.holds(self.now)]
        if what == "make":
            self._make(KINDS[number % 3], f"vpc-{choice % 2}", PRIMARY[choice % 3], INSTANCES[number % 2])
        elif alive:
            one = alive[number % len(alive)]
            address = [a for a in ADDRESSES if a != one.primary][choice % (len(ADDRESSES) - 1)]
            {"delete": self._delete, "attach": self._attach, "assign": self._assign}[what](one, choice, address)

    def _make(self, kind: str, vpc: str, address: str, instance: str) -> None:
        if self.owner(address, vpc, self.now) is None:
            one = Interface(f"eni-{len(self.interfaces)}", kind, vpc, address, Spell(None, self.now))
            one.attachments.append(Spell(instance if kind == "first" else None, self.now))
            self.interfaces.append(one)

    def _delete(self, one: Interface, _choice: int, _address: str) -> None:
        for spell in (one.life, one.attachments[-1], *one.others):
            spell.until = min(spell.until, self.now)

    def _attach(self, one: Interface, choice: int, _address: str) -> None:
        """Attach it elsewhere, or to nothing."""
        last = one.attachments[-1]
        target = (*INSTANCES, None)[choice % 3] if last.what is None else None
        was_so = target is None and ended_after(one.attachments[:-1], None, self.now - self.gap)
        if one.kind == "moving" and target != last.what and not was_so:
            last.until = self.now
            one.attachments.append(Spell(target, self.now))

    def _assign(self, one: Interface, _choice: int, address: str) -> None:
        """Take the address away where it has it, else give it where it is nobody's."""
        held = next((spell for spell in one.others if spell.what == address and spell.holds(self.now)), None)
        if held is not None:
            held.until = self.now
        # IPAM is late, so an address has to stay away for longer than the gap.
        elif not self.owner(address, one.vpc, self.now) and not ended_after(one.others, address, self.now - self.away):
            one.others.append(Spell(address, self.now))


def document(one: Interface, moment: int, *, ipam: bool) -> Document | None:
    """The interface as EC2 (or IPAM, which knows no attachment) tells of it at a moment."""
    if not one.life.holds(moment):
        return None
    others = [spell.what for spell in one.others if spell.holds(moment)]
    told: Document = {
        "NetworkInterfaceId": one.name,
        "VpcId": one.vpc,
        "Attachment": {},
        "RequesterManaged": one.kind == "managed",
        "InterfaceType": "network_load_balancer" if one.kind == "managed" else "interface",
        "PrivateIpAddresses": [
            {"PrivateIpAddress": address, "Primary": address == one.primary}
            for address in (one.primary, *(a for a in others if a in PRIMARY))
        ],
        "Ipv6Addresses": [{"Ipv6Address": address} for address in others if ":" in address],
        "Ipv4Prefixes": [{"Ipv4Prefix": address} for address in others if "/" in address],
        "Association": {"PublicIp": PUBLIC} if PUBLIC in others else {},
    }
    attachment = next(spell for spell in one.attachments if spell.holds(moment))
    if attachment.what is not None and not ipam:
        told["Attachment"] = {
            "InstanceId": attachment.what,
            "AttachTime": iso(attachment.since),
            "DeviceIndex": 0 if one.kind == "first" else 1,
        }
    return told


@dataclass(frozen=True)
class Look:
    """A scan: when it began, how long it took, in which second of it and how stale each interface was read."""

    part: str
    begun: int
    took: int
    moments: tuple[int, ...]
    failed: bool

    def documents(self, world: World) -> list[Document]:
        """What it saw, interface by interface."""
        told = []
        for number, one in enumerate(world.interfaces):
            if is_ipam(self.part) or one.part == self.part:
                chance = self.moments[number % len(self.moments)]
                stale = chance % (LAG + 1 if is_ipam(self.part) else CONSISTENCY + 1)
                told.append(document(one, self.begun + chance % (self.took + 1) - stale, ipam=is_ipam(self.part)))
        return [one for one in told if one is not None]

    def tables(self, world: World) -> InventoryTables:
        """The scan."""
        return tables_of(
            estate(interfaces=self.documents(world)),
            self.begun,
            ended_at=self.begun + self.took,
            part=self.part,
            ipam_lag_s=LAG,
        )


@dataclass
class Case:
    """A world, the looks at it in the order of their ends, and the history after each of them."""

    world: World
    looks: list[Look]
    histories: list[InventoryTables | None]
    keep_s: int

    @property
    def last(self) -> InventoryTables:
        """The history in the end."""
        assert self.histories[-1] is not None
        return self.histories[-1]

    def merged(self, previous: InventoryTables | None, *looks: Look, now: float) -> InventoryTables:
        """A failed look fails at its end."""
        good = [look.tables(self.world) for look in looks if not look.failed]
        failed = [Part(look.part, None, None, look.begun + look.took, "failed") for look in looks if look.failed]
        return merge(previous, good, failed, now, self.keep_s, self.world.gap, consistency_s=CONSISTENCY)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Some minutes of changes and looks: hypothesis chooses the kind of case, a seed the rest."""
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - a simulation
    parts = draw(st.sampled_from([PARTS[:1], PARTS[:2], PARTS]))
    world = World(draw(st.sampled_from([60, 100, 180])), LAG if PARTS[-1] in parts else 0)
    patience = draw(st.sampled_from([5, 25]))
    for number in range(4):
        world.change(1, "make", number, chance.randrange(30))
    for _ in range(draw(st.integers(1, 80))):
        world.change(chance.randint(1, patience), chance.choice(CHANGES), chance.randrange(6), chance.randrange(30))
    begun, placed = 0, []
    pause = draw(st.sampled_from([15, 45])) // len(parts)
    for _ in range(draw(st.integers(4, 30))):
        begun += chance.randint(1, 2 * pause)
        moments = tuple(chance.randrange(10_000) for _ in range(5))
        placed.append(Look(chance.choice(parts), begun, chance.randint(0, 20), moments, chance.random() < 0.2))
    placed.sort(key=lambda look: look.begun + look.took)
    case = Case(world, placed, [None], draw(st.sampled_from([100, LONG])))
    for look in placed:
        case.histories.append(case.merged(case.histories[-1], look, now=look.begun + look.took))
    return case


def rows(history: InventoryTables) -> list[dict[str, Any]]:
    """Address rows with their interface's columns."""
    interfaces = history.interfaces.to_pylist()
    names = ("interface_id", "instance_id", "part")
    return [
        row | {name: interfaces[row["row"]][name] for name in names} for row in history.addresses.to_pylist()
    ]  # fmt: skip


def owned(look: Look, world: World) -> dict[tuple[Any, ...], int | None]:
    """(part, interface, instance, address) that a scan saw, and since when the scan itself proves it."""
    found = {}
    for told in look.documents(world):
        attachment = told["Attachment"]
        primary = told["PrivateIpAddresses"][0]["PrivateIpAddress"]
        addresses = [one["PrivateIpAddress"] for one in told["PrivateIpAddresses"]]
        addresses += [one["Ipv6Address"] for one in told["Ipv6Addresses"]]
        addresses += [one["Ipv4Prefix"] for one in told["Ipv4Prefixes"]] + list(told["Association"].values())
        for address in addresses:
            one = next(each for each in world.interfaces if each.name == told["NetworkInterfaceId"])
            since = None
            if address == primary and attachment:
                since = next(s.since for s in one.attachments if iso(s.since) == attachment.get("AttachTime"))
            found[look.part, one.name, attachment.get("InstanceId"), address] = since
    return found


def told(history: InventoryTables | None) -> Any:
    """All of an inventory as plain values."""
    assert history is not None
    networks = history.networks
    tables = [table.to_pylist() for table in (history.interfaces, history.addresses, history.instances)]
    told = (networks.vpcs, networks.subnets, networks.connections, networks.memberships)
    return tables, told, history.observed_at, history.parts


def with_networks(history: InventoryTables) -> InventoryTables:
    """The history with both VPCs, which overlap."""
    vpcs = [Vpc(name, ("10.0.0.0/16", "2001:db8::/56"), PARTS[0]) for name in ("vpc-0", "vpc-1")]
    return replace(history, networks=Networks(vpcs))
