"""All pages of one AWS read, or a named failure: within our share of the limits, until a deadline.

Where AWS answers half of it, nothing is answered: of two owners of an address the page that came may show only one.
Paginated requests alone draw on the full token bucket, and large ones fail without:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html ("Pagination")
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

from enricher.ec2 import THROTTLES
from enricher.errors import EnricherError
from enricher.throttling import Share

Document = dict[str, Any]

ATTEMPTS: Final = 3
CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 10
STOPPED: Final = "Stopped"  # the code of a read that nobody waits for any more
# Three attempts, and standard mode's waits between them: 1 s, then 2 s at most.
LONGEST_CALL_SECONDS: Final = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + 3

# Service authorization reference: services whose actions begin with another word than boto3's name.
_ACTION_PREFIXES: Final = {
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
}
_DENIED: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthFailure", "OptInRequired", "UnauthorizedAccess",
    "UnauthorizedOperation",
})  # fmt: skip


class Pages(NamedTuple):
    """How a read is paged: the parameter for the size and the size, the one for the cursor, the answer's cursor."""

    size_name: str = "MaxResults"
    size: int = 1000
    cursor: str = "NextToken"
    next_cursor: str = "NextToken"


EC2_PAGES: Final = Pages()


@dataclass(frozen=True, slots=True)
class Read:
    """One read of AWS: where its entries go, the call, the list in its answer, what names an entry.

    Attributes:
        document: of an inventory (``inventory_documents.DOCUMENTS``).
        service: boto3's name.
        method: boto3's name of the call.
        answer: the list in the answer.
        identifier: members that name an entry together; a later telling of the same entry replaces an earlier one.
        pages: None where AWS does not page.
        arguments: constant ones.
        is_essential: without it the part's scan is no good.
        most_pages: beyond these the read is given up; None: as many as there are.
    """

    document: str
    service: str
    method: str
    answer: str
    identifier: tuple[str, ...]
    pages: Pages | None = EC2_PAGES
    arguments: Mapping[str, Any] = field(default_factory=dict)
    is_essential: bool = True
    most_pages: int | None = None

    @property
    def operation(self) -> str:
        """AWS's name of the call, such as ``DescribeVpcs``."""
        return "".join(word.title() for word in self.method.split("_"))

    @property
    def action(self) -> str:
        """What a policy calls it, such as ``ec2:DescribeVpcs``."""
        return f"{_ACTION_PREFIXES.get(self.service, self.service)}:{self.operation}"


class Target(NamedTuple):
    """Whom a read asks: the account, the region, who asks (an ARN, or words), and a service's client that does."""

    account_id: str
    region: str
    role: str
    client: Callable[[str], Any]


class ReadError(EnricherError):
    """A read failed; ``code`` is AWS's error code, or what kept it from being answered."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class ReaderCounters:
    """Running totals: requests started, each page its own; botocore's retries; requests that ended throttled."""

    calls: Mapping[str, int]
    retries: int
    throttles: int


class Stop(Protocol):
    """Tells whether anybody still waits for a read; an Event does."""

    def is_set(self) -> bool:
        """Whether nobody does."""
        ...


class Reader:
    """Reads all pages. Safe for threads, as boto3's clients are.

    Args:
        share: of AWS's limits.
        clock: seconds; the deadlines' own.
    """

    def __init__(self, share: Share, clock: Callable[[], float]) -> None:
        self._share = share
        self._clock = clock
        self._lock = Lock()
        self._calls: Counter[str] = Counter()
        self._retries = 0
        self._throttles = 0

    def counters(self) -> ReaderCounters:
        """The totals since this reader was made."""
        with self._lock:
            return ReaderCounters(dict(self._calls), self._retries, self._throttles)

    def read(self, read: Read, target: Target, deadline: float, stop: Stop) -> list[Document]:
        """Every entry once, in the order of their first telling.

        Args:
            read: what.
            target: of whom.
            deadline: when no request is started any more, on the clock.
            stop: set where nobody waits for the answer any more.

        Raises:
            ReadError: not every page came. The text names the account, region, call, error code and the mend.
        """
        entries: dict[tuple[Any, ...], Document] = {}
        arguments: Document = dict(read.arguments)
        if read.pages is not None:
            arguments[read.pages.size_name] = read.pages.size
        pages = 0
        while True:
            page = self._page(read, target, arguments, deadline, stop)
            for entry in page.get(read.answer) or ():
                entries[tuple(entry.get(member) for member in read.identifier)] = entry
            pages += 1
            cursor = page.get(read.pages.next_cursor) if read.pages else None
            if read.pages is None or not cursor:
                return list(entries.values())
            if cursor == arguments.get(read.pages.cursor):
                raise _error(read, target, "RepeatedPage", "AWS answers the same page for ever; try again")
            if pages == read.most_pages:
                raise _error(read, target, "TooManyPages", f"more than {pages} pages are not read; it is done without")
            arguments[read.pages.cursor] = cursor

    def _page(self, read: Read, target: Target, arguments: Document, deadline: float, stop: Stop) -> Document:
        bucket = self._share.bucket(target.account_id, target.region, read.service, read.operation)
        if stop.is_set():
            raise _error(read, target, STOPPED, "another read of the part had failed")
        if not bucket.take(deadline):
            raise _error(
                read, target, "DeadlineExceeded", "not finished in time; raise REFRESH_SCAN_S or REFRESH_API_SHARE"
            )
        client = target.client(read.service)
        with self._lock:
            self._calls[read.action] += 1
        failures, defect = how_calls_fail()
        try:
            page: Document = getattr(client, read.method)(**arguments)
        except defect:
            raise
        except failures as error:
            answer: Document = getattr(error, "response", None) or {}
            self._note(bucket.debit, answer, code_of(error))
            raise _error(read, target, code_of(error), _mend(read, target, code_of(error))) from error
        self._note(bucket.debit, page, "")
        return page

    def _note(self, debit: Callable[[int], None], answer: Document, code: str) -> None:
        """Count botocore's retries, which drew on AWS's bucket too."""
        retries = int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        debit(retries)
        with self._lock:
            self._retries += retries
            self._throttles += code in THROTTLES


def code_of(error: Exception) -> str:
    """AWS's error code, or the name of botocore's exception."""
    answer: Document = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def _error(read: Read, target: Target, code: str, mend: str) -> ReadError:
    where = f"account {target.account_id}, {target.region}"
    return ReadError(f"{where}: {read.action} failed with {re.sub(r'[^A-Za-z0-9_.]', '', code)[:80]}; {mend}", code)


def _mend(read: Read, target: Target, code: str) -> str:
    if code in _DENIED:
        return f"allow {read.action} for {target.role}"
    if code in THROTTLES:
        return "others use the account's limit up; the next run tries again, or lower REFRESH_API_SHARE"
    return "the next run tries again"


def how_calls_fail() -> tuple[tuple[type[Exception], ...], type[Exception]]:
    """How AWS and the way to it fail, and how botocore says that a request of ours is malformed."""
    from botocore.exceptions import (  # noqa: PLC0415 - loaded already where there is a client, and only there
        BotoCoreError,
        ClientError,
        ParamValidationError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - same

    return (ClientError, BotoCoreError, ResponseParserError), ParamValidationError
