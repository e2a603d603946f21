"""CloudFormation's request to a custom resource: read, checked, and kept out of logs.

AWS CloudFormation user guide, "Custom resource request objects".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deployment.errors import DeploymentError

_PROPERTIES: Final = {
    "Bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "Database": r"[a-z0-9_]{1,252}",
    "WorkGroup": r"[a-zA-Z0-9._-]{1,128}",
    "RefreshFunction": r"[a-zA-Z0-9:_-]{0,170}",
    "Version": r".{1,300}",
}


@dataclass(frozen=True, slots=True)
class Properties:
    """What the template says, see ``handler``; ``refresh_function`` is empty where there is no refresher."""

    bucket: str
    database: str
    work_group: str
    refresh_function: str
    version: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its kind (``Create``, ``Update``, ``Delete``), whose it is, where the answer goes.

    The address is signed: whoever has it can answer in our place, so it shows in no repr.
    """

    kind: str
    url: str = field(repr=False)
    stack_id: str
    request_id: str
    logical_id: str
    physical_id: str
    given: Mapping[str, Any] = field(repr=False)

    @property
    def is_delete(self) -> bool:
        """Whether the resource goes."""
        return self.kind == "Delete"

    def properties(self) -> Properties:
        """The resource's properties.

        Raises:
            DeploymentError: one is missing or malformed, or the request is of a kind that there is not.
        """
        if self.kind not in ("Create", "Update"):
            raise DeploymentError(f"request: RequestType {self.kind!r}; there are Create, Update and Delete")
        values = {}
        for name, pattern in _PROPERTIES.items():
            value = self.given.get(name, "" if name == "RefreshFunction" else None)
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise DeploymentError(f"property {name}: {value!r:.100}; give a text that fits {pattern}")
            values[name] = value
        return Properties(
            values["Bucket"], values["Database"], values["WorkGroup"], values["RefreshFunction"], values["Version"]
        )


def read_request(event: Mapping[str, Any]) -> Request:
    """The request in a Lambda event.

    The physical id is the one that CloudFormation has, else one made of the stack and the resource: it never changes,
    because another one would make CloudFormation delete what it takes for the old resource.

    Raises:
        DeploymentError: there is nobody to answer to, so that nothing but raising is left.
    """
    texts = {name: event.get(name) for name in ("ResponseURL", "StackId", "RequestId", "LogicalResourceId")}
    missing = [name for name, value in texts.items() if not isinstance(value, str) or not value]
    if missing:
        raise DeploymentError(f"event: no {', '.join(missing)}; only CloudFormation invokes this function")
    stack = str(texts["StackId"])
    properties = event.get("ResourceProperties")
    return Request(
        kind=str(event.get("RequestType")),
        url=str(texts["ResponseURL"]),
        stack_id=stack,
        request_id=str(texts["RequestId"]),
        logical_id=str(texts["LogicalResourceId"]),
        physical_id=str(event.get("PhysicalResourceId") or f"{stack.rpartition(':')[2]}/{texts['LogicalResourceId']}"),
        given=properties if isinstance(properties, Mapping) else {},
    )
