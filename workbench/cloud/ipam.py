"""An organisation's IPAM, derived from what its accounts own: what it sees, how late, and what it remembers.

IPAM samples: it sees the documents as they were some time ago. https://docs.aws.amazon.com/vpc/latest/ipam/
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from enricher.errors import SettingsError

from .documents import LISTS, Documents
from .ipam_rules import is_private

IPAM_ID: Final = "ipam-0123456789abcdef0"
PRIVATE_SCOPE: Final = "ipam-scope-0123456789abcde01"
PUBLIC_SCOPE: Final = "ipam-scope-0123456789abcde02"
DISCOVERY: Final = "ipam-res-disco-0123456789abcdef0"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ipam:
    """An IPAM that sees the whole organisation.

    Attributes:
        clock: Unix seconds; a test's own, or ``time.time``.
        account_id: The account that has it and may ask it.
        region: Its home region, where it is asked.
        lag_s: It sees each account as it was this many seconds ago.
        leaves_out: Accounts that it does not see.
        tier: ``advanced`` keeps history, ``free`` does not.
    """

    clock: Callable[[], float]
    account_id: str
    region: str
    lag_s: float = 0.0
    leaves_out: frozenset[str] = frozenset()
    tier: str = "advanced"

    def __post_init__(self) -> None:
        if self.tier not in {"free", "advanced"}:
            raise SettingsError(f"IPAM tier {self.tier!r}: give 'free' or 'advanced'")


class Sample(NamedTuple):
    """From this time (Unix seconds) on the account owned these documents in the region."""

    at: float
    account_id: str
    region: str
    documents: Documents


def ipam_documents(ipam: Ipam, samples: Sequence[Sample]) -> dict[str, Any]:
    """All of IPAM's documents, as its samples have them.

    Args:
        ipam: Whose.
        samples: What it has seen by now, oldest first.
    """
    latest = {(sample.account_id, sample.region): sample for sample in samples}
    rows = [(row, sample) for sample in latest.values() for row in _rows(sample)]
    answers = {
        "ipams": [_ipam(ipam)],
        "ipam-scopes": [_scope(ipam, "private", PRIVATE_SCOPE), _scope(ipam, "public", PUBLIC_SCOPE)],
        "ipam-resource-cidrs": [_resource_cidr(row) for row, _ in rows],
        "ipam-discovered-resource-cidrs": [_discovered(row, sample) for row, sample in rows],
        "ipam-address-history": _history(samples),
    }
    return {name: {LISTS[name]: listed} for name, listed in answers.items()}


def _ipam(ipam: Ipam) -> Row:
    return {
        "OwnerId": ipam.account_id,
        "IpamId": IPAM_ID,
        "IpamArn": f"arn:aws:ec2::{ipam.account_id}:ipam/{IPAM_ID}",
        "IpamRegion": ipam.region,
        "PublicDefaultScopeId": PUBLIC_SCOPE,
        "PrivateDefaultScopeId": PRIVATE_SCOPE,
        "ScopeCount": 2,
        "State": "create-complete",
        "DefaultResourceDiscoveryId": DISCOVERY,
        "Tier": ipam.tier,
    }


def _scope(ipam: Ipam, kind: str, scope_id: str) -> Row:
    return {
        "OwnerId": ipam.account_id,
        "IpamScopeId": scope_id,
        "IpamScopeArn": f"arn:aws:ec2::{ipam.account_id}:ipam-scope/{scope_id}",
        "IpamArn": f"arn:aws:ec2::{ipam.account_id}:ipam/{IPAM_ID}",
        "IpamRegion": ipam.region,
        "IpamScopeType": kind,
        "IsDefault": True,
        "State": "create-complete",
    }


def _resource_cidr(row: Row) -> Row:
    shown = {name: value for name, value in row.items() if name not in {"SubnetId", "InstanceId", _STATUS}}
    scope = PRIVATE_SCOPE if is_private(row["ResourceCidr"]) else PUBLIC_SCOPE
    return {"IpamId": IPAM_ID, "IpamScopeId": scope, **shown, "ManagementState": "unmanaged"}


def _discovered(row: Row, sample: Sample) -> Row:
    shown = {name: value for name, value in row.items() if name not in {"ResourceName", "InstanceId"}}
    return {"IpamResourceDiscoveryId": DISCOVERY, **shown, "SampleTime": _moment(sample.at)}


_STATUS: Final = "NetworkInterfaceAttachmentStatus"


def _rows(sample: Sample) -> Iterator[Row]:
    """A row for each CIDR of each VPC, subnet, interface and Elastic IP of an account."""
    for vpc in _listed(sample, "vpcs"):
        for cidr in _blocks(vpc):
            yield _row(sample, vpc, "vpc", vpc["VpcId"], cidr)
    for subnet in _listed(sample, "subnets"):
        for cidr in _blocks(subnet):
            yield _row(sample, subnet, "subnet", subnet["SubnetId"], cidr)
    for interface in _listed(sample, "network-interfaces"):
        status = {_STATUS: "in-use" if interface.get("Attachment") else "available"}
        instance = (interface.get("Attachment") or {}).get("InstanceId")
        more = {**status, "InstanceId": instance} if instance else status
        for cidr in _addresses(interface):
            yield _row(sample, interface, "eni", interface["NetworkInterfaceId"], cidr) | more
    for address in _listed(sample, "addresses"):
        if "AllocationId" in address and "PublicIp" in address:
            yield _row(sample, address, "eip", address["AllocationId"], f"{address['PublicIp']}/32")


def _row(sample: Sample, resource: Mapping[str, Any], kind: str, resource_id: str, cidr: str) -> Row:
    tags = resource.get("TagSet", resource.get("Tags", []))
    row = {
        "ResourceRegion": sample.region,
        "ResourceOwnerId": resource.get("OwnerId", sample.account_id),
        "ResourceId": resource_id,
        "ResourceName": next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None),
        "ResourceCidr": cidr,
        "ResourceType": kind,
        "ResourceTags": list(tags),
        "VpcId": resource.get("VpcId"),
        "SubnetId": resource.get("SubnetId"),
        "AvailabilityZoneId": resource.get("AvailabilityZoneId"),
    }
    return {name: value for name, value in row.items() if value is not None}


def _listed(sample: Sample, document: str) -> Iterable[Mapping[str, Any]]:
    listed: Iterable[Mapping[str, Any]] = sample.documents.get(document, {}).get(LISTS[document], ())
    return listed


def _blocks(network: Mapping[str, Any]) -> list[str]:
    told = [network.get("CidrBlock")]
    for block in ("CidrBlock", "Ipv6CidrBlock"):
        told += [each.get(block) for each in network.get(f"{block}AssociationSet", ())]
    return list(dict.fromkeys(filter(None, told)))


def _addresses(interface: Mapping[str, Any]) -> list[str]:
    told = [interface.get("PrivateIpAddress")]
    told += [each.get("PrivateIpAddress") for each in interface.get("PrivateIpAddresses", ())]
    told += [each.get("Ipv6Address") for each in interface.get("Ipv6Addresses", ())]
    prefixes = [each["Ipv4Prefix"] for each in interface.get("Ipv4Prefixes", ())]
    prefixes += [each["Ipv6Prefix"] for each in interface.get("Ipv6Prefixes", ())]
    return [*(str(ip_network(address)) for address in dict.fromkeys(filter(None, told))), *prefixes]


_HISTORY_TYPES: Final = {"vpc": "vpc", "subnet": "subnet", "eni": "network-interface", "eip": "eip"}


def _history(samples: Sequence[Sample]) -> list[Row]:
    """Who had which CIDR from which sample to which; one that the latest sample still has does not end."""
    records: list[Row] = []
    open_records: dict[tuple[str, str], dict[tuple[str, ...], Row]] = {}
    for sample in samples:
        before = open_records.get((sample.account_id, sample.region), {})
        now = {tuple(record.values()): record for row in _rows(sample) for record in _records(row)}
        for key, record in before.items():
            if key not in now:
                record["SampledEndTime"] = _moment(sample.at)
        for key in now.keys() - before.keys():
            now[key] = {**now[key], "SampledStartTime": _moment(sample.at)}
        records += [now[key] for key in now if key not in before]
        open_records[sample.account_id, sample.region] = now | {key: before[key] for key in now.keys() & before.keys()}
    return records


def _records(row: Row) -> Iterator[Row]:
    """An address of an instance has two records, the interface's and the instance's."""
    members = ("ResourceOwnerId", "ResourceRegion", "ResourceId", "ResourceCidr", "ResourceName", "VpcId")
    record = {name: row[name] for name in members if name in row}
    yield {**record, "ResourceType": _HISTORY_TYPES[row["ResourceType"]]}
    if "InstanceId" in row:
        yield {**record, "ResourceId": row["InstanceId"], "ResourceType": "instance"}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
