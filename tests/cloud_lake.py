"""A lake's bucket and catalog in the stand-in cloud, as the template makes them, over HTTP."""

from typing import Any

from compaction.catalog import GlueCatalog
from compaction.objects import S3Objects
from workbench.cloud import LocalCloud

BUCKET = "lake-bucket"
DATABASE = "flow_logs_db"
PARTITION_KEYS = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]


class CloudLake:
    """The clients of one lake, and compaction's own view of it. Each has a bucket of its own."""

    def __init__(self, cloud: LocalCloud, bucket: str = BUCKET, database: str = DATABASE) -> None:
        self.s3: Any = cloud.client("s3")
        self.glue: Any = cloud.client("glue")
        self.bucket, self.database = bucket, database
        self.s3.create_bucket(Bucket=bucket)
        self.glue.create_database(DatabaseInput={"Name": database})
        for table in ("flow_logs", "flows_hourly"):
            storage = {"Location": f"s3://{bucket}/{table}/", "Columns": [{"Name": "id", "Type": "string"}]}
            told = {"Name": table, "StorageDescriptor": storage, "PartitionKeys": PARTITION_KEYS}
            self.glue.create_table(DatabaseName=database, TableInput=told)
        self.objects = S3Objects(self.s3, bucket)
        self.waits: list[float] = []
        self.catalog = GlueCatalog(self.glue, database, bucket, self.waits.append)

    def put(self, key: str, body: bytes = b"x") -> None:
        """An object of the bucket."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the bucket that begin so."""
        return [stored.key for stored in self.objects.listed(prefix)]

    def partition(self, table: str, values: list[str]) -> Any:
        """A partition as Glue tells it."""
        return self.glue.get_partition(DatabaseName=self.database, TableName=table, PartitionValues=values)["Partition"]
