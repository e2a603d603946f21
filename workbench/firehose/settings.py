"""The settings of a simulated delivery stream, under AWS's rules for them.

``stream_settings`` reads them from the members that the API and CloudFormation share, so a template's own delivery
stream can be simulated. Sizes are bytes, times seconds.
"""

from dataclasses import dataclass, field
from enum import Enum

from enricher.errors import SettingsError
from workbench.firehose.prefix import check_prefixes

MIB = 1024 * 1024
MAX_INTERVAL_S = 900
MIN_BACKUP_INTERVAL_S = 60


class ErrorSpelling(Enum):
    """Member names and order of error objects."""

    OBSERVED = "observed"  # rawData first, lambdaARN last: objects captured in 2025 and 2026
    DOCUMENTED = "documented"  # attemptsMade first, lambdaArn last: the guide, and objects captured until 2021


class Blame(Enum):
    """Whom a bad entry in an otherwise well-formed response brings down."""

    BATCH = "batch"  # every record of the batch: Lambda.FunctionError
    RECORD = "record"  # that record: Lambda.InvalidReturnFormat


@dataclass(frozen=True, slots=True)
class BufferHints:
    """When a buffer is emptied: at ``size_bytes``, or ``interval_s`` after its first record, whichever is first."""

    size_bytes: int
    interval_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.interval_s <= MAX_INTERVAL_S:
            raise SettingsError(f"buffer interval is {self.interval_s} s: use 0 to 900")


@dataclass(frozen=True, slots=True)
class LambdaProcessor:
    """The function that transforms batches.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """

    arn: str
    retries: int = 3
    buffer: BufferHints = BufferHints(MIB, 60)

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise SettingsError(f"NumberOfRetries of {self.arn} is {self.retries}: use 0 or more")
        if not round(0.2 * MIB) <= self.buffer.size_bytes <= 3 * MIB:
            raise SettingsError(f"BufferSizeInMBs of {self.arn} is {self.buffer.size_bytes / MIB:g}: use 0.2 to 3")


@dataclass(frozen=True, slots=True)
class Processing:
    """What happens to records, in this order whatever the order in the settings; by default, nothing."""

    decompression: bool = False
    message_extraction: bool = False
    function: LambdaProcessor | None = None
    append_delimiter: bool = False

    def __post_init__(self) -> None:
        if self.message_extraction and not self.decompression:
            raise SettingsError("CloudWatchLogProcessing extracts messages: add a Decompression processor")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where objects go, and how large and how late.

    With ``gzip``, objects are compressed and their keys end in ``.gz``, those of error objects too (third-party
    evidence). AWS also sets their Content-Encoding, which the stores here do not keep.
    """

    prefix: str = ""
    error_output_prefix: str | None = None
    buffer: BufferHints = BufferHints(5 * MIB, 300)
    gzip: bool = False

    def __post_init__(self) -> None:
        check_prefixes(self.prefix, self.error_output_prefix)
        if not MIB <= self.buffer.size_bytes <= 128 * MIB:
            raise SettingsError(f"destination's SizeInMBs is {self.buffer.size_bytes / MIB:g}: use 1 to 128")


@dataclass(frozen=True, slots=True)
class Rules:
    """What AWS's documentation leaves open, or what tests may want otherwise.

    An unknown result value, and ``Ok`` with data that is not base64: one emulator keeps captures from AWS in which the
    whole batch failed; another fails that record only, with codes it says it made up. So ``BATCH`` is the default for
    both. Neither source saw whether such an answer is tried again; here it is final, as the malformed ones are.
    """

    error_spelling: ErrorSpelling = ErrorSpelling.OBSERVED
    unknown_result: Blame = Blame.BATCH
    invalid_base64: Blame = Blame.BATCH
    payload_limit_bytes: int = 6_291_556  # Lambda's 6 MB, as its own error message puts it
    invocation_limit_s: int = 300
    store_retry_s: int = 30  # AWS does not say how often; 24 hours in all is documented


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """A Direct PUT delivery stream to S3; with ``backup``, source records are kept untransformed there."""

    name: str
    account_id: str
    region: str
    destination: Destination = field(default_factory=Destination)
    processing: Processing = Processing()
    backup: Destination | None = None
    version_id: int = 1
    rules: Rules = Rules()

    def __post_init__(self) -> None:
        if self.backup is not None and self.backup.buffer.interval_s < MIN_BACKUP_INTERVAL_S:
            raise SettingsError(f"backup's IntervalInSeconds is {self.backup.buffer.interval_s}: use 60 to 900")

    @property
    def arn(self) -> str:
        """The stream's ARN, as in the event."""
        return f"arn:aws:firehose:{self.region}:{self.account_id}:deliverystream/{self.name}"
