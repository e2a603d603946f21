"""Golden cases: `vpcflow enrich` against answers written by hand (tests/data/golden/README.md).

The first half judges the command; the second half judges the cases themselves, with a reading of their own
that shares nothing with the code but the column names.
"""

import datetime as dt
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from enricher.schema import PARTITION_COLUMNS, TAGS, lake_columns
from workbench.cli import main

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("cases/*/case.json"))
INVENTORIES = sorted(path for path in GOLDEN.glob("inventories/*") if path.is_dir())
MAPS = {column.name for column in lake_columns() if column.type == TAGS}
CASE_KEYS = {"title", "why", "inventory", "region", "rows", "rejected", "exit_code"}
OPTIONAL_CASE_KEYS = {"log_format", "rejects_by_reason"}
HIVE = ds.partitioning(pa.schema([(name, pa.string()) for name in PARTITION_COLUMNS]), flavor="hive")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run of the command left behind: exit code, the summary on stdout, the lake's rows."""

    exit_code: int
    summary: dict[str, Any]
    rows: list[dict[str, Any]]


@cache
def document(case: Path) -> dict[str, Any]:
    """The case as it was written; callers only read it."""
    loaded: dict[str, Any] = json.loads((case / "case.json").read_text(encoding="utf-8"))
    return loaded


def flow_lines(case: Path) -> list[dict[str, str]]:
    """The case's lines that have the right number of fields, as text by column name."""
    lines, fields = tokens(case)
    return [dict(zip(fields, line, strict=True)) for line in lines if len(line) == len(fields)]


def tokens(case: Path) -> tuple[list[list[str]], list[str]]:
    """All flow lines of the case, split, and its column names."""
    lines = [line.split() for line in (case / "flows.log").read_text(encoding="utf-8").splitlines() if line.split()]
    log_format = document(case).get("log_format")
    names = re.findall(r"\$\{([^}]+)\}", log_format) if log_format else lines.pop(0)
    return lines, [name.replace("-", "_") for name in names]


def enrich(case: Path, lake: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Run `vpcflow enrich` on the case, as a person would."""
    written = document(case)
    argv = ["enrich", str(case / "flows.log"), "--region", written["region"], "--out", str(lake), "--output", "json"]
    if written["inventory"]:
        argv += ["--inventory", str(GOLDEN / "inventories" / written["inventory"])]
    if "log_format" in written:
        argv += ["--log-format", written["log_format"]]
    exit_code = main(argv)
    printed = capsys.readouterr()
    assert printed.out.strip(), f"nothing on stdout; stderr says: {printed.err}"
    objects = lake / "flow_logs"
    rows = ds.dataset(objects, format="parquet", partitioning=HIVE).to_table().to_pylist() if objects.exists() else []
    return Answer(exit_code, json.loads(printed.out.strip().splitlines()[-1]), rows)


def as_written(column: str, value: Any) -> Any:
    """A value of the lake as a case writes it: maps as objects, and no tags as no tags (null or empty)."""
    return dict(value or {}) if column in MAPS else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_enrich_gives_the_answers_written_by_hand(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line is a row or a counted reject, and every row has exactly the values the case states."""
    answer = enrich(case, tmp_path / "lake", capsys)

    assert counts(answer) == expected_counts(case)
    assert differences(case, answer.rows) == {}, "row: column: (by hand, in the lake)"


def counts(answer: Answer) -> dict[str, Any]:
    """What the run says it did, and what the lake says."""
    return {
        "exit_code": answer.exit_code,
        **{key: answer.summary[key] for key in ("lines", "rows", "rejected")},
        "rejects_by_reason": {why: count for why, count in answer.summary["rejects_by_reason"].items() if count},
        "in the lake": len(answer.rows),
    }


def expected_counts(case: Path) -> dict[str, Any]:
    """The same by hand: lines = rows + rejected."""
    written = document(case)
    lines = len(tokens(case)[0])
    rows = lines - written["rejected"]
    return {
        "exit_code": written["exit_code"],
        "lines": lines,
        "rows": rows,
        "rejected": written["rejected"],
        "rejects_by_reason": written.get("rejects_by_reason", {}),
        "in the lake": rows,
    }


def differences(case: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """By row of the case: its columns that are not as written by hand, or how often the row was found."""
    wrong: dict[str, Any] = {}
    for row in document(case)["rows"]:
        hits = [one for one in rows if all(one[column] == value for column, value in row["match"].items())]
        if len(hits) != 1:
            wrong[str(row["match"])] = f"in the lake {len(hits)} times"
            continue
        told = {column: as_written(column, hits[0][column]) for column in row["expect"]}
        unlike = {column: (value, told[column]) for column, value in row["expect"].items() if told[column] != value}
        wrong |= {str(row["match"]): unlike} if unlike else {}
    return wrong


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_describes_different_lines_by_columns_that_exist(case: Path) -> None:
    """A case can fail: each row's match picks one line of its file, no line is described twice."""
    written = document(case)
    columns = {column.name for column in lake_columns()} | set(PARTITION_COLUMNS)
    lines = flow_lines(case)

    assert CASE_KEYS <= written.keys() <= CASE_KEYS | OPTIONAL_CASE_KEYS
    assert written["exit_code"] == (3 if written["rejected"] else 0)
    assert sum(written.get("rejects_by_reason", {}).values()) == written["rejected"]
    described = []
    for row in written["rows"]:
        assert row["expect"]
        assert row["expect"].keys() <= columns
        as_text = {column: str(value) for column, value in row["match"].items()}
        hits = [index for index, line in enumerate(lines) if as_text.items() <= line.items()]
        assert len(hits) == 1, row["match"]
        described += hits
    assert len(set(described)) == len(described) == len(tokens(case)[0]) - written["rejected"]


def test_cases_show_every_answer_there_is() -> None:
    """No status, evidence, reporter, class, path or resource kind a CLI inventory can give is left without a case."""
    told: dict[str, set[Any]] = {}
    for case in CASES:
        for row in document(case)["rows"]:
            for column, value in row["expect"].items():
                if column not in MAPS:
                    told.setdefault(re.sub("^(src|dst|reporter)_", "", column), set()).add(value)

    assert len(CASES) >= 45
    assert told["status"] == {"resolved", "subnet", "ambiguous", "absent", "unresolved", None}
    assert told["evidence"] == {"record", "peer_record", "snapshot", "subnet", "aws_service", None}
    assert told["reporter"] == {"src", "dst", "hop", None}
    assert told["traffic_class"] == {
        "same_az", "cross_az", "cross_region", "internet", "aws_service", "private_unknown", "unknown", None,
    }  # fmt: skip
    assert len(told["path_name"] - {None}) == 8
    assert told["resource_type"] == {
        "instance", "nat_gateway", "load_balancer", "lambda", "rds", "elasticache", "vpc_endpoint", "transit_gateway",
        "gateway_load_balancer", "gateway_load_balancer_endpoint", "ecs_task", "efs", "network_interface", None,
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-z]+\d+(-[a-z]+\d+)?-az\d+", zone) for zone in told["az_id"] - {None})


def test_every_inventory_serves_a_case() -> None:
    """No inventory lies about unused, none is missing."""
    named = {document(case)["inventory"] for case in CASES}
    assert named - {None} == {path.name for path in INVENTORIES}


OPERATIONS = {
    "network-interfaces": ("ec2", "DescribeNetworkInterfaces"),
    "instances": ("ec2", "DescribeInstances"),
    "subnets": ("ec2", "DescribeSubnets"),
    "vpcs": ("ec2", "DescribeVpcs"),
    "addresses": ("ec2", "DescribeAddresses"),
    "nat-gateways": ("ec2", "DescribeNatGateways"),
    "load-balancers": ("elbv2", "DescribeLoadBalancers"),
    "vpc-peering-connections": ("ec2", "DescribeVpcPeeringConnections"),
    "transit-gateway-attachments": ("ec2", "DescribeTransitGatewayAttachments"),
}
SCALARS = {"string": str, "boolean": bool, "integer": int}


@cache
def service_model(service: str) -> Any:
    """AWS's own model of the service, as botocore ships it."""
    return botocore.session.Session().get_service_model(service)


def misfits(value: Any, shape: Any, where: str) -> list[str]:
    """Places where a JSON value is not what the AWS CLI would print for this output shape."""
    if shape.type_name == "structure":
        strange = [f"{where}.{name}" for name in value if name not in shape.members]
        known = [name for name in value if name in shape.members]
        return strange + [bad for name in known for bad in misfits(value[name], shape.members[name], f"{where}.{name}")]
    if shape.type_name == "list":
        return [bad for item in value for bad in misfits(item, shape.member, f"{where}[]")]
    if shape.type_name == "timestamp":
        return [] if dt.datetime.fromisoformat(value).tzinfo else [f"{where}: a time without offset"]
    return [] if type(value) is SCALARS[shape.type_name] else [f"{where}: {value!r} is no {shape.type_name}"]


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.glob("inventories/*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_inventory_file_is_what_the_aws_cli_prints(path: Path) -> None:
    """Every key and type is of the operation's output shape, and something is in it."""
    service, operation = OPERATIONS[path.stem]
    shape = service_model(service).operation_model(operation).output_shape
    written = json.loads(path.read_text(encoding="utf-8"))

    assert misfits(written, shape, path.stem) == []
    assert all(written.values())


def test_recorder_of_every_line_is_who_the_inventory_says() -> None:
    """A record's interface, subnet, VPC, AZ and instance agree with the case's inventory where that knows them."""
    strange = []
    for case in CASES:
        interfaces = inventory_interfaces(document(case)["inventory"])
        for line in flow_lines(case):
            known = recorded_by(interfaces.get(line.get("interface_id", "-"), {}), line)
            told = {column: value for column, value in line.items() if column in known and value not in ("-", "None")}
            strange += [(case.name, column) for column, value in told.items() if value != known[column]]
    assert strange == []


def inventory_interfaces(name: str | None) -> dict[str, dict[str, Any]]:
    """The inventory's network interfaces by id."""
    path = GOLDEN / "inventories" / str(name) / "network-interfaces.json"
    interfaces = json.loads(path.read_text(encoding="utf-8"))["NetworkInterfaces"] if path.exists() else []
    return {one["NetworkInterfaceId"]: one for one in interfaces}


def recorded_by(interface: dict[str, Any], line: dict[str, str]) -> dict[str, str]:
    """What a record of this interface must say; its instance only if attached before the flow began."""
    if not interface:
        return {}
    told = {"vpc_id": interface["VpcId"], "subnet_id": interface["SubnetId"]}
    if "AvailabilityZoneId" in interface:
        told["az_id"] = interface["AvailabilityZoneId"]
    attachment = interface["Attachment"]
    if dt.datetime.fromisoformat(attachment["AttachTime"]).timestamp() <= int(line["start"]):
        told["instance_id"] = attachment.get("InstanceId", "-")
    return told
