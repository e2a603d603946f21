"""A page's console blocks, run as a reader would: one shell command after the other, in one directory.

Blocks that are written for AWS meet the stand-in cloud: a lake's bucket with a failed batch, a bucket of delivered flow
logs, a catalog, and Athena over ``my-lake`` of the directory.
"""

import gzip
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from athena_cloud import CREDENTIALS, DATABASE, make_workgroup
from cloud_lake import CloudLake
from console_blocks import ROOT, blocks, is_shown

from workbench.cloud import LocalCloud

LAKE: Final = "my-lake"
_SECONDS_A_COMMAND: Final = 300
_FAILED: Final = ROOT / "tests" / "data" / "error_objects" / "processing-failed.jsonl"
_DELIVERED: Final = (
    "AWSLogs/123456789012/vpcflowlogs/us-east-1/2025/11/20/"
    "123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_20251120T1005Z_0a1b2c3d.log.gz"
)
_LINES: Final = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action",
    "2 123456789012 eni-0a1b2c3d 10.0.1.5 10.0.2.9 443 49152 6 10 1840 1763632800 1763632860 ACCEPT",
)


def run_page(page: Path, directory: Path, environment: Mapping[str, str]) -> int:
    """Run a page's marked blocks and assert that they print what it shows; returns how many commands ran.

    Outside of the cloud nothing may appear on the error stream, but from `make`, which tells its progress there.
    """
    ran = 0
    with ExitStack() as opened:
        cloud: LocalCloud | None = None
        for block in blocks(page.read_text(encoding="utf-8")):
            told = dict(environment)
            if block.runs and block.needs_cloud:
                cloud = cloud or opened.enter_context(_cloud(directory))
                told |= CREDENTIALS | {"AWS_ENDPOINT_URL": cloud.endpoint}
            for command, shown in block.steps if block.runs else ():
                done = _run(command, directory, told)
                said = "" if block.needs_cloud or command.startswith("make ") else done.stderr
                assert (done.returncode, said) == (0, ""), f"{command}\n{done.stderr}"
                assert is_shown(done.stdout, shown), f"{command}\nprinted\n{done.stdout}"
                ran += 1
    return ran


def _run(command: str, directory: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the pages' own commands
        ["/bin/bash", "-c", command],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_SECONDS_A_COMMAND,
        check=False,
    )


@contextmanager
def _cloud(directory: Path) -> Iterator[LocalCloud]:
    """What such blocks need in AWS; the lake on disk is there already."""
    with LocalCloud(lake=directory / LAKE) as cloud:
        lake = CloudLake(cloud, "my-flow-lake", DATABASE)
        lake.put("processing-failed/2026/11/20/10/1.jsonl", _FAILED.read_bytes())
        lake.s3.create_bucket(Bucket="my-delivered-logs")
        lines = gzip.compress(("\n".join(_LINES) + "\n").encode())
        lake.s3.put_object(Bucket="my-delivered-logs", Key=_DELIVERED, Body=lines)
        if (directory / LAKE).is_dir():
            make_workgroup(cloud)
        yield cloud
