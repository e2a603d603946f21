"""What was found of a deployment at one moment, as plain data: checks read this and nothing else.

Documents are AWS's own answers, as botocore gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from compaction.manifest import Manifest
from enricher.lake import Partition

Document = Mapping[str, Any]
TRANSFORM, REFRESH, DEPLOYMENT = "transform", "refresh", "deployment"
PROCESSING_FAILED: Final = "processing-failed/"
REJECTED: Final = "rejected/"
# Our own code of a question that was not asked any more, and those with which AWS says that somebody may not.
TIME_IS_OVER: Final = "TimeIsOver"
DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
        "403",
        "Forbidden",
    }
)


class Gap(Enum):
    """Why there is no answer: the thing is not there, or nobody could say (an `Unasked` tells why)."""

    ABSENT = "absent"
    UNASKED = "unasked"


Told = Document | Gap


@dataclass(frozen=True, slots=True)
class Unasked:
    """A question that was not answered: the IAM action, AWS's error code (or ours), and its words."""

    action: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Target:
    """Which things are looked at, by name; empty where there is none, or nobody has named it.

    ``functions``: TRANSFORM, REFRESH, DEPLOYMENT → the function's name. ``aliases``: the same → the ARN that callers
    use. ``roles``: component (transform, refresh, stream, compaction, …) → the role's name. ``parameters``: the
    stack's. ``alarms``: names.
    """

    region: str
    account: str = ""
    caller: str = ""
    partition: str = "aws"
    stack: str = ""
    stack_status: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    stream: str = ""
    bucket: str = ""
    database: str = ""
    work_group: str = ""
    inventory_uri: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    crawler: str = ""
    job: str = ""
    trigger: str = ""
    topic: str = ""
    alarms: tuple[str, ...] = ()

    @property
    def stream_arn(self) -> str:
        """The delivery stream's ARN."""
        return f"arn:{self.partition}:firehose:{self.region}:{self.account}:deliverystream/{self.stream}"

    @property
    def writes_lake(self) -> bool:
        """Whether the function writes the lake; else its answers are JSON lines for the stream's destination."""
        return self.parameters.get("OutputMode", "parquet") != "json"


@dataclass(frozen=True, slots=True)
class Stream:
    """A delivery stream, its tags, and the flow logs that deliver into it (DescribeFlowLogs)."""

    description: Told = Gap.UNASKED
    tags: Told = Gap.UNASKED
    flow_logs: tuple[Document, ...] | Gap = Gap.UNASKED

    @property
    def destination(self) -> Document:
        """Its S3 destination as described; empty where it has none, or is not known."""
        if isinstance(self.description, Gap):
            return {}
        destinations = self.description["DeliveryStreamDescription"].get("Destinations") or [{}]
        found: Document = destinations[0].get("ExtendedS3DestinationDescription") or {}
        return found

    @property
    def processor(self) -> dict[str, str] | None:
        """The parameters of its Lambda processor; None where it has none."""
        for processor in self.destination.get("ProcessingConfiguration", {}).get("Processors") or ():
            if processor.get("Type") == "Lambda":
                return {told["ParameterName"]: told["ParameterValue"] for told in processor.get("Parameters") or ()}
        return None


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its configuration as callers of its alias get it, and the alias."""

    configuration: Told = Gap.UNASKED
    alias: Told = Gap.UNASKED

    @property
    def variables(self) -> Mapping[str, str] | None:
        """Its environment variables; None where they are not known."""
        if isinstance(self.configuration, Gap):
            return None
        found: Mapping[str, str] = self.configuration.get("Environment", {}).get("Variables", {})
        return found


@dataclass(frozen=True, slots=True)
class Published:
    """The inventory in S3: the pointer's bytes, and HeadObject of the snapshot that it names; and the IPAMs."""

    pointer: bytes | Gap = Gap.UNASKED
    snapshot: Told = Gap.UNASKED
    ipams: Told = Gap.UNASKED


@dataclass(frozen=True, slots=True)
class Schedules:
    """What starts the refresher and the compaction, and how the compaction's newest runs went."""

    rule: Told = Gap.UNASKED
    targets: Told = Gap.UNASKED
    trigger: Told = Gap.UNASKED
    runs: Told = Gap.UNASKED


@dataclass(frozen=True, slots=True)
class Catalog:
    """Tables and views of the database by name, and partitions by table: hour → location."""

    tables: Mapping[str, Document] | Gap = Gap.UNASKED
    partitions: Mapping[str, Mapping[Partition, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lake:
    """The hours of the lake that were looked at.

    ``raw``: hours with raw objects. ``folders``: generations' folders that hold objects, all of
    them or None. ``manifests``: hour → its
    manifest, or why it is none; None: it is there, and was not read. ``behind``: hours that should be compacted by
    now → raw objects that no generation has. ``marks``: how many wait, and since when (Unix seconds) the oldest;
    ``bad_marks``: why one is none, by key. None: not known.
    """

    raw: frozenset[Partition] | None = None
    folders: frozenset[str] | None = None
    manifests: Mapping[Partition, Manifest | str | None] | None = None
    behind: Mapping[Partition, int] | None = None
    marks: int = 0
    oldest_mark: float | None = None
    bad_marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failures:
    """What lies below an error prefix: objects, when the oldest was put (Unix seconds), records by error code.

    Codes are those of the ``read`` oldest objects.
    """

    objects: int
    oldest: float
    codes: Mapping[str, int]
    read: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """How the lake's bucket is set."""

    public_access: Told = Gap.UNASKED
    lifecycle: Told = Gap.UNASKED
    policy: Told = Gap.UNASKED
    versioning: Told = Gap.UNASKED


@dataclass(frozen=True, slots=True)
class Analysis:
    """The workgroup, and what hears of alarms."""

    work_group: Told = Gap.UNASKED
    alarms: tuple[Document, ...] | Gap = Gap.UNASKED
    subscriptions: tuple[Document, ...] | Gap = Gap.UNASKED


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that a role may not do: whose, which role, the action, the resource, and IAM's decision."""

    component: str
    role: str
    action: str
    resource: str
    decision: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What roles may not do (IAM's simulation), roles that are gone, and EC2 reads that the caller may not make."""

    denied: tuple[Denied, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    caller_denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it, at ``now`` (Unix seconds). ``limits``: what was looked at only in part, a line each."""

    target: Target
    now: float
    stream: Stream = field(default_factory=Stream)
    functions: Mapping[str, Function] = field(default_factory=dict)
    published: Published = field(default_factory=Published)
    schedules: Schedules = field(default_factory=Schedules)
    catalog: Catalog = field(default_factory=Catalog)
    lake: Lake = field(default_factory=Lake)
    failures: Mapping[str, Failures | None] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=Bucket)
    analysis: Analysis = field(default_factory=Analysis)
    rights: Rights = field(default_factory=Rights)
    unasked: tuple[Unasked, ...] = ()
    unnamed: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
