"""Which field stands where in a flow log line: "${version} ${account-id} …", or a header line, becomes a LogFormat.

A format is never guessed. It comes from settings, from a file's header line, or from the inventory snapshot.
See the VPC user guide, "Flow log records" and "Create a flow log that publishes to Amazon Data Firehose".
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enricher.errors import LogFormatError
from enricher.schema import COLUMN_OF_FIELD, FIELDS_OF_VERSION, TRANSIT_GATEWAY_FIELDS

MOST_FIELDS: Final = 1_000  # AWS has some 60; each costs every batch a column
_TOKEN: Final = re.compile(r"\$\{([a-z][a-z0-9_-]*)\}|([a-z][a-z0-9_-]*)")
_NAMED: Final = {
    "default": FIELDS_OF_VERSION[2],
    "tgw": TRANSIT_GATEWAY_FIELDS,
    **{f"v{version}": fields for version, fields in FIELDS_OF_VERSION.items()},
}
_MEND: Final = (
    "give the flow log's own format, such as '${version} ${account-id} ${interface-id}', or one of "
    + ", ".join(sorted(_NAMED))
)


@dataclass(frozen=True, slots=True)
class LogFormat:
    """The fields of a line, in order, under AWS's names (``account-id``)."""

    fields: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "LogFormat":
        """A format from ``${field}`` words, a header line, or a short name (``default``, ``v5``, ``tgw``).

        Raises:
            LogFormatError: empty, malformed, a field twice, more than MOST_FIELDS, or not one known field.
        """
        words = text.split()
        if len(words) == 1 and words[0] in _NAMED:
            return cls(_NAMED[words[0]])
        if not words:
            raise LogFormatError(f"log format: is empty; {_MEND}")
        return cls.of_fields([_field(word, text) for word in words], text)

    @classmethod
    def of_fields(cls, fields: Iterable[str], text: str = "") -> "LogFormat":
        """A format from field names (underscores allowed, as in Parquet); raises as ``parse`` does."""
        names = tuple(field.replace("_", "-") for field in fields)
        shown = _shorten(text or " ".join(names))
        # Counted once: a header line comes from a file, and may be as long as a file.
        twice = sorted(name for name, number in Counter(names).items() if number > 1)
        if twice:
            raise LogFormatError(f"log format '{shown}': contradicts itself, {twice[0]} stands twice; {_MEND}")
        if len(names) > MOST_FIELDS:
            raise LogFormatError(
                f"log format '{shown}': has {len(names)} fields, at most {MOST_FIELDS} are read; {_MEND}"
            )
        if not any(name in COLUMN_OF_FIELD for name in names):
            raise LogFormatError(f"log format '{shown}': names no flow log field; {_MEND}")
        return cls(names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Our column names, in the order of the line."""
        return tuple(field.replace("-", "_") for field in self.fields)

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """Fields that this version does not know; their values go to ``extra_fields``."""
        return tuple(field for field in self.fields if field not in COLUMN_OF_FIELD)

    @property
    def header(self) -> str:
        """The header line AWS writes above such lines in a delivered file."""
        return " ".join(self.fields)


@dataclass(frozen=True, slots=True)
class LogFormats:
    """The formats that lines of one source may have, told apart by their number of fields alone."""

    formats: tuple[LogFormat, ...]

    def __post_init__(self) -> None:
        if not self.formats:
            raise LogFormatError(f"log format: none is given; {_MEND}")
        by_count: dict[int, LogFormat] = {}
        for log_format in self.formats:
            other = by_count.setdefault(len(log_format.fields), log_format)
            if other is not log_format:
                raise LogFormatError(
                    f"log formats '{_shorten(other.header)}' and '{_shorten(log_format.header)}': both have "
                    f"{len(log_format.fields)} fields and cannot be told apart; send them to streams of their own"
                )

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "LogFormats":
        """Formats from texts; the same format twice counts once. Raises LogFormatError."""
        return cls(tuple(dict.fromkeys(LogFormat.parse(text) for text in texts)))


def header_format(line: str) -> LogFormat | None:
    """The format a header line declares; None where the line is no header.

    A header has only field-like words, at least one of which is a field we know. A flow record never looks so: it
    holds numbers or ``-``.

    Raises:
        LogFormatError: it is a header and contradicts itself.
    """
    words = line.split()
    if not words or not all(_TOKEN.fullmatch(word) for word in words):
        return None
    fields = [_field(word, line) for word in words]
    if not any(field.replace("_", "-") in COLUMN_OF_FIELD for field in fields):
        return None
    return LogFormat.of_fields(fields, line)


def _field(word: str, text: str) -> str:
    match = _TOKEN.fullmatch(word)
    if match is None:
        raise LogFormatError(f"log format '{_shorten(text)}': '{_shorten(word)}' is not a field; {_MEND}")
    return (match[1] or match[2]).replace("_", "-")


def _shorten(text: str, most: int = 60) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= most else printable[: most - 1] + "…"
