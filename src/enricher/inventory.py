"""The inventory: which interface owned which address when, in which network; made once, then only looked up.

An inventory is a value. ``observed_at`` (Unix seconds) is when it was true; None for what the AWS CLI printed, which
carries no date: that holds for every flow unless an attachment time says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import Address, Ranges, merged
from enricher.networks import Networks
from enricher.schema import BIGINT, LOCATION, RESOURCE, STRING, TAGS

FOREVER: Final = 2**62
ALWAYS: Final = -(2**62)

INTERFACE_SCHEMA: Final = pa.schema(
    [
        *((name, STRING) for name in (*LOCATION, *RESOURCE)),
        ("tags", TAGS),  # of the resource behind it over its own
        ("interface_tags", TAGS),  # its own alone
        ("attached_at", BIGINT),
        ("own_addresses", pa.list_(pa.string())),
        ("part", STRING),  # Part.name; null for CLI files
        ("may_move", pa.bool_()),  # what it is attached to may change while it lives
        ("seen_from", BIGINT),  # this version's first sight, Unix seconds; null: undated
        ("seen_until", BIGINT),  # its last one
    ]
)
ADDRESS_SCHEMA: Final = pa.schema(
    [
        ("address", STRING),  # canonical text, or a CIDR where an interface owns a prefix
        ("vpc_id", STRING),  # null for a public address
        ("row", pa.int64()),  # index into the interfaces
        ("valid_from", BIGINT),
        ("seen_until", BIGINT),
        ("is_open", pa.bool_()),
    ]
)
INSTANCE_SCHEMA: Final = pa.schema([("instance_id", STRING), ("tags", TAGS), ("part", STRING), ("seen_until", BIGINT)])
IPAM_PART: Final = "ipam/"  # begins the names of the parts that IPAM tells of


class Owner(NamedTuple):
    """An interface owned an address: proven for ``valid_from`` ≤ start and end ≤ ``seen_until`` (Unix seconds).

    ``is_open``: still the owner when last seen, so flows later than ``seen_until`` may be named by continuation.
    """

    row: int
    vpc_id: str | None
    valid_from: int
    seen_until: int
    is_open: bool

    def overlaps(self, first: int, last: int) -> bool:
        """Whether the ownership, continuation included, touches [first, last]."""
        return self.valid_from <= last and (self.is_open or first <= self.seen_until)


@dataclass(frozen=True, slots=True)
class Part:
    """What one scan covers, ``111122223333/eu-central-1`` or ``ipam/<scope id>``, and its last *good* scan.

    Unix seconds: ``begun_at`` and ``ended_at`` None where there never was a good scan; ``failed_at`` and ``error``
    tell of the latest scan where that failed, None where it was good.
    """

    name: str
    begun_at: float | None
    ended_at: float | None
    failed_at: float | None = None
    error: str | None = None


def is_ipam(part: str | None) -> bool:
    """Whether IPAM tells of the part, which knows no instances and is late."""
    return part is not None and part.startswith(IPAM_PART)


@dataclass(frozen=True, slots=True)
class InventoryTables:
    """An inventory as it is built and stored: INTERFACE_SCHEMA, ADDRESS_SCHEMA, INSTANCE_SCHEMA, networks, date, parts.

    An interface has a row for each thing it was attached to, later rows are later in time. Addresses are sorted.
    """

    interfaces: pa.Table
    addresses: pa.Table
    instances: pa.Table
    networks: Networks
    observed_at: float | None
    parts: tuple[Part, ...] = ()


class Inventory:
    """Look-ups over one inventory. ``endpoints`` has one row an interface: location, resource, promoted tags, tags."""

    def __init__(self, tables: InventoryTables, promoted: Mapping[str, tuple[str, ...]]) -> None:
        """Index the tables; ``promoted`` maps a column to the tag keys that fill it, the first present wins."""
        self.networks = tables.networks
        self.observed_at = tables.observed_at
        interfaces = tables.interfaces.combine_chunks()
        self.endpoints = endpoint_table(interfaces, promoted)
        self._interface_tags = interfaces["interface_tags"]
        self.attached_at = interfaces["attached_at"].to_pylist()
        self.own_addresses = interfaces["own_addresses"].to_pylist()
        self.interface_ids = interfaces["interface_id"].to_pylist()
        self.rows = {name: row for row, name in enumerate(self.interface_ids)}
        self.instance_rows: dict[str, list[int]] = {}
        self._instances = interfaces["instance_id"].to_pylist()
        for row, instance_id in enumerate(self._instances):
            if instance_id is not None:
                self.instance_rows.setdefault(instance_id, []).append(row)
        self._instance_tags = tables.instances["tags"]
        self._instance_tag_rows = {name: row for row, name in enumerate(tables.instances["instance_id"].to_pylist())}
        self._private: dict[str, list[Owner]] = {}
        self._public: dict[str, list[Owner]] = {}
        # One interface may have given a prefix up and another taken it: all its owners stand behind one range.
        prefixes: dict[str, dict[str, list[Owner]]] = {}
        for address, vpc_id, row, valid_from, seen_until, is_open in zip(
            *(tables.addresses[name].to_pylist() for name in ADDRESS_SCHEMA.names), strict=True
        ):
            owner = Owner(
                row,
                vpc_id,
                ALWAYS if valid_from is None else valid_from,
                FOREVER if seen_until is None else seen_until,
                is_open,
            )
            if vpc_id is None:
                self._public.setdefault(address, []).append(owner)
            elif "/" in address:
                prefixes.setdefault(vpc_id, {}).setdefault(address, []).append(owner)
            else:
                self._private.setdefault(address, []).append(owner)
        self._prefixes = {vpc_id: Ranges(list(owned.items())) for vpc_id, owned in prefixes.items()}
        self._any_prefix = merged(cidr for owned in prefixes.values() for cidr in owned)

    def instance_since(self, row: int) -> int | None:
        """When (Unix seconds) the interface was attached to its instance; None without instance or time."""
        return self.attached_at[row] if self._instances[row] is not None else None

    def instance_tags(self, instance_id: str | None) -> dict[str, str]:
        """The instance's own tags, whatever interface it has; none where it is not known."""
        row = self._instance_tag_rows.get(instance_id or "")
        return {} if row is None else dict(self._instance_tags[row].as_py() or ())

    def interface_tags(self, row: int) -> dict[str, str]:
        """The interface's own tags, without those of the resource behind it."""
        return dict(self._interface_tags[row].as_py() or ())

    def owners(self, address: Address) -> list[Owner]:
        """Who owned the private (or IPv6) address, in any VPC, ever as far as this inventory goes."""
        found = self._private.get(address.text, [])
        if not self._prefixes or self._any_prefix.find(address) is None:
            return found
        held = (ranges.find(address) for ranges in self._prefixes.values())
        return [*found, *(owner for owners in held for owner in owners or ())]

    def public_owners(self, address: Address) -> list[Owner]:
        """Who the public IPv4 address was associated with."""
        return self._public.get(address.text, [])


def endpoint_table(interfaces: pa.Table, promoted: Mapping[str, tuple[str, ...]]) -> pa.Table:
    """Location, resource, the promoted tags flat, and tags: the columns an endpoint lends to its side of a flow."""
    columns = {name: interfaces[name] for name in (*LOCATION, *RESOURCE)}
    tags = interfaces["tags"]
    for column, keys in promoted.items():
        columns[column] = promoted_values(tags, keys)
    columns["tags"] = tags
    return pa.table(columns)


def promoted_values(tags: Any, keys: tuple[str, ...]) -> Any:
    """For each row of a map column the value of the first of ``keys`` that is present, else null."""
    tags = tags.combine_chunks() if isinstance(tags, pa.ChunkedArray) else tags
    rows = pa.array(range(len(tags)), pa.int64())
    parents = pc.list_parent_indices(pa.ListArray.from_arrays(tags.offsets, tags.keys))
    found = pa.nulls(len(tags), STRING)
    for key in keys:
        here = pc.equal(tags.keys, key)
        found = pc.coalesce(found, tags.items.filter(here).take(pc.index_in(rows, value_set=parents.filter(here))))
    return found
