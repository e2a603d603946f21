"""How a replay cuts error objects into batches: the same object, the same batches, in the function's own hours."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compaction.error_objects import ErrorRecord
from compaction.replay import WINDOW_BYTES, batches
from enricher.errors import InputError
from enricher.payload import read_payloads
from workbench.envelopes import LogSource, compressed_record, data_envelope, log_event

TEN = 1_794_996_000_000  # 2026-11-18 10:00:00 UTC
MINUTE = 60_000
FAILED, FINAL = "Lambda.FunctionError", "Enricher.field_count"


def record(payload=b"x", arrived_at=TEN, code=FAILED, region="eu-west-1", ended_at=None):
    """A delivery record that failed."""
    return ErrorRecord(1, payload, arrived_at, code, region, ended_at)


def made(records, region=None):
    """The batches as (hour, payloads)."""
    found = batches(records, region, "object")
    return [(b.partition.path[len("aws_region=") :], [r.payload for r in b.records]) for b in found]


def test_records_go_into_the_hour_of_their_own_arrival():
    """What has no attempt in common has no batch in common."""
    records = [record(b"b", TEN), record(b"a", TEN + 60 * MINUTE - 1), record(b"c", TEN + 60 * MINUTE)]

    assert made(records) == [
        ("eu-west-1/day=2026-11-18/hour=10", [b"a", b"b"]),
        ("eu-west-1/day=2026-11-18/hour=11", [b"c"]),
    ]


def test_a_batch_that_failed_whole_stays_in_the_hour_where_the_function_would_have_put_it():
    """If the function did write it, and failed after that, both copies lie in one hour."""
    records = [record(bytes([n]), TEN + n * MINUTE, ended_at=TEN + 61 * MINUTE) for n in (58, 59, 60)]
    behind = [record(b"z", TEN + 60 * MINUTE, ended_at=TEN + 70 * MINUTE)]

    assert made(records + behind) == [
        ("eu-west-1/day=2026-11-18/hour=10", [b"\x3a", b"\x3b", b"\x3c"]),
        ("eu-west-1/day=2026-11-18/hour=11", [b"z"]),
    ]


@pytest.mark.parametrize(
    "records",
    [
        [record(b"a", TEN + 59 * MINUTE, FINAL, ended_at=5), record(b"b", TEN + 60 * MINUTE, FINAL, ended_at=5)],
        [record(b"a", TEN, ended_at=5), record(b"b", TEN + 60 * MINUTE, ended_at=5)],
    ],
    ids=["our own rejects", "an hour between them"],
)
def test_records_that_were_no_batch_are_not_taken_for_one(records):
    """No buffer waits an hour, and a reject's batch is in the lake."""
    assert [hour[-2:] for hour, _ in made(records)] == ["10", "11"]


def test_records_without_arrival_go_where_undated_files_go():
    """Decision 14: plainly no real hour."""
    assert made([record(arrived_at=None, code=FINAL)]) == [("eu-west-1/day=1970-01-01/hour=00", [b"x"])]


def test_the_region_is_the_function_s_then_the_path_s_then_nobody_s():
    """The object's word comes first; without any, the records cannot be put anywhere."""
    assert [hour[:9] for hour, _ in made([record(), record(region=None)], "us-east-1")] == ["eu-west-1", "us-east-1"]
    with pytest.raises(InputError, match=r"object: its records tell no region; give --region"):
        made([record(region=None)])


def test_a_batch_holds_at_most_a_hundred_thousand_lines():
    """As does an object of a file; a record is never cut."""
    found = made([record(b"2 eni-1\n" * 30_000 + b"%d" % n) for n in range(7)])

    assert [len(payloads) for _, payloads in found] == [3, 3, 1]


def test_an_envelope_counts_with_what_it_inflates_to():
    """60,000 lines in some kilobytes: two such records do not fit."""
    events = [log_event("2 eni-1 - -", timestamp_ms=TEN)] * 60_000
    envelope = compressed_record(data_envelope(events, LogSource("1", "a", "b", "c")))

    assert [len(payloads) for _, payloads in made([record(envelope), record(envelope)])] == [1, 1]


def test_what_inflates_to_much_is_cut_by_bytes():
    """The function's own bounds hold here too: 32 MiB a record, and not more than fits of them."""
    large = gzip.compress(bytes(30 * 1024 * 1024))

    assert [len(payloads) for _, payloads in made([record(large)] * 5)] == [2, 2, 1]


@pytest.mark.parametrize("filler", [b"\n", b"\\n", b"\\u000a", b'"message"'])
def test_the_core_takes_every_batch(filler):
    """However a payload looks like many lines, no batch is too large for it: one record at most is a reject."""
    hostile = b'{"message":"2"' + filler * 90_000 + b"}"
    records = [record(hostile + bytes([n])) for n in range(12)] + [record(b"2 eni-1\n" * 300_000)]

    for batch in batches(records, None, "object"):
        lines = read_payloads([each.payload for each in batch.records])
        assert len(lines.lines) + len(lines.rejects) >= len(batch.records)


@pytest.mark.parametrize("wide", ["é".encode(), rb"\u0101"])
def test_the_core_takes_every_batch_of_envelopes_that_take_more_as_text(wide):
    """A character beyond ASCII makes a record count four times: what the function failed at is what is replayed."""
    records = [record(gzip.compress(b"2 eni-%d " % n + wide + b" " * (7 * 1024 * 1024))) for n in range(6)]

    found = list(batches(records, None, "object"))

    assert sum(len(batch.records) for batch in found) == len(records)
    assert [len(read_payloads([each.payload for each in batch.records]).rejects) for batch in found] == [0] * len(found)


def test_a_large_object_is_taken_in_parts():
    """Never much more than a window of it is in memory."""
    arriving = (record(bytes([number]) * (WINDOW_BYTES // 4)) for number in range(6))

    first = next(batches(arriving, None, "object"))

    assert (len(first.records), len(list(arriving))) == (4, 2)


def test_records_of_a_large_object_are_in_one_part_each():
    """And the next part begins where the last one ended."""
    records = [record(bytes([number]) * (WINDOW_BYTES // 4)) for number in range(9)]

    assert [[each.payload[0] for each in batch.records] for batch in batches(records, None, "object")] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8],
    ]


def name(*payloads: bytes, **members: object):
    """The name of the batch of these."""
    (batch,) = batches([record(each, **members) for each in payloads], None, "object")
    return batch.name


def test_a_name_follows_from_the_sorted_records_alone():
    """Not from their order, arrival or code; other bytes, or bytes cut otherwise, are another."""
    assert name(b"a", b"bc") == name(b"bc", b"a", arrived_at=TEN + 5, code=FINAL)
    assert len({name(b"a", b"bc"), name(b"ab", b"c"), name(b"abc"), name(b"a", b"a", b"bc")}) == 4
    assert name(b"a").startswith("replay-")


RECORDS = st.lists(
    st.builds(
        record,
        st.binary(max_size=3) | st.just(json.dumps({"message": "2"}).encode()),
        st.integers(TEN, TEN + 3 * 60 * MINUTE),
        st.sampled_from([FAILED, FINAL]),
        st.sampled_from(["eu-west-1", "us-east-1", None]),
        st.sampled_from([None, TEN, TEN + 1]),
    ),
    max_size=30,
)


@given(RECORDS)
def test_every_record_is_in_exactly_one_batch_and_each_name_once_an_hour(records):
    """Nothing lost, nothing twice, and the same again the next time."""
    found = list(batches(records, "eu-west-1", "object"))

    assert Counter(records) == Counter(each for batch in found for each in batch.records)
    keys = [(batch.partition, batch.name) for batch in found]
    assert len(set(keys)) == len(keys)
    assert keys == [(batch.partition, batch.name) for batch in batches(records, "eu-west-1", "object")]
