"""``vpcflow inventory show``: what an inventory holds and how old it is, at a first look."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.columns import plain
from enricher.inventory import InventoryTables, Part, promoted_values
from enricher.inventory_documents import DOCUMENTS
from enricher.networks import Membership, Networks, Subnet, Vpc
from enricher.snapshot import VERSION
from workbench.errors import UsageError
from workbench.inventory_files import SNAPSHOT, load_tables
from workbench.paragraphs import named, section, width, wrapped
from workbench.times import duration, shown

_INDENT: Final = "  "


def survey(
    path: Path, part: str | None, vpc_id: str | None, promoted: Mapping[str, tuple[str, ...]], now: float
) -> dict[str, Any]:
    """Figures of the inventory at ``path``, or of one part or VPC of it; ages at ``now`` (Unix seconds).

    Raises:
        UsageError: there is no inventory, or no such part or VPC in it.
        InventoryError: the inventory is not what it says.
    """
    tables = load_tables(path, None)
    _check(tables, part, vpc_id)
    interfaces, addresses, living = _chosen(tables, part, vpc_id)
    networks = tables.networks
    return {
        "name": path.name,
        "bytes": _size(path),
        "version": None if _is_documents(path) else VERSION,
        "part": part,
        "vpc_id": vpc_id,
        "observed_at": tables.observed_at,
        "age_s": None if tables.observed_at is None else now - tables.observed_at,
        "parts": [_part(each, tables, now) for each in tables.parts if part in (None, each.name)],
        "interfaces": _interfaces(interfaces, living),
        "instances": pc.count_distinct(living["instance_id"]).as_py(),
        "addresses": _addresses(addresses),
        "vpcs": sum(_is_chosen(vpc, part, vpc_id) for vpc in networks.vpcs),
        "subnets": sum(_is_chosen(subnet, part, vpc_id) for subnet in networks.subnets),
        "connections": _connections(networks, part, vpc_id),
        "hubs": _hubs(networks, part, vpc_id),
        "tags": {column: _covered(living, keys) for column, keys in promoted.items()},
        "oldest_valid_from": pc.min(addresses["valid_from"]).as_py(),
        "newest_seen_until": pc.max(addresses["seen_until"]).as_py(),
    }


def write(found: Mapping[str, Any], output: str) -> None:
    """The figures on standard output: one JSON object on one line, or text."""
    sys.stdout.write((json.dumps(found) if output == "json" else "\n".join(_text(found, width()))) + "\n")


def _check(tables: InventoryTables, part: str | None, vpc_id: str | None) -> None:
    parts = sorted({each.name for each in tables.parts})
    if part is not None and part not in parts:
        known = f"give one of {', '.join(parts)}" if parts else "this inventory has no parts: leave --part out"
        raise UsageError(f"--part {part}: is not in the inventory; {known}")
    vpcs = {*tables.interfaces["vpc_id"].unique().to_pylist(), *(vpc.vpc_id for vpc in tables.networks.vpcs)}
    if vpc_id is not None and vpc_id not in vpcs | {subnet.vpc_id for subnet in tables.networks.subnets}:
        raise UsageError(f"--vpc {vpc_id}: is not in the inventory; leave --vpc out to see what is")


def _chosen(tables: InventoryTables, part: str | None, vpc_id: str | None) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The interfaces of a part and VPC, their addresses, and those interfaces that were there when last looked for."""
    numbers = pa.array(range(tables.interfaces.num_rows), pa.int64())
    chosen = pa.array([True] * len(numbers), pa.bool_())
    for name, value in (("part", part), ("vpc_id", vpc_id)):
        if value is not None:
            chosen = pc.and_(chosen, plain(pc.fill_null(pc.equal(tables.interfaces[name], value), False)))
    owned, owned_now = tables.addresses["row"], tables.addresses.filter(tables.addresses["is_open"])["row"]
    # An interface of which no address is known cannot have lost one.
    is_there = pc.or_(_among(numbers, owned_now), pc.invert(_among(numbers, owned)))
    return (
        tables.interfaces.filter(chosen),
        tables.addresses.filter(chosen.take(owned)),
        tables.interfaces.filter(pc.and_(chosen, is_there)),
    )


def _among(numbers: Any, some: Any) -> Any:
    return pc.is_in(numbers, value_set=some.unique())


def _interfaces(interfaces: pa.Table, living: pa.Table) -> dict[str, Any]:
    """How many there are, how many more have been, and what those that are there belong to."""
    there = pc.count_distinct(living["interface_id"]).as_py()
    return {
        "total": there,
        "gone": pc.count_distinct(interfaces["interface_id"]).as_py() - there,
        "by_type": _counts(living["resource_type"]),
    }


def _is_chosen(network: Vpc | Subnet | Membership, part: str | None, vpc_id: str | None) -> bool:
    return part in (None, network.part) and vpc_id in (None, network.vpc_id)


def _connections(networks: Networks, part: str | None, vpc_id: str | None) -> dict[str, int]:
    """How many pairs of VPCs are connected by each kind; what both sides' parts tell of is one."""
    pairs = {
        (link.kind, frozenset((link.one, link.other)))
        for link in networks.connections
        if part in (None, link.part) and vpc_id in (None, link.one, link.other)
    }
    return dict(sorted(Counter(kind for kind, _ in pairs).items()))


def _hubs(networks: Networks, part: str | None, vpc_id: str | None) -> dict[str, dict[str, int]]:
    """How many hubs of each kind there are, and VPCs' attachments to them; what two parts tell of is one."""
    attached = {(each.hub, each.vpc_id) for each in networks.memberships if _is_chosen(each, part, vpc_id)}
    hubs, attachments = Counter(hub.kind for hub in {hub for hub, _ in attached}), Counter(h.kind for h, _ in attached)
    return {kind: {"hubs": hubs[kind], "attachments": attachments[kind]} for kind in sorted(hubs)}


def _is_documents(path: Path) -> bool:
    return path.is_dir() and not (path / SNAPSHOT).is_file()


def _size(path: Path) -> int:
    """Bytes of what was read."""
    if path.is_file():
        return path.stat().st_size
    files = [path / f"{name}.json" for name in DOCUMENTS] if _is_documents(path) else [path / SNAPSHOT]
    return sum(file.stat().st_size for file in files if file.is_file())


def _part(part: Part, tables: InventoryTables, now: float) -> dict[str, Any]:
    _, addresses, living = _chosen(tables, part.name, None)
    return {
        **asdict(part),
        "age_s": None if part.begun_at is None else now - part.begun_at,
        "interfaces": living.num_rows,
        "addresses": addresses.num_rows,
    }


def _counts(words: Any) -> dict[str, int]:
    counts = {
        each["values"] or "unknown": each["counts"] for each in pc.value_counts(words.combine_chunks()).to_pylist()
    }
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _addresses(addresses: pa.Table) -> dict[str, int]:
    """How many ownerships there are of each kind of address, and how many still hold."""
    texts = addresses["address"]
    is_prefix = pc.match_substring(texts, "/")
    is_public = pc.and_(pc.is_null(addresses["vpc_id"]), pc.invert(is_prefix))
    is_ipv6 = pc.and_(pc.match_substring(texts, ":"), pc.invert(is_prefix))
    is_open = addresses["is_open"]
    kinds = {
        "private": pc.invert(pc.or_(pc.or_(is_prefix, is_public), is_ipv6)),
        "public": pc.and_(is_public, pc.invert(is_ipv6)),
        "ipv6": is_ipv6,
        "prefixes": is_prefix,
        "open": is_open,
        "closed": pc.invert(is_open),
    }
    return {"total": addresses.num_rows, **{kind: pc.sum(rows, min_count=0).as_py() for kind, rows in kinds.items()}}


def _covered(interfaces: pa.Table, keys: tuple[str, ...]) -> dict[str, Any]:
    """On how many interfaces one of the tag keys is found, their own or their resource's."""
    found = interfaces.num_rows - promoted_values(interfaces["tags"], keys).null_count
    return {
        "keys": list(keys),
        "interfaces": found,
        "share": round(found / interfaces.num_rows, 4) if interfaces.num_rows else None,
    }


def _text(found: Mapping[str, Any], columns: int) -> list[str]:
    chosen = [
        f"{word} {found[name]}" for word, name in (("part", "part"), ("VPC", "vpc_id")) if found[name] is not None
    ]
    kind = "AWS CLI output" if found["version"] is None else f"snapshot, version {found['version']}"
    text = wrapped(f"{found['name']}: {kind}, {found['bytes']:,} bytes; {_age(found)}", columns)
    text += wrapped(f"Only of {' and '.join(chosen)}.", columns) if chosen else []
    addresses, interfaces = found["addresses"], found["interfaces"]
    held = f"{addresses['open']:,} held when last seen, {addresses['closed']:,} given up"
    pairs = [
        ("interfaces", f"{interfaces['total']:,}, and {interfaces['gone']:,} that are gone"),
        ("instances", f"{found['instances']:,}"),
        ("addresses", f"{addresses['total']:,} ownerships: {held}"),
        ("", ", ".join(f"{addresses[name]:,} {name}" for name in ("private", "public", "ipv6", "prefixes"))),
        ("VPCs", f"{found['vpcs']:,}"),
        ("subnets", f"{found['subnets']:,}"),
        ("connections", ", ".join(_connected(found)) or "none"),
        ("proven from", "any time" if found["oldest_valid_from"] is None else shown(found["oldest_valid_from"])),
        ("proven to", "any time" if found["newest_seen_until"] is None else shown(found["newest_seen_until"])),
    ]
    text += section("What it holds", named(pairs, columns))
    text += section("Interfaces by kind", named([(k, f"{n:>9,}") for k, n in interfaces["by_type"].items()], columns))
    text += section("Interfaces with a tag for", named(_tag_lines(found["tags"]), columns))
    parts = [line for part in found["parts"] for line in _part_lines(part, columns)]
    return text + section("Parts, each scanned by itself", parts)


def _connected(found: Mapping[str, Any]) -> Iterator[str]:
    for kind, number in found["connections"].items():
        yield f"{number:,} {kind}"
    for kind, each in found["hubs"].items():
        yield f"{each['hubs']:,} {kind} with {each['attachments']:,} VPC attachments"


def _age(found: Mapping[str, Any]) -> str:
    if found["observed_at"] is None:
        return "it carries no date"
    return f"of {shown(found['observed_at'])}, {_ago(found['age_s'])}"


def _ago(seconds: float) -> str:
    return f"{duration(seconds)} ago" if seconds >= 0 else f"{duration(-seconds)} in the future: check the clocks"


def _tag_lines(tags: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (column, f"{each['interfaces']:>9,}  {each['share'] or 0:>4.0%}  ({', '.join(each['keys'])})")
        for column, each in tags.items()
    ]


def _part_lines(part: Mapping[str, Any], columns: int) -> list[str]:
    if part["begun_at"] is None:
        said = "never scanned well"
    else:
        said = f"last scanned well {shown(part['begun_at'])}, {_ago(part['age_s'])}"
    lines = wrapped(f"{part['name']}: {said}; {part['interfaces']:,} interfaces", columns, _INDENT, _INDENT * 2)
    if part["failed_at"] is not None:
        failed = f"the scan of {shown(part['failed_at'])} failed: {part['error'] or 'no reason told'}"
        lines += wrapped(failed, columns, _INDENT * 2, _INDENT * 2)
    return lines
