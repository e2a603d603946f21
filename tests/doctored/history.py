"""What the service has done since it was deployed: objects, partitions, a compacted hour, the inventory."""

from typing import Any

from static.deployed import Deployed

from compaction.layout import hour_of, manifest_key
from compaction.manifest import Manifest
from doctored.names import BUCKET, DATABASE, PART, POINTER, REGION, RUN, SNAPSHOT
from enricher.inventory import Part
from enricher.lake import Partition
from enricher.partitions import Partitions
from enricher.pointer import Pointer


class History:
    """Of one deployment, up to ``now`` (Unix seconds); hours are counted back from there."""

    client: Any
    main: Deployed
    now: float

    def hour(self, back: int) -> Partition:
        """The hour so many hours ago."""
        return hour_of(REGION, self.now - back * 3600)

    def put(self, key: str, body: bytes = b"x") -> None:
        """An object of the lake."""
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def delete(self, *keys: str) -> None:
        """Objects of the lake, gone."""
        for key in keys:
            self.client("s3").delete_object(Bucket=BUCKET, Key=key)

    def register(self, *hours: Partition, table: str = "flow_logs") -> None:
        """Partitions, as the refresher and compaction register them."""
        Partitions(self.client("glue"), DATABASE, table).register_hours(hours)

    def switch(self, hour: Partition, table: str, key: str) -> None:
        """A partition's location, changed."""
        values = [hour.aws_region, hour.day, hour.hour]
        glue = self.client("glue")
        told = glue.get_partition(DatabaseName=DATABASE, TableName=table, PartitionValues=values)["Partition"]
        storage = {**told["StorageDescriptor"], "Location": f"s3://{BUCKET}/{key}"}
        glue.update_partition(
            DatabaseName=DATABASE,
            TableName=table,
            PartitionValueList=values,
            PartitionInput={"Values": values, "StorageDescriptor": storage},
        )

    def unregister(self, hour: Partition, table: str = "flow_logs") -> None:
        """A partition, gone."""
        values = [hour.aws_region, hour.day, hour.hour]
        self.client("glue").delete_partition(DatabaseName=DATABASE, TableName=table, PartitionValues=values)

    def manifest(self, hour: Partition) -> Manifest:
        """The manifest of a compacted hour."""
        return Manifest(
            partition=hour,
            generation=1,
            run=RUN,
            included=frozenset({"a.parquet"}),
            neighbours={},
            honoured=frozenset(),
            snapshot=None,
            compacted_at=self.now,
            superseded=(),
            rows=3,
            dropped=0,
            settled=0,
            changed=0,
            withdrawn=0,
        )

    def compact(self, hour: Partition) -> None:
        """What compaction leaves of an hour."""
        manifest = self.manifest(hour)
        for table, folder in (("flow_logs", manifest.location), ("flows_hourly", manifest.hourly_location)):
            self.put(f"{folder}part-0.parquet")
            self.register(hour, table=table)
            self.switch(hour, table, folder)
        self.put(manifest_key(hour), manifest.to_json())

    def make_hours(self) -> None:
        """One hour that is compacted, one that will be, one that is now, and partitions for those to come."""
        self.compact(self.hour(9))
        self.register(self.hour(2), self.hour(0), self.hour(-1), self.hour(-2))
        for back in (2, 0):
            self.put(f"flow_logs/{self.hour(back).path}/b.parquet")

    def publish(self, *parts: Part, snapshot: str = SNAPSHOT) -> None:
        """The pointer and the snapshot that it names; without parts a scan that has just ended."""
        scanned = parts or (Part(PART, self.now - 40, self.now - 30),)
        formats = (self.main.properties("TransformFunction")["Environment"]["Variables"]["LOG_FORMAT"],)
        self.put(SNAPSHOT, b"PAR1")
        self.put(POINTER, Pointer(snapshot, self.now - 40, tuple(scanned), formats).to_json())
