"""Rows of the lake as Spark reads and writes them: by name, typed as the Glue table, nulls for what an object lacks."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

from enricher.lake import Partition
from enricher.schema import BIGINT, INT, PARTITION_COLUMNS, STRING, TAGS, TIMESTAMP, Column

_TYPES: Final[dict[Any, t.DataType]] = {
    STRING: t.StringType(),
    INT: t.IntegerType(),
    BIGINT: t.LongType(),
    TAGS: t.MapType(t.StringType(), t.StringType()),
    TIMESTAMP: t.TimestampType(),
}
_HOUR_OF_URI: Final = re.compile(r"aws_region=([^/]+)/day=(\d{4}-\d{2}-\d{2})/hour=(\d{2})(?:/|$)")
# What decides how Spark reads and writes; Glue's own session has other values for some.
SETTINGS: Final[Mapping[str, str]] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",
    # Maps with a key twice: as they came. An exception would lose the whole hour.
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    # A process keeps the first codec that it makes, and readers make one too (PARQUET-2152), so it can't be told to the
    # writer alone. 3, the default, writes a tenth more.
    "parquet.compression.codec.zstd.level": "9",
}


def spark_schema(columns: Iterable[Column]) -> t.StructType:
    """Spark's schema of these columns, all nullable."""
    return t.StructType([t.StructField(column.name, _TYPES[column.type]) for column in columns])


def configured(spark: SparkSession) -> SparkSession:
    """The session with ``SETTINGS``."""
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    return spark


def read_rows(spark: SparkSession, schema: t.StructType, uris: Iterable[str], place: Partition) -> DataFrame:
    """The rows of objects and folders with ``schema``, then the partition columns of ``place``."""
    listed = list(uris)
    # Folders of a generation lie deeper than a partition's objects; nothing follows from their names.
    reader = spark.read.schema(schema).option("recursiveFileLookup", "true")
    rows = reader.parquet(*listed) if listed else spark.createDataFrame([], schema)
    values = (place.aws_region, place.day, place.hour)
    return rows.withColumns({name: f.lit(value) for name, value in zip(PARTITION_COLUMNS, values, strict=True)})


def by_hour(uris: Iterable[str]) -> dict[Partition, list[str]]:
    """The URIs of several hours, by what stands in them.

    Raises:
        ValueError: one tells no hour.
    """
    hours: dict[Partition, list[str]] = defaultdict(list)
    for uri in uris:
        found = _HOUR_OF_URI.search(uri)
        if found is None:
            raise ValueError(f"neighbour {uri}: no aws_region=…/day=…/hour=… in it; give the lake's own objects")
        hours[Partition(*found.groups())].append(uri)
    return hours
