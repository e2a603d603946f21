"""Why an address was named, or was not: the attribution's own answer, and the rule that left each owner out.

Nothing is decided here. The answer is the Attributor's. An owner that did not answer is asked for once more from its
own VPC, by the same Attributor: if it answers there, the choice of the VPC left it out, else time did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import Address, Addresses
from enricher.attribution import NOBODY, Attributor, Candidate, Key, are_two
from enricher.inventory import ALWAYS, FOREVER, InventoryTables, Owner
from enricher.sources import Source

# Why an owner is not the answer. Time:
ATTACHED_LATER: Final = "attached_later"  # its attachment is after the time asked for
SEEN_LATER: Final = "seen_later"  # a scan after the time asked for saw it first; nothing proves the time before
GONE: Final = "gone"  # it was last seen before the time asked for, and no longer when its part was scanned next
SUCCEEDED: Final = "succeeded"  # it was not continued: another owner has been seen since
TOO_LONG_AGO: Final = "too_long_ago"  # last seen longer ago than it may be believed to go on
CONFLICT: Final = "conflict"  # another interface is said to have had the address at the same time
CONFLICT_OF_OTHERS: Final = "conflict_of_others"  # others contradict each other: nobody in their VPC is believed
LATE_WORD: Final = "late_word"  # only IPAM, which is late, tells of it, and EC2 of another interface
EC2_KNOWS: Final = "ec2_knows"  # IPAM tells of it, but EC2 tells of this interface too, and that word is taken
SAME_OWNER: Final = "same_owner"  # another ownership of the same interface stands for it (by a prefix, by two scans)
# Place:
NO_VPC: Final = "no_vpc"  # it is not known from which VPC the address was seen
OTHER_VPC: Final = "other_vpc"  # a CIDR of the VPC it was seen from holds the address
CIDRS_UNKNOWN: Final = "cidrs_unknown"  # whether the VPC it was seen from holds the address is not known
UNCONNECTED: Final = "unconnected"  # its VPC is not connected to the one the address was seen from
SEVERAL_CONNECTED: Final = "several_connected"  # more than one connected VPC may hold the address
HIDDEN_VPC: Final = "hidden_vpc"  # a connected VPC, of which no scan has told, may hold the address
VPC_UNKNOWN: Final = "vpc_unknown"  # the inventory does not tell the owner's VPC
PUBLIC_SPACE: Final = "public_space"  # a public address that no known CIDR holds belongs to who it is associated with
TIME_REASONS: Final = (
    ATTACHED_LATER, SEEN_LATER, GONE, SUCCEEDED, TOO_LONG_AGO, CONFLICT, CONFLICT_OF_OTHERS, LATE_WORD
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ownership:
    """An interface had the address: ``owner`` as the attribution weighs it.

    ``since_attachment``: it is proven since AttachTime; ``through``: the prefix by which it had the address, if any.
    """

    owner: Owner
    since_attachment: bool
    through: str | None

    @property
    def valid_from(self) -> int | None:
        """Unix seconds from which it is proven; None where undated."""
        return None if self.owner.valid_from == ALWAYS else self.owner.valid_from

    @property
    def seen_until(self) -> int | None:
        """Unix seconds up to which it is proven; None where undated."""
        return None if self.owner.seen_until == FOREVER else self.owner.seen_until

    def holds(self, at: int) -> bool:
        """Whether it is proven for that second."""
        return self.owner.valid_from <= at <= self.owner.seen_until


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An ownership that did not answer, why, and because of which other one (if it was one)."""

    ownership: int
    reason: str
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``enrich`` writes for the address seen from ``seen_from`` at the time.

    ``columns``: one side's, without ``src_`` or ``dst_``;
    ``named``: the ownership that answers; ``left_out``: all others.
    """

    seen_from: str | None
    columns: dict[str, Any]
    named: int | None
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A VPC of which a CIDR holds the address; the subnet is None where none does, ``cidr`` where none is known."""

    vpc_id: str
    cidr: str | None
    subnet_id: str | None
    subnet_cidr: str | None
    az_id: str | None
    region: str | None


class Explainer:
    """Explains one address by one inventory: ``source`` is made of ``tables``."""

    def __init__(self, tables: InventoryTables, source: Source, address: Address) -> None:
        self.address = address
        self.evidence = source.evidence
        self.networks = source.inventory.networks
        self._tables = tables
        self._source = source
        self._attributor = Attributor(Addresses([address.text]), {}, [source])
        self.is_public = self._attributor.is_public(address)
        self.ownerships = _ownerships(tables, address)
        inventory = source.inventory
        self._weighed = {*inventory.owners(address), *inventory.public_owners(address)}
        self.places = _places(source, address)

    def interface(self, ownership: Ownership) -> dict[str, Any]:
        """What the inventory knows of the interface that had the address: location, resource, tags, ``part``."""
        return {
            **_endpoint(self._source, ownership.owner.row),
            "part": self._tables.interfaces["part"][ownership.owner.row].as_py(),
        }

    def vpcs(self) -> list[str]:
        """The VPCs that hold the address, or in which somebody had it."""
        holding = [place.vpc_id for place in self.places]
        owning = [each.owner.vpc_id for each in self.ownerships if each.owner.vpc_id is not None]
        return list(dict.fromkeys([*holding, *owning]))

    def answer(self, seen_from: str | None, at: int) -> Answer:
        """What the address is at ``at`` (Unix seconds), seen from a VPC (None: not known which)."""
        candidate = self._candidate(seen_from, at)
        named = self._named(candidate, at)
        left_out = tuple(
            LeftOut(number, *self._why_not(number, seen_from, at))
            for number in range(len(self.ownerships))
            if number != named
        )
        return Answer(seen_from, self._columns(candidate), named, left_out)

    def _candidate(self, seen_from: str | None, at: int) -> Candidate:
        # A public address is asked for without a VPC, as `keys_of` does.
        vpc_id = None if self.is_public else seen_from
        candidates = self._attributor.answer(Key(vpc_id, 0, 0, at, at))
        return next(c for c in candidates if c.valid_from <= at <= c.valid_to)

    def _named(self, candidate: Candidate, at: int) -> int | None:
        if not candidate.names_owner:
            return None
        mine = [number for number, each in enumerate(self.ownerships) if each.owner.row == candidate.row]
        proving = [number for number in mine if self.ownerships[number].holds(at)]
        continued = [number for number in mine if self.ownerships[number].owner.is_open]
        return (proving or continued)[-1]

    def _columns(self, candidate: Candidate) -> dict[str, Any]:
        columns: dict[str, Any] = dict.fromkeys(self._source.inventory.endpoints.column_names)
        if candidate.source != NOBODY and candidate.names_owner:
            columns |= _endpoint(self._source, candidate.row)
        elif candidate.source != NOBODY:
            subnet = self._source.inventory.networks.subnets[candidate.row]
            columns |= {name: getattr(subnet, name) for name in ("vpc_id", "subnet_id", "az_id", "region")}
        return {"status": candidate.status, **columns, "evidence": candidate.evidence}

    def _why_not(self, number: int, seen_from: str | None, at: int) -> tuple[str, int | None]:
        """The rule that left an ownership out, and the other ownership by which it did."""
        mine = self.ownerships[number].owner
        if mine not in self._weighed:
            return EC2_KNOWS, None
        if not self.is_public and mine.vpc_id is None:
            return VPC_UNKNOWN, None
        if self.is_public and mine.vpc_id is not None:
            return PUBLIC_SPACE, None
        # Asked from its own VPC no other VPC is in question.
        within = self._named(self._candidate(mine.vpc_id, at), at)
        if within == number:
            return self._other_place(mine, seen_from, at), None
        believed = self._source.continued_until(mine.valid_from, mine.seen_until) if mine.is_open else mine.seen_until
        is_meant = mine.valid_from <= at <= max(believed, mine.seen_until)
        if is_meant and within is not None and within not in self._others(mine):
            return SAME_OWNER, within
        return self._other_time(number, at)

    def _other_place(self, mine: Owner, seen_from: str | None, at: int) -> str:
        if seen_from is None:
            return NO_VPC
        is_held = self.networks.covers(seen_from, self.address)
        if is_held is not False:
            return OTHER_VPC if is_held else CIDRS_UNKNOWN
        if mine.vpc_id not in self.networks.connected(seen_from):
            return UNCONNECTED
        return HIDDEN_VPC if self._attributor.is_hidden(Key(seen_from, 0, 0, at, at)) else SEVERAL_CONNECTED

    def _other_time(self, number: int, at: int) -> tuple[str, int | None]:
        mine = self.ownerships[number].owner
        others = [(place, self.ownerships[place].owner) for place in self._others(mine)]
        if at < mine.valid_from:
            return (ATTACHED_LATER if self.ownerships[number].since_attachment else SEEN_LATER), None
        if at > mine.seen_until and not mine.is_open:
            return GONE, next((place for place, other in others if other.valid_from > mine.seen_until), None)
        met = next((place for place, other in others if other.contradicts(mine)), None)
        if met is not None:
            return (LATE_WORD if self._source.is_ipam(mine.row) else CONFLICT), met
        later = next((place for place, other in others if other.last_sight >= mine.seen_until), None)
        if at > mine.seen_until and later is not None:
            return SUCCEEDED, later
        if at > self._source.continued_until(mine.valid_from, mine.seen_until):
            return TOO_LONG_AGO, None
        return CONFLICT_OF_OTHERS, next((place for place, other in others if self._is_contradicted(other)), None)

    def _is_contradicted(self, owner: Owner) -> bool:
        return any(self.ownerships[place].owner.contradicts(owner) for place in self._others(owner))

    def _others(self, mine: Owner) -> list[int]:
        """The ownerships, in the same VPC, of whoever is not this one's interface as it was attached then."""
        return [
            place
            for place, other in enumerate(self.ownerships)
            if other.owner in self._weighed
            and other.owner.vpc_id == mine.vpc_id
            and are_two(self._attachment(other.owner), self._attachment(mine))
        ]

    def _attachment(self, owner: Owner) -> tuple[str, str | None, tuple[int, str | None]]:
        inventory = self._source.inventory
        return inventory.name_of(owner.row), inventory.instance_ids[owner.row], (0, inventory.part_of(owner.row))


def _ownerships(tables: InventoryTables, address: Address) -> list[Ownership]:
    """Every interval in which an interface had the address, or a prefix that holds it, oldest first."""
    texts = tables.addresses["address"]
    prefixes = tables.addresses.filter(pc.match_substring(texts, "/"))
    holding = [text for text in pc.unique(prefixes["address"]).to_pylist() if _holds(text, address)]
    mine = tables.addresses.filter(pc.is_in(texts, value_set=pa.array([address.text, *holding], texts.type)))
    attached_at = tables.interfaces["attached_at"]
    found = []
    for each in mine.to_pylist():
        row, since, until = each["row"], each["valid_from"], each["seen_until"]
        found.append(
            Ownership(
                Owner(
                    row,
                    each["vpc_id"],
                    ALWAYS if since is None else since,
                    FOREVER if until is None else until,
                    each["is_open"],
                ),
                since is not None and since == attached_at[row].as_py(),
                each["address"] if "/" in each["address"] else None,
            )
        )
    return sorted(found, key=lambda each: (each.owner[2:4], str(each.owner.vpc_id), each.owner.row))


def _holds(cidr: str, address: Address) -> bool:
    network = ip_network(cidr, strict=False)
    bits = network.max_prefixlen - network.prefixlen
    return network.version == address.version and int(network.network_address) >> bits == address.number >> bits


def _places(source: Source, address: Address) -> list[Place]:
    """Every VPC that holds the address by a CIDR, or by a subnet where its CIDRs are not known."""
    networks = source.inventory.networks
    known = {vpc.vpc_id: vpc.cidrs for vpc in networks.vpcs}
    places = []
    for vpc_id in dict.fromkeys([*known, *(subnet.vpc_id for subnet in networks.subnets)]):
        if not networks.covers(vpc_id, address):
            continue
        row = networks.subnet_row(vpc_id, address)
        subnet = None if row is None else networks.subnets[row]
        places.append(
            Place(
                vpc_id,
                _holding(known.get(vpc_id, ()), address),
                None if subnet is None else subnet.subnet_id,
                None if subnet is None else _holding(subnet.cidrs, address),
                None if subnet is None else subnet.az_id,
                None if subnet is None else subnet.region,
            )
        )
    return places


def _holding(cidrs: Sequence[str], address: Address) -> str | None:
    return next((cidr for cidr in cidrs if _holds(cidr, address)), None)


def _endpoint(source: Source, row: int) -> dict[str, Any]:
    (columns,) = source.inventory.endpoints.slice(row, 1).to_pylist()
    return {**columns, "tags": None if columns["tags"] is None else dict(columns["tags"])}
