"""Numbers as people read them, each beside its exact value: ``<data value="17013945799">17.0 GB</data>``."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from workbench.report.markup import NOT_KNOWN, Markup, tag
from workbench.times import duration

Number = int | float | Decimal

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_STEP: Final = 1000
_WHOLE_UNTIL: Final = 10_000_000
_MILLION, _BILLION = 10**6, 10**9
_HUNDRED: Final = 100
_TINY: Final = 1e-6


def octets(value: Number) -> str:
    """Bytes in decimal units, as AWS bills them, to three digits: ``17.0 GB``."""
    amount, place = float(value), 0
    # 999.5 is 1.00 of the next unit once it is rounded.
    while abs(amount) >= _STEP - 0.5 and place < len(_UNITS) - 1:
        amount, place = amount / _STEP, place + 1
    return f"{_three_digits(amount) if place else f'{amount:.0f}'} {_UNITS[place]}"


def count(value: Number) -> str:
    """A count: whole up to ten million, then to three digits: ``31,162``, ``58.4 million``."""
    whole = int(value)
    if abs(whole) < _WHOLE_UNTIL:
        return f"{whole:,}"
    if abs(whole) < _BILLION:
        return f"{_three_digits(whole / _MILLION)} million"
    return f"{_three_digits(whole / _BILLION)} billion"


def dollars(value: Number) -> str:
    """US dollars: whole from a hundred on, cents from one on, below it to two digits: ``$1,234``, ``$0.049``."""
    amount = float(value)
    if abs(amount) >= _HUNDRED:
        return f"${amount:,.0f}"
    if abs(amount) >= 1 or amount == 0:
        return f"${amount:,.2f}" if amount else "$0"
    if abs(amount) < _TINY:
        return "under $0.000001"
    digits = 2
    while abs(amount) * 10**digits < 10:  # noqa: PLR2004 - two digits stand before the point then
        digits += 1
    return f"${amount:.{digits}f}"


def percent(value: Number) -> str:
    """A percentage to a tenth; what is little is not nothing: ``43.2 %``, ``under 0.1 %``."""
    amount = float(value)
    if amount == 0:
        return "0 %"
    if 0 < amount < 0.05:  # noqa: PLR2004 - would be rounded to 0.0
        return "under 0.1 %"
    return f"{amount:,.1f} %"


def moment(seconds: Number) -> str:
    """A time in UTC to the minute: ``2025-11-20 10:00 UTC``."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")


def figure(value: Number | None, words: str, exact: str = "") -> Markup:
    """A number in words with its value beside it; None is shown as not known."""
    if value is None:
        return NOT_KNOWN
    return tag("data", words, value=str(value), title=exact or None)


def octets_figure(value: int | None) -> Markup:
    """Bytes; the exact number shows where a pointer rests."""
    return figure(value, "" if value is None else octets(value), "" if value is None else f"{value:,} bytes")


def gigabytes_figure(value: Number | None) -> Markup:
    """Gigabytes, as some queries answer, in the same words as bytes."""
    return figure(value, "" if value is None else octets(float(value) * 1e9), "" if value is None else f"{value:,} GB")


def count_figure(value: int | None) -> Markup:
    """A count."""
    return figure(value, "" if value is None else count(value), "" if value is None else f"{value:,}")


def dollars_figure(value: Number | None) -> Markup:
    """Dollars."""
    return figure(value, "" if value is None else dollars(value), "" if value is None else f"{value:,} US dollars")


def percent_figure(value: Number | None) -> Markup:
    """A percentage."""
    return figure(value, "" if value is None else percent(value), "" if value is None else f"{value} %")


def age_figure(seconds: int | None) -> Markup:
    """A length of time in its two largest units."""
    return figure(seconds, "" if seconds is None else duration(seconds), "" if seconds is None else f"{seconds} s")


def _three_digits(amount: float) -> str:
    """``1.23``, ``12.3``, ``123``."""
    for digits, bound in ((2, 9.995), (1, 99.95)):
        if abs(amount) < bound:
            return f"{amount:.{digits}f}"
    return f"{amount:,.0f}"
