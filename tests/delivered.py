"""Flow log files as AWS delivers them to S3: names, prefixes, gzip text with a header, Parquet."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lakes import line
from one_environment import LOG_FORMAT

HEADER = " ".join(word[2:-1] for word in LOG_FORMAT.split())
PLAIN = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/18"
HIVE = (
    "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/month=11/day=18/hour=11"
)
_WHOLE = {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"}


def name_of(moment: str, number: int, suffix: str = "log.gz") -> str:
    """The name of a file that was delivered at ``20261118T1005``."""
    return f"111122223333_vpcflowlogs_eu-west-1_fl-0a1b2c3d_{moment}Z_{number:08x}.{suffix}"


def text(*numbers: int) -> bytes:
    """Such lines below their header, gzip."""
    return gzip.compress("\n".join([HEADER, *map(line, numbers), ""]).encode(), mtime=0)


def parquet(*numbers: int) -> bytes:
    """The same as Parquet, with underscores and AWS's types."""
    columns = list(zip(*(line(number).split() for number in numbers), strict=True))
    arrays = {
        name.replace("-", "_"): pa.array([int(value) for value in values] if name in _WHOLE else values)
        for name, values in zip(HEADER.split(), columns, strict=True)
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def deliver(root: Path) -> Path:
    """Two files of the hour 10, one of them Parquet; one of the hour 11 in the Hive style; lines 1 to 6."""
    for folder, name, body in (
        (PLAIN, name_of("20261118T1005", 1), text(1, 2)),
        (PLAIN, name_of("20261118T1010", 2, "log.parquet"), parquet(3, 4)),
        (HIVE, name_of("20261118T1100", 3), text(5, 6)),
    ):
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return root
