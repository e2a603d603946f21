"""Partitions of the catalog: the coming hours', before anything arrives in them, and those that replay writes to.

A partition has what its table says of columns and formats, and the place where the lake puts the hour's objects. What
is there already stays as it is: compaction may have moved it.

https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from enricher.errors import EnricherError
from enricher.lake import FLOW_LOGS, Partition

PARTITIONS_A_CALL: Final = 100  # what Glue takes at most
HOURS: Final = 3  # the current one and the next two: the registration may fail for two hours unnoticed by queries
_HOUR_MS: Final = 3_600_000
_THERE_ALREADY: Final = "AlreadyExistsException"


class PartitionError(EnricherError):
    """A partition could not be registered."""


@dataclass
class Partitions:
    """Partitions of one table, each registered once by a process.

    Args:
        glue: a boto3 Glue client.
        database: of the catalog.
        table: of the database; its location is where the lake's objects lie.
    """

    glue: Any
    database: str
    table: str = FLOW_LOGS
    _registered: frozenset[Partition] = frozenset()

    def register(self, region: str, now: float) -> int:
        """Register the partitions of ``now`` (Unix seconds) and the next hours; the number of those made just now.

        Raises:
            PartitionError: Glue refused one. Others may have been registered.
            Exception: what boto3 raises.
        """
        coming = [Partition.at(region, round(now * 1000) + hour * _HOUR_MS) for hour in range(HOURS)]
        made = self.register_hours(coming)
        self._registered = frozenset(coming)
        return made

    def register_hours(self, hours: Iterable[Partition]) -> int:
        """Register these partitions; raises as ``register`` does."""
        new = [partition for partition in dict.fromkeys(hours) if partition not in self._registered]
        if not new:
            return 0
        storage = self.glue.get_table(DatabaseName=self.database, Name=self.table)["Table"]["StorageDescriptor"]
        made = 0
        for first in range(0, len(new), PARTITIONS_A_CALL):
            made += self._create(new[first : first + PARTITIONS_A_CALL], storage)
        self._registered |= frozenset(new)
        return made

    def _create(self, new: Sequence[Partition], storage: dict[str, Any]) -> int:
        """Ask Glue for them; the number of those that were not there."""
        answer = self.glue.batch_create_partition(
            DatabaseName=self.database,
            TableName=self.table,
            PartitionInputList=[_input(partition, storage) for partition in new],
        )
        errors = [told.get("ErrorDetail") or {} for told in answer.get("Errors") or ()]
        refused = [error for error in errors if error.get("ErrorCode") != _THERE_ALREADY]
        if refused:
            raise PartitionError(
                f"partitions of {self.database}.{self.table}: Glue refused {len(refused)} of {len(new)}: "
                f"{refused[0].get('ErrorCode')}; look at the table and at the refresher's rights in the catalog"
            )
        return len(new) - len(errors)


def _input(partition: Partition, storage: dict[str, Any]) -> dict[str, Any]:
    """What Glue is told of a partition: the table's storage with the partition's own place."""
    location = f"{str(storage['Location']).rstrip('/')}/{partition.path}/"
    return {
        "Values": [partition.aws_region, partition.day, partition.hour],
        "StorageDescriptor": {**storage, "Location": location},
    }
