"""Of rows that were delivered twice, one stays: rows equal in all of AWS's columns, ``extra_fields`` too.

The guard is that of the view ``flows_once``: only where the log format tells flows apart. Hops and records without
addresses are told apart by the same fields, so copies of them go as well. The smallest ``batch_id`` stays: whoever
compacts again, in whatever order, keeps the same row.
"""

from functools import reduce
from operator import and_
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as f

from enricher.schema import AWS_COLUMNS, EXTRA_FIELDS

CONVERSATION: Final = "_conversation"
_COPY: Final = "_copy"
# Sorting compares these first: they tell most rows apart, the other seventy need no look.
_FIRST: Final = ("start", "srcport", "dstport", "bytes", "packets", "interface_id", "srcaddr", "dstaddr")


def conversation() -> Column:
    """A number that both directions of a flow share, and all copies of a record; of rows without addresses any."""
    source = f.coalesce(f.col("pkt_srcaddr"), f.col("srcaddr"))
    destination = f.coalesce(f.col("pkt_dstaddr"), f.col("dstaddr"))
    ends = f.hash(source, f.col("srcport")), f.hash(destination, f.col("dstport"))
    recorder = f.when(source.isNull() & destination.isNull(), f.hash(f.col("interface_id"), f.col("start")))
    return f.coalesce(recorder, f.hash(f.least(*ends), f.greatest(*ends), f.col("protocol")))


def without_copies(rows: DataFrame) -> DataFrame:
    """The rows, partitioned and sorted by ``CONVERSATION`` (a column of theirs), each once."""
    names = [*_FIRST, *(column.name for column in AWS_COLUMNS if column.name not in _FIRST)]
    # Maps have no order: entries in the order of their keys are the same for the same map.
    fields = f.array_sort(f.map_entries(f.col(EXTRA_FIELDS.name)))
    same = Window.partitionBy(CONVERSATION, *names, fields).orderBy(f.col("batch_id").asc_nulls_last())
    numbered = rows.withColumn(_COPY, f.row_number().over(same))
    return numbered.where((f.col(_COPY) == 1) | ~_is_told_apart()).drop(_COPY)


def _is_told_apart() -> Column:
    recorder = f.coalesce(f.col("interface_id"), f.col("resource_id"))
    told = (recorder, *(f.col(name) for name in ("srcport", "dstport", "protocol", "start", "end")))
    return reduce(and_, (value.isNotNull() for value in told))
