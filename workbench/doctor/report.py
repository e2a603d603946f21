"""What the doctor found, as text for 80 columns or as one JSON object."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from workbench.doctor.finding import Finding, Severity
from workbench.doctor.snapshot import Target
from workbench.paragraphs import printable, wrapped

_LABEL: Final = "  {:<6}"


@dataclass(frozen=True, slots=True)
class Told:
    """How a claim of docs/unverified.md turned out: ``as claimed``, ``differs``, ``not decided``; and what was seen."""

    id: str
    claim: str
    does: str
    outcome: str
    seen: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run says. ``checks``: how many there are; ``limits``: what was looked at in part only."""

    target: Target
    findings: tuple[Finding, ...]
    checks: int
    limits: tuple[str, ...] = ()
    probes: tuple[Told, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is broken or degraded; notes there may be."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """One object; findings with their commands apart."""
        target = self.target
        return {
            "healthy": self.is_healthy,
            "region": target.region,
            "account": target.account,
            "stack": target.stack or None,
            "stream": target.stream or None,
            "lake": f"s3://{target.bucket}" if target.bucket else None,
            "database": target.database or None,
            "counts": {each.value: _count(self.findings, each) for each in Severity},
            "findings": [
                {**asdict(finding), "severity": finding.severity.value, "commands": list(finding.commands)}
                for finding in self.findings
            ],
            "limits": list(self.limits),
            "probes": [asdict(probe) for probe in self.probes],
        }


def lines(report: Report, columns: int) -> Iterator[tuple[str, Severity | None]]:
    """The report as lines; a finding's first line with its severity, for who has colours."""
    target = report.target
    name = f"stack {target.stack}" if target.stack else f"stream {target.stream}" if target.stream else "AWS"
    for line in wrapped(f"{name} in {target.region}, account {target.account or 'not known'}", columns):
        yield line, None
    yield from ((line, None) for line in wrapped(_verdict(report), columns))
    for finding in report.findings:
        yield "", None
        yield f"{finding.severity.value.upper()}  {finding.id}", finding.severity
        yield from ((line, None) for line in _finding(finding, columns))
    for limit in report.limits:
        yield "", None
        yield from ((line, None) for line in wrapped(f"only in part: {limit}", columns))


def probe_lines(told: Told, columns: int) -> list[str]:
    """A probe's outcome."""
    return wrapped(f"{told.outcome}: {told.seen}", columns, "    ")


def _verdict(report: Report) -> str:
    if not report.findings:
        return f"healthy: {report.checks} groups of checks found nothing"
    counts = [f"{number} {each.value}" for each in Severity if (number := _count(report.findings, each))]
    return f"{'healthy, with notes' if report.is_healthy else 'not healthy'}: {', '.join(counts)}"


def _count(findings: Iterable[Finding], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _finding(finding: Finding, columns: int) -> Iterator[str]:
    yield from wrapped(finding.resource, columns, _LABEL.format("where"))
    yield from wrapped(finding.what, columns, _LABEL.format("what"))
    yield from wrapped(finding.why, columns, _LABEL.format("why"))
    label = _LABEL.format("mend")
    if finding.mend.startswith("`"):
        yield label.rstrip()
    for number, part in enumerate(finding.mend.split("`")):
        if number % 2:
            yield from _command(part, columns)
        elif part.strip(" ;,:"):
            yield from wrapped(part.strip(" ;,"), columns, label, " " * len(label))
        else:
            continue
        label = " " * len(label)


def _command(command: str, columns: int) -> Iterator[str]:
    """A command behind ``$``, to be pasted: broken between words only, and so that the shell takes it as one."""
    line = "    $"
    for word in _words(printable(command), columns - len("      ") - len(" \\")):
        if len(line) + 1 + len(word) + len(" \\") > columns and line.strip() not in ("$", ""):
            yield f"{line} \\"
            line = "     "
        line += f" {word}"
    yield line


def _words(command: str, longest: int) -> Sequence[str]:
    """Its words as a shell needs them quoted; an option with its value, where that is short enough."""
    found: list[str] = []
    for word in shlex.split(command):
        quoted = word if word == "&&" else shlex.quote(word)
        is_value = bool(found) and found[-1].startswith("--") and " " not in found[-1] and not word.startswith("--")
        if is_value and word != "&&" and len(found[-1]) + 1 + len(quoted) <= longest:
            found[-1] += f" {quoted}"
        else:
            found.append(quoted)
    return found
