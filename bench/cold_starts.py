"""1,000 environments that start cold within seconds, simulated: `python -m bench.cold_starts [SCENARIO]…`.

Prints `name value unit` lines, then all of them as one JSON object.

Against EC2's documented token buckets (100, refill 20 a second, each API for itself) and a stand-in S3. Exit code 1 if
a target is missed. See ``bench.simulated_aws`` for what is simulated, and docs/decisions/0008 for the rule behind it.
"""

import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final

from bench.simulated_aws import REGION, Request, SimulatedAws, World
from enricher.batch import Answer
from enricher.ec2 import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS, WhenAsked
from enricher.handler import Environment
from enricher.inventory_documents import tables_of
from enricher.published import Facts, Place, publish
from enricher.settings import Settings
from workbench.envelopes import event, message_record

ACCOUNT: Final = "123456789012"
LAKE: Final = "lake"
POINTER: Final = f"s3://{LAKE}/inventory/pointer.json"
LOG_FORMAT: Final = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${instance-id} ${flow-direction}"
)
START: Final = 1_794_996_000.0  # 2026-11-18 10:00:00 UTC: when the environments start
INSTANCES: Final = 50  # whose flows the environments are given: many environments share a stream
COLD_SECONDS: Final = 5.0  # within which they all do
MINUTE: Final = 60
TIMEOUT: Final = 300.0  # the function's
MOST_SECONDS: Final = 30
MOST_CALLS_A_MINUTE: Final = 120


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated: how many environments for how many minutes, a batch each a minute.

    ``inventory``: ``none`` configured, ``missing`` (configured and not there yet) or ``there``, scanned half a minute
    before the start. ``is_known``: flows between what it knows, before it was taken; else every batch brings peers of
    its own that nobody has seen, in flows later than the inventory.
    """

    environments: int
    minutes: int
    inventory: str
    is_known: bool
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    requests: list[Request]
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    records: int = 0
    failed: int = 0

    def ec2(self) -> list[Request]:
        """The attempts that reached EC2."""
        return [request for request in self.requests if request.service == "ec2"]

    def busiest_minute(self, *, granted: bool = False) -> tuple[int, str]:
        """The most attempts (or only those that were ``granted``) on one API in any 60 seconds, and which API."""
        found = (0, "none")
        for operation in sorted({request.operation for request in self.ec2()}):
            times = [
                r.at for r in self.ec2() if r.operation == operation and (r.status == HTTPStatus.OK or not granted)
            ]
            first = 0
            for last, moment in enumerate(times):
                while moment - times[first] >= MINUTE:
                    first += 1
                found = max(found, (last - first + 1, operation))
        return found

    def calls_in(self, minute: int) -> int:
        """Attempts on the busiest API in a minute after the start."""
        counts = Counter(r.operation for r in self.ec2() if minute <= (r.at - START) / MINUTE < minute + 1)
        return max(counts.values(), default=0)


def interface(number: int) -> dict[str, Any]:
    """An interface with an instance behind it, as the AWS CLI prints it."""
    address = f"10.0.{number // 250}.{1 + number % 250}"
    return {
        "NetworkInterfaceId": f"eni-{number:017x}",
        "OwnerId": ACCOUNT,
        "VpcId": "vpc-0a",
        "SubnetId": "subnet-0a",
        "AvailabilityZone": f"{REGION}a",
        "AvailabilityZoneId": "euw1-az1",
        "InterfaceType": "interface",
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Attachment": {
            "InstanceId": f"i-{number:017x}", "DeviceIndex": 0, "AttachTime": "2026-01-01T00:00:00+00:00"
        },
    }  # fmt: skip


def documents(count: int) -> dict[str, Any]:
    """An estate of this many instances in one subnet."""
    network = {"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/8"}
    instances = [{"InstanceId": f"i-{n:017x}", "Tags": [{"Key": "project", "Value": f"p-{n}"}]} for n in range(count)]
    zone = {"SubnetId": "subnet-0a", "AvailabilityZone": f"{REGION}a", "AvailabilityZoneId": "euw1-az1"}
    return {
        "network-interfaces": {"NetworkInterfaces": [interface(n) for n in range(count)]},
        "instances": {"Reservations": [{"Instances": [instance]} for instance in instances]},
        "vpcs": {"Vpcs": [network]},
        "subnets": {"Subnets": [network | zone]},
        "vpc-peering-connections": {"VpcPeeringConnections": []},
        "transit-gateway-attachments": {"TransitGatewayAttachments": []},
    }


def simulate(scenario: Scenario, aws: SimulatedAws | None = None) -> Outcome:
    """Run it; the same scenario gives the same outcome but for the draws of botocore's own back-off."""
    chance = Random(20261118)
    aws = SimulatedAws(World(START - MINUTE)) if aws is None else aws
    estate = documents(INSTANCES)
    aws.front.own(estate, ACCOUNT, REGION)
    s3 = aws.client("s3", connect=1, read=3, attempts=2)
    s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": REGION})
    if scenario.inventory == "there":
        scanned_at = START - MINUTE / 2
        tables = tables_of(estate, observed_at=scanned_at, part=f"{ACCOUNT}/{REGION}")
        publish(s3, Place.of(POINTER), lambda _: tables, Facts((LOG_FORMAT,), {}))
    environ = {"LAKE_BUCKET": LAKE, **scenario.variables}
    environ |= {"LOG_FORMAT": LOG_FORMAT} if scenario.inventory != "there" else {}
    environ |= {"INVENTORY_URI": POINTER} if scenario.inventory != "none" else {}
    settings = Settings.from_environ(environ)
    aws.world.now = START
    aws.requests.clear()
    outcome = Outcome(aws.requests)
    for number in range(scenario.environments):
        clients = {
            "s3": s3,
            "ec2": WhenAsked(lambda: aws.client("ec2", connect=CONNECT_SECONDS, read=READ_SECONDS, attempts=ATTEMPTS)),
        }
        environment = Environment(settings, aws.world.clock, clients, random=Random(chance.random()).random)
        begins = START + chance.random() * COLD_SECONDS
        for minute in range(scenario.minutes):
            begun = begins + minute * MINUTE
            aws.world.at(begun, _batch(aws.world, environment, _event(scenario, number, minute, begun), outcome))
    aws.world.run()
    return outcome


def _batch(world: World, environment: Environment, event: Mapping[str, Any], outcome: Outcome) -> Callable[[], None]:
    """One invocation; an environment's next one comes long after it must have ended."""

    def run() -> None:
        began = world.now
        answer = environment.handle(event, TIMEOUT)
        outcome.seconds.append(world.now - began)
        _count(outcome, answer)

    return run


def _count(outcome: Outcome, answer: Answer) -> None:
    results = [record["result"] for record in answer.response["records"]]
    outcome.records += len(results)
    outcome.failed += len(results) - results.count("Dropped")
    outcome.statuses.update({n[4:]: int(v) for n, v in answer.counts.items() if n.startswith("Dst_")})


def _event(scenario: Scenario, number: int, minute: int, now: float) -> dict[str, Any]:
    """A batch of flows of one instance: to a known one, or to three that only this batch knows."""
    own, start = interface(number % INSTANCES), int(now) - 2 * MINUTE if scenario.is_known else int(now) - 70
    peers = [interface((number + 1) % INSTANCES)["PrivateIpAddress"]]
    if not scenario.is_known:
        place = number * scenario.minutes + minute
        peers = [
            f"10.{1 + place // 60_000}.{place // 250 % 250}.{1 + place % 250}",
            f"10.{101 + place // 60_000}.{place // 250 % 250}.{1 + place % 250}",
            f"198.51.{place // 250 % 250}.{1 + place % 250}",
        ]
    lines = [flow(own, peer, start) for peer in peers]
    return delivery(lines, f"{number}-{minute}", now)


def flow(own: Mapping[str, Any], peer: str, start: int) -> str:
    """An egress flow line of an instance, a minute long."""
    return (
        f"5 {ACCOUNT} {own['NetworkInterfaceId']} {own['PrivateIpAddress']} {peer} 49152 443 6 12 840 "
        f"{start} {start + 60} ACCEPT OK vpc-0a {own['Attachment']['InstanceId']} egress"
    )


def delivery(lines: Sequence[str], name: str, now: float) -> dict[str, Any]:
    """The event of a batch that arrived 5 s before ``now``; another name is another batch."""
    stream = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/flow-logs"
    records = [message_record(line) for line in lines]
    return event(records, stream, REGION, name, first_arrival_ms=round(now * 1000) - 5000)


SCENARIOS: Final = {
    "known": Scenario(1_000, 2, "there", is_known=True),
    "unknown": Scenario(1_000, 2, "there", is_known=False),
    "not_yet": Scenario(1_000, 1, "missing", is_known=False),
    "ec2_only": Scenario(1_000, 2, "none", is_known=False),
}


def main(names: Sequence[str]) -> int:
    """Simulate, print, judge; ``names`` of SCENARIOS, none: all."""
    figures: dict[str, tuple[float, str]] = {}
    missed = []
    for name in names or SCENARIOS:
        scenario = SCENARIOS[name]
        outcome = simulate(scenario)
        attempts, api = outcome.busiest_minute()
        figures[f"{name}_ec2_calls"] = (len(outcome.ec2()), f"attempts in {scenario.minutes} min")
        figures[f"{name}_busiest_minute"] = (attempts, f"attempts on {api} in 60 s")
        figures[f"{name}_granted"] = (outcome.busiest_minute(granted=True)[0], "answered calls on one API in 60 s")
        figures[f"{name}_last_minute"] = (outcome.calls_in(scenario.minutes - 1), "attempts on one API")
        figures[f"{name}_throttled"] = (
            sum(r.status == HTTPStatus.SERVICE_UNAVAILABLE for r in outcome.ec2()),
            "attempts",
        )
        figures[f"{name}_longest"] = (max(outcome.seconds), "s an invocation")
        figures[f"{name}_median"] = (statistics.median(outcome.seconds), "s an invocation")
        figures[f"{name}_failed_records"] = (outcome.failed, f"of {outcome.records}")
        for status, count in sorted(outcome.statuses.items()):
            figures[f"{name}_dst_{status}"] = (count, "sides")
        most = {"known": 0, "not_yet": 0, "unknown": MOST_CALLS_A_MINUTE}.get(name)
        missed += [f"{name}_busiest_minute"] if most is not None and attempts > most else []
        missed += [f"{name}_longest"] if max(outcome.seconds) >= MOST_SECONDS else []
        missed += [f"{name}_failed_records"] if outcome.failed else []
        for figure, (value, unit) in figures.items():
            if figure.startswith(f"{name}_"):
                print(f"{figure} {value:.3f} {unit}{'  MISSED' if figure in missed else ''}", flush=True)
    print(json.dumps({name: value for name, (value, _) in figures.items()}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
