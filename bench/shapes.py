"""Other batches than the usual one: larger, with more fields, with bad lines. Ratios, as in ``bench.run``."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bench.function import MemoryS3, function
from bench.material import Material, alternate, make_materials, median_ratio
from bench.rivals import floor
from bench.scaled import with_bad_lines

RUNS: Final = 8
FEW: Final = 2_000
MANY: Final = 24_000
BAD_SHARE: Final = 0.01
_ALL_FIELDS: Final = 11  # the flow log version that has them

Figure = tuple[str, float, str]


def shapes(usual: Sequence[Material], snapshot: bytes, now: float) -> Iterator[Figure]:
    """Name, value and unit of each; ``usual``: the batches that the others are compared with."""
    yield _linearity(snapshot, now)
    yield _bad_lines(usual[0], snapshot, now)
    yield _all_fields(len(usual[0].lines), now)


def _linearity(snapshot: bytes, now: float) -> Figure:
    few, many = ([*function(make_materials(size), MemoryS3(snapshot), now)] for size in (FEW, MANY))
    short, long = alternate(RUNS, few, many)
    ratio = median_ratio(long, short) * FEW / MANY
    return "record_of_24000_to_record_of_2000", ratio, "ratio of times; 0.9 to 1.1 is asked for"


def _bad_lines(good: Material, snapshot: bytes, now: float) -> Figure:
    clean, mixed = (function([each], MemoryS3(snapshot), now) for each in (good, with_bad_lines(good, BAD_SHARE)))
    without, with_bad = alternate(RUNS, clean, mixed)
    return "bad_lines_1_percent", median_ratio(with_bad, without), "ratio of times; at most 1.25 is asked for"


def _all_fields(records: int, now: float) -> Figure:
    materials = make_materials(records, 2, _ALL_FIELDS)
    run: Any = function(materials, MemoryS3(materials[0].snapshot()), now)
    floor_s, handler = alternate(RUNS, [floor(material) for material in materials], run)
    unit = f"ratio of records/s, {len(materials[0].fields)} fields; at least 0.45 is asked for"
    return "handler_to_floor_all_fields", median_ratio(floor_s, handler), unit
