"""The same delivery records four times over, fresh invocation ids, in two processes at once: one copy is written."""

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from reliability.oracle import world as stages
from reliability.oracle.cases import Bench
from reliability.oracle.producer import REGION, STREAM_ARN
from reliability.oracle.remote import RemoteService
from workbench.envelopes import bare_record, event, message_record

ATTEMPTS: Final = 4
PROCESSES: Final = 2


class Attempted(NamedTuple):
    """Attempts made, objects that there are beyond one process's, and rows that differ from one process's."""

    attempts: int
    more_objects: int
    other_rows: int
    other_answers: int


def attempted(bench: Bench) -> Attempted:
    """One process once, and then two at once, four times each, into another empty lake."""
    world = bench.world
    lines = [one.flow.line for one in world.flows.values()]
    records = [*map(message_record, lines[:6]), bare_record([*lines[6:], stages.BAD_LINE])]
    arrived = round((world.hour + 900) * 1000)
    service = RemoteService(world.endpoint, world.wire)

    def ask(number: int, barrier: Barrier | None) -> list[Any]:
        function = service.function(world.hour + 960)
        answers = []
        for attempt in range(ATTEMPTS if barrier else 1):
            if barrier:
                barrier.wait(60)
            told = event(records, STREAM_ARN, REGION, f"{number}-{attempt}", first_arrival_ms=arrived)
            answers.append(function(told))
        return answers

    world.begin(bench.before[stages.STREAM])
    (right,) = ask(0, None)
    once = world.objects("flow_logs/") | world.objects("rejected/")
    world.begin(bench.before[stages.STREAM])
    barrier = Barrier(PROCESSES)
    with ThreadPoolExecutor(PROCESSES) as pool:
        answers = [
            answer for told in pool.map(lambda number: ask(number, barrier), range(1, PROCESSES + 1)) for answer in told
        ]
    found = world.objects("flow_logs/") | world.objects("rejected/")
    differ = (_rows(once) - _rows(found)).total() + (_rows(found) - _rows(once)).total()
    return Attempted(len(answers), len(found.keys() ^ once.keys()), differ, sum(answer != right for answer in answers))


def _rows(objects: dict[str, bytes]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for key, body in objects.items():
        if key.endswith(".parquet"):
            rows.update(map(repr, pq.ParquetFile(io.BytesIO(body)).read().to_pylist()))
    return rows
