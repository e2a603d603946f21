"""Our own share of AWS's request limits: a token bucket for each API, account and region.

AWS throttles by such buckets, 100 requests and 20 more a second for a Describe or Get call, shared by everybody in the
account. What a refresher takes others cannot have, so it asks for a share only, and waits for it.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

BUCKET_SIZE: Final = 100
REFILL_PER_SECOND: Final = 20


class TokenBucket:
    """A bucket that is full at the start; who finds it empty waits for their own token. Safe for threads.

    Args:
        size: tokens that it holds when full.
        refill: tokens that come back each second.
        clock: seconds; one that steps back gives no tokens.
        sleep: waits for seconds.
    """

    def __init__(
        self, size: float, refill: float, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        self._size = size
        self._refill = refill
        self._clock = clock
        self._sleep = sleep
        self._level = size
        self._at = clock()
        self._lock = Lock()

    def take(self, deadline: float) -> bool:
        """Take a token, waiting for it; False, and nothing taken, where it would come after the deadline."""
        with self._lock:
            now = self._settled()
            wait = max(0.0, (1 - self._level) / self._refill)
            if now + wait > deadline:
                return False
            self._level -= 1
        if wait:
            self._sleep(wait)
        return True

    def debit(self, tokens: int) -> None:
        """Note tokens that were spent without having been taken, as botocore's retries are."""
        with self._lock:
            self._settled()
            self._level -= tokens

    def _settled(self) -> float:
        now = self._clock()
        self._level = min(self._size, self._level + max(0.0, now - self._at) * self._refill)
        self._at = now
        return now


class Share:
    """A share of every bucket that AWS keeps for us, made when first asked for. Safe for threads.

    Args:
        share: of AWS's own limits, above 0 and at most 1.
        clock: seconds.
        sleep: waits for seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._share = share
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, ...], TokenBucket] = {}
        self._lock = Lock()

    def bucket(self, *of: str) -> TokenBucket:
        """The bucket of an account, region, service and operation."""
        with self._lock:
            if of not in self._buckets:
                # Below one token a bucket would give nothing, however long one waits.
                size = max(1.0, BUCKET_SIZE * self._share)
                self._buckets[of] = TokenBucket(size, REFILL_PER_SECOND * self._share, self._clock, self._sleep)
            return self._buckets[of]
