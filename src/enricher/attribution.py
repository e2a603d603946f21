"""Who an address belonged to, when, and by what evidence: the rules of ownership, VPC choice and proof.

A key's answer is a list of candidates in order of preference. A candidate holds for flows inside
[valid_from, valid_to]; the last one holds for every flow and says what is left when no owner is proven.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from enricher.addresses import IPV6, Address, Addresses, is_private
from enricher.endpoints import ABSENT, AMBIGUOUS, RESOLVED, STALE, SUBNET, UNRESOLVED
from enricher.inventory import ALWAYS, FOREVER, Owner
from enricher.sources import Source, is_private_to

PEER: Final = -1  # Candidate.source of an own side elsewhere in the batch; 0, 1, … number the sources
NOBODY: Final = -2
_MOST_REMEMBERED: Final = 100_000


class Key(NamedTuple):
    """What is asked: an address, seen from a VPC (None: not known), for all flows of one span (Unix seconds)."""

    vpc_id: str | None
    address: int
    traffic_path: int
    first: int
    last: int
    is_claimed: bool = False  # the recorder shows it as its own: who had it when last seen may have given it up


class Candidate(NamedTuple):
    """``row`` of ``source``'s interfaces (or, for status ``subnet``, of its subnets) answers for the time given."""

    valid_from: int
    valid_to: int
    source: int
    row: int
    status: str
    evidence: str | None

    @property
    def names_owner(self) -> bool:
        """Whether an interface answers, not a mere place or nobody."""
        return self.source != NOBODY and self.evidence != "subnet"


# Own sides of the batch's other records: (vpc_id, address code) → [(recorder, first start, last end)].
PeerSides = Mapping[tuple[str, int], Sequence[tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class Attributor:
    """Answers keys from the batch's own sides and from sources, best evidence first.

    ``unasked``: canonical addresses that should have been asked of EC2 and could not be (deadline, budget, breaker).
    """

    addresses: Addresses
    peers: PeerSides
    sources: Sequence[Source]
    unasked: frozenset[str] = frozenset()
    # Address code → VPCs (None: not told) in which the batch's own sides had it: fewer than a hub connects.
    _recorded: dict[int, list[str | None]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the own sides by address."""
        recorded: dict[int, list[str | None]] = {}
        for vpc_id, address in self.peers:
            recorded.setdefault(address, []).append(vpc_id or None)
        object.__setattr__(self, "_recorded", recorded)

    def answers(self, keys: Sequence[Key]) -> list[list[Candidate]]:
        """``answer`` of each key; the common key is settled here, by what a snapshot remembers."""
        if len(self.sources) != 1 or self.sources[0].asked is not None or self.unasked:
            return [self.answer(key) for key in keys]
        remembered, texts, recorded = self.sources[0].remembered(), self.addresses.texts, self._recorded
        found = []
        for key in keys:
            vpc_id, address, path, first, last, _ = key
            if address in recorded:
                found.append(self.answer(key))
                continue
            name = (vpc_id, texts[address], path)
            known = remembered.get(name)
            if known is None:
                if len(remembered) >= _MOST_REMEMBERED:
                    remembered.clear()
                known = remembered[name] = self._timeless(key)
            since, until, answer = known
            found.append(answer if since <= first and last <= until else self.answer(key))
        return found

    def _timeless(self, key: Key) -> tuple[int, int, list[Candidate]]:
        """What follows from the only source alone: the answer to every key of this name whose span lies within a time.

        Of an address that the batch's own sides had, it does not follow.
        """
        source, address = self.sources[0], self.addresses[key.address]
        if not source.inventory.owners(address) and not source.inventory.public_owners(address):
            return ALWAYS, FOREVER, self.answer(key)
        owner = None if key.vpc_id is None else self._only_owner(key, source)
        if owner is None:
            return FOREVER, ALWAYS, []
        return owner.valid_from, owner.seen_until, [Candidate(ALWAYS, FOREVER, 0, owner.row, *source.said(owner.row))]

    def answer(self, key: Key) -> list[Candidate]:
        """The candidates of a key, best first, the last one unbounded."""
        sole = self._sole(key)
        if sole is not None:
            return [sole]
        address = self.addresses[key.address]
        if self.is_public(address):
            owners = [(n, o) for n, source in enumerate(self.sources) for o in source.inventory.public_owners(address)]
            return _settled(key, self._of_owners(key, owners), self._nobody(address, owners))
        owners = self._owners(key, address)
        touching = [pair for pair in owners if pair[1].overlaps(key.first, key.last)]
        # What a CIDR of the recorder's VPC holds is of that VPC, whoever claims the address elsewhere.
        is_own = key.vpc_id is not None and self._covers(key.vpc_id, address)
        claims: frozenset[str | None] = frozenset() if is_own else self._claims(key, address, touching)
        vpc_id = key.vpc_id if is_own else self._vpc_of(key, address, claims)
        if vpc_id is None:
            return [self._nobody(address, touching)]
        candidates = self._of_peers(key, vpc_id)
        candidates += self._of_owners(key, [(n, owner) for n, owner in owners if owner.vpc_id == vpc_id])
        if claims and vpc_id != key.vpc_id:
            candidates = self._while_alone(key, address, vpc_id, candidates)
        # Where only a claim told the VPC, a flow outside the claim's time is not known to be there.
        is_there = not claims or self._vpc_of(key, address, frozenset()) == vpc_id
        return _settled(key, candidates, self._located(address, vpc_id) if is_there else self._nobody(address, claims))

    def _owners(self, key: Key, address: Address) -> list[tuple[int, Owner]]:
        """(source, owner) of whoever owned the address, as far as each source's word goes."""
        is_unique = _is_global(address)
        return [
            (number, owner)
            for number, source in enumerate(self.sources)
            for owner in source.inventory.owners(address)
            if source.asked is None or address.text in source.asked or is_unique or owner.vpc_id == key.vpc_id
        ]

    def _claims(self, key: Key, address: Address, touching: Sequence[tuple[int, Owner]]) -> frozenset[str | None]:
        """VPCs in which somebody is known to have the address: an owner, or a recorder of the batch."""
        owning = frozenset(owner.vpc_id for _, owner in touching)
        places = self._recorded.get(key.address)
        if not places:
            return owning
        reachable = self._reachable(key, address, owning)
        within = [vpc_id for vpc_id in places if vpc_id == key.vpc_id or vpc_id in reachable]
        return owning | {vpc_id for vpc_id in within if self._recorders(vpc_id, key)}

    def _recorders(self, vpc_id: str | None, key: Key) -> Sequence[tuple[int, int, int]]:
        """Who recorded as the address in a VPC: (recorder, first start, last end).

        An interface whose own side shows an address that no CIDR of its VPC holds passes on somebody else's traffic
        (a transit gateway's interface does): that proves nothing.
        """
        recorders = self.peers.get((vpc_id or "", key.address), ())
        return () if recorders and self._covers(str(vpc_id), self.addresses[key.address]) is False else recorders

    def _sole(self, key: Key) -> Candidate | None:
        """The common key, for which the rules need not be weighed: one record or one owner proves all of its span."""
        recorders = self._recorders(key.vpc_id, key)
        if recorders:
            row, first, last = recorders[0]
            proven = len(recorders) == 1 and first <= key.first and key.last <= last
            return Candidate(ALWAYS, FOREVER, PEER, row, RESOLVED, "peer_record") if proven else None
        if len(self.sources) != 1 or key.vpc_id is None:
            return None
        source = self.sources[0]
        owner = self._only_owner(key, source)
        if owner is None or owner.valid_from > key.first or key.last > owner.seen_until:
            return None
        places = self._recorded.get(key.address)
        if places and owner.vpc_id != key.vpc_id:
            connected = self._connected(key)
            if any(vpc_id in connected and self._recorders(vpc_id, key) for vpc_id in places):
                return None
        return Candidate(ALWAYS, FOREVER, 0, owner.row, *source.said(owner.row))

    def _only_owner(self, key: Key, source: Source) -> Owner | None:
        """Who alone owns the address in the key's own VPC, at any time; or, nobody there, in a connected VPC.

        That follows from the inventory alone, so it holds for every batch.
        """
        address = self.addresses[key.address]
        owners = source.inventory.owners(address)
        mine = [owner for owner in owners if owner.vpc_id == key.vpc_id]
        if owners and not mine:
            mine = self._reached(key, address, owners, source)
            mine = [o._replace(seen_until=min(o.seen_until, self._alone_until(key, address, o.vpc_id))) for o in mine]
        return mine[0] if len(mine) == 1 else None

    def _reached(self, key: Key, address: Address, owners: Sequence[Owner], source: Source) -> list[Owner]:
        """Owners in connected VPCs; none where the key's own VPC may hold the address."""
        networks = source.inventory.networks
        if self.is_hidden(key):
            return []
        connected = networks.connected(str(key.vpc_id), key.traffic_path)
        reached = [owner for owner in owners if owner.vpc_id in connected]
        if not reached or networks.covers(str(key.vpc_id), address) is not False:
            return []
        return [] if source.asked is not None or (len(owners) > 1 and _is_global(address)) else reached

    def _while_alone(self, key: Key, address: Address, vpc_id: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates in a connected VPC, as long as nobody else's VPC can have been where the flow went."""
        until = self._alone_until(key, address, vpc_id)
        if until == FOREVER:
            return list(candidates)
        askers = {c.source: self.sources[c.source] for c in candidates if c.source != PEER}
        answered = {n: self._alone_until(key, address, vpc_id, s) for n, s in askers.items() if s.asked is not None}
        return [c._replace(valid_to=min(c.valid_to, answered.get(c.source, until))) for c in candidates]

    def _alone_until(self, key: Key, address: Address, vpc_id: str | None, asked: Source | None = None) -> int:
        """Up to when all owners in other connected VPCs that hold the address are known too (Unix seconds).

        Who was ``asked`` for the address knows those of its own part at the time of its answer.
        """
        networks = [source.inventory.networks for source in self.sources]
        is_contested = any(one.is_contested(address) for one in networks)
        if _is_global(address) or (
            len(networks) == 1 and not is_contested and networks[0].covers(str(vpc_id), address)
        ):
            return FOREVER
        rivals = [other for other in self._connected(key) if other != vpc_id and self._covers(str(other), address)]
        return min((self._known_until(str(rival), asked) for rival in rivals), default=FOREVER)

    def _known_until(self, vpc_id: str, asked: Source | None) -> int:
        """Up to when all owners in the VPC are known."""
        told = [source.inventory for source in self.sources if source.inventory.networks.knows(vpc_id)]
        if asked is not None and all(one.networks.tellers_of(vpc_id) == {asked.part} or not one.parts for one in told):
            return FOREVER
        return int(max((one.vpc_known_until(vpc_id) for one in told), default=ALWAYS))

    def is_public(self, address: Address) -> bool:
        """IPv4 that is nobody's private space nor in any known VPC's CIDR. IPv6 is looked up in networks first."""
        return address.version != IPV6 and not is_private_to(address, self.sources)

    def _vpc_of(self, key: Key, address: Address, claims: frozenset[str | None]) -> str | None:
        """The one VPC the address is in, seen from the key's; None where that is not proven."""
        if key.vpc_id is None or key.vpc_id in claims:
            return key.vpc_id
        covered = self._covers(key.vpc_id, address)
        if covered:
            return key.vpc_id
        if covered is None and self.sources:
            # Whether the recorder's own VPC holds it is not known, so another VPC's word does not settle it.
            return None
        if not _is_global(address) and self.is_hidden(key):
            return None
        candidates = (claims or self._covering(address)) & self._reachable(key, address, claims)
        return next(iter(candidates)) if len(candidates) == 1 else None

    def is_hidden(self, key: Key) -> bool:
        """Whether the address may be in a connected VPC of which at most the name is known, for want of a scan."""
        return any(s.inventory.unseen.is_reached(str(key.vpc_id), key.traffic_path) for s in self.sources)

    def _reachable(self, key: Key, address: Address, owning: frozenset[str | None]) -> frozenset[str | None]:
        """VPCs in which the key's VPC reaches the address."""
        if _is_global(address):
            # A global IPv6 address is one place in the world: no connection is needed to tell whose it is.
            return self._connected(key) | owning | self._covering(address)
        return self._connected(key)

    def _covers(self, vpc_id: str, address: Address) -> bool | None:
        answers = [source.inventory.networks.covers(vpc_id, address) for source in self.sources]
        return True if True in answers else (False if False in answers else None)

    def _covering(self, address: Address) -> frozenset[str | None]:
        return frozenset(
            vpc_id for source in self.sources for vpc_id in source.inventory.networks.vpcs_covering(address)
        )

    def _connected(self, key: Key) -> frozenset[str | None]:
        reached = [s.inventory.networks.connected(str(key.vpc_id), key.traffic_path) for s in self.sources]
        told = [vpc_ids for vpc_ids in reached if vpc_ids]
        return told[0] if len(told) == 1 else frozenset().union(*told)

    def _of_peers(self, key: Key, vpc_id: str) -> list[Candidate]:
        sides = sorted(self._recorders(vpc_id, key), key=lambda side: side[1])
        if len(sides) > 1 and any(later[1] <= earlier[2] for earlier, later in pairwise(sides)):
            # Two interfaces recorded as the same address at the same time: neither is proven.
            return []
        return [Candidate(first, last, PEER, row, RESOLVED, "peer_record") for row, first, last in sides]

    def _of_owners(self, key: Key, owners: Sequence[tuple[int, Owner]]) -> list[Candidate]:
        """Proven times first; then, for flows later than what was last seen, the owner that had no successor."""
        proven: list[Candidate] = []
        continued: list[Candidate] = []
        for number, owner in sorted(owners, key=self._worth):
            source = self.sources[number]
            is_late = source.is_ipam(owner.row)
            others = self._others(number, owner, owners) if len(owners) > 1 else []
            if any(owner.contradicts(other) and (is_late or not is_other_late) for other, is_other_late in others):
                if is_late:
                    continue  # EC2's word stands, IPAM's does not
                return []
            status, evidence = source.said(owner.row)
            proven.append(Candidate(owner.valid_from, owner.seen_until, number, owner.row, status, evidence))
            is_last = all(other.last_sight < owner.seen_until for other, _ in others)
            until = source.continued_until(owner.valid_from, owner.seen_until)
            if owner.is_open and owner.seen_until < min(key.last, until) and is_last and not key.is_claimed:
                continued.append(Candidate(owner.valid_from, until, number, owner.row, status, "snapshot_open"))
        return [*proven, *continued]

    def _worth(self, told: tuple[int, Owner]) -> tuple[bool, bool, bool, int]:
        """Who is asked first where two parts tell of one interface: fresh, of EC2, with instance, and of late."""
        number, owner = told
        source = self.sources[number]
        is_stale = source.said(owner.row)[0] == STALE
        is_bare = source.inventory.instance_ids[owner.row] is None
        return is_stale, source.is_ipam(owner.row), is_bare, -owner.seen_until

    def _others(self, number: int, owner: Owner, owners: Sequence[tuple[int, Owner]]) -> list[tuple[Owner, bool]]:
        """Owners that are another interface, or this one attached elsewhere; and whether IPAM tells of them."""
        mine = self._attachment(number, owner)
        return [
            (other, self.sources[n].is_ipam(other.row))
            for n, other in owners
            if are_two(mine, self._attachment(n, other))
        ]

    def _attachment(self, number: int, owner: Owner) -> tuple[str, str | None, tuple[int, str | None]]:
        inventory = self.sources[number].inventory
        row = owner.row
        return inventory.name_of(row), inventory.instance_ids[row], (number, inventory.part_of(row))

    def _located(self, address: Address, vpc_id: str) -> Candidate:
        for number, source in enumerate(self.sources):
            row = source.inventory.networks.subnet_row(vpc_id, address)
            if row is not None:
                is_stale = source.is_stale_part(source.inventory.networks.subnets[row].part)
                return Candidate(ALWAYS, FOREVER, number, row, STALE if is_stale else SUBNET, "subnet")
        return self._nobody(address, (), vpc_id)

    def _nobody(self, address: Address, owners: Collection[object], vpc_id: str | None = None) -> Candidate:
        """Nobody is named; ``vpc_id``: the VPC that the address is in, where that is known."""
        if not self.sources or address.text in self.unasked:
            status = UNRESOLVED
        elif owners:
            status = AMBIGUOUS
        else:
            status = self._absence(vpc_id)
        return Candidate(ALWAYS, FOREVER, NOBODY, 0, status, None)

    def _absence(self, vpc_id: str | None) -> str:
        """What it is worth that no owner is known: those who tell of the VPC would know, else anybody might."""
        if vpc_id is not None:
            tellers = [(s, part) for s in self.sources for part in s.inventory.networks.parts_of(vpc_id)]
            if tellers:
                return STALE if any(source.is_stale_part(part) for source, part in tellers) else ABSENT
        if any(source.inventory.unscanned for source in self.sources):
            return UNRESOLVED
        return STALE if any(source.is_stale or source.stale_parts for source in self.sources) else ABSENT


def are_two(
    one: tuple[str, str | None, tuple[int, str | None]], other: tuple[str, str | None, tuple[int, str | None]]
) -> bool:
    """Whether (interface, instance, who told) are two owners, and not one of which one teller knows less."""
    if one[0] != other[0]:
        return True
    return one[1] != other[1] and (one[2] == other[2] or None not in (one[1], other[1]))


def _is_global(address: Address) -> bool:
    return address.version == IPV6 and not is_private(address)


def _settled(key: Key, candidates: list[Candidate], otherwise: Candidate) -> list[Candidate]:
    """Candidates up to the first that holds for the key's whole span; ``otherwise`` closes the list if none does."""
    for position, candidate in enumerate(candidates):
        if candidate.valid_from <= key.first and key.last <= candidate.valid_to:
            return [*candidates[:position], candidate._replace(valid_from=ALWAYS, valid_to=FOREVER)]
    return [*candidates, otherwise]
