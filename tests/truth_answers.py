"""For each saved query the answer worked out in Python from what really happened; rows as the query's columns.

``ANSWERS`` maps a query's name to a function of the truth. Rows come in no order; columns ``place`` are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from demo_truth import GB, PRICES, Row, Truth, accepted, dollars, shares

Answer = list[tuple[Any, ...]]
ADMIN_PORTS = {20, 21, 22, 23, 135, 136, 137, 138, 139, 445, 1433, 3306, 3389, 5432, 5900, 5985, 5986}
ITEMS = {"cross_az": "regional_transfer", "public_ipv4": "regional_transfer", "ipv6_other_vpc": "regional_transfer",
         "cross_az_nat": "regional_transfer", "not_estimated": None, "free": None, None: None}  # fmt: skip


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """The rows by key, in their order."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def sum_of(rows: Iterable[Row], name: str = "bytes") -> int:
    """What the rows have of a number, together."""
    return sum(int(row[name]) for row in rows)


def usd_of(rows: Iterable[Row]) -> Decimal:
    """What data transfer of the rows costs, both sides' charge; without those that have no estimate."""
    return sum((dollars(row["bytes"], row["charge"]) or Decimal(0) for row in rows), Decimal(0))


def _hour(row: Row) -> str:
    return f"{datetime.fromtimestamp(row['start'], UTC):%Y-%m-%d %H}:00"


def is_crossing(row: Row) -> bool:
    """Whether the flow goes from one zone to another."""
    return bool(row["traffic_class"] == "cross_az")


def beside(truth: Truth, key: Callable[[Row], Any], keep: Callable[[Row], bool] = lambda _: True) -> Any:
    """Accepted flows and hops that fit, by key: key → (flows, hops)."""
    flows = grouped(filter(keep, accepted(truth.flows)), key)
    hops = grouped(filter(keep, accepted(truth.hops)), key)
    return {group: (flows.get(group, []), hops.get(group, [])) for group in {*flows, *hops}}


def cross_az_traffic(truth: Truth) -> Answer:
    """Cross-AZ traffic by pair of Availability Zones."""
    groups = beside(truth, lambda row: (row["src_az_id"], row["dst_az_id"]), is_crossing)
    return [
        (*key, len(flows), sum_of(flows, "packets"), sum_of(flows), sum_of(flows) / GB, usd_of(flows), sum_of(hops))
        for key, (flows, hops) in groups.items()
    ]


def cross_az_projects(truth: Truth) -> Answer:
    """Cross-AZ traffic by pair of projects."""
    groups = beside(truth, lambda row: (row["src_label"], row["dst_label"]), is_crossing)
    return [
        (
            *key,
            len(flows),
            sum_of(flows),
            sum_of(flows) / GB,
            usd_of(flows),
            usd_of(flows) / 2,
            usd_of(flows) / 2,
            sum_of(hops),
        )
        for key, (flows, hops) in groups.items()
    ]


def cross_az_over_time(truth: Truth) -> Answer:
    """Cross-AZ traffic by hour."""
    found = []
    for hour, (flows, hops) in beside(truth, _hour).items():
        crossing = list(filter(is_crossing, flows))
        share = round(Decimal(100 * sum_of(crossing)) / sum_of(flows), 2)
        uncounted = sum_of(filter(is_crossing, hops))
        found.append((hour, len(crossing), sum_of(crossing), sum_of(crossing) / GB, share, usd_of(crossing), uncounted))
    return found


def traffic_over_time(truth: Truth) -> Answer:
    """Traffic by hour and class."""
    flows = grouped(truth.flows, lambda row: (_hour(row), row["traffic_class"], row["action"]))
    hops = grouped(truth.hops, lambda row: (_hour(row), row["traffic_class"], row["action"]))
    return [
        (*key, len(rows), sum_of(rows, "packets"), sum_of(rows), sum_of(hops.get(key, [])))
        for key, rows in flows.items()
    ]


def project_traffic(truth: Truth) -> Answer:
    """Traffic by pair of projects."""
    found: Answer = []
    for key, (flows, hops) in beside(truth, lambda row: (row["src_label"], row["dst_label"])).items():
        is_estimated = any(row["charge"] != "not_estimated" for row in flows)
        crossing = sum_of(filter(is_crossing, flows)) / GB
        usd = usd_of(flows) if is_estimated else None
        found.append((*key, len(flows), sum_of(flows), sum_of(flows) / GB, crossing, usd, sum_of(hops)))
    return found


def project_summary(truth: Truth) -> Answer:
    """What each project sends and receives."""
    relations = ("itself", "projects", "internet", "aws", "unresolved")
    outside = {"(internet)": "internet", "(aws service)": "aws", "(unresolved)": "unresolved"}
    totals: Counter[tuple[str, str, str]] = Counter()
    uncounted: Counter[str] = Counter()
    for row, counts in [
        *((row, True) for row in accepted(truth.flows)),
        *((row, False) for row in accepted(truth.hops)),
    ]:
        for side, other in (("src", "dst"), ("dst", "src")):
            project, peer = row[f"{side}_label"], row[f"{other}_label"]
            relation = "itself" if peer == project else outside.get(peer, "projects")
            if project in ("(internet)", "(aws service)"):
                continue
            if counts:
                totals[project, relation, side] += row["bytes"]
            elif not (relation == "itself" and side == "dst"):
                uncounted[project] += row["bytes"]
            uncounted[project] += 0
    return [
        (
            project,
            totals[project, "itself", "src"],
            *(totals[project, relation, side] for relation in relations[1:] for side in ("src", "dst")),
            uncounted[project],
        )
        for project in uncounted
    ]


def internet_traffic(truth: Truth) -> Answer:
    """Internet traffic by project."""

    def project(row: Row) -> str:
        return str(row["src_label"] if row["dst_label"] == "(internet)" else row["dst_label"])

    found = []
    for key, (flows, hops) in beside(truth, project, lambda row: row["traffic_class"] == "internet").items():
        sent = [row for row in flows if row["dst_label"] == "(internet)"]
        cost = sum_of(sent) * Decimal("0.09") / GB
        found.append(
            (key, len(flows), sum_of(sent), sum_of(flows) - sum_of(sent), sum_of(sent) / GB, cost, sum_of(hops))
        )
    return found


def aws_service_traffic(truth: Truth) -> Answer:
    """Traffic to AWS services by project."""

    def key(row: Row) -> tuple[Any, ...]:
        project = row["src_label"] if row["dst_label"] == "(aws service)" else row["dst_label"]
        path = row.get("path_name")
        if row.get("gateway"):
            path = {"8": "internet_gateway", "1": "vpc_resource", "-": None}[row["line"]["traffic-path"]]
        return project, row["service"], path

    found = []
    for group, (flows, hops) in beside(truth, key, lambda row: row["traffic_class"] == "aws_service").items():
        sent = sum_of(row for row in flows if row["dst_label"] == "(aws service)")
        found.append((*group, len(flows), sent, sum_of(flows) - sent, sum_of(hops)))
    return found


def _nat(truth: Truth) -> list[Row]:
    return [row for row in accepted(truth.hops) if row["kind"] == "nat_gateway"]


def _client(row: Row) -> str:
    return str({"to": row["src_label"], "from": row["dst_label"], None: "(unresolved)"}[row["leg"]])


def nat_gateway_traffic(truth: Truth) -> Answer:
    """Traffic through NAT gateways by project."""
    found = []
    for key, rows in grouped(_nat(truth), lambda row: (row["gateway"], _client(row))).items():
        sent, back, other = (sum_of(row for row in rows if row["leg"] == leg) for leg in ("to", "from", None))
        crossing = sum_of(row for row in rows if row["charge"] == "cross_az_nat")
        gateway, way = (sent + back) * Decimal("0.045") / GB, crossing * Decimal("0.02") / GB
        found.append((*key, sent, back, crossing, gateway, way, gateway + way, other))
    return found


def nat_endpoint_savings(truth: Truth) -> Answer:
    """What a gateway endpoint could carry instead of a NAT gateway."""
    metered = [row for row in _nat(truth) if row["leg"]]
    unnamed = grouped((row for row in metered if not row["service"]), lambda row: (_client(row), row["gateway"]))
    named = [row for row in metered if row["service"] in ("S3", "DYNAMODB")]
    found = []
    for (project, service, gateway), rows in grouped(
        named, lambda row: (_client(row), row["service"], row["gateway"])
    ).items():
        sent, back = (sum_of(row for row in rows if row["leg"] == leg) for leg in ("to", "from"))
        crossing = sum_of(row for row in rows if row["charge"])
        usd = (sent + back) * Decimal("0.045") / GB + crossing * Decimal("0.02") / GB
        found.append((project, service, gateway, sent, back, usd, sum_of(unnamed.get((project, gateway), []))))
    return found


def _causes(truth: Truth) -> list[tuple[Row, str, str]]:
    """(row, transfer or gateway, charge) of everything that was let through and has a charge."""
    rows = accepted(truth.flows) + accepted(truth.hops)
    transfers = [(row, "transfer", row["charge"]) for row in rows if row["charge"]]
    return transfers + [(row, "gateway", row["gateway_charge"]) for row in rows if row["gateway_charge"]]


def estimated_charges(truth: Truth) -> Answer:
    """Estimated charges."""
    found = []
    for (kind, charge), causes in grouped(_causes(truth), lambda cause: cause[1:]).items():
        total = sum(row["bytes"] for row, *_ in causes)
        price = Decimal(PRICES[charge][0]) * PRICES[charge][1] if charge in PRICES else None
        found.append((kind, charge, len(causes), total, total / GB, price, dollars(total, charge)))
    return found


def _sides(truth: Truth) -> list[tuple[str, str, Row, str, str, Decimal]]:
    """(side, project, row, kind, charge, dollars) for each side of everything that has a charge."""
    found = []
    for row, kind, charge in _causes(truth):
        for side, usd in zip(("src", "dst"), shares(row, charge, is_gateway=kind == "gateway"), strict=True):
            found.append((side, row[f"{side}_label"], row, kind, charge, usd))
    return found


def project_costs(truth: Truth) -> Answer:
    """Estimated cost by project."""
    sides = _sides(truth)
    unknown: Counter[str] = Counter()
    sent, received, usd = Counter(), Counter(), defaultdict(Decimal)
    for side, project, row, _, charge, dollars_ in sides:
        if charge == "not_estimated":
            unknown[project] += row["bytes"]
        elif charge != "free" and dollars_ > 0:
            (sent if side == "src" else received)[project, charge] += row["bytes"]
            usd[project, charge] += dollars_
    return [(*key, sent[key] / GB, received[key] / GB, usd[key], unknown[key[0]] / GB) for key in usd]


def class_costs(truth: Truth) -> Answer:
    """Estimated cost by class and project."""
    usd: dict[Any, dict[str, Decimal]] = defaultdict(lambda: {"transfer": Decimal(0), "gateway": Decimal(0)})
    unknown: Counter[Any] = Counter()
    for _, project, row, kind, charge, dollars_ in _sides(truth):
        usd[row["traffic_class"], project][kind] += dollars_
        unknown[row["traffic_class"], project] += row["bytes"] if charge == "not_estimated" else 0
    return [
        (*key, part["transfer"], part["gateway"], part["transfer"] + part["gateway"], unknown[key])
        for key, part in usd.items()
        if sum(part.values()) or unknown[key]
    ]


def rejects_by_project(truth: Truth) -> Answer:
    """Rejected traffic by project and reason."""
    ends = {"src": "source", "dst": "destination"}
    rejected = [row for row in truth.flows if row["action"] == "REJECT"]
    groups = grouped(rejected, lambda row: (row["src_label"], row["dst_label"], ends[row["reporter"]], None))
    return [(*key, len(rows), sum_of(rows, "packets"), sum_of(rows), 0) for key, rows in groups.items()]


def bill_reconciliation(truth: Truth) -> Answer:
    """The estimate beside the bill."""
    groups = grouped(_causes(truth), lambda cause: ITEMS.get(cause[2], cause[2]))
    found: Answer = []
    for item, causes in groups.items():
        if item:
            sides = sum(row["bytes"] * PRICES[charge][1] for row, _, charge in causes)
            usd = sum((dollars(row["bytes"], charge) or Decimal(0) for row, _, charge in causes), Decimal(0))
            found.append((item, sides / GB, 0.0, usd, 0.0, None))
    return found


ANSWERS: dict[str, Callable[[Truth], Answer]] = {
    function.__name__: function
    for function in (
        cross_az_traffic, cross_az_projects, cross_az_over_time, traffic_over_time, project_traffic, project_summary,
        internet_traffic, aws_service_traffic, nat_gateway_traffic, nat_endpoint_savings, estimated_charges,
        project_costs, class_costs, rejects_by_project, bill_reconciliation,
    )
}  # fmt: skip
