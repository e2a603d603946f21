"""The words of the data that have a colour and a name of their own: traffic classes, statuses, charges."""

from collections.abc import Iterable
from typing import Final

from workbench.report.markup import shortened, visible

# Traffic class → (style sheet's class, name), in the order in which they are stacked: what costs stands below.
CLASSES: Final = {
    "cross_az": ("cross-az", "between zones"),
    "cross_region": ("cross-region", "between regions"),
    "internet": ("internet", "internet"),
    "aws_service": ("aws-service", "AWS services"),
    "same_az": ("same-az", "within a zone"),
    "private_unknown": ("private-unknown", "private, not known"),
    "unknown": ("unknown", "not known"),
}
# Charge (athena/prices.json, estimated_charges.sql) → name.
CHARGES: Final = {
    "cross_az": "crossing zones",
    "cross_az_nat": "crossing zones to a NAT gateway",
    "internet_out": "out to the internet",
    "cross_region": "to another region",
    "public_ipv4": "by public IPv4 address",
    "ipv6_other_vpc": "by IPv6 to another VPC",
    "nat_gateway": "NAT gateway",
    "transit_gateway": "transit gateway",
    "interface_endpoint": "interface endpoint",
    "free": "free",
    "not_estimated": "not estimated",
    "not_counted": "not counted",
}
_LETTERS: Final = 60
_OTHER: Final = "unknown"
# Labels of project columns that are no project (athena/views/flow_rows.sql).
NO_PROJECTS: Final = ("(untagged)", "(unresolved)", "(internet)", "(aws service)")


def class_style(traffic_class: str | None) -> str:
    """The style sheet's class; what is not one of ours is ``unknown``."""
    return CLASSES.get(traffic_class or _OTHER, CLASSES[_OTHER])[0]


def class_name(traffic_class: str | None) -> str:
    """How people call it; a word that is not ours stays, visible and short."""
    return (
        CLASSES[traffic_class][1]
        if traffic_class in CLASSES
        else shortened(visible(traffic_class or CLASSES[_OTHER][1]), _LETTERS)
    )


def legend_of(classes: Iterable[str | None]) -> list[tuple[str, str]]:
    """(style, name) of the classes in a drawing, in its order; all words that are not ours are "not known"."""
    styles = {class_style(name) for name in classes}
    return [entry for entry in CLASSES.values() if entry[0] in styles]


def class_order(traffic_class: str | None) -> int:
    """Its place in a stack; what is not ours stands on top."""
    names = list(CLASSES)
    return names.index(traffic_class) if traffic_class in names else len(names)
