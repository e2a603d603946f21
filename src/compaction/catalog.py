"""The partitions of the catalog's two tables: where they point, and switching them in one call.

A switch takes the table's columns and formats of today and leaves a stamp of its time in the partition's parameters:
from it the grace time is counted. Glue has no conditional update, so whoever switched looks again whether what it
switched to is still the hour (``sweep``).

https://docs.aws.amazon.com/glue/latest/webapi/API_UpdatePartition.html, API_BatchCreatePartition.html
"""

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

from compaction.leftovers import Located
from compaction.manifest import CompactionError
from enricher.lake import Partition

STAMP: Final = "vpcflow.switched_at"
ATTEMPTS: Final = 5
_WAIT_S: Final = 0.5  # doubled with each attempt
_THERE_ALREADY: Final = "AlreadyExistsException"
_MISSING: Final = "EntityNotFoundException"
# botocore tries again what is throttled, but not this.
_BUSY: Final = "ConcurrentModificationException"


class Catalog(Protocol):
    """What compaction asks of the catalog. Everything raises what the catalog raises."""

    def find(self, table: str, partition: Partition) -> Located | None:
        """Where a partition points, None where it is not registered."""
        ...

    def register(self, table: str, partition: Partition, location: str) -> bool:
        """Register the partition where it is not; whether it was registered now."""
        ...

    def switch(self, table: str, partition: Partition, location: str, now: float) -> None:
        """Make the partition point at a folder, registered already or not, stamped with the time (Unix seconds)."""
        ...


class GlueCatalog:
    """The tables of a Glue database, through a boto3 client.

    Args:
        glue: the client; botocore's standard retries are expected of it.
        database: the tables' database.
        bucket: of the lake: locations are keys of folders in it.
        sleep: waits for seconds.
    """

    def __init__(self, glue: Any, database: str, bucket: str, sleep: Callable[[float], object]) -> None:
        self._glue: Final = glue
        self._database: Final = database
        self._root: Final = f"s3://{bucket}/"
        self._sleep: Final = sleep
        self._storage: Final[dict[str, dict[str, Any]]] = {}

    def find(self, table: str, partition: Partition) -> Located | None:
        """See Catalog; a place outside the lake's bucket is told as its whole address."""
        found = self._find(table, partition)
        if found is None:
            return None
        location = str((found.get("StorageDescriptor") or {}).get("Location") or "").removeprefix(self._root)
        return Located(f"{location.rstrip('/')}/", _stamp(found))

    def register(self, table: str, partition: Partition, location: str) -> bool:
        """See Catalog."""
        return self._create(table, self._input(table, partition, location, {}))

    def switch(self, table: str, partition: Partition, location: str, now: float) -> None:
        """See Catalog. Raises CompactionError where others changed the partition in every attempt."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(_WAIT_S * 2 ** (attempt - 1))
            if self._switched(table, partition, location, {STAMP: repr(now)}):
                return
        raise CompactionError(
            f"partition {table}/{partition.path}: others changed it in {ATTEMPTS} attempts; the next run mends it"
        )

    def _switched(self, table: str, partition: Partition, location: str, stamp: dict[str, str]) -> bool:
        found = self._find(table, partition)
        if found is None:
            return self._create(table, self._input(table, partition, location, stamp))
        told = self._input(table, partition, location, {**(found.get("Parameters") or {}), **stamp})
        try:
            self._glue.update_partition(
                DatabaseName=self._database, TableName=table, PartitionValueList=_values(partition), PartitionInput=told
            )
        except self._glue.exceptions.ClientError as error:
            if _code(error) in (_BUSY, _MISSING):
                return False
            raise
        return True

    def _create(self, table: str, told: dict[str, Any]) -> bool:
        """Whether the partition was made; False where it is there by now, or others are at it."""
        answer = self._glue.batch_create_partition(
            DatabaseName=self._database, TableName=table, PartitionInputList=[told]
        )
        refused = [(error.get("ErrorDetail") or {}).get("ErrorCode") for error in answer.get("Errors") or ()]
        if any(code not in (_THERE_ALREADY, _BUSY) for code in refused):
            raise CompactionError(
                f"partition {table}/{'/'.join(told['Values'])}: Glue refused it: {refused[0]}; look at the table and "
                "at the job's rights in the catalog"
            )
        return not refused

    def _find(self, table: str, partition: Partition) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._glue.get_partition(
                DatabaseName=self._database, TableName=table, PartitionValues=_values(partition)
            )["Partition"]
        except self._glue.exceptions.ClientError as error:
            if _code(error) == _MISSING:
                return None
            raise
        return found

    def _input(self, table: str, partition: Partition, location: str, parameters: dict[str, str]) -> dict[str, Any]:
        if table not in self._storage:
            told = self._glue.get_table(DatabaseName=self._database, Name=table)["Table"]
            self._storage[table] = told["StorageDescriptor"]
        return {
            "Values": _values(partition),
            "StorageDescriptor": {**self._storage[table], "Location": f"{self._root}{location}"},
            "Parameters": parameters,
        }


def _values(partition: Partition) -> list[str]:
    return [partition.aws_region, partition.day, partition.hour]


def _stamp(found: dict[str, Any]) -> float | None:
    """When the partition was switched by us; None where somebody else has written it."""
    try:
        at = float((found.get("Parameters") or {}).get(STAMP, ""))
    except ValueError:
        return None
    return at if math.isfinite(at) else None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code"))
