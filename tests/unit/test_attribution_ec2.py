"""EC2's answers beside a snapshot: what was asked is known whole, what came by chance is not."""

from collections.abc import Iterable

from made_by_hand import Document, eni, estate, found, peering, source, subnet, vpc

from enricher.sources import Source

NOW = (5_000, 5_060)
HERE = vpc("vpc-a", "10.0.0.0/16")
THERE = vpc("vpc-b", "10.1.0.0/16")
TWIN = vpc("vpc-c", "10.1.0.0/16")
ABSENT = ("absent", None, None)


def ec2(*interfaces: Document, at: float = 5_100, asked: Iterable[str] = ()) -> Source:
    """What EC2 answered at a time for some addresses."""
    return source(estate(interfaces=interfaces), at, "ec2", asked=frozenset(asked))


def test_ec2_names_what_the_snapshot_does_not_know():
    """Asked after the flow, EC2's AttachTime proves; asked before its end, the owner is a continuation."""
    snapshot = source(estate(vpcs=[HERE]), 4_000)
    answered = ec2(eni("eni-a", "10.0.1.5", "10.0.1.6", attached=4_500), asked=["10.0.1.5", "10.0.1.6"])

    assert found([snapshot, answered], "10.0.1.5", "vpc-a", NOW) == ("resolved", "ec2", "eni-a")
    assert found([snapshot, answered], "10.0.1.5", "vpc-a", (4_400, 4_460)) == ABSENT
    assert found([snapshot, answered], "10.0.1.5", "vpc-a", (5_090, 5_150)) == ("resolved", "snapshot_open", "eni-a")
    assert found([snapshot, answered], "10.0.1.6", "vpc-a", NOW) == ABSENT
    assert found([snapshot, answered], "10.0.1.6", "vpc-a", (5_100, 5_160)) == ("resolved", "snapshot_open", "eni-a")


def test_what_ec2_was_not_asked_may_have_a_second_owner():
    """An address that merely came with another one's answer does not tell the VPC: its other owners were not asked."""
    snapshot = source(
        estate(vpcs=[HERE, THERE, TWIN], peerings=[peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")]), 4_000
    )
    by_chance = eni("eni-b", "10.1.1.4", "10.1.1.5", vpc="vpc-b", attached=100)

    assert found([snapshot, ec2(by_chance, asked=["10.1.1.4"])], "10.1.1.4", "vpc-a", NOW)[2] == "eni-b"
    assert found([snapshot, ec2(by_chance, asked=["10.1.1.4"])], "10.1.1.5", "vpc-a", (5_100, 5_160)) == ABSENT
    assert found(
        [snapshot, ec2(by_chance, asked=["10.1.1.4"])],
        "10.1.1.5",
        "vpc-a",
        (5_100, 5_160),
        unasked=frozenset({"10.1.1.5"}),
    ) == ("unresolved", None, None)
    assert found([snapshot, ec2(by_chance, asked=["10.1.1.5"])], "10.1.1.5", "vpc-a", (5_100, 5_160))[2] == "eni-b"


def test_what_came_by_chance_serves_its_own_vpc():
    """Within one VPC an address has one owner, whether or not it was asked for."""
    snapshot = source(estate(vpcs=[HERE]), 4_000)
    by_chance = ec2(eni("eni-a", "10.0.1.5", attached=100))

    assert found([snapshot, by_chance], "10.0.1.5", "vpc-a", NOW) == ("resolved", "ec2", "eni-a")


def test_an_address_that_could_not_be_asked_is_unresolved_not_absent():
    """Budget, deadline and breaker leave `unresolved`; the subnet is still known, and other addresses are absent."""
    snapshot = source(estate(vpcs=[HERE], subnets=[subnet("subnet-a", "vpc-a", "10.0.1.0/24")]), 4_000)
    unasked = frozenset({"10.0.2.5", "10.0.1.5", "198.51.100.7"})

    assert found([snapshot], "10.0.2.5", "vpc-a", NOW, unasked=unasked) == ("unresolved", None, None)
    assert found([snapshot], "198.51.100.7", "vpc-a", NOW, unasked=unasked) == ("unresolved", None, None)
    assert found([snapshot], "10.0.1.5", "vpc-a", NOW, unasked=unasked) == ("subnet", "subnet", "subnet-a")
    assert found([snapshot], "10.0.2.6", "vpc-a", NOW, unasked=unasked) == ABSENT
