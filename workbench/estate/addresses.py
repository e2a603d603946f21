"""Handing out addresses: none twice in a subnet, scattered over it as AWS does, the reserved ones left out.

https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html (first four and last address are AWS's).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from enricher.errors import SettingsError

RESERVED: Final = 4
PREFIX_LENGTH: Final = 28
PREFIX_SIZE: Final = 16
# Any odd number permutes the offsets of a power of two: neighbours in time are not neighbours in the subnet.
_STRIDE: Final = 0x9E3779B1
_STRIDE_IPV6: Final = 0x9E3779B97F4A7C15
_INTERFACE_BITS: Final = 64

# Ranges kept for benchmarks and documentation: public by every rule of flow logs, and nobody's.
OUR_PUBLIC_RANGE: Final = IPv4Network("198.18.0.0/16")
INTERNET_RANGE: Final = IPv4Network("198.19.0.0/16")
S3_RANGE: Final = IPv4Network("203.0.113.0/24")
UNKNOWN_PRIVATE_RANGE: Final = IPv4Network("172.16.0.0/16")
INTERNET_IPV6_RANGE: Final = IPv6Network("2001:db8:ffff::/64")
OUR_IPV6_RANGE: Final = IPv6Network("2001:db8:a00::/40")


class SubnetAddresses:
    """Addresses of one subnet: singles from its lower half, /28 prefixes from its upper half."""

    def __init__(self, cidr: str, ipv6_cidr: str | None) -> None:
        """Start with nothing handed out of ``cidr`` and ``ipv6_cidr``."""
        network = IPv4Network(cidr)
        self._cidr = cidr
        self._first = int(network.network_address)
        self._half = network.num_addresses // 2
        self._ipv6_first = int(IPv6Network(ipv6_cidr).network_address) if ipv6_cidr else 0
        self._offsets = self._scattered()
        self._taken = 0
        self._prefixes = 0
        self._ipv6 = 0

    @property
    def free(self) -> int:
        """IPv4 addresses that AWS would still call available."""
        return 2 * self._half - RESERVED - 1 - self._taken - PREFIX_SIZE * self._prefixes

    def single(self) -> str:
        """The next IPv4 address.

        Raises:
            SettingsError: the subnet's lower half is full.
        """
        for offset in self._offsets:
            self._taken += 1
            return str(IPv4Address(self._first + offset))
        raise SettingsError(f"estate: subnet {self._cidr} is full; plan fewer interfaces or wider CIDRs")

    def prefix(self) -> str:
        """The next /28 prefix.

        Raises:
            SettingsError: the subnet's upper half is full.
        """
        start = self._half + PREFIX_SIZE * self._prefixes
        # The subnet's last address is AWS's: the last /28 stays unused.
        if start + 2 * PREFIX_SIZE > 2 * self._half:
            raise SettingsError(f"estate: subnet {self._cidr} has no /28 left; plan fewer prefixes or wider CIDRs")
        self._prefixes += 1
        return f"{IPv4Address(self._first + start)}/{PREFIX_LENGTH}"

    def ipv6(self) -> str:
        """The next IPv6 address of a dual-stack subnet."""
        self._ipv6 += 1
        return str(IPv6Address(self._ipv6_first + self._ipv6 * _STRIDE_IPV6 % (1 << _INTERFACE_BITS)))

    def _scattered(self) -> Iterator[int]:
        for step in range(self._half):
            offset = step * _STRIDE % self._half
            if offset >= RESERVED:
                yield offset


def hosts(network: IPv4Network | IPv6Network) -> Iterator[str]:
    """Host addresses of ``network``, scattered, none twice; ends after at most 65,535."""
    usable = min(network.num_addresses, 1 << 16)
    for step in range(1, usable):
        yield str(network.network_address + step * _STRIDE % usable)
