"""Files of every shape that flow logs come in, as chunks of lines.

Text with a header line or a declared format (plain or gzip), AWS-delivered Parquet, ``{"message": …}`` documents,
CloudWatch envelopes, CloudWatch export lines with their timestamp in front, Firehose error objects.
"""

import base64
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from enricher.errors import InputError, LogFormatError
from enricher.log_format import LogFormat, LogFormats, header_format
from enricher.payload import Reject, read_payloads

MAX_LINES: Final = 100_000
LONGEST_LINE: Final = 1024 * 1024  # bytes; every field of a flow log together takes some 4,000
_MAX_JSON_BYTES: Final = 1024 * 1024 * 1024
_JSON: Final = json.JSONDecoder()
_EXPORT_PREFIX: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ")
_DELIVERED_AT: Final = re.compile(r"_(\d{8}T\d{4})Z_")
LATEST_MS: Final = 253_402_300_799_999  # the last moment that a calendar of four-digit years knows
REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")
_REGION_IN_PATH: Final = re.compile(rf"(?:vpcflowlogs[/_]|aws[-_]region=)({REGION.pattern})")
# Files that hold flow logs only once they are unpacked or converted, by the bytes that no line of text begins with.
_PACKED: Final = {
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zX": "xz",
    b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"%PDF": "PDF",
}
_NO_FORMAT: Final = "has no header line; give --log-format, such as --log-format '${version} ${account-id} …' or v2"


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most MAX_LINES lines of one file: their formats, arrival (Unix ms) and region where the file tells them.

    ``rejects``: pieces of the file that are no lines at all. ``name``: a hash of format and content.
    """

    lines: list[str]
    formats: LogFormats | None
    arrived_at: int | None
    region: str | None
    rejects: list[Reject] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The same for the same lines in the same format, wherever they come from."""
        return self._hash(self.lines, [reject.line for reject in self.rejects])

    @property
    def sorted_name(self) -> str:
        """The same for the same lines in any order."""
        return self._hash(sorted(self.lines), sorted(reject.line for reject in self.rejects))

    def _hash(self, lines: list[str], rejected: list[bytes]) -> str:
        hasher = hashlib.blake2b(digest_size=16)
        headers = [] if self.formats is None else [log_format.header for log_format in self.formats.formats]
        for part in (*headers, "\0", *lines):
            hasher.update(part.encode() + b"\n")
        for line in rejected:
            hasher.update(line + b"\0")
        return hasher.hexdigest()


def read_file(path: Path, declared: LogFormats | None) -> Iterator[Chunk]:
    """The chunks of a file; ``declared`` is the format of lines without a header.

    Raises:
        InputError: not readable, or its lines have no known format.
        LogFormatError: its header contradicts itself.
    """
    try:
        # Opened once and only peeked into: a pipe gives its bytes a single time.
        with path.open("rb") as file:
            yield from read_open_file(path.as_posix(), file, declared)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a file of flow logs") from error


def read_open_file(path: str, file: Any, declared: LogFormats | None) -> Iterator[Chunk]:
    """The same of a file that is open for reading, buffered; ``path`` is where it came from, S3 or disk."""
    told = Chunk([], declared, delivered_at(path), region_of(path))
    try:
        start = file.peek(4)[:4]
        for magic, kind in _PACKED.items():
            if start.startswith(magic):
                raise InputError(f"{path}: is a {kind} file; give flow logs as text, gzip or Parquet (unpack it first)")
        if start == b"PAR1":
            yield from _read_parquet(path, file, told)
        elif start[:2] == b"\x1f\x8b":
            with gzip.open(file) as inflated:
                yield from _read_text_or_json(path, inflated, told)
        else:
            yield from _read_text_or_json(path, file, told)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is damaged gzip ({error}); fetch it again") from error


def _read_text_or_json(path: str, file: BinaryIO | gzip.GzipFile, told: Chunk) -> Iterator[Chunk]:
    first = _first_line(file)
    if not first.startswith(b"{"):
        yield from _read_lines(path, first, _lines(file), told)
        return
    content = first + file.read(_MAX_JSON_BYTES)
    if file.read(1):
        raise InputError(f"{path}: holds more than {_MAX_JSON_BYTES} bytes of JSON; split it by lines")
    yield from _read_json(path, content, told)


def _lines(file: Any) -> Iterator[bytes]:
    """A file's lines, a line that is too long in pieces: of a file that inflates to one line no more is held."""
    return iter(partial(file.readline, LONGEST_LINE + 1), b"")


def _first_line(file: Any) -> bytes:
    for line in _lines(file):
        if line.strip():
            return line.lstrip(b"\xef\xbb\xbf").lstrip()
    return b""


def _read_lines(path: str, first: bytes, rest: Iterable[bytes], told: Chunk) -> Iterator[Chunk]:
    is_export = _EXPORT_PREFIX.match(first.decode(errors="replace")) is not None
    chunk = replace(told, lines=[], rejects=[])
    for line in filter(bytes.strip, chain([first], rest)):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path}: has a line of more than {LONGEST_LINE:,} bytes; give a file of flow logs")
        header = _header(path, line)
        if header is not None or len(chunk.lines) + len(chunk.rejects) == MAX_LINES:
            # Files that were put behind each other: each header speaks for the lines below it.
            yield from _filled(path, chunk)
            formats = chunk.formats if header is None else LogFormats((header,))
            chunk = replace(told, lines=[], rejects=[], formats=formats)
        if header is not None:
            continue
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            chunk.rejects.append(Reject(0, line.strip(), "not_utf8"))
        else:
            chunk.lines.append(_EXPORT_PREFIX.sub("", text, count=1) if is_export else text)
    yield from _filled(path, chunk)


def _filled(path: str, chunk: Chunk) -> Iterator[Chunk]:
    if (chunk.lines or chunk.rejects) and chunk.formats is None:
        raise InputError(f"{path}: {_NO_FORMAT}")
    if chunk.lines or chunk.rejects:
        yield chunk


def _header(path: str, line: bytes) -> LogFormat | None:
    # A look at the first byte spares flow records the closer one: hardly any begins with a small letter.
    if not (line.lstrip()[:1].islower() or line.lstrip()[:1] == b"$"):
        return None
    try:
        return header_format(line.decode(errors="replace"))
    except LogFormatError as error:
        raise LogFormatError(f"{path}: {error}") from error


def _read_json(path: str, content: bytes, told: Chunk) -> Iterator[Chunk]:
    """JSON documents one after the other: messages, envelopes, or Firehose's error objects."""
    if told.formats is None:
        raise InputError(f"{path}: {_NO_FORMAT}")
    by_hour: dict[int | None, tuple[int | None, list[str], list[Reject]]] = {}
    for document, arrived_at in _opened(path, content):
        arrived = told.arrived_at if arrived_at is None else arrived_at
        hour = None if arrived is None else arrived // 3_600_000
        earliest, lines, rejects = by_hour.setdefault(hour, (arrived, [], []))
        if arrived is not None and earliest is not None and arrived < earliest:
            by_hour[hour] = (arrived, lines, rejects)
        read = read_payloads([document], has_few_lines=False)
        lines += read.lines
        rejects += read.rejects
    for earliest, lines, rejects in by_hour.values():
        for first in range(0, max(len(lines), 1), MAX_LINES):
            part = lines[first : first + MAX_LINES]
            yield replace(told, lines=part, arrived_at=earliest, rejects=[] if first else rejects)


def _opened(path: str, content: bytes) -> Iterator[tuple[bytes | None, int | None]]:
    """Payloads with their arrival: error objects are opened, everything else is one payload as it stands."""
    if b"awData" not in content and b"rawdata" not in content:
        if b'"recordId"' in content and b'"records"' in content:
            raise InputError(f"{path}: is a Firehose event; use `vpcflow invoke --event {path}`")
        yield content, None
        return
    rest: list[bytes] = []
    for document, members in _documents(content):
        if members is None or "rawdata" not in members:
            rest.append(document)
            continue
        try:
            payload: bytes | None = base64.b64decode(members["rawdata"], validate=True)
        except (ValueError, TypeError):
            payload = document
        yield payload, _moment(members)
    yield b"\n".join(rest), None


def _documents(content: bytes) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """JSON documents that stand behind each other, however they are laid out, and objects' members in lower case.

    Firehose's error objects come in several spellings. What is no JSON comes line by line, without members.
    """
    # Bytes that are no UTF-8 pass through as surrogates, so that they spoil only their own document.
    text = content.decode(errors="surrogateescape")
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            value, end = _JSON.raw_decode(text, position)
        except (ValueError, RecursionError):
            value, end = None, text.find("\n", position)
            end = len(text) if end < 0 else end
        members = {str(name).lower(): each for name, each in value.items()} if isinstance(value, dict) else None
        yield text[position:end].encode(errors="surrogateescape"), members
        position = end


def _moment(members: dict[str, Any]) -> int | None:
    moment = members.get("arrivaltimestamp", members.get("approximatearrivaltimestamp"))
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    return int(moment) if 0 <= moment <= LATEST_MS else None


def _read_parquet(path: str, source: Any, told: Chunk) -> Iterator[Chunk]:
    """Rows of AWS-delivered Parquet as lines of the same fields, so that one reader judges both."""
    try:
        file = pq.ParquetFile(source)
        log_format = LogFormat.of_fields(file.schema_arrow.names)
        for batch in file.iter_batches(MAX_LINES):
            columns = [_as_text(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*columns, " ", null_handling="replace", null_replacement="-")
            yield replace(told, lines=lines.to_pylist(), formats=LogFormats((log_format,)))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is damaged Parquet ({error}); fetch it again") from error
    except LogFormatError as error:
        raise InputError(f"{path}: holds no flow logs ({error})") from error


def _as_text(column: Any) -> Any:
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), None, text)


def delivered_at(path: str) -> int | None:
    """The time in the name of a file that AWS delivered (Unix ms); None where there is none."""
    match = _DELIVERED_AT.search(path.rpartition("/")[2])
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def region_of(path: str) -> str | None:
    """The region that a path or a key tells."""
    match = _REGION_IN_PATH.search(path)
    return match[1] if match else None
