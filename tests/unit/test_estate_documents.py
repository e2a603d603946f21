import json
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_network
from itertools import combinations

import botocore.session
import pytest

from enricher.errors import SettingsError
from workbench.estate.addresses import SubnetAddresses
from workbench.estate.distributions import BENCH, DEMO
from workbench.estate.estate import build_estate

OPERATIONS = {
    "network-interfaces": ("ec2", "DescribeNetworkInterfaces"),
    "instances": ("ec2", "DescribeInstances"),
    "subnets": ("ec2", "DescribeSubnets"),
    "vpcs": ("ec2", "DescribeVpcs"),
    "addresses": ("ec2", "DescribeAddresses"),
    "nat-gateways": ("ec2", "DescribeNatGateways"),
    "load-balancers": ("elbv2", "DescribeLoadBalancers"),
    "vpc-peering-connections": ("ec2", "DescribeVpcPeeringConnections"),
    "transit-gateway-attachments": ("ec2", "DescribeTransitGatewayAttachments"),
}
TRAFFIC_START = datetime.fromisoformat("2025-11-20T10:00:00+00:00")


@pytest.fixture(scope="module")
def estate():
    """The demo estate, read only."""
    return build_estate(DEMO, seed=1)


@pytest.fixture(scope="module")
def documents(estate):
    """Its inventory documents, read only."""
    return estate.documents()


@pytest.fixture(scope="module")
def interfaces(documents):
    """Its network interfaces as the CLI prints them."""
    return documents["network-interfaces"]["NetworkInterfaces"]


@pytest.fixture(scope="module")
def models():
    """The two services as botocore itself describes them."""
    session = botocore.session.get_session()
    return {service: session.get_service_model(service) for service in ("ec2", "elbv2")}


def misfits(value, shape, where):
    """Every place where ``value`` is not of botocore's ``shape``."""
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            return [f"{where}: not a structure"]
        unknown = [f"{where}.{key}: no such member" for key in value if key not in shape.members]
        known = [(key, part) for key, part in value.items() if key in shape.members]
        return unknown + [bad for key, part in known for bad in misfits(part, shape.members[key], f"{where}.{key}")]
    if shape.type_name == "list":
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        return [bad for part in value for bad in misfits(part, shape.member, f"{where}[]")]
    if shape.type_name == "timestamp":
        aware = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", value)
        return [] if aware else [f"{where}: {value!r} is no time with offset"]
    expected = {"string": str, "boolean": bool, "integer": int}[shape.type_name]
    return [] if type(value) is expected else [f"{where}: {value!r} is no {shape.type_name}"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_document_has_the_members_and_types_of_botocores_output_shape(documents, models, name):
    """Every key of every document exists in AWS's answer, with AWS's type, and something is listed."""
    service, operation = OPERATIONS[name]
    shape = models[service].operation_model(operation).output_shape
    assert misfits(documents[name], shape, name) == []
    assert all(documents[name].values())


def test_shape_check_finds_what_does_not_belong(models):
    """The check above does object to an invented key, a wrong type and a time without offset."""
    shape = models["ec2"].operation_model("DescribeNetworkInterfaces").output_shape
    invented = {"NetworkInterfaces": [{"Az": "x", "SubnetId": 1, "Attachment": {"AttachTime": "2025-01-01T00:00:00"}}]}
    assert misfits(invented, shape, "it") == [
        "it.NetworkInterfaces[].Az: no such member",
        "it.NetworkInterfaces[].SubnetId: 1 is no string",
        "it.NetworkInterfaces[].Attachment.AttachTime: '2025-01-01T00:00:00' is no time with offset",
    ]


def test_documents_are_exactly_those_the_inventory_directory_knows(documents):
    """One document per CLI call of DESIGN.md, contracts."""
    assert list(documents) == list(OPERATIONS)


def owned_networks(interface):
    """All private addresses and prefixes of an interface document, as networks."""
    singles = [entry["PrivateIpAddress"] for entry in interface["PrivateIpAddresses"]]
    singles += [entry["Ipv6Address"] for entry in interface["Ipv6Addresses"]]
    return [ip_network(text) for text in (*singles, *(p["Ipv4Prefix"] for p in interface.get("Ipv4Prefixes", [])))]


def test_no_address_is_owned_twice_in_one_vpc(interfaces):
    """Primary, secondary, IPv6 and prefix addresses are unique within their VPC."""
    owners = Counter(
        (interface["VpcId"], address)
        for interface in interfaces
        for network in owned_networks(interface)
        for address in network
    )
    assert max(owners.values()) == 1


def test_addresses_lie_in_their_subnet_and_are_not_awss_own(documents, interfaces):
    """Each address is in its subnet's CIDR, outside the first four and the last address."""
    subnets = {subnet["SubnetId"]: subnet for subnet in documents["subnets"]["Subnets"]}
    for interface in interfaces:
        subnet = subnets[interface["SubnetId"]]
        ipv4 = ip_network(subnet["CidrBlock"])
        ipv6 = [ip_network(block["Ipv6CidrBlock"]) for block in subnet["Ipv6CidrBlockAssociationSet"]]
        for network in owned_networks(interface):
            assert any(network.version == home.version and network.subnet_of(home) for home in (ipv4, *ipv6))
            if network.version == 4:
                assert network[0] >= ipv4[4]
                assert network[-1] < ipv4[-1]
        assert (interface["VpcId"], interface["AvailabilityZoneId"]) == (subnet["VpcId"], subnet["AvailabilityZoneId"])


def test_subnets_lie_in_their_vpc_and_do_not_overlap(documents):
    """A VPC's subnets split its CIDRs; every VPC has subnets in all three zones."""
    vpcs = {
        vpc["VpcId"]: [block["CidrBlock"] for block in vpc["CidrBlockAssociationSet"]]
        for vpc in documents["vpcs"]["Vpcs"]
    }
    subnets = documents["subnets"]["Subnets"]
    for vpc_id, cidrs in vpcs.items():
        mine = [subnet for subnet in subnets if subnet["VpcId"] == vpc_id]
        blocks = [ip_network(subnet["CidrBlock"]) for subnet in mine]
        assert {subnet["AvailabilityZoneId"] for subnet in mine} == {"use1-az1", "use1-az2", "use1-az4"}
        assert all(any(block.subnet_of(ip_network(cidr)) for cidr in cidrs) for block in blocks)
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_zone_names_are_mapped_to_ids_as_this_account_sees_them(documents):
    """Names and IDs go together one to one, in another order than their letters suggest."""
    seen = {(subnet["AvailabilityZone"], subnet["AvailabilityZoneId"]) for subnet in documents["subnets"]["Subnets"]}
    assert seen == {("us-east-1c", "use1-az1"), ("us-east-1a", "use1-az2"), ("us-east-1b", "use1-az4")}


def test_vpcs_are_connected_as_planned(documents):
    """Two active peerings, one deleted, two VPCs on one transit gateway, two overlapping unconnected, one lonely."""
    name = {vpc["VpcId"]: vpc["Tags"][0]["Value"] for vpc in documents["vpcs"]["Vpcs"]}
    cidr = {vpc["Tags"][0]["Value"]: vpc["CidrBlock"] for vpc in documents["vpcs"]["Vpcs"]}
    peerings = {
        (
            name[peering["RequesterVpcInfo"]["VpcId"]],
            name[peering["AccepterVpcInfo"]["VpcId"]],
            peering["Status"]["Code"],
        )
        for peering in documents["vpc-peering-connections"]["VpcPeeringConnections"]
    }
    attachments = documents["transit-gateway-attachments"]["TransitGatewayAttachments"]
    assert len(name) == 8
    assert peerings == {("web", "data", "active"), ("shared", "payments", "active"), ("shared", "research", "deleted")}
    assert [name[attachment["ResourceId"]] for attachment in attachments] == ["hub", "branch"]
    assert len({attachment["TransitGatewayId"] for attachment in attachments}) == 1
    assert cidr["payments"] == cidr["research"]
    assert "sandbox" not in {vpc for peering in peerings for vpc in peering} | {"hub", "branch"}


@pytest.mark.parametrize(
    ("kind", "interface_type", "description", "managed"),
    [
        ("instance", "interface", r"(Primary network interface)?", False),
        ("ecs_task", "interface", r"arn:aws:ecs:us-east-1:123456789012:attachment/[0-9a-f-]{36}", True),
        ("nat_gateway", "nat_gateway", r"Interface for NAT Gateway nat-[0-9a-f]{17}", True),
        ("application_load_balancer", "interface", r"ELB app/[a-z-]+-app-[0-9a-f]{4}/[0-9a-f]{16}", True),
        ("network_load_balancer", "network_load_balancer", r"ELB net/[a-z-]+-net-[0-9a-f]{4}/[0-9a-f]{16}", True),
        ("lambda", "lambda", r"AWS Lambda VPC ENI-[a-z-]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", True),
        ("rds", "interface", r"RDSNetworkInterface", True),
        ("vpc_endpoint", "vpc_endpoint", r"VPC Endpoint Interface vpce-[0-9a-f]{17}", True),
        (
            "transit_gateway",
            "transit_gateway",
            r"Network Interface for Transit Gateway Attachment tgw-attach-[0-9a-f]{17}",
            True,
        ),
        ("efs", "efs", r"EFS mount target for fs-[0-9a-f]{17} \(fsmt-[0-9a-f]{17}\)", True),
    ],
)
def test_interfaces_are_marked_as_aws_marks_them(estate, interfaces, kind, interface_type, description, managed):
    """Type, description, requester and attachment tell what an interface belongs to."""
    ids = {interface.interface_id for interface in estate.interfaces if interface.kind == kind}
    found = [interface for interface in interfaces if interface["NetworkInterfaceId"] in ids]
    assert found
    for interface in found:
        assert interface["InterfaceType"] == interface_type
        assert re.fullmatch(description, interface["Description"])
        assert interface["RequesterManaged"] is managed
        assert ("RequesterId" in interface) is managed
        assert ("InstanceId" in interface["Attachment"]) is (kind == "instance")


def test_every_interface_was_attached_well_before_the_traffic(interfaces):
    """No interface of this estate can be taken for one that came after the flow."""
    newest = max(datetime.fromisoformat(interface["Attachment"]["AttachTime"]) for interface in interfaces)
    assert (TRAFFIC_START - newest).days > 14


def test_public_addresses_are_unique_and_elastic_ones_listed_as_such(documents, interfaces):
    """Addresses with an allocation are in describe-addresses, AWS's own are not; none is private or shared."""
    associated = {
        interface["Association"]["PublicIp"]: interface for interface in interfaces if "Association" in interface
    }
    elastic = {address["PublicIp"]: address for address in documents["addresses"]["Addresses"]}
    with_allocation = {ip for ip, owner in associated.items() if "AllocationId" in owner["Association"]}
    assert len(associated) == sum("Association" in interface for interface in interfaces)
    assert with_allocation == set(elastic)
    assert len(associated) > len(elastic) > 0
    for ip, address in elastic.items():
        assert address["NetworkInterfaceId"] == associated[ip]["NetworkInterfaceId"]
        assert address["PrivateIpAddress"] == associated[ip]["PrivateIpAddress"]
    assert all(ip_address(ip) in ip_network("198.18.0.0/16") for ip in associated)


def test_instances_and_interfaces_tell_the_same(documents, interfaces):
    """An instance lists its own interfaces with the same addresses, the first one being its primary."""
    by_id = {interface["NetworkInterfaceId"]: interface for interface in interfaces}
    instances = [part for reservation in documents["instances"]["Reservations"] for part in reservation["Instances"]]
    listed = []
    for instance in instances:
        assert instance["PrivateIpAddress"] == instance["NetworkInterfaces"][0]["PrivateIpAddress"]
        for position, part in enumerate(instance["NetworkInterfaces"]):
            interface = by_id[part["NetworkInterfaceId"]]
            listed.append(part["NetworkInterfaceId"])
            assert interface["Attachment"]["InstanceId"] == instance["InstanceId"]
            assert interface["Attachment"]["DeviceIndex"] == part["Attachment"]["DeviceIndex"] == position
            assert interface.get("Ipv4Prefixes") == part.get("Ipv4Prefixes")
            assert [entry["PrivateIpAddress"] for entry in part["PrivateIpAddresses"]] == [
                entry["PrivateIpAddress"] for entry in interface["PrivateIpAddresses"]
            ]
    attached = [part["NetworkInterfaceId"] for part in interfaces if "InstanceId" in part["Attachment"]]
    assert sorted(listed) == sorted(attached)
    assert any(len(instance["NetworkInterfaces"]) == 2 for instance in instances)


def test_nat_gateways_and_load_balancers_point_at_their_interfaces(documents, interfaces):
    """Gateways name interface, private and public address; balancers have one subnet in each zone."""
    by_id = {interface["NetworkInterfaceId"]: interface for interface in interfaces}
    for gateway in documents["nat-gateways"]["NatGateways"]:
        (address,) = gateway["NatGatewayAddresses"]
        interface = by_id[address["NetworkInterfaceId"]]
        assert interface["Description"].endswith(gateway["NatGatewayId"])
        assert (address["PrivateIp"], address["PublicIp"]) == (
            interface["PrivateIpAddress"],
            interface["Association"]["PublicIp"],
        )
    schemes = Counter()
    for balancer in documents["load-balancers"]["LoadBalancers"]:
        description = "ELB " + balancer["LoadBalancerArn"].partition("loadbalancer/")[2]
        mine = [interface for interface in interfaces if interface["Description"] == description]
        assert {part["SubnetId"] for part in mine} == {zone["SubnetId"] for zone in balancer["AvailabilityZones"]}
        assert len(mine) == 3
        assert {"Association" in part for part in mine} == {balancer["Scheme"] == "internet-facing"}
        schemes[balancer["Type"], balancer["Scheme"]] += 1
    assert len(schemes) == 4


def test_estate_has_the_variety_that_resolution_is_judged_by(estate):
    """Secondary addresses, prefixes, IPv6, untagged, alias keys, groups, service-managed and silent interfaces."""
    every = estate.interfaces
    assert any(len(interface.secondary_addresses) > 1 for interface in every)
    assert any(interface.prefixes for interface in every)
    assert any(interface.ipv6_address for interface in every)
    assert any(interface.kind == "instance" and interface.project is None for interface in every)
    assert any("Project" in interface.tags for interface in every)
    assert any("aws:autoscaling:groupName" in interface.tags for interface in every)
    assert any(interface.operator == "eks.amazonaws.com" for interface in every)
    assert any(interface.own_tags.get("Name", "") != interface.tags.get("Name", "") for interface in every)
    assert {interface.recording for interface in every} == {True, False}


def test_unlisted_interfaces_exist_and_are_in_no_document(estate, documents):
    """Of 400 interfaces 0.5 % are left out, with their instances; nothing else is."""
    unlisted = [interface for interface in estate.interfaces if not interface.listed]
    written = json.dumps(documents)
    assert len(unlisted) == 2
    for interface in unlisted:
        assert interface.kind in {"instance", "ecs_task"}
        assert interface.interface_id not in written
        assert (interface.instance_id or interface.interface_id) not in written
    listed = {part["NetworkInterfaceId"] for part in documents["network-interfaces"]["NetworkInterfaces"]}
    assert listed == {interface.interface_id for interface in estate.interfaces} - {
        interface.interface_id for interface in unlisted
    }
    instances = {part["InstanceId"] for group in documents["instances"]["Reservations"] for part in group["Instances"]}
    assert instances == {instance.instance_id for instance in estate.instances} - {
        interface.instance_id for interface in unlisted
    }


def test_more_unlisted_interfaces_than_there_can_be_are_refused():
    """Only plain instances and tasks can be unlisted; the error says how many there are."""
    with pytest.raises(SettingsError, match=r"400 interfaces shall be unlisted, \d+ can be; lower unlisted_share"):
        build_estate(replace(DEMO, unlisted_share=1.0), seed=1)


def test_counts_are_exactly_the_planned_ones(estate):
    """The demo has 400 interfaces, each with its own id."""
    assert len({interface.interface_id for interface in estate.interfaces}) == 400
    kinds = Counter(interface.kind for interface in estate.interfaces)
    assert (kinds["application_load_balancer"], kinds["network_load_balancer"]) == (18, 6)
    assert (kinds["lambda"], kinds["rds"], kinds["vpc_endpoint"], kinds["efs"]) == (10, 10, 12, 9)
    assert (kinds["nat_gateway"], kinds["transit_gateway"]) == (9, 6)


def test_bench_estate_has_twenty_thousand_interfaces_with_four_tags_each():
    """What the benchmark of the issue asks for, addresses unique within their VPC here too."""
    estate = build_estate(BENCH, seed=3)
    assert len(estate.interfaces) == 20_000
    assert {len(interface.tags) for interface in estate.interfaces} == {4}
    owned = Counter(
        (interface.vpc_id, address)
        for interface in estate.interfaces
        for address in (interface.private_address, *interface.secondary_addresses, *interface.prefixes)
    )
    assert max(owned.values()) == 1


def test_same_seed_writes_the_same_files(estate, tmp_path):
    """The written inventory is the same to the byte for the same seed, and another for another."""
    estate.write(tmp_path / "one")
    build_estate(DEMO, seed=1).write(tmp_path / "two")
    build_estate(DEMO, seed=2).write(tmp_path / "three")
    one, two, three = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two", "three")
    )
    assert one == two
    assert one["network-interfaces.json"] != three["network-interfaces.json"]
    assert {name: json.loads(text) for name, text in one.items()} == {
        f"{name}.json": document for name, document in estate.documents().items()
    }


def test_a_full_subnet_says_so():
    """A /28 has four single addresses to give (the lower half without AWS's four), then names itself."""
    addresses = SubnetAddresses("10.0.0.0/28", None)
    assert {addresses.single() for _ in range(4)} == {"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"}
    with pytest.raises(SettingsError, match=r"subnet 10\.0\.0\.0/28 is full; plan fewer interfaces"):
        addresses.single()


def test_prefixes_leave_the_last_address_to_aws():
    """A /26 has one /28 to give: its upper half without the block that holds the last address."""
    addresses = SubnetAddresses("10.0.0.0/26", None)
    assert addresses.free == 59
    assert addresses.prefix() == "10.0.0.32/28"
    assert addresses.free == 43
    with pytest.raises(SettingsError, match="has no /28 left"):
        addresses.prefix()


def test_too_few_interfaces_for_the_plan_is_refused():
    """The error names what is left and what the fleets need."""
    with pytest.raises(SettingsError, match="20 interfaces are left for 48 fleets; plan more interfaces"):
        build_estate(replace(DEMO, interfaces=100), seed=1)
