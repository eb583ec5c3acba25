"""Requests of Cloud DNS in few words, for tests that talk to its double over aiohttp."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.doubles.clouddns.double import CloudDnsDouble

CHECK = "https://www.googleapis.com/compute/v1/projects/double/global/healthChecks/web"
REGIONS = ["us-east1", "europe-west1", "asia-east1"]


class Client:
    """One session with a token; answers are (status, reason of the error or "", body)."""

    def __init__(self, double: CloudDnsDouble, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.url = double.url
        self.token = double.token()

    async def ask(
        self, method: str, path: str, body: Any = None, **query: Any
    ) -> tuple[int, str, dict[str, Any]]:
        """Send one request below the double's URL."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(
            method, self.url + path, json=body, params=query, headers=headers
        ) as reply:
            answer = await reply.json() if reply.status != 204 else {}
        reason = answer["error"]["errors"][0]["reason"] if "error" in answer else ""
        return reply.status, reason, answer

    async def dns(
        self, method: str, path: str = "", body: Any = None, **query: Any
    ) -> tuple[int, str, dict[str, Any]]:
        """Send one request of the project's Cloud DNS."""
        return await self.ask(method, f"/dns/v1/projects/double{path}", body, **query)

    async def change(self, additions: Any = (), deletions: Any = ()) -> tuple[int, str, str]:
        """Send one change of the zone ``example``; answer status, reason, message or id."""
        body = {"additions": list(additions), "deletions": list(deletions)}
        status, reason, answer = await self.dns("POST", "/managedZones/example/changes", body)
        return status, reason, answer["error"]["message"] if reason else answer["id"]

    async def compute(
        self, method: str, path: str, body: Any = None
    ) -> tuple[int, str, dict[str, Any]]:
        """Send one request of the project's compute."""
        return await self.ask(method, f"/compute/v1/projects/double/global{path}", body)


def rrset(name: str, *rrdatas: str, rtype: str = "A", ttl: int = 60) -> dict[str, Any]:
    """Return a set of data."""
    return {"name": name, "type": rtype, "ttl": ttl, "rrdatas": list(rrdatas)}


def routed(name: str, rtype: str = "A", ttl: int = 60, **policy: Any) -> dict[str, Any]:
    """Return a set with a routing policy."""
    return {"name": name, "type": rtype, "ttl": ttl, "routingPolicy": policy}


def probed(*addresses: str) -> dict[str, Any]:
    """Return an item's targets that are health checked over the internet."""
    return {"healthCheckedTargets": {"externalEndpoints": list(addresses)}}


def http_check(**more: Any) -> dict[str, Any]:
    """Return a health check that Cloud DNS takes."""
    return {
        "name": "web",
        "type": "HTTP",
        "httpHealthCheck": {"port": 80, "requestPath": "/"},
        "checkIntervalSec": 30,
        "timeoutSec": 5,
        "sourceRegions": REGIONS,
        **more,
    }
