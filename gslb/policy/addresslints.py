"""Addresses of endpoints that clients on the internet cannot reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from gslb.policy.lints import warning
from gslb.policy.plan import Endpoint, Site
from gslb.policy.problems import Problem
from gslb.specialpurpose import DOCUMENTATION, INSIDE, Address, purpose_of


def lint_addresses(
    sites: Mapping[str, Site], nameservers: Iterable[Collection[Address]]
) -> Iterator[Problem]:
    """Yield, once for each site, addresses that do not fit to a zone that is for the internet.

    It is for the internet if one of its *nameservers*, or another endpoint, has a public address.
    Addresses of documentation stand for public ones in examples; beside real ones they are left
    over from an example.
    """
    used = {name: _addresses(site) for name, site in sites.items()}
    every = [address for pairs in used.values() for address, _ in pairs]
    every += [address for addresses in nameservers for address in addresses]
    real = any(address.is_global and not is_example(address) for address in every)
    public = real or any(map(is_example, every))
    for name, pairs in used.items():
        if public:
            why = "is private: clients on the internet cannot reach it"
            yield from _told(name, [pair for pair in pairs if is_private(pair[0])], why)
        if real:
            why = "is set aside for documentation: nobody is reached there"
            yield from _told(name, [pair for pair in pairs if is_example(pair[0])], why)


def _told(site: str, pairs: Sequence[tuple[Address, Endpoint]], why: str) -> Iterator[Problem]:
    if pairs:
        address, endpoint = pairs[0]
        more = f" (and {len(pairs) - 1} more of {site})" if len(pairs) > 1 else ""
        yield warning(endpoint.where, "W328", f"{address} of {endpoint.id}{more} {why}")


def is_private(address: Address) -> bool:
    """Return whether *address* is reached from inside a network, or a machine, only."""
    return purpose_of(address) in INSIDE


def is_example(address: Address) -> bool:
    """Return whether *address* is set aside for documentation."""
    return purpose_of(address) == DOCUMENTATION


def _addresses(site: Site) -> list[tuple[Address, Endpoint]]:
    return [
        (ip_address(octets), endpoint)
        for endpoint in site.endpoints
        for octets in (endpoint.a, endpoint.aaaa)
        if octets is not None
    ]
