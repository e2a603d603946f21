"""All of an account's inventory through EC2 and ELB, page by page, as the AWS CLI would print it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

# document → (client, operation, list)
_CALLS: Final = {
    "network-interfaces": ("ec2", "describe_network_interfaces", "NetworkInterfaces"),
    "instances": ("ec2", "describe_instances", "Reservations"),
    "subnets": ("ec2", "describe_subnets", "Subnets"),
    "vpcs": ("ec2", "describe_vpcs", "Vpcs"),
    "nat-gateways": ("ec2", "describe_nat_gateways", "NatGateways"),
    "vpc-peering-connections": ("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections"),
    "transit-gateway-attachments": ("ec2", "describe_transit_gateway_attachments", "TransitGatewayAttachments"),
    "load-balancers": ("elbv2", "describe_load_balancers", "LoadBalancers"),
}
_MANAGED: Final = ("network-interfaces", "instances")


def read_inventory(client: Callable[[str], Any]) -> dict[str, dict[str, Any]]:
    """Documents by name; ``client`` makes a boto3 client of a service. Raises what boto3 raises."""
    documents: dict[str, dict[str, Any]] = {}
    for name, (service, operation, key) in _CALLS.items():
        extra = {"IncludeManagedResources": True} if name in _MANAGED else {}
        pages = (
            client(service).get_paginator(operation).paginate(PaginationConfig={"PageSize": _page(service)}, **extra)
        )
        documents[name] = {key: [_printed(entry) for page in pages for entry in page.get(key, ())]}
    # DescribeAddresses knows no pages.
    documents["addresses"] = {"Addresses": [_printed(a) for a in client("ec2").describe_addresses()["Addresses"]]}
    return documents


def _page(service: str) -> int:
    return 400 if service == "elbv2" else 1000


def _printed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _printed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_printed(member) for member in value]
    return value.isoformat() if isinstance(value, datetime) else value
