"""What stands behind a network interface, told from what EC2 says of it. One table of rules, first match.

The purpose of a requester-managed interface is in its InterfaceType, Description and RequesterId (EC2 user guide,
"Requester-managed network interfaces"). An id is taken only where the evidence holds one; none is invented.

People write descriptions too, but only of interfaces of their own: one of those is attached to an instance, and then
the instance decides, or to nothing, and then it has no traffic.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple


class Behind(NamedTuple):
    """A resource behind an interface; ``arn`` is service and resource of its ARN, as in ``ec2:natgateway/nat-1``."""

    resource_type: str
    resource_id: str | None
    arn: str | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """``where`` (InterfaceType, Description or RequesterId) matches all of ``pattern``.

    The pattern's group ``id`` is the resource's id or name. ``arn`` has its place for the group ``arn``, else for the
    id; without it the resource's ARN, and with it its tags, cannot be told. ``interface_type``: the rule holds for
    this InterfaceType only; None for any. ``is_abroad``: only for an interface that is attached to another account's
    instance, as a service attaches one that it lends into a VPC.
    """

    where: str
    pattern: re.Pattern[str]
    resource_type: str
    arn: str | None
    interface_type: str | None
    is_abroad: bool

    def match(self, interface: Mapping[str, Any]) -> re.Match[str] | None:
        """The pattern's match if the rule holds."""
        if self.interface_type not in (None, interface.get("InterfaceType")):
            return None
        if self.is_abroad and not _is_abroad(interface):
            return None
        return self.pattern.fullmatch(interface.get(self.where) or "")


def _rule(
    where: str,
    pattern: str,
    resource_type: str,
    arn: str | None = None,
    *,
    interface_type: str | None = None,
    is_abroad: bool = False,
) -> _Rule:
    return _Rule(where, re.compile(pattern), resource_type, arn, interface_type, is_abroad)


def _is_abroad(interface: Mapping[str, Any]) -> bool:
    attached_by = (interface.get("Attachment") or {}).get("InstanceOwnerId") or ""
    return attached_by.isdecimal() and attached_by != interface.get("OwnerId")


_BALANCER: Final = "elasticloadbalancing:loadbalancer/{}"
_ENDPOINT: Final = "ec2:vpc-endpoint/{}"

_RULES: Final = (
    _rule("Description", r"Interface for NAT Gateway (?P<id>nat-[0-9a-f]+)", "nat_gateway", arn="ec2:natgateway/{}"),
    _rule("InterfaceType", r"nat_gateway|natGateway|regional_nat_gateway", "nat_gateway"),
    _rule("Description", r"ELB (?P<arn>gwy/(?P<id>[^/]+)/[^/]+)", "gateway_load_balancer", _BALANCER),
    _rule("Description", r"ELB (?P<arn>(?:app|net)/(?P<id>[^/]+)/[^/]+)", "load_balancer", _BALANCER),
    _rule("Description", r"ELB (?P<id>[^/\s]+)", "load_balancer", _BALANCER),
    _rule("InterfaceType", r"gateway_load_balancer", "gateway_load_balancer"),
    _rule("InterfaceType", r"load_balancer|network_load_balancer", "load_balancer"),
    _rule(
        "Description",
        r"VPC Endpoint Interface (?P<id>vpce-[0-9a-f]+)",
        "gateway_load_balancer_endpoint",
        _ENDPOINT,
        interface_type="gateway_load_balancer_endpoint",
    ),
    _rule("Description", r"VPC Endpoint Interface (?P<id>vpce-[0-9a-f]+)", "vpc_endpoint", _ENDPOINT),
    _rule("InterfaceType", r"gateway_load_balancer_endpoint", "gateway_load_balancer_endpoint"),
    _rule("InterfaceType", r"vpc_endpoint", "vpc_endpoint"),
    # The function's name may hold dashes: the id at the end is a UUID. Functions of the same subnet and security
    # groups share the interface, and the tags of the one that it is named after may not be the sender's: no ARN.
    _rule("Description", r"AWS Lambda VPC ENI-(?P<id>.+?)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "lambda"),
    _rule("InterfaceType", r"lambda", "lambda"),
    # DocumentDB and Neptune make their interfaces through RDS.
    _rule("Description", r"RDSNetworkInterface", "rds"),
    _rule("Description", r"Network interface for DBProxy (?P<id>\S+)", "rds_proxy"),
    _rule("Description", r"ElastiCache[ +].*", "elasticache"),
    _rule("Description", r"RedshiftNetworkInterface", "redshift"),
    _rule("Description", r"DMSNetworkInterface", "dms"),
    _rule("Description", r"DAX.*", "dax"),
    _rule("Description", r"ES (?P<id>[a-z][a-z0-9-]+)", "opensearch", arn="es:domain/{}"),
    _rule(
        "Description",
        r"DO NOT DELETE - Amazon MSK network interface for cluster "
        r"arn:[^:]+:kafka:[^:]*:\d*:(?P<arn>cluster/(?P<id>[^/]+)/[^/.]+)\.?",
        "msk",
        arn="kafka:{}",
    ),
    _rule("Description", r"Amazon MQ network interface for broker (?P<id>b-[0-9a-f-]+)", "mq"),
    _rule(
        "Description",
        r"EFS mount target for (?P<id>fs-[0-9a-f]+).*",
        "efs",
        arn="elasticfilesystem:file-system/{}",
    ),
    _rule("InterfaceType", r"efs", "efs"),
    _rule(
        "Description",
        r"Network Interface for Transit Gateway Attachment (?P<id>tgw-attach-[0-9a-f]+).*",
        "transit_gateway",
        arn="ec2:transit-gateway-attachment/{}",
    ),
    _rule("InterfaceType", r"transit_gateway", "transit_gateway"),
    # An attachment's UUID is not the task's id.
    _rule("Description", r"arn:aws[a-z-]*:ecs:[^:]*:[0-9]*:attachment/.*", "ecs_task"),
    # A pod of its own interface; which one, EC2 does not tell.
    _rule("Description", r"aws-k8s-branch-eni", "eks_pod"),
    _rule(
        "Description",
        r"Amazon EKS (?P<id>[0-9A-Za-z][0-9A-Za-z_-]*)",
        "eks_control_plane",
        arn="eks:cluster/{}",
        is_abroad=True,
    ),
    _rule(
        "Description",
        r"AWS created network interface for directory (?P<id>d-[0-9a-f]+)\.?",
        "directory",
        arn="ds:directory/{}",
    ),
    _rule(
        "Description",
        r"Route 53 Resolver: (?P<id>rslvr-(?:in|out)-[0-9a-f]+):rni-[0-9a-f]+",
        "route53_resolver",
        arn="route53resolver:resolver-endpoint/{}",
    ),
    _rule("Description", r"Created By Amazon Work[Ss]paces for AWS Account ID.*", "workspaces"),
    _rule("Description", r"Attached to Glue using role: arn:.*", "glue"),
    _rule("Description", r"ClientVPN Endpoint resource.*", "client_vpn"),
    _rule("Description", r"CloudHSM Managed Interface|CloudHsm ENI.*", "cloudhsm"),
    _rule("InterfaceType", r"api_gateway_managed", "api_gateway"),
    _rule("Description", r"ENI managed by APIGateway", "api_gateway"),
    _rule("InterfaceType", r"global_accelerator_managed", "global_accelerator"),
    _rule("InterfaceType", r"ec2_instance_connect_endpoint", "instance_connect_endpoint"),
    _rule("InterfaceType", r"iot_rules_managed", "iot_rules"),
    _rule("InterfaceType", r"quicksight", "quicksight"),
    _rule("InterfaceType", r"aws_codestar_connections_managed", "codestar_connections"),
    _rule("InterfaceType", r"evs", "evs"),
    _rule("RequesterId", r"amazon-rds", "rds"),
    _rule("RequesterId", r"amazon-elasticache", "elasticache"),
    _rule("RequesterId", r"amazon-redshift", "redshift"),
    _rule("RequesterId", r"amazon-elasticsearch", "opensearch"),
    _rule("RequesterId", r"[^:]+:AWSCodeBuild-.*", "codebuild"),
)


def resource_of(interface: Mapping[str, Any]) -> tuple[str, str | None]:
    """(resource_type, resource_id or None) of an interface as DescribeNetworkInterfaces prints it."""
    return behind(interface)[:2]


def behind(interface: Mapping[str, Any]) -> Behind:
    """The resource behind an interface as DescribeNetworkInterfaces prints it; itself where no rule knows another."""
    instance = (interface.get("Attachment") or {}).get("InstanceId")
    if instance:
        return Behind("instance", instance, f"ec2:instance/{instance}")
    for rule in _RULES:
        match = rule.match(interface)
        if match:
            told = match.groupdict()
            resource_id = told.get("id")
            arn = rule.arn.format(told.get("arn") or resource_id) if rule.arn and resource_id else None
            return Behind(rule.resource_type, resource_id, arn)
    return Behind("network_interface", interface.get("NetworkInterfaceId"))
