"""What stands behind an interface, told from DescribeNetworkInterfaces; ids are taken, never invented."""

import pytest

from enricher.resource_kinds import behind, resource_of
from enricher.traffic import HOP_KINDS

UUID = "1f0e5f5e-0c0a-4b3f-9d7e-3f0a1b2c3d4e"
ENI = "eni-0123456789abcdef0"


def interface(description="", kind="interface", requester=None, instance=None):
    """An interface as the AWS CLI prints it."""
    attachment = {"InstanceOwnerId": "amazon-aws"} if instance is None else {"InstanceId": instance}
    return {
        "NetworkInterfaceId": ENI,
        "Description": description,
        "InterfaceType": kind,
        "RequesterId": requester,
        "Attachment": attachment,
    }


def lent(description, owner="111122223333"):
    """An interface attached to an instance of account 444455556666, which is not shown."""
    return interface(description) | {"OwnerId": owner, "Attachment": {"InstanceOwnerId": "444455556666"}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (interface(instance="i-1"), ("instance", "i-1")),
        (interface("Primary network interface", "efa", instance="i-1"), ("instance", "i-1")),
        (interface("Amazon EKS prod", instance="i-1"), ("instance", "i-1")),
        (interface(), ("network_interface", ENI)),
        (interface("Amazon EKS prod"), ("network_interface", ENI)),
        (lent("Amazon EKS prod"), ("eks_control_plane", "prod")),
        (lent("Amazon EKS prod", owner="444455556666"), ("network_interface", ENI)),
        (interface("Interface for NAT Gateway nat-0a1b", "nat_gateway"), ("nat_gateway", "nat-0a1b")),
        (interface("Interface for NAT Gateway nat-0a1b", "natGateway"), ("nat_gateway", "nat-0a1b")),
        (interface("", "natGateway"), ("nat_gateway", None)),
        (interface("", "nat_gateway"), ("nat_gateway", None)),
        (interface("", "regional_nat_gateway"), ("nat_gateway", None)),
        (interface("ELB app/shop-front/50dc6c495c0c9188", requester="amazon-elb"), ("load_balancer", "shop-front")),
        (
            interface("ELB net/db-proxy/50dc6c495c0c9188", "network_load_balancer", "amazon-elb"),
            ("load_balancer", "db-proxy"),
        ),
        (interface("ELB legacy-front", requester="amazon-elb"), ("load_balancer", "legacy-front")),
        (interface("", "network_load_balancer"), ("load_balancer", None)),
        (interface("", "load_balancer"), ("load_balancer", None)),
        (
            interface("ELB gwy/firewall/50dc6c495c0c9188", "gateway_load_balancer", "amazon-elb"),
            ("gateway_load_balancer", "firewall"),
        ),
        (interface("", "gateway_load_balancer"), ("gateway_load_balancer", None)),
        (interface("VPC Endpoint Interface vpce-0a1b", "vpc_endpoint"), ("vpc_endpoint", "vpce-0a1b")),
        (interface("", "vpc_endpoint"), ("vpc_endpoint", None)),
        (
            interface("VPC Endpoint Interface vpce-0a1b", "gateway_load_balancer_endpoint"),
            ("gateway_load_balancer_endpoint", "vpce-0a1b"),
        ),
        (interface("", "gateway_load_balancer_endpoint"), ("gateway_load_balancer_endpoint", None)),
        (interface(f"AWS Lambda VPC ENI-thumbs-{UUID}", "lambda"), ("lambda", "thumbs")),
        (interface(f"AWS Lambda VPC ENI-resize-big-images-{UUID}", "lambda"), ("lambda", "resize-big-images")),
        (interface(f"AWS Lambda VPC ENI-{UUID}-{UUID}", "lambda"), ("lambda", UUID)),
        (interface("AWS Lambda VPC ENI", "lambda"), ("lambda", None)),
        (interface("RDSNetworkInterface", requester="amazon-rds"), ("rds", None)),
        (interface("something new", requester="amazon-rds"), ("rds", None)),
        (interface("ElastiCache shop-sessions-001", requester="amazon-elasticache"), ("elasticache", None)),
        (interface("EFS mount target for fs-0a1b (fsmt-0c2d)", "efs"), ("efs", "fs-0a1b")),
        (interface("", "efs"), ("efs", None)),
        (
            interface("Network Interface for Transit Gateway Attachment tgw-attach-0a1b", "transit_gateway"),
            ("transit_gateway", "tgw-attach-0a1b"),
        ),
        (interface("", "transit_gateway"), ("transit_gateway", None)),
        (interface(f"arn:aws:ecs:us-east-1:111122223333:attachment/{UUID}"), ("ecs_task", None)),
        (interface(f"arn:aws-cn:ecs:cn-north-1:111122223333:attachment/{UUID}"), ("ecs_task", None)),
        (interface("aws-k8s-branch-eni", "branch"), ("eks_pod", None)),
        (interface("Network interface for DBProxy orders"), ("rds_proxy", "orders")),
        (interface("ElastiCache+sessions"), ("elasticache", None)),
        (interface("", requester="amazon-elasticache"), ("elasticache", None)),
        (interface("RedshiftNetworkInterface"), ("redshift", None)),
        (interface("", requester="amazon-redshift"), ("redshift", None)),
        (interface("DMSNetworkInterface"), ("dms", None)),
        (interface("DAX sessions-cache"), ("dax", None)),
        (interface("ES search-logs", requester="amazon-elasticsearch"), ("opensearch", "search-logs")),
        (interface("", requester="amazon-elasticsearch"), ("opensearch", None)),
        (
            interface(
                "DO NOT DELETE - Amazon MSK network interface for cluster "
                f"arn:aws:kafka:us-east-1:111122223333:cluster/events/{UUID}-2."
            ),
            ("msk", "events"),
        ),
        (interface(f"Amazon MQ network interface for broker b-{UUID}"), ("mq", f"b-{UUID}")),
        (interface("AWS created network interface for directory d-90670a1b2c"), ("directory", "d-90670a1b2c")),
        (interface("Route 53 Resolver: rslvr-in-0a1b:rni-0c2d"), ("route53_resolver", "rslvr-in-0a1b")),
        (interface("Route 53 Resolver: rslvr-out-0a1b:rni-0c2d"), ("route53_resolver", "rslvr-out-0a1b")),
        (interface("Created By Amazon Workspaces for AWS Account ID 111122223333"), ("workspaces", None)),
        (interface("Attached to Glue using role: arn:aws:iam::111122223333:role/etl"), ("glue", None)),
        (interface("ClientVPN Endpoint resource"), ("client_vpn", None)),
        (interface("CloudHSM Managed Interface"), ("cloudhsm", None)),
        (interface("ENI managed by APIGateway"), ("api_gateway", None)),
        (interface("", "api_gateway_managed"), ("api_gateway", None)),
        (interface("", "global_accelerator_managed"), ("global_accelerator", None)),
        (interface("", "ec2_instance_connect_endpoint"), ("instance_connect_endpoint", None)),
        (interface("", "iot_rules_managed"), ("iot_rules", None)),
        (interface("", "quicksight"), ("quicksight", None)),
        (interface("", "aws_codestar_connections_managed"), ("codestar_connections", None)),
        (interface("", "evs"), ("evs", None)),
        (interface("", requester="AROAEXAMPLE:AWSCodeBuild-0a1b"), ("codebuild", None)),
        (interface("made by a service unknown to us", requester="amazon-brandnew"), ("network_interface", ENI)),
        (interface("", "trunk"), ("network_interface", ENI)),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_the_kind_and_id_are_what_the_evidence_holds(told, expected):
    """Instance first, then description and interface type; an id only where one is written."""
    assert resource_of(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (interface(instance="i-1"), "ec2:instance/i-1"),
        (interface("Interface for NAT Gateway nat-0a1b", "nat_gateway"), "ec2:natgateway/nat-0a1b"),
        (interface("", "nat_gateway"), None),
        (interface("ELB app/front/50dc"), "elasticloadbalancing:loadbalancer/app/front/50dc"),
        (interface("ELB net/back/9a1b"), "elasticloadbalancing:loadbalancer/net/back/9a1b"),
        (interface("ELB gwy/wall/1122"), "elasticloadbalancing:loadbalancer/gwy/wall/1122"),
        (interface("ELB legacy"), "elasticloadbalancing:loadbalancer/legacy"),
        (interface("VPC Endpoint Interface vpce-0a1b", "vpc_endpoint"), "ec2:vpc-endpoint/vpce-0a1b"),
        (interface("EFS mount target for fs-0a1b (fsmt-0c2d)"), "elasticfilesystem:file-system/fs-0a1b"),
        (
            interface("Network Interface for Transit Gateway Attachment tgw-attach-0a1b"),
            "ec2:transit-gateway-attachment/tgw-attach-0a1b",
        ),
        (interface("ES logs"), "es:domain/logs"),
        (lent("Amazon EKS prod"), "eks:cluster/prod"),
        (
            interface(
                "DO NOT DELETE - Amazon MSK network interface for cluster "
                f"arn:aws:kafka:us-east-1:111122223333:cluster/events/{UUID}-2."
            ),
            f"kafka:cluster/events/{UUID}-2",
        ),
        (interface("AWS created network interface for directory d-90670a1b2c"), "ds:directory/d-90670a1b2c"),
        (
            interface("Route 53 Resolver: rslvr-in-0a1b:rni-0c2d"),
            "route53resolver:resolver-endpoint/rslvr-in-0a1b",
        ),
        # Functions share interfaces, and a proxy's ARN has an id that nothing here tells.
        (interface(f"AWS Lambda VPC ENI-thumbs-{UUID}", "lambda"), None),
        (interface("Network interface for DBProxy orders"), None),
        (interface("RDSNetworkInterface"), None),
        (interface(), None),
    ],
    ids=lambda value: str(value) if not isinstance(value, dict) else "",
)
def test_the_arn_is_told_where_the_evidence_tells_all_of_it(told, expected):
    """Service and resource, by which tags are found; none is put together from half of it."""
    assert behind(told).arn == expected


@pytest.mark.parametrize(
    "told",
    [{"NetworkInterfaceId": ENI}, {"NetworkInterfaceId": ENI, "Attachment": None, "Description": None}],
    ids=["bare", "nulls"],
)
def test_an_interface_of_which_nothing_is_told_is_just_that(told):
    """Missing and null members are no evidence."""
    assert resource_of(told) == ("network_interface", ENI)


@pytest.mark.parametrize(
    "description",
    [
        "my test of Interface for NAT Gateway nat-0a1b",
        "copied from VPC Endpoint Interface vpce-0a1b, do not delete",
        "Interface for NAT Gateway nat-0a1b (old)",
        "not an ELB app/x/y",
        "RDSNetworkInterface of the old cluster",
        "Amazon EKS node of the old cluster",
        "ES is down",
        "Route 53 Resolver: none",
        "for directory d-90670a1b2c",
    ],
)
def test_a_description_that_merely_speaks_of_a_resource_names_none(description):
    """People write descriptions too: a rule matches all of it or not at all."""
    assert resource_of(interface(description)) == ("network_interface", ENI)


def test_traffic_passes_through_gateways_and_nothing_else():
    """Every kind that a rule gives a gateway is a hop; load balancers, endpoints and functions end a connection."""
    kinds = {
        "nat_gateway": "nat_gateway",
        "regional_nat_gateway": "nat_gateway",
        "transit_gateway": "transit_gateway",
        "gateway_load_balancer": "gateway_load_balancer",
        "gateway_load_balancer_endpoint": "gateway_load_balancer_endpoint",
    }
    for interface_type, kind in kinds.items():
        assert resource_of(interface(kind=interface_type))[0] == kind
        assert kind in HOP_KINDS
    for ending in (
        "instance",
        "load_balancer",
        "vpc_endpoint",
        "lambda",
        "rds",
        "efs",
        "ecs_task",
        "eks_control_plane",
        "eks_pod",
        "route53_resolver",
        "network_interface",
    ):
        assert ending not in HOP_KINDS
