"""Object keys: ``<evaluated prefix><stream>-<version>-<time>-<uuid>``.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from enricher.errors import SettingsError

MAX_PREFIX_LENGTH = 512  # characters, once evaluated
_DEFAULT_TIME = "yyyy/MM/dd/HH/"
_ERROR_TYPE = "!{firehose:error-output-type}"
_LONGEST_ERROR_TYPE = "decompression-failed"
_EXPRESSION = re.compile(r"!\{(?P<namespace>[^:}]*):(?P<value>[^}]*)\}")
_TIME_TOKEN = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z']+)")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "DDD": "%j", "HH": "%H", "mm": "%M", "ss": "%S"}


@dataclass(frozen=True, slots=True)
class Moment:
    """What a prefix is evaluated with: the object's oldest arrival (milliseconds since 1970), and a source of ids."""

    oldest_arrival_ms: int
    ids: Callable[[], str]

    @property
    def time(self) -> datetime:
        """The oldest arrival in UTC, cut to the second."""
        return datetime.fromtimestamp(self.oldest_arrival_ms // 1000, UTC)


def check_prefixes(prefix: str, error_output_prefix: str | None) -> None:
    """Refuse what AWS refuses when a delivery stream is made.

    Raises:
        SettingsError: an expression that Firehose does not know or that we do not evaluate; an expression in
            ``Prefix`` without any ``ErrorOutputPrefix``; the error type in ``Prefix``, or missing from an
            ``ErrorOutputPrefix`` with expressions; longer than 512 characters once evaluated.
    """
    if _ERROR_TYPE in prefix:
        raise SettingsError(f"Prefix {prefix!r} contains {_ERROR_TYPE}: that belongs in ErrorOutputPrefix only")
    if "!{" in prefix and not error_output_prefix:
        raise SettingsError(f"Prefix {prefix!r} contains expressions: ErrorOutputPrefix must then be given too")
    if error_output_prefix and "!{" in error_output_prefix and _ERROR_TYPE not in error_output_prefix:
        raise SettingsError(f"ErrorOutputPrefix {error_output_prefix!r} contains expressions: add {_ERROR_TYPE}")
    # Every field that we evaluate has a fixed width, so any moment shows the length; the hour that AWS appends to a
    # prefix without a timestamp does not count (third-party capture).
    moment = Moment(0, lambda: "00000000-0000-4000-8000-000000000000")
    for name, pattern in (("Prefix", prefix), ("ErrorOutputPrefix", error_output_prefix or "")):
        length = len(_evaluated(pattern, _LONGEST_ERROR_TYPE, moment))
        if length > MAX_PREFIX_LENGTH:
            raise SettingsError(f"{name} {pattern[:40]!r}… evaluates to {length} characters: shorten it to 512")


def delivery_prefix(prefix: str, moment: Moment) -> str:
    """``Prefix`` evaluated; without a timestamp expression, AWS appends ``yyyy/MM/dd/HH/`` (and no slash before)."""
    if "!{timestamp:" not in prefix:
        prefix += f"!{{timestamp:{_DEFAULT_TIME}}}"
    return _evaluated(prefix, "", moment)


def error_prefix(prefix: str, error_output_prefix: str | None, error_type: str, moment: Moment) -> str:
    """Where error objects of ``error_type`` (such as ``processing-failed``) go.

    With expressions, ``ErrorOutputPrefix`` is evaluated as it stands. Without, the type and the hour are appended to
    it, or where it is not given to ``Prefix``: so a listing of real buckets shows it, not the day of the year that
    the page names (third-party evidence).
    """
    pattern = error_output_prefix or prefix
    if "!{" not in pattern:
        pattern += f"{_ERROR_TYPE}/!{{timestamp:{_DEFAULT_TIME}}}"
    return _evaluated(pattern, error_type, moment)


def object_name(stream_name: str, version_id: int, moment: Moment) -> str:
    """The part of the key behind the prefix, which settings cannot change."""
    return f"{stream_name}-{version_id}-{moment.time:%Y-%m-%d-%H-%M-%S}-{moment.ids()}"


def _evaluated(pattern: str, error_type: str, moment: Moment) -> str:
    def value_of(match: re.Match[str]) -> str:
        match match["namespace"], match["value"]:
            case "timestamp", time_pattern:
                return _formatted(time_pattern, moment.time)
            case "firehose", "random-string":
                return moment.ids()[:11]
            case "firehose", "error-output-type" if error_type:
                return error_type
        raise SettingsError(
            f"prefix {pattern!r}: cannot evaluate {match[0]}; use timestamp:…, firehose:random-string or (for errors)"
            " firehose:error-output-type"
        )

    evaluated = _EXPRESSION.sub(value_of, pattern)
    if "!{" in evaluated:
        raise SettingsError(f"prefix {pattern!r}: '!{{' begins no complete !{{namespace:value}} expression")
    return evaluated


def _formatted(pattern: str, time: datetime) -> str:
    """A java.time pattern of fixed-width fields; quoted text and anything but letters is literal, '' is a quote."""
    parts, position = [], 0
    while token := _TIME_TOKEN.match(pattern, position):
        position = token.end()
        if (letters := token["letters"]) is None:
            parts.append(token["other"] or token["quoted"] or "'")
        elif letters in _STRFTIME:
            parts.append(time.strftime(_STRFTIME[letters]))
        else:
            raise SettingsError(
                f"timestamp pattern {pattern!r}: {letters!r} is not simulated; use {', '.join(_STRFTIME)}"
                " (in Java YYYY is the year of the week and DD the day of the year)"
            )
    if position != len(pattern):
        raise SettingsError(f"timestamp pattern {pattern!r}: close the quote that opens at character {position + 1}")
    return "".join(parts)
