"""What can be wrong with the functions and what starts them, and with the inventory that the refresher publishes."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from enricher.errors import EnricherError
from enricher.inventory import Part
from enricher.pointer import Pointer
from enricher.published import Place
from enricher.refresher_settings import RefresherSettings
from enricher.settings import Settings
from workbench.doctor.commands import aws, both, redeploy, shown, tail
from workbench.doctor.finding import Finding, broken, degraded, note
from workbench.doctor.snapshot import DEPLOYMENT, REFRESH, TRANSFORM, Document, Function, Gap, Snapshot
from workbench.times import duration

RUNTIME: Final = "python3.13"
ARCHITECTURE: Final = "arm64"
# Function → least memory in MB, least and most seconds that it may take; as in template.yaml (a test compares).
SIZES: Final = {TRANSFORM: (1769, 60, 300), REFRESH: (512, 120, 900), DEPLOYMENT: (512, 300, 900)}
_SETTINGS: Final[Mapping[str, Callable[[Mapping[str, str]], Any]]] = {
    TRANSFORM: Settings.from_environ,
    REFRESH: RefresherSettings.from_environ,
}
_EFFECTS: Final = {
    TRANSFORM: "Every batch fails, and is kept below processing-failed/.",
    REFRESH: "The inventory grows old, and coming hours get no partition.",
    DEPLOYMENT: "The next deployment fails.",
}
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86_400}
_RUNS_MISSED: Final = 3


def functions(snapshot: Snapshot) -> Iterator[Finding]:
    """Code, size, settings."""
    for role, function in snapshot.functions.items():
        name = snapshot.target.functions[role]
        if function.configuration is Gap.ABSENT:
            yield broken(
                "function-missing",
                name,
                "there is no such function",
                _EFFECTS[role],
                redeploy(snapshot.target),
            )
        elif not isinstance(function.configuration, Gap):
            yield from _runs(snapshot, role, name, function.configuration)
            yield from _size(snapshot, role, name, function.configuration)
            yield from _settings(snapshot, role, name, function)
    yield from _agree(snapshot)


def schedule(snapshot: Snapshot) -> Iterator[Finding]:
    """What starts the refresher."""
    target, found = snapshot.target, snapshot.schedules
    why = "The refresher does not run: the inventory grows old, and coming hours get no partition."
    if REFRESH in target.functions and target.stack and (not target.rule or found.rule is Gap.ABSENT):
        yield broken(
            "refresher-schedule-missing", target.rule or target.stack, "no rule starts it", why, redeploy(target)
        )
        return
    if isinstance(found.rule, Gap):
        return
    if found.rule.get("State") != "ENABLED":
        yield broken(
            "refresher-schedule",
            target.rule,
            f"the rule is {found.rule.get('State')}",
            why,
            aws(target, "events enable-rule", "--name", target.rule),
        )
    elif not isinstance(found.targets, Gap):
        wanted = target.aliases.get(REFRESH, "")
        arns = [told["Arn"] for told in found.targets.get("Targets") or ()]
        if wanted not in arns:
            yield broken(
                "refresher-target",
                target.rule,
                f"the rule starts {', '.join(arns) or 'nothing'}, not {wanted}",
                why,
                aws(target, "events put-targets", "--rule", target.rule, "--targets", f"Id=refresh,Arn={wanted}"),
            )


def inventory(snapshot: Snapshot) -> Iterator[Finding]:
    """Pointer, snapshot, parts, IPAM."""
    target, found = snapshot.target, snapshot.published
    if not target.inventory_uri:
        yield note(
            "inventory-none",
            target.stack or target.stream,
            "no inventory is configured",
            "EC2 alone is asked, for what batches meet; an hour is seen by queries only once compaction registered it.",
            "deploy with InventoryKey=inventory/pointer.json",
        )
        return
    if found.pointer is Gap.ABSENT:
        yield broken(
            "pointer-missing",
            target.inventory_uri,
            "there is no pointer",
            "Nobody is named: every side stays unresolved.",
            _run_refresher(snapshot),
        )
    if not isinstance(found.pointer, Gap):
        yield from _pointer(snapshot, found.pointer)
    yield from _ipam(snapshot)


def _runs(snapshot: Snapshot, role: str, name: str, told: Document) -> Iterator[Finding]:
    runtime, chips = told.get("Runtime"), told.get("Architectures") or ["x86_64"]
    if runtime != RUNTIME or chips != [ARCHITECTURE]:
        yield broken(
            "function-runtime",
            name,
            f"it runs {runtime} on {', '.join(chips)}; the code is built for {RUNTIME} on {ARCHITECTURE}",
            f"Compiled libraries do not load. {_EFFECTS[role]}",
            redeploy(snapshot.target),
        )
    state, update = told.get("State", "Active"), told.get("LastUpdateStatus", "Successful")
    if state == "Failed" or update == "Failed":
        yield broken(
            "function-state",
            name,
            f"Lambda says {told.get('StateReason') or told.get('LastUpdateStatusReason') or state}",
            _EFFECTS[role],
            redeploy(snapshot.target),
        )


def _size(snapshot: Snapshot, role: str, name: str, told: Document) -> Iterator[Finding]:
    memory, shortest, longest = SIZES[role]
    if told.get("MemorySize", memory) < memory:
        yield degraded(
            "function-memory",
            name,
            f"it has {told['MemorySize']} MB; {memory} MB is the least that is tested",
            f"Large batches or estates run out of memory. {_EFFECTS[role]}",
            _configure(snapshot, role, "--memory-size", str(memory)),
        )
    seconds = told.get("Timeout", shortest)
    if not shortest <= seconds <= longest:
        yield degraded(
            "function-timeout",
            name,
            f"it may take {seconds} s; {shortest} to {longest} s are right",
            f"Work is cut off, or goes on when nobody waits any more. {_EFFECTS[role]}",
            _configure(snapshot, role, "--timeout", str(max(shortest, min(longest, 120)))),
        )


def _settings(snapshot: Snapshot, role: str, name: str, function: Function) -> Iterator[Finding]:
    check = _SETTINGS.get(role)
    if check is None:
        return
    try:
        check(function.variables or {})
    except EnricherError as error:
        yield broken(
            "function-settings",
            name,
            f"it refuses to start: {error}",
            _EFFECTS[role],
            f"set it by the stack's parameter (docs/settings.md): {redeploy(snapshot.target)}",
        )


def _agree(snapshot: Snapshot) -> Iterator[Finding]:
    """Whether the functions speak of the same lake, pointer, stream and database as the deployment has."""
    target = snapshot.target
    wanted = {
        (TRANSFORM, "LAKE_BUCKET"): target.bucket,
        (TRANSFORM, "INVENTORY_URI"): target.inventory_uri,
        (REFRESH, "INVENTORY_URI"): target.inventory_uri,
        (REFRESH, "GLUE_DATABASE"): target.database,
        (REFRESH, "STREAM_ARN"): target.stream_arn,
    }
    for (role, variable), value in wanted.items():
        variables = snapshot.functions.get(role, Function()).variables
        if variables is None or not value:
            continue
        said = variables.get(variable, "")
        # What is left empty, or is no value at all, is what `_settings` tells.
        if said and said != value:
            yield broken(
                "function-elsewhere",
                target.functions[role],
                f"its {variable} is {said}; here it is {value}",
                "It works for another lake than the one that is looked at.",
                redeploy(target),
            )


def _pointer(snapshot: Snapshot, body: bytes) -> Iterator[Finding]:
    uri = snapshot.target.inventory_uri
    place = Place.of(uri)
    try:
        pointer = Pointer.from_json(body, uri, place.snapshots)
    except EnricherError as error:
        yield broken(
            "pointer-unreadable",
            uri,
            str(error),
            "Functions keep the inventory that they have, and new ones name nobody.",
            both(shown(["aws", "s3", "rm", uri]), _invoke(snapshot)),
        )
        return
    if snapshot.published.snapshot is Gap.ABSENT:
        yield broken(
            "snapshot-missing",
            uri,
            f"it names {pointer.snapshot}, which is not there",
            "Functions keep the inventory that they have, and new ones name nobody.",
            _run_refresher(snapshot),
        )
    yield from _age(snapshot, pointer)
    for part in pointer.parts:
        if part.error is not None:
            yield degraded(
                "inventory-part",
                uri,
                f"{part.name} could not be scanned: {' '.join(part.error.split())[:200]} ({_since(snapshot, part)})",
                "Addresses of that account and region get stale answers, or none.",
                f"allow the role what the error names (member-account.yaml makes one), or take it out of "
                f"RefreshRoles/RefreshRegions; then read {_log(snapshot)}",
            )


def _age(snapshot: Snapshot, pointer: Pointer) -> Iterator[Finding]:
    """Whether the refresher has run lately: a part that fails is no sign that it has not."""
    ran = [at for part in pointer.parts for at in (part.ended_at, part.failed_at) if at is not None]
    newest = max(ran, default=pointer.observed_at)
    allowed = _RUNS_MISSED * _period(snapshot)
    if newest is not None and snapshot.now - newest > allowed:
        yield degraded(
            "snapshot-old",
            snapshot.target.inventory_uri,
            f"the newest scan ended {duration(snapshot.now - newest)} ago; {duration(allowed)} is three runs",
            "New interfaces are not known, and after 15 minutes answers are marked stale.",
            _run_refresher(snapshot),
        )


def _period(snapshot: Snapshot) -> int:
    rule = snapshot.schedules.rule
    match = _RATE.fullmatch("" if isinstance(rule, Gap) else str(rule.get("ScheduleExpression")))
    return 60 if match is None else int(match[1]) * _UNITS[match[2]]


def _since(snapshot: Snapshot, part: Part) -> str:
    if part.ended_at is None:
        return "never yet"
    return f"last good scan {duration(snapshot.now - part.ended_at)} ago"


def _ipam(snapshot: Snapshot) -> Iterator[Finding]:
    variables = snapshot.functions.get(REFRESH, Function()).variables or {}
    scopes = variables.get("IPAM_SCOPES", "")
    found = snapshot.published.ipams
    if scopes and variables.get("IPAM_ROLE"):
        yield note(
            "ipam-elsewhere",
            variables["IPAM_ROLE"],
            f"the IPAM of {scopes} is another account's; its tier was not looked at",
            "The Free tier knows nothing of other accounts' resources.",
            "with that account's credentials: `aws ec2 describe-ipams --query 'Ipams[].[IpamId,Tier]'`",
        )
    if found is Gap.ABSENT:
        yield degraded(
            "ipam-scope",
            scopes,
            "there is no such IPAM scope here",
            "Accounts that no role reaches stay unknown.",
            "deploy with the IpamScopes and IpamRegion of your IPAM, which `aws ec2 describe-ipam-scopes` lists",
        )
    for ipam in () if isinstance(found, Gap) else found.get("Ipams") or ():
        if ipam.get("Tier") == "free":
            region = variables.get("IPAM_REGION") or snapshot.target.region
            yield degraded(
                "ipam-tier",
                ipam["IpamId"],
                f"it is in the Free tier, and {scopes} is configured",
                "The Free tier tells neither other accounts' resources nor an address's history.",
                f"`aws ec2 modify-ipam --region {region} --ipam-id {ipam['IpamId']} --tier advanced` (it costs by the "
                "active address)",
            )


def _run_refresher(snapshot: Snapshot) -> str:
    return f"{_invoke(snapshot)}; its log says why it fails: {_log(snapshot)}"


def _invoke(snapshot: Snapshot) -> str:
    target = snapshot.target
    alias = target.aliases.get(REFRESH, "").rpartition(":")[2] or "live"
    name = target.functions.get(REFRESH, "REFRESHER")
    return aws(target, "lambda invoke", "--function-name", name, "--qualifier", alias, "/dev/stdout")


def _log(snapshot: Snapshot) -> str:
    return tail(snapshot.target, f"/aws/lambda/{snapshot.target.functions.get(REFRESH, 'REFRESHER')}")


def _configure(snapshot: Snapshot, role: str, option: str, value: str) -> str:
    name = snapshot.target.functions[role]
    changed = aws(snapshot.target, "lambda update-function-configuration", "--function-name", name, option, value)
    return f"{redeploy(snapshot.target)}; or at once: {changed}, then publish a version and move the alias to it"
