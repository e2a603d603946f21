"""The refresher over HTTP on the stand-in cloud: scan, merge, publish, register."""

import json
from collections.abc import Sequence

import pytest
from botocore.exceptions import ClientError
from integration.refresher_bench import (
    BANK,
    EXTERNAL_ID,
    HOME,
    NOW,
    POINTER,
    REGION,
    SHOP,
    STREAM,
    Bench,
    Cloud,
    estate,
    interface,
    make_lake,
    owned,
    parts,
    role,
    spans,
)

from enricher.handler import Environment
from enricher.scan import Scanner, Scope
from enricher.settings import Settings
from enricher.stream_facts import FLOW_LOGS
from workbench.cloud import FOREVER, Bucket, Refuse, Throttle, Truncate
from workbench.envelopes import event, message_record

ATTACHED = 1_793_491_200  # 2026-11-01 00:00:00 UTC
HERE = f"{HOME}/{REGION}"


@pytest.fixture(scope="module")
def running():
    """A cloud for all tests of this file."""
    with Cloud(region=REGION) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    """Three accounts with an interface each, the roles of two of them, and the lake."""
    running.begin()
    for account in (HOME, SHOP, BANK):
        documents = estate(account, interface(account, 1, f"10.{account[0]}.0.4"))
        running.replace_inventory(documents, account_id=account)
    running.allow_roles({role(account): EXTERNAL_ID for account in (SHOP, BANK)})
    make_lake(running)
    return running


ENI_HOME, ENI_SHOP, ENI_BANK = (f"eni-{account[0]}{1:016x}" for account in (HOME, SHOP, BANK))
LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${log-status} ${instance-tag}"
)


def flow_log(number: int, log_format: str, **members: object) -> dict[str, object]:
    """What DescribeFlowLogs tells of a flow log into the stream."""
    return {
        "FlowLogId": f"fl-{number:017x}",
        "LogDestinationType": "kinesis-data-firehose",
        "LogDestination": STREAM,
        "LogFormat": log_format,
    } | members


def test_the_first_run_publishes_what_the_account_owns(cloud):
    """Without a pointer a new history begins: the owner, proven from its attachment until the scan began."""
    bench = Bench(cloud)

    refresh = bench.run()

    published = bench.published()
    assert refresh.failures == refresh.warnings == ()
    assert owned(published.tables) == {(HERE, "10.1.0.4", ENI_HOME, True)}
    assert spans(published.tables, "10.1.0.4") == [(ATTACHED, NOW - 5)]
    assert [(part.name, part.begun_at, part.error) for part in published.pointer.parts] == [(HERE, NOW, None)]
    assert refresh.parts == published.pointer.parts
    assert {name: refresh.counts[name] for name in ("PartsScanned", "PartsFailed", "Interfaces", "Merges")} == {
        "PartsScanned": 1,
        "PartsFailed": 0,
        "Interfaces": 1,
        "Merges": 1,
    }


def test_every_read_is_paged_and_asks_for_managed_resources(cloud):
    """What AWS throttles harder, or hides, without."""
    bench = Bench(cloud)
    cloud.reset_calls()

    refresh = bench.run()

    asked = {call.operation: call.params for call in cloud.calls if call.service in ("ec2", "autoscaling")}
    assert asked["DescribeNetworkInterfaces"]["MaxResults"] == 1000
    assert asked["DescribeNetworkInterfaces"]["IncludeManagedResources"] is True
    assert asked["DescribeInstances"]["IncludeManagedResources"] is True
    assert {name for name, params in asked.items() if not {"MaxResults", "MaxRecords"} & params.keys()} == {
        "DescribeAddresses"
    }
    read = [call for call in cloud.calls if call.service not in ("s3", "glue", "sts")]
    assert refresh.counts["ApiCalls"] == len(read) == 14


def test_an_address_that_moves_is_proven_for_neither_in_between(cloud):
    """The old owner until the scan before, the new one from the end of the scan that saw it."""
    first = interface(HOME, 1, "10.1.0.4")
    second = interface(HOME, 2, "10.1.0.5")
    moving = {"PrivateIpAddress": "10.1.0.9", "Primary": False}
    before = first | {"PrivateIpAddresses": [*first["PrivateIpAddresses"], moving]}
    after = second | {"PrivateIpAddresses": [*second["PrivateIpAddresses"], moving]}
    bench = Bench(cloud)

    for documents in (estate(HOME, before, second), estate(HOME, before, second), estate(HOME, first, after)):
        cloud.replace_inventory(documents)
        bench.run(after=60)
    bench.run(after=60)

    assert spans(bench.published().tables, "10.1.0.9") == [
        (NOW + 60, NOW + 120 - 5),
        (NOW + 180, NOW + 240 - 5),
    ]


def test_a_denied_account_costs_only_its_own_freshness(cloud):
    """Its state stays, open, with the reason and the mend; the other accounts go on."""
    bench = Bench(cloud, accounts=(SHOP, BANK))
    bench.run()
    cloud.fail("ec2", "DescribeSubnets", Refuse("UnauthorizedOperation"), times=FOREVER, account_id=BANK)

    refresh = bench.run(after=60)

    told = parts(bench.published().pointer.parts)
    assert told[f"{BANK}/{REGION}"].begun_at == NOW
    assert told[f"{BANK}/{REGION}"].failed_at == NOW + 60
    assert told[f"{BANK}/{REGION}"].error == (
        f"account {BANK}, {REGION}: ec2:DescribeSubnets failed with UnauthorizedOperation; "
        f"allow ec2:DescribeSubnets for {role(BANK)}"
    )
    assert [told[f"{account}/{REGION}"].begun_at for account in (HOME, SHOP)] == [NOW + 60, NOW + 60]
    assert owned(bench.published().tables) == {
        (f"{HOME}/{REGION}", "10.1.0.4", ENI_HOME, True),
        (f"{SHOP}/{REGION}", "10.2.0.4", ENI_SHOP, True),
        (f"{BANK}/{REGION}", "10.3.0.4", ENI_BANK, True),
    }
    assert spans(bench.published().tables, "10.3.0.4") == [(ATTACHED, NOW - 5)]
    assert spans(bench.published().tables, "10.2.0.4") == [(ATTACHED, NOW + 55)]
    assert (refresh.counts["PartsScanned"], refresh.counts["PartsFailed"], refresh.failures) == (2, 1, ())
    assert refresh.counts["InventoryAgeSeconds"] == 60


@pytest.mark.parametrize("odd", ["a prefix", "a tag"])
def test_an_account_that_tells_nonsense_costs_only_its_own_freshness(cloud, odd):
    """What cannot be read, and what cannot even be written, fails its part with the reason; others are published."""
    prefix = [{"Ipv4Prefix": "10.2.0.0/99" if odd == "a prefix" else "10.2.0.0/28"}]
    balancer = {"Description": "ELB app/front/50dc", "RequesterId": "amazon-elb", "Attachment": {}}
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{SHOP}:loadbalancer/app/front/50dc"
    tags = [{"Key": "project", "Value": "\ud800" if odd == "a tag" else "shop"}]
    cloud.replace_inventory(estate(HOME, interface(HOME, 1, "10.1.0.4")))
    told = {"tagged-resources": {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tags}]}}
    shop = estate(SHOP, interface(SHOP, 1, "10.2.0.4", Ipv4Prefixes=prefix), interface(SHOP, 2, "10.2.0.5", **balancer))
    cloud.replace_inventory(shop | told, account_id=SHOP)

    bench = Bench(cloud, accounts=(SHOP,))
    refresh = bench.run()

    assert (refresh.counts["PartsScanned"], refresh.counts["PartsFailed"], refresh.failures) == (1, 1, ())
    (error,) = [part.error for part in refresh.parts if part.error is not None]
    assert error.startswith(f"part {SHOP}/{REGION}: ")
    assert bench.published().tables.interfaces.num_rows == 1


def test_an_elastic_ip_of_a_carrier_is_no_public_address(cloud):
    """In a Wavelength Zone an Elastic IP has a CarrierIp and no PublicIp; the part is as good as any other."""
    own = interface(HOME, 1, "10.1.0.4", Association={"PublicIp": "198.51.100.7", "IpOwnerId": HOME})
    own["PrivateIpAddresses"][0]["Association"] = own["Association"]
    carrier = {
        "AllocationId": "eipalloc-1",
        "CarrierIp": "198.51.100.8",
        "NetworkInterfaceId": own["NetworkInterfaceId"],
    }
    cloud.replace_inventory(estate(HOME, own) | {"addresses": {"Addresses": [carrier]}})

    bench = Bench(cloud)
    refresh = bench.run()

    assert refresh.counts["PartsFailed"] == 0
    assert bench.published().tables.addresses["address"].to_pylist() == ["10.1.0.4", "198.51.100.7"]


def test_a_role_that_cannot_be_assumed_is_a_failed_part(cloud):
    """With another external id the other account says no; ours is scanned all the same."""
    cloud.allow_roles({role(SHOP): "another"})
    bench = Bench(cloud, accounts=(SHOP,))

    bench.run()

    told = parts(bench.published().pointer.parts)
    assert told[f"{SHOP}/{REGION}"].begun_at is None
    assert "sts:AssumeRole" in told[f"{SHOP}/{REGION}"].error
    assert "AccessDenied" in told[f"{SHOP}/{REGION}"].error
    assert told[HERE].error is None


def test_half_an_answer_of_sts_costs_the_part_alone(cloud):
    """Botocore says so by an error that is none of its own kind: the other accounts are published all the same."""
    cloud.fail("sts", "AssumeRole", Truncate(), times=FOREVER)
    bench = Bench(cloud, accounts=(SHOP,))

    refresh = bench.run()

    told = parts(bench.published().pointer.parts)
    assert "sts:AssumeRole" in told[f"{SHOP}/{REGION}"].error
    assert told[HERE].error is None
    assert refresh.failures == ()


def test_a_page_that_is_throttled_once_is_asked_again(cloud):
    """Botocore's standard retries hide it; the retry is counted."""
    cloud.fail("ec2", "DescribeVpcs", Refuse("RequestLimitExceeded"))
    bench = Bench(cloud, attempts=2)

    refresh = bench.run()

    assert parts(refresh.parts)[HERE].error is None
    assert (refresh.counts["ApiRetries"], refresh.counts["ApiThrottles"]) == (1, 0)


def test_half_of_an_answer_is_none():
    """The last page of the interfaces is throttled out: the part keeps what it knew, the others count nothing."""
    limits = Throttle(clock=lambda: 0.0, reading=Bucket(3, 0))
    few = [interface(HOME, 1, "10.1.0.4")]
    many = [interface(HOME, number, f"10.1.{number // 250}.{number % 250 + 4}") for number in range(2, 2503)]
    with Cloud(estate(HOME, *few), region=REGION, throttle=limits) as cloud:
        make_lake(cloud)
        bench = Bench(cloud)
        bench.run()
        cloud.replace_inventory(estate(HOME, *many))

        refresh = bench.run(after=60)

        assert cloud.count("ec2", "DescribeNetworkInterfaces") == 1 + 3
        assert owned(bench.published().tables) == {(HERE, "10.1.0.4", ENI_HOME, True)}
    assert "ec2:DescribeNetworkInterfaces failed with RequestLimitExceeded" in parts(refresh.parts)[HERE].error
    assert refresh.counts["ApiThrottles"] == 1


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeAddresses"),
        ("ec2", "DescribeNatGateways"),
        ("ec2", "DescribeVpcEndpoints"),
        ("elbv2", "DescribeLoadBalancers"),
        ("elb", "DescribeLoadBalancers"),
        ("autoscaling", "DescribeAutoScalingInstances"),
        ("resourcegroupstaggingapi", "GetResources"),
        ("ec2", "DescribeFlowLogs"),
    ],
)
def test_an_optional_read_that_fails_changes_no_owner(cloud, service, operation):
    """The part is good, the owners are the same, and one line says what is missing."""
    address = {"PublicIp": "203.0.113.7", "AllocationId": "eipalloc-1", "NetworkInterfaceId": ENI_HOME}
    shown = {"PublicIp": "203.0.113.7", "IpOwnerId": HOME}
    documents = estate(HOME, interface(HOME, 1, "10.1.0.4", Association=shown))
    cloud.replace_inventory(documents | {"addresses": {"Addresses": [address]}})
    cloud.fail(service, operation, Refuse("AccessDenied"), times=FOREVER)
    bench = Bench(cloud)

    refresh = bench.run()

    assert owned(bench.published().tables) == {
        (HERE, "10.1.0.4", ENI_HOME, True),
        (HERE, "203.0.113.7", ENI_HOME, True),
    }
    (warning,) = refresh.warnings
    assert operation in warning
    assert (refresh.counts["PartsFailed"], refresh.counts["ScanWarnings"]) == (0, 1)


def test_tags_of_an_optional_read_outlive_its_failure(cloud):
    """What the read told a minute ago stands in for it, and is said to be old; after an hour it does not."""
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{HOME}:loadbalancer/app/shop/0123456789abcdef"
    balancer = interface(HOME, 1, "10.1.0.4", Description="ELB app/shop/0123456789abcdef", Attachment={})
    tagged = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": [{"Key": "project", "Value": "shop"}]}]}
    cloud.replace_inventory(estate(HOME, balancer) | {"tagged-resources": tagged})
    bench = Bench(cloud)

    def tags() -> list[tuple[str, str]]:
        return bench.published().tables.interfaces["tags"].to_pylist()[-1]

    bench.run()
    assert tags() == [("project", "shop")]
    cloud.fail("resourcegroupstaggingapi", "GetResources", Refuse("ThrottledException"), times=FOREVER)
    refresh = bench.run(after=60)
    assert tags() == [("project", "shop")]
    assert refresh.warnings[0].endswith("tagged-resources are those of 60 s ago")
    refresh = bench.run(after=3600)
    assert tags() == []
    assert refresh.warnings[0].endswith("tagged-resources are missing")


def test_two_refreshers_at_once_lose_nothing_of_each_other(cloud):
    """The one that is second merges onto the first one's work: both parts are there in the end."""
    one = Bench(cloud)
    other = Bench(cloud, accounts=(SHOP,), settings={"regions": (REGION,)})
    one.run()
    told = []

    class Racing:
        """An S3 client that lets the other refresher finish just before our pointer is put."""

        def __init__(self, client: object) -> None:
            self._client = client

        def __getattr__(self, name: str) -> object:
            return getattr(self._client, name)

        def put_object(self, **arguments: object) -> object:
            if arguments["Key"] == "inventory/pointer.json" and not told:
                told.append(other.run(after=61))
            return self._client.put_object(**arguments)

    plain = one.client
    one.refresher.accounts.make_client = lambda service, region, **credentials: (
        Racing(plain(service, region, **credentials)) if service == "s3" else plain(service, region, **credentials)
    )
    one.refresher.accounts._sessions.clear()  # noqa: SLF001 - the clients it holds were made before

    refresh = one.run(after=60)

    assert refresh.counts["Merges"] == 2
    published = parts(one.published().pointer.parts)
    assert {name: part.begun_at for name, part in published.items()} == {HERE: NOW + 61, f"{SHOP}/{REGION}": NOW + 61}
    assert refresh.parts == one.published().pointer.parts


def test_a_crash_between_object_and_pointer_leaves_the_old_state(cloud):
    """The run fails and says so, readers find what was there, and the next run goes on from it."""
    bench = Bench(cloud, attempts=2)
    bench.run()
    before = bench.published()
    s3 = cloud.client("s3")
    denied = []

    def refuse(params: dict[str, object], **_: object) -> None:
        if params["Key"] == "inventory/pointer.json" and not denied:
            denied.append(True)
            raise ClientError({"Error": {"Code": "InternalError"}}, "PutObject")

    bench.refresher.accounts.target(HOME, REGION).client("s3").meta.events.register(
        "provide-client-params.s3.PutObject", refuse
    )

    refresh = bench.run(after=60)

    assert len(refresh.failures) == 1
    assert refresh.failures[0].startswith("publishing the inventory failed: ClientError")
    assert refresh.counts["PartitionsRegistered"] == 0
    assert refresh.counts["RefreshFailures"] == 1
    assert bench.published().pointer == before.pointer
    assert len(s3.list_objects_v2(Bucket="lake", Prefix="inventory/snapshots/")["Contents"]) == 2
    assert bench.run(after=60).failures == ()
    assert spans(bench.published().tables, "10.1.0.4") == [(ATTACHED, NOW + 115)]


def test_partitions_are_registered_once(cloud):
    """The current hour and the next two, as the table has its columns and formats; later only what is new."""
    bench = Bench(cloud)
    glue = cloud.client("glue")

    assert bench.run().counts["PartitionsRegistered"] == 3
    cloud.reset_calls()
    assert bench.run(after=60).counts["PartitionsRegistered"] == 0
    assert cloud.count("glue") == 0
    assert bench.run(after=3600).counts["PartitionsRegistered"] == 1

    listed = glue.get_partitions(DatabaseName="flows", TableName="flow_logs")["Partitions"]
    found = {tuple(partition["Values"]): partition["StorageDescriptor"] for partition in listed}
    assert set(found) == {(REGION, "2026-11-18", hour) for hour in ("10", "11", "12", "13")}
    told = found[REGION, "2026-11-18", "10"]
    assert told["Location"] == f"s3://lake/flow_logs/aws_region={REGION}/day=2026-11-18/hour=10/"
    assert told["Columns"] == [{"Name": "version", "Type": "int"}]
    assert told["InputFormat"].endswith("MapredParquetInputFormat")


def test_a_partition_that_is_there_already_stays_as_it_is(cloud):
    """A new environment does not know what was registered; compaction may have moved it."""
    Bench(cloud).run()
    glue = cloud.client("glue")
    moved = {"Columns": [], "Location": "s3://lake/flow_logs_compacted/1/"}
    values = [REGION, "2026-11-18", "10"]
    glue.update_partition(
        DatabaseName="flows",
        TableName="flow_logs",
        PartitionValueList=values,
        PartitionInput={"Values": values, "StorageDescriptor": moved},
    )

    refresh = Bench(cloud).run(after=60)

    assert (refresh.counts["PartitionsRegistered"], refresh.failures) == (0, ())
    told = glue.get_partition(DatabaseName="flows", TableName="flow_logs", PartitionValues=values)["Partition"]
    assert told["StorageDescriptor"]["Location"] == "s3://lake/flow_logs_compacted/1/"


def test_without_partitions_the_snapshot_is_published_all_the_same(cloud):
    """The table is missing: the run fails at its end, the inventory is there."""
    cloud.client("glue").delete_table(DatabaseName="flows", Name="flow_logs")
    bench = Bench(cloud)

    refresh = bench.run()

    assert [failure.split(":")[0] for failure in refresh.failures] == ["registering partitions failed"]
    assert owned(bench.published().tables) == {(HERE, "10.1.0.4", ENI_HOME, True)}


def test_old_snapshots_are_deleted_and_the_current_one_never(cloud):
    """An hour after S3 wrote them, all but the one that the pointer names."""
    bench = Bench(cloud)
    s3 = cloud.client("s3")
    bench.run()
    bench.run(after=60)
    stored = s3.list_objects_v2(Bucket="lake", Prefix="inventory/snapshots/")["Contents"]
    assert len(stored) == 2
    s3.put_object(Bucket="lake", Key="inventory/other.parquet", Body=b"not ours")
    bench.clock.now = max(told["LastModified"].timestamp() for told in stored) + 3700

    refresh = bench.run()

    left = {told["Key"] for told in s3.list_objects_v2(Bucket="lake", Prefix="inventory/")["Contents"]}
    assert refresh.counts["SnapshotsDeleted"] == 2
    assert left == {"inventory/pointer.json", "inventory/other.parquet", bench.published().pointer.snapshot}


def test_a_cleanup_that_fails_is_a_warning(cloud):
    """The inventory is published; the litter waits for the next run."""
    cloud.fail("s3", "ListObjectsV2", Refuse("AccessDenied"), times=FOREVER)

    refresh = Bench(cloud).run()

    assert refresh.failures == ()
    assert [warning.split(":")[0] for warning in refresh.warnings] == ["deleting old snapshots failed"]


def test_the_stream_s_log_format_is_found_and_used(cloud):
    """DescribeFlowLogs tells the refresher, the pointer tells the function, which reads records by it."""
    other = flow_log(2, "${version} ${srcaddr}", LogDestination=f"{STREAM}-of-others")
    tags = [{"ResourceType": "instance", "TagKeys": ["project"]}]
    told = {"FlowLogs": [flow_log(1, LOG_FORMAT, TagFieldSpecifications=tags), other]}
    cloud.replace_inventory(estate(HOME, interface(HOME, 1, "10.1.0.4")) | {"flow-logs": told})
    bench = Bench(cloud)
    bench.run()
    pointer = bench.published().pointer
    assert (pointer.log_formats, dict(pointer.tag_keys)) == ((LOG_FORMAT,), {"instance-tag": "project"})

    settings = Settings("lake", None, inventory_uri=POINTER)
    environment = Environment(settings, bench.clock, {"s3": cloud.client("s3"), "ec2": cloud.client("ec2")})
    line = f"11 {HOME} {ENI_HOME} 10.1.0.4 192.0.2.7 {NOW:.0f} {NOW:.0f} OK shop"
    answer = environment.handle(event([message_record(line)], STREAM, REGION, "one", first_arrival_ms=1), 300)

    assert (answer.counts["Rows"], answer.counts["Rejects"]) == (1, 0)
    assert json.dumps(answer.response)


def test_formats_are_learnt_of_an_account_whose_scan_fails(cloud):
    """Else one denied read would keep every row out of the lake; without an inventory they land, unresolved."""
    told = {"flow-logs": {"FlowLogs": [flow_log(1, LOG_FORMAT)]}}
    cloud.replace_inventory(estate(HOME, interface(HOME, 1, "10.1.0.4")) | told)
    cloud.fail("ec2", "DescribeTransitGatewayAttachments", Refuse("UnauthorizedOperation"), times=FOREVER)
    bench = Bench(cloud)

    refresh = bench.run()

    pointer = bench.published().pointer
    assert "DescribeTransitGatewayAttachments" in parts(pointer.parts)[HERE].error
    assert (pointer.log_formats, refresh.warnings) == ((LOG_FORMAT,), ())
    cloud.fail("ec2", "DescribeFlowLogs", Refuse("UnauthorizedOperation"), times=FOREVER)
    refresh = bench.run(after=60)
    assert (bench.published().pointer.log_formats, refresh.warnings) == (
        (LOG_FORMAT,),
        (),
    )  # the failed part says enough
    cloud.clear_faults()
    cloud.fail("ec2", "DescribeFlowLogs", Refuse("UnauthorizedOperation"), times=FOREVER)
    assert "DescribeFlowLogs" in bench.run(after=60).warnings[0]


def test_our_own_account_is_asked_before_all_others(cloud, monkeypatch):
    """Scopes are begun in the order they are handed over, some at a time: silent accounts must not use up the time."""
    others = tuple(f"{number:012d}" for number in range(300, 332))
    handed: list[tuple[str, bool]] = []

    class NotedError(Exception):
        """The scopes are known."""

    def noted(_: Scanner, scopes: Sequence[Scope], __: float) -> None:
        handed.extend((scope.part, FLOW_LOGS in scope.reads) for scope in scopes)
        raise NotedError

    monkeypatch.setattr(Scanner, "scan_all", noted)
    with pytest.raises(NotedError):
        Bench(cloud, accounts=others).run()
    parts = [f"{account}/{REGION}" for account in (HOME, *others)]
    assert handed == [(part, of_facts) for part in parts for of_facts in (False, True)]


def test_formats_of_an_account_that_could_not_be_asked_stay(cloud):
    """Another account's flow logs into the stream are visible there alone; a failure there forgets nothing."""
    for account, log_format in ((HOME, "${version} ${srcaddr}"), (SHOP, "${version} ${srcaddr} ${dstaddr}")):
        told = {"flow-logs": {"FlowLogs": [flow_log(int(account[0]), log_format)]}}
        cloud.replace_inventory(estate(account) | told, account_id=account)
    Bench(cloud, accounts=(SHOP,)).run()
    cloud.fail("ec2", "DescribeFlowLogs", Refuse("UnauthorizedOperation"), times=FOREVER, account_id=SHOP)

    bench = Bench(cloud, accounts=(SHOP,))
    bench.run(after=60)

    formats = ("${version} ${srcaddr}", "${version} ${srcaddr} ${dstaddr}")
    assert bench.published().pointer.log_formats == formats
    cloud.clear_faults()
    cloud.replace_inventory(estate(SHOP), account_id=SHOP)
    bench.run(after=60)
    assert bench.published().pointer.log_formats == formats[:1]
    cloud.replace_inventory(estate(HOME))
    bench.run(after=60)
    assert bench.published().pointer.log_formats == formats[:1]
