"""Where an object's bytes are: per column, as its Parquet footers tell them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def bytes_of_columns(files: Iterable[Any]) -> dict[str, int]:
    """Compressed bytes of each column over all files (paths or buffers), largest first; ``(footers)`` is the rest.

    Of a map the keys and the values are counted apart, by their Parquet paths.
    """
    columns: Counter[str] = Counter()
    for file in files:
        metadata = pq.read_metadata(file)
        counted = 0
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                columns[chunk.path_in_schema] += chunk.total_compressed_size
                counted += chunk.total_compressed_size
        columns["(footers)"] += _size(file) - counted
    return dict(columns.most_common())


def _size(file: Any) -> int:
    return file.stat().st_size if isinstance(file, Path) else len(file)
