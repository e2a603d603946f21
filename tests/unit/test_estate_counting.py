"""The lines, counted once as the design says, equal the truth; the reader knows documents and lines only."""

from collections import Counter
from ipaddress import ip_address, ip_network

import pytest

from enricher.schema import FIELDS_OF_VERSION
from workbench.estate import DEMO, build_estate, generate_traffic

START = 1_763_632_800


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
        """The interface that owns the address as seen from this VPC, or None."""
        if address in self.public:
            return self.public[address]
        parsed = ip_address(address)
        holds = {vpc for vpc, blocks in self.cidrs.items() if any(parsed in block for block in blocks)}
        candidates = {vpc_id} if vpc_id in holds else holds & self.connected[vpc_id]
        owners = {self.owner[vpc, address] for vpc in candidates if (vpc, address) in self.owner}
        return owners.pop() if len(owners) == 1 else None

    def project(self, interface_id):
        """The project tag: the instance's over the interface's."""
        if interface_id is None:
            return None
        interface = self.interfaces[interface_id]
        instance = self.instances.get(interface["Attachment"].get("InstanceId"), {"Tags": []})
        tags = {tag["Key"]: tag["Value"] for tag in (*interface["TagSet"], *instance["Tags"])}
        return tags.get("project", tags.get("Project"))

    def az_id(self, interface_id):
        """The Availability Zone ID, None outside."""
        return interface_id and self.interfaces[interface_id]["AvailabilityZoneId"]


@pytest.fixture(scope="module", params=[5, 11], ids=["v5", "v11"])
def counted(request):
    """Lines counted once, as (source interface, destination interface, action, bytes), and the truth's rows."""
    estate = build_estate(DEMO, seed=11)
    reader = Reader(estate.documents())
    traffic = generate_traffic(estate, 12, START, 1_800, 4_000, FIELDS_OF_VERSION[request.param])
    names = traffic.header.split()
    sides = []
    for line in traffic.lines:
        row = dict(zip(names, line.split(), strict=True))
        if row["log-status"] != "OK":
            continue
        own = "src" if row["flow-direction"] == "egress" else "dst"
        recorder = reader.interfaces[row["interface-id"]]
        gateway = recorder["InterfaceType"] in {"nat_gateway", "transit_gateway"}
        if gateway or row[f"pkt-{own}addr"] not in reader.own_addresses(recorder):
            continue
        ends = {
            side: row["interface-id"] if side == own else reader.locate(row["vpc-id"], row[f"pkt-{side}addr"])
            for side in ("src", "dst")
        }
        sides.append((own, ends["src"], ends["dst"], row["action"], int(row["bytes"])))
    recorders = {src for own, src, *_ in sides if own == "src"}
    once = [side[1:] for side in sides if side[0] == "src" or side[1] not in recorders]
    return reader, once, traffic.truth.to_pylist()


def test_accepted_bytes_by_zone_pair_are_the_truths(counted):
    """Each flow counts once: bytes by Availability Zone pair equal the observable truth, to the byte."""
    reader, once, truth = counted
    lines, expected = Counter(), Counter()
    for src, dst, action, size in once:
        lines[reader.az_id(src), reader.az_id(dst)] += size * (action == "ACCEPT")
    for flow in truth:
        expected[flow["src_az_id"], flow["dst_az_id"]] += flow["bytes"] * (
            flow["observable"] and flow["action"] == "ACCEPT"
        )
    assert lines == expected
    assert len(lines) == 15


def test_accepted_bytes_by_project_pair_are_the_truths(counted):
    """The truth's projects are those that the documents' tags tell, on both sides."""
    reader, once, truth = counted
    lines, expected = Counter(), Counter()
    for src, dst, action, size in once:
        lines[reader.project(src), reader.project(dst)] += size * (action == "ACCEPT")
    for flow in truth:
        expected[flow["src_project"], flow["dst_project"]] += flow["bytes"] * (
            flow["observable"] and flow["action"] == "ACCEPT"
        )
    assert +lines == +expected
    assert len(lines) > 50


def test_counted_rows_are_the_observable_flow_windows(counted):
    """As many rows count as flow-windows are observable, with the same ends, actions and sizes."""
    _, once, truth = counted
    assert Counter(once) == Counter(
        (flow["src_interface_id"], flow["dst_interface_id"], flow["action"], flow["bytes"])
        for flow in truth
        if flow["observable"]
    )
