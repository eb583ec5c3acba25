"""Check presets: where well-known load balancers and gateways say that they are ready.

Ports and paths are the defaults of each product's documentation; many listen on loopback or inside
the cluster until told otherwise. A preset fills what a check does not say itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from gslb.policy.model import CheckFields


def _http(port: int | None, path: str | None) -> CheckFields:
    return CheckFields.model_validate({"type": "http", "port": port, "path": path, "expect": 200})


PRESETS: Mapping[str, CheckFields] = {
    "apisix": _http(7085, "/status/ready"),  # off unless configured; 503 until workers are ready
    "aws-nlb": CheckFields.model_validate({"type": "tcp", "port": 443}),  # no page of its own
    "contour": _http(8002, "/ready"),  # its Envoy; unready during overload and drain
    "easegress": _http(2381, "/apis/v1/healthz"),  # the admin interface
    "emissary": _http(8877, "/ambassador/v0/check_ready"),
    "envoy": _http(9901, "/ready"),  # the admin interface, as most charts set it
    "haproxy": _http(None, None),  # the path that monitor-uri names has to be given
    "istio": _http(15021, "/healthz/ready"),  # "status-port" of the gateway's Service
    "kong": _http(8100, "/status/ready"),  # since 3.3, as Kubernetes deployments set it
    "lura": _http(8080, "/__health"),
    "nginx-ingress": _http(8081, "/nginx-ready"),
    "tyk": _http(8080, "/ready"),
}
