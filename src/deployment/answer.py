"""What CloudFormation is told: one JSON object, put to the address that its request names.

AWS CloudFormation user guide, "Custom resource response objects": at most 4,096 bytes, a reason for a failure, the ids
as in the request. The address is signed for an empty content type, and is a secret as long as it holds.
"""

import json
import re
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from deployment.errors import DeploymentError
from deployment.request import Request

LONGEST_ANSWER: Final = 4_096
_LONGEST_REASON: Final = 900
_ATTEMPTS: Final = 3
_SECONDS: Final = 5.0
_BAD_ANSWER: Final = 300
# …-useast1.s3.amazonaws.com, …-euwest1.s3-eu-west-1.amazonaws.com: bucket, S3, a partition's suffix; no user, no port.
_HOST: Final = re.compile(
    r"cloudformation-custom-resource-response-[a-z0-9-]+\.s3[.a-z0-9-]*\.amazonaws\.(?:com|com\.cn|eu)"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ``status`` is SUCCESS or FAILED, ``reason`` one line for a failure, ``body`` what is sent."""

    status: str
    reason: str
    body: bytes

    @property
    def log_line(self) -> str:
        """What may be logged: nothing of the address."""
        return f"{self.status}: {self.reason}" if self.reason else self.status


def success(request: Request, data: Mapping[str, str]) -> Answer:
    """All is done; ``data`` is what Fn::GetAtt finds."""
    return _answer(request, "SUCCESS", "", data)


def failure(request: Request, error: BaseException) -> Answer:
    """Something failed: an error of ours says what in one line, any other also what it is."""
    text = str(error) if isinstance(error, DeploymentError) else f"{type(error).__name__}: {error}"
    return _answer(request, "FAILED", _one_line(text, request.url), {})


def _one_line(text: str, secret: str) -> str:
    """A text as one line of bounded length, without the address."""
    line = " ".join(text.replace(secret, "(address)").split()) or "no reason given; see the function's log"
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"


def _answer(request: Request, status: str, reason: str, data: Mapping[str, str]) -> Answer:
    document = {
        "Status": status,
        "PhysicalResourceId": request.physical_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_id,
        "Data": dict(data),
    }
    if reason:
        document["Reason"] = reason
    body = json.dumps(document).encode()
    if len(body) <= LONGEST_ANSWER:
        return Answer(status, reason, body)
    # An answer that is too long is none: what can be left out goes, so that the status at least arrives.
    document["Data"] = {}
    document["Reason"] = "the answer was longer than 4,096 bytes; see the function's log"
    return Answer(status, reason, json.dumps(document).encode())


def require_cloudformation(url: str) -> None:
    """Refuse any address but one in CloudFormation's own buckets for answers, over https.

    Whoever may invoke the function could otherwise have it put a document to any host that it reaches.

    Raises:
        DeploymentError: it is another; the address itself is not told.
    """
    try:
        parts = urlsplit(url)
        is_theirs = parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None
    except ValueError:
        is_theirs = False
    if not is_theirs:
        raise DeploymentError("answer: the address is not https to CloudFormation's bucket; no other is taken")


@dataclass(frozen=True, slots=True)
class Sender:
    """Puts an answer.

    Args:
        check: refuses an address that must not be used.
    """

    check: Callable[[str], object] = require_cloudformation

    def send(self, url: str, answer: Answer) -> None:
        """Put the answer to the address, at most three times.

        Raises:
            DeploymentError: it could not be delivered. What went wrong is told by its kind alone: the texts of
                urllib's errors may hold the address.
        """
        self.check(url)
        last = ""
        for _ in range(_ATTEMPTS):
            try:
                return self._put(url, answer.body)
            except (OSError, HTTPException, ValueError) as error:
                code = getattr(error, "code", None)
                last = f"{type(error).__name__}{f' {code}' if code else ''}"
        # Not inside the except block: a chained error's traceback would be logged with the address.
        raise DeploymentError(f"answer: CloudFormation could not be told ({last}); the invocation is tried again")

    def _put(self, url: str, body: bytes) -> None:
        request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - checked above
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - same
            if response.status >= _BAD_ANSWER:
                raise HTTPException(response.status)
