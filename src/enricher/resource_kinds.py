"""What stands behind a network interface, told from what EC2 says of it. One table of rules, first match.

The purpose of a requester-managed interface is in its InterfaceType, Description and RequesterId (EC2 user guide,
"Requester-managed network interfaces"). An id is taken only where the evidence holds one; none is invented.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# Recorders through which traffic passes: what they record belongs to neither side.
HOP_KINDS: Final = frozenset(
    {
        "nat_gateway",
        "regional_nat_gateway",
        "transit_gateway",
        "gateway_load_balancer",
        "gateway_load_balancer_endpoint",
    }
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """``where`` (InterfaceType or Description) matches ``pattern``: its group, if any, is the resource's id.

    ``interface_type``: the rule holds for this InterfaceType only; None for any.
    """

    where: str
    pattern: re.Pattern[str]
    resource_type: str
    interface_type: str | None


def _rule(where: str, pattern: str, resource_type: str, interface_type: str | None = None) -> _Rule:
    return _Rule(where, re.compile(pattern), resource_type, interface_type)


_RULES: Final = (
    _rule("Description", r"Interface for NAT Gateway (nat-[0-9a-f]+)", "nat_gateway"),
    _rule("InterfaceType", r"nat_gateway|natGateway|regional_nat_gateway", "nat_gateway"),
    _rule("Description", r"ELB gwy/([^/]+)/.*", "gateway_load_balancer"),
    _rule("Description", r"ELB (?:app|net)/([^/]+)/.*", "load_balancer"),
    _rule("Description", r"ELB ([^/\s]+)", "load_balancer"),
    _rule("InterfaceType", r"gateway_load_balancer", "gateway_load_balancer"),
    _rule("InterfaceType", r"load_balancer|network_load_balancer", "load_balancer"),
    _rule(
        "Description",
        r"VPC Endpoint Interface (vpce-[0-9a-f]+)",
        "gateway_load_balancer_endpoint",
        interface_type="gateway_load_balancer_endpoint",
    ),
    _rule("Description", r"VPC Endpoint Interface (vpce-[0-9a-f]+)", "vpc_endpoint"),
    _rule("InterfaceType", r"gateway_load_balancer_endpoint", "gateway_load_balancer_endpoint"),
    _rule("InterfaceType", r"vpc_endpoint", "vpc_endpoint"),
    # The function's name may hold dashes: the id at the end is a UUID.
    _rule("Description", r"AWS Lambda VPC ENI-(.+?)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "lambda"),
    _rule("InterfaceType", r"lambda", "lambda"),
    _rule("Description", r"RDSNetworkInterface", "rds"),
    _rule("Description", r"ElastiCache.*", "elasticache"),
    _rule("Description", r"EFS mount target for (fs-[0-9a-f]+).*", "efs"),
    _rule("InterfaceType", r"efs", "efs"),
    _rule(
        "Description", r"Network Interface for Transit Gateway Attachment (tgw-attach-[0-9a-f]+).*", "transit_gateway"
    ),
    _rule("InterfaceType", r"transit_gateway", "transit_gateway"),
    # An attachment's UUID is not the task's id.
    _rule("Description", r"arn:aws[a-z-]*:ecs:[^:]*:[0-9]*:attachment/.*", "ecs_task"),
)


def resource_of(interface: Mapping[str, Any]) -> tuple[str, str | None]:
    """(resource_type, resource_id or None) of an interface as DescribeNetworkInterfaces prints it."""
    instance = (interface.get("Attachment") or {}).get("InstanceId")
    if instance:
        return "instance", instance
    for rule in _RULES:
        if rule.interface_type not in (None, interface.get("InterfaceType")):
            continue
        match = rule.pattern.fullmatch(interface.get(rule.where) or "")
        if match:
            return rule.resource_type, match[1] if rule.pattern.groups else None
    if interface.get("RequesterId") == "amazon-rds":
        return "rds", None
    return "network_interface", interface.get("NetworkInterfaceId")
