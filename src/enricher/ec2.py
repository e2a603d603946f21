"""The only caller of EC2: batched, paginated, bounded; what could not be asked is told from what was not found.

Every request carries ``MaxResults`` (unpaginated requests draw on a smaller throttling bucket and may fail) and at
most one filter of at most 200 values. Documents come back as the AWS CLI prints them: botocore's names, times as
ISO 8601 text with their offset.

Pages: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html and its siblings,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html (filters and their wildcards),
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cache import Budget, CircuitBreaker, Refusal, Share

Document = dict[str, Any]

MAX_FILTER_VALUES: Final = 200
PAGE_SIZE: Final = 1000
CONNECT_SECONDS: Final = 1
READ_SECONDS: Final = 3
ATTEMPTS: Final = 2
# One retry waits up to 1 s, and up to 5 s more where AWS asks for it (x-amz-retry-after).
LONGEST_CALL_SECONDS: Final = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + (ATTEMPTS - 1) * 6

THROTTLES: Final = frozenset({
    "EC2ThrottledException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown",
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Operation:
    """One read of EC2: its name, boto3's method, the key of its answer, and its constant arguments."""

    name: str
    method: str
    answer: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


# Interfaces and instances that AWS services manage may be hidden unless they are asked for.
_MANAGED: Final = {"IncludeManagedResources": True}
_INTERFACES: Final = _Operation(
    "DescribeNetworkInterfaces", "describe_network_interfaces", "NetworkInterfaces", _MANAGED
)
_INSTANCES: Final = _Operation("DescribeInstances", "describe_instances", "Reservations", _MANAGED)
_SUBNETS: Final = _Operation("DescribeSubnets", "describe_subnets", "Subnets")
_VPCS: Final = _Operation("DescribeVpcs", "describe_vpcs", "Vpcs")
_PEERINGS: Final = _Operation(
    "DescribeVpcPeeringConnections", "describe_vpc_peering_connections", "VpcPeeringConnections"
)
_ATTACHMENTS: Final = _Operation(
    "DescribeTransitGatewayAttachments", "describe_transit_gateway_attachments", "TransitGatewayAttachments"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What EC2 knows of the values it was really asked for.

    A value of ``asked`` that no document carries is absent. A value that is not in ``asked`` may exist: budget,
    deadline, circuit breaker or a failure kept it from being asked. Documents of a request whose pages did not all
    arrive are left out: of two owners of one address the page that came may show only one. For the same reason a
    document proves nothing of an address that it carries but that is not in ``asked``.
    """

    documents: tuple[Document, ...]
    asked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of the account and region; None where they could not be asked (an empty tuple: there are none)."""

    subnets: tuple[Document, ...] | None
    vpcs: tuple[Document, ...] | None
    peerings: tuple[Document, ...] | None
    transit_gateway_attachments: tuple[Document, ...] | None


@dataclass(frozen=True, slots=True)
class Ec2Counters:
    """Running totals. ``after - before`` are those of the time between two snapshots.

    ``calls`` by operation: requests started, each page its own; ``retries``: attempts that botocore added to them, as
    far as AWS answered; ``failures`` by AWS's error code or botocore's exception; ``throttles``: those of them that
    are throttling; ``refusals`` by reason (breaker, budget, deadline, share): requests that were never started.
    """

    calls: Mapping[str, int]
    retries: int
    throttles: int
    failures: Mapping[str, int]
    refusals: Mapping[str, int]

    def __sub__(self, earlier: "Ec2Counters") -> "Ec2Counters":
        return Ec2Counters(
            calls=Counter(self.calls) - Counter(earlier.calls),
            retries=self.retries - earlier.retries,
            throttles=self.throttles - earlier.throttles,
            failures=Counter(self.failures) - Counter(earlier.failures),
            refusals=Counter(self.refusals) - Counter(earlier.refusals),
        )


def ec2_client(region: str, *, session: Any = None, endpoint_url: str | None = None) -> Any:
    """A boto3 EC2 client that gives up early: the hot path answers without EC2 sooner than it waits for it.

    Args:
        region: AWS region, such as ``eu-central-1``.
        session: a ``boto3.Session``; None for the environment's own credentials.
        endpoint_url: None for AWS; a local stand-in's address otherwise.

    Returns:
        The client, with 2 attempts, 1 s to connect and 3 s to read (botocore's own defaults are 60 s each).
    """
    import boto3  # noqa: PLC0415 - half a second: only what really calls EC2 pays for it
    from botocore.config import Config  # noqa: PLC0415 - same

    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )
    return (session or boto3.Session()).client("ec2", region_name=region, endpoint_url=endpoint_url, config=config)


class WhenAsked:
    """Stands for a client that is made when it is first used: a quarter of a second that most cold starts can save."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._client is None:
            self._client = self._make()
        return getattr(self._client, name)


class Ec2Reader:
    """Reads one account and region of EC2 within a budget, behind a circuit breaker. Not thread-safe.

    Failures of AWS and of the way to it become values (not asked); a request that botocore finds malformed is a
    defect and raises.

    Args:
        client: a boto3 EC2 client, see ``ec2_client``.
        clock: seconds; the clock that the budgets' deadlines are on.
        breaker: kept for as long as the client is.
        share: what this process may ask of the limits that many processes have in common; None: whatever it likes.
    """

    def __init__(
        self, client: Any, *, clock: Callable[[], float], breaker: CircuitBreaker, share: Share | None = None
    ) -> None:
        from botocore.exceptions import (  # noqa: PLC0415 - loaded already where there is a client, and only there
            BotoCoreError,
            ClientError,
            ParamValidationError,
        )
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - same

        self._client: Final = client
        self._clock: Final = clock
        self._breaker: Final = breaker
        self._share: Final = share
        self._defect: Final = ParamValidationError
        # A body that was cut short is no BotoCoreError.
        self._failure: Final = (ClientError, BotoCoreError, ResponseParserError)
        self._calls: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._retries = 0

    def counters(self) -> Ec2Counters:
        """The totals since this reader was made."""
        return Ec2Counters(
            calls=dict(self._calls),
            retries=self._retries,
            throttles=sum(count for code, count in self._failures.items() if code in THROTTLES),
            failures=dict(self._failures),
            refusals=dict(self._refusals),
        )

    def interfaces(
        self,
        *,
        budget: Budget,
        ids: Iterable[str] = (),
        private_addresses: Iterable[str] = (),
        ipv6_addresses: Iterable[str] = (),
        public_addresses: Iterable[str] = (),
    ) -> Asked:
        """Network interfaces by id or by address, in any VPC; asked in the order of the arguments.

        Args:
            budget: of this batch; each page takes one call.
            ids: interface ids.
            private_addresses: IPv4, primary or secondary. Addresses out of delegated prefixes are not found.
            ipv6_addresses: in EC2's spelling (compressed, lower case).
            public_addresses: IPv4, as associated with an interface.

        Returns:
            Each interface once (``NetworkInterfaces`` of the CLI). A value given under two names counts as asked only
            when it was asked under both.
        """
        documents: dict[str, Document] = {}
        asked: set[str] = set()
        missed: set[str] = set()
        for name, values in (
            ("network-interface-id", ids),
            ("addresses.private-ip-address", private_addresses),
            ("ipv6-addresses.ipv6-address", ipv6_addresses),
            ("addresses.association.public-ip", public_addresses),
        ):
            unique = dict.fromkeys(values)
            found, reached = self._matching(_INTERFACES, name, unique, budget)
            asked |= reached
            missed |= unique.keys() - reached
            for document in found:
                documents.setdefault(document.get("NetworkInterfaceId", ""), document)
        return Asked(tuple(documents.values()), frozenset(asked - missed))

    def instances(self, ids: Iterable[str], *, budget: Budget) -> Asked:
        """Instances by id, as ``Reservations`` of the CLI (a reservation names the owner of its instances)."""
        found, reached = self._matching(_INSTANCES, "instance-id", dict.fromkeys(ids), budget)
        return Asked(tuple(found), frozenset(reached))

    def networks(self, *, budget: Budget) -> Networks:
        """All subnets, VPCs, VPC peering connections and transit gateway attachments: four calls, plus pages."""
        answers = [self._all_pages(each, budget) for each in (_SUBNETS, _VPCS, _PEERINGS, _ATTACHMENTS)]
        return Networks(*(None if documents is None else tuple(documents) for documents in answers))

    def _matching(
        self, operation: _Operation, name: str, values: Iterable[str], budget: Budget
    ) -> tuple[list[Document], set[str]]:
        """The documents that match any of the values, and the values of which that is the whole truth."""
        documents: list[Document] = []
        reached: set[str] = set()
        askable = [value for value in values if _is_literal(value)]
        for first in range(0, len(askable), MAX_FILTER_VALUES):
            chunk = askable[first : first + MAX_FILTER_VALUES]
            found = self._all_pages(operation, budget, [{"Name": name, "Values": chunk}])
            if found is not None:
                documents += found
                reached.update(chunk)
        return documents, reached

    def _all_pages(
        self, operation: _Operation, budget: Budget, filters: list[Document] | None = None
    ) -> list[Document] | None:
        """Every document of one request, or None unless all its pages arrived."""
        arguments: Document = {**operation.arguments, "MaxResults": PAGE_SIZE}
        if filters:
            arguments["Filters"] = filters
        documents: list[Document] = []
        while True:
            page = self._call(operation, arguments, budget)
            if page is None:
                return None
            documents += page.get(operation.answer, [])
            if not page.get("NextToken"):
                return [_as_printed(document) for document in documents]
            arguments = {**arguments, "NextToken": page["NextToken"]}

    def _call(self, operation: _Operation, arguments: Document, budget: Budget) -> Document | None:
        """One request and its answer, or None where it was refused or failed."""
        now = self._clock()
        refusal = self._refusal(operation, now, budget)
        if refusal:
            self._refusals[refusal] += 1
            return None
        budget.spend()
        if self._share is not None:
            self._share.spend(operation.name)
        self._calls[operation.name] += 1
        try:
            page: Document = getattr(self._client, operation.method)(**arguments)
        except self._defect:
            raise
        except self._failure as error:
            self._failed(error)
            return None
        self._breaker.succeeded()
        self._retries += _retries(page)
        return page

    def _refusal(self, operation: _Operation, now: float, budget: Budget) -> Refusal | None:
        if self._breaker.refuses(now):
            return "breaker"
        refusal = budget.refusal(now)
        if refusal is None and self._share is not None and self._share.refuses(operation.name, now):
            return "share"
        return refusal

    def _failed(self, error: Exception) -> None:
        """Count one failed request; ClientError alone carries AWS's answer."""
        answer: Document = getattr(error, "response", None) or {}
        self._failures[answer.get("Error", {}).get("Code") or type(error).__name__] += 1
        self._retries += _retries(answer)
        self._breaker.failed(self._clock())


def _retries(answer: Document) -> int:
    """Attempts that botocore added to this request."""
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def _is_literal(value: str) -> bool:
    """Whether a filter takes the value as it stands: ``*``, ``?`` and a backslash would match other resources."""
    return bool(value) and not any(character in value for character in "*?\\")


def _as_printed(value: Any) -> Any:
    """The value with every time as the AWS CLI prints it."""
    match value:
        case dict():
            return {key: _as_printed(each) for key, each in value.items()}
        case list():
            return [_as_printed(each) for each in value]
        case datetime():
            return value.isoformat()
        case _:
            return value
