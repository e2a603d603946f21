"""`vpcflow doctor` in the stand-in cloud: nothing on a healthy deployment, and each planted fault with its mend."""

import io
import time
from typing import Any

import pytest
from doctored import analysis_faults, function_faults, lake_faults, stream_faults
from doctored.cloud import DeployedCloud, Policy
from doctored.names import BUCKET, DATABASE, REGION
from doctored.planting import FAULTS, Fault
from static.deployed import ACCOUNT, STACK

from workbench.cloud import LocalCloud
from workbench.doctor.ask import Asker
from workbench.doctor.report import Report
from workbench.doctor.stack import Named
from workbench.doctor_command import Asked, examine

PLANTED = (stream_faults, function_faults, lake_faults, analysis_faults)
NAMES = Named(STACK, f"s3://{BUCKET}", DATABASE, STACK)


class Remembering(Asker):
    """Asks the cloud only services that answer otherwise than on the healthy deployment; others are remembered."""

    def __init__(self, client: Any, answers: dict[str, Any], services: frozenset[str]) -> None:
        super().__init__(client, time.monotonic)
        self.answers, self.services = answers, services

    def call(self, service: str, operation: str, *, region: str | None = None, **parameters: Any) -> Any:
        """As the cloud answers, or as it did."""
        key = f"{service} {operation} {region} {parameters}"
        if service in self.services or key not in self.answers:
            try:
                answer: Any = super().call(service, operation, region=region, **parameters)
            except Exception as error:  # noqa: BLE001 - a refusal is an answer, too
                answer = error
            if "Body" in answer if isinstance(answer, dict) else False:
                answer = {**answer, "Body": answer["Body"].read()}
            if service in self.services:
                return _given(answer)
            self.answers[key] = answer
        return _given(self.answers[key])


def _given(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return {**answer, "Body": io.BytesIO(answer["Body"])} if "Body" in answer else answer


@pytest.fixture(scope="module")
def deployed():
    """The deployment, which each test leaves healthy."""
    policy = Policy()
    with LocalCloud(region=REGION, around=policy.around) as cloud:
        yield DeployedCloud(cloud, policy)


@pytest.fixture(scope="module")
def answers(deployed):
    """What the healthy deployment's services answer."""
    found: dict[str, Any] = {}
    asker = Remembering(deployed.client, found, frozenset())
    assert examine(asker, Asked(REGION, STACK), deployed.now)[0].findings == ()
    return found


def look(deployed: DeployedCloud, asked: Asked | None = None) -> Report:
    """What the doctor says."""
    asker = Asker(deployed.client, time.monotonic)
    return examine(asker, asked or Asked(REGION, STACK), deployed.now)[0]


def test_healthy_deployment_has_no_finding(deployed):
    """Neither by its stack's name, nor by names alone, but for what these do not tell; and only reads were asked."""
    deployed.cloud.reset_calls()
    report = look(deployed)
    assert report.findings == ()
    assert (report.target.stream, report.target.bucket, report.target.database) == (STACK, BUCKET, DATABASE)
    by_name = look(deployed, Asked(REGION, named=NAMES))
    assert [(finding.id, finding.severity.value) for finding in by_name.findings] == [("not-named", "note")]
    assert by_name.is_healthy
    reads = ("Describe", "Get", "List", "Head", "Simulate")
    assert [call for call in deployed.cloud.calls if not call.operation.startswith(reads)] == []
    assert report.target.account == ACCOUNT


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_planted_fault_is_found_alone_with_its_mend(deployed, answers, fault: Fault):
    """One fault, one finding: with its severity, what, why, and a mend that names the thing."""
    with fault.plant(deployed):
        asker = Remembering(deployed.client, dict(answers), fault.services)
        findings = examine(asker, Asked(REGION, STACK), deployed.now)[0].findings
    assert [(finding.id, finding.severity.value) for finding in findings] == [(fault.id, fault.severity)]
    (finding,) = findings
    assert fault.mends in finding.mend
    assert finding.what
    assert finding.why.endswith((".", "?"))
    assert finding.resource
    assert finding.mend.count("`") % 2 == 0


def test_every_planted_fault_was_undone(deployed):
    """The deployment is healthy again, so that no fault hid another."""
    assert look(deployed).findings == ()
