"""Times as a person gives them and as they are shown: ISO 8601 with an offset, or Unix seconds; shown in UTC."""

import re
from datetime import UTC, datetime
from typing import Final

from workbench.errors import UsageError

_UNIX: Final = re.compile(r"-?[0-9]{1,11}(?:\.[0-9]+)?")
_MILLISECONDS: Final = re.compile(r"[0-9]{12,}")
# Years 1 to 9999: what a time can be written as.
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799
_MEND: Final = "give ISO 8601 with an offset such as 2026-11-21T10:00:00Z, or Unix seconds"


def seconds_of(text: str, option: str) -> float:
    """Unix seconds. Raises UsageError naming the option where the text is no time, or a time of no place."""
    if _MILLISECONDS.fullmatch(text):
        raise UsageError(f"{option} {text}: is too large for seconds; leave the milliseconds out")
    if _UNIX.fullmatch(text):
        seconds = float(text)
        if _EARLIEST <= seconds <= _LATEST:
            return seconds
        raise UsageError(f"{option} {text}: is no time before the year 10000; {_MEND}")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise UsageError(f"{option} {text}: has no offset, so it is not known where; {_MEND}")
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option} {text}: is no time; {_MEND}") from error


def shown(seconds: float) -> str:
    """A time in UTC, to the second: what is later within the second is left out."""
    if not _EARLIEST <= seconds <= _LATEST:
        return f"{seconds:.0f} s after 1970"
    return datetime.fromtimestamp(int(seconds // 1), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """A length of time in its two largest units: ``2 d 3 h``, ``45 s``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
