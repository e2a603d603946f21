"""The same as ``truth_answers`` for the queries that read rows: addresses, ports, resources, recorders.

``GIVEN`` maps a query to the parameters that it is asked with, where the defaults would find nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
from demo_truth import GB, Row, Truth, accepted, dollars
from truth_answers import ADMIN_PORTS, Answer, beside, grouped, is_crossing, sum_of, usd_of

ACCOUNT = "123456789012"
SYN, SYN_ACK = 2, 18
CHOSEN_PORTS = 32768


def cross_az_subnets(truth: Truth) -> Answer:
    """Cross-AZ traffic by pair of subnets."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[f"{side}_{name}"] for name in ("subnet_id", "az_id", "vpc_id") for side in ("src", "dst"))

    return [
        (*group, len(rows), sum_of(rows), sum_of(rows) / GB, usd_of(rows), sum_of(hops))
        for group, (rows, hops) in beside(truth, key, is_crossing).items()
    ]


def cross_az_resources(truth: Truth) -> Answer:
    """Cross-AZ traffic by pair of resources."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[f"{side}_{name}"] for side in ("src", "dst") for name in ("id", "name", "label", "az_id"))

    groups = grouped(filter(is_crossing, accepted(truth.flows)), key)
    return [(*group, len(rows), sum_of(rows), sum_of(rows) / GB, usd_of(rows)) for group, rows in groups.items()]


def az_affinity_candidates(truth: Truth) -> Answer:
    """Candidates for AZ affinity."""
    flows = accepted(truth.flows)
    standing = defaultdict(set)
    for row in flows:
        for side in ("src", "dst"):
            if row[f"{side}_name"] and row[f"{side}_project"]:
                place = tuple(row[f"{side}_{name}"] for name in ("project", "name", "az_id"))
                standing[place].add(row[f"{side}_id"])
    within = [row for row in flows if is_crossing(row) and row["src_project"] == row["dst_project"] is not None]
    found = []
    for key, rows in grouped(
        within, lambda row: tuple(row[n] for n in ("src_project", "src_name", "src_az_id", "dst_name", "dst_az_id"))
    ).items():
        twins = standing[key[0], key[3], key[2]]
        if twins and key[3]:
            found.append((*key, len(twins), len(rows), sum_of(rows), sum_of(rows) / GB, usd_of(rows)))
    return found


def _of_side(row: Row, side: str, *names: str) -> tuple[Any, ...]:
    return tuple(row[f"{side}_{name}"] for name in names)


def _status(row: Row, side: str) -> str:
    return "absent" if row[f"{side}_interface_id"] is None else "resolved"


def unresolved_talkers(truth: Truth) -> Answer:
    """Talkers without a project."""
    groups = defaultdict(list)
    for row in accepted(truth.flows):
        for side in ("src", "dst"):
            if row[f"{side}_label"] in ("(untagged)", "(unresolved)"):
                names = _of_side(row, side, "id", "resource_type", "name", "vpc_id", "subnet_id")
                groups[row[f"{side}_label"], _status(row, side), *names].append((side, row["bytes"]))
    return [
        (*key, len(sides), *(sum(count for which, count in sides if which == side) for side in ("src", "dst")))
        for key, sides in groups.items()
    ]


def new_peers(truth: Truth) -> Answer:
    """Newly seen peers."""
    groups = grouped(accepted(truth.flows), lambda r: (r["src_id"], r["src_label"], r["dst_id"], r["dst_label"]))
    return [(min(row["start"] for row in rows), *key, len(rows), sum_of(rows)) for key, rows in groups.items()]


def port_exposure(truth: Truth) -> Answer:
    """Ports that the internet reaches."""
    arrived = [
        row
        for row in accepted(truth.flows)
        if row["traffic_class"] in ("internet", "aws_service") and row["dst_interface_id"] is not None
    ]
    found: Answer = []
    for key, rows in grouped(
        arrived,
        lambda row: (*_of_side(row, "dst", "id", "resource_type", "name", "label"), row["dstport"], row["protocol"]),
    ).items():
        is_tcp = key[-1] == 6
        is_open = any(not row["answer"] for row in rows) if is_tcp else key[-2] < CHOSEN_PORTS
        opened = sum(int(row["line"]["tcp-flags"]) & SYN_ACK == SYN for row in rows) if is_tcp else None
        if is_open:
            found.append((*key, len({row["src_addr"] for row in rows}), opened, len(rows), sum_of(rows)))
    return found


def admin_port_traffic(truth: Truth) -> Answer:
    """Traffic to administrators' ports."""

    def key(row: Row) -> tuple[Any, ...]:
        what = tuple(row[name] for name in ("dstport", "protocol", "action", "traffic_class"))
        return (*what, *_of_side(row, "src", "id", "label"), *_of_side(row, "dst", "id", "label"))

    groups = grouped((row for row in truth.flows if row["dstport"] in ADMIN_PORTS), key)
    return [(*group, len(rows), sum_of(rows), *_seen(rows)) for group, rows in groups.items()]


def _seen(rows: list[Row]) -> tuple[int, int]:
    starts = [row["start"] for row in rows]
    return min(starts), max(starts)


def silent_interfaces(truth: Truth) -> Answer:
    """Interfaces that record nothing."""
    heard = {line["interface-id"] for line in truth.lines}
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in truth.flows:
        for side, other_recorded in (("src", row["dest_recorded"]), ("dst", row["source_recorded"])):
            if other_recorded and row[f"{side}_interface_id"] and row[f"{side}_interface_id"] not in heard:
                who = _of_side(row, side, "interface_id", "resource_type", "resource_id", "name", "label")
                total = totals[*who, ACCOUNT, *_of_side(row, side, "vpc_id", "subnet_id")]
                total.update({"flows": 1, side: row["bytes"]})
    return [(*key, total["flows"], total["src"], total["dst"]) for key, total in totals.items()]


def recording_gaps(truth: Truth) -> Answer:
    """What interfaces skip."""

    def key(line: Row) -> tuple[Any, ...]:
        return tuple(None if line[name] == "-" else line[name] for name in ("interface-id", "account-id", "vpc-id"))

    found = []
    for group, lines in grouped(truth.lines, key).items():
        status = Counter(line["log-status"] for line in lines)
        hops = sum(bool(line["truth"]["hop"]) for line in lines)
        shares = [round(Decimal(100 * part) / len(lines), 2) for part in (status["SKIPDATA"], hops)]
        found.append((*group, len(lines), status["SKIPDATA"], status["NODATA"], hops, 0, *shares))
    return found


def ip_version_traffic(truth: Truth) -> Answer:
    """Traffic by IP version."""

    def key(row: Row) -> tuple[Any, ...]:
        return "IPv6" if ":" in row["src_addr"] else "IPv4", row["traffic_class"], row["action"]

    flows, hops = grouped(truth.flows, key), grouped(truth.hops, key)
    return [
        (*group, len(rows), sum_of(rows, "packets"), sum_of(rows), sum_of(hops.get(group, [])))
        for group, rows in flows.items()
    ]


def port_traffic(truth: Truth) -> Answer:
    """Traffic by protocol and port."""
    groups = grouped(truth.flows, lambda row: (row["protocol"], row["dstport"], row["action"]))
    return [(*key, len(rows), sum_of(rows, "packets"), sum_of(rows)) for key, rows in groups.items()]


def rejected_traffic(truth: Truth) -> Answer:
    """Rejected traffic."""

    def key(row: Row) -> tuple[Any, ...]:
        ends = (row["src_addr"], row["src_name"], *_of_side(row, "dst", "id", "name", "label"))
        return (*ends, row["dstport"], row["protocol"], None)

    groups = grouped((row for row in truth.flows if row["action"] == "REJECT"), key)
    return [(*group, len(rows), sum_of(rows, "packets"), sum_of(rows), *_seen(rows)) for group, rows in groups.items()]


def top_subnets(truth: Truth) -> Answer:
    """Top talking subnets."""
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in accepted(truth.flows):
        for side in ("src", "dst"):
            if row[f"{side}_subnet_id"]:
                crossing = row["bytes"] if is_crossing(row) else 0
                total = totals[_of_side(row, side, "subnet_id", "vpc_id", "az_id")]
                total.update({side: row["bytes"], "crossing": crossing, "flows": 1})
    return [(*key, total["src"], total["dst"], total["crossing"], total["flows"]) for key, total in totals.items()]


def top_talkers(truth: Truth) -> Answer:
    """Top talkers."""

    def key(row: Row) -> tuple[Any, ...]:
        return _of_side(row, "src", "resource_type", "name", "id", "vpc_id", "az_id", "label")

    found: Answer = []
    for group, rows in grouped(accepted(truth.flows), key).items():
        costs = [dollars(row["bytes"], row["charge"]) for row in rows]
        known = [cost for cost in costs if cost is not None]
        crossing = sum_of(filter(is_crossing, rows)) / GB
        usd = sum(known, Decimal(0)) if known else None
        found.append((*group, len(rows), sum_of(rows), sum_of(rows) / GB, crossing, usd))
    return found


def address_pairs(truth: Truth) -> Answer:
    """Bytes between pairs of addresses."""

    def key(row: Row) -> tuple[Any, ...]:
        hop = (row["line"]["srcaddr"], row["line"]["dstaddr"])
        return (row["src_addr"], row["dst_addr"], *hop, row["src_label"], row["dst_label"])

    groups = grouped(accepted(truth.flows), key)
    return [(*group, len(rows), sum_of(rows, "packets"), sum_of(rows)) for group, rows in groups.items()]


def _busiest(truth: Truth) -> str:
    return Counter(row["dst_addr"] for row in truth.flows).most_common(1)[0][0]


def address_traffic(truth: Truth) -> Answer:
    """Traffic of one address."""
    address = _busiest(truth)
    groups = defaultdict(list)
    for row in truth.flows:
        for direction, side, peer in (("from", "src", "dst"), ("to", "dst", "src")):
            if row[f"{side}_addr"] == address:
                what = tuple(row[name] for name in ("dstport", "protocol", "action", "traffic_class"))
                groups[direction, *_of_side(row, peer, "id", "label"), *what].append(row)
    return [(*key, len(rows), sum_of(rows, "packets"), sum_of(rows), *_seen(rows)) for key, rows in groups.items()]


def unresolved_share(truth: Truth) -> Answer:
    """What is not known, and what is not counted."""
    parts = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    flows, octets = parts

    def add(part: str, what: str, count: int) -> None:
        flows[part, what] += 1
        octets[part, what] += count

    for row in truth.flows:
        add("source", _status(row, "src"), row["bytes"])
        add("destination", _status(row, "dst"), row["bytes"])
        add("records", "counted", row["bytes"])
        if row["source_recorded"] and row["dest_recorded"]:
            add("records", "second record", row["bytes"])
    for line in truth.lines:
        if line["log-status"] != "OK":
            add("records", line["log-status"], 0)
        elif line["truth"]["hop"]:
            add("records", "hop", int(line["bytes"]))
    total = Counter[str]()
    for (part, _), count in flows.items():
        total[part] += count
    return [(*key, count, octets[key], round(Decimal(100 * count) / total[key[0]], 2)) for key, count in flows.items()]


def data_freshness(truth: Truth) -> Answer:
    """How fresh the data is, and by whose word; what enrichment alone knows is read from the files, without SQL."""
    names = ["enricher_version", "arrived_at", "inventory_age_s", "src_evidence", "dst_evidence"]
    files = sorted((truth.lake / "flow_logs").rglob("*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read(names).to_pylist()]
    (written_by,) = {row["enricher_version"] for row in rows}
    arrivals = [int(row["arrived_at"].replace(tzinfo=UTC).timestamp()) for row in rows if row["arrived_at"]]
    words = Counter(row[f"{side}_evidence"] for row in rows for side in ("src", "dst"))
    return [(
        written_by,
        len(truth.lines),
        min(int(line["start"]) for line in truth.lines),
        max(int(line["end"]) for line in truth.lines),
        max(arrivals, default=None),
        min((row["inventory_age_s"] for row in rows if row["inventory_age_s"] is not None), default=None),
        max((row["inventory_age_s"] for row in rows if row["inventory_age_s"] is not None), default=None),
        sum(row["inventory_age_s"] is None for row in rows),
        words["record"] + words["peer_record"],
        words["snapshot"] + words["snapshot_open"] + words["subnet"],
        words["ec2"] + words["ipam"] + words["ipam_history"],
    )]  # fmt: skip


DETAILS: dict[str, Callable[[Truth], Answer]] = {
    function.__name__: function
    for function in (
        cross_az_subnets, cross_az_resources, az_affinity_candidates, unresolved_talkers, new_peers, port_exposure,
        admin_port_traffic, silent_interfaces, recording_gaps, ip_version_traffic, port_traffic, rejected_traffic,
        top_subnets, top_talkers, address_pairs, address_traffic, unresolved_share, data_freshness,
    )
}  # fmt: skip
GIVEN: dict[str, Callable[[Truth], dict[str, str]]] = {"address_traffic": lambda truth: {"address": _busiest(truth)}}
