"""Our share of AWS's request limits."""

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from enricher.throttling import Share, TokenBucket

FOREVER = float("inf")


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


def test_a_full_bucket_lets_its_size_pass_at_once_and_then_its_refill():
    """Three at once, then one each half second."""
    clock = Clock()
    bucket = TokenBucket(3, 2, clock, clock.sleep)
    passed = [(bucket.take(FOREVER), clock.now)[1] for _ in range(6)]
    assert passed == [1000, 1000, 1000, 1000.5, 1001, 1001.5]


def test_who_would_wait_beyond_the_deadline_is_told_so_and_takes_nothing():
    """The token stays for somebody with more time."""
    clock = Clock()
    bucket = TokenBucket(1, 1, clock, clock.sleep)
    assert bucket.take(1000)
    assert not bucket.take(1000.5)
    assert clock.now == 1000
    assert bucket.take(1001)
    assert clock.now == 1001


def test_a_bucket_never_holds_more_than_its_size():
    """An hour of rest is worth no more than a full bucket."""
    clock = Clock()
    bucket = TokenBucket(2, 1, clock, clock.sleep)
    clock.now += 3600
    assert [bucket.take(clock.now) for _ in range(3)] == [True, True, False]


def test_retries_that_botocore_made_are_paid_for_later():
    """Two retries make the next one wait for three tokens."""
    clock = Clock()
    bucket = TokenBucket(1, 1, clock, clock.sleep)
    bucket.take(FOREVER)
    bucket.debit(2)
    bucket.take(FOREVER)
    assert clock.now == 1003


def test_a_clock_that_steps_back_gives_no_tokens():
    """Nor does it take any."""
    clock = Clock()
    bucket = TokenBucket(1, 1, clock, clock.sleep)
    bucket.take(FOREVER)
    clock.now -= 500
    assert not bucket.take(clock.now + 0.5)
    assert bucket.take(clock.now + 1)


@given(
    share=st.floats(0.01, 1),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=150),
)
def test_aws_s_own_bucket_never_runs_dry_through_a_share_of_it(share, pauses):
    """Whatever the pauses between requests, a bucket of 100 that gets 20 a second refuses none of them."""
    clock = Clock()
    bucket = Share(share, clock, clock.sleep).bucket("account", "region", "ec2", "DescribeVpcs")
    level, at = 100.0, clock.now
    for pause in pauses:
        clock.now += pause
        assert bucket.take(FOREVER)
        level, at = min(100.0, level + (clock.now - at) * 20) - 1, clock.now
        assert level >= -1e-6


def test_a_quarter_of_the_limit_is_25_requests_and_5_more_a_second():
    """AWS's bucket holds 100 and gets 20 a second."""
    clock = Clock()
    bucket = Share(0.25, clock, clock.sleep).bucket("a", "r", "ec2", "x")
    for _ in range(25):
        bucket.take(FOREVER)
    assert clock.now == 1000
    for _ in range(10):
        bucket.take(FOREVER)
    assert round(clock.now, 6) == 1002


def test_each_api_account_and_region_has_its_own_bucket():
    """One that is empty keeps none of the others waiting; the same is the same."""
    clock = Clock()
    share = Share(0.01, clock, clock.sleep)
    names = [("a", "r", "ec2", "x"), ("a", "r", "ec2", "y"), ("a", "s", "ec2", "x"), ("b", "r", "ec2", "x")]
    assert all(share.bucket(*name).take(clock.now) for name in names)
    assert not any(share.bucket(*name).take(clock.now) for name in names)


def test_threads_share_a_bucket_fairly():
    """Twenty takers of ten tokens: ten pass at once, ten do not."""
    clock = Clock()
    bucket = TokenBucket(10, 1, clock, clock.sleep)
    passed: list[bool] = []
    threads = [Thread(target=lambda: passed.append(bucket.take(1000))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [False] * 10 + [True] * 10
