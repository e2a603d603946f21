"""What an invocation left behind, held against what its records were made to come to."""

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from reliability.fuzz.function import Told
from reliability.fuzz.lines import AWS_FIELDS
from reliability.fuzz.records import Record

_COLUMNS: Final = tuple(field.replace("-", "_") for field in AWS_FIELDS)


class Judge:
    """Findings of one batch: what is wrong, by what it is about. ``arrived``: each record's arrival, all different."""

    def __init__(self, event: Mapping[str, Any], records: Sequence[Record], arrived: Sequence[int], told: Told) -> None:
        self._event = event
        self._records = records
        self._arrived = arrived
        self._told = told
        self._answers: list[dict[str, Any]] = told.answer.response["records"]
        self.findings: list[tuple[str, str]] = []

    def look(self, mode: str) -> list[tuple[str, str]]:
        """Everything; an empty list where all is as it must be."""
        self._ids_and_results("Ok" if mode == "json" else "Dropped")
        rows = self._rows_of_answers() if mode == "json" else self._rows_of_lake()
        self._rows(rows)
        self._rejects()
        self._counts(rows, mode)
        self._keys(mode)
        if len(self._told.log) != 1 or not json.loads(self._told.log[0]):
            self._found("log", f"{len(self._told.log)} log lines")
        return self.findings

    def _found(self, what: str, description: str) -> None:
        self.findings.append((what, description[:400]))

    def _ids_and_results(self, good: str) -> None:
        came = [record["recordId"] for record in self._event["records"]]
        if [answer["recordId"] for answer in self._answers] != came:
            self._found("unaccounted", "the answer's ids are not the event's, once each and in order")
            return
        for answer, record, sent in zip(self._answers, self._records, self._event["records"], strict=True):
            if record.fails:
                expected = {"recordId": sent["recordId"], "result": "ProcessingFailed"}
                if record.is_base64:
                    expected["data"] = sent["data"]
                if answer != expected:
                    self._found("results", f"{sorted(record.kinds)}: {str(answer)[:200]}")
            elif answer["result"] != (good if record.rows else "Dropped") or (answer["data"] and not record.rows):
                self._found("results", f"{sorted(record.kinds)}: {str(answer)[:200]}")

    def _rows(self, rows: "Counter[tuple[Any, ...]]") -> None:
        told = Counter(
            (arrived, *map(row.get, _COLUMNS), _extra(row.get("extra_fields")))
            for record, arrived in zip(self._records, self._arrived, strict=True)
            for row in record.rows
        )
        for row, number in (told - rows).items():
            self._found("rows missing", f"{number} of {row}")
        for row, number in (rows - told).items():
            self._found("rows spurious", f"{number} of {row}")

    def _rows_of_lake(self) -> "Counter[tuple[Any, ...]]":
        found: Counter[tuple[Any, ...]] = Counter()
        for key, body in self._told.objects.items():
            if key.startswith("flow_logs/"):
                table = pq.read_table(io.BytesIO(body))
                columns = [table["arrived_at"].cast(pa.int64()), *(table[name] for name in _COLUMNS)]
                extra = map(_extra, table["extra_fields"].to_pylist())
                found.update(zip(*(column.to_pylist() for column in columns), extra, strict=True))
        return found

    def _rows_of_answers(self) -> "Counter[tuple[Any, ...]]":
        found: Counter[tuple[Any, ...]] = Counter()
        for answer, arrived in zip(self._answers, self._arrived, strict=True):
            if answer["result"] == "Ok":
                for line in base64.b64decode(answer["data"]).decode().split("\n")[:-1]:
                    row = json.loads(line)
                    found[(arrived, *map(row.get, _COLUMNS), _extra(row.get("extra_fields")))] += 1
        return found

    def _rejects(self) -> None:
        told = Counter(
            (line, f"Enricher.{reason}", arrived)
            for record, arrived in zip(self._records, self._arrived, strict=True)
            for line, reason in record.rejects
            if record.rows
        )
        kept: Counter[tuple[bytes, str, int]] = Counter()
        for key, body in self._told.objects.items():
            if key.startswith("rejected/"):
                for line in body.splitlines():
                    each = json.loads(line)
                    kept[base64.b64decode(each["rawData"]), each["errorCode"], each["arrivalTimestamp"]] += 1
        if told != kept:
            self._found("rejects", f"missing {list(told - kept)[:2]}, spurious {list(kept - told)[:2]}")

    def _counts(self, rows: "Counter[tuple[Any, ...]]", mode: str) -> None:
        reasons = Counter(reason for record in self._records for _, reason in record.rejects)
        drops = sum((record.drops for record in self._records), Counter[str]())
        told = {
            "Records": len(self._records),
            "Rows": rows.total(),
            "Rejects": reasons.total(),
            "Lines": rows.total() + reasons.total(),
            "FailedRecords": sum(record.fails for record in self._records),
            "BytesIn": sum(len(base64.b64decode(record.data)) for record in self._records if record.is_base64),
            "SkipData": sum(row.get("log_status") == "SKIPDATA" for record in self._records for row in record.rows),
            **{f"Rejects_{reason}": number for reason, number in reasons.items()},
            **{f"Drops_{reason}": number for reason, number in drops.items()},
        }
        metrics = self._told.metrics
        families = {name for name in metrics if name.startswith(("Rejects_", "Drops_")) and metrics[name]}
        wrong = {
            n: (metrics.get(n, 0), told.get(n, 0))
            for n in told.keys() | families
            if metrics.get(n, 0) != told.get(n, 0)
        }
        reporters = sum(number for name, number in metrics.items() if name.startswith("Reporter_"))
        if reporters != rows.total():
            wrong["Reporter_*"] = (reporters, rows.total())
        if mode == "json" and metrics["ResponseBytes"] != len(json.dumps(self._told.answer.response)):
            wrong["ResponseBytes"] = (metrics["ResponseBytes"], 0)
        if wrong:
            self._found("metrics", f"metric (told, true): {wrong}")

    def _keys(self, mode: str) -> None:
        first = min(self._arrived, default=0)
        hour = f"aws_region=eu-west-1/day=2026-11-18/hour={first // 3_600_000 % 24:02d}/"
        folders = ("rejected/",) if mode == "json" else ("rejected/", "flow_logs/")
        for key in self._told.objects:
            if not key.startswith(tuple(folder + hour for folder in folders)):
                self._found("keys", key)


def _extra(told: Any) -> Any:
    """The fields that the lake knows no column for, as a comparable value."""
    return tuple(sorted(dict(told).items())) if told else ()
