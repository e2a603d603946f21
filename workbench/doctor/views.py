"""The views that this version has, and whether one in the catalog is the same.

Athena keeps a view as a Glue table of type VIRTUAL_VIEW, whose text is ``/* Presto View: <base64 of JSON> */`` with the
statement as ``originalSql``, written anew by its own formatter: without comments, with other line breaks and brackets.
So names, texts and numbers are compared, not letters.
"""

import binascii
import json
import re
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any, Final

from workbench.doctor.snapshot import Document

VIEWS: Final = Path(__file__).resolve().parents[2] / "athena" / "views"
VIRTUAL_VIEW: Final = "VIRTUAL_VIEW"
_STORED: Final = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=\s]+) \*/")


def expected_views(directory: Path = VIEWS) -> dict[str, str]:
    """Name → statement, in the order in which they are created."""
    names = (directory / "order.txt").read_text("utf-8").split()
    return {name: (directory / f"{name}.sql").read_text("utf-8") for name in names}


def stored_sql(table: Document) -> str | None:
    """The statement of a view in the catalog; None where it cannot be read."""
    match = _STORED.fullmatch(str(table.get("ViewOriginalText", "")).strip())
    if match is None:
        return None
    try:
        told = json.loads(b64decode(match[1], validate=True))
    except (binascii.Error, ValueError):
        return None
    sql = told.get("originalSql") if isinstance(told, dict) else None
    return sql if isinstance(sql, str) else None


@cache
def words_of(sql: str) -> frozenset[Any] | None:
    """Every name, text and number of a statement's query; None where it is not SQL that is understood."""
    import sqlglot  # noqa: PLC0415 - half a second, for those who need it
    from sqlglot import exp  # noqa: PLC0415 - same

    try:
        parsed = sqlglot.parse_one(sql, read="athena")
    except sqlglot.errors.SqlglotError:
        return None
    query = parsed.expression if isinstance(parsed, exp.Create) else parsed
    found: set[Any] = {("name", one.name.lower()) for one in query.find_all(exp.Identifier)}
    for literal in query.find_all(exp.Literal):
        found.add(("text", literal.name) if literal.is_string else ("number", float(literal.name)))
    return frozenset(found)
