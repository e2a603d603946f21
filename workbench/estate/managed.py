"""Resources whose interfaces AWS makes: NAT gateways, load balancers, Lambda, RDS, endpoints, EFS.

Descriptions are those AWS writes (facts on EC2 resolution; EC2 guide, "Requester-managed network interfaces").
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from typing import Final
from uuid import UUID

from workbench.estate.model import Interface, LoadBalancer, NatGateway, TagMap, Vpc
from workbench.estate.site import Order, Site

_UUID_BITS: Final = 128


def build_nat_gateways(site: Site) -> tuple[NatGateway, ...]:
    """The planned NAT gateways, one zone each, in public subnets, with an Elastic IP."""
    gateways = []
    for plan in site.distributions.vpcs:
        for _, az_id in site.distributions.zones[: plan.nat_gateways]:
            gateway_id, created, tags = site.id("nat"), site.attach_time(), site.ownership.tags("nat")
            subnet = site.subnet(site.vpcs[plan.name], az_id, public=True)
            description = f"Interface for NAT Gateway {gateway_id}"
            order = Order("nat_gateway", subnet, description, gateway_id, created, public="elastic", tags=tags)
            gateways.append(NatGateway(gateway_id, site.put_up(order).interface_id, created, tags))
    return tuple(gateways)


def build_load_balancers(site: Site) -> tuple[LoadBalancer, ...]:
    """The planned load balancers over all zones; those open to the internet have public addresses."""
    plan = site.distributions
    kinds = ["app"] * plan.load_balancers + ["net"] * plan.network_load_balancers
    facing = round(plan.internet_facing_share * len(kinds))
    # Open ones are spread evenly over both kinds, so that small presets have some of each.
    open_ones = {position * len(kinds) // facing for position in range(facing)} if facing else set()
    vpcs = _vpcs_in_turn(site)
    return tuple(
        _load_balancer(site, next(vpcs), kind, site.ownership.tags("edge"), internet_facing=position in open_ones)
        for position, kind in enumerate(kinds)
    )


def build_requester_managed(site: Site) -> None:
    """Lambda functions, RDS instances, interface endpoints and EFS mount targets."""
    plan = site.distributions
    functions, databases = _vpcs_in_turn(site), _vpcs_in_turn(site)
    for _ in range(plan.lambda_functions):
        _function(site, next(functions))
    for _ in range(plan.databases):
        order = _order(site, "rds", next(databases), "RDSNetworkInterface", None)
        site.put_up(_tagged(site, order, site.ownership.tags("db")))
    endpoints, file_systems = _vpcs_in_turn(site), _vpcs_in_turn(site)
    for _ in range(plan.endpoints):
        endpoint_id = site.id("vpce")
        _in_every_zone(site, "vpc_endpoint", next(endpoints), f"VPC Endpoint Interface {endpoint_id}", endpoint_id)
    for _ in range(plan.file_systems):
        file_system_id = site.id("fs")
        _in_every_zone(site, "efs", next(file_systems), f"EFS mount target for {file_system_id}", file_system_id)


def _vpcs_in_turn(site: Site) -> Iterator[Vpc]:
    """All VPCs, heaviest first, round and round: even small presets reach every kind of connection."""
    plans = sorted(site.distributions.vpcs, key=lambda plan: -plan.weight)
    return cycle([site.vpcs[plan.name] for plan in plans])


def _load_balancer(site: Site, vpc: Vpc, kind: str, tags: TagMap, *, internet_facing: bool) -> LoadBalancer:
    token = f"{site.random.getrandbits(64):016x}"
    name = f"{tags['project']}-{kind}-{token[:4]}"
    created = site.attach_time()
    interfaces: list[Interface] = []
    for _, az_id in site.distributions.zones:
        order = Order(
            "application_load_balancer" if kind == "app" else "network_load_balancer",
            site.subnet(vpc, az_id, public=internet_facing),
            f"ELB {kind}/{name}/{token}",
            name,
            created,
            public="automatic" if internet_facing else "",
        )
        interfaces.append(site.put_up(_tagged(site, order, tags)))
    ids = tuple(interface.interface_id for interface in interfaces)
    return LoadBalancer(name, token, kind, internet_facing, vpc.vpc_id, ids, created)


def _function(site: Site, vpc: Vpc) -> None:
    tags = site.ownership.tags("fn")
    name = f"{tags['project']}-{site.random.choice(('export', 'notify', 'resize', 'sync'))}"
    uuid = UUID(int=site.random.getrandbits(_UUID_BITS), version=4)
    order = _order(site, "lambda", vpc, f"AWS Lambda VPC ENI-{name}-{uuid}", name)
    site.put_up(_tagged(site, order, tags))


def _in_every_zone(site: Site, kind: str, vpc: Vpc, description: str, resource_id: str) -> None:
    created, tags = site.attach_time(), site.ownership.tags(kind.replace("_", "-"))
    for _, az_id in site.distributions.zones:
        text = f"{description} ({site.id('fsmt')})" if kind == "efs" else description
        order = Order(kind, site.subnet(vpc, az_id, public=False), text, resource_id, created)
        site.put_up(_tagged(site, order, tags))


def _order(site: Site, kind: str, vpc: Vpc, description: str, resource_id: str | None) -> Order:
    _, az_id = site.random.choice(site.distributions.zones)
    subnet = site.subnet(vpc, az_id, public=False)
    return Order(kind, subnet, description, resource_id, site.attach_time())


def _tagged(site: Site, order: Order, tags: TagMap) -> Order:
    """The order with a tag set on its interface, in the share of cases in which someone set one."""
    if not site.chance(site.distributions.managed_tags_share):
        return order
    return replace(order, own_tags=tags)
