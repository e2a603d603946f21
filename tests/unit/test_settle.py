"""The second look: a later snapshot settles what an earlier one could not know, and makes nothing worse."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_by_hand import FORMAT, Document, eni, estate, subnet, vpc

from enricher.enrich import Provenance, enrich
from enricher.history import merge
from enricher.inventory import ALWAYS, Inventory, InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.lake import to_parquet
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import AWS_COLUMNS, DEFAULT_PROMOTED_TAGS
from enricher.settle import Settled, settle
from enricher.sources import Source

HOME = "111122223333/us-east-1"
OTHER = "444455556666/us-east-1"
KEEP_S = 4 * 3600
RULES = Rules(default_region="us-east-1")
ME = "eni-me i-me vpc-a subnet-a use1-az1"  # the recorder, at 10.0.0.4


def server(name: str, *addresses: str, instance: str, attached=500, device=0, **more: Any) -> Document:
    """An instance's interface, tagged with the interface's own name."""
    tags = [{"Key": "Name", "Value": name}]
    told = eni(name, *addresses, attached=attached, instance=instance, SubnetId="subnet-a", TagSet=tags, **more)
    told["Attachment"]["DeviceIndex"] = device
    return told


RECORDER = server("eni-me", "10.0.0.4", instance="i-me")
PEER = server("eni-peer", "10.0.0.7", instance="i-peer")
NETWORKS = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": [subnet("subnet-a", "vpc-a", "10.0.0.0/24")]}


def scan(begun: int, *interfaces: Document, part=HOME, networks=NETWORKS):
    """A good scan that takes 5 s and sees the recorder too, and the instances, none of which is tagged."""
    mine = (RECORDER, *interfaces) if part == HOME else interfaces
    instances = [{"InstanceId": (one["Attachment"] or {}).get("InstanceId")} for one in mine]
    documents = {
        **estate(interfaces=mine, **networks),
        "instances": {"Reservations": [{"Instances": [one]} for one in instances if one["InstanceId"]]},
    }
    return tables_of(documents, begun, ended_at=begun + 5, part=part)


def source(*scans: InventoryTables, failures=(), **more: Any) -> Source:
    """The history of these scans as the snapshot of its time."""
    tables = None
    for one in scans:
        tables = merge(tables, [one], [], one.parts[0].ended_at, KEEP_S, 180, consistency_s=0)
    tables = merge(tables, [], failures, tables.parts[0].ended_at, KEEP_S, 180, consistency_s=0)
    return Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot", continued_share=None, **more)


def line(start, end, peer="10.0.0.7", recorder=ME, own="10.0.0.4"):
    """A flow from the recorder to ``peer``."""
    return f"5 {recorder} {own} {peer} {own} {peer} {start} {end} egress 1"


def rows(snapshot: Source | None, *lines: str, arrived_at=1_000, service="-") -> pa.Table:
    """These flow lines as the lake holds them: written, and read again; ``service``: of the destination."""
    formats = LogFormats.parse([f"{FORMAT} pkt-dst-aws-service"])
    parsed = parse_lines([f"{each} {service}" for each in lines], [0] * len(lines), formats)
    assert not parsed.rejects
    arrived = pa.array([arrived_at] * len(lines), pa.int64())
    dimension = resolve(parsed.flows, snapshot, RULES, arrived_at=arrived)
    made = enrich(parsed.flows, dimension, Provenance("batch", pa.array([arrived_at * 1000] * len(lines), pa.int64())))
    return pq.read_table(pa.BufferReader(to_parquet(made)))


def looked(table: pa.Table, later: Source, remembered_since=ALWAYS) -> Settled:
    """The second look, checked for what always holds: AWS's columns, order, schema, and twice is once."""
    settled = settle(table, later, RULES, remembered_since)
    aws = [column.name for column in AWS_COLUMNS]
    assert settled.rows.schema.equals(table.schema)
    assert settled.rows.select(aws).equals(table.select(aws))
    again = settle(settled.rows, later, RULES, remembered_since)
    assert again.rows.to_pylist() == settled.rows.to_pylist()
    assert (again.settled, again.changed, again.withdrawn) == (0, 0, 0)
    return settled


def counts(settled: Settled):
    """(settled, changed, withdrawn, kept)."""
    return settled.settled, settled.changed, settled.withdrawn, settled.kept


def dst(settled: Settled | pa.Table, row=0):
    """(status, evidence, interface, instance) of a row's destination."""
    table = settled.rows if isinstance(settled, Settled) else settled
    values = table.slice(row, 1).to_pylist()[0]
    return tuple(values[f"dst_{name}"] for name in ("status", "evidence", "interface_id", "instance_id"))


def test_a_continued_owner_is_proven_by_the_later_snapshot():
    """Same owner, now with proof; class and provenance follow."""
    early = source(scan(900, PEER))
    before = rows(early, line(950, 960))
    assert dst(before) == ("resolved", "snapshot_open", "eni-peer", "i-peer")

    after = looked(before, source(scan(900, PEER), scan(1020, PEER)))

    assert dst(after) == ("resolved", "snapshot", "eni-peer", "i-peer")
    assert counts(after) == (1, 0, 0, 0)
    assert after.rows["inventory_age_s"].to_pylist() == [-20]
    assert before["inventory_age_s"].to_pylist() == [100]
    for name in ("batch_id", "arrived_at", "reporter", "traffic_class", "src_evidence", "dst_tags"):
        assert after.rows[name].to_pylist() == before[name].to_pylist()


def test_a_continued_owner_that_had_a_successor_is_replaced():
    """The new owner's attachment proves that the address was its own at the flow's time."""
    early = source(scan(900, PEER))
    heir = server("eni-heir", "10.0.0.7", instance="i-heir", attached=940)
    after = looked(rows(early, line(950, 960)), source(scan(900, PEER), scan(1020, heir)))

    assert dst(after) == ("resolved", "snapshot", "eni-heir", "i-heir")
    assert counts(after) == (0, 1, 0, 0)
    assert after.rows["dst_name"].to_pylist() == ["eni-heir"]


def test_a_continued_owner_that_was_gone_is_withdrawn():
    """The gap in which it went belongs to nobody; the place is still known."""
    after = looked(rows(source(scan(900, PEER)), line(950, 960)), source(scan(900, PEER), scan(1020)))

    assert dst(after) == ("subnet", "subnet", None, None)
    assert counts(after) == (0, 0, 1, 0)
    assert after.rows["dst_tags"].to_pylist() == [None]
    assert after.rows["dst_az_id"].to_pylist() == ["use1-az1"]


def test_a_continued_owner_that_nobody_could_look_for_stays():
    """Its part failed since: that is no word against it."""
    failed = Part(HOME, None, None, 1020.0, "throttled")
    before = rows(source(scan(900, PEER)), line(950, 960))
    after = looked(before, source(scan(900, PEER), failures=[failed]))

    assert dst(after) == dst(before)
    assert counts(after) == (0, 0, 0, 1)


def test_what_only_a_part_of_the_estate_was_asked_about_is_no_better_answer():
    """The subnet is gone from the one account; the other, where it may be now, has not been scanned since."""
    bare = {"vpcs": NETWORKS["vpcs"]}
    before = rows(source(scan(900), scan(901, part=OTHER, networks=bare)), line(950, 960))
    assert dst(before)[0] == "subnet"
    half = (scan(900), scan(901, part=OTHER, networks=bare), scan(1020, networks=bare))

    assert dst(looked(before, source(*half))) == dst(before)
    assert dst(looked(before, source(*half, scan(1021, part=OTHER, networks=bare))))[0] == "absent"


def test_an_owner_is_withdrawn_by_its_own_part_s_word_alone():
    """Whatever became of another account's scans."""
    other = scan(901, part=OTHER, networks={})
    before = rows(source(scan(900, PEER), other), line(950, 960))

    assert dst(looked(before, source(scan(900, PEER), other, scan(1020)))) == ("subnet", "subnet", None, None)


def test_an_owner_of_an_outage_is_not_withdrawn_when_it_comes_back():
    """Nothing proves a secondary address over ten minutes, but nobody else was seen with it before or after."""
    both = server("eni-peer", "10.0.0.8", "10.0.0.7", instance="i-peer")
    before = rows(source(scan(900, both)), line(1200, 1210), arrived_at=1300)
    assert dst(before) == ("resolved", "snapshot_open", "eni-peer", "i-peer")
    elsewhere = server("eni-elsewhere", "10.0.0.7", instance="i-elsewhere", vpc="vpc-b", attached=1300)
    after = looked(before, source(scan(900, both), scan(1500, both, elsewhere)))
    other = server("eni-other", "10.0.0.9", "10.0.0.7", instance="i-other")
    moved = looked(before, source(scan(900, both), scan(1500, other), scan(1560, both)))

    assert dst(after) == dst(before)
    assert counts(after) == (0, 0, 0, 1)
    assert dst(moved) == ("subnet", "subnet", None, None)
    assert counts(moved) == (0, 0, 1, 0)


def test_what_the_snapshot_has_forgotten_is_no_word_against_an_owner():
    """A compaction days later: the owner has long vanished, and was right at its time."""
    before = rows(source(scan(900, PEER)), line(950, 960))
    much_later = 900 + 20_000
    later = source(scan(900, PEER), scan(much_later))
    assert later.inventory.rows.keys() == {"eni-me"}

    assert dst(looked(before, later, remembered_since=much_later + 5 - KEEP_S)) == dst(before)
    assert dst(looked(before, later)) == ("subnet", "subnet", None, None)


@pytest.mark.parametrize("early", [None, source(scan(900))])
def test_a_side_without_owner_gets_the_one_that_came_after_the_snapshot(early):
    """``unresolved`` and ``subnet`` alike; the interface was attached before the flow, and scanned after it."""
    young = server("eni-young", "10.0.0.7", instance="i-young", attached=940)
    before = rows(early, line(950, 960))
    assert dst(before)[0] == ("unresolved" if early is None else "subnet")

    after = looked(before, source(scan(900), scan(1020, young)))

    assert dst(after) == ("resolved", "snapshot", "eni-young", "i-young")


def test_an_absent_address_becomes_what_a_snapshot_of_its_time_says():
    """Its VPC was new to the first snapshot; and stays absent as long as nothing later was scanned."""
    early = source(scan(900))
    before = rows(early, line(950, 960, peer="192.168.7.7"))
    assert dst(before)[0] == "absent"
    grown = {
        "vpcs": [vpc("vpc-a", "10.0.0.0/16", "192.168.0.0/16")],
        "subnets": [*NETWORKS["subnets"], subnet("subnet-b", "vpc-a", "192.168.7.0/24", "use1-az2")],
    }
    after = looked(before, source(scan(900), scan(1020, networks=grown)))

    assert dst(after) == ("subnet", "subnet", None, None)
    assert before["traffic_class"].to_pylist() == ["private_unknown"]
    assert after.rows["traffic_class"].to_pylist() == ["cross_az"]
    assert counts(looked(before, early)) == (0, 0, 0, 1)


def test_a_stale_side_is_settled_by_a_fresh_snapshot_and_no_other():
    """The status goes with the snapshot that was too old."""
    old = source(scan(900, PEER), is_stale=True)
    before = rows(old, line(950, 960))
    assert dst(before)[0] == "stale"

    assert dst(looked(before, source(scan(900, PEER), scan(1020, PEER)))) == (
        "resolved", "snapshot", "eni-peer", "i-peer",
    )  # fmt: skip
    assert dst(looked(before, source(scan(900, PEER), scan(1020), is_stale=True))) == dst(before)
    heir = server("eni-heir", "10.0.0.7", instance="i-heir", attached=940)
    assert counts(looked(before, source(scan(900, PEER), scan(1020, heir)))) == (0, 1, 0, 0)
    assert counts(looked(before, source(scan(900, PEER), scan(1020)))) == (0, 0, 1, 0)


def test_what_is_proven_stays():
    """Records' own words and proofs of the time are never asked again, whatever a later snapshot forgot."""
    early = source(scan(900, PEER), scan(1000, PEER))
    before = rows(early, line(950, 960), arrived_at=1010)
    assert dst(before) == ("resolved", "snapshot", "eni-peer", "i-peer")

    after = looked(before, source(scan(20_000)))

    assert after.rows.equals(before)
    assert counts(after) == (0, 0, 0, 0)


def test_rows_of_an_hour_answer_for_each_other():
    """The peer's own record came in another batch."""
    there = "eni-peer i-peer vpc-a subnet-a use1-az1"
    both = [line(950, 960), line(940, 970, peer="10.0.0.4", recorder=there, own="10.0.0.7")]
    hour = pa.concat_tables([rows(None, each) for each in both])

    assert [dst(hour, row)[0] for row in (0, 1)] == ["unresolved", "unresolved"]
    after = looked(hour, source(scan(900)))

    assert dst(after, 0) == ("resolved", "peer_record", "eni-peer", "i-peer")
    assert dst(after, 1) == ("resolved", "snapshot_open", "eni-me", "i-me")


def test_a_proven_row_answers_for_one_in_doubt():
    """It is not looked at itself; its recorder has vanished from the snapshot since."""
    there = "eni-peer i-peer vpc-a subnet-a use1-az1"
    proven = rows(source(scan(900, PEER), scan(1000, PEER)),
                  line(940, 970, peer="10.0.0.4", recorder=there, own="10.0.0.7"), arrived_at=1010)  # fmt: skip
    hour = pa.concat_tables([rows(None, line(950, 960)), proven])

    after = looked(hour, source(scan(900)))

    assert dst(after, 0) == ("resolved", "peer_record", "eni-peer", "i-peer")
    assert after.rows.slice(1).to_pylist() == proven.to_pylist()


def test_a_recorder_whose_side_was_not_known_gets_it():
    """Without instance and inventory nobody knows whether the interface is a gateway's; then its own side is told."""
    mine = "eni-me - vpc-a subnet-a use1-az1"
    before = rows(None, line(950, 960, recorder=mine))
    assert before["reporter"].to_pylist() == [None]

    after = looked(before, source(scan(900, PEER), scan(1020, PEER)))

    assert after.rows["reporter"].to_pylist() == ["src"]
    assert after.rows["src_evidence"].to_pylist() == ["record"]
    assert after.rows["reporter_resource_id"].to_pylist() == ["i-me"]
    assert after.rows["traffic_class"].to_pylist() == ["same_az"]


def test_a_reporter_once_told_stays_and_its_side_gets_its_tags():
    """The record told the instance when no snapshot knew it."""
    before = rows(None, line(950, 960))
    assert before["reporter"].to_pylist() == ["src"]
    assert before["src_tags"].to_pylist() == [[]]

    after = looked(before, source(scan(900, PEER), scan(1020, PEER)))

    assert after.rows["src_name"].to_pylist() == ["eni-me"]
    assert after.rows["src_evidence"].to_pylist() == ["record"]


def test_a_hop_s_own_resource_is_not_lent_to_a_side_that_it_turns_out_to_own_later():
    """It passed on an address that was given to it after the flow."""
    before = rows(source(scan(900, PEER)), line(950, 960, own="10.0.0.50"))
    assert before["reporter"].to_pylist() == ["hop"]
    grown = server("eni-me", "10.0.0.4", "10.0.0.50", instance="i-me")
    later = tables_of(estate(interfaces=[grown, PEER], **NETWORKS), 1020, ended_at=1025, part=HOME)

    after = looked(before, source(scan(900, PEER), later))

    assert after.rows["reporter"].to_pylist() == ["hop"]
    assert after.rows["src_status"].to_pylist() == ["subnet"]
    assert after.rows["src_name"].to_pylist() == [None]
    assert dst(after) == ("resolved", "snapshot", "eni-peer", "i-peer")


def test_an_aws_service_s_address_stays_the_service_s():
    """Its evidence is the record's word, and stands beside ``absent``."""
    before = rows(source(scan(900, PEER)), line(950, 960, peer="3.5.1.1"), service="S3")
    assert dst(before)[:2] == ("absent", "aws_service")

    after = looked(before, source(scan(900, PEER), scan(1020, PEER)))

    assert dst(after) == dst(before)
    assert counts(after) == (0, 0, 0, 1)


def test_one_side_is_settled_without_the_other():
    """A recorder gets its tags; the peer was proven, and keeps every column."""
    young = [tables_of(estate(interfaces=[PEER], **NETWORKS), at, ended_at=at + 5, part=HOME) for at in (900, 1000)]
    before = rows(source(*young), line(950, 960), arrived_at=1010)
    assert before["src_tags"].to_pylist() == [[]]

    after = looked(before, source(scan(1020)))

    sides = [name for name in before.column_names if name.startswith("dst_")]
    assert after.rows["src_name"].to_pylist() == ["eni-me"]
    assert after.rows.select(sides).to_pylist() == before.select(sides).to_pylist()
    assert dst(after) == ("resolved", "snapshot", "eni-peer", "i-peer")


def test_nothing_to_look_at_is_nothing():
    """An empty hour."""
    empty = rows(None, line(950, 960)).slice(0, 0)

    assert counts(looked(empty, source(scan(900)))) == (0, 0, 0, 0)


def test_rows_with_a_promoted_tag_that_the_rules_do_not_know_are_refused():
    """Their values would be lost where a side is replaced."""
    table = rows(None, line(950, 960)).append_column("src_costcentre", pa.array(["x"]))

    with pytest.raises(ValueError, match="no tag is promoted to src_costcentre"):
        settle(table, source(scan(900)), RULES)


def believed(snapshot, own):
    """A hop's row as an earlier version wrote it: who had the address ``own`` when last seen is named as its source."""
    claimed = rows(snapshot, line(950, 960, own=own, peer="10.0.0.9"))
    assert (claimed["reporter"].to_pylist(), claimed["src_interface_id"].to_pylist()) == (["hop"], [None])
    told = rows(snapshot, line(950, 960, own="10.0.0.4", peer=own))
    for name in [name for name in claimed.column_names if name.startswith("src_")]:
        place = claimed.column_names.index(name)
        claimed = claimed.set_column(place, claimed.schema.field(name), told[name.replace("src_", "dst_", 1)])
    return claimed


def test_an_owner_by_continuation_is_withdrawn_where_its_address_had_gone_to_the_recorder():
    """No snapshot knew that yet, so the record was taken for a hop's; who of the two sent the packets is not proven."""
    holder = server("eni-peer", "10.0.0.7", "10.0.0.50", instance="i-peer")
    before = believed(source(scan(900, holder)), "10.0.0.50")
    assert before["src_interface_id"].to_pylist() == ["eni-peer"]
    assert before["src_evidence"].to_pylist() == ["snapshot_open"]
    grown = server("eni-me", "10.0.0.4", "10.0.0.50", instance="i-me")
    later = tables_of(estate(interfaces=[grown, PEER], **NETWORKS), 1020, ended_at=1025, part=HOME)

    after = looked(before, source(scan(900, holder), later))

    row = after.rows.to_pylist()[0]
    assert (row["src_status"], row["src_evidence"], row["src_subnet_id"]) == ("subnet", "subnet", "subnet-a")
    assert [row[f"src_{name}"] for name in ("interface_id", "instance_id", "resource_id", "name", "tags")] == [None] * 5
    assert row["reporter"] == "hop"
    assert row["src_account_id"] is None
    assert counts(after)[2] == 1


def test_a_public_address_that_had_gone_to_the_recorder_keeps_no_place_of_its_old_owner():
    """A private address stays in its subnet whoever has it; an Elastic IP goes anywhere."""
    eip = {"Association": {"PublicIp": "198.51.100.7"}}
    holder = server("eni-peer", "10.0.0.7", instance="i-peer", **eip)
    before = believed(source(scan(900, holder)), "198.51.100.7")
    assert before["src_interface_id"].to_pylist() == ["eni-peer"]
    grown = server("eni-me", "10.0.0.4", instance="i-me", **eip)
    later = tables_of(estate(interfaces=[grown, PEER], **NETWORKS), 1020, ended_at=1025, part=HOME)

    row = looked(before, source(scan(900, holder), later)).rows.to_pylist()[0]

    assert row["src_interface_id"] is None
    assert [row[f"src_{name}"] for name in ("subnet_id", "az_id", "vpc_id", "region")] == [None] * 4
