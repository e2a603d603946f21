"""The service's parts, run over HTTP as their shells run them; each tells whether it told that all went well."""

import itertools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from compaction.catalog import GlueCatalog
from compaction.enrich_files import Summary
from compaction.figures import NAMESPACE, metric_data
from compaction.hour import HourWriter
from compaction.known import Told
from compaction.objects import S3Objects
from compaction.replay import BatchWriter
from compaction.second_look import second_look
from compaction.settings import SweepSettings
from compaction.source_objects import SourceObjects
from compaction.sweep import Compactor
from deployment.bundle import Bundle
from deployment.deadline import Deadline
from deployment.request import Properties
from deployment.steps import deploy
from enricher.handler import Environment
from enricher.partitions import Partitions
from enricher.refresh import Refresher
from enricher.refresher_settings import RefresherSettings, Role
from enricher.settings import Settings
from reliability.oracle.clients import Clients
from reliability.oracle.producer import ACCOUNT, EXTERNAL_ID, IPAM_SCOPE, MEMBER, MEMBER_ROLE, REGION, STREAM_ARN
from reliability.oracle.writer import ArrowWriter
from workbench.lake_options import load_known, open_lake
from workbench.replay_run import Replay, Replayed, look

BUCKET: Final = "lake"
DATABASE: Final = "flows"
WORK_GROUP: Final = "desk"
POINTER: Final = f"s3://{BUCKET}/inventory/pointer.json"
FAILED: Final = f"s3://{BUCKET}/processing-failed/"
HOUR_S: Final = 3600
PLENTY_S: Final = 300.0
_RUNS: Final = itertools.count(1)
Function = Callable[[dict[str, Any]], Mapping[str, Any]]


@dataclass
class Clock:
    """Stands still, but for who sleeps."""

    now: float

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


class _Sts(NamedTuple):
    """STS of a cloud that lives in the machine's time, for who lives ``ahead`` seconds later: sessions end later."""

    client: Any
    ahead: float

    def assume_role(self, **arguments: Any) -> dict[str, Any]:
        """Raises what the client raises."""
        answer = self.client.assume_role(**arguments)
        told = answer["Credentials"]
        return {"Credentials": told | {"Expiration": told["Expiration"] + timedelta(seconds=self.ahead)}}


@dataclass
class Service:
    """All parts, for one stack in the stand-in cloud; each run is a cold start. ``clients``: of the cloud."""

    clients: Clients
    writer: HourWriter | None = None
    uri: Callable[[str], str] = str
    said: list[str] = field(default_factory=list)

    def refresh(self, now: float) -> bool:
        """One run of the refresher; a part that could not be scanned is no failure of the run."""
        clock = Clock(now)
        roles = (Role(MEMBER_ROLE, MEMBER),)
        settings = RefresherSettings(
            POINTER, DATABASE, STREAM_ARN, roles=roles, external_id=EXTERNAL_ID, ipam_scopes=(IPAM_SCOPE,)
        )

        def client(service: str, region: str, **credentials: str) -> Any:
            made = self._client(service, region, credentials)
            return _Sts(made, now - time.time()) if service == "sts" else made

        run = Refresher(settings, ACCOUNT, REGION, client, clock, clock.sleep).run(PLENTY_S)
        self.said += run.failures
        return not run.failures

    def function(self, now: float) -> Function:
        """A cold environment of the transformation function; it raises what fails."""
        environ = {"LAKE_BUCKET": BUCKET, "INVENTORY_URI": POINTER, "EC2_ENVIRONMENTS": "1"}
        clients = {service: self.clients(service) for service in ("s3", "ec2")}
        environment = Environment(Settings.from_environ(environ), Clock(now), clients)
        return lambda event: environment.handle(event, PLENTY_S).response

    def replay(self) -> bool:
        """`vpcflow replay` of the error prefix, with clients that are handed in."""
        try:
            self._replay()
        except Exception as error:  # noqa: BLE001 - the command's exit code, whatever it is
            self.said.append(f"{type(error).__name__}: {error}")
            return False
        return True

    def compact(self, now: float) -> bool:
        """One run of the compaction job."""
        try:
            return self._compact(now)
        except Exception as error:  # noqa: BLE001 - the job's exit code, whatever it is
            self.said.append(f"{type(error).__name__}: {error}")
            return False

    def deploy(self, bundle: Bundle, now: float) -> bool:
        """One request to the deployment function."""
        properties = Properties(BUCKET, DATABASE, WORK_GROUP, "flows-refresh", "1")
        clock = Clock(now)
        try:
            deploy(properties, bundle, self.clients, Deadline(now + PLENTY_S, clock, clock.sleep))
        except Exception as error:  # noqa: BLE001 - its handler answers FAILED, whatever it is
            self.said.append(f"{type(error).__name__}: {error}")
            return False
        return True

    def _client(self, service: str, region: str, credentials: Mapping[str, str]) -> Any:
        if region != REGION:
            raise ValueError(f"client of {service} in {region}: the bench has one region")
        return self.clients.assumed(service, credentials) if credentials else self.clients(service)

    def _replay(self) -> None:
        source = SourceObjects([FAILED], partial(self.clients, "s3"))
        names = source.names()
        lake = open_lake(f"s3://{BUCKET}", self.clients)
        known = load_known(POINTER, Told(), None, self.clients)
        survey = look(source, names, None)
        if known.formats is None:
            raise ValueError("no log format is known")
        writer = BatchWriter(known.formats, known.source, known.rules, lake)
        run = Replay(source, writer, lake, None, Partitions(self.clients("glue"), DATABASE))
        for _ in run.run([name for name in names if name not in survey.damaged], Replayed(Summary())):
            pass

    def _compact(self, now: float) -> bool:
        s3 = self.clients("s3")
        known = second_look(s3, POINTER, Told())
        report = Compactor(
            objects=S3Objects(s3, BUCKET),
            catalog=GlueCatalog(self.clients("glue"), DATABASE, BUCKET, lambda _: None),
            writer=self.writer or ArrowWriter(s3, BUCKET),
            clock=lambda: now,
            uri=self.uri,
            run=f"run-{os.getpid()}-{next(_RUNS)}",
            snapshot=known.snapshot,
            settings=SweepSettings(24 * HOUR_S, 48 * HOUR_S),
        ).sweep()
        self.clients("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=metric_data(report, "flows"))
        self.said += report.failures
        return not report.failures
