"""Asking AWS: an answer, or which gap there is instead; and a list of all that could not be asked.

Bounded in time and number of calls. Only what reads is ever asked (a test looks at every call).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.doctor.snapshot import TIME_IS_OVER, Document, Gap, Told, Unasked

MOST_CALLS: Final = 900
LONGEST_S: Final = 50.0
_ABSENT: Final = frozenset(
    {
        "ResourceNotFoundException",
        "ResourceNotFound",
        "EntityNotFoundException",
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "404",
        "NotFound",
        "NotFoundException",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchBucketPolicy",
        "InvalidIpamScopeId.NotFound",
        "InvalidIpamId.NotFound",
    }
)
# These say by their words alone that the thing is not there.
_ABSENT_WORDS: Final = {"ValidationError": "does not exist", "InvalidRequestException": "is not found"}
# boto3's name of a service and operation → the IAM action, where it is not service:Operation.
_ACTIONS: Final = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}


@dataclass
class Asker:
    """Asks, within bounds.

    Args:
        client: makes a boto3 client of a service in a region (None: the deployment's own).
        clock: seconds that only grow.
        tell: is told what is being looked at.
    """

    client: Callable[[str, str | None], Any]
    clock: Callable[[], float]
    tell: Callable[[str], None] = lambda _: None
    longest_s: float = LONGEST_S
    most_calls: int = MOST_CALLS
    unasked: list[Unasked] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self._ends = self.clock() + self.longest_s

    def ask(self, service: str, operation: str, *, region: str | None = None, **parameters: Any) -> Told:
        """The answer of one call; a Gap where there is none. What could not be asked is noted."""
        try:
            return self.call(service, operation, region=region, **parameters)
        except _refusals() as error:
            return self.gap(service, operation, error)

    def call(self, service: str, operation: str, *, region: str | None = None, **parameters: Any) -> Document:
        """The same, raising what boto3 raises, and TimeIsOverError."""
        if self.calls >= self.most_calls or self.clock() > self._ends:
            raise TimeIsOverError
        self.calls += 1
        answer: Document = getattr(self.client(service, region), operation)(**parameters)
        return answer

    def pages(
        self, service: str, operation: str, cursor: tuple[str, str], most: int, **parameters: Any
    ) -> Iterator[Document]:
        """Answers page by page, at most ``most``; ends early where one cannot be had, which is noted.

        Args:
            service: boto3's name.
            operation: as boto3 spells it.
            cursor: the parameter that asks for a page, and the member that names the next one.
            most: pages.
            parameters: of every call.
        """
        asked, told = cursor
        following: dict[str, Any] = {}
        for _ in range(most):
            answer = self.ask(service, operation, **parameters, **following)
            if isinstance(answer, Gap):
                return
            yield answer
            if not answer.get(told):
                return
            following = {asked: answer[told]}

    def body(self, bucket: str, key: str, most: int) -> bytes | Gap:
        """An object's first bytes, at most so many; a Gap where there is none. One that was cut off is noted."""
        answer = self.ask("s3", "get_object", Bucket=bucket, Key=key)
        if isinstance(answer, Gap):
            return answer
        try:
            body: bytes = answer["Body"].read(most)
        except Exception as error:  # noqa: BLE001 - whatever ends a body's stream
            return self.gap("s3", "get_object", OSError(": ".join(read_error(error))))
        return body

    def gap(self, service: str, operation: str, error: Exception) -> Gap:
        """Which gap an exception of `call` leaves; one that is no answer of AWS's is noted as unasked."""
        code, words = read_error(error)
        if code in _ABSENT or _ABSENT_WORDS.get(code, "\0") in words:
            return Gap.ABSENT
        self.unasked.append(Unasked(action_of(service, operation), code, words))
        return Gap.UNASKED


class TimeIsOverError(Exception):
    """No more calls are made."""


def read_error(error: Exception) -> tuple[str, str]:
    """Code and words of what a call raised, on one line."""
    if isinstance(error, TimeIsOverError):
        return TIME_IS_OVER, "the calls or seconds that a run may take are used up"
    told: Mapping[str, Any] = getattr(error, "response", {}).get("Error", {})
    words = told.get("Message") or str(error)
    return str(told.get("Code") or type(error).__name__), " ".join(str(words).split())[:300]


def action_of(service: str, operation: str) -> str:
    """The IAM action behind a call, as boto3 spells it (``list_objects_v2``)."""
    name = "".join("V2" if part == "v2" else part.capitalize() for part in operation.split("_"))
    return action_named(service, name)


def action_named(service: str, name: str) -> str:
    """The IAM action behind an operation (``ListObjectsV2``) of a service by boto3's name."""
    prefix = {"resourcegroupstaggingapi": "tag"}.get(service, service)
    return _ACTIONS.get(f"{prefix}:{name}", f"{prefix}:{name}")


def _refusals() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second, for those who need it
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - of a body that stops coming

    return BotoCoreError, ClientError, HTTPError, TimeIsOverError
