"""Request throttling: token buckets per operation, account and region.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html; for load balancers, scaling groups and tags
AWS publishes no figures: they are given EC2's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from .errors import AwsError
from .operations import OPERATIONS
from .requests import ApiCall

_READING: Final = ("Describe", "Get", "List", "Search")
_REFUSALS: Final = {
    "ec2": "RequestLimitExceeded",
    "elb": "Throttling",
    "elbv2": "Throttling",
    "autoscaling": "Throttling",
    "resourcegroupstaggingapi": "ThrottledException",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: how many tokens it holds when full, and how many come back each second."""

    size: float
    refill: float


@dataclass(frozen=True, slots=True)
class Throttle:
    """Limits to answer by.

    Attributes:
        clock: Seconds on any scale that only grows; a test's own, or ``time.monotonic``.
        reading: For Describe, Get, List and Search operations.
        unpaginated: For DescribeInstances and DescribeNetworkInterfaces with neither filter nor page size. AWS says
            "unfiltered and unpaginated"; that identifiers are no filter is inferred.
    """

    clock: Callable[[], float]
    reading: Bucket = field(default=Bucket(100, 20))
    unpaginated: Bucket = field(default=Bucket(50, 10))


class Buckets:
    """The buckets of one cloud, full at the start."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._levels: dict[tuple[str, ...], tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, call: ApiCall) -> None:
        """Takes a token for one call; other services, and operations that change something, are not limited here.

        Raises:
            AwsError: ``RequestLimitExceeded``, or what else the service says: the bucket is empty.
        """
        if call.service not in _REFUSALS or not call.operation.startswith(_READING):
            return
        unpaginated = _is_unpaginated(call)
        bucket = self._throttle.unpaginated if unpaginated else self._throttle.reading
        key = (call.account_id, call.region, call.service, call.operation, "unpaginated" if unpaginated else "reading")
        now = self._throttle.clock()
        with self._lock:
            level, at = self._levels.get(key, (bucket.size, now))
            level = min(bucket.size, level + (now - at) * bucket.refill)
            granted = level >= 1
            self._levels[key] = (level - 1 if granted else level, now)
        if not granted:
            raise AwsError(_REFUSALS[call.service], f"Request limit exceeded for {call.operation}.")


def _is_unpaginated(call: ApiCall) -> bool:
    operation = OPERATIONS.get((call.service, call.operation))
    if operation is None or operation.pages is None or not operation.costly:
        return False
    asked = {operation.filter_parameter, operation.pages.size, operation.pages.cursor}
    return not asked & call.params.keys()
