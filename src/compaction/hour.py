"""What a compactor is asked to write for an hour, and what it answers: the line between bookkeeping and Spark.

The bookkeeping decides which objects make up an hour and where its next generation goes; the writer reads rows and
writes rows, and knows nothing of manifests, catalogs and marks. It may be run again with the same job after it died:
the folders of a job are the job's own, and nobody reads them before the bookkeeping has committed them.
"""

from dataclasses import dataclass
from typing import Protocol

from enricher.lake import Partition


@dataclass(frozen=True)
class HourJob:
    """An hour to write: URIs are paths as the writer's engine reads them (`s3a://…`, `file://…`).

    `rows` are the Parquet objects and folders that make up the hour, the previous generation first; `neighbours` are
    those of the hour before and the hour after, and of all three in other regions of the lake: their recorders decide
    with the hour's own which rows count;
    `location` (rows) and `hourly_location` (their sums) are folders to write, empty so far.
    """

    partition: Partition
    rows: tuple[str, ...]
    neighbours: tuple[str, ...]
    location: str
    hourly_location: str


@dataclass(frozen=True)
class HourResult:
    """What was written: `rows` in the new generation; `dropped` copies that were left out.

    `settled` sides are better founded than they were, `changed` ones name another owner, `withdrawn` ones none.
    """

    rows: int
    dropped: int
    settled: int
    changed: int
    withdrawn: int


class HourWriter(Protocol):
    """Writes an hour whole: all of `location` and `hourly_location`, or an exception of the engine's."""

    def write(self, job: HourJob) -> HourResult:
        """Write the hour's rows and their sums; nothing outside the two folders is touched."""
