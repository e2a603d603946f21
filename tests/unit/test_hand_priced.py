"""Flows priced by hand, to the cent: list prices of us-east-1 of September 2026, one project a flow."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from athena_lake import write_lake

from workbench.athena.engine import Lake
from workbench.athena.saved import get

GB = 1_000_000_000
NAT = {"reporter": "hop", "reporter_resource_type": "nat_gateway", "reporter_az_id": "use1-az1"}
TRANSIT = {"reporter": "hop", "reporter_resource_type": "transit_gateway"}
OURS = {"src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-1"}
OTHER = {"src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-2"}
CLIENT, PEER, HOST, HERE = "10.0.1.5", "10.0.2.9", "198.51.100.7", "10.0.0.7"
V6, V6_PEER = "2001:db8::1", "2001:db8::2"
INTO = {"srcaddr": CLIENT, "dstaddr": HERE, "pkt_srcaddr": CLIENT, "pkt_dstaddr": HOST, "src_vpc_id": "vpc-1"}
BACK = {"srcaddr": HERE, "dstaddr": CLIENT, "pkt_srcaddr": HOST, "pkt_dstaddr": CLIENT, "dst_vpc_id": "vpc-1"}


def _between(source: str, destination: str, traffic_class: str, **columns: Any) -> dict[str, Any]:
    return {"srcaddr": source, "dstaddr": destination, "traffic_class": traffic_class, **columns}


# case → (gigabytes, columns, dollars of all its charges)
PRICED = {
    "private, one zone": (100, _between(CLIENT, PEER, "same_az", **OURS), 0),
    "private, two zones": (1, _between(CLIENT, PEER, "cross_az", **OURS), 0.02),
    "private, two zones, much": (1_250, _between(CLIENT, PEER, "cross_az", **OURS), 25),
    "two zones and VPCs": (50, _between(CLIENT, PEER, "cross_az", **OTHER), 1),
    "one zone, two VPCs": (50, _between(CLIENT, PEER, "same_az", **OTHER), 0),
    "public address in one zone": (10, _between(CLIENT, HOST, "same_az", **OURS), 0.2),
    "public address, two zones": (10, _between(CLIENT, HOST, "cross_az", **OTHER), 0.2),
    "public source": (5, _between(HOST, PEER, "same_az", **OURS), 0.1),
    "IPv6 in one VPC": (10, _between(V6, V6_PEER, "same_az", **OURS), 0),
    "IPv6 over zones": (10, _between(V6, V6_PEER, "cross_az", **OURS), 0.2),
    "IPv6 to another VPC": (10, _between(V6, V6_PEER, "same_az", **OTHER), 0.2),
    "from a load balancer": (30, _between(CLIENT, PEER, "cross_az", **OURS, src_resource_type="load_balancer"), 0),
    "to one in another VPC": (30, _between(CLIENT, PEER, "cross_az", **OTHER, dst_resource_type="load_balancer"), 0.6),
    "from a network load balancer": (30, _between(CLIENT, PEER, "cross_az", **OURS, src_resource_type="load_balancer",
                                                  interface_type="network_load_balancer"), 0.6),
    "to the internet": (20, _between(CLIENT, HOST, "internet", src_vpc_id="vpc-1"), 1.8),
    "from the internet": (20, _between(HOST, CLIENT, "internet", dst_vpc_id="vpc-1", reporter="dst"), 0),
    "to another region": (25, _between(CLIENT, PEER, "cross_region", **OTHER), 0.5),
    "to another region, public": (25, _between(CLIENT, HOST, "cross_region", **OTHER), 0.5),
    "to S3": (400, _between(CLIENT, HOST, "aws_service", src_vpc_id="vpc-1"), 0),
    "to an office": (7, _between(CLIENT, "10.9.9.9", "private_unknown", src_vpc_id="vpc-1"), 0),
    "rejected": (9, _between(CLIENT, PEER, "cross_az", **OURS, action="REJECT"), 0),
    "into a NAT gateway": (10, NAT | INTO | {"src_az_id": "use1-az1"}, 0.45),
    "back from a NAT gateway": (10, NAT | BACK | {"dst_az_id": "use1-az1"}, 0.45),
    "into one in another zone": (10, NAT | INTO | {"src_az_id": "use1-az2"}, 0.65),
    "back from one in another zone": (10, NAT | BACK | {"dst_az_id": "use1-az2"}, 0.65),
    "into the transit gateway": (15, TRANSIT | INTO | {"pkt_dstaddr": PEER, "dst_vpc_id": "vpc-2"}, 0.3),
    "out of the transit gateway": (15, TRANSIT | BACK | {"pkt_srcaddr": PEER, "src_vpc_id": "vpc-2"}, 0),
    "to an endpoint in its zone": (6, _between(CLIENT, PEER, "same_az", **OURS, dst_resource_type="vpc_endpoint"),
                                   0.06),
    "from one in another zone": (6, _between(PEER, CLIENT, "cross_az", **OURS, src_resource_type="vpc_endpoint"), 0.18),
    "nobody known to record": (8, _between(CLIENT, PEER, "cross_az", **OURS, reporter=None), 0),
}  # fmt: skip
PLACE = {"day": "2026-10-01", "hour": "10", "reporter": "src", "action": "ACCEPT", "interface_id": "eni-a",
         "dstport": 443, "protocol": 6, "start": 1_790_848_800, "end": 1_790_848_860,
         "src_account_id": "111122223333"}  # fmt: skip


def _rows() -> list[dict[str, Any]]:
    return [
        PLACE | {"srcport": port, "bytes": count * GB, "src_project": case, "dst_project": case} | columns
        for port, (case, (count, columns, _)) in enumerate(PRICED.items(), 40_000)
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """All flows of the table, and a bill of the same day beside them."""
    directory = write_lake(tmp_path_factory.mktemp("priced"), _rows())
    _write_bill(directory)
    with Lake(directory) as opened:
        yield opened


@pytest.mark.parametrize("case", PRICED)
def test_a_flow_costs_what_the_price_list_says(lake, case):
    """All charges of the flow's project, of which there is no other."""
    query = get("project_costs")
    rows = lake.run(query.sql, query.bind({})).rows

    assert sum(row[4] for row in rows if row[0] == case) == pytest.approx(PRICED[case][2], abs=1e-9)


def test_the_charges_add_up_to_the_sum_of_the_flows(lake):
    """No charge is lost between the projects and the whole."""
    query = get("estimated_charges")
    total = sum(row[-1] or 0 for row in lake.run(query.sql, query.bind({})).rows)

    assert total == pytest.approx(sum(dollars for *_, dollars in PRICED.values()))


def _write_bill(directory: Any) -> None:
    """A bill with one line of each kind of interest, and lines that are none of ours."""
    ours, day = "111122223333", "2026-10-01T10:00:00"
    lines = [
        # account, start, type, usage type, gigabytes, dollars, region
        (ours, day, "Usage", "DataTransfer-Regional-Bytes", 2_000.0, 20.0, "us-east-1"),
        (ours, day, "Usage", "USE1-DataTransfer-Regional-Bytes", 1_000.0, 10.0, "us-east-1"),
        (ours, day, "Usage", "DataTransfer-Out-Bytes", 20.0, 1.8, "us-east-1"),
        (ours, day, "Usage", "USE1-EUC1-AWS-Out-Bytes", 50.0, 1.0, "us-east-1"),
        (ours, day, "Usage", "NatGateway-Bytes", 40.0, 1.8, "us-east-1"),
        (ours, day, "Usage", "NatGateway-Hours", 24.0, 1.08, "us-east-1"),
        (ours, day, "Credit", "DataTransfer-Out-Bytes", 0.0, -1.8, "us-east-1"),
        (ours, day, "Usage", "EUC1-DataTransfer-Out-Bytes", 99.0, 9.0, "eu-central-1"),
        ("999999999999", day, "Usage", "DataTransfer-Out-Bytes", 99.0, 9.0, "us-east-1"),
        (ours, "2026-10-02T00:00:00", "Usage", "DataTransfer-Out-Bytes", 99.0, 9.0, "us-east-1"),
    ]
    names = ("account", "start", "type", "usage", "amount", "cost", "region")
    columns = dict(zip(names, (list(column) for column in zip(*lines, strict=True)), strict=True))
    table = pa.table(
        {
            "line_item_usage_account_id": columns["account"],
            "line_item_usage_start_date": pa.array(columns["start"]).cast(pa.timestamp("ms")),
            "line_item_line_item_type": columns["type"],
            "line_item_usage_type": columns["usage"],
            "line_item_operation": pa.nulls(len(lines), pa.string()),
            "line_item_usage_amount": columns["amount"],
            "line_item_unblended_cost": columns["cost"],
            "product_region_code": columns["region"],
        }
    )
    folder = directory / "cost_and_usage_report" / "billing_period=2026-10"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "bill.parquet")


def test_the_estimate_stands_beside_the_bill(lake):
    """Item by item: the bill's lines of the days, accounts and region that were asked for, whatever their prefix."""
    query = get("bill_reconciliation")
    rows = lake.run(query.sql, query.bind({"first_day": "2026-10-01", "last_day": "2026-10-01"})).rows

    regional = 2 * (1 + 1_250 + 50 + 10 + 10 + 5 + 10 + 10 + 30 + 30 + 20 + 6)  # both sides; 20 to NAT gateways
    assert list(rows) == [
        ("regional_transfer", regional, 3_000.0, regional / 100, 30.0, pytest.approx(95.5, abs=0.05)),
        ("internet_out", 20.0, 20.0, 1.8, 1.8, 100.0),
        ("nat_gateway", 40.0, 40.0, 1.8, 1.8, 100.0),
        ("cross_region", 50.0, 50.0, 1.0, 1.0, 100.0),
        ("interface_endpoint", 12.0, 0.0, 0.12, 0.0, None),
        ("transit_gateway", 15.0, 0.0, 0.3, 0.0, None),
    ]


def test_another_region_has_neither_flows_nor_bill(lake):
    """Both sides of the comparison are of the region that was asked for."""
    query = get("bill_reconciliation")

    assert lake.run(query.sql, query.bind({"region": "eu-west-1"})).rows == ()
