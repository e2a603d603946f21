"""What the handler is measured against: the toolkit's floor, DuckDB doing the same join, a plain Python loop."""

import base64
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from bench.material import Material
from enricher.inventory import Inventory
from enricher.schema import COLUMN_OF_FIELD, DEFAULT_PROMOTED_TAGS, LOCATION, RESOURCE, SIDES, STRING

ENDPOINT = (*LOCATION, *RESOURCE, *DEFAULT_PROMOTED_TAGS)


def floor(material: Material) -> Callable[[], int]:
    """Read the raw lines (in memory, explicit types, one block, one thread), write them as Parquet (zstd).

    Nothing is decoded, nothing enriched, nothing checked.
    """
    raw = material.raw
    types = {field: COLUMN_OF_FIELD[field].type for field in material.fields}

    def run() -> int:
        table = csv.read_csv(
            pa.py_buffer(raw),
            csv.ReadOptions(column_names=material.fields, use_threads=False, block_size=len(raw) + 1),
            csv.ParseOptions(delimiter=" ", quote_char=False),
            csv.ConvertOptions(column_types=types, null_values=["-"], strings_can_be_null=True),
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        return int(sink.getvalue().size)

    return run


def duckdb_join(materials: Sequence[Material], inventory: Inventory, directory: Path) -> list[Callable[[], int]]:
    """Read the lines, join both sides by (VPC, address), write Parquet (zstd); one thread, inventory indexed before."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.register("arrow_endpoints", _endpoints(inventory))
    connection.execute("CREATE TABLE endpoints AS SELECT * FROM arrow_endpoints")
    return [
        partial(_join, connection, material, directory / f"{number}.log", directory / f"{number}.parquet")
        for number, material in enumerate(materials)
    ]


def _join(connection: Any, material: Material, lines: Path, target: Path) -> int:
    if not lines.exists():
        lines.write_bytes(material.raw)
    columns = ", ".join(
        f"'{field.replace('-', '_')}': '{_duckdb_type(COLUMN_OF_FIELD[field].type)}'" for field in material.fields
    )
    sides = ", ".join(f"{side}.{name} AS {side}_{name}" for side in SIDES for name in (*ENDPOINT, "tags"))
    joins = " ".join(
        f"LEFT JOIN endpoints AS {side} ON {side}.key_vpc_id = l.vpc_id"
        f" AND {side}.key_address = coalesce(l.pkt_{side}addr, l.{side}addr)"
        for side in SIDES
    )
    statement = f"""
        COPY (
            SELECT l.*, {sides},
                CASE l.flow_direction WHEN 'egress' THEN 'src' WHEN 'ingress' THEN 'dst' END AS reporter,
                CASE WHEN src.az_id = dst.az_id THEN 'same_az' WHEN src.az_id <> dst.az_id THEN 'cross_az' END AS class
            FROM read_csv('{lines}', delim = ' ', header = false, quote = '', escape = '', nullstr = '-',
                auto_detect = false, columns = {{{columns}}}) AS l {joins}
        ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
    """  # noqa: S608  # our own names and paths
    connection.execute(statement)
    return target.stat().st_size


def python_loop(materials: Sequence[Material], inventory: Inventory) -> list[Callable[[], int]]:
    """Decode, split, look both sides up in a perfect dictionary, answer each record with its JSON: record by record.

    The whole of a transformation, as the public samples do it: the response holds every record's enriched line.
    """
    rows = _endpoints(inventory).to_pylist()
    known = {(row["key_vpc_id"], row["key_address"]): {name: row[name] for name in (*ENDPOINT, "tags")} for row in rows}
    columns = [COLUMN_OF_FIELD[field] for field in materials[0].fields]
    readers = [(column.name, str if column.type == STRING else int) for column in columns]
    nothing: dict[str, Any] = dict.fromkeys((*ENDPOINT, "tags"))

    def run(event: dict[str, Any]) -> int:
        out = []
        for record in event["records"]:
            line = json.loads(base64.b64decode(record["data"]))["message"]
            flow: dict[str, Any] = {
                name: None if word == "-" else read(word)
                for (name, read), word in zip(readers, line.split(" "), strict=True)
            }
            for side in SIDES:
                found = known.get((flow["vpc_id"], flow[f"pkt_{side}addr"]), nothing)
                for name, value in found.items():
                    flow[f"{side}_{name}"] = value
            flow["reporter"] = "src" if flow["flow_direction"] == "egress" else "dst"
            flow["traffic_class"] = "same_az" if flow["src_az_id"] == flow["dst_az_id"] else "cross_az"
            data = base64.b64encode(json.dumps(flow).encode() + b"\n").decode()
            out.append({"recordId": record["recordId"], "result": "Ok", "data": data})
        response = {"records": out}
        return len(response["records"])

    return [partial(run, material.event) for material in materials]


def _endpoints(inventory: Inventory) -> pa.Table:
    """One row an owned private address: what the rivals join with. Ownership in time is left out, to their gain."""
    table = inventory.endpoints
    owned = [(row, address) for row in range(table.num_rows) for address in inventory.own_addresses(row)]
    rows = [row for row, _ in owned]
    vpc_of = table["vpc_id"].to_pylist()
    vpcs, addresses = [vpc_of[row] for row in rows], [address for _, address in owned]
    found = table.take(pa.array(rows, pa.int64())).combine_chunks()
    return found.append_column("key_vpc_id", pa.array(vpcs)).append_column("key_address", pa.array(addresses))


def _duckdb_type(arrow_type: Any) -> str:
    return {pa.int32(): "INTEGER", pa.int64(): "BIGINT"}.get(arrow_type, "VARCHAR")
