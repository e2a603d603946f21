"""What a batch costs does not depend on the size of the estate: nothing walks through the index."""

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pyarrow as pa
import pytest

from bench.large_estate import BEGUN_AT, VPCS, address_of, interface_id_of, make_tables, vpc_of
from enricher.inventory import Inventory
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source

FORMATS = LogFormats.parse(["version interface-id srcaddr dstaddr start end vpc-id flow-direction"])
LINES = 200
SMALL, LARGE, STRIDE = 800, 40_000, 49


def flows(stride: int) -> pa.Table:
    """Flows between interfaces of one VPC and to strangers, proven, by continuation, and from the day before."""
    lines = []
    for number in range(LINES):
        one, other = stride * number, stride * ((number + VPCS * 7) % SMALL)
        peer = address_of(other) if number % 5 else f"10.0.200.{number}"
        end = BEGUN_AT + (0, 600, -86_400 * 2)[number % 3]
        lines.append(
            f"2 {interface_id_of(one)} {address_of(one)} {peer} {end - 60} {end} {vpc_of(one)} "
            f"{('egress', '-')[number % 2]}"
        )
    return parse_lines(lines, [0] * LINES, FORMATS).flows


def batch(size: int, stride: int) -> Callable[[], Any]:
    """The same batch in an estate of this size."""
    source = Source(Inventory(make_tables(size), DEFAULT_PROMOTED_TAGS), "snapshot")
    table = flows(stride)

    def run() -> list[str | None]:
        source.inventory.remembered.clear()  # nothing remembered from the batch before
        statuses: list[str | None] = resolve(table, source, Rules()).endpoints["status"].to_pylist()
        return statuses

    return run


@pytest.fixture(scope="module")
def batches() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One batch in a small estate and in one fifty times its size."""
    return batch(SMALL, 1), batch(LARGE, STRIDE)


def test_both_estates_give_the_same_answers(batches):
    """So that what follows compares the same work; every kind of answer is there."""
    small, large = batches[0](), batches[1]()

    assert Counter(small) == Counter(large)
    assert {"resolved", "subnet"} <= set(small)


def test_a_batch_takes_as_many_steps_in_a_large_estate(batches):
    """Every instruction of Python is counted: an index walked through by Python code would show."""

    def steps(run: Callable[[], Any]) -> int:
        counted = 0

        def count(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal counted
            frame.f_trace_opcodes = True
            counted += event == "opcode"
            return count

        tracing = sys.gettrace()
        sys.settrace(count)
        try:
            run()
        finally:
            sys.settrace(tracing)
        return counted

    small, large = (steps(each) for each in batches)

    assert small > LINES
    assert large == pytest.approx(small, rel=0.02)


def test_a_batch_takes_as_much_memory_in_a_large_estate(batches):
    """An Arrow kernel over a column of the estate would allocate as many rows as the estate has."""

    def peak(run: Callable[[], Any]) -> int:
        before = pa.default_memory_pool()
        pool = pa.proxy_memory_pool(before)
        pa.set_memory_pool(pool)
        try:
            run()
        finally:
            pa.set_memory_pool(before)
        most: int = pool.max_memory()
        return most

    small, large = (peak(each) for each in batches)

    assert small > 0
    assert large == pytest.approx(small, rel=0.1)
