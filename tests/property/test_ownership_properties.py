"""Ownership against a truth of seconds that scans see only now and then: what is called proven is true.

A small world of two accounts: an address moves between interfaces, and interfaces between instances. Nothing comes
back to where it was (``merge`` says what it assumes of that). Each scan takes its time and reads at some moment of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import Document, eni, enriched, estate, held, of_parts, scan, subnet, vpc

from enricher.attribution import NOBODY
from enricher.sources import Source

PARTS = ("111122223333/us-east-1", "444455556666/us-east-1")
PART_OF = {"eni-0": PARTS[0], "eni-1": PARTS[0], "eni-2": PARTS[1]}
MOVING = "10.0.1.5"
HOME = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")]}
END = 120
SECONDS = st.integers(0, END)
SPANS = st.tuples(SECONDS, SECONDS).map(lambda span: (min(span), max(span)))


@dataclass(frozen=True)
class Course:
    """What was so from each second on: (second, value), the first of them from the beginning."""

    changes: tuple[tuple[int, str | None], ...]

    def at(self, second: int) -> str | None:
        """What was so in that second."""
        return next(value for since, value in reversed(self.changes) if since <= second)

    def since(self, second: int) -> int:
        """The second from which on it had been so."""
        return next(since for since, _ in reversed(self.changes) if since <= second)

    def through(self, first: int, last: int) -> set[str | None]:
        """All that was so from one second to another."""
        return {self.at(second) for second in range(first, last + 1)}


@dataclass(frozen=True)
class World:
    """Which interface had the moving address, and which instance had each interface; who can tell since when."""

    owner: Course
    attached: dict[str, Course]
    tells_attach_time: bool
    device: int

    def documents(self, part: str, second: int) -> dict[str, Document]:
        """What EC2 tells of a part in that second."""
        interfaces = [self._interface(name, second) for name, where in PART_OF.items() if where == part]
        return estate(interfaces=interfaces, **HOME)

    def _interface(self, name: str, second: int) -> Document:
        addresses = [f"10.0.1.20{name[-1]}", *([MOVING] if self.owner.at(second) == name else [])]
        told = eni(name, *addresses, SubnetId="subnet-a")
        instance = self.attached[name].at(second)
        if instance is not None:
            since = self.attached[name].since(second) if self.tells_attach_time else None
            told["Attachment"] = {
                **eni(name, attached=since)["Attachment"],
                "InstanceId": instance,
                "DeviceIndex": self.device,
            }
        return told


@st.composite
def courses(draw: st.DrawFn, values: list[str | None]) -> Course:
    """Some of the values, each at most once, one after the other."""
    order = draw(st.permutations(values))
    times = sorted(draw(st.sets(SECONDS, max_size=len(order) - 1)))
    return Course(tuple(zip([-100, *times], order, strict=False)))


@st.composite
def lives(draw: st.DrawFn, names: list[str]) -> Course:
    """Owners of an address, none twice, with times of nobody between some of them."""
    course = draw(courses([*names]))
    return Course(tuple((since, name if draw(st.booleans()) else None) for since, name in course.changes))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any course of things."""
    device = draw(st.integers(0, 1))
    attached = {}
    for name in PART_OF:
        # An instance's first interface is attached once and for good.
        first = Course(((-100, None), (draw(SECONDS), f"i-{name[-1]}0")))
        attached[name] = draw(courses([None, *(f"i-{name[-1]}{n}" for n in range(3))])) if device else first
    return World(draw(lives(sorted(PART_OF))), attached, draw(st.booleans()), device)


@st.composite
def sights(draw: st.DrawFn, world: World) -> tuple[Source, dict[str, list[tuple[int, int]]], frozenset[str]]:
    """What scans saw of it: the source, when each part was scanned, and which parts are stale."""
    scans, times = [], {}
    for part in PARTS:
        begins = sorted(draw(st.sets(SECONDS, max_size=4)))
        times[part] = [(begun, begun + draw(st.integers(0, 5))) for begun in begins]
        # The next scan begins when this one has ended.
        times[part] = [now for now, after in pairwise([*times[part], (END * 2, 0)]) if now[1] < after[0]]
        for begun, ended in times[part]:
            scans.append(scan(part, begun, ended, world.documents(part, draw(st.integers(begun, ended)))))
    stale = draw(st.frozensets(st.sampled_from(PARTS)))
    failed = [part for part in PARTS if not times[part]]
    return of_parts(*scans, failed=failed, stale=stale, max_gap_s=draw(st.sampled_from([0, 20, 999]))), times, stale


def asked(world: World) -> Iterator[tuple[str, Course]]:
    """Every address, and which interface had it when."""
    yield MOVING, world.owner
    for name in PART_OF:
        yield f"10.0.1.20{name[-1]}", Course(((-100, name),))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), when=SPANS, batch=SPANS)
def test_what_is_called_proven_was_so_through_all_of_the_flow(data: st.DataObject, when: Any, batch: Any) -> None:
    """Interface and instance; by continuation only later than the last scan; as fresh as the part that tells it."""
    world = data.draw(worlds())
    known, times, stale = data.draw(sights(world))
    whole = (min(batch[0], when[0]), max(batch[1], when[1]))

    for address, owner in asked(world):
        answer = held([known], address, "vpc-a", when, batch=whole)
        if answer.source == NOBODY or answer.evidence == "subnet":
            assert answer.status in ("subnet", "stale", "unresolved")
            continue
        inventory = known.inventory
        name = inventory.interface_ids[answer.row]
        part = PART_OF[name]
        assert answer.status == ("stale" if part in stale else "resolved")
        if answer.evidence == "snapshot":
            assert owner.through(*when) == {name}
            assert world.attached[name].through(*when) == {inventory.instance_ids[answer.row]}
        else:
            assert answer.evidence == "snapshot_open"
            begun, ended = times[part][-1]
            assert when[1] > begun
            assert name in owner.through(begun, ended)
            assert inventory.instance_ids[answer.row] in world.attached[name].through(begun, ended)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), spans=st.lists(SPANS, min_size=1, max_size=4))
def test_what_a_recorder_is_called_with_proof_was_so(data: st.DataObject, spans: list[tuple[int, int]]) -> None:
    """Its own side by ``record`` without the record's word, and as peer of others by ``peer_record``."""
    world = data.draw(worlds())
    known, _, _ = data.draw(sights(world))
    sent = "5 eni-0 - vpc-a - - 10.0.1.200 10.0.1.99 10.0.1.200 10.0.1.99 {} {} egress -"
    came = "5 eni-9 i-9 vpc-a - - 10.0.1.200 10.0.1.99 10.0.1.200 10.0.1.99 {} {} ingress -"

    rows = enriched([each.format(*span) for span in spans for each in (sent, came)], known)

    for row in rows:
        true = world.attached["eni-0"].through(row["start"], row["end"])
        if row["src_evidence"] == "peer_record" and row["src_interface_id"] == "eni-0":
            assert true == {row["src_instance_id"]}
        if row["interface_id"] == "eni-0" and row["src_evidence"] == "record" and row["src_instance_id"] is not None:
            assert true == {row["src_instance_id"]}


@settings(deadline=None, max_examples=30)
@given(data=st.data(), world=worlds(), gap=st.integers(1, 20))
def test_what_two_near_scans_saw_is_named(data: st.DataObject, world: World, gap: int) -> None:
    """The rules are not empty: between two scans that saw the same owner with the same instance it is proven."""
    first = data.draw(st.integers(0, END - gap))
    scans = [scan(PARTS[0], at, at, world.documents(PARTS[0], at)) for at in (first, first + gap)]
    owners = {world.owner.at(first), world.owner.at(first + gap)}
    name = owners.pop()
    if owners or name not in ("eni-0", "eni-1"):
        return
    attached = world.attached[name].through(first, first + gap)
    if len(attached) > 1:
        return

    answer = held([of_parts(*scans)], MOVING, "vpc-a", (first, first + gap))

    assert (answer.status, answer.evidence) == ("resolved", "snapshot")
