"""Several accounts, IPAM, and interfaces that move: each part answers for itself, each attachment for its own time."""

from typing import Any

import pytest
from made_by_hand import Document, eni, estate, found, held, of_parts, peering, scan, subnet, transit, vpc

from enricher.addresses import Address
from enricher.inventory import InventoryTables
from enricher.sources import Source

MINE, THEIRS, IPAM = "111122223333/us-east-1", "444455556666/us-east-1", "ipam/ipam-scope-1"
HERE, THERE = vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16")
IN_A, IN_B = subnet("subnet-a", "vpc-a", "10.0.1.0/24"), subnet("subnet-b", "vpc-b", "10.1.1.0/24", "use1-az2")
NOW = (1_940, 2_000)


def attached(
    name: str, *addresses: str, to: str | None = "i-1", at: int | None = 500, device: int = 0, **more: Any
) -> Document:
    """An instance's interface; its first one unless ``device`` says otherwise."""
    told = eni(name, *addresses, **more)
    if to is not None:
        told["Attachment"] = {**eni("", attached=at)["Attachment"], "InstanceId": to, "DeviceIndex": device}
    return told


def mine(*interfaces: Document, begun: float = 2_000, ended: float = 2_010, **networks: Any) -> InventoryTables:
    """A scan of the account with vpc-a, subnet-a in it, and these interfaces."""
    networks = {"vpcs": [HERE], "subnets": [IN_A], "peerings": [peering("vpc-a", "vpc-b")], **networks}
    return scan(MINE, begun, ended, estate(interfaces=interfaces, **networks))


def theirs(*interfaces: Document, begun: float = 2_000, ended: float = 2_010) -> InventoryTables:
    """A scan of the account with vpc-b, subnet-b in it, and these interfaces."""
    return scan(THEIRS, begun, ended, estate(interfaces=interfaces, vpcs=[THERE], subnets=[IN_B]))


def ipam(*interfaces: Document, begun: float, ended: float | None = None) -> InventoryTables:
    """What IPAM tells: addresses of interfaces, nothing of their instances. It is up to 1200 seconds late."""
    return scan(IPAM, begun, begun + 10 if ended is None else ended, estate(interfaces=interfaces))


def instance(known: Source, address: str, when: tuple[int, int]) -> tuple[str | None, str | None]:
    """The evidence, and the instance of whoever is named."""
    answer = held([known], address, "vpc-a", when)
    assert answer.status == "resolved"
    return answer.evidence, known.inventory.instance_ids[answer.row]


# ── freshness ────────────────────────────────────────────────────────────────────────────────────────────────────────

A, B = attached("eni-a", "10.0.1.5"), attached("eni-b", "10.1.1.5", vpc="vpc-b")


@pytest.mark.parametrize(
    ("address", "stale", "expected"),
    [
        ("10.0.1.5", [THEIRS], ("resolved", "snapshot", "eni-a")),
        ("10.1.1.5", [THEIRS], ("stale", "snapshot", "eni-b")),
        ("10.0.1.6", [THEIRS], ("subnet", "subnet", "subnet-a")),
        ("10.1.1.6", [THEIRS], ("stale", "subnet", "subnet-b")),
        ("10.0.2.6", [THEIRS], ("absent", None, None)),
        ("10.1.2.6", [THEIRS], ("stale", None, None)),
        ("198.51.100.7", [THEIRS], ("stale", None, None)),
        ("198.51.100.7", [], ("absent", None, None)),
        ("10.0.2.6", [MINE, THEIRS], ("stale", None, None)),
        ("10.0.1.5", [MINE], ("stale", "snapshot", "eni-a")),
        ("10.1.1.5", [MINE], ("resolved", "snapshot", "eni-b")),
        ("10.1.2.6", [MINE], ("absent", None, None)),
    ],
)
def test_a_part_past_its_hard_ttl_is_stale_and_no_other_is(address, stale, expected):
    """Owners, subnets and absences are as fresh as whoever tells of them; a public address may be anybody's."""
    known = of_parts(mine(A), theirs(B), stale=stale)

    assert found([known], address, "vpc-a", NOW) == expected


def test_what_comes_later_than_a_stale_part_is_stale_too():
    """Continuation does not make an owner fresher."""
    known = of_parts(mine(A), stale=[MINE])

    assert found([known], "10.0.1.5", "vpc-a", (9_000, 9_060)) == ("stale", "snapshot_open", "eni-a")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.1.5", ("resolved", "snapshot", "eni-a")),
        ("10.0.1.6", ("subnet", "subnet", "subnet-a")),
        ("10.0.2.6", ("absent", None, None)),
        ("10.3.0.6", ("unresolved", None, None)),
        ("198.51.100.7", ("unresolved", None, None)),
    ],
)
def test_what_a_part_never_scanned_might_hold_is_unresolved(address, expected):
    """Nobody asked that account: absence is known only in the networks of those that were asked."""
    known = of_parts(mine(A), failed=[THEIRS])

    assert found([known], address, "vpc-a", NOW) == expected


@pytest.mark.parametrize(
    ("failed", "connection", "expected"),
    [
        ([], "vpc-x", ("resolved", "snapshot", "eni-b")),
        ([IPAM], "vpc-x", ("ambiguous", None, None)),
        ([IPAM], "vpc-a", ("resolved", "snapshot", "eni-b")),
    ],
    ids=["all were scanned", "one was not", "none that is connected is unknown"],
)
def test_a_connected_vpc_of_an_account_never_scanned_may_have_the_address(failed, connection, expected):
    """Behind a transit gateway is a VPC of unknown ranges: an owner elsewhere may not be whom the flow reached."""
    connected = mine(A, transits=transit("tgw-1", "vpc-a", "vpc-b", connection))

    assert found([of_parts(connected, theirs(B), failed=failed)], "10.1.1.5", "vpc-a", NOW) == expected


def test_an_account_never_scanned_makes_nothing_ambiguous_that_is_in_one_place_only():
    """What a CIDR of the recorder's own VPC holds is there, whatever else is connected; a global address is unique."""
    own = {"vpcs": [vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56")], "transits": transit("tgw-1", "vpc-a", "vpc-x")}
    global_address = attached("eni-b", "10.1.1.5", vpc="vpc-b", Ipv6Addresses=[{"Ipv6Address": "2001:db8:b::5"}])
    known = of_parts(mine(A, **own), theirs(global_address), failed=[IPAM])

    assert found([known], "10.0.1.5", "vpc-a", NOW) == ("resolved", "snapshot", "eni-a")
    assert found([known], "2001:db8:b::5", "vpc-a", (2_010, 2_060)) == ("resolved", "snapshot_open", "eni-b")


# ── IPAM ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

THEIR_ENI = eni("eni-i", "10.0.1.7")
SEEN_TWICE = (ipam(THEIR_ENI, begun=2_000), ipam(THEIR_ENI, begun=4_000))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((2_010, 2_800), ("resolved", "ipam", "eni-i")),
        ((2_009, 2_800), ("subnet", "subnet", "subnet-a")),
        ((2_010, 2_801), ("resolved", "snapshot_open", "eni-i")),
        ((4_100, 4_160), ("resolved", "snapshot_open", "eni-i")),
    ],
    ids=["between", "before the first scan's end", "past the last one less the lag", "later"],
)
def test_ipam_proves_until_its_lag_before_its_last_scan(when, expected):
    """IPAM looks at the accounts by itself, so what it tells may be twenty minutes old."""
    known = of_parts(mine(), *SEEN_TWICE, max_gap_s=9_999)

    assert found([known], "10.0.1.7", "vpc-a", when) == expected


def test_ec2_wins_where_ipam_tells_of_the_same_interface():
    """The instance is EC2's to tell, and so is the time: IPAM adds nothing to an interface that EC2 tells of."""
    own = attached("eni-i", "10.0.1.7", at=3_000)
    known = of_parts(mine(own, begun=3_500, ended=3_510), *SEEN_TWICE, max_gap_s=9_999)

    assert found([known], "10.0.1.7", "vpc-a", (2_100, 2_160)) == ("subnet", "subnet", "subnet-a")
    assert instance(known, "10.0.1.7", (3_000, 3_060)) == ("snapshot", "i-1")
    assert known.inventory.instance_ids[known.inventory.rows["eni-i"]] == "i-1"


def test_ec2_wins_where_ipam_tells_of_another_owner_at_the_same_time():
    """IPAM was later than its lag allows: its claim does not stand, and takes nothing from EC2's."""
    heir = attached("eni-new", "10.0.1.7", at=2_500)
    known = of_parts(mine(heir, begun=3_500, ended=3_510), *SEEN_TWICE, max_gap_s=9_999)

    assert found([known], "10.0.1.7", "vpc-a", (2_600, 2_660)) == ("resolved", "snapshot", "eni-new")
    assert found([known], "10.0.1.7", "vpc-a", (2_010, 2_060)) == ("subnet", "subnet", "subnet-a")


def test_two_claims_of_ipam_for_one_time_leave_the_subnet():
    """Neither is proven, and neither is continued."""
    other = eni("eni-j", "10.0.1.8", "10.0.1.7")
    scans = [ipam(THEIR_ENI, other, begun=2_000), ipam(THEIR_ENI, other, begun=4_000)]

    for when in ((2_100, 2_160), (5_000, 5_060)):
        assert found([of_parts(mine(), *scans, max_gap_s=9_999)], "10.0.1.7", "vpc-a", when)[0] == "subnet"


def elastic(allocation: str, *begun: float, part: str = IPAM) -> list[InventoryTables]:
    """IPAM's scans of an Elastic IP that is associated with nothing IPAM knows of."""
    row = {"ResourceType": "eip", "ResourceId": allocation, "ResourceCidr": "198.51.100.7/32"}
    return [scan(part, each, each + 10, {"ipam-resource-cidrs": {"IpamResourceCidrs": [row]}}) for each in begun]


def test_an_elastic_ip_of_two_accounts_is_nobodys():
    """One that was transferred may be told of both: neither is proven, nor continued."""
    one, other = elastic("eipalloc-1", 2_000, 4_000), elastic("eipalloc-2", 2_000, 4_000, part="ipam/ipam-scope-2")
    alone = of_parts(mine(), *one, max_gap_s=9_999)
    both = of_parts(mine(), *one, *other, max_gap_s=9_999)

    for when, evidence in (((2_100, 2_160), "ipam"), ((5_000, 5_060), "snapshot_open")):
        assert held([alone], "198.51.100.7", "vpc-a", when).evidence == evidence
        assert found([both], "198.51.100.7", "vpc-a", when) == ("ambiguous", None, None)


def test_an_elastic_ip_that_one_scan_tells_of_twice_is_nobodys():
    """Whichever comes first in the answer."""
    rows = [
        {"ResourceType": "eip", "ResourceId": name, "ResourceCidr": "198.51.100.7/32"}
        for name in ("eipalloc-1", "eipalloc-2")
    ]
    told = {"ipam-resource-cidrs": {"IpamResourceCidrs": rows}}
    known = of_parts(mine(), scan(IPAM, 2_000, 2_010, told), scan(IPAM, 4_000, 4_010, told), max_gap_s=9_999)

    assert found([known], "198.51.100.7", "vpc-a", (2_100, 2_160)) == ("ambiguous", None, None)


def test_an_account_known_through_ipam_alone_has_no_instances():
    """The interface, its place and its tags come out; what runs there is not IPAM's to know."""
    told = {**THEIR_ENI, "TagSet": [{"Key": "Name", "Value": "theirs"}], "AvailabilityZoneId": "use1-az2"}
    known = of_parts(mine(), ipam(told, begun=2_000)).inventory

    row = known.endpoints.slice(known.rows["eni-i"], 1).to_pylist()[0]
    assert (row["name"], row["az_id"], row["vpc_id"], row["account_id"]) == (
        "theirs",
        "use1-az2",
        "vpc-a",
        "111122223333",
    )
    assert (row["instance_id"], row["resource_type"]) == (None, "network_interface")


# ── attachments ──────────────────────────────────────────────────────────────────────────────────────────────────────

LEFT = attached("eni-m", "10.0.1.9", to="i-1", at=500, device=1)
CAME = attached("eni-m", "10.0.1.9", to="i-2", at=2_500, device=1)
MOVED = (mine(LEFT), mine(CAME, begun=3_000, ended=3_010))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((500, 560), ("snapshot", "i-1")),
        ((1_940, 2_000), ("snapshot", "i-1")),
        ((2_500, 3_000), ("snapshot", "i-2")),
        ((2_990, 3_001), ("snapshot_open", "i-2")),
    ],
)
def test_an_interface_that_moved_has_each_instance_for_its_own_time(when, expected):
    """The address never left the interface, but what is behind it changed."""
    assert instance(of_parts(*MOVED), "10.0.1.9", when) == expected


@pytest.mark.parametrize("when", [(499, 560), (1_990, 2_001), (2_001, 2_499), (2_499, 2_560), (1_000, 2_900)])
def test_between_two_attachments_nobody_is_named(when):
    """When it left the first instance nobody saw."""
    assert found([of_parts(*MOVED)], "10.0.1.9", "vpc-a", when) == ("subnet", "subnet", "subnet-a")


# ── one interface, two tellers ───────────────────────────────────────────────────────────────────────────────────────

SHARED = scan(
    THEIRS, 2_500, 2_510, estate(interfaces=[attached("eni-a", "10.0.1.5", to=None)], vpcs=[HERE], subnets=[IN_A])
)


def test_the_teller_that_knows_the_instance_is_asked_first():
    """A shared subnet's owner sees the interface too, but perhaps not what it is attached to."""
    known = of_parts(mine(A), SHARED)

    assert instance(known, "10.0.1.5", (1_000, 1_060)) == ("snapshot", "i-1")
    assert instance(known, "10.0.1.5", (3_000, 3_060)) == ("snapshot_open", "i-1")


def test_the_fresh_teller_is_asked_first():
    """The other one is past its hard TTL."""
    known = of_parts(mine(A), SHARED, stale=[MINE])

    assert found([known], "10.0.1.5", "vpc-a", (2_510, 2_560)) == ("resolved", "snapshot_open", "eni-a")
    assert found([known], "10.0.1.5", "vpc-a", (1_000, 1_060)) == ("stale", "snapshot", "eni-a")


def test_an_attachment_is_not_continued_where_another_teller_has_seen_the_next_one():
    """The scan that still shows the first instance is the older one."""
    moved = attached("eni-m", "10.0.1.9", to="i-2", at=2_500, device=1)
    later = scan(THEIRS, 3_000, 3_010, estate(interfaces=[moved], vpcs=[HERE], subnets=[IN_A]))
    known = of_parts(mine(LEFT), later)

    assert found([known], "10.0.1.9", "vpc-a", (2_300, 2_360)) == ("subnet", "subnet", "subnet-a")
    assert instance(known, "10.0.1.9", (1_900, 2_000)) == ("snapshot", "i-1")
    assert instance(known, "10.0.1.9", (3_000, 3_060)) == ("snapshot_open", "i-2")


def test_two_scans_at_the_same_time_do_not_tell_who_was_last():
    """One saw the address with one interface, the other with another, and which look came first is not known."""
    other = attached("eni-z", "10.0.1.4", "10.0.1.5", to="i-z")
    meanwhile = scan(THEIRS, 2_005, 2_015, estate(interfaces=[other], vpcs=[HERE], subnets=[IN_A]))
    known = of_parts(mine(attached("eni-y", "10.0.1.3", "10.0.1.5", to="i-y")), meanwhile)

    assert found([known], "10.0.1.5", "vpc-a", (2_100, 2_160)) == ("subnet", "subnet", "subnet-a")


# ── until when EC2 need not be asked ─────────────────────────────────────────────────────────────────────────────────


def test_a_part_is_known_until_its_last_good_scan_began():
    """Of one part its own scan counts, of any the latest; a part never scanned, or not there, is known of no time."""
    known = of_parts(mine(), theirs(begun=3_000, ended=3_010), failed=[IPAM]).inventory

    assert (known.known_until(MINE), known.known_until(THEIRS), known.known_until(None)) == (2_000, 3_000, 3_000)
    assert known.known_until(IPAM) == known.known_until("999999999999/us-east-1") < 0


def test_a_vpc_that_two_parts_tell_of_has_the_cidrs_of_both():
    """A peering connection may tell less of the other side's VPC than its own account does, whoever comes last."""
    short = {**peering("vpc-b", "vpc-a"), "AccepterVpcInfo": {"VpcId": "vpc-a", "CidrBlock": "10.9.0.0/16"}}
    other = scan(THEIRS, 2_000, 2_010, estate(vpcs=[THERE], peerings=[short]))

    networks = of_parts(mine(A), other).inventory.networks

    assert networks.covers("vpc-a", Address.parse("10.0.1.5")) is True
    assert networks.covers("vpc-a", Address.parse("10.9.1.5")) is True
