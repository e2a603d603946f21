"""The Lambda's environment against the stand-in cloud: snapshot, EC2 behind the cache, and what is told of it."""

import gc
import io
import json
import os
import subprocess
import sys
import weakref
from collections import Counter
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from one_environment import (
    CLIENT,
    ESTATE,
    FLOWS_START,
    INVENTORY,
    LAKE,
    LOG_FORMAT,
    NAMED,
    NOW,
    OBSERVED,
    PLENTY,
    REGION,
    SERVER,
    SNAPSHOT_KEY,
    UNASKED,
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

from enricher.batch import Answer
from enricher.handler import emit, settle_collector
from enricher.metrics import METRICS
from workbench.cloud import ANY_OPERATION, FOREVER, Refuse, Reset


@pytest.fixture(scope="module")
def shared_cloud():
    """A running cloud with the lake and a bucket for the snapshot."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def cloud(shared_cloud):
    """The same without objects, faults and calls, and with the estate of two."""
    return emptied(shared_cloud)


def test_a_cold_environment_asks_ec2_for_both_sides(cloud):
    """The recorder's tags by its interface id, the peer's by its address, the networks once."""
    answer, rows = make_bench(cloud).handle(flow(CLIENT, "10.0.2.9"))

    assert side(rows, "src") == [("resolved", "i-00000000000000001", "project-0", "record")]
    assert side(rows, "dst") == [(*NAMED, "ec2")]
    assert rows[0]["traffic_class"] == "same_az"
    assert answer.counts["Ec2Calls"] == cloud.count("ec2") == 8
    assert (answer.counts["CacheMisses"], answer.counts["CacheHits"]) == (5, 0)


def test_a_warm_environment_asks_nothing(cloud):
    """Another batch of the same endpoints is answered from memory alone, absences included."""
    bench = make_bench(cloud)
    bench.handle(flow(CLIENT, "10.0.2.9"), flow(CLIENT, "10.0.9.9"), flow(CLIENT, "203.0.113.9"))
    cloud.reset_calls()
    bench.clock.now += 30

    answer, rows = bench.handle(
        flow(CLIENT, "10.0.2.9", 1), flow(CLIENT, "10.0.9.9", 2), flow(CLIENT, "203.0.113.9", 3)
    )

    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 0
    assert [told[0] for told in side(rows, "dst")] == ["resolved", "subnet", "absent"]
    assert answer.counts["CacheMisses"] == 0
    assert answer.counts["CacheNegativeHits"] == 2


def numbered(count: int, first: int = 1000) -> list[dict[str, Any]]:
    """Interfaces with an instance and an address each, all in one subnet."""
    return [interface(first + n, f"10.0.{100 + n // 250}.{1 + n % 250}") for n in range(count)]


@pytest.mark.parametrize(("recorders", "peers"), [(200, 200), (1, 399), (399, 1), (201, 199), (100, 300), (400, 0)])
def test_a_cold_batch_of_400_endpoints_stays_within_its_calls(cloud, recorders, peers):
    """4 for the networks, and for each 200 interfaces or addresses one for them and one for their instances."""
    every = numbered(400)
    cloud.replace_inventory(documents(*every))
    owners, others = every[:recorders], every[recorders:]
    lines = [flow(owners[n % recorders], other["PrivateIpAddress"]) for n, other in enumerate(others)]
    lines += [flow(owner, owner["PrivateIpAddress"], 7) for owner in owners]

    answer, rows = make_bench(cloud).handle(*lines)

    assert cloud.count("ec2") <= 4 + 2 * -(-recorders // 200) + 2 * -(-peers // 200)
    assert cloud.count("ec2") == answer.counts["Ec2Calls"]
    endpoints = {(row[f"{name}_instance_id"], row[f"{name}_status"]) for row in rows for name in ("src", "dst")}
    assert endpoints == {(told["Attachment"]["InstanceId"], "resolved") for told in every}


def test_kinds_of_address_are_filters_of_their_own(cloud):
    """Private, IPv6 and public addresses cannot share a request; each kind is asked once."""
    own = [
        interface(2000, "10.0.50.1", Ipv6Addresses=[{"Ipv6Address": "2001:db8::50"}]),
        interface(
            2001,
            "10.0.50.2",
            PrivateIpAddresses=[
                {"PrivateIpAddress": "10.0.50.2", "Primary": True, "Association": {"PublicIp": "198.51.100.50"}}
            ],
        ),
    ]
    cloud.replace_inventory(documents(CLIENT, *own))

    bench = make_bench(cloud)
    addresses = ("10.0.50.1", "2001:db8::50", "198.51.100.50")

    _, before = bench.handle(*(flow(CLIENT, to) for to in addresses))

    asked = Counter(
        call.params["Filters"][0]["Name"] for call in cloud.calls if call.operation == "DescribeNetworkInterfaces"
    )
    assert asked == {
        "network-interface-id": 1,
        "addresses.private-ip-address": 1,
        "ipv6-addresses.ipv6-address": 1,
        "addresses.association.public-ip": 1,
    }
    # An attachment proves the past of the primary address alone; the others are proven from when EC2 was asked.
    owners = [f"eni-{number:017x}" for number in (2000, 2000, 2001)]
    assert [row["dst_interface_id"] for row in before] == [owners[0], None, None]
    bench.clock.now += 120
    _, after = bench.handle(*(flow(CLIENT, to, start=round(NOW) + 10) for to in addresses))
    assert [row["dst_interface_id"] for row in after] == owners


def test_with_lookups_off_ec2_is_never_asked(cloud):
    """Rows land with what the record itself says."""
    _, rows = make_bench(cloud, EC2_LOOKUPS="off").handle(flow(CLIENT, "10.0.2.9"))

    assert cloud.count("ec2") == 0
    assert side(rows, "dst") == [UNASKED]
    assert (rows[0]["src_interface_id"], rows[0]["src_vpc_id"]) == (CLIENT["NetworkInterfaceId"], "vpc-0a")


def test_without_budget_ec2_is_never_asked(cloud):
    """What was not asked is unresolved, and the refusals are counted."""
    answer, rows = make_bench(cloud, EC2_CALL_BUDGET="0").handle(flow(CLIENT, "10.0.2.9"))

    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 0
    assert side(rows, "dst") == [UNASKED]
    assert answer.counts["Ec2Refusals"] > 0
    assert answer.counts["UnresolvedSides"] == 1


def test_a_budget_that_runs_out_leaves_the_rest_unresolved(cloud):
    """Never more calls than the budget; what was answered before is used."""
    cloud.replace_inventory(documents(CLIENT, *numbered(300)))
    lines = [flow(CLIENT, told["PrivateIpAddress"], n) for n, told in enumerate(numbered(300))]

    answer, rows = make_bench(cloud, EC2_CALL_BUDGET="7").handle(*lines)

    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 7
    statuses = Counter(row["dst_status"] for row in rows)
    assert (statuses["resolved"], statuses.keys() <= {"resolved", "subnet", "unresolved"}) == (200, True)
    assert statuses["resolved"] + statuses["subnet"] + statuses["unresolved"] == 300


@pytest.mark.parametrize(("remaining_s", "asked"), [(24.0, False), (-5.0, False), (24.5, True), (60.0, True)])
def test_no_request_starts_that_could_outlast_the_function(cloud, remaining_s, asked):
    """The longest request (14 s) and the writing (10 s) must still fit."""
    _, rows = make_bench(cloud).handle(flow(CLIENT, "10.0.2.9"), remaining_s=remaining_s)

    assert bool(cloud.count("ec2")) is asked
    assert side(rows, "dst") == [(*NAMED, "ec2") if asked else UNASKED]


def test_with_ec2_down_rows_land_marked(cloud):
    """The hot path never depends on EC2: every row is there, the own side from the record, the peer unresolved."""
    cloud.fail("ec2", ANY_OPERATION, Refuse("InternalError"), times=FOREVER)
    lines = [flow(CLIENT, f"10.0.3.{n}", n) for n in range(1, 51)]

    answer, rows = make_bench(cloud).handle(*lines)

    assert len(rows) == answer.counts["Rows"] == 50
    assert {record["result"] for record in answer.response["records"]} == {"Dropped"}
    assert set(side(rows, "dst")) == {UNASKED}
    assert {(row["src_status"], row["src_interface_id"]) for row in rows} == {
        ("resolved", CLIENT["NetworkInterfaceId"])
    }
    assert answer.counts["UnresolvedSides"] == 50
    assert answer.counts["Ec2Failures"] == answer.counts["Ec2Calls"] == cloud.count("ec2")


@pytest.mark.parametrize("fault", [Refuse("RequestLimitExceeded"), Refuse("UnauthorizedOperation"), Reset()])
def test_any_failure_of_ec2_leaves_rows_unresolved_never_absent(cloud, fault):
    """Throttled, forbidden or cut off: nothing was learnt, so nothing is said not to exist, and nothing is kept."""
    cloud.fail("ec2", "DescribeNetworkInterfaces", fault, times=FOREVER)
    bench = make_bench(cloud)
    _, rows = bench.handle(flow(CLIENT, "203.0.113.9"))
    assert [told[0] for told in side(rows, "dst")] == ["unresolved"]

    cloud.clear_faults()
    bench.clock.now += 120
    _, rows = bench.handle(flow(CLIENT, "203.0.113.9", 1))

    assert [told[0] for told in side(rows, "dst")] == ["absent"]


def test_throttles_are_counted(cloud):
    """An alarm watches them."""
    cloud.fail("ec2", "DescribeSubnets", Refuse("RequestLimitExceeded"))

    answer, _ = make_bench(cloud).handle(flow(CLIENT, "10.0.2.9"))

    assert (answer.counts["Ec2Throttles"], answer.counts["Ec2Failures"]) == (1, 1)


def test_an_open_breaker_spares_ec2_until_it_has_cooled_down(cloud):
    """Three failures in a row open it; batches then cost no call; later one trial decides."""
    bench = make_bench(cloud, EC2_BREAKER_FAILURES="3", EC2_BREAKER_COOL_DOWN_S="60")
    cloud.fail("ec2", ANY_OPERATION, Refuse("InternalError"), times=FOREVER)
    bench.handle(flow(CLIENT, "10.0.2.9"))
    assert cloud.count("ec2") == 3

    bench.clock.now += 59
    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1))
    assert cloud.count("ec2") == 3
    assert answer.counts["Ec2Refusals"] > 0
    assert side(rows, "dst") == [UNASKED]

    bench.clock.now += 2
    bench.handle(flow(CLIENT, "10.0.2.9", 2))
    assert cloud.count("ec2") == 4

    cloud.clear_faults()
    bench.clock.now += 119
    bench.handle(flow(CLIENT, "10.0.2.9", 3))
    assert cloud.count("ec2") == 4

    bench.clock.now += 61  # twice as long, and up to half as much more
    _, rows = bench.handle(flow(CLIENT, "10.0.2.9", 4))
    assert side(rows, "dst") == [(*NAMED, "ec2")]


def test_an_expired_answer_serves_while_ec2_fails(cloud):
    """The owner that was learnt is still named; the stale service is counted."""
    bench = make_bench(cloud, EC2_CACHE_TTL_S="60", EC2_STALE_TTL_S="600")
    bench.handle(flow(CLIENT, "10.0.2.9"))
    cloud.fail("ec2", ANY_OPERATION, Refuse("InternalError"), times=FOREVER)
    bench.clock.now += 120

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 1))

    assert side(rows, "dst") == [(*NAMED, "ec2")]
    assert answer.counts["CacheStaleServed"] > 0


def test_a_snapshot_answers_without_ec2(cloud):
    """One GET, both sides named, the age told in rows and counts."""
    put_snapshot(cloud)
    bench = make_bench(cloud, snapshot=True)

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9"), flow(CLIENT, "10.0.2.9", 7))

    assert side(rows, "src") == [("resolved", "i-00000000000000001", "project-0", "record")] * 2
    assert side(rows, "dst") == [(*NAMED, "snapshot")] * 2
    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 0
    assert [params.get("IfNoneMatch") for params in bench.gets()] == [None]
    assert answer.counts["InventoryAgeSeconds"] == NOW - OBSERVED
    assert {row["inventory_age_s"] for row in rows} == {NOW - 5 - OBSERVED}


def test_a_snapshot_is_renewed_by_conditional_gets(cloud):
    """Within its soft TTL it is not asked for; then by its ETag; unchanged it is kept, a newer one is taken up."""
    put_snapshot(cloud, documents(CLIENT))
    bench = make_bench(cloud, snapshot=True, EC2_LOOKUPS="off")
    assert bench.handle(flow(CLIENT, "10.0.2.9"))[1][0]["dst_status"] == "subnet"
    etag = cloud.s3.head_object(Bucket=INVENTORY, Key=SNAPSHOT_KEY)["ETag"]

    bench.clock.now += 59
    bench.handle(flow(CLIENT, "10.0.2.9", 1))
    assert len(bench.gets()) == 1

    bench.clock.now += 1
    _, rows = bench.handle(flow(CLIENT, "10.0.2.9", 2))
    assert [params.get("IfNoneMatch") for params in bench.gets()] == [None, etag]
    assert rows[0]["dst_status"] == "subnet"

    put_snapshot(cloud, ESTATE)
    bench.clock.now += 60
    _, rows = bench.handle(flow(CLIENT, "10.0.2.9", 3))
    assert side(rows, "dst") == [(*NAMED, "snapshot")]
    assert [params.get("IfNoneMatch") for params in bench.gets()] == [etag]


@pytest.mark.parametrize("body", [None, b"", b"PAR1 but not a snapshot", b"\0" * 4096])
def test_until_the_first_snapshot_exists_nothing_is_scanned(cloud, body):
    """Missing or unreadable: rows land unresolved, EC2 is not asked; soon after it exists it is used."""
    if body is not None:
        cloud.s3.put_object(Bucket=INVENTORY, Key=SNAPSHOT_KEY, Body=body)
    bench = make_bench(cloud, snapshot=True)

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9"))
    assert side(rows, "dst") == [UNASKED]
    assert cloud.count("ec2") == answer.counts["Ec2Calls"] == 0
    assert "InventoryAgeSeconds" not in answer.counts

    put_snapshot(cloud)
    bench.clock.now += 9
    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 1))[1], "dst") == [UNASKED]
    assert bench.gets() == []

    bench.clock.now += 1
    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 2))[1], "dst") == [(*NAMED, "snapshot")]


@pytest.mark.parametrize(
    "fault", [Refuse("InternalError"), Refuse("AccessDenied", 403), Refuse("SlowDown", 503), Reset()]
)
def test_a_snapshot_that_cannot_be_renewed_is_served_on(cloud, fault):
    """Within its hard TTL as if nothing had happened; past it its answers are marked stale, and still given."""
    put_snapshot(cloud)
    bench = make_bench(cloud, snapshot=True, EC2_LOOKUPS="off")
    bench.handle(flow(CLIENT, "10.0.2.9"))
    cloud.fail("s3", "GetObject", fault)
    bench.clock.now += 100
    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 1))[1], "dst") == [(*NAMED, "snapshot")]

    cloud.fail("s3", "GetObject", fault)
    bench.clock.now = NOW + 901
    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9", 2))
    assert side(rows, "dst") == [("stale", *NAMED[1:], "snapshot")]
    assert answer.counts["Dst_stale"] == answer.counts["UnresolvedSides"] == 1


def test_a_snapshot_that_nobody_renews_becomes_stale_though_it_can_be_read(cloud):
    """What counts is when it was true: the refresher has stopped."""
    put_snapshot(cloud, observed_at=NOW - 901)
    _, rows = make_bench(cloud, snapshot=True, EC2_LOOKUPS="off").handle(flow(CLIENT, "10.0.2.9"))

    assert rows[0]["dst_status"] == "stale"
    assert rows[0]["dst_instance_id"] == NAMED[1]


def test_what_a_stale_snapshot_does_not_know_ec2_is_asked_for(cloud):
    """Staleness marks what the snapshot says; it is no reason to leave the rest unasked."""
    put_snapshot(cloud, documents(CLIENT), observed_at=NOW - 901)
    cloud.replace_inventory(ESTATE)
    answer, rows = make_bench(cloud, snapshot=True, EC2_ENVIRONMENTS="1").handle(flow(CLIENT, "10.0.2.9"))

    assert side(rows, "dst") == [(*NAMED, "ec2")]
    assert answer.counts["Ec2Calls"] > 0


def test_a_snapshot_that_was_deleted_is_served_on(cloud):
    """Nothing says that its answers were wrong."""
    put_snapshot(cloud)
    bench = make_bench(cloud, snapshot=True)
    bench.handle(flow(CLIENT, "10.0.2.9"))
    cloud.s3.delete_object(Bucket=INVENTORY, Key=SNAPSHOT_KEY)
    bench.clock.now += 61

    assert side(bench.handle(flow(CLIENT, "10.0.2.9", 1))[1], "dst") == [(*NAMED, "snapshot")]


def test_what_the_snapshot_does_not_know_ec2_is_asked_for(cloud):
    """An interface younger than the snapshot, by address and as recorder; the rest costs nothing."""
    put_snapshot(cloud, documents(CLIENT), observed_at=FLOWS_START - 30)
    bench = make_bench(cloud, snapshot=True, EC2_ENVIRONMENTS="1")

    answer, rows = bench.handle(flow(CLIENT, "10.0.2.9"))
    assert side(rows, "dst") == [(*NAMED, "ec2")]
    assert {call.operation for call in cloud.calls if call.service == "ec2"} == {
        "DescribeNetworkInterfaces",
        "DescribeInstances",
    }
    assert answer.counts["Ec2Calls"] == cloud.count("ec2") == 2

    _, rows = bench.handle(flow(SERVER, "10.0.1.5"))
    assert side(rows, "src")[0][:3] == ("resolved", "i-00000000000000002", "project-1")


def test_a_complete_snapshot_later_than_the_flows_is_believed(cloud):
    """What it does not hold did not exist: nobody is asked again."""
    put_snapshot(cloud)
    _, rows = make_bench(cloud, snapshot=True).handle(flow(CLIENT, "10.0.77.7"), flow(CLIENT, "203.0.113.9"))

    assert [row["dst_status"] for row in rows] == ["subnet", "absent"]
    assert cloud.count("ec2") == 0


def test_with_ec2_down_a_snapshot_still_answers(cloud):
    """Only what it does not know stays open."""
    cloud.fail("ec2", ANY_OPERATION, Refuse("InternalError"), times=FOREVER)
    put_snapshot(cloud, documents(CLIENT, SERVER), observed_at=FLOWS_START - 30)
    _, rows = make_bench(cloud, snapshot=True).handle(
        flow(CLIENT, "10.0.2.9"), flow(CLIENT, "203.0.113.9"), flow(CLIENT, "10.0.77.7")
    )

    assert side(rows, "dst")[:2] == [(*NAMED, "snapshot_open"), UNASKED]
    assert rows[2]["dst_status"] in {"subnet", "unresolved"}
    assert rows[2]["dst_instance_id"] is None


def test_a_failure_of_the_lake_raises(cloud):
    """The stream tries the batch again; nothing is answered for."""
    bench = make_bench(cloud, EC2_LOOKUPS="off")
    cloud.fail("s3", "PutObject", Refuse("SlowDown", 503), times=FOREVER)

    with pytest.raises(cloud.s3.exceptions.ClientError, match="SlowDown"):
        bench.environment.handle(batch(flow(CLIENT, "10.0.2.9")), PLENTY)


def told_of(answer: Answer, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics and the log line that ``emit`` prints, each one line of JSON."""
    # A logger of its own for each batch: loggers of one name share the stream of the first.
    logged = io.StringIO()
    emit(answer, Logger(service=answer.batch_id, stream=logged), Metrics(namespace="FlowLogs", service="enricher"))
    (metrics,) = capsys.readouterr().out.splitlines()
    (log,) = logged.getvalue().splitlines()
    return json.loads(metrics), json.loads(log)


def test_metrics_tell_the_truth_in_embedded_metric_format(cloud, capsys):
    """Every count under its name and unit, and the counts are those of the rows in the lake."""
    bench = make_bench(cloud)
    answer, rows = bench.handle(
        flow(CLIENT, "10.0.2.9"),
        flow(CLIENT, "10.0.77.7"),
        flow(CLIENT, "203.0.113.9").replace("ACCEPT OK", "ACCEPT SKIPDATA"),
        "2 1",
        flow(CLIENT, "10.0.2.9", 70_000),
    )

    emitted, _ = told_of(answer, capsys)

    (directive,) = emitted["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "FlowLogs"
    assert directive["Dimensions"] == [["service"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {name: METRICS.get(name, METRICS.get(f"{name.split('_')[0]}_*"))[0] for name in answer.counts}
    values = {name: emitted[name][0] for name in units}
    assert values == dict(answer.counts)
    assert values | {
        "Records": 5, "Lines": 5, "Rows": 3, "Rejects": 2, "Rejects_field_count": 1, "Rejects_out_of_range": 1,
        "FailedRecords": 2, "Src_resolved": 3, "Dst_resolved": 1, "Dst_subnet": 1, "Dst_absent": 1, "Reporter_src": 3,
        "SkipData": 1, "Ec2Calls": cloud.count("ec2"), "Ec2Failures": 0, "Ec2Throttles": 0, "ObjectsFound": 0,
        "BatchSeconds": 0, "CacheHits": 0,
    } == values  # fmt: skip
    assert Counter(f"Dst_{row['dst_status']}" for row in rows) == {
        name: value for name, value in values.items() if name.startswith("Dst_")
    }
    assert values["BytesWritten"] == len(cloud.s3.get_object(Bucket=LAKE, Key=answer.written[0])["Body"].read())


def test_metrics_of_one_batch_do_not_leak_into_the_next(cloud, capsys):
    """Each batch prints its own."""
    bench = make_bench(cloud, EC2_LOOKUPS="off")
    first, _ = told_of(bench.handle(flow(CLIENT, "10.0.2.9"), "2 1")[0], capsys)
    second, _ = told_of(bench.handle(flow(CLIENT, "10.0.2.9", 1))[0], capsys)

    assert (first["Rejects_field_count"], first["Rejects"]) == ([1], [1])
    assert "Rejects_field_count" not in second
    assert (second["Rows"], second["Rejects"]) == ([1], [0])


def test_one_log_line_tells_of_a_batch(cloud, capsys):
    """Its name, the objects, the counts; nothing of what the lines held."""
    answer, _ = make_bench(cloud, EC2_LOOKUPS="off").handle(flow(CLIENT, "10.0.2.9"))

    _, logged = told_of(answer, capsys)

    assert (logged["level"], logged["message"]) == ("INFO", "batch written")
    assert logged["batch_id"] == answer.batch_id
    assert logged["objects"] == list(answer.written)
    assert logged["counts"] == dict(answer.counts)
    assert "10.0.2.9" not in json.dumps(logged)


HANDLE = """
import json, sys
from types import SimpleNamespace
from enricher.handler import handler
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
for line in sys.stdin:
    print(json.dumps({"response": handler(json.loads(line), context)}))
"""


def run_handler(cloud: Cloud, *events: dict[str, Any], **variables: str) -> subprocess.CompletedProcess[str]:
    """Hand events to the function in a process of its own that knows nothing but its environment variables."""
    environ = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "LAKE_BUCKET": LAKE,
        "LOG_FORMAT": LOG_FORMAT,
        "POWERTOOLS_METRICS_NAMESPACE": "FlowLogs",
        "POWERTOOLS_SERVICE_NAME": "enricher",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONWARNINGS": "error",
    }
    return subprocess.run(  # noqa: S603 - this interpreter, a program from this file
        [sys.executable, "-c", HANDLE],
        input="".join(json.dumps(told) + "\n" for told in events),
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_entry_point_works_from_its_environment_alone(cloud):
    """Clients made by the function, two events in one environment: rows, answers, metrics, a warm cache."""
    events = [batch(flow(CLIENT, "10.0.2.9", port)) for port in (1, 2)]

    done = run_handler(cloud, *events)

    assert (done.returncode, done.stderr) == (0, "")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["response"] for line in printed if "response" in line] == [
        {"records": [{"recordId": told["records"][0]["recordId"], "result": "Dropped", "data": ""}]} for told in events
    ]
    metrics = [line for line in printed if "_aws" in line]
    assert [line["Rows"] for line in metrics] == [[1], [1]]
    assert [line["Dst_resolved"] for line in metrics] == [[1], [1]]
    assert metrics[0]["Ec2Calls"][0] > 0
    assert metrics[1]["Ec2Calls"] == [0]
    assert [line["message"] for line in printed if "message" in line] == ["batch written"] * 2
    assert cloud.s3.list_objects_v2(Bucket=LAKE)["KeyCount"] == 2


@pytest.mark.parametrize("variable", ["LAKE_BUCKET", "LOG_FORMAT", "POWERTOOLS_METRICS_NAMESPACE"])
def test_a_setting_that_is_missing_fails_before_anything_is_written(cloud, variable):
    """A batch that was written and then failed would be tried again, and kept as failed, though its rows are there."""
    done = run_handler(cloud, batch(flow(CLIENT, "10.0.2.9")), **{variable: ""})

    assert done.returncode != 0
    assert variable in done.stderr.splitlines()[-1]
    assert cloud.calls == ()


def test_what_a_load_leaves_behind_is_collected_not_kept_for_ever():
    """A client's rubbish refers to itself; once frozen it would stay, some hundred objects a minute."""

    class Rubbish:
        def __init__(self) -> None:
            self.itself = self

    thresholds = gc.get_threshold()
    left = weakref.ref(Rubbish())
    try:
        settle_collector()
        assert left() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
