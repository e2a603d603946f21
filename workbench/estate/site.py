"""The building site: seeded randomness, free addresses and ids, and how one interface is put up.

Used only while an estate is being built; what comes out is the frozen values of ``model``.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from workbench.estate.addresses import OUR_PUBLIC_RANGE, SubnetAddresses, hosts
from workbench.estate.distributions import Distributions
from workbench.estate.model import EcsTask, ElasticAddress, Interface, Subnet, TagMap, Vpc
from workbench.estate.ownership import Ownership

ID_BITS: Final = 64
# The lake's resource type of each kind of interface (DESIGN.md, columns).
RESOURCE_TYPES: Final = {
    "instance": "instance",
    "ecs_task": "ecs_task",
    "nat_gateway": "nat_gateway",
    "application_load_balancer": "load_balancer",
    "network_load_balancer": "load_balancer",
    "lambda": "lambda",
    "rds": "rds",
    "vpc_endpoint": "vpc_endpoint",
    "transit_gateway": "transit_gateway",
    "efs": "efs",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What one new interface shall be; ``public`` is "", "elastic" or "automatic"."""

    kind: str
    subnet: Subnet
    description: str
    resource_id: str | None
    attached_at: datetime
    public: str = ""
    secondaries: int = 0
    prefixes: int = 0
    ipv6: bool = False
    instance_id: str | None = None
    device_index: int = 0
    operator: str | None = None
    scaling_group: str | None = None
    task: EcsTask | None = None
    tags: TagMap = field(default_factory=dict)
    own_tags: TagMap = field(default_factory=dict)


class Site:
    """Free addresses, fresh ids and seeded chance for one estate."""

    def __init__(self, distributions: Distributions, seed: int) -> None:
        """Nothing is built yet; the same distributions and seed build the same estate."""
        self.distributions = distributions
        self.random = Random(f"{distributions.digest()}:{seed}")
        self.ownership = Ownership(distributions, self.random)
        self.vpcs: dict[str, Vpc] = {}
        self.subnets: list[Subnet] = []
        self.interfaces: list[Interface] = []
        self._addresses: dict[str, SubnetAddresses] = {}
        self._rooms: dict[tuple[str, bool, str], list[Subnet]] = {}
        self._publics = hosts(OUR_PUBLIC_RANGE)
        self._attached_from = datetime.fromisoformat(distributions.attached_from)
        self._attached_seconds = int(
            (datetime.fromisoformat(distributions.attached_to) - self._attached_from).total_seconds()
        )

    def id(self, prefix: str) -> str:
        """A fresh AWS id: the prefix and 17 hexadecimal digits."""
        return f"{prefix}-0{self.random.getrandbits(ID_BITS):016x}"

    def chance(self, share: float) -> bool:
        """True in ``share`` of all calls."""
        return self.random.random() < share

    def attach_time(self) -> datetime:
        """A time between the oldest and the newest attachment, whole seconds."""
        return self._attached_from + timedelta(seconds=self.random.randrange(self._attached_seconds))

    def add_subnet(self, subnet: Subnet) -> None:
        """Open a subnet for interfaces."""
        self.subnets.append(subnet)
        self._addresses[subnet.subnet_id] = SubnetAddresses(subnet.cidr, subnet.ipv6_cidr)
        self._rooms.setdefault((subnet.vpc_id, subnet.public, subnet.zone.az_id), []).append(subnet)

    def subnet(self, vpc: Vpc, az_id: str, *, public: bool) -> Subnet:
        """One of the subnets of this VPC, zone and side."""
        return self.random.choice(self._rooms[vpc.vpc_id, public, az_id])

    def free_addresses(self) -> dict[str, int]:
        """Available IPv4 addresses by subnet id."""
        return {subnet_id: addresses.free for subnet_id, addresses in self._addresses.items()}

    def put_up(self, order: Order) -> Interface:
        """Build the interface that was ordered and remember it."""
        addresses = self._addresses[order.subnet.subnet_id]
        interface = Interface(
            interface_id=self.id("eni"),
            kind=order.kind,
            vpc_id=order.subnet.vpc_id,
            subnet_id=order.subnet.subnet_id,
            zone=order.subnet.zone,
            private_address=addresses.single(),
            description=order.description,
            resource_type=RESOURCE_TYPES[order.kind],
            resource_id=order.resource_id,
            attached_at=order.attached_at,
            recording=not self.chance(self.distributions.not_recording_share),
            secondary_addresses=tuple(addresses.single() for _ in range(order.secondaries)),
            prefixes=tuple(addresses.prefix() for _ in range(order.prefixes)),
            ipv6_address=addresses.ipv6() if order.ipv6 and order.subnet.ipv6_cidr else None,
            public=self._public(order.public),
            instance_id=order.instance_id,
            device_index=order.device_index,
            operator=order.operator,
            scaling_group=order.scaling_group,
            task=order.task,
            tags=order.own_tags | order.tags,
            own_tags=order.own_tags,
        )
        self.interfaces.append(interface)
        return interface

    def _public(self, kind: str) -> ElasticAddress | None:
        if not kind:
            return None
        address = next(self._publics)
        if kind == "automatic":
            return ElasticAddress(address)
        return ElasticAddress(address, self.id("eipassoc"), self.id("eipalloc"))
