"""A snapshot is what it was made from, or it is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import transit

from enricher.errors import InventoryError
from enricher.inventory import InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.snapshot import from_snapshot, to_snapshot

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
TAGS = st.lists(st.tuples(TEXT, TEXT), max_size=3, unique_by=lambda pair: pair[0]).map(
    lambda pairs: [{"Key": key, "Value": value} for key, value in pairs]
)
OWNERS = {"TransitGatewayOwnerId": "111122223333", "ResourceOwnerId": "444455556666"}
VPC = st.sampled_from(["vpc-0a", "vpc-0b"])
MOMENT = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat())


@st.composite
def interfaces(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A network interface with some of the members that the AWS CLI prints."""
    told: dict[str, Any] = {
        "NetworkInterfaceId": f"eni-{number}",
        "VpcId": draw(VPC),
        "PrivateIpAddress": f"10.0.{number}.1",
        "PrivateIpAddresses": [{"PrivateIpAddress": f"10.0.{number}.1", "Primary": True}],
        "TagSet": draw(TAGS),
    }
    if draw(st.booleans()):
        told["Attachment"] = {"InstanceId": f"i-{number}", "AttachTime": draw(MOMENT)}
    if draw(st.booleans()):
        told["PrivateIpAddresses"].append(
            {"PrivateIpAddress": f"10.0.{number}.9", "Association": {"PublicIp": f"203.0.113.{number}"}}
        )
        told["Ipv6Addresses"] = [{"Ipv6Address": f"2001:db8::{number}"}]
        told["Ipv4Prefixes"] = [{"Ipv4Prefix": f"10.1.{number}.0/28"}]
        told |= {"OwnerId": "111122223333", "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"}
    return told


@st.composite
def inventories(draw: st.DrawFn) -> InventoryTables:
    """Any subset of documents, dated or not."""
    documents: dict[str, Any] = {
        "network-interfaces": {
            "NetworkInterfaces": [draw(interfaces(number)) for number in range(draw(st.integers(0, 4)))]
        },
        "instances": {"Reservations": [{"Instances": [{"InstanceId": "i-0", "Tags": draw(TAGS)}]}]},
        "vpcs": {
            "Vpcs": [{"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/16"}, {"VpcId": "vpc-0b", "CidrBlock": "10.1.0.0/16"}]
        },
        "subnets": {
            "Subnets": [
                {"SubnetId": f"subnet-{number}", "VpcId": "vpc-0a", "CidrBlock": f"10.0.{number}.0/24"}
                | draw(st.sampled_from([{}, {"AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"}]))
                for number in range(draw(st.integers(0, 3)))
            ]
        },
        "vpc-peering-connections": {
            "VpcPeeringConnections": [
                {
                    "VpcPeeringConnectionId": "pcx-0",
                    "Status": {"Code": "active"},
                    "RequesterVpcInfo": {"VpcId": "vpc-0a", "Region": "eu-west-1"},
                    "AccepterVpcInfo": {"VpcId": "vpc-0b", "Region": draw(st.sampled_from(["eu-west-1", "us-east-1"]))},
                }
            ]
        },
    }
    documents["transit-gateway-attachments"] = {
        "TransitGatewayAttachments": [
            transit(gateway, vpc_id, **draw(st.sampled_from([{}, OWNERS])))[0]
            for gateway, vpc_id in draw(st.lists(st.tuples(st.sampled_from(["tgw-1", "tgw-2"]), VPC), max_size=3))
        ]
    }
    chosen = draw(st.sets(st.sampled_from(sorted(documents))))
    observed_at = draw(st.one_of(st.none(), st.floats(0, 4e9), st.just(1_794_996_060.123456)))
    part = draw(st.sampled_from([None, "111122223333/eu-west-1", "ipam/ipam-scope-1"])) if observed_at else None
    tables = tables_of({name: documents[name] for name in chosen}, observed_at=observed_at, part=part)
    failed = Part(draw(TEXT), None, None, draw(st.floats(0, 4e9)), draw(TEXT))
    return replace(tables, parts=(*tables.parts, failed)) if draw(st.booleans()) else tables


@settings(max_examples=60, deadline=None)
@given(tables=inventories())
def test_a_snapshot_reads_back_as_it_was(tables: InventoryTables) -> None:
    """Every interface, address, tag, network and the date, to the last digit."""
    again = from_snapshot(to_snapshot(tables), "snapshot.parquet")

    assert told(again) == told(tables)


def told(tables: InventoryTables) -> dict[str, Any]:
    """All of an inventory as plain values."""
    networks = tables.networks
    return {
        "interfaces": (tables.interfaces.schema, tables.interfaces.to_pylist()),
        "addresses": (tables.addresses.schema, tables.addresses.to_pylist()),
        "instances": (tables.instances.schema, tables.instances.to_pylist()),
        "networks": (networks.vpcs, networks.subnets, networks.connections, networks.memberships),
        "observed_at": tables.observed_at,
        "parts": tables.parts,
    }


@settings(max_examples=60, deadline=None)
@given(data=st.data(), body=st.binary(max_size=64))
def test_what_is_no_whole_snapshot_is_refused(data: st.DataObject, body: bytes) -> None:
    """Any bytes, and a snapshot cut off anywhere, end in one line that names it and the mend."""
    whole = bytes(to_snapshot(tables_of({}, observed_at=1_794_996_060.0)))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    for broken in (body, cut):
        with pytest.raises(InventoryError, match=r"^inventory snapshot\.parquet: is no snapshot .*; build it again"):
            from_snapshot(broken, "snapshot.parquet")
