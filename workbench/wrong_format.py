"""A whole file in another log format than was said is a wrong option, not a heap of bad lines."""

import base64
import json
from collections.abc import Iterable
from typing import Final

from compaction.enrich_files import Summary
from enricher.log_format import LogFormats
from enricher.schema import FIELDS_OF_VERSION
from workbench.errors import UsageError

# Fewer lines may all be damaged in the same way.
_FEWEST: Final = 10
_VERSIONS: Final = {len(fields): f"v{version}" for version, fields in FIELDS_OF_VERSION.items()}


def refuse_wrong_format(summary: Summary, rejects: Iterable[bytes], declared: LogFormats | None) -> None:
    """Raise where no line became a row and all have one number of fields, which is not the format's.

    Args:
        summary: what the run came to.
        rejects: its objects of rejected lines (JSON lines with ``rawData``), before they are kept.
        declared: the formats that were given; None: files told theirs in a header line.

    Raises:
        UsageError: as said; names both numbers and the mend.
    """
    if summary.rows or summary.rejected < _FEWEST or set(summary.rejects_by_reason) != {"field_count"}:
        return
    found = {
        len(base64.b64decode(json.loads(line)["rawData"]).split()) for body in rejects for line in body.splitlines()
    }
    if len(found) != 1:
        return
    (count,) = found
    wanted = "as many fields as its header line" if declared is None else _numbers(declared)
    like = f", as {_VERSIONS[count]} has" if count in _VERSIONS else ""
    raise UsageError(
        f"--log-format: none of {summary.rejected:,} lines has {wanted}, all have {count} fields{like}; give the flow "
        "log's own format (`aws ec2 describe-flow-logs`)"
    )


def _numbers(declared: LogFormats) -> str:
    counts = sorted({len(each.fields) for each in declared.formats})
    return f"the {' or '.join(map(str, counts))} fields it names"
