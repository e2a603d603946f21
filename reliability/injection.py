"""The corpus of hostile values on its way: tags and log fields, the function, the lake, the views, what people see."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

import pyarrow.parquet as pq

from enricher.errors import EnricherError
from reliability.figures import Figure
from reliability.fuzz.function import REGION, STREAM, Function, Told
from reliability.fuzz.lines import VERSIONS
from reliability.hostile import hostile_values, hostile_words
from workbench.athena.engine import Lake
from workbench.athena.saved import get
from workbench.cli import main
from workbench.envelopes import event, message_record

_FIELDS: Final = VERSIONS["v11"].split()
_START: Final = 1_794_996_000
_ZONES: Final = (("subnet-0a", "euw1-az1"), ("subnet-0b", "euw1-az2"))
_ACCOUNT: Final = "111122223333"
_ORDERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
_ORDERS_IN_CSV: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FORMULA: Final = "=+-@\uff1d\uff0b\uff0d\uff20"
# Those that show what tags say; each is asked anew for each spelling, as a person does.
_QUERIES: Final = (
    "address_pairs", "top_talkers", "project_traffic", "project_summary", "project_costs", "cross_az_projects",
    "cross_az_resources", "rejects_by_project",
)  # fmt: skip
_SLICE: Final = 1
_CELLS: Final = 500


def figures(*, is_full: bool) -> Iterator[Figure]:
    """Everything; of a slice, some of the saved queries."""
    values = hostile_values()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        told, lines = _delivered(values)
        yield Figure(
            "injection_values", len(values), "values", "in tags, log fields, record ids, parameters", ">=", 170
        )
        yield Figure(
            "injection_log_lines", len(told.log), "lines", "logged of one event that holds all of them", "==", 1
        )
        yield _wrong("injection_lake", _not_exact(told, values), "values that Parquet does not hold byte for byte")
        for key, body in told.objects.items():
            target = work / "lake" / key
            target.parent.mkdir(parents=True)
            target.write_bytes(body)
        yield Figure("injection_flows", len(lines), "flows", "with them, in one lake", ">=", len(values))
        yield from _queried(work / "lake", [get(name) for name in _QUERIES[: None if is_full else _SLICE]])
        yield _wrong(
            "injection_parameters",
            _bound(work / "lake", values[:: 1 if is_full else 12]),
            "values that did more than be compared",
        )
        yield from _inventories(work, values, is_full=is_full)


def _delivered(values: list[str]) -> tuple[Told, list[str]]:
    """All values in tags of the inventory, in tag fields of the records, and as words of other fields."""
    function = Function(" ".join(f"${{{field}}}" for field in _FIELDS), "parquet", documents=_documents(values))
    words = hostile_words()
    lines = []
    for number, value in enumerate(values):
        row = {
            "version": "11", "account-id": _ACCOUNT, "interface-id": _eni(number), "srcaddr": _address(number),
            "dstaddr": _address((number + 1) % len(values)), "srcport": "49152", "dstport": "443", "protocol": "6",
            "packets": "7", "bytes": str(1000 + number), "start": str(_START), "end": str(_START + 60),
            "action": "ACCEPT", "log-status": "OK", "vpc-id": "vpc-0a", "flow-direction": "egress",
            "subnet-id": _ZONES[number % 2][0], "az-id": _ZONES[number % 2][1], "region": REGION,
            "instance-tag-2": quote(value) or "-", "ecs-cluster-name": words[number % len(words)],
        }  # fmt: skip
        lines.append(" ".join(row.get(field, "-") for field in _FIELDS))
    sent = event(map(message_record, lines), STREAM, REGION, "one", first_arrival_ms=(_START + 300) * 1000)
    # An id may be any text too: it must come back, and into no log.
    for record, value in zip(sent["records"], values, strict=True):
        record["recordId"] = value
    told = function.invoke(json.loads(json.dumps(sent)))
    answered = [record["recordId"] for record in told.answer.response["records"]]
    if answered != values:
        raise AssertionError
    return told, lines


def _not_exact(told: Told, values: list[str]) -> list[str]:
    """Values that are not what the lake holds of their instance: flat, in the map, decoded from the record."""
    (body,) = (body for key, body in told.objects.items() if key.startswith("flow_logs/"))
    rows = {row["bytes"] - 1000: row for row in pq.read_table(io.BytesIO(body)).to_pylist()}
    words = hostile_words()
    wrong = []
    for number, value in enumerate(values):
        row = rows[number]
        flat = {row["src_project"], row["src_name"], row["src_team"], dict(row["src_tags"])["project"]}
        peer = rows[(number - 1) % len(values)]["dst_project"]
        spelled = row["ecs_cluster_name"] == words[number % len(words)]
        if (
            flat != {value}
            or peer != value
            or not spelled
            or row["instance_tag_2"] != (None if value in ("", "-", "None") else quote(value))
        ):
            wrong.append(f"{value!r}: {flat} {peer!r}")
    return wrong


def _queried(lake: Path, queries: Any) -> Iterator[Figure]:
    """Saved queries in each spelling: what a spreadsheet would run, what a terminal would obey, what is no JSON."""
    cells: Counter[str] = Counter()
    executable: list[str] = []
    orders: list[str] = []
    broken: list[str] = []
    for query in queries:
        asked = ("query", query.name, "--lake", lake, "--output")
        as_csv, as_json, as_table = (_run(*asked, output) for output in ("csv", "json", "table"))
        records = json.loads(as_json)
        rows = list(csv.reader(io.StringIO(as_csv, newline="")))
        cells[query.name] = sum(map(len, rows))
        if as_json.count("\n") != 1 or len(rows) != len(records) + 1 or any(len(row) != len(rows[0]) for row in rows):
            broken.append(query.name)
        executable += [f"{query.name}: {cell!r}" for cell in _cells(as_csv) if _is_executable(cell)]
        orders += [query.name for text in (as_json, as_table) if _ORDERS.search(text)]
        orders += [query.name] * bool(_ORDERS_IN_CSV.search(as_csv))
    yield Figure("injection_cells", cells.total(), "cells", f"of CSV, from {len(cells)} saved queries", ">=", _CELLS)
    yield _wrong("injection_executable_cells", executable, "that a spreadsheet would run")
    yield _wrong("injection_terminal_orders", orders, "answers with escape sequences or marks of direction in them")
    yield _wrong("injection_broken_answers", broken, "answers whose rows are cut elsewhere than they are")


def _cells(text: str) -> Iterator[str]:
    """Cells as a spreadsheet cuts them: a lone CR outside of quotes ends a row, too."""
    rows = csv.reader(io.StringIO(text, newline=None))
    return (cell for row in rows for cell in row)


def _is_executable(cell: str) -> bool:
    """Whether it begins with what a formula begins with, behind whatever does not show; numbers are none."""
    shown = cell.lstrip(
        "".join(map(chr, range(33))) + "\u00a0\u2003\u3000\u200b\u200e\u200f\u202a\u202d\u202e\u2066\ufeff"
    )
    return shown[:1] in set(_FORMULA) and not re.fullmatch(r"-?[\d.,;|e+-]+", shown)


def _bound(folder: Path, values: list[str]) -> list[str]:
    """A saved query with each value for its text parameter: it finds nothing, changes nothing, or refuses in a line."""
    before = _files(folder)
    wrong = []
    with Lake(folder) as lake:
        for value in values:
            query = get("address_traffic")
            try:
                found = lake.run(query.sql, query.bind({"address": value})).records()
            except EnricherError as error:
                found = [{"flows": len(str(error).splitlines()) - 1}]
            if any(_counts(row) for row in found):
                wrong.append(f"{value!r}: {str(found)[:100]}")
    return [*wrong, *(["the lake was changed"] if _files(folder) != before else [])]


def _counts(row: dict[str, Any]) -> bool:
    """Whether a row tells of flows: none is of such a region or address."""
    return any(isinstance(value, int | float) and value for name, value in row.items() if "flows" in name)


def _inventories(work: Path, values: list[str], *, is_full: bool) -> Iterator[Figure]:
    """``explain`` of each address, ``inventory show`` and ``diff``: what they print."""
    old, new = work / "old", work / "new"
    for folder, told in ((old, ["plain"] * len(values)), (new, values)):
        folder.mkdir()
        for name, document in _documents(told).items():
            (folder / f"{name}.json").write_text(json.dumps(document))
    texts = [_run("inventory", "show", new), _run("inventory", "diff", old, new)]
    lines = [
        _run("inventory", "show", new, "--output", "json"),
        _run("inventory", "diff", old, new, "--output", "json"),
    ]
    for number in range(0, len(values), 4 if is_full else 60):
        texts.append(_run("explain", _address(number), "--inventory", new))
        lines.append(_run("explain", _address(number), "--inventory", new, "--output", "json"))
    orders = [text for text in (*texts, *lines) if _ORDERS.search(text)]
    broken = [text[:80] for text in lines if text.count("\n") != 1 or not json.loads(text)]
    yield Figure(
        "injection_printed", len(texts) + len(lines), "answers", "of explain, inventory show and diff", ">=", 4
    )
    yield _wrong("injection_printed_orders", orders, "of these with escape sequences or marks of direction in them")
    yield _wrong("injection_printed_broken", broken, "of these that are not one line of JSON where that was asked for")


def _documents(values: list[str]) -> dict[str, Any]:
    """An instance for each value, which is all of its tags; in two zones by turns."""
    zones = [
        {"SubnetId": subnet, "AvailabilityZoneId": zone, "AvailabilityZone": "eu-west-1a"} for subnet, zone in _ZONES
    ]
    interfaces = [
        {
            "NetworkInterfaceId": _eni(number), "VpcId": "vpc-0a", "OwnerId": _ACCOUNT, "Description": value,
            "PrivateIpAddress": _address(number),
            "PrivateIpAddresses": [{"PrivateIpAddress": _address(number), "Primary": True}],
            "Attachment": {"InstanceId": f"i-{number:017x}", "AttachTime": "2026-01-01T00:00:00+00:00"},
            **zones[number % 2],
        }
        for number, value in enumerate(values)
    ]  # fmt: skip
    instances = [
        {"InstanceId": f"i-{n:017x}", "Tags": [{"Key": k, "Value": value} for k in ("Name", "project", "team", "x")]}
        for n, value in enumerate(values)
    ]
    subnets = [{**zone, "VpcId": "vpc-0a", "CidrBlock": f"10.0.{n}.0/24"} for n, zone in enumerate(zones)]
    return {
        "network-interfaces": {"NetworkInterfaces": interfaces},
        "instances": {"Reservations": [{"Instances": instances}]},
        "vpcs": {"Vpcs": [{"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/16"}]},
        "subnets": {"Subnets": subnets},
    }


def _eni(number: int) -> str:
    return f"eni-{number:017x}"


def _address(number: int) -> str:
    return f"10.0.{number % 2}.{number // 2 + 4}"


def _run(*argv: object) -> str:
    """What the command prints; it must be done."""
    out = io.StringIO()
    with redirect_stdout(out):
        code = main([str(each) for each in argv])
    if code:
        raise AssertionError(argv)
    return out.getvalue()


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _wrong(name: str, found: list[str], meaning: str) -> Figure:
    return Figure(name, len(found), "", meaning + "".join(f"; {each[:150]}" for each in found[:3]), "==", 0)
