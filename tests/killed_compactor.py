"""Compaction as a process of its own over HTTP, killed by SIGKILL before each request that changes something.

    python tests/killed_compactor.py            the whole list; last line: JSON of what was found
    python tests/killed_compactor.py --child …  one compactor, killed before its n-th such request

A lake with everything to do (``compaction_world.busy_lake``) is put into the stand-in cloud for each kill; late objects
come and the crawler's stand-in runs after it; then a second process runs to its end.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from cloud_lake import CloudLake
from compaction_world import BUSY_HOURS, FRESH, GRACE_S, NEWS, ArrowWriter, World, busy_lake, rows_in
from moto.s3.models import s3_backends

from compaction.catalog import GlueCatalog
from compaction.objects import S3Objects
from compaction.settings import SweepSettings
from compaction.sweep import Compactor
from enricher.lake import FLOW_LOGS
from workbench.cloud import DEFAULT_ACCOUNT, LocalCloud
from workbench.cloud.crawler import crawl

CHANGING = frozenset({"PutObject", "DeleteObjects", "UpdatePartition", "BatchCreatePartition"})
ROOT = Path(__file__).resolve().parents[1]


class Putting(S3Objects):
    """S3 with the unconditional put of an engine."""

    def put(self, key: str, body: bytes) -> None:
        """As Spark's."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)


@dataclass
class Outcome:
    """One kill: which request, whether the process was killed there, and what readers missed or saw twice."""

    request: str
    was_killed: bool
    lost: int
    doubled: int


def child(options: argparse.Namespace) -> int:
    """One compactor; goes before its n-th changing request (from 0), if there is one."""
    count = 0

    def before_send(event_name: str, **_: object) -> None:
        nonlocal count
        if event_name.rpartition(".")[2] in CHANGING:
            if count == options.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            sys.stdout.write(event_name.rpartition(".")[2] + "\n")
            sys.stdout.flush()

    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    s3, glue = (session.client(name, endpoint_url=options.endpoint) for name in ("s3", "glue"))
    for client in (s3, glue):
        client.meta.events.register("before-send", before_send)
    objects = Putting(s3, options.bucket)
    report = Compactor(
        objects=objects,
        catalog=GlueCatalog(glue, options.database, options.bucket, lambda _: None),
        writer=ArrowWriter(objects),
        clock=lambda: options.now,
        uri=str,
        run=options.run,
        settings=SweepSettings(GRACE_S),
    ).sweep()
    sys.stderr.write("\n".join(report.failures))
    return int(bool(report.failures))


class Killing:
    """Kills compactors of one lake after the other, in a cloud that runs."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._lakes = 0

    def requests(self) -> int:
        """How many changing requests a run of the busy lake has."""
        lake, world = self._lake()
        done = self._child(lake, world.now, None)
        assert done.returncode == 0, done.stderr
        return len(done.stdout.split())

    def at(self, number: int) -> Outcome:
        """A process killed before a request, late objects, a crawl, and another process run to its end."""
        lake, world = self._lake()
        done = self._child(lake, world.now, number)
        lost, doubled = self._read(lake, world)
        for partition in (NEWS, FRESH):
            key = world.arrive(partition)
            lake.put(key, world.bodies[key])
        crawl(lake.s3, lake.glue, lake.database, FLOW_LOGS)
        again = self._child(lake, world.now, None)
        assert again.returncode == 0, again.stderr
        for partition in BUSY_HOURS:
            seen = Counter(self._rows(lake, partition))
            right = world.right(partition)
            lost += len(right - seen.keys())
            doubled += sum(count - 1 for count in seen.values())
            doubled += len(seen.keys() - right)
        names = done.stdout.split()
        return Outcome(names[-1] if names else "", done.returncode == -signal.SIGKILL, lost, doubled)

    def _read(self, lake: CloudLake, world: World) -> tuple[int, int]:
        """Rows missing and doubled for who reads between the kill and the next run: raw, old or new, but whole."""
        lost = doubled = 0
        for partition in BUSY_HOURS:
            seen = Counter(self._rows(lake, partition))
            before = set(world.rows(partition))
            lost += 0 if world.right(partition) <= seen.keys() else len(before - seen.keys())
            doubled += sum(count - 1 for count in seen.values())
        return lost, doubled

    def _rows(self, lake: CloudLake, partition: Any) -> Sequence[str]:
        located = lake.catalog.find(FLOW_LOGS, partition)
        return [] if located is None else rows_in(lake.objects, located.location, "id")

    def _lake(self) -> tuple[CloudLake, World]:
        """The busy lake, with its objects as old as they are in memory."""
        self._lakes += 1
        world = busy_lake()
        lake = CloudLake(self._cloud, f"lake-{self._lakes}", f"lake_{self._lakes}")
        for key, (body, _) in world.objects.found.items():
            lake.put(key, body)
        stored = s3_backends[DEFAULT_ACCOUNT]["aws"].buckets[lake.bucket].keys
        for key, (_, put_at) in world.objects.found.items():
            stored[key].last_modified = datetime.fromtimestamp(put_at, UTC).replace(tzinfo=None)
        for (table, partition), located in world.catalog.found.items():
            if located.since is None:
                lake.catalog.register(table, partition, located.location)
            else:
                lake.catalog.switch(table, partition, located.location, located.since)
        return lake, world

    def _child(self, lake: CloudLake, now: float, kill: int | None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, __file__, "--child", "--endpoint", self._cloud.endpoint, "--now", str(now)]
        command += ["--bucket", lake.bucket, "--database", lake.database, "--kill", str(-1 if kill is None else kill)]
        command += ["--run", f"{'second' if kill is None else 'first'}-{self._lakes}"]
        paths = os.pathsep.join(map(str, (ROOT / "src", ROOT, ROOT / "tests")))
        environment = os.environ | {"PYTHONPATH": paths}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)  # noqa: S603 - our own script


def main() -> int:
    """A child, or the whole list."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", action="store_true")
    for name in ("endpoint", "bucket", "database", "run"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--now", type=float, default=0)
    parser.add_argument("--kill", type=int, default=-1)
    parser.add_argument("--most", type=int, help="about so many kills, and not the whole list")
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), help="the first of every two: 0 2")
    options = parser.parse_args()
    if options.child:
        return child(options)
    found = []
    with LocalCloud() as cloud:
        killing = Killing(cloud)
        requests = killing.requests()
        step = 1 if options.most is None else max(1, requests // options.most)
        first, of = options.share
        for number in range(step - 1, requests, step)[first::of]:
            found.append(killing.at(number))
            sys.stderr.write(f"{number}: {found[-1]}\n")
    told = {name: sum(getattr(one, name) for one in found) for name in ("was_killed", "lost", "doubled")}
    sys.stdout.write(json.dumps({"requests": requests, "tried": len(found), **told}) + "\n")
    return int(told != {"was_killed": len(found), "lost": 0, "doubled": 0})


if __name__ == "__main__":
    sys.exit(main())
