"""The numbers behind the made-up estate and its traffic, written down before anything is drawn from them.

Every figure taken on generated data prints ``Distributions.digest()``: two figures compare only if it is equal.
Shares are fractions of 1, sizes bytes, times seconds; ``docs/estate.md`` is printed from here by ``describe``.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Final

DIGEST_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class VpcPlan:
    """One VPC: its CIDRs, its share of the fleets, and what leaves it."""

    name: str
    cidrs: tuple[str, ...]
    weight: float
    nat_gateways: int
    dual_stack: bool = False
    private_gateway: bool = False


def _meaning(text: str) -> dict[str, str]:
    return {"meaning": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """Every parameter of the generator; nothing is drawn from a number that is not here."""

    name: str = field(metadata=_meaning("preset"))
    account_id: str = field(metadata=_meaning("owner of everything"))
    region: str = field(metadata=_meaning("region of everything"))
    zones: tuple[tuple[str, str], ...] = field(metadata=_meaning("Availability Zone name and ID"))
    interfaces: int = field(metadata=_meaning("interfaces in all, exactly; instances and ECS tasks fill what is left"))
    vpcs: tuple[VpcPlan, ...] = field(metadata=_meaning("name, CIDRs, share of fleets, NAT gateways, IPv6, VPN"))
    peerings: tuple[tuple[str, str, str], ...] = field(metadata=_meaning("requester, accepter, status"))
    transit_gateway: tuple[str, ...] = field(metadata=_meaning("VPCs on the one transit gateway"))
    load_balancers: int = field(metadata=_meaning("application load balancers, one interface per zone"))
    network_load_balancers: int = field(metadata=_meaning("network load balancers, one interface per zone"))
    internet_facing_share: float = field(metadata=_meaning("load balancers open to the internet"))
    lambda_functions: int = field(metadata=_meaning("functions in a VPC, one interface each"))
    databases: int = field(metadata=_meaning("RDS instances"))
    endpoints: int = field(metadata=_meaning("interface endpoints, one interface per zone"))
    file_systems: int = field(metadata=_meaning("EFS file systems, one mount target per zone"))
    fleets: int = field(metadata=_meaning("groups of like instances or tasks: one VPC, project, environment each"))
    fleet_zipf: float = field(metadata=_meaning("Zipf exponent of fleet sizes"))
    task_fleet_share: float = field(metadata=_meaning("fleets that are ECS services"))
    scaling_group_share: float = field(metadata=_meaning("instance fleets that are Auto Scaling groups"))
    projects: tuple[str, ...] = field(metadata=_meaning("projects, most popular first"))
    teams: tuple[str, ...] = field(metadata=_meaning("teams; each project belongs to one"))
    environments: tuple[tuple[str, float], ...] = field(metadata=_meaning("environments and their shares"))
    project_zipf: float = field(metadata=_meaning("Zipf exponent of projects over fleets"))
    untagged_share: float = field(metadata=_meaning("instances and tasks without any tag of their own"))
    capital_key_share: float = field(metadata=_meaning("fleets that write `Project` for `project`"))
    interface_tags_share: float = field(metadata=_meaning("instance interfaces with a tag set of their own"))
    managed_tags_share: float = field(metadata=_meaning("managed resources whose interface someone tagged"))
    public_share: float = field(metadata=_meaning("instances in public subnets with a public address"))
    elastic_share: float = field(metadata=_meaning("public instances whose address is an Elastic IP"))
    secondary_share: float = field(metadata=_meaning("instance interfaces with secondary addresses"))
    secondary_most: int = field(metadata=_meaning("most secondary addresses, uniform from 1"))
    prefix_share: float = field(metadata=_meaning("instance interfaces with a /28 prefix"))
    prefix_used: int = field(metadata=_meaning("addresses of a prefix that send and receive"))
    second_interface_share: float = field(metadata=_meaning("instances with a second interface"))
    operator_managed_share: float = field(metadata=_meaning("instances managed by EKS (hidden by default)"))
    ipv6_share: float = field(metadata=_meaning("interfaces with IPv6 in dual-stack VPCs"))
    not_recording_share: float = field(metadata=_meaning("interfaces without a flow log"))
    unlisted_share: float = field(
        metadata=_meaning("of all interfaces, rounded up: in no document, though they record like the others")
    )
    attached_from: str = field(metadata=_meaning("oldest attachment"))
    attached_to: str = field(metadata=_meaning("newest attachment, before all traffic"))
    talker_zipf: float = field(metadata=_meaning("Zipf exponent of clients and of servers"))
    pair_connections: tuple[float, int] = field(
        metadata=_meaning("connections that a pair of endpoints opens in one go: Zipf exponent, most; 8 on average")
    )
    pair_spread: tuple[float, float] = field(
        metadata=_meaning(
            "log-normal: median, sigma; from a pair's begin to a connection's, past the end: from the start"
        )
    )
    internet_hosts: int = field(metadata=_meaning("hosts on the internet"))
    host_zipf: float = field(metadata=_meaning("Zipf exponent of hosts outside"))
    host_services: tuple[tuple[str, float], ...] = field(metadata=_meaning("AWS service of internet hosts"))
    s3_addresses: int = field(metadata=_meaning("addresses of S3"))
    unknown_private_hosts: int = field(metadata=_meaning("private addresses in no VPC of ours"))
    service_ports: tuple[tuple[int, float], ...] = field(metadata=_meaning("ports that instances and tasks serve"))
    udp_ports: tuple[int, ...] = field(metadata=_meaning("of all ports, those of UDP"))
    scanned_ports: tuple[int, ...] = field(metadata=_meaning("ports that scanners try, uniform"))
    icmp_share: float = field(metadata=_meaning("pairs within a VPC whose first connection is a ping"))
    kinds: tuple[tuple[str, float], ...] = field(metadata=_meaning("connections by kind"))
    request_bytes: tuple[float, float] = field(metadata=_meaning("log-normal: median, sigma; the whole request"))
    answer_ratio: tuple[float, float] = field(metadata=_meaning("log-normal: median, sigma; answer over request"))
    packet_bytes: tuple[int, int] = field(metadata=_meaning("bytes per packet, uniform per direction"))
    duration: tuple[float, float] = field(metadata=_meaning("log-normal: median, sigma; cut at the end of the hour"))
    nodata_share: float = field(metadata=_meaning("of all lines, at most; AWS writes every idle minute"))
    skipdata_share: float = field(metadata=_meaning("of all lines (no flow is really lost here)"))
    delivery: tuple[int, int] = field(metadata=_meaning("arrival after a window's end, uniform"))

    def digest(self) -> str:
        """The first 12 hex characters of the SHA-256 of all parameters as canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_LENGTH]


DEMO: Final = Distributions(
    name="demo",
    account_id="123456789012",
    region="us-east-1",
    zones=(("us-east-1c", "use1-az1"), ("us-east-1a", "use1-az2"), ("us-east-1b", "use1-az4")),
    interfaces=400,
    vpcs=(
        VpcPlan("web", ("10.10.0.0/16",), 0.24, 3, dual_stack=True),
        VpcPlan("data", ("10.20.0.0/16", "100.64.0.0/16"), 0.20, 1),
        VpcPlan("shared", ("10.30.0.0/16",), 0.12, 1, dual_stack=True),
        VpcPlan("payments", ("10.70.0.0/16",), 0.10, 1),
        VpcPlan("research", ("10.70.0.0/16",), 0.08, 1),
        VpcPlan("hub", ("10.50.0.0/16",), 0.12, 1, private_gateway=True),
        VpcPlan("branch", ("10.60.0.0/16",), 0.09, 1),
        VpcPlan("sandbox", ("192.168.0.0/16",), 0.05, 0),
    ),
    peerings=(("web", "data", "active"), ("shared", "payments", "active"), ("shared", "research", "deleted")),
    transit_gateway=("hub", "branch"),
    load_balancers=6,
    network_load_balancers=2,
    internet_facing_share=0.5,
    lambda_functions=10,
    databases=10,
    endpoints=4,
    file_systems=3,
    fleets=48,
    fleet_zipf=0.7,
    task_fleet_share=0.12,
    scaling_group_share=0.5,
    projects=(
        "checkout", "search", "catalog", "ledger", "recommendations", "identity",
        "notifications", "warehouse", "fraud", "mobile-api", "reporting", "labs",
    ),
    teams=("Payments", "Storefront", "Data & Insight", "Plattform München", "Risk"),
    environments=(("production", 0.6), ("staging", 0.25), ("development", 0.15)),
    project_zipf=0.9,
    untagged_share=0.08,
    capital_key_share=0.1,
    interface_tags_share=0.3,
    managed_tags_share=0.5,
    public_share=0.08,
    elastic_share=0.5,
    secondary_share=0.08,
    secondary_most=3,
    prefix_share=0.04,
    prefix_used=4,
    second_interface_share=0.03,
    operator_managed_share=0.02,
    ipv6_share=0.5,
    not_recording_share=0.07,
    unlisted_share=0.005,
    attached_from="2025-01-06T08:00:00+00:00",
    attached_to="2025-10-31T20:00:00+00:00",
    talker_zipf=1.0,
    pair_connections=(1.625, 200),
    pair_spread=(10.0, 1.0),
    internet_hosts=600,
    host_zipf=1.1,
    host_services=(("", 0.7), ("AMAZON", 0.1), ("CLOUDFRONT", 0.08), ("EC2", 0.08), ("DYNAMODB", 0.04)),
    s3_addresses=40,
    unknown_private_hosts=30,
    service_ports=((443, 0.35), (8080, 0.25), (9092, 0.1), (6379, 0.1), (5432, 0.1), (53, 0.05), (8125, 0.05)),
    udp_ports=(53, 123, 8125),
    scanned_ports=(22, 23, 445, 3389, 5900, 8080),
    icmp_share=0.02,
    kinds=(
        ("same_az", 0.19), ("cross_az", 0.16), ("peering", 0.07), ("transit_gateway", 0.06), ("nat_gateway", 0.08),
        ("load_balancer", 0.09), ("own_public_address", 0.02), ("internet_in", 0.05), ("internet_out", 0.04),
        ("gateway_endpoint", 0.05), ("interface_endpoint", 0.03), ("lambda_to_rds", 0.03), ("efs", 0.02),
        ("private_unknown", 0.02), ("rejected_from_internet", 0.025), ("rejected_by_peer", 0.015),
        ("rejected_egress", 0.005), ("secondary_address", 0.025), ("ipv6_vpc", 0.01), ("ipv6_internet", 0.01),
    ),
    request_bytes=(40_000.0, 2.0),
    answer_ratio=(4.0, 1.5),
    packet_bytes=(80, 1_400),
    duration=(6.0, 1.6),
    nodata_share=0.01,
    skipdata_share=0.001,
    delivery=(60, 240),
)  # fmt: skip

BENCH: Final = replace(
    DEMO,
    name="bench",
    interfaces=20_000,
    load_balancers=60,
    network_load_balancers=20,
    lambda_functions=400,
    databases=300,
    endpoints=40,
    file_systems=20,
    fleets=900,
    # Four tags on every interface's resource, and no more: what the benchmark asks for.
    untagged_share=0.0,
    scaling_group_share=0.0,
    managed_tags_share=1.0,
    internet_hosts=4_000,
    # A batch of 8,000 lines then has the 400 to 600 addresses that the issue speaks of.
    talker_zipf=1.25,
)

PRESETS: Final = {preset.name: preset for preset in (DEMO, BENCH)}


def describe(presets: Sequence[Distributions] = (DEMO, BENCH)) -> str:
    """The text of ``docs/estate.md``: every parameter, its meaning and its value in each preset, as Markdown."""
    lines = [
        "# The made-up estate",
        "",
        "Printed by `workbench.estate.distributions.describe`; change the numbers there, then write this file again:",
        "`python -m workbench.estate --describe > docs/estate.md`. Figures on generated data print the digest.",
        "",
        "| parameter | meaning | " + " | ".join(f"`{preset.name}`" for preset in presets) + " |",
        "|---|---|" + "---|" * len(presets),
        "| digest | | " + " | ".join(f"`{preset.digest()}`" for preset in presets) + " |",
    ]
    for parameter in fields(Distributions):
        values = [_print(getattr(preset, parameter.name)) for preset in presets]
        shown = [values[0], *("same" if value == values[0] else value for value in values[1:])]
        lines.append(f"| `{parameter.name}` | {parameter.metadata['meaning']} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _print(value: object) -> str:
    if isinstance(value, VpcPlan):
        extras = "".join((", IPv6" if value.dual_stack else "", ", VPN" if value.private_gateway else ""))
        return f"{value.name} {'+'.join(value.cidrs)} {value.weight:g}, {value.nat_gateways} NAT{extras}"
    if isinstance(value, tuple):
        if any(isinstance(part, tuple | VpcPlan) for part in value):
            return "; ".join(_print(part) for part in value)
        return ", ".join(_print(part) or "(none)" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
