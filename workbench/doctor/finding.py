"""What a check says: what was found, why it matters, and the mend."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad: flows are lost or wrong; some of what was promised is missing; good to know."""

    BROKEN = "broken"
    DEGRADED = "degraded"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    ``id``: for scripts, and for looking it up in docs/doctor.md. ``resource``: whose it is. ``what``: with the figure.
    ``why``: one sentence for whoever reads the lake. ``mend``: the
    setting, or the command, between backticks.
    """

    id: str
    severity: Severity
    resource: str
    what: str
    why: str
    mend: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands in the mend: what stands between backticks."""
        return tuple(self.mend.split("`")[1::2])


def broken(name: str, resource: str, what: str, why: str, mend: str) -> Finding:
    """Flows are lost, or figures wrong."""
    return Finding(name, Severity.BROKEN, resource, what, why, mend)


def degraded(name: str, resource: str, what: str, why: str, mend: str) -> Finding:
    """Some of what was promised is missing, or will be."""
    return Finding(name, Severity.DEGRADED, resource, what, why, mend)


def note(name: str, resource: str, what: str, why: str, mend: str) -> Finding:
    """Good to know; nothing that a healthy deployment may not have."""
    return Finding(name, Severity.NOTE, resource, what, why, mend)
