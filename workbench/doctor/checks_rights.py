"""What somebody may not do, and what therefore was not looked at."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from workbench.doctor.commands import redeploy
from workbench.doctor.finding import Finding, broken, degraded, note
from workbench.doctor.snapshot import DENIED, REFRESH, TIME_IS_OVER, TRANSFORM, Snapshot, Unasked

_EFFECTS: Final = {
    TRANSFORM: "The function fails, or names less than it could.",
    REFRESH: "The inventory or the catalog stays behind.",
    "stream": "Batches are not transformed, or not kept when they fail.",
    "compaction": "Hours stay uncompacted.",
}
_UNKNOWN: Final = "Whether anything is wrong there is not known."


def rights(snapshot: Snapshot) -> Iterator[Finding]:
    """Roles that are gone or may not do their work; reads that the caller may not make."""
    target, found = snapshot.target, snapshot.rights
    for component, role in found.gone:
        yield broken(
            "role-missing", role, f"there is no such role ({component})", _EFFECTS[component], redeploy(target)
        )
    denied: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in found.denied:
        word = "refused" if one.decision == "explicitDeny" else "not allowed"
        denied[one.component, one.role].append(f"{one.action} on {one.resource} ({word})")
    for (component, role), actions in denied.items():
        yield broken(
            "role-denied",
            role,
            f"the {component} role may not: {'; '.join(actions)}",
            _EFFECTS[component],
            f"{redeploy(target)} gives the role its policies back; what is refused, a permissions boundary or another "
            f"policy refuses: `aws iam list-role-policies --role-name {role}`",
        )
    if found.caller_denied:
        yield note(
            "caller-denied",
            target.caller,
            f"you may not: {', '.join(found.caller_denied)}",
            "`vpcflow inventory build` and explanations from the live account need these reads; the service does not.",
            f"allow {', '.join(found.caller_denied)} on * to {target.caller}",
        )


def unasked(snapshot: Snapshot) -> Iterator[Finding]:
    """What could not be asked, once for each action and reason."""
    for one in dict.fromkeys(_grouped(snapshot.unasked)):
        yield _not_checked(snapshot, one)
    if snapshot.unnamed:
        yield note(
            "not-named",
            snapshot.target.stream,
            f"not checked, because nobody named it: {', '.join(snapshot.unnamed)}",
            _UNKNOWN,
            "give --stack NAME instead of names" + ("" if snapshot.target.work_group else ", or --workgroup as well"),
        )


def _grouped(found: tuple[Unasked, ...]) -> Iterator[Unasked]:
    """Each action once; all that the time was not enough for, as one."""
    late = sorted({one.action for one in found if one.code == TIME_IS_OVER})
    if late:
        yield Unasked(", ".join(late), TIME_IS_OVER, next(one.words for one in found if one.code == TIME_IS_OVER))
    seen: set[tuple[str, str]] = set()
    for one in found:
        if one.code != TIME_IS_OVER and (one.action, one.code) not in seen:
            seen.add((one.action, one.code))
            yield one


def _not_checked(snapshot: Snapshot, one: Unasked) -> Finding:
    if one.code in DENIED:
        return degraded(
            "not-checked",
            one.action,
            f"not checked: access denied to {one.action}",
            _UNKNOWN,
            f"allow {one.action} to {snapshot.target.caller or 'yourself'}; docs/doctor.md has the whole policy",
        )
    return degraded(
        "not-checked",
        one.action,
        f"not checked: {one.action} answered {one.code}: {one.words}",
        _UNKNOWN,
        "run it again; if it stays, look at the AWS Health Dashboard, and at proxy and --endpoint-url",
    )
