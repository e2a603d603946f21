"""Which resource stands behind an interface, and whose tags it lends it, by document."""

import pytest

from enricher.resource_documents import Resources
from enricher.resource_kinds import Behind

ACCOUNT, REGION = "111122223333", "eu-central-1"
NAT = {"NetworkInterfaceId": "eni-nat", "OwnerId": ACCOUNT, "Description": "Interface for NAT Gateway nat-0a1b"}
BALANCER = {
    "NetworkInterfaceId": "eni-lb",
    "OwnerId": ACCOUNT,
    "Description": "ELB app/front/50dc",
    "TagSet": [{"Key": "env", "Value": "of the interface"}, {"Key": "own", "Value": "kept"}],
}
BALANCER_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/front/50dc"


def tagged(arn, **tags: str):
    """One entry of what the tagging API lists."""
    return {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(interface, region=REGION, **lists: list):
    """An interface's tags, by these documents' lists."""
    resources = Resources({name.replace("_", "-"): entries for name, entries in lists.items()})
    return resources.tags(interface, resources.behind(interface), region)


def described(resource, **tags: str):
    """A resource with these tags."""
    return {**resource, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


@pytest.mark.parametrize(
    ("interface", "document", "resource"),
    [
        (NAT, "nat_gateways", {"NatGatewayId": "nat-0a1b"}),
        (
            {"NetworkInterfaceId": "eni-1", "Description": "VPC Endpoint Interface vpce-0a1b"},
            "vpc_endpoints",
            {"VpcEndpointId": "vpce-0a1b"},
        ),
        (
            {
                "NetworkInterfaceId": "eni-1",
                "Description": "Network Interface for Transit Gateway Attachment tgw-attach-0a1b",
            },
            "transit_gateway_attachments",
            {"TransitGatewayAttachmentId": "tgw-attach-0a1b"},
        ),
        (
            {"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": "i-0a1b"}},
            "instances",
            {"InstanceId": "i-0a1b"},
        ),
    ],
    ids=["gateway", "endpoint", "attachment", "instance"],
)
def test_what_is_described_brings_its_own_tags(interface, document, resource):
    """Without a word of the tagging API, and whatever the account: the id is the resource's alone."""
    entry = described(resource, team="a")
    entries = [{"Instances": [entry]}] if document == "instances" else [entry]
    assert tags_of(interface, **{document: entries}) == {"team": "a"}


def test_what_describes_a_resource_is_believed_before_the_tagging_api():
    """The tagging API may be late; what only it tells is kept."""
    listed = tagged(f"arn:aws:ec2:{REGION}:{ACCOUNT}:natgateway/nat-0a1b", team="before", only="listed")
    gateway = described({"NatGatewayId": "nat-0a1b"}, team="now")
    assert tags_of(NAT, nat_gateways=[gateway], tagged_resources=[listed]) == {"team": "now", "only": "listed"}


def test_the_resources_tags_lie_over_its_interfaces():
    """Of the same key the resource's value counts; the interface's other tags stay."""
    listed = tagged(BALANCER_ARN, env="of the load balancer", team="shop")
    assert tags_of(BALANCER, tagged_resources=[listed]) == {
        "env": "of the load balancer",
        "own": "kept",
        "team": "shop",
    }


def test_an_instance_may_be_tagged_by_the_tagging_api_alone():
    """Interfaces and tagged resources without instances: the ARN names the instance."""
    interface = {"NetworkInterfaceId": "eni-1", "OwnerId": ACCOUNT, "Attachment": {"InstanceId": "i-0a1b"}}
    listed = tagged(f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a1b", team="web")
    assert tags_of(interface, tagged_resources=[listed]) == {"team": "web"}


@pytest.mark.parametrize(
    ("interface", "region", "arn"),
    [
        (BALANCER, None, BALANCER_ARN),
        ({**BALANCER, "OwnerId": None}, REGION, BALANCER_ARN),
        (BALANCER, "eu-west-1", BALANCER_ARN),
        (BALANCER, REGION, BALANCER_ARN.replace(ACCOUNT, "444455556666")),
        (BALANCER, REGION, BALANCER_ARN.replace("app/", "net/")),
        (BALANCER, REGION, "not an ARN"),
        (BALANCER, REGION, "arn:aws:s3:::front"),
    ],
    ids=["no region", "no account", "other region", "other account", "other kind", "no ARN", "short ARN"],
)
def test_an_arn_must_be_the_resources_own_in_all_its_parts(interface, region, arn):
    """Service, region, account and resource; of an interface whose place is unknown nothing is found."""
    assert "team" not in tags_of(interface, region, tagged_resources=[tagged(arn, team="shop")])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Interface", "vpc_endpoint"),
        ("GatewayLoadBalancer", "gateway_load_balancer_endpoint"),
        ("Resource", "vpc_endpoint"),
        (None, "vpc_endpoint"),
    ],
)
def test_an_endpoint_tells_its_interfaces_and_its_kind(kind, expected):
    """Whatever the interface's own description says."""
    endpoint = {"VpcEndpointId": "vpce-1", "VpcEndpointType": kind, "NetworkInterfaceIds": ["eni-1"]}
    resources = Resources({"vpc-endpoints": [endpoint]})
    found = resources.behind({"NetworkInterfaceId": "eni-1", "Description": "renamed"})
    assert found == Behind(expected, "vpce-1", "ec2:vpc-endpoint/vpce-1")
    assert resources.behind({"NetworkInterfaceId": "eni-2"}) == Behind("network_interface", "eni-2")


@pytest.mark.parametrize("state", ["deleted", "Deleted", "failed", "rejected", "expired"])
def test_an_endpoint_that_is_gone_tells_nothing_of_its_interfaces(state):
    """Its interfaces' ids may be listed still."""
    endpoint = {"VpcEndpointId": "vpce-1", "State": state, "NetworkInterfaceIds": ["eni-1"]}
    found = Resources({"vpc-endpoints": [endpoint]}).behind({"NetworkInterfaceId": "eni-1"})
    assert found == Behind("network_interface", "eni-1")
