"""Addresses as numbers, and ranges, against Python's own ipaddress as the oracle."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enricher.addresses import Address, Addresses, Ranges, is_private, merged

IPV4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
IPV6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
PRIVATE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
)  # fmt: skip


def networks(version):
    """Networks of few bits around one place, so that they often meet."""
    if version == 4:
        return st.tuples(st.integers(0, 2**10 - 1), st.integers(20, 32)).map(
            lambda drawn: ipaddress.ip_network((0x0A000000 + drawn[0], drawn[1]), strict=False)
        )
    return st.tuples(st.integers(0, 2**10 - 1), st.integers(116, 128)).map(
        lambda drawn: ipaddress.ip_network(((0x20010DB8 << 96) + drawn[0], drawn[1]), strict=False)
    )


NETWORKS = st.lists(st.one_of(networks(4), networks(6)), max_size=12)
NEAR = st.one_of(
    st.integers(-2, 2**10 + 2**12).map(lambda n: ipaddress.IPv4Address(0x0A000000 + n)),
    st.integers(-2, 2**10 + 2**12).map(lambda n: ipaddress.IPv6Address((0x20010DB8 << 96) + n)),
    IPV4,
    IPV6,
)


@settings(deadline=None)
@given(address=st.one_of(IPV4, IPV6))
def test_an_address_is_its_version_and_number_in_any_spelling(address):
    """The canonical, the exploded and the capital spelling are one address with one text."""
    for text in {str(address), address.exploded, address.exploded.upper()}:
        parsed = Address.parse(text)
        assert (parsed.version, parsed.number) == (address.version, int(address))
        assert ipaddress.ip_address(parsed.text) == address
        assert parsed == Address.parse(str(address))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.1.5", "10.0.1.5"),
        ("2001:0DB8:0:0::5", "2001:db8::5"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::", "::"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - an address to read, nothing is bound
    ],
)
def test_the_canonical_text_is_the_one_aws_writes(text, canonical):
    """Compressed and in lower case (RFC 5952)."""
    assert Address.parse(text).text == canonical


@pytest.mark.parametrize("text", ["", "-", "10.0.1", "10.0.1.256", "10.0.1.5/32", "2001:db8::5::1", "ten", "10.0.01.5"])
def test_what_is_no_address_is_refused(text):
    """Half an address names nobody."""
    with pytest.raises(OSError, match="illegal IP address"):
        Address.parse(text)


@settings(deadline=None)
@given(drawn=NETWORKS, address=NEAR)
def test_a_range_is_found_from_its_first_to_its_last_address(drawn, address):
    """Of networks that do not touch each other the one that holds the address is found, and nothing else."""
    apart = []
    for network in drawn:
        if not any(network.version == other.version and network.overlaps(other) for other in apart):
            apart.append(network)
    ranges = Ranges([(str(network), number) for number, network in enumerate(apart)])
    holding = [number for number, network in enumerate(apart) if address in network]

    assert ranges.find(Address.parse(str(address))) == (holding[0] if holding else None)


@settings(deadline=None)
@given(drawn=NETWORKS, address=NEAR)
def test_a_merged_range_holds_what_any_of_its_networks_holds(drawn, address):
    """Networks may overlap: their union is asked."""
    held = merged(str(network) for network in drawn).find(Address.parse(str(address)))

    assert (held is not None) == any(address in network for network in drawn)


@settings(deadline=None)
@given(address=st.one_of(IPV4, IPV6, st.sampled_from(PRIVATE).flatmap(
    lambda cidr: st.integers(-1, 1).flatmap(
        lambda off: st.sampled_from([
            ipaddress.ip_network(cidr)[0] + off, ipaddress.ip_network(cidr)[-1] + off,
        ])
    )
)))  # fmt: skip
def test_private_is_what_is_nobodys_on_the_internet(address):
    """RFC 1918, 6598, 3927, 4193 and 4291, to the very edges of the ranges."""
    assert is_private(Address.parse(str(address))) == any(address in ipaddress.ip_network(cidr) for cidr in PRIVATE)


def test_a_range_that_is_none_is_refused():
    """A CIDR with a mask that does not exist is an error where it is given, not a range that never matches."""
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        Ranges([("10.0.0.0/33", True)])
    with pytest.raises(ValueError, match="10"):
        merged(["10.0.0.0/33"])


@given(address=st.one_of(IPV4, IPV6), data=st.data())
def test_the_network_that_holds_an_address_at_a_length(address, data):
    """As the standard library has it, in the address's own spelling."""
    length = data.draw(st.integers(0, address.max_prefixlen))

    network = ipaddress.ip_network(Address.parse(str(address)).network(length))

    assert network == ipaddress.ip_network(f"{address}/{length}", strict=False)


def test_addresses_are_read_when_asked_for():
    """A sequence of texts that gives addresses; what nobody asks for may even be none."""
    addresses = Addresses(["10.0.0.1", "2001:db8::1", "no address"])

    assert len(addresses) == 3
    assert addresses[1] == addresses[1] == Address.parse("2001:db8::1")
    assert list(addresses[:2]) == [Address.parse("10.0.0.1"), Address.parse("2001:db8::1")]
    with pytest.raises(OSError, match="illegal IP address"):
        addresses[2]
