"""HTML written so that no text of the lake can become markup: everything that is not ``Markup`` is escaped."""

import unicodedata
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

# Elements without an end tag (HTML Living Standard, "Void elements").
_VOID: Final = frozenset({"meta", "link", "br", "hr"})
# Control, format and private characters, surrogates and line separators: invisible, or able to turn the text around.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


class Markup(str):
    """Text that is HTML already; only this module and constants make one."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"
Attribute: TypeAlias = "str | int | float | bool | None"


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element: ``aria_label`` becomes ``aria-label``, a last underscore is left out (``class_``).

    Attributes that are None or False are left out, True stands without a value. Text is escaped, also in attributes.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    opening = f"<{name}{written}>"
    return Markup(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def join(*children: Child) -> Markup:
    """Several one after the other, None left out."""
    return Markup("".join(_text(child) for child in children))


def visible(text: str) -> str:
    """A text of the lake as a person can see it: what is invisible or turns the line around is spelt out."""
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in _INVISIBLE else sign for sign in text)


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters: names differ at both ends, so the middle goes."""
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def name_of(text: str | None) -> Markup:
    """A name of the lake in a line of ours: visible, and of its own writing direction."""
    return tag("bdi", visible(text)) if text else NOT_KNOWN


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(_plain(value))}"'


def _plain(value: str | float) -> str:
    # Coordinates: a hundredth of a pixel is enough.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int):
        return escape(str(child))
    return "".join(_text(each) for each in child)


# Where there is no value; made here because it is made of the functions above.
NOT_KNOWN: Final = tag("span", "-", class_="none", title="not known")
