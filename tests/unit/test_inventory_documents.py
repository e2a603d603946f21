"""Inventory documents that are not what they say are refused by name: file, culprit, and the call that writes it."""

import pytest
from made_by_hand import eni, estate, subnet, vpc

from enricher.errors import InventoryError
from enricher.inventory_documents import DOCUMENTS, check_document, tables_of


@pytest.mark.parametrize(
    "time",
    ["2026-11-18T10:00:00", "yesterday", "", 1_794_996_000, "2026-13-01T00:00:00+00:00", "9999-12-31T23:59:59-01:00",
     "0001-01-01T00:00:00+01:00"],
)  # fmt: skip
def test_an_attach_time_that_is_none_is_refused(time):
    """A time without offset would mean another moment on every machine; none is guessed."""
    broken = {**eni("eni-1", "10.0.1.4"), "Attachment": {"AttachTime": time}}

    with pytest.raises(InventoryError, match=r"network-interfaces\.json: AttachTime of eni-1 .*describe-network-inter"):
        tables_of(estate(interfaces=[broken]))


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("wrong", [[], None, "text", {}, {"Reservation": []}, {"Vpc": {}}])
def test_a_document_without_its_list_is_refused(name, wrong):
    """The error names the file and the call that writes it."""
    call = DOCUMENTS[name][2]
    with pytest.raises(InventoryError, match=rf"^inventory {name}\.json: has no list .*; write it with `aws {call} "):
        check_document(name, wrong)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_part_of_an_answer_is_refused(name):
    """With a page missing, what is not there is not known to be absent."""
    with pytest.raises(InventoryError, match=rf"^inventory {name}\.json: is only a part .*NextToken"):
        check_document(name, {DOCUMENTS[name][0]: [], "NextToken": "more"})


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("entry", [{}, "text", None, 7, []])
def test_an_entry_without_its_id_is_refused(name, entry):
    """Another call's answer under the wrong name is told by its entries."""
    with pytest.raises(InventoryError, match=rf"^inventory {name}\.json: entry 0 of "):
        check_document(name, {DOCUMENTS[name][0]: [entry]})


@pytest.mark.parametrize(
    ("members", "culprit"),
    [
        ({"Attachment": "eni-attach-1"}, "NetworkInterfaces[0].Attachment is no object"),
        (
            {"PrivateIpAddresses": {"PrivateIpAddress": "10.0.1.4"}},
            "NetworkInterfaces[0].PrivateIpAddresses is no list",
        ),
        ({"PrivateIpAddresses": ["10.0.1.4"]}, "NetworkInterfaces[0].PrivateIpAddresses[0] is no object"),
        ({"PrivateIpAddress": 167772420}, "NetworkInterfaces[0].PrivateIpAddress is no text"),
        ({"SubnetId": ["subnet-a"]}, "NetworkInterfaces[0].SubnetId is no text"),
        ({"TagSet": {"Name": "web"}}, "NetworkInterfaces[0].TagSet is no list"),
        ({"TagSet": [{"Key": "Name", "Value": 1}]}, "NetworkInterfaces[0].TagSet[0].Value is no text"),
        ({"Association": {"PublicIp": {}}}, "NetworkInterfaces[0].Association.PublicIp is no text"),
        ({"PrivateIpAddress": "10.0.1"}, "eni-1 has '10.0.1' for an address"),
        ({"Ipv6Addresses": [{"Ipv6Address": "10.0.1.4.5"}]}, "eni-1 has '10.0.1.4.5' for an address"),
        ({"PrivateIpAddress": "10.0.1.4/32"}, "eni-1 has '10.0.1.4/32' for an address"),
        ({"PrivateIpAddress": "0.0.0.0/0"}, "eni-1 has '0.0.0.0/0' for an address"),
        ({"Ipv6Addresses": [{"Ipv6Address": "2001:db8::/64"}]}, "eni-1 has '2001:db8::/64' for an address"),
        ({"Association": {"PublicIp": "198.51.100.0/24"}}, "eni-1 has '198.51.100.0/24' for an address"),
        ({"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.0/40"}]}, "eni-1 has '10.0.2.0/40' for an address"),
        ({"Ipv4Prefixes": [{"Ipv4Prefix": "0.0.0.0/0"}]}, "eni-1 has '0.0.0.0/0' for an address"),
        ({"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.0/27"}]}, "eni-1 has '10.0.2.0/27' for an address"),
        ({"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.0"}]}, "eni-1 has '10.0.2.0' for an address"),
        ({"Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8::/64"}]}, "eni-1 has '2001:db8::/64' for an address"),
        ({"Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8::/28"}]}, "eni-1 has '2001:db8::/28' for an address"),
    ],
)
def test_an_interface_that_is_none_is_refused_by_name(members, culprit):
    """Nothing half-read: the first member that is not as the CLI prints it stops the whole inventory."""
    with pytest.raises(InventoryError) as told:
        tables_of(estate(interfaces=[{**eni("eni-1"), **members}]))

    assert str(told.value).startswith(f"inventory network-interfaces.json: {culprit}; ")
    assert "aws ec2 describe-network-interfaces" in str(told.value)


@pytest.mark.parametrize(
    ("resources", "culprit"),
    [
        (
            {"subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/33")]},
            "subnets.json: subnet-a has '10.0.1.0/33' for a CIDR",
        ),
        (
            {"subnets": [subnet("subnet-a", "vpc-a", "10.0.1.7/24")]},
            "subnets.json: subnet-a has '10.0.1.7/24' for a CIDR",
        ),
        ({"vpcs": [vpc("vpc-a", "ten")]}, "vpcs.json: vpc-a has 'ten' for a CIDR"),
        (
            {
                "peerings": [
                    {
                        "VpcPeeringConnectionId": "pcx-1",
                        "Status": {"Code": "active"},
                        "RequesterVpcInfo": {"VpcId": "vpc-a"},
                        "AccepterVpcInfo": {"VpcId": "vpc-b", "CidrBlock": "10.1/16"},
                    }
                ]
            },
            "vpc-peering-connections.json: pcx-1 has '10.1/16' for a CIDR",
        ),
    ],
)
def test_a_cidr_that_is_none_is_refused_by_name(resources, culprit):
    """The error names the file and the resource."""
    with pytest.raises(InventoryError) as told:
        tables_of(estate(**resources))

    assert str(told.value).startswith(f"inventory {culprit}; write it with `aws ec2 describe-")


def test_a_reservation_without_instances_is_no_fault():
    """EC2 may tell of one whose instances have gone; an entry without the member is refused as ever."""
    tables = tables_of({"instances": {"Reservations": [{"Instances": []}]}})

    assert tables.instances.num_rows == 0
    for entry in ({}, {"Instances": None}):
        with pytest.raises(InventoryError, match='entry 0 of "Reservations" has no Instances'):
            tables_of({"instances": {"Reservations": [entry]}})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("\ud800", "NetworkInterfaces[0].PrivateIpAddress is no text"),  # JSON can spell it, nothing can keep it
        ("10.0.1.5\n\x1b[2J", "has '10.0.1.5??[2J' for an address"),
        ("x" * 100_000, "for an address"),
    ],
)
def test_what_a_document_holds_is_refused_in_one_short_printable_line(value, told):
    """Whoever reads the error reads it on a terminal."""
    with pytest.raises(InventoryError) as refused:
        tables_of(estate(interfaces=[{**eni("eni-1"), "PrivateIpAddress": value, "PrivateIpAddresses": []}]))
    assert told in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 1_501
