"""IPAM's rows as EC2 would tell them."""

import pytest

from enricher.errors import InventoryError
from enricher.inventory_documents import tables_of
from enricher.ipam_documents import as_ec2_tells, without


def row(kind, name, cidr, **members: object):
    """A row of GetIpamResourceCidrs."""
    return {
        "IpamScopeId": "ipam-scope-0a",
        "ResourceType": kind,
        "ResourceId": name,
        "ResourceCidr": cidr,
        "ResourceOwnerId": "111122223333",
        "ResourceRegion": "eu-west-1",
        "VpcId": "vpc-1",
        "AvailabilityZoneId": "euw1-az2",
        "ResourceTags": [{"Key": "project", "Value": "shop"}],
    } | members


def tables(*rows: dict[str, object], **documents: object):
    """The inventory of a directory with these rows and other documents."""
    return tables_of({"ipam-resource-cidrs": {"IpamResourceCidrs": list(rows)}, **documents})


def addresses(told):
    """(address, vpc_id, interface or resource) of all owners."""
    names = told.interfaces["resource_id"].take(told.addresses["row"]).to_pylist()
    return list(zip(told.addresses["address"].to_pylist(), told.addresses["vpc_id"].to_pylist(), names, strict=True))


def test_every_kind_of_cidr_becomes_what_ec2_would_tell():
    """Addresses, IPv6, prefixes of an interface; blocks of a subnet and a VPC; an Elastic IP."""
    told = tables(
        row("eni", "eni-1", "10.0.0.4/32"),
        row("eni", "eni-1", "10.0.0.5/32"),
        row("eni", "eni-1", "10.0.0.16/28"),
        row("eni", "eni-1", "2600:1f18::5/128"),
        row("eni", "eni-1", "2600:1f18:0:1::/80"),
        row("subnet", "subnet-1", "10.0.0.0/24"),
        row("subnet", "subnet-1", "2600:1f18::/64"),
        row("vpc", "vpc-1", "10.0.0.0/16"),
        row("vpc", "vpc-1", "2600:1f18::/56"),
        row("eip", "eipalloc-1", "203.0.113.7/32", VpcId=None, AvailabilityZoneId=None),
    )
    assert addresses(told) == [
        ("10.0.0.16/28", "vpc-1", "eni-1"),
        ("10.0.0.4", "vpc-1", "eni-1"),
        ("10.0.0.5", "vpc-1", "eni-1"),
        ("203.0.113.7", None, "eipalloc-1"),
        ("2600:1f18:0:1::/80", "vpc-1", "eni-1"),
        ("2600:1f18::5", "vpc-1", "eni-1"),
    ]
    (subnet,), (vpc,) = told.networks.subnets, told.networks.vpcs
    assert (subnet.subnet_id, subnet.vpc_id, subnet.cidrs) == ("subnet-1", "vpc-1", ("10.0.0.0/24", "2600:1f18::/64"))
    assert (subnet.az_id, subnet.region) == ("euw1-az2", "eu-west-1")
    assert (vpc.vpc_id, vpc.cidrs) == ("vpc-1", ("10.0.0.0/16", "2600:1f18::/56"))
    interface, elastic = told.interfaces.to_pylist()
    assert [interface[name] for name in ("account_id", "region", "az_id", "instance_id", "resource_type", "tags")] == [
        "111122223333", "eu-west-1", "euw1-az2", None, "network_interface", [("project", "shop")]
    ]  # fmt: skip
    assert [elastic[name] for name in ("account_id", "region", "interface_id", "resource_type", "tags")] == [
        "111122223333", "eu-west-1", None, "elastic_ip", [("project", "shop")]
    ]  # fmt: skip
    assert interface["part"] == elastic["part"] == "ipam/ipam-scope-0a"


def test_only_a_sole_ipv4_address_is_known_to_be_the_primary_one():
    """An interface's own addresses are what its records show; of several it could be any."""
    told = tables(
        row("eni", "eni-1", "10.0.0.4/32"), row("eni", "eni-2", "10.0.0.5/32"), row("eni", "eni-2", "10.0.0.6/32")
    )
    assert told.interfaces["own_addresses"].to_pylist() == [["10.0.0.4"], []]


def test_a_public_address_of_an_interface_is_public_unless_a_vpc_holds_it():
    """VPCs may use public space for themselves."""
    told = tables(
        row("eni", "eni-1", "8.8.8.8/32"),
        row("eni", "eni-2", "100.200.0.4/32", VpcId="vpc-2"),
        row("vpc", "vpc-2", "100.200.0.0/16", VpcId="vpc-2"),
    )
    assert addresses(told) == [("100.200.0.4", "vpc-2", "eni-2"), ("8.8.8.8", None, "eni-1")]


def test_ec2_s_own_word_goes_before_ipam_s():
    """Interfaces, subnets, VPCs and public addresses that EC2's documents tell of are theirs, whatever IPAM says."""
    interface = {
        "NetworkInterfaceId": "eni-1",
        "VpcId": "vpc-1",
        "PrivateIpAddress": "10.0.0.4",
        "Association": {"PublicIp": "203.0.113.7"},
    }
    instance = {"InstanceId": "i-1", "NetworkInterfaces": [interface]}
    subnet = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}
    told = tables(
        row("eni", "eni-1", "10.0.0.9/32"),
        row("subnet", "subnet-1", "10.9.0.0/24"),
        row("vpc", "vpc-1", "10.9.0.0/16"),
        row("eip", "eipalloc-1", "203.0.113.7/32"),
        instances={"Reservations": [{"Instances": [instance]}]},
        subnets={"Subnets": [subnet]},
        vpcs={"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
    )
    assert addresses(told) == [("10.0.0.4", "vpc-1", "i-1"), ("203.0.113.7", None, "i-1")]
    assert [subnet.cidrs for subnet in told.networks.subnets] == [("10.0.0.0/24",)]
    assert [vpc.cidrs for vpc in told.networks.vpcs] == [("10.0.0.0/16",)]


def test_rows_told_twice_count_once():
    """Pages overlap where things change in between."""
    twice = [row("eni", "eni-1", "10.0.0.4/32"), row("eip", "eipalloc-1", "203.0.113.7/32")]
    assert addresses(tables(*twice, *twice)) == [("10.0.0.4", "vpc-1", "eni-1"), ("203.0.113.7", None, "eipalloc-1")]


def test_accounts_that_are_scanned_are_left_out():
    """By account and region both: an account is scanned where it is scanned."""
    rows = [
        row("eni", "eni-1", "10.0.0.4/32"),
        row("eni", "eni-2", "10.0.0.5/32", ResourceRegion="us-east-1"),
        row("eni", "eni-3", "10.0.0.6/32", ResourceOwnerId="222233334444"),
    ]
    left = without({"IpamResourceCidrs": rows}, frozenset({("111122223333", "eu-west-1")}))
    assert [each["ResourceId"] for each in left["IpamResourceCidrs"]] == ["eni-2", "eni-3"]


@pytest.mark.parametrize("cidr", [None, "10.0.0.4/33", "10.0.0.4/24", "somewhere"])
@pytest.mark.parametrize("kind", ["eni", "subnet", "vpc", "eip"])
def test_a_cidr_that_is_none_is_refused(kind, cidr):
    """The resource and the mend in one line."""
    with pytest.raises(InventoryError, match=r"^inventory ipam-resource-cidrs.json: x-1 has '.*' for a CIDR; write "):
        tables(row(kind, "x-1", cidr))


def test_no_rows_tell_nothing():
    """A scope without resources is a good answer."""
    assert as_ec2_tells([]) == {"network-interfaces": [], "subnets": [], "vpcs": []}
