"""The ``dns`` block → the zone's apex, SOA, name servers and static data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path as File

from gslb.policy import model
from gslb.policy.endpoints import unusable
from gslb.policy.lints import note, warning
from gslb.policy.names import BadNameError, mail_name, name_text, read_host, read_name
from gslb.policy.places import Places
from gslb.policy.plan import Soa
from gslb.policy.problems import Problem, Where
from gslb.policy.static import NameServer, StaticData, StaticSoa, build_static
from gslb.policy.zonetext import Record, read_records
from gslb.wire.names import is_within

MAX_ZONE_FILE = 64 * 1024 * 1024  # octets, as for policies
MAX_APEX = 240  # octets in wire form: names below it, and hostmaster, need room too
_TIMES = ("refresh", "retry", "expire", "minimum", "ttl")


@dataclass(frozen=True, slots=True)
class Served:
    """A zone before its steered names; `files` are the octets read besides the policy's."""

    apex: bytes
    soa: Soa
    static: StaticData
    files: tuple[bytes, ...]


def read_served(
    dns: model.Dns,
    file: File,
    places: Places,
    text_place: Callable[[], Callable[[int], Where]],
    problems: list[Problem],
) -> Served | None:
    """Return what *dns*, a block of *file*, says; None if the zone has no usable name.

    *text_place* makes the function that places a line of the text in ``static``, counted from 0.
    """
    try:
        apex = read_name(dns.zone)
        if apex == b"\0" or b"*" in apex or len(apex) > MAX_APEX:
            raise BadNameError(f"{dns.zone} cannot be served as a zone")
    except BadNameError as error:
        problems.append(
            Problem(places.locate(("dns", "zone")), "E204", str(error), hint=error.hint)
        )
        return None
    servers = list(_servers(dns, places, problems))
    problems += _doubts(servers, apex, places)
    records, files = _records(dns, file, apex, places, text_place, problems)
    static, found = build_static(records, apex, servers, ns_ttl=dns.ns_ttl, glue_ttl=dns.glue_ttl)
    problems += found
    soa = _soa(dns.soa, apex, servers, static.soa, places, problems)
    return Served(apex, soa, static, files)


def _servers(dns: model.Dns, places: Places, problems: list[Problem]) -> Iterator[NameServer]:
    seen: set[bytes] = set()
    for text, addresses in dns.nameservers.items():
        where = places.locate_key(("dns", "nameservers", text))
        try:
            name = read_host(text)
        except BadNameError as error:
            problems.append(Problem(where, "E204", str(error), hint=error.hint))
            continue
        if name in seen:
            problems.append(Problem(where, "E205", f"name server {text} is given twice"))
            continue
        seen.add(name)
        for address in addresses:
            problems += unusable(address, where)
        yield NameServer(
            name,
            tuple(a.packed for a in addresses if isinstance(a, IPv4Address)),
            tuple(a.packed for a in addresses if not isinstance(a, IPv4Address)),
            where,
        )


def _doubts(servers: list[NameServer], apex: bytes, places: Places) -> Iterator[Problem]:
    where = places.locate_key(("dns", "nameservers"))
    if len(servers) < 2:
        text = "fewer than two name servers: the zone is gone when it is (RFC 2182 §5)"
        yield warning(where, "W320", text)
    addresses = [{*server.a, *server.aaaa} for server in servers if server.a or server.aaaa]
    if len(addresses) > 1 and len(addresses[0].union(*addresses)) == 1:
        yield warning(where, "W320", "all name servers have the same address (RFC 2182 §3.1)")
    for server in servers:
        if (server.a or server.aaaa) and not is_within(server.name, apex):
            text = f"addresses of {name_text(server.name)} are not served: it is not in the zone"
            yield note(server.where, "N402", text)


def _records(
    dns: model.Dns,
    file: File,
    apex: bytes,
    places: Places,
    text_place: Callable[[], Callable[[int], Where]],
    problems: list[Problem],
) -> tuple[list[Record], tuple[bytes, ...]]:
    if dns.static is None or not dns.static.strip():
        return [], ()
    if len(dns.static.split()) > 1:
        records, found = read_records(dns.static, apex, text_place())
        problems += found
        return records, ()
    where = places.locate(("dns", "static"))
    path = file.parent / dns.static.strip()
    octets = _read(path, file.parent, where, problems)
    if octets is None:
        return [], ()
    try:
        text = octets.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        problems.append(Problem(Where(path, line, 1), "E250", "not UTF-8 text"))
        return [], (octets,)
    records, found = read_records(text, apex, lambda line: Where(path, line + 1, 1))
    problems += found
    return records, (octets,)


def _read(path: File, folder: File, where: Where, problems: list[Problem]) -> bytes | None:
    """Return the octets of a zone file below *folder*; a policy may not reach for other files."""
    if not path.resolve().is_relative_to(folder.resolve()):
        text = f"zone file {path}: outside the folder of the policy"
        problems.append(Problem(where, "E250", text))
        return None
    if path.exists() and not path.is_file():
        problems.append(Problem(where, "E250", f"zone file {path}: not a file"))
        return None
    try:
        with path.open("rb") as stream:
            octets = stream.read(MAX_ZONE_FILE + 1)
    except OSError as error:
        text = f"zone file {path}: {error.strerror or error}"
        hint = "static is zone-file text, or the path of a zone file"
        problems.append(Problem(where, "E250", text, hint=hint))
        return None
    if len(octets) > MAX_ZONE_FILE:
        text = f"zone file {path}: larger than {MAX_ZONE_FILE} octets"
        problems.append(Problem(where, "E250", text))
        return None
    return octets


def _soa(
    written: model.SoaFields,
    apex: bytes,
    servers: list[NameServer],
    found: StaticSoa | None,
    places: Places,
    problems: list[Problem],
) -> Soa:
    """Put the SOA together: ``dns.soa`` wins over an SOA in the text, and that over defaults.

    The serial is automatic (0) unless ``dns.soa`` has one: an SOA in a text would stand still.
    """
    place = ("dns", "soa")
    own = written.model_fields_set
    if found is not None:
        both = sorted(own & {"mname", "contact", *_TIMES})
        if both:
            text = f"{', '.join(both)} of this SOA: dns.soa has other values, which win"
            problems.append(note(found.where, "N400", text))
        if "serial" not in own:
            text = f"serial {found.serial} is not used: it moves by itself unless dns.soa has one"
            problems.append(note(found.where, "N401", text))
    first = servers[0].name if servers else apex
    mname = _name(written.mname, read_host, (*place, "mname"), places, problems)
    rname = _name(written.contact, mail_name, (*place, "contact"), places, problems)
    times = {key: getattr(written if found is None or key in own else found, key) for key in _TIMES}
    return Soa(
        mname=mname or (first if found is None else found.mname),
        rname=rname or (b"\x0ahostmaster" + apex if found is None else found.rname),
        serial=written.serial or 0,
        **times,
    )


def _name(
    text: str | None,
    read: Callable[[str], bytes],
    place: tuple[str, ...],
    places: Places,
    problems: list[Problem],
) -> bytes | None:
    if text is None:
        return None
    try:
        return read(text)
    except BadNameError as error:
        problems.append(Problem(places.locate(place), "E204", str(error), hint=error.hint))
        return None
