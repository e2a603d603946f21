"""A history of scans against a world whose every second is known (``scanned_world``)."""

import math
from collections import defaultdict
from typing import Any

from hypothesis import event, given, settings
from scanned_world import CONSISTENCY, LAG, Case, Look, cases, owned, rows, told

from enricher.inventory import is_ipam
from enricher.snapshot import from_snapshot, to_snapshot


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_no_second_is_proven_for_anyone_but_its_owner(case: Case) -> None:
    """Address by address and second by second; and an interface's version was attached as it says."""
    world = {one.name: one for one in case.world.interfaces}
    proven: set[tuple[Any, ...]] = set()
    for row in (row for history in filter(None, case.histories) for row in rows(history)):
        names = ("address", "vpc_id", "interface_id", "instance_id", "part")
        claims = {(*(row[name] for name in names), at) for at in range(row["valid_from"], row["seen_until"] + 1)}
        for address, vpc, interface_id, instance_id, part, moment in claims - proven:
            owner = case.world.owner(address, vpc or world[interface_id].vpc, moment)
            assert owner is not None
            assert owner.name == interface_id
            assert is_ipam(part) or owner.attached_to(moment) == instance_id
        proven |= claims
    for row in (row for history in filter(None, case.histories) for row in history.interfaces.to_pylist()):
        for moment in range(row["seen_from"], row["seen_until"] + 1):
            one = world[row["interface_id"]]
            assert one.life.holds(moment)
            assert is_ipam(row["part"]) or one.attached_to(moment) == row["instance_id"]
    event(f"proven seconds: 10**{int(math.log10(len(proven))) if proven else None}")


@settings(max_examples=50, deadline=None)
@given(case=cases())
def test_what_two_near_scans_saw_is_proven_between_them(case: Case) -> None:
    """Proof is not merely withheld: from one scan's end to the next one's beginning, and since AttachTime."""
    seen: dict[str, Look] = {}
    for look, history in zip(case.looks, case.histories[1:], strict=True):
        before = seen.get(look.part)
        if look.failed or history is None or (before is not None and look.begun <= before.begun):
            continue
        seen[look.part] = look
        claimed = defaultdict(set)
        for row in rows(history):
            owner = (row["part"], row["interface_id"], row["instance_id"], row["address"])
            claimed[owner] |= set(range(row["valid_from"], row["seen_until"] + 1))
        lag = LAG if is_ipam(look.part) else 0
        for owner, attached in owned(look, case.world).items():
            until = look.begun - lag - CONSISTENCY
            if attached is not None:
                assert set(range(attached, until + 1)) <= claimed[owner]
            elif before is not None and owner in owned(before, case.world):
                is_near = look.begun + look.took + CONSISTENCY - before.begun <= case.world.gap
                if is_near:
                    assert set(range(before.begun + before.took, until + 1)) <= claimed[owner]


@settings(max_examples=50, deadline=None)
@given(case=cases())
def test_open_are_the_owners_of_each_part_s_last_good_scan(case: Case) -> None:
    """No more, no fewer, each once; and nothing hangs on what is gone."""
    last: dict[str, Look] = {}
    for look in case.looks:
        if not look.failed and (look.part not in last or look.begun > last[look.part].begun):
            last[look.part] = look
    expected = sorted(str(owner) for look in last.values() for owner in owned(look, case.world))

    found = rows(case.last)

    names = ("part", "interface_id", "instance_id", "address")
    assert sorted(str(tuple(row[name] for name in names)) for row in found if row["is_open"]) == expected
    ended = case.looks[-1].begun + case.looks[-1].took
    assert all(row["is_open"] or row["seen_until"] >= ended - case.keep_s for row in found)
    assert {row["row"] for row in found} == set(range(case.last.interfaces.num_rows))
    assert [row["address"] for row in found] == sorted(row["address"] for row in found)
    assert {part.name: part.begun_at for part in case.last.parts if part.begun_at is not None} == {
        name: look.begun for name, look in last.items()
    }


@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_a_look_again_changes_nothing_and_parts_do_not_care_about_each_other(case: Case) -> None:
    """Idempotent; in any order of different parts, or all at once; and a snapshot keeps it."""
    now = case.looks[-1].begun + case.looks[-1].took
    ours = {look.part: look for look in case.looks[-3:]}.values()
    before = case.histories[-4]

    at_once = case.merged(before, *ours, now=now)
    one_by_one = [before, before]
    for direction, looks in enumerate((list(ours), list(ours)[::-1])):
        for look in looks:
            one_by_one[direction] = case.merged(one_by_one[direction], look, now=now)

    assert told(case.merged(case.last, *case.looks, now=now)) == told(case.last)
    assert told(one_by_one[0]) == told(one_by_one[1]) == told(at_once)
    assert told(from_snapshot(to_snapshot(case.last), "it")) == told(case.last)
