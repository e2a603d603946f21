"""The lines, counted once as the design says, equal the truth; the reader knows documents and lines only."""

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import pytest

from enricher.schema import FIELDS_OF_VERSION
from workbench.estate import DEMO, build_estate, generate_traffic

START = 1_763_632_800


class Place(NamedTuple):
    """Where an address is: the interface that owns it, else the VPC and zone of its subnet; None where not ours."""

    interface: str | None = None
    vpc: str | None = None
    az_id: str | None = None


class Row(NamedTuple):
    """A record of an end of a flow, as the reader understands it."""

    own: str
    src: Place
    dst: Place
    src_address: str
    action: str
    size: int


class Reader:
    """Resolves addresses from inventory documents, one at a time, by the design's rule "Which VPC?"."""

    def __init__(self, documents) -> None:
        self.cidrs = {
            vpc["VpcId"]: [
                *(ip_network(block["CidrBlock"]) for block in vpc["CidrBlockAssociationSet"]),
                *(ip_network(block["Ipv6CidrBlock"]) for block in vpc.get("Ipv6CidrBlockAssociationSet", [])),
            ]
            for vpc in documents["vpcs"]["Vpcs"]
        }
        self.connected = {vpc_id: set() for vpc_id in self.cidrs}
        for peering in documents["vpc-peering-connections"]["VpcPeeringConnections"]:
            ends = {peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]}
            if peering["Status"]["Code"] == "active":
                for end in ends:
                    self.connected[end] |= ends - {end}
        attachments = documents["transit-gateway-attachments"]["TransitGatewayAttachments"]
        for one in attachments:
            self.connected[one["ResourceId"]] |= {
                other["ResourceId"]
                for other in attachments
                if other is not one and other["TransitGatewayId"] == one["TransitGatewayId"]
            }
        self.interfaces = {
            interface["NetworkInterfaceId"]: interface
            for interface in documents["network-interfaces"]["NetworkInterfaces"]
        }
        self.subnets = {
            (subnet["VpcId"], ip_network(block)): subnet["AvailabilityZoneId"]
            for subnet in documents["subnets"]["Subnets"]
            for block in (
                subnet["CidrBlock"],
                *(part["Ipv6CidrBlock"] for part in subnet["Ipv6CidrBlockAssociationSet"]),
            )
        }
        self.instances = {
            instance["InstanceId"]: instance
            for reservation in documents["instances"]["Reservations"]
            for instance in reservation["Instances"]
        }
        self.owner, self.public = {}, {}
        for interface_id, interface in self.interfaces.items():
            for address in self.own_addresses(interface):
                self.owner[interface["VpcId"], address] = interface_id
            if "Association" in interface:
                self.public[interface["Association"]["PublicIp"]] = interface_id

    @staticmethod
    def own_addresses(interface) -> list[str]:
        """Primary, secondary, IPv6 and prefix addresses, as text."""
        singles = [entry["PrivateIpAddress"] for entry in interface["PrivateIpAddresses"]]
        singles += [entry["Ipv6Address"] for entry in interface["Ipv6Addresses"]]
        return singles + [
            str(one) for part in interface.get("Ipv4Prefixes", []) for one in ip_network(part["Ipv4Prefix"])
        ]

    def locate(self, vpc_id, address):
        """The place of the address as seen from this VPC: by its owner, else by its subnet."""
        if address in self.public:
            return self.place_of(self.public[address])
        parsed = ip_address(address)
        holds = {vpc for vpc, blocks in self.cidrs.items() if any(parsed in block for block in blocks)}
        candidates = {vpc_id} if vpc_id in holds else holds & self.connected[vpc_id]
        owners = {self.owner[vpc, address] for vpc in candidates if (vpc, address) in self.owner}
        if len(owners) == 1:
            return self.place_of(owners.pop())
        homes = {Place(None, vpc, zone) for (vpc, block), zone in self.subnets.items() if parsed in block}
        located = {home for home in homes if home.vpc in candidates}
        return located.pop() if len(located) == 1 else Place()

    def place_of(self, interface_id):
        """The place of a listed interface."""
        interface = self.interfaces[interface_id]
        return Place(interface_id, interface["VpcId"], interface["AvailabilityZoneId"])

    def is_end(self, row, own) -> bool:
        """Whether the recorder is an end of the flow: the packet shows an address of its own."""
        recorder = self.interfaces.get(row["interface-id"])
        if recorder is None:
            return row[f"pkt-{own}addr"] == row[f"{own}addr"]
        gateway = recorder["InterfaceType"] in {"nat_gateway", "transit_gateway"}
        return not gateway and row[f"pkt-{own}addr"] in self.own_addresses(recorder)

    def read(self, row) -> Row:
        """The record of an end: its own side from the record, the other side looked up."""
        own = "src" if row["flow-direction"] == "egress" else "dst"
        ends = {
            side: Place(row["interface-id"], row["vpc-id"], row["az-id"])
            if side == own
            else self.locate(row["vpc-id"], row[f"pkt-{side}addr"])
            for side in ("src", "dst")
        }
        return Row(own, ends["src"], ends["dst"], row["pkt-srcaddr"], row["action"], int(row["bytes"]))

    def project(self, interface_id):
        """The project tag: the instance's over the interface's; None for what is not listed."""
        if interface_id not in self.interfaces:
            return None
        interface = self.interfaces[interface_id]
        instance = self.instances.get(interface["Attachment"].get("InstanceId"), {"Tags": []})
        tags = {tag["Key"]: tag["Value"] for tag in (*interface["TagSet"], *instance["Tags"])}
        return tags.get("project", tags.get("Project"))


def once(rows):
    """The rows that count: those of sources, and those of destinations whose source did not record."""
    recorders = {row.src.interface for row in rows if row.own == "src"}
    spots = {(row.src.vpc, row.src_address) for row in rows if row.own == "src"}
    return [
        row
        for row in rows
        if row.own == "src"
        or (row.src.interface and row.src.interface not in recorders)
        or (not row.src.interface and (row.src.vpc, row.src_address) not in spots)
    ]


@pytest.fixture(scope="module", params=[5, 11], ids=["v5", "v11"])
def counted(request):
    """The reader, the rows that count, and the truth; one interface in twenty is in no document."""
    estate = build_estate(replace(DEMO, unlisted_share=0.05), seed=11)
    reader = Reader(estate.documents())
    traffic = generate_traffic(estate, 12, START, 1_800, 4_000, FIELDS_OF_VERSION[request.param])
    names = traffic.header.split()
    lines = [dict(zip(names, line.split(), strict=True)) for line in traffic.lines]
    with_data = [line for line in lines if line["log-status"] == "OK"]
    ends = [line for line in with_data if reader.is_end(line, "src" if line["flow-direction"] == "egress" else "dst")]
    return reader, once([reader.read(line) for line in ends]), traffic.truth.to_pylist()


def test_accepted_bytes_by_zone_pair_are_the_truths(counted):
    """Each flow counts once: bytes by Availability Zone pair equal the observable truth, to the byte."""
    _, rows, truth = counted
    lines, expected = Counter(), Counter()
    for row in rows:
        lines[row.src.az_id, row.dst.az_id] += row.size * (row.action == "ACCEPT")
    for flow in truth:
        expected[flow["src_az_id"], flow["dst_az_id"]] += flow["bytes"] * (
            flow["observable"] and flow["action"] == "ACCEPT"
        )
    assert lines == expected
    assert len(lines) == 15


def test_accepted_bytes_by_project_pair_are_the_truths(counted):
    """The truth's projects are those that the documents' tags tell, on both sides; the unlisted have none there."""
    reader, rows, truth = counted
    lines, expected = Counter(), Counter()
    for row in rows:
        pair = reader.project(row.src.interface), reader.project(row.dst.interface)
        lines[pair] += row.size * (row.action == "ACCEPT")
    for flow in truth:
        pair = tuple(flow[f"{side}_project"] if flow[f"{side}_listed"] else None for side in ("src", "dst"))
        expected[pair] += flow["bytes"] * (flow["observable"] and flow["action"] == "ACCEPT")
    assert +lines == +expected
    assert len(lines) > 50


def test_counted_rows_are_the_observable_flow_windows(counted):
    """As many rows count as flow-windows are observable, with the same ends, actions and sizes.

    An interface that is not listed is known where it records that end itself, else only its subnet is.
    """
    _, rows, truth = counted
    named = Counter()
    for flow in truth:
        if flow["observable"]:
            src = flow["src_interface_id"] if flow["src_listed"] or flow["source_recorded"] else None
            dst = flow["dst_interface_id"] if flow["dst_listed"] or not flow["source_recorded"] else None
            named[src, dst, flow["action"], flow["bytes"]] += 1
    assert Counter((row.src.interface, row.dst.interface, row.action, row.size) for row in rows) == named


def test_peers_that_no_document_knows_are_located_by_their_subnet(counted):
    """Every counted row to or from an interface that is not listed has its VPC and zone, as the truth has."""
    _, rows, truth = counted
    located, expected = Counter(), Counter()
    for row in rows:
        if row.dst.vpc and not row.dst.interface:
            located[row.dst.vpc, row.dst.az_id, row.size] += 1
    for flow in truth:
        if flow["source_recorded"] and flow["dst_listed"] is False:
            expected[flow["dst_vpc_id"], flow["dst_az_id"], flow["bytes"]] += 1
    assert located == expected
    assert located.total() > 100
