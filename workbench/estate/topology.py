"""VPCs, subnets, peerings and the transit gateway: everything that is there before an interface is."""

from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from typing import Final

from workbench.estate.addresses import OUR_IPV6_RANGE
from workbench.estate.distributions import VpcPlan
from workbench.estate.model import Attachment, Peering, Subnet, Vpc, Zone
from workbench.estate.site import Order, Site

PRIVATE_PREFIX_LENGTH: Final = 18
PUBLIC_PREFIX_LENGTH: Final = 20
VPC_IPV6_PREFIX_LENGTH: Final = 56
SUBNET_IPV6_PREFIX_LENGTH: Final = 64


def build_vpcs(site: Site) -> None:
    """Lay out every planned VPC: per zone one large private and one smaller public subnet.

    A further CIDR holds private subnets only, as clusters that ran out of addresses have them.
    """
    zones = [Zone(*zone) for zone in site.distributions.zones]
    ipv6_blocks = OUR_IPV6_RANGE.subnets(new_prefix=VPC_IPV6_PREFIX_LENGTH)
    for plan in site.distributions.vpcs:
        vpc = _vpc(site, plan, next(ipv6_blocks))
        site.vpcs[vpc.name] = vpc
        ipv6 = _ipv6_subnets(vpc, 2 * len(zones))
        primary = IPv4Network(vpc.cidrs[0])
        large = list(primary.subnets(new_prefix=PRIVATE_PREFIX_LENGTH))
        small = large[len(zones)].subnets(new_prefix=PUBLIC_PREFIX_LENGTH)
        for position, (zone, private, public) in enumerate(zip(zones, large, small, strict=False)):
            site.add_subnet(_subnet(site, vpc, zone, private, ipv6[position], public=False))
            site.add_subnet(_subnet(site, vpc, zone, public, ipv6[position + len(zones)], public=True))
        for cidr in vpc.cidrs[1:]:
            blocks = IPv4Network(cidr).subnets(new_prefix=PRIVATE_PREFIX_LENGTH)
            for zone, block in zip(zones, blocks, strict=False):
                site.add_subnet(_subnet(site, vpc, zone, block, None, public=False))


def build_peerings(site: Site) -> tuple[Peering, ...]:
    """The planned peering connections, active or not."""
    return tuple(
        Peering(site.id("pcx"), site.vpcs[requester].vpc_id, site.vpcs[accepter].vpc_id, status)
        for requester, accepter, status in site.distributions.peerings
    )


def build_transit_gateway(site: Site) -> tuple[Attachment, ...]:
    """One transit gateway, an attachment for each of its VPCs, and their interfaces in every zone."""
    gateway_id = site.id("tgw")
    return tuple(_attach(site, gateway_id, site.vpcs[name]) for name in site.distributions.transit_gateway)


def _attach(site: Site, gateway_id: str, vpc: Vpc) -> Attachment:
    attachment = Attachment(
        site.id("tgw-attach"), gateway_id, vpc.vpc_id, site.attach_time(), site.ownership.tags("transit")
    )
    for _, az_id in site.distributions.zones:
        site.put_up(
            Order(
                "transit_gateway",
                site.subnet(vpc, az_id, public=False),
                f"Network Interface for Transit Gateway Attachment {attachment.attachment_id}",
                attachment.attachment_id,
                attachment.created_at,
                tags=attachment.tags,
            )
        )
    return attachment


def _vpc(site: Site, plan: VpcPlan, ipv6_block: IPv6Network) -> Vpc:
    ipv6_cidr = str(ipv6_block) if plan.dual_stack else None
    return Vpc(site.id("vpc"), plan.name, plan.cidrs, ipv6_cidr, plan.private_gateway)


def _ipv6_subnets(vpc: Vpc, count: int) -> list[str | None]:
    if vpc.ipv6_cidr is None:
        return [None] * count
    blocks = IPv6Network(vpc.ipv6_cidr).subnets(new_prefix=SUBNET_IPV6_PREFIX_LENGTH)
    return [str(block) for block in islice(blocks, count)]


def _subnet(site: Site, vpc: Vpc, zone: Zone, cidr: IPv4Network, ipv6_cidr: str | None, *, public: bool) -> Subnet:
    return Subnet(site.id("subnet"), vpc.vpc_id, zone, str(cidr), ipv6_cidr, public)
