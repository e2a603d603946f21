"""Which faults a call to AWS can meet, and what each looks like on the wire.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and each service's "Common errors".
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

ANSWER_LATE_S: Final = 0.9  # longer than the bench's clients wait

# Acted or not, and what the client sees of it.
TIMEOUT: Final = "timeout"  # acted, the answer comes too late
RESET_BEFORE: Final = "reset-before"
RESET_AFTER: Final = "reset-after"
SLOW_BODY: Final = "slow-body"  # acted, half of the answer's body, then nothing for too long
TRUNCATED: Final = "truncated"  # acted, half of the body, then the end
RIVAL: Final = "rival"  # before the call acts, another process does the same work: the 412 that follows is S3's own
WON_BY_ITSELF: Final = "412"  # acted, told that the condition did not hold: what a second attempt sees of the first
REFUSED: Final[Mapping[str, Mapping[str, tuple[str, int]]]] = {
    "500": {"": ("InternalError", 500), "glue": ("InternalServiceException", 500)},
    "503": {"": ("ServiceUnavailable", 503), "s3": ("SlowDown", 503)},
    "throttled": {
        "": ("Throttling", 400),
        "s3": ("ThrottlingException", 429),
        "ec2": ("RequestLimitExceeded", 503),
        "glue": ("ThrottlingException", 400),
        "athena": ("TooManyRequestsException", 400),
        "lambda": ("TooManyRequestsException", 429),
        "resourcegroupstaggingapi": ("ThrottledException", 400),
    },
    "denied": {
        "": ("AccessDenied", 403),
        "ec2": ("UnauthorizedOperation", 403),
        "glue": ("AccessDeniedException", 400),
        "athena": ("AccessDeniedException", 400),
        "lambda": ("AccessDeniedException", 403),
        "resourcegroupstaggingapi": ("AccessDeniedException", 400),
    },
    "expired-token": {
        "": ("ExpiredToken", 400),
        "ec2": ("RequestExpired", 400),
        "glue": ("ExpiredTokenException", 400),
    },
    "clock-skew": {
        "": ("SignatureDoesNotMatch", 403),
        "s3": ("RequestTimeTooSkewed", 403),
        "ec2": ("AuthFailure", 401),
        "glue": ("InvalidSignatureException", 400),
        "athena": ("InvalidSignatureException", 400),
    },
    "409": {"": ("ConditionalRequestConflict", 409)},
}
CONDITIONAL: Final = (WON_BY_ITSELF, "409", RIVAL)  # of a put with If-None-Match or If-Match alone
KINDS: Final = (
    TIMEOUT, RESET_BEFORE, RESET_AFTER, SLOW_BODY, TRUNCATED, "500", "503", "throttled", "denied", "expired-token",
    "clock-skew",
)  # fmt: skip
# What the SDK tries again by itself, after it took effect or before: once is another case than every time.
ONCE_ONLY: Final = (TIMEOUT, RESET_AFTER, TRUNCATED, "500")
ONCE, ALWAYS = "once", "always"  # of the attempts that the SDK makes of one call
_READS: Final = ("Get", "List", "Describe", "Head", "Search", "Assume")


class Site(NamedTuple):
    """A call that a component makes: the ``number``-th of this operation in its stage, from 0.

    ``service``: boto3's name; in another account than the stack's, ``<service>@<account>``.
    """

    stage: str
    service: str
    operation: str
    number: int

    @property
    def changes(self) -> bool:
        """Whether the call changes something."""
        return not self.operation.startswith(_READS)


class Plant(NamedTuple):
    """A fault at a site. ``extent``: the first attempt of the call, or all that the SDK makes."""

    site: Site
    kind: str
    extent: str = ALWAYS

    def __str__(self) -> str:
        site = self.site
        return f"{site.stage}/{site.service}.{site.operation}/{site.number}/{self.kind}/{self.extent}"

    @classmethod
    def parse(cls, text: str) -> "Plant":
        """What ``str`` gives; raises ValueError for anything else."""
        stage, call, number, kind, extent = text.split("/")
        service, _, operation = call.partition(".")
        if extent not in (ONCE, ALWAYS) or kind not in (*KINDS, *CONDITIONAL):
            raise ValueError(f"case {text}: write stage/service.Operation/number/kind/once or always")
        return cls(Site(stage, service, operation, int(number)), kind, extent)


def refusal_of(kind: str, service: str) -> tuple[str, int]:
    """The error code and HTTP status with which a service tells this kind."""
    spellings = REFUSED[kind]
    return spellings.get(service, spellings[""])


def plants(site: Site, *, is_conditional: bool) -> list[Plant]:
    """Every fault of a site. Reads that fail once are the SDK's affair: one kind of them is enough."""
    found = [Plant(site, kind) for kind in (*KINDS, *(CONDITIONAL if is_conditional else ()))]
    once = ONCE_ONLY if site.changes else ["500"]
    return found + [Plant(site, kind, ONCE) for kind in once]
