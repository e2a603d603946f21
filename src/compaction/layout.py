"""Where compaction's things lie in the lake's bucket: keys and folders of an hour, and which hours are beside it."""

import re
from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Final

from enricher.lake import FLOW_LOGS, Partition

COMPACTED: Final = "flow_logs_compacted"
HOURLY: Final = "flows_hourly"
MANIFESTS: Final = "compaction/manifests/"
HOUR_S: Final = 3600
GENERATION: Final = re.compile(r"generation-\d{6,}-[A-Za-z0-9-]+/")
_PATH: Final = re.compile(
    r"aws_region=(?P<region>[a-z0-9-]+)/day=(?P<day>\d{4}-\d\d-\d\d)/hour=(?P<hour>[01]\d|2[0-3])(?:/|\.json|$)"
)


def raw_folder(partition: Partition) -> str:
    """Where the stream, replay and backfill put an hour's objects."""
    return f"{FLOW_LOGS}/{partition.path}/"


def compacted_folder(partition: Partition) -> str:
    """In which the generations of an hour's rows lie."""
    return f"{COMPACTED}/{partition.path}/"


def hourly_folder(partition: Partition) -> str:
    """In which the generations of an hour's sums lie."""
    return f"{HOURLY}/{partition.path}/"


def generation_name(generation: int, run: str) -> str:
    """The folder of one attempt at a generation; ``run`` is nobody else's."""
    return f"generation-{generation:06d}-{run}"


def manifest_key(partition: Partition) -> str:
    """The object that says what an hour's generation is."""
    return f"{MANIFESTS}{partition.path}.json"


def partition_in(path: str) -> Partition | None:
    """The hour that a key or folder below a table (``aws_region=…/day=…/hour=…``) is of; None where it is of none."""
    match = _PATH.match(path)
    if match is None or not _is_day(match["day"]):
        return None
    return Partition(match["region"], match["day"], match["hour"])


def begin(partition: Partition) -> int:
    """When the hour begins, Unix seconds."""
    return round(datetime.fromisoformat(f"{partition.day}T{partition.hour}:00:00+00:00").timestamp())


def hour_of(region: str, at: float) -> Partition:
    """The hour that holds a moment (Unix seconds)."""
    moment = datetime.fromtimestamp(at, UTC)
    return Partition(region, f"{moment:%Y-%m-%d}", f"{moment:%H}")


def beside(partition: Partition, regions: Iterable[str] = ()) -> tuple[Partition, ...]:
    """The hours before and after, and all three in the lake's other regions: a flow's other record may be in one."""
    at = begin(partition)
    home = partition.aws_region
    others = [hour_of(region, at + away) for region in sorted({*regions} - {home}) for away in (-HOUR_S, 0, HOUR_S)]
    return hour_of(home, at - HOUR_S), hour_of(home, at + HOUR_S), *others


def short(partition: Partition) -> str:
    """``<day>/<hour>``, as in manifests and on the command line."""
    return f"{partition.day}/{partition.hour}"


def _is_day(text: str) -> bool:
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        return False
    return MINYEAR < day.year < MAXYEAR  # so that the hours beside it are days, too
