"""VPCs on a transit gateway: who is connected over several accounts, and what nobody has told of it."""

from typing import Any

import pytest
from made_by_hand import Document, eni, estate, found, of_parts, peering, scan, subnet, transit, vpc

from enricher import networks as networks_module
from enricher.addresses import Addresses
from enricher.attribution import PEER, Attributor, Key
from enricher.history import merge
from enricher.inventory import Inventory, InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.networks import TRANSIT, Hub, Membership, Networks
from enricher.snapshot import from_snapshot, to_snapshot
from enricher.sources import Source

OURS, THEIRS, CORE = "111122223333", "444455556666", "777788889999"  # two participants, the gateway's owner
REGION = "us-east-1"
NOW = (1_940, 2_000)
HERE, THERE = vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16")
OWNER_B = eni("eni-b", "10.1.1.5", vpc="vpc-b", attached=500)
NAMED, AMBIGUOUS = ("resolved", "snapshot", "eni-b"), ("ambiguous", None, None)
TGW = Hub(TRANSIT, "tgw-1")


def on(vpc_id: str, account: str, gateway: str = "tgw-1", **more: str) -> Document:
    """An attachment to the shared gateway as DescribeTransitGatewayAttachments tells of it."""
    told = {"TransitGatewayOwnerId": CORE, "ResourceOwnerId": account, **more}
    return transit(gateway, vpc_id, **told)[0]


def part(account: str, begun: float = 2_000, region: str = REGION, **resources: Any) -> InventoryTables:
    """A good scan of an account."""
    return scan(f"{account}/{region}", begun, begun + 10, estate(**resources))


def ours(*attachments: Document, **more: Any) -> InventoryTables:
    """The recorder's account, with vpc-a."""
    return part(OURS, vpcs=[HERE], transits=attachments or [on("vpc-a", OURS)], **more)


def theirs(*attachments: Document, **more: Any) -> InventoryTables:
    """Another account, with vpc-b and the owner of 10.1.1.5 in it."""
    transits = attachments or [on("vpc-b", THEIRS)]
    return part(THEIRS, interfaces=[OWNER_B], vpcs=[THERE], subnets=[IN_B], transits=transits, **more)


def core(*attachments: Document, **more: Any) -> InventoryTables:
    """The gateway's owner, which sees every attachment and has no VPC itself."""
    return part(CORE, transits=attachments, **more)


IN_B = subnet("subnet-b", "vpc-b", "10.1.1.0/24", "use1-az2")
ALL = [on("vpc-a", OURS), on("vpc-b", THEIRS)]


def asked(known: Source, address: str = "10.1.1.5") -> tuple[str, str | None, str | None]:
    """What the address is, seen from vpc-a."""
    return found([known], address, "vpc-a", NOW)


# ── what the documents tell ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_attachment_is_a_membership():
    """With its gateway, and the accounts of both."""
    tables = core(*ALL, on("vpc-a", OURS, "tgw-2"))

    told_by = f"{CORE}/{REGION}"
    assert tables.networks.connections == ()
    assert tables.networks.memberships == (
        Membership("vpc-a", TGW, told_by, OURS, CORE),
        Membership("vpc-b", TGW, told_by, THEIRS, CORE),
        Membership("vpc-a", Hub(TRANSIT, "tgw-2"), told_by, OURS, CORE),
    )


@pytest.mark.parametrize(
    "more",
    [
        *({"State": state} for state in ("pending", "pendingAcceptance", "modifying", "deleting", "deleted", "failed")),
        *({"ResourceType": kind} for kind in ("vpn", "peering", "direct-connect-gateway", "connect")),
    ],
    ids=lambda more: next(iter(more.values())),
)
def test_what_is_not_available_or_no_vpc_is_no_membership(more):
    """A gateway's peering, VPN or former attachment connects no VPC."""
    assert core(on("vpc-a", OURS), on("vpc-b", THEIRS, **more)).networks.memberships == (
        Membership("vpc-a", TGW, f"{CORE}/{REGION}", OURS, CORE),
    )


# ── over several parts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_participants_that_see_only_their_own_attachment_are_connected():
    """Neither account sees the other's; the gateway's owner is not scanned at all."""
    known = of_parts(ours(), theirs())

    assert known.inventory.networks.connected("vpc-a") == {"vpc-b"}
    assert known.inventory.networks.connected("vpc-b") == {"vpc-a"}
    assert asked(known) == NAMED
    assert found([known], "10.1.1.9", "vpc-a", NOW) == ("subnet", "subnet", "subnet-b")
    assert found([known], "10.1.1.5", "vpc-a", NOW, path=4) == AMBIGUOUS


def test_vpcs_on_two_gateways_are_not_connected():
    """Each gateway is a hub of its own; a VPC on both is connected to either side, and connects them not."""
    middle = part(CORE, vpcs=[vpc("vpc-m", "10.2.0.0/16")], transits=[on("vpc-m", CORE), on("vpc-m", CORE, "tgw-2")])
    apart = of_parts(ours(), theirs(on("vpc-b", THEIRS, "tgw-2")), middle)

    reached = apart.inventory.networks.connected
    assert (reached("vpc-a"), reached("vpc-b")) == ({"vpc-m"}, {"vpc-m"})
    assert reached("vpc-m") == {"vpc-a", "vpc-b"}
    assert asked(apart) == AMBIGUOUS


def test_a_failed_part_keeps_its_memberships_and_a_good_scan_replaces_its_own():
    """Until the account is scanned again what it told last holds."""
    first = merge(None, [ours(), theirs()], [], 2_010, 9_999, 180)
    failed = merge(first, [], [Part(f"{THEIRS}/{REGION}", None, None, 2_060, "denied")], 2_060, 9_999, 180)
    left = part(THEIRS, begun=2_120, interfaces=[OWNER_B], vpcs=[THERE])
    after = merge(failed, [left], [], 2_130, 9_999, 180)

    assert failed.networks.connected("vpc-a") == {"vpc-b"}
    assert after.networks.connected("vpc-a") == frozenset()
    assert [each.vpc_id for each in after.networks.memberships] == ["vpc-a"]


def test_who_detached_stays_connected_while_another_part_tells_so():
    """Each part's word stands until its own next scan."""
    both = merge(None, [ours(), theirs(), core(*ALL)], [], 2_010, 9_999, 180)
    left = part(THEIRS, begun=2_060, vpcs=[THERE])

    once = merge(both, [left], [], 2_070, 9_999, 180)
    twice = merge(once, [core(on("vpc-a", OURS), begun=2_060)], [], 2_070, 9_999, 180)
    assert once.networks.connected("vpc-a") == {"vpc-b"}
    assert twice.networks.connected("vpc-a") == frozenset()


# ── what nobody has told ─────────────────────────────────────────────────────────────────────────────────────────────

NEVER = "222233334444"
STRANGER = on("vpc-x", NEVER)


@pytest.mark.parametrize(
    ("scans", "failed", "expected"),
    [
        ([ours(), theirs(), core(*ALL)], [], NAMED),
        ([ours(), theirs(), core(*ALL, STRANGER)], [], AMBIGUOUS),
        ([ours(), theirs(), core(*ALL, STRANGER)], [f"{NEVER}/{REGION}"], AMBIGUOUS),
        ([ours(), theirs(), core(*ALL, STRANGER)], [f"{NEVER}/eu-west-1"], AMBIGUOUS),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER, region="eu-west-1")], [], AMBIGUOUS),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER, begun=1_999)], [], AMBIGUOUS),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER)], [], NAMED),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER)], [f"{NEVER}/eu-west-1"], NAMED),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER, vpcs=[vpc("vpc-x", "10.9.0.0/16")])], [], NAMED),
        ([ours(), theirs(), core(*ALL, STRANGER), part(NEVER, vpcs=[vpc("vpc-x", "10.1.0.0/16")])], [], NAMED),
        ([ours(), theirs(), core(*ALL, on("vpc-x", NEVER, "tgw-2"))], [], NAMED),
        ([ours(), theirs(), core(*ALL, on("vpc-a", OURS, "tgw-2"), on("vpc-x", NEVER, "tgw-2"))], [], AMBIGUOUS),
    ],
    ids=[
        "all told",
        "an account that nobody scans",
        "an account that was never scanned well",
        "an account that failed elsewhere",
        "scanned in another region only",
        "attached since its account was scanned",
        "gone since it was attached",
        "gone, and the account failed elsewhere",
        "ranges known, others",
        "ranges known, the same, and no owner in it",
        "a stranger on another gateway",
        "a stranger on the second gateway of the VPC",
    ],
)
def test_a_member_of_unknown_ranges_may_have_the_address(scans, failed, expected):
    """Whom the gateway's owner names may be where the flow went, unless its own account would have told."""
    assert asked(of_parts(*scans, failed=failed)) == expected


@pytest.mark.parametrize(("failed", "expected"), [([], NAMED), ([f"{NEVER}/eu-west-1"], AMBIGUOUS)])
def test_a_peer_of_unknown_ranges_may_have_the_address_while_a_part_was_never_scanned(failed, expected):
    """A peering that tells no CIDR of the other side is no better than an attachment."""
    known = of_parts(ours(peerings=[peering("vpc-a", "vpc-x")]), theirs(), failed=failed)

    assert asked(known) == expected


def test_ipam_tells_of_a_members_ranges():
    """An account that only IPAM knows is no stranger."""
    told = scan("ipam/ipam-scope-1", 2_000, 2_010, estate(vpcs=[vpc("vpc-x", "10.9.0.0/16")]))

    assert asked(of_parts(ours(), theirs(), core(*ALL, STRANGER), told)) == NAMED


@pytest.mark.parametrize(
    ("scans", "failed", "expected"),
    [
        ([ours(), theirs()], [], NAMED),
        ([ours(), theirs()], [f"{CORE}/{REGION}"], AMBIGUOUS),
        ([ours(), theirs()], [f"{NEVER}/{REGION}"], AMBIGUOUS),
        ([ours(), theirs()], [f"{NEVER}/eu-west-1"], NAMED),
        ([ours(), theirs()], ["ipam/ipam-scope-1"], NAMED),
        ([ours(), theirs(), core(*ALL)], [f"{NEVER}/{REGION}"], NAMED),
        ([ours(), theirs(), part(CORE, region="eu-west-1")], [f"{NEVER}/{REGION}"], AMBIGUOUS),
    ],
    ids=["nobody", "its owner", "anybody", "elsewhere", "IPAM", "its owner tells of all", "its owner elsewhere"],
)
def test_a_gateway_whose_owner_tells_nothing_may_have_more_members(scans, failed, expected):
    """While an account of the region was never scanned it may be on the gateway: only the owner sees everybody."""
    assert asked(of_parts(*scans, failed=failed)) == expected


@pytest.mark.parametrize(
    ("gateway", "path", "expected"), [("tgw-2", 0, NAMED), ("tgw-1", 4, NAMED), ("tgw-1", 0, AMBIGUOUS)]
)
def test_a_gateway_that_may_have_more_members_concerns_only_what_leads_over_it(gateway, path, expected):
    """Neither a VPC that is not on it, nor a flow that went over a peering."""
    peered = ours(on("vpc-a", CORE, "tgw-0", TransitGatewayOwnerId=OURS), peerings=[peering("vpc-a", "vpc-b")])
    member = ours(peerings=[peering("vpc-a", "vpc-b")])
    known = of_parts(member if gateway == "tgw-1" else peered, theirs(), failed=[f"{NEVER}/{REGION}"])

    assert found([known], "10.1.1.5", "vpc-a", NOW, path=path) == expected


def test_what_is_left_open_leaves_other_vpcs_alone():
    """Neither the own VPC's addresses, nor VPCs that are not on the gateway."""
    own = eni("eni-a", "10.0.1.5", attached=500)
    apart = {"vpcs": [vpc("vpc-c", "10.3.0.0/16")], "transits": [on("vpc-c", "3", "tgw-3"), on("vpc-b", "4", "tgw-3")]}
    known = of_parts(ours(interfaces=[own]), theirs(), core(*ALL, STRANGER), part(NEVER + "0", **apart))

    assert asked(known, "10.0.1.5") == ("resolved", "snapshot", "eni-a")
    assert found([known], "10.1.1.5", "vpc-c", NOW) == NAMED
    assert found([known], "10.1.1.5", "vpc-b", NOW) == NAMED


def test_files_of_the_aws_cli_name_whom_they_know():
    """They have no parts, so no account is known to be missing."""
    documents = estate(interfaces=[OWNER_B], vpcs=[HERE, THERE], transits=[*ALL, STRANGER])

    assert asked(Source(Inventory(tables_of(documents), {}), "snapshot")) == NAMED


# ── a thousand VPCs ──────────────────────────────────────────────────────────────────────────────────────────────────

MANY = 1_000
NAMES = [f"vpc-{number:04d}" for number in range(MANY)]


def wide() -> InventoryTables:
    """A thousand VPCs on one gateway, each told of by its own account and by the gateway's owner."""
    accounts = [
        part(f"{number:012d}", vpcs=[vpc(name, f"10.{number // 250}.{number % 250}.0/24")],
             transits=[on(name, f"{number:012d}")])
        for number, name in enumerate(NAMES[:20])
    ]  # fmt: skip
    rest = [vpc(name, f"10.{20 + number // 250}.{number % 250}.0/24") for number, name in enumerate(NAMES[20:])]
    owner = core(*(on(name, CORE) for name in NAMES[20:]), *(on(n, f"{i:012d}") for i, n in enumerate(NAMES[:20])),
                 vpcs=rest)  # fmt: skip
    return merge(None, [*accounts, owner], [], 2_010, 9_999, 180)


def test_a_thousand_vpcs_on_one_gateway_are_a_thousand_rows():
    """Told of twice, a row for each teller; written and read back the same, within 200 kB."""
    tables = wide()
    body = to_snapshot(tables).to_pybytes()
    read = from_snapshot(body, "it").networks

    assert (len(tables.networks.memberships), tables.networks.connections) == (MANY + 20, ())
    assert read.memberships == tables.networks.memberships
    assert len(body) < 200_000
    assert read.connected(NAMES[3]) == set(NAMES) - {NAMES[3]}
    assert read.connected(NAMES[-1]) == set(NAMES) - {NAMES[-1]}


class Counted(dict[Any, Any]):
    """Own sides of a batch's records, which count how often they are looked up."""

    asked = 0

    def get(self, *args: Any) -> Any:
        """Count, and look up."""
        self.asked += 1
        return super().get(*args)


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [([], 0), (["vpc-other"], 0), ([NAMES[0]], 7), ([NAMES[1]], 7)],
    ids=["nobody", "an unconnected VPC", "the own VPC, which does not hold it", "the owner's VPC"],
)
def test_a_question_goes_through_those_who_recorded_the_address_not_through_all_members(recorded, expected):
    """A few looks for an address, however many VPCs are on the gateway; the owner is named all the same."""
    documents = estate(
        interfaces=[eni("eni-b", "10.1.1.5", vpc=NAMES[1], attached=500)],
        vpcs=[vpc(NAMES[0], "10.0.0.0/16"), vpc(NAMES[1], "10.1.0.0/16")],
        transits=transit("tgw-1", *NAMES),
    )
    peers = Counted({(name, 0): [(7, *NOW)] for name in recorded})
    attributor = Attributor(Addresses(["10.1.1.5"]), peers, [Source(Inventory(tables_of(documents), {}), "snapshot")])

    (answer,) = attributor.answer(Key(NAMES[0], 0, 0, *NOW))

    assert (answer.source, answer.row) == ((PEER, 7) if recorded == [NAMES[1]] else (0, 0))
    assert peers.asked <= max(1, expected)


def test_who_is_connected_is_remembered_within_bounds(monkeypatch):
    """Every VPC of a hub has all others: answers are forgotten before they are too many, and stay right."""
    monkeypatch.setattr(networks_module, "_MOST_REMEMBERED", 25)
    few = NAMES[:10]
    networks = Networks(memberships=[Membership(name, TGW) for name in few])

    answers = [networks.connected(name) for name in few[:2]]
    assert [networks.connected(name) for name in few[:2]] == [set(few) - {name} for name in few[:2]]
    assert all(networks.connected(name) is answer for name, answer in zip(few, answers, strict=False))
    assert [networks.connected(name) for name in few] == [set(few) - {name} for name in few]
    assert networks.connected(few[0]) is not answers[0]
