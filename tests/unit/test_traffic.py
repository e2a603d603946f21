"""Whose side the recorder is, which class the traffic is of, what its path is called; told from finished rows."""

import pytest
from made_by_hand import eni, enriched, estate, peering, source, subnet, vpc

FIELDS = (
    "version interface-id instance-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction traffic-path "
    "pkt-src-aws-service pkt-dst-aws-service"
)
ESTATE = source(
    estate(
        vpcs=[
            vpc("vpc-a", "10.0.0.0/16", "2001:db8:a::/56"),
            vpc("vpc-e", "10.8.0.0/16"),
            vpc("vpc-p", "192.0.2.0/24"),
        ],
        subnets=[
            subnet("subnet-1", "vpc-a", "10.0.1.0/24", "use1-az1"),
            subnet("subnet-2", "vpc-a", "10.0.2.0/24", "use1-az2"),
            {**subnet("subnet-3", "vpc-a", "10.0.3.0/24"), "AvailabilityZoneId": None},
            {**subnet("subnet-e", "vpc-e", "10.8.1.0/24", "euw1-az1"), "AvailabilityZone": "eu-west-1a"},
        ],
        peerings=[peering("vpc-a", "vpc-e", regions=("us-east-1", "eu-west-1"))],
        interfaces=[
            eni("eni-1", "10.0.1.5", "10.0.1.50", SubnetId="subnet-1", instance="i-1",
                Ipv6Addresses=[{"Ipv6Address": "2001:db8:a::5"}], Ipv4Prefixes=[{"Ipv4Prefix": "10.0.1.64/28"}]),
            eni("eni-1b", "10.0.1.6", SubnetId="subnet-1", instance="i-1"),
            eni("eni-2", "10.0.2.5", SubnetId="subnet-2", Association={"PublicIp": "198.51.100.9"}),
            eni("eni-3", "10.0.3.5", SubnetId="subnet-3"),
            eni("eni-e", "10.8.1.5", vpc="vpc-e", SubnetId="subnet-e"),
            eni("eni-x", "10.9.1.5", vpc="vpc-x"),
            eni("eni-nat", "10.0.1.9", SubnetId="subnet-1", InterfaceType="nat_gateway"),
            eni("eni-q1", "10.0.1.71", SubnetId="subnet-1", Association={"PublicIp": "198.51.100.99"}),
            eni("eni-q2", "10.0.1.72", SubnetId="subnet-1", Association={"PublicIp": "198.51.100.99"}),
        ],
    )
)  # fmt: skip


def row(text):
    """The row of one line; the format's order, times filled in."""
    (only,) = enriched([text.replace("TIMES", "1000 1060")], ESTATE, log_format=FIELDS)
    return only


def outbound(destination, *, path="-", service="-"):
    """A flow that eni-1 (10.0.1.5, zone 1) sent."""
    own = "2001:db8:a::5" if ":" in destination else "10.0.1.5"
    return row(f"5 eni-1 i-1 {own} {destination} {own} {destination} TIMES egress {path} - {service}")


def inbound(origin, *, service="-"):
    """A flow that eni-1 received."""
    own = "2001:db8:a::5" if ":" in origin else "10.0.1.5"
    return row(f"5 eni-1 i-1 {origin} {own} {origin} {own} TIMES ingress - {service} -")


# ── class ────────────────────────────────────────────────────────────────────────────────────────────────────────────

EITHER_WAY = [
    ("10.0.1.6", "-", "same_az"),
    ("10.0.1.77", "-", "same_az"),
    ("10.0.2.5", "-", "cross_az"),
    ("10.0.2.77", "-", "cross_az"),
    ("198.51.100.9", "-", "cross_az"),
    ("198.51.100.9", "S3", "cross_az"),
    ("10.0.3.5", "-", "unknown"),
    ("10.0.3.77", "-", "unknown"),
    ("10.0.9.5", "-", "private_unknown"),
    ("10.8.1.5", "-", "cross_region"),
    ("10.8.1.77", "-", "cross_region"),
    ("10.9.1.5", "-", "private_unknown"),
    ("172.31.0.1", "-", "private_unknown"),
    ("100.64.0.1", "-", "private_unknown"),
    ("169.254.0.1", "-", "private_unknown"),
    ("192.0.2.7", "-", "private_unknown"),
    ("fd00::1", "-", "private_unknown"),
    ("fe80::1", "-", "private_unknown"),
    ("203.0.113.7", "-", "internet"),
    ("172.32.0.1", "-", "internet"),
    ("2001:db8:ffff::1", "-", "internet"),
    ("203.0.113.7", "S3", "aws_service"),
    ("203.0.113.7", "AMAZON", "aws_service"),
    ("2001:db8:ffff::1", "DYNAMODB", "aws_service"),
    ("10.9.1.7", "CODEBUILD", "aws_service"),
    ("203.0.113.7", "EC2", "internet"),
    ("198.51.100.99", "-", "unknown"),
    ("198.51.100.99", "S3", "aws_service"),
]


@pytest.mark.parametrize(("peer", "service", "expected"), EITHER_WAY)
def test_the_class_is_the_same_in_both_directions(peer, service, expected):
    """What the peer is decides, whether it sent or received: located sides first, then service, then address space."""
    assert outbound(peer, service=service)["traffic_class"] == expected
    assert inbound(peer, service=service)["traffic_class"] == expected


@pytest.mark.parametrize(
    ("destination", "path", "expected"),
    [
        ("10.0.2.5", 5, "cross_az"),
        ("10.8.1.5", 1, "cross_region"),
        ("10.8.1.5", 7, "aws_service"),
        ("10.77.0.1", 5, "cross_region"),
        ("203.0.113.7", 5, "cross_region"),
        ("203.0.113.7", 7, "aws_service"),
        ("203.0.113.7", 8, "internet"),
        ("203.0.113.7", 2, "internet"),
        ("10.77.0.1", 4, "private_unknown"),
        ("10.77.0.1", 3, "private_unknown"),
        ("10.0.3.5", 7, "unknown"),
    ],
)
def test_the_path_tells_only_where_a_side_is_not_located(destination, path, expected):
    """Path 5 is another region, path 7 an AWS service; two located sides speak for themselves."""
    assert outbound(destination, path=path)["traffic_class"] == expected


def test_the_own_sides_service_does_not_make_the_peer_one():
    """The service that counts is that of the side which is not ours."""
    ours = row("5 eni-1 i-1 10.0.1.5 203.0.113.7 10.0.1.5 203.0.113.7 TIMES egress - S3 -")

    assert ours["traffic_class"] == "internet"


def test_two_strangers_are_of_no_class():
    """A hop between two addresses of which none is ours tells nothing of the traffic."""
    passed = row("5 eni-nat - 203.0.113.7 10.0.1.9 203.0.113.7 172.31.0.1 TIMES ingress - S3 -")

    assert (passed["reporter"], passed["traffic_class"]) == ("hop", "unknown")


@pytest.mark.parametrize("line", ["- - - -", "10.0.1.5 - 10.0.1.5 -", "- 10.0.1.5 - 10.0.1.5"])
def test_without_both_addresses_there_is_no_class(line):
    """NODATA, SKIPDATA and half a flow: null, not `unknown`."""
    assert row(f"5 eni-1 i-1 {line} TIMES egress - - -")["traffic_class"] is None


# ── path ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (1, "vpc_resource"),
        (2, "internet_or_gateway_endpoint"),
        (3, "virtual_private_gateway"),
        (4, "intra_region_peering"),
        (5, "inter_region_peering"),
        (6, "local_gateway_or_zone"),
        (7, "gateway_endpoint"),
        (8, "internet_gateway"),
        (0, None),
        (9, None),
        ("-", None),
    ],
)
def test_a_path_has_the_name_aws_gives_it(path, expected):
    """1 to 8; a number that AWS has not told of yet stays a number."""
    told = outbound("203.0.113.7", path=path)

    assert told["path_name"] == expected
    assert told["traffic_path"] == (None if path == "-" else path)


# ── reporter ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.1.5 10.0.2.5 TIMES egress", "src"),
        ("eni-1 i-1 10.0.2.5 10.0.1.5 10.0.2.5 10.0.1.5 TIMES ingress", "dst"),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.1.5 10.0.2.5 TIMES -", "src"),
        ("eni-1 i-1 10.0.2.5 10.0.1.5 10.0.2.5 10.0.1.5 TIMES -", "dst"),
        ("eni-1 i-1 10.0.2.5 10.8.1.5 10.0.2.5 10.8.1.5 TIMES -", None),
        ("eni-1 i-1 10.0.1.5 10.0.1.5 10.0.1.5 10.0.1.5 TIMES -", None),
        ("eni-1 i-1 10.0.1.5 10.0.1.5 10.0.1.5 10.0.1.5 TIMES egress", "src"),
        ("eni-1 i-1 2001:db8:a::5 2001:db8:ffff::1 - - TIMES -", "src"),
        ("- i-1 10.0.1.6 10.0.2.5 10.0.1.6 10.0.2.5 TIMES -", "src"),
        ("- i-1 10.0.2.5 10.0.1.6 10.0.2.5 10.0.1.6 TIMES -", "dst"),
        ("- i-1 10.0.1.5 10.0.1.6 10.0.1.5 10.0.1.6 TIMES -", None),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.1.50 10.0.2.5 TIMES egress", "src"),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.1.50 10.0.2.5 TIMES -", "src"),
        ("eni-1 i-1 10.0.2.5 10.0.1.5 10.0.2.5 10.0.1.70 TIMES ingress", "dst"),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.1.5 203.0.113.7 TIMES egress", "src"),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.7.7 10.0.2.5 TIMES egress", "hop"),
        ("eni-1 i-1 10.0.1.5 10.0.2.5 10.0.7.7 10.0.2.5 TIMES -", "hop"),
        ("eni-1 i-1 10.0.2.5 10.0.1.5 10.0.2.5 10.0.1.6 TIMES ingress", "hop"),
        ("eni-nat - 10.0.1.9 203.0.113.7 10.0.1.9 203.0.113.7 TIMES egress", "hop"),
        ("eni-nat - 10.0.1.9 203.0.113.7 10.0.1.5 203.0.113.7 TIMES egress", "hop"),
        ("eni-nat - 10.0.1.5 10.0.1.9 10.0.1.5 203.0.113.7 TIMES -", "hop"),
        ("eni-new i-9 10.0.7.5 10.0.2.5 10.0.7.5 10.0.2.5 TIMES egress", "src"),
        ("eni-new i-9 10.0.7.5 10.0.2.5 10.0.7.5 10.0.2.5 TIMES -", None),
        ("eni-new i-9 10.0.7.5 10.0.2.5 10.0.8.8 10.0.2.5 TIMES egress", None),
        ("- - 10.0.7.5 10.0.2.5 10.0.7.5 10.0.2.5 TIMES -", None),
    ],
)
def test_the_reporter_is_told_by_direction_or_by_its_own_addresses(line, expected):
    """Direction, else the one own address; a foreign packet address makes a hop; what is not known stays null."""
    assert row(f"5 {line} - - -")["reporter"] == expected


def test_the_reporter_is_never_told_by_ports_repetition_or_private_ranges():
    """A well-known port, a hundred repetitions and a public peer do not say whose record it is."""
    line = "2 eni-new 10.0.7.5 203.0.113.7 49152 443 1000 1060"
    rows = enriched([line] * 100, ESTATE, log_format="version interface-id srcaddr dstaddr srcport dstport start end")

    assert {each["reporter"] for each in rows} == {None}
    assert {each["src_interface_id"] for each in rows} == {None}
