"""Known vulnerabilities of pinned packages, as OSV tells them (PyPI's and GitHub's advisories).

One request for many packages, asked with the standard library: a tool for it would bring two dozen packages of its own,
and answers "nothing known" where an index in between has no advisories (pip-audit 2.10 with a mirror).
OSV API, "POST /v1/querybatch": results stand in the order of the queries.
"""

import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final

from scripts.artifact.lock import Lock

SERVICE: Final = "https://api.osv.dev/v1/querybatch"
_SECONDS: Final = 15.0
_AT_ONCE: Final = 500  # OSV takes 1,000 queries in a request
_LARGEST: Final = 16 * 1024 * 1024  # bytes of an answer


class LookUpError(Exception):
    """Nothing was learnt; one line: what, why."""


def known_vulnerabilities(lock: Lock, service: str = SERVICE) -> dict[str, tuple[str, ...]]:
    """Name → ids of advisories, of the packages that have any at their pinned version.

    Raises:
        LookUpError: the service cannot be reached, or its answer is not about what was asked.
    """
    names = sorted(lock)
    found: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(names), _AT_ONCE):
        found |= _ask(names[first : first + _AT_ONCE], lock, service)
    return found


def _ask(names: list[str], lock: Lock, service: str) -> dict[str, tuple[str, ...]]:
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": lock[name].version} for name in names]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(service, body, {"Content-Type": "application/json"})  # noqa: S310 - ours, above
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - same
            told = json.loads(response.read(_LARGEST))
    except (OSError, HTTPException, ValueError) as error:
        raise LookUpError(f"{service} gave no answer ({type(error).__name__})") from error
    results = told.get("results") if isinstance(told, Mapping) else None
    if not isinstance(results, list) or len(results) != len(names):
        raise LookUpError(f"{service} answered something else than was asked")
    try:
        return {name: _ids(result) for name, result in zip(names, results, strict=True) if result.get("vulns")}
    except (AttributeError, KeyError, TypeError) as error:
        raise LookUpError(f"{service} answered something else than was asked") from error


def _ids(result: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(str(each["id"]) for each in result["vulns"]))
