"""``ipam-address-history.json`` (GetIpamAddressHistory) becomes a source that the same attribution asks.

IPAM samples. A record's SampledStartTime is a moment at which the resource had the CIDR. Its SampledEndTime is the
sample that no longer saw it, so the end may be up to one sampling period earlier: that much is not claimed. A record
without an end was current when IPAM was asked, and the file does not say when: it is proven for its start alone, and
named for later by continuation. Amazon EC2 API reference, "IpamAddressHistoryRecord".
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from enricher.addresses import Address
from enricher.explain import Explainer
from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, Inventory, InventoryTables
from enricher.networks import Networks
from enricher.sources import Source
from workbench.errors import UsageError

FILE: Final = "ipam-address-history.json"
EVIDENCE: Final = "ipam_history"
# Longest time, in seconds, between two of IPAM's samples; AWS gives no figure (docs/unverified.md).
SAMPLING_S: Final = 1_200
_MEND: Final = "write it with `aws ec2 get-ipam-address-history --cidr <address>/32 … --output json`"
_TEXTS: Final = ("ResourceOwnerId", "ResourceRegion", "ResourceType", "ResourceId", "ResourceCidr", "VpcId")


@dataclass(frozen=True, slots=True)
class Sampled:
    """One record: a resource had the address from one sample (Unix seconds) to before another (None: no end told)."""

    resource_type: str
    resource_id: str
    owner_id: str | None
    region: str | None
    vpc_id: str | None
    first: float
    ended: float | None

    def as_json(self) -> dict[str, Any]:
        """The record under our own names."""
        return {
            "resource_type": self.resource_type,
            "resource_id": self.resource_id,
            "account_id": self.owner_id,
            "region": self.region,
            "vpc_id": self.vpc_id,
            "sampled_start": self.first,
            "sampled_end": self.ended,
        }


def read_history(directory: Path, address: Address) -> list[Sampled] | None:
    """The records of this very address, oldest first; None where the directory has no history of anything.

    Raises:
        UsageError: the file is not what ``aws ec2 get-ipam-address-history`` prints.
    """
    file = directory / FILE
    if not file.is_file():
        return None
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"--inventory {file}: {error.strerror}; {_MEND}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--inventory {file}: is no JSON ({error}); {_MEND}") from error
    records = document.get("HistoryRecords") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise UsageError(f'--inventory {file}: has no list "HistoryRecords"; {_MEND}')
    if document.get("NextToken"):
        raise UsageError(f"--inventory {file}: is only a part of the answer (NextToken); {_MEND}, without paging")
    told = [_record(record, file, position) for position, record in enumerate(records)]
    found = (sampled for cidr, sampled in told if _is_host(cidr, address))
    return sorted(found, key=lambda each: (each.first, each.resource_type, each.resource_id))


def history_source(
    sampled: Sequence[Sampled], explained: Explainer, networks: Networks, promoted: Mapping[str, tuple[str, ...]]
) -> tuple[InventoryTables, Source]:
    """What the network interfaces among the records prove of the address, in the networks that the inventory knows."""
    interfaces = [each for each in sampled if each.resource_type == "network-interface"]
    rows, owned = [], []
    for row, each in enumerate(interfaces):
        valid_from = math.ceil(each.first)
        # Seen by one sample only: nothing but that moment is known.
        seen_until = valid_from if each.ended is None else max(math.floor(each.ended) - SAMPLING_S, valid_from)
        rows.append(_interface_row(each, sampled))
        owned.append(
            {
                "address": explained.address.text,
                "vpc_id": None if explained.is_public else each.vpc_id,
                "row": row,
                "valid_from": valid_from,
                "seen_until": seen_until,
                "is_open": each.ended is None,
            }
        )
    tables = InventoryTables(
        pa.Table.from_pylist(rows, INTERFACE_SCHEMA),
        pa.Table.from_pylist(owned, ADDRESS_SCHEMA),
        pa.Table.from_pylist([], INSTANCE_SCHEMA),
        networks,
        None,
    )
    # A record without an end says that it holds still, not until when it was last seen.
    return tables, Source(Inventory(tables, promoted), EVIDENCE, continued_share=None)


def _interface_row(each: Sampled, sampled: Sequence[Sampled]) -> dict[str, Any]:
    """The interface; and the instance that had the address for all of the same time, if exactly one had."""
    instances = {
        other.resource_id
        for other in sampled
        if other.resource_type == "instance"
        and (other.vpc_id, other.owner_id) == (each.vpc_id, each.owner_id)
        and other.first <= each.first
        and (other.ended is None or (each.ended is not None and each.ended <= other.ended))
    }
    instance_id = instances.pop() if len(instances) == 1 else None
    return {
        "account_id": each.owner_id,
        "region": each.region,
        "vpc_id": each.vpc_id,
        "interface_id": each.resource_id,
        "instance_id": instance_id,
        "resource_type": "network_interface" if instance_id is None else "instance",
        "resource_id": each.resource_id if instance_id is None else instance_id,
        "tags": [],
        "interface_tags": [],
        "attached_at": None,
        "own_addresses": [],
        "may_move": True,
        "seen_from": None,
        "seen_until": None,
        "part": None,
    }


def _record(record: object, file: Path, position: int) -> tuple[str, Sampled]:
    """A record's CIDR, and the record."""
    where = f'--inventory {file}: entry {position} of "HistoryRecords"'
    if not isinstance(record, dict):
        raise UsageError(f"{where} is no object; {_MEND}")
    for name in _TEXTS:
        if not isinstance(record.get(name), str | None):
            raise UsageError(f"{where} has no text for {name}; {_MEND}")
    for name in ("ResourceType", "ResourceId", "ResourceCidr", "SampledStartTime"):
        if not record.get(name):
            raise UsageError(f"{where} has no {name}; {_MEND}")
    first, ended = (_seconds(record.get(name), where, name) for name in ("SampledStartTime", "SampledEndTime"))
    cidr = record["ResourceCidr"]
    try:
        ip_network(cidr, strict=False)
    except ValueError as error:
        raise UsageError(f"{where} has '{cidr}' for a ResourceCidr; {_MEND}") from error
    return cidr, Sampled(
        record["ResourceType"],
        record["ResourceId"],
        record.get("ResourceOwnerId"),
        record.get("ResourceRegion"),
        record.get("VpcId"),
        first or 0.0,
        ended,
    )


def _seconds(told: object, where: str, name: str) -> float | None:
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{where} has no ISO 8601 time with an offset for {name}; {_MEND}")
    return moment.timestamp()


def _is_host(cidr: str, address: Address) -> bool:
    network = ip_network(cidr, strict=False)
    return (
        network.prefixlen == network.max_prefixlen
        and network.version == address.version
        and int(network.network_address) == address.number
    )
