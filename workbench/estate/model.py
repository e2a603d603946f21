"""What the estate is made of: VPCs, subnets, interfaces and the resources behind them, as typed values.

Addresses are text, times aware datetimes in UTC. Nothing here knows AWS's document shapes: ``documents`` writes those.
"""

from dataclasses import dataclass, field
from datetime import datetime

TagMap = dict[str, str]


@dataclass(frozen=True, slots=True)
class Zone:
    """An Availability Zone as this account sees it: the name is the account's, the ID is AWS's."""

    name: str
    az_id: str


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC; ``cidrs`` are IPv4, the first is the primary."""

    vpc_id: str
    name: str
    cidrs: tuple[str, ...]
    ipv6_cidr: str | None
    private_gateway: bool


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; ``public`` means its route table leads to an internet gateway."""

    subnet_id: str
    vpc_id: str
    zone: Zone
    cidr: str
    ipv6_cidr: str | None
    public: bool


@dataclass(frozen=True, slots=True)
class ElasticAddress:
    """A public IPv4 address on an interface; without ``allocation_id`` it is AWS's own, not an Elastic IP."""

    address: str
    association_id: str | None = None
    allocation_id: str | None = None


@dataclass(frozen=True, slots=True)
class EcsTask:
    """The ECS task behind an interface."""

    cluster: str
    service: str
    task_id: str


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and what owns it.

    ``kind`` is the generator's word, ``resource_type`` and ``resource_id`` the lake's. ``tags`` are those that count
    (the instance's or managed resource's over the interface's own), ``own_tags`` the interface's tag set.
    ``recording`` tells whether a flow log covers it, ``listed`` whether the inventory knows it.
    """

    interface_id: str
    kind: str
    vpc_id: str
    subnet_id: str
    zone: Zone
    private_address: str
    description: str
    resource_type: str
    resource_id: str | None
    attached_at: datetime
    recording: bool
    secondary_addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    ipv6_address: str | None = None
    public: ElasticAddress | None = None
    instance_id: str | None = None
    device_index: int = 0
    operator: str | None = None
    scaling_group: str | None = None
    task: EcsTask | None = None
    tags: TagMap = field(default_factory=dict)
    own_tags: TagMap = field(default_factory=dict)
    listed: bool = True

    @property
    def az_id(self) -> str:
        """The Availability Zone ID."""
        return self.zone.az_id

    @property
    def public_address(self) -> str | None:
        """The public IPv4 address, if any."""
        return self.public.address if self.public else None

    @property
    def project(self) -> str | None:
        """The project that the tags name, under either spelling of the key."""
        return self.tags.get("project", self.tags.get("Project"))

    @property
    def team(self) -> str | None:
        """The team that the tags name."""
        return self.tags.get("team")

    @property
    def environment(self) -> str | None:
        """The environment that the tags name."""
        return self.tags.get("environment")

    @property
    def name(self) -> str | None:
        """The Name tag."""
        return self.tags.get("Name")


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance; ``interface_ids`` in the order of their device index."""

    instance_id: str
    instance_type: str
    launched_at: datetime
    interface_ids: tuple[str, ...]
    operator: str | None
    tags: TagMap


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """An application (``app``) or network (``net``) load balancer; ``token`` is the hash in its ARN."""

    name: str
    token: str
    type: str
    internet_facing: bool
    vpc_id: str
    interface_ids: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A public zonal NAT gateway."""

    nat_gateway_id: str
    interface_id: str
    created_at: datetime
    tags: TagMap


@dataclass(frozen=True, slots=True)
class Peering:
    """A VPC peering connection; ``status`` is AWS's code, such as ``active`` or ``deleted``."""

    peering_id: str
    requester_vpc_id: str
    accepter_vpc_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A VPC's attachment to the transit gateway."""

    attachment_id: str
    transit_gateway_id: str
    vpc_id: str
    created_at: datetime
    tags: TagMap
