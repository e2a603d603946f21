"""Files of flow logs through the same core as the function, into a lake: ``vpcflow enrich``, and backfill."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from compaction.inputs import LATEST_MS, REGION, Chunk, read_file
from enricher.columns import plain
from enricher.enrich import Provenance, enrich
from enricher.errors import InputError
from enricher.lake import ObjectStore, Partition, to_error_objects, to_parquet
from enricher.log_format import LogFormats
from enricher.metrics import value_counts
from enricher.parse import Parsed, parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import SIDES
from enricher.sources import Source


@dataclass(slots=True)
class Summary:
    """What a run came to; ``lines = rows + rejected``."""

    lines: int = 0
    rows: int = 0
    rejected: int = 0
    rejects_by_reason: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: {side: Counter() for side in SIDES})
    objects: int = 0
    already_there: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    inventory: str = "none: nothing was looked up"

    def add(self, rows: pa.Table, *, is_new: bool) -> None:
        """Count an object of enriched rows, and whether it was written now."""
        self.already_there += not is_new
        self.rows += rows.num_rows
        self.objects += 1
        for side in SIDES:
            counts = value_counts(rows[f"{side}_status"])
            self.statuses[side].update({status: n for status, n in counts.items() if status is not None})

    def merge(self, other: "Summary") -> None:
        """Count what another run came to."""
        self.lines += other.lines
        self.rows += other.rows
        self.rejected += other.rejected
        self.objects += other.objects
        self.already_there += other.already_there
        self.rejects_by_reason.update(other.rejects_by_reason)
        self.dropped.update(other.dropped)
        for side in SIDES:
            self.statuses[side].update(other.statuses[side])

    def as_json(self) -> dict[str, Any]:
        """The summary under the names that scripts rely on (DESIGN.md §7)."""
        return {
            "lines": self.lines,
            "rows": self.rows,
            "rejected": self.rejected,
            "rejects_by_reason": dict(sorted(self.rejects_by_reason.items())),
            "statuses": {side: dict(sorted(counts.items())) for side, counts in self.statuses.items()},
            "resolved": sum(counts["resolved"] for counts in self.statuses.values()),
            "unresolved": sum(counts["unresolved"] for counts in self.statuses.values()),
            "objects": self.objects,
            "already_there": self.already_there,
            "inventory": self.inventory,
        }


@dataclass(frozen=True, slots=True)
class FileEnricher:
    """Enriches files into a store. ``region``: for records and paths that tell none.

    ``name_of``: what a chunk's objects are called; ``key_of``: where the rows of a partition go under that name;
    ``admits``: whether a partition is to be written at all.
    """

    declared: LogFormats | None
    source: Source | None
    promoted: Mapping[str, tuple[str, ...]]
    region: str | None
    store: ObjectStore
    record_tags: Mapping[str, str] = field(default_factory=dict)
    name_of: Callable[[Chunk], str] = attrgetter("name")
    key_of: Callable[[Partition, str], str] = Partition.flow_logs_key
    admits: Callable[[Partition], bool] = lambda _: True

    def run(self, files: list[Path]) -> Iterator[tuple[Path, Summary]]:
        """Enrich the files in turn; after each chunk the summary so far. Raises as ``read_file`` does."""
        summary = Summary(inventory=describe(self.source))
        for path in files:
            for chunk in read_file(path, self.declared):
                self.enrich(path.as_posix(), chunk, summary)
                yield path, summary

    def enrich(self, path: str, chunk: Chunk, summary: Summary) -> list[tuple[Partition, str]]:
        """Write one chunk of ``path``, rejects first; the partition and name of each object of rows.

        Raises:
            InputError: nothing tells the region of its records.
        """
        parsed = parsed_lines(chunk)
        name = self.name_of(chunk)
        regions = self.regions(path, chunk, parsed.flows)
        arrived_at = arrival_of(chunk, parsed.flows)
        whole = Partition.at(next(iter(regions), None) or chunk.region or self.region or "unknown", arrived_at)
        places = {region: Partition.at(region, arrived_at) for region in regions} or {whole.aws_region: whole}
        admitted = {region: place for region, place in places.items() if self.admits(place)}
        if not admitted:
            return []
        rejects = [*chunk.rejects, *parsed.rejects]
        summary.lines += parsed.flows.num_rows + len(rejects)
        summary.rejected += len(rejects)
        summary.rejects_by_reason.update(reject.reason for reject in rejects)
        if rejects:
            # Every line of a file is told from its neighbours by its bytes alone: one arrival serves them all.
            body = to_error_objects([_first(r) for r in rejects], [arrived_at])
            self.store.put_if_absent(whole.rejected_key(name), body)
        written = [(region, rows) for region, rows in regions.items() if region in admitted]
        for region, rows in written:
            flows = parsed.flows if rows is None else parsed.flows.filter(rows)
            self._write(flows, chunk, places[region], name, summary)
        return [(places[region], name) for region, _ in written]

    def _write(self, flows: pa.Table, chunk: Chunk, partition: Partition, name: str, summary: Summary) -> None:
        arrivals = pa.array([chunk.arrived_at] * flows.num_rows, pa.int64())
        rules = Rules(self.promoted, self.record_tags, partition.aws_region)
        dimension = resolve(flows, self.source, rules, None, pc.divide(arrivals, 1000))
        rows = enrich(flows, dimension, Provenance(name, arrivals))
        summary.add(rows, is_new=self.store.put_if_absent(self.key_of(partition, name), to_parquet(rows)))

    def regions(self, path: str, chunk: Chunk, flows: pa.Table) -> dict[str, Any]:
        """Region → rows (bool; None for all): the record's, else the path's, else the option's."""
        fallback = chunk.region or self.region
        told = plain(flows["region"]).cast(pa.string())
        # It becomes a part of the object's path: a word that is no region tells none.
        regions = pc.if_else(pc.match_substring_regex(told, f"^{REGION.pattern}$"), told, fallback)
        regions = pc.fill_null(regions, fallback) if fallback else regions
        if regions.null_count:
            raise InputError(
                f"{path}: neither its records nor its path tell a region; give --region, such as us-east-1"
            )
        names = regions.unique().to_pylist()
        return {name: None if len(names) == 1 else pc.equal(regions, name) for name in names}


def parsed_lines(chunk: Chunk) -> Parsed:
    """A chunk's lines as flow records and rejects."""
    if chunk.formats is None:
        raise AssertionError  # read_file refuses lines without a format
    return parse_lines(chunk.lines, [0] * len(chunk.lines), chunk.formats)


def arrival_of(chunk: Chunk, flows: pa.Table) -> int | None:
    """From which a chunk's hour follows (Unix ms): the time its file tells, else its latest ``end``; None: neither."""
    return chunk.arrived_at if chunk.arrived_at is not None else _latest_end(flows)


def describe(source: Source | None) -> str:
    """What the summary says of the inventory."""
    if source is None:
        return "none: nothing was looked up"
    observed_at = source.inventory.observed_at
    if observed_at is None:
        return "undated: holds for every flow since each interface's AttachTime"
    return f"snapshot of {int(observed_at)} (Unix seconds)"


def _first(reject: Any) -> Any:
    return type(reject)(0, reject.line, reject.reason)


def _latest_end(flows: pa.Table) -> int | None:
    plausible = pc.less_equal(flows["end"], LATEST_MS // 1000)
    latest = pc.max(flows["end"].filter(plausible)).as_py()
    return None if latest is None else int(latest) * 1000
