"""What a recorder is called when its record does not tell: its instance holds for the time proven, and no longer."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from made_by_hand import Document, eni, enriched, estate, history, of_parts, scan, source, subnet, vpc

from enricher.inventory import Inventory, InventoryTables
from enricher.inventory_documents import tables_of
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source

PART, OTHER = "111122223333/us-east-1", "444455556666/us-east-1"
HOME = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.1.0/24")]}
INSTANCES = {
    "Reservations": [
        {
            "Instances": [
                {"InstanceId": name, "Tags": [{"Key": "Name", "Value": f"web {name}"}]} for name in ("i-1", "i-2")
            ]
        }
    ]
}


def attached(to: str | None, at: int | None, *, name: str = "eni-m", device: int = 1, **attachment: Any) -> Document:
    """An interface with a tag of its own, attached to an instance, by default as its second one."""
    told = eni(name, "10.0.1.9", "10.0.1.10", attached=at, TagSet=[{"Key": "rack", "Value": "7"}], SubnetId="subnet-a")
    if to is not None:
        told["Attachment"] |= {"InstanceId": to, "DeviceIndex": device, **attachment}
    return told


def seen(begun: float, *interfaces: Document, part: str = PART) -> InventoryTables:
    """A scan of ten seconds."""
    return scan(part, begun, begun + 10, {**estate(interfaces=interfaces, **HOME), "instances": INSTANCES})


def line(when: tuple[int, int], *, recorder: str = "eni-m", instance: str = "-", peer: str = "10.0.1.200") -> str:
    """A flow that the interface sent."""
    addresses = f"10.0.1.9 {peer} 10.0.1.9 {peer}"
    return f"5 {recorder} {instance} vpc-a - - {addresses} {when[0]} {when[1]} egress -"


def own(known: Source, when: tuple[int, int], **told: str) -> tuple[str | None, str | None, str | None]:
    """The own side's evidence, instance, and name, whose place is always told."""
    (row,) = enriched([line(when, **told)], known)
    assert (row["reporter"], row["src_status"], row["src_interface_id"]) == (
        "src",
        "resolved",
        told.get("recorder", "eni-m"),
    )
    assert (row["src_subnet_id"], row["src_az_id"]) == ("subnet-a", "use1-az1")
    return row["src_evidence"], row["src_instance_id"], row["src_name"]


NOBODYS = ("record", None, None)
FIRST, SECOND = ("record", "i-1", "web i-1"), ("record", "i-2", "web i-2")
STAYS = of_parts(seen(2_000, attached("i-1", 500)))
MOVED = of_parts(seen(2_000, attached("i-1", 500)), seen(3_000, attached("i-2", 2_500)))


@pytest.mark.parametrize(
    ("known", "when", "expected"),
    [
        (STAYS, (499, 560), NOBODYS),
        (STAYS, (500, 560), FIRST),
        (STAYS, (1_940, 2_000), FIRST),
        (STAYS, (1_940, 2_001), ("snapshot_open", "i-1", "web i-1")),
        (STAYS, (9_000, 9_060), ("snapshot_open", "i-1", "web i-1")),
        (MOVED, (400, 460), NOBODYS),
        (MOVED, (500, 2_000), FIRST),
        (MOVED, (1_990, 2_001), NOBODYS),
        (MOVED, (2_001, 2_499), NOBODYS),
        (MOVED, (2_499, 2_560), NOBODYS),
        (MOVED, (2_500, 3_000), SECOND),
        (MOVED, (2_500, 3_001), ("snapshot_open", "i-2", "web i-2")),
    ],
)
def test_an_interface_that_may_move_tells_its_instance_for_the_time_proven(known, when, expected):
    """Before, between and after its attachments the interface's place is all that is claimed with proof."""
    assert own(known, when) == expected


@pytest.mark.parametrize("when", [(400, 460), (1_000, 1_060), (2_200, 2_260), (9_000, 9_060)])
def test_what_the_record_tells_holds_for_the_record(when):
    """A record that names the instance needs no proof; that instance's tags come with it."""
    assert own(MOVED, when, instance="i-1") == FIRST
    assert own(MOVED, when, instance="i-2") == SECOND


def test_between_attachments_the_interface_is_no_other_resource_either():
    """Neither the instance's tags nor a type is left over from another time."""
    (row,) = enriched([line((2_100, 2_160))], MOVED)

    assert (row["src_resource_type"], row["src_resource_id"], row["src_tags"]) == (None, None, None)


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ({"device": 0}, FIRST),
        ({"device": 0, "DeleteOnTermination": True}, FIRST),
        ({"device": 0, "NetworkCardIndex": 0}, FIRST),
        ({"device": 0, "DeleteOnTermination": False}, ("snapshot_open", "i-1", "web i-1")),
        ({"device": 0, "NetworkCardIndex": 1}, ("snapshot_open", "i-1", "web i-1")),
        ({"device": 2}, ("snapshot_open", "i-1", "web i-1")),
    ],
)
def test_an_instances_first_interface_stays_with_it(attachment, expected):
    """It cannot be detached; but one that outlives its instance may become another one's first."""
    known = of_parts(seen(2_000, attached("i-1", 500, **attachment)))

    assert own(known, (9_000, 9_060)) == expected
    assert own(known, (499, 560)) == NOBODYS


def test_a_first_interface_that_was_seen_with_two_instances_has_moved():
    """Whatever may or may not be: each attachment holds for its own time."""
    known = of_parts(seen(2_000, attached("i-1", 500, device=0)), seen(3_000, attached("i-2", 2_500, device=0)))

    assert own(known, (1_940, 2_000)) == FIRST
    assert own(known, (2_100, 2_160)) == NOBODYS
    assert own(known, (2_500, 2_560)) == SECOND


@pytest.mark.parametrize(
    ("members", "resource_type"),
    [
        ({"InterfaceType": "lambda"}, "lambda"),
        ({"RequesterManaged": True, "InterfaceType": "interface"}, "network_interface"),
    ],
)
def test_a_services_interface_does_not_move(members, resource_type):
    """What a service manages stands behind it as long as it lives."""
    managed = eni("eni-m", "10.0.1.9", attached=500, SubnetId="subnet-a", **members)

    (row,) = enriched([line((9_000, 9_060))], of_parts(seen(2_000, managed)))

    assert (row["src_evidence"], row["src_resource_type"]) == ("record", resource_type)


def test_an_interface_without_attach_time_is_proven_between_two_sights():
    """From the end of the first scan that saw it attached to the beginning of the last one."""
    known = of_parts(seen(2_000, attached("i-1", None)), seen(2_100, attached("i-1", None)))

    assert own(known, (2_009, 2_060)) == NOBODYS
    assert own(known, (2_010, 2_100)) == FIRST
    assert own(known, (2_010, 2_101)) == ("snapshot_open", "i-1", "web i-1")


def test_an_interface_attached_to_nothing_is_only_that_while_it_was_seen_so():
    """Later it may be attached to anything: that it still is not is a continuation."""
    known = of_parts(seen(2_000, attached(None, None)), seen(2_100, attached(None, None)))

    for when, evidence in (((2_010, 2_100), "record"), ((2_200, 2_260), "snapshot_open")):
        (row,) = enriched([line(when)], known)
        assert (row["src_evidence"], row["src_instance_id"]) == (evidence, None)
        assert (row["src_resource_type"], dict(row["src_tags"])) == ("network_interface", {"rack": "7"})


def test_an_attachment_that_had_gone_is_not_continued():
    """The last scan no longer showed the interface; a record of a later time tells that it lives, not with whom."""
    known = of_parts(seen(2_000, attached("i-1", 500)), seen(2_100))

    assert own(known, (1_940, 2_000)) == FIRST
    assert own(known, (2_001, 2_060)) == NOBODYS


def test_an_undated_inventory_holds_since_the_attachment():
    """AWS CLI files carry no date."""
    known = source({**estate(interfaces=[attached("i-1", 500)], **HOME), "instances": INSTANCES})

    assert own(known, (499, 560)) == NOBODYS
    assert own(known, (99_999, 99_999)) == FIRST


def test_two_parts_that_tell_of_one_attachment_do_not_contradict_each_other():
    """The later sight counts, and the teller that knows the instance."""
    known = of_parts(
        seen(2_000, attached("i-1", 500)),
        seen(2_500, attached("i-1", 500), part=OTHER),
        seen(2_600, attached(None, 500), part="777788889999/us-east-1"),
    )

    assert own(known, (2_001, 2_060)) == FIRST
    assert own(known, (2_590, 2_600))[1:] == ("i-1", "web i-1")


def test_two_parts_that_contradict_each_other_name_no_instance():
    """One interface cannot be attached to two instances at one time."""
    known = of_parts(seen(2_000, attached("i-1", 500)), seen(2_000, attached("i-2", 600), part=OTHER))

    for when in ((550, 560), (1_000, 1_060), (3_000, 3_060)):
        assert own(known, when) == NOBODYS


# ── as proof for the other side ──────────────────────────────────────────────────────────────────────────────────────

PEER = attached("i-2", 500, name="eni-p", device=0) | {
    "PrivateIpAddress": "10.0.1.200",
    "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.200", "Primary": True}],
}


def answer(when: tuple[int, int]) -> str:
    """What another interface received from the one that may move."""
    return f"5 eni-p - vpc-a - - 10.0.1.9 10.0.1.200 10.0.1.9 10.0.1.200 {when[0]} {when[1]} ingress -"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((1_000, 1_060), ("resolved", "peer_record", "i-1")),
        ((2_600, 2_660), ("resolved", "peer_record", "i-2")),
        ((2_950, 3_050), ("resolved", "snapshot_open", "i-2")),
        ((4_000, 4_060), ("resolved", "snapshot_open", "i-2")),
        ((2_100, 2_160), ("subnet", "subnet", None)),
        ((1_990, 2_060), ("subnet", "subnet", None)),
        ((440, 500), ("subnet", "subnet", None)),
    ],
)
def test_a_peers_own_record_proves_its_instance_for_the_time_proven(when, expected):
    """Its record proves the interface; what it was attached to is proven by the inventory, or not."""
    known = of_parts(seen(2_000, attached("i-1", 500), PEER), seen(3_000, attached("i-2", 2_500), PEER))

    _, row = enriched([line(when), answer(when)], known)

    assert (row["src_status"], row["src_evidence"], row["src_instance_id"]) == expected
    assert row["dst_instance_id"] == "i-2" if when[0] >= 500 else row["dst_instance_id"] is None


def test_flows_of_one_batch_get_each_its_own_time():
    """The interface moved within the batch: six flows, two instances, and what is not known."""
    times = [(1_000, 1_060), (2_100, 2_160), (2_500, 2_560), (400, 460), (3_100, 3_160), (1_940, 2_000)]

    rows = enriched([line(when) for when in times], MOVED)

    told = [(row["src_evidence"], row["src_instance_id"], row["src_name"]) for row in rows]
    assert told == [FIRST, NOBODYS, SECOND, NOBODYS, ("snapshot_open", "i-2", "web i-2"), FIRST]


def test_an_instance_that_nobody_described_has_unknown_tags():
    """Its interface was attached to it after the last scan: what that is tagged by itself the instance may overrule."""
    (row,) = enriched([line((2_600, 2_610), instance="i-3")], STAYS)

    assert (row["src_instance_id"], row["src_resource_id"], row["src_evidence"]) == ("i-3", "i-3", "record")
    assert not row["src_tags"]


def test_an_instance_of_which_ipam_alone_tells_has_its_interfaces_tags():
    """IPAM describes no instances, so nothing better will come."""
    told = eni("eni-m", "10.0.1.9", TagSet=[{"Key": "rack", "Value": "7"}], SubnetId="subnet-a")
    (row,) = enriched([line((2_600, 2_610), instance="i-3")], of_parts(seen(2_000, told, part="ipam/ipam-scope-1")))

    assert (row["src_instance_id"], dict(row["src_tags"])) == ("i-3", {"rack": "7"})


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ((150_000, 150_060), ("record", "eni-r", "src")),
        ((200_075, 200_110), ("snapshot", "eni-n", None)),
        ((200_040, 200_100), (None, None, None)),
    ],
    ids=["before it moved", "after", "while it moved"],
)
def test_who_once_had_an_address_does_not_speak_for_its_heir(when, expected):
    """An instance that forwards shows the packet's address: one that was its own until another interface got it."""
    networks = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")]}
    before = [eni("eni-r", "10.0.1.4", "10.0.1.9", attached=500, instance="i-r")]
    after = [
        eni("eni-r", "10.0.1.4", attached=500, instance="i-r"),
        eni("eni-n", "10.0.1.8", "10.0.1.9", attached=500, instance="i-n"),
    ]
    looks = ((100_000, before), (200_000, before), (200_060, after), (200_120, after))
    scans = [scan("1/us-east-1", at, at + 10, estate(interfaces=told, **networks)) for at, told in looks]
    line = f"5 eni-r i-r vpc-a sa use1-az1 10.0.1.4 203.0.113.9 10.0.1.9 203.0.113.9 {when[0]} {when[1]} egress -"

    (row,) = enriched([line], of_parts(*scans, max_gap_s=150_000))

    assert (row["src_evidence"], row["src_interface_id"], row["reporter"]) == expected


@pytest.mark.parametrize(("name", "expected"), [("az_id", "use1-az1"), ("vpc_id", "vpc-a"), ("region", "us-east-1")])
def test_what_neither_record_nor_interface_tells_is_filled(name, expected):
    """A subnet tells VPC and AZ ID, the stream the region, of an interface that an inventory knows without them."""
    tables = tables_of(estate(interfaces=[attached("i-1", 500)], **HOME))
    place = tables.interfaces.column_names.index(name)
    unknown = tables.interfaces.set_column(place, name, pa.nulls(tables.interfaces.num_rows, pa.string()))
    known = Source(Inventory(replace(tables, interfaces=unknown), DEFAULT_PROMOTED_TAGS), "snapshot")
    (row,) = enriched(["5 eni-m i-1 - - - 10.0.1.9 10.0.1.200 10.0.1.9 10.0.1.200 1000 1060 egress -"], known)
    assert (row["src_interface_id"], row[f"src_{name}"]) == ("eni-m", expected)


def test_what_a_record_tells_beyond_the_inventory_is_told():
    """An ECS task of its own interface is the resource, though the inventory knows the interface as one of no task."""
    known = source(estate(interfaces=[attached(None, 500)], **HOME))
    fields = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction ecs-task-id"
    (row,) = enriched(["eni-m 10.0.1.9 10.0.1.200 10.0.1.9 10.0.1.200 1000 1060 egress t-1"], known, log_format=fields)
    told = (row["src_interface_id"], row["src_resource_type"], row["src_resource_id"])
    assert told == ("eni-m", "ecs_task", "t-1")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("use1-az1", "use1-az1"),
        ("use1-az\N{ARABIC-INDIC DIGIT ONE}", None),
        ("use1-az\N{DEVANAGARI DIGIT ONE}", None),
        ("us-east-1a", None),
    ],
)
def test_a_zone_that_is_no_az_id_is_none_whoever_records_beside_it(told, expected):
    """A name, or digits of another script: alone in its batch or not."""
    fields = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction az-id"
    line = "eni-x 10.0.1.9 10.0.1.200 10.0.1.9 10.0.1.200 1000 1060 egress"
    (alone,) = enriched([f"{line} {told}"], log_format=fields)
    beside, _ = enriched([f"{line} {told}", f"{line.replace('eni-x', 'eni-y')} nowhere"], log_format=fields)
    assert (alone["reporter_az_id"], beside["reporter_az_id"]) == (expected, expected)


def test_an_interface_is_there_while_its_own_address_is_its_own():
    """Not while another one has it since, nor by an address that is associated with it from outside."""
    interfaces = [eni("eni-gone", "10.0.1.4"), eni("eni-heir", "10.0.1.4"), eni("eni-odd", "198.51.100.7")]
    known = history(
        estate(interfaces=interfaces),
        [
            ("10.0.1.4", "vpc-a", "eni-gone", 0, 100, False),
            ("10.0.1.4", "vpc-a", "eni-heir", 200, 300, True),
            ("198.51.100.7", None, "eni-odd", 0, 300, True),
        ],
    )

    assert [known.inventory.is_open(row) for row in range(3)] == [False, True, False]
