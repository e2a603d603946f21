"""`explain` says what `enrich` writes, and never leaves an owner without a reason."""

from dataclasses import replace

import pyarrow as pa
from explained import destination, explainer, past
from hypothesis import given
from hypothesis import strategies as st
from made_by_hand import eni, estate, peering, subnet, transit, vpc

from enricher.explain import TIME_REASONS
from enricher.inventory import ADDRESS_SCHEMA, INTERFACE_SCHEMA, Part
from enricher.networks import Networks

VPCS = ("vpc-a", "vpc-b", "vpc-c")
PLACES = {"10.0.1.5": "10.0.0.0/16", "198.51.100.7": "198.51.100.0/24", "2001:db8::5": "2001:db8::/56"}
PREFIXES = {"10.0.1.5": "10.0.1.0/28", "2001:db8::5": "2001:db8::/80"}
INTERFACES = [f"eni-{name[-1]}{number}" for name in VPCS for number in (1, 2)]
EC2, OTHER, IPAM = "111122223333/us-east-1", "444455556666/us-east-1", "ipam/ipam-scope-1"
ACCOUNTS = st.sampled_from([None, EC2[:12], OTHER[:12], "777788889999"])
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
    tables = past(documents, draw(st.lists(ownerships(address), max_size=5)))
    if draw(st.booleans()):
        tables = scanned(tables, draw(st.lists(st.sampled_from([EC2, OTHER, IPAM]), min_size=6, max_size=6)), draw)
    return tables, address, draw(st.sampled_from([None, *VPCS, "vpc-other"])), draw(TIMES)


def scanned(tables, parts, draw):
    """The estate as parts tell of it; what is told by IPAM knows no instance, and a part may never have been scanned.

    Each interface is told by one part, and a second time by IPAM: each ownership is of one or the other row.
    """
    rows = [{**row, "part": part} for row, part in zip(tables.interfaces.to_pylist(), parts, strict=True)]
    again = [{**row, "part": IPAM, "instance_id": None} for row in rows]
    owned = [
        {**each, "row": each["row"] + draw(st.sampled_from([0, len(rows)]))} for each in tables.addresses.to_pylist()
    ]
    never = draw(st.booleans())
    return replace(
        tables,
        interfaces=pa.Table.from_pylist(rows + again, INTERFACE_SCHEMA),
        addresses=pa.Table.from_pylist(owned, ADDRESS_SCHEMA),
        networks=Networks(
            [replace(each, part=EC2) for each in tables.networks.vpcs],
            [replace(each, part=EC2) for each in tables.networks.subnets],
            [replace(each, part=EC2) for each in tables.networks.connections],
            [
                replace(each, part=EC2, account_id=draw(ACCOUNTS), hub_account_id=draw(ACCOUNTS))
                for each in tables.networks.memberships
            ],
        ),
        parts=(Part(EC2, 12.0, 12.0), Part(IPAM, 12.0, 12.0), Part(OTHER, *((None, None) if never else (9.0, 9.5)))),
    )


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
            assert not mine.owner.is_open
        if each.reason == "succeeded":
            assert is_after
            assert mine.owner.is_open
        if each.reason in ("conflict", "succeeded", "conflict_of_others"):
            assert each.by is not None
            assert each.by != each.ownership
        if each.reason == "same_owner":
            assert names[each.by] == names[each.ownership]
        elif each.reason == "ec2_knows":
            tellers = zip(*(tables.interfaces[name].to_pylist() for name in ("interface_id", "part")), strict=True)
            assert explained.interface(mine)["part"] == IPAM
            assert any(name == names[each.ownership] and part != IPAM for name, part in tellers)
        elif each.reason not in TIME_REASONS and mine.owner.vpc_id is not None and not explained.is_public:
            from_within = explained.answer(mine.owner.vpc_id, at)
            assert from_within.named == each.ownership
