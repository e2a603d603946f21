"""The backfill as Glue runs it: the same as the command's, a slice of the files in each task.

A task may be run again after it died, and twice at once where Spark speculates: objects are put once under names that
follow from the files, so the lake does not see the difference. Everything here is sent to the executors: clients are
made there, and the inventory is loaded once a slice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from compaction.backfill import Backfill, FileDone
from compaction.known import Told, known_from
from compaction.lake_objects import LakeObjects, S3Lake, UnwrittenLake
from compaction.source_objects import SourceObjects
from enricher.lake import Partition

_FILES_A_TASK: Final = 50  # at most: what a task that died has to do again
_TASKS_A_CORE: Final = 4  # at least, so that cores end at about the same time


@dataclass(frozen=True, slots=True)
class BackfillJob:
    """What the job was told. ``client`` makes a boto3 client of a service, in whichever process it is called.

    ``source``: ``s3://bucket/prefix``; ``lake``: the bucket; ``inventory_uri``: may be empty; ``hours`` and
    ``is_replacing`` as of ``Backfill``; ``is_dry``: nothing is written.
    """

    source: str
    lake: str
    inventory_uri: str
    told: Told
    client: Callable[[str], Any]
    region: str | None = None
    hours: frozenset[tuple[str, str]] | None = None
    is_replacing: bool = False
    is_dry: bool = False

    def open(self) -> Backfill:
        """The backfill, with clients and inventory of this process."""
        s3 = self.client("s3")
        lake: LakeObjects = S3Lake(s3, self.lake)
        return Backfill(
            SourceObjects([self.source], lambda: s3),
            known_from(s3, self.inventory_uri, self.told) if self.inventory_uri else self.told.known(None),
            UnwrittenLake(lake) if self.is_dry else lake,
            self.region,
            self.hours,
            self.is_replacing,
        )

    def plan(self, names: Iterable[str]) -> Iterator[Partition]:
        """The hours of a slice of files."""
        backfill = self.open()
        for name in names:
            yield from backfill.plan(name)

    def run(self, names: Iterable[str]) -> Iterator[FileDone]:
        """Write a slice of files, and tell what became of each."""
        backfill = self.open()
        checked: set[Partition] = set()
        for name in names:
            yield backfill.run(name, checked)


def number_of_slices(names: Sequence[str], cores: int) -> int:
    """Into how many tasks the files are cut."""
    return min(len(names), max(_TASKS_A_CORE * cores, -(-len(names) // _FILES_A_TASK)))
