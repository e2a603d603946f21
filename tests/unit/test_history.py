"""Scans become a history: each owner for the time that is proven, nobody for the time that is not."""

from dataclasses import replace
from typing import Any

import pytest
from made_by_hand import Document, eni, estate, peering, subnet, vpc

from enricher.errors import InventoryError
from enricher.history import merge
from enricher.inventory import InventoryTables, Part
from enricher.inventory_documents import tables_of

HOME = "111122223333/us-east-1"
OTHER = "444455556666/us-east-1"
IPAM = "ipam/ipam-scope-1"
HOURS = 3600


def scan(begun: float, *interfaces: Document, part=HOME, took=5, instances=None, **networks: list[Document]):
    """One good scan of a part, beginning at ``begun`` and taking ``took`` seconds."""
    documents = estate(interfaces=interfaces, **networks)
    documents["instances"] = {
        "Reservations": [
            {"Instances": [{"InstanceId": name, "Tags": [{"Key": "Name", "Value": tag}]}]}
            for name, tag in (instances or {}).items()
        ]
    }
    return tables_of(documents, begun, ended_at=begun + took, part=part)


def after(
    *scans: InventoryTables, now=None, keep_s=4 * HOURS, max_gap_s=180, consistency_s=0, failures=(), previous=None
):
    """The history of these scans, merged one after another at their ends; ``failures`` come last."""
    for one in scans:
        ended = one.parts[0].ended_at
        previous = merge(previous, [one], [], ended, keep_s, max_gap_s, consistency_s=consistency_s)
    if failures or now is not None:
        now = max((one.parts[0].ended_at for one in scans), default=0) if now is None else now
        previous = merge(previous, [], list(failures), now, keep_s, max_gap_s, consistency_s=consistency_s)
    assert previous is not None
    return previous


def told(history: InventoryTables):
    """All of an inventory as plain values."""
    networks = history.networks
    tables = [table.to_pylist() for table in (history.interfaces, history.addresses, history.instances)]
    told = (networks.vpcs, networks.subnets, networks.connections, networks.memberships)
    return tables, told, history.observed_at, history.parts


def owners(history: InventoryTables, address: str):
    """(interface, instance, valid_from, seen_until, is_open) of whoever had the address, the earliest first."""
    interfaces = history.interfaces.to_pylist()
    rows = [row for row in history.addresses.to_pylist() if row["address"] == address]
    return [
        (
            interfaces[row["row"]]["interface_id"],
            interfaces[row["row"]]["instance_id"],
            row["valid_from"],
            row["seen_until"],
            row["is_open"],
        )
        for row in sorted(rows, key=lambda row: (row["seen_until"], row["valid_from"]))
    ]


def server(name="eni-1", *addresses: str, instance="i-1", attached=500, device=0, **more: Any):
    """The interface of an instance, by default its first one, which cannot be detached."""
    told = eni(name, *(addresses or ("10.0.0.4",)), attached=attached, instance=instance, **more)
    told["Attachment"]["DeviceIndex"] = device
    return told


def test_the_first_scan_proves_the_primary_address_since_its_attachment():
    """Secondary ones are proven for no time yet: valid from the scan's end, seen until its beginning."""
    known = after(scan(1000, server("eni-1", "10.0.0.4", "10.0.0.5")))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, True)]
    assert owners(known, "10.0.0.5") == [("eni-1", "i-1", 1005, 1000, True)]


def test_what_is_seen_again_is_proven_until_the_later_scan():
    """A primary address since the attachment, another one since the end of the scan that saw it first."""
    more = {"Ipv6Addresses": [{"Ipv6Address": "2001:db8::4"}], "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.9.0/28"}]}
    both = server("eni-1", "10.0.0.4", "10.0.0.5", Association={"PublicIp": "198.51.100.7"}, **more)
    known = after(scan(1000, both), scan(1060, both))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1060, True)]
    for address in ("10.0.0.5", "198.51.100.7", "2001:db8::4", "10.0.9.0/28"):
        assert owners(known, address) == [("eni-1", "i-1", 1005, 1060, True)]
    assert known.interfaces.num_rows == 1


def test_a_primary_address_without_attach_time_is_proven_since_the_first_scan():
    """A network load balancer's interface may tell no AttachTime; it keeps its address over any gap all the same."""
    managed = eni("eni-1", "10.0.0.4", RequesterManaged=True, InterfaceType="network_load_balancer")
    known = after(scan(1000, managed), scan(1900, managed))

    assert owners(known, "10.0.0.4") == [("eni-1", None, 1005, 1900, True)]


def test_what_a_scan_shows_may_be_some_seconds_old():
    """An owner is proven until ``consistency_s`` before the scan began, 5 s unless told otherwise."""
    one, two = scan(1000, server("eni-1", "10.0.0.4", "10.0.0.5")), scan(1060, server("eni-1", "10.0.0.4", "10.0.0.5"))
    known = merge(None, [one, two], [], 1065, 4 * HOURS, 180)

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1055, True)]
    assert owners(known, "10.0.0.5") == [("eni-1", "i-1", 1005, 1055, True)]
    assert known.interfaces["seen_until"].to_pylist() == [1055]
    finer = after(scan(1000, server()), scan(1060, server()), consistency_s=0.5)
    assert owners(finer, "10.0.0.4") == [("eni-1", "i-1", 500, 1059, True)]


def test_the_gap_in_which_a_secondary_address_moved_belongs_to_nobody():
    """From A, last seen at 1060, to B, first seen by 1125."""
    a, b = server("eni-a", "10.0.0.4"), server("eni-b", "10.0.0.5")
    a_too, b_too = server("eni-a", "10.0.0.4", "10.0.0.9"), server("eni-b", "10.0.0.5", "10.0.0.9")
    known = after(scan(1000, a_too, b), scan(1060, a_too, b), scan(1120, a, b_too), scan(1180, a, b_too))

    assert owners(known, "10.0.0.9") == [("eni-a", "i-1", 1005, 1060, False), ("eni-b", "i-1", 1125, 1180, True)]


def test_an_address_that_moved_there_and_back_is_not_its_first_owner_s_in_between():
    """A, then B, then A again: three intervals, although A's two sights are within the greatest gap."""
    a, b = server("eni-a", "10.0.0.4"), server("eni-b", "10.0.0.5")
    a_too, b_too = server("eni-a", "10.0.0.4", "10.0.0.9"), server("eni-b", "10.0.0.5", "10.0.0.9")
    known = after(scan(1000, a_too, b), scan(1060, a, b_too), scan(1120, a_too, b), scan(1180, a_too, b))

    assert owners(known, "10.0.0.9") == [
        ("eni-a", "i-1", 1005, 1000, False),
        ("eni-b", "i-1", 1065, 1060, False),
        ("eni-a", "i-1", 1125, 1180, True),
    ]


@pytest.mark.parametrize(
    ("later", "consistency_s", "proven_from"), [(1175, 0, 1005), (1176, 0, 1181), (1170, 5, 1005), (1171, 5, 1176)]
)
def test_two_scans_too_far_apart_prove_nothing_between_them(later, consistency_s, proven_from):
    """Of an address that can leave: from what the first can show to what the second can, at most 180 s."""
    both = server("eni-1", "10.0.0.4", "10.0.0.5")
    known = after(scan(1000, both), scan(later, both), consistency_s=consistency_s)
    until = later - consistency_s

    assert owners(known, "10.0.0.5")[-1] == ("eni-1", "i-1", proven_from, until, True)
    assert len(owners(known, "10.0.0.5")) == (1 if proven_from == 1005 else 2)
    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, until, True)]


def test_an_ipv6_address_may_leave_even_if_it_is_an_interface_s_only_one():
    """Only the primary IPv4 address stays by itself."""
    only = server(Ipv6Addresses=[{"Ipv6Address": "2001:db8::4"}])
    only["PrivateIpAddresses"] = []
    known = after(scan(1000, only), scan(1900, only))

    assert owners(known, "2001:db8::4")[-1] == ("eni-1", "i-1", 1905, 1900, True)


def test_a_new_interface_has_a_released_address_since_its_own_attachment():
    """The old owner's time ends with its last sight, however early the new one was attached after it."""
    known = after(
        scan(1000, server("eni-old", attached=500)),
        scan(1060, server("eni-new", attached=1010, instance="i-2")),
    )

    assert owners(known, "10.0.0.4") == [("eni-old", "i-1", 500, 1000, False), ("eni-new", "i-2", 1010, 1060, True)]


def test_a_clock_that_is_ahead_of_aws_s_does_not_prove_two_owners_at_once():
    """The old owner ends before the new one's AttachTime: that is AWS's clock, the flows' own."""
    known = after(scan(1000, server("eni-old")), scan(1060, server("eni-new", attached=990, instance="i-2")))

    assert owners(known, "10.0.0.4") == [("eni-old", "i-1", 500, 989, False), ("eni-new", "i-2", 990, 1060, True)]

    moved = after(scan(1000, server(device=1)), scan(1030, server(device=1)),
                  scan(1060, server(device=1, instance="i-2", attached=1020)))  # fmt: skip

    assert owners(moved, "10.0.0.4") == [("eni-1", "i-1", 500, 1019, False), ("eni-1", "i-2", 1020, 1060, True)]
    assert moved.interfaces["seen_until"].to_pylist() == [1019, 1060]


def test_an_attachment_later_than_the_scan_proves_nothing_yet():
    """A clock behind AWS's: the interval is empty until a scan begins after the attachment."""
    late = server(attached=1030)

    assert owners(after(scan(1000, late)), "10.0.0.4") == [("eni-1", "i-1", 1030, 1000, True)]
    assert owners(after(scan(1000, late), scan(1060, late)), "10.0.0.4") == [("eni-1", "i-1", 1030, 1060, True)]


def test_an_interface_attached_elsewhere_becomes_a_new_version():
    """The old version keeps its instance and its time; the later version stands later."""
    known = after(
        scan(1000, server(device=1)),
        scan(1060, server(device=1)),
        scan(1120, server(device=1, instance="i-2", attached=1100)),
    )

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1060, False), ("eni-1", "i-2", 1100, 1120, True)]
    versions = known.interfaces.select(["instance_id", "seen_from", "seen_until"]).to_pylist()
    assert versions == [
        {"instance_id": "i-1", "seen_from": 1005, "seen_until": 1060},
        {"instance_id": "i-2", "seen_from": 1125, "seen_until": 1120},
    ]


def test_an_interface_attached_to_the_same_instance_again_is_a_new_version():
    """Between the two attachments it may have been anywhere."""
    known = after(scan(1000, server(device=1)), scan(1060, server(device=1, attached=1040)))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, False), ("eni-1", "i-1", 1040, 1060, True)]


def test_another_instance_is_another_version_even_without_attach_time():
    """As ``instances.json`` alone would tell it."""
    one, two = (eni("eni-1", "10.0.0.4", instance=name) for name in ("i-1", "i-2"))
    known = after(scan(1000, one), scan(1060, two))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 1005, 1000, False), ("eni-1", "i-2", 1065, 1060, True)]


def test_a_detached_interface_keeps_its_address_for_nobody_s_instance():
    """While it is attached to nothing the address is the interface's alone, as far as near scans see it so."""
    known = after(
        scan(1000, server(device=1)), scan(1060, eni("eni-1", "10.0.0.4")), scan(1120, eni("eni-1", "10.0.0.4"))
    )

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, False), ("eni-1", None, 1065, 1120, True)]


def test_an_unattached_interface_may_have_been_attached_in_a_long_gap():
    """Two sights of it unattached, 15 minutes apart, are two versions."""
    known = after(scan(1000, eni("eni-1", "10.0.0.4")), scan(1900, eni("eni-1", "10.0.0.4")))

    assert owners(known, "10.0.0.4") == [("eni-1", None, 1005, 1000, False), ("eni-1", None, 1905, 1900, True)]
    assert known.interfaces.num_rows == 2


def test_an_interface_that_was_attached_in_between_is_three_versions():
    """Seen unattached, attached and unattached again, within the greatest gap."""
    free, used = eni("eni-1", "10.0.0.4"), server(device=1, attached=1030)
    known = after(scan(1000, free), scan(1060, used), scan(1120, free), scan(1180, free))

    assert owners(known, "10.0.0.4") == [
        ("eni-1", None, 1005, 1000, False),
        ("eni-1", "i-1", 1030, 1060, False),
        ("eni-1", None, 1125, 1180, True),
    ]


def test_a_stopped_instance_keeps_its_interface():
    """The attachment stays, with its time."""
    stopped = server(Status="in-use")

    assert owners(after(scan(1000, server()), scan(1060, stopped)), "10.0.0.4") == [("eni-1", "i-1", 500, 1060, True)]


def test_a_moved_public_address_and_prefix_have_a_gap_between_their_owners():
    """Neither AWS's association nor a delegated prefix tells since when."""
    given = {"Association": {"PublicIp": "198.51.100.7"}, "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.9.0/28"}]}
    known = after(
        scan(1000, server("eni-a", "10.0.0.4", **given), server("eni-b", "10.0.0.5")),
        scan(1060, server("eni-a", "10.0.0.4"), server("eni-b", "10.0.0.5", **given)),
        scan(1120, server("eni-a", "10.0.0.4"), server("eni-b", "10.0.0.5", **given)),
    )

    for address in ("198.51.100.7", "10.0.9.0/28"):
        assert owners(known, address) == [("eni-a", "i-1", 1005, 1000, False), ("eni-b", "i-1", 1065, 1120, True)]


def test_a_primary_address_that_one_scan_missed_was_there_all_the_time():
    """Paging may miss an interface; an interface's id is never used again, so it lived in between."""
    known = after(scan(1000, server()), scan(1060), scan(1120, server()))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1120, True)]


def test_another_address_that_one_scan_missed_was_perhaps_away():
    """A good scan that does not show it is no proof that it stayed."""
    both = server("eni-1", "10.0.0.4", "10.0.0.5")
    known = after(scan(1000, both), scan(1060, server()), scan(1120, both))

    assert owners(known, "10.0.0.5") == [("eni-1", "i-1", 1005, 1000, False), ("eni-1", "i-1", 1125, 1120, True)]


def test_what_vanished_is_kept_for_a_while_and_then_forgotten_with_all_that_hangs_on_it():
    """Interface, addresses, instance and tags go together; the rows that stay are numbered anew."""
    gone = server("eni-0", "10.0.0.3", "10.0.0.9", instance="i-0")
    stays = server("eni-1", "10.0.0.4", instance="i-1")
    seen = [
        scan(1000, gone, stays, instances={"i-0": "old", "i-1": "new"}),
        scan(1060, stays, instances={"i-1": "new"}),
    ]

    kept = after(*seen, now=4600, keep_s=3600)
    forgotten = after(*seen, now=4601, keep_s=3600)

    assert owners(kept, "10.0.0.3") == [("eni-0", "i-0", 500, 1000, False)]
    assert dict(kept.interfaces["tags"][0].as_py()) == {"Name": "old"}
    assert kept.instances["instance_id"].to_pylist() == ["i-0", "i-1"]
    assert forgotten.interfaces["interface_id"].to_pylist() == ["eni-1"]
    assert forgotten.instances["instance_id"].to_pylist() == ["i-1"]
    assert forgotten.addresses["address"].to_pylist() == ["10.0.0.4"]
    assert owners(forgotten, "10.0.0.4") == [("eni-1", "i-1", 500, 1060, True)]


def test_a_good_scan_that_shows_nothing_closes_everything():
    """An empty account is not a failed scan."""
    known = after(scan(1000, server()), scan(1060))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, False)]
    assert after(scan(1000, server()), scan(1060), now=20_000).interfaces.num_rows == 0


def test_a_failed_part_stays_as_it_was_and_says_why():
    """However long it fails: its owners stay open, by continuation, and are not forgotten."""
    denied = Part(HOME, None, None, 90_000.0, "denied")
    known = after(scan(1000, server(), instances={"i-1": "x"}), failures=[denied], now=90_000)

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, True)]
    assert known.instances["instance_id"].to_pylist() == ["i-1"]
    assert known.parts == (Part(HOME, 1000, 1005, 90_000.0, "denied"),)
    bare = after(scan(1000, eni("eni-bare")), failures=[denied], now=90_000)
    assert bare.interfaces["interface_id"].to_pylist() == ["eni-bare"]


def test_a_part_that_nobody_scans_any_more_is_forgotten_and_one_that_fails_is_not():
    """A role taken out of the settings must not keep the inventory's age growing for ever."""
    both = after(scan(1000, server()), scan(1000, server("eni-2", "10.9.0.4"), part=OTHER))
    again = merge(both, [scan(15_400, server())], [], 15_405, 3600, 180)
    later = merge(again, [scan(15_410, server())], [], 15_415, 3600, 180)
    failed = merge(both, [scan(15_410, server())], [Part(OTHER, None, None, 15_412, "denied")], 15_415, 3600, 180)

    assert [part.name for part in again.parts] == [HOME, OTHER]
    assert [part.name for part in later.parts] == [HOME]
    assert [owner for owner, *_ in owners(later, "10.9.0.4")] == []
    assert [part.name for part in failed.parts] == [HOME, OTHER]
    assert [owner for owner, *_ in owners(failed, "10.9.0.4")] == ["eni-2"]


def test_a_part_that_was_never_scanned_well_is_named_with_its_failure():
    """It has no times and no rows."""
    never = Part(OTHER, None, None, 1061.0, "denied")
    known = after(scan(1000, server()), failures=[never])

    assert known.parts == (Part(HOME, 1000, 1005), never)
    assert known.observed_at == 1000


def test_a_good_scan_ends_the_failure_before_it_and_not_the_one_after():
    """Whichever is told first."""
    early, late = Part(HOME, None, None, 1030.0, "early"), Part(HOME, None, None, 1090.0, "late")
    first = after(scan(1000, server()))

    for failures in ([early, late], [late, early]):
        assert merge(first, [scan(1060, server())], failures, 1100, 4 * HOURS, 180).parts == (
            Part(HOME, 1060, 1065, 1090.0, "late"),
        )
    assert after(scan(1060, server()), previous=after(scan(1000, server()), failures=[early])).parts == (
        Part(HOME, 1060, 1065),
    )


def test_a_scan_older_than_what_is_known_is_ignored():
    """A refresher that was overtaken, or a clock that was set back, takes nothing away."""
    known = after(scan(1060, server()))

    assert told(after(scan(1000, server("eni-9")), previous=known)) == told(known)


def test_several_scans_of_one_part_are_taken_in_the_order_of_their_time():
    """Whatever order they are handed in."""
    one, two = scan(1000, server("eni-1", "10.0.0.4", "10.0.0.5")), scan(1060, server("eni-1", "10.0.0.4", "10.0.0.5"))

    assert told(merge(None, [two, one], [], 1070, 4 * HOURS, 180)) == told(
        merge(None, [one, two], [], 1070, 4 * HOURS, 180)
    )


def test_parts_with_the_same_addresses_stay_apart():
    """Two accounts' overlapping VPCs: a scan of one closes nothing of the other."""
    here, there = server("eni-1", "10.0.0.4"), server("eni-2", "10.0.0.4", vpc="vpc-b", instance="i-2")
    known = after(scan(1000, here), scan(1001, there, part=OTHER), scan(1060, part=HOME), scan(1061, there, part=OTHER))

    assert owners(known, "10.0.0.4") == [("eni-1", "i-1", 500, 1000, False), ("eni-2", "i-2", 500, 1061, True)]
    assert known.observed_at == 1060
    assert [part.name for part in known.parts] == [HOME, OTHER]
    assert told(after(scan(1001, there, part=OTHER), scan(1000, here))) == told(
        after(scan(1000, here), scan(1001, there, part=OTHER))
    )


def test_an_interface_that_two_parts_tell_of_has_a_row_of_each():
    """A shared subnet's owner and its user, or IPAM and the account: each knows it in its own time."""
    known = after(scan(1000, server()), scan(1010, server(), part=IPAM), scan(1060, server()))

    assert known.interfaces["part"].to_pylist() == [HOME, IPAM]
    assert owners(known, "10.0.0.4")[-1] == ("eni-1", "i-1", 500, 1060, True)
    assert len(owners(known, "10.0.0.4")) == 2


def test_ipam_does_not_tell_which_address_is_the_primary_one():
    """So none of what it tells holds over a gap."""
    managed = eni("eni-1", "10.0.0.4", RequesterManaged=True)
    known = after(scan(5000, managed, part=IPAM), scan(9000, managed, part=IPAM))

    assert known.interfaces.num_rows == 1
    assert [row[2:] for row in owners(known, "10.0.0.4")] == [(5005, 3800, False), (9005, 7800, True)]


def test_tags_are_the_latest_of_what_lives_and_the_last_of_what_is_gone():
    """So is every other column of an interface."""
    old, new = (server(TagSet=[{"Key": "team", "Value": value}]) for value in ("old", "new"))
    gone = server("eni-2", "10.0.0.5", TagSet=[{"Key": "team", "Value": "last"}])
    instances = {"i-1": "web"}
    known = after(scan(1000, old, gone, instances=instances), scan(1060, new, instances=instances))

    tags = {row["interface_id"]: dict(row["tags"]) for row in known.interfaces.to_pylist()}
    assert tags == {"eni-1": {"team": "new", "Name": "web"}, "eni-2": {"team": "last", "Name": "web"}}


def test_networks_are_those_of_each_part_s_last_good_scan():
    """A failed part's stay; a good scan replaces its own and no other's."""
    ours = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.0.0/24")],
            "peerings": [peering("vpc-a", "vpc-b")]}  # fmt: skip
    theirs = {"vpcs": [vpc("vpc-b", "10.1.0.0/16")]}
    known = after(scan(1000, **ours), scan(1001, part=OTHER, **theirs), scan(1060, vpcs=[vpc("vpc-c", "10.2.0.0/16")]),
                  failures=[Part(OTHER, None, None, 1061.0, "denied")], now=1061)  # fmt: skip

    assert [(one.vpc_id, one.part) for one in known.networks.vpcs] == [("vpc-c", HOME), ("vpc-b", OTHER)]
    assert known.networks.subnets == ()
    assert known.networks.connections == ()


def test_an_undated_inventory_has_no_history():
    """What AWS CLI files hold would be true for ever, and contradict whatever is scanned."""
    undated = tables_of(estate(interfaces=[server()]))

    with pytest.raises(InventoryError, match="no dated scan told"):
        merge(undated, [scan(1000, server())], [], 1005, 4 * HOURS, 180)
    with pytest.raises(InventoryError, match="no dated scan told"):
        merge(tables_of(estate(vpcs=[vpc("vpc-a", "10.0.0.0/16")])), [], [], 1005, 4 * HOURS, 180)
    assert after(scan(1000, server()), previous=tables_of({})).interfaces.num_rows == 1


def test_a_scan_has_one_part_that_was_scanned_well():
    """Anything else is a mistake of ours."""
    good = scan(1000, server())

    for parts in ((), (Part(HOME, None, None, 1.0, "denied"),), (*good.parts, *good.parts)):
        with pytest.raises(ValueError, match="a scan has one part"):
            merge(None, [replace(good, parts=parts)], [], 1005, 4 * HOURS, 180)
