"""Accounts that only IPAM tells of, over HTTP on the stand-in cloud."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from integration.refresher_bench import (
    BANK,
    EXTERNAL_ID,
    HOME,
    NOW,
    PLENTY,
    POINTER,
    REGION,
    SHOP,
    STREAM,
    Bench,
    Clock,
    Cloud,
    estate,
    interface,
    make_lake,
    owned,
    parts,
    role,
    spans,
)

from enricher.addresses import Address
from enricher.handler import Environment
from enricher.inventory import Inventory
from enricher.ipam import IpamReader
from enricher.log_format import LogFormats
from enricher.paging import ReadError
from enricher.settings import Ec2Settings, Settings
from workbench.cloud import FOREVER, Ipam, Refuse
from workbench.cloud.ipam import PRIVATE_SCOPE, PUBLIC_SCOPE
from workbench.envelopes import event, message_record

PRIVATE, PUBLIC = f"ipam/{PRIVATE_SCOPE}", f"ipam/{PUBLIC_SCOPE}"
LAG = 600
ENI_HOME, ENI_SHOP, ENI_BANK = (f"eni-{account[0]}{1:016x}" for account in (HOME, SHOP, BANK))
TAGS = [{"Key": "project", "Value": "bank"}, {"Key": "Name", "Value": "ledger"}]
PEERING = {
    "VpcPeeringConnectionId": "pcx-1",
    "Status": {"Code": "active"},
    "RequesterVpcInfo": {"VpcId": "vpc-1", "Region": REGION, "CidrBlock": "10.1.0.0/16"},
    "AccepterVpcInfo": {"VpcId": "vpc-3", "Region": REGION},
}


@pytest.fixture
def clock():
    """The IPAM's and the refresher's clock."""
    return Clock()


@pytest.fixture
def cloud(clock):
    """The home account has the IPAM, the shop a role, the bank neither; each has an Elastic IP."""
    with Cloud(region=REGION, ipam=Ipam(clock, HOME, REGION)) as running:
        for account in (HOME, SHOP, BANK):
            public = {"PublicIp": f"203.0.113.{account[0]}", "AllocationId": f"eipalloc-{account[0]}"}
            owner = interface(
                account, 1, f"10.{account[0]}.0.4", TagSet=TAGS if account == BANK else [], Association=public
            )
            more = {"addresses": {"Addresses": [{**public, "NetworkInterfaceId": owner["NetworkInterfaceId"]}]}}
            if account == HOME:
                more["vpc-peering-connections"] = {"VpcPeeringConnections": [PEERING]}
            running.replace_inventory(estate(account, owner) | more, account_id=account)
        running.allow_roles({role(SHOP): EXTERNAL_ID})
        make_lake(running)
        yield running


def bench_of(cloud, clock):
    """A refresher that scans two accounts and reads both scopes."""
    told = {"ipam_scopes": (PRIVATE_SCOPE, PUBLIC_SCOPE), "ipam_lag_s": LAG}
    return Bench(cloud, accounts=(SHOP,), clock=clock, settings=told)


def test_ipam_tells_of_the_accounts_that_nobody_scans(cloud, clock):
    """The bank's interface, subnet, VPC and Elastic IP; of the scanned accounts nothing is told twice."""
    bench = bench_of(cloud, clock)

    refresh = bench.run()

    tables = bench.published().tables
    assert refresh.failures == refresh.warnings == ()
    assert owned(tables) == {
        (f"{HOME}/{REGION}", "10.1.0.4", ENI_HOME, True),
        (f"{HOME}/{REGION}", "203.0.113.1", ENI_HOME, True),
        (f"{SHOP}/{REGION}", "10.2.0.4", ENI_SHOP, True),
        (f"{SHOP}/{REGION}", "203.0.113.2", ENI_SHOP, True),
        (PRIVATE, "10.3.0.4", ENI_BANK, True),
        (PUBLIC, "203.0.113.3", None, True),
    }
    told = {row["part"]: row for row in tables.interfaces.to_pylist()}
    expected = {
        "account_id": BANK, "region": REGION, "az_id": "euw1-az1", "vpc_id": "vpc-3", "instance_id": None,
        "resource_type": "network_interface", "resource_id": ENI_BANK,
        "tags": [("project", "bank"), ("Name", "ledger")],
    }  # fmt: skip
    assert {name: told[PRIVATE][name] for name in expected} == expected
    expected = {"account_id": BANK, "region": REGION, "resource_type": "elastic_ip", "resource_id": "eipalloc-3"}
    assert {name: told[PUBLIC][name] for name in expected} == expected
    networks = tables.networks
    assert [(s.subnet_id, s.cidrs, s.az_id, s.region) for s in networks.subnets if s.part == PRIVATE] == [
        ("subnet-3", ("10.3.0.0/24",), "euw1-az1", REGION)
    ]
    assert [(vpc.vpc_id, vpc.cidrs) for vpc in networks.vpcs if vpc.part == PRIVATE] == [("vpc-3", ("10.3.0.0/16",))]


def test_what_ipam_tells_is_proven_only_once_it_can_no_longer_be_late(cloud, clock):
    """Between the first look's end and the last one's beginning, less what IPAM may be late."""
    bench = bench_of(cloud, clock)
    for _ in range(13):
        bench.run(after=60)

    tables = bench.published().tables
    assert spans(tables, "10.3.0.4") == [(NOW + 60, NOW + 780 - LAG - 5)]
    assert spans(tables, "203.0.113.3") == [(NOW + 60, NOW + 780 - LAG - 5)]
    assert tables.interfaces.num_rows == 4


def test_a_flow_to_an_account_that_only_ipam_knows_is_named(cloud, clock):
    """Ids, AZ and the interface's tags come out, with IPAM as evidence; no instance is made up."""
    bench = bench_of(cloud, clock)
    for _ in range(30):
        bench.run(after=60)
    fields = (
        "${version} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${log-status} ${vpc-id} ${flow-direction}"
    )
    settings = Settings("lake", LogFormats.parse([fields]), inventory_uri=POINTER, ec2=Ec2Settings(lookups=False))
    environment = Environment(settings, clock, {"s3": cloud.client("s3")})
    start = round(NOW) + 300
    line = f"5 {ENI_HOME} 10.1.0.4 10.3.0.4 {start} {start + 60} OK vpc-1 egress"

    answer = environment.handle(event([message_record(line)], STREAM, REGION, "one", first_arrival_ms=1), PLENTY)

    (row,) = rows_of(cloud, answer.written[0])
    named = ("status", "evidence", "interface_id", "account_id", "az_id", "vpc_id", "instance_id", "project", "name")
    assert [row[f"dst_{name}"] for name in named] == [
        "resolved", "ipam", ENI_BANK, BANK, "euw1-az1", "vpc-3", None, "bank", "ledger"
    ]  # fmt: skip


def rows_of(cloud, key):
    """The rows of an object in the lake."""
    body = cloud.client("s3").get_object(Bucket="lake", Key=key)["Body"].read()
    return pq.read_table(pa.BufferReader(body)).to_pylist()


def test_an_ipam_that_does_not_answer_costs_its_own_parts_only(cloud, clock):
    """The scopes keep what they know, the accounts go on."""
    bench = bench_of(cloud, clock)
    bench.run()
    cloud.fail("ec2", "GetIpamResourceCidrs", Refuse("UnauthorizedOperation"), times=FOREVER)

    bench.run(after=60)

    told = parts(bench.published().pointer.parts)
    assert {name for name, part in told.items() if part.error} == {PRIVATE, PUBLIC}
    assert f"allow ec2:GetIpamResourceCidrs for {bench.refresher.accounts.target(HOME, REGION).role}" in (
        told[PRIVATE].error
    )
    assert told[f"{HOME}/{REGION}"].begun_at == NOW + 60
    assert (PRIVATE, "10.3.0.4", ENI_BANK, True) in owned(bench.published().tables)


def test_an_elastic_ip_has_one_owner_where_ec2_tells_of_it(cloud, clock):
    """Told by both it would be nobody's."""
    bench = bench_of(cloud, clock)
    bench.run()
    inventory = Inventory(bench.published().tables, {})
    address = Address.parse("203.0.113.2")
    assert [inventory.interface_ids[owner.row] for owner in inventory.public_owners(address)] == [ENI_SHOP]


def test_single_questions_are_answered_by_id_and_by_history(cloud, clock):
    """A resource by its id; an address by its history, with what IPAM's samples tell of its time."""
    refresher = bench_of(cloud, clock).refresher
    reader = IpamReader(refresher.reader, refresher.accounts.target(HOME, REGION), PRIVATE_SCOPE)
    clock.now += 60

    (known,) = reader.resource(ENI_BANK, clock.now + 10)
    assert (known["ResourceCidr"], known["ResourceOwnerId"]) == ("10.3.0.4/32", BANK)
    assert reader.resource("eni-0", clock.now + 10) == ()
    told = reader.history("10.3.0.4/32", clock.now + 10, start=NOW - 60, end=NOW + 60, vpc_id="vpc-3")
    assert {(record.resource_type, record.resource_id, record.sampled_from) for record in told} == {
        ("network-interface", ENI_BANK, NOW),
        ("instance", f"i-3{1:016x}", NOW),
    }
    assert {record.sampled_until for record in told} == {None}
    cloud.fail("ec2", "GetIpamAddressHistory", Refuse("UnsupportedOperation"))
    with pytest.raises(ReadError, match="ec2:GetIpamAddressHistory failed with UnsupportedOperation"):
        reader.history("10.3.0.4/32", clock.now + 10, start=NOW - 60, end=NOW + 60)
