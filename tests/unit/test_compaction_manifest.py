"""The manifest of a compacted hour: written, read again, and refused wherever it is not exactly one of this hour."""

import json
from typing import Any

import pytest
from compaction_world import hour
from hypothesis import given
from hypothesis import strategies as st

from compaction.manifest import CompactionError, Manifest, Superseded

HOUR, OTHER = hour(5), hour(6)
FOLDER = f"flow_logs_compacted/{HOUR.path}/"
TEXT = st.text(max_size=8)


def manifest(**others: Any):
    """A manifest of HOUR."""
    told = {
        "partition": HOUR,
        "generation": 3,
        "run": "c0ffee",
        "included": frozenset({"b.parquet", "a.parquet"}),
        "neighbours": {"2026-01-01/04": "", "2026-01-01/06": "5eed"},
        "honoured": frozenset({"d1"}),
        "snapshot": "inventory/snapshots/x.parquet",
        "compacted_at": 1_767_268_800.5,
        "superseded": (Superseded(f"{FOLDER}generation-000002-beef/", 1_767_268_800.5),),
        "rows": 7,
        "dropped": 1,
        "settled": 2,
        "changed": 3,
        "withdrawn": 4,
    }
    return Manifest(**told | others)


def changed(**others: Any):
    """The bytes of a manifest in which some members are others."""
    return json.dumps(json.loads(manifest().to_json()) | others).encode()


def test_what_it_says_is_what_others_read():
    """Members and places as agreed on: the workbench and people's scripts read this object."""
    assert json.loads(manifest().to_json()) == {
        "version": 1,
        "aws_region": "us-east-1",
        "day": "2026-01-01",
        "hour": "05",
        "generation": 3,
        "run": "c0ffee",
        "location": f"{FOLDER}generation-000003-c0ffee/",
        "hourly_location": f"flows_hourly/{HOUR.path}/generation-000003-c0ffee/",
        "included": ["a.parquet", "b.parquet"],
        "neighbours": {"2026-01-01/04": "", "2026-01-01/06": "5eed"},
        "honoured": ["d1"],
        "snapshot": "inventory/snapshots/x.parquet",
        "compacted_at": 1767268800.5,
        "superseded": [{"location": f"{FOLDER}generation-000002-beef/", "since": 1767268800.5}],
        "rows": 7,
        "dropped": 1,
        "settled": 2,
        "changed": 3,
        "withdrawn": 4,
    }


@given(
    included=st.frozensets(TEXT), neighbours=st.dictionaries(TEXT, TEXT), snapshot=st.none() | TEXT, rows=st.integers(0)
)
def test_what_was_written_is_read(included, neighbours, snapshot, rows):
    """Whatever the names are."""
    told = manifest(included=included, neighbours=neighbours, snapshot=snapshot, rows=rows)
    assert Manifest.from_json(told.to_json(), HOUR) == told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        manifest().to_json()[:-1],
        b"[" * 100_000,
        manifest(partition=OTHER).to_json(),
        changed(version=2),
        changed(version=True),
        changed(hour="06"),
        changed(generation=0),
        changed(generation=True),
        changed(generation=3.0),
        changed(run="../x"),
        changed(run=""),
        changed(location=f"{FOLDER}generation-000004-c0ffee/"),
        changed(location="flow_logs/"),
        changed(hourly_location=f"{FOLDER}generation-000003-c0ffee/"),
        changed(included="a.parquet"),
        changed(included=[1]),
        changed(included=None),
        changed(neighbours=[]),
        changed(neighbours={"2026-01-01/04": None}),
        changed(snapshot=1),
        changed(compacted_at="now"),
        changed(compacted_at=-1),
        changed(compacted_at=float("inf")),
        changed(compacted_at=True),
        changed(superseded=[{"location": "flow_logs/", "since": 1}]),
        changed(superseded=[{"location": f"{FOLDER}../x/generation-000001-a/", "since": 1}]),
        changed(superseded=[{"location": f"{FOLDER}generation-000001-a/"}]),
        changed(superseded={"location": "x"}),
        changed(rows=-1),
        changed(rows=None),
    ],
)
def test_what_is_no_manifest_of_this_hour_is_refused_in_one_line(body):
    """Truncated, of another hour or version, with places of elsewhere: it says which object and what to do."""
    with pytest.raises(CompactionError) as told:
        Manifest.from_json(body, HOUR)
    assert str(told.value).startswith(f"manifest compaction/manifests/{HOUR.path}.json: ")
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


@given(cut=st.integers(0, len(manifest().to_json()) - 1), byte=st.integers(0, 255), at=st.integers(0, 400))
def test_damaged_bytes_are_refused_or_still_of_this_hour(cut, byte, at):
    """No damage leads to another exception, nor to places outside the hour's own folders."""
    body = bytearray(manifest().to_json())
    body[at] = byte
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            told = Manifest.from_json(damaged, HOUR)
        except CompactionError:
            continue
        assert told.partition == HOUR
        assert all(one.location.startswith((FOLDER, f"flows_hourly/{HOUR.path}/")) for one in told.superseded)
