"""What the roles may not do, by IAM's simulation; and what the caller may not read, by EC2's dry runs.

IAM API reference, SimulatePrincipalPolicy: identity policies and permissions boundaries alone; what a bucket or an
organization refuses on top it does not see. EC2 API reference, DryRun: DryRunOperation says yes,
UnauthorizedOperation no.
"""

from typing import Final

from enricher.scan import ESSENTIAL, OPTIONAL
from workbench.doctor.ask import Asker, TimeIsOverError, action_of, read_error
from workbench.doctor.needs import Need, needs
from workbench.doctor.snapshot import DENIED, Denied, Gap, Rights, Target, Unasked

_ALLOWED: Final = "allowed"
_YES: Final = "DryRunOperation"


def rights(asker: Asker, target: Target) -> Rights:
    """What IAM and EC2 say of permissions."""
    denied: list[Denied] = []
    gone: dict[tuple[str, str], None] = {}
    for component, role, need in needs(target):
        if (component, role) not in gone:
            found = _simulated(asker, target, component, role, need)
            if found is None:
                gone[component, role] = None
            else:
                denied += found
    return Rights(tuple(denied), tuple(gone), tuple(_caller_denied(asker)))


def _simulated(asker: Asker, target: Target, component: str, role: str, need: Need) -> list[Denied] | None:
    """What of one need the role may not do; None where there is no such role."""
    answer = asker.ask(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=f"arn:{target.partition}:iam::{target.account}:role/{role}",
        ActionNames=list(need.actions),
        ResourceArns=[need.resource],
        ContextEntries=[
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in sorted((need.context or {}).items())
        ],
    )
    if answer is Gap.ABSENT:
        return None
    if isinstance(answer, Gap):
        return []
    return [
        Denied(component, role, told["EvalActionName"], need.resource, told["EvalDecision"])
        for told in answer["EvaluationResults"]
        if told["EvalDecision"] != _ALLOWED
    ]


def _caller_denied(asker: Asker) -> list[str]:
    """EC2 reads of `vpcflow inventory build` that the caller may not make."""
    found = []
    for read in (*ESSENTIAL, *OPTIONAL):
        if read.service != "ec2":
            continue
        try:
            asker.call(read.service, read.method, DryRun=True)
        except TimeIsOverError as error:
            asker.gap(read.service, read.method, error)
        except Exception as error:  # noqa: BLE001 - a dry run always ends in one
            code, words = read_error(error)
            if code in DENIED:
                found.append(action_of(read.service, read.method))
            elif code != _YES:
                asker.unasked.append(Unasked(action_of(read.service, read.method), code, words))
    return found
