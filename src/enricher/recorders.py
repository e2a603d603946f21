"""What is known of the interfaces that recorded a batch: the record's own word first, then the inventory's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from enricher.columns import int32_array, plain
from enricher.endpoints import RESOLVED, SUBNET
from enricher.inventory import ALWAYS, FOREVER, promoted_values
from enricher.layout import Ref, decoded, encoded, laid_out
from enricher.schema import AZ_ID, LOCATION, RESOURCE, STRING, TAGS
from enricher.sources import Source
from enricher.traffic import HOP_KINDS, RecorderKinds

# Values of interface-type and InterfaceType in a record, as our resource types.
_KIND_OF_TYPE: Final = {"regional_nat_gateway": "nat_gateway", "network_load_balancer": "load_balancer"}
_AZ_ID: Final = re.compile(AZ_ID, re.ASCII)
_HOP_KINDS: Final = pa.array(sorted(HOP_KINDS))
_TAG_FIELDS: Final = ("instance_tag", "instance_tag_2", "interface_tag", "interface_tag_2", "asg_tag", "asg_tag_2")

# What else a record may say of its recorder: a task, a kind, a resource without interface.
_OWN_WORDS: Final = ("ecs_task_id", "interface_type", "resource_id", "tgw_id")


class Spell(NamedTuple):
    """For flows inside [valid_from, valid_to] (Unix seconds) ``row`` of ``Recorders.endpoints`` is the recorder."""

    valid_from: int
    valid_to: int
    row: int
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Recorders:
    """What the own side of each recorder is called: ``refs`` names a row a recorder; then rows of other times.

    It is one of a source's ``places``, or, by the number of ``sources``, one of ``table`` (encoded, its last row of
    nulls; None: there is nothing to ask of it); ``statuses`` and ``evidence`` go with them.
    ``picks``: (source, row) of its interface, None where no source knows it; ``vpc_ids``: its VPC or None;
    ``named``: it has an interface, instance or resource of its own; ``kinds``: gateways and ends told apart;
    ``spells``: which row holds when, the first that holds counts, and if none does the interface is ``detached``.
    """

    table: pa.Table | None
    sources: int
    refs: list[Ref]
    statuses: Sequence[str]
    evidence: Sequence[str]
    picks: list[tuple[int, int] | None]
    vpc_ids: list[str | None]
    named: Any
    kinds: RecorderKinds
    spells: list[list[Spell]]

    @property
    def change(self) -> bool:
        """Whether what a recorder is called depends on the time."""
        return any(len(spells) != 1 or spells[0][:2] != (ALWAYS, FOREVER) for spells in self.spells)


def recorders_of(
    recorded: pa.Table,
    sources: Sequence[Source],
    promoted: Mapping[str, tuple[str, ...]],
    record_tags: Mapping[str, str],
    default_region: str | None,
) -> Recorders:
    """Join what records tell (``recorded``: ``Batch.recorders``) with the sources; ``record_tags``: field → tag key."""
    told = _cleaned(recorded)
    instances = told["instance_id"].to_pylist()
    identities = zip(told["interface_id"].to_pylist(), instances, strict=True)
    picks = [_find(interface_id, instance_id, sources) for interface_id, instance_id in identities]
    spells, others = _spells(picks, instances, sources)
    every_pick = [*picks, *(other.pick for other in others)]
    if others:
        rows = pa.array([*range(len(picks)), *(other.recorder for other in others)])
        told = {name: column.take(rows) for name, column in told.items()}
    tag_fields = [name for name in _TAG_FIELDS if name in record_tags]
    as_found = _as_found(told, every_pick, sources, tag_fields)
    strange = [recorder for recorder in range(len(every_pick)) if recorder not in as_found]
    vpc_ids = [as_found.get(recorder, _UNKNOWN).vpc_id for recorder in range(len(every_pick))]
    named = [True] * len(every_pick)
    is_hop = [as_found.get(recorder, _UNKNOWN).resource_type in HOP_KINDS for recorder in range(len(every_pick))]
    is_endpoint = [True] * len(every_pick)
    refs: list[Ref] = [pick or (len(sources), -1) for pick in every_pick]
    table = sources[0].inventory.places if sources else None
    if strange or not sources:
        told = {name: column.take(int32_array(strange)) for name, column in told.items()}
        their_picks = [every_pick[recorder] for recorder in strange]
        described = _described(told, their_picks, sources, promoted, record_tags, default_region)
        table = described.table
        for place, recorder in enumerate(strange):
            refs[recorder] = len(sources), place
            vpc_ids[recorder], named[recorder] = described.vpc_ids[place], described.named[place]
            is_hop[recorder], is_endpoint[recorder] = described.is_hop[place], described.is_endpoint[place]
    return Recorders(
        table,
        len(sources),
        refs,
        [RESOLVED if is_named else SUBNET for is_named in named],
        ["record"] * len(picks) + [other.evidence for other in others],
        picks,
        vpc_ids,
        pa.array(named, pa.bool_()),
        RecorderKinds(pa.array(is_hop, pa.bool_()), pa.array(is_endpoint, pa.bool_())),
        spells,
    )


class _Found(NamedTuple):
    """Of a recorder whose record and inventory say the same: what else is asked of it."""

    vpc_id: str | None
    resource_type: str | None


_UNKNOWN: Final = _Found(None, None)


def _as_found(
    told: Mapping[str, Any],
    picks: Sequence[tuple[int, int] | None],
    sources: Sequence[Source],
    tag_fields: Sequence[str],
) -> dict[int, _Found]:
    """The recorders that are called as their inventory has it, and leave nothing to fill."""
    more = [told[name].to_pylist() for name in (*_OWN_WORDS, *tag_fields) if _tells(told[name])]
    says_more = {recorder for words in more for recorder, word in enumerate(words) if word is not None}
    words_told = {name: told[name].to_pylist() for name in LOCATION}
    found: dict[int, _Found] = {}
    for number, source in enumerate(sources):
        mine = [n for n, pick in enumerate(picks) if pick is not None and pick[0] == number and n not in says_more]
        rows = [picks[n][1] for n in mine]  # type: ignore[index]  # None was left out above
        known = {name: source.inventory.words(name, rows) for name in (*LOCATION, *RESOURCE)}
        vpc_ids, kinds = known["vpc_id"], known["resource_type"]
        other: set[int] = set()
        for name in LOCATION:
            told_here = [words_told[name][n] for n in mine]
            if told_here != known[name]:
                pairs = enumerate(zip(told_here, known[name], strict=True))
                other |= {place for place, (ours, theirs) in pairs if ours is not None and ours != theirs}
        for name in ("region", "az_id", "vpc_id", "resource_type", "resource_id"):
            if None in known[name]:
                is_needed = name != "resource_id"
                other |= {
                    place
                    for place, word in enumerate(known[name])
                    if word is None and (is_needed or words_told["instance_id"][mine[place]] is not None)
                }
        found |= {n: _Found(vpc_ids[place], kinds[place]) for place, n in enumerate(mine) if place not in other}
    return found


class _Described(NamedTuple):
    """Recorders of which the record says something else or more than the inventory, or which no inventory knows."""

    table: pa.Table
    vpc_ids: list[str | None]
    named: list[bool]
    is_hop: list[bool]
    is_endpoint: list[bool]


def _described(
    told: Mapping[str, Any],
    picks: Sequence[tuple[int, int] | None],
    sources: Sequence[Source],
    promoted: Mapping[str, tuple[str, ...]],
    record_tags: Mapping[str, str],
    default_region: str | None,
) -> _Described:
    names = (*LOCATION, *RESOURCE, *promoted, "tags")
    nulls = pa.table({name: pa.nulls(1, TAGS if name == "tags" else STRING) for name in names})
    if not picks:
        return _Described(encoded(nulls), [], [], [], [])
    found = pa.table({name: pa.nulls(len(picks), nulls[name].type) for name in names})
    if any(pick is not None for pick in picks):
        tables = [*(source.inventory.places for source in sources), encoded(nulls)]
        found = decoded(laid_out(tables, [pick or (len(sources), 0) for pick in picks]))
    known = _as_of_record(found, told["instance_id"], picks, sources)
    columns = {name: _first(told[name], plain(known[name])) for name in LOCATION}
    _locate(columns, sources, default_region)
    columns["resource_type"], columns["resource_id"] = _resource(told, known)
    tags = plain(known["tags"])
    columns["tags"] = _with_record_tags(told, tags, record_tags)
    is_as_found = known is found and columns["tags"] is tags
    columns |= {
        name: plain(found[name]) if is_as_found else promoted_values(columns["tags"], keys)
        for name, keys in promoted.items()
    }
    named = pc.is_valid(_first(columns["interface_id"], columns["instance_id"], told["resource_id"]))
    return _Described(
        encoded(pa.concat_tables([pa.table(columns).select(names), nulls]).combine_chunks()),
        columns["vpc_id"].to_pylist(),
        named.to_pylist(),
        _is_hop(told, columns["resource_type"]).to_pylist(),
        _is_endpoint(told, picks).to_pylist(),
    )


class _Other(NamedTuple):
    """A recorder at another time, or by other evidence."""

    recorder: int
    pick: tuple[int, int]
    evidence: str


def _spells(
    picks: Sequence[tuple[int, int] | None], told: Sequence[str | None], sources: Sequence[Source]
) -> tuple[list[list[Spell]], list[_Other]]:
    """When each recorder is what, and the rows this needs beside a row a recorder.

    ``told``: the instances that records name; those hold for their records. What an interface was attached to without
    a record's word holds only for the time proven, if it may ever change.
    """
    spells = []
    others: list[_Other] = []
    for recorder, (pick, instance_id) in enumerate(zip(picks, told, strict=True)):
        if pick is None or instance_id is not None:
            spells.append([Spell(ALWAYS, FOREVER, recorder, is_proven=True)])
            continue
        inventory = sources[pick[0]].inventory
        if inventory.is_lasting(pick[1]):
            attached_at = inventory.instance_since(pick[1])
            spells.append([Spell(ALWAYS if attached_at is None else attached_at, FOREVER, recorder, is_proven=True)])
            continue
        mine = []
        proven = inventory.attachments(pick[1])
        for row, (since, until) in proven:
            place = recorder
            if row != pick[1]:
                place = len(picks) + len(others)
                others.append(_Other(recorder, (pick[0], row), "record"))
            mine.append(Spell(since, until, place, is_proven=True))
        if proven and proven[-1][1][1] != FOREVER and inventory.is_open(proven[-1][0]):
            row, (since, until) = proven[-1]
            believed = sources[pick[0]].continued_until(since, until)
            mine.append(Spell(since, believed, len(picks) + len(others), is_proven=False))
            others.append(_Other(recorder, (pick[0], row), "snapshot_open"))
        spells.append(mine)
    return spells, others


def _cleaned(recorded: pa.Table) -> dict[str, Any]:
    """The recorders' columns without chunks; the account ``unknown`` is none, and so is a zone that is no AZ ID."""
    columns = {name: plain(recorded[name]) for name in recorded.column_names}
    account, zone = columns["account_id"], columns["az_id"]
    if "unknown" in account.to_pylist():
        columns["account_id"] = pc.if_else(pc.equal(account, "unknown"), None, account)
    if not all(word is None or _AZ_ID.fullmatch(word) for word in set(zone.to_pylist())):
        columns["az_id"] = pc.if_else(pc.match_substring_regex(zone, AZ_ID), zone, None)
    return columns


def _find(interface_id: str | None, instance_id: str | None, sources: Sequence[Source]) -> tuple[int, int] | None:
    for number, source in enumerate(sources):
        row = source.inventory.rows.get(interface_id or "")
        if row is not None:
            return number, row
        if interface_id is None and instance_id is not None:
            rows = source.inventory.instance_rows(instance_id)
            if len(rows) == 1:
                return number, rows[0]
    return None


def _as_of_record(
    known: pa.Table, told_instance: Any, picks: Sequence[tuple[int, int] | None], sources: Sequence[Source]
) -> pa.Table:
    """Where the record names another instance than the inventory, the record's instance and its tags hold.

    Of an instance that no source described the tags are unknown, and its interface's own might not be those that hold.
    Only where IPAM alone tells of the interface, which never tells of instances, they are all there is.
    """
    instances = plain(told_instance)
    other = pc.and_(pc.is_valid(instances), pc.fill_null(pc.not_equal(instances, plain(known["instance_id"])), True))
    if not pc.any(other).as_py():
        return known
    for name in (*RESOURCE, "tags"):
        column = plain(known[name])
        kept = pc.if_else(other, None, pa.array(range(len(column)), pa.int64()))
        known = known.set_column(known.column_names.index(name), name, column.take(kept))
    tags = plain(known["tags"]).to_pylist()
    for row in pc.indices_nonzero(other).to_pylist():
        pick, instance_id = picks[row], instances[row].as_py()
        is_described = any(source.inventory.knows_instance(instance_id) for source in sources)
        found = {}
        if pick is not None and (is_described or sources[pick[0]].is_ipam(pick[1])):
            found = sources[pick[0]].inventory.interface_tags(pick[1])
        for source in sources:
            found |= source.inventory.instance_tags(instance_id)
        tags[row] = list(found.items())
    return known.set_column(known.column_names.index("tags"), "tags", pa.array(tags, TAGS))


def _locate(columns: dict[str, Any], sources: Sequence[Source], default_region: str | None) -> None:
    """Fill VPC, AZ ID and region from the subnet where neither record nor interface tells them."""
    subnets = columns["subnet_id"].to_pylist()
    for name in ("vpc_id", "az_id", "region"):
        if columns[name].null_count and columns["subnet_id"].null_count < len(subnets):
            found = [_of_subnet(subnet, name, sources) for subnet in subnets]
            columns[name] = pc.coalesce(columns[name], pa.array(found, STRING))
    if default_region is not None:
        columns["region"] = pc.fill_null(columns["region"], default_region)


def _of_subnet(subnet_id: str | None, name: str, sources: Sequence[Source]) -> str | None:
    for source in sources:
        networks = source.inventory.networks
        row = networks.subnet_rows.get(subnet_id or "")
        if row is not None:
            value: str | None = getattr(networks.subnets[row], name)
            return value
    return None


def _resource(told: Mapping[str, Any], known: pa.Table) -> tuple[Any, Any]:
    """Type and id: an ECS task of its own interface, the inventory's word, an instance, what the record calls it."""
    tasks, kinds, gateways = told["ecs_task_id"], told["interface_type"], told["resource_id"]
    if _tells(tasks):
        tasks = pc.if_else(pc.is_null(told["instance_id"]), tasks, None)
    if _tells(kinds):
        kinds = pa.array([_KIND_OF_TYPE.get(kind, kind) for kind in kinds.to_pylist()], STRING)
    if _tells(gateways):
        gateways = pc.if_else(pc.starts_with(gateways, "nat-"), gateways, None)
    known_type, known_id = plain(known["resource_type"]), plain(known["resource_id"])
    types = _first(
        _word(tasks, "ecs_task"),
        known_type,
        _word(told["instance_id"], "instance"),
        _word(gateways, "nat_gateway"),
        _word(told["tgw_id"], "transit_gateway"),
        kinds,
    )
    of_known = pc.if_else(pc.is_valid(known_type), _first(known_id, gateways), None)
    return types, _first(tasks, of_known, told["instance_id"], gateways, told["tgw_id"])


def _first(*columns: Any) -> Any:
    """For each row the first value that is not null; a column is looked at only where those before it leave a gap."""
    found, *others = columns
    for other in others:
        if not found.null_count:
            break
        if _tells(other):
            found = other if found.null_count == len(found) else pc.coalesce(found, other)
    return found


def _word(where: Any, word: str) -> Any:
    if not _tells(where):
        return where
    return pc.if_else(pc.is_valid(where), pa.scalar(word), pa.scalar(None, STRING))


def _with_record_tags(told: Mapping[str, Any], tags: Any, record_tags: Mapping[str, str]) -> Any:
    """Add the percent-decoded values of v11 tag fields under the keys that settings name."""
    fields = [name for name in _TAG_FIELDS if name in record_tags and told[name].null_count < len(tags)]
    if not fields:
        return tags
    values = [told[name].to_pylist() for name in fields]
    rows = []
    for pairs, *found in zip(tags.to_pylist(), *values, strict=True):
        told_tags = {record_tags[name]: unquote(v) for name, v in zip(fields, found, strict=True) if v is not None}
        rows.append(list({**dict(pairs or ()), **told_tags}.items()) if told_tags else pairs)
    return pa.array(rows, TAGS)


def _is_hop(told: Mapping[str, Any], resource_type: Any) -> Any:
    is_hop = pc.is_in(resource_type, value_set=_HOP_KINDS)
    if _tells(told["interface_type"]):
        is_hop = pc.or_(is_hop, pc.is_in(told["interface_type"], value_set=_HOP_KINDS))
    if _tells(told["resource_id"]):
        is_hop = pc.or_(is_hop, pc.fill_null(pc.starts_with(told["resource_id"], "nat-"), False))
    return pc.or_(is_hop, pc.is_valid(told["tgw_id"])) if _tells(told["tgw_id"]) else is_hop


def _tells(column: Any) -> bool:
    """Whether any record has a value here: most formats lack most of these columns."""
    return bool(column.null_count < len(column))


def _is_endpoint(told: Mapping[str, Any], picks: Sequence[tuple[int, int] | None]) -> Any:
    """Recorders that run something: an instance, a task, a kind the record names, an interface some source knows.

    An interface without instance of which nothing is known may be a gateway's, and shows others' addresses as its own.
    """
    told_kind = pc.is_valid(_first(told["instance_id"], told["ecs_task_id"], told["interface_type"]))
    return pc.or_(told_kind, pa.array([pick is not None for pick in picks], pa.bool_()))
