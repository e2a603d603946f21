"""What a snapshot remembers of one batch must be what it would answer to the next one, or nothing."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import eni, estate, history, peering, scan, source, subnet, vpc

from enricher.addresses import Address, Addresses
from enricher.attribution import Attributor, Key
from enricher.inventory import Inventory
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source

NETWORKS = {
    "vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16")],
    "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24"), subnet("subnet-b", "vpc-b", "10.1.1.0/24")],
    "peerings": [peering("vpc-a", "vpc-b")],
}
INTERFACES = [eni("eni-1", "10.0.9.1"), eni("eni-2", "10.0.9.2"), eni("eni-3", "10.1.9.1", vpc="vpc-b")]
VPC_OF = {"eni-1": "vpc-a", "eni-2": "vpc-a", "eni-3": "vpc-b"}
# Private and owned in either VPC, in no subnet, of unknown private space; public.
ADDRESSES = ["10.0.1.5", "10.1.1.5", "10.0.200.1", "192.168.0.1", "198.51.100.7"]
SPANS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda span: (min(span), max(span)))
CLAIMS = st.lists(
    st.tuples(st.sampled_from(ADDRESSES[:2]), st.sampled_from(sorted(VPC_OF)), SPANS, st.booleans()),
    min_size=1,
    max_size=4,
)
NAMES = st.tuples(
    st.sampled_from(["vpc-a", "vpc-a", "vpc-b", None]), st.sampled_from([0, 0, 1, 1, 2, 3, 4]), st.sampled_from([0, 4])
)
RECORDED = st.just({}) | st.dictionaries(st.sampled_from(["vpc-a", "vpc-b"]), SPANS, max_size=2)
BATCHES = st.lists(st.tuples(SPANS, st.booleans(), RECORDED, st.booleans()), min_size=2, max_size=6)


def asking(known: Source, key: Key, recorded: dict[str, tuple[int, int]]) -> Attributor:
    """A batch whose own sides had the key's address in these VPCs."""
    sides = {(vpc_id, key.address): [(0, *span)] for vpc_id, span in recorded.items()}
    return Attributor(Addresses([Address.parse(text).text for text in ADDRESSES]), sides, [known])


@settings(deadline=None, max_examples=150)
@given(claims=CLAIMS, name=NAMES, batches=BATCHES)
def test_batch_after_batch_is_answered_as_if_it_were_the_first(claims, name, batches):
    """Whatever was asked before: other spans, own sides of other batches, a snapshot that was fresh and now is not."""
    owned = [(address, VPC_OF[owner], owner, *span, is_open) for address, owner, span, is_open in claims]
    documents = estate(interfaces=INTERFACES, **NETWORKS)
    kept = history(documents, owned)

    for span, is_claimed, recorded, is_stale in batches:
        key = Key(*name, *span, is_claimed)
        fresh = replace(history(documents, owned), is_stale=is_stale)

        (answer,) = asking(replace(kept, is_stale=is_stale), key, recorded).answers([key])

        assert answer == asking(fresh, key, recorded).answer(key)


def test_an_address_that_nobody_owns_is_stale_with_its_part_and_absent_again_after_the_scan():
    """What is remembered is worth what its source is worth when asked."""
    home = scan("1/us-east-1", 90, 100, estate(interfaces=INTERFACES[:1], **NETWORKS))
    known = Source(Inventory(home, DEFAULT_PROMOTED_TAGS), "snapshot")
    key = Key("vpc-a", ADDRESSES.index("10.0.200.1"), 0, 50, 60)

    def status(stale: frozenset[str]) -> str:
        (answer,) = asking(replace(known, stale_parts=stale), key, {}).answers([key])
        return answer[-1].status

    assert [status(parts) for parts in (frozenset(), frozenset({"1/us-east-1"}), frozenset())] == [
        "absent",
        "stale",
        "absent",
    ]


def test_a_snapshot_remembers_no_more_than_it_has_room_for():
    """All is forgotten where one more would be too many; the answers stay the same."""
    known = source(estate(interfaces=INTERFACES, **NETWORKS), 100)
    keys = [Key("vpc-a", address, 0, 50, 60) for address in range(len(ADDRESSES))]
    attributor = asking(known, keys[0], {})
    known.remembered().update(dict.fromkeys(range(99_998)))

    assert attributor.answers(keys) == [attributor.answer(key) for key in keys]
    assert len(known.remembered()) == len(keys) - 2
