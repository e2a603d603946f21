"""Attribution against a truth it cannot see: what is called proven is true; company makes no answer bolder."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import eni, estate, found, history, peering, source, subnet, vpc

NETWORKS = {
    "vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")],
    "subnets": [
        subnet("subnet-a", "vpc-a", "10.0.1.0/24"),
        subnet("subnet-b", "vpc-b", "10.1.1.0/24"),
        subnet("subnet-c", "vpc-c", "10.1.1.0/24"),
    ],
    "peerings": [peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
}
OWNERS = {f"eni-{vpc_id}{n}": f"vpc-{vpc_id}" for vpc_id in "abc" for n in range(4)}
INTERFACES = [eni(name, "10.200.0.1", vpc=vpc_id) for name, vpc_id in OWNERS.items()]
TIMES = st.integers(0, 60)


@dataclass(frozen=True)
class Truth:
    """Who owned an address when: (interface or None, first second, last second), without holes, no owner twice."""

    spans: tuple[tuple[str | None, int, int], ...]

    def owner(self, second: int) -> str | None:
        """The owner in that second."""
        return next((name for name, first, last in self.spans if first <= second <= last), None)


@st.composite
def truths(draw, names):
    """A life of an address: owners come one after the other, with or without a gap, and never come back."""
    order = draw(st.permutations(names))
    cuts = sorted(draw(st.lists(TIMES, min_size=1, max_size=5, unique=True)))
    spans = []
    for place, (first, after) in enumerate(pairwise([*cuts, 10**6])):
        name = order[place] if place < len(order) and draw(st.booleans()) else None
        spans.append((name, first, after - 1))
    return Truth(tuple(spans))


def seen(truth: Truth, looks: list[int]) -> list[tuple[str, int, int, bool]]:
    """What snapshots at these seconds tell: (owner, first seen, last seen, still so at the last look)."""
    told: list[tuple[str, int, int, bool]] = []
    for look in looks:
        owner = truth.owner(look)
        last = look == looks[-1]
        if told and told[-1][0] == owner and told[-1][2] == looks[looks.index(look) - 1]:
            told[-1] = (owner, told[-1][1], look, last)
        elif owner is not None:
            told.append((owner, look, look, last))
    return told


SPANS = st.tuples(TIMES, TIMES).map(lambda span: (min(span), max(span)))
LOOKS = st.lists(TIMES, min_size=1, max_size=6, unique=True).map(sorted)
IN_ONE_VPC = ["eni-a0", "eni-a1", "eni-a2"]


@settings(deadline=None)
@given(truth=truths(IN_ONE_VPC), looks=LOOKS, when=SPANS, batch=SPANS)
def test_what_snapshots_prove_is_true(truth, looks, when, batch):
    """Named by `snapshot`: the true owner through all of the flow. By continuation: the last one seen, not before."""
    told = seen(truth, looks)
    if not told:
        return
    known = history(
        estate(interfaces=INTERFACES, **NETWORKS), [("10.0.1.5", "vpc-a", name, *span) for name, *span in told]
    )
    whole = (min(batch[0], when[0]), max(batch[1], when[1]))

    status, evidence, who = found([known], "10.0.1.5", "vpc-a", when, batch=whole)

    if evidence == "snapshot":
        assert {truth.owner(second) for second in range(when[0], when[1] + 1)} == {who}
    elif evidence == "snapshot_open":
        assert when[1] > looks[-1]
        assert who == truth.owner(looks[-1])
        assert told[-1][1] <= when[0]
    else:
        assert (status, who) == ("subnet", "subnet-a")


@settings(deadline=None)
@given(truth=truths(IN_ONE_VPC), looks=LOOKS, when=SPANS)
def test_what_snapshots_have_seen_on_both_sides_is_named(truth, looks, when):
    """The rules are not empty: between two looks at the same owner, and after the last one, somebody is named."""
    told = seen(truth, looks)
    around = [span for span in told if span[1] <= when[0] and (when[1] <= span[2] or span[3])]
    if not around:
        return
    known = history(
        estate(interfaces=INTERFACES, **NETWORKS), [("10.0.1.5", "vpc-a", name, *span) for name, *span in told]
    )

    assert found([known], "10.0.1.5", "vpc-a", when)[2] == around[0][0]


@settings(deadline=None)
@given(attached=TIMES, looked=TIMES, when=SPANS)
def test_what_attach_time_proves_is_true(attached, looked, when):
    """A primary address stays with its interface: from the attachment to the look it was there, and not before."""
    if looked < attached:
        return
    known = source(estate(interfaces=[eni("eni-1", "10.0.1.5", attached=attached)], **NETWORKS), looked)

    _, evidence, who = found([known], "10.0.1.5", "vpc-a", when)

    if when[0] < attached:
        assert (evidence, who) == ("subnet", "subnet-a")
    else:
        assert (evidence, who) == ("snapshot" if when[1] <= looked else "snapshot_open", "eni-1")


CLAIMS = st.lists(st.tuples(st.sampled_from(sorted(OWNERS)), SPANS, st.booleans()), min_size=1, max_size=5)
RECORDED = st.dictionaries(
    st.sampled_from(["vpc-a", "vpc-b", "vpc-c", "vpc-x"]),
    st.lists(st.tuples(st.integers(0, 3), SPANS).map(lambda one: (one[0], *one[1])), min_size=1, max_size=3),
    max_size=2,
)


@settings(deadline=None)
@given(claims=CLAIMS, recorded=RECORDED, when=SPANS, batch=SPANS, address=st.sampled_from(["10.0.1.5", "10.1.1.5"]))
def test_company_never_makes_an_answer_bolder(claims, recorded, when, batch, address):
    """Whom a flow names among others it names alone; others may cost it an answer, never give it one."""
    known = history(
        estate(interfaces=INTERFACES, **NETWORKS),
        [(address, OWNERS[name], name, *span, is_open) for name, span, is_open in claims],
    )
    whole = (min(batch[0], when[0]), max(batch[1], when[1]))

    alone = found([known], address, "vpc-a", when, peers=recorded)
    among = found([known], address, "vpc-a", when, batch=whole, peers=recorded)

    if among[2] is not None and among[0] != "subnet":
        assert among == alone
    elif among[0] == "subnet":
        assert alone == among or alone[0] == "resolved"


@settings(deadline=None)
@given(claims=CLAIMS, when=SPANS, address=st.sampled_from(["10.0.1.5", "10.1.1.5"]))
def test_only_one_who_claims_the_address_for_the_flow_is_ever_named(claims, when, address):
    """Nobody is named without a claim that holds for the flow's start, in a VPC that can be meant, without a rival."""
    known = history(
        estate(interfaces=INTERFACES, **NETWORKS),
        [(address, OWNERS[name], name, *span, is_open) for name, span, is_open in claims],
    )

    status, _, who = found([known], address, "vpc-a", when)

    if status != "resolved":
        return
    mine = [(span, is_open) for name, span, is_open in claims if name == who]
    rivals = [span for name, span, _ in claims if name != who and OWNERS[name] == OWNERS[who]]
    assert OWNERS[who] == "vpc-a" if address == "10.0.1.5" else OWNERS[who] != "vpc-a" or who.startswith("eni-a")
    assert any(span[0] <= when[0] and (when[1] <= span[1] or is_open) for span, is_open in mine)
    assert not any(span[0] <= when[1] and when[0] <= span[1] for span in rivals)
