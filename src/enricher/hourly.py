"""The columns of ``flows_hourly``, the small table that dashboards and most saved queries read.

One row an arrival hour, hour of the flows' start, and combination of what is known of both ends; it is written from
rows that are counted already, and ``athena/tables/flows_hourly.sql`` is the definition for every engine. Beside the
flows that count stand the records that do not, with the reason (``counts_as``), so that each total has its uncounted
share beside it. Null where a column means nothing: second records of a flow keep reporter, class and action only.
New columns are appended last.
"""

from typing import Final

from enricher.schema import BIGINT, STRING, Column

COUNTED: Final = "counted"
HOP: Final = "hop"

_SIDE_MEANINGS: Final = {
    "account_id": "owner of the {side} resource",
    "region": "region of the {side} resource",
    "az_id": "Availability Zone ID of the {side}",
    "project_label": "project of the {side}, or (untagged), (unresolved), (internet), (aws service)",
    "status": "resolved, subnet, ambiguous, absent, stale, unresolved; of the {side}",
}
_BEFORE: Final = (
    Column("flow_hour", BIGINT, "hour in which the flows started, Unix seconds of its begin"),
    Column("counts_as", STRING, "counted, or why not: second record, hop, reporter not known, NODATA, SKIPDATA"),
    Column("reporter", STRING, "side whose interface recorded the flows: src, dst, hop; null where not known"),
    Column("reporter_resource_type", STRING, "of hops: kind of the recording gateway"),
    Column("reporter_resource_id", STRING, "of hops: id of the recording gateway"),
    Column("reporter_az_id", STRING, "of hops: Availability Zone ID of the recording interface"),
)
_AFTER: Final = (
    Column("traffic_class", STRING, "same_az, cross_az, cross_region, internet, aws_service, private_unknown, unknown"),
    Column("path_name", STRING, "name of AWS's traffic_path 1 to 8"),
    Column("aws_service", STRING, "AWS service of the side that is not ours, such as S3, where the record says so"),
    Column("action", STRING, "ACCEPT or REJECT; null where the record has none"),
    Column("reject_reason", STRING, "BPA or EC where AWS says so (version 8)"),
    Column("gateway_leg", STRING, "to or from: on which side of a gateway these bytes are metered"),
    Column("charge", STRING, "data transfer charge, a key of the view prices; not_estimated; null where none"),
    Column("gateway_charge", STRING, "what a gateway takes for the bytes, a key of the view prices; else null"),
    Column("flows", BIGINT, "flow records"),
    Column("packets", BIGINT, "their packets"),
    Column("bytes", BIGINT, "their bytes"),
)


def hourly_columns() -> tuple[Column, ...]:
    """All columns of ``flows_hourly`` in order, without the partition columns (those of ``flow_logs``)."""
    sides = tuple(
        Column(f"{side}_{name}", STRING, meaning.format(side=word))
        for side, word in (("src", "source"), ("dst", "destination"))
        for name, meaning in _SIDE_MEANINGS.items()
    )
    return _BEFORE + sides + _AFTER
