"""The refresher, run once before anything depends on its inventory.

A refresher that fails does not fail the deployment: its schedule tries again every minute, its own alarm tells, what
was enriched meanwhile is settled by compaction; and a stack rolled back would take away the log that says why.
"""

import json
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from deployment.deadline import Deadline

_LONGEST: Final = 300


def refresh_once(function: str, make_client: Any, deadline: Deadline) -> str:
    """Invoke the refresher and wait for it: ``done``, ``none`` where there is none, else in one line why it failed."""
    if not function:
        return "none"
    deadline.require(f"refresher {function}")
    try:
        answer = make_client("lambda").invoke(FunctionName=function, InvocationType="RequestResponse", Payload=b"{}")
        payload = answer["Payload"].read()
    except (ClientError, BotoCoreError, HTTPError) as error:  # the last: of a refusal whose body stops coming
        return _one_line(f"failed: {error}")
    if "FunctionError" in answer:
        return _one_line(f"failed: {_message(payload)}; see the refresher's log")
    return "done"


def _message(payload: bytes) -> str:
    """What a function that raised said: ``errorMessage`` of its answer."""
    try:
        return str(json.loads(payload)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return "it raised"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
