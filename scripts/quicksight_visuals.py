"""What the dashboard shows: its data sets, calculated fields and visuals, each beside the saved query it must equal.

``scripts/quicksight.py`` makes the template's definitions from these tables. ``test_dashboard_visuals.py`` reads the
definitions back from the template and computes them; of these tables it takes only what a visual must equal:
``query``, ``same``, ``only`` and ``added_up``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STRING: Final = "STRING"
INTEGER: Final = "INTEGER"
DECIMAL: Final = "DECIMAL"
DATETIME: Final = "DATETIME"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One file of ``quicksight/data_sets``: its columns with QuickSight's types, in the query's order.

    ``arrival`` is the column that the look-back goes by, ``shown_by`` the one that the dashboard's days filter.
    """

    name: str
    title: str
    arrival: str
    shown_by: str
    columns: Mapping[str, str]
    schedules: tuple[tuple[str, str], ...]  # (RefreshType, Interval)


# A filter keeps the rows whose column is one of the values.
Filter = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Visual:
    """One visual: ``fields`` are (field well, column) in order, and must equal ``query`` of ``athena/queries``.

    ``same`` maps the visual's columns to the query's, ``only`` keeps rows of the query by a column's values, and
    ``added_up`` names the query's columns over which its rows are summed before the two are compared.
    """

    name: str
    kind: str
    title: str
    subtitle: str
    data_set: str
    fields: tuple[tuple[str, str], ...]
    filters: tuple[Filter, ...]
    query: str
    same: Mapping[str, str]
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    added_up: tuple[str, ...] = ()
    place: tuple[int, int, int, int] = (0, 0, 0, 0)  # column, row, columns, rows of 36 columns


_HOURLY: Final = (("INCREMENTAL_REFRESH", "HOURLY"), ("FULL_REFRESH", "WEEKLY"))
# A full refresh reads the rows of all days: only by hand (docs/dashboard.md).
_DAILY: Final = (("INCREMENTAL_REFRESH", "DAILY"),)


def _columns(times: str, texts: str, whole: str, fractions: str = "") -> dict[str, str]:
    kinds = ((DATETIME, times), (STRING, texts), (INTEGER, whole), (DECIMAL, fractions))
    return {name: kind for kind, names in kinds for name in names.split()}


DATA_SETS: Final = (
    DataSet(
        "traffic",
        "Traffic by hour",
        "arrival_hour",
        "flow_hour",
        _columns(
            "arrival_hour flow_hour",
            "counts_as traffic_class action src_az_id dst_az_id src_project dst_project",
            "flows packets bytes",
        ),
        _HOURLY,
    ),
    DataSet(
        "costs",
        "Estimated cost by hour and side",
        "arrival_hour",
        "flow_hour",
        _columns(
            "arrival_hour flow_hour",
            "side project status src_project dst_project kind charge traffic_class counts_as action",
            "flows bytes",
            "estimated_usd",
        ),
        _HOURLY,
    ),
    DataSet(
        "talkers",
        "Largest sources by day",
        "arrival_day",
        "flow_day",
        _columns(
            "arrival_day flow_day",
            "source resource_type name vpc_id az_id src_project",
            "flows bytes crossing_bytes",
            "estimated_usd",
        ),
        _DAILY,
    ),
    DataSet(
        "unknown_talkers",
        "Largest talkers without a project by day",
        "arrival_day",
        "flow_day",
        _columns(
            "arrival_day flow_day",
            "reason status talker resource_type name vpc_id subnet_id",
            "flows sent_bytes received_bytes",
        ),
        _DAILY,
    ),
)

# (data set, name, expression): QuickSight user guide, "Functions and operators". The last one is an aggregate already.
CALCULATED: Final = (
    ("traffic", "counted_bytes", "ifelse({counts_as} = 'counted', {bytes}, 0)"),
    ("traffic", "crossing_bytes", "ifelse({traffic_class} = 'cross_az', {counted_bytes}, 0)"),
    ("traffic", "uncounted_bytes", "ifelse({counts_as} = 'hop' OR {counts_as} = 'reporter not known', {bytes}, 0)"),
    ("costs", "moved_flows", "ifelse({side} = 'source', {flows}, 0)"),
    ("costs", "moved_bytes", "ifelse({side} = 'source', {bytes}, 0)"),
    ("traffic", "percent_crossing", "100 * sum({crossing_bytes}) / nullIf(sum({counted_bytes}), 0)"),
)
AGGREGATES: Final = ("percent_crossing",)

_ACCEPTED: Final = ("action", ("ACCEPT",))
_CROSSING: Final = ("traffic_class", ("cross_az",))
# What counts, and what never does though it fits: sums of the two stand beside each other.
_FLOWS_AND_BESIDE: Final = ("counts_as", ("counted", "hop", "reporter not known"))
_COUNTED: Final = ("counts_as", ("counted",))
_TRANSFER: Final = ("kind", ("transfer",))
_OF_ACCEPTED: Final = {"action": ("ACCEPT",)}
_ESTIMATE: Final = "An estimate by list price of us-east-1, without free tiers and volume steps."

VISUALS: Final = (
    Visual(
        "accepted-bytes", "KPI", "Bytes accepted", "Each flow and interval counted once.", "traffic",
        (("Values", "counted_bytes"),), (_ACCEPTED, _FLOWS_AND_BESIDE),
        "traffic_over_time", {"counted_bytes": "bytes"}, _OF_ACCEPTED, ("hour_utc", "traffic_class", "action"),
        (0, 0, 7, 6),
    ),
    Visual(
        "crossing-bytes", "KPI", "Bytes between zones", "Accepted, counted once.", "traffic",
        (("Values", "crossing_bytes"),), (_ACCEPTED, _FLOWS_AND_BESIDE),
        "cross_az_over_time", {"crossing_bytes": "bytes"}, {}, ("hour_utc",),
        (7, 0, 7, 6),
    ),
    Visual(
        "estimated-cost", "KPI", "Estimate: US dollars for transfer and gateways", _ESTIMATE, "costs",
        (("Values", "estimated_usd"),), (_ACCEPTED,),
        "class_costs", {"estimated_usd": "estimated_usd"}, {}, ("traffic_class", "project"),
        (14, 0, 8, 6),
    ),
    Visual(
        "crossing-cost", "KPI", "Estimate: US dollars for crossing zones", _ESTIMATE, "costs",
        (("Values", "estimated_usd"),), (_ACCEPTED, _TRANSFER, _CROSSING, _COUNTED),
        "cross_az_over_time", {"estimated_usd": "estimated_usd"}, {}, ("hour_utc",),
        (22, 0, 7, 6),
    ),
    Visual(
        "uncounted-bytes", "KPI", "Bytes that no figure counts",
        "Accepted; recorded by gateways in between, or by a side that is not known.", "traffic",
        (("Values", "uncounted_bytes"),), (_ACCEPTED, _FLOWS_AND_BESIDE),
        "traffic_over_time", {"uncounted_bytes": "uncounted_bytes"}, _OF_ACCEPTED,
        ("hour_utc", "traffic_class", "action"),
        (29, 0, 7, 6),
    ),
    Visual(
        "zone-to-zone", "HeatMap", "Bytes from zone to zone",
        "Accepted between two Availability Zones, each flow and interval counted once.", "traffic",
        (("Rows", "src_az_id"), ("Columns", "dst_az_id"), ("Values", "counted_bytes")),
        (_ACCEPTED, _CROSSING, _FLOWS_AND_BESIDE),
        "cross_az_traffic", {"src_az_id": "src_az_id", "dst_az_id": "dst_az_id", "counted_bytes": "bytes"},
        place=(0, 6, 18, 12),
    ),
    Visual(
        "project-to-project", "SankeyDiagram", "Bytes from project to project",
        "Accepted, each flow and interval counted once.", "traffic",
        (("Source", "src_project"), ("Destination", "dst_project"), ("Weight", "counted_bytes")),
        (_ACCEPTED, _FLOWS_AND_BESIDE),
        "project_traffic", {"src_project": "src_project", "dst_project": "dst_project", "counted_bytes": "bytes"},
        place=(18, 6, 18, 12),
    ),
    Visual(
        "classes-over-time", "LineChart", "Bytes by hour and class",
        "Accepted, each flow and interval counted once.", "traffic",
        (("Category", "flow_hour"), ("Colors", "traffic_class"), ("Values", "counted_bytes")),
        (_ACCEPTED, _FLOWS_AND_BESIDE),
        "traffic_over_time", {"flow_hour": "hour_utc", "traffic_class": "traffic_class", "counted_bytes": "bytes"},
        _OF_ACCEPTED, ("action",),
        (0, 18, 18, 10),
    ),
    Visual(
        "crossing-share", "LineChart", "Percent of bytes between zones, by hour",
        "Of all accepted bytes of the hour, counted once.", "traffic",
        (("Category", "flow_hour"), ("Values", "percent_crossing")), (_ACCEPTED, _FLOWS_AND_BESIDE),
        "cross_az_over_time", {"flow_hour": "hour_utc", "percent_crossing": "percent_of_bytes"},
        place=(18, 18, 18, 10),
    ),
    Visual(
        "classes", "PieChart", "Bytes by class", "Accepted, each flow and interval counted once.", "traffic",
        (("Category", "traffic_class"), ("Values", "counted_bytes")), (_ACCEPTED, _FLOWS_AND_BESIDE),
        "traffic_over_time", {"traffic_class": "traffic_class", "counted_bytes": "bytes"},
        _OF_ACCEPTED, ("hour_utc", "action"),
        (0, 28, 12, 10),
    ),
    Visual(
        "cost-by-project", "BarChart", "Estimate: US dollars by project that pays, and class",
        f"{_ESTIMATE} What both sides pay is halved; a gateway's user pays for it.", "costs",
        (("Category", "project"), ("Colors", "traffic_class"), ("Values", "estimated_usd")), (_ACCEPTED,),
        "class_costs", {"project": "project", "traffic_class": "traffic_class", "estimated_usd": "estimated_usd"},
        place=(12, 28, 24, 10),
    ),
    Visual(
        "charges", "Table", "Estimate: US dollars by charge",
        f"{_ESTIMATE} not_estimated and not_counted stand beside it with their bytes.", "costs",
        (
            ("GroupBy", "kind"), ("GroupBy", "charge"),
            ("Values", "moved_flows"), ("Values", "moved_bytes"), ("Values", "estimated_usd"),
        ),
        (_ACCEPTED,),
        "estimated_charges",
        {"kind": "kind", "charge": "charge", "moved_flows": "flows", "moved_bytes": "bytes",
         "estimated_usd": "estimated_usd"},
        {}, ("usd_per_gb",),
        (0, 38, 18, 10),
    ),
    Visual(
        "statuses", "BarChart", "Ends of counted flows by what is known of them",
        "resolved: the resource is known; subnet: only where it is; the others say why it is not known.", "costs",
        (("Category", "status"), ("Colors", "side"), ("Values", "flows")), (_TRANSFER, _COUNTED),
        "unresolved_share", {"side": "part", "status": "what", "flows": "flows"},
        {"part": ("source", "destination")},
        place=(18, 38, 9, 10),
    ),
    Visual(
        "records", "BarChart", "Records by whether they count",
        "second record: the other end's, or delivered again.", "traffic",
        (("Category", "counts_as"), ("Values", "flows")), (),
        "unresolved_share", {"counts_as": "what", "flows": "flows"}, {"part": ("records",)},
        place=(27, 38, 9, 10),
    ),
    Visual(
        "talkers", "Table", "Largest sources by bytes",
        "Accepted, counted once; of each day and project the 200 largest. Dollars are an estimate by list price.",
        "talkers",
        (
            ("GroupBy", "source"), ("GroupBy", "resource_type"), ("GroupBy", "name"), ("GroupBy", "vpc_id"),
            ("GroupBy", "az_id"), ("GroupBy", "src_project"),
            ("Values", "bytes"), ("Values", "flows"), ("Values", "estimated_usd"),
        ),
        (),
        "top_talkers",
        {"source": "source", "resource_type": "src_resource_type", "name": "src_name", "vpc_id": "src_vpc_id",
         "az_id": "src_az_id", "src_project": "src_project", "bytes": "bytes", "flows": "flows",
         "estimated_usd": "estimated_usd"},
        place=(0, 48, 36, 12),
    ),
    Visual(
        "unknown-talkers", "Table", "Largest talkers without a project, by reason",
        "Accepted, counted once; of each day and reason the 1,000 largest.", "unknown_talkers",
        (
            ("GroupBy", "reason"), ("GroupBy", "status"), ("GroupBy", "talker"), ("GroupBy", "resource_type"),
            ("GroupBy", "name"), ("GroupBy", "vpc_id"), ("GroupBy", "subnet_id"),
            ("Values", "sent_bytes"), ("Values", "received_bytes"), ("Values", "flows"),
        ),
        (),
        "unresolved_talkers",
        {name: name for name in ("reason", "status", "talker", "resource_type", "name", "vpc_id", "subnet_id",
                                 "sent_bytes", "received_bytes", "flows")},
        place=(0, 60, 36, 12),
    ),
)  # fmt: skip
