"""The oracle's bench can fail: it tells services that lose, double, corrupt and give up, and clears the one we have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cache import LoadError
from compaction.hour import HourResult
from enricher.published import Place, read
from reliability.oracle import plan
from reliability.oracle.cases import Bench, Case, Outcome
from reliability.oracle.deployments import deployments
from reliability.oracle.faults import Plant, Site
from reliability.oracle.judge import Expected, Verdict, verdict
from reliability.oracle.producer import BACK, FRONT, Flow
from reliability.oracle.service import BUCKET, POINTER, Service
from reliability.oracle.world import COMPACTION, REPLAY, SECOND_COMPACTION, STREAM, World
from reliability.oracle.writer import ArrowWriter

pytestmark = pytest.mark.slow

SENT = {number: Expected(Flow(number, FRONT, BACK, 1_767_268_800), "2026-01-01/12") for number in (1, 2)}
FAULTS = (
    "stream/s3.PutObject/1/reset-after/always",
    "compaction/s3.PutObject/2/412/always",
    "compaction/s3.PutObject/2/rival/always",
)
DENIED = Case.parse("stream/s3.PutObject/1/denied/always")


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


def test_every_call_of_every_part_is_hit_and_every_operation_by_every_fault(bench):
    """No site is left out; of a long stage's reads each operation meets every kind, where it is called often enough."""
    found = plan.single(bench.sites, bench.conditional, 1)
    assert {plant.site for plant in found} == set(bench.sites)
    kinds = {
        plant.kind for plant in found if plant.site.stage == COMPACTION and plant.site.operation == "ListObjectsV2"
    }
    assert len(kinds) == 11
    assert {plant.kind for plant in found if plant.site in bench.conditional} >= {"409", "412", "timeout"}
    assert [Case.parse(str(Case((plant,)))) for plant in found] == [Case((plant,)) for plant in found]
    assert {stage for stage, number in bench.changing.items() if number} >= {STREAM, REPLAY, COMPACTION}
