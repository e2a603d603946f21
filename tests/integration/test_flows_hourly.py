"""The table ``flows_hourly``: each row in one group, counted as ``flows_once`` counts, gateways metered on one leg."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from athena_lake import REGION, write_lake

from enricher.hourly import hourly_columns
from enricher.schema import PARTITION_COLUMNS, arrow_schema
from workbench.athena.engine import Lake
from workbench.athena.errors import LakeError

TOPOLOGIES = sorted((Path(__file__).parents[1] / "data" / "topologies").glob("*.json"))
HOUR = {"day": "2026-03-01", "hour": "10"}
GB = 1_000_000_000
TEN_O_CLOCK = 1772359200  # 2026-03-01T10:00:00Z


def _rows(topology: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [{**topology["every_row"], **row} for row in topology["rows"]]
    return [{("batch_id" if name == "id" else name): value for name, value in row.items()} for row in rows]


@pytest.fixture(scope="module")
def topologies(tmp_path_factory):
    """Each topology: file's name → (its rows, the ids and bytes that count, (counts_as, flows, bytes) of the table)."""
    answers = {}
    for file in TOPOLOGIES:
        topology = json.loads(file.read_text("utf-8"))
        rows = _rows(topology)
        with Lake(write_lake(tmp_path_factory.mktemp(file.stem), rows)) as lake:
            sql = "SELECT counts_as, sum(flows), sum(bytes) FROM flows_hourly GROUP BY counts_as"
            answers[file.stem] = (rows, topology["counted"], {name: found for name, *found in lake.run(sql).rows})
    return answers


@pytest.mark.parametrize("name", [file.stem for file in TOPOLOGIES])
def test_what_counts_is_what_the_topology_counts(topologies, name):
    """Flows and bytes that count are those written by hand."""
    _, counted, table = topologies[name]
    assert table.get("counted", [0, 0]) == [len(counted), sum(counted.values())]


@pytest.mark.parametrize("name", [file.stem for file in TOPOLOGIES])
def test_every_row_is_in_exactly_one_group(topologies, name):
    """Counted or not, flows add up to the rows of the lake and bytes to theirs."""
    rows, _, table = topologies[name]
    total = [sum(column) for column in zip(*table.values(), strict=True)]
    assert total == [len(rows), sum(row.get("bytes") or 0 for row in rows)]


def _flow(**columns: Any) -> dict[str, Any]:
    row = {
        **HOUR,
        "reporter": "src",
        "interface_id": "eni-a",
        "srcaddr": "10.0.1.5",
        "dstaddr": "10.0.2.9",
        "srcport": 40000,
        "dstport": 443,
        "protocol": 6,
        "packets": 10,
        "bytes": GB,
        "start": TEN_O_CLOCK,
        "end": TEN_O_CLOCK + 60,
        "action": "ACCEPT",
    }
    return row | columns


def _ask(directory: Path, rows: list[dict[str, Any]], sql: str) -> list[tuple[Any, ...]]:
    with Lake(write_lake(directory, rows)) as lake:
        return list(lake.run(sql).rows)


def test_the_table_has_the_declared_columns_and_the_partitions(tmp_path):
    """hourly_columns in order, then aws_region, day and hour; the definition gives the same."""
    with Lake(write_lake(tmp_path, [_flow()])) as lake:
        assert (*(column.name for column in hourly_columns()), *PARTITION_COLUMNS) == tuple(
            lake.catalog["flows_hourly"]
        )
        assert lake.run("SELECT * FROM flows_hourly").columns == tuple(lake.catalog["flows_hourly"])


def test_flows_are_under_the_hour_they_started_in(tmp_path):
    """Two flows of an arrival hour that started in different hours are two rows, alike ones are one."""
    rows = [_flow(), _flow(srcport=40001, start=TEN_O_CLOCK + 3599), _flow(srcport=40002, start=TEN_O_CLOCK - 1)]
    sql = "SELECT flow_hour, flows, packets, bytes FROM flows_hourly ORDER BY flow_hour"

    assert _ask(tmp_path, rows, sql) == [(TEN_O_CLOCK - 3600, 1, 10, GB), (TEN_O_CLOCK, 2, 20, 2 * GB)]


def test_second_records_keep_little_and_flows_keep_what_questions_need(tmp_path):
    """The other end's record is one row without names; the flow has zones, labels and charge, but no recorder."""
    ends = {
        "src_vpc_id": "vpc-1", "src_az_id": "use1-az1", "src_interface_id": "eni-a", "src_project": "search",
        "dst_vpc_id": "vpc-1", "dst_az_id": "use1-az2", "dst_interface_id": "eni-b", "traffic_class": "cross_az",
        "reporter_resource_id": "i-1",
    }  # fmt: skip
    rows = [_flow(**ends), _flow(**ends | {"reporter": "dst", "interface_id": "eni-b"})]
    sql = (
        "SELECT counts_as, reporter, reporter_resource_id, src_az_id, dst_az_id, src_project_label, dst_project_label, "
        "traffic_class, action, charge, bytes FROM flows_hourly ORDER BY counts_as"
    )

    assert _ask(tmp_path, rows, sql) == [
        ("counted", "src", None, "use1-az1", "use1-az2", "search", "(untagged)", "cross_az", "ACCEPT", "cross_az", GB),
        ("second record", "dst", None, None, None, None, None, "cross_az", "ACCEPT", None, GB),
    ]


def test_hours_that_compaction_added_up_are_read_and_the_others_are_added_up(tmp_path):
    """A folder of flows_hourly holds for its hour, whatever the rows say; an hour without one is worked out."""
    write_lake(tmp_path, [_flow(), _flow(hour="11", start=TEN_O_CLOCK + 3600, bytes=5)])
    folder = tmp_path / "flows_hourly" / f"aws_region={REGION}" / "day=2026-03-01" / "hour=10"
    folder.mkdir(parents=True)
    kept = [{"flow_hour": TEN_O_CLOCK, "counts_as": "counted", "flows": 7, "bytes": 77}]
    pq.write_table(pa.Table.from_pylist(kept, arrow_schema(hourly_columns())), folder / "part-0.parquet")

    with Lake(tmp_path) as lake:
        rows = lake.run("SELECT hour, flows, bytes FROM flows_hourly ORDER BY hour").rows

    assert rows == (("10", 7, 77), ("11", 1, 5))


def test_hours_added_up_before_a_column_was_there_read_as_null(tmp_path):
    """Files of the table lack what is newer than they are; the other columns are read."""
    write_lake(tmp_path, [_flow()])
    folder = tmp_path / "flows_hourly" / f"aws_region={REGION}" / "day=2026-03-01" / "hour=10"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"bytes": [5], "flows": [1], "counts_as": ["counted"]}), folder / "old.parquet")

    with Lake(tmp_path) as lake:
        assert lake.run("SELECT hour, bytes, gateway_charge FROM flows_hourly").rows == (("10", 5, None),)


def test_an_hour_that_cannot_be_read_names_the_lake(tmp_path):
    """The query is not to blame for a broken file: the message names the lake and the mend."""
    write_lake(tmp_path, [_flow()])
    folder = tmp_path / "flows_hourly" / f"aws_region={REGION}" / "day=2026-03-01" / "hour=10"
    folder.mkdir(parents=True)
    (folder / "broken.parquet").write_bytes(b"not Parquet")

    with Lake(tmp_path) as lake, pytest.raises(LakeError, match="remove or replace that file"):
        lake.run("SELECT bytes FROM flows_hourly")


NAT = {"reporter": "hop", "reporter_resource_type": "nat_gateway", "reporter_resource_id": "nat-1"}
NAT_THERE = NAT | {"reporter_az_id": "use1-az2"}
TRANSIT = {"reporter": "hop", "reporter_resource_type": "transit_gateway"}
CLIENT_OUT = {"src_vpc_id": "vpc-1", "src_az_id": "use1-az1", "src_resource_type": "instance"}
CLIENT_BACK = {"dst_vpc_id": "vpc-1", "dst_az_id": "use1-az1", "dst_resource_type": "instance"}
HOST, GATEWAY, CLIENT = "198.51.100.7", "10.0.9.9", "10.0.1.5"


def _leg(hop: tuple[str, str], packet: tuple[str | None, str | None], direction: str | None) -> dict[str, Any]:
    names = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "flow_direction")
    return dict(zip(names, (*hop, *packet, direction), strict=True))


# case → (columns, gateway_leg, gateway_charge, charge)
LEGS = {
    "client to NAT": (NAT | CLIENT_OUT | _leg((CLIENT, GATEWAY), (CLIENT, HOST), "ingress"),
                      "to", "nat_gateway", None),
    "NAT to host": (NAT | {"src_vpc_id": "vpc-1", "src_resource_type": "nat_gateway"}
                    | _leg((GATEWAY, HOST), (GATEWAY, HOST), "egress"), None, None, None),
    "host to NAT": (NAT | {"dst_vpc_id": "vpc-1", "dst_resource_type": "nat_gateway"}
                    | _leg((HOST, GATEWAY), (HOST, GATEWAY), "ingress"), None, None, None),
    "NAT to client": (NAT | CLIENT_BACK | _leg((GATEWAY, CLIENT), (HOST, CLIENT), "egress"),
                      "from", "nat_gateway", None),
    "NAT unnamed, its other leg": (NAT | {"src_vpc_id": "vpc-1"} | _leg((GATEWAY, HOST), (GATEWAY, HOST), "egress"),
                                   None, None, None),
    "client to NAT elsewhere": (NAT_THERE | CLIENT_OUT | _leg((CLIENT, GATEWAY), (CLIENT, HOST), None),
                                "to", "nat_gateway", "cross_az_nat"),
    "NAT elsewhere to client": (NAT_THERE | CLIENT_BACK | _leg((GATEWAY, CLIENT), (HOST, CLIENT), None),
                                "from", "nat_gateway", "cross_az_nat"),
    "NAT in the client's zone": (NAT_THERE | CLIENT_OUT | {"src_az_id": "use1-az2"}
                                 | _leg((CLIENT, GATEWAY), (CLIENT, HOST), None), "to", "nat_gateway", None),
    "regional NAT, in": (NAT | CLIENT_OUT | {"interface_id": None} | _leg((CLIENT, HOST), (CLIENT, HOST), "ingress"),
                         "to", "nat_gateway", None),
    "regional NAT, out": (NAT | CLIENT_OUT | {"interface_id": None} | _leg((CLIENT, HOST), (CLIENT, HOST), "egress"),
                          None, None, None),
    "regional NAT, back": (NAT | CLIENT_BACK | {"interface_id": None} | _leg((HOST, CLIENT), (HOST, CLIENT), "egress"),
                           "from", "nat_gateway", None),
    "version 2, client to NAT": (NAT | CLIENT_OUT | {"dst_vpc_id": "vpc-1", "dst_resource_type": "nat_gateway"}
                                 | _leg((CLIENT, GATEWAY), (None, None), None), "to", "nat_gateway", None),
    "version 2, NAT to host": (NAT | {"src_vpc_id": "vpc-1", "src_resource_type": "nat_gateway"}
                               | _leg((GATEWAY, HOST), (None, None), None), None, None, None),
    "version 2, NAT to client": (NAT | CLIENT_BACK | {"src_vpc_id": "vpc-1", "src_resource_type": "nat_gateway"}
                                 | _leg((GATEWAY, CLIENT), (None, None), None), "from", "nat_gateway", None),
    "into the transit gateway": (TRANSIT | CLIENT_OUT | {"dst_vpc_id": "vpc-2"}
                                 | _leg((CLIENT, GATEWAY), (CLIENT, "10.4.0.1"), "ingress"),
                                 "to", "transit_gateway", None),
    "out of the transit gateway": (TRANSIT | CLIENT_OUT | {"dst_vpc_id": "vpc-2"}
                                   | _leg((GATEWAY, "10.4.0.1"), (CLIENT, "10.4.0.1"), "egress"), "from", None, None),
    "transit gateway's own log, in": (TRANSIT | CLIENT_OUT | {"dst_vpc_id": "vpc-2", "interface_id": None}
                                      | _leg((CLIENT, "10.4.0.1"), (None, None), "ingress"),
                                      "to", "transit_gateway", None),
    "transit gateway's own log, out": (TRANSIT | CLIENT_OUT | {"dst_vpc_id": "vpc-2", "interface_id": None}
                                       | _leg((CLIENT, "10.4.0.1"), (None, None), "egress"), "from", None, None),
    "to an interface endpoint": (CLIENT_OUT | {"dst_vpc_id": "vpc-1", "dst_resource_type": "vpc_endpoint",
                                 "traffic_class": "cross_az"}, "to", "interface_endpoint", "cross_az"),
    "from an interface endpoint": (CLIENT_BACK | {"src_vpc_id": "vpc-1", "src_resource_type": "vpc_endpoint",
                                   "traffic_class": "same_az"}, "from", "interface_endpoint", "free"),
    "an instance that forwards": ({"reporter": "hop", "reporter_resource_type": "instance"} | CLIENT_OUT
                                  | _leg((CLIENT, GATEWAY), (CLIENT, HOST), "ingress"), None, None, None),
}  # fmt: skip


@pytest.fixture(scope="module")
def legs(tmp_path_factory):
    """Every case in one lake: case → leg, what the gateway takes, charge for data transfer."""
    rows = [_flow(batch_id=case) | columns for case, (columns, *_) in LEGS.items()]
    sql = "SELECT batch_id, gateway_leg, gateway_charge, charge FROM flow_rows"
    return {case: found for case, *found in _ask(tmp_path_factory.mktemp("legs"), rows, sql)}


@pytest.mark.parametrize("case", LEGS)
def test_a_gateway_meters_one_leg(legs, case):
    """Of the records that a gateway writes of the same bytes, one carries its charge."""
    assert list(LEGS[case][1:]) == legs[case]


def test_what_a_gateway_takes_is_for_the_side_that_uses_it(tmp_path):
    """A GB each way over a NAT gateway in another zone: 4.5 and 2 cents, of the source out, of the destination back."""
    rows = [
        _flow(**NAT_THERE | CLIENT_OUT | _leg((CLIENT, GATEWAY), (CLIENT, HOST), None)),
        _flow(**NAT_THERE | CLIENT_BACK | _leg((GATEWAY, CLIENT), (HOST, CLIENT), None)),
    ]
    sql = (
        "SELECT cause, gateway_leg, round(src_estimated_usd, 6), round(dst_estimated_usd, 6), round(estimated_usd, 6) "
        "FROM hourly_costs ORDER BY cause, gateway_leg DESC"
    )

    assert _ask(tmp_path, rows, sql) == [
        ("cross_az_nat", "to", 0.02, 0.0, 0.02),
        ("cross_az_nat", "from", 0.0, 0.02, 0.02),
        ("nat_gateway", "to", 0.045, 0.0, 0.045),
        ("nat_gateway", "from", 0.0, 0.045, 0.045),
    ]
