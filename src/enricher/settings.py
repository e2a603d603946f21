"""The functions' settings: read once from environment variables, checked at start, frozen.

Only this module reads the environment. VARIABLES is the documentation; a test compares it with the template.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from enricher.errors import LogFormatError, SettingsError
from enricher.log_format import LogFormats
from enricher.pointer import TAG_FIELDS
from enricher.schema import DEFAULT_PROMOTED_TAGS, lake_columns

VARIABLES: Final[dict[str, str]] = {
    "LAKE_BUCKET": "bucket of the lake; the function writes flow_logs/ and rejected/ there",
    "OUTPUT_MODE": "'parquet': rows go to the lake, records are answered Dropped; 'json': records are answered with "
    "their rows as JSON lines for the stream's destination",
    "LOG_FORMAT": "log format of the stream's flow logs, '${version} ${account-id} …' or v2 … v11, tgw; several are "
    "separated by ';' and must differ in their number of fields; empty: as the inventory's pointer tells it",
    "PROMOTED_TAGS": "tags that get columns of their own: 'column=Tag key|alias;column=…'; name, project, team and "
    "environment always exist",
    "RECORD_TAGS": "which tag key a v11 tag field carries: 'instance-tag=project;interface-tag=team'; empty: as the "
    "inventory's pointer tells it",
    "INVENTORY_URI": "s3://bucket/key of the inventory's pointer, or of a snapshot; empty: EC2 is asked through the "
    "cache alone",
    "INVENTORY_OWNER": "account that must own the inventory's bucket; empty: any",
    "INVENTORY_SOFT_TTL_S": "seconds after which a newer snapshot is looked for",
    "INVENTORY_HARD_TTL_S": "age of a part's last good scan, in seconds, from which its answers are marked stale",
    "EC2_LOOKUPS": "'on' or 'off': whether EC2 is asked for what the snapshot does not know",
    "EC2_CALL_BUDGET": "most EC2 requests a batch may start",
    "EC2_CALLS_PER_MINUTE": "requests of one EC2 operation that all environments together start a minute, on average, "
    "beside an inventory",
    "EC2_ENVIRONMENTS": "most environments at a time; each takes its part of EC2_CALLS_PER_MINUTE",
    "EC2_DEADLINE_S": "seconds into a batch after which no EC2 request is started",
    "EC2_CACHE_SIZE": "most entries of the cache over EC2",
    "EC2_CACHE_TTL_S": "seconds for which an answer of EC2 is fresh",
    "EC2_NEGATIVE_TTL_S": "seconds for which EC2's 'does not exist' is believed",
    "EC2_STALE_TTL_S": "seconds beyond the TTL for which an answer is served while EC2 fails",
    "EC2_BREAKER_FAILURES": "failed EC2 requests in a row that open the circuit breaker",
    "EC2_BREAKER_COOL_DOWN_S": "seconds for which an open breaker asks nothing; up to twelve times as long where EC2 "
    "goes on failing",
    "POWERTOOLS_SERVICE_NAME": "service dimension of logs and metrics (read by Powertools)",
    "POWERTOOLS_METRICS_NAMESPACE": "CloudWatch namespace of the metrics (read by Powertools)",
    "LOG_LEVEL": "least level of log lines (read by Powertools)",
}
PARQUET: Final = "parquet"
JSON: Final = "json"
OUTPUT_MODES: Final = (PARQUET, JSON)

_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]*")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_URI: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+")


@dataclass(frozen=True, slots=True)
class Ec2Settings:
    """Bounds of asking EC2; seconds and counts. ``calls_per_minute`` is that of one operation, by all environments."""

    lookups: bool = True
    call_budget: int = 20
    calls_per_minute: float = 60
    environments: int = 1000
    deadline_s: float = 10
    cache_size: int = 100_000
    cache_ttl_s: float = 300
    negative_ttl_s: float = 300
    stale_ttl_s: float = 3600
    breaker_failures: int = 3
    breaker_cool_down_s: float = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """What the transformation function needs to know. ``log_formats`` None: the inventory's pointer tells them."""

    lake_bucket: str
    log_formats: LogFormats | None
    promoted_tags: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_PROMOTED_TAGS))
    record_tags: Mapping[str, str] = field(default_factory=dict)
    output_mode: str = PARQUET
    inventory_uri: str = ""
    inventory_owner: str = ""
    inventory_soft_ttl_s: float = 60
    inventory_hard_ttl_s: float = 900
    ec2: Ec2Settings = field(default_factory=Ec2Settings)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the variables; raises SettingsError or LogFormatError with the variable's name."""
        values = environment(environ)
        bucket = values.get("LAKE_BUCKET", "")
        if not bucket:
            raise SettingsError("settings: LAKE_BUCKET is empty; set it to the lake's bucket")
        uri = s3_uri(values, "INVENTORY_URI")
        owner = values.get("INVENTORY_OWNER", "")
        if owner and not _ACCOUNT.fullmatch(owner):
            raise SettingsError(f"settings: INVENTORY_OWNER is '{owner}'; set it to an account's 12 digits")
        mode = values.get("OUTPUT_MODE") or PARQUET
        if mode not in OUTPUT_MODES:
            raise SettingsError(f"settings: OUTPUT_MODE is '{mode}'; set it to {' or '.join(OUTPUT_MODES)}")
        soft = number(values, "INVENTORY_SOFT_TTL_S", 60)
        hard = number(values, "INVENTORY_HARD_TTL_S", 900, least=1)
        if hard < soft:
            raise SettingsError("settings: INVENTORY_HARD_TTL_S is below INVENTORY_SOFT_TTL_S; raise it")
        return cls(
            lake_bucket=bucket,
            log_formats=_log_formats(values.get("LOG_FORMAT", ""), is_optional=bool(uri)),
            promoted_tags=promoted_tags(values.get("PROMOTED_TAGS", "")),
            record_tags=record_tags(values.get("RECORD_TAGS", "")),
            output_mode=mode,
            inventory_uri=uri,
            inventory_owner=owner,
            inventory_soft_ttl_s=soft,
            inventory_hard_ttl_s=hard,
            ec2=_ec2(values),
        )


def _log_formats(text: str, *, is_optional: bool) -> LogFormats | None:
    if is_optional and not text.strip():
        return None
    try:
        return LogFormats.parse(part for part in text.split(";") if part.strip())
    except LogFormatError as error:
        raise LogFormatError(f"settings: LOG_FORMAT: {error}") from error


def promoted_tags(text: str) -> dict[str, tuple[str, ...]]:
    """``column=Key|alias;…`` over the four columns that always exist; raises SettingsError."""
    promoted = dict(DEFAULT_PROMOTED_TAGS)
    taken = {column.name for column in lake_columns()}
    for column, keys in _pairs(text, "PROMOTED_TAGS"):
        if not _COLUMN.fullmatch(column) or (column not in DEFAULT_PROMOTED_TAGS and f"src_{column}" in taken):
            raise SettingsError(
                f"settings: PROMOTED_TAGS names the column '{column}'; use a new name of a-z, 0-9 and _"
            )
        promoted[column] = tuple(filter(None, (key.strip() for key in keys.split("|"))))
        if not promoted[column]:
            raise SettingsError(f"settings: PROMOTED_TAGS gives '{column}' no tag key; write column=Key|alias")
    return promoted


def record_tags(text: str) -> dict[str, str]:
    """``instance-tag=Key;…`` as tag column → tag key; raises SettingsError."""
    tags = dict(_pairs(text, "RECORD_TAGS"))
    unknown = sorted(tags.keys() - set(TAG_FIELDS))
    if unknown:
        raise SettingsError(f"settings: RECORD_TAGS names '{unknown[0]}'; use one of {', '.join(TAG_FIELDS)}")
    return {name.replace("-", "_"): key for name, key in tags.items()}


def _pairs(text: str, variable: str) -> list[tuple[str, str]]:
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise SettingsError(f"settings: {variable} has '{part}'; write name=value;name=value")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _ec2(values: Mapping[str, str]) -> Ec2Settings:
    lookups = values.get("EC2_LOOKUPS") or "on"
    if lookups not in ("on", "off"):
        raise SettingsError(f"settings: EC2_LOOKUPS is '{lookups}'; set it to on or off")
    return Ec2Settings(
        lookups=lookups == "on",
        call_budget=int(number(values, "EC2_CALL_BUDGET", 20)),
        calls_per_minute=number(values, "EC2_CALLS_PER_MINUTE", 60),
        environments=int(number(values, "EC2_ENVIRONMENTS", 1000, least=1)),
        deadline_s=number(values, "EC2_DEADLINE_S", 10),
        cache_size=int(number(values, "EC2_CACHE_SIZE", 100_000, least=1)),
        cache_ttl_s=number(values, "EC2_CACHE_TTL_S", 300, least=1),
        negative_ttl_s=number(values, "EC2_NEGATIVE_TTL_S", 300),
        stale_ttl_s=number(values, "EC2_STALE_TTL_S", 3600),
        breaker_failures=int(number(values, "EC2_BREAKER_FAILURES", 3, least=1)),
        breaker_cool_down_s=number(values, "EC2_BREAKER_COOL_DOWN_S", 60),
    )


def environment(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    """The variables given, else the process's own."""
    return os.environ if environ is None else environ


def s3_uri(values: Mapping[str, str], name: str) -> str:
    """The variable's ``s3://bucket/key``, or nothing; raises SettingsError where it is neither."""
    uri = values.get(name, "")
    if uri and not _URI.fullmatch(uri):
        raise SettingsError(f"settings: {name} is '{uri}'; set it to s3://bucket/key or leave it empty")
    return uri


def number(values: Mapping[str, str], name: str, default: float, least: float = 0) -> float:
    """The variable's number, of at least ``least``; raises SettingsError where it is none."""
    text = values.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        raise SettingsError(f"settings: {name} is '{text}'; set it to a number of at least {least:g}")
    return number
