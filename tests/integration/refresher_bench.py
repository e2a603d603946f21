"""What the refresher's tests share: a small estate of several accounts, a lake, and a run over HTTP."""

from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

import pyarrow as pa
from botocore.config import Config

from enricher.inventory import InventoryTables
from enricher.published import Place, Published, read
from enricher.refresh import Refresh, Refresher
from enricher.refresher_settings import RefresherSettings, Role
from workbench.cloud import LocalCloud

REGION = "eu-west-1"
HOME, SHOP, BANK = "123456789012", "222222222222", "333333333333"
EXTERNAL_ID = "vpcflow-7"
POINTER = "s3://lake/inventory/pointer.json"
STREAM = f"arn:aws:firehose:{REGION}:{HOME}:deliverystream/flow-logs"
NOW = 1_794_996_000.0  # 2026-11-18 10:00:00 UTC
PLENTY = 300.0


class Clock:
    """Stands still unless a test moves it; sleeping moves it too."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


def role(account: str) -> str:
    """The ARN of an account's role for the refresher."""
    return f"arn:aws:iam::{account}:role/reader"


def interface(account: str, number: int, address: str, **members: Any) -> dict[str, Any]:
    """What EC2 tells of an interface of an instance."""
    return {
        "NetworkInterfaceId": f"eni-{account[0]}{number:016x}",
        "OwnerId": account,
        "VpcId": f"vpc-{account[0]}",
        "SubnetId": f"subnet-{account[0]}",
        "AvailabilityZone": f"{REGION}a",
        "AvailabilityZoneId": "euw1-az1",
        "InterfaceType": "interface",
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Attachment": {
            "InstanceId": f"i-{account[0]}{number:016x}",
            "AttachTime": "2026-11-01T00:00:00+00:00",
            "DeviceIndex": 0,
        },
    } | members


def estate(account: str, *interfaces: dict[str, Any]) -> dict[str, Any]:
    """What an account owns: these interfaces in one subnet."""
    number = account[0]
    return {
        "network-interfaces": {"NetworkInterfaces": list(interfaces)},
        "subnets": {
            "Subnets": [
                {
                    "SubnetId": f"subnet-{number}",
                    "VpcId": f"vpc-{number}",
                    "CidrBlock": f"10.{number}.0.0/24",
                    "AvailabilityZone": f"{REGION}a",
                    "AvailabilityZoneId": "euw1-az1",
                }
            ]
        },
        "vpcs": {"Vpcs": [{"VpcId": f"vpc-{number}", "CidrBlock": f"10.{number}.0.0/16"}]},
    }


def make_lake(cloud: LocalCloud) -> None:
    """The bucket and the catalog that the template makes."""
    cloud.client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "flows"})
    storage = {
        "Columns": [{"Name": "version", "Type": "int"}],
        "Location": "s3://lake/flow_logs/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    }
    keys = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
    table = {"Name": "flow_logs", "StorageDescriptor": storage, "PartitionKeys": keys}
    glue.create_table(DatabaseName="flows", TableInput=table)


class Cloud(LocalCloud):
    """The stand-in cloud that remembers clients: making one takes longer than most of the tests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._made: dict[tuple[object, ...], Any] = {}

    def client(self, service: str, region: str | None = None, **options: Any) -> Any:
        """A client; the same for everybody who asks with our own account's credentials and no options."""
        if options:
            return super().client(service, region, **options)
        key = (service, region or self.region)
        if key not in self._made:
            self._made[key] = super().client(service, region)
        return self._made[key]

    def begin(self) -> None:
        """Forget what a test left: objects, catalog, faults, calls."""
        request = Request(f"{self.endpoint}/moto-api/reset", method="POST")  # noqa: S310 - our own loopback address
        urlopen(request).close()  # noqa: S310 - same
        self.clear_faults()
        self.reset_calls()


@dataclass
class Bench:
    """A refresher in the first account, its clock, and the cloud around it."""

    cloud: LocalCloud
    accounts: tuple[str, ...] = ()
    attempts: int = 1
    clock: Clock = field(default_factory=Clock)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told = RefresherSettings(
            POINTER,
            "flows",
            **{
                "stream_arn": STREAM,
                "roles": tuple(Role(role(account), account) for account in self.accounts),
                "external_id": EXTERNAL_ID if self.accounts else "",
            }
            | self.settings,
        )
        self.refresher = Refresher(told, HOME, REGION, self.client, self.clock, self.clock.sleep)

    def client(self, service: str, region: str, **credentials: str) -> Any:
        """A client of the cloud, as the Lambda makes one of AWS."""
        if not credentials and self.attempts == 1:
            return self.cloud.client(service, region)
        config = Config(retries={"mode": "standard", "total_max_attempts": self.attempts})
        return self.cloud.client(service, region, config=config, **credentials)

    def run(self, after: float = 0) -> Refresh:
        """One run, ``after`` seconds later."""
        self.clock.now += after
        return self.refresher.run(PLENTY)

    def published(self) -> Published:
        """What readers find now."""
        found = read(self.cloud.client("s3"), Place.of(POINTER))
        return found.value  # type: ignore[union-attr]  # a test fails here where nothing is there


def owned(tables: InventoryTables) -> set[tuple[str, str, str, bool]]:
    """(part, address, interface, still open) of all owners."""
    rows = tables.addresses["row"]
    interfaces = tables.interfaces.take(rows)
    columns = (interfaces["part"], tables.addresses["address"], interfaces["interface_id"], tables.addresses["is_open"])
    return set(zip(*(column.to_pylist() for column in columns), strict=True))


def spans(tables: InventoryTables, address: str) -> list[tuple[int, int]]:
    """From when to when each owner of an address is proven."""
    mine = tables.addresses.filter(pa.compute.equal(tables.addresses["address"], address))
    return list(zip(mine["valid_from"].to_pylist(), mine["seen_until"].to_pylist(), strict=True))


def parts(told: Any) -> dict[str, Any]:
    """Parts by name."""
    return {part.name: part for part in told}
