"""Run inside an artefact, alone: `python -I -S -B proof.py TREE SERVICES` (see checks.run_alone).

Imports by name, because what is imported must come from TREE, which is only known when this runs. One flow record goes
through the real handler into a bucket that is a dictionary; then every AWS client that the functions may need is made.
Prints one line, or raises.
"""

import base64
import io
import sys
import time
from importlib import import_module
from typing import Any

LINE = b"2 123456789012 eni-0a1b 10.0.1.5 10.0.2.9 49152 5432 6 120 184320 1763600000 1763600060 ACCEPT OK"
ARRIVED_AT_MS = 1_763_600_100_000
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/proof"


class DictionaryBucket:
    """As much of an S3 client as the handler uses to write: objects by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Keep the object's bytes."""
        self.objects[request["Key"]] = request["Body"]
        return {}


def enrich_one_record(shell: Any, settings: Any) -> int:
    """One delivery record through the handler; returns the columns of the row it wrote.

    Raises:
        RuntimeError: the record was not taken, or not exactly one object with one row was written.
    """
    bucket = DictionaryBucket()
    chosen = {"LAKE_BUCKET": "proof", "LOG_FORMAT": "v2", "EC2_LOOKUPS": "off"}
    environment = shell.Environment(
        settings.Settings.from_environ(chosen), lambda: ARRIVED_AT_MS / 1000, {"s3": bucket}
    )
    record = {
        "recordId": "1",
        "approximateArrivalTimestamp": ARRIVED_AT_MS,
        "data": base64.b64encode(LINE).decode(),
    }
    event = {"invocationId": "1", "deliveryStreamArn": STREAM, "region": "us-east-1", "records": [record]}
    response = environment.handle(event, 60.0).response
    results = [answer["result"] for answer in response["records"]]
    written = [import_module("pyarrow.parquet").read_table(io.BytesIO(body)) for body in bucket.objects.values()]
    if results != ["Dropped"] or [rows.num_rows for rows in written] != [1]:
        raise RuntimeError(f"the handler answered {results} and wrote {list(bucket.objects)}")
    if written[0]["bytes"].to_pylist() != [184320]:
        raise RuntimeError("the row that was written has other bytes than the line")
    return len(written[0].column_names)


def main(tree: str, services: list[str]) -> str:
    """Import from ``tree``, enrich one record, make the clients; returns what to tell."""
    sys.path.insert(0, tree)
    began = time.perf_counter()
    shell = import_module("enricher.handler")
    boto3 = import_module("boto3")
    took = time.perf_counter() - began
    for module in (shell, boto3, sys.modules["pyarrow"], sys.modules["cache"]):
        if not str(module.__file__).startswith(tree):
            raise RuntimeError(f"{module.__name__} came from {module.__file__}")
    columns = enrich_one_record(shell, import_module("enricher.settings"))
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    for service in services:
        boto3.client(service, region_name="us-east-1", **keys)
    return f"handler imported in {took:.2f} s, one row of {columns} columns, {len(services)} AWS clients"


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2].split(",")))
