"""An estate of any size as inventory tables, made in columns: what a refresher would have published of it."""

from ipaddress import IPv4Address
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from enricher.inventory import ADDRESS_SCHEMA, INSTANCE_SCHEMA, INTERFACE_SCHEMA, InventoryTables, Part
from enricher.networks import INTRA_REGION_PEERING, Connection, Networks, Subnet, Vpc
from enricher.schema import TAGS

VPCS: Final = 8
TAGS_EACH: Final = 4
_KEYS: Final = ("Name", "project", "team", "environment")
BEGUN_AT: Final = 1_763_632_800
PART: Final = "111122223333/us-east-1"
_DAY: Final = 86_400
_FIRST: Final = int(IPv4Address("10.0.0.0"))
_SECONDARY: Final = int(IPv4Address("10.128.0.0"))
_PUBLIC: Final = int(IPv4Address("52.0.0.0"))
_VPC_BITS: Final = 19  # 2**19 primary addresses a VPC: room for four million interfaces in eight


def vpc_of(number: int) -> str:
    """The VPC of the ``number``th interface."""
    return f"vpc-{number % VPCS:017x}"


def interface_id_of(number: int) -> str:
    """The ``number``th interface."""
    return f"eni-{number:017x}"


def address_of(number: int) -> str:
    """The primary address of the ``number``th interface."""
    return str(IPv4Address(_FIRST + ((number % VPCS) << _VPC_BITS) + 4 + number // VPCS))


def make_tables(size: int, tags_each: int = TAGS_EACH) -> InventoryTables:
    """``size`` interfaces with ``tags_each`` tags each; a fifth have a secondary, a tenth a public address."""
    numbers = range(size)
    tags = _tags(size, tags_each)
    interfaces = {
        "account_id": _repeat("111122223333", size),
        "region": _repeat("us-east-1", size),
        "az_id": pa.array([f"use1-az{1 + n % 3}" for n in numbers]),
        "vpc_id": pa.array([vpc_of(n) for n in numbers]),
        "subnet_id": pa.array([f"subnet-{n % (VPCS * 32):017x}" for n in numbers]),
        "interface_id": pa.array([interface_id_of(n) for n in numbers]),
        "instance_id": pa.array([f"i-{n // 2:017x}" for n in numbers]),
        "resource_type": _repeat("instance", size),
        "resource_id": pa.array([f"i-{n // 2:017x}" for n in numbers]),
        "tags": tags,
        "interface_tags": tags,
        "attached_at": pa.array([BEGUN_AT - 60 - n % _DAY for n in numbers]),
        "own_addresses": pa.array([[address_of(n)] for n in numbers], pa.list_(pa.string())),
        "part": _repeat(PART, size),
        "may_move": pa.array([n % 2 == 1 for n in numbers]),
        "seen_from": pa.array([BEGUN_AT - n % 3600 for n in numbers]),
        "seen_until": _repeat(BEGUN_AT, size),
    }
    instances = {
        "instance_id": pa.array([f"i-{n:017x}" for n in range(size // 2)]),
        "tags": tags[: size // 2],
        "part": _repeat(PART, size // 2),
        "seen_until": _repeat(BEGUN_AT, size // 2),
    }
    return InventoryTables(
        pa.table(interfaces, INTERFACE_SCHEMA),
        _addresses(size),
        pa.table(instances, INSTANCE_SCHEMA),
        _networks(),
        float(BEGUN_AT),
        (Part(PART, BEGUN_AT, BEGUN_AT + 5),),
    )


def _addresses(size: int) -> pa.Table:
    primary, secondary, public = range(size), range(0, size, 5), range(0, size, 10)
    rows = [*primary, *secondary, *public]
    texts = [address_of(n) for n in primary]
    texts += [str(IPv4Address(_SECONDARY + n)) for n in secondary]
    texts += [str(IPv4Address(_PUBLIC + n)) for n in public]
    table = {
        "address": pa.array(texts),
        "vpc_id": pa.array([*(vpc_of(n) for n in (*primary, *secondary)), *(None for _ in public)]),
        "row": pa.array(rows, pa.int64()),
        "valid_from": pa.array([BEGUN_AT - 60 - n % _DAY for n in rows]),
        "seen_until": _repeat(BEGUN_AT, len(rows)),
        "is_open": _repeat(True, len(rows)),
    }
    return pa.table(table, ADDRESS_SCHEMA).sort_by("address")


def tag_key(place: int) -> str:
    """The key of an interface's ``place``th tag, from 0."""
    return _KEYS[place] if place < len(_KEYS) else f"label-{place:02d}"


def _tags(size: int, each: int) -> Any:
    """A name of its own for every two interfaces; few projects, teams, environments and labels, as tags are."""
    values = [_value(n, place) for n in range(size) for place in range(each)]
    keys = pa.array([tag_key(place) for place in range(each)] * size, pa.string())
    offsets = pa.array(range(0, each * size + 1, each) if each else [0] * (size + 1), pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, pa.array(values, pa.string())).cast(TAGS)


def _value(number: int, place: int) -> str:
    """Of the ``number``th interface's ``place``th tag."""
    if place >= len(_KEYS):
        return f"value-{number % (place + 3)}"
    return (f"node-{number // 2:06d}", f"project-{number % 97}", f"team-{number % 23}", ("prod", "test")[number % 2])[
        place
    ]


def _networks() -> Networks:
    vpcs = [vpc_of(n) for n in range(VPCS)]
    cidrs = [f"{IPv4Address(_FIRST + (n << _VPC_BITS))}/{32 - _VPC_BITS}" for n in range(VPCS)]
    subnets = [
        Subnet(
            f"subnet-{n:017x}",
            vpcs[n % VPCS],
            (f"{IPv4Address(_FIRST + ((n % VPCS) << _VPC_BITS) + ((n // VPCS) << 14))}/18",),
            f"use1-az{1 + n % 3}",
            "us-east-1",
            PART,
        )
        for n in range(VPCS * 32)
    ]
    return Networks(
        [Vpc(vpc_id, (cidr, "10.128.0.0/9"), PART) for vpc_id, cidr in zip(vpcs, cidrs, strict=True)],
        subnets,
        [Connection(vpcs[0], vpcs[1], INTRA_REGION_PEERING, PART)],
    )


def _repeat(value: object, size: int) -> Any:
    return pc.fill_null(pa.nulls(size, pa.scalar(value).type), value)
