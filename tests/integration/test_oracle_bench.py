"""The oracle's bench can fail: it tells services that lose, double, corrupt and give up, and clears the one we have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from recorded.actions import table

from cache import LoadError
from compaction.hour import HourResult
from enricher.lake import FLOW_LOGS
from enricher.published import Place, read
from reliability.oracle import plan
from reliability.oracle.cases import Bench, Case, Outcome
from reliability.oracle.deployments import deployments
from reliability.oracle.faults import CONDITIONAL, KINDS, Plant, Site
from reliability.oracle.judge import Expected, Verdict, verdict
from reliability.oracle.producer import BACK, FRONT, MEMBER, Flow
from reliability.oracle.service import BUCKET, DATABASE, POINTER, Service
from reliability.oracle.world import (
    COMPACTION,
    FIRST_REFRESH,
    REPLAY,
    SECOND_COMPACTION,
    SECOND_REFRESH,
    STREAM,
    World,
)
from reliability.oracle.writer import ArrowWriter

pytestmark = pytest.mark.slow

SENT = {number: Expected(Flow(number, FRONT, BACK, 1_767_268_800), "2026-01-01/12") for number in (1, 2)}
FAULTS = (
    "stream/s3.PutObject/1/reset-after/always",
    "compaction/s3.PutObject/2/412/always",
    "compaction/s3.PutObject/2/rival/always",
)
DENIED = Case.parse("stream/s3.PutObject/1/denied/always")
# What the service's roles may call and no fault meets, and why.
LEFT_OUT = {
    ("athena", "GetQueryResults"): "`vpcflow query --engine athena` reads; what fails is the command's exit code",
    ("athena", "StopQueryExecution"): "said where a deployment's time is over; its answer changes nothing",
    ("ec2", "GetIpamAddressHistory"): "`vpcflow explain` reads; what fails is the command's exit code",
    ("glue", "BatchGetPartition"): "the crawler's own",
    ("glue", "CreatePartition"): "the crawler's own",
    ("glue", "GetPartitions"): "Athena's and Spark's own, and the doctor's, which only reads",
    ("s3", "DeleteObject"): "Spark's own, and of `vpcflow doctor --probe`",
    ("s3", "GetBucketLocation"): "Athena's own",
    ("s3", "HeadBucket"): "Spark's own, and of `vpcflow doctor --probe`",
    ("s3", "HeadObject"): "Spark's own, and the doctor's, which only reads",
}


def row(number, **columns: object):
    """A flow as the view should show it."""
    flow = SENT[number].flow
    return flow.columns | flow.truth | {"day": "2026-01-01", "hour": "12"} | columns


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row(1), row(2)], Verdict()),
        ([row(1)], Verdict(missing=1)),
        ([row(1), row(2), row(2)], Verdict(doubled=1)),
        ([row(1), row(2), row(2, srcport=20_009)], Verdict(spurious=1)),
        ([row(1), row(2, bytes=1)], Verdict(corrupted=1)),
        ([row(1), row(2, tcp_flags=2)], Verdict(corrupted=1)),
        ([row(1), row(2, hour="13")], Verdict(corrupted=1)),
        ([row(1), row(2, dst_project="shop")], Verdict(corrupted=1)),
        ([row(1), row(2, traffic_class="same_az")], Verdict(corrupted=1)),
        ([row(1), row(2, traffic_class="private_unknown")], Verdict(corrupted=1)),
        (
            [row(1), row(2, **dict.fromkeys(("dst_interface_id", "dst_az_id")), traffic_class="private_unknown")],
            Verdict(unnamed=1),
        ),
        ([row(1), row(2, dst_project=None, dst_interface_id=None, traffic_class="unknown")], Verdict(unnamed=1)),
    ],
)
def test_the_oracle_tells_missing_spurious_corrupted_and_doubled_rows(rows, found):
    """One deviation each, against two flows that were sent; what nobody names is not wrong."""
    assert verdict(rows, SENT, SENT) == found


@pytest.fixture(scope="module")
def bench():
    """A bench whose clean run was clean."""
    with World() as world:
        yield Bench(world)


def outcomes(bench, cases) -> list[Outcome]:
    """Cases, each with the service that runs in place of ours (None: ours), judged together."""
    ours, ran = bench.world.service, []
    for case, service in cases:
        bench.world.service = ours if service is None else service(bench.world.clients)
        ran.append(bench.run(case))
    bench.world.service = ours
    return bench.judged(ran)


class Swallowing(Service):
    """Answers that all went well, also where S3 refuses."""

    def function(self, now):
        """See Service."""
        whole = super().function(now)

        def invoke(event) -> Mapping[str, Any]:
            try:
                return whole(event)
            except Exception:  # noqa: BLE001 - that is the bug
                entries = [{"recordId": one["recordId"], "result": "Dropped", "data": ""} for one in event["records"]]
                return {"records": entries}

        return invoke


class Doubling(Service):
    """Its compaction writes what it keeps twice."""

    def compact(self, now):
        """See Service."""

        class Writer(ArrowWriter):
            def write(self, job) -> HourResult:
                """See HourWriter."""
                result = super().write(job)
                body = self.s3.get_object(Bucket=BUCKET, Key=f"{job.location}part-0.parquet")["Body"].read()
                self.s3.put_object(Bucket=BUCKET, Key=f"{job.location}part-1.parquet", Body=body)
                return result

        return replace(Service(self.clients), writer=Writer(self.clients("s3"), BUCKET)).compact(now)


class Corrupting(Service):
    """Makes one project of two."""

    def compact(self, now):
        """See Service."""

        class Writer(ArrowWriter):
            def _rows(self, place) -> list[dict[str, Any]]:
                rows = super()._rows(place)
                return [told | {"src_project": "shop"} for told in rows]

        return replace(Service(self.clients), writer=Writer(self.clients("s3"), BUCKET)).compact(now)


class Forgetful(Service):
    """Its replay says that all is well, and does nothing."""

    def replay(self):
        """See Service."""
        return True


class Unregistering(Service):
    """Its refresher takes partitions of flow_logs out of the catalog."""

    runs = 0

    def partitions(self) -> list[dict[str, Any]]:
        """Those that there are."""
        answer = self.clients("glue").get_partitions(DatabaseName=DATABASE, TableName=FLOW_LOGS)
        return [{name: told[name] for name in ("Values", "StorageDescriptor")} for told in answer["Partitions"]]

    def forget(self, partitions: list[dict[str, Any]]) -> None:
        """Take these out."""
        gone = [{"Values": told["Values"]} for told in partitions]
        self.clients("glue").batch_delete_partition(DatabaseName=DATABASE, TableName=FLOW_LOGS, PartitionsToDelete=gone)


class NeverRegistering(Unregistering):
    """Its refresher registers nothing, and says that all went well."""

    def refresh(self, now):
        """See Service."""
        before = self.partitions()
        is_well = super().refresh(now)
        self.forget([told for told in self.partitions() if told not in before])
        return is_well


class OnceRegistering(NeverRegistering):
    """Its refresher registers in its first run, whatever the clock said then, and never again."""

    def refresh(self, now):
        """See Service."""
        self.runs += 1
        return Service.refresh(self, now) if self.runs == 1 else super().refresh(now)


class HidingWhileFailing(Unregistering):
    """Its refresher's first run takes all partitions away and fails; the next one brings them back."""

    held: tuple[dict[str, Any], ...] = ()

    def refresh(self, now):
        """See Service."""
        self.runs += 1
        is_well = super().refresh(now)
        if self.runs == 1:
            self.held = tuple(self.partitions())
            self.forget(list(self.held))
            return False
        there = self.partitions()
        again = [told for told in self.held if told not in there]
        self.clients("glue").batch_create_partition(
            DatabaseName=DATABASE, TableName=FLOW_LOGS, PartitionInputList=again
        )
        return is_well


def from_stage(stage):
    """A case without a fault that begins at a stage."""
    return Case(skews=((stage, 0.0),))


def test_services_with_bugs_are_told(bench):
    """Lost rows, rows counted twice, another's project, a reject that is kept nowhere."""
    cases = (
        (DENIED, Swallowing),
        (from_stage(SECOND_COMPACTION), Doubling),
        (from_stage(SECOND_COMPACTION), Corrupting),
        (from_stage(REPLAY), Forgetful),
    )
    lost, doubled, corrupted, forgotten = outcomes(bench, cases)

    assert (lost.verdict.missing, lost.met) == (4, 1)  # the first batch but for the flow that is delivered again
    assert (doubled.verdict.doubled, doubled.verdict.missing) == (10, 0)  # all, in the end
    assert (corrupted.verdict.corrupted, corrupted.verdict.missing) == (4, 0)  # in the end: sources that are no shop
    assert any("is kept nowhere" in finding for finding in forgotten.wrong)
    assert not any(one.is_clean for one in (lost, doubled, corrupted, forgotten))


def test_rows_that_are_hidden_for_a_while_are_told(bench):
    """Never registered; not by the next run after a wrong clock either; gone while a run fails, and back with the next.

    Of the stream's seven flows three are kept raw until the replay, though readers see them: they were written, and
    nobody heard of it. Two come later.
    """
    cases = (
        (from_stage(FIRST_REFRESH), NeverRegistering),
        (Case(skews=((SECOND_REFRESH, 86_400.0),)), OnceRegistering),
        (from_stage(SECOND_REFRESH), HidingWhileFailing),
    )
    never, once, hiding = outcomes(bench, cases)

    assert (never.verdict.missing, never.when[0].partition(":")[0]) == (4, "stream, later")
    assert (once.verdict.missing, once.when[0].partition(":")[0]) == (2, "fresh, later")
    assert (hiding.verdict.missing, hiding.said_failed) == (7, 1)
    assert [when.partition(":")[0] for when in hiding.when] == ["second-refresh, at once"]


def test_a_failed_refresh_and_a_wrong_clock_hide_nothing(bench):
    """What was seen stays seen; formats are known though the scan fails twice; the next run registers the hour."""
    cases = (
        "first-refresh/ec2.DescribeVpcs/0/throttled/always+second-refresh/ec2.DescribeSubnets/0/truncated/always",
        "first-refresh/ec2.DescribeFlowLogs/0/500/always+second-refresh/glue.GetTable/0/500/always",
        f"first-refresh/ec2@{MEMBER}.DescribeInstances/0/denied/always",
        "second-refresh/sts.AssumeRole/0/truncated/always",
        "second-refresh/ec2.GetIpamResourceCidrs/3/503/always",
        "second-refresh/clock/-10800",
    )
    found = outcomes(bench, [(Case.parse(text), None) for text in cases])

    assert [one for one in found if not one.is_clean] == []
    assert [one.met for one in found] == [2, 2, 1, 1, 1, 0]
    assert found[2].verdict.unnamed == 1  # the flow to the member's machine


def test_every_operation_that_the_roles_may_call_meets_faults_or_says_why_not(bench):
    """By the table of calls against which the roles' policies are held."""
    with deployments(bench.world) as deploying:
        sites = [*bench.sites, *deploying.sites]
    called = {(site.service.partition("@")[0], site.operation) for site in sites}
    known = {(service, operation) for service, entry in table().items() for operation in entry["calls"]}

    assert known - called == LEFT_OUT.keys()
    assert called <= known


def test_a_fault_costs_nothing(bench):
    """Acted and unheard, told that another won, and another really won: rows once, and right."""
    cases = [Case.parse(text) for text in FAULTS]
    found = outcomes(bench, [(case, None) for case in cases])

    assert [one for one in found if not one.is_clean] == []
    assert [one.met for one in found] == [1, 1, 1]
    assert found[0].raw_duplicates == 4  # the second batch and its replay: three; and what was delivered again


def test_a_refusal_whose_body_stops_coming_is_a_refusal(bench):
    """Botocore reads it outside its own net: an inventory is kept nevertheless, and a deployment goes on."""
    world = bench.world
    world.begin()
    world.wire.planted = [Plant(Site("read", "s3", "GetObject", 0), "slow-body")]
    with world.wire.acting("read"), pytest.raises(LoadError, match="ReadTimeoutError"):
        read(world.clients("s3"), Place.of(POINTER))
    with deployments(world) as deploying:
        outcome = deploying.run(Plant.parse("deployment/lambda.Invoke/0/slow-body/always"))
    assert (outcome.is_clean, outcome.met, outcome.said_failed) == (True, 1, 0)


def test_every_call_of_every_part_meets_every_fault(bench):
    """No site, no index and no kind is left out; what is tried on a condition alone is planted where there is one."""
    found = plan.single(bench.sites, bench.conditional)
    always = {(plant.site, plant.kind) for plant in found if plant.extent == "always"}
    assert always >= {(site, kind) for site in bench.sites for kind in KINDS}
    assert always - {(site, kind) for site in bench.conditional for kind in CONDITIONAL} == {
        (site, kind) for site in bench.sites for kind in KINDS
    }
    assert [Case.parse(str(Case((plant,)))) for plant in found] == [Case((plant,)) for plant in found]
    assert {stage for stage, number in bench.changing.items() if number} >= {STREAM, REPLAY, COMPACTION}


def test_a_next_run_from_a_state_that_was_met_before_is_what_it_was_then(bench):
    """Faults that leave the same behind cost one next run, with the same findings."""
    cases = [Case.parse(f"compaction/glue.GetPartition/3/{kind}/always") for kind in ("denied", "500", "reset-before")]
    bench.forget()
    first = outcomes(bench, [(case, None) for case in cases])
    known = bench.again
    bench.forget()
    alone = []
    for case in cases:
        alone += outcomes(bench, [(case, None)])
        bench.forget()

    assert known == 1
    assert [one.said_failed for one in first] == [1, 1, 1]
    assert first == alone


def test_what_one_service_did_next_is_not_taken_for_anothers(bench):
    """A right one's next run of compaction, and all that follows, are known when a doubling one fails the same way."""
    case = Case.parse("second-compaction/glue.GetPartition/0/denied/always")
    right, doubling = outcomes(bench, [(case, None), (case, Doubling)])

    assert (right.verdict.doubled, right.said_failed) == (0, 1)
    assert (doubling.verdict.doubled > 0, doubling.said_failed) == (True, 1)
