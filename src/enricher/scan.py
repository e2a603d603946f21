"""One scan of a part of the estate: every page of every read, or a named failure. What a scan holds, a part is.

Reads are of two kinds. An *essential* one tells who owns what and where: without it the scan is no good, and the part
keeps what is known of it. The others tell types, names and tags: one that fails is a warning, and what an earlier scan
of this process was told is used in its place, for that changes no owner.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html and its siblings,
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html,
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html,
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final, NamedTuple

from enricher.inventory import InventoryTables, Part
from enricher.inventory_documents import tables_of
from enricher.paging import STOPPED, Document, Pages, Read, Reader, ReadError, Target

PARTS_AT_ONCE: Final = 8
# Within a part: interfaces and instances are the long ones, their pages come one after the other.
READS_AT_ONCE: Final = 3
HELD_SECONDS: Final = 3600  # for which an earlier telling stands in for an optional read that failed

_MANAGED: Final = {"IncludeManagedResources": True}
_BALANCER_PAGES: Final = Pages("PageSize", 400, "Marker", "NextMarker")
# Services whose resources stand behind interfaces that EC2 lists without their tags (resource_kinds.py). Resources of
# EC2 itself are described with their tags.
TAGGED_SERVICES: Final = ("ds", "eks", "elasticfilesystem", "elasticloadbalancing", "es", "kafka", "route53resolver")
_MOST_OPTIONAL_PAGES: Final = 200

ESSENTIAL: Final = (
    Read(
        "network-interfaces",
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        ("NetworkInterfaceId",),
        arguments=_MANAGED,
    ),
    Read("instances", "ec2", "describe_instances", "Reservations", ("ReservationId",), arguments=_MANAGED),
    Read("subnets", "ec2", "describe_subnets", "Subnets", ("SubnetId",)),
    Read("vpcs", "ec2", "describe_vpcs", "Vpcs", ("VpcId",)),
    Read(
        "vpc-peering-connections",
        "ec2",
        "describe_vpc_peering_connections",
        "VpcPeeringConnections",
        ("VpcPeeringConnectionId",),
    ),
    Read(
        "transit-gateway-attachments",
        "ec2",
        "describe_transit_gateway_attachments",
        "TransitGatewayAttachments",
        ("TransitGatewayAttachmentId",),
    ),
)
OPTIONAL: Final = (
    # DescribeAddresses knows no pages.
    Read(
        "addresses",
        "ec2",
        "describe_addresses",
        "Addresses",
        ("PublicIp",),
        pages=None,
        is_essential=False,
    ),
    Read("nat-gateways", "ec2", "describe_nat_gateways", "NatGateways", ("NatGatewayId",), is_essential=False),
    Read("vpc-endpoints", "ec2", "describe_vpc_endpoints", "VpcEndpoints", ("VpcEndpointId",), is_essential=False),
    Read(
        "load-balancers",
        "elbv2",
        "describe_load_balancers",
        "LoadBalancers",
        ("LoadBalancerArn",),
        pages=_BALANCER_PAGES,
        is_essential=False,
    ),
    Read(
        "classic-load-balancers",
        "elb",
        "describe_load_balancers",
        "LoadBalancerDescriptions",
        ("LoadBalancerName",),
        pages=_BALANCER_PAGES,
        is_essential=False,
    ),
    Read(
        "auto-scaling-instances",
        "autoscaling",
        "describe_auto_scaling_instances",
        "AutoScalingInstances",
        ("InstanceId",),
        pages=Pages("MaxRecords", 50),
        is_essential=False,
        most_pages=_MOST_OPTIONAL_PAGES,
    ),
    Read(
        "tagged-resources",
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        ("ResourceARN",),
        pages=Pages("ResourcesPerPage", 100, "PaginationToken", "PaginationToken"),
        arguments={"ResourceTypeFilters": list(TAGGED_SERVICES)},
        is_essential=False,
        most_pages=_MOST_OPTIONAL_PAGES,
    ),
)
# Documents that name owners: they date the scan, and an old telling of an address never stands in for a new one.
_OWNING: Final = frozenset({"addresses", "nat-gateways"})
_NEVER_HELD: Final = frozenset({"addresses"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What one scan covers: the part's name, whom to ask, what to read."""

    part: str
    target: Target
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """A good scan: what every read told, by document, from when to when (Unix seconds), and what is missing in it."""

    part: str
    region: str
    documents: Mapping[str, Document]
    begun_at: float
    ended_at: float
    warnings: tuple[str, ...] = ()

    def tables(self, ipam_lag_s: float) -> InventoryTables:
        """The scan as an inventory of one part; raises InventoryError where AWS told nonsense."""
        return tables_of(
            self.documents,
            self.begun_at,
            default_region=self.region,
            ended_at=self.ended_at,
            part=self.part,
            ipam_lag_s=ipam_lag_s,
        )


class _Told(NamedTuple):
    """What a read told, and when its last page came."""

    entries: list[Document]
    at: float


@dataclass
class Scanner:
    """Scans parts, several at once, and remembers what optional reads told. Use it for as long as the process lives.

    Args:
        reader: of pages.
        clock: Unix seconds.
    """

    reader: Reader
    clock: Callable[[], float]
    _held: dict[tuple[str, str], _Told] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def scan_all(self, scopes: Sequence[Scope], deadline: float) -> list[Scan | Part]:
        """Every scope's scan, or its Part with ``failed_at`` and ``error``, in the order of the scopes.

        No request starts after the deadline, and nobody is waited for: what is not there by then has failed.
        """
        stop = Event()
        pool = ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="part")
        futures = [pool.submit(self.scan, scope, deadline, stop) for scope in scopes]
        wait(futures, timeout=max(0.0, deadline - self.clock()))
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        return [
            future.result()
            if future.done() and not future.cancelled()
            else _failed(scope, self.clock(), f"part {scope.part}: not finished in time; raise REFRESH_SCAN_S")
            for scope, future in zip(scopes, futures, strict=True)
        ]

    def scan(self, scope: Scope, deadline: float, stop: Event | None = None) -> Scan | Part:
        """One part's scan, or the Part as failed. Defects of ours raise."""
        begun_at = self.clock()
        given_up = _GivenUp(stop or Event())
        told: dict[str, list[Document]] = {}
        warnings: list[str] = []
        ended_at = begun_at
        error: ReadError | None = None
        with ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="read") as pool:
            futures = [(read, pool.submit(self._read, scope, read, deadline, given_up)) for read in scope.reads]
            for read, future in futures:
                try:
                    entries, at = future.result()
                except ReadError as failure:
                    if read.is_essential:
                        # Those that were stopped on its account are not why the part failed.
                        error = failure if error is None or error.code == STOPPED else error
                        continue
                    held, warning = self._stand_in(scope, read, failure)
                    warnings.append(warning)
                    if held is not None:
                        told[read.document] = held
                    continue
                if read.is_essential or read.document in _OWNING:
                    ended_at = max(ended_at, at)
                told.setdefault(read.document, []).extend(entries)
        if error is not None:
            return _failed(scope, self.clock(), str(error))
        lists = {read.document: read.answer for read in scope.reads}
        documents = _agreeing({name: {lists[name]: entries} for name, entries in told.items()})
        return Scan(scope.part, scope.target.region, documents, begun_at, ended_at, tuple(warnings))

    def _read(self, scope: Scope, read: Read, deadline: float, given_up: "_GivenUp") -> _Told:
        try:
            told = _Told(self.reader.read(read, scope.target, deadline, given_up), self.clock())
        except ReadError:
            if read.is_essential:
                given_up.set()
            raise
        if not read.is_essential and read.document not in _NEVER_HELD:
            with self._lock:
                self._held[scope.part, read.document] = told
        return told

    def _stand_in(self, scope: Scope, read: Read, failure: ReadError) -> tuple[list[Document] | None, str]:
        """What an earlier scan was told in place of a failed optional read, and the warning that says so."""
        held = self._held.get((scope.part, read.document))
        age_s = None if held is None else self.clock() - held.at
        if held is None or age_s is None or age_s > HELD_SECONDS:
            return None, f"{failure}; {read.document} are missing"
        return held.entries, f"{failure}; {read.document} are those of {age_s:.0f} s ago"


class _GivenUp:
    """Set when an essential read of the part has failed, or when nobody waits for any part: all else is in vain."""

    def __init__(self, all_parts: Event) -> None:
        self._events = (all_parts, Event())

    def set(self) -> None:
        """Give this part up."""
        self._events[1].set()

    def is_set(self) -> bool:
        """Whether it is given up."""
        return any(event.is_set() for event in self._events)


def _agreeing(documents: Mapping[str, Document]) -> dict[str, Document]:
    """The documents, where optional ones say nothing of owners that goes against what interfaces say.

    EC2 is read while it changes. An Elastic IP that interfaces show is where they show it, one that none shows may
    have been associated since; a gateway's interface that is not shown is not there. So an optional read that comes
    may add an address, and never moves one, whether it is old or new.
    """
    if "network-interfaces" not in documents:
        return dict(documents)
    interfaces = documents["network-interfaces"]["NetworkInterfaces"]
    known = {interface.get("NetworkInterfaceId") for interface in interfaces} - {None}
    # A carrier's address (Wavelength) has no public one, and is none.
    shown = {None} | {address for interface in interfaces for address in _public(interface)}
    agreeing = dict(documents)
    if "addresses" in documents:
        agreeing["addresses"] = {
            "Addresses": [
                address
                for address in documents["addresses"]["Addresses"]
                if address.get("NetworkInterfaceId") in known and address.get("PublicIp") not in shown
            ]
        }
    if "nat-gateways" in documents:
        agreeing["nat-gateways"] = {
            "NatGateways": [_within(gateway, known) for gateway in documents["nat-gateways"]["NatGateways"]]
        }
    return agreeing


def _public(interface: Document) -> list[Any]:
    """Every public address that an interface shows."""
    private = interface.get("PrivateIpAddresses") or ()
    return [(told.get("Association") or {}).get("PublicIp") for told in (interface, *private)]


def _within(gateway: Document, known: set[str | None]) -> Document:
    """The gateway with those of its addresses that are of interfaces we know."""
    addresses = gateway.get("NatGatewayAddresses") or ()
    return {**gateway, "NatGatewayAddresses": [a for a in addresses if a.get("NetworkInterfaceId") in known]}


def _failed(scope: Scope, now: float, error: str) -> Part:
    return Part(scope.part, None, None, now, error)
