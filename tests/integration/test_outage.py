"""A day in which EC2 and S3 answer no read: rows land and say how far they can be believed; then all is well again."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import pytest

from bench.cold_starts import ACCOUNT, LAKE, LOG_FORMAT, POINTER, delivery, documents, flow, interface
from bench.simulated_aws import REGION, SimulatedAws, World
from enricher.batch import Answer
from enricher.handler import Environment
from enricher.history import merge
from enricher.inventory_documents import tables_of
from enricher.published import Place, publish
from enricher.settings import Settings
from workbench.cloud import ANY_OPERATION, Refuse

START = 1_794_996_000.0
HOUR = 3600
DAY = 24 * HOUR
MOMENTS = (0, 300, 600, *range(1800, DAY + HOUR, 1800))  # of the batches, seconds since the start
PART = f"{ACCOUNT}/{REGION}"
KNOWN, RECORDER = interface(1), interface(0)
STRANGER = "10.9.9.9"


@dataclass
class Estate:
    """The simulated cloud, a refresher that can be told to run, and what every environment answered."""

    aws: SimulatedAws
    s3: Any
    answers: list[tuple[str, float, float, Answer]] = field(default_factory=list)

    def refresh(self, scanned_at: float) -> None:
        """Publish a scan of that moment."""
        scan = tables_of(documents(2), observed_at=scanned_at, ended_at=scanned_at, part=PART)
        publish(self.s3, Place.of(POINTER), lambda before: merge(before, [scan], [], scanned_at, 4 * HOUR, 180))

    def environment(self) -> Environment:
        """A new one, its clients as the function makes them."""
        variables = {"LAKE_BUCKET": LAKE, "LOG_FORMAT": LOG_FORMAT, "INVENTORY_URI": POINTER, "EC2_ENVIRONMENTS": "1"}
        clients = {"s3": self.s3, "ec2": self.aws.client("ec2", connect=1, read=3, attempts=2)}
        return Environment(Settings.from_environ(variables), self.aws.world.clock, clients)

    def batch(self, name: str, environment: Environment) -> Callable[[], None]:
        """An invocation: a flow to somebody known, one to a stranger in the VPC, one to the internet."""

        def run() -> None:
            began = self.aws.world.now
            lines = [flow(RECORDER, peer, int(began) - 120) for peer in
                     (KNOWN["PrivateIpAddress"], STRANGER, "203.0.113.9")]  # fmt: skip
            answer = environment.handle(delivery(lines, f"{name}-{began}", began), 300)
            self.answers.append((name, began - START, self.aws.world.now - began, answer))

        return run

    def of(self, name: str) -> Iterator[tuple[float, Answer]]:
        """What one environment answered: seconds since the start, and the answer."""
        return ((at, answer) for who, at, _, answer in self.answers if who == name)

    def rows(self, answer: Answer) -> dict[str, tuple[str, str | None]]:
        """Peer → status and instance, as they lie in the lake."""
        (key,) = answer.written
        body = self.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
        return {
            row["dstaddr"]: (row["dst_status"], row["dst_instance_id"])
            for row in pq.read_table(io.BytesIO(body)).to_pylist()
        }


@pytest.fixture(params=["refused", "hanging"])
def outage(request):
    """The estate after a day: from the first minute on no read was answered, and then they were again."""
    world = World(START)
    aws = SimulatedAws(world)
    s3 = aws.client("s3", connect=1, read=3, attempts=2)
    s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.front.own(documents(2), ACCOUNT, REGION)
    estate = Estate(aws, s3)
    estate.refresh(START - 1)
    world.now = START

    def fail() -> None:
        if request.param == "hanging":
            aws.hangs |= {"GetObject", "DescribeNetworkInterfaces", "DescribeInstances", "DescribeSubnets"}
        else:
            aws.front.faults.plant("s3", "GetObject", Refuse("InternalError"), None)
            aws.front.faults.plant("ec2", ANY_OPERATION, Refuse("InternalError"), None)

    def recover() -> None:
        aws.hangs.clear()
        aws.front.faults.clear()
        estate.refresh(world.now - 1)

    warm, cold = estate.environment(), estate.environment()
    world.at(START + 30, fail)
    world.at(START + DAY + 30, recover)
    world.at(START + DAY + 1790, lambda: estate.refresh(world.now - 1))
    for at in MOMENTS:
        world.at(START + at, estate.batch("warm", warm))
        if at >= 6 * HOUR:
            world.at(START + at + 60, estate.batch("cold", cold))
    world.run()
    return estate


def test_a_day_without_reads_costs_no_record_and_ends_by_itself(outage):
    """Warm: stale and named. Born during the outage: unresolved. Both are told of, and recover without a restart."""
    assert len(outage.answers) == 52 + 38
    assert {record["result"] for *_, answer in outage.answers for record in answer.response["records"]} == {"Dropped"}
    assert {answer.counts["Rows"] for *_, answer in outage.answers} == {3}
    assert {answer.counts["ObjectsFound"] for *_, answer in outage.answers} == {0}
    assert max(seconds for _, _, seconds, _ in outage.answers) < 30

    during = [(at, answer) for at, answer in outage.of("warm") if 0 < at <= DAY]
    for at, answer in during:
        is_old = at + 1 > 900
        named = (f"i-{1:017x}", "stale" if is_old else "resolved")
        rows = outage.rows(answer)
        assert rows[KNOWN["PrivateIpAddress"]] == named[::-1]
        assert rows[STRANGER] == (("stale" if is_old else "subnet"), None)
        # The alarm's figures grow on, though nothing can be read.
        assert answer.counts["InventoryAgeSeconds"] == at + 1
        assert answer.counts["InventoryPartsStale"] == int(is_old)
        assert answer.counts["InventoryLoadFailures"] == 1
        assert answer.counts["InventoryMissing"] == 0
    assert len(during) == 50

    born = [(at, answer) for at, answer in outage.of("cold") if at <= DAY]
    for _, answer in born:
        assert {status for status, _ in outage.rows(answer).values()} == {"unresolved"}
        assert (answer.counts["InventoryMissing"], answer.counts["InventoryLoadFailures"]) == (1, 1)
        assert answer.counts["Ec2Calls"] == 0
    assert len(born) == 36

    for name, batches in (("warm", 1), ("cold", 2)):
        after = [answer for at, answer in outage.of(name) if at > DAY + 30]
        assert len(after) == batches
        for answer in after:
            rows = outage.rows(answer)
            assert rows[KNOWN["PrivateIpAddress"]] == ("resolved", f"i-{1:017x}")
            assert rows[STRANGER] == ("subnet", None)
            assert (answer.counts["InventoryMissing"], answer.counts["InventoryPartsStale"]) == (0, 0)
