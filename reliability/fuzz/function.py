"""The transformation function as the fuzzer runs it: its own environment, log and metrics; S3 in memory."""

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics

from enricher.batch import Answer
from enricher.handler import Environment, emit
from enricher.inventory_documents import tables_of
from enricher.settings import Settings
from enricher.snapshot import to_snapshot
from reliability.memory_s3 import MemoryS3

LAKE: Final = "lake"
INVENTORY: Final = "inventory"
STREAM: Final = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"
REGION: Final = "eu-west-1"
NOW: Final = 1_794_996_900.0  # 2026-11-18 10:15:00 UTC
PLENTY_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Told:
    """What an invocation left behind: its answer, objects by key, metrics summed by name, log lines."""

    answer: Answer
    objects: dict[str, bytes]
    metrics: dict[str, float]
    log: list[str]


class Function:
    """One environment, set up once.

    Args:
        log_format: as LOG_FORMAT holds it.
        mode: OUTPUT_MODE.
        documents: of the inventory; None: a small estate.
    """

    def __init__(self, log_format: str, mode: str, documents: dict[str, Any] | None = None) -> None:
        self.s3 = MemoryS3()
        body = bytes(to_snapshot(tables_of(documents or estate("payments", "search"), observed_at=NOW - 60)))
        self.s3.put_object(Bucket=INVENTORY, Key="snapshot.parquet", Body=body)
        settings = Settings.from_environ(
            {
                "LAKE_BUCKET": LAKE,
                "LOG_FORMAT": log_format,
                "OUTPUT_MODE": mode,
                "INVENTORY_URI": f"s3://{INVENTORY}/snapshot.parquet",
                "EC2_LOOKUPS": "off",
                "RECORD_TAGS": "instance-tag=project;instance-tag-2=x",
            }
        )
        self._environment = Environment(settings, lambda: NOW, {"s3": self.s3})
        self._stream = io.StringIO()
        # Loggers of one service share a handler, and it the stream of the first.
        self._logger = Logger(service=f"fuzz-{id(self)}", stream=self._stream)
        self._metrics = Metrics(namespace="Fuzz", service="fuzz")

    def invoke(self, event: Any, remaining_s: float = PLENTY_S) -> Told:
        """Process the event as the Lambda's entry does; raises what it raises."""
        self._stream.seek(0)
        self._stream.truncate()
        answer = self._environment.handle(event, remaining_s)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            emit(answer, self._logger, self._metrics)
        return Told(answer, self.s3.take(LAKE), _metrics(printed.getvalue()), self._stream.getvalue().splitlines())


def estate(one: str, other: str) -> dict[str, Any]:
    """Two instances in one subnet, of these projects."""
    zone = {"AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"}
    place = {"VpcId": "vpc-0a", "SubnetId": "subnet-0a", "OwnerId": "111122223333", **zone}
    interfaces = [
        {
            "NetworkInterfaceId": f"eni-{number:017x}",
            "PrivateIpAddress": f"10.0.{number}.5",
            "PrivateIpAddresses": [{"PrivateIpAddress": f"10.0.{number}.5", "Primary": True}],
            "Attachment": {"InstanceId": f"i-{number:017x}", "AttachTime": "2026-01-01T00:00:00+00:00"},
            **place,
        }
        for number in (1, 2)
    ]
    instances = [
        {"InstanceId": f"i-{number:017x}", "Tags": [{"Key": "project", "Value": project}]}
        for number, project in ((1, one), (2, other))
    ]
    return {
        "network-interfaces": {"NetworkInterfaces": interfaces},
        "instances": {"Reservations": [{"Instances": [instance]} for instance in instances]},
        "vpcs": {"Vpcs": [{"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/16"}]},
        "subnets": {"Subnets": [{**place, "CidrBlock": "10.0.0.0/16"}]},
    }


def _metrics(printed: str) -> dict[str, float]:
    """Sums by name of what stands in embedded metric format, one document a line."""
    sums: dict[str, float] = {}
    for line in printed.splitlines():
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for name in (metric["Name"] for metric in directive["Metrics"]):
                values = document[name] if isinstance(document[name], list) else [document[name]]
                sums[name] = sums.get(name, 0) + sum(values)
    return sums
