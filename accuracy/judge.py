"""Right, wrong or unknown: every column of every side compared with the truth of its own time.

Wrong is any column that names something else than the truth; a null is unknown. A flow in which the owner changed has
no owner: naming either is wrong. An address of nobody of ours must not be named at all. Tags are the instance's over
its interface's, and any other is wrong; interface tags alone are right in the account that only IPAM tells of, and
where the answer says of itself that it knows the interface and nothing behind it (``network_interface``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accuracy.causes import causes
from accuracy.names import PROMOTED, Truth, interface_id, places
from accuracy.records import CHANGED, NOBODY
from accuracy.topology import ACCOUNTS, IPAM_ACCOUNT, VPCS, ZONES
from accuracy.world import Columns
from enricher.columns import plain

PLACE: Final = ("account_id", "region", "az_id", "vpc_id", "subnet_id")
OWNER: Final = ("interface_id", "instance_id", "resource_type", "resource_id")
# What a proof is judged by (issue 3): resource, tags, VPC, AZ.
ASPECTS: Final = {
    "resource": OWNER,
    "tags": (*PROMOTED, "tags"),
    "vpc": ("account_id", "region", "vpc_id", "subnet_id"),
    "az": ("az_id",),
}
VERDICTS: Final = ("right", "wrong", "unknown", "nobody")
RIGHT, WRONG, UNKNOWN, RIGHTLY_NOBODY = range(4)
_SEPARATOR: Final = "\x1f"
_MOST_EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of sides: by (side, status, evidence, verdict), and of wrong ones by (evidence, aspect)."""

    sides: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)  # of wrong sides by continuation
    made: Counter[str] = field(default_factory=Counter)  # verdicts by continuation, of flows made across handovers
    ours: Counter[str] = field(default_factory=Counter)  # in-estate sides by status
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # of wrong sides, by evidence and side

    def of_evidence(self, evidence: str) -> Counter[str]:
        """Verdicts of both sides that have this evidence."""
        found: Counter[str] = Counter()
        for (_, _, told, verdict), count in self.sides.items():
            if told == evidence:
                found[verdict] += count
        return found

    def verdicts(self) -> Counter[str]:
        """Verdicts of all sides."""
        found: Counter[str] = Counter()
        for (*_, verdict), count in self.sides.items():
            found[verdict] += count
        return found

    def proof_examples(self, evidences: Sequence[str]) -> list[str]:
        """Some wrong sides of these evidences."""
        return [text for (evidence, _), texts in self.examples.items() if evidence in evidences for text in texts]


class Judge:
    """Knows the truth of every stay and compares rows with it."""

    def __init__(self, truth: Truth) -> None:
        subnets = places(list(range(len(VPCS) * len(ZONES))))
        count = len(truth.tags)
        self._stays = count
        self._truth = truth
        is_ipam = np.array(truth.columns["account_id"]) == ACCOUNTS[IPAM_ACCOUNT]
        self._knows_no_instances = np.concatenate([is_ipam, np.zeros(len(VPCS) * len(ZONES) + 1, bool)])
        # Behind the stays come the subnets, for owners that changed, and a row of nulls for nobody.
        self._columns = {name: pa.array([*truth.columns[name], *subnets[name], None], pa.string()) for name in PLACE}
        empty: list[str | None] = [None] * (len(subnets["vpc_id"]) + 1)
        self._columns |= {name: pa.array([*truth.columns[name], *empty], pa.string()) for name in OWNER}
        nothing: list[dict[str, str]] = [{} for _ in empty]
        self._tags = [*truth.tags, *nothing], [*truth.interface_tags, *nothing]
        self._joined = [pa.array([_join(each) for each in tags]) for tags in self._tags]
        self._promoted = [
            {name: pa.array([each.get(key) for each in tags], pa.string()) for name, key in PROMOTED.items()}
            for tags in self._tags
        ]

    def judge(self, rows: pa.Table, truth: Columns, tally: Tally) -> None:
        """Count the verdicts of both sides of ``rows`` (lake columns) against ``truth``, row by row."""
        for side in ("src", "dst"):
            self._side(rows, side, truth, tally)

    def _side(self, rows: pa.Table, side: str, truth: Columns, tally: Tally) -> None:
        owner, place = truth.of[side], truth.of[f"{side}_place"]
        nobody = self._stays + len(VPCS) * len(ZONES)
        number = np.where(owner >= 0, owner, np.where((owner != NOBODY) & (place >= 0), self._stays + place, nobody))
        named = {name: plain(rows[f"{side}_{name}"]).cast(pa.string()) for name in (*PLACE, *OWNER, *PROMOTED)}
        wrong = {name: _differs(named[name], self._columns[name].take(pa.array(number))) for name in (*PLACE, *OWNER)}
        number = self._kept_interfaces(named, owner, wrong, number)
        is_bare = _mask(pc.equal(named["resource_type"], "network_interface")) & _mask(pc.is_null(named["instance_id"]))
        # "It is this interface" is true of whatever stands behind it.
        is_itself = is_bare & _mask(pc.equal(named["resource_id"], named["interface_id"])) & ~wrong["interface_id"]
        for name in ("resource_type", "resource_id"):
            wrong[name] &= ~is_itself
        is_bare |= self._knows_no_instances[number] | (owner < CHANGED)
        for bare in (False, True):
            here = is_bare == bare
            places_ = pa.array(number[here])
            for name in PROMOTED:
                told = named[name].filter(pa.array(here))
                _put(wrong, name, here, _differs(told, self._promoted[bare][name].take(places_)))
            _put(
                wrong,
                "tags",
                here,
                self._wrong_tags(plain(rows[f"{side}_tags"]).filter(pa.array(here)), number[here], bare),
            )
        self._count(rows, side, owner, named, wrong, truth, tally)

    def _kept_interfaces(self, named: dict[str, Any], owner: Any, wrong: dict[str, Any], number: Any) -> Any:
        """Where only the attachment changed meanwhile, the interface and its own tags are rightly named.

        Mends ``wrong`` and gives the numbers by which tags are judged.
        """
        number = number.copy()
        for row in np.flatnonzero(owner < CHANGED).tolist():
            interface = int(CHANGED - 1 - owner[row])
            number[row] = self._truth.first_stay[interface]
            if named["interface_id"][row].as_py() == interface_id(interface):
                wrong["interface_id"][row] = False
        return number

    def _wrong_tags(self, tags: Any, number: Any, bare: bool) -> Any:  # noqa: FBT001 - which of two truths
        """Whether a tag is told that the truth does not have, or has with another value."""
        lists = pa.ListArray.from_arrays(
            tags.offsets, pc.binary_join_element_wise(tags.keys.cast(pa.string()), tags.items.cast(pa.string()), "=")
        )
        told = pc.fill_null(pc.binary_join(lists, _SEPARATOR), "")
        told = pc.if_else(tags.is_valid(), told, "")
        wrong = _mask(pc.not_equal(told, self._joined[bare].take(pa.array(number)))) & _mask(pc.not_equal(told, ""))
        truths = self._tags[bare]
        for row in np.flatnonzero(wrong).tolist():
            pairs = {tuple(pair.split("=", 1)) for pair in told[row].as_py().split(_SEPARATOR)}
            wrong[row] = not pairs <= truths[number[row]].items()
        return wrong

    def _count(  # noqa: PLR0913, PLR0917 - everything that is known of the rows
        self,
        rows: pa.Table,
        side: str,
        owner: Any,
        named: dict[str, Any],
        wrong: dict[str, Any],
        truth: Columns,
        tally: Tally,
    ) -> None:
        is_wrong = np.logical_or.reduce(list(wrong.values()))
        names_owner = _mask(pc.is_valid(pc.coalesce(*(named[name] for name in OWNER))))
        verdict = np.where(
            is_wrong, WRONG, np.where(names_owner, RIGHT, np.where(owner == NOBODY, RIGHTLY_NOBODY, UNKNOWN))
        )
        status = plain(rows[f"{side}_status"]).cast(pa.string()).fill_null("-").to_numpy(zero_copy_only=False)
        evidence = plain(rows[f"{side}_evidence"]).cast(pa.string()).fill_null("-").to_numpy(zero_copy_only=False)
        told = Counter(zip(status.tolist(), evidence.tolist(), verdict.tolist(), strict=True))
        tally.sides.update({(side, s, e, VERDICTS[v]): n for (s, e, v), n in told.items()})
        tally.ours.update(Counter(status[owner != NOBODY].tolist()))
        for aspect, names in ASPECTS.items():
            bad = np.logical_or.reduce([wrong[name] for name in names])
            tally.wrong.update({(e, aspect): n for e, n in Counter(evidence[bad].tolist()).items()})
        is_open = evidence == "snapshot_open"
        made = Counter(verdict[is_open & truth.is_made].tolist())
        tally.made.update({VERDICTS[v]: n for v, n in made.items()})
        tally.causes.update(causes(np.flatnonzero(is_wrong & is_open), side, truth, self._truth))
        for row in np.flatnonzero(is_wrong).tolist():
            examples = tally.examples.setdefault((evidence[row], side), [])
            if len(examples) < _MOST_EXAMPLES:
                examples.append(_example(row, side, owner, named, wrong, truth))


def _example(row: int, side: str, owner: Any, named: dict[str, Any], wrong: dict[str, Any], truth: Columns) -> str:
    facts = {name: int(truth.of[name][row]) for name in ("start", "end", "recorder", f"{side}_address")}
    told = {name: named[name][row].as_py() for name in ("interface_id", "instance_id", "name")}
    return (
        f"{side} {facts} truth {int(owner[row])} told {told} wrong {[n for n, column in wrong.items() if column[row]]}"
    )


def _join(tags: dict[str, str]) -> str:
    return _SEPARATOR.join(f"{key}={value}" for key, value in tags.items())


def _mask(array: Any) -> Any:
    return np.array(pc.fill_null(array, False).to_numpy(zero_copy_only=False), bool)


def _differs(named: Any, truth: Any) -> Any:
    """Where something is named that is not the truth."""
    return _mask(pc.is_valid(named)) & ~_mask(pc.equal(named, truth))


def _put(wrong: dict[str, Any], name: str, where: Any, values: Any) -> None:
    wrong.setdefault(name, np.zeros(len(where), bool))[where] = values
