"""Eight VPCs of four accounts in three zones: two pairs with equal CIDRs, three peered, two on one transit gateway."""

from typing import Final, NamedTuple

REGION: Final = "eu-central-1"
ZONES: Final = ("euc1-az1", "euc1-az2", "euc1-az3")
IPAM_PART: Final = "ipam/ipam-scope-0a1b2c3d4e5f60718"


class VpcSite(NamedTuple):
    """A VPC: its id, owner, the second octet of its 10.x.0.0/16, and which log format its flow logs have."""

    vpc_id: str
    account: int
    octet: int
    is_v2: bool


ACCOUNTS: Final = ("111111111111", "222222222222", "333333333333", "444444444444")
IPAM_ACCOUNT: Final = 3
VPCS: Final = (
    VpcSite("vpc-0aaaaaaaaaaaaaaa0", 0, 0, is_v2=False),  # peered
    VpcSite("vpc-0aaaaaaaaaaaaaaa1", 0, 1, is_v2=True),  # peered
    VpcSite("vpc-0aaaaaaaaaaaaaaa2", 3, 2, is_v2=False),  # peered; of the account that IPAM alone tells of
    VpcSite("vpc-0aaaaaaaaaaaaaaa3", 1, 3, is_v2=False),  # on the transit gateway
    VpcSite("vpc-0aaaaaaaaaaaaaaa4", 2, 4, is_v2=False),  # on the transit gateway
    VpcSite("vpc-0aaaaaaaaaaaaaaa5", 1, 0, is_v2=False),  # same CIDR as the first
    VpcSite("vpc-0aaaaaaaaaaaaaaa6", 2, 3, is_v2=False),  # same CIDR as the fourth
    VpcSite("vpc-0aaaaaaaaaaaaaaa7", 2, 7, is_v2=True),
)
PEERED: Final = (0, 1, 2)
ATTACHED: Final = (3, 4)
TRANSIT_GATEWAY: Final = "tgw-0123456789abcdef0"
# A zone's subnet is a /18: single addresses first, then delegated prefixes.
SUBNET_SIZE: Final = 1 << 14
FIRST_SINGLE: Final = 16
FIRST_PREFIX: Final = 6_400
PREFIX_SIZE: Final = 16
FIRST_PUBLIC: Final = 3 << 24 | 120 << 16  # 3.120.0.0: the estate's Elastic IPs
FIRST_INTERNET: Final = 198 << 24 | 18 << 16  # 198.18.0.0: everybody else (benchmark space, RFC 2544)
FIRST_SERVICE: Final = 52 << 24 | 219 << 16  # an AWS service


def subnet_of(vpc: int, zone: int) -> int:
    """The number of a VPC's subnet in a zone."""
    return vpc * len(ZONES) + zone


def subnet_base(subnet: int) -> int:
    """The first address of a subnet, as a number."""
    vpc, zone = divmod(subnet, len(ZONES))
    return 10 << 24 | VPCS[vpc].octet << 16 | zone * SUBNET_SIZE


def subnet_id(subnet: int) -> str:
    """A subnet's id."""
    return f"subnet-0bbbbbbbbbbbbbb{subnet:02x}"


def part_of(account: int) -> str:
    """The part of the inventory that tells of an account."""
    return IPAM_PART if account == IPAM_ACCOUNT else f"{ACCOUNTS[account]}/{REGION}"


def text_of(number: int) -> str:
    """An IPv4 address as text."""
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def network_documents(account: int) -> dict[str, dict[str, list[dict[str, object]]]]:
    """What DescribeVpcs, DescribeSubnets, peering connections and attachments answer in an account."""
    mine = [number for number, site in enumerate(VPCS) if site.account == account]
    subnets = [subnet_of(vpc, zone) for vpc in mine for zone in range(len(ZONES))]
    documents: dict[str, dict[str, list[dict[str, object]]]] = {
        "vpcs": {"Vpcs": [{"VpcId": VPCS[vpc].vpc_id, "CidrBlock": f"10.{VPCS[vpc].octet}.0.0/16"} for vpc in mine]},
        "subnets": {
            "Subnets": [
                {
                    "SubnetId": subnet_id(subnet),
                    "VpcId": VPCS[subnet // len(ZONES)].vpc_id,
                    "CidrBlock": f"{text_of(subnet_base(subnet))}/18",
                    "AvailabilityZone": f"{REGION}{'abc'[subnet % len(ZONES)]}",
                    "AvailabilityZoneId": ZONES[subnet % len(ZONES)],
                    "OwnerId": ACCOUNTS[account],
                }
                for subnet in subnets
            ]
        },
    }
    if account != IPAM_ACCOUNT:
        pairs = [(a, b) for a in PEERED for b in PEERED if a < b and account in (VPCS[a].account, VPCS[b].account)]
        documents["vpc-peering-connections"] = {"VpcPeeringConnections": [_peering(a, b) for a, b in pairs]}
        # The second account owns the gateway and sees all attachments; others see their own.
        attached = [vpc for vpc in ATTACHED if account in (VPCS[vpc].account, VPCS[ATTACHED[0]].account)]
        documents["transit-gateway-attachments"] = {"TransitGatewayAttachments": [_attachment(v) for v in attached]}
    return documents


def _peering(one: int, other: int) -> dict[str, object]:
    sides = [
        {"VpcId": VPCS[vpc].vpc_id, "CidrBlock": f"10.{VPCS[vpc].octet}.0.0/16", "Region": REGION}
        for vpc in (one, other)
    ]
    return {
        "VpcPeeringConnectionId": f"pcx-0{one}{other}",
        "RequesterVpcInfo": sides[0],
        "AccepterVpcInfo": sides[1],
        "Status": {"Code": "active"},
    }


def _attachment(vpc: int) -> dict[str, object]:
    return {
        "TransitGatewayAttachmentId": attachment_id(vpc),
        "TransitGatewayId": TRANSIT_GATEWAY,
        "ResourceType": "vpc",
        "ResourceId": VPCS[vpc].vpc_id,
        "State": "available",
        "Tags": [{"Key": "Name", "Value": f"attachment-{vpc}"}],
    }


def attachment_id(vpc: int) -> str:
    """The transit gateway attachment of a VPC."""
    return f"tgw-attach-0cccccccccccccc{vpc:02x}"
