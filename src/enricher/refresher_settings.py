"""The refresher's settings: read once from environment variables, checked at start, frozen.

REFRESHER_VARIABLES is the documentation; a test compares it with the template. The environment itself is read in
``settings``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enricher.errors import SettingsError
from enricher.history import CONSISTENCY_SECONDS, KEEP_SECONDS, MAX_GAP_SECONDS
from enricher.inventory_documents import IPAM_LAG_SECONDS
from enricher.settings import environment, number, s3_uri

REFRESHER_VARIABLES: Final[dict[str, str]] = {
    "INVENTORY_URI": "s3://bucket/key of the pointer; snapshots lie in `snapshots/` beside it",
    "GLUE_DATABASE": "database of the catalog in which the coming hours' partitions of `flow_logs` are registered",
    "STREAM_ARN": "delivery stream whose flow logs' formats and tag keys are looked up",
    "REFRESH_REGIONS": "regions to scan, separated by ','; empty: the function's own",
    "REFRESH_ROLES": "roles through which other accounts are scanned, separated by ';'; a role's own regions may "
    "follow it: 'arn:aws:iam::111122223333:role/reader eu-west-1,eu-central-1'",
    "REFRESH_EXTERNAL_ID": "external id that the roles demand; empty: none",
    "IPAM_SCOPES": "ids of the IPAM scopes to read, separated by ';', for accounts that no role reaches; empty: none",
    "IPAM_REGION": "home region of the IPAM; empty: the function's own",
    "IPAM_ROLE": "role of the account that has the IPAM; empty: the function's own",
    "IPAM_LAG_S": "seconds by which IPAM may be late",
    "REFRESH_API_SHARE": "share of each API's request limit that the refresher takes, above 0 and at most 1",
    "REFRESH_SCAN_S": "seconds after which a part that is not scanned yet has failed",
    "REFRESH_KEEP_S": "seconds for which an owner that is gone is remembered",
    "REFRESH_MAX_GAP_S": "longest time between two scans that still prove a secondary or public address in between",
    "REFRESH_CONSISTENCY_S": "seconds by which EC2's answers may be older than the request",
    "POWERTOOLS_SERVICE_NAME": "service dimension of logs and metrics (read by Powertools)",
    "POWERTOOLS_METRICS_NAMESPACE": "CloudWatch namespace of the metrics (read by Powertools)",
    "LOG_LEVEL": "least level of log lines (read by Powertools)",
}
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/[\w+=,.@/-]+")
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d")
_SCOPE: Final = re.compile(r"ipam-scope-[0-9a-f]+")
_STREAM: Final = re.compile(r"arn:aws[a-z-]*:firehose:[a-z0-9-]+:\d{12}:deliverystream/[\w.-]+")
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}")


@dataclass(frozen=True, slots=True)
class Role:
    """A role of another account, and the regions to scan there (none: the same as at home)."""

    arn: str
    account_id: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefresherSettings:
    """What the refresher needs to know; seconds and counts."""

    inventory_uri: str
    glue_database: str
    stream_arn: str
    regions: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    external_id: str = ""
    ipam_scopes: tuple[str, ...] = ()
    ipam_region: str = ""
    ipam_role: Role | None = None
    ipam_lag_s: float = IPAM_LAG_SECONDS
    api_share: float = 0.25
    scan_s: float = 90
    keep_s: float = KEEP_SECONDS
    max_gap_s: float = MAX_GAP_SECONDS
    consistency_s: float = CONSISTENCY_SECONDS

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "RefresherSettings":
        """Read and check the variables; raises SettingsError with the variable's name."""
        values = environment(environ)
        uri = s3_uri(values, "INVENTORY_URI")
        for name, content in (("INVENTORY_URI", uri), ("GLUE_DATABASE", values.get("GLUE_DATABASE"))):
            if not content:
                raise SettingsError(f"settings: {name} is empty; set it")
        roles = _roles(values.get("REFRESH_ROLES", ""))
        (ipam_role, *more) = [*_roles(values.get("IPAM_ROLE", ""), "IPAM_ROLE"), None]
        if ipam_role is not None and more != [None]:
            raise SettingsError("settings: IPAM_ROLE names several roles; an IPAM is asked through one")
        share = number(values, "REFRESH_API_SHARE", 0.25)
        if not 0 < share <= 1:
            raise SettingsError(f"settings: REFRESH_API_SHARE is {share:g}; set it above 0 and to 1 at most")
        return cls(
            inventory_uri=uri,
            glue_database=values["GLUE_DATABASE"],
            stream_arn=_matching(values, "STREAM_ARN", _STREAM, ""),
            regions=_list(values.get("REFRESH_REGIONS", ""), ",", _REGION, "REFRESH_REGIONS"),
            roles=roles,
            external_id=_matching(values, "REFRESH_EXTERNAL_ID", _EXTERNAL_ID, ""),
            ipam_scopes=_list(values.get("IPAM_SCOPES", ""), ";", _SCOPE, "IPAM_SCOPES"),
            ipam_region=_matching(values, "IPAM_REGION", _REGION, ""),
            ipam_role=ipam_role,
            ipam_lag_s=number(values, "IPAM_LAG_S", IPAM_LAG_SECONDS),
            api_share=share,
            scan_s=number(values, "REFRESH_SCAN_S", 90, least=1),
            keep_s=number(values, "REFRESH_KEEP_S", KEEP_SECONDS),
            max_gap_s=number(values, "REFRESH_MAX_GAP_S", MAX_GAP_SECONDS),
            consistency_s=number(values, "REFRESH_CONSISTENCY_S", CONSISTENCY_SECONDS),
        )


def _roles(text: str, variable: str = "REFRESH_ROLES") -> tuple[Role, ...]:
    roles = []
    for entry in _entries(text, ";"):
        arn, _, regions = entry.partition(" ")
        match = _ROLE.fullmatch(arn)
        if match is None:
            raise SettingsError(f"settings: {variable} has '{arn}'; write arn:aws:iam::<account>:role/<name>")
        roles.append(Role(arn, match["account"], _list(regions, ",", _REGION, variable)))
    accounts = [role.account_id for role in roles]
    if len(set(accounts)) < len(accounts):
        raise SettingsError(f"settings: {variable} has two roles of one account; name each account once")
    return tuple(roles)


def _list(text: str, separator: str, pattern: re.Pattern[str], variable: str) -> tuple[str, ...]:
    entries = tuple(dict.fromkeys(_entries(text, separator)))
    wrong = next((entry for entry in entries if not pattern.fullmatch(entry)), None)
    if wrong is not None:
        raise SettingsError(f"settings: {variable} has '{wrong}', which is none; see its meaning in docs/settings.md")
    return entries


def _entries(text: str, separator: str) -> list[str]:
    return [entry for entry in (part.strip() for part in text.split(separator)) if entry]


def _matching(values: Mapping[str, str], name: str, pattern: re.Pattern[str], default: str) -> str:
    text = values.get(name) or default
    if text and not pattern.fullmatch(text):
        raise SettingsError(f"settings: {name} is '{text}'; see its meaning in docs/settings.md")
    return text
