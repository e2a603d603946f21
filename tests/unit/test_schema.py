"""The columns of the lake: AWS's names and types, both sides alike, stable order."""

import re

import pyarrow as pa
import pytest

from enricher.schema import (
    AWS_COLUMNS,
    COLUMN_OF_FIELD,
    FIELDS_OF_VERSION,
    TAGS,
    TIMESTAMP,
    TRANSIT_GATEWAY_FIELDS,
    arrow_schema,
    flow_columns,
    lake_columns,
    side_columns,
)

# The INT_32 and INT_64 fields of the user guide's tables; all others are STRING. protocol is INT_64 because the
# transit gateway's table says so and Athena's guide declares bigint for both.
INT = {"version", "srcport", "dstport", "tcp_flags", "traffic_path", "encryption_status"}
BIGINT = {
    "protocol", "packets", "bytes", "start", "end", "packets_lost_no_route", "packets_lost_blackhole",
    "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
}  # fmt: skip
SIDE = [
    "status", "account_id", "region", "az_id", "vpc_id", "subnet_id", "interface_id", "instance_id", "resource_type",
    "resource_id", "name", "project", "team", "environment", "tags", "evidence",
]  # fmt: skip


def test_aws_columns_have_aws_names_and_types():
    """Queries written for AWS's tables run: ``-`` is ``_``, and every type is AWS's."""
    assert {column.name: str(column.field).replace("-", "_") for column in AWS_COLUMNS} == {
        column.name: column.name for column in AWS_COLUMNS
    }
    assert {column.name for column in AWS_COLUMNS if column.glue_type == "int"} == INT
    assert {column.name for column in AWS_COLUMNS if column.glue_type == "bigint"} == BIGINT
    assert {column.glue_type for column in AWS_COLUMNS} == {"int", "bigint", "string"}


def test_every_documented_field_has_exactly_one_column():
    """54 fields of VPC flow logs, 18 more of transit gateways, each once."""
    documented = {*FIELDS_OF_VERSION[11], *TRANSIT_GATEWAY_FIELDS}

    assert len(FIELDS_OF_VERSION[11]) == 54
    assert (len(TRANSIT_GATEWAY_FIELDS), len(set(TRANSIT_GATEWAY_FIELDS))) == (36, 36)
    assert len(AWS_COLUMNS) == len(documented) == 72
    assert COLUMN_OF_FIELD.keys() == documented


@pytest.mark.parametrize(
    ("version", "last"),
    [
        (2, "log-status"),
        (3, "pkt-dstaddr"),
        (4, "sublocation-id"),
        (5, "traffic-path"),
        (7, "ecs-task-id"),
        (8, "reject-reason"),
        (9, "resource-id"),
        (10, "encryption-status"),
        (11, "next-hop-interface-type"),
    ],
)
def test_a_version_ends_with_its_newest_field(version, last):
    """Each version holds those before it and ends with its own."""
    assert FIELDS_OF_VERSION[version][-1] == last
    assert FIELDS_OF_VERSION[version] == FIELDS_OF_VERSION[11][: len(FIELDS_OF_VERSION[version])]


def test_names_are_unique_and_fit_every_catalog():
    """Lower case, digits and underscores, none twice: Glue, Athena and Parquet readers agree on them."""
    names = [column.name for column in lake_columns(("cost_center",))]

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []


def test_both_sides_have_the_same_columns():
    """One loop writes them: name, type and order."""
    both = [[(c.name.split("_", 1)[1], c.type) for c in side_columns(side)] for side in ("src", "dst")]

    assert both[0] == both[1]
    assert [name for name, _ in both[0]] == SIDE
    assert {name for name, arrow_type in both[0] if arrow_type != pa.string()} == {"tags"}


def test_the_lake_holds_the_flow_record_then_what_is_known_of_it():
    """The order that objects are written in; whatever comes later is appended."""
    names = [column.name for column in lake_columns()]

    assert names[:14] == [
        "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
        "bytes", "start", "end", "action", "log_status",
    ]  # fmt: skip
    assert names[72:] == [
        "extra_fields",
        *(f"src_{name}" for name in SIDE),
        *(f"dst_{name}" for name in SIDE),
        "reporter", "reporter_resource_type", "reporter_resource_id", "reporter_az_id", "traffic_class", "path_name",
        "batch_id", "arrived_at", "inventory_age_s", "enricher_version",
    ]  # fmt: skip
    assert [column.name for column in flow_columns()] == names[:73]


def test_promoted_tags_of_ones_own_come_last():
    """Older objects then read them as null, and nothing moves."""
    assert [column.name for column in lake_columns(("cost_center", "tier"))][len(lake_columns()) :] == [
        "src_cost_center",
        "dst_cost_center",
        "src_tier",
        "dst_tier",
    ]


def test_types_are_those_that_athena_reads():
    """Signed integers, millisecond timestamps, maps of strings; each has its spelling in the catalog."""
    types = {column.type: column.glue_type for column in lake_columns()}

    assert types == {
        pa.int32(): "int",
        pa.int64(): "bigint",
        pa.string(): "string",
        TAGS: "map<string,string>",
        TIMESTAMP: "timestamp",
    }
    assert TIMESTAMP.unit == "ms"
    assert (TAGS.key_type, TAGS.item_type) == (pa.string(), pa.string())


def test_every_column_says_what_it_means_and_since_when():
    """The documentation is made from it: AWS's columns name their version, ours none."""
    assert [column.name for column in lake_columns() if not column.meaning or "{" in column.meaning] == []
    assert {bool(column.since) == bool(column.field) for column in lake_columns()} == {True}
    assert {column.since for column in AWS_COLUMNS} == {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}


def test_the_arrow_schema_is_the_columns():
    """Same names, same types, same order."""
    columns = lake_columns()
    schema = arrow_schema(columns)

    assert list(zip(schema.names, schema.types, strict=True)) == [(column.name, column.type) for column in columns]
