"""What really happened in the demo's estate, worked out from the generator's truth and lines: no SQL, no enrichment.

``flows`` are the flows that at least one end recorded, ``hops`` the records of gateways in between. Both carry, for
each side, where it is, its project label and its id as the saved queries show them, and what the flow costs by the
rules of DESIGN §6 with prices written down here. The estate has no unlisted interface: whether a peer's record in the
same batch names one depends on how lines are batched.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from estate_rows import parse

from workbench.cli import main
from workbench.demo.run import SECONDS, SEED, START
from workbench.estate import DEMO, build_estate, generate_traffic

CONNECTIONS = 2_500
PLACES = ("interface_id", "vpc_id", "subnet_id", "az_id", "resource_type", "resource_id", "name", "project")
PATHS = {"1": "vpc_resource", "2": "internet_or_gateway_endpoint", "3": "virtual_private_gateway",
         "4": "intra_region_peering", "5": "inter_region_peering", "6": "local_gateway_or_zone",
         "7": "gateway_endpoint", "8": "internet_gateway", "-": None}  # fmt: skip
# More of DynamoDB behind NAT gateways than the demo has, so that there is something to save.
HOST_SERVICES = (("", 0.3), ("AMAZON", 0.1), ("CLOUDFRONT", 0.05), ("EC2", 0.05), ("DYNAMODB", 0.5))
PRIVATE = [ipaddress.ip_network(text) for text in
           ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")]  # fmt: skip
# Dollars a GB for each side that pays, and how many sides do.
PRICES = {
    "cross_az": ("0.01", 2), "public_ipv4": ("0.01", 2), "ipv6_other_vpc": ("0.01", 2), "cross_az_nat": ("0.01", 2),
    "internet_out": ("0.09", 1), "free": ("0", 1),
    "nat_gateway": ("0.045", 1), "transit_gateway": ("0.02", 1), "interface_endpoint": ("0.01", 1),
}  # fmt: skip
GB = Decimal(1_000_000_000)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """One hour: the lake's directory, all lines as mappings, the flows that count, the records of hops."""

    lake: Path
    lines: list[Row]
    flows: list[Row]
    hops: list[Row]


def write_hour(directory: Path) -> Truth:
    """Make the estate and its traffic up, enrich it with the command, and work the truth out beside it."""
    estate = build_estate(replace(DEMO, unlisted_share=0.0, host_services=HOST_SERVICES), SEED)
    traffic = generate_traffic(estate, SEED, START, SECONDS, CONNECTIONS)
    estate.write(directory / "inventory")
    (directory / "flows.log").write_text("\n".join([traffic.header, *traffic.lines]) + "\n")
    argv = ["enrich", str(directory / "flows.log"), "--inventory", str(directory / "inventory")]
    assert main([*argv, "--out", str(directory / "lake")]) == 0
    lines = parse(traffic)
    services = {line[f"pkt-{side}addr"]: line[f"pkt-{side}-aws-service"] for line in lines for side in ("src", "dst")}
    interfaces = {interface.interface_id: interface for interface in estate.interfaces}
    truth = {flow["truth_id"]: flow for flow in traffic.truth.to_pylist()}
    records = {(line["truth"]["truth_id"], line["truth"]["side"]): line for line in lines}
    flows = [_flow(flow, records, services) for flow in truth.values() if flow["observable"]]
    hops = [
        _hop(truth[line["truth"]["truth_id"]], line, interfaces[line["interface-id"]], services)
        for line in lines
        if line["truth"]["hop"]
    ]
    return Truth(directory / "lake", lines, flows, hops)


def _flow(flow: Row, records: Mapping[Any, Row], services: Mapping[str, str]) -> Row:
    side = "src" if flow["source_recorded"] else "dst"
    line = records[flow["truth_id"], side]
    row = {
        **flow,
        "reporter": side,
        "line": line,
        "path_name": PATHS[line["traffic-path"]],
        "service": _service(flow, services),
        **_names(flow),
    }
    row["charge"] = _charge(row)
    leg = (
        "to"
        if row["dst_resource_type"] == "vpc_endpoint"
        else "from"
        if row["src_resource_type"] == "vpc_endpoint"
        else None
    )
    return row | {"leg": leg, "gateway_charge": leg and "interface_endpoint"}


def _hop(flow: Row, line: Row, recorder: Any, services: Mapping[str, str]) -> Row:
    """A gateway's record: the flow's ends, but the gateway itself where the packet's address is its own."""
    row = {**flow, "line": line, "service": _service(flow, services), "action": line["action"]}
    for side in ("src", "dst"):
        if line[f"pkt-{side}addr"] == recorder.private_address:
            row |= {f"{side}_{name}": getattr(recorder, name) for name in PLACES} | {f"{side}_listed": True}
    row |= _names(row) | {"bytes": int(line["bytes"]), "gateway": recorder.resource_id}
    into = line["dstaddr"] != line["pkt-dstaddr"]
    row["leg"] = "to" if into else "from" if line["srcaddr"] != line["pkt-srcaddr"] else None
    row["kind"] = recorder.resource_type
    user_az = row["src_az_id"] if into else row["dst_az_id"]
    is_nat = recorder.resource_type == "nat_gateway"
    row["charge"] = "cross_az_nat" if is_nat and row["leg"] and user_az != recorder.az_id else None
    row["gateway_charge"] = recorder.resource_type if row["leg"] and (is_nat or into) else None
    return row


def _service(flow: Row, services: Mapping[str, str]) -> str | None:
    outside = [side for side in ("src", "dst") if flow[f"{side}_interface_id"] is None]
    found = services[flow[f"{outside[0]}_addr"]] if len(outside) == 1 else "-"
    return None if found == "-" else found


def _names(flow: Row) -> Row:
    names = {}
    for side in ("src", "dst"):
        project = flow[f"{side}_project"]
        if flow[f"{side}_interface_id"] is None:
            outside = {"internet": "(internet)", "aws_service": "(aws service)"}
            project = outside.get(flow["traffic_class"], "(unresolved)")
        names[f"{side}_label"] = project or "(untagged)"
        names[f"{side}_id"] = flow[f"{side}_resource_id"] or flow[f"{side}_interface_id"] or flow[f"{side}_addr"]
    return names


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return address.version == 4 and not any(address in network for network in PRIVATE)


def _charge(flow: Row) -> str:
    """DESIGN §6, cost estimate, in its order (one region, no network load balancer told apart in version 5)."""
    ours = flow["src_interface_id"] is not None, flow["dst_interface_id"] is not None
    if flow["traffic_class"] == "internet" and ours[0]:
        return "internet_out"
    if all(ours):
        same_vpc = flow["src_vpc_id"] == flow["dst_vpc_id"]
        if _is_public(flow["src_addr"]) or _is_public(flow["dst_addr"]):
            return "public_ipv4"
        if ":" in flow["src_addr"] and not same_vpc:
            return "ipv6_other_vpc"
        balanced = same_vpc and "load_balancer" in (flow["src_resource_type"], flow["dst_resource_type"])
        return "cross_az" if flow["traffic_class"] == "cross_az" and not balanced else "free"
    return "not_estimated" if flow["traffic_class"] == "private_unknown" else "free"


def dollars(count: int, charge: str | None) -> Decimal | None:
    """What so many bytes cost under a charge, all sides together; None where it has no price."""
    if charge not in PRICES:
        return None
    price, sides = PRICES[charge]
    return count * Decimal(price) * sides / GB


def shares(row: Row, charge: str | None, *, is_gateway: bool) -> tuple[Decimal, Decimal]:
    """The same as the source's and the destination's part: a gateway's user pays all of it."""
    usd = dollars(row["bytes"], charge) or Decimal(0)
    if is_gateway or row.get("gateway"):
        return (usd, Decimal(0)) if row["leg"] == "to" else (Decimal(0), usd)
    return (usd / 2, usd / 2) if charge and PRICES.get(charge, ("", 1))[1] == 2 else (usd, Decimal(0))


def accepted(rows: Iterable[Row]) -> list[Row]:
    """The rows that were let through."""
    return [row for row in rows if row["action"] == "ACCEPT"]
