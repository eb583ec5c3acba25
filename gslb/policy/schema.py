"""The JSON Schema of the policy language, generated from the model that reads it.

Editors complete and check policies with it, by a first line such as
``# yaml-language-server: $schema=policy.schema.json``. ``python -m gslb.policy.schema`` writes it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gslb.policy.model import PolicyFile

SCHEMA_FILE = Path(__file__).with_name("policy.schema.json")
_URI = "https://json-schema.org/draft/2020-12/schema"

# What editors show where the model's own words are not enough; by class and key, or by key.
_WORDS: Mapping[str, str] = {
    "version": "of this language: 1",
    "dns": "the zone that is served",
    "zone": "name of the zone, such as example.com",
    "soa": "values of the SOA record; all have defaults",
    "ns_ttl": "seconds, of the zone's NS records",
    "glue_ttl": "seconds, of the name servers' addresses",
    "defaults": "settings of every record that does not say otherwise",
    "refresh": "seconds between looks of a secondary",
    "retry": "seconds until a secondary looks again after a failure",
    "expire": "seconds after which a secondary gives up",
    "SoaFields.ttl": "seconds, of the SOA record",
    "A": "IPv4 address",
    "AAAA": "IPv6 address; in quotes inside braces",
    "LastResort.A": "IPv4 addresses",
    "LastResort.AAAA": "IPv6 addresses",
    "CNAME": "host name that is handed on",
    "drained": "gets no traffic until the line is removed, or until a moment",
    "type": "protocol of the probe",
    "port": "TCP or UDP port",
    "Https.port": "port that clients use, if not 443",
    "path": "of the HTTP request",
    "every": "between two probes; 5s if not given",
    "timeout": "for one probe, its connection included; if not given two fifths of every, 500ms to 2s",
    "down_after": "failures in a row that make it down",
    "up_after": "successes in a row that make it up again",
    "not": "clients that match one of these are not meant",
    "Rule.name": "how `explain` and the metrics call the rule",
    "pick": "share: by weight; nearest, latency: the best site; hash: a client stays with its site",
    "ttl": "seconds for which an answer may be kept, which is how long a removal takes",
    "answer": "how many addresses, and how they are spread over zones",
    "check": "how endpoints are probed: a template from checks, one with changes, or false",
    "panic": "when too little is healthy to believe the checks",
    "when_all_down": "what is answered when nothing is up; refuse needs acknowledge: true",
    "last_resort": "records for when nothing else may be answered",
    "https": "serve an HTTPS record (RFC 9460) too",
    "families": "together: IPv4 and IPv6 of an endpoint are judged as one",
    "protect": "limits on automatic removal",
    "ignore_ecs": "true: go by the resolver's address alone",
    "serve": "what is answered then: all, none or the last resort",
    "slow_start": "time in which a recovered endpoint gets its full weight back, or off",
    "damping": "off: endpoints that flap are not held down",
    "removal": "how much may be taken away in which time, or off",
    "Removal.share": "share of the weight: 25%",
    "per": "in this time: 30s",
    "priority": "SvcPriority; the lowest is tried first",
    "alpn": "protocols: h2, h3",
    "hints": "true: addresses as ipv4hint and ipv6hint",
}


def policy_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    for name, part in (("PolicyFile", schema), *schema["$defs"].items()):
        for key, value in part.get("properties", {}).items():
            words = _WORDS.get(f"{name}.{key}", _WORDS.get(key))
            if words is not None:
                value.setdefault("description", words)
    _close(schema)
    return {"$schema": _URI, **schema, "title": "GSLB policy"}


def _close(part: Any) -> None:
    """Let mappings whose keys have a pattern take no other keys, as the model does."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        for inner in part.values():
            _close(inner)
    elif isinstance(part, list):
        for inner in part:
            _close(inner)


def schema_text() -> str:
    """Return the schema as the text that is shipped."""
    return json.dumps(policy_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
