"""The oracle: what readers of the lake see, through its views, against what was sent.

A reader is Athena: the catalog says which hours there are and where they lie, the views what counts. Many readings
lie side by side in one local lake, each under a region of its own, and are asked for in one query; the same objects
are judged once.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from enricher.lake import FLOW_LOGS
from enricher.schema import AWS_COLUMNS
from reliability.oracle.producer import FIRST_PORT, SIDE_COLUMNS, Flow
from workbench.athena.engine import Lake

_TRUTH: Final = (*(f"{side}_{name}" for side in ("src", "dst") for name in SIDE_COLUMNS), "traffic_class", "reporter")
_AWS: Final = tuple(column.name for column in AWS_COLUMNS)
_COLUMNS: Final = ("aws_region", "day", "hour", *_AWS, *_TRUTH)
Row = Mapping[str, Any]


class Expected(NamedTuple):
    """A flow that was sent, and the hour (``<day>/<hour>``) in which it arrived."""

    flow: Flow
    hour: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: hour (``<day>/<hour>``) → the objects of its place."""

    hours: Mapping[str, Sequence[bytes]]

    @property
    def name(self) -> str:
        """Tells what is found apart, by its bytes."""
        hasher = hashlib.sha256()
        for hour, bodies in sorted(self.hours.items()):
            hasher.update(hour.encode())
            for digest in sorted(hashlib.sha256(body).digest() for body in bodies):
                hasher.update(digest)
        return hasher.hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Flows that readers miss, rows of no flow, rows that are not as sent or not true, rows too many; ``unnamed``."""

    missing: int = 0
    spurious: int = 0
    corrupted: int = 0
    doubled: int = 0
    unnamed: int = 0

    @property
    def is_clean(self) -> bool:
        """Nothing of it; sides that stay unnamed are no fault."""
        return not (self.missing or self.spurious or self.corrupted or self.doubled)


def verdict(rows: Iterable[Row], must_see: Mapping[int, Expected], sent: Mapping[int, Expected]) -> Verdict:
    """What rows of the view are worth: all of ``must_see`` once, and nothing that was not ``sent`` (by number)."""
    seen: Counter[int] = Counter()
    spurious = corrupted = unnamed = 0
    for row in rows:
        expected = sent.get((row["srcport"] or 0) - FIRST_PORT)
        if expected is None:
            spurious += 1
            continue
        seen[expected.flow.number] += 1
        corrupted += not is_right(row, expected)
        unnamed += row["src_interface_id"] is None or row["dst_interface_id"] is None
    doubled = sum(count - 1 for count in seen.values())
    return Verdict(len(must_see.keys() - seen.keys()), spurious, corrupted, doubled, unnamed)


def is_right(row: Row, expected: Expected) -> bool:
    """Whether the row is what was sent, in the hour of arrival, and says nothing that is not true."""
    columns, truth = expected.flow.columns, expected.flow.truth
    is_as_sent = all(row[name] == columns[name] for name in _AWS)
    is_true = all(row[name] in (None, truth[name]) for name in _TRUTH if name != "traffic_class")
    is_true = is_true and row["traffic_class"] in (truth["traffic_class"], *_without_knowing(row))
    return is_as_sent and is_true and f"{row['day']}/{row['hour']}" == expected.hour


def _without_knowing(row: Row) -> Sequence[str | None]:
    """Classes that claim nothing: by DESIGN.md §6 also ``private_unknown`` where one end alone is located.

    All addresses of the bench are private.
    """
    is_one_located = (row["src_az_id"] is None) != (row["dst_az_id"] is None)
    return (None, "unknown", "private_unknown") if is_one_located else (None, "unknown")


class Seen(NamedTuple):
    """The rows that the view counts, and how many rows the objects hold."""

    counted: list[Row]
    rows: int


@dataclass
class Judge:
    """Reads readings, each kind once. ``flush`` before ``seen``."""

    _waiting: dict[str, Reading] = field(default_factory=dict)
    _known: dict[str, Seen] = field(default_factory=dict)

    def take(self, reading: Reading) -> str:
        """Remember a reading; its name."""
        name = reading.name
        if name not in self._known:
            self._waiting[name] = reading
        return name

    def seen(self, name: str) -> Seen:
        """What a reader of it sees."""
        return self._known[name]

    def flush(self) -> int:
        """Read all that wait; their number."""
        waiting, self._waiting = self._waiting, {}
        self._known |= {name: Seen([], 0) for name in waiting}
        if not any(bodies for reading in waiting.values() for bodies in reading.hours.values()):
            return len(waiting)
        with tempfile.TemporaryDirectory() as folder:
            for name, reading in waiting.items():
                _write(Path(folder), name, reading)
            with Lake(Path(folder)) as lake:
                listed = ", ".join(f'"{column}"' for column in _COLUMNS)
                for row in lake.run(f"SELECT {listed} FROM flows_once").records():  # noqa: S608 - our own columns
                    self._known[row["aws_region"]].counted.append(row)
                for name, rows in lake.run("SELECT aws_region, count(*) FROM flow_logs GROUP BY aws_region").rows:
                    self._known[name] = self._known[name]._replace(rows=rows)
        return len(waiting)


def _write(folder: Path, name: str, reading: Reading) -> None:
    for hour, bodies in reading.hours.items():
        day, _, of = hour.partition("/")
        place = folder / FLOW_LOGS / f"aws_region={name}" / f"day={day}" / f"hour={of}"
        place.mkdir(parents=True)
        for number, body in enumerate(bodies):
            (place / f"{number}.parquet").write_bytes(body)
