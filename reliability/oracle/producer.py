"""Flows that can be told apart, of an estate whose owners are known: what was sent, and what is true of it.

A flow's number is its source port and makes its bytes; so a row that differs from what was sent in any column of AWS's
is found out, and so is one that names somebody else than the true owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from enricher.schema import AWS_COLUMNS

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
MEMBER: Final = "222222222222"  # another account, with a machine of its own in a subnet that is shared with it
MEMBER_ROLE: Final = f"arn:aws:iam::{MEMBER}:role/reader"
EXTERNAL_ID: Final = "vpcflow-7"
IPAM_SCOPE: Final = "ipam-scope-0123456789abcde01"
_UNREACHED: Final = "333333333333"  # an account of which IPAM alone tells
STREAM_NAME: Final = "flow-logs"
STREAM_ARN: Final = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{STREAM_NAME}"
VPC: Final = "vpc-0a"
LOG_FORMAT: Final = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${instance-id} ${flow-direction}"
)
FIRST_PORT: Final = 20_000
SIDE_COLUMNS: Final = ("account_id", "interface_id", "instance_id", "vpc_id", "az_id", "project")


@dataclass(frozen=True, slots=True)
class Machine:
    """An instance with one interface."""

    number: int
    address: str
    zone: str
    project: str
    account: str = ACCOUNT

    @property
    def interface_id(self) -> str:
        """Of its one interface."""
        return f"eni-{self.number:017x}"

    @property
    def instance_id(self) -> str:
        """Its own."""
        return f"i-{self.number:017x}"

    @property
    def truth(self) -> dict[str, str]:
        """SIDE_COLUMNS, as they are in truth."""
        return {
            "account_id": self.account,
            "interface_id": self.interface_id,
            "instance_id": self.instance_id,
            "vpc_id": VPC,
            "az_id": f"use1-az{1 + ord(self.zone) - ord('a')}",
            "project": self.project,
        }


FRONT: Final = Machine(1, "10.0.1.5", "a", "shop")
BACK: Final = Machine(2, "10.0.2.9", "b", "bank")
NEW: Final = Machine(3, "10.0.1.77", "a", "news")  # came after the first scan
SHARED: Final = Machine(4, "10.0.2.44", "b", "card", MEMBER)


@dataclass(frozen=True, slots=True)
class Flow:
    """An egress flow of a minute, recorded by its source."""

    number: int
    source: Machine
    target: Machine
    start: int

    @property
    def columns(self) -> dict[str, Any]:
        """All of AWS's columns, as the lake must hold them."""
        told: dict[str, Any] = dict.fromkeys(column.name for column in AWS_COLUMNS)
        return told | dict(zip(_NAMES, self._values(), strict=True))

    @property
    def line(self) -> str:
        """As AWS writes it, in LOG_FORMAT."""
        return " ".join(map(str, self._values()))

    @property
    def truth(self) -> dict[str, Any]:
        """What an enrichment may say of it; anything else is wrong, but for null."""
        sides = {"src": self.source.truth, "dst": self.target.truth}
        named = {f"{side}_{name}": sides[side][name] for side in sides for name in SIDE_COLUMNS}
        same = self.source.zone == self.target.zone
        return named | {"traffic_class": "same_az" if same else "cross_az", "reporter": "src"}

    def _values(self) -> tuple[Any, ...]:
        source, target = self.source, self.target
        sent = 1_000 * self.number + 7
        who = 5, ACCOUNT, source.interface_id, source.address, target.address
        what = FIRST_PORT + self.number, 443, 6, self.number + 1, sent, self.start, self.start + 60
        return (*who, *what, "ACCEPT", "OK", VPC, source.instance_id, "egress")


_VPCS: Final = {"Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]}
_ZONES: Final = {"a": "10.0.1.0/24", "b": "10.0.2.0/24"}
_NAMES: Final = tuple(name.strip("${}").replace("-", "_") for name in LOG_FORMAT.split())


def documents(machines: Mapping[Machine, float]) -> dict[str, Mapping[str, Any]]:
    """What EC2 tells of machines and when each was attached (Unix seconds), and of the flow log into the stream.

    The account has an organisation's IPAM, which tells of an account that no role reaches.
    """
    return {
        "network-interfaces": {"NetworkInterfaces": [_interface(machine, at) for machine, at in machines.items()]},
        "instances": {"Reservations": [{"Instances": [_instance(machine)]} for machine in machines]},
        "vpcs": _VPCS,
        "subnets": {"Subnets": [_subnet(zone) | {"CidrBlock": block} for zone, block in _ZONES.items()]},
        "ipam-resource-cidrs": {"IpamResourceCidrs": _ipam_rows()},
        "flow-logs": {
            "FlowLogs": [
                {
                    "FlowLogId": "fl-1",
                    "LogDestination": STREAM_ARN,
                    "LogDestinationType": "kinesis-data-firehose",
                    "LogFormat": LOG_FORMAT,
                    "FlowLogStatus": "ACTIVE",
                }
            ]
        },
    }


def member_documents(machines: Mapping[Machine, float]) -> dict[str, Mapping[str, Any]]:
    """What EC2 tells the other account of its machines, and of the subnet that is shared with it."""
    return {
        "network-interfaces": {"NetworkInterfaces": [_interface(machine, at) for machine, at in machines.items()]},
        "instances": {"Reservations": [{"Instances": [_instance(machine)]} for machine in machines]},
        "vpcs": _VPCS,
        "subnets": {"Subnets": [_subnet("b") | {"CidrBlock": _ZONES["b"]}]},
    }


def _ipam_rows() -> list[dict[str, Any]]:
    """A VPC, a subnet, an interface and an Elastic IP, a kind of IPAM's each."""
    place = {"VpcId": "vpc-0c", "AvailabilityZoneId": "use1-az1"}
    kinds: tuple[tuple[str, str, str, dict[str, str]], ...] = (
        ("vpc", "vpc-0c", "10.3.0.0/16", {"VpcId": "vpc-0c"}),
        ("subnet", "subnet-0c", "10.3.1.0/24", place),
        ("eni", f"eni-{99:017x}", "10.3.1.9/32", place),
        ("eip", "eipalloc-0c", "203.0.113.9/32", {}),
    )
    scope = {"IpamScopeId": IPAM_SCOPE, "ResourceRegion": REGION, "ResourceOwnerId": _UNREACHED}
    return [
        {**scope, "ResourceType": kind, "ResourceId": name, "ResourceCidr": block, **where}
        for kind, name, block, where in kinds
    ]


def _instance(machine: Machine) -> dict[str, Any]:
    return {"InstanceId": machine.instance_id, "Tags": [{"Key": "project", "Value": machine.project}]}


def _subnet(zone: str) -> dict[str, Any]:
    return {
        "SubnetId": f"subnet-{zone}",
        "VpcId": VPC,
        "AvailabilityZone": f"{REGION}{zone}",
        "AvailabilityZoneId": f"use1-az{1 + ord(zone) - ord('a')}",
    }


def _interface(machine: Machine, at: float) -> dict[str, Any]:
    since = datetime.fromtimestamp(at, UTC).isoformat()
    return _subnet(machine.zone) | {
        "NetworkInterfaceId": machine.interface_id,
        "OwnerId": machine.account,
        "InterfaceType": "interface",
        "PrivateIpAddress": machine.address,
        "PrivateIpAddresses": [{"PrivateIpAddress": machine.address, "Primary": True}],
        "TagSet": [{"Key": "project", "Value": machine.project}],
        "Attachment": {"InstanceId": machine.instance_id, "AttachTime": since, "DeviceIndex": 0},
    }
