"""Which things a deployment consists of: from a stack's own resources, nested stacks' too, or from names given.

AWS CloudFormation API reference, DescribeStacks and DescribeStackResources (which tells of 100 resources at most).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from enricher.errors import EnricherError
from workbench.doctor.ask import Asker
from workbench.doctor.snapshot import DEPLOYMENT, REFRESH, TRANSFORM, Document, Gap, Target
from workbench.errors import UsageError

_NESTED: Final = "AWS::CloudFormation::Stack"
_MOST_STACKS: Final = 10
_MOST_RESOURCES: Final = 100
# (type, logical id) → the member of Target that it names.
_NAMES: Final = {
    ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStream"): "stream",
    ("AWS::S3::Bucket", "LakeBucket"): "bucket",
    ("AWS::Glue::Database", "Database"): "database",
    ("AWS::Athena::WorkGroup", "WorkGroup"): "work_group",
    ("AWS::Events::Rule", "RefreshFunctionEveryMinute"): "rule",
    ("AWS::Glue::Crawler", "Crawler"): "crawler",
    ("AWS::Glue::Job", "CompactJob"): "job",
    ("AWS::Glue::Trigger", "EveryHour"): "trigger",
    ("AWS::SNS::Topic", "Topic"): "topic",
}
_FUNCTIONS: Final = {"TransformFunction": TRANSFORM, "RefreshFunction": REFRESH, "DeploymentFunction": DEPLOYMENT}
_ROLES: Final = {
    "TransformRole": TRANSFORM,
    "RefreshRole": REFRESH,
    "DeploymentRole": DEPLOYMENT,
    "StreamRole": "stream",
    "CompactRole": "compaction",
    "CrawlerRole": "crawler",
}
_ALIAS: Final = "Aliaslive"  # what SAM adds to a function's logical id
_FUNCTION_ARN: Final = re.compile(
    r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:(?P<name>[^:]+)(?::(?P<alias>[^:]+))?"
)


class StackUnknownError(EnricherError):
    """The stack could not be read; why not is among what could not be asked."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a person named instead of a stack; empty where nothing was."""

    stream: str = ""
    lake: str = ""
    database: str = ""
    work_group: str = ""
    inventory_uri: str = ""


def target_of_stack(asker: Asker, base: Target, name: str) -> Target:
    """The things of a stack.

    Raises:
        UsageError: there is no such stack, or it is none of ours.
        StackUnknownError: it could not be asked.
    """
    answer = asker.ask("cloudformation", "describe_stacks", StackName=name)
    if answer is Gap.ABSENT:
        raise UsageError(
            f"--stack {name}: there is no such stack in {base.region}, account {base.account}; see "
            f"`aws cloudformation list-stacks --region {base.region}`, or give --region"
        )
    if isinstance(answer, Gap):
        raise StackUnknownError(f"stack {name}: could not be read")
    told = answer["Stacks"][0]
    target = replace(
        base,
        stack=told["StackName"],
        stack_status=told["StackStatus"],
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in told.get("Parameters") or ()},
    )
    target = _with_resources(target, list(_resources(asker, name)))
    if not target.stream or not target.bucket:
        raise UsageError(
            f"--stack {name}: has no DeliveryStream or no LakeBucket (it is {target.stack_status}); give the "
            "stack made of template.yaml, or --stream, --lake and --database"
        )
    return replace(target, inventory_uri=_inventory_uri(target))


def target_of_names(base: Target, named: Named) -> Target:
    """The things that were named. Raises UsageError where some that are needed were not."""
    for option, value in (("--stream", named.stream), ("--lake", named.lake), ("--database", named.database)):
        if not value:
            raise UsageError(
                f"{option}: is missing; give --stack NAME, or --stream NAME --lake s3://BUCKET --database DATABASE"
            )
    bucket = named.lake.removeprefix("s3://").rstrip("/")
    if not named.lake.startswith("s3://") or not bucket or "/" in bucket:
        raise UsageError(f"--lake {named.lake}: is no lake in S3; give s3://BUCKET")
    if named.inventory_uri and not re.fullmatch(r"s3://[^/]+/.+", named.inventory_uri):
        raise UsageError(f"--inventory-uri {named.inventory_uri}: is no object in S3; give s3://BUCKET/KEY")
    return replace(
        base,
        stream=named.stream,
        bucket=bucket,
        database=named.database,
        work_group=named.work_group,
        inventory_uri=named.inventory_uri,
    )


def with_function_of(target: Target, processor: Mapping[str, str] | None) -> Target:
    """Where no stack tells it: the function that the stream calls is the one that transforms."""
    match = _FUNCTION_ARN.fullmatch((processor or {}).get("LambdaArn", ""))
    if match is None or TRANSFORM in target.functions:
        return target
    functions = {**target.functions, TRANSFORM: match["name"]}
    aliases = {**target.aliases, TRANSFORM: match[0]} if match["alias"] else target.aliases
    return replace(target, functions=functions, aliases=aliases)


def qualifier(arn: str) -> str:
    """What stands behind a function's name in an ARN: alias or version; empty where nothing does."""
    match = _FUNCTION_ARN.fullmatch(arn)
    return "" if match is None else match["alias"] or ""


def _resources(asker: Asker, name: str) -> Iterator[Document]:
    """The resources of a stack and of those nested in it."""
    stacks = [name]
    for stack in stacks:
        answer = asker.ask("cloudformation", "describe_stack_resources", StackName=stack)
        if isinstance(answer, Gap):
            raise StackUnknownError(f"stack {stack}: its resources could not be read")
        found = answer["StackResources"]
        if len(found) >= _MOST_RESOURCES or len(stacks) > _MOST_STACKS:
            raise StackUnknownError(f"stack {stack}: has more resources than CloudFormation tells at once")
        yield from found
        stacks += [one["PhysicalResourceId"] for one in found if one["ResourceType"] == _NESTED and _is_there(one)]


def _is_there(resource: Document) -> bool:
    return bool(resource.get("PhysicalResourceId")) and not resource["ResourceStatus"].startswith("DELETE_COMPLETE")


def _with_resources(target: Target, resources: list[Document]) -> Target:
    members: dict[str, str] = {}
    functions: dict[str, str] = {}
    aliases: dict[str, str] = {}
    roles: dict[str, str] = {}
    alarms: list[str] = []
    for resource in filter(_is_there, resources):
        kind, logical, name = resource["ResourceType"], resource["LogicalResourceId"], resource["PhysicalResourceId"]
        if (kind, logical) in _NAMES:
            members[_NAMES[kind, logical]] = name
        elif kind == "AWS::Lambda::Function" and logical in _FUNCTIONS:
            functions[_FUNCTIONS[logical]] = name
        elif kind == "AWS::Lambda::Alias" and logical.removesuffix(_ALIAS) in _FUNCTIONS:
            aliases[_FUNCTIONS[logical.removesuffix(_ALIAS)]] = name
        elif kind == "AWS::IAM::Role" and logical in _ROLES:
            roles[_ROLES[logical]] = name
        elif kind == "AWS::CloudWatch::Alarm":
            alarms.append(name)
    told: Mapping[str, Any] = members
    return replace(target, functions=functions, aliases=aliases, roles=roles, alarms=tuple(sorted(alarms)), **told)


def _inventory_uri(target: Target) -> str:
    """Where the template puts the pointer; empty where it makes no refresher."""
    key = target.parameters.get("InventoryKey", "")
    return f"s3://{target.bucket}/{key}" if key and REFRESH in target.functions else ""
