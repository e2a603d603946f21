"""Where time goes, by part: parts are where they are said to be, and what calls another part does not count it."""

import time

import pytest

import enricher.batch
from bench.curves import BAD_PERCENT
from bench.large_estate import VPCS
from bench.material import Material
from bench.parts import PARTS, Part, Times, watched
from bench.scaled import FIELDS, as_envelopes, as_messages, make_lines, pairs_of_all, pairs_of_few, with_bad_lines
from bench.soak import judged_memory, missed, slope
from enricher.errors import SettingsError
from enricher.firehose import read_event
from enricher.log_format import LogFormat, LogFormats
from enricher.parse import parse_lines
from enricher.payload import read_payloads


def busy(seconds):
    """Keep the processor busy."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_a_part_is_counted_without_the_parts_that_it_calls():
    """10 ms within 30 ms: 10 and 20."""
    times = Times()
    inner = times.timed(PARTS[1].name, lambda: busy(0.01))
    outer = times.timed(PARTS[0].name, lambda: (inner(), busy(0.02)))
    outer()
    assert times.seconds[PARTS[1].name] == pytest.approx(0.01, abs=0.004)
    assert times.seconds[PARTS[0].name] == pytest.approx(0.02, abs=0.004)


def test_every_part_is_where_it_is_said_to_be():
    """Whoever moves one tells the bench; afterwards everything is as it was."""
    before = enricher.batch.resolve
    with watched(Times()):
        assert enricher.batch.resolve is not before
    assert enricher.batch.resolve is before


def test_a_part_that_moved_is_told(monkeypatch):
    """By its old place, with the mend."""
    monkeypatch.setattr("bench.parts.PARTS", (Part(PARTS[0].name, ("enricher.batch:Gone.method",)),))
    with pytest.raises(SettingsError, match=r"there is no enricher\.batch:Gone\.method; tell PARTS"), watched(Times()):
        pass


@pytest.mark.parametrize("endpoints", [10, 100, 1_000])
def test_batches_have_the_endpoints_that_are_asked_for(endpoints):
    """Each interface in one pair, both of one VPC."""
    pairs = pairs_of_all(endpoints)
    numbers = [number for pair in pairs for number in pair]
    assert sorted(numbers) == sorted(set(numbers))
    assert len(numbers) == endpoints
    assert all(one % VPCS == other % VPCS for one, other in pairs)
    lines = make_lines(pairs, 2_000)
    places = [FIELDS.index(name) for name in ("srcaddr", "dstaddr")]
    assert len({line.split(" ")[place] for line in lines for place in places}) == endpoints


@pytest.mark.parametrize("estate", [1_000, 10_000, 100_000])
def test_the_few_pairs_are_spread_over_the_estate(estate):
    """As many in each, all of it, both of one VPC, and all VPCs have some."""
    pairs = pairs_of_few(estate, 1_000)
    assert len(pairs) == 1_100
    assert max(max(pair) for pair in pairs) < estate
    assert max(max(pair) for pair in pairs) > estate * 0.9 - 10
    assert all(one % VPCS == other % VPCS for one, other in pairs)
    assert {one % VPCS for one, _ in pairs} == set(range(VPCS))


def parsed(material: Material):
    """What the function reads of a batch: rows and rejects."""
    delivery = read_event(material.event)
    read = read_payloads(delivery.payloads, delivery.column)
    told = parse_lines(read.lines, read.ordinals, LogFormats((LogFormat(FIELDS),)))
    return told.flows.num_rows, len(told.rejects) + len(read.rejects)


@pytest.mark.parametrize("percent", BAD_PERCENT)
def test_bad_lines_are_bad_and_the_others_are_not(percent):
    """Of 1,000."""
    mixed = with_bad_lines(as_messages(make_lines(pairs_of_all(100), 1_000)), percent / 100)
    assert parsed(mixed) == (1_000 - 10 * percent, 10 * percent)
    assert len(mixed.lines) == 1_000 - 10 * percent


def test_envelopes_hold_the_same_lines():
    """Gzipped, in three of them."""
    material = as_envelopes(make_lines(pairs_of_all(100), 2_500))
    assert len(material.event["records"]) == 3
    assert parsed(material) == (2_500, 0)


def test_memory_that_grows_is_told_and_memory_that_swings_is_not():
    """10 kB a batch over 10,000 batches are 100 MB; a swing of 8 MB is none; the first tenth does not count."""
    swing = [250.0 + 4 * (-1) ** step for step in range(167)]
    warming = [100.0 + 20 * min(step, 8) for step in range(167)]
    leak = [250.0 + 0.6 * step for step in range(167)]
    still = [1e6] * 167
    asked = {"ec2_calls": (0, ""), "s3_reads_between_renewals": (0, "")}
    assert missed(judged_memory(swing, still, 10_000) | asked) == []
    assert missed(judged_memory(warming, still, 10_000) | asked) == []
    assert missed(judged_memory(leak, still, 10_000) | asked) == ["rss_last_to_first_quarter", "rss_growth"]
    assert missed(judged_memory(still, leak, 10_000) | asked) == []
    assert missed(judged_memory(still, [1e6 + 60.0 * step for step in range(167)], 10_000) | asked) == ["blocks_growth"]
    assert missed(judged_memory([100.0, *[250.0] * 9], still[:10], 600) | asked) == []
    assert slope([0.0, 2.0, 4.0, 6.0]) == 2.0
