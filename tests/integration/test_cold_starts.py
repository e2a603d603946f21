"""Many environments that start cold together, simulated: EC2 is spared, nobody waits long, nothing is lost.

A small run of what `python -m bench.cold_starts` does with 1,000 environments.
"""

from contextlib import suppress
from http import HTTPStatus

import pytest

from bench.cold_starts import Outcome, Scenario, simulate
from bench.simulated_aws import SimulatedAws, World
from cache import Budget, CircuitBreaker
from enricher.ec2 import Ec2Reader

pytestmark = pytest.mark.slow  # minutes of simulated time, request by request

FEW = 24
# All together as often as 1,000 environments with the defaults, each one as often as it would among 100.
SHARED = {"EC2_ENVIRONMENTS": "24", "EC2_CALLS_PER_MINUTE": "6"}


def well(outcome: Outcome, records: int) -> bool:
    """Whether every record landed and every invocation ended in time."""
    return (outcome.records, outcome.failed) == (records, 0) and max(outcome.seconds) < 30


def test_cold_starts_with_an_inventory_ask_ec2_nothing():
    """Everybody is named from the snapshot."""
    outcome = simulate(Scenario(FEW, 2, "there", is_known=True))

    assert outcome.ec2() == []
    assert outcome.statuses == {"resolved": 2 * FEW}
    assert well(outcome, 2 * FEW)
    assert max(outcome.seconds) < 2


def test_addresses_that_nobody_knows_are_asked_for_by_share():
    """All want to ask in every batch; together they ask about as often as they may, and the rest says so."""
    outcome = simulate(Scenario(FEW, 4, "there", is_known=False, variables=SHARED))

    most, operation = outcome.busiest_minute()
    assert 1 <= most <= 12
    assert operation == "DescribeNetworkInterfaces"
    assert outcome.statuses["unresolved"] > outcome.statuses["absent"]
    assert outcome.statuses.keys() <= {"subnet", "unresolved", "absent"}
    assert well(outcome, 3 * 4 * FEW)


def test_without_its_share_every_environment_would_ask():
    """What the rule is for: the same with one environment declared is several calls a batch."""
    outcome = simulate(Scenario(FEW, 1, "there", is_known=False, variables={"EC2_ENVIRONMENTS": "1"}))

    assert outcome.busiest_minute()[0] >= FEW


def test_until_the_first_snapshot_exists_nobody_scans():
    """Configured and not there yet: unresolved, no call."""
    outcome = simulate(Scenario(FEW, 1, "missing", is_known=False))

    assert outcome.ec2() == []
    assert outcome.statuses == {"unresolved": 3 * FEW}
    assert well(outcome, 3 * FEW)


@pytest.mark.parametrize("environments", [FEW, 90])
def test_without_an_inventory_the_bucket_is_the_bound(environments):
    """Within it everybody learns; beyond it some sides stay unresolved, and no record fails."""
    outcome = simulate(Scenario(environments, 1, "none", is_known=False))

    throttled = sum(request.status == HTTPStatus.SERVICE_UNAVAILABLE for request in outcome.ec2())
    assert (throttled > 0) is (environments > FEW)
    assert outcome.busiest_minute(granted=True)[0] <= 100 + 60 * 20
    assert ("unresolved" in outcome.statuses) is (environments > FEW)
    assert well(outcome, 3 * environments)


def test_the_same_scenario_gives_the_same_outcome():
    """One invocation runs at a time, in the order of the simulated clock."""
    scenario = Scenario(8, 2, "none", is_known=False)
    told = [[(r.at, r.operation, r.status) for r in simulate(scenario).requests] for _ in range(2)]

    assert told[0] == told[1]
    assert told[0] == sorted(told[0], key=lambda each: each[0])


def test_the_simulated_bucket_is_the_documented_one():
    """Full: 100 at once, then 20 a second, each API for itself; botocore's own retries draw on it too."""
    aws = SimulatedAws(World(1_000.0), latency=0)
    client = aws.client("ec2", connect=1, read=3, attempts=1)
    answered = {}
    for moment in (0, 1, 3):
        aws.world.now = 1_000.0 + moment
        answered[moment] = 0
        for _ in range(150):
            with suppress(client.exceptions.ClientError):
                client.describe_subnets(MaxResults=5)
                answered[moment] += 1
    assert {request.status for request in aws.requests} == {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
    client.describe_vpcs(MaxResults=5)

    assert answered == {0: 100, 1: 20, 3: 40}


def test_waiting_between_attempts_takes_simulated_time_only():
    """Two attempts and botocore's back-off of up to a second, for each of the three calls that open the breaker."""
    aws = SimulatedAws(World(1_000.0), latency=0.5)
    aws.hangs.add("DescribeSubnets")
    ended = []

    def run() -> None:
        client = aws.client("ec2", connect=1, read=3, attempts=2)
        reader = Ec2Reader(client, clock=aws.world.clock, breaker=CircuitBreaker(3, 60))
        ended.append(reader.networks(budget=Budget(20, 1e9)).subnets)

    aws.world.at(1_000.0, run)
    aws.world.run()

    assert ended == [None]
    assert [request.operation for request in aws.requests].count("DescribeSubnets") == 2
    # Two attempts of 3 s that hang, less than a second between them; three calls of half a second.
    assert 1_007.5 <= aws.world.now < 1_008.5


def test_what_fails_in_an_invocation_fails_the_simulation():
    """No error is lost in a thread."""
    world = World(0.0)
    world.at(1.0, lambda: [int("no number")])

    with pytest.raises(ValueError, match="no number"):
        world.run()
