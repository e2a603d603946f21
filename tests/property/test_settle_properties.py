"""The second look against a world whose every second is known (``scanned_world``): never wrong where it proves."""

import random
from typing import Any

import pyarrow as pa
from hypothesis import event, given, settings
from hypothesis import strategies as st
from made_by_hand import FORMAT
from scanned_world import ADDRESSES, Case, World, cases, with_networks

from enricher.enrich import Provenance, enrich
from enricher.inventory import ALWAYS, Inventory
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import AWS_COLUMNS, DEFAULT_PROMOTED_TAGS
from enricher.settle import settle
from enricher.sources import Source

RULES = Rules(default_region="us-east-1")
PROOF = ("record", "peer_record", "snapshot", "ipam")
HOSTS = [address for address in ADDRESSES if "/" not in address]
AWS = [column.name for column in AWS_COLUMNS]


def flows(world: World, chance: random.Random, until: int) -> list[str]:
    """Flows that interfaces sent from their own address to addresses in use, before the last look and after."""
    lines = []
    for _ in range(60):
        one = chance.choice(world.interfaces)
        start = chance.randint(0, until)
        end = start + chance.randint(0, 15)
        instance = one.attached_to(start)
        if not (one.life.holds(start) and one.life.holds(end)) or instance != one.attached_to(end):
            continue
        there = [other.primary for other in world.interfaces if other.vpc == one.vpc and other.life.holds(start)]
        peer = chance.choice([*there, *HOSTS])
        told = f"{one.name} {instance or '-'} {one.vpc} - - {one.primary} {peer} {one.primary} {peer}"
        lines.append(f"5 {told} {start} {end} egress 1")
    return lines


def source(case: Case, number: int) -> Source | None:
    """What an environment would hold after so many looks."""
    tables = case.histories[number]
    if tables is None:
        return None
    return Source(Inventory(with_networks(tables), DEFAULT_PROMOTED_TAGS), "snapshot", continued_share=None)


def is_between_records(row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether it is named by records of its other end, for one instance, before and after: it may have had none since.

    Decision 5: what happens between two records of a batch nobody tells.
    """
    named = row["dst_interface_id"], row["dst_instance_id"]
    proof = [one for one in rows if (one["interface_id"], one["instance_id"]) == named]
    return (
        row["dst_evidence"] == "peer_record"
        and min(one["start"] for one in proof) <= row["start"]
        and row["end"] <= max(one["end"] for one in proof)
    )


@settings(max_examples=40, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**32), looks=st.floats(0, 1))
def test_the_second_look_is_right_wherever_it_claims_proof(case: Case, seed: int, looks: float) -> None:
    """Whatever was known at first; input untouched; looking twice is looking once."""
    ended = case.looks[-1].begun + case.looks[-1].took
    lines = flows(case.world, random.Random(seed), ended)  # noqa: S311 - a simulation
    parsed = parse_lines(lines, [0] * len(lines), LogFormats.parse([FORMAT]))
    arrived_at = pa.array([2_000_000] * len(lines), pa.int64())
    early, later = source(case, round(looks * len(case.looks))), source(case, -1)
    assert later is not None
    before = enrich(parsed.flows, resolve(parsed.flows, early, RULES), Provenance("batch", arrived_at))
    remembered_since = ended - case.keep_s if case.keep_s < ended else ALWAYS

    settled = settle(before, later, RULES, remembered_since)

    assert settled.rows.select([*AWS, "batch_id", "arrived_at"]).equals(before.select([*AWS, "batch_id", "arrived_at"]))
    again = settle(settled.rows, later, RULES, remembered_since)
    assert again.rows.to_pylist() == settled.rows.to_pylist()
    assert again.settled == again.changed == again.withdrawn == 0
    first, second = before.to_pylist(), settled.rows.to_pylist()
    for was, now in zip(first, second, strict=True):
        if was["dst_status"] == "resolved" and was["dst_evidence"] in PROOF:
            assert side(now) == side(was)
        if now["dst_status"] == "resolved" and now["dst_evidence"] in PROOF:
            owned = [case.world.owner(now["dstaddr"], now["vpc_id"], at) for at in range(now["start"], now["end"] + 1)]
            assert {one and one.name for one in owned} == {now["dst_interface_id"]}
            if now["dst_instance_id"] is not None:
                had = {one and one.attached_to(now["start"] + n) for n, one in enumerate(owned)}
                allowed = {None} if is_between_records(now, first) else set()
                assert had - allowed <= {now["dst_instance_id"]}
    counted = {name: getattr(settled, name) > 0 for name in ("settled", "changed", "withdrawn", "kept")}
    event(" ".join(name for name, some in counted.items() if some))


def side(row: dict[str, Any]) -> dict[str, Any]:
    """All columns of the destination."""
    return {name: value for name, value in row.items() if name.startswith("dst_") and name != "dst_tags"}
