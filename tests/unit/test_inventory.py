"""What the AWS CLI prints becomes an inventory: who owned what since when, where it is, what its tags are."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import eni, estate, iso, peering, subnet, transit, vpc

from enricher.addresses import Address
from enricher.inventory import ALWAYS, FOREVER, Inventory, Owner, Part, promoted_values
from enricher.inventory_documents import tables_of
from enricher.schema import DEFAULT_PROMOTED_TAGS, LOCATION, TAGS


def inventory(documents, **when: Any) -> Inventory:
    """The documents, indexed."""
    return Inventory(tables_of(documents, **when), DEFAULT_PROMOTED_TAGS)


def endpoint(known, name):
    """The endpoint row of an interface, tags as a dict."""
    row = known.endpoints.slice(known.rows[name], 1).to_pylist()[0]
    return {**row, "tags": dict(row["tags"])}


def owner(known, address):
    """The only owner of an address, private or public: interface id, then the rest."""
    parsed = Address.parse(address)
    (only,) = [*known.owners(parsed), *known.public_owners(parsed)]
    return (known.interface_ids[only.row], *only[1:])


# ── since when ───────────────────────────────────────────────────────────────────────────────────────────────────────

NETWORKS = {
    "vpcs": [vpc("vpc-a", "10.0.0.0/16")],
    "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")],
    "peerings": [peering("vpc-a", "vpc-b")],
    "transits": transit("tgw-1", "vpc-a", "vpc-c"),
}
EVERYTHING = eni(
    "eni-1",
    "10.0.1.4",
    "10.0.1.5",
    attached=4_000,
    Association={"PublicIp": "198.51.100.7"},
    Ipv6Addresses=[{"Ipv6Address": "2001:db8::5"}],
    Ipv4Prefixes=[{"Ipv4Prefix": "10.0.2.0/28"}],
    Ipv6Prefixes=[{"Ipv6Prefix": "2001:db8:0:1::/80"}],
)


@pytest.mark.parametrize(
    ("address", "vpc_id", "dated_from"),
    [
        ("10.0.1.4", "vpc-a", 4_000),
        ("10.0.1.5", "vpc-a", 9_001),
        ("198.51.100.7", None, 9_001),
        ("2001:db8::5", "vpc-a", 9_001),
        ("10.0.2.15", "vpc-a", 9_001),
        ("2001:db8:0:1::ffff", "vpc-a", 9_001),
    ],
)
def test_every_address_of_an_interface_has_a_proven_time(address, vpc_id, dated_from):
    """Dated: the primary since AttachTime, all others since first seen; undated: all since AttachTime, for ever."""
    documents = estate(interfaces=[EVERYTHING])

    assert owner(inventory(documents, observed_at=9_000.25), address) == ("eni-1", vpc_id, dated_from, 9_000, True)
    assert owner(inventory(documents), address) == ("eni-1", vpc_id, 4_000, FOREVER, True)


def test_single_interfaces_may_have_a_date_of_their_own():
    """``seen_at`` goes before ``observed_at``; the inventory's own date is ``observed_at``."""
    documents = estate(interfaces=[eni("eni-1", "10.0.1.4", attached=1), eni("eni-2", "10.0.1.5", attached=1)])
    known = inventory(documents, observed_at=9_000, seen_at={"eni-2": 9_500})

    assert owner(known, "10.0.1.4")[3] == 9_000
    assert owner(known, "10.0.1.5")[3] == 9_500
    assert known.observed_at == 9_000


@pytest.mark.parametrize(
    ("part", "primary", "secondary", "until"),
    [("111122223333/us-east-1", 4_000, 9_011, 9_000), ("ipam/scope-1", 4_000, 9_011, 7_800)],
)
def test_a_scan_proves_from_its_end_and_up_to_its_beginning(part, primary, secondary, until):
    """Nobody knows when in between an entry was read; what IPAM tells may be twenty minutes older still."""
    told = estate(interfaces=[eni("eni-1", "10.0.1.4", "10.0.1.5", attached=4_000)], **NETWORKS)
    tables = tables_of(told, observed_at=9_000.5, ended_at=9_010.5, part=part)

    rows = {row["address"]: (row["row"], row["valid_from"], row["seen_until"]) for row in tables.addresses.to_pylist()}
    assert rows == {"10.0.1.4": (0, primary, until), "10.0.1.5": (0, secondary, until)}
    (interface,) = tables.interfaces.to_pylist()
    assert (interface["part"], interface["seen_from"], interface["seen_until"]) == (part, 9_011, until)
    assert tables.parts == (Part(part, 9_000.5, 9_010.5),)
    networks = tables.networks
    told_by = {
        one.part
        for told in (networks.vpcs, networks.subnets, networks.connections, networks.memberships)
        for one in told
    }
    assert told_by == {part}


def test_how_late_ipam_is_can_be_told():
    """Its lag is a setting; EC2 has none."""
    told = estate(interfaces=[eni("eni-1", "10.0.1.4")])

    for part, until in (("ipam/scope-1", 8_940), ("111122223333/us-east-1", 9_000)):
        tables = tables_of(told, observed_at=9_000, part=part, ipam_lag_s=60)
        assert tables.addresses["seen_until"].to_pylist() == tables.interfaces["seen_until"].to_pylist() == [until]


def test_files_of_the_cli_are_of_no_part():
    """They are undated and say nothing of who else might be asked."""
    tables = tables_of(estate(interfaces=[eni("eni-1", "10.0.1.4")], **NETWORKS))

    assert tables.parts == ()
    assert tables.interfaces["part"].to_pylist() == tables.interfaces["seen_until"].to_pylist() == [None]
    assert {vpc.part for vpc in tables.networks.vpcs} == {None}


@pytest.mark.parametrize(("when", "since"), [({}, ALWAYS), ({"observed_at": 9_000}, 9_000)], ids=["undated", "dated"])
def test_without_attach_time_the_past_is_proven_only_by_what_carries_no_date(when, since):
    """An undated inventory holds always; a dated one only from when it was taken."""
    assert owner(inventory(estate(interfaces=[eni("eni-1", "10.0.1.4")]), **when), "10.0.1.4")[2] == since


def test_an_attach_time_in_another_zone_is_the_same_moment():
    """The offset counts."""
    east = {**eni("eni-1", "10.0.1.4"), "Attachment": {"AttachTime": "1970-01-01T03:06:40+02:00"}}

    assert owner(inventory(estate(interfaces=[east])), "10.0.1.4")[2] == 4_000


# ── which addresses ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_owner_is_told_by_any_spelling_of_its_ipv6_address():
    """The inventory's spelling need not be the record's."""
    known = inventory(estate(interfaces=[eni("eni-1", Ipv6Addresses=[{"Ipv6Address": "2001:0DB8:0:0::5"}])]))

    assert owner(known, "2001:db8::5")[0] == "eni-1"
    assert known.own_addresses(0) == ["2001:db8::5"]


def test_the_own_side_shows_the_primary_and_ipv6_addresses():
    """Secondary addresses, prefixes and public addresses never stand in srcaddr or dstaddr of the own side."""
    assert inventory(estate(interfaces=[EVERYTHING])).own_addresses(0) == ["10.0.1.4", "2001:db8::5"]


def test_equal_addresses_of_two_vpcs_are_two_owners():
    """An address alone is never a key."""
    known = inventory(estate(interfaces=[eni("eni-1", "10.0.1.4"), eni("eni-2", "10.0.1.4", vpc="vpc-b")]))

    assert known.owners(Address.parse("10.0.1.4")) == [
        Owner(0, "vpc-a", ALWAYS, FOREVER, True),
        Owner(1, "vpc-b", ALWAYS, FOREVER, True),
    ]


def test_a_prefix_owns_its_addresses_in_its_own_vpc():
    """The same prefix in two VPCs has two owners, the address behind it none."""
    prefix = {"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.0/28"}]}
    known = inventory(
        estate(interfaces=[eni("eni-1", "10.0.1.4", **prefix), eni("eni-2", "10.0.1.4", vpc="vpc-b", **prefix)])
    )

    assert [each.vpc_id for each in known.owners(Address.parse("10.0.2.0"))] == ["vpc-a", "vpc-b"]
    assert known.owners(Address.parse("10.0.2.16")) == []


def test_addresses_associated_elsewhere_are_found_by_their_interface():
    """``addresses.json`` tells associations that the interface's own document lacks, and interfaces of its own."""
    documents = {
        **estate(interfaces=[eni("eni-1", "10.0.1.4")]),
        "addresses": {
            "Addresses": [
                {"PublicIp": "198.51.100.7", "NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.1.4"},
                {
                    "PublicIp": "198.51.100.8",
                    "NetworkInterfaceId": "eni-2",
                    "NetworkInterfaceOwnerId": "444455556666",
                    "InstanceId": "i-2",
                },
                {"PublicIp": "198.51.100.9"},
            ]
        },
    }
    known = inventory(documents)

    assert owner(known, "198.51.100.7")[:2] == ("eni-1", None)
    assert owner(known, "198.51.100.8")[:2] == ("eni-2", None)
    assert known.public_owners(Address.parse("198.51.100.9")) == []
    assert endpoint(known, "eni-2")["account_id"] == "444455556666"
    assert endpoint(known, "eni-2")["resource_id"] == "i-2"


def gateway(state):
    """A NAT gateway in that state."""
    address = {"NetworkInterfaceId": "eni-nat", "PrivateIp": "10.0.1.9", "PublicIp": "198.51.100.9"}
    return {
        "NatGatewayId": "nat-1",
        "VpcId": "vpc-a",
        "SubnetId": "subnet-a",
        "State": state,
        "NatGatewayAddresses": [address],
        "Tags": [{"Key": "Name", "Value": "way-out"}],
    }


@pytest.mark.parametrize("state", ["available", "pending", "deleting"])
def test_a_nat_gateway_tells_of_its_interface(state):
    """``nat-gateways.json`` alone is enough to know a gateway's addresses, place and name."""
    known = inventory(
        {
            **estate(subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24")]),
            "nat-gateways": {"NatGateways": [gateway(state)]},
        }
    )

    assert owner(known, "10.0.1.9")[:2] == ("eni-nat", "vpc-a")
    assert owner(known, "198.51.100.9")[:2] == ("eni-nat", None)
    told = endpoint(known, "eni-nat")
    assert (told["resource_type"], told["resource_id"], told["name"]) == ("nat_gateway", "nat-1", "way-out")
    assert (told["az_id"], told["region"]) == ("use1-az1", "us-east-1")


@pytest.mark.parametrize("state", ["deleted", "failed"])
def test_a_nat_gateway_that_is_gone_owns_nothing(state):
    """A deleted gateway stays listed for about an hour, while its addresses are already somebody else's."""
    documents = {
        **estate(interfaces=[eni("eni-1", "10.0.1.9", Association={"PublicIp": "198.51.100.9"})]),
        "nat-gateways": {"NatGateways": [gateway(state)]},
    }
    known = inventory(documents)

    assert owner(known, "10.0.1.9")[0] == "eni-1"
    assert owner(known, "198.51.100.9")[0] == "eni-1"


def test_an_instance_tells_of_its_interfaces():
    """``instances.json`` alone is enough; where both documents tell of an interface, its own one counts."""
    reservation = {
        "Instances": [
            {
                "InstanceId": "i-1",
                "Placement": {"AvailabilityZone": "us-east-1a"},
                "Tags": [{"Key": "Name", "Value": "web-1"}],
                "NetworkInterfaces": [
                    {
                        "NetworkInterfaceId": "eni-1",
                        "OwnerId": "111122223333",
                        "VpcId": "vpc-a",
                        "SubnetId": "subnet-a",
                        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.4", "Primary": True}],
                        "Attachment": {"AttachTime": iso(4_000)},
                    },
                    {"Status": "detaching"},
                ],
            }
        ]
    }
    alone = inventory({"instances": {"Reservations": [reservation]}})
    both = inventory({"instances": {"Reservations": [reservation]}, **estate(interfaces=[eni("eni-1", "10.0.1.7")])})

    assert owner(alone, "10.0.1.4") == ("eni-1", "vpc-a", 4_000, FOREVER, True)
    assert endpoint(alone, "eni-1")["instance_id"] == "i-1"
    assert endpoint(alone, "eni-1")["region"] == "us-east-1"
    assert both.owners(Address.parse("10.0.1.4")) == []
    assert owner(both, "10.0.1.7")[0] == "eni-1"


# ── where, and what ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("us-east-1a", "us-east-1"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("cn-northwest-1c", "cn-northwest-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("eusc-de-east-1a", "eusc-de-east-1"),
        ("somewhere", None),
        (None, None),
    ],
)
def test_the_region_is_the_zones_parent(zone, region):
    """Availability Zones, Local Zones and Wavelength Zones name their region first; a zone's name is never stored."""
    known = inventory(estate(interfaces=[eni("eni-1", "10.0.1.4", AvailabilityZone=zone)]))

    told = endpoint(known, "eni-1")
    assert told["region"] == region
    assert zone is None or zone not in {told[name] for name in LOCATION}


def test_the_subnet_fills_in_what_the_interface_lacks():
    """AZ ID, region and VPC come from the subnet where the interface does not tell them."""
    documents = estate(
        interfaces=[
            {**eni("eni-1", "10.0.1.4", SubnetId="subnet-a"), "VpcId": None},
            eni("eni-2", "10.0.1.5", SubnetId="subnet-a", AvailabilityZoneId="use1-az6", AvailabilityZone="us-west-2a"),
            eni("eni-3", "10.0.1.6", SubnetId="subnet-x"),
        ],
        subnets=[subnet("subnet-a", "vpc-z", "10.0.1.0/24", "use1-az4")],
    )
    known = inventory(documents, default_region="eu-west-1")

    told = {name: endpoint(known, name) for name in ("eni-1", "eni-2", "eni-3")}
    places = {name: (row["vpc_id"], row["az_id"], row["region"]) for name, row in told.items()}
    assert places == {
        "eni-1": ("vpc-z", "use1-az4", "us-east-1"),
        "eni-2": ("vpc-a", "use1-az6", "us-west-2"),
        "eni-3": ("vpc-a", None, "eu-west-1"),
    }


def test_tags_of_the_instance_go_over_those_of_its_interface():
    """All tags, the instance's winning; the promoted ones by the first key present. Others' tags are not mixed in."""
    documents = {
        **estate(
            interfaces=[
                eni(
                    "eni-1",
                    "10.0.1.4",
                    instance="i-1",
                    SubnetId="subnet-a",
                    TagSet=[{"Key": "Name", "Value": "nic"}, {"Key": "Project", "Value": "big"}, {"Key": "rack"}],
                )
            ],
            subnets=[{**subnet("subnet-a", "vpc-a", "10.0.1.0/24"), "Tags": [{"Key": "team", "Value": "network"}]}],
        ),
        "instances": {
            "Reservations": [{"Instances": [{"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "web-1"}]}]}]
        },
    }
    known = inventory(documents)

    told = endpoint(known, "eni-1")
    assert told["tags"] == {"Name": "web-1", "Project": "big", "rack": ""}
    assert (told["name"], told["project"], told["team"], told["environment"]) == ("web-1", "big", None, None)
    assert known.interface_tags(0) == {"Name": "nic", "Project": "big", "rack": ""}
    assert known.instance_tags("i-1") == {"Name": "web-1"}
    assert known.instance_tags("i-2") == known.instance_tags(None) == {}


def test_networks_have_only_the_cidrs_they_have_now():
    """CIDRs that are leaving or not yet there do not make an address a VPC's or a subnet's."""
    leaving = {"State": "disassociated"}
    gone_4 = {"CidrBlock": "10.9.0.0/16", "CidrBlockState": leaving}
    gone_6 = {"Ipv6CidrBlock": "2001:db8:9::/64", "Ipv6CidrBlockState": leaving}
    whole = vpc("vpc-a", "10.0.0.0/16", "10.1.0.0/16", "2001:db8:a::/56")
    whole["CidrBlockAssociationSet"].append(gone_4)
    whole["Ipv6CidrBlockAssociationSet"].append(gone_6)
    part = subnet("subnet-a", "vpc-a", "2001:db8:a::/64")
    part["Ipv6CidrBlockAssociationSet"].append(gone_6)
    networks = inventory(estate(vpcs=[whole], subnets=[part])).networks

    assert networks.vpcs[0].cidrs == ("10.0.0.0/16", "10.1.0.0/16", "2001:db8:a::/56")
    assert networks.subnets[0].cidrs == ("2001:db8:a::/64",)


def test_a_peering_connection_tells_the_cidrs_of_a_vpc_in_another_account():
    """The accepter's VPC is in no ``vpcs.json`` of ours: its ranges come with the connection; our own stay ours."""
    documents = {
        **estate(vpcs=[vpc("vpc-a", "10.0.0.0/16")]),
        "vpc-peering-connections": {
            "VpcPeeringConnections": [
                {
                    "VpcPeeringConnectionId": "pcx-1",
                    "Status": {"Code": "active"},
                    "RequesterVpcInfo": {"VpcId": "vpc-a", "CidrBlock": "10.99.0.0/16"},
                    "AccepterVpcInfo": {
                        "VpcId": "vpc-b",
                        "CidrBlock": "10.1.0.0/16",
                        "CidrBlockSet": [{"CidrBlock": "10.1.0.0/16"}, {"CidrBlock": "10.2.0.0/16"}],
                        "Ipv6CidrBlockSet": [{"Ipv6CidrBlock": "2001:db8:b::/56"}],
                    },
                }
            ]
        },
    }
    networks = inventory(documents).networks

    assert {each.vpc_id: each.cidrs for each in networks.vpcs} == {
        "vpc-a": ("10.0.0.0/16",),
        "vpc-b": ("10.1.0.0/16", "10.2.0.0/16", "2001:db8:b::/56"),
    }


# ── promoted tags ────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(
    rows=st.lists(st.one_of(st.none(), st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "1", "2"])))),
    keys=st.lists(st.sampled_from("abce"), max_size=3, unique=True),
)
def test_a_promoted_value_is_that_of_the_first_key_present(rows, keys):
    """Against a plain loop over dicts; an empty value is a value."""
    tags = pa.array([None if row is None else list(row.items()) for row in rows], TAGS)
    expected = [next((row[key] for key in keys if key in row), None) if row else None for row in rows]

    assert promoted_values(tags, tuple(keys)).to_pylist() == expected
