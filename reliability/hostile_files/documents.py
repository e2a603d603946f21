"""Inventory documents in which anything may be anything: each is refused by name, or what it tells is told and no more.

What a document tells is read here a second time, by searching its text: an address may be named only as an interface
that stands in one entry with it.
"""

import copy
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from enricher.errors import EnricherError
from enricher.inventory import Inventory
from enricher.inventory_documents import tables_of
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.snapshot import from_snapshot, to_snapshot
from reliability.fuzz.function import NOW, estate
from reliability.hostile import hostile_values
from reliability.hostile_files.hot_path import PART, Reader, lost, published
from reliability.hostile_files.watch import Watch
from workbench.inventory_files import load_tables

Documents = Mapping[str, Any]
_ODD: Final[Sequence[Any]] = (
    None, "", "x", " ", "-", "\0", "\ud800", "x" * 100_000, 0, -1, 2**70, 1e308, float("nan"), float("inf"), True,
    False, [], {}, [None], [[]], [{}], {"": ""}, ["x"], [["x"]] * 1_000, "10.0.1.5", "10.0.1.5/32", "0.0.0.0/0",
    "::/0", "10.0.0.0/33", "10.0.1.005", "\uff11\uff10.0.1.5", "10.0.1.5\n", "2001:DB8::1", "2001:db8::1%eth0",
    "::ffff:10.0.1.5", "vpc-0a", "eni-00000000000000002", "i-00000000000000002", "2026-01-01", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+00:00", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "available", "deleted",
)  # fmt: skip
_FILES: Final = (
    b"", b"\0", b"{", b"{}", b"[]", b"null", b"NaN", b'"x"', b"2", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"PAR1",
    b"\x1f\x8b\x08\0", b'{"NetworkInterfaces": ', b'{"NetworkInterfaces": {}}', b"[" * 9_999,
    b'{"NetworkInterfaces": [1]}',
    b'{"NetworkInterfaces":' * 50_000, b'{"NetworkInterfaces": [' + b"9" * 10_000 + b"]}", b"{'NetworkInterfaces': []}",
    b'{"NetworkInterfaces": [{"NetworkInterfaceId": "\\ud800"}]}', b'{"NetworkInterfaces": [], "NextToken": "x"}',
    b'{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}], "NetworkInterfaces": 5}', b"An error occurred (...)",
)  # fmt: skip


class Findings:
    """Counts documents and says what is wrong with what came of them."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch or Watch()
        self.tried = self.refused = 0

    def parsed(self, rng: Random, *, is_full: bool) -> Iterator[str]:
        """Every member of every document, as everything; read, kept, read again and indexed."""
        base = _base()
        found = list(_mutations(base))
        for where, documents in found if is_full else rng.sample(found, 150):
            yield from self._watch.over(where, self._parsed(where, documents))
        values = hostile_values()
        for value in values if is_full else values[::10]:
            told = json.dumps(base).replace('"payments"', json.dumps(value))
            where = f"a tag {value[:20]!r}"
            yield from self._watch.over(where, self._parsed(where, json.loads(told)))

    def read(self) -> Iterator[str]:
        """Files whose bytes are not what their name says, as the command line reads them."""
        whole = json.dumps(_base()["network-interfaces"]).encode()
        bodies = [*_FILES, *(whole[:place] for place in range(0, len(whole), 23)), whole.replace(b"eni-", b"\xffni-")]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "network-interfaces.json"
            for body in bodies:
                file.write_bytes(body)
                where = f"file {body[:40]!r}"
                yield from self._watch.over(where, self._read(where, Path(folder)))

    def named(self, rng: Random, number: int) -> Iterator[str]:
        """Some that are taken, before the function: rows stay, and nobody is named of whom they do not tell."""
        for where, documents in rng.sample(list(_mutations(_base())), number):
            yield from self._watch.over(where, self._named(where, documents))

    def _named(self, where: str, documents: Documents) -> Iterator[str]:
        self.tried += 1
        try:
            good = published(documents)
        except EnricherError:
            self.refused += 1
            return
        reader = Reader(good)
        rows = reader.rows(0)
        told = [*lost(rows), *reader.warned, *unsound(rows, documents)]
        yield from (f"{where}: {finding}" for finding in told)

    def _read(self, where: str, folder: Path) -> Iterator[str]:
        self.tried += 1
        try:
            load_tables(folder, None)
        except EnricherError as error:
            self.refused += 1
            yield from _unfit(where, error)
        else:
            yield f"{where}: was taken"

    def _parsed(self, where: str, documents: Documents) -> Iterator[str]:
        self.tried += 1
        try:
            tables = tables_of(documents, observed_at=NOW - 60, ended_at=NOW - 30, part=PART)
        except EnricherError as error:
            self.refused += 1
            yield from _unfit(where, error)
            return
        try:
            Inventory(from_snapshot(to_snapshot(tables), "it"), DEFAULT_PROMOTED_TAGS)
        except Exception as error:  # noqa: BLE001 - same: the refresher would publish what nobody can read
            yield f"{where}: taken, and cannot be read again: {type(error).__name__}: {error.__cause__ or error}"[:300]


def unsound(rows: Sequence[Mapping[str, Any]], documents: Documents) -> Iterator[str]:
    """Sides named as what no entry of the documents tells of them, nor the record itself."""
    entries = [json.dumps(each) for each in _entries(documents)]
    for row in rows:
        for side in ("src", "dst"):
            address, interface = row[f"{side}addr"], row[f"{side}_interface_id"]
            if interface is None or (side == "src" and interface == row["interface_id"]):
                continue
            theirs = [entry for entry in entries if json.dumps(interface) in entry and json.dumps(address) in entry]
            if not theirs:
                yield f"{address} is named {interface}, of which nobody told"
                continue
            instance = row[f"{side}_instance_id"]
            if instance is not None and not any(json.dumps(instance) in entry for entry in theirs):
                yield f"{address} is named {instance}, which is not attached to {interface}"


def _entries(documents: Documents) -> Iterator[Any]:
    for document in documents.values():
        for value in document.values() if isinstance(document, dict) else ():
            yield from value if isinstance(value, list) else ()


def _base() -> dict[str, Any]:
    """A document of every kind that tells of addresses, tags or networks."""
    told = estate("payments", "search")
    zone = {"AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"}
    told["network-interfaces"]["NetworkInterfaces"][0] |= {
        "TagSet": [{"Key": "team", "Value": "one"}],
        "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}],
        "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.7.0/28"}],
        "Association": {"PublicIp": "198.51.100.7", "IpOwnerId": "111122223333"},
        "Description": "ELB app/one/1",
        "InterfaceType": "interface",
        "RequesterManaged": False,
    }
    told["nat-gateways"] = {
        "NatGateways": [
            {
                "NatGatewayId": "nat-1",
                "VpcId": "vpc-0a",
                "SubnetId": "subnet-0a",
                "State": "available",
                "NatGatewayAddresses": [
                    {"NetworkInterfaceId": "eni-9", "PrivateIp": "10.0.8.8", "PublicIp": "198.51.100.9"}
                ],
                "Tags": [{"Key": "project", "Value": "net"}],
            }
        ]
    }
    told["addresses"] = {"Addresses": [{"PublicIp": "198.51.100.8", "NetworkInterfaceId": "eni-00000000000000002"}]}
    told["vpc-peering-connections"] = {
        "VpcPeeringConnections": [
            {
                "VpcPeeringConnectionId": "pcx-1",
                "Status": {"Code": "active"},
                "RequesterVpcInfo": {"VpcId": "vpc-0a", "CidrBlock": "10.0.0.0/16", "Region": "eu-west-1"},
                "AccepterVpcInfo": {"VpcId": "vpc-0b", "CidrBlock": "10.1.0.0/16", "Region": "eu-west-1"},
            }
        ]
    }
    told["subnets"]["Subnets"].append({"SubnetId": "subnet-0b", "VpcId": "vpc-0b", "CidrBlock": "10.1.0.0/24", **zone})
    return told


def _mutations(base: Documents) -> Iterator[tuple[str, Documents]]:
    """Each place of the documents, as each odd value, twice, and gone."""
    for path in _paths(base, ()):
        where = "/".join(map(str, path))
        for number, value in enumerate(_ODD):
            yield f"{where} as odd value {number}", _changed(base, path, value)
        yield f"{where} gone", _changed(base, path, _GONE)
        if isinstance(path[-1], int):
            yield f"{where} twice", _changed(base, path, _TWICE)


_GONE: Final = object()
_TWICE: Final = object()


def _changed(base: Documents, path: Sequence[Any], value: Any) -> Documents:
    told = copy.deepcopy(dict(base))
    holder: Any = told
    for step in path[:-1]:
        holder = holder[step]
    if value is _GONE:
        del holder[path[-1]]
    elif value is _TWICE:
        holder.append(holder[path[-1]])
    else:
        holder[path[-1]] = value
    return told


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from _paths(inner, (*path, step))


def _unfit(where: str, error: Exception) -> Iterator[str]:
    text = str(error)
    if not text.isprintable() or len(text) > 2_000:  # noqa: PLR2004 - a line that people read
        yield f"{where}: refused in no short printable line: {text[:200]!r}"
