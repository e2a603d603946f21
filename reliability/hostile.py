"""The corpus of hostile values (tests/data/hostile), read once by whoever needs it."""

import json
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "hostile" / "values.json"
_BLANK: Final = " \t\r\n\v\f"


def hostile_values() -> list[str]:
    """All of them."""
    return [entry["value"] for entry in json.loads(_FILE.read_text())]


def hostile_words() -> tuple[str, ...]:
    """Those that can be one word of a flow log line, and do not mean "no value" there."""
    values = hostile_values()
    return tuple(v for v in values if v and not set(v) & set(_BLANK) and v not in ("-", "None"))
