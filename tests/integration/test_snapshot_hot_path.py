"""The published inventory on the hot path: what it costs, when it is renewed, what is stale, what it tells beside."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from one_environment import (
    CLIENT,
    ESTATE,
    FLOWS_END,
    INVENTORY,
    LOG_FORMAT,
    NAMED,
    NOW,
    OBSERVED,
    SERVER,
    UNASKED,
    Bench,
    Cloud,
    batch,
    documents,
    emptied,
    flow,
    interface,
    make_bench,
    put_snapshot,
    running_cloud,
    side,
)

from enricher.errors import LogFormatError
from enricher.history import merge
from enricher.inventory import Part
from enricher.inventory_documents import tables_of
from enricher.pointer import Pointer
from enricher.published import Facts, Place, publish
from workbench.cloud import ANY_OPERATION, FOREVER, Refuse, Truncate

KEY = "inventory/pointer.json"
URI = f"s3://{INVENTORY}/{KEY}"
OURS, THEIRS, NEVER = "111122223333/eu-west-1", "444455556666/eu-west-1", "777788889999/eu-west-1"
FACTS = Facts((LOG_FORMAT,), {})
STALE = ("stale", *NAMED[1:], "snapshot")


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake and a bucket for the inventory."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def cloud(shared_cloud):
    """The same without objects, faults and calls."""
    return emptied(shared_cloud)


def refresh(
    cloud: Cloud,
    scans: Mapping[str, tuple[Mapping[str, Any], float]],
    failures: Sequence[Part] = (),
    facts: Facts = FACTS,
) -> Pointer:
    """What a refresher does: part → (documents, when its scan began), merged onto what is published."""
    told = [tables_of(each, observed_at=at, ended_at=at, part=part) for part, (each, at) in scans.items()]
    done = publish(
        cloud.s3, Place.of(URI), lambda before: merge(before, told, failures, NOW, keep_s=14_400, max_gap_s=180), facts
    )
    cloud.reset_calls()
    return done.pointer


def bench_of(cloud: Cloud, **variables: str) -> Bench:
    """An environment that reads the pointer, knows no format but the pointer's, and asks EC2 as it likes."""
    return make_bench(cloud, **({"INVENTORY_URI": URI, "LOG_FORMAT": "", "EC2_ENVIRONMENTS": "1"} | variables))


def reads(cloud: Cloud) -> list[tuple[str, str | None]]:
    """What was read of the inventory's bucket: key, and under which condition."""
    gets = [call.params for call in cloud.calls if call.operation == "GetObject"]
    return [(get["Key"], get.get("IfNoneMatch")) for get in gets if get["Bucket"] == INVENTORY]


def test_a_cold_start_costs_two_reads_and_no_call_of_ec2(cloud):
    """The pointer, then the snapshot it names."""
    pointer = refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    bench = bench_of(cloud)

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9"))

    assert side(rows, "dst") == [(*NAMED, "snapshot")]
    assert reads(cloud) == [(KEY, None), (pointer.snapshot, None)]
    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 0


def test_warm_batches_within_the_soft_ttl_read_nothing(cloud):
    """Neither S3 nor EC2; the loads are counted."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    bench = bench_of(cloud)
    assert bench.handle(flow(CLIENT, "10.0.2.9"))[0].counts["InventoryLoads"] == 1
    cloud.reset_calls()

    for second in range(1, 60, 10):
        bench.clock.now = NOW + second
        answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", second))
        assert side(rows, "dst") == [(*NAMED, "snapshot")]
        assert answer.counts["InventoryLoads"] == 0

    assert reads(cloud) == []
    assert cloud.count("ec2") == 0


def test_an_unchanged_pointer_costs_one_conditional_get_a_soft_ttl(cloud):
    """The snapshot is not read again."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    etag = cloud.s3.head_object(Bucket=INVENTORY, Key=KEY)["ETag"]
    bench = bench_of(cloud)
    bench.handle(flow(CLIENT, "10.0.2.9"))
    cloud.reset_calls()

    for minute in (1, 2, 3):
        for second in (0, 30):
            bench.clock.now = NOW + 60 * minute + second
            bench.handle(flow(CLIENT, "10.0.2.9", 60 * minute + second))

    assert reads(cloud) == [(KEY, etag)] * 3


def test_a_new_pointer_is_followed(cloud):
    """Who came with it is named from then on."""
    refresh(cloud, {OURS: (documents(CLIENT), OBSERVED)})
    bench = bench_of(cloud, EC2_LOOKUPS="off")
    assert bench.handle(flow(CLIENT, "10.0.2.9"))[1][0]["dst_status"] == "subnet"
    pointer = refresh(cloud, {OURS: (ESTATE, OBSERVED + 60)})
    bench.clock.now += 60

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1, start=OBSERVED))

    assert side(rows, "dst")[0][:3] == NAMED
    assert [key for key, _ in reads(cloud)] == [KEY, pointer.snapshot]
    assert answer.counts["InventoryAgeSeconds"] == NOW + 60 - (OBSERVED + 60)


def hostile(cloud: Cloud, key: str, body: bytes | None) -> None:
    """Replace an object of the inventory's bucket, or (None) delete it."""
    if body is None:
        cloud.s3.delete_object(Bucket=INVENTORY, Key=key)
    else:
        cloud.s3.put_object(Bucket=INVENTORY, Key=key, Body=body)


@pytest.mark.parametrize("body", [None, b"", b"{", b'{"version": 3}', Pointer("lake/x.parquet", 1.0).to_json()])
def test_a_pointer_that_is_none_is_not_followed(cloud, body):
    """What was known is served on, the failure is counted and said."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    bench = bench_of(cloud)
    bench.handle(flow(CLIENT, "10.0.2.9"))
    hostile(cloud, KEY, body)
    bench.clock.now += 60

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1))

    assert side(rows, "dst") == [(*NAMED, "snapshot")]
    assert (answer.counts["InventoryLoads"], answer.counts["InventoryLoadFailures"]) == (1, 1)
    assert len(bench.warnings) == (0 if body is None else 1)
    assert all(URI in warning for warning in bench.warnings)


@pytest.mark.parametrize("body", [None, b"", b"PAR1 no more", b"\0" * 4096])
def test_a_snapshot_that_is_missing_or_damaged_is_not_taken_up(cloud, body):
    """The old one is served on; as soon as there is a good one, that."""
    refresh(cloud, {OURS: (documents(CLIENT), OBSERVED)})
    bench = bench_of(cloud, EC2_LOOKUPS="off")
    bench.handle(flow(CLIENT, "10.0.2.9"))
    hostile(cloud, refresh(cloud, {OURS: (ESTATE, OBSERVED + 30)}).snapshot, body)
    bench.clock.now += 60

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1))
    assert (rows[0]["dst_status"], answer.counts["InventoryLoadFailures"]) == ("subnet", 1)

    cloud.s3.delete_object(Bucket=INVENTORY, Key=KEY)
    refresh(cloud, {OURS: (ESTATE, OBSERVED + 60)})
    bench.clock.now += 10
    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 2))[1], "dst")[0][:3] == NAMED


def test_an_answer_of_s3_that_breaks_off_is_a_failed_load(cloud):
    """Neither half a pointer nor an exception."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    cloud.fail("s3", "GetObject", Truncate())

    answer, rows = bench_of(cloud, LOG_FORMAT=LOG_FORMAT).handle(flow(CLIENT, "10.0.2.9"))

    assert side(rows, "dst") == [UNASKED]
    assert (answer.counts["InventoryLoadFailures"], answer.counts["InventoryMissing"]) == (1, 1)


@pytest.mark.parametrize("remaining_s", [-5.0, 1.0, 19.9])
def test_with_hardly_any_time_left_nothing_is_loaded(cloud, remaining_s):
    """A cold environment leaves it unresolved; a warm one serves what it has, however old."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    bench = bench_of(cloud, LOG_FORMAT=LOG_FORMAT)

    _, rows = bench.handle(flow(CLIENT, "10.0.2.9"), remaining_s=remaining_s)
    assert (side(rows, "dst"), reads(cloud), cloud.count("ec2")) == ([UNASKED], [], 0)

    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 1))[1], "dst") == [(*NAMED, "snapshot")]
    cloud.reset_calls()
    bench.clock.now += 600
    _, rows = bench.handle(flow(CLIENT, "10.0.2.9", 2), remaining_s=remaining_s)
    assert (side(rows, "dst"), reads(cloud)) == ([(*NAMED, "snapshot")], [])


OTHER = interface(3, "10.0.2.10")
# The part of another account: an interface of its own in the VPC that is shared with it.
SHARED = documents(OTHER)


def test_a_part_that_is_no_longer_scanned_is_stale_and_no_other(cloud):
    """In the first batch and in those that remember it; the age is that of the oldest part."""
    refresh(cloud, {OURS: (documents(CLIENT, SERVER), NOW - 60), THEIRS: (SHARED, NOW - 901)})
    bench = bench_of(cloud)
    past = round(NOW) - 1200

    for port in (1, 2, 3):
        answer, rows = bench.handle(
            flow(CLIENT, "10.0.2.9", port, start=past), flow(CLIENT, "10.0.2.10", port, start=past)
        )
        statuses = [(row["dst_status"], row["dst_interface_id"]) for row in rows]
        assert statuses == [("resolved", SERVER["NetworkInterfaceId"]), ("stale", OTHER["NetworkInterfaceId"])]
        assert answer.counts["InventoryAgeSeconds"] == 901
        assert (answer.counts["InventoryPartsStale"], answer.counts["InventoryPartsFailed"]) == (1, 0)


def test_a_part_that_is_scanned_again_is_stale_no_longer(cloud):
    """Without a restart."""
    refresh(cloud, {OURS: (ESTATE, NOW - 901)})
    bench = bench_of(cloud, EC2_LOOKUPS="off")
    past = round(NOW) - 1200
    assert side(bench.handle(flow(CLIENT, "10.0.2.9", start=past))[1], "dst") == [STALE]
    refresh(cloud, {OURS: (ESTATE, NOW)})
    bench.clock.now += 60

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1, start=past))

    assert side(rows, "dst") == [(*NAMED, "snapshot")]
    assert (answer.counts["InventoryPartsStale"], answer.counts["InventoryAgeSeconds"]) == (0, 60)


def test_a_part_that_was_never_scanned_well_says_so_and_costs_no_other(cloud):
    """What it might hold is unresolved; the age is that of what was scanned."""
    denied = Part(NEVER, None, None, NOW - 60, "UnauthorizedOperation")
    refresh(cloud, {OURS: (ESTATE, OBSERVED)}, [denied])

    answer, rows = bench_of(cloud, EC2_LOOKUPS="off").handle(flow(CLIENT, "10.0.2.9"), flow(CLIENT, "203.0.113.9"))

    assert side(rows, "dst") == [(*NAMED, "snapshot"), UNASKED]
    assert (answer.counts["InventoryPartsStale"], answer.counts["InventoryPartsFailed"]) == (1, 1)
    assert answer.counts["InventoryAgeSeconds"] == NOW - OBSERVED


def test_what_alarms_watch_is_told_while_s3_is_down(cloud):
    """By a warm environment the growing age, by a cold one that there is nothing; no figure falls silent."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    warm = bench_of(cloud, LOG_FORMAT=LOG_FORMAT)
    warm.handle(flow(CLIENT, "10.0.2.9"))
    cloud.fail("s3", "GetObject", Refuse("InternalError"), times=FOREVER)

    warm.clock.now += 1000
    told = warm.environment.handle(batch_of(warm, 1), 300).counts
    assert told["InventoryAgeSeconds"] == NOW + 1000 - OBSERVED
    assert (told["InventoryMissing"], told["InventoryPartsStale"], told["InventoryLoadFailures"]) == (0, 1, 1)

    cold = bench_of(cloud, LOG_FORMAT=LOG_FORMAT)
    told = cold.environment.handle(batch_of(cold, 2), 300).counts
    assert (told["InventoryMissing"], told["InventoryLoadFailures"]) == (1, 1)
    assert "InventoryAgeSeconds" not in told


def batch_of(bench: Bench, port: int) -> dict[str, Any]:
    """An event of one flow."""
    return batch(flow(CLIENT, "10.0.2.9", port), now=bench.clock.now)


def test_without_an_inventory_nothing_is_said_of_one(cloud):
    """An alarm on it would never end."""
    answer, _ = make_bench(cloud).handle(flow(CLIENT, "10.0.2.9"))

    assert [name for name in answer.counts if name.startswith("Inventory")] == []


SHORT = "${version} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${action} ${log-status} ${vpc-id}"


def short(dstaddr: str) -> str:
    """A flow line in SHORT."""
    return f"5 {CLIENT['NetworkInterfaceId']} 10.0.1.5 {dstaddr} {FLOWS_END - 60} {FLOWS_END} ACCEPT OK vpc-0a"


def test_the_format_comes_from_the_pointer_where_settings_have_none(cloud):
    """Several are told apart as ever, and a newer pointer may bring another."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)}, facts=Facts((LOG_FORMAT, SHORT), {}))
    bench = bench_of(cloud)
    _, rows = bench.handle(flow(CLIENT, "10.0.2.9"), short("10.0.2.9"))
    assert [row["dst_instance_id"] for row in rows] == [NAMED[1]] * 2

    refresh(cloud, {OURS: (ESTATE, OBSERVED + 1)}, facts=Facts(("v2",), {}))
    bench.clock.now += 60
    _, rows = bench.handle(f"2 111122223333 {CLIENT['NetworkInterfaceId']} 10.0.1.5 10.0.2.9 1 443 6 12 840 "
                           f"{FLOWS_END - 60} {FLOWS_END} ACCEPT OK")  # fmt: skip
    assert (rows[0]["version"], rows[0]["srcport"], rows[0]["dst_instance_id"]) == (2, 1, NAMED[1])


def test_the_settings_format_goes_first(cloud):
    """Whatever the pointer says."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)}, facts=Facts(("v2", "v3"), {}))

    _, rows = bench_of(cloud, LOG_FORMAT=SHORT).handle(short("10.0.2.9"))

    assert rows[0]["dst_instance_id"] == NAMED[1]


@pytest.mark.parametrize(
    "formats", [None, (), ("${srcaddr} ${dstaddr}", "${dstaddr} ${srcaddr}"), ("${no-such-field}",), ("§",)]
)
def test_without_a_format_that_can_be_used_the_batch_is_tried_again(cloud, formats):
    """Neither guessed nor dropped: one line names the variable, the pointer and the mend, and nothing is written."""
    if formats is not None:
        refresh(cloud, {OURS: (ESTATE, OBSERVED)}, facts=Facts(formats, {}))
    bench = bench_of(cloud)

    with pytest.raises(LogFormatError) as refused:
        bench.environment.handle(batch_of(bench, 1), 300)

    (line,) = str(refused.value).splitlines()
    assert line.startswith("settings: LOG_FORMAT is empty")
    assert URI in line
    assert "; set LOG_FORMAT" in line
    assert cloud.count("s3", "PutObject") == 0


def test_a_snapshot_without_a_pointer_needs_the_settings_format(cloud):
    """It tells none."""
    put_snapshot(cloud)

    with pytest.raises(LogFormatError, match="LOG_FORMAT is empty"):
        make_bench(cloud, snapshot=True, LOG_FORMAT="").handle(flow(CLIENT, "10.0.2.9"))


TAGGED = f"{SHORT} ${{srcport}} ${{instance-tag}}"


@pytest.mark.parametrize(
    ("settings", "pointer", "column"),
    [
        ("", {"instance-tag": "team"}, "team"),
        ("", {}, None),
        ("instance-tag=environment", {"instance-tag": "team"}, "environment"),
    ],
)
def test_the_tag_keys_of_record_tags_come_from_the_pointer_unless_settings_tell_them(cloud, settings, pointer, column):
    """The recorder's own tag out of the record, under the key it belongs to."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)}, facts=Facts((TAGGED,), pointer))

    _, rows = bench_of(cloud, RECORD_TAGS=settings).handle(f"{short('10.0.2.9')} 1 payments")

    found = {name for name in ("team", "environment", "name") if rows[0][f"src_{name}"] == "payments"}
    assert found == ({column} if column else set())


def test_the_inventory_s_bucket_must_be_the_owner_s(cloud):
    """Every request for it says whose it must be; the lake's do not."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED)})
    bench_of(cloud, INVENTORY_OWNER="111122223333").handle(flow(CLIENT, "10.0.2.9"))

    told = {(call.params["Bucket"], call.params.get("ExpectedBucketOwner")) for call in cloud.calls
            if call.operation in {"GetObject", "PutObject"} and call.params["Key"].startswith("inventory")}  # fmt: skip
    assert told == {(INVENTORY, "111122223333")}


def test_with_many_environments_most_leave_ec2_alone(cloud):
    """What a fresh inventory does not know yet is unresolved, and the refusal is counted."""
    refresh(cloud, {OURS: (ESTATE, OBSERVED - 120)})
    cloud.fail("ec2", ANY_OPERATION, Refuse("InternalError"), times=FOREVER)

    answer, rows = bench_of(cloud, EC2_ENVIRONMENTS="1000000000").handle(flow(CLIENT, "203.0.113.9"))

    assert side(rows, "dst") == [UNASKED]
    assert (cloud.count("ec2"), answer.counts["Ec2Calls"]) == (0, 0)
    assert answer.counts["Ec2Refusals"] > 0
