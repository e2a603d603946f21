"""Marks: what replay and backfill say of an hour, and what compaction may believe of it."""

import json

import pytest

from compaction.marks import LATE, REPLACE, Mark, MarkError, mark_name, partition_of, staged_key
from enricher.lake import Partition

HOUR = Partition("eu-west-1", "2026-11-18", "09")
KEY = "compaction/marked/aws_region=eu-west-1/day=2026-11-18/hour=09/late-1.json"
STAGED = "backfill/aws_region=eu-west-1/day=2026-11-18/hour=09/backfill-1.parquet"


def test_a_mark_lies_in_its_hour_s_folder():
    """Who lists the marks knows the hours without reading one."""
    assert Mark(LATE).key(HOUR, "late-1") == KEY
    assert partition_of(KEY) == HOUR
    assert staged_key(HOUR, "backfill-1") == STAGED


def test_a_mark_says_what_the_contract_says():
    """Version and kind; of a replacement the staged objects and the raw ones that they retire."""
    assert json.loads(Mark(LATE).to_json()) == {"version": 1, "kind": "late"}
    assert json.loads(Mark(REPLACE, (STAGED,), ("b.parquet", "a.parquet")).to_json()) == {
        "version": 1,
        "kind": "replace",
        "objects": [STAGED],
        "retires": ["a.parquet", "b.parquet"],
    }


@pytest.mark.parametrize("mark", [Mark(LATE), Mark(REPLACE, (STAGED,), ("a.parquet",)), Mark(REPLACE, (STAGED,))])
def test_a_mark_is_read_as_it_was_written(mark):
    """Nothing of it is lost."""
    assert Mark.from_json(mark.to_json(), KEY) == mark


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"version": 2, "kind": "late"}',
        b'{"version": 1, "kind": "delete"}',
        b'{"version": 1, "kind": ["late"]}',
        b'{"version": 1, "kind": "replace"}',
        b'{"version": 1, "kind": "replace", "objects": "backfill/", "retires": []}',
        b'{"version": 1, "kind": "replace", "objects": [1], "retires": []}',
        b'{"version": 1, "kind": "replace", "objects": [], "retires": [null]}',
        b'{"version": 1, "kind": "replace", "objects": ["flow_logs/x.parquet"], "retires": []}',
        json.dumps({"version": 1, "kind": "replace", "objects": [STAGED.replace("=09", "=08")], "retires": []}),
        json.dumps({"version": 1, "kind": "replace", "objects": [STAGED.replace("-1.p", "/../1.p")], "retires": []}),
    ],
)
def test_what_is_no_mark_is_refused_in_one_line_with_its_key(body):
    """Not believed, not passed over in silence: other versions, foreign documents, objects of other places."""
    body = body.encode() if isinstance(body, str) else body

    with pytest.raises(MarkError) as refused:
        Mark.from_json(body, KEY)

    assert KEY in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "key",
    [
        KEY.replace("hour=09", "hour=24"),
        KEY.replace("marked", "manifests"),
        KEY.replace("eu-west-1", "eu/west"),
        KEY.replace(".json", ""),
        KEY + "/x",
        "x" + KEY,
    ],
)
def test_other_keys_are_of_no_hour(key):
    """What else lies there is not taken for a mark."""
    assert partition_of(key) is None


def test_a_name_follows_from_the_objects_whatever_their_order():
    """The same again is the same mark; other objects are another."""
    assert mark_name(LATE, ["b", "a"]) == mark_name(LATE, ["a", "b"])
    assert mark_name(LATE, ["a"]).startswith("late-")
    assert len({mark_name(LATE, ["a", "b"]), mark_name(LATE, ["ab"]), mark_name(REPLACE, ["a", "b"])}) == 3
