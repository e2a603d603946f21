"""All hand-written topologies in one lake: each in a world of its own names, moved to the same few hours."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

FILES = sorted((Path(__file__).parent / "data" / "topologies").glob("*.json"))
_FIRST = datetime.fromisoformat("2026-02-28 22:00")
_NAMES = ("interface_id", "vpc_id", "addr", "resource_id")

Row = dict[str, Any]


def rows_of(topology: dict[str, Any]) -> list[Row]:
    """A topology's rows as the lake has them: ``id`` is the batch's."""
    rows = [{**topology["every_row"], **row} for row in topology["rows"]]
    return [{("batch_id" if name == "id" else name): value for name, value in row.items()} for row in rows]


def all_topologies() -> tuple[list[Row], dict[str, int]]:
    """Every topology's rows, and the bytes of those that count by batch id, which begins with the topology's name."""
    rows: list[Row] = []
    counted: dict[str, int] = {}
    for number, file in enumerate(FILES):
        topology = json.loads(file.read_text("utf-8"))
        given = rows_of(topology)
        first = min(_hour(row) for row in given)
        rows += [_moved(row, _FIRST - first, number, file.stem) for row in given]
        counted |= {f"{file.stem}: {name}": value for name, value in topology["counted"].items()}
    return rows, counted


def _hour(row: Row) -> datetime:
    return datetime.fromisoformat(f"{row['day']} {row['hour']}:00")


def _moved(row: Row, shift: timedelta, number: int, name: str) -> Row:
    hour = _hour(row) + shift
    own = {
        key: f"{value}.{number}" if isinstance(value, str) and key.endswith(_NAMES) else value
        for key, value in row.items()
    }
    return {**own, "batch_id": f"{name}: {row['batch_id']}", "day": f"{hour:%Y-%m-%d}", "hour": f"{hour:%H}"}
