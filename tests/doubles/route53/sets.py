"""One record set: its identity, its kind, and what makes it invalid by itself.

A record set is a dict in the shape of the API (``Name`` normal, as listed).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass

from tests.doubles import places
from tests.doubles.route53 import names

Key = tuple[str, str, str]  # name, type, set identifier ("" for a simple set)
RecordSet = dict[str, Any]

KINDS = {  # field of the API: how AWS's messages call the kind
    "Weight": "weighted",
    "Region": "latency",
    "Failover": "failover",
    "GeoLocation": "GEO",
    "MultiValueAnswer": "multivalue answer",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "CIDR",
}
SIMPLE_ONLY = ("SOA", "NS", "DS")
# Zone identifiers of services that aliases may name; enough for records that stand in a zone already.
SERVICE_ZONES = {"Z2FDTNDATAQYW2": "CloudFront", "Z35SXDOTRQ7X7K": "load balancers of us-east-1"}
_QUOTED = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"\s*)+', re.DOTALL)
_ONE_QUOTED = re.compile(r'"((?:[^"\\]|\\[0-7]{3}|\\.)*)"', re.DOTALL)
_ONE_CHARACTER = re.compile(r"\\[0-7]{3}|\\.|.", re.DOTALL)
_MAX_STRING = 255
_WITH_STATES = ("US", "UA")  # the only countries whose subdivisions the model names


def key(one: Mapping[str, Any]) -> Key:
    """Return the identity of a record set."""
    return one["Name"], one["Type"], one.get("SetIdentifier", "")


def kind(one: Mapping[str, Any]) -> str:
    """Return the field that makes the set's routing policy, ``""`` for a simple set."""
    return next((field for field in KINDS if _given(one, field)), "")


def named(one: Mapping[str, Any]) -> str:
    """Return the set in the words of AWS's messages on CREATE and DELETE."""
    words = f"name='{one['Name']}', type='{one['Type']}'"
    if one.get("SetIdentifier"):
        words += f", set-identifier='{one['SetIdentifier']}'"
    return f"[{words}]"


def described(one: Mapping[str, Any]) -> str:
    """Return the set in the words of AWS's messages on routing."""
    words = f"RRSet with DNS name {one['Name']}, type {one['Type']}"
    if one.get("SetIdentifier"):
        words += f", SetIdentifier {one['SetIdentifier']}"
    match kind(one):
        case "Region":
            words += f", and Region Name={one['Region']}"
        case "GeoLocation":
            words += f", and routing to [{place(one['GeoLocation'])}]"
        case "Failover":
            words += f" marked as {one['Failover'].lower()}"
    return words


def place(location: Mapping[str, str]) -> str:
    """Return a geolocation as text, which is also its identity in a group."""
    return ", ".join(f"{k.removesuffix('Code').lower()} = {v}" for k, v in sorted(location.items()))


def normal(given: Mapping[str, Any]) -> RecordSet:
    """Return the set as the zone keeps it; ``BadNameError`` for a name that is none."""
    one = {name: value for name, value in given.items() if value is not None}
    one["Name"] = names.normal(one["Name"])
    if one.get("MultiValueAnswer") is False:
        del one["MultiValueAnswer"]
    if alias := one.get("AliasTarget"):
        target = {**alias, "HostedZoneId": alias["HostedZoneId"].rpartition("/")[2]}
        one["AliasTarget"] = {**target, "DNSName": names.normal(alias["DNSName"])}
    return one


def requests_wrong(action: str, one: Mapping[str, Any]) -> list[str]:
    """Return what makes one change an ``InvalidInput``, before any zone is looked at."""
    where = (
        f"in Change with [Action={action}, Name={one['Name']}, Type={one['Type']}, "
        f"SetIdentifier={one.get('SetIdentifier', 'null')}]"
    )
    found = []
    data = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
    plain = [name for name in ("TTL", "ResourceRecords") if _given(one, name)]
    if "AliasTarget" in one and plain:
        found.append(f"Expected exactly one of {data}, but found more than one {where}")
    elif "AliasTarget" not in one and len(plain) < 2:
        found.append(f"Expected exactly one of {data}, but found none {where}")
    policies = [field for field in KINDS if _given(one, field)]
    if policies and "SetIdentifier" not in one:
        found.append(f"Missing field 'SetIdentifier' {where}")
    if "SetIdentifier" in one and len(policies) != 1:
        amount = "more than one" if policies else "none"
        found.append(
            "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, "
            f"GeoProximityLocation, or CidrRoutingConfig], but found {amount} {where}"
        )
    if not policies and "HealthCheckId" in one and "SetIdentifier" not in one:
        found.append(f"Missing field 'SetIdentifier' {where}")
    found += [f"{words} {where}" for words in _policy_wrong(one)]
    return [f"Invalid request: {words}" for words in found]


def _policy_wrong(one: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the routing policy by itself (our words; AWS's are unpublished)."""
    found = []
    the_kind = kind(one)
    values = one.get("ResourceRecords", [])
    if the_kind and one["Type"] in SIMPLE_ONLY:
        found.append(f"Type {one['Type']} takes simple routing only")
    if the_kind in ("Weight", "Region") and len(values) > 1:
        found.append(f"A {KINDS[the_kind]} record set holds exactly one ResourceRecord")
    if the_kind == "MultiValueAnswer" and ("AliasTarget" in one or len(values) > 1):
        found.append("A multivalue answer record set is no alias and holds one ResourceRecord")
    if the_kind == "MultiValueAnswer" and one["Type"] == "CNAME":
        found.append("A multivalue answer record set cannot be a CNAME")
    if the_kind == "GeoLocation":
        found += _geolocation_wrong(one["GeoLocation"])
    if the_kind == "GeoProximityLocation":
        proximity = one["GeoProximityLocation"]
        places_given = {"AWSRegion", "LocalZoneGroup", "Coordinates"} & proximity.keys()
        if len(places_given) != 1:
            found.append("Expected exactly one of [AWSRegion, LocalZoneGroup, or Coordinates]")
    if "AliasTarget" in one and one["Type"] in ("NS", "SOA"):
        found.append(f"Type {one['Type']} cannot be an alias")
    return found


def _geolocation_wrong(geo: Mapping[str, str]) -> list[str]:
    continent, country = geo.get("ContinentCode"), geo.get("CountryCode")
    division = geo.get("SubdivisionCode")
    if bool(continent) == bool(country) or (continent and division):
        return ["Expected exactly one of [ContinentCode, or CountryCode]"]
    if continent and continent not in ("AF", "AN", "AS", "EU", "OC", "NA", "SA"):
        return [f"No continent {continent}"]
    if country and country != "*" and country not in places.countries():
        return [f"No country {country}"]
    if division and country not in _WITH_STATES:
        return [f"No subdivisions of country {country}"]
    if division and country == "US" and division not in places.states():
        return [f"No subdivision {division} of country US"]
    return []


def values_wrong(one: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values of a set, in AWS's words."""
    found: list[str] = []
    seen = set()
    for record in one.get("ResourceRecords", []):
        value = record["Value"]
        if value in seen:
            found.append(f"Duplicate Resource Record: '{value}'")
        seen.add(value)
        if problem := _value_wrong(one["Type"], value):
            found.append(
                f"Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"
            )
    if one["Type"] in ("CNAME", "SOA") and len(seen) > 1:
        found.append(f"Invalid Resource Record: a {one['Type']} holds one value")
    return found


def _value_wrong(rtype: str, value: str) -> str:
    if rtype == "A":
        return (
            ""
            if _is_address(value, 4)
            else ("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)")
        )
    if rtype == "AAAA":
        return (
            ""
            if _is_address(value, 6)
            else ("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)")
        )
    if rtype in ("TXT", "SPF"):
        if not _QUOTED.fullmatch(value):
            return "InvalidCharacterString (Value should be enclosed in quotation marks)"
        strings = [_ONE_CHARACTER.findall(text) for text in _ONE_QUOTED.findall(value)]
        if any(len(characters) > _MAX_STRING for characters in strings):
            return "CharacterStringTooLong (Value is too long)"
        return ""
    if rtype in ("CNAME", "PTR", "NS"):
        try:
            names.normal(value)
        except names.BadNameError:
            return "DomainNameInvalid (Value is not a valid domain name)"
        return ""
    try:
        dns.rdata.from_text(dns.rdataclass.IN, rtype, value, dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return f"{rtype}RRDATAInvalid (Value is not valid {rtype} data)"
    return ""


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version and "%" not in text
    except ValueError:
        return False


def _given(one: Mapping[str, Any], field: str) -> bool:
    value = one.get(field)
    return value is not None and value is not False and value != []  # a weight of 0 is given
