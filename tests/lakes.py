"""What the tests of replay and backfill share: lines that can be told apart, and what of them a lake holds."""

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from one_environment import CLIENT, FLOWS_START, LAKE, LOG_FORMAT, REGION, Cloud, flow

from compaction.lake_objects import LakeObjects
from enricher.lake import Partition
from workbench.envelopes import message_record

FORMAT = ("--log-format", LOG_FORMAT)
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:enrich"
ARRIVED = (FLOWS_START + 300) * 1000  # 2026-11-18 10:05:00 UTC
HOUR_MS = 3_600_000


class DiedError(Exception):
    """The process ends here."""


class Life:
    """How many effects somebody has until they die: at the last one, before it acts or after."""

    def __init__(self, left: int, *, acts: bool) -> None:
        self._left = left
        self._acts = acts

    def spend(self, effect: Callable[[], Any]) -> Any:
        """Act, unless this is the end."""
        self._left -= 1
        if self._left > 0:
            return effect()
        if self._acts:
            effect()
        raise DiedError


class Dying:
    """A lake, or a catalog, of somebody with so much life left."""

    def __init__(self, inner: Any, life: Life) -> None:
        self._inner = inner
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put_if_absent(self, key: str, body: Any) -> bool:
        """An effect on a lake."""
        return bool(self._life.spend(lambda: self._inner.put_if_absent(key, body)))

    def register_hours(self, partitions: Iterable[Partition]) -> int:
        """An effect on a catalog."""
        return int(self._life.spend(lambda: self._inner.register_hours(partitions)))


class Catalog:
    """A catalog in memory."""

    def __init__(self) -> None:
        self.hours: set[Partition] = set()

    def register_hours(self, partitions: Iterable[Partition]) -> int:
        """Register hours; the number of those that were not."""
        new = set(partitions) - self.hours
        self.hours |= new
        return len(new)


def line(number: int) -> str:
    """A flow log line that no other number has; a flow of our client."""
    return flow(CLIENT, "10.0.2.9", srcport=1024 + number, start=FLOWS_START + number % 50)


def error_line(payload: bytes, arrived_at: object = ARRIVED, **members: object) -> str:
    """An error object of a delivery record, and LF."""
    told = {"attemptsMade": 4, "arrivalTimestamp": arrived_at, "errorCode": "Lambda.FunctionError"}
    told |= {"rawData": base64.b64encode(payload).decode(), "lambdaArn": ARN}
    return json.dumps(told | members) + "\n"


def failed(*numbers: int, arrived_at: int = ARRIVED) -> str:
    """Error objects of one line each."""
    return "".join(error_line(message_record(line(number)), arrived_at) for number in numbers)


def ports(lake: LakeObjects, prefix: str = "flow_logs/") -> Counter[int]:
    """How often each line's number stands in the rows below a prefix."""
    found: Counter[int] = Counter()
    for key in lake.keys(prefix):
        table = pq.read_table(io.BytesIO(lake.read(key) or b""))
        found.update(port - 1024 for port in table["srcport"].to_pylist())
    return found


def hours(lake: LakeObjects, prefix: str) -> list[str]:
    """The hours below a prefix, as day/hour."""
    parts = {tuple(key.removeprefix(prefix).split("/")[1:3]) for key in lake.keys(prefix)}
    return sorted(f"{day[4:]}/{hour[5:]}" for day, hour in parts)


def content(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "NO_PROXY": "127.0.0.1",
}


def use(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the command's credentials and endpoint are the stand-in cloud's."""
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": cloud.endpoint}).items():
        monkeypatch.setenv(name, value)


def keys(cloud: Cloud, prefix: str = "") -> list[str]:
    """The lake bucket's keys."""
    return [told["Key"] for told in cloud.s3.list_objects_v2(Bucket=LAKE, Prefix=prefix).get("Contents", [])]


def put_all(directory: Path, **objects: str) -> None:
    """Files of these names and contents."""
    directory.mkdir(exist_ok=True)
    for name, text in objects.items():
        (directory / name).write_text(text)
