"""The only caller of IPAM: what a scope holds now, in bulk, and who had one address when.

IPAM looks at its organisation every few minutes by itself, so what it says is late; but it says it of all accounts.
GetIpamResourceCidrs takes one resource by its id, and AWS names no filter by address for it: a single *address* is
asked of GetIpamAddressHistory alone, which only the Advanced tier answers.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetIpamResourceCidrs.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetIpamAddressHistory.html
"""

from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from enricher.ipam_documents import IPAM_DOCUMENT
from enricher.paging import Document, Read, Reader, Target

RESOURCE_TYPES: Final = ("eni", "subnet", "eip", "vpc")
_METHOD: Final = "get_ipam_resource_cidrs"
_HISTORY: Final = "get_ipam_address_history"


def reads_of(scope_id: str) -> tuple[Read, ...]:
    """All there is to read of a scope: each is essential, for a subnet that is missing would be no subnet at all."""
    return tuple(
        Read(
            IPAM_DOCUMENT,
            "ec2",
            _METHOD,
            "IpamResourceCidrs",
            ("ResourceId", "ResourceCidr"),
            arguments={"IpamScopeId": scope_id, "ResourceType": resource_type},
        )
        for resource_type in RESOURCE_TYPES
    )


@dataclass(frozen=True, slots=True)
class AddressRecord:
    """Who had an address from when to when, as far as IPAM's samples tell (Unix seconds; None: not told, or not over).

    ``resource_type`` is IPAM's: ``eip``, ``vpc``, ``subnet``, ``network-interface`` or ``instance``. An instance's
    address has a record for the instance and one for its interface.
    """

    resource_type: str
    resource_id: str
    account_id: str | None
    region: str | None
    vpc_id: str | None
    name: str | None
    sampled_from: float | None
    sampled_until: float | None


@dataclass(frozen=True, slots=True)
class IpamReader:
    """Single questions to IPAM, each a value or a ReadError.

    Args:
        reader: of pages.
        target: the account that has the IPAM, in its home region.
        scope_id: the scope that the addresses are of.
    """

    reader: Reader
    target: Target
    scope_id: str

    def resource(self, resource_id: str, deadline: float) -> tuple[Document, ...]:
        """All CIDRs of one resource, as ``IpamResourceCidrs`` of the CLI; none: IPAM does not know it."""
        (read, *_) = reads_of(self.scope_id)
        arguments = {"IpamScopeId": self.scope_id, "ResourceId": resource_id}
        asked = Read(read.document, read.service, read.method, read.answer, read.identifier, arguments=arguments)
        return tuple(self.reader.read(asked, self.target, deadline, Event()))

    def history(
        self, cidr: str, deadline: float, *, start: float, end: float, vpc_id: str | None = None
    ) -> tuple[AddressRecord, ...]:
        """Who had the CIDR (``10.0.1.5/32``; exactly this one) between ``start`` and ``end``, Unix seconds.

        Raises:
            ReadError: IPAM did not answer; in the free tier it never does.
        """
        arguments: dict[str, Any] = {"IpamScopeId": self.scope_id, "Cidr": cidr, "StartTime": start, "EndTime": end}
        if vpc_id is not None:
            arguments["VpcId"] = vpc_id
        identifier = ("ResourceType", "ResourceId", "VpcId", "SampledStartTime")
        read = Read("ipam-address-history", "ec2", _HISTORY, "HistoryRecords", identifier, arguments=arguments)
        return tuple(_record(told) for told in self.reader.read(read, self.target, deadline, Event()))


def _record(told: Document) -> AddressRecord:
    return AddressRecord(
        resource_type=told["ResourceType"],
        resource_id=told["ResourceId"],
        account_id=told.get("ResourceOwnerId"),
        region=told.get("ResourceRegion"),
        vpc_id=told.get("VpcId"),
        name=told.get("ResourceName"),
        sampled_from=_seconds(told.get("SampledStartTime")),
        sampled_until=_seconds(told.get("SampledEndTime")),
    )


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())
