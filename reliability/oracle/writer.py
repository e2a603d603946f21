"""A writer of generations without Spark, so that a bench can compact thousands of hours: copies out, and put.

What Spark makes of rows is its own tests' affair; here the bookkeeping around it is on trial. Every row of the bench is
recorded by its source, so every row counts.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from compaction.hour import HourJob, HourResult
from enricher.hourly import COUNTED
from enricher.schema import AWS_COLUMNS, COUNTS_AS, arrow_schema, compacted_columns

_AWS: Final = tuple(column.name for column in AWS_COLUMNS)


@dataclass(frozen=True)
class ArrowWriter:
    """See HourWriter; addresses are keys of the bucket. ``s3``: puts and gets as an engine does, unconditionally."""

    s3: Any
    bucket: str

    def write(self, job: HourJob) -> HourResult:
        """Raises what the client raises."""
        given = [row for place in job.rows for row in self._rows(place)]
        for place in job.neighbours:
            self._rows(place)
        once = {json.dumps([row.get(name) for name in _AWS]): row for row in reversed(given)}
        schema = arrow_schema(compacted_columns())
        rows = [{name: row.get(name) for name in schema.names} | {COUNTS_AS.name: COUNTED} for row in once.values()]
        if rows:
            self._put(f"{job.location}part-0.parquet", pa.Table.from_pylist(rows, schema))
        self._put(f"{job.hourly_location}part-0.parquet", pa.table({"flows": [len(rows)]}))
        return HourResult(len(rows), len(given) - len(rows), 0, 0, 0)

    def _rows(self, place: str) -> Sequence[dict[str, Any]]:
        if not place.endswith("/"):
            body = self.s3.get_object(Bucket=self.bucket, Key=place)["Body"].read()
            rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(body)).read().to_pylist()
            return rows
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=place)
        keys = [told["Key"] for page in pages for told in page.get("Contents") or ()]
        return [row for key in keys for row in self._rows(key)]

    def _put(self, key: str, rows: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(rows, sink)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=sink.getvalue())
