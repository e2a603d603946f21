"""Next to no time left: what is answered is written, nothing is begun that nobody waits for, failures are raised."""

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow.parquet as pq
from botocore.exceptions import ReadTimeoutError

from enricher.handler import Environment
from enricher.settings import JSON, PARQUET, Settings
from reliability.fuzz.function import INVENTORY, LAKE, NOW, REGION, STREAM
from reliability.memory_s3 import MemoryS3
from workbench.envelopes import event, message_record

LEFT_MS: Final = (0, 1, 500, 5_000)
_RECORDS: Final = 50
_FORMAT: Final = "${version} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${vpc-id}"


class _HangingS3(MemoryS3):
    """S3 that lets go of no put."""

    def put_object(self, **_: Any) -> dict[str, Any]:
        """Never answers: botocore gives up."""
        raise ReadTimeoutError(endpoint_url="https://s3.example.com")


class _ForbiddenEc2:
    """Notes that it was asked anything at all."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        raise ReadTimeoutError(endpoint_url=f"https://ec2.example.com/{name}")


def findings() -> Iterator[str]:
    """For every time left, output mode and S3: what was wrong, empty for nothing."""
    for left_ms in LEFT_MS:
        for mode in (PARQUET, JSON):
            for s3 in (MemoryS3(), _HangingS3()):
                yield _wrong(left_ms, mode, s3)


def _wrong(left_ms: int, mode: str, s3: MemoryS3) -> str:
    ec2 = _ForbiddenEc2()
    settings = Settings.from_environ(
        {
            "LAKE_BUCKET": LAKE,
            "LOG_FORMAT": _FORMAT,
            "OUTPUT_MODE": mode,
            "INVENTORY_URI": f"s3://{INVENTORY}/snapshot.parquet",
        }
    )
    lines = [f"2 eni-{n} 10.0.0.{n} 10.0.1.{n} 1794996000 1794996060 vpc-0a" for n in range(_RECORDS)]
    # A record with a line that cannot be read: its reject must be kept, in either mode.
    payloads = [*map(message_record, lines), f"{lines[0]}\n2 eni".encode()]
    told = event(payloads, STREAM, REGION, "one", first_arrival_ms=1_794_996_300_000)
    where = f"{left_ms} ms left, {mode}, {type(s3).__name__}"
    environment = Environment(settings, lambda: NOW, {"s3": s3, "ec2": ec2})
    try:
        answer = environment.handle(told, left_ms / 1000)
    except ReadTimeoutError:
        return "" if isinstance(s3, _HangingS3) else f"{where}: raised though S3 writes"
    if ec2.asked or answer.counts["InventoryLoads"]:
        return f"{where}: asked EC2 or for the inventory"
    objects = s3.take(LAKE)
    rows = sum(
        pq.ParquetFile(io.BytesIO(body)).metadata.num_rows
        for key, body in objects.items()
        if key.startswith("flow_logs/")
    )
    results = [record["result"] for record in answer.response["records"]]
    rejects = sum(body.count(b"\n") for key, body in objects.items() if key.startswith("rejected/"))
    expected = ["Ok" if mode == JSON else "Dropped"] * (_RECORDS + 1)
    if results != expected or rejects != 1 or (mode == PARQUET and rows != _RECORDS + 1):
        return f"{where}: answered {set(results)} with {rows} rows and {rejects} rejects written"
    return ""
