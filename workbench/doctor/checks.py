"""All checks, in the order in which a flow goes through the house. Pure: a snapshot in, findings out."""

from collections.abc import Callable, Iterator
from typing import Final

from workbench.doctor import (
    checks_analysis,
    checks_bucket,
    checks_flow_logs,
    checks_functions,
    checks_lake,
    checks_rights,
    checks_stream,
)
from workbench.doctor.finding import Finding, Severity
from workbench.doctor.snapshot import Snapshot

CHECKS: Final[tuple[Callable[[Snapshot], Iterator[Finding]], ...]] = (
    checks_analysis.stack,
    checks_flow_logs.flow_logs,
    checks_stream.stream,
    checks_functions.functions,
    checks_functions.schedule,
    checks_functions.inventory,
    checks_rights.rights,
    checks_bucket.bucket,
    checks_lake.catalog,
    checks_lake.compaction,
    checks_lake.failures,
    checks_analysis.work_group,
    checks_analysis.views,
    checks_analysis.alarms,
    checks_rights.unasked,
)
_ORDER: Final = list(Severity)


def judge(snapshot: Snapshot) -> tuple[Finding, ...]:
    """What is wrong: the worst first, and among equals in the order of the checks."""
    found = [finding for check in CHECKS for finding in check(snapshot)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
