"""Which charge a flow causes, and under which project it stands: one row a case, the first rule that fits."""

from typing import Any

import pytest
from athena_lake import write_lake

from workbench.athena.engine import Lake

OURS = {"src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-1"}
OTHER_VPC = {"src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-2"}
BALANCER = {"src_resource_type": "load_balancer"}

# case → (class, source address, destination address, further columns, charge)
CHARGES = {
    "private in one zone": ("same_az", "10.0.0.1", "10.0.0.2", OURS, "free"),
    "172.16 is private": ("same_az", "10.0.0.1", "172.16.0.2", OURS, "free"),
    "172.31 is private": ("same_az", "172.16.0.1", "172.31.255.2", OURS, "free"),
    "172.15 is public": ("same_az", "172.15.0.1", "10.0.0.2", OURS, "public_ipv4"),
    "172.32 is public": ("same_az", "10.0.0.1", "172.32.0.2", OURS, "public_ipv4"),
    "192.168 is private": ("same_az", "192.168.0.1", "10.0.0.2", OURS, "free"),
    "192.169 is public": ("same_az", "192.169.0.1", "10.0.0.2", OURS, "public_ipv4"),
    "100.64 is private": ("same_az", "10.0.0.1", "100.64.0.2", OURS, "free"),
    "100.127 is private": ("same_az", "100.64.0.1", "100.127.0.2", OURS, "free"),
    "100.63 is public": ("same_az", "100.63.0.1", "10.0.0.2", OURS, "public_ipv4"),
    "100.128 is public": ("same_az", "10.0.0.1", "100.128.0.2", OURS, "public_ipv4"),
    "169.254 is private": ("same_az", "169.254.0.1", "10.0.0.2", OURS, "free"),
    "110 is not 10": ("same_az", "110.0.0.1", "10.0.0.2", OURS, "public_ipv4"),
    "public source": ("same_az", "198.51.100.1", "10.0.0.2", OURS, "public_ipv4"),
    "public over zones": ("cross_az", "10.0.0.1", "198.51.100.1", OURS, "public_ipv4"),
    "public, zone not known": ("unknown", "10.0.0.1", "198.51.100.1", OURS, "public_ipv4"),
    "private over zones": ("cross_az", "10.0.0.1", "10.0.0.2", OURS, "cross_az"),
    "private over zones and VPCs": ("cross_az", "10.0.0.1", "10.0.0.2", OTHER_VPC, "cross_az"),
    "IPv6 in one VPC": ("same_az", "2001:db8::1", "2001:db8::2", OURS, "free"),
    "IPv6 over zones": ("cross_az", "2001:db8::1", "2001:db8::2", OURS, "cross_az"),
    "IPv6 to another VPC": ("same_az", "2001:db8::1", "2001:db8::2", OTHER_VPC, "ipv6_other_vpc"),
    "IPv4 to another VPC": ("same_az", "10.0.0.1", "10.0.0.2", OTHER_VPC, "free"),
    "from a load balancer": ("cross_az", "10.0.0.1", "10.0.0.2", {**OURS, **BALANCER}, "free"),
    "to a load balancer": ("cross_az", "10.0.0.1", "10.0.0.2", {**OURS, "dst_resource_type": "load_balancer"}, "free"),
    "load balancer, other VPC": ("cross_az", "10.0.0.1", "10.0.0.2", {**OTHER_VPC, **BALANCER}, "cross_az"),
    "load balancer, VPC not known": ("cross_az", "10.0.0.1", "10.0.0.2", BALANCER, "cross_az"),
    "recorded by a network load balancer": (
        "cross_az", "10.0.0.1", "10.0.0.2", {**OURS, **BALANCER, "interface_type": "network_load_balancer"}, "cross_az",
    ),
    "next hop a network load balancer": (
        "cross_az", "10.0.0.1", "10.0.0.2",
        {**OURS, "dst_resource_type": "load_balancer", "next_hop_interface_type": "network_load_balancer"}, "cross_az",
    ),
    "load balancer by public address": ("cross_az", "10.0.0.1", "198.51.100.1", {**OURS, **BALANCER}, "public_ipv4"),
    "out to the internet": ("internet", "10.0.0.1", "203.0.113.9", {"src_vpc_id": "vpc-1"}, "internet_out"),
    "in from the internet": (
        "internet", "203.0.113.9", "10.0.0.1", {"dst_vpc_id": "vpc-1", "reporter": "dst"}, "free",
    ),
    "to an AWS service": ("aws_service", "10.0.0.1", "52.216.0.1", {"src_vpc_id": "vpc-1"}, "free"),
    "to another region": ("cross_region", "10.0.0.1", "10.9.0.1", OTHER_VPC, "cross_region"),
    "to another region by public address": ("cross_region", "10.0.0.1", "198.51.100.1", OTHER_VPC, "cross_region"),
    "to an office": ("private_unknown", "10.0.0.1", "10.9.0.1", {"src_vpc_id": "vpc-1"}, "not_estimated"),
    "zone not known": ("unknown", "10.0.0.1", "10.0.0.2", OURS, "not_estimated"),
    "class not known": (None, "10.0.0.1", "10.0.0.2", {}, "not_estimated"),
}  # fmt: skip

# case → (class, the source's columns without src_, label)
LABELS = {
    "project": ("same_az", {"project": "search", "resource_id": "i-1"}, "search"),
    "resource without the tag": ("internet", {"resource_id": "nat-1"}, "(untagged)"),
    "interface without the tag": ("same_az", {"interface_id": "eni-1", "vpc_id": "vpc-1"}, "(untagged)"),
    "instance without the tag": ("same_az", {"instance_id": "i-1"}, "(untagged)"),
    "subnet only": ("same_az", {"vpc_id": "vpc-1", "status": "subnet"}, "(unresolved)"),
    "subnet only, the peer outside": ("internet", {"vpc_id": "vpc-1", "status": "subnet"}, "(unresolved)"),
    "the internet": ("internet", {"status": "absent"}, "(internet)"),
    "an AWS service": ("aws_service", {"status": "absent"}, "(aws service)"),
    "private and not known": ("private_unknown", {"status": "absent"}, "(unresolved)"),
    "nothing known": ("unknown", {"status": "unresolved"}, "(unresolved)"),
}


def _flow(case: str, traffic_class: str | None, srcaddr: str, dstaddr: str, columns: dict[str, str]) -> dict[str, Any]:
    place = {"day": "2026-03-01", "hour": "10", "batch_id": case}
    return {
        **place,
        "reporter": "src",
        "srcaddr": srcaddr,
        "dstaddr": dstaddr,
        "traffic_class": traffic_class,
        **columns,
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Every case in one lake: case → charge and labels."""
    rows = [_flow(case, *columns[:4]) for case, columns in CHARGES.items()]
    for side in ("src", "dst"):
        for case, (traffic_class, columns, _) in LABELS.items():
            named = {f"{side}_{name}": value for name, value in columns.items()}
            rows.append(_flow(f"{side} {case}", traffic_class, "10.0.0.1", "10.0.0.2", named))
    sql = "SELECT batch_id, charge, src_project_label, dst_project_label FROM flow_costs"
    with Lake(write_lake(tmp_path_factory.mktemp("lake"), rows)) as lake:
        return {case: {"charge": charge, "src": src, "dst": dst} for case, charge, src, dst in lake.run(sql).rows}


@pytest.mark.parametrize("case", CHARGES)
def test_a_flow_causes_the_first_charge_that_fits(answers, case):
    """The charges of DESIGN §6 in their order."""
    assert CHARGES[case][-1] == answers[case]["charge"]


@pytest.mark.parametrize("side", ["src", "dst"])
@pytest.mark.parametrize("case", LABELS)
def test_a_side_stands_under_its_project_or_the_reason_why_not(answers, side, case):
    """Both sides alike: the project, or why there is none."""
    assert LABELS[case][-1] == answers[f"{side} {case}"][side]
