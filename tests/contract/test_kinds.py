"""Every kind of interface from the wire: what stands behind it, by which id, with whose tags."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from enricher.inventory_documents import DOCUMENTS, tables_of
from workbench.cloud import LocalCloud

KINDS = Path(__file__).parents[1] / "data" / "kinds"
ACCOUNT, REGION = "111122223333", "eu-central-1"
UUID = "1f0e5f5e-0c0a-4b3f-9d7e-3f0a1b2c3d4e"
MANAGED = {"IncludeManagedResources": True}

WEB = {"Name": "web-1", "project": "shop", "aws:autoscaling:groupName": "web"}
SHARED_HOME = {"Name": "shared-home", "team": "platform"}
CART = {"aws:ecs:clusterName": "shop", "aws:ecs:serviceName": "cart"}
NODE = {
    "Name": "node-1",
    "project": "platform",
    "cluster.k8s.amazonaws.com/name": "prod",
    "node.k8s.amazonaws.com/instance_id": "i-0c1d000000000002",
}
POD = {"eks:eni:owner": "eks-vpc-resource-controller", "vpcresources.k8s.aws/vlan-id": "1"}

# File → for each interface in it, in order: type, id, tags.
EXPECTED = {
    "instance": [
        ("instance", "i-0c1d000000000001", {**WEB, "purpose": "front"}),
        ("instance", "i-0c1d000000000001", WEB),
    ],
    "nat-gateway": [("nat_gateway", "nat-0c1d000000000001", {"Name": "out-a", "team": "network"})],
    "regional-nat-gateway": [],
    "application-load-balancer": [("load_balancer", "shop-front", {"team": "shop", "Name": "front"})],
    "network-load-balancer": [("load_balancer", "db-proxy", {"team": "data"})],
    "gateway-load-balancer": [("gateway_load_balancer", "inspect", {"team": "security"})],
    "classic-load-balancer": [("load_balancer", "legacy-front", {"team": "old"})],
    "lambda": [("lambda", "resize-big-images", {"made": "by-lambda"})],
    "rds": [("rds", None, {})],
    "rds-proxy": [("rds_proxy", "orders-proxy", {})],
    "elasticache": [("elasticache", None, {})],
    "efs": [("efs", "fs-0c1d000000000001", SHARED_HOME)],
    "vpc-endpoint": [
        ("vpc_endpoint", "vpce-0c1d000000000001", {"Name": "sqs", "team": "mail"}),
        ("vpc_endpoint", "vpce-0c1d000000000001", {"Name": "sqs", "team": "mail"}),
    ],
    "gateway-load-balancer-endpoint": [
        ("gateway_load_balancer_endpoint", "vpce-0c1d000000000002", {"Firewall": "edge"}),
        ("gateway_load_balancer_endpoint", "vpce-0c1d000000000003", {}),
    ],
    "transit-gateway": [
        ("transit_gateway", "tgw-attach-0c1d000000000001", {"Name": "hub", "team": "network"}),
    ],
    "ecs-task": [("ecs_task", None, CART)],
    "eks-node-prefix": [("instance", "i-0c1d000000000002", NODE)],
    "eks-pod": [("eks_pod", None, POD)],
    "eks-control-plane": [
        ("eks_control_plane", "prod", {"team": "platform"}),
        ("network_interface", "eni-00000000000000016", {}),
    ],
    "redshift": [("redshift", None, {})],
    "opensearch": [("opensearch", "search-logs", {"team": "logs"})],
    "directory": [("directory", "d-99670a1b2c", {"team": "it"})],
    "route53-resolver": [
        ("route53_resolver", "rslvr-in-0c1d000000000001", {"team": "dns"}),
        ("route53_resolver", "rslvr-out-0c1d000000000002", {}),
    ],
    "global-accelerator": [("global_accelerator", None, {})],
    "api-gateway": [("api_gateway", None, {"VpcLinkId": "abc123"})],
    "codebuild": [("codebuild", None, {})],
    "workspaces": [("workspaces", None, {})],
    "msk": [("msk", "events", {"team": "streams"})],
    "mq": [("mq", f"b-{UUID}", {})],
    "dms": [("dms", None, {})],
    "glue": [("glue", None, {})],
    "quicksight": [("quicksight", None, {})],
    "unknown-managed": [("network_interface", "eni-00000000000000025", {"team": "who"})],
}


@pytest.fixture(scope="module")
def cloud():
    """A running cloud; what it owns is replaced kind by kind."""
    with LocalCloud(region=REGION) as running:
        yield running


@pytest.fixture(scope="module")
def read(cloud):
    """What a kind's documents are after the way over HTTP, each read page by page with the call that DOCUMENTS names.

    Only what the account owns now is answered, so documents that a kind does not have come back empty.
    """
    role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/reader", "RoleSessionName": "test"}
    key = cloud.client("sts").assume_role(**role)["Credentials"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "aws_session_token": key["SessionToken"],
    }
    # IPAM tells of accounts that cannot be asked themselves.
    calls = {name: call.split() for name, (_, _, call) in DOCUMENTS.items() if not name.startswith("ipam-")}
    clients = {service: cloud.client(service, **credentials) for service, _ in calls.values()}

    def read_kind(kind) -> dict:
        documents = json.loads((KINDS / f"{kind}.json").read_text())["documents"]
        cloud.replace_inventory(documents, account_id=ACCOUNT)
        return {name: answered(clients[service], name, operation) for name, (service, operation) in calls.items()}

    return read_kind


def answered(client, name, operation):
    """All pages of one call as the AWS CLI prints them together."""
    method, key = operation.replace("-", "_"), DOCUMENTS[name][0]
    parameters = MANAGED if name in {"network-interfaces", "instances"} else {}
    pages = (
        client.get_paginator(method).paginate(**parameters)
        if client.can_paginate(method)
        else [getattr(client, method)(**parameters)]
    )
    return {key: [printed(entry) for page in pages for entry in page[key]]}


def printed(value):
    """A value with its times as text."""
    if isinstance(value, dict):
        return {name: printed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [printed(member) for member in value]
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("kind", EXPECTED)
def test_what_stands_behind_an_interface_is_told_from_the_wire(read, kind):
    """Type, id or none, and the tags of the resource over those of its interface."""
    interfaces = tables_of(read(kind)).interfaces.to_pylist()
    found = [(each["resource_type"], each["resource_id"], dict(each["tags"])) for each in interfaces]
    assert found == EXPECTED[kind]


def test_every_kind_has_its_expectation():
    """No file lies about unused."""
    assert {path.stem for path in KINDS.glob("*.json")} == EXPECTED.keys()


def test_a_delegated_prefix_belongs_to_the_node(read):
    """The pods' addresses are not listed one by one: the prefix is, with the node's interface."""
    addresses = tables_of(read("eks-node-prefix")).addresses.to_pylist()
    assert [(each["address"], each["row"]) for each in addresses] == [("10.20.0.23", 0), ("10.20.64.0/28", 0)]


@pytest.mark.parametrize("kind", [kind for kind, expected in EXPECTED.items() if expected])
def test_another_accounts_tags_stay_away(read, kind):
    """The same documents with every ARN of another account, or of another region: only the tags told otherwise stay."""
    documents = read(kind)
    own = tables_of({**documents, "tagged-resources": {"ResourceTagMappingList": []}}).interfaces["tags"].to_pylist()
    for other in (rf"\g<1>{REGION}:999999999999:", rf"\g<1>us-west-2:{ACCOUNT}:"):
        moved = [
            {**each, "ResourceARN": re.sub(r"^(arn:aws:[^:]+:)[^:]*:\d+:", other, each["ResourceARN"])}
            for each in documents["tagged-resources"]["ResourceTagMappingList"]
        ]
        tables = tables_of({**documents, "tagged-resources": {"ResourceTagMappingList": moved}})
        assert tables.interfaces["tags"].to_pylist() == own
