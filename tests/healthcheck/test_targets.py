"""No spelling of an address leads a probe to where this node does not allow it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.targets import DENIED_PORTS, Reach, embedded, reach

# Ways to say loopback, link-local, private … that resolvers, libraries and kernels may understand.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001",
    "017700000001", "0x7f.0.0.1", "0177.0.0.1", "0177.0.0.01", "127.0.0.1.", "127.000.000.001",
    "127.0.0.1%00", "[127.0.0.1]", "127.0.0.1:80", "①②⑦.0.0.1", "127。0。0。1", "0", "0.0.0.0",
    "0.0.0.1", "::", "::0", "::1", "0:0:0:0:0:0:0:1", "0000::0001", "[::1]", "::1%lo", "::1%1",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::FFFF:127.0.0.1", "0:0:0:0:0:ffff:7f00:0001",
    "::127.0.0.1", "::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::127.0.0.1",
    "2002:7f00:1::", "2002:7f00:0001::1", "2001:0:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "fe80::5efe:127.0.0.1", "2001:db8::5efe:127.0.0.1",
    "2001:db8::200:5efe:127.0.0.1", "169.254.169.254", "169.254.170.2", "2852039166",
    "0xa9fea9fe", "0251.0376.0251.0376", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe",
    "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "100.100.100.200", "168.63.129.16", "224.0.0.1", "239.255.255.250", "ff02::1",
    "ff0e::1", "255.255.255.255", "240.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "::10.0.0.1",
    "64:ff9b::10.0.0.1", "2002:a00:1::", "100.64.0.1", "192.0.0.1", "198.18.0.1", "localhost",
    "localhost.", "metadata.google.internal", "", " ", "127.0.0.1 ", " 127.0.0.1",
    "127.0.0.1\n", "127.0.0.1\x00.example.com",
]  # fmt: skip


@pytest.mark.parametrize("address", SPELLINGS)
def test_no_spelling_of_a_near_address_is_probed(address: str) -> None:
    assert Reach().refusal(address, 80)


def test_there_are_sixty_spellings_and_more() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "203.0.113.7", "2001:db8::1", "64:ff9b::c000:201", "::ffff:192.0.2.1"]
)
def test_public_addresses_are_probed(address: str) -> None:
    assert Reach().refusal(address, 443) == ""


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "127.0.0.1", "fd00:1::1"]
)
def test_a_node_may_allow_what_is_near(address: str) -> None:
    near = reach(["10.0.0.0/8", "127.0.0.0/8", "fd00:1::/32"])
    assert near.refusal(address, 443) == ""
    assert near.refusal("192.168.1.1", 443)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1"])
def test_what_is_no_host_is_never_a_target(address: str) -> None:
    assert reach(["0.0.0.0/0", "::/0"]).refusal(address)


@pytest.mark.parametrize("address", ["192.0.2.5", "::ffff:192.0.2.5", "64:ff9b::192.0.2.5"])
def test_a_denied_address_stays_denied_however_it_is_written(address: str) -> None:
    assert "denied" in reach(["192.0.2.0/24"], deny=["192.0.2.5/32"]).refusal(address)


@pytest.mark.parametrize("port", sorted(DENIED_PORTS))
def test_ports_of_touchy_services_need_a_word_of_the_node(port: int) -> None:
    assert "port" in Reach().refusal("192.0.2.1", port)
    assert reach([], ports=[port]).refusal("192.0.2.1", port) == ""


METADATA = ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"]


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_is_allowed_by_its_own_address_only(address: str) -> None:
    """A wide prefix was written for something else."""
    wide = reach(["0.0.0.0/0", "::/0", "169.254.0.0/16", "fd00::/8"])
    assert "metadata" in wide.refusal(address, 80)
    assert reach([address]).refusal(address, 80) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"])
def test_a_socket_of_the_node_is_never_probed(address: str) -> None:
    """Neither the server nor its API, whatever is allowed; other ports of the address may be."""
    near = reach(["127.0.0.0/8"], sockets=["127.0.0.1:8053", "[::1]:53"])
    assert "own" in near.refusal(address, 8053)
    assert near.refusal(address, 8054) == ""
    assert near.refusal("127.0.0.2", 8053) == ""


def test_a_socket_at_every_address_is_at_each_of_the_node_s() -> None:
    """And nowhere else: another server's port 53 is a target like any other."""
    mine = ip_address("192.0.2.1")
    near = reach(
        ["127.0.0.0/8", "192.0.2.1", "::1"],
        sockets=["0.0.0.0:53", "[::]:53"],
        is_own=lambda address: address == mine,
    )
    for address in ("127.0.0.1", "127.9.9.9", "192.0.2.1", "::1"):
        assert "own" in near.refusal(address, 53)
    assert near.refusal("192.0.2.1", 80) == ""
    assert near.refusal("192.0.2.2", 53) == ""


def test_an_address_of_the_node_needs_its_word() -> None:
    """However public it is: what runs there is as near as loopback."""
    mine = ip_address("192.0.2.1")
    near = Reach(is_own=lambda address: address == mine)
    assert "own" in near.refusal("192.0.2.1", 80)
    assert "own" in near.refusal("::ffff:192.0.2.1", 80)
    assert near.refusal("192.0.2.2", 80) == ""


@pytest.mark.parametrize("text", ["192.0.2.1", "here:53", "192.0.2.1:", "[::1]:x"])
def test_a_bad_socket_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        reach([], sockets=[text])


def test_a_bad_prefix_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        reach(["10.0.0.1/8"])


@given(st.integers(0, 2**32 - 1))
def test_every_way_to_carry_an_ipv4_address_is_judged_like_it(number: int) -> None:
    address = IPv4Address(number)
    plain = Reach().refusal(str(address), 80)
    for carrier in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010DB8 << 96) | (0x5EFE << 32) | number),
    ):
        assert address in embedded(carrier)
        assert bool(Reach().refusal(str(carrier), 80)) == bool(plain)


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    refusal = Reach().refusal(text, 80)
    assert refusal.isprintable()


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_private_addresses_need_a_word_of_the_node(address: IPv4Address | IPv6Address) -> None:
    assert Reach().refusal(str(address))
    assert not Reach(allow=(ip_network(f"{address}"),)).refusal(str(address))
