"""Commands that mend, with the deployment's names, to be pasted. In a mend they stand between backticks."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.doctor.snapshot import Document, Stream, Target


def aws(target: Target, command: str, *words: str) -> str:
    """``aws <command> --region … words``, quoted for a shell."""
    return shown(["aws", *command.split(), "--region", target.region, *words])


def shown(words: Sequence[str]) -> str:
    """A command as a mend shows it."""
    return f"`{shlex.join(words)}`"


def both(*commands: str) -> str:
    """Commands one after the other, the later only if the earlier were done."""
    return "`" + " && ".join(command.strip("`") for command in commands) + "`"


def vpcflow(*words: str) -> str:
    """``vpcflow words``."""
    return shown(["vpcflow", *words])


def update_stream(target: Target, stream: Stream, **update: Any) -> str:
    """The command that changes these members of the stream's destination, and no others."""
    told: Document = {}
    if isinstance(stream.description, Mapping):
        told = stream.description["DeliveryStreamDescription"]
    destinations = told.get("Destinations") or [{}]
    return aws(
        target,
        "firehose update-destination",
        "--delivery-stream-name",
        target.stream,
        "--current-delivery-stream-version-id",
        str(told.get("VersionId", "VERSION")),
        "--destination-id",
        str(destinations[0].get("DestinationId", "DESTINATION")),
        "--extended-s3-destination-update",
        json.dumps(update),
    )


def processing(stream: Stream, **parameters: str) -> dict[str, Any]:
    """The stream's processing as it should be: enabled, its Lambda processor with these parameters changed."""
    changed = {**(stream.processor or {}), **parameters}
    told = [{"ParameterName": name, "ParameterValue": value} for name, value in changed.items()]
    others = [
        one
        for one in stream.destination.get("ProcessingConfiguration", {}).get("Processors") or ()
        if one.get("Type") != "Lambda"
    ]
    return {"Enabled": True, "Processors": [*others, {"Type": "Lambda", "Parameters": told}]}


def redeploy(target: Target, *parameters: str) -> str:
    """How the stack is deployed again, with some parameters changed (``Name=value``); its name may not be known."""
    overrides = ["--parameter-overrides", *parameters] if parameters else []
    words = ["sam", "deploy", "--stack-name", target.stack or "STACK", "--region", target.region, *overrides]
    return both(shown(["sam", "build"]), shown(words))


def tail(target: Target, group: str) -> str:
    """How a log group is read: the last hours, since without that it shows ten minutes."""
    return aws(target, "logs tail", group, "--since", "3h")
