"""Small lakes for tests: rows given as the columns that matter, written as real Parquet under real partitions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from enricher.schema import arrow_schema, compacted_columns

REGION = "us-east-1"


def write_lake(directory: Path, rows: Iterable[Mapping[str, Any]], table: str = "flow_logs") -> Path:
    """``directory`` with one object for each partition that a row's ``day`` and ``hour`` name; other columns null."""
    schema = arrow_schema(compacted_columns())
    partitions = defaultdict(list)
    for row in rows:
        values = dict(row)
        place = values.pop("aws_region", REGION), values.pop("day"), values.pop("hour")
        unknown = sorted(set(values) - set(schema.names))
        assert not unknown, f"no columns of the lake: {unknown}"
        partitions[place].append(values)
    for (region, day, hour), values in partitions.items():
        folder = directory / table / f"aws_region={region}" / f"day={day}" / f"hour={hour}"
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.iterdir()))
        pq.write_table(pa.Table.from_pylist(values, schema=schema), folder / f"part-{number}.parquet")
    return directory
