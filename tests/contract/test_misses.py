"""EC2 behind the cache, over real HTTP: what the snapshot does not know is asked once, kept with its time, and proven.

Flows of these tests run from 5000 to 5060; a batch arrives at 5100 unless the test is about time.
"""

from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest
from made_by_hand import eni, enriched, estate, iso, peering, source, subnet, transit, vpc

from cache import Budget, CircuitBreaker, TTLCache
from enricher.ec2 import Ec2Reader
from enricher.misses import MissSource
from enricher.resolve import Misses
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source
from workbench.cloud import ANY_OPERATION, LocalCloud, Refuse
from workbench.cloud.faults import FOREVER

TTL, NEGATIVE_TTL, STALE_TTL = 300, 60, 1_000
DOWN = Refuse("InternalError")


class Asking:
    """A miss source that lives through batches, over a cloud whose estate a test may replace."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.now = 5_100.0
        reader = Ec2Reader(cloud.client("ec2"), clock=lambda: self.now, breaker=CircuitBreaker(1_000, 1))
        cache = TTLCache(10_000, TTL, NEGATIVE_TTL, STALE_TTL, random=lambda: 0.0)
        self.misses = MissSource(reader, cache, DEFAULT_PROMOTED_TAGS, "us-east-1")

    def owns(self, *interfaces: dict[str, Any], **more: Any) -> None:
        """From now on EC2 knows these interfaces, one VPC and one subnet."""
        networks = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.0.0/24")]}
        self.cloud.replace_inventory(estate(interfaces=interfaces, **{**networks, **more}))

    def rows(
        self,
        lines: list[str],
        snapshot: Source | None = None,
        *,
        now: float | None = None,
        calls: int = 100,
        part: str | None = None,
    ) -> tuple[list[dict[str, Any]], int]:
        """The rows of a batch, and the EC2 requests it took; ``part`` is EC2's account and region, if known."""
        self.now = self.now if now is None else now
        self.cloud.reset_calls()
        misses = Misses(self.misses, self.now, Budget(calls, self.now + 10), part)
        return enriched(lines, snapshot, misses=misses, arrived_at=int(self.now)), self.cloud.count("ec2")


def sent(destination: str, start: int = 5_000, *, recorder: str = "eni-1", vpc_id: str = "vpc-a") -> str:
    """A flow that the recorder in subnet-a sent."""
    own = "2001:db8:a::4" if ":" in destination else "10.0.0.4"
    addresses = f"{own} {destination} {own} {destination}"
    return f"5 {recorder} i-1 {vpc_id} subnet-a use1-az1 {addresses} {start} {start + 60} egress -"


def answer(row: dict[str, Any]) -> tuple[Any, ...]:
    """The destination's status, evidence and interface."""
    return row["dst_status"], row["dst_evidence"], row["dst_interface_id"]


def networks_only(observed_at: float = 4_000) -> Source:
    """A dated snapshot that knows the recorder and the networks, and nobody else."""
    return source(
        estate(
            interfaces=[eni("eni-1", "10.0.0.4", attached=1)],
            vpcs=[vpc("vpc-a", "10.0.0.0/16")],
            subnets=[subnet("subnet-a", "vpc-a", "10.0.0.0/24")],
        ),
        observed_at,
    )


@pytest.fixture(scope="module")
def running() -> Iterator[LocalCloud]:
    """One cloud for the file (its start is slow)."""
    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def ec2(running: LocalCloud) -> Asking:
    """A fresh miss source over the cloud, without faults and interfaces of other tests."""
    running.clear_faults()
    asking = Asking(running)
    asking.owns()
    return asking


# ── what EC2 proves ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_interface_newer_than_the_snapshot_is_named_by_ec2(ec2):
    """Asked after the flow: AttachTime proves a primary address, tags come from the instance behind it."""
    reservation = {"InstanceId": "i-new", "Tags": [{"Key": "Name", "Value": "web-9"}], "LaunchTime": iso(4_500)}
    ec2.cloud.replace_inventory(
        {
            **estate(interfaces=[eni("eni-new", "10.0.0.9", attached=4_500, instance="i-new", SubnetId="subnet-a")]),
            "instances": {"Reservations": [{"ReservationId": "r-1", "Instances": [reservation]}]},
        }
    )

    (row,), _ = ec2.rows([sent("10.0.0.9")], networks_only())

    assert answer(row) == ("resolved", "ec2", "eni-new")
    assert (row["dst_instance_id"], row["dst_name"], row["dst_region"]) == ("i-new", "web-9", "us-east-1")


def test_an_interface_attached_after_the_flow_is_not_its_owner(ec2):
    """EC2's present owner came later: the subnet is all that is known."""
    ec2.owns(eni("eni-new", "10.0.0.9", attached=5_001))

    (row,), _ = ec2.rows([sent("10.0.0.9")], networks_only())

    assert answer(row) == ("subnet", "subnet", None)


def test_a_secondary_address_is_ec2s_only_from_the_answer_on(ec2):
    """Nobody knows since when: earlier flows get the subnet, later ones the owner as a continuation."""
    ec2.owns(eni("eni-new", "10.0.0.8", "10.0.0.9", attached=4_500))

    (before,), _ = ec2.rows([sent("10.0.0.9")], networks_only(), now=5_100)
    (after,), calls = ec2.rows([sent("10.0.0.9", 5_110)], networks_only(), now=5_200)

    assert answer(before) == ("subnet", "subnet", None)
    assert answer(after) == ("resolved", "snapshot_open", "eni-new")
    assert calls == 0


def test_a_kept_answer_proves_up_to_when_it_was_given(ec2):
    """An answer from the cache is as old as its asking: a flow that ended later is named by continuation."""
    ec2.owns(eni("eni-new", "10.0.0.9", attached=4_500))

    (first,), _ = ec2.rows([sent("10.0.0.9", 5_000)], networks_only(), now=5_100)
    (kept,), calls = ec2.rows([sent("10.0.0.9", 5_040)], networks_only(), now=5_200)
    (later,), _ = ec2.rows([sent("10.0.0.9", 5_041)], networks_only(), now=5_200)

    assert [answer(row)[1] for row in (first, kept, later)] == ["ec2", "ec2", "snapshot_open"]
    assert calls == 0


@pytest.mark.parametrize(
    ("address", "members", "expected"),
    [
        ("198.51.100.7", {"Association": {"PublicIp": "198.51.100.7"}}, ("ambiguous", None, None)),
        ("2001:db8:a::9", {"Ipv6Addresses": [{"Ipv6Address": "2001:db8:a::9"}]}, ("absent", None, None)),
    ],
)
def test_public_and_ipv6_addresses_are_asked_and_proven_from_the_answer_on(ec2, address, members, expected):
    """By association and by IPv6 filter; both move between interfaces, so the past stays open."""
    found = eni("eni-new", "10.0.0.9", attached=4_500, **members)
    if "Association" in members:
        found["PrivateIpAddresses"][0].update(members)
    networks = source(
        estate(
            interfaces=[eni("eni-1", "10.0.0.4", attached=1)], vpcs=[vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56")]
        ),
        4_000,
    )
    ec2.owns(found)

    (before,), _ = ec2.rows([sent(address)], networks, now=5_100)
    (after,), _ = ec2.rows([sent(address, 5_100)], networks, now=5_200)

    assert answer(before) == expected
    assert answer(after) == ("resolved", "snapshot_open", "eni-new")


def test_the_latest_answer_tells_what_an_interface_has(ec2):
    """An address that has moved on is not its old owner's, though an older answer still stands in the cache."""
    ec2.owns(eni("eni-x", "10.0.0.7", "10.0.0.8"))
    ec2.rows([sent("10.0.0.8", 5_100)], networks_only(), now=5_200)
    ec2.owns(eni("eni-x", "10.0.0.7", "10.0.0.9"), eni("eni-y", "10.0.0.6", "10.0.0.8"))

    ec2.rows([sent("10.0.0.9", 5_250)], networks_only(), now=5_250)

    for order in ((0, 1), (1, 0)):
        lines = [sent("10.0.0.9", 5_260), sent("10.0.0.8", 5_260)]
        rows, calls = ec2.rows([lines[place] for place in order], networks_only(), now=5_300)
        assert answer(rows[order[0]]) == ("resolved", "snapshot_open", "eni-x")
        assert answer(rows[order[1]]) == ("subnet", "subnet", None)
        assert calls == 0


# ── which VPC ────────────────────────────────────────────────────────────────────────────────────────────────────────

TWO_PEERS = {
    "vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")],
    "peerings": [peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
}


def test_two_connected_owners_are_ambiguous_for_ec2_too(ec2):
    """EC2 is asked for every owner of the address, in any VPC."""
    snapshot = source(estate(**TWO_PEERS), 4_000)
    ec2.owns(
        eni("eni-b", "10.1.0.9", vpc="vpc-b", attached=1),
        eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=1),
        **TWO_PEERS,
    )

    (row,), _ = ec2.rows([sent("10.1.0.9")], snapshot)

    assert answer(row) == ("ambiguous", None, None)


def test_with_a_part_of_the_connections_nobody_is_the_only_owner(ec2):
    """The peering could not be asked: that the transit gateway's VPC has the address does not make it the one."""
    networks = {
        **TWO_PEERS,
        "peerings": [peering("vpc-a", "vpc-b")],
        "transits": transit("tgw-1", "vpc-a", "vpc-c"),
    }
    ec2.owns(
        eni("eni-1", "10.0.0.4", attached=1),
        eni("eni-b", "10.1.0.9", vpc="vpc-b", attached=1),
        eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=1),
        **networks,
    )
    ec2.cloud.fail("ec2", "DescribeVpcPeeringConnections", DOWN, times=FOREVER)

    (row,), _ = ec2.rows([sent("10.1.0.9")])

    assert row["dst_interface_id"] is None


@pytest.mark.parametrize(
    ("part", "account", "expected"),
    [
        ("111122223333/us-east-1", "111122223333", ("resolved", "ec2", "eni-c")),
        ("111122223333/us-east-1", "444455556666", ("ambiguous", None, None)),
        (None, "444455556666", ("resolved", "ec2", "eni-c")),
    ],
    ids=["of the own account", "of another account", "no account known"],
)
def test_without_a_snapshot_another_accounts_vpc_on_the_gateway_may_have_the_address(ec2, part, account, expected):
    """EC2 tells the gateway's owner that the VPC is attached, and nothing of what is in it."""
    attachments = transit("tgw-1", "vpc-a", "vpc-c", ResourceOwnerId="111122223333")
    stranger = transit("tgw-1", "vpc-x", ResourceOwnerId=account)
    ec2.owns(
        eni("eni-1", "10.0.0.4", attached=1),
        eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=1),
        **{**TWO_PEERS, "peerings": [], "transits": [*attachments, *stranger]},
    )

    (row,), _ = ec2.rows([sent("10.1.0.9")], part=part)

    assert answer(row) == expected


def test_an_interface_asked_by_its_id_does_not_tell_the_vpc_of_its_address(ec2):
    """A recorder in one connected VPC has the address: whether the other VPC has it too must be asked."""
    snapshot = source(estate(interfaces=[eni("eni-1", "10.0.0.4", attached=1)], **TWO_PEERS), 4_000)
    ec2.owns(
        eni("eni-b", "10.1.0.9", vpc="vpc-b", attached=1),
        eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=1),
        **TWO_PEERS,
    )
    no_data = "5 eni-b - vpc-b - - - - - - 5000 5060 - -"

    rows, _ = ec2.rows([no_data, sent("10.1.0.9")], snapshot)

    assert answer(rows[1]) == ("ambiguous", None, None)


def test_an_address_that_could_not_be_asked_is_not_told_by_anothers_answer(ec2):
    """Two hundred addresses fill a request; with budget for one, the rest are unresolved, also by chance companions."""
    snapshot = source(estate(interfaces=[eni("eni-1", "10.0.0.4", attached=1)], **TWO_PEERS), 4_000)
    first = [f"10.1.0.{n}" for n in range(200)]
    ec2.owns(
        eni("eni-b", "10.1.0.0", "10.1.9.9", vpc="vpc-b", attached=1),
        eni("eni-c", "10.1.9.9", vpc="vpc-c", attached=1),
        **TWO_PEERS,
    )

    rows, calls = ec2.rows([sent(each, 5_100) for each in [*first, "10.1.9.9"]], snapshot, calls=1)

    assert calls == 1
    assert answer(rows[0]) == ("resolved", "snapshot_open", "eni-b")
    assert answer(rows[1]) == ("absent", None, None)
    assert answer(rows[200]) == ("unresolved", None, None)


# ── what is asked, and how often ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("attached", [1, 5_001], ids=["it had an owner", "nobody had it"])
def test_who_came_since_an_address_was_asked_for_may_not_be_alone(ec2, attached):
    """A later answer to another question shows one owner in a connected VPC; the one in another VPC it does not."""
    overlapping = {
        "vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")],
        "peerings": [peering("vpc-a", "vpc-b"), peering("vpc-a", "vpc-c")],
    }
    here = eni("eni-1", "10.0.0.4", attached=1)
    shown = eni("eni-b", "10.1.0.9", vpc="vpc-b", attached=attached)
    shown["PrivateIpAddresses"][0]["Association"] = {"PublicIp": "198.51.100.7"}
    snapshot = source(estate(interfaces=[here], **overlapping), 4_000)
    ec2.owns(here, *([shown] if attached == 1 else []), **overlapping)
    ((before,), _) = ec2.rows([sent("10.1.0.9", 4_900)], snapshot, now=5_010)
    ec2.owns(here, shown, eni("eni-c", "10.1.0.9", vpc="vpc-c", attached=5_001), **overlapping)

    (row, public), _ = ec2.rows([sent("10.1.0.9", 5_005), sent("198.51.100.7", 5_066)], snapshot, now=5_066)

    assert before["dst_interface_id"] == ("eni-b" if attached == 1 else None)
    assert (row["dst_interface_id"], public["dst_interface_id"]) == (None, "eni-b")


@pytest.mark.parametrize(
    "odd",
    [
        eni("eni-odd", "10.0.0.9", Ipv4Prefixes=[{"Ipv4Prefix": "10.0.0.0/99"}]),
        eni("eni-odd", "10.0.0.9", "10.0.0.256"),
        eni("eni-odd", "10.0.0.9", Ipv6Addresses=[{"Ipv6Address": "2001:db8::x"}]),
    ],
    ids=["prefix", "IPv4", "IPv6"],
)
def test_an_answer_that_cannot_be_read_costs_no_record(ec2, odd):
    """The batch lands, and what was asked for counts as not asked, for the odd one may be a second owner."""
    ec2.owns(odd, eni("eni-b", "10.0.0.10", attached=1))

    rows, _ = ec2.rows([sent("10.0.0.9"), sent("10.0.0.10"), sent("10.9.9.9")], networks_only())

    assert [answer(row) for row in rows[:2]] == [("subnet", "subnet", None)] * 2
    assert rows[2]["dst_status"] == "unresolved"


def test_networks_that_cannot_be_read_cost_no_record(ec2):
    """Without a snapshot they are asked for first."""
    ec2.owns(vpcs=[vpc("vpc-a", "10.0.0.0/99")])

    (row,), _ = ec2.rows([sent("10.0.0.9")])

    assert row["dst_status"] in ("unresolved", "absent")
    assert row["src_interface_id"] == "eni-1"


def test_what_the_snapshot_knows_is_not_asked(ec2):
    """Named, continued, or older than a complete snapshot: no request."""
    snapshot = source(
        estate(
            interfaces=[eni("eni-1", "10.0.0.4", attached=1), eni("eni-2", "10.0.0.5", attached=1)],
            vpcs=[vpc("vpc-a", "10.0.0.0/16")],
        ),
        4_000,
    )
    ec2.owns(eni("eni-new", "10.0.0.9", attached=1))

    rows, calls = ec2.rows([sent("10.0.0.5"), sent("10.0.0.5", 3_000), sent("10.0.0.9", 3_940)], snapshot)

    assert calls == 0
    assert [answer(row) for row in rows] == [
        ("resolved", "snapshot_open", "eni-2"),
        ("resolved", "snapshot", "eni-2"),
        ("absent", None, None),
    ]


def test_absence_is_believed_for_its_own_time(ec2):
    """A second batch does not ask again; after the negative TTL the next one does."""
    (first,), asked = ec2.rows([sent("10.0.5.5")], networks_only(), now=5_100)
    (second,), kept = ec2.rows([sent("10.0.5.5")], networks_only(), now=5_159)
    (third,), again = ec2.rows([sent("10.0.5.5")], networks_only(), now=5_160)

    assert {answer(row) for row in (first, second, third)} == {("absent", None, None)}
    assert (asked, kept, again) == (1, 0, 1)


def test_a_cold_batch_takes_few_requests_and_a_warm_one_none(ec2):
    """400 unique endpoints, nothing known: at most 4 + 2·⌈interfaces/200⌉ + 2·⌈addresses/200⌉, then nothing."""
    recorders = [eni(f"eni-{n}", f"10.0.{n // 200}.{n % 200 + 10}", attached=1) for n in range(250)]
    peers = [eni(f"eni-p{n}", f"10.0.9.{n}", attached=1, instance=f"i-p{n}") for n in range(150)]
    reservations = [
        {"ReservationId": f"r-{n}", "Instances": [{"InstanceId": f"i-p{n}", "LaunchTime": iso(1)}]} for n in range(150)
    ]
    networks = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.0.0/24")]}
    ec2.cloud.replace_inventory(
        {**estate(interfaces=[*recorders, *peers], **networks), "instances": {"Reservations": reservations}}
    )
    lines = [
        f"5 eni-{n} - vpc-a subnet-a use1-az1 {own} 10.0.9.{n % 150} {own} 10.0.9.{n % 150} 5000 5060 egress -"
        for n, own in ((n, f"10.0.{n // 200}.{n % 200 + 10}") for n in range(250))
    ]

    cold, asked = ec2.rows(lines)
    warm, again = ec2.rows(lines)

    assert {answer(row) for row in cold} == {("resolved", "ec2", f"eni-p{n}") for n in range(150)}
    assert 0 < asked <= 4 + 2 * ceil(250 / 200) + 2 * ceil(150 / 200)
    assert again == 0
    assert warm == cold


# ── when EC2 cannot be asked ─────────────────────────────────────────────────────────────────────────────────────────


def test_with_ec2_down_the_batch_still_lands_and_says_so(ec2):
    """Own sides speak for themselves, networks for the subnet; everybody else is unresolved, not absent."""
    ec2.owns(eni("eni-new", "10.0.5.5", attached=1))
    ec2.cloud.fail("ec2", ANY_OPERATION, DOWN, times=FOREVER)

    rows, _ = ec2.rows([sent("10.0.5.5"), sent("10.0.0.5"), sent("203.0.113.7")], networks_only())

    assert [answer(row)[0] for row in rows] == ["unresolved", "subnet", "unresolved"]
    assert {row["src_interface_id"] for row in rows} == {"eni-1"}


def test_with_ec2_down_and_no_snapshot_only_the_record_speaks(ec2):
    """Nothing was asked of anybody."""
    ec2.cloud.fail("ec2", ANY_OPERATION, DOWN, times=FOREVER)

    rows, _ = ec2.rows([sent("10.0.0.5"), sent("203.0.113.7")])

    assert [answer(row) for row in rows] == [("unresolved", None, None)] * 2
    assert {(row["src_status"], row["src_evidence"]) for row in rows} == {("resolved", "record")}


def test_a_failure_is_not_kept_as_absence(ec2):
    """The next batch asks again, and finds."""
    ec2.owns(eni("eni-new", "10.0.5.5", attached=1))
    ec2.cloud.fail("ec2", "DescribeNetworkInterfaces", DOWN)

    (failed,), _ = ec2.rows([sent("10.0.5.5")], networks_only())
    (found,), _ = ec2.rows([sent("10.0.5.5")], networks_only())

    assert answer(failed) == ("unresolved", None, None)
    assert answer(found) == ("resolved", "ec2", "eni-new")


def test_an_expired_answer_serves_while_ec2_fails(ec2):
    """Beyond its TTL the owner is named by continuation until the stale TTL has passed as well."""
    ec2.owns(eni("eni-new", "10.0.5.5", attached=1))
    ec2.rows([sent("10.0.5.5")], networks_only(), now=5_100)
    ec2.cloud.fail("ec2", ANY_OPERATION, DOWN, times=FOREVER)

    (served,), _ = ec2.rows([sent("10.0.5.5", 5_300)], networks_only(), now=5_100 + TTL)
    (gone,), _ = ec2.rows([sent("10.0.5.5", 5_300)], networks_only(), now=5_100 + TTL + STALE_TTL)

    assert answer(served) == ("resolved", "snapshot_open", "eni-new")
    assert answer(gone) == ("unresolved", None, None)


def test_without_budget_nothing_is_asked(ec2):
    """Unresolved, not absent; no request."""
    ec2.owns(eni("eni-new", "10.0.5.5", attached=1))

    (row,), calls = ec2.rows([sent("10.0.5.5")], networks_only(), calls=0)

    assert calls == 0
    assert answer(row) == ("unresolved", None, None)
