"""What alarms know of compaction: a few CloudWatch metrics at the end of each run.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from typing import Any, Final

from compaction.sweep import Report

NAMESPACE: Final = "VpcFlowLogEnrichment"
# name → meaning; all are counts.
METRICS: Final = {
    "CompactionHoursBehind": "hours to be compacted that are not: failed ones, and older ones that nobody marked",
    "CompactionFailures": "failures in hours: their audit, their compaction, deleting what they left behind",
    "HoursCompacted": "generations that were committed",
    "PartitionsMended": "partitions that did not show their generation",
    "PartitionsMissing": "hours with raw objects whose partition was not registered, and is now",
}


def metric_data(report: Report, service: str) -> list[dict[str, Any]]:
    """A run's figures as PutMetricData takes them."""
    values = {
        "CompactionHoursBehind": report.behind,
        "CompactionFailures": len(report.failures),
        "HoursCompacted": len(report.compacted),
        "PartitionsMended": report.mended,
        "PartitionsMissing": report.missing,
    }
    dimensions = [{"Name": "service", "Value": service}]
    return [
        {"MetricName": name, "Value": float(value), "Unit": "Count", "Dimensions": dimensions}
        for name, value in values.items()
    ]
