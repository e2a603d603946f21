"""An estate of more words than a side of a flow may name without need: interfaces, names, tags by the hundred."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from made_by_hand import eni, estate, source, subnet, vpc

from enricher.enrich import Provenance, enrich
from enricher.log_format import LogFormats
from enricher.parse import parse_lines
from enricher.resolve import Rules, resolve

INTERFACES = 300
FORMATS = LogFormats.parse(["version interface-id vpc-id srcaddr dstaddr start end flow-direction"])


def address(number):
    """Of an interface, by its number; two share a subnet of 16."""
    return f"10.0.{number // 32}.{number // 2 % 16 * 16 + 5 + number % 2}"


def tags(number):
    """An interface's own name, and a tag that all have; every seventh has none at all."""
    return [("Name", f"host {number}"), ("team", "ours")] if number % 7 else None


@pytest.fixture(scope="module")
def rows():
    """Each interface sends to the next but one hundred, the last hundred send nothing.

    Then the first one sends to its neighbour, and says that there was nothing to record.
    """
    interfaces = [
        eni(
            f"eni-{number}",
            address(number),
            SubnetId=f"subnet-{number // 2}",
            TagSet=[{"Key": key, "Value": value} for key, value in tags(number) or ()],
        )
        for number in range(INTERFACES)
    ]
    subnets = [
        subnet(f"subnet-{place}", "vpc-a", f"10.0.{place // 16}.{place % 16 * 16}/28", f"use1-az{place}")
        for place in range(INTERFACES // 2)
    ]
    networks = {"vpcs": [vpc("vpc-a", "10.0.0.0/16")], "subnets": subnets}
    known = source(estate(interfaces=interfaces, **networks))
    lines = [
        f"2 eni-{number} vpc-a {address(number)} {address(number + 100)} 50 60 egress"
        for number in range(INTERFACES - 100)
    ]
    lines += [f"2 eni-0 vpc-a {address(0)} {address(1)} 50 60 egress", "2 eni-0 vpc-a - - 50 60 -"]
    parsed = parse_lines(lines, [0] * len(lines), FORMATS)
    dimension = resolve(parsed.flows, known, Rules())
    return enrich(parsed.flows, dimension, Provenance("batch", pa.array([60_000] * len(lines))))


def test_each_side_has_its_own_words(rows):
    """Interface, name and all tags of either side are those of its interface."""
    for side, offset in (("src", 0), ("dst", 100)):
        numbers = [*(number + offset for number in range(INTERFACES - 100)), offset // 100]
        assert rows[f"{side}_interface_id"].to_pylist() == [*(f"eni-{number}" for number in numbers), None]
        names = [dict(tags(number) or ()).get("Name") for number in numbers]
        assert rows[f"{side}_name"].to_pylist() == [*names, None]
        *told, nothing = rows[f"{side}_tags"].to_pylist()
        assert [sorted(found or ()) for found in told] == [sorted(tags(number) or ()) for number in numbers]
        assert nothing is None


def test_zones_are_compared_between_the_sides(rows):
    """More zones than a dictionary is shared for: those of source and destination are still the same or not."""
    assert rows["traffic_class"].to_pylist() == [*["cross_az"] * (INTERFACES - 100), "same_az", None]


@pytest.mark.parametrize("side", ["src", "dst"])
def test_a_side_carries_no_words_of_the_other(rows, side):
    """Where there are many: they would all be written into the object."""
    interfaces = rows[f"{side}_interface_id"].chunk(0)
    values = rows[f"{side}_tags"].chunk(0).items

    for column in (interfaces, values):
        assert set(column.dictionary.to_pylist()) == set(pc.unique(column.cast(pa.string()).drop_null()).to_pylist())
