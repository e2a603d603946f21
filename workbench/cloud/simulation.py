"""IAM's policy simulation, over a role's own policies: what moto does not do.

Identity policies only, inline and attached; conditions by the context that the call gives, as in AWS.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .errors import AwsError
from .policies import Request, Statement, applies, listed

SIMULATION: Final = ("iam", "SimulatePrincipalPolicy")


def simulate(roles: Iterable[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a call.

    Args:
        roles: moto's, with ``arn``, ``policies`` (name → JSON) and ``managed_policies``.
        parameters: PolicySourceArn, ActionNames, ResourceArns, ContextEntries.

    Raises:
        AwsError: ``NoSuchEntity``: there is no such role.
        PolicyError: a policy uses what `policies` does not know.
    """
    arn = parameters["PolicySourceArn"]
    role = next((role for role in roles if role.arn == arn), None)
    if role is None:
        raise AwsError("NoSuchEntity", f"The entity {arn} cannot be found.", 404)
    statements = list(_statements(role))
    context = {
        entry["ContextKeyName"]: entry["ContextKeyValues"][0] for entry in parameters.get("ContextEntries") or ()
    }
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _decision(statements, Request(action, resource, context)),
        }
        for action in parameters["ActionNames"]
        for resource in parameters.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _decision(statements: list[Statement], request: Request) -> str:
    effects = {statement["Effect"] for statement in statements if applies(statement, request)}
    return "explicitDeny" if "Deny" in effects else "allowed" if effects else "implicitDeny"


def _statements(role: Any) -> Iterator[Statement]:
    """Of its own policies and of those attached to it."""
    documents = [*role.policies.values(), *(policy.document for policy in role.managed_policies.values())]
    for document in documents:
        told = json.loads(document) if isinstance(document, str) else document
        yield from listed(told["Statement"])
