"""`explain` says what `enrich` writes, and never leaves an owner without a reason."""

from explained import destination, explainer, past
from hypothesis import given
from hypothesis import strategies as st
from made_by_hand import eni, estate, peering, subnet, transit, vpc

from enricher.explain import TIME_REASONS

VPCS = ("vpc-a", "vpc-b", "vpc-c")
PLACES = {"10.0.1.5": "10.0.0.0/16", "198.51.100.7": "198.51.100.0/24", "2001:db8::5": "2001:db8::/56"}
PREFIXES = {"10.0.1.5": "10.0.1.0/28", "2001:db8::5": "2001:db8::/80"}
INTERFACES = [f"eni-{name[-1]}{number}" for name in VPCS for number in (1, 2)]
TIMES = st.integers(0, 12)


@st.composite
def ownerships(draw, address):
    """A few intervals: of the address or a prefix that holds it, dated or not, contradictions included."""
    name = draw(st.sampled_from(INTERFACES))
    since = draw(TIMES)
    until = draw(TIMES)
    text = draw(st.sampled_from([address, PREFIXES.get(address, address)]))
    vpc_id = draw(st.sampled_from([f"vpc-{name[4]}"] * 4 + [None])) if text == address else f"vpc-{name[4]}"
    dated = draw(st.sampled_from([True, True, True, False]))
    return text, vpc_id, name, *((since, until) if dated else (None, None)), draw(st.booleans())


@st.composite
def cases(draw):
    """An estate with a past, an address, where it is seen from, and when."""
    address = draw(st.sampled_from(list(PLACES)))
    documents = estate(
        interfaces=[
            eni(name, f"172.16.0.{number}", vpc=f"vpc-{name[4]}", instance=f"i-{number}")
            for number, name in enumerate(INTERFACES)
        ],
        vpcs=[
            vpc(name, *draw(st.sampled_from([["172.16.0.0/16"], [PLACES[address]], ["10.200.0.0/16"]])))
            for name in draw(st.sets(st.sampled_from(VPCS)))
        ],
        subnets=[
            subnet(f"subnet-{name[-1]}", name, PLACES[address], f"use1-az{VPCS.index(name) + 1}")
            for name in draw(st.sets(st.sampled_from(VPCS)))
        ],
        peerings=[peering(*pair) for pair in draw(st.sets(st.sampled_from([("vpc-a", "vpc-b"), ("vpc-b", "vpc-c")])))],
        transits=draw(st.sampled_from([[], transit("tgw-1", "vpc-a", "vpc-c"), transit("tgw-1", *VPCS)])),
    )
    owned = draw(st.lists(ownerships(address), max_size=5))
    return past(documents, owned), address, draw(st.sampled_from([None, *VPCS, "vpc-other"])), draw(TIMES)


@given(cases())
def test_explain_says_what_enrich_writes(case):
    """Every column of one side, for one line to the same address, from the same VPC, at the same time."""
    tables, address, seen_from, at = case

    assert explainer(tables, address).answer(seen_from, at).columns == destination(tables, address, seen_from, at)


@given(cases())
def test_every_owner_answers_or_has_a_reason(case):
    """Whoever answers is the interface in the columns; of the others, the reason fits the facts."""
    tables, address, seen_from, at = case
    explained = explainer(tables, address)
    answer = explained.answer(seen_from, at)

    names = [explained.interface(each)["interface_id"] for each in explained.ownerships]
    assert answer.columns["interface_id"] == (None if answer.named is None else names[answer.named])
    told = [each.ownership for each in answer.left_out] + ([] if answer.named is None else [answer.named])
    assert sorted(told) == list(range(len(explained.ownerships)))
    for each in answer.left_out:
        mine = explained.ownerships[each.ownership]
        is_before = mine.valid_from is not None and at < mine.valid_from
        is_after = mine.seen_until is not None and at > mine.seen_until
        if each.reason in ("attached_later", "seen_later"):
            assert is_before
        if each.reason == "gone":
            assert is_after
            assert not mine.is_open
        if each.reason == "succeeded":
            assert is_after
            assert mine.is_open
        if each.reason in ("conflict", "succeeded", "conflict_of_others"):
            assert each.by is not None
            assert names[each.by] != names[each.ownership]
        if each.reason == "same_owner":
            assert names[each.by] == names[each.ownership]
        elif each.reason not in TIME_REASONS and mine.vpc_id is not None and not explained.is_public:
            from_within = explained.answer(mine.vpc_id, at)
            assert from_within.named == each.ownership
