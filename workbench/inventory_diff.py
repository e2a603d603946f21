"""``vpcflow inventory diff``: who came, went and moved between two inventories, and what else changed.

Only what holds in an inventory's latest state is compared: a later date alone is no difference.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from enricher.inventory import InventoryTables, is_ipam
from workbench.inventory_files import load_tables
from workbench.paragraphs import section, width, wrapped
from workbench.times import shown

# More lines of one kind than a person reads; --output json has all.
_MOST: Final = 20
_Key = tuple[str, str | None]


def compare(old: Path, new: Path) -> dict[str, Any]:
    """The differences. Raises UsageError or InventoryError where one of them is no inventory."""
    before, after = _State(load_tables(old, None)), _State(load_tables(new, None))
    found: dict[str, Any] = {
        "addresses": _owners(before, after),
        "interfaces": _interfaces(before, after),
        "instances": _new_and_gone(before.instances, after.instances),
        "networks": _networks(before.tables, after.tables),
        "parts": _parts(before.tables, after.tables),
    }
    is_same = not any(each for group in found.values() for each in group.values())
    return {"old": _name(old, before), "new": _name(new, after), "same": is_same, **found}


class _State:
    """What holds in an inventory's latest state, ready to be compared.

    ``owners``: (address, VPC) → {interface: its ownership}; ``past``: the same of ownerships that have ended;
    ``interfaces``: the living ones' latest rows by id; ``instances``: those behind them.
    """

    def __init__(self, tables: InventoryTables) -> None:
        self.tables = tables
        names = tables.interfaces["interface_id"].to_pylist()
        self.owners: dict[_Key, dict[str, dict[str, Any]]] = {}
        self.past: dict[_Key, dict[str, dict[str, Any]]] = {}
        living, holding = set(), set()
        for each in tables.addresses.to_pylist():
            holding.add(each["row"])
            kept = self.past
            if each["is_open"]:
                living.add(each["row"])
                kept = self.owners
            kept.setdefault((each["address"], each["vpc_id"]), {})[names[each["row"]]] = each
        # An interface of which no address is known cannot have lost one.
        living |= set(range(len(names))) - holding
        rows = tables.interfaces.to_pylist()
        # Of an interface's rows the latest counts, and EC2's word over IPAM's, which knows no instance.
        latest = sorted(living, key=lambda row: (not is_ipam(rows[row]["part"]), row))
        self.interfaces = {names[row]: rows[row] for row in latest}
        self.instances = {row["instance_id"] for row in self.interfaces.values()} - {None}


def _name(path: Path, state: _State) -> dict[str, Any]:
    return {"name": path.name, "observed_at": state.tables.observed_at}


def _owners(before: _State, after: _State) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = {"came": [], "went": [], "moved": []}
    for key in sorted({*before.owners, *after.owners}, key=str):
        had, has = before.owners.get(key, {}), after.owners.get(key, {})
        if had.keys() == has.keys():
            continue
        gone, new = sorted(had.keys() - has.keys()), sorted(has.keys() - had.keys())
        entry = {
            "address": key[0],
            "vpc_id": key[1],
            "from": gone,
            "to": new,
            # When the old owner was last seen, and from when on the new one is proven.
            "last_seen": _latest((after.past.get(key, {}).get(name) or had[name])["seen_until"] for name in gone),
            "since": _latest(has[name]["valid_from"] for name in new),
        }
        kinds["moved" if gone and new else "came" if new else "went"].append(entry)
    return kinds


def _latest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def _new_and_gone(before: Iterable[str], after: Iterable[str]) -> dict[str, list[str]]:
    old, new = set(before), set(after)
    return {"new": sorted(new - old), "gone": sorted(old - new)}


def _interfaces(before: _State, after: _State) -> dict[str, list[Any]]:
    reattached, tagged = [], []
    for name in sorted(before.interfaces.keys() & after.interfaces.keys()):
        old, new = before.interfaces[name], after.interfaces[name]
        if _attachment(old) != _attachment(new):
            moved = {"from": _attachment(old), "to": _attachment(new), "attached_at": new["attached_at"]}
            reattached.append({"interface_id": name, **moved})
        had, has = dict(old["tags"] or ()), dict(new["tags"] or ())
        changed = {key: [had.get(key), has.get(key)] for key in sorted({*had, *has}) if had.get(key) != has.get(key)}
        if changed:
            tagged.append({"interface_id": name, "tags": changed})
    return {**_new_and_gone(before.interfaces, after.interfaces), "reattached": reattached, "tags": tagged}


def _attachment(row: Mapping[str, Any]) -> str | None:
    """What stands behind the interface: its instance, or the resource's id or type."""
    behind: str | None = row["instance_id"] or row["resource_id"] or row["resource_type"]
    return behind


def _networks(before: InventoryTables, after: InventoryTables) -> dict[str, list[dict[str, Any]]]:
    """Each VPC, subnet and connection (a hub's too) that is new, gone (``from`` or ``to`` null) or changed."""
    (old_vpcs, old_subnets, old_links), (new_vpcs, new_subnets, new_links) = map(_told, (before, after))
    return {
        "vpcs": _changes(old_vpcs, new_vpcs),
        "subnets": _changes(old_subnets, new_subnets),
        "connections": _changes(old_links, new_links),
    }


def _told(tables: InventoryTables) -> tuple[dict[str, list[str]], ...]:
    """What is said of each VPC, subnet, and connection (of two VPCs, or of one to a hub), by name."""
    networks = tables.networks
    return (
        {vpc.vpc_id: sorted(vpc.cidrs) for vpc in networks.vpcs},
        {each.subnet_id: [each.vpc_id, *sorted(each.cidrs), each.az_id or "no zone"] for each in networks.subnets},
        {
            **{f"{each.kind} {' '.join(sorted((each.one, each.other)))}": [] for each in networks.connections},
            **{f"{each.hub.kind} {each.hub.hub_id} {each.vpc_id}": [] for each in networks.memberships},
        },
    )


def _changes(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "from": old.get(name), "to": new.get(name)}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _parts(before: InventoryTables, after: InventoryTables) -> dict[str, list[str]]:
    """Parts that are new or gone, those whose latest scan failed now and did not before, and the reverse."""
    old, new = ({part.name: part for part in tables.parts} for tables in (before, after))
    both = sorted(old.keys() & new.keys())
    return {
        **_new_and_gone(old, new),
        "failing": [name for name in both if new[name].failed_at is not None and old[name].failed_at is None],
        "recovered": [name for name in both if new[name].failed_at is None and old[name].failed_at is not None],
    }


def write(found: Mapping[str, Any], output: str) -> None:
    """The differences on standard output: one JSON object on one line, or text."""
    sys.stdout.write((json.dumps(found) if output == "json" else "\n".join(_text(found, width()))) + "\n")


def _text(found: Mapping[str, Any], columns: int) -> list[str]:
    names = [
        f"{each['name']} ({'no date' if each['observed_at'] is None else shown(each['observed_at'])})"
        for each in (found["old"], found["new"])
    ]
    text = wrapped(f"From {names[0]} to {names[1]}: {'no differences' if found['same'] else 'differences'}", columns)
    for title, group, kind, sentence in _SECTIONS:
        entries = found[group][kind]
        body = [line for each in entries[:_MOST] for line in wrapped(sentence(each), columns, "  ", "    ")]
        if len(entries) > _MOST:
            body.append(f"  and {len(entries) - _MOST:,} more (--output json has all)")
        text += section(f"{title}: {len(entries):,}", body)
    return text


def _owner(each: Mapping[str, Any]) -> str:
    where = each["address"] if each["vpc_id"] is None else f"{each['address']} in {each['vpc_id']}"
    ends = ", ".join(each["from"]), ", ".join(each["to"])
    said = f"{where}: {ends[0]} -> {ends[1]}" if all(ends) else f"{where}: {ends[0] or ends[1]}"
    return said + "".join(_times(each))


def _times(each: Mapping[str, Any]) -> Iterator[str]:
    if each["last_seen"] is not None:
        yield f", last seen {shown(each['last_seen'])}"
    if each["since"] is not None:
        yield f", since {shown(each['since'])}"


def _reattached(each: Mapping[str, Any]) -> str:
    when = "" if each["attached_at"] is None else f", attached {shown(each['attached_at'])}"
    return f"{each['interface_id']}: {each['from'] or 'nothing'} -> {each['to'] or 'nothing'}{when}"


def _tagged(each: Mapping[str, Any]) -> str:
    told = (f"{key}: {_word(old)} -> {_word(new)}" for key, (old, new) in each["tags"].items())
    return f"{each['interface_id']}: {'; '.join(told)}"


def _word(value: str | None) -> str:
    return "none" if value is None else f'"{value}"'


def _network(each: Mapping[str, Any]) -> str:
    if each["from"] is None or each["to"] is None:
        which, told = ("new", each["to"]) if each["from"] is None else ("gone", each["from"])
        return f"{each['name']}: {which}{' ' + ', '.join(told) if told else ''}"
    return f"{each['name']}: {', '.join(each['from'])} -> {', '.join(each['to'])}"


_Sentence = Callable[[Any], str]
_SECTIONS: Final[tuple[tuple[str, str, str, _Sentence], ...]] = (
    ("Addresses that moved", "addresses", "moved", _owner),
    ("Addresses that came", "addresses", "came", _owner),
    ("Addresses that went", "addresses", "went", _owner),
    ("Interfaces attached elsewhere", "interfaces", "reattached", _reattached),
    ("New interfaces", "interfaces", "new", str),
    ("Interfaces gone", "interfaces", "gone", str),
    ("New instances", "instances", "new", str),
    ("Instances gone", "instances", "gone", str),
    ("Changed tags", "interfaces", "tags", _tagged),
    ("VPCs", "networks", "vpcs", _network),
    ("Subnets", "networks", "subnets", _network),
    ("Connections", "networks", "connections", _network),
    ("New parts", "parts", "new", str),
    ("Parts gone", "parts", "gone", str),
    ("Parts that fail now", "parts", "failing", str),
    ("Parts that recovered", "parts", "recovered", str),
)
