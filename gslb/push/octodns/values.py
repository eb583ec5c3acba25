"""Values of plain records: octoDNS's fields ↔ RDATA in zone-file text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
from dns.rdtypes.ANY.TXT import TXT

from gslb.errors import GslbError

TEXTS = frozenset({"SPF", "TXT"})
SINGLE = frozenset({"CNAME", "DNAME", "PTR"})  # PTR may have several, and octoDNS writes value then
TARGETS = frozenset({"CNAME", "NS", "PTR"})  # octoDNS wants the final dot
_CHUNK = 255  # octets of one string of a TXT record, RFC 1035 §3.3
_SIMPLE = frozenset({"A", "AAAA", "OPENPGPKEY", *TARGETS})
# In the order of RDATA. A "?" follows fields whose text stands in quotes there.
_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CAA": ("flags", "tag", "value?"),
        "DS": ("key_tag", "algorithm", "digest_type", "digest"),
        "MX": ("preference", "exchange"),
        "NAPTR": ("order", "preference", "flags?", "service?", "regexp?", "replacement"),
        "SRV": ("priority", "weight", "port", "target"),
        "SSHFP": ("algorithm", "fingerprint_type", "fingerprint"),
        "TLSA": (
            "certificate_usage", "selector", "matching_type", "certificate_association_data",
        ),
        "URI": ("priority", "weight", "target?"),
    }
)  # fmt: skip
_SERVICES = frozenset({"HTTPS", "SVCB"})
_OLD_WORDS = MappingProxyType({"preference": "priority", "exchange": "value"})  # of MX
CARRIED = frozenset({*_SIMPLE, *TEXTS, *_FIELDS, *_SERVICES})
_PARAMETER = re.compile(r'([a-z0-9-]+)(?:="((?:[^"\\]|\\.)*)"|=(\S+))?')


class ValueFormError(GslbError):
    """A value has not the form of its type."""


def rdata_text(rtype: str, value: Any) -> str:
    """Return octoDNS's *value* of a record of *rtype*, one of `CARRIED`, as RDATA.

    Raises:
        ValueFormError: a field is missing, or the value is no text where it has to be one.
    """
    if rtype in _FIELDS:
        return " ".join(_field(value, name) for name in _FIELDS[rtype])
    if rtype in _SERVICES:
        parameters = _mapping(value).get("svcparams") or {}
        shown = [_parameter(key, one) for key, one in _mapping(parameters).items()]
        return " ".join([_field(value, "svcpriority"), _field(value, "targetname"), *shown])
    if not isinstance(value, str):
        raise ValueFormError(f"{rtype} wants text")
    if rtype in TEXTS:
        return _texts(value)
    if rtype in TARGETS and not value.endswith("."):
        raise ValueFormError(f'{rtype} value "{value}" has no final dot')
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueFormError("a mapping is wanted")
    return value


def _field(value: Any, name: str) -> str:
    plain = name.rstrip("?")
    given = _mapping(value)
    if plain not in given:
        plain = _OLD_WORDS.get(plain, plain)
    found = given.get(plain)
    if found is None or isinstance(found, dict | list):
        raise ValueFormError(f'"{name.rstrip("?")}" is missing')
    if not name.endswith("?"):
        return str(found)
    text = re.sub(r'(?<!\\)"', r"\"", str(found).replace("\\;", ";"))
    return f'"{text}"'


def _parameter(key: str, value: Any) -> str:
    if value is None:
        return key
    items = value if isinstance(value, list) else [value]
    return f'{key}="{",".join(map(str, items))}"'


def _texts(value: str) -> str:
    text = value[1:-1].replace('" "', "") if value[:1] == '"' == value[-1:] else value
    try:
        token = dns.tokenizer.Token(dns.tokenizer.QUOTED_STRING, text.replace("\\;", ";"))
        octets = token.unescape_to_bytes().value
    except dns.exception.DNSException as error:
        raise ValueFormError(str(error)) from None
    assert isinstance(octets, bytes)
    chunks = [octets[at : at + _CHUNK] for at in range(0, len(octets), _CHUNK)]
    return str(TXT(dns.rdataclass.IN, dns.rdatatype.TXT, chunks or [b""]).to_text())


def octodns_value(rtype: str, octets: bytes) -> Any:
    """Return RDATA, in wire form, as octoDNS's value of a record of *rtype*, one of `CARRIED`."""
    kind = dns.rdatatype.from_text(rtype)
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, kind, octets, 0, len(octets))
    if rtype in TEXTS:
        strings: Sequence[bytes] = rdata.strings  # type: ignore[attr-defined]
        return _escaped(b"".join(strings))
    text = rdata.to_text()
    if rtype in _FIELDS:
        names = _FIELDS[rtype]
        found = _tokens(text, len(names))
        return {
            name.rstrip("?"): int(one) if one.isdigit() and not _is_text(name) else one
            for name, one in zip(names, found, strict=True)
        }
    if rtype in _SERVICES:
        priority, target, *rest = text.split(" ", 2)
        value: dict[str, Any] = {"svcpriority": int(priority), "targetname": target}
        if rest:
            value["svcparams"] = {
                m[1]: _listed(m[1], m[2] or m[3]) for m in _PARAMETER.finditer(rest[0])
            }
        return value
    return text


def whole_chunks(octets: bytes) -> bool:
    """Return whether the strings of a TXT record (its RDATA) are cut where octoDNS would cut them."""
    lengths = []
    at = 0
    while at < len(octets):
        lengths.append(octets[at])
        at += 1 + octets[at]
    return all(length == _CHUNK for length in lengths[:-1])


def _is_text(name: str) -> bool:
    return name.endswith("?") or name in {
        "digest",
        "fingerprint",
        "tag",
        "certificate_association_data",
    }


def _tokens(text: str, most: int) -> list[str]:
    """Return *most* fields of RDATA; what is too much belongs to the last (hex in several words)."""
    tokenizer = dns.tokenizer.Tokenizer(text)
    found: list[str] = []
    while not (token := tokenizer.get()).is_eol_or_eof():
        value = token.value
        if token.is_quoted_string():
            value = value.replace(";", "\\;")
        found.append(value)
    return [*found[: most - 1], "".join(found[most - 1 :])]


def _listed(key: str, value: str | None) -> Any:
    if value is None:
        return None
    many: Callable[[str], bool] = {"alpn", "ipv4hint", "ipv6hint", "mandatory"}.__contains__
    if many(key):
        return value.split(",")
    return int(value) if key == "port" else value


def _escaped(octets: bytes) -> str:
    """Return *octets* as octoDNS writes texts: ASCII, with its own escape of semicolons."""
    special = {0x22: '\\"', 0x5C: "\\\\", 0x3B: "\\;"}
    return "".join(
        special.get(one) or (chr(one) if 0x20 <= one < 0x7F else f"\\{one:03d}") for one in octets
    )
