"""How the doctor reads a lake: large ones, half-told ones, and what compaction itself leaves there."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from compaction.layout import hour_of
from compaction.tidy import FOLLOW_UP
from workbench.doctor import gather_lake
from workbench.doctor.ask import Asker
from workbench.doctor.checks import judge
from workbench.doctor.gather_lake import LakeReader
from workbench.doctor.snapshot import Catalog, Snapshot, Target

NOW = 1_795_000_000.0
TARGET = Target("eu-west-1", "111122223333", bucket="a-lake", database="vpc_flow_logs")
HOUR = hour_of("eu-west-1", NOW - 9 * 3600)
LATE = b'{"version": 1, "kind": "late"}'


class Torn(io.BytesIO):
    """A body that ends before its time."""

    def read(self, _: int | None = -1) -> bytes:
        """Never all of it."""
        raise ConnectionResetError("cut off")


class Store:
    """Objects by key, listed as ListObjectsV2 says; each was put five hours ago."""

    def __init__(self, objects: Mapping[str, bytes], torn: str = "") -> None:
        self.objects, self.torn = objects, torn

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        """A page of a thousand objects and common prefixes."""
        prefix, delimiter = asked["Prefix"], asked.get("Delimiter")
        after = asked.get("ContinuationToken", asked.get("StartAfter", ""))
        entries: dict[str, bool] = {}
        for key in sorted(self.objects):
            head, cut, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
            name = f"{prefix}{head}{cut}" if cut else key
            if key.startswith(prefix) and name > after:
                entries[name] = bool(cut)
        page = list(entries)[:1000]
        at = datetime.fromtimestamp(NOW - 5 * 3600, UTC)
        return {
            "Contents": [{"Key": key, "Size": 1, "LastModified": at} for key in page if not entries[key]],
            "CommonPrefixes": [{"Prefix": name} for name in page if entries[name]],
            "IsTruncated": len(entries) > len(page),
            **({"NextContinuationToken": page[-1]} if len(entries) > len(page) else {}),
        }

    def get_object(self, **asked: Any) -> dict[str, Any]:
        """Its bytes."""
        body = self.objects[asked["Key"]]
        return {"Body": Torn(body) if asked["Key"] == self.torn else io.BytesIO(body)}


class Endless:
    """A catalog that always has a next page."""

    def get_database(self, **_: Any) -> dict[str, Any]:
        """There is one."""
        return {}

    def get_tables(self, **_: Any) -> dict[str, Any]:
        """The tables of a small database."""
        return {"TableList": [{"Name": "flow_logs"}]}

    def get_partitions(self, **_: Any) -> dict[str, Any]:
        """One, and more to come."""
        told = {"Values": ["eu-west-1", HOUR.day, HOUR.hour], "StorageDescriptor": {"Location": "s3://a-lake/x/"}}
        return {"Partitions": [told], "NextToken": "more"}


def reader(client: Any) -> LakeReader:
    """Of the lake that the client tells of."""
    return LakeReader(Asker(lambda *_: client, lambda: 0.0), TARGET, NOW)


def test_compactions_own_marks_do_not_wait_but_a_damaged_one_is_told():
    """They lie there for the grace time; what replay or backfill left is counted."""
    folder = f"compaction/marked/{HOUR.path}/"
    marks = {f"{folder}{FOLLOW_UP}{run}.json": LATE for run in ("a", "b")}
    only = reader(Store(marks)).lake()
    assert (only.marks, only.oldest_mark, only.bad_marks) == (0, None, {})
    damaged = f"{folder}{FOLLOW_UP}c.json"
    more = reader(Store(marks | {f"{folder}late-0a.json": LATE, damaged: b"{}"})).lake()
    assert (more.marks, more.oldest_mark, list(more.bad_marks)) == (1, NOW - 5 * 3600, [damaged])


def test_body_that_is_cut_off_is_not_checked():
    """No traceback, and nothing judged from half a lake."""
    key = f"compaction/marked/{HOUR.path}/late-0a.json"
    asker = Asker(lambda *_: Store({key: LATE}, torn=key), lambda: 0.0)
    assert LakeReader(asker, TARGET, NOW).lake().raw is None
    assert [(one.action, one.code) for one in asker.unasked] == [("s3:GetObject", "OSError")]


def test_partitions_that_go_on_are_not_known():
    """From half of them the others would look missing."""
    looked = reader(Endless())
    assert looked.catalog() == Catalog({"flow_logs": {"Name": "flow_logs"}}, {})
    assert looked.limits == ["flow_logs: it has more partitions than are looked at; none was judged"]


def large(hours: int, files: int) -> tuple[LakeReader, list[str]]:
    """A lake of compacted hours with so many files each, and the folders that its partitions point to."""
    told = [hour_of("eu-west-1", NOW - (back + 3) * 3600) for back in range(hours)]
    folders = [f"flow_logs_compacted/{hour.path}/generation-000001-a/" for hour in told]
    return reader(Store({f"{folder}part-{at}": b"" for folder in folders for at in range(files)})), folders


def test_large_lake_is_known_by_its_folders():
    """Above 5,000 objects hours are listed one by one: each folder is known, and nothing is said to be left out."""
    looked, folders = large(hours=30, files=200)
    assert looked.lake().folders == frozenset(folders)
    assert looked.limits == []


def test_folders_of_a_lake_that_is_too_large_are_not_judged(monkeypatch):
    """What was not looked at is not gone: limits say so; a partition that is missing is found all the same."""
    monkeypatch.setattr(gather_lake, "_HOUR_FOLDERS", 29)
    looked, folders = large(hours=30, files=200)
    lake = looked.lake()
    assert lake.folders is None
    assert [limit for limit in looked.limits if "30 hours" in limit and limit.endswith("was not judged")] != []
    young = hour_of("eu-west-1", NOW - 20 * 3600)
    partitions = {HOUR: f"s3://a-lake/{folders[6]}"}
    tables = {"flow_logs": {"StorageDescriptor": {"Location": "s3://a-lake/flow_logs/"}}}
    catalog = Catalog(tables, {"flow_logs": partitions})
    found = judge(Snapshot(TARGET, NOW, catalog=catalog, lake=replace(lake, raw=frozenset({young}), behind={})))
    ids = [one.id for one in found if one.id.startswith("partition")]
    assert ids == ["partitions-missing"]


def test_folders_that_could_not_all_be_listed_are_not_judged(monkeypatch):
    """One hour of more generations than a listing may have."""
    monkeypatch.setattr(gather_lake, "_PAGES", 1)
    objects = {f"flow_logs_compacted/{HOUR.path}/generation-{at:06d}-a/part-0": b"" for at in range(1, 1003)}
    looked = reader(Store(objects))
    assert looked.lake().folders is None
    assert looked.limits == [f"flow_logs_compacted/{HOUR.path}/: the first 1,000 objects were looked at"]
