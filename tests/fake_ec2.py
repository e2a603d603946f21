"""A fake of EC2's five reads, and the reader over it, for the unit tests of Ec2Reader."""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from cache import Budget, CircuitBreaker
from enricher.ec2 import Asked, Ec2Reader

FAR = 1_000_000.0


class FakeClock:
    """Stands still unless told; every reading adds ``step`` seconds."""

    def __init__(self, step: float = 0) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        """Tell the time, then move on."""
        self.now += self.step
        return self.now - self.step


class FakeEc2:
    """Filters and pages made-up resources as EC2 does; the call with number n fails as ``failures[n]`` says."""

    def __init__(self, interfaces: Sequence[dict] = (), instances: Sequence[str] = (), page: int = 1000) -> None:
        self.interfaces = interfaces
        self.reservations = [{"ReservationId": f"r-{each}", "Instances": [{"InstanceId": each}]} for each in instances]
        self.page = page
        self.failures: dict[int, Exception] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        """Any of the reads that ``MATCHES`` or ``NETWORKS`` knows."""
        return lambda **arguments: self.answer(method, arguments)

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One page of the resources that match the request's only filter."""
        self.requests.append((method, arguments))
        if failure := self.failures.get(len(self.requests)):
            raise failure
        if method in NETWORKS:
            return {NETWORKS[method]: [{"From": method}]}
        key, resources = ("NetworkInterfaces", self.interfaces)
        if method == "describe_instances":
            key, resources = "Reservations", self.reservations
        (only,) = arguments["Filters"]
        found = [each for each in resources if set(MATCHES[only["Name"]](each)) & set(only["Values"])]
        first = int(arguments.get("NextToken", 0))
        answer: dict[str, Any] = {key: found[first : first + self.page], "NextToken": ""}
        if first + self.page < len(found):
            answer["NextToken"] = str(first + self.page)
        return answer


MATCHES: dict[str, Callable[[dict], list[str]]] = {
    "network-interface-id": lambda eni: [eni["NetworkInterfaceId"]],
    "addresses.private-ip-address": lambda eni: [each["PrivateIpAddress"] for each in eni["PrivateIpAddresses"]],
    "ipv6-addresses.ipv6-address": lambda eni: [each["Ipv6Address"] for each in eni["Ipv6Addresses"]],
    "addresses.association.public-ip": lambda eni: [
        each["Association"]["PublicIp"] for each in eni["PrivateIpAddresses"] if "Association" in each
    ],
    "instance-id": lambda reservation: [each["InstanceId"] for each in reservation["Instances"]],
}
NETWORKS = {
    "describe_subnets": "Subnets",
    "describe_vpcs": "Vpcs",
    "describe_vpc_peering_connections": "VpcPeeringConnections",
    "describe_transit_gateway_attachments": "TransitGatewayAttachments",
}


def eni(name: str, *private: str, public: str = "", ipv6: Sequence[str] = ()) -> dict[str, Any]:
    """A network interface whose first private address carries the public one."""
    addresses: list[dict[str, Any]] = [{"PrivateIpAddress": each} for each in private]
    if public:
        addresses[0]["Association"] = {"PublicIp": public}
    return {
        "NetworkInterfaceId": name,
        "PrivateIpAddresses": addresses,
        "Ipv6Addresses": [{"Ipv6Address": each} for each in ipv6],
    }


def make_reader(client: FakeEc2, *, clock: FakeClock | None = None, failures: int = 1000) -> Ec2Reader:
    """A reader whose breaker opens after ``failures`` and cools down in 30 s."""
    return Ec2Reader(client, clock=clock or FakeClock(), breaker=CircuitBreaker(failures, cool_down=30))


def plenty() -> Budget:
    """A budget that no test here exhausts."""
    return Budget(calls=1000, deadline=FAR)


def names(asked: Asked) -> list[str]:
    """The interfaces of an answer, in its order."""
    return [document["NetworkInterfaceId"] for document in asked.documents]


def aws_error(code: str, retries: int = 0) -> ClientError:
    """AWS's refusal of a request, after so many retries by botocore."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"RetryAttempts": retries}}, "AnyOperation")
