"""Who an address belonged to, when, and by what evidence: the rules of ownership, VPC choice and proof.

A key's answer is a list of candidates in order of preference. A candidate holds for flows inside
[valid_from, valid_to]; the last one holds for every flow and says what is left when no owner is proven.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from enricher.addresses import IPV6, Address, is_private
from enricher.endpoints import ABSENT, AMBIGUOUS, RESOLVED, STALE, SUBNET, UNRESOLVED
from enricher.inventory import ALWAYS, FOREVER, Inventory, Owner

PEER: Final = -1  # Candidate.source of an own side elsewhere in the batch; 0, 1, … number the sources
NOBODY: Final = -2


class Key(NamedTuple):
    """What is asked: an address, seen from a VPC (None: not known), for all flows of one span (Unix seconds)."""

    vpc_id: str | None
    address: int
    traffic_path: int
    first: int
    last: int


class Candidate(NamedTuple):
    """``row`` of ``source``'s interfaces (or, for status ``subnet``, of its subnets) answers for the time given."""

    valid_from: int
    valid_to: int
    source: int
    row: int
    status: str
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """An inventory and what its word is worth: ``evidence`` is ``snapshot`` or ``ec2``; stale is past its hard TTL."""

    inventory: Inventory
    evidence: str
    is_stale: bool = False


# Own sides of the batch's other records: (vpc_id, address code) → [(recorder, first start, last end)].
PeerSides = Mapping[tuple[str, int], Sequence[tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class Attributor:
    """Answers keys from the batch's own sides and from sources, best evidence first.

    ``unasked``: canonical addresses that should have been asked of EC2 and could not be (deadline, budget, breaker).
    """

    addresses: Sequence[Address]
    peers: PeerSides
    sources: Sequence[Source]
    unasked: frozenset[str] = frozenset()

    def answer(self, key: Key) -> list[Candidate]:
        """The candidates of a key, best first, the last one unbounded."""
        address = self.addresses[key.address]
        if self.is_public(address):
            owners = [(n, o) for n, source in enumerate(self.sources) for o in source.inventory.public_owners(address)]
            return _settled(key, self._of_owners(key, owners), self._nobody(address, owners))
        owners = [(n, o) for n, source in enumerate(self.sources) for o in source.inventory.owners(address)]
        touching = [(n, owner) for n, owner in owners if owner.overlaps(key.first, key.last)]
        vpc_id = self._vpc_of(key, address, touching)
        if vpc_id is None:
            return [self._nobody(address, touching)]
        candidates = self._of_peers(key, vpc_id)
        candidates += self._of_owners(key, [(n, owner) for n, owner in owners if owner.vpc_id == vpc_id])
        return _settled(key, candidates, self._located(address, vpc_id))

    def is_public(self, address: Address) -> bool:
        """IPv4 that is nobody's private space nor in any known VPC's CIDR. IPv6 is looked up in networks first."""
        if address.version == IPV6 or is_private(address):
            return False
        return not any(source.inventory.networks.any_vpc_covers(address) for source in self.sources)

    def _vpc_of(self, key: Key, address: Address, touching: Sequence[tuple[int, Owner]]) -> str | None:
        """The one VPC the address is in, seen from the key's; None where that is not proven."""
        if key.vpc_id is None:
            return None
        covered = self._covers(key.vpc_id, address)
        owning = {owner.vpc_id for _, owner in touching}
        if covered or key.vpc_id in owning or (key.vpc_id, key.address) in self.peers:
            return key.vpc_id
        if covered is None and self.sources:
            # Whether the recorder's own VPC holds it is not known, so another VPC's word does not settle it.
            return None
        reachable = self._connected(key)
        covering = self._covering(address)
        if address.version == IPV6 and not is_private(address):
            # A global IPv6 address is one place in the world: no connection is needed to tell whose it is.
            reachable |= {*owning, *covering}
        known = owning | {vpc_id for vpc_id in reachable if (vpc_id, key.address) in self.peers}
        candidates = (known or covering) & reachable
        return candidates.pop() if len(candidates) == 1 else None

    def _covers(self, vpc_id: str, address: Address) -> bool | None:
        answers = {source.inventory.networks.covers(vpc_id, address) for source in self.sources}
        return True if True in answers else (False if False in answers else None)

    def _covering(self, address: Address) -> set[str | None]:
        return {vpc_id for source in self.sources for vpc_id in source.inventory.networks.vpcs_covering(address)}

    def _connected(self, key: Key) -> set[str | None]:
        networks = (source.inventory.networks for source in self.sources)
        return {vpc_id for network in networks for vpc_id in network.connected(str(key.vpc_id), key.traffic_path)}

    def _of_peers(self, key: Key, vpc_id: str) -> list[Candidate]:
        sides = sorted(self.peers.get((vpc_id, key.address), ()), key=lambda side: side[1])
        if any(later[1] <= earlier[2] for earlier, later in pairwise(sides)):
            # Two interfaces recorded as the same address at the same time: neither is proven.
            return []
        return [Candidate(first, last, PEER, row, RESOLVED, "peer_record") for row, first, last in sides]

    def _of_owners(self, key: Key, owners: Sequence[tuple[int, Owner]]) -> list[Candidate]:
        """Proven times first; then, for flows later than what was last seen, the owner that had no successor."""
        proven: list[Candidate] = []
        continued: list[Candidate] = []
        for number, owner in owners:
            others = [other for n, other in owners if self._interface(n, other) != self._interface(number, owner)]
            if any(o.valid_from <= owner.seen_until and owner.valid_from <= o.seen_until for o in others):
                return []
            source = self.sources[number]
            status = STALE if source.is_stale else RESOLVED
            proven.append(Candidate(owner.valid_from, owner.seen_until, number, owner.row, status, source.evidence))
            if owner.is_open and owner.seen_until < key.last and all(o.seen_until < owner.seen_until for o in others):
                continued.append(Candidate(owner.valid_from, FOREVER, number, owner.row, status, "snapshot_open"))
        return proven + continued

    def _interface(self, number: int, owner: Owner) -> str:
        return str(self.sources[number].inventory.interface_ids[owner.row])

    def _located(self, address: Address, vpc_id: str) -> Candidate:
        for number, source in enumerate(self.sources):
            row = source.inventory.networks.subnet_row(vpc_id, address)
            if row is not None:
                return Candidate(ALWAYS, FOREVER, number, row, STALE if source.is_stale else SUBNET, "subnet")
        return self._nobody(address, ())

    def _nobody(self, address: Address, owners: Sequence[tuple[int, Owner]]) -> Candidate:
        if not self.sources or address.text in self.unasked:
            status = UNRESOLVED
        elif owners:
            status = AMBIGUOUS
        else:
            status = STALE if any(source.is_stale for source in self.sources) else ABSENT
        return Candidate(ALWAYS, FOREVER, NOBODY, 0, status, None)


def _settled(key: Key, candidates: list[Candidate], otherwise: Candidate) -> list[Candidate]:
    """Candidates up to the first that holds for the key's whole span; ``otherwise`` closes the list if none does."""
    for position, candidate in enumerate(candidates):
        if candidate.valid_from <= key.first and key.last <= candidate.valid_to:
            return [*candidates[:position], candidate._replace(valid_from=ALWAYS, valid_to=FOREVER)]
    return [*candidates, otherwise]
