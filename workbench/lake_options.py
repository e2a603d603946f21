"""What replay and backfill are told about: the lake, the inventory, the tags."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compaction.known import Known, Told, known_from
from compaction.lake_objects import LakeObjects, S3Lake
from compaction.source_objects import S3, bucket_and_key
from enricher.errors import InventoryError
from enricher.settings import promoted_tags
from workbench.directory_store import DirectoryLake
from workbench.errors import UsageError
from workbench.inventory_files import load_source


def open_lake(text: str, client: Callable[[str], Any]) -> LakeObjects:
    """``s3://bucket``, or a directory, which need not be there yet."""
    if not text.startswith(S3):
        if Path(text).exists() and not Path(text).is_dir():
            raise UsageError(f"--lake {text}: is no directory; give one, or s3://bucket")
        return DirectoryLake(Path(text))
    bucket, prefix = bucket_and_key(text)
    if prefix:
        raise UsageError(f"--lake {text}: a lake fills its bucket; give s3://{bucket}")
    return S3Lake(client("s3"), bucket)


def load_known(inventory: str | None, told: Told, region: str | None, client: Callable[[str], Any]) -> Known:
    """With an inventory directory, a snapshot, the refresher's pointer (``s3://bucket/key``), or none."""
    if inventory is None:
        return told.known(None)
    if inventory.startswith(S3):
        try:
            return known_from(client("s3"), inventory, told)
        except InventoryError as error:
            # What AWS refused is AWS's failure, with its mend; the function would only have gone on without it.
            raise _told_by_aws(error) from error
    return told.known(load_source(Path(inventory), promoted_tags(told.promoted), region))


def _told_by_aws(error: BaseException) -> BaseException:
    """The failure of AWS behind an error, if there is one; else the error."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded already where there is a client

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, BotoCoreError | ClientError):
        cause = cause.__cause__
    return error if cause is None else cause
