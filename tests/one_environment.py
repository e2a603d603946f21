"""One environment of the function against the stand-in cloud: what the tests of the handler share."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow.parquet as pq

from enricher.batch import Answer
from enricher.handler import Environment
from enricher.inventory_documents import tables_of
from enricher.settings import Settings
from enricher.snapshot import to_snapshot
from workbench.cloud import LocalCloud
from workbench.envelopes import event, message_record

REGION = "eu-west-1"
ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"
LAKE, INVENTORY = "lake", "inventory"
SNAPSHOT_KEY = "snapshots/latest.parquet"
LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${instance-id} ${flow-direction}"
)
FLOWS_START, FLOWS_END = 1_794_996_000, 1_794_996_060  # 2026-11-18 10:00:00 and 10:01:00 UTC
OBSERVED = FLOWS_END + 60
NOW = float(FLOWS_END + 240)
PLENTY = 300.0  # seconds left


class Cloud(LocalCloud):
    """The stand-in cloud with one client a service: making a client takes longer than most of the tests."""

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.client("s3")

    @cached_property
    def ec2(self) -> Any:
        """The EC2 client."""
        return self.client("ec2")


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """A running cloud with the lake and a bucket for the snapshot."""
    with Cloud(ESTATE, region=REGION) as running:
        for bucket in (LAKE, INVENTORY):
            location = {"LocationConstraint": REGION}
            running.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        yield running


def emptied(cloud: Cloud) -> Cloud:
    """The same without objects, faults and calls, and with the estate of two."""
    cloud.clear_faults()
    for bucket in (LAKE, INVENTORY):
        for entry in cloud.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            cloud.s3.delete_object(Bucket=bucket, Key=entry["Key"])
    cloud.replace_inventory(ESTATE)
    cloud.reset_calls()
    return cloud


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


def interface(number: int, address: str, **members: Any) -> dict[str, Any]:
    """What the AWS CLI prints of an interface with an instance behind it."""
    return {
        "NetworkInterfaceId": f"eni-{number:017x}",
        "OwnerId": "111122223333",
        "VpcId": "vpc-0a",
        "SubnetId": "subnet-0a",
        "AvailabilityZone": "eu-west-1a",
        "AvailabilityZoneId": "euw1-az1",
        "InterfaceType": "interface",
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Attachment": {"InstanceId": f"i-{number:017x}", "AttachTime": "2026-01-01T00:00:00+00:00"},
    } | members


def documents(*interfaces: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """An inventory of these interfaces, their instances (each of a project of its own), and their network."""
    instances = [
        {"InstanceId": told["Attachment"]["InstanceId"], "Tags": [{"Key": "project", "Value": f"project-{number}"}]}
        for number, told in enumerate(interfaces)
    ]
    return {
        "network-interfaces": {"NetworkInterfaces": list(interfaces)},
        "instances": {"Reservations": [{"Instances": [instance]} for instance in instances]},
        "vpcs": {"Vpcs": [{"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/16"}]},
        "subnets": {
            "Subnets": [
                {
                    "SubnetId": "subnet-0a",
                    "VpcId": "vpc-0a",
                    "CidrBlock": "10.0.0.0/16",
                    "AvailabilityZone": "eu-west-1a",
                    "AvailabilityZoneId": "euw1-az1",
                }
            ]
        },
    }


CLIENT = interface(1, "10.0.1.5")
SERVER = interface(2, "10.0.2.9")
ESTATE = documents(CLIENT, SERVER)


def flow(source: dict[str, Any], dstaddr: str, srcport: int = 49152, start: int = FLOWS_START) -> str:
    """An egress flow of one of our interfaces, a minute long."""
    return (
        f"5 111122223333 {source['NetworkInterfaceId']} {source['PrivateIpAddress']} {dstaddr} {srcport} 443 6 12 840 "
        f"{start} {start + 60} ACCEPT OK vpc-0a {source['Attachment']['InstanceId']} egress"
    )


def batch(*lines: str, now: float = NOW) -> dict[str, Any]:
    """An event of these flow log lines that arrived 5 s ago."""
    records = [message_record(line) for line in lines]
    return event(records, ARN, REGION, "one", first_arrival_ms=round(now * 1000) - 5000)


@dataclass
class Bench:
    """One environment, its clock, and the cloud around it."""

    cloud: Cloud
    settings: Settings
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        clients = {"s3": self.cloud.s3, "ec2": self.cloud.ec2}
        self.warnings: list[str] = []
        self.environment = Environment(self.settings, self.clock, clients, warn=self.warnings.append)

    def handle(self, *lines: str, remaining_s: float = PLENTY) -> tuple[Answer, list[dict[str, Any]]]:
        """Process an event; the answer and its rows."""
        answer = self.environment.handle(batch(*lines), remaining_s)
        (key,) = answer.written
        body = self.cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
        return answer, pq.read_table(io.BytesIO(body)).to_pylist()

    def gets(self) -> list[Mapping[str, Any]]:
        """The requests for the snapshot so far."""
        calls = [call.params for call in self.cloud.calls if call.operation == "GetObject"]
        return [params for params in calls if params["Bucket"] == INVENTORY]


def make_bench(cloud: Cloud, *, snapshot: bool = False, **variables: str) -> Bench:
    """An environment with these variables; with ``snapshot`` it reads one."""
    environ = {"LAKE_BUCKET": LAKE, "LOG_FORMAT": LOG_FORMAT} | variables
    if snapshot:
        environ["INVENTORY_URI"] = f"s3://{INVENTORY}/{SNAPSHOT_KEY}"
    return Bench(cloud, Settings.from_environ(environ))


def put_snapshot(cloud: Cloud, told: Mapping[str, Any] = ESTATE, observed_at: float = OBSERVED) -> None:
    """Write a snapshot as the refresher does."""
    body = bytes(to_snapshot(tables_of(told, observed_at=observed_at)))
    cloud.s3.put_object(Bucket=INVENTORY, Key=SNAPSHOT_KEY, Body=body)
    cloud.reset_calls()


def side(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[Any, ...]]:
    """Status, instance, project and evidence of one side of every row."""
    columns = ("status", "instance_id", "project", "evidence")
    return [tuple(row[f"{name}_{column}"] for column in columns) for row in rows]


NAMED = ("resolved", "i-00000000000000002", "project-1")
UNASKED = ("unresolved", None, None, None)
