"""What Firehose makes of a transformation Lambda's response: one outcome for each record of the batch.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html

Codes and messages are those of objects captured from AWS, except ``INVALID_RESULT`` and ``INVALID_BASE64``, which
nobody has seen there (see ``settings.Rules``).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.firehose.settings import Blame, Rules


@dataclass(frozen=True, slots=True)
class Transformed:
    """Delivered with these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """Processed, and delivered nowhere."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Kept as an error object."""

    code: str
    message: str


Outcome = Transformed | Dropped | Failed

FUNCTION_ERROR = Failed(
    "Lambda.FunctionError",
    "The Lambda function was successfully invoked but it returned an error result.",
)
INVALID_OUTPUT = Failed(
    "Lambda.FunctionError",
    "Check your function and make sure the output is in required format. In addition to that, make sure the processed"
    " records contain valid result status of Dropped, Ok, or ProcessingFailed",
)
MISSING_RECORD_ID = Failed(
    "Lambda.MissingRecordId",
    "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.",
)
DUPLICATED_RECORD_ID = Failed(
    "Lambda.DuplicatedRecordId",
    "Multiple records were returned with the same record Id."
    " Ensure that the Lambda function returns a unique record Id for each record.",
)
PROCESSING_FAILED = Failed("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
NO_DATA = Failed(
    "Lambda.InvalidReturnFormat",
    "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and processing result is"
    " Ok. The value field cannot be null when the SourceType is MSKAsSource and processing result is Ok.",
)
INVALID_RESULT = Failed("Lambda.InvalidReturnFormat", "The result is none of Ok, Dropped and ProcessingFailed.")
INVALID_BASE64 = Failed("Lambda.InvalidReturnFormat", "The data is not base64.")


def read_answers(payload: bytes, record_ids: Sequence[str], rules: Rules) -> list[Outcome]:
    """The outcome of each record, in the order of ``record_ids``.

    A payload that is no JSON object with a list of records answers for none of them; entries for other ids count for
    nothing, nor does ``data`` beside Dropped or ProcessingFailed.

    Args:
        payload: the response as Lambda passes it on.
        record_ids: of the batch.
        rules: whom an unknown result and bad base64 bring down.
    """
    answers = _by_record_id(payload)
    outcomes = [_outcome(answers.get(record_id, [])) for record_id in record_ids]
    blamed = {
        INVALID_RESULT: rules.unknown_result,
        INVALID_BASE64: rules.invalid_base64,
    }
    if any(isinstance(outcome, Failed) and blamed.get(outcome) is Blame.BATCH for outcome in outcomes):
        return [INVALID_OUTPUT for _ in record_ids]
    return outcomes


def _by_record_id(payload: bytes) -> dict[str, list[Mapping[str, Any]]]:
    try:
        response = json.loads(payload)
    except ValueError:
        return {}
    records = response.get("records") if isinstance(response, dict) else None
    answers: dict[str, list[Mapping[str, Any]]] = {}
    for entry in records if isinstance(records, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("recordId"), str):
            answers.setdefault(entry["recordId"], []).append(entry)
    return answers


def _outcome(entries: Sequence[Mapping[str, Any]]) -> Outcome:
    if not entries:
        return MISSING_RECORD_ID
    if len(entries) > 1:
        return DUPLICATED_RECORD_ID
    match entries[0].get("result"):
        case "Ok":
            return _transformed(entries[0].get("data"))
        case "Dropped":
            return Dropped()
        case "ProcessingFailed":
            return PROCESSING_FAILED
    return INVALID_RESULT


def _transformed(data: object) -> Outcome:
    if data is None:
        return NO_DATA
    if not isinstance(data, str):
        return INVALID_BASE64
    try:
        return Transformed(base64.b64decode(data, validate=True))
    except ValueError:
        return INVALID_BASE64
