"""What can be wrong with how the lake's bucket is set."""

import json
from collections.abc import Iterator
from typing import Final

from compaction.layout import COMPACTED, HOURLY
from enricher.lake import FLOW_LOGS
from workbench.doctor.commands import aws, redeploy
from workbench.doctor.finding import Finding, broken, degraded
from workbench.doctor.snapshot import PROCESSING_FAILED, REJECTED, Document, Gap, Snapshot


def bucket(snapshot: Snapshot) -> Iterator[Finding]:
    """How the lake's bucket is set."""
    found, name = snapshot.bucket, snapshot.target.bucket
    if found.versioning is Gap.ABSENT:
        yield broken("bucket-missing", name, "there is no such bucket", "There is no lake.", redeploy(snapshot.target))
        return
    yield from _public(snapshot)
    yield from _lifecycle(snapshot)
    yield from _written_once(snapshot)


def _public(snapshot: Snapshot) -> Iterator[Finding]:
    told, target = snapshot.bucket.public_access, snapshot.target
    if told is Gap.UNASKED:
        return
    block = {} if isinstance(told, Gap) else told.get("PublicAccessBlockConfiguration", {})
    wanted = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    off = [name for name in wanted if not block.get(name)]
    if off:
        yield broken(
            "bucket-public",
            target.bucket,
            f"public access is not blocked: {', '.join(off)}",
            "One wrong policy or ACL would show everybody who talks to whom.",
            aws(
                target,
                "s3api put-public-access-block",
                "--bucket",
                target.bucket,
                "--public-access-block-configuration",
                ",".join(f"{name}=true" for name in wanted),
            ),
        )


def _lifecycle(snapshot: Snapshot) -> Iterator[Finding]:
    told, target = snapshot.bucket.lifecycle, snapshot.target
    if told is Gap.UNASKED:
        return
    rules = () if isinstance(told, Gap) else told.get("Rules") or ()
    expiring = [_prefix(rule) for rule in rules if rule.get("Status") == "Enabled" and "Expiration" in rule]
    needed = ["athena-results/", PROCESSING_FAILED, REJECTED]
    needed += [f"{FLOW_LOGS}/", f"{COMPACTED}/", f"{HOURLY}/"] if target.writes_lake else ["delivered/"]
    forever = [prefix for prefix in needed if not any(prefix.startswith(has) for has in expiring)]
    if forever:
        yield degraded(
            "bucket-lifecycle",
            target.bucket,
            f"nothing expires below {', '.join(sorted(forever))}",
            "It is kept, and paid for, without end; what should be deleted by a date is not.",
            redeploy(target) if target.stack else "give the bucket lifecycle rules as template.yaml has them",
        )
    versions = snapshot.bucket.versioning
    kept = not any("NoncurrentVersionExpiration" in rule for rule in rules)
    if not isinstance(versions, Gap) and versions.get("Status") == "Enabled" and kept:
        yield degraded(
            "bucket-versions",
            target.bucket,
            "it keeps versions, and none of them expires",
            "What compaction and lifecycle delete stays, is paid for, and outlives its retention.",
            aws(
                target,
                "s3api put-bucket-versioning",
                "--bucket",
                target.bucket,
                "--versioning-configuration",
                "Status=Suspended",
            ),
        )


def _prefix(rule: Document) -> str:
    found = rule.get("Filter") or {}
    return str(found.get("Prefix") or found.get("And", {}).get("Prefix") or rule.get("Prefix") or "")


def _written_once(snapshot: Snapshot) -> Iterator[Finding]:
    told, target = snapshot.bucket.policy, snapshot.target
    if told is Gap.UNASKED or not target.stack:
        return
    refusals = [] if isinstance(told, Gap) else list(_refusals(str(told.get("Policy"))))
    for operator, key, what, why in _REFUSED:
        if not any(key.lower() in {name.lower() for name in one.get(operator, {})} for one in refusals):
            yield degraded("bucket-policy", target.bucket, f"{what}: no Deny with {key}", why, redeploy(target))


# Operator and key of a condition that the bucket's policy refuses by; what is so without it, and why that matters.
_REFUSED: Final = (
    ("Null", "s3:if-none-match", "objects may be overwritten", "A batch tried again could replace its first attempt."),
    ("Bool", "aws:SecureTransport", "requests without TLS are taken", "Flow records could be read on their way."),
)


def _refusals(policy: str) -> Iterator[Document]:
    """The conditions of each Deny in a policy."""
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        return
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") == "Deny":
            yield statement.get("Condition") or {}
