"""What a refresher sees: one part after the other, page after page, each at its own moment.

A scan is built from columns of the whole world made once by the real ``tables_of``; ``difference`` builds a sample of
it from documents with ``tables_of`` and tells where the two differ.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from accuracy.documents import instance_documents, interface_document, ipam_document, managed_documents
from accuracy.parameters import EPOCH, Parameters
from accuracy.topology import ACCOUNTS, IPAM_ACCOUNT, VPCS, ZONES, network_documents, part_of, text_of
from accuracy.world import INSTANCE, NAT, PREFIX, PRIMARY, SECONDARY, World
from enricher.columns import plain
from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, InventoryTables, Part, is_ipam
from enricher.inventory_documents import IPAM_LAG_SECONDS, tables_of

_DATED: Final = ("part", "seen_from", "seen_until")
_SHOWN_LATE_S: Final = 3  # EC2 may show how things were some seconds ago (API reference, "Eventual consistency")


class Refresher:
    """Scans of a world. Times are seconds since the epoch of the world; tables carry Unix seconds."""

    def __init__(self, world: World, parameters: Parameters) -> None:
        self._world = world
        self._parameters = parameters
        random = np.random.default_rng([parameters.seed, 2])
        count = len(world.interfaces)
        self._account = np.array([site.account for site in VPCS])[world.interfaces.subnet // len(ZONES)]
        self._late = random.integers(0, _SHOWN_LATE_S, count)
        low, high = parameters.ipam_lag_s
        self._ipam_late = random.integers(low, high, count)
        self._page = random.random(count)
        self._instance_page = random.random(count)
        self._states = [_states(world, account) for account in range(len(ACCOUNTS))]
        texts = _hold_texts(world)
        order = np.argsort(texts)
        self._hold_order = order  # holds in the order of their addresses' texts
        self._hold_texts = pa.array(texts[order].tolist())
        vpcs = world.vpc_of(world.holds.interface[order])
        names = [
            None if is_public else VPCS[vpc].vpc_id
            for vpc, is_public in zip(vpcs, world.holds.public[order], strict=True)
        ]
        self._hold_vpcs = pa.array(names, pa.string())
        self._networks = {a: tables_of(network_documents(a), part=part_of(a)).networks for a in range(len(ACCOUNTS))}

    def scan(self, account: int, begun: float) -> InventoryTables:
        """One good scan of an account's part, begun at a moment."""
        pages = self._pages(account, begun)
        shown = self._shown(account, begun, pages)
        stays, holds, _ = self._seen(account, shown)
        ended = begun + (2 * pages + 6) * self._parameters.page_s
        instances = self._instances_seen(account, begun, pages)
        part = Part(part_of(account), EPOCH + begun, EPOCH + ended)
        lag = IPAM_LAG_SECONDS if is_ipam(part.name) else 0
        since, until = math.ceil(EPOCH + ended), math.floor(EPOCH + begun - lag)
        return InventoryTables(
            self._interfaces(account, stays, holds, instances, (part.name, since, until)),
            self._addresses(account, stays, holds, (since, until)),
            self._instances(account, instances, part.name, until),
            self._networks[account],
            part.begun_at,
            (part,),
        )

    def difference(self, account: int, begun: float, scan: InventoryTables) -> str | None:
        """Where a sample of a scan differs from what ``tables_of`` makes of documents; None where it does not."""
        pages = self._pages(account, begun)
        stays, holds, _ = self._seen(account, self._shown(account, begun, pages))
        # Gateways' documents tell of their interfaces too, so those are always in the sample.
        gateways = stays[self._world.interfaces.kind[self._world.stays.interface[stays]] == NAT]
        sample = np.union1d(stays[:: max(1, len(stays) // self._parameters.samples)], gateways)
        by_interface: dict[int, list[int]] = {}
        for hold in holds.tolist():
            by_interface.setdefault(int(self._world.holds.interface[hold]), []).append(hold)
        documents = [
            interface_document(self._world, stay, by_interface[int(self._world.stays.interface[stay])])
            for stay in sample.tolist()
        ]
        if account == IPAM_ACCOUNT:
            lists: dict[str, Any] = {"network-interfaces": {"NetworkInterfaces": [ipam_document(d) for d in documents]}}
        else:
            instances = self._instances_seen(account, begun, pages)
            reservations = instance_documents(np.flatnonzero(instances).tolist())
            lists = {
                "network-interfaces": {"NetworkInterfaces": documents},
                "instances": {"Reservations": reservations},
                **managed_documents(self._world, account),
            }
        lists |= network_documents(account)
        part = scan.parts[0]
        expected = tables_of(lists, part.begun_at, ended_at=part.ended_at, part=part.name)
        return _difference(scan, expected)

    def owners_now(self, begun: float, accounts: Sequence[int]) -> tuple[Any, Any]:
        """(holds, stays) that scans of these accounts show now: what "who owns it now" answers from."""
        holds, stays = [], []
        for account in accounts:
            seen, held, _ = self._seen(account, self._shown(account, begun, self._pages(account, begun)))
            place = np.full(len(self._world.interfaces), -1)
            place[self._world.stays.interface[seen]] = seen
            holds.append(held)
            stays.append(place[self._world.holds.interface[held]])
        return np.concatenate(holds), np.concatenate(stays)

    def _pages(self, account: int, begun: float) -> int:
        interfaces = self._world.interfaces
        alive = (self._account == account) & (interfaces.born <= begun) & (begun < interfaces.died + 1)
        return math.ceil(int(alive.sum()) / self._parameters.page_rows) or 1

    def _shown(self, account: int, begun: float, pages: int) -> Any:
        """For each interface the moment that the scan shows of it."""
        if account == IPAM_ACCOUNT:
            return begun - self._ipam_late
        return begun + (np.floor(self._page * pages) + 1) * self._parameters.page_s - self._late

    def _seen(self, account: int, shown: Any) -> tuple[Any, Any, Any]:
        """Stays and holds that are seen."""
        world = self._world
        stays, holds = world.stays, world.holds
        at = shown[stays.interface]
        seen = np.flatnonzero(
            (self._account[stays.interface] == account) & (stays.since <= at) & (at < stays.until + 1)
        )
        there = np.zeros(len(world.interfaces), bool)
        there[stays.interface[seen]] = True
        at = shown[holds.interface]
        held = there[holds.interface] & (holds.since <= at) & (at < holds.until + 1)
        if account == IPAM_ACCOUNT:
            held &= ~holds.public
        return seen, np.flatnonzero(held), shown

    def _instances_seen(self, account: int, begun: float, pages: int) -> Any:
        """Whether each interface's number is an instance that DescribeInstances shows, read after the interfaces."""
        interfaces = self._world.interfaces
        if account == IPAM_ACCOUNT:
            return np.zeros(len(interfaces), bool)
        at = begun + (pages + np.floor(self._instance_page * pages) + 1) * self._parameters.page_s
        mine = (self._account == account) & (interfaces.kind == INSTANCE)
        return mine & (interfaces.born <= at) & (at < interfaces.died + 1)

    def _interfaces(
        self, account: int, stays: Any, holds: Any, instances: Any, dates: tuple[str, int, int]
    ) -> pa.Table:
        states = self._states[account]
        other = np.zeros(len(self._world.interfaces), bool)
        if account == IPAM_ACCOUNT:
            several = holds[self._world.holds.kind[holds] == SECONDARY]
            other[self._world.holds.interface[several]] = True
            variant = other[self._world.stays.interface[stays]]
        else:
            behind = self._world.stays.instance[stays]
            variant = (behind >= 0) & ~instances[behind]
        rows = states.place[stays] + variant * states.count
        table = states.rows.take(pa.array(rows)).combine_chunks()
        for name, value in zip(_DATED, dates, strict=True):
            column = pa.repeat(pa.scalar(value, INTERFACE_SCHEMA.field(name).type), table.num_rows)
            table = table.set_column(table.column_names.index(name), INTERFACE_SCHEMA.field(name), column)
        return table

    def _addresses(self, account: int, stays: Any, holds: Any, dates: tuple[int, int]) -> pa.Table:
        since, until = dates
        held = np.zeros(len(self._world.holds), bool)
        held[holds] = True
        places = np.flatnonzero(held[self._hold_order])
        ordered = self._hold_order[places]
        row = np.full(len(self._world.interfaces), -1)
        row[self._world.stays.interface[stays]] = np.arange(len(stays))
        rows = row[self._world.holds.interface[ordered]]
        attached = self._states[account].attached_at[stays][rows]
        by_attachment = (self._world.holds.kind[ordered] == PRIMARY) & (attached > 0)
        take = pa.array(places)
        return pa.table(
            {
                "address": self._hold_texts.take(take),
                "vpc_id": self._hold_vpcs.take(take),
                "row": pa.array(rows, pa.int64()),
                "valid_from": pa.array(np.where(by_attachment, attached, since), pa.int64()),
                "seen_until": pa.repeat(pa.scalar(until, pa.int64()), len(rows)),
                "is_open": pa.repeat(pa.scalar(True), len(rows)),
            },
            schema=ADDRESS_SCHEMA,
        )

    def _instances(self, account: int, instances: Any, part: str, until: int) -> pa.Table:
        states = self._states[account]
        table = states.instances.take(pa.array(states.instance_place[np.flatnonzero(instances)]))
        return pa.table(
            {
                "instance_id": table["instance_id"],
                "tags": table["tags"],
                "part": pa.repeat(pa.scalar(part), table.num_rows),
                "seen_until": pa.repeat(pa.scalar(until, pa.int64()), table.num_rows),
            },
            schema=INSTANCE_SCHEMA,
        )


class _States:
    """Each stay of an account as ``tables_of`` tells it, twice: with its instance's tags, and without.

    IPAM tells no instance: there the second telling is of an interface with several addresses. ``place``: a stay's row.
    """

    def __init__(self, rows: pa.Table, other: pa.Table, stays: Any, size: int, instances: pa.Table) -> None:
        self.count = rows.num_rows
        self.rows = pa.concat_tables([rows, other]).combine_chunks()
        self.place = np.full(size, -1)
        self.place[stays] = np.arange(len(stays))
        self.attached_at = np.zeros(size, np.int64)
        self.attached_at[stays] = plain(rows["attached_at"]).fill_null(0).to_numpy(zero_copy_only=False)
        self.instances = instances
        numbers = [int(name.removeprefix("i-"), 16) for name in instances["instance_id"].to_pylist()]
        self.instance_place = np.full(max(numbers, default=0) + 1, -1)
        self.instance_place[numbers] = np.arange(len(numbers))


def _states(world: World, account: int) -> _States:
    """All stays of an account, through ``tables_of``: an interface's first stays, its second ones, and so on."""
    accounts = np.array([site.account for site in VPCS])[world.vpc_of(world.stays.interface)]
    stays = np.flatnonzero(accounts == account)
    rank = _ranks(world.stays.interface[stays])
    with_tags, without, instances, order = [], [], [], []
    for number in range(int(rank.max()) + 1):
        layer = stays[rank == number]
        documents = [interface_document(world, stay, ()) for stay in layer.tolist()]
        reservations = instance_documents(sorted({n for n in world.stays.instance[layer].tolist() if n >= 0}))
        if account == IPAM_ACCOUNT:
            documents = [ipam_document(document) for document in documents]
            lists: dict[str, Any] = {"network-interfaces": {"NetworkInterfaces": documents}}
            several = [
                {**d, "PrivateIpAddresses": [{**a, "Primary": False} for a in d["PrivateIpAddresses"]]}
                for d in documents
            ]
            others: dict[str, Any] = {"network-interfaces": {"NetworkInterfaces": several}}
        else:
            # Gateways' interfaces, which their own documents tell of too, have one stay.
            managed = managed_documents(world, account) if number == 0 else {}
            others = {"network-interfaces": {"NetworkInterfaces": documents}, **managed}
            lists = {**others, "instances": {"Reservations": reservations}}
        wide = tables_of(lists | network_documents(account), part=part_of(account))
        with_tags.append(wide.interfaces)
        without.append(tables_of(others | network_documents(account), part=part_of(account)).interfaces)
        instances.append(wide.instances)
        order.append(layer)
    told = pa.concat_tables(instances).combine_chunks()
    names = told["instance_id"].to_pylist()
    first = {name: row for row, name in reversed(list(enumerate(names)))}
    return _States(
        pa.concat_tables(with_tags),
        pa.concat_tables(without),
        np.concatenate(order),
        len(world.stays),
        told.take(pa.array(sorted(first.values()), pa.int64())),
    )


def _ranks(names: Any) -> Any:
    """For each name how many equal ones stand before it."""
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, len(ordered)))
    ranks = np.empty(len(names), np.int64)
    ranks[order] = np.arange(len(names)) - np.repeat(starts, lengths)
    return ranks


def _hold_texts(world: World) -> Any:
    texts = [text_of(number) for number in world.holds.address.tolist()]
    return np.array([t + "/28" if k == PREFIX else t for t, k in zip(texts, world.holds.kind.tolist(), strict=True)])


def _difference(scan: InventoryTables, expected: InventoryTables) -> str | None:
    """The first row of ``expected`` that ``scan`` does not have."""
    rows = {row["interface_id"]: row for row in scan.interfaces.to_pylist()}
    for row in expected.interfaces.to_pylist():
        if _sorted(rows.get(row["interface_id"])) != _sorted(row):
            return f"interface {row['interface_id']}: {rows.get(row['interface_id'])} is not {row}"
    wanted = set(expected.interfaces["interface_id"].to_pylist())
    addresses = [
        {tuple({**row, "row": names[row["row"]]}.items()) for row in table.to_pylist() if names[row["row"]] in wanted}
        for table, names in (
            (scan.addresses, scan.interfaces["interface_id"].to_pylist()),
            (expected.addresses, expected.interfaces["interface_id"].to_pylist()),
        )
    ]
    if addresses[0] != addresses[1]:
        return f"addresses: {next(iter(addresses[0] ^ addresses[1]))}"
    instances = [
        sorted((r["instance_id"], sorted(r["tags"]), r["seen_until"]) for r in t.instances.to_pylist())
        for t in (scan, expected)
    ]
    if instances[0] != instances[1]:
        return "instances differ"
    return None if scan.networks.subnets == expected.networks.subnets else "networks differ"


def _sorted(row: Any) -> Any:
    return row and {**row, "tags": sorted(row["tags"]), "interface_tags": sorted(row["interface_tags"])}
