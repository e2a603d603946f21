"""How a record's cost scales: `python -m bench.curves [CURVE]…`, lines `name value unit`, then all as one JSON object.

A point is a batch of which one thing differs from the other points of its curve. At each the handler and the floor
(``bench.rivals.floor`` of the same lines) run in turn on one core, and so does, where inventories and endpoints are the
matter, the handler's work with nothing remembered from the batch before. Processor time, medians.
"""

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pyarrow as pa

from bench.function import MemoryS3, function
from bench.large_estate import BEGUN_AT, make_tables, tag_key
from bench.material import SECONDS, START, Material, alternate, make_materials
from bench.rivals import floor
from bench.scaled import as_envelopes, as_messages, make_lines, pairs_of_all, pairs_of_few, with_bad_lines
from enricher.batch import Pipeline
from enricher.inventory import Inventory
from enricher.log_format import LogFormats
from enricher.resolve import Rules
from enricher.schema import DEFAULT_PROMOTED_TAGS, FIELDS_OF_VERSION
from enricher.snapshot import to_snapshot
from enricher.sources import Source

RECORDS: Final = (100, 300, 1_000, 2_000, 4_000, 8_000, 16_000, 24_000)
VERSIONS: Final = (2, 5, 11)
ENDPOINTS: Final = (10, 100, 1_000, 10_000, 100_000)
INVENTORY: Final = (1_000, 10_000, 100_000, 1_000_000)
BAD_PERCENT: Final = (0, 1, 10, 50, 100)
PROMOTED: Final = (0, 4, 8, 16)
TAGS: Final = (0, 4, 10, 25, 50)
USUAL: Final = 8_000  # lines of a batch
MANY: Final = 50_000  # of the endpoints' batches: each has all of them
RUNS: Final = 14
RUNS_LONG: Final = 7
LONG: Final = 16_000  # lines from which a batch is long
NOW: Final = BEGUN_AT + 60
_BENCH_NOW: Final = START + SECONDS + 300

Figure = tuple[str, float, str]


@dataclass(frozen=True, slots=True)
class Point:
    """Microseconds a line at ``x``; ``unremembered``: with nothing remembered, where that was measured."""

    x: int
    handler: float
    floor: float
    unremembered: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One thing that grows: its name, the axis' words, what the batches are, and the points."""

    name: str
    axis: str
    batch: str
    points: list[Point]
    materials: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """For a JSON file."""
        points = [
            {name: None if value is None else round(value, 3) for name, value in asdict(point).items()}
            for point in self.points
        ]
        return {**asdict(self), "points": points}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Curve":
        """What ``told`` gave."""
        return cls(**{**told, "points": [Point(**point) for point in told["points"]]})

    def figures(self) -> Iterator[Figure]:
        """Name, value and unit of each."""
        for point in self.points:
            yield f"{self.name}_{point.x}_handler_us", point.handler, "us a line"
            yield f"{self.name}_{point.x}_floor_us", point.floor, "us a line"
            if point.unremembered is not None:
                yield f"{self.name}_{point.x}_unremembered_us", point.unremembered, "us a line, nothing remembered"


def records() -> Curve:
    """Lines a batch, of the bench's estate; two batches in turn."""
    points, digests = [], set()
    snapshot = make_materials(USUAL)[0].snapshot()
    for number in RECORDS:
        materials = make_materials(number, 2)
        digests.add(materials[0].digest)
        points.append(_point(number, number, materials, MemoryS3(snapshot), _BENCH_NOW))
    return Curve("records", "lines in a batch", "29 fields, 20,000 interfaces x 4 tags", points, sorted(digests))


def fields() -> Curve:
    """Fields of a line: what versions 2, 5 and 11 have."""
    points, digests = [], set()
    for version in VERSIONS:
        materials = make_materials(USUAL, 2, version)
        digests.add(materials[0].digest)
        at = len(FIELDS_OF_VERSION[version])
        points.append(_point(at, USUAL, materials, MemoryS3(materials[0].snapshot()), _BENCH_NOW))
    return Curve("fields", "fields of a line", f"{USUAL:,} lines, 20,000 interfaces x 4 tags", points, sorted(digests))


def endpoints() -> Curve:
    """Unique endpoints of a batch; lines and inventory stay as they are."""
    tables = make_tables(ENDPOINTS[-1])
    s3, inventory = MemoryS3(bytes(to_snapshot(tables))), Inventory(tables, DEFAULT_PROMOTED_TAGS)
    points, digests = [], []
    for number in ENDPOINTS:
        material = as_envelopes(make_lines(pairs_of_all(number), MANY))
        digests.append(material.digest)
        points.append(_point(number, MANY, [material], s3, NOW, unremembered=_unremembered(material, inventory)))
    batch = f"{MANY:,} lines in gzipped envelopes, {ENDPOINTS[-1]:,} interfaces"
    return Curve("endpoints", "unique endpoints in a batch", batch, points, digests)


def inventory() -> Curve:
    """Interfaces of the inventory; the batch has 1,300 of them, whatever their number."""
    points, digests = [], []
    for number in INVENTORY:
        tables = make_tables(number)
        material = as_messages(make_lines(pairs_of_few(number, INVENTORY[0]), USUAL))
        digests.append(material.digest)
        forgetful = _unremembered(material, Inventory(tables, DEFAULT_PROMOTED_TAGS))
        s3 = MemoryS3(bytes(to_snapshot(tables)))
        del tables
        points.append(_point(number, USUAL, [material], s3, NOW, unremembered=forgetful))
    return Curve("inventory", "interfaces in the inventory", f"{USUAL:,} lines, 29 fields", points, digests)


def bad_lines() -> Curve:
    """Percent of the lines that cannot be read; the floor reads the good ones."""
    good = make_materials(USUAL)[0]
    s3 = MemoryS3(good.snapshot())
    points = [_point(each, USUAL, [with_bad_lines(good, each / 100)], s3, _BENCH_NOW) for each in BAD_PERCENT]
    return Curve("bad_lines", "bad lines, percent", f"{USUAL:,} lines, 29 fields", points, [good.digest])


def promoted() -> Curve:
    """Tags with columns of their own, beyond the four that always have one; resources have 20 tags."""
    material = as_messages(make_lines(pairs_of_few(_ESTATE, _ESTATE), USUAL))
    most = len(DEFAULT_PROMOTED_TAGS) + PROMOTED[-1]
    s3 = MemoryS3(bytes(to_snapshot(make_tables(_ESTATE, most))))
    points = []
    for number in PROMOTED:
        places = range(len(DEFAULT_PROMOTED_TAGS), len(DEFAULT_PROMOTED_TAGS) + number)
        columns = {tag_key(place).replace("-", "_"): (tag_key(place),) for place in places}
        points.append(_point(number, USUAL, [material], s3, NOW, promoted=columns))
    batch = f"{USUAL:,} lines, {_ESTATE:,} interfaces x {most} tags"
    return Curve("promoted", "promoted tags beyond the four", batch, points, [material.digest])


def tags() -> Curve:
    """Tags of a resource."""
    material = as_messages(make_lines(pairs_of_few(_ESTATE, _ESTATE), USUAL))
    stores = {each: MemoryS3(bytes(to_snapshot(make_tables(_ESTATE, each)))) for each in TAGS}
    points = [_point(each, USUAL, [material], s3, NOW) for each, s3 in stores.items()]
    return Curve("tags", "tags of a resource", f"{USUAL:,} lines, {_ESTATE:,} interfaces", points, [material.digest])


_ESTATE: Final = 20_000
CURVES: Final[dict[str, Callable[[], Curve]]] = {
    each.__name__: each for each in (records, fields, endpoints, inventory, bad_lines, promoted, tags)
}


def measure(names: Sequence[str] = ()) -> Iterator[Curve]:
    """The curves of these names, or all: one core, one thread."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    for name in names or CURVES:
        yield CURVES[name]()


def _point(  # noqa: PLR0913 - what a point is
    x: int,
    lines: int,
    materials: Sequence[Material],
    s3: MemoryS3,
    now: float,
    *,
    unremembered: Callable[[], object] | None = None,
    promoted: Mapping[str, tuple[str, ...]] | None = None,
) -> Point:
    measured: list[Sequence[Callable[[], Any]]] = [function(materials, s3, now, promoted)]
    good = [material for material in materials if material.lines]
    measured += [[floor(material) for material in good]] if good else []
    measured += [[unremembered]] if unremembered is not None else []
    taken = iter(alternate(RUNS if lines < LONG else RUNS_LONG, *measured))
    handler = statistics.median(next(taken)) / lines
    # Per line of the batch, as the handler's: of bad lines the floor reads nothing.
    bottom = statistics.median(next(taken)) / lines if good else 0.0
    other = statistics.median(next(taken)) * 1e6 / lines if unremembered is not None else None
    return Point(x, handler * 1e6, bottom * 1e6, other)


class _Nowhere:
    """An object store that forgets what it is given."""

    def put_if_absent(self, key: str, body: Any) -> bool:
        """As if it were new."""
        del key, body
        return True


def _unremembered(material: Material, inventory: Inventory) -> Callable[[], object]:
    """The batch over an inventory that has just come: whose addresses are whose is looked up."""
    source = Source(inventory, "snapshot")
    pipeline = Pipeline(LogFormats((material.log_format,)), Rules(), _Nowhere())

    def run() -> object:
        source.inventory.remembered.clear()
        return pipeline.process(material.event, source)

    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    begun = time.monotonic()
    told = []
    for curve in measure(sys.argv[1:] if arguments is None else arguments):
        print(f"{curve.name}: {curve.batch}; material {' '.join(curve.materials)}")
        for name, value, unit in curve.figures():
            print(f"{name} {value:.3f} {unit}", flush=True)
        told.append(curve.told())
    print(f"measured_in {time.monotonic() - begun:.0f} s")
    # DuckDB, which bench.rivals imports, complains at exit of what was frozen with a snapshot.
    gc.unfreeze()
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
