"""What a run is worth: a line for each figure with its target, the tables behind them, and docs/accuracy.md."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from accuracy.baselines import NAMES as BASELINES
from accuracy.judge import ASPECTS, VERDICTS, Tally

if TYPE_CHECKING:
    from accuracy.outcome import Outcome

PROOF: Final = ("record", "peer_record", "snapshot", "ec2", "ipam")
OPEN: Final = "snapshot_open"
LEAST_FLOWS: Final = 1_000_000
MOST_OPEN_WRONG: Final = 0.1  # percent
LEAST_LOCATED: Final = 99.5
LEAST_RESOLVED: Final = 97.0
# What must have occurred, or a run proves nothing.
OCCURRED: Final = (
    "addresses reused within 60 s",
    "addresses reused within an hour",
    "moves of secondary addresses",
    "moves of prefixes",
    "moves of Elastic IPs",
    "moves of secondary interfaces",
    "private addresses held in two VPCs at once, midway",
    "flows whose owner changed meanwhile",
    "interfaces that do not record",
    "failed scans",
    "scans lost in the outage",
    "scans compared with tables_of",
)


class Figure(NamedTuple):
    """One measured figure: ``is_good`` is None where it has no target."""

    name: str
    value: float
    unit: str
    target: str = "-"
    is_good: bool | None = None

    def __str__(self) -> str:
        value = f"{self.value:.0f}" if self.unit == "count" else f"{self.value:.3f}"
        return f"{self.name} {value} {self.unit} {self.target}{'' if self.is_good is not False else '   MISSED'}"


class Report:
    """The figures of an outcome; ``needs_million`` is for full runs."""

    def __init__(self, outcome: "Outcome", *, is_full: bool) -> None:
        self._outcome = outcome
        self._is_full = is_full
        self.figures = list(self._figures())

    @property
    def is_good(self) -> bool:
        """Whether no target was missed."""
        return all(figure.is_good is not False for figure in self.figures)

    def _figures(self) -> Iterator[Figure]:
        outcome = self._outcome
        yield _least("flows", outcome.flows, "count", LEAST_FLOWS if self._is_full else 1)
        looks = (("live", outcome.live), ("after", outcome.after))
        for look, tally in looks:
            for aspect in ASPECTS:
                proven = (*PROOF, "subnet") if aspect in ("vpc", "az") else PROOF
                wrong = sum(tally.wrong[evidence, aspect] for evidence in proven)
                yield Figure(f"{look}.proof.wrong_{aspect}", wrong, "count", "0", wrong == 0)
        for look, tally in looks:
            found = tally.of_evidence(OPEN)
            named, ordinary = sum(found.values()), sum(found.values()) - sum(tally.made.values())
            share = _percent(found["wrong"] - tally.made["wrong"], ordinary)
            is_good = share <= MOST_OPEN_WRONG if self._is_full else None
            yield Figure(f"{look}.snapshot_open.sides", named, "count")
            yield Figure(f"{look}.snapshot_open.sides_of_flows_made_across_handovers", named - ordinary, "count")
            yield Figure(f"{look}.snapshot_open.wrong", share, "%", f"<={MOST_OPEN_WRONG}", is_good)
            yield Figure(
                f"{look}.snapshot_open.wrong_with_flows_made_across_handovers", _percent(found["wrong"], named), "%"
            )
            for cause, count in sorted(tally.causes.items()):
                yield Figure(f"{look}.snapshot_open.wrong.{_word(cause)}", _percent(count, named), "%")
        for look, tally in looks:
            ours = sum(tally.ours.values())
            located = _percent(tally.ours["resolved"] + tally.ours["subnet"], ours)
            resolved = _percent(tally.ours["resolved"], ours)
            yield _least(f"{look}.in_estate.resolved_or_subnet", located, "%", LEAST_LOCATED if self._is_full else None)
            least = LEAST_RESOLVED if self._is_full and look == "after" else None
            yield _least(f"{look}.in_estate.resolved", resolved, "%", least)
        for look, tally in looks:
            yield from self._shares(look, tally.verdicts())
        for name in BASELINES:
            verdicts = Counter(
                {verdict: sum(outcome.baselines[name, s, verdict] for s in ("src", "dst")) for verdict in VERDICTS}
            )
            yield from self._shares(f"baseline.{name}", verdicts)
        ipam = outcome.after.of_evidence("ipam")["right"]
        yield _least("after.ipam.right", ipam, "count", 1)
        for name in OCCURRED:
            yield _least(f"occurred.{_word(name)}", outcome.happened[name], "count", 1)

    @staticmethod
    def _shares(name: str, verdicts: Counter[str]) -> Iterator[Figure]:
        """Of the sides of ours: right, wrong, unknown; of nobody's: named all the same."""
        judged = verdicts["right"] + verdicts["wrong"] + verdicts["unknown"]
        for verdict in ("right", "wrong", "unknown"):
            yield Figure(f"{name}.{verdict}", _percent(verdicts[verdict], judged), "%")

    def text(self) -> str:
        """What the command prints."""
        lines = [self._world(), *map(str, self.figures), ""]
        for look, tally in (("live", self._outcome.live), ("after the second look", self._outcome.after)):
            lines += [f"{look}:", *_table(tally, str.ljust), ""]
        for name, tally in (("live", self._outcome.live), ("after", self._outcome.after)):
            lines += [f"wrong, {name}: {example}" for example in tally.proof_examples(PROOF)]
        lines.append("accuracy: " + ("all targets met" if self.is_good else "A TARGET IS MISSED"))
        return "\n".join(lines) + "\n"

    def _world(self) -> str:
        parameters = self._outcome.parameters
        return f"accuracy: seed {parameters.seed}, parameters {parameters.digest}, {self._outcome.seconds:.0f} s CPU"

    def page(self, body: str) -> str:
        """docs/accuracy.md: ``body`` is its hand-written part, figures and tables come below."""
        outcome = self._outcome
        lines = [body.rstrip(), "", "## Figures", ""]
        lines += [f"Seed {outcome.parameters.seed}, parameters `{outcome.parameters.digest}`.", ""]
        lines += ["| figure | value | unit | target |", "|---|---|---|---|"]
        for figure in self.figures:
            name, value, unit, target, *_ = str(figure).split(" ")
            lines.append(f"| {name} | {value} | {unit} | {target} |")
        for look, tally in (("live", outcome.live), ("after the second look", outcome.after)):
            lines += ["", f"## Sides, {look}", "", *_markdown(tally)]
        lines += ["", "## What occurred", "", "| what | count |", "|---|---|"]
        lines += [f"| {name} | {count} |" for name, count in sorted(outcome.happened.items())]
        lines += ["", "## Parameters", "", "| parameter | value |", "|---|---|"]
        lines += [f"| `{name}` | {value} |" for name, value in outcome.parameters.listed()]
        return "\n".join(lines) + "\n"


def _least(name: str, value: float, unit: str, least: float | None) -> Figure:
    return Figure(name, value, unit) if least is None else Figure(name, value, unit, f">={least}", value >= least)


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _word(name: str) -> str:
    return name.replace(",", "").replace("'", "").replace(" ", "_")


def _rows(tally: Tally) -> list[tuple[str, str, str, dict[str, int]]]:
    keys = sorted({key[:3] for key in tally.sides})
    return [(*key, {verdict: tally.sides[(*key, verdict)] for verdict in VERDICTS}) for key in keys]


def _table(tally: Tally, pad: Callable[[str, int], str]) -> list[str]:
    lines = [f"  {pad('side', 5)}{pad('status', 12)}{pad('evidence', 15)}" + "".join(f"{v:>10}" for v in VERDICTS)]
    for side, status, evidence, counts in _rows(tally):
        told = "".join(f"{count:>10}" for count in counts.values())
        lines.append(f"  {pad(side, 5)}{pad(status, 12)}{pad(evidence, 15)}{told}")
    return lines


def _markdown(tally: Tally) -> list[str]:
    lines = ["| side | status | evidence | " + " | ".join(VERDICTS) + " |", "|---" * (3 + len(VERDICTS)) + "|"]
    for side, status, evidence, counts in _rows(tally):
        lines.append(f"| {side} | {status} | {evidence} | " + " | ".join(map(str, counts.values())) + " |")
    return lines
