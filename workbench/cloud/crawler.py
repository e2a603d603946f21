"""A Glue crawler's stand-in: what AWS documents of one with a catalog target, LOG and InheritFromTable.

It lists the table's place, registers folders that have no partition, with the table's columns and formats, and logs
what else it finds: partitions that are there stay as they are, wherever they point, and none is deleted. Objects
whose names begin with ``_`` or ``.`` are no data.

https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-glue-crawler-schemachangepolicy.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from enricher.published import Place

_AT_ONCE: Final = 100  # partitions a BatchCreatePartition


@dataclass(frozen=True, slots=True)
class Crawled:
    """What a crawl did: locations that were registered, and lines of its log."""

    registered: tuple[str, ...]
    logged: tuple[str, ...]


def crawl(s3: Any, glue: Any, database: str, table: str) -> Crawled:
    """One run over one table; ``s3`` and ``glue`` are boto3 clients. Raises what they raise."""
    told = glue.get_table(DatabaseName=database, Name=table)["Table"]
    storage, keys = told["StorageDescriptor"], [key["Name"] for key in told["PartitionKeys"]]
    place = Place.of(f"{storage['Location'].rstrip('/')}/")
    known = dict(_partitions(glue, database, table))
    new: dict[tuple[str, ...], str] = {}
    logged: set[str] = set()
    for key in _data_objects(s3, place):
        values = _values(key.removeprefix(place.key), keys)
        if values is None:
            logged.add(f"s3://{place.bucket}/{key}: is in no folder of {'/'.join(keys)}; left alone")
            continue
        folder = "/".join(f"{name}={value}" for name, value in zip(keys, values, strict=True))
        location = f"{place.uri}{folder}/"
        if values not in known:
            new[values] = location
        elif known[values].rstrip("/") != location.rstrip("/"):
            logged.add(f"{location}: its partition points at {known[values]}; left alone")
    waiting = iter(new.items())
    while some := list(islice(waiting, _AT_ONCE)):
        answer = glue.batch_create_partition(
            DatabaseName=database,
            TableName=table,
            PartitionInputList=[
                {"Values": list(values), "StorageDescriptor": {**storage, "Location": location}}
                for values, location in some
            ],
        )
        logged.update(str(error) for error in answer.get("Errors") or ())
    return Crawled(tuple(new.values()), tuple(sorted(logged)))


def _partitions(glue: Any, database: str, table: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for page in glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table):
        for told in page["Partitions"]:
            yield tuple(told["Values"]), told["StorageDescriptor"]["Location"]


def _data_objects(s3: Any, place: Place) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for told in page.get("Contents") or ():
            if told["Size"] and told["Key"].rpartition("/")[2][:1] not in ("_", "."):
                yield told["Key"]


def _values(path: str, keys: Sequence[str]) -> tuple[str, ...] | None:
    """The partition's values in a path ``key=value/…/name``; None where the folders are others."""
    parts = [part.partition("=") for part in path.split("/")[:-1]]
    if [name for name, _, _ in parts[: len(keys)]] != list(keys) or not all(
        value for _, _, value in parts[: len(keys)]
    ):
        return None
    return tuple(value for _, _, value in parts[: len(keys)])
