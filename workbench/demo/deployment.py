"""What the template deploys, in the local stand-in cloud: bucket, snapshot, catalog, the function behind a stream."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics

from enricher.handler import Environment, emit
from enricher.history import merge
from enricher.inventory_documents import tables_of
from enricher.log_format import LogFormats
from enricher.schema import compacted_columns
from enricher.settings import Ec2Settings, Settings
from enricher.snapshot import to_snapshot
from workbench.cloud import LocalCloud
from workbench.firehose import DeliveryStream, S3Store, SimulatedClock, stream_settings, uuid_ids
from workbench.inventory_reader import read_inventory

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
BUCKET: Final = "demo-lake"
DATABASE: Final = "vpc_flow_logs"
_SNAPSHOT_KEY: Final = "inventory/snapshot.parquet"
_FUNCTION_SECONDS: Final = 120
_HISTORY_SECONDS: Final = 5 * 86_400
_PARTITIONS_A_CALL: Final = 100
_STREAM: Final = {
    "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/delivery",
    "BucketARN": f"arn:aws:s3:::{BUCKET}",
    "Prefix": "delivered/",
    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
    "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
    "ProcessingConfiguration": {
        "Enabled": True,
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [
                    {
                        "ParameterName": "LambdaArn",
                        "ParameterValue": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:enrich",
                    },
                    {"ParameterName": "BufferSizeInMBs", "ParameterValue": "2"},
                    {"ParameterName": "BufferIntervalInSeconds", "ParameterValue": "60"},
                    {"ParameterName": "NumberOfRetries", "ParameterValue": "3"},
                ],
            }
        ],
    },
}


class Deployment:
    """The service in the stand-in cloud; ``counts`` adds up what the function counted."""

    def __init__(self, cloud: LocalCloud, log_format: str, now_ms: int, seed: int) -> None:
        self._cloud = cloud
        self._s3 = cloud.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        self.clock = SimulatedClock(now_ms)
        self.counts: dict[str, float] = {}
        self._printed = StringIO()
        self._logger = Logger(service="enricher", stream=self._printed)
        self._metrics = Metrics(namespace="VpcFlowLogs", service="enricher")
        settings = Settings(
            lake_bucket=BUCKET,
            log_formats=LogFormats.parse([log_format]),
            inventory_uri=f"s3://{BUCKET}/{_SNAPSHOT_KEY}",
            inventory_hard_ttl_s=86_400,
            # The inventory here is older than the traffic, and nobody else asks the stand-in cloud's EC2.
            ec2=Ec2Settings(environments=1),
        )
        clients = {"s3": self._s3, "ec2": cloud.client("ec2")}
        self._environment = Environment(settings, lambda: self.clock.now_ms() / 1000, clients)
        self.stream = DeliveryStream(
            stream_settings("flow-logs", ACCOUNT, REGION, _STREAM),
            self._invoke,
            S3Store(self._s3, BUCKET),
            self.clock,
            uuid_ids(random.Random(seed)),
        )

    def take_snapshot(self) -> int:
        """Scan EC2 and store the inventory as the refresher does; answers the number of interfaces."""
        documents = read_inventory(self._cloud.client, time.monotonic, time.sleep, ACCOUNT, REGION)
        now = self.clock.now_ms() / 1000
        # The refresher has been at work for days, and nothing of this estate has changed meanwhile.
        scans = [
            tables_of(documents, at, ended_at=at, part=f"{ACCOUNT}/{REGION}") for at in (now - _HISTORY_SECONDS, now)
        ]
        tables = merge(None, scans, [], now, _HISTORY_SECONDS, 2 * _HISTORY_SECONDS)
        self._s3.put_object(Bucket=BUCKET, Key=_SNAPSHOT_KEY, Body=bytes(to_snapshot(tables)))
        return int(tables.interfaces.num_rows)

    def register_partitions(self) -> int:
        """Make the Glue database and table, and a partition for every folder of the lake; answers their number."""
        glue = self._cloud.client("glue")
        glue.create_database(DatabaseInput={"Name": DATABASE})
        columns = [{"Name": column.name, "Type": column.glue_type} for column in compacted_columns()]
        keys = [{"Name": name, "Type": "string"} for name in ("aws_region", "day", "hour")]
        location = f"s3://{BUCKET}/flow_logs/"
        table = {
            "Name": "flow_logs",
            "StorageDescriptor": {"Columns": columns, "Location": location},
            "PartitionKeys": keys,
        }
        glue.create_table(DatabaseName=DATABASE, TableInput=table)
        folders = sorted({key.rpartition("/")[0] for key, _ in self.objects("flow_logs/")})
        partitions = [
            {
                "Values": [part.partition("=")[2] for part in folder.split("/")[1:]],
                "StorageDescriptor": {"Columns": columns, "Location": f"s3://{BUCKET}/{folder}/"},
            }
            for folder in folders
        ]
        for first in range(0, len(partitions), _PARTITIONS_A_CALL):
            wanted = partitions[first : first + _PARTITIONS_A_CALL]
            glue.batch_create_partition(DatabaseName=DATABASE, TableName="flow_logs", PartitionInputList=wanted)
        return len(partitions)

    def objects(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys and bodies below a prefix of the bucket."""
        return S3Store(self._s3, BUCKET).objects(prefix)

    def download(self, directory: Path) -> int:
        """Copy the lake (rows and rejects) into a directory; answers the number of Parquet objects."""
        count = 0
        for prefix in ("flow_logs/", "rejected/"):
            for key, body in self.objects(prefix):
                target = directory / key
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body)
                count += key.endswith(".parquet")
        return count

    def _invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._environment.handle(event, _FUNCTION_SECONDS)
        # The function's own line and metrics go into a buffer: the terminal belongs to the demo.
        with redirect_stdout(self._printed):
            emit(answer, self._logger, self._metrics)
        for name, number in answer.counts.items():
            self.counts[name] = self.counts.get(name, 0) + number
        return answer.response
