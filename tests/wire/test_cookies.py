"""Server cookies: the published vectors, the window's edges, rotation."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.cookies import CookieJar, siphash24

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OLD = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NEW = bytes.fromhex("445536bcd2513298075a5d379663c962")


def address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


CLIENT = address("198.51.100.100")


@pytest.mark.parametrize(
    ("length", "digest"),
    [(0, "310e0edd47db6f72"), (1, "fd67dc93c539f874"), (8, "6224939a79f5f593"),
     (15, "e545be4961ca29a1"), (63, "724506eb4c328a95")],
)  # fmt: skip
def test_siphash_gives_its_authors_vectors(length: int, digest: str) -> None:
    """The reference implementation's: key 00…0f, messages 00, 0001, …"""
    assert siphash24(bytes(range(16)), bytes(range(length))).hex() == digest


@pytest.mark.parametrize(
    ("secret", "client", "host", "now", "cookie"),
    [
        (SECRET, "2464c4abcf10c957", "198.51.100.100", 1559731985,
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480"),
        (SECRET, "2464c4abcf10c957", "198.51.100.100", 1559734385,
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"),
        (SECRET, "fc93fc62807ddb86", "203.0.113.203", 1559734700,
         "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"),
        (NEW, "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
         "22681ab97d52c298010000005cf7c609a6bb79d16625507a"),
    ],
    ids=["A.1", "A.2", "A.3", "A.4"],
)  # fmt: skip
def test_issued_as_in_rfc_9018_appendix_a(
    secret: bytes, client: str, host: str, now: int, cookie: str
) -> None:
    jar = CookieJar([secret])
    assert jar.issue(bytes.fromhex(client), address(host), now).hex() == cookie


def test_a2_a_cookie_older_than_half_an_hour_is_valid_and_renewed() -> None:
    cookie = bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
    fresh, valid = CookieJar([SECRET]).refresh(cookie, CLIENT, 1559734385)
    assert valid
    assert fresh.hex() == "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"


def test_a3_reserved_octets_are_part_of_what_is_verified() -> None:
    cookie = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    jar = CookieJar([SECRET])
    assert jar.verify(cookie, address("203.0.113.203"), 1559727985)
    changed = cookie[:9] + b"\0" + cookie[10:]
    assert not jar.verify(changed, address("203.0.113.203"), 1559727985)


def test_a4_the_old_secret_still_verifies_and_the_new_one_issues() -> None:
    cookie = bytes.fromhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")
    host = address("2001:db8:220:1:59de:d0f4:8769:82b8")
    fresh, valid = CookieJar([NEW, OLD]).refresh(cookie, host, 1559741961)
    assert valid
    assert fresh.hex() == "22681ab97d52c298010000005cf7c609a6bb79d16625507a"
    assert not CookieJar([NEW]).verify(cookie, host, 1559741961)


@pytest.mark.parametrize(
    ("age", "valid"), [(3600, True), (3601, False), (-300, True), (-301, False), (0, True)]
)
@pytest.mark.parametrize("now", [1559731985, 2**32 + 100, 2**32 - 1, 2**31 + 7])
def test_the_window_has_these_four_edges_also_where_32_bits_end(
    age: int, valid: bool, now: int
) -> None:
    jar = CookieJar([SECRET])
    cookie = jar.issue(b"12345678", CLIENT, now - age)
    assert jar.verify(cookie, CLIENT, now) is valid


@pytest.mark.parametrize(("age", "same"), [(1800, True), (1801, False), (-300, True)])
def test_a_valid_cookie_comes_back_until_half_an_hour_is_over(age: int, same: bool) -> None:
    jar = CookieJar([SECRET])
    cookie = jar.issue(b"12345678", CLIENT, 1_700_000_000 - age)
    fresh, valid = jar.refresh(cookie, CLIENT, 1_700_000_000)
    assert valid
    assert (fresh == cookie) is same


def test_no_cookie_is_rejected_at_any_step_of_a_rotation() -> None:
    steps = [CookieJar(secrets) for secrets in ([OLD], [OLD, NEW], [NEW, OLD], [NEW])]
    for step, jar in enumerate(steps):
        cookie = jar.issue(b"abcdefgh", CLIENT, 1000)
        for other in steps[max(0, step - 1) : step + 2]:  # servers are one step apart at most
            assert other.verify(cookie, CLIENT, 1001)


@given(st.binary(max_size=48), st.binary(min_size=4, max_size=4))
def test_no_other_octets_are_a_cookie(cookie: bytes, host: bytes) -> None:
    assert not CookieJar([SECRET]).verify(cookie, host, 1559731985)


@given(st.integers(0, 23), st.integers(0, 7))
def test_each_bit_counts(at: int, bit: int) -> None:
    jar = CookieJar([SECRET])
    cookie = bytearray(jar.issue(b"12345678", CLIENT, 1000))
    cookie[at] ^= 1 << bit
    assert not jar.verify(bytes(cookie), CLIENT, 1000)


def test_a_cookie_is_for_one_address() -> None:
    jar = CookieJar([SECRET])
    assert not jar.verify(jar.issue(b"12345678", CLIENT, 5), address("198.51.100.101"), 5)


def test_a_jar_does_not_tell_its_secrets() -> None:
    assert SECRET.hex() not in repr(CookieJar([SECRET]))
    assert repr(SECRET) not in repr(CookieJar([SECRET]))


@pytest.mark.parametrize("secrets", [[], [b"short"], [SECRET, b"x" * 17]])
def test_secrets_of_another_length_are_refused(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        CookieJar(secrets)
