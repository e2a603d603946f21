"""The estate as numbers: who may talk to whom, and every address that can stand in a flow record.

Interfaces, VPCs and zones are their positions in the estate; an address is its position in ``Addresses.text``, and the
address at position *i* below the number of interfaces is interface *i*'s primary private address.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from itertools import islice
from typing import Final

import numpy as np

from workbench.estate.addresses import (
    INTERNET_IPV6_RANGE,
    INTERNET_RANGE,
    S3_RANGE,
    UNKNOWN_PRIVATE_RANGE,
    hosts,
)
from workbench.estate.arrays import NOBODY, Bools, Floats, Ints, integers
from workbench.estate.distributions import Distributions
from workbench.estate.estate import Estate
from workbench.estate.model import Interface
from workbench.estate.shares import zipf

IPV6_HOSTS: Final = 50
# What a managed resource listens on; instances and tasks draw theirs.
_PORTS: Final = {
    "application_load_balancer": 443,
    "network_load_balancer": 443,
    "lambda": 443,
    "rds": 5432,
    "vpc_endpoint": 443,
    "efs": 2049,
    "nat_gateway": 443,
    "transit_gateway": 443,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Every address: text, AWS service of public ones ("" without), and what it is.

    ``is_private`` marks private addresses outside the estate; the rest are pools to draw from.
    """

    text: list[str]
    service: list[str]
    is_ipv6: Bools
    is_private: Bools
    internet: Ints
    internet_ipv6: Ints
    s3: Ints
    unknown_private: Ints


@dataclass(frozen=True, slots=True)
class Population:
    """The columns of the interfaces (by position), and the ways between VPCs.

    ``public``, ``ipv6`` are address positions, ``peer_vpc`` and ``transit_vpc`` VPC positions, ``nat_gateway`` and
    ``transit_interface`` (by VPC and zone) interface positions; -1 where there is none. ``extra_owner`` and
    ``extra_address`` pair interfaces with their secondary and prefix addresses.
    """

    estate: Estate
    addresses: Addresses
    kind: dict[str, Bools]
    vpc: Ints
    zone: Ints
    recording: Bools
    listed: Bools
    public: Ints
    ipv6: Ints
    service_port: Ints
    talk: Floats
    serve: Floats
    extra_owner: Ints
    extra_address: Ints
    peer_vpc: Ints
    transit_vpc: Ints
    private_gateway: Bools
    nat_gateway: Ints
    transit_interface: Ints

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        """The estate's interfaces."""
        return self.estate.interfaces

    @property
    def distributions(self) -> Distributions:
        """The estate's distributions."""
        return self.estate.distributions

    def workloads(self) -> Bools:
        """The interfaces of instances and tasks."""
        return self.kind["instance"] | self.kind["ecs_task"]


class _Book:
    """Addresses being written down."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.service: list[str] = []

    def add(self, addresses: list[str], service: str = "") -> Ints:
        start = len(self.text)
        self.text.extend(addresses)
        self.service.extend([service] * len(addresses))
        return np.arange(start, len(self.text), dtype=np.int64)


def populate(estate: Estate, rng: np.random.Generator) -> Population:
    """Number the estate; popularity and service ports are drawn from ``rng``."""
    plan, interfaces = estate.distributions, estate.interfaces
    book = _Book()
    book.add([interface.private_address for interface in interfaces])
    public = _optional(book, [interface.public_address for interface in interfaces], "EC2")
    ipv6 = _optional(book, [interface.ipv6_address for interface in interfaces])
    extra_owner, extra_address = _extras(book, estate)
    vpc_position = {vpc.vpc_id: position for position, vpc in enumerate(estate.vpcs)}
    zone_position = {az_id: position for position, (_, az_id) in enumerate(plan.zones)}
    vpc = integers([vpc_position[interface.vpc_id] for interface in interfaces])
    zone = integers([zone_position[interface.az_id] for interface in interfaces])
    kinds = np.array([interface.kind for interface in interfaces])
    kind = {name: kinds == name for name in ("instance", "ecs_task", *_PORTS)}
    spot = vpc * len(zone_position) + zone
    return Population(
        estate=estate,
        addresses=_addresses(book, plan, rng),
        kind=kind,
        vpc=vpc,
        zone=zone,
        recording=np.array([interface.recording for interface in interfaces]),
        listed=np.array([interface.listed for interface in interfaces]),
        public=public,
        ipv6=ipv6,
        service_port=_service_ports(plan, interfaces, rng),
        talk=rng.permutation(zipf(len(interfaces), plan.talker_zipf)),
        serve=rng.permutation(zipf(len(interfaces), plan.talker_zipf)),
        extra_owner=extra_owner,
        extra_address=extra_address,
        peer_vpc=_peers(estate, vpc_position),
        transit_vpc=_transit_peers(estate, vpc_position),
        private_gateway=np.array([vpc.private_gateway for vpc in estate.vpcs]),
        nat_gateway=_nat_by_spot(spot, kind["nat_gateway"], len(vpc_position), len(zone_position)),
        transit_interface=_by_spot(spot, kind["transit_gateway"], len(vpc_position) * len(zone_position)),
    )


def _optional(book: _Book, addresses: list[str | None], service: str = "") -> Ints:
    known = integers([position for position, address in enumerate(addresses) if address])
    positions = np.full(len(addresses), NOBODY, dtype=np.int64)
    positions[known] = book.add([address for address in addresses if address], service)
    return positions


def _extras(book: _Book, estate: Estate) -> tuple[Ints, Ints]:
    """Secondary addresses, and the first used addresses of each prefix, with their interfaces."""
    owners: list[int] = []
    texts: list[str] = []
    for position, interface in enumerate(estate.interfaces):
        found = list(interface.secondary_addresses)
        for prefix in interface.prefixes:
            found += [str(host) for host in islice(ip_network(prefix), estate.distributions.prefix_used)]
        owners += [position] * len(found)
        texts += found
    return integers(owners), book.add(texts)


def _addresses(book: _Book, plan: Distributions, rng: np.random.Generator) -> Addresses:
    internet = book.add(list(islice(hosts(INTERNET_RANGE), plan.internet_hosts)))
    services = [name for name, _ in plan.host_services]
    drawn = rng.choice(len(services), len(internet), p=_shares([share for _, share in plan.host_services]))
    for position, service in zip(internet.tolist(), drawn.tolist(), strict=True):
        book.service[position] = services[service]
    internet_ipv6 = book.add(list(islice(hosts(INTERNET_IPV6_RANGE), IPV6_HOSTS)))
    s3 = book.add(list(islice(hosts(S3_RANGE), plan.s3_addresses)), "S3")
    unknown = book.add(list(islice(hosts(UNKNOWN_PRIVATE_RANGE), plan.unknown_private_hosts)))
    is_private = np.zeros(len(book.text), dtype=np.bool_)
    is_private[unknown] = True
    return Addresses(
        text=book.text,
        service=book.service,
        is_ipv6=np.array([":" in text for text in book.text]),
        is_private=is_private,
        internet=internet,
        internet_ipv6=internet_ipv6,
        s3=s3,
        unknown_private=unknown,
    )


def _service_ports(plan: Distributions, interfaces: tuple[Interface, ...], rng: np.random.Generator) -> Ints:
    ports = integers([port for port, _ in plan.service_ports])
    drawn = ports[rng.choice(len(ports), len(interfaces), p=_shares([share for _, share in plan.service_ports]))]
    fixed = integers([_PORTS.get(interface.kind, 0) for interface in interfaces])
    return np.where(fixed > 0, fixed, drawn)


def _peers(estate: Estate, vpc_position: dict[str, int]) -> Ints:
    """The VPC on the other side of an active peering connection."""
    peers = np.full(len(vpc_position), NOBODY, dtype=np.int64)
    for peering in estate.peerings:
        if peering.status == "active":
            requester, accepter = vpc_position[peering.requester_vpc_id], vpc_position[peering.accepter_vpc_id]
            peers[requester], peers[accepter] = accepter, requester
    return peers


def _transit_peers(estate: Estate, vpc_position: dict[str, int]) -> Ints:
    """The next VPC on the transit gateway, in a circle."""
    peers = np.full(len(vpc_position), NOBODY, dtype=np.int64)
    attached = [vpc_position[attachment.vpc_id] for attachment in estate.attachments]
    peers[integers(attached)] = integers(attached[1:] + attached[:1])
    return peers


def _by_spot(spot: Ints, members: Bools, spots: int) -> Ints:
    found = np.full(spots, NOBODY, dtype=np.int64)
    found[spot[members]] = np.flatnonzero(members)
    return found


def _nat_by_spot(spot: Ints, members: Bools, vpcs: int, zones: int) -> Ints:
    """The NAT gateway that each VPC and zone uses: its own zone's, else the VPC's first."""
    own = _by_spot(spot, members, vpcs * zones).reshape(vpcs, zones)
    first = own[np.arange(vpcs), np.argmax(own >= 0, axis=1)]
    return np.where(own >= 0, own, first[:, None]).reshape(-1)


def _shares(weights: list[float]) -> Floats:
    exact = np.asarray(weights, dtype=np.float64)
    shares: Floats = exact / exact.sum()
    return shares
