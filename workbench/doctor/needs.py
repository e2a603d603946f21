"""What each role must be allowed for its component to work, as the templates grant it; a test holds it against them.

Service authorization reference: actions and the resources that they take.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from enricher.scan import ESSENTIAL, OPTIONAL
from workbench.doctor.ask import action_of
from workbench.doctor.snapshot import REFRESH, TRANSFORM, Target

_PREFIXES: Final = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing"}


@dataclass(frozen=True, slots=True)
class Need:
    """Actions on one resource, "*" where AWS takes none; {bucket}, {database}, {catalog}, {alias} are names in it."""

    actions: tuple[str, ...]
    resource: str
    context: Mapping[str, str] | None = None


_OBJECTS: Final = "arn:{partition}:s3:::{bucket}"
_TABLE: Final = "{catalog}:table/{database}/flow_logs"
_HOURLY: Final = "{catalog}:table/{database}/flows_hourly"
_EC2_MISSES: Final = (
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeTransitGatewayAttachments",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
)
_SCANS: Final = tuple(
    sorted(
        {
            f"{_PREFIXES.get(read.service, 'tag' if 'tagging' in read.service else read.service)}:"
            f"{action_of(read.service, read.method).partition(':')[2]}"
            for read in (*ESSENTIAL, *OPTIONAL)
        }
        | {"ec2:DescribeFlowLogs"}
    )
)
_NEEDS: Final[Mapping[str, tuple[Need, ...]]] = {
    TRANSFORM: (
        Need(("s3:PutObject",), f"{_OBJECTS}/flow_logs/a.parquet", {"s3:if-none-match": "*"}),
        Need(("s3:PutObject",), f"{_OBJECTS}/rejected/a.jsonl", {"s3:if-none-match": "*"}),
        Need(("s3:GetObject",), f"{_OBJECTS}/inventory/pointer.json"),
        Need(("s3:ListBucket",), _OBJECTS),
        Need(_EC2_MISSES, "*"),
    ),
    REFRESH: (
        Need(_SCANS, "*"),
        Need(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), f"{_OBJECTS}/inventory/snapshots/a.parquet"),
        Need(("s3:GetObject", "s3:PutObject"), f"{_OBJECTS}/inventory/pointer.json"),
        Need(("s3:ListBucket",), _OBJECTS),
        Need(("glue:BatchCreatePartition", "glue:GetTable"), _TABLE),
    ),
    "stream": (
        Need(("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"), _OBJECTS),
        Need(("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"), f"{_OBJECTS}/processing-failed/a"),
        Need(("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"), f"{_OBJECTS}/delivered/a"),
        Need(("lambda:InvokeFunction", "lambda:GetFunctionConfiguration"), "{alias}"),
    ),
    "compaction": (
        Need(("s3:GetBucketLocation", "s3:ListBucket"), _OBJECTS),
        Need(("s3:GetObject", "s3:DeleteObject"), f"{_OBJECTS}/flow_logs/a.parquet"),
        Need(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), f"{_OBJECTS}/flow_logs_compacted/a.parquet"),
        Need(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), f"{_OBJECTS}/flows_hourly/a.parquet"),
        Need(("s3:GetObject", "s3:PutObject"), f"{_OBJECTS}/compaction/manifests/a.json"),
        Need(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), f"{_OBJECTS}/compaction/marked/a.json"),
        Need(("s3:GetObject",), f"{_OBJECTS}/inventory/pointer.json"),
        Need(("s3:GetObject",), f"{_OBJECTS}/code/a"),
        Need(("glue:BatchCreatePartition", "glue:GetPartition", "glue:GetTable", "glue:UpdatePartition"), _TABLE),
        Need(("glue:BatchCreatePartition", "glue:GetPartition", "glue:GetTable", "glue:UpdatePartition"), _HOURLY),
        Need(("cloudwatch:PutMetricData",), "*", {"cloudwatch:namespace": "VpcFlowLogEnrichment"}),
    ),
}


def needs(target: Target) -> Iterator[tuple[str, str, Need]]:
    """Component, role and need, with the deployment's own names; of components whose role is known."""
    names = {
        "partition": target.partition,
        "bucket": target.bucket,
        "database": target.database,
        "alias": target.aliases.get(TRANSFORM, ""),
        "catalog": f"arn:{target.partition}:glue:{target.region}:{target.account}",
    }
    for component, all_needs in _NEEDS.items():
        role = target.roles.get(component)
        for need in all_needs if role else ():
            resource = need.resource.format(**names)
            if role and resource:
                context = {"aws:RequestedRegion": _region(target, component), **(need.context or {})}
                yield component, role, Need(need.actions, resource, context)


def _region(target: Target, component: str) -> str:
    """Where the component asks EC2: the refresher in the regions that it covers, which may leave out its own."""
    covered = target.parameters.get("RefreshRegions", "").split(",")[0].strip()
    return covered if component == REFRESH and covered else target.region
