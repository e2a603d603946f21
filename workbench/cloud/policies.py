"""A small evaluator of IAM policies: the part of the language that our templates use, and an error for the rest.

IAM user guide, "Policy evaluation logic" (an explicit deny wins, else an allow, else it is denied), "IAM JSON policy
elements": Action, Resource, and Condition with the operators of OPERATORS. Names of actions and condition keys are
compared without case; ``*`` and ``?`` in actions, resources and patterns.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Statement = Mapping[str, Any]
_KNOWN: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


class PolicyError(Exception):
    """A policy uses what this evaluator does not know."""


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource; ``context``: condition key → value, keys that are absent left out."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def is_allowed(statements: Iterable[Statement], request: Request) -> bool:
    """Whether some statement allows the request and none denies it."""
    effects = {statement["Effect"] for statement in statements if applies(statement, request)}
    return "Allow" in effects and "Deny" not in effects


def applies(statement: Statement, request: Request) -> bool:
    """Whether action, resource and all conditions of a statement are the request's.

    Raises:
        PolicyError: the statement has an element or a condition operator that is not known here.
    """
    unknown = statement.keys() - _KNOWN
    if unknown or statement["Effect"] not in {"Allow", "Deny"}:
        raise PolicyError(
            f"statement {statement.get('Sid')}: {sorted(unknown) or statement['Effect']} is not known here"
        )
    matches_all = [
        any(matches(pattern, request.action, ignores_case=True) for pattern in listed(statement["Action"])),
        any(matches(pattern, request.resource) for pattern in listed(statement["Resource"])),
        *(_holds(operator, keys, request.context) for operator, keys in statement.get("Condition", {}).items()),
    ]
    return all(matches_all)


def listed(value: Any) -> list[Any]:
    """A policy element as a list: one value may stand without brackets."""
    return list(value) if isinstance(value, list | tuple) else [value]


def matches(pattern: str, text: str, *, ignores_case: bool = False) -> bool:
    """Whether a text is like a pattern with ``*`` and ``?``."""
    if "${" in pattern:
        raise PolicyError(f"'{pattern}': policy variables are not known here")
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignores_case else 0)) is not None


# Of a key that the request has: is its value one of those listed?
OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": matches,  # AWS takes both for the same
    "ArnLike": matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether all keys of one operator hold; a key that the request lacks holds for Null alone, and for …IfExists."""
    has = {key.lower(): value for key, value in context.items()}
    if operator == "Null":
        return all(
            str(key.lower() not in has).lower() in [str(wanted).lower() for wanted in listed(values)]
            for key, values in keys.items()
        )
    base = operator.removesuffix("IfExists")
    if base not in OPERATORS:
        raise PolicyError(f"condition operator {operator} is not known here")
    return all(
        any(OPERATORS[base](str(wanted), has[key.lower()]) for wanted in listed(values))
        if key.lower() in has
        else base != operator
        for key, values in keys.items()
    )
