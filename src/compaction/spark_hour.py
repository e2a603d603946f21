"""An hour compacted by Spark: copies dropped, endpoints settled again, each row judged, sorted, added up.

Rows of ``job.rows`` → one partition a conversation, copies out → ``settle`` in Python workers → kept on disk, because
they are read twice from there: to be judged, and to tell whose interfaces recorded → the views' own SQL over them and
the hours beside → sorted files → ``flows_hourly`` from what was written.

**Files.** Athena reads a file in splits of some 64 MB and each file's footer whole: a hundred-odd columns of a row
group are some 15 kB of it. So a file holds ``ROWS_A_FILE`` rows (64 to 128 MB of flow logs), a small hour is one file.
Rows are sorted by class, whether they count, zones and time: a question about one class skips the other row groups by
their statistics, and the words of a run take next to no room.
"""

from dataclasses import dataclass
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.storagelevel import StorageLevel

from compaction.hour import HourJob, HourResult
from compaction.spark_copies import CONVERSATION, conversation, without_copies
from compaction.spark_rows import by_hour, configured, read_rows, spark_schema
from compaction.spark_settle import COUNTS, SentSource, Settler
from compaction.view_sql import FLOWS_HOURLY, VIEWS
from enricher.hourly import COUNTED, hourly_columns
from enricher.inventory import InventoryTables
from enricher.lake import Partition
from enricher.resolve import Rules
from enricher.schema import (
    BIGINT,
    COUNTS_AS,
    DEFAULT_PROMOTED_TAGS,
    PARTITION_COLUMNS,
    Column,
    compacted_columns,
    lake_columns,
)

ROWS_A_FILE: Final = 2_000_000
ROW_GROUP_BYTES: Final = 32 << 20  # as parquet-mr counts them while they are written: a good deal more than they take
_TIME_CLUSTER_S: Final = 600
_ORDER: Final = ("traffic_class", "counts_as", "src_az_id", "dst_az_id")


@dataclass(frozen=True)
class SparkHourWriter:
    """Writes hours with one session, one after the other (its temporary views are the session's).

    ``tables``: the inventory to settle with; None: endpoints stay as they are. ``rules``: those of the stream, their
    promoted tags are columns. ``remembered_since``: as ``enricher.settle`` takes it.
    """

    spark: SparkSession
    tables: InventoryTables | None
    rules: Rules
    remembered_since: float

    def write(self, job: HourJob) -> HourResult:
        """Write the hour's rows and sums; what is in the two folders already is written over.

        Raises:
            ValueError: a neighbour's URI tells no hour, or the hour itself.
            Exception: what Spark raises.
        """
        spark = configured(self.spark)
        extra = tuple(name for name in self.rules.promoted if name not in DEFAULT_PROMOTED_TAGS)
        columns = lake_columns(extra)
        given = read_rows(spark, spark_schema(columns), job.rows, job.partition)
        settled = self._settled(given, columns).persist(StorageLevel.DISK_ONLY)
        try:
            counts = settled.agg(f.count(f.lit(1)), *(f.coalesce(f.sum(name), f.lit(0)) for name in COUNTS)).first()
            rows, *changes = counts or (0, 0, 0, 0)
            self._judge(settled.drop(*COUNTS), columns, job)
            names = [column.name for column in compacted_columns(extra)]
            _write(_sorted(spark.table("judged_hour"), rows).select(*names), job.location)
        finally:
            settled.unpersist()
        self._add_up(compacted_columns(extra), job)
        return HourResult(rows, given.count() - rows, *changes)

    def _settled(self, given: DataFrame, columns: tuple[Column, ...]) -> DataFrame:
        """The rows without copies, endpoints settled; ``lake_columns`` and ``COUNTS``."""
        keyed = given.drop(*PARTITION_COLUMNS).withColumn(CONVERSATION, conversation()).repartition(CONVERSATION)
        once = without_copies(keyed).select(CONVERSATION, *(column.name for column in columns))
        sent = None if self.tables is None else SentSource(self.tables, self.rules.promoted)
        held = self.spark.sparkContext.broadcast(sent)
        settler = Settler(columns, CONVERSATION, held, self.rules, self.remembered_since)
        told = tuple(Column(name, BIGINT, "of the second look") for name in COUNTS)
        return once.mapInArrow(settler, spark_schema((*columns, *told)))

    def _judge(self, settled: DataFrame, columns: tuple[Column, ...], job: HourJob) -> None:
        """The view ``judged_hour``: the hour's rows with ``counts_as``, in the light of the hours beside it."""
        every = settled.withColumns({name: f.lit(value) for name, value in _values(job.partition).items()})
        for place, uris in by_hour(job.neighbours).items():
            if place == job.partition:
                raise ValueError(f"neighbour {uris[0]}: is of the hour itself, so rows would double; leave it out")
            every = every.unionByName(read_rows(self.spark, spark_schema(columns), uris, place))
        every.withColumn(COUNTS_AS.name, f.lit(None).cast("string")).createOrReplaceTempView("flow_logs")
        for name in ("flow_rows", "flows_judged"):
            self.spark.sql(VIEWS[name]).createOrReplaceTempView(name)
        here = [f.col(name) == value for name, value in _values(job.partition).items()]
        judged = self.spark.table("flows_judged").where(here[0] & here[1] & here[2])
        judged.withColumn(COUNTS_AS.name, f.col("judged_as")).createOrReplaceTempView("judged_hour")

    def _add_up(self, columns: tuple[Column, ...], job: HourJob) -> None:
        """Write ``flows_hourly`` from the rows that were written: they say how they count."""
        read_rows(self.spark, spark_schema(columns), [job.location], job.partition).createOrReplaceTempView("flow_logs")
        rows = self.spark.sql(VIEWS["flow_rows"])
        rows.createOrReplaceTempView("flow_rows")
        # No copies are left and all rows are judged: of the view only what it takes from compacted rows remains.
        rows.where(f.col(COUNTS_AS.name) == COUNTED).createOrReplaceTempView("flows_once")
        names = [column.name for column in hourly_columns()]
        kinds = {field.name: field.dataType for field in spark_schema(hourly_columns())}
        sums = self.spark.sql(FLOWS_HOURLY).select(*(f.col(name).cast(kinds[name]).alias(name) for name in names))
        _write(sums.repartition(1).sortWithinPartitions("traffic_class", "counts_as", *names), job.hourly_location)


def _values(place: Partition) -> dict[str, str]:
    return dict(zip(PARTITION_COLUMNS, (place.aws_region, place.day, place.hour), strict=True))


def _sorted(rows: DataFrame, number: int) -> DataFrame:
    """In files of ``ROWS_A_FILE``; beside the order named above by what packs well."""
    cluster = f.floor(f.col("flow_time") / f.lit(_TIME_CLUSTER_S))
    order: list[Any] = [*(f.col(name) for name in _ORDER), cluster]
    packed = [f.col(name) for name in ("interface_id", "packet_srcaddr", "packet_dstaddr", "start", "srcport")]
    files = -(-number // ROWS_A_FILE) or 1
    parted = rows.repartition(1) if files == 1 else rows.repartitionByRange(files, *order)
    return parted.sortWithinPartitions(*order, *packed)


def _write(rows: DataFrame, location: str) -> None:
    (
        rows.write.mode("overwrite")
        .option("compression", "zstd")
        .option("parquet.block.size", ROW_GROUP_BYTES)
        .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .parquet(location)
    )
