"""The inventory: which interface owned which address when, in which network; made once, then only looked up.

An inventory is a value. ``observed_at`` (Unix seconds) is when it was true; None for what the AWS CLI printed, which
carries no date: that holds for every flow unless an attachment time says otherwise.
"""

from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from enricher.addresses import IPV4, IPV6, Address
from enricher.columns import numbers, plain
from enricher.layout import encoded
from enricher.networks import Networks
from enricher.schema import BIGINT, LOCATION, RESOURCE, STRING, TAGS
from enricher.unseen import Unseen

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

    def contradicts(self, other: "Owner") -> bool:
        """Whether both are proven for one second."""
        return self.valid_from <= other.seen_until and other.valid_from <= self.seen_until

    @property
    def last_sight(self) -> int:
        """The latest second in which it may have been seen: a single look lasts from its beginning to its end."""
        return max(self.valid_from, self.seen_until)


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
    """Look-ups over one inventory. ``endpoints`` has one row an interface: location, resource, promoted tags, tags.

    ``places`` are those rows, then one a subnet, where it is and nothing else, then one of nulls; text as codes.
    Whatever is asked of it costs the same in an estate of any size. Rows are those of ``InventoryTables.interfaces``.
    """

    def __init__(self, tables: InventoryTables, promoted: Mapping[str, tuple[str, ...]]) -> None:
        """Index the tables; ``promoted`` maps a column to the tag keys that fill it, the first present wins."""
        self.networks = tables.networks
        self.observed_at = tables.observed_at
        self.parts = tables.parts
        self.unscanned = frozenset(part.name for part in tables.parts if part.begun_at is None)
        self.unseen = Unseen(tables.networks, {part.name: part.begun_at for part in tables.parts})
        interfaces = {name: plain(tables.interfaces[name]) for name in INTERFACE_SCHEMA.names}
        self.endpoints = endpoint_table(interfaces, promoted)
        self.places = encoded(_places(self.endpoints, tables.networks))
        told = {name: plain(self.places[name]) for name in (*LOCATION, *RESOURCE)}
        self._told = {
            name: ([*column.dictionary.to_pylist(), None], numbers(column.indices, -1)) for name, column in told.items()
        }
        self._interface_tags = interfaces["interface_tags"]
        self._own_addresses = interfaces["own_addresses"]
        self._may_move = interfaces["may_move"]
        self._since = numbers(pc.coalesce(interfaces["attached_at"], interfaces["seen_from"]), ALWAYS)
        self._until = numbers(interfaces["seen_until"], FOREVER)
        parts = interfaces["part"].dictionary_encode()
        self.part_names: list[str] = parts.dictionary.to_pylist()
        self.part_codes = numbers(parts.indices, -1)  # of each row into part_names; -1 for a CLI file's
        self.interface_ids = interfaces["interface_id"].to_pylist()
        self.instance_ids = interfaces["instance_id"].to_pylist()
        is_late = self._is_late()
        self.rows, self._versions = _versions(self.interface_ids, is_late)
        self._instance_rows = _Chains(self.instance_ids)
        self._instance_tags = plain(tables.instances["tags"])
        instance_ids = tables.instances["instance_id"].to_pylist()
        self._instance_tag_rows = dict(zip(instance_ids, range(len(instance_ids)), strict=True))
        self._owners = _Owners(self._without_doubles(tables.addresses, is_late))
        # What attribution has found out of this inventory, by what its word was worth: see ``Source.remembered``.
        self.remembered: dict[Hashable, dict[Any, Any]] = {}
        self.private: dict[str, bool] = {}  # addresses asked for: whether they are of private space or of a VPC's

    def words(self, name: str, rows: Iterable[int]) -> list[str | None]:
        """A text column of some interfaces."""
        words, codes = self._told[name]
        return [words[codes[row]] for row in rows]

    def subnet_place(self, row: int) -> int:
        """The row of ``places`` of a row of ``networks.subnets``."""
        return len(self.interface_ids) + row

    def instance_since(self, row: int) -> int | None:
        """Since when (Unix seconds) its attachment to its instance is proven; None without instance or date."""
        return None if self.instance_ids[row] is None or self._since[row] == ALWAYS else self._since[row]

    def instance_tags(self, instance_id: str | None) -> dict[str, str]:
        """The instance's own tags, whatever interface it has; none where it is not known."""
        row = self._instance_tag_rows.get(instance_id or "")
        return {} if row is None else dict(self._instance_tags[row].as_py() or ())

    def knows_instance(self, instance_id: str | None) -> bool:
        """Whether the instance was described, with tags or without."""
        return instance_id in self._instance_tag_rows

    def instance_rows(self, instance_id: str | None) -> list[int]:
        """The interfaces that are or were the instance's, each once, in its latest version."""
        rows = self._instance_rows.of(instance_id)
        return list(dict.fromkeys(self.rows[self.interface_ids[row]] for row in rows))

    def interface_tags(self, row: int) -> dict[str, str]:
        """The interface's own tags, without those of the resource behind it."""
        return dict(self._interface_tags[row].as_py() or ())

    def own_addresses(self, row: int) -> list[str]:
        """What its own side shows of itself: the primary private address and the IPv6 addresses."""
        return self._own_addresses[row].as_py() or []

    def own_addresses_of(self, rows: Sequence[int]) -> tuple[list[int], list[str]]:
        """``own_addresses`` of many rows: for each address the place in ``rows`` of its interface, and its text."""
        found = self._own_addresses.take(pa.array(rows, pa.int64()))
        return pc.list_parent_indices(found).to_pylist(), pc.list_flatten(found).to_pylist()

    def attachments(self, row: int) -> list[tuple[int, tuple[int, int]]]:
        """The interface's rows with the first and last second (Unix) proven for what it was attached to, in order.

        Where two parts tell of one attachment the later sight counts, and the one that knows its instance; none at all
        where they contradict each other.
        """
        rows = self._versions.get(self.interface_ids[row], [row])
        kept: list[int] = []
        for one in sorted(rows, key=lambda each: (self.instance_ids[each] is None, -self._until[each])):
            meeting = [other for other in kept if self._meet(one, other)]
            instance_id = self.instance_ids[one]
            if instance_id is not None and any(self.instance_ids[other] != instance_id for other in meeting):
                return []
            if not meeting:
                kept.append(one)
        return [(each, (self._since[each], self._until[each])) for each in sorted(kept, key=self._until.__getitem__)]

    def _meet(self, one: int, other: int) -> bool:
        return self._since[one] <= self._until[other] and self._since[other] <= self._until[one]

    def is_lasting(self, row: int) -> bool:
        """Whether the interface is only known with one attachment, and never has another one."""
        return self._may_move[row].as_py() is False and self.interface_ids[row] not in self._versions

    def is_open(self, row: int) -> bool:
        """Whether this version of the interface was still there when last looked for."""
        return any(
            owner.is_open
            for text in self.own_addresses(row)
            for owner in self._owners.at(text)
            if owner.row == row and owner.vpc_id is not None
        )

    def name_of(self, row: int) -> str:
        """What tells the row's owner from others: the interface's id; an Elastic IP of none has its own."""
        return self.interface_ids[row] or str(self.endpoints["resource_id"][row])

    def part_of(self, row: int) -> str | None:
        """Which part told of the interface; None for CLI files."""
        code = self.part_codes[row]
        return None if code < 0 else self.part_names[code]

    def known_until(self, part: str | None) -> float:
        """Up to when (Unix seconds) all owners in ``part`` are known (None: in any part); for ever if undated."""
        if not self.parts:
            return FOREVER if self.observed_at is None else self.observed_at
        scans = [each.begun_at for each in self.parts if part in (None, each.name)]
        return max((begun_at for begun_at in scans if begun_at is not None), default=ALWAYS)

    def vpc_known_until(self, vpc_id: str) -> float:
        """Up to when all owners in the VPC are known, by every part that tells of it; of no time where none does."""
        if not self.parts:
            return self.known_until(None)
        return min(map(self.known_until, self.networks.tellers_of(vpc_id)), default=ALWAYS)

    def owners(self, address: Address) -> list[Owner]:
        """Who owned the private (or IPv6) address, in any VPC, ever as far as this inventory goes."""
        return [owner for owner in self._owners.of(address) if owner.vpc_id is not None]

    def public_owners(self, address: Address) -> list[Owner]:
        """Who the public IPv4 address was associated with."""
        return [owner for owner in self._owners.of(address) if owner.vpc_id is None]

    def _is_late(self) -> Sequence[bool]:
        """For each row whether IPAM alone tells of it; empty where no IPAM part is known."""
        late = [is_ipam(name) for name in self.part_names]
        return [late[code] for code in self.part_codes] if any(late) else ()

    def _without_doubles(self, addresses: pa.Table, is_late: Sequence[bool]) -> pa.Table:
        """The addresses without what IPAM tells of interfaces that EC2 tells of too: EC2 knows more, and earlier."""
        if not is_late:
            return addresses
        told = pa.array(
            [late and not is_late[self.rows[name]] for late, name in zip(is_late, self.interface_ids, strict=True)]
        )
        return addresses.filter(pc.invert(told.take(plain(addresses["row"]))))


class _Owners:
    """Owners by address, made when asked for: the columns of the sorted table, and where each address begins."""

    def __init__(self, addresses: pa.Table) -> None:
        columns = {name: plain(addresses[name]) for name in ADDRESS_SCHEMA.names}
        self._texts: list[str | None] = [*columns["address"].to_pylist(), None]
        backwards = range(addresses.num_rows - 1, -1, -1)
        self._first = dict(zip(self._texts[-2::-1], backwards, strict=True))
        vpcs = columns["vpc_id"].dictionary_encode()
        self._vpc_ids = [*vpcs.dictionary.to_pylist(), None]
        self._vpc_codes = numbers(vpcs.indices, -1)
        self._rows = numbers(columns["row"], -1)
        self._valid_from = numbers(columns["valid_from"], ALWAYS)
        self._seen_until = numbers(columns["seen_until"], FOREVER)
        self._is_open = numbers(columns["is_open"].cast(pa.int8()), 0)
        prefixes = columns["address"].filter(pc.match_substring(columns["address"], "/"))
        # A delegated prefix is looked up as the network that an address has at each length in use: /28 and /80.
        self._lengths: dict[int, list[int]] = {IPV4: [], IPV6: []}
        for shape in pc.unique(pc.replace_substring_regex(prefixes, "^[^:/]*(:?).*/", r"\1/")).to_pylist():
            self._lengths[IPV6 if shape[0] == ":" else IPV4].append(int(shape.rpartition("/")[2]))

    def of(self, address: Address) -> list[Owner]:
        """Owners of the address itself, then of prefixes that hold it."""
        found = self.at(address.text)
        for length in self._lengths[address.version]:
            found += self.at(address.network(length))
        return found

    def at(self, text: str) -> list[Owner]:
        """Owners of what is written so: an address in canonical text, or a prefix."""
        row = self._first.get(text)
        if row is None:
            return []
        owners = []
        while self._texts[row] == text:
            owners.append(
                Owner(
                    self._rows[row],
                    self._vpc_ids[self._vpc_codes[row]],
                    self._valid_from[row],
                    self._seen_until[row],
                    bool(self._is_open[row]),
                )
            )
            row += 1
        return owners


class _Chains:
    """The rows of each name, kept as a link from each row to the one before it."""

    def __init__(self, names: Sequence[str | None]) -> None:
        self._last: dict[str | None, int] = {}
        self._previous = array("q")
        for row, name in enumerate(names):
            self._previous.append(self._last.get(name, -1))
            self._last[name] = row

    def of(self, name: str | None) -> list[int]:
        """The rows of a name, in order; none of None."""
        rows = []
        row = -1 if name is None else self._last.get(name, -1)
        while row >= 0:
            rows.append(row)
            row = self._previous[row]
        return rows[::-1]


def _versions(ids: Sequence[str], is_late: Sequence[bool]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """The latest row of each interface, and all rows of those that have several; EC2's word before IPAM's."""
    latest = dict(zip(ids, range(len(ids)), strict=True))
    if is_late:
        latest |= {name: row for row, name in enumerate(ids) if not is_late[row]}
    several: dict[str, list[int]] = {}
    if len(latest) < len(ids):
        names = {name for row, name in enumerate(ids) if latest[name] != row}
        for row, name in enumerate(ids):
            if name in names and not (is_late and is_late[row] != is_late[latest[name]]):
                several.setdefault(name, []).append(row)
    return latest, {name: rows for name, rows in several.items() if len(rows) > 1}


def endpoint_table(interfaces: Mapping[str, Any], promoted: Mapping[str, tuple[str, ...]]) -> pa.Table:
    """Location, resource, the promoted tags flat, and tags: the columns an endpoint lends to its side of a flow."""
    columns = {name: interfaces[name] for name in (*LOCATION, *RESOURCE)}
    columns |= {column: promoted_values(interfaces["tags"], keys) for column, keys in promoted.items()}
    return pa.table({**columns, "tags": interfaces["tags"]})


def _places(endpoints: pa.Table, networks: Networks) -> pa.Table:
    names = ("vpc_id", "subnet_id", "az_id", "region")
    told = {name: pa.array([getattr(subnet, name) for subnet in networks.subnets], STRING) for name in names}
    nothing = pa.table({"vpc_id": pa.nulls(1, STRING)})
    return pa.concat_tables([endpoints, pa.table(told), nothing], promote_options="default").combine_chunks()


def promoted_values(tags: Any, keys: tuple[str, ...]) -> Any:
    """For each row of a map column the value of the first of ``keys`` that is present, else null."""
    tags = plain(tags)
    begins, ends = tags.offsets[:-1], tags.offsets[1:]
    found = pa.nulls(len(tags), STRING)
    for key in keys:
        here = pc.equal(tags.keys, key)
        if not pc.any(here).as_py():
            continue
        # How many values of the key stand before a row's first pair, and before the next row's: its own comes next.
        counts = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(here.cast(pa.int32()))])
        before, after = counts.take(begins), counts.take(ends)
        has_it = pc.and_(pc.less(before, after), tags.is_valid())
        found = pc.coalesce(found, tags.items.filter(here).take(pc.if_else(has_it, before, None)))
    return found
