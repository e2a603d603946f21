"""Snapshot files: damaged, of another version or shape, of absurd size, with values that contradict each other."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reliability.fuzz.function import NOW
from reliability.hostile_files.case import BELIEVED, EITHER, REFUSED, Case, pointer_to
from reliability.hostile_files.hot_path import PLACE

_TYPES: Final = (
    pa.null(), pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.string(), pa.binary(),
    pa.date32(), pa.timestamp("ns"), pa.decimal128(38, 10), pa.list_(pa.string()), pa.list_(pa.list_(pa.int64())),
    pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.int64()), pa.dictionary(pa.int32(), pa.string()),
)  # fmt: skip
_TIMES: Final = (b"nan", b"inf", b"-inf", b"1e400", b"now", b"1;2", b"\xff", b"0x10", b"9" * 5_000)
_ODD: Final[Mapping[str, Sequence[Any]]] = {
    "row": (-1, 2, 2**31, 2**62, -(2**63)),
    "valid_from": (-(2**63), 2**63 - 1, 0),
    "seen_until": (-(2**63), 2**63 - 1, 0),
    "seen_from": (-(2**63), 2**63 - 1),
    "attached_at": (-(2**63), 2**63 - 1),
    "begun_at": (float("nan"), float("inf"), -1e308),
    "ended_at": (float("nan"), float("-inf")),
    "failed_at": (float("nan"),),
    "address": ("", "10.0.0.0/0", "::/0", "10.0.1.5/", "0.0.0.0/33", "no address", "10.0.1.5\n", "\0", "x" * 70_000),
    "cidrs": ([""], ["0.0.0.0/0"], ["::/0"], ["10.0.0.0/99"], ["x"], ["10.0.0.0/16"] * 10_000, [None], []),
    "kind": ("", "interfaces", "address", "part"),
    "vpc_id": ("", "vpc-0b", "x" * 70_000),
    "part": ("", "999999999999/eu-west-1", "ipam/x"),
    "own_addresses": ([""], ["10.0.1.5", "10.0.2.5"], [None]),
    "tags": ([("project", None)], [("project", "x"), ("project", "y")], [("", "")]),
}


class SnapshotFile:
    """A snapshot's row groups, to be written again otherwise."""

    def __init__(self, body: bytes) -> None:
        file = pq.ParquetFile(pa.BufferReader(body))
        self.schema = file.schema_arrow
        self.groups = [file.read_row_group(number) for number in range(file.num_row_groups)]

    def written(self, groups: Sequence[pa.Table], metadata: Mapping[Any, Any] | None = None, **options: Any) -> bytes:
        """These groups as a file; ``metadata``: in place of its own."""
        told = self.schema.metadata if metadata is None else metadata
        sink = io.BytesIO()
        with pq.ParquetWriter(sink, groups[0].schema.with_metadata(dict(told) or None), **options) as writer:
            for group in groups:
                writer.write_table(group.replace_schema_metadata(dict(told) or None), row_group_size=len(group) or 1)
        return sink.getvalue()


def places(body: bytes) -> list[int]:
    """Offsets at which something begins or ends: magic, pages, column chunks, footer, its length."""
    metadata = pq.ParquetFile(pa.BufferReader(body)).metadata
    found = {0, 4, len(body) - 8, len(body) - 4, len(body) - 8 - metadata.serialized_size}
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            first = chunk.dictionary_page_offset or chunk.data_page_offset
            found |= {first, chunk.data_page_offset, first + chunk.total_compressed_size}
    near = {place + step for place in found for step in (-1, 0)}
    return sorted(place for place in near if 0 <= place < len(body))


def cases(good: Mapping[str, bytes], rng: Random, *, is_full: bool) -> Iterator[Case]:
    """Every kind, planted whole: the pointer names what is there by its right name, so the reader alone stands."""
    key = json.loads(good[PLACE.key])["snapshot"]
    body = good[key]
    for place in rng.sample(places(body), 250 if is_full else 6):
        yield _planted("cut off", body[:place])
    for place in rng.sample(range(len(body)), 100 if is_full else 8):
        damaged = bytearray(body)
        damaged[place] ^= 1 << rng.randrange(8)
        # The pointer is newer, and names what was damaged after it was written.
        yield Case("snapshot: a bit flipped", {key: bytes(damaged), PLACE.key: good[PLACE.key] + b" "})
        yield _planted("a bit flipped by who writes the pointer", bytes(damaged), BELIEVED)
    other = SnapshotFile(body).written([SnapshotFile(body).groups[0]])
    yield Case("snapshot: another one's in its place", {key: other, PLACE.key: good[PLACE.key] + b" "})
    found = [*_versions(body), *_schemas(body), *_values(body), *_sizes(body)]
    yield from found if is_full else rng.sample(found, 25)


def _named(body: bytes) -> str:
    return PLACE.snapshot_key(NOW - 50, body)


def _planted(kind: str, body: bytes, must: str = REFUSED) -> Case:
    key = _named(body)
    return Case(f"snapshot: {kind}", {key: body, PLACE.key: pointer_to(key, NOW - 50)}, must)


def _versions(body: bytes) -> Iterator[Case]:
    file = SnapshotFile(body)
    metadata = dict(file.schema.metadata)
    for version in (b"", b"0", b"1", b"3", b"2.0", b" 2", b"22", b"\xff", b"2\0"):
        yield _planted("of another version", file.written(file.groups, metadata | {b"inventory_version": version}))
    for name in metadata:
        less = {known: value for known, value in metadata.items() if known != name}
        yield _planted("without its own account", file.written(file.groups, less))
    yield _planted("without any account", file.written(file.groups, {}))
    for time in _TIMES:
        yield _planted("with a date that is none", file.written(file.groups, metadata | {b"observed_at": time}))
    for seconds in (b"0", b"-1e300", b"1e300", str(NOW + 10**9).encode()):
        odd = file.written(file.groups, metadata | {b"observed_at": seconds})
        yield _planted("dated beyond all", odd, EITHER)


def _schemas(body: bytes) -> Iterator[Case]:
    file = SnapshotFile(body)
    for name in file.schema.names:
        # Tables that are empty here are not looked for.
        must = REFUSED if any(group[name].null_count < len(group) for group in file.groups) else EITHER
        yield _planted("without a column", file.written([group.drop_columns([name]) for group in file.groups]), must)
        renamed = [f"{column}_" if column == name else column for column in file.schema.names]
        groups = [group.rename_columns(renamed) for group in file.groups]
        yield _planted("with a column renamed", file.written(groups), must)
        for kind in _TYPES:
            if (changed := _as(file.groups, name, kind)) is not None:
                yield _planted("with a column of another type", file.written(changed), EITHER)
    extra = [group.append_column("x", pa.nulls(len(group), pa.string())) for group in file.groups]
    yield _planted("with a column too many", file.written(extra), EITHER)
    backwards = [group.select(file.schema.names[::-1]) for group in file.groups]
    yield _planted("with its columns in another order", file.written(backwards), EITHER)
    twice = [group.append_column("kind", pa.repeat(pa.scalar("part"), len(group))) for group in file.groups]
    yield _planted("with a column twice", file.written(twice), EITHER)
    many = file.groups[0]
    for number in range(3_000):
        many = many.append_column(f"c{number}", pa.nulls(len(many), pa.int8()))
    yield _planted("with three thousand columns", file.written([many]), EITHER)
    deep: pa.DataType = pa.string()
    for _ in range(60):
        deep = pa.list_(deep)
    nested = [group.append_column("x", pa.nulls(len(group), deep)) for group in file.groups]
    yield _planted("with a column of lists of lists of lists", file.written(nested), EITHER)
    yield _planted("of nothing but text", file.written([pa.table({"a": ["b"]})]))


def _as(groups: Sequence[pa.Table], name: str, kind: pa.DataType) -> list[pa.Table] | None:
    """The same with a column of another type: its values where they can be had so, else nulls; None: it is of it."""
    if groups[0].schema.field(name).type == kind:
        return None
    changed = []
    for group in groups:
        try:
            column = group[name].cast(kind)
        except (pa.ArrowException, ValueError):
            column = pa.nulls(len(group), kind)
        changed.append(group.set_column(group.schema.get_field_index(name), name, column))
    return changed


def _values(body: bytes) -> Iterator[Case]:
    file = SnapshotFile(body)
    for name, odd in _ODD.items():
        for value in odd:
            column = file.schema.field(name)
            groups = [_with(group, name, pa.array([value], column.type)) for group in file.groups]
            # What it says of ownership is believed, but no lie of this kind may end the function.
            yield _planted(f"with an odd {name}", file.written(groups), BELIEVED)
        nulls = [_with(group, name, pa.nulls(1, column.type)) for group in file.groups]
        yield _planted(f"without a {name}", file.written(nulls), BELIEVED)
    yield _planted("with every row twice", file.written([pa.concat_tables([g, g]) for g in file.groups]), EITHER)
    yield _planted("with every group twice", file.written([*file.groups, *file.groups]), EITHER)
    yield _planted("with its rows backwards", file.written(list(map(_backwards, file.groups))), BELIEVED)
    yield _planted("in one group", file.written([pa.concat_tables(file.groups)]))
    yield _planted("without statistics", file.written(file.groups, write_statistics=False))
    for number in range(len(file.groups)):
        rest = [group for place, group in enumerate(file.groups) if place != number]
        yield _planted("without one of its tables", file.written(rest), EITHER)
    for codec in ("none", "gzip", "snappy", "brotli", "lz4"):
        yield _planted("compressed otherwise", file.written(file.groups, compression=codec), EITHER)
    yield _planted("of nothing", file.written([file.groups[0].slice(0, 0)]), EITHER)


def _with(group: pa.Table, name: str, value: pa.Array) -> pa.Table:
    """The group with this value wherever it had one in this column."""
    column = group[name].combine_chunks()
    if column.null_count == len(column):
        return group
    indices = pc.if_else(column.is_valid(), 0, pa.scalar(None, pa.int64()))
    return group.set_column(group.schema.get_field_index(name), name, value.take(indices))


def _backwards(group: pa.Table) -> pa.Table:
    return group.take(pa.array(range(len(group))[::-1]))


def _sizes(body: bytes) -> Iterator[Case]:
    """Footers that tell other sizes than there are: a number's bytes changed where the file tells its length."""
    for length in (0, 1, len(body), len(body) - 7, 2**31 - 1, 2**32 - 1):
        yield _planted("with a footer of another length", body[:-8] + length.to_bytes(4, "little") + body[-4:])
    size = int.from_bytes(body[-8:-4], "little")
    footer, rest = body[-8 - size : -8], body[-8:]
    for place, (one, other) in enumerate(pairwise(footer)):
        # Small numbers made the largest that two bytes of a varint hold, so that the file stays as long as it is.
        if place % 20 == 0 and one < 0x80 and other < 0x80:  # noqa: PLR2004 - a varint of one byte
            changed = footer[:place] + b"\xff\x7f" + footer[place + 2 :]
            yield _planted("with another number in its footer", body[: -8 - size] + changed + rest, BELIEVED)
