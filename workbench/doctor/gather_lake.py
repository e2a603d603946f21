"""The lake and its catalog: hours, partitions, manifests, marks, and what lies below the error prefixes.

The newest days only, and of everything a bounded number; what was left out is said.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from compaction.error_objects import ErrorRecord, read_error_object
from compaction.hours import Stored, is_closed, raw_objects
from compaction.layout import COMPACTED, HOURLY, MANIFESTS, manifest_key, partition_in, raw_folder
from compaction.manifest import CompactionError, Manifest
from compaction.marks import MARKED, Mark, MarkError
from compaction.tidy import FOLLOW_UP
from enricher.lake import FLOW_LOGS, Partition
from workbench.doctor.ask import Asker
from workbench.doctor.checks_lake import SLACK_S
from workbench.doctor.snapshot import PROCESSING_FAILED, REJECTED, Catalog, Document, Failures, Gap, Lake, Target

DAYS: Final = 7  # looked at, today among them
_PAGES: Final = 5  # of 1,000 objects a listing
_PARTITION_PAGES: Final = 5
_HOUR_FOLDERS: Final = 340  # of a large lake's tables, listed one by one: seven days of one region
_MANIFESTS: Final = 48  # read
_MARKS: Final = 20  # read
_ERROR_OBJECTS: Final = 10  # read
_LARGEST: Final = 16 * 1024 * 1024  # bytes of one object
_TOKEN: Final = ("ContinuationToken", "NextContinuationToken")
_NEXT: Final = ("NextToken", "NextToken")


class LakeReader:
    """Reads one lake at one moment (Unix seconds); ``limits`` says what it looked at in part only."""

    def __init__(self, asker: Asker, target: Target, now: float) -> None:
        self._asker = asker
        self._target = target
        self._now = now
        self._days = [f"{datetime.fromtimestamp(now - back * 86_400, UTC):%Y-%m-%d}" for back in range(DAYS)]
        self.limits: list[str] = []

    def catalog(self) -> Catalog:
        """Tables, views, and the newest days' partitions."""
        missed = len(self._asker.unasked)
        if self._asker.ask("glue", "get_database", Name=self._target.database) is Gap.ABSENT:
            return Catalog(Gap.ABSENT)
        asked = {"DatabaseName": self._target.database}
        pages = list(self._asker.pages("glue", "get_tables", _NEXT, _PAGES, **asked))
        if self._is_cut(pages, f"{self._target.database}: it has more tables than are looked at; none was judged"):
            return Catalog()
        tables = {told["Name"]: told for page in pages for told in page["TableList"]}
        if len(self._asker.unasked) > missed:
            return Catalog()
        partitions = {table: self._partitions(table) for table in (FLOW_LOGS, HOURLY) if table in tables}
        return Catalog(tables, {table: found for table, found in partitions.items() if found is not None})

    def lake(self) -> Lake:
        """Hours, generations, manifests and marks."""
        if not self._target.writes_lake:
            return Lake()
        missed = len(self._asker.unasked)
        raw = frozenset(self._raw_hours())
        folders = self._generations()
        there = set(self._manifest_hours())
        newest = sorted(there, key=lambda hour: (hour.day, hour.hour), reverse=True)[:_MANIFESTS]
        wanted = set(newest) | {hour for hour in raw & there if is_closed(hour, self._now - SLACK_S)}
        manifests = {hour: self._manifest(hour) if hour in wanted else None for hour in there}
        behind = dict(self._behind(raw, manifests))
        marks, oldest, bad = self._marks()
        if len(self._asker.unasked) > missed:
            return Lake()
        return Lake(raw, folders, manifests, behind, marks, oldest, bad)

    def failures(self) -> Mapping[str, Failures | None]:
        """Error prefix → what lies below it; None where that is not known."""
        return {prefix: self._failures(prefix) for prefix in (PROCESSING_FAILED, REJECTED)}

    # ---- Catalog ---------------------------------------------------------------------------------------------------

    def _partitions(self, table: str) -> dict[Partition, str] | None:
        """Hour → location; None where that is not known: half of them would make the others look missing."""
        missed = len(self._asker.unasked)
        asked = {
            "DatabaseName": self._target.database,
            "TableName": table,
            "Expression": f"day >= '{self._days[-1]}'",
            "ExcludeColumnSchema": True,
        }
        pages = list(self._asker.pages("glue", "get_partitions", _NEXT, _PARTITION_PAGES, **asked))
        if self._is_cut(pages, f"{table}: it has more partitions than are looked at; none was judged"):
            return None
        found = {
            Partition(*told["Values"]): told.get("StorageDescriptor", {}).get("Location", "")
            for page in pages
            for told in page["Partitions"]
        }
        return found if len(self._asker.unasked) == missed else None

    def _is_cut(self, pages: list[Document], said: str) -> bool:
        """Whether Glue had more to tell than was asked for, which is said."""
        is_cut = bool(pages and pages[-1].get("NextToken"))
        if is_cut:
            self.limits.append(said)
        return is_cut

    # ---- Hours -----------------------------------------------------------------------------------------------------

    def _raw_hours(self) -> Iterator[Partition]:
        for region in self._folders(f"{FLOW_LOGS}/"):
            for day in self._folders(f"{FLOW_LOGS}/{region}/"):
                if day.removeprefix("day=") not in self._days:
                    continue
                for hour in self._folders(f"{FLOW_LOGS}/{region}/{day}/"):
                    partition = partition_in(f"{region}/{day}/{hour}")
                    if partition is not None:
                        yield partition

    def _generations(self) -> frozenset[str] | None:
        """Folders of the newest days' generations that hold at least one object, both tables'.

        None where they are too many to be known: one that was not seen would look gone. A table is listed object by
        object where that is few pages, else hour by hour.
        """
        found: set[str] = set()
        hours: list[str] = []
        limits = len(self.limits)
        for region in [f"{table}/{name}/" for table in (COMPACTED, HOURLY) for name in self._folders(f"{table}/")]:
            keys = self._keys_of_days(region)
            if keys is None:
                hours += self._hour_folders(region)
            else:
                found |= {f"{key.rpartition('/')[0]}/" for key in keys}
        if len(hours) > _HOUR_FOLDERS:
            said = f"{COMPACTED}/, {HOURLY}/: {len(hours):,} hours of many objects, more than are looked at"
            self.limits.append(f"{said}; whether partitions point to objects was not judged")
            return None
        for hour in hours:
            found |= {f"{hour}{name}/" for name in self._folders(hour)}
        return frozenset(found) if len(self.limits) == limits else None

    def _keys_of_days(self, region: str) -> list[str] | None:
        """The newest days' objects below a table's region; None where they are more than a few pages."""
        asked = {"Bucket": self._target.bucket, "Prefix": region, "StartAfter": self._first_day(region)}
        pages = list(self._asker.pages("s3", "list_objects_v2", _TOKEN, _PAGES, **asked))
        is_cut = bool(pages and pages[-1].get("IsTruncated"))
        return None if is_cut else [told["Key"] for page in pages for told in page.get("Contents") or ()]

    def _hour_folders(self, region: str) -> Iterator[str]:
        """The newest days' hours below a table's region."""
        for day in self._folders(region):
            if day.removeprefix("day=") in self._days:
                yield from (f"{region}{day}/{hour}/" for hour in self._folders(f"{region}{day}/"))

    def _manifest_hours(self) -> Iterator[Partition]:
        for region in self._folders(MANIFESTS):
            folder = f"{MANIFESTS}{region}/"
            for stored in self._listed(folder, StartAfter=self._first_day(folder)):
                partition = partition_in(stored.key.removeprefix(MANIFESTS))
                if partition is not None:
                    yield partition

    def _first_day(self, region: str) -> str:
        """After which key the newest days' objects come: keys are in the order of days."""
        return f"{region}day={self._days[-1]}"

    def _manifest(self, hour: Partition) -> Manifest | str | None:
        body = self._read(manifest_key(hour))
        if body is None:
            return None
        try:
            return Manifest.from_json(body, hour)
        except CompactionError as error:
            return str(error)

    def _behind(
        self, raw: frozenset[Partition], manifests: Mapping[Partition, Manifest | str | None]
    ) -> Iterator[tuple[Partition, int]]:
        """Hours that were due some time ago, with raw objects that no generation has."""
        for hour in sorted(raw, key=lambda one: (one.day, one.hour)):
            manifest = manifests.get(hour)
            if not is_closed(hour, self._now - SLACK_S) or isinstance(manifest, str):
                continue
            names = raw_objects(hour, self._listed(raw_folder(hour)))
            waiting = set(names) - (manifest.included if manifest is not None else frozenset())
            if waiting:
                yield hour, len(waiting)

    def _marks(self) -> tuple[int, float | None, dict[str, str]]:
        """How many wait for what replay or backfill has put, since when, and those that are none.

        Compaction's own marks lie there for the grace time: nothing waits for them, but a damaged one stops its hour.
        """
        found = sorted(self._listed(MARKED), key=_is_follow_up)
        bad: dict[str, str] = {}
        for stored in found[:_MARKS]:
            body = self._read(stored.key)
            if body is None:
                continue
            try:
                Mark.from_json(body, stored.key)
            except MarkError as error:
                bad[stored.key] = str(error)
        waiting = [stored.put_at for stored in found if stored.key not in bad and not _is_follow_up(stored)]
        return len(waiting), min(waiting, default=None), bad

    # ---- Errors ----------------------------------------------------------------------------------------------------

    def _failures(self, prefix: str) -> Failures | None:
        missed = len(self._asker.unasked)
        found = sorted((stored for stored in self._listed(prefix) if stored.size), key=lambda stored: stored.put_at)
        codes: Counter[str] = Counter()
        for stored in found[:_ERROR_OBJECTS]:
            body = self._read(stored.key)
            with suppress(OSError):  # damaged: counted as an object, of no code
                read = read_error_object(io.BytesIO(body or b""), _LARGEST)
                codes.update(one.code for one in read if isinstance(one, ErrorRecord))
        if not found:
            return None if len(self._asker.unasked) > missed else Failures(0, 0, {}, 0)
        return Failures(len(found), found[0].put_at, dict(codes), min(len(found), _ERROR_OBJECTS))

    # ---- S3 --------------------------------------------------------------------------------------------------------

    def _listed(self, prefix: str, **more: Any) -> Iterator[Stored]:
        for page in self._list(prefix, **more):
            for told in page.get("Contents") or ():
                yield Stored(told["Key"], told["Size"], told["LastModified"].timestamp())

    def _folders(self, prefix: str) -> list[str]:
        pages = self._list(prefix, Delimiter="/")
        found = [told["Prefix"] for page in pages for told in page.get("CommonPrefixes") or ()]
        return [name.removeprefix(prefix).rstrip("/") for name in found]

    def _list(self, prefix: str, **more: Any) -> Iterator[Document]:
        is_whole = True
        asked = {"Bucket": self._target.bucket, "Prefix": prefix, **more}
        for page in self._asker.pages("s3", "list_objects_v2", _TOKEN, _PAGES, **asked):
            is_whole = not page.get("IsTruncated")
            yield page
        if not is_whole:
            self.limits.append(f"{prefix}: the first {_PAGES},000 objects were looked at")

    def _read(self, key: str) -> bytes | None:
        body = self._asker.body(self._target.bucket, key, _LARGEST)
        return None if isinstance(body, Gap) else body


def _is_follow_up(mark: Stored) -> bool:
    return mark.key.rpartition("/")[2].startswith(FOLLOW_UP)
