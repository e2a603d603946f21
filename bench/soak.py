"""`python -m bench.soak`: 10,000 batches through one environment, and what stays of them in memory.

Batches of 200 to 500 lines of three formats and four shapes, with bad lines and with addresses that nobody has seen
before, an inventory that is new once a minute of the clock. Lines `name value unit`, then all as one JSON object; exit
code 1 if memory grows, EC2 is asked, or S3 is read more often than the inventory's TTL says.
"""

import argparse
import gc
import io
import json
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from botocore.exceptions import ClientError

from bench.material import REGION, SECONDS, START, STREAM, Material, make_materials
from enricher.handler import Environment, emit, settle_collector
from enricher.log_format import LogFormat, LogFormats
from enricher.memory import keep_freed_memory
from enricher.settings import Settings
from workbench.envelopes import (
    DeliveryRecord,
    LogSource,
    bare_record,
    compressed_record,
    data_envelope,
    log_event,
    message_record,
    message_records,
    transformation_event,
)
from workbench.estate import BENCH

BATCHES: Final = 10_000
LINES: Final = (200, 500)
VERSIONS: Final = (2, 5, 11)
TTL_S: Final = 60
SEED: Final = 11
WARM: Final = 0.1  # of the run, which is not judged
AT_MOST: Final = {"rss_last_to_first_quarter": 1.02, "rss_growth": 0.5, "blocks_growth": 500.0, "ec2_calls": 0.0,
                  "s3_reads_between_renewals": 0.0}  # fmt: skip
MOST_SECONDS: Final = 330.0  # of processor time; a slower machine does fewer batches, and says so
_MOST_LINES: Final = 20_000  # of each format, to choose from
_NOW: Final = START + SECONDS + 300
_SNAPSHOT: Final = "s3://bench-lake/inventory/snapshot.parquet"
_SOURCE: Final = LogSource("123456789012", "flow-logs", "eni-all", "to-firehose")
_PAGE_KB: Final = 4
_SECONDS_LEFT: Final = 120

Figure = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Lines to choose from, by format, and the inventory's snapshot."""

    lines: Mapping[tuple[str, ...], list[str]]
    snapshot: bytes


class RenewedS3:
    """As much of a boto3 S3 client as the function uses. The snapshot has a new ETag each minute of the clock."""

    class exceptions:  # noqa: N801 - boto3's own name
        """boto3 clients carry their exceptions so."""

        ClientError = ClientError

    def __init__(self, snapshot: bytes, clock: Callable[[], float]) -> None:
        self._snapshot, self._clock = snapshot, clock
        self.reads = self.puts = 0

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """The snapshot, or 304 where the caller has the minute's."""
        self.reads += 1
        tag = f"minute-{self._clock() // TTL_S:.0f}"
        if arguments.get("IfNoneMatch") == tag:
            raise ClientError({"Error": {"Code": "304"}}, "GetObject")
        return {"Body": io.BytesIO(self._snapshot), "ContentLength": len(self._snapshot), "ETag": tag}

    def put_object(self, **_: Any) -> dict[str, Any]:
        """Take the object, keep nothing."""
        self.puts += 1
        return {}


class CountedEc2:
    """An EC2 client that answers nothing and counts who asks."""

    def __init__(self) -> None:
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            self.calls += 1
            raise ClientError({"Error": {"Code": "UnauthorizedOperation"}}, name)

        return refuse


class _Nothing(io.StringIO):
    """Where log lines and metrics go."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


def draw() -> Drawn:
    """What batches are made of, drawn in a process of its own: the estate would be most of what this one holds."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_draw).result()


def _draw() -> Drawn:
    made = [make_materials(_MOST_LINES, 1, version)[0] for version in VERSIONS]
    return Drawn({material.fields: _of_known(material) for material in made}, made[0].snapshot())


def _of_known(material: Material) -> list[str]:
    """Lines whose recorder is in the inventory: of others EC2 is asked, once in a while."""
    known = {each["NetworkInterfaceId"] for each in material.documents["network-interfaces"]["NetworkInterfaces"]}
    place = material.fields.index("interface-id")
    return [line for line in material.lines if line.split(" ")[place] in known]


def events(drawn: Drawn, number: int) -> Iterator[dict[str, Any]]:
    """``number`` batches, no two alike."""
    chance = random.Random(SEED)
    for batch in range(number):
        fields = chance.choice(list(drawn.lines))
        size = chance.randint(*LINES)
        first = chance.randrange(len(drawn.lines[fields]) - size)
        lines = _changed(drawn.lines[fields][first : first + size], fields, chance)
        payloads = _shaped(lines, chance)
        arrived = int((_NOW + batch) * 1000)
        records = [DeliveryRecord(f"{batch:028d}{place:028d}", data, arrived) for place, data in enumerate(payloads)]
        yield transformation_event(records, STREAM, REGION, f"soak-{batch}")


def _changed(lines: list[str], fields: tuple[str, ...], chance: random.Random) -> list[str]:
    """A few peers become addresses of nobody; in one batch of fifty a line is cut off."""
    peer = fields.index("dstaddr")
    for place in chance.sample(range(len(lines)), 8):
        words = lines[place].split(" ")
        words[peer] = f"198.{chance.randrange(18, 20)}.{chance.randrange(256)}.{chance.randrange(256)}"
        lines[place] = " ".join(words)
    if chance.random() < 0.02:  # noqa: PLR2004 - told above
        lines[0] = lines[0].rpartition(" ")[0]
    return lines


def _shaped(lines: list[str], chance: random.Random) -> list[bytes]:
    """The lines as delivery records of one of four shapes."""
    shape = chance.randrange(4)
    if shape == 0:
        return [message_record(line) for line in lines]
    tens = [lines[first : first + 10] for first in range(0, len(lines), 10)]
    if shape == 1:
        return [message_records(ten, newline=True) for ten in tens]
    if shape == 2:  # noqa: PLR2004 - the third
        return [bare_record(ten) for ten in tens]
    return [compressed_record(data_envelope([log_event(line, timestamp_ms=START * 1000) for line in lines], _SOURCE))]


def soak(drawn: Drawn, batches: int, leak: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Figure]:
    """The figures of so many batches; ``leak`` is given each event, and may keep of it what it likes.

    Memory is looked at right after each renewal of the inventory: in between more and more of it is remembered.
    """
    now = [float(_NOW)]
    s3, ec2 = RenewedS3(drawn.snapshot, lambda: now[0]), CountedEc2()
    environment = _environment(drawn, s3, ec2, lambda: now[0])
    logger, metrics = Logger(service="soak", stream=_Nothing()), Metrics(namespace="VpcFlowLogs", service="soak")
    rss: list[float] = []
    blocks: list[float] = []
    early_reads, done, begun = 0, 0, time.process_time()
    for number, event in enumerate(events(drawn, batches)):
        now[0] = _NOW + number
        before = s3.reads
        answer = environment.handle(event, _SECONDS_LEFT)
        with redirect_stdout(_Nothing()):
            emit(answer, logger, metrics)
        leak(event)
        done = number + 1
        if number % TTL_S:
            early_reads += s3.reads - before
        else:
            rss.append(_rss_mb())
            print(f"after {done} batches {rss[-1]:.1f} MB", file=sys.stderr)
            if time.process_time() - begun > MOST_SECONDS:
                break
            blocks.append(float(sys.getallocatedblocks()))
    return {
        "batches": (done, f"of {batches}, {LINES[0]} to {LINES[1]} lines, formats of {len(VERSIONS)} versions"),
        "soaked_in": (time.process_time() - begun, "s of processor time, making the batches included"),
        **judged_memory(rss, blocks, done),
        "ec2_calls": (ec2.calls, "calls"),
        "s3_reads": (s3.reads, f"reads, {len(rss)} renewals were due"),
        "s3_reads_between_renewals": (early_reads, "reads"),
        "s3_puts": (s3.puts, "objects"),
    }


def judged_memory(rss: Sequence[float], blocks: Sequence[float], batches: int) -> dict[str, Figure]:
    """What samples of memory (MB; Python's allocated blocks) in equal steps tell, without the run's first tenth."""
    warm = rss[int(len(rss) * WARM) :]
    quarter = max(1, len(warm) // 4)
    first, last = statistics.median(warm[:quarter]), statistics.median(warm[-quarter:])
    thousands = batches / 1000 / max(1, len(rss))
    return {
        "rss": (warm[-1], "MB at the end"),
        "rss_last_to_first_quarter": (last / first, "ratio of medians; at most 1.02"),
        "rss_growth": (slope(warm) / thousands, "MB a thousand batches, middle slope; at most 0.5"),
        "blocks_growth": (
            slope(blocks[int(len(blocks) * WARM) :]) / thousands,
            "of Python's blocks a thousand batches, middle slope; at most 500",
        ),
    }


def slope(values: Sequence[float]) -> float:
    """The median of the slopes between values half a run apart, a step: what a few outliers cannot move."""
    half = len(values) // 2
    return statistics.median((values[place + half] - values[place]) / half for place in range(len(values) - half))


def missed(figures: dict[str, Figure]) -> list[str]:
    """The names of what is above its bound."""
    return [name for name, most in AT_MOST.items() if figures[name][0] > most]


def _environment(drawn: Drawn, s3: RenewedS3, ec2: CountedEc2, clock: Callable[[], float]) -> Environment:
    settings = Settings(
        lake_bucket="bench-lake",
        log_formats=LogFormats(tuple(LogFormat(fields) for fields in drawn.lines)),
        inventory_uri=_SNAPSHOT,
        inventory_soft_ttl_s=TTL_S,
        inventory_hard_ttl_s=86_400,
    )
    keep_freed_memory()
    return Environment(settings, clock, {"s3": s3, "ec2": ec2}, settle=settle_collector)


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_KB / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print, judge."""
    parser = argparse.ArgumentParser(description="memory over many batches")
    parser.add_argument("--batches", type=int, default=BATCHES)
    told = parser.parse_args(arguments)
    figures = soak(draw(), told.batches)
    above = missed(figures) + ["batches"] * (figures["batches"][0] < told.batches)
    print(f"material {BENCH.digest()}")
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.4g} {unit}{'  MISSED' if name in above else ''}")
    gc.unfreeze()
    print(json.dumps({"material": BENCH.digest()} | {name: value for name, (value, _) in figures.items()}))
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
