"""What a probe is: a claim, what is done to settle it, and how it may turn out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workbench.doctor.ask import Asker, TimeIsOverError, read_error
from workbench.doctor.snapshot import Snapshot

AS_CLAIMED: Final = "as claimed"
DIFFERS: Final = "differs"
NOT_DECIDED: Final = "not decided"
Outcome = tuple[str, str]  # one of these, and what was seen


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe is given. ``token`` names its own objects; ``sleep`` waits for seconds."""

    asker: Asker
    snapshot: Snapshot
    token: str
    sleep: Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Probe:
    """A first-day check. ``claim`` is that of docs/unverified.md, word for word (a test looks)."""

    id: str
    claim: str
    does: str
    run: Callable[[Probed], Outcome]
    writes: bool = False


def code_of(given: Probed, service: str, operation: str, **parameters: Any) -> str:
    """The error code of a call; empty where it was answered. A boto3 error is raised."""
    try:
        given.asker.call(service, operation, **parameters)
    except TimeIsOverError:
        raise
    except Exception as error:
        if not hasattr(error, "response"):
            raise
        return read_error(error)[0]
    return ""
