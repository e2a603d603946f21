"""EC2 behind the cache: what the snapshot does not know, asked in batches, within a budget, never in a hurry.

Everything asked is kept with the time of its answer, because an owner is proven only up to then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from cache import Budget, TTLCache
from enricher.addresses import IPV6, Address
from enricher.ec2 import Document, Ec2Reader
from enricher.errors import InventoryError
from enricher.inventory import Inventory
from enricher.inventory_documents import tables_of
from enricher.sources import Source

INTERFACE: Final = "interface"
ADDRESS: Final = "address"
INSTANCE: Final = "instance"
NETWORKS: Final = "networks"
_CacheKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Learnt:
    """Documents EC2 answered for one key, and when (Unix seconds)."""

    at: float
    documents: tuple[Document, ...]


class MissSource:
    """Answers interface ids and addresses as inventories of their own. Not thread-safe.

    Args:
        reader: EC2 of one account and region.
        cache: kept as long as the reader.
        promoted: column → tag keys.
        region: the reader's region, for interfaces whose zone tells none.
    """

    def __init__(
        self,
        reader: Ec2Reader,
        cache: TTLCache[_CacheKey, Any],
        promoted: Mapping[str, tuple[str, ...]],
        region: str,
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._promoted = promoted
        self._region = region

    def networks(self, now: float, budget: Budget, part: str | None = None) -> Source | None:
        """VPCs, subnets and connections, without interfaces; None where EC2 could not be asked.

        ``part`` is the account and region that the reader asks: VPCs of others on its hubs are then known to be unseen.
        """

        def load(_: list[_CacheKey]) -> dict[_CacheKey, Source]:
            answer = self._reader.networks(budget=budget)
            peerings, attachments = answer.peerings, answer.transit_gateway_attachments
            if answer.subnets is None or answer.vpcs is None or peerings is None or attachments is None:
                # With a part of the connections, the only connected owner of an address may not be the only one.
                return {}
            documents = {
                "subnets": {"Subnets": list(answer.subnets)},
                "vpcs": {"Vpcs": list(answer.vpcs)},
                "vpc-peering-connections": {"VpcPeeringConnections": list(peerings)},
                "transit-gateway-attachments": {"TransitGatewayAttachments": list(attachments)},
            }
            try:
                tables = tables_of(documents, now, default_region=self._region, part=part)
            except InventoryError:
                return {}
            return {(NETWORKS, ""): Source(Inventory(tables, self._promoted), "ec2", asked=frozenset())}

        answers = self._cache.get_many([(NETWORKS, "")], now, load)
        source: Source | None = {**answers.stale, **answers.found}.get((NETWORKS, ""))
        return source

    def interfaces(self, ids: Iterable[str], now: float, budget: Budget) -> tuple[Source | None, frozenset[str]]:
        """The interfaces with these ids as a source, and the ids that could not be asked."""
        return self._look_up(
            [(INTERFACE, name) for name in ids],
            now,
            budget,
            lambda names: self._reader.interfaces(ids=names, budget=budget),
            lambda document: [document["NetworkInterfaceId"]],
        )

    def addresses(
        self, private: Iterable[Address], public: Iterable[Address], now: float, budget: Budget
    ) -> tuple[Source | None, frozenset[str]]:
        """Whoever owns these addresses, in any VPC, as a source, and the addresses that could not be asked."""
        by_text = {address.text: address for address in private}
        publicly = {address.text for address in public}

        def ask(texts: list[str]) -> Any:
            found = [by_text[text] for text in texts if text in by_text]
            return self._reader.interfaces(
                private_addresses=[address.text for address in found if address.version != IPV6],
                ipv6_addresses=[address.text for address in found if address.version == IPV6],
                public_addresses=[text for text in texts if text in publicly],
                budget=budget,
            )

        return self._look_up([(ADDRESS, text) for text in (*by_text, *publicly)], now, budget, ask, _addresses_of)

    def _look_up(
        self,
        keys: list[_CacheKey],
        now: float,
        budget: Budget,
        ask: Callable[[list[str]], Any],
        names_of: Callable[[Document], Iterable[str]],
    ) -> tuple[Source | None, frozenset[str]]:
        def load(missing: list[_CacheKey]) -> dict[_CacheKey, Learnt | None]:
            kind = missing[0][0]
            answer = ask([name for _, name in missing])
            if not _are_sound({"network-interfaces": {"NetworkInterfaces": list(answer.documents)}}):
                return {}
            owners: dict[str, list[Document]] = {}
            for document in answer.documents:
                for name in names_of(document):
                    owners.setdefault(name, []).append(document)
            return {(kind, name): Learnt(now, tuple(owners[name])) if name in owners else None for name in answer.asked}

        answers = self._cache.get_many(keys, now, load)
        # An interface that came with several answers is what the latest of them says.
        learnt = sorted([*answers.found.values(), *answers.stale.values()], key=lambda one: one.at)
        interfaces = {document["NetworkInterfaceId"]: document for one in learnt for document in one.documents}
        seen_at = {document["NetworkInterfaceId"]: one.at for one in learnt for document in one.documents}
        unasked = frozenset(name for _, name in answers.unresolved)
        if not interfaces:
            return None, unasked
        answered_at = {name: one.at for answer in (answers.found, answers.stale) for (_, name), one in answer.items()}
        asked = {name for kind, name in keys if kind == ADDRESS and name not in unasked}
        # Who came later with another address's answer may not be the only one who came since this one was asked for.
        asked -= {
            name
            for interface_id, interface in interfaces.items()
            for name in _addresses_of(interface)
            if seen_at[interface_id] > answered_at.get(name, -inf)
        }
        documents = {
            "network-interfaces": {"NetworkInterfaces": list(interfaces.values())},
            "instances": {"Reservations": self._reservations(interfaces.values(), now, budget)},
        }
        return self._source(documents, seen_at, frozenset(asked)), unasked

    def _reservations(self, interfaces: Iterable[Document], now: float, budget: Budget) -> list[Document]:
        """The instances behind interfaces, for their tags."""
        attached = [(interface.get("Attachment") or {}).get("InstanceId") for interface in interfaces]

        def load(missing: list[_CacheKey]) -> dict[_CacheKey, Learnt | None]:
            answer = self._reader.instances([name for _, name in missing], budget=budget)
            if not _are_sound({"instances": {"Reservations": list(answer.documents)}}):
                return {}
            found = {i.get("InstanceId"): i for reservation in answer.documents for i in reservation["Instances"]}
            return {
                (INSTANCE, name): Learnt(now, ({"Instances": [found[name]]},)) if name in found else None
                for name in answer.asked
            }

        answers = self._cache.get_many([(INSTANCE, name) for name in attached if name], now, load)
        return [each for one in (*answers.found.values(), *answers.stale.values()) for each in one.documents]

    def _source(self, documents: Mapping[str, Any], seen_at: Mapping[str, float], asked: frozenset[str]) -> Source:
        tables = tables_of(documents, seen_at=seen_at, default_region=self._region)
        # One look says nothing of how long an owner has stayed; the cache's TTL bounds how long it is believed on.
        return Source(Inventory(tables, self._promoted), "ec2", asked=asked, continued_share=None)


def _are_sound(documents: Mapping[str, Document]) -> bool:
    """Whether an inventory can be made of them. What cannot be read would fail every batch: it counts as not said."""
    try:
        tables_of(documents)
    except InventoryError:
        return False
    return True


def _addresses_of(interface: Document) -> set[str]:
    private = interface.get("PrivateIpAddresses") or ()
    names = {address.get("PrivateIpAddress") for address in private}
    names |= {(address.get("Association") or {}).get("PublicIp") for address in private}
    names |= {(interface.get("Association") or {}).get("PublicIp")}
    ipv6 = (address.get("Ipv6Address") for address in interface.get("Ipv6Addresses") or ())
    names |= {Address.parse(text).text for text in ipv6 if text}
    return {name for name in names if name}
