"""`az_id` columns hold AZ IDs and nothing else, whatever the log format."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from enricher.schema import FIELDS_OF_VERSION
from workbench.cli import main

INVENTORY = Path(__file__).parents[1] / "data" / "golden" / "inventories" / "shop"
ID = re.compile(r"use1-(az\d|bos1-az\d)")
VALUES = {
    "version": "5",
    "account-id": "111122223333",
    "srcaddr": "10.0.1.10",
    "dstaddr": "10.0.2.20",
    "pkt-srcaddr": "10.0.1.10",
    "pkt-dstaddr": "10.0.2.20",
    "srcport": "40000",
    "dstport": "443",
    "protocol": "6",
    "packets": "1",
    "bytes": "60",
    "start": "1794996000",
    "end": "1794996060",
    "action": "ACCEPT",
    "log-status": "OK",
    "flow-direction": "egress",
}


def enriched(fields, values, tmp_path):
    """The one row that `vpcflow enrich` makes of these values."""
    log = tmp_path / "flows.log"
    log.write_text(" ".join(fields) + "\n" + " ".join(values.get(field, "-") for field in fields) + "\n")
    lake = tmp_path / "lake"
    assert main(["enrich", str(log), "--inventory", str(INVENTORY), "--region", "us-east-1", "--out", str(lake)]) == 0
    (file,) = lake.glob("flow_logs/**/*.parquet")
    (row,) = pq.read_table(file, partitioning=None).to_pylist()
    return row


def recording_interface():
    """The interface of 10.0.1.10."""
    document = json.loads((INVENTORY / "network-interfaces.json").read_text())
    return next(i["NetworkInterfaceId"] for i in document["NetworkInterfaces"] if i["PrivateIpAddress"] == "10.0.1.10")


@pytest.mark.parametrize("version", sorted(FIELDS_OF_VERSION))
@pytest.mark.parametrize("order", ["documented", "alphabetical"])
def test_both_sides_have_comparable_zones_in_every_format(version, order, tmp_path):
    """From the default format to the widest, both sides' zones are IDs and can be compared by equality."""
    fields = FIELDS_OF_VERSION[version] if order == "documented" else sorted(FIELDS_OF_VERSION[version])
    row = enriched(fields, {**VALUES, "interface-id": recording_interface(), "az-id": "use1-az4"}, tmp_path)
    zones = {name: value for name, value in row.items() if name in ("src_az_id", "dst_az_id", "reporter_az_id")}
    assert all(ID.fullmatch(zone or "") for zone in zones.values()), zones
    assert row["traffic_class"] == "cross_az"


def test_a_zone_name_in_the_record_never_becomes_an_id(tmp_path):
    """Where a record's az-id holds a zone's name, the inventory's ID stands on the recorder's side instead."""
    row = enriched(
        FIELDS_OF_VERSION[5],
        {**VALUES, "interface-id": recording_interface(), "az-id": "us-east-1a"},
        tmp_path,
    )
    assert row["az_id"] == "us-east-1a"
    assert row["src_az_id"] == "use1-az4"
