from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from estate_rows import by_flow, parse, with_data

from workbench.estate import DEMO, build_estate, generate_traffic

START, SECONDS, FLOWS = 1_763_632_800, 1_800, 3_000
# traffic-path of a source's egress by kind, for flows and answers alike (VPC guide, "Flow log records").
PATHS = {
    "same_az": "1", "cross_az": "1", "peering": "4", "transit_gateway": "1", "nat_gateway": "1",
    "load_balancer_target": "1", "own_public_address": "8", "internet_in": "8", "internet_out": "8",
    "gateway_endpoint": "7", "interface_endpoint": "1", "lambda_to_rds": "1", "efs": "1", "private_unknown": "3",
    "rejected_by_peer": "1", "rejected_egress": "1", "secondary_address": "1", "ipv6_vpc": "1", "ipv6_internet": "8",
}  # fmt: skip


@pytest.fixture(scope="module")
def estate():
    """The demo estate, read only."""
    return build_estate(DEMO, seed=1)


@pytest.fixture(scope="module")
def traffic(estate):
    """Half an hour of traffic in the documented 29 fields, read only."""
    return generate_traffic(estate, 5, START, SECONDS, FLOWS)


@pytest.fixture(scope="module")
def rows(traffic):
    """Every line as a mapping, split as any reader would, with what the truth says of it."""
    return parse(traffic)


@pytest.fixture(scope="module")
def truth(traffic):
    """The true flow-windows as mappings, by truth_id."""
    return {row["truth_id"]: row for row in traffic.truth.to_pylist()}


@pytest.fixture(scope="module")
def interfaces(estate):
    """Interfaces by id."""
    return {interface.interface_id: interface for interface in estate.interfaces}


def test_each_flow_window_has_exactly_its_records(rows, truth):
    """One record of the source, one of the destination where they record, the hops on top, and no other."""
    found = by_flow(rows)
    assert set(found) <= set(truth)
    for truth_id, flow in truth.items():
        sides = Counter(row["truth"]["side"] for row in found.get(truth_id, []))
        assert sides["src"] == flow["source_recorded"]
        assert sides["dst"] == flow["dest_recorded"]
        assert sides["hop"] == flow["hop_records"]
        assert flow["observable"] == (flow["source_recorded"] or flow["dest_recorded"])
    assert {flow["observable"] for flow in truth.values()} == {True, False}


def test_both_sides_and_hops_carry_the_same_counts_and_times(rows, truth):
    """Bytes, packets, start, end and protocol of every record are the flow-window's."""
    for row in with_data(rows):
        flow = truth[row["truth"]["truth_id"]]
        assert [int(row[name]) for name in ("bytes", "packets", "start", "end", "protocol")] == [
            flow[name] for name in ("bytes", "packets", "start", "end", "protocol")
        ]
        assert row["log-status"] == "OK"


def test_sides_are_written_by_their_own_interface(rows, truth, interfaces):
    """Source records are egress of the source's interface, destination records ingress of the destination's."""
    for row in with_data(rows):
        flow, side = truth[row["truth"]["truth_id"]], row["truth"]["side"]
        interface = interfaces[row["interface-id"]]
        assert interface.recording
        assert (row["vpc-id"], row["subnet-id"], row["az-id"]) == (
            interface.vpc_id,
            interface.subnet_id,
            interface.az_id,
        )
        assert row["instance-id"] == (interface.instance_id or "-")
        assert row["truth"]["hop"] == (side == "hop") == (interface.kind in {"nat_gateway", "transit_gateway"})
        if side != "hop":
            assert row["interface-id"] == flow[f"{side}_interface_id"]
            assert row["flow-direction"] == {"src": "egress", "dst": "ingress"}[side]


def test_own_side_shows_the_primary_address_and_the_packet_its_own(rows, truth, interfaces):
    """On its own side srcaddr or dstaddr is the primary IPv4 (or the IPv6); pkt-* shows secondary ones."""
    secondary = 0
    for row in with_data(rows):
        if row["truth"]["side"] == "hop":
            continue
        own, peer = ("src", "dst") if row["truth"]["side"] == "src" else ("dst", "src")
        interface = interfaces[row["interface-id"]]
        expected = interface.ipv6_address if row["type"] == "IPv6" else interface.private_address
        assert row[f"{own}addr"] == expected
        assert row[f"{peer}addr"] == row[f"pkt-{peer}addr"]
        if row[f"pkt-{own}addr"] != row[f"{own}addr"]:
            secondary += 1
            assert truth[row["truth"]["truth_id"]]["kind"] == "secondary_address"
    assert secondary > 20


def test_truth_shows_the_addresses_of_the_record_that_counts(rows, truth):
    """src_addr and dst_addr are the packet's in the source's record, else in the destination's."""
    for truth_id, records in by_flow(rows).items():
        flow = truth[truth_id]
        counting = [row for row in records if row["truth"]["side"] == ("src" if flow["source_recorded"] else "dst")]
        for row in counting:
            assert (row["pkt-srcaddr"], row["pkt-dstaddr"]) == (flow["src_addr"], flow["dst_addr"])
            assert (int(row["srcport"]), int(row["dstport"])) == (flow["srcport"], flow["dstport"])
            assert row["action"] == flow["action"]


def test_nat_gateway_writes_the_four_legs_of_awss_example(rows, truth, interfaces, estate):
    """Client to gateway, gateway to host, host to gateway, gateway to client, as the VPC guide shows them."""
    gateways = {gateway.interface_id: interfaces[gateway.interface_id] for gateway in estate.nat_gateways}
    checked = Counter()
    for truth_id, records in by_flow(rows).items():
        flow = truth[truth_id]
        hops = [row for row in records if row["truth"]["hop"]]
        if flow["kind"] != "nat_gateway" or not hops:
            continue
        gateway = gateways[hops[0]["interface-id"]]
        src, dst, nat = flow["src_addr"], flow["dst_addr"], gateway.private_address
        assert gateway.vpc_id == (flow["dst_vpc_id"] if flow["answer"] else flow["src_vpc_id"])
        names = ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "flow-direction", "traffic-path")
        legs = {tuple(row[name] for name in names) for row in hops}
        if flow["answer"]:
            assert legs == {(src, nat, src, nat, "ingress", "-"), (nat, dst, src, dst, "egress", "1")}
        else:
            assert legs == {(src, nat, src, dst, "ingress", "-"), (nat, dst, nat, dst, "egress", "8")}
        checked[flow["answer"]] += 1
    assert min(checked[True], checked[False]) > 100


def test_transit_gateway_writes_a_hop_in_both_vpcs(rows, truth, interfaces):
    """In the source VPC it takes the packet in, in the destination VPC it sends it on, both in the source's zone."""
    checked = 0
    for truth_id, records in by_flow(rows).items():
        flow = truth[truth_id]
        for row in records:
            if flow["kind"] != "transit_gateway" or not row["truth"]["hop"]:
                continue
            gateway = interfaces[row["interface-id"]]
            shown = (row["srcaddr"], row["dstaddr"], row["pkt-srcaddr"], row["pkt-dstaddr"], row["flow-direction"])
            src, dst, own = flow["src_addr"], flow["dst_addr"], gateway.private_address
            expected = {
                flow["src_vpc_id"]: (src, own, src, dst, "ingress"),
                flow["dst_vpc_id"]: (own, dst, src, dst, "egress"),
            }
            assert shown == expected[gateway.vpc_id]
            assert gateway.az_id == flow["src_az_id"]
            checked += 1
    assert checked > 200


def test_traffic_path_stands_on_egress_only_and_tells_the_way(rows, truth):
    """The path is AWS's number for the kind of connection; ingress has none."""
    for row in with_data(rows):
        flow = truth[row["truth"]["truth_id"]]
        if row["flow-direction"] == "ingress":
            assert row["traffic-path"] == "-"
        elif flow["kind"] == "load_balancer":
            # Clients inside the VPC reach it directly, clients on the internet through the internet gateway.
            assert row["traffic-path"] == ("1" if flow["src_vpc_id"] and flow["dst_vpc_id"] else "8")
        elif row["truth"]["side"] == "src":
            assert row["traffic-path"] == PATHS[flow["kind"]], flow


def test_aws_services_are_named_as_aws_names_them(rows, truth, interfaces):
    """S3 through the gateway endpoint is S3, public addresses of ours are EC2, private ones nothing."""
    ours = {interface.public_address for interface in interfaces.values()} - {None}
    seen = Counter()
    for row in with_data(rows):
        for side in ("src", "dst"):
            address, service = row[f"pkt-{side}addr"], row[f"pkt-{side}-aws-service"]
            if address in ours:
                assert service == "EC2"
            if address.startswith("203.0.113."):
                assert service == "S3"
                assert truth[row["truth"]["truth_id"]]["traffic_class"] == "aws_service"
            if address.startswith(("10.", "100.64.", "172.16.", "192.168.")):
                assert service == "-"
            seen[service] += 1
    assert set(seen) == {"-", "EC2", "S3", "AMAZON", "CLOUDFRONT", "DYNAMODB"}


def test_traffic_class_follows_from_where_the_ends_are(truth):
    """Both ours: by AZ ID. One ours: AWS service, private space nobody knows, or the internet."""
    classes = Counter()
    for flow in truth.values():
        zones = (flow["src_az_id"], flow["dst_az_id"])
        classes[flow["traffic_class"]] += 1
        if None not in zones:
            assert flow["traffic_class"] == ("same_az" if zones[0] == zones[1] else "cross_az")
        elif flow["kind"] == "private_unknown":
            assert flow["traffic_class"] == "private_unknown"
        elif flow["kind"] == "gateway_endpoint":
            assert flow["traffic_class"] == "aws_service"
        else:
            assert flow["traffic_class"] in {"internet", "aws_service"}
    assert set(classes) == {"same_az", "cross_az", "internet", "aws_service", "private_unknown"}


def test_own_public_addresses_hide_the_private_ones_from_each_other(rows, truth, interfaces):
    """Over the internet gateway the source sees the destination's public address, and the other way round."""
    checked = Counter()
    for row in with_data(rows):
        flow = truth[row["truth"]["truth_id"]]
        if flow["kind"] != "own_public_address":
            continue
        source, destination = interfaces[flow["src_interface_id"]], interfaces[flow["dst_interface_id"]]
        shown = {
            "src": (source.private_address, destination.public_address),
            "dst": (source.public_address, destination.private_address),
        }
        assert (row["pkt-srcaddr"], row["pkt-dstaddr"]) == shown[row["truth"]["side"]]
        checked[row["truth"]["side"]] += 1
    assert min(checked["src"], checked["dst"]) > 20


def test_rejects_are_recorded_where_they_happen(rows, truth):
    """The peer's REJECT stands beside an ACCEPT egress; what is rejected at egress never arrives; none is answered."""
    seen = Counter()
    for truth_id, records in by_flow(rows).items():
        flow = truth[truth_id]
        actions = {row["truth"]["side"]: row["action"] for row in records}
        if not flow["kind"].startswith("rejected"):
            assert set(actions.values()) == {"ACCEPT"}
            continue
        assert not flow["answer"]
        expected = {
            "rejected_from_internet": {"dst": "REJECT"},
            "rejected_egress": {"src": "REJECT"},
            "rejected_by_peer": {"src": "ACCEPT", "dst": "REJECT"},
        }[flow["kind"]]
        assert actions.items() <= expected.items()
        seen[flow["kind"], len(actions)] += 1
    assert seen["rejected_by_peer", 2] > 20
    assert seen["rejected_from_internet", 1] > 20
    assert seen["rejected_egress", 1] > 5


def test_flows_are_cut_into_windows_of_a_minute(truth):
    """No record spans two windows of 60 s, a connection's windows follow each other, and several last for minutes."""
    windows = defaultdict(list)
    for flow in truth.values():
        assert START <= flow["start"] <= flow["end"] < START + SECONDS
        assert (flow["start"] - START) // 60 == (flow["end"] - START) // 60
        windows[flow["connection_id"], flow["answer"]].append((flow["start"], flow["end"]))
    for spans in windows.values():
        assert all(following[0] == previous[1] + 1 for previous, following in pairwise(sorted(spans)))
    assert sum(len(spans) > 1 for spans in windows.values()) > 300


def test_lines_arrive_in_order_one_to_five_minutes_after_their_end(traffic, rows):
    """Arrival times ascend; each line arrives 60 to 300 seconds after its record's end."""
    assert traffic.times == sorted(traffic.times)
    assert len(traffic.times) == len(traffic.lines) == traffic.line_truth.num_rows
    for row, arrival in zip(rows, traffic.times, strict=True):
        assert 60_000 <= arrival - 1_000 * int(row["end"]) <= 301_000


def test_rows_without_data_have_no_flow_and_fit_what_was_recorded(rows, interfaces):
    """NODATA stands for a minute in which the interface recorded nothing, SKIPDATA for one in which it did."""
    busy = {(row["interface-id"], (int(row["start"]) - START) // 60) for row in with_data(rows)}
    seen = Counter()
    for row in rows:
        if row["truth"]["truth_id"] is not None:
            continue
        spot = (row["interface-id"], (int(row["start"]) - START) // 60)
        assert (spot in busy) == {"NODATA": False, "SKIPDATA": True}[row["log-status"]]
        assert interfaces[row["interface-id"]].recording
        empty = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action", "pkt-srcaddr")
        assert {row[name] for name in empty} == {"-"}
        assert (int(row["start"]) - START) % 60 == 0
        assert int(row["end"]) - int(row["start"]) == 59
        assert row["truth"] == {"truth_id": None, "hop": False, "side": None}
        seen[row["log-status"]] += 1
    assert seen["NODATA"] == pytest.approx(0.01 * len(rows), rel=0.05)
    assert seen["SKIPDATA"] == pytest.approx(0.001 * len(rows), rel=0.1)


def test_kinds_come_in_the_shares_that_were_planned(truth):
    """Of 3,000 connections each kind has its share to within one connection."""
    kind_of = {flow["connection_id"]: flow["kind"] for flow in truth.values()}
    counts = Counter(kind_of.values())
    counts["load_balancer"] += counts.pop("load_balancer_target")
    assert sum(counts.values()) == FLOWS
    for kind, share in DEMO.kinds:
        assert abs(counts[kind] - share * FLOWS) <= 1, kind


def test_a_load_balancers_two_legs_carry_the_same(truth):
    """What a client asks of a load balancer, the balancer asks of its target: same times and bytes, as often."""
    legs = defaultdict(Counter)
    for flow in truth.values():
        if flow["kind"].startswith("load_balancer"):
            inner = flow["kind"] == "load_balancer_target"
            balancer = flow["src_interface_id"] if inner != flow["answer"] else flow["dst_interface_id"]
            legs[inner][balancer, flow["answer"], flow["start"], flow["end"], flow["bytes"]] += 1
    assert legs[False] == legs[True]


def test_a_few_talk_most_and_a_few_flows_are_most_of_the_bytes(truth):
    """Traffic is heavy-tailed: a tenth of the interfaces opens, a tenth of the flows carries most of it."""
    opened = Counter(flow["src_interface_id"] for flow in truth.values() if not flow["answer"] and flow["src_vpc_id"])
    busiest = sorted(opened.values(), reverse=True)[: DEMO.interfaces // 10]
    sizes = sorted((flow["bytes"] for flow in truth.values()), reverse=True)
    assert sum(busiest) > 0.5 * opened.total()
    assert sum(sizes[: len(sizes) // 10]) > 0.8 * sum(sizes)
    assert min(sizes) >= 40


def test_connections_repeat_between_the_same_two(truth):
    """Endpoints open several connections to each other, a few of them very many, most of them within minutes."""
    begins = defaultdict(dict)
    for flow in truth.values():
        if not flow["answer"]:
            begun = begins[flow["src_addr"], flow["dst_addr"], flow["kind"]]
            number = flow["connection_id"]
            begun[number] = min(begun.get(number, flow["start"]), flow["start"])
    sizes = sorted((len(begun) for begun in begins.values()), reverse=True)
    near = sum(
        any(number != other and abs(begin - at) < 60 for other, at in begun.items())
        for begun in begins.values()
        for number, begin in begun.items()
    )
    assert 4 * len(sizes) < FLOWS < 12 * len(sizes)
    assert sum(sizes[: len(sizes) // 10]) > 0.4 * FLOWS
    assert sizes.count(1) > 0.2 * len(sizes)
    assert near > 0.75 * FLOWS


def test_no_interface_writes_one_five_tuple_twice_in_a_window(rows):
    """Connections of a pair differ in the client's port, even where the format shows hop addresses only."""
    seen = Counter()
    for row in with_data(rows):
        if not row["truth"]["hop"]:
            names = ("interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol")
            seen[*(row[name] for name in names), (int(row["start"]) - START) // 60] += 1
    assert len(seen) > FLOWS
    assert set(seen.values()) == {1}


def test_truth_tells_which_sides_the_documents_know(estate):
    """Unlisted interfaces talk and record like others; their side is flagged, and null where it lies outside."""
    hidden = build_estate(replace(estate.distributions, unlisted_share=0.05), seed=1)
    traffic = generate_traffic(hidden, 5, START, SECONDS, FLOWS)
    listed = {part["NetworkInterfaceId"] for part in hidden.documents()["network-interfaces"]["NetworkInterfaces"]}
    flows = traffic.truth.to_pylist()
    for flow in flows:
        for side in ("src", "dst"):
            known = flow[f"{side}_interface_id"]
            assert flow[f"{side}_listed"] == (None if known is None else known in listed)
    recorders = {row["interface-id"] for row in parse(traffic)}
    assert len(recorders - listed) > 5
    assert Counter(flow["dst_listed"] for flow in flows)[False] > 20


def test_pings_have_no_ports_and_at_most_one_pair(truth):
    """ICMP has ports 0 and no flags to tell two pings of one pair apart, so there is one."""
    pairs = Counter()
    for flow in truth.values():
        if flow["protocol"] == 1:
            assert (flow["srcport"], flow["dstport"]) == (0, 0)
            pairs[flow["src_interface_id"], flow["dst_interface_id"], flow["start"] // 60] += 1
        else:
            assert flow["srcport"] > 0
            assert flow["dstport"] > 0
    assert set(pairs.values()) == {1}


def test_tcp_flags_tell_first_and_last_window(rows, truth):
    """SYN opens a request, SYN-ACK an answer, FIN ends both; what is rejected never ends; UDP and ICMP have none."""
    opened = {}
    for flow in truth.values():
        key = (flow["connection_id"], flow["answer"])
        first, last = opened.get(key, (flow["start"], flow["end"]))
        opened[key] = (min(first, flow["start"]), max(last, flow["end"]))
    for row in with_data(rows):
        flow = truth[row["truth"]["truth_id"]]
        first, last = opened[flow["connection_id"], flow["answer"]]
        expected = 0
        if flow["protocol"] == 6:
            expected |= (18 if flow["answer"] else 2) * (flow["start"] == first)
            expected |= flow["end"] == last and not flow["kind"].startswith("rejected")
        assert int(row["tcp-flags"]) == expected
