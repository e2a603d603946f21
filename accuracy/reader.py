"""EC2 of one account as ``MissSource`` asks it, answered in the process from the world at that moment."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from accuracy.documents import instance_documents, interface_document
from accuracy.parameters import EPOCH
from accuracy.topology import VPCS, ZONES, network_documents
from accuracy.world import INSTANCE, PREFIX, PUBLIC, World
from cache import Budget
from enricher.ec2 import MAX_FILTER_VALUES, Asked, Document, Ec2Counters, Networks


class WorldReader:
    """Answers as ``enricher.ec2.Ec2Reader`` does, truthfully, within the budget. ``now`` is set before each batch."""

    def __init__(self, world: World, account: int) -> None:
        self._world = world
        self._account = account
        self.now = 0.0  # seconds since the epoch of the world
        self.calls = 0
        accounts = np.array([site.account for site in VPCS])
        self._is_mine = accounts[world.interfaces.subnet // len(ZONES)] == account
        interfaces = world.holds.interface
        single = np.flatnonzero(self._is_mine[interfaces] & (world.holds.kind != PREFIX))
        self._holds = single[np.argsort(world.holds.address[single], kind="stable")]
        self._numbers = world.holds.address[self._holds]

    def counters(self) -> Ec2Counters:
        """Running totals."""
        return Ec2Counters({"DescribeNetworkInterfaces": self.calls}, 0, 0, {}, {})

    def interfaces(
        self,
        *,
        budget: Budget,
        ids: Iterable[str] = (),
        private_addresses: Iterable[str] = (),
        ipv6_addresses: Iterable[str] = (),
        public_addresses: Iterable[str] = (),
    ) -> Asked:
        """Network interfaces by id or address, as they are now."""
        found: dict[str, Document] = {}
        asked = set(self._within(list(ipv6_addresses), budget))
        for values, is_public in ((list(private_addresses), False), (list(public_addresses), True)):
            for address in self._within(values, budget):
                asked.add(address)
                for number in self._holders(address, is_public=is_public):
                    document = self._document(number)
                    if document is not None:
                        found[document["NetworkInterfaceId"]] = document
        for name in self._within(list(ids), budget):
            asked.add(name)
            number = int(name.removeprefix("eni-"), 16)
            document = self._document(number) if self._is_mine[number] else None
            if document is not None:
                found[name] = document
        return Asked(tuple(found.values()), frozenset(asked))

    def instances(self, ids: Iterable[str], *, budget: Budget) -> Asked:
        """Instances by id, as they are now."""
        asked = self._within(list(ids), budget)
        interfaces = self._world.interfaces
        numbers = [int(name.removeprefix("i-"), 16) for name in asked]
        living = [
            n
            for n in numbers
            if self._is_mine[n]
            and interfaces.kind[n] == INSTANCE
            and interfaces.born[n] <= self.now < interfaces.died[n] + 1
        ]
        return Asked(tuple(instance_documents(living)), frozenset(asked))

    def networks(self, *, budget: Budget) -> Networks:
        """The networks of the account."""
        budget.spend()
        told: dict[str, Any] = network_documents(self._account)
        return Networks(
            tuple(told["subnets"]["Subnets"]),
            tuple(told["vpcs"]["Vpcs"]),
            tuple(told["vpc-peering-connections"]["VpcPeeringConnections"]),
            tuple(told["transit-gateway-attachments"]["TransitGatewayAttachments"]),
        )

    def _within(self, values: list[str], budget: Budget) -> list[str]:
        """Those that the budget allows to be asked."""
        asked: list[str] = []
        for first in range(0, len(values), MAX_FILTER_VALUES):
            if budget.refusal(EPOCH + self.now):
                break
            budget.spend()
            self.calls += 1
            asked += values[first : first + MAX_FILTER_VALUES]
        return asked

    def _holders(self, address: str, *, is_public: bool) -> list[int]:
        octets = [int(octet) for octet in address.split(".")]
        number = octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]
        first, last = np.searchsorted(self._numbers, [number, number + 1])
        holds = self._holds[first:last]
        columns = self._world.holds
        now = (columns.since[holds] <= self.now) & (self.now < columns.until[holds] + 1)
        mine = holds[now & ((columns.kind[holds] == PUBLIC) == is_public)]
        return columns.interface[mine].tolist()  # type: ignore[no-any-return]  # numpy's tolist is Any

    def _document(self, interface: int) -> Document | None:
        stays, holds = self._world.stays, self._world.holds
        here = np.flatnonzero((stays.interface == interface) & (stays.since <= self.now) & (self.now < stays.until + 1))
        held = np.flatnonzero((holds.interface == interface) & (holds.since <= self.now) & (self.now < holds.until + 1))
        return interface_document(self._world, int(here[0]), held.tolist()) if len(here) else None
