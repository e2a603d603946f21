"""Lines through parse, resolve and enrich: rows keep place and words, and each gets the answer of its own time."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_by_hand import FORMAT, eni, enriched, estate, history, peering, source, subnet, transit, vpc

from enricher.enrich import Provenance, enrich
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import (
    DEFAULT_PROMOTED_TAGS,
    FIELDS_OF_VERSION,
    LOCATION,
    RESOURCE,
    SIDES,
    arrow_schema,
    flow_columns,
    lake_columns,
)

RESOURCES = {
    "vpcs": [vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56"), vpc("vpc-b", "10.1.0.0/16"), vpc("vpc-c", "10.1.0.0/16")],
    "subnets": [
        subnet("subnet-a", "vpc-a", "10.0.1.0/24", "use1-az1"),
        subnet("subnet-a2", "vpc-a", "10.0.2.0/24", "use1-az2"),
        subnet("subnet-b", "vpc-b", "10.1.1.0/24", "use1-az4"),
        subnet("subnet-c", "vpc-c", "10.1.1.0/24", "use1-az6"),
    ],
    "peerings": [peering("vpc-a", "vpc-b")],
    "transits": transit("tgw-1", "vpc-b", "vpc-c"),
    "interfaces": [
        eni("eni-1", "10.0.1.4", "10.0.1.5", attached=900, instance="i-1", SubnetId="subnet-a",
            TagSet=[{"Key": "Name", "Value": "one"}, {"Key": "project", "Value": "red"}],
            Ipv6Addresses=[{"Ipv6Address": "2001:db8:a::4"}]),
        eni("eni-2", "10.0.2.4", attached=1_000, SubnetId="subnet-a2",
            TagSet=[{"Key": "Name", "Value": "two"}, {"Key": "project", "Value": "blue"}],
            Association={"PublicIp": "198.51.100.2"}),
        eni("eni-3", "10.1.1.4", vpc="vpc-b", attached=500, SubnetId="subnet-b"),
        eni("eni-4", "10.1.1.4", vpc="vpc-c", attached=500, SubnetId="subnet-c"),
        eni("eni-nat", "10.0.1.9", attached=1, SubnetId="subnet-a", InterfaceType="nat_gateway"),
    ],
}  # fmt: skip
UNDATED = source(estate(**RESOURCES))
DATED = source(estate(**RESOURCES), 1_500)
SOURCES = {"none": None, "undated": UNDATED, "dated": DATED, "stale": source(estate(**RESOURCES), 1_500, is_stale=True)}
NAMES = (*LOCATION, *RESOURCE, *DEFAULT_PROMOTED_TAGS, "tags")


def flow(destination, start, end=None, *, recorder="eni-1", vpc_id="vpc-a"):
    """A flow that a recorder sent from 10.0.1.4."""
    addresses = f"10.0.1.4 {destination} 10.0.1.4 {destination}"
    return f"5 {recorder} i-1 {vpc_id} - - {addresses} {start} {end or start + 60} egress -"


# ── ownership in time, in one batch ──────────────────────────────────────────────────────────────────────────────────


def test_flows_on_both_sides_of_a_change_get_their_own_answers():
    """One batch, one address, two owners and a gap: every row is answered for its own time, in its own place."""
    changed = history(
        estate(**RESOURCES),
        [
            ("10.0.2.7", "vpc-a", "eni-2", 1_000, 2_000, False),
            ("10.0.2.7", "vpc-a", "eni-nat", 2_060, 3_000, True),
            ("10.0.1.4", "vpc-a", "eni-1", 1, 3_000, True),
        ],
    )
    starts = {1_000: "eni-2", 2_960: "eni-nat", 2_000: None, 2_060: "eni-nat", 1_940: "eni-2", 900: None, 1_950: None}

    rows = enriched([flow("10.0.2.7", start) for start in starts], changed)

    assert [row["start"] for row in rows] == list(starts)
    assert {row["start"]: row["dst_interface_id"] for row in rows} == starts
    assert {row["start"]: row["dst_status"] for row in rows} == {
        start: "resolved" if name else "subnet" for start, name in starts.items()
    }
    assert {row["dst_evidence"] for row in rows if row["start"] == 2_960} == {"snapshot_open"}
    assert {row["dst_az_id"] for row in rows if row["dst_status"] == "subnet"} == {"use1-az2"}


def test_a_record_names_its_peer_only_while_it_recorded():
    """Both ends recorded: each names the other in the span of its own records, and at no other time."""
    answering = "5 eni-9 i-9 vpc-a subnet-a2 use1-az2 10.0.1.4 10.0.2.9 10.0.1.4 10.0.2.9 1000 1060 ingress -"
    rows = enriched([flow("10.0.2.9", 1_000), flow("10.0.2.9", 1_001), flow("10.0.2.9", 999, 1_010), answering])

    told = [(row["dst_status"], row["dst_evidence"], row["dst_interface_id"]) for row in rows]
    assert told == [
        ("resolved", "peer_record", "eni-9"),
        ("unresolved", None, None),
        ("unresolved", None, None),
        ("resolved", "record", "eni-9"),
    ]
    assert (rows[0]["dst_az_id"], rows[0]["dst_subnet_id"], rows[0]["dst_instance_id"]) == (
        "use1-az2",
        "subnet-a2",
        "i-9",
    )
    assert rows[3]["src_evidence"] == "peer_record"


def test_two_recorders_of_one_address_name_nobody():
    """Two interfaces record as one address at once: a third flow's peer is neither of them."""
    twice = [
        f"5 {name} - vpc-a subnet-a2 use1-az2 10.0.9.9 10.0.2.9 10.0.9.9 10.0.2.9 1000 1060 ingress -"
        for name in ("eni-8", "eni-9")
    ]
    rows = enriched([*twice, flow("10.0.2.9", 1_000)])

    assert (rows[2]["dst_status"], rows[2]["dst_interface_id"]) == ("unresolved", None)


@pytest.mark.parametrize("path", [9, 10, 2**31 - 1])
def test_a_traffic_path_that_nobody_knows_narrows_nothing(path):
    """The address is looked up from the recorder's VPC, as without a path, and from no other VPC of the batch."""
    both = estate(
        vpcs=[vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.0.0.0/16")],
        interfaces=[eni("eni-1", "10.0.1.4"), eni("eni-2", "10.0.1.5"), eni("eni-3", "10.0.1.5", vpc="vpc-b")],
    )
    lines = [
        f"5 eni-1 - vpc-a - - 10.0.1.4 10.0.1.5 10.0.1.4 10.0.1.5 100 160 egress {path}",
        "5 eni-3 - vpc-b - - 10.0.1.5 10.0.1.9 10.0.1.5 10.0.1.9 100 160 egress 1",
    ]

    assert enriched(lines, source(both))[0]["dst_interface_id"] == "eni-2"


@pytest.mark.parametrize("inventory", [None, UNDATED], ids=["no inventory", "inventory"])
def test_a_packet_address_proves_nothing_of_its_bearer(inventory):
    """An interface that recorded packets of 10.0.2.9 behind its own address does not own 10.0.2.9."""
    behind = "5 eni-1 i-1 vpc-a subnet-a use1-az1 10.0.1.4 10.0.2.4 10.0.2.9 10.0.2.4 1000 1060 egress -"
    rows = enriched([behind, flow("10.0.2.9", 1_000, recorder="eni-5")], inventory)

    assert rows[1]["dst_interface_id"] is None
    assert rows[1]["dst_status"] == ("subnet" if inventory else "unresolved")


def test_a_hop_proves_nothing_of_the_addresses_it_passes_on():
    """What a NAT gateway recorded is no evidence of who owns either address."""
    passed = "5 eni-nat - vpc-a subnet-a use1-az1 10.0.1.9 203.0.113.7 10.0.1.77 203.0.113.7 1000 1060 egress 8"
    back = flow("10.0.1.77", 1_000, recorder="eni-2").replace("10.0.1.4", "10.0.2.4")
    rows = enriched([passed, back], UNDATED)

    assert (rows[0]["reporter"], rows[0]["src_interface_id"], rows[0]["src_subnet_id"]) == ("hop", None, "subnet-a")
    assert (rows[1]["dst_status"], rows[1]["dst_interface_id"], rows[1]["dst_tags"]) == ("subnet", None, None)


def test_a_recorder_is_not_yet_the_instance_it_was_attached_to_later():
    """Before AttachTime the record's own side is the interface and its place, without instance, name or tags."""
    lines = [flow("10.0.2.4", start).replace(" i-1 ", " - ") for start in (899, 900)]

    before, after = enriched(lines, DATED)

    assert (before["src_interface_id"], before["src_subnet_id"], before["src_status"]) == (
        "eni-1",
        "subnet-a",
        "resolved",
    )
    assert {before[f"src_{name}"] for name in ("instance_id", "resource_id", "name", "project", "tags")} == {None}
    assert (after["src_instance_id"], after["src_name"], after["src_project"]) == ("i-1", "one", "red")


def test_a_stale_snapshots_answers_are_marked_and_still_classed():
    """A stale location is a location: the class does not wait, the status says what it rests on."""
    rows = enriched([flow("10.0.2.4", 1_400), flow("10.0.2.77", 1_400), flow("10.0.7.7", 1_400)], SOURCES["stale"])

    assert [(row["dst_status"], row["traffic_class"]) for row in rows] == [
        ("stale", "cross_az"),
        ("stale", "cross_az"),
        ("stale", "private_unknown"),
    ]
    assert {row["src_status"] for row in rows} == {"resolved"}


def test_the_age_of_the_inventory_is_told_from_arrival_to_its_date():
    """Seconds between what was used and the arrival; null where the inventory has no date or the record no arrival."""
    assert enriched([flow("10.0.2.4", 1_400)], DATED, arrived_at=1_600)[0]["inventory_age_s"] == 100
    assert enriched([flow("10.0.2.4", 1_400)], UNDATED, arrived_at=1_600)[0]["inventory_age_s"] is None
    assert enriched([flow("10.0.2.4", 1_400)], DATED)[0]["inventory_age_s"] is None


@pytest.mark.parametrize(("arrived_at", "expected"), [(5_000, "eni-2"), (4_600, "eni-2"), (4_599, None), (None, None)])
def test_a_record_without_times_is_of_the_hour_before_its_arrival(arrived_at, expected):
    """Without times the arrival bounds the flow; without either only what holds for ever names anybody."""
    fields = "version interface-id vpc-id srcaddr dstaddr flow-direction"
    line = "5 eni-1 vpc-a 10.0.1.4 10.0.2.4 egress"

    (row,) = enriched([line], DATED, log_format=fields, arrived_at=arrived_at)

    assert row["dst_interface_id"] == expected


# ── purity ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = st.sampled_from(
    ["10.0.1.4", "10.0.1.5", "10.0.2.4", "10.0.2.77", "10.0.9.9", "10.1.1.4", "10.0.1.9", "172.31.0.1",
     "198.51.100.2", "203.0.113.7", "2001:db8:a::4", "2001:db8:a::9", "2001:0DB8:A:0::4", "fd00::1", "-"]
)  # fmt: skip


@st.composite
def lines(draw):
    """A flow line of FORMAT, told by a known or unknown recorder, at a time before, in or after the snapshot."""
    recorder = draw(st.sampled_from(["eni-1", "eni-2", "eni-3", "eni-nat", "eni-9", "-"]))
    start = draw(st.sampled_from([899, 999, 1_000, 1_440, 1_500, 1_501]))
    words = [
        "5",
        recorder,
        draw(st.sampled_from(["i-1", "i-9", "-"])),
        draw(st.sampled_from(["vpc-a", "vpc-b", "-"])),
        draw(st.sampled_from(["subnet-a", "subnet-x", "-"])),
        draw(st.sampled_from(["use1-az1", "-"])),
        *(draw(ADDRESSES) for _ in range(4)),
        str(start),
        str(start + draw(st.sampled_from([0, 60]))),
        draw(st.sampled_from(["egress", "ingress", "-"])),
        draw(st.sampled_from(["-", "1", "4", "5", "7", "8"])),
    ]
    return " ".join(words)


BATCHES = st.lists(lines(), min_size=1, max_size=8)
INVENTORIES = st.sampled_from(sorted(SOURCES))


@settings(deadline=None, max_examples=40)
@given(batch=BATCHES, inventory=INVENTORIES)
def test_enrich_is_pure(batch, inventory):
    """Same rows, same order, input columns untouched, the lake's columns and no others; asked twice, the same."""
    parsed = parse_lines(batch, [0] * len(batch), LogFormats.parse([FORMAT]))
    before = parsed.flows.to_pylist()
    dimension = resolve(parsed.flows, SOURCES[inventory], Rules())
    provenance = Provenance("batch", pa.nulls(len(batch), pa.int64()))

    once, again = (enrich(parsed.flows, dimension, provenance) for _ in range(2))

    ours = [column.name for column in flow_columns()]
    assert once.select(ours).to_pylist() == parsed.flows.to_pylist() == before
    assert once.column_names == [column.name for column in lake_columns()]
    assert once.cast(arrow_schema(lake_columns())).num_rows == len(batch)
    assert again.to_pylist() == once.to_pylist()


@settings(deadline=None, max_examples=40)
@given(batch=BATCHES, inventory=INVENTORIES, data=st.data())
def test_the_order_of_a_batch_changes_nothing_but_the_order(batch, inventory, data):
    """A row's answer does not depend on where it stands, nor on how often it was delivered."""
    order = data.draw(st.permutations(range(len(batch))))
    rows = enriched(batch, SOURCES[inventory])

    assert enriched([batch[place] for place in order], SOURCES[inventory]) == [rows[place] for place in order]
    assert enriched([*batch, *batch], SOURCES[inventory]) == [*rows, *rows]


@settings(deadline=None, max_examples=40)
@given(batch=BATCHES, inventory=INVENTORIES)
def test_every_row_keeps_the_promises_of_its_columns(batch, inventory):
    """Statuses, evidence, reporter and class agree with each other and with what is told, on both sides alike."""
    for row in enriched(batch, SOURCES[inventory]):
        for side in SIDES:
            packet = row[f"pkt_{side}addr"] or row[f"{side}addr"]
            told = {name: row[f"{side}_{name}"] for name in NAMES}
            status, evidence = row[f"{side}_status"], row[f"{side}_evidence"]
            assert (status is None) == (packet is None)
            if status is None or status in ("absent", "ambiguous", "unresolved"):
                assert {**told, "tags": told["tags"] or None} == dict.fromkeys(NAMES)
                assert evidence is None
            elif status == "resolved":
                assert told["interface_id"] or told["instance_id"]
                assert evidence in ("record", "peer_record", "snapshot", "snapshot_open")
            elif status == "subnet":
                assert evidence in ("subnet", "record")
                assert told["interface_id"] is told["instance_id"] is told["resource_id"] is None
                assert told["subnet_id"] or told["az_id"]
            else:
                assert (status, inventory) == ("stale", "stale")
            assert told["az_id"] is None or re.fullmatch(r"use1-az\d", told["az_id"])
            if evidence == "record":
                assert row["reporter"] == side
            if row["reporter"] in ("hop", None):
                assert evidence != "record"
        both = all(row[f"{side}_status"] for side in SIDES)
        assert (row["traffic_class"] is not None) == both
        assert row["reporter"] in ("src", "dst", "hop", None)


@settings(deadline=None, max_examples=40)
@given(batch=BATCHES)
def test_a_peer_named_by_the_inventory_had_the_address_then(batch):
    """Whoever a snapshot names owned the packet address, was attached before the flow, in a VPC that can be meant."""
    owned = {
        "eni-1": {"10.0.1.4", "10.0.1.5", "2001:db8:a::4", "2001:0DB8:A:0::4"},
        "eni-2": {"10.0.2.4", "198.51.100.2"},
        "eni-3": {"10.1.1.4"},
        "eni-4": {"10.1.1.4"},
        "eni-nat": {"10.0.1.9"},
    }
    attached = {"eni-1": 900, "eni-2": 1_000, "eni-3": 500, "eni-4": 500, "eni-nat": 1}
    for row in enriched(batch, DATED):
        for side in SIDES:
            if row[f"{side}_evidence"] not in ("snapshot", "snapshot_open"):
                continue
            name, address = row[f"{side}_interface_id"], row[f"pkt_{side}addr"] or row[f"{side}addr"]
            assert address in owned[name]
            assert attached[name] <= row["start"]
            assert row[f"{side}_evidence"] == "snapshot_open" or row["end"] <= 1_500
            if address in ("10.0.1.5", "198.51.100.2") or ":" in address:
                assert row["start"] >= 1_500


# ── nothing in it ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "log_format", [*(f"v{version}" for version in FIELDS_OF_VERSION), "tgw", FORMAT, "new-field bytes"]
)
@pytest.mark.parametrize("inventory", sorted(SOURCES))
def test_an_empty_table_becomes_an_empty_table(log_format, inventory):
    """No rows, all columns, whatever the format and the inventory."""
    parsed = parse_lines([], [], LogFormats.parse([log_format]))
    dimension = resolve(parsed.flows, SOURCES[inventory], Rules())

    rows = enrich(parsed.flows, dimension, Provenance("batch", pa.nulls(0, pa.int64())))

    assert rows.num_rows == 0
    assert rows.cast(arrow_schema(lake_columns())).schema == arrow_schema(lake_columns())


@pytest.mark.parametrize("inventory", sorted(SOURCES))
@pytest.mark.parametrize("status", ["NODATA", "SKIPDATA"])
def test_a_table_of_no_flows_keeps_its_rows(inventory, status):
    """Only NODATA or SKIPDATA: each line is a row, its sides and class are null, its recorder is still told."""
    line = f"2 111122223333 eni-2 - - - - - - - 1000 1060 - {status}"

    rows = enriched([line] * 3, SOURCES[inventory], log_format="v2")

    assert len(rows) == 3
    for row in rows:
        assert row["log_status"] == status
        assert {row[f"{side}_{name}"] for side in SIDES for name in ("status", "interface_id", "evidence")} == {None}
        assert row["traffic_class"] is row["reporter"] is None
        assert row["reporter_resource_type"] == (None if inventory == "none" else "network_interface")


def test_a_table_of_nothing_but_nulls_keeps_its_rows():
    """Every field `-`: a row of nulls."""
    rows = enriched([" ".join("-" for _ in FORMAT.split())] * 2, UNDATED)

    assert len(rows) == 2
    for row in rows:
        assert {value for name, value in row.items() if name not in ("log_status", "batch_id", "enricher_version")} <= {
            None, "us-east-1",
        }  # fmt: skip


@pytest.mark.parametrize(
    "fields", ["bytes", "new-field bytes", "srcaddr", "dstaddr start", "interface-id end", "tgw-id"]
)
def test_the_smallest_formats_become_rows(fields):
    """One field is a format; what it does not tell is null."""
    words = {"bytes": "7", "new-field": "x", "srcaddr": "10.0.1.4", "dstaddr": "10.0.2.4", "start": "1000",
             "interface-id": "eni-1", "end": "1060", "tgw-id": "tgw-1"}  # fmt: skip
    for inventory in SOURCES.values():
        (row,) = enriched([" ".join(words[name] for name in fields.split())], inventory, log_format=fields)
        assert row["log_status"] == "OK"
        assert row["traffic_class"] is None
