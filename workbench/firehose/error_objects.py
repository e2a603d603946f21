"""The line that Firehose keeps of a record that failed.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
"""

import base64
import json
from dataclasses import dataclass

from workbench.envelopes import DeliveryRecord
from workbench.firehose.answers import Failed
from workbench.firehose.settings import ErrorSpelling

_MEMBERS = {
    ErrorSpelling.OBSERVED: (
        "rawData",
        "errorCode",
        "errorMessage",
        "attemptsMade",
        "arrivalTimestamp",
        "attemptEndingTimestamp",
        "lambdaARN",
    ),
    ErrorSpelling.DOCUMENTED: (
        "attemptsMade",
        "arrivalTimestamp",
        "errorCode",
        "errorMessage",
        "attemptEndingTimestamp",
        "rawData",
        "lambdaArn",
    ),
}


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a batch was tried, when that ended (milliseconds since 1970), and on which function, if on one."""

    made: int
    ended_ms: int
    function_arn: str | None


def error_line(record: DeliveryRecord, failed: Failed, attempts: Attempts, spelling: ErrorSpelling) -> bytes:
    """One JSON object and LF: the record's bytes as they were put, but not its id (Firehose does not keep it)."""
    values = {
        "rawData": base64.b64encode(record.data).decode(),
        "errorCode": failed.code,
        "errorMessage": failed.message,
        "attemptsMade": attempts.made,
        "arrivalTimestamp": record.arrived_at_ms,
        "attemptEndingTimestamp": attempts.ended_ms,
        "lambdaARN": attempts.function_arn,
        "lambdaArn": attempts.function_arn,
    }
    line = {name: values[name] for name in _MEMBERS[spelling] if values[name] is not None}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
