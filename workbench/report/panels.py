"""The panels: the dashboard's, by the same names, each with its saved queries, its caveat and its drawing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from workbench.report import drawings
from workbench.report.answers import Answers
from workbench.report.markup import Markup

Draw = Callable[[Answers], Markup]

_ESTIMATE: Final = "An estimate by list price of us-east-1, without free tiers and volume steps."
_COUNTED: Final = "Accepted, each flow and interval counted once."
FULL, HALF = "full", "half"


@dataclass(frozen=True, slots=True)
class Panel:
    """A title, what its figures mean, the query behind it, how it is drawn, and the plain table of the answer.

    ``plain`` names the table's columns where the drawing itself is no table of them; ``is_wide`` says for which answers
    a half of the page is too little.
    """

    name: str
    title: str
    subtitle: str
    query: str
    draw: Draw
    plain: tuple[str, ...] = ()
    width: str = HALF
    is_wide: Callable[[Answers], bool] | None = None


PANELS: Final = (
    Panel(
        "classes-over-time", "Bytes by hour and class", f"{_COUNTED} The line is the same time one period before.",
        "traffic_over_time", drawings.classes_over_time,
        ("hour_utc", "traffic_class", "action", "flows", "bytes", "uncounted_bytes"), FULL,
    ),
    Panel(
        "zone-to-zone", "Bytes from zone to zone",
        "Accepted between two Availability Zones, each flow and interval counted once. Dollars are an estimate.",
        "cross_az_traffic", drawings.zones,
        ("src_az_id", "dst_az_id", "flows", "bytes", "estimated_usd", "uncounted_bytes"),
        is_wide=drawings.has_many_zones,
    ),
    Panel(
        "classes", "Bytes by class", f"{_COUNTED} What never counts stands beside it.",
        "traffic_over_time", drawings.classes, is_wide=drawings.has_many_zones,
    ),
    Panel(
        "project-to-project", "Bytes from project to project",
        f"{_COUNTED} Orange is what crosses zones. The largest projects, all others together; dollars are "
        "an estimate.",
        "project_traffic", drawings.projects,
        ("src_project", "dst_project", "flows", "bytes", "cross_az_gigabytes", "estimated_usd", "uncounted_bytes"),
        FULL,
    ),
    Panel(
        "cost-by-project", "Estimate: US dollars by project that pays, and class",
        f"{_ESTIMATE} What both sides pay is halved; a gateway's user pays for it.",
        "class_costs", drawings.costs,
        ("traffic_class", "project", "estimated_transfer_usd", "estimated_gateway_usd", "estimated_usd",
         "not_estimated_bytes"),
    ),
    Panel(
        "charges", "Estimate: US dollars by charge",
        f"{_ESTIMATE} What is not estimated or not counted stands beside it with its bytes.",
        "estimated_charges", drawings.charges,
        ("kind", "charge", "flows", "bytes", "usd_per_gb", "estimated_usd"),
    ),
    Panel(
        "crossing-share", "Percent of bytes between zones, by hour",
        "Of all accepted bytes of the hour, counted once. Dollars are an estimate.",
        "cross_az_over_time", drawings.crossing_share,
        ("hour_utc", "flows", "bytes", "percent_of_bytes", "estimated_usd", "uncounted_bytes"), FULL,
    ),
    Panel(
        "talkers", "Largest sources by bytes",
        "Accepted, counted once. Dollars are an estimate by list price; orange is what crosses zones.",
        "top_talkers", drawings.talkers, width=FULL,
    ),
    Panel(
        "affinity", "Candidates for AZ affinity",
        "Crossing zones within a project, though the receiver has a twin in the sender's zone. Dollars are an "
        "estimate: what staying in the zone saves at most.",
        "az_affinity_candidates", drawings.affinity, width=FULL,
    ),
    Panel(
        "endpoints", "What a gateway endpoint could carry instead of a NAT gateway",
        "S3 and DynamoDB through NAT gateways. Dollars are an estimate of what a gateway endpoint, which is free, "
        "would save.",
        "nat_endpoint_savings", drawings.endpoints, width=FULL,
    ),
    Panel(
        "unknown-talkers", "Largest talkers without a project, by reason",
        "Accepted, counted once. (untagged): a resource without the tag; (unresolved): not known, with the status.",
        "unresolved_talkers", drawings.unknown_talkers, width=FULL,
    ),
    Panel(
        "statuses", "Ends of counted flows by what is known of them",
        "resolved: the resource is known; subnet: only where it is; absent: every source was asked, none knows it (the "
        "internet is so, too).",
        "unresolved_share", drawings.statuses,
    ),
    Panel(
        "records", "Records by whether they count", "second record: the other end's, or delivered again.",
        "unresolved_share", drawings.records,
    ),
)  # fmt: skip
