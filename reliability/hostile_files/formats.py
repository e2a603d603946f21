"""Log formats that nobody could have meant: refused by name, or read for what they say and for nothing else.

A near miss of a field's name is another field: its values are kept beside the columns, and no column is filled by it.
"""

import io
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from enricher.errors import EnricherError, LogFormatError
from enricher.pointer import Pointer
from reliability.fuzz.function import NOW, REGION, STREAM, Function
from reliability.fuzz.lines import VERSIONS
from reliability.hostile import hostile_values
from reliability.hostile_files.hot_path import PLACE, Reader, published, wrong_names
from reliability.hostile_files.watch import Watch
from workbench.envelopes import event, message_record

_KNOWN: Final = ("version", "interface-id", "srcaddr", "dstaddr", "start", "end", "vpc-id")
_WORDS: Final = {
    "version": "5",
    "interface-id": "eni-00000000000000001",
    "srcaddr": "10.0.1.5",
    "dstaddr": "10.0.2.5",
    "start": "1794996000",
    "end": "1794996060",
    "vpc-id": "vpc-0a",
}
_NUMBERS: Final = frozenset({"version", "start", "end"})
_MOST: Final = 1_000  # fields that are read
# Letters of other alphabets that look like these, and marks that cannot be seen.
_ALIKE: Final = {
    "a": "\u0430",
    "c": "\u0441",
    "e": "\u0435",
    "i": "\u0456",
    "o": "\u043e",
    "p": "\u0440",
    "s": "\u0455",
}
_UNSEEN: Final = ("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\0", "\x1b[2J", "\x7f", "\x08")
_MARKS: Final = (
    "$", "{", "}", "${", "${}", "$}", "{srcaddr}", "$srcaddr", "${srcaddr", "srcaddr}", "${src addr}",
    "${srcaddr}${dstaddr}", "%{srcaddr}", "#{srcaddr}", "${srcaddr},", "${-srcaddr}", "${1srcaddr}", "${${srcaddr}}",
)  # fmt: skip


class Told(NamedTuple):
    """A setting of LOG_FORMAT; the fields that it means (None: it must be refused); what it is a case of."""

    kind: str
    text: str
    fields: Sequence[str] | None = None


class Findings:
    """Counts formats and says what is wrong with what came of them."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch or Watch()
        self.tried = self.refused = 0

    def look(self, rng: Random, *, is_full: bool) -> Iterator[str]:
        """Every kind, in the settings and in the pointer."""
        found = list(formats(rng))
        for told in found if is_full else rng.sample(found, 60):
            where = f"{told.kind}, {told.text[:60]!r}"
            yield from self._watch.over(where, (f"{where}: {finding}" for finding in self.of(told)))
        hostile = [told for told in found if told.fields is None and ";" not in told.text and told.text.isprintable()]
        for told in rng.sample(hostile, 40 if is_full else 5):
            self.tried += 1
            self.refused += 1
            where = f"pointer's {told.kind}, {told.text[:60]!r}"
            yield from self._watch.over(where, (f"{where}: {finding}" for finding in _in_pointer(told.text)))

    def of(self, told: Told) -> Iterator[str]:
        """What is wrong with what came of one."""
        self.tried += 1
        try:
            function = Function(told.text, "parquet")
        except LogFormatError as error:
            self.refused += 1
            text = str(error)
            if told.fields is not None:
                yield f"was refused: {text}"
            if not text.isprintable() or len(text) > 1_000:  # noqa: PLR2004 - a line that people read
                yield f"was refused in no short printable line: {text[:200]!r}"
            return
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            yield f"{type(error).__name__}: {error}"[:300]
            return
        if told.fields is None:
            yield "was taken"
            return
        yield from _read(function, told.fields)


def formats(rng: Random) -> Iterator[Told]:
    """Every kind, each with what it means."""
    yield from _counts()
    yield from _twice(rng)
    yield from _near_misses()
    yield from _marks()
    yield from _contradicting(rng)
    for value in hostile_values():
        if not value.strip():
            continue
        told = Told("hostile value as a field", f"{_written(_KNOWN)} ${{{value}}}", _meant(value))
        yield told


def _meant(value: str) -> Sequence[str] | None:
    """The fields that _KNOWN and ``${value}`` mean: that of the value where it is spelt as a name is."""
    is_name = value[:1] in set("abcdefghijklmnopqrstuvwxyz") and not set(value) - set(
        "abcdefghijklmnopqrstuvwxyz0123456789_-"
    )
    return (*_KNOWN, value.replace("_", "-")) if is_name else None


def _counts() -> Iterator[Told]:
    for number in (_MOST - len(_KNOWN), _MOST - len(_KNOWN) + 1, 10_000, 100_000):
        fields = (*_KNOWN, *(f"x-{n}" for n in range(number)))
        yield Told(f"{len(fields)} fields", _written(fields), fields if len(fields) <= _MOST else None)
    yield Told("a name of 100,000 letters", f"{_written(_KNOWN)} ${{{'x' * 100_000}}}", (*_KNOWN, "x" * 100_000))
    yield Told("100,000 blanks", "${srcaddr}" + " " * 100_000 + "${dstaddr}", ("srcaddr", "dstaddr"))
    yield Told("no field that is known", " ".join(f"${{x-{n}}}" for n in range(50)))
    yield Told("nothing but separators", " ; ;\t; ")


def _twice(rng: Random) -> Iterator[Told]:
    for version, text in VERSIONS.items():
        fields = text.split()
        for field in rng.sample(fields, 8):
            spelt = rng.choice((f"${{{field}}}", field, f"${{{field.replace('-', '_')}}}"))
            place = rng.randrange(len(fields) + 1)
            words = [f"${{{each}}}" for each in fields]
            yield Told(f"{version}, a field twice", " ".join([*words[:place], spelt, *words[place:]]))
    yield Told("one field a thousand times", "${srcaddr} " * 1_000)
    yield Told("an unknown field twice", f"{_written(_KNOWN)} ${{x-1}} ${{x_1}}")


def _near_misses() -> Iterator[Told]:
    for place, field in enumerate(_KNOWN):
        for missed in (
            field[:-1],
            f"{field}s",
            f"{field}-",
            f"x{field}",
            field.replace("-", ""),
            f"{field}-id",
            field[1:],
        ):
            if missed not in _KNOWN:
                fields = [*_KNOWN[:place], missed, *_KNOWN[place + 1 :]]
                yield Told("a near miss", _written(fields), fields)
        yield Told("underscores for dashes", _written(_KNOWN).replace("-", "_"), _KNOWN)
        for other in (
            field.upper(),
            field.title(),
            "".join(chr(ord(c) + 0xFEE0) for c in field),
            field.translate({ord(one): alike for one, alike in _ALIKE.items()}),
            *(f"{field[:3]}{mark}{field[3:]}" for mark in _UNSEEN),
        ):
            fields = [*_KNOWN[:place], other, *_KNOWN[place + 1 :]]
            yield Told("other letters that look the same", _written(fields))


def _marks() -> Iterator[Told]:
    for mark in _MARKS:
        yield Told("marks in the wrong place", f"{_written(_KNOWN[3:])} {mark}")
        yield Told("marks in the wrong place", mark)
    for blank in ("\n", "\r\n", "\t", "\v", "\f", "\u2028", "\u00a0", "\u3000", "\x85", "\x1c"):
        # Whatever people call a blank is one between fields; inside of one it is none.
        yield Told("odd blanks", _written(_KNOWN).replace(" ", blank), _KNOWN)
        yield Told("odd blanks inside", f"{_written(_KNOWN[3:])} ${{srcaddr{blank}x}}")


def _contradicting(rng: Random) -> Iterator[Told]:
    for _ in range(30):
        one, other = rng.sample(_KNOWN, len(_KNOWN)), rng.sample(_KNOWN, len(_KNOWN))
        if one != other:
            yield Told("two formats of one length", f"{_written(one)};{_written(other)}")
    yield Told("a thousand formats", ";".join(_written([*_KNOWN[:6], f"x-{n}"]) for n in range(1_000)))
    yield Told("the same format twice", f"{_written(_KNOWN)}; {' '.join(_KNOWN)} ;", _KNOWN)
    yield Told("a format and a broken one", f"{_written(_KNOWN)};${{srcaddr")


def _written(fields: Sequence[str]) -> str:
    return " ".join(f"${{{field}}}" for field in fields)


def _read(function: Function, fields: Sequence[str]) -> Iterator[str]:
    """A good line and one that is too long by a word, read by the format."""
    words = {field: _WORDS.get(field, f"v{number}") for number, field in enumerate(fields)}
    line = " ".join(words[field] for field in fields)
    told = function.invoke(
        event(
            [message_record(line), message_record(f"{line} x")], STREAM, REGION, "1", first_arrival_ms=1_794_996_300_000
        )
    )
    results = [answer["result"] for answer in told.answer.response["records"]]
    bodies = [body for key, body in told.objects.items() if key.startswith("flow_logs/")]
    rows: list[dict[str, Any]] = [row for body in bodies for row in pq.ParquetFile(io.BytesIO(body)).read().to_pylist()]
    if results != ["Dropped", "ProcessingFailed"] or len(rows) != 1:
        yield f"answered {results}, {len(rows)} rows"
        return
    (row,) = rows
    for field in _KNOWN:
        true = words.get(field)
        expected = int(true) if true is not None and field in _NUMBERS else true
        if row[field.replace("-", "_")] != expected:
            yield f"{field} is {row[field.replace('-', '_')]!r}, not {expected!r}"
    extra = {field: word for field, word in words.items() if field not in _KNOWN}
    if dict(row["extra_fields"] or ()) != extra:
        yield f"{len(row['extra_fields'] or ())} further fields are kept, of {len(extra)}"
    # No address of its own: whatever is named then was guessed.
    yield from wrong_names([row | {"srcaddr": row["srcaddr"] or "-", "dstaddr": row["dstaddr"] or "-"}])


def _in_pointer(text: str) -> Iterator[str]:
    """Settings that leave the format to the pointer: the batch is tried again, with the pointer's name, and kept."""
    good = published()
    key = json.loads(good[PLACE.key])["snapshot"]
    pointer = Pointer(key, NOW - 60, log_formats=(text,)).to_json()
    reader = Reader(good | {PLACE.key: pointer}, environ={"LOG_FORMAT": ""})
    try:
        rows = reader.rows(0)
    except EnricherError as error:
        if PLACE.uri not in str(error) or not str(error).isprintable():
            yield f"does not say where it stands: {str(error)[:200]!r}"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        yield f"{type(error).__name__}: {error}"[:300]
    else:
        yield f"was taken: {len(rows)} rows"
