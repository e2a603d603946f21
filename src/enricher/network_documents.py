"""What EC2 tells of VPCs, subnets, peering connections and transit gateway attachments becomes networks."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any, Final

from enricher.errors import InventoryError
from enricher.networks import (
    INTER_REGION_PEERING,
    INTRA_REGION_PEERING,
    TRANSIT,
    Connection,
    Hub,
    Membership,
    Networks,
    Subnet,
    Vpc,
)

Document = Mapping[str, Any]

_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")


def networks_of(lists: Mapping[str, list[Any]], part: str | None) -> Networks:
    """VPCs, subnets, connections and memberships of the documents' lists; ``part`` is who told of them.

    Raises:
        InventoryError: a CIDR is none.
    """
    vpcs = {vpc["VpcId"]: Vpc(vpc["VpcId"], _vpc_cidrs(vpc), part) for vpc in lists.get("vpcs", ())}
    connections = []
    for peering in lists.get("vpc-peering-connections", ()):
        sides = [peering.get("RequesterVpcInfo") or {}, peering.get("AccepterVpcInfo") or {}]
        if (peering.get("Status") or {}).get("Code") != "active" or not all(side.get("VpcId") for side in sides):
            continue
        kind = INTRA_REGION_PEERING if sides[0].get("Region") == sides[1].get("Region") else INTER_REGION_PEERING
        connections.append(Connection(sides[0]["VpcId"], sides[1]["VpcId"], kind, part))
        for side in sides:
            cidrs = _peer_cidrs(side, peering["VpcPeeringConnectionId"])
            vpcs.setdefault(side["VpcId"], Vpc(side["VpcId"], cidrs, part))
    memberships = _memberships(lists.get("transit-gateway-attachments", ()), part)
    subnets = [_subnet(subnet, part) for subnet in lists.get("subnets", ())]
    return Networks([vpc for vpc in vpcs.values() if vpc.cidrs], subnets, connections, memberships)


def _memberships(attachments: Iterable[Document], part: str | None) -> list[Membership]:
    """The VPCs that transit gateways have now (EC2 API reference, TransitGatewayAttachment)."""
    return [
        Membership(
            attachment["ResourceId"],
            Hub(TRANSIT, attachment["TransitGatewayId"]),
            part,
            attachment.get("ResourceOwnerId"),
            attachment.get("TransitGatewayOwnerId"),
        )
        for attachment in attachments
        if attachment.get("ResourceType") == "vpc"
        and attachment.get("State") == "available"
        and attachment.get("ResourceId")
        and attachment.get("TransitGatewayId")
    ]


def _subnet(subnet: Document, part: str | None) -> Subnet:
    cidrs = (subnet.get("CidrBlock"), *_associated(subnet, "Ipv6CidrBlock"))
    return Subnet(
        subnet["SubnetId"],
        str(subnet.get("VpcId")),
        _cidrs(cidrs, "subnets", subnet["SubnetId"]),
        subnet.get("AvailabilityZoneId"),
        region_of(subnet.get("AvailabilityZone")),
        part,
    )


def _vpc_cidrs(vpc: Document) -> tuple[str, ...]:
    cidrs = (vpc.get("CidrBlock"), *_associated(vpc, "CidrBlock"), *_associated(vpc, "Ipv6CidrBlock"))
    return _cidrs(cidrs, "vpcs", vpc["VpcId"])


def _associated(network: Document, block: str) -> Iterable[str | None]:
    """Blocks that the network has now: those leaving it, or not yet there, are left out."""
    for association in network.get(f"{block}AssociationSet") or ():
        if (association.get(f"{block}State") or {}).get("State", "associated") == "associated":
            yield association.get(block)


def _peer_cidrs(side: Document, peering_id: str) -> tuple[str, ...]:
    ipv4 = (block.get("CidrBlock") for block in side.get("CidrBlockSet") or ())
    ipv6 = (block.get("Ipv6CidrBlock") for block in side.get("Ipv6CidrBlockSet") or ())
    return _cidrs((side.get("CidrBlock"), *ipv4, *ipv6), "vpc-peering-connections", peering_id)


def _cidrs(told: Iterable[str | None], document: str, entry_id: str) -> tuple[str, ...]:
    """The CIDRs told, each once; raises InventoryError where one is none."""
    cidrs = tuple(dict.fromkeys(filter(None, told)))
    for cidr in cidrs:
        try:
            ip_network(cidr)
        except ValueError as error:
            raise InventoryError(
                f"inventory {document}.json: {entry_id} has '{cidr}' for a CIDR; "
                f"write it with `aws ec2 describe-{document} --output json`"
            ) from error
    return cidrs


def region_of(zone_name: str | None) -> str | None:
    """The region of an Availability Zone, Local Zone or Wavelength Zone by its name."""
    match = _REGION.match(zone_name or "")
    return match[0] if match else None
