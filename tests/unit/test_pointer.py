"""The pointer: what a refresher wrote comes back, what somebody else wrote is refused in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.errors import InventoryError
from enricher.inventory import Part
from enricher.pointer import LARGEST_POINTER, Pointer

PREFIX = "inventory/snapshots/"
WRITTEN = {
    "version": 2,
    "snapshot": "inventory/snapshots/one.parquet",
    "observed_at": 1_794_996_000.5,
    "parts": [
        {"name": "111122223333/eu-west-1", "begun_at": 1.5, "ended_at": 2, "failed_at": None, "error": None},
        {"name": "ipam/ipam-scope-0a", "begun_at": None, "ended_at": None, "failed_at": 3, "error": "denied"},
    ],
    "log_formats": ["${version} ${account-id}"],
    "tag_keys": [{"field": "instance-tag", "key": "project"}],
}


def read(told) -> Pointer:
    """A pointer from what its JSON says."""
    return Pointer.from_json(json.dumps(told).encode(), "s3://b/inventory/pointer.json", PREFIX)


def test_a_pointer_says_what_its_json_says():
    """Every member, the parts with their failures."""
    assert read(WRITTEN) == Pointer(
        "inventory/snapshots/one.parquet",
        1_794_996_000.5,
        (Part("111122223333/eu-west-1", 1.5, 2), Part("ipam/ipam-scope-0a", None, None, 3, "denied")),
        ("${version} ${account-id}",),
        {"instance-tag": "project"},
    )


def test_members_that_a_later_version_adds_are_left_alone():
    """A refresher may be newer than a reader as long as the version is the same."""
    assert read(WRITTEN | {"later": 1}) == read(WRITTEN)


times = st.one_of(st.none(), st.floats(0, 4e9), st.integers(0, 2**40))
parts = st.builds(Part, st.text(), times, times, times, st.one_of(st.none(), st.text()))


@given(
    observed_at=times,
    told=st.lists(parts, max_size=3).map(tuple),
    formats=st.lists(st.text(), max_size=2).map(tuple),
    tags=st.dictionaries(st.sampled_from(["instance-tag", "asg-tag-2"]), st.text(min_size=1)),
)
def test_a_pointer_comes_back_as_it_was_written(observed_at, told, formats, tags):
    """Through its bytes and back; the same pointer has the same bytes."""
    pointer = Pointer(PREFIX + "x.parquet", observed_at, told, formats, tags)

    body = pointer.to_json()

    assert Pointer.from_json(body, "it", PREFIX) == pointer
    assert body == Pointer(PREFIX + "x.parquet", observed_at, told, formats, dict(reversed(tags.items()))).to_json()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 1}, "has version '1', this code reads 2"),
        ({"version": "2"}, "has version '2', this code reads 2"),
        ({"version": True}, "has version 'True', this code reads 2"),
        ({"version": 2.5}, "has version '2.5', this code reads 2"),
        ({"snapshot": 7}, "snapshot has another type"),
        ({"observed_at": "now"}, "observed_at has another type"),
        ({"observed_at": True}, "observed_at has another type"),
        ({"observed_at": float("nan")}, "observed_at is no time"),
        ({"observed_at": float("inf")}, "observed_at is no time"),
        ({"observed_at": 10**30}, "observed_at is no time"),
        ({"observed_at": -(10**400)}, "observed_at is no time"),
        ({"parts": {}}, "parts has another type"),
        ({"parts": [[]]}, "parts: has something else than an object"),
        ({"parts": [{"name": "x"}]}, "parts: begun_at is missing"),
        ({"parts": [WRITTEN["parts"][0] | {"name": None}]}, "parts: name has another type"),
        ({"log_formats": [None]}, "log_formats has something else than text"),
        ({"tag_keys": [{"field": "src_tags", "key": "x"}]}, "tag_keys names the field 'src_tags'"),
        ({"tag_keys": [{"field": "instance-tag", "key": ""}]}, "tag_keys names the field 'instance-tag', or no key"),
        ({"tag_keys": ["instance-tag"]}, "tag_keys: has something else than an object"),
        *(
            ({"snapshot": key}, "is not below 'inventory/snapshots/'")
            for key in (
                "", "inventory/snapshots/", "inventory/other.parquet", "x.parquet", "/inventory/snapshots/x.parquet",
                "s3://other/inventory/snapshots/x.parquet", "inventory/snapshots/../pointer.json",
                "inventory/snapshots/./x", "inventory/snapshots//x", "inventory/snapshots/x\ny",
                "INVENTORY/SNAPSHOTS/x",
            )
        ),
    ],
)  # fmt: skip
def test_a_pointer_that_is_not_ours_is_refused(changes, said):
    """One line: which pointer, what is wrong, the mend."""
    with pytest.raises(InventoryError) as refused:
        read(WRITTEN | changes)

    (line,) = str(refused.value).splitlines()
    assert line.startswith("pointer s3://b/inventory/pointer.json: ")
    assert said in line
    assert line.endswith("; delete it, the refresher then writes a new one")
    assert len(line) < 600


@pytest.mark.parametrize("member", ["snapshot", "observed_at", "parts", "log_formats", "tag_keys", "version"])
def test_a_pointer_without_a_member_is_refused(member):
    """None is guessed."""
    with pytest.raises(InventoryError, match=r"version|is missing"):
        read({name: value for name, value in WRITTEN.items() if name != member})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", json.dumps(WRITTEN).encode()[:-3], b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}", b" " * (LARGEST_POINTER + 1),
    ],
)  # fmt: skip
def test_bytes_that_are_no_pointer_are_refused(body):
    """Truncated, something else, nested without end, or huge."""
    with pytest.raises(InventoryError, match=r"^pointer it: "):
        Pointer.from_json(body, "it", PREFIX)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_nothing_but_a_refusal_comes_out(body):
    """No other exception, whoever wrote them."""
    with pytest.raises(InventoryError):
        Pointer.from_json(body, "it", PREFIX)
