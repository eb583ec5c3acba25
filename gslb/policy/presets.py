"""Check presets: where well-known load balancers and gateways say that they are ready.

Ports and paths are the defaults of each product's documentation; many listen on loopback or inside
the cluster until told otherwise. A preset fills what a check does not say itself, and has a second
probe that must pass too (``data_path``).
"""

from __future__ import annotations

from collections.abc import Mapping

from gslb.policy.checkmodel import CheckFields

# The way that clients take: the listener they use, the name they use, any answer that is no fault of
# the server. Readiness alone misses a gateway that is ready and has nothing behind it.
_DATA_PATH = {"type": "https", "port": 443, "path": "/", "expect": "200-499"}


def _http(port: int | None, path: str | None) -> CheckFields:
    page = {"type": "http", "port": port, "path": path, "expect": 200}
    return CheckFields.model_validate({**page, "data_path": _DATA_PATH})


PRESETS: Mapping[str, CheckFields] = {
    "apisix": _http(7085, "/status/ready"),  # off unless configured; 503 until workers are ready
    "aws-nlb": CheckFields.model_validate({"type": "tcp", "port": 443}),  # the data path itself
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
