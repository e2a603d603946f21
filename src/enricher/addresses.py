"""IP addresses as numbers, and what their ranges say without knowing anybody's network."""

import socket
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final, Generic, NamedTuple, TypeVar, overload

V = TypeVar("V")
IPV4: Final = 4
IPV6: Final = 6

# RFC 1918, 100.64/10 (carrier-grade NAT), link-local, and their IPv6 counterparts.
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_FIRST_OCTETS: Final = frozenset({10, 172, 192, 100, 169})
_PRIVATE_BEGINNINGS: Final = tuple(f"{octet}." for octet in sorted(_FIRST_OCTETS))
_PRIVATE_V6: Final = ("fc00::/7", "fe80::/10")
# What AWS delegates to interfaces, by IP version. EC2 user guide, "Prefix delegation" (ec2-prefix-eni.html).
_DELEGATED: Final = {IPV4: 28, IPV6: 80}


class Address(NamedTuple):
    """An address: its IP version, its number, its canonical text (IPv6 compressed, lower case)."""

    version: int
    number: int
    text: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises OSError where ``text`` is no address."""
        if ":" in text:
            packed = socket.inet_pton(socket.AF_INET6, text)
            return cls(IPV6, int.from_bytes(packed), socket.inet_ntop(socket.AF_INET6, packed))
        return cls(IPV4, int.from_bytes(socket.inet_pton(socket.AF_INET, text)), text)

    def network(self, length: int) -> str:
        """The network of this prefix length that holds the address, as canonical CIDR."""
        if self.version == IPV6:
            number = self.number >> 128 - length << 128 - length
            return f"{socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))}/{length}"
        number = self.number >> 32 - length << 32 - length
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/{length}"


def delegated_prefix(text: str) -> str:
    """A prefix of an interface, in one spelling for those who store it and those who look for it.

    Raises ValueError for one of another length than AWS delegates: a wider one would be everybody's address.
    """
    network = ip_network(text, strict=False)
    if network.prefixlen != _DELEGATED[network.version]:
        raise ValueError(f"AWS delegates no prefix of /{network.prefixlen}")
    return Address.parse(str(network.network_address)).network(network.prefixlen)


class Addresses(Sequence[Address]):
    """Addresses of which only the canonical texts are known yet; one is read when it is first asked for."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self._read: dict[int, Address] = {}

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Address: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Address]: ...
    def __getitem__(self, index: int | slice) -> Address | Sequence[Address]:
        if isinstance(index, slice):
            return Addresses(self.texts[index])
        found = self._read.get(index)
        if found is None:
            found = self._read[index] = Address.parse(self.texts[index])
        return found


class Ranges(Generic[V]):
    """Networks that do not contain each other, each with a value; the one that holds an address is found by search."""

    def __init__(self, networks: list[tuple[str, V]]) -> None:
        """Take (CIDR, value) pairs; raises ValueError where a CIDR is none."""
        parsed = sorted(
            ((n.version, int(n.network_address), int(n.broadcast_address), value) for n, value in _parse(networks)),
            key=lambda entry: entry[:3],
        )
        self._starts = {v: [entry[1] for entry in parsed if entry[0] == v] for v in (IPV4, IPV6)}
        self._entries = {v: [entry[2:] for entry in parsed if entry[0] == v] for v in (IPV4, IPV6)}

    def find(self, address: Address) -> V | None:
        """The value of the network that holds the address, or None."""
        position = bisect_right(self._starts[address.version], address.number) - 1
        if position < 0:
            return None
        end, value = self._entries[address.version][position]
        return value if address.number <= end else None


def _parse(networks: list[tuple[str, V]]) -> list[tuple[IPv4Network | IPv6Network, V]]:
    return [(ip_network(cidr, strict=False), value) for cidr, value in networks]


def merged(cidrs: Iterable[str]) -> "Ranges[bool]":
    """The union of networks that may overlap, to ask only whether one of them holds an address."""
    networks = [ip_network(cidr, strict=False) for cidr in cidrs]
    ipv4 = collapse_addresses(n for n in networks if isinstance(n, IPv4Network))
    ipv6 = collapse_addresses(n for n in networks if isinstance(n, IPv6Network))
    return Ranges([(str(network), True) for network in (*ipv4, *ipv6)])


_PRIVATE_NETWORKS: Final = tuple(ip_network(cidr) for cidr in (*_PRIVATE, *_PRIVATE_V6))
_PRIVATE_RANGES: Final = Ranges([(cidr, True) for cidr in (*_PRIVATE, *_PRIVATE_V6)])


def is_private(address: Address) -> bool:
    """Whether the address is of a range that is nobody's on the internet (RFC 1918, 6598, 3927, 4193, 4291)."""
    if address.version == IPV4 and address.number >> 24 not in _FIRST_OCTETS:
        return False
    return _PRIVATE_RANGES.find(address) is not None


def is_plainly_public(text: str) -> bool:
    """Whether a canonical address's text alone tells that it is of none of these ranges (False: it may be)."""
    return not text.startswith(_PRIVATE_BEGINNINGS) and ":" not in text


def is_private_network(cidr: str) -> bool:
    """Whether all of the network is of such a range."""
    network = ip_network(cidr)
    return any(network.version == own.version and network.subnet_of(own) for own in _PRIVATE_NETWORKS)  # type: ignore[arg-type]  # same version
