"""One suite for every object store that a delivery stream can write to."""

import boto3
import pytest
from moto import mock_aws

from workbench.firehose import DirectoryStore, MemoryStore, S3Store, StoreError


@pytest.fixture(params=["memory", "directory", "s3"])
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "directory":
        yield DirectoryStore(tmp_path / "bucket")
    else:
        with mock_aws():
            client = s3_client()
            client.create_bucket(Bucket="lake")
            yield S3Store(client, "lake")


def s3_client():
    """A client of the stand-in S3."""
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def test_an_empty_store_has_no_objects(store):
    """Nothing put, nothing there."""
    assert list(store.objects()) == []


def test_what_was_put_is_there_sorted_by_key(store):
    """Keys with slashes and equal signs, and any bytes, come back as they were put."""
    store.put("b/hour=01/x", b"\x00\xff\n")
    store.put("a", b"")

    assert list(store.objects()) == [("a", b""), ("b/hour=01/x", b"\x00\xff\n")]


def test_a_prefix_is_the_beginning_of_the_key_not_a_folder(store):
    """As in S3, a prefix may end within a name."""
    store.put("errors/one", b"1")
    store.put("errors-old/two", b"2")
    store.put("delivered/three", b"3")

    assert [key for key, _ in store.objects("errors")] == ["errors-old/two", "errors/one"]
    assert [key for key, _ in store.objects("errors/")] == ["errors/one"]


def test_the_same_key_again_replaces_the_object(store):
    """An object is written whole."""
    store.put("key", b"longer")
    store.put("key", b"new")

    assert list(store.objects()) == [("key", b"new")]


@pytest.mark.parametrize("key", ["", "/etc/x", "a/../../x", "a//b", "./a"])
def test_a_directory_store_writes_below_its_root_only(tmp_path, key):
    """A key that is no path below the root is refused."""
    store = DirectoryStore(tmp_path / "bucket")

    with pytest.raises(StoreError, match="no path below"):
        store.put(key, b"x")

    assert list(tmp_path.rglob("*")) == []


def test_a_directory_that_cannot_be_written_is_a_store_error(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "bucket").write_bytes(b"in the way")

    with pytest.raises(StoreError, match="cannot write"):
        DirectoryStore(tmp_path / "bucket").put("key", b"x")


def test_a_bucket_that_is_not_there_is_a_store_error():
    """S3's refusal becomes the error that a delivery stream tries again on."""
    with mock_aws():
        store = S3Store(s3_client(), "nowhere")

        with pytest.raises(StoreError, match="s3://nowhere/key"):
            store.put("key", b"x")


def test_an_s3_store_reads_every_page(monkeypatch):
    """S3 lists a bounded number of keys a page; here the stand-in lists two."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    with mock_aws():
        client = s3_client()
        client.create_bucket(Bucket="lake")
        store = S3Store(client, "lake")
        for key in ("a", "b", "c", "d", "e"):
            store.put(key, b"")

        pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="lake"))
        assert [len(page["Contents"]) for page in pages] == [2, 2, 1]
        assert [key for key, _ in store.objects()] == ["a", "b", "c", "d", "e"]
