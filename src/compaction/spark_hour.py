"""An hour compacted by Spark: copies dropped, endpoints settled again, each row judged, sorted, added up.

Rows of ``job.rows`` → one partition a conversation, copies out → ``settle`` in Python workers → kept on disk, because
they are read twice from there: to be judged, and to tell whose interfaces recorded → the views' own SQL over them and
the hours beside → sorted files → ``flows_hourly`` from what was written.

**Files.** A reader reads each file's footer whole (a hundred-odd columns of a row group are some 12 kB of it), and
leaves out row groups by their statistics. parquet-mr closes a row group by what it holds in memory, so where it ends is
anybody's guess, and a file of a million rows may have one. So a large hour is in four files or a multiple of it: what
counts and crosses zones; what counts of the classes that sort after that one; what sorts before it, with the few rows
without a class; and second records and hops, which no question about flows that count reads. Of each the smallest and
largest words tell that the others' are not there.
A small hour is one file.

**Order.** Rows are sorted by class, whether they count and zones, by which questions leave rows out; then by both ends,
ports and time: what the same two ends said again and again stands together, so words are runs and numbers resemble
those before them. No dictionary is made of numbers, since codes hide that from the compressor.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.storagelevel import StorageLevel

from compaction.hour import HourJob, HourResult
from compaction.layout import HOUR_S
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

ROWS_OF_A_LARGE_HOUR: Final = 300_000  # some 5 MB
ROWS_A_SLICE: Final = 4_000_000  # of a large hour's time, which has four files: some 10 to 30 MB each
ROW_GROUP_BYTES: Final = 128 << 20
ROWS_A_PAGE: Final = 200_000  # or 1 MB; of 20,000, the default, a compressor sees too little
_CROSSING: Final = "cross_az"
_KINDS: Final = 4
_ASKED_FOR: Final = ("traffic_class", "counts_as", "src_az_id", "dst_az_id")
_PACKING_WELL: Final = ("packet_srcaddr", "packet_dstaddr", "interface_id", "srcport", "dstport", "start")
_NO_DICTIONARY: Final = ("srcport", "dstport", "packets", "bytes", "start", "end")


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
            write(_in_files(spark.table("judged_hour"), rows).select(*names), job.location)
        finally:
            settled.unpersist()
        self._add_up(compacted_columns(extra), job)
        return HourResult(rows, given.count() - rows, *changes)

    @cached_property
    def _sent(self) -> Broadcast[Any]:
        """Once for all hours: workers that stay index it once."""
        sent = None if self.tables is None else SentSource(self.tables, self.rules.promoted)
        return self.spark.sparkContext.broadcast(sent)

    def _settled(self, given: DataFrame, columns: tuple[Column, ...]) -> DataFrame:
        """The rows without copies, endpoints settled; ``lake_columns`` and ``COUNTS``."""
        keyed = given.drop(*PARTITION_COLUMNS).withColumn(CONVERSATION, conversation()).repartition(CONVERSATION)
        once = without_copies(keyed).select(CONVERSATION, *(column.name for column in columns))
        settler = Settler(columns, CONVERSATION, self._sent, self.rules, self.remembered_since)
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
        write(sums.repartition(1).sortWithinPartitions("traffic_class", "counts_as", *names), job.hourly_location)


def _values(place: Partition) -> dict[str, str]:
    return dict(zip(PARTITION_COLUMNS, (place.aws_region, place.day, place.hour), strict=True))


def _in_files(rows: DataFrame, number: int) -> DataFrame:
    """A partition a file, each sorted."""
    return _parted(rows, number).sortWithinPartitions(*_ASKED_FOR, *_PACKING_WELL)


def _parted(rows: DataFrame, number: int) -> DataFrame:
    if number < ROWS_OF_A_LARGE_HOUR:
        return rows.repartition(1)
    slices = -(-number // ROWS_A_SLICE)
    counts = f.col(COUNTS_AS.name) == COUNTED
    kind = (
        f.when(f.col(COUNTS_AS.name) > COUNTED, 3)
        .when(counts & (f.col("traffic_class") == _CROSSING), 0)
        .when(counts & (f.col("traffic_class") > _CROSSING), 1)
        .otherwise(2)
    )
    time = f.coalesce(f.col("flow_time"), f.lit(0)) * slices
    slice_of = f.pmod(f.floor(time / f.lit(HOUR_S)), f.lit(slices))
    keys = f.array(*(f.lit(key).cast("bigint") for key in _keys(rows.sparkSession, _KINDS * slices)))
    return rows.repartition(_KINDS * slices, f.element_at(keys, (kind * slices + slice_of + 1).cast("int")))


def _keys(spark: SparkSession, number: int) -> list[int]:
    """For each of so many partitions a number that Spark's hash puts there, and no other of these."""
    places = spark.range(32 * number).select("id", f.pmod(f.hash("id"), f.lit(number)).alias("place")).collect()
    found = {row["place"]: row["id"] for row in places}
    return [found[place] for place in range(number)]


def write(rows: DataFrame, location: str) -> None:
    """Write a file a partition, in place of whatever is there."""
    (
        rows.write.mode("overwrite")
        .option("compression", "zstd")
        .options(**{f"parquet.enable.dictionary#{name}": "false" for name in _NO_DICTIONARY})
        .option("parquet.block.size", ROW_GROUP_BYTES)
        .option("parquet.page.row.count.limit", ROWS_A_PAGE)
        .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .parquet(location)
    )
