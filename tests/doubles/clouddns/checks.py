"""compute's global health checks, of which Cloud DNS takes those with source regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.doubles import places
from tests.doubles.clouddns.errors import invalid, required

Check = dict[str, Any]

SOURCE_REGIONS = 3  # exactly
MIN_INTERVAL = 30  # s, with source regions
_BLOCKS = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "TCP": "tcpHealthCheck"}
_DEFAULTS = {
    "checkIntervalSec": 5,
    "timeoutSec": 5,
    "healthyThreshold": 2,
    "unhealthyThreshold": 2,
}
MAX_RESPONSE = 1024  # octets of the start of the body that are looked at


def checked(given: Mapping[str, Any]) -> Check:
    """Return the check as it is kept; raise :class:`GoogleError` for the first fault."""
    at = "resource"
    for field in ("name", "type"):
        if field not in given:
            raise required(f"{at}.{field}")
    one = {**_DEFAULTS, **{k: v for k, v in given.items() if k not in ("kind", "id")}}
    if one["timeoutSec"] > one["checkIntervalSec"]:
        raise invalid(f"{at}.timeoutSec", one["timeoutSec"])
    for field in ("healthyThreshold", "unhealthyThreshold"):
        if not 1 <= one[field] <= 10:
            raise invalid(f"{at}.{field}", one[field])
    blocks = [name for name in one if name.endswith("HealthCheck")]
    wanted = _BLOCKS.get(one["type"])
    if blocks and (wanted is None or blocks != [wanted]):
        raise invalid(f"{at}.type", f"{one['type']} with {', '.join(blocks)}")
    if "sourceRegions" in one:
        _check_source_regions(one, at)
    return one


def _check_source_regions(one: Check, at: str) -> None:
    regions = one["sourceRegions"]
    if len(set(regions)) != SOURCE_REGIONS or len(regions) != SOURCE_REGIONS:
        raise invalid(f"{at}.sourceRegions", regions)
    for region in regions:
        if region not in places.google_regions():
            raise invalid(f"{at}.sourceRegions", region)
    if one["type"] not in _BLOCKS:
        raise invalid(f"{at}.type", one["type"])
    if one["checkIntervalSec"] < MIN_INTERVAL:
        raise invalid(f"{at}.checkIntervalSec", one["checkIntervalSec"])
    block = one.get(_BLOCKS[one["type"]], {})
    if block.get("proxyHeader", "NONE") != "NONE":
        raise invalid(f"{at}.proxyHeader", block["proxyHeader"])
    if "request" in block:
        raise invalid(f"{at}.tcpHealthCheck.request", block["request"])
    if len(block.get("response", "")) > MAX_RESPONSE:
        raise invalid(f"{at}.response", "longer than what is looked at")
