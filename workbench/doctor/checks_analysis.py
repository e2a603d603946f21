"""What can be wrong with what analysts and operators look at: workgroup, views, alarms; and with the stack itself."""

from collections.abc import Iterator
from typing import Final

from workbench.doctor.commands import aws, redeploy
from workbench.doctor.finding import Finding, broken, degraded, note
from workbench.doctor.snapshot import Gap, Snapshot
from workbench.doctor.views import VIRTUAL_VIEW, expected_views, stored_sql, words_of

SCAN_LIMIT: Final = 1_099_511_627_776  # bytes, as template.yaml has it
_PENDING: Final = "PendingConfirmation"


def stack(snapshot: Snapshot) -> Iterator[Finding]:
    """Whether the stack is whole."""
    target = snapshot.target
    status = target.stack_status
    is_whole = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
    if target.stack and not is_whole:
        is_back = status == "UPDATE_ROLLBACK_COMPLETE"
        is_at_work = status.endswith("_IN_PROGRESS")
        say = note if is_at_work else degraded if is_back else broken
        yield say(
            "stack-status",
            target.stack,
            f"its status is {status}",
            "The last deployment went back: what is here is older than what was deployed."
            if is_back
            else "It is being changed now: what is found here may pass."
            if is_at_work
            else "Some of it is not there, or not as the template says.",
            aws(target, "cloudformation describe-stack-events", "--stack-name", target.stack)
            + " names what failed first; mend it, then: "
            + redeploy(target),
        )


def work_group(snapshot: Snapshot) -> Iterator[Finding]:
    """The workgroup's limits."""
    told, target = snapshot.analysis.work_group, snapshot.target
    name = target.work_group
    if told is Gap.ABSENT or (not isinstance(told, Gap) and not told.get("WorkGroup")):
        yield broken("workgroup-missing", name, "there is no such workgroup", "No saved query runs.", redeploy(target))
        return
    if isinstance(told, Gap):
        return
    group = told["WorkGroup"]
    configured = group.get("Configuration", {})
    update = ["athena update-work-group", "--work-group", name]
    if group.get("State") == "DISABLED":
        yield broken(
            "workgroup-disabled",
            name,
            "it is disabled",
            "No query runs in it.",
            aws(target, *update, "--state", "ENABLED"),
        )
    if not configured.get("EnforceWorkGroupConfiguration"):
        yield degraded(
            "workgroup-not-enforced",
            name,
            "clients may override its settings",
            "Its scan limit's place and encryption of results are then a client's choice.",
            aws(target, *update, "--configuration-updates", "EnforceWorkGroupConfiguration=true"),
        )
    if not configured.get("BytesScannedCutoffPerQuery"):
        yield degraded(
            "workgroup-no-limit",
            name,
            "a query may scan any number of bytes",
            "One query without a day can read, and cost, the whole lake.",
            aws(target, *update, "--configuration-updates", f"BytesScannedCutoffPerQuery={SCAN_LIMIT}"),
        )
    yield from _results(snapshot, configured.get("ResultConfiguration", {}))


def views(snapshot: Snapshot) -> Iterator[Finding]:
    """Views that are missing, or of another version."""
    tables, target = snapshot.catalog.tables, snapshot.target
    if isinstance(tables, Gap) or not target.writes_lake:
        return
    missing, other = [], []
    for name, sql in expected_views().items():
        table = tables.get(name)
        if table is None or table.get("TableType") != VIRTUAL_VIEW:
            missing.append(name)
            continue
        stored = stored_sql(table)
        said = None if stored is None else words_of(stored)
        if said is not None and said != words_of(sql):
            other.append(name)
    if missing:
        yield broken(
            "views-missing",
            target.database,
            f"these views are not there: {', '.join(missing)}",
            "Saved queries and the dashboard read them, and fail.",
            f"{redeploy(target)} creates them; or run the workgroup's saved queries 'view 1 …' in their order",
        )
    if other:
        yield degraded(
            "views-other-version",
            target.database,
            f"these views are not this version's: {', '.join(other)}",
            "Saved queries and figures may differ from what this version's documentation says.",
            f"{redeploy(target)} creates them anew; or use the version of vpcflow that was deployed",
        )


def alarms(snapshot: Snapshot) -> Iterator[Finding]:
    """Who hears them, and which ring."""
    target, found = snapshot.target, snapshot.analysis
    if target.stack and not target.alarms:
        yield degraded("alarms-missing", target.stack, "the stack has no alarms", "Nobody is called.", redeploy(target))
    if not isinstance(found.alarms, Gap):
        there = {told["AlarmName"]: told for told in found.alarms}
        gone = [name for name in target.alarms if name not in there]
        if gone:
            yield degraded(
                "alarms-missing", ", ".join(gone), "they are not there", "Nobody is called.", redeploy(target)
            )
        muted = [name for name, told in there.items() if not told.get("ActionsEnabled") or not told.get("AlarmActions")]
        if muted:
            yield degraded(
                "alarms-muted",
                ", ".join(muted),
                f"{len(muted)} of {len(there)} alarms tell nobody",
                "They ring on the dashboard alone.",
                aws(target, "cloudwatch enable-alarm-actions", "--alarm-names", *muted),
            )
        for name, told in there.items():
            if told.get("StateValue") == "ALARM":
                yield degraded(
                    "alarm-on",
                    name,
                    f"it rings: {' '.join(str(told.get('StateReason') or '').split())[:200]}",
                    " ".join(str(told.get("AlarmDescription") or "It is there for a reason.").split()),
                    "docs/operating.md, 'Alarms'",
                )
    yield from _subscriptions(snapshot)


def _results(snapshot: Snapshot, results: object) -> Iterator[Finding]:
    target, told = snapshot.target, results if isinstance(results, dict) else {}
    name = target.work_group
    update = ["athena update-work-group", "--work-group", name, "--configuration-updates"]
    location = told.get("OutputLocation", "")
    if not location.startswith(f"s3://{target.bucket}/"):
        yield degraded(
            "workgroup-results",
            name,
            f"its results go to {location or 'no place of its own'}, not to the lake's bucket",
            "They are kept as long, and shown to whom, the other bucket says; without a place no query runs.",
            aws(target, *update, f"ResultConfigurationUpdates={{OutputLocation=s3://{target.bucket}/athena-results/}}"),
        )
    if not told.get("EncryptionConfiguration", {}).get("EncryptionOption"):
        yield degraded(
            "workgroup-unencrypted",
            name,
            "it does not say how results are encrypted",
            "Results hold what the lake holds, and may lie in it under another key.",
            aws(target, *update, "ResultConfigurationUpdates={EncryptionConfiguration={EncryptionOption=SSE_S3}}"),
        )


def _subscriptions(snapshot: Snapshot) -> Iterator[Finding]:
    target, found = snapshot.target, snapshot.analysis.subscriptions
    if isinstance(found, Gap):
        return
    confirmed = [told for told in found if told.get("SubscriptionArn", "").startswith("arn:")]
    if not confirmed:
        waiting = [told.get("Endpoint", "?") for told in found if told.get("SubscriptionArn") == _PENDING]
        words = ("--topic-arn", target.topic, "--protocol", "email", "--notification-endpoint", "YOU@EXAMPLE.ORG")
        yield degraded(
            "alarms-unheard",
            target.topic,
            f"{', '.join(waiting)}: not confirmed yet" if waiting else "nobody is subscribed to the alarms' topic",
            "Alarms ring, and nobody is told.",
            "open the link in the mail that AWS sent, or " * bool(waiting) + aws(target, "sns subscribe", *words),
        )
