"""All that is looked at, from AWS, as a snapshot. Each part asks for its own; nothing here judges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from enricher.errors import EnricherError
from enricher.pointer import Pointer
from enricher.published import Place
from workbench.doctor.ask import Asker
from workbench.doctor.gather_lake import LakeReader
from workbench.doctor.gather_rights import rights
from workbench.doctor.snapshot import (
    REFRESH,
    TRANSFORM,
    Analysis,
    Bucket,
    Document,
    Function,
    Gap,
    Published,
    Schedules,
    Snapshot,
    Stream,
    Target,
    Told,
)
from workbench.doctor.stack import qualifier, with_function_of

_FIREHOSE: Final = [{"Name": "log-destination-type", "Values": ["kinesis-data-firehose"]}]
_MOST_PAGES: Final = 10
_RUNS: Final = 5
_LARGEST_POINTER: Final = 8 * 1024 * 1024  # bytes


def gather(asker: Asker, target: Target, now: float) -> Snapshot:
    """What AWS says of a deployment now (Unix seconds)."""
    asker.tell("stream and flow logs")
    stream = _stream(asker, target)
    target = with_function_of(target, stream.processor)
    asker.tell("functions")
    functions = {role: _function(asker, target, role) for role in target.functions}
    target = _with_inventory_of(target, functions)
    asker.tell("inventory")
    published = _published(asker, target, functions.get(REFRESH, Function()))
    asker.tell("schedules, workgroup, alarms, bucket")
    schedules, analysis, bucket = _schedules(asker, target), _analysis(asker, target), _bucket(asker, target)
    asker.tell("catalog and lake")
    reader = LakeReader(asker, target, now)
    catalog, lake, failures = reader.catalog(), reader.lake(), reader.failures()
    asker.tell("permissions")
    return Snapshot(
        target=target,
        now=now,
        stream=stream,
        functions=functions,
        published=published,
        schedules=schedules,
        catalog=catalog,
        lake=lake,
        failures=failures,
        bucket=bucket,
        analysis=analysis,
        rights=rights(asker, target),
        unasked=tuple(asker.unasked),
        unnamed=_unnamed(target),
        limits=tuple(reader.limits),
    )


def _stream(asker: Asker, target: Target) -> Stream:
    description = asker.ask("firehose", "describe_delivery_stream", DeliveryStreamName=target.stream)
    if description is Gap.ABSENT:
        return Stream(Gap.ABSENT, Gap.UNASKED, Gap.UNASKED)
    tags = asker.ask("firehose", "list_tags_for_delivery_stream", DeliveryStreamName=target.stream)
    return Stream(description, tags, _flow_logs(asker, target))


def _flow_logs(asker: Asker, target: Target) -> tuple[Document, ...] | Gap:
    """Those that deliver into the stream: AWS filters by the kind of destination only."""
    arn = target.stream_arn
    missed = len(asker.unasked)
    pages = asker.pages("ec2", "describe_flow_logs", ("NextToken", "NextToken"), _MOST_PAGES, Filter=_FIREHOSE)
    found = tuple(told for page in pages for told in page["FlowLogs"] if told.get("LogDestination") == arn)
    return Gap.UNASKED if len(asker.unasked) > missed else found


def _function(asker: Asker, target: Target, role: str) -> Function:
    """As its callers get it: the version behind the alias; the newest code where there is no alias."""
    name, alias = target.functions[role], qualifier(target.aliases.get(role, ""))
    found = asker.ask("lambda", "get_alias", FunctionName=name, Name=alias) if alias else Gap.UNASKED
    qualified = {} if isinstance(found, Gap) else {"Qualifier": alias}
    configuration = asker.ask("lambda", "get_function_configuration", FunctionName=name, **qualified)
    return Function(configuration, found)


def _with_inventory_of(target: Target, functions: dict[str, Function]) -> Target:
    """Where nobody names the pointer, it is where the function looks for it."""
    variables = functions.get(TRANSFORM, Function()).variables or {}
    return target if target.inventory_uri else replace(target, inventory_uri=variables.get("INVENTORY_URI", ""))


def _published(asker: Asker, target: Target, refresher: Function) -> Published:
    ipams = _ipams(asker, refresher)
    if not target.inventory_uri:
        return Published(ipams=ipams)
    place = Place.of(target.inventory_uri)
    pointer = asker.body(place.bucket, place.key, _LARGEST_POINTER)
    if isinstance(pointer, Gap):
        return Published(pointer, Gap.UNASKED, ipams)
    try:
        key = Pointer.from_json(pointer, place.uri, place.snapshots).snapshot
    except EnricherError:
        return Published(pointer, Gap.UNASKED, ipams)
    return Published(pointer, asker.ask("s3", "head_object", Bucket=place.bucket, Key=key), ipams)


def _ipams(asker: Asker, refresher: Function) -> Told:
    """The IPAMs of the refresher's scopes; UNASKED where it has none, or asks through another account's role."""
    variables = refresher.variables or {}
    scopes = [scope.strip() for scope in variables.get("IPAM_SCOPES", "").split(";") if scope.strip()]
    if not scopes or variables.get("IPAM_ROLE"):
        return Gap.UNASKED
    region = variables.get("IPAM_REGION") or None
    answer = asker.ask("ec2", "describe_ipam_scopes", region=region, IpamScopeIds=scopes)
    if isinstance(answer, Gap):
        return answer
    ids = sorted({told["IpamArn"].rpartition("/")[2] for told in answer["IpamScopes"]})
    return asker.ask("ec2", "describe_ipams", region=region, IpamIds=ids) if ids else Gap.ABSENT


def _schedules(asker: Asker, target: Target) -> Schedules:
    def of(name: str, ask: Callable[[], Told]) -> Told:
        return ask() if name else Gap.UNASKED

    rule = of(target.rule, lambda: asker.ask("events", "describe_rule", Name=target.rule))
    is_there = not isinstance(rule, Gap)
    return Schedules(
        rule=rule,
        targets=asker.ask("events", "list_targets_by_rule", Rule=target.rule) if is_there else Gap.UNASKED,
        trigger=of(target.trigger, lambda: asker.ask("glue", "get_trigger", Name=target.trigger)),
        runs=of(target.job, lambda: asker.ask("glue", "get_job_runs", JobName=target.job, MaxResults=_RUNS)),
    )


def _analysis(asker: Asker, target: Target) -> Analysis:
    group: Told = Gap.UNASKED
    if target.work_group:
        group = asker.ask("athena", "get_work_group", WorkGroup=target.work_group)
    alarms: tuple[Document, ...] | Gap = Gap.UNASKED
    if target.alarms:
        answer = asker.ask("cloudwatch", "describe_alarms", AlarmNames=list(target.alarms)[:100], MaxRecords=100)
        alarms = answer if isinstance(answer, Gap) else tuple(answer["MetricAlarms"])
    subscriptions: tuple[Document, ...] | Gap = Gap.UNASKED
    if target.topic:
        answer = asker.ask("sns", "list_subscriptions_by_topic", TopicArn=target.topic)
        subscriptions = answer if isinstance(answer, Gap) else tuple(answer["Subscriptions"])
    return Analysis(group, alarms, subscriptions)


def _bucket(asker: Asker, target: Target) -> Bucket:
    versioning = asker.ask("s3", "get_bucket_versioning", Bucket=target.bucket)
    if versioning is Gap.ABSENT:
        return Bucket(versioning=Gap.ABSENT)
    return Bucket(
        public_access=asker.ask("s3", "get_public_access_block", Bucket=target.bucket),
        lifecycle=asker.ask("s3", "get_bucket_lifecycle_configuration", Bucket=target.bucket),
        policy=asker.ask("s3", "get_bucket_policy", Bucket=target.bucket),
        versioning=versioning,
    )


def _unnamed(target: Target) -> tuple[str, ...]:
    """What nobody has named, so that it is not looked at."""
    if target.stack:
        return ()
    return (
        *(() if target.work_group else ("the workgroup",)),
        "the refresher and its schedule",
        "the compaction's schedule and runs",
        "alarms",
        "the roles' permissions",
    )
