"""Every provider's dialect by the name that it has on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gslb.push.clouddns.dialect import CloudDns
from gslb.push.provider import Dialect
from gslb.push.route53.dialect import Route53

_ALL: tuple[Dialect, ...] = (Route53(), CloudDns())
DIALECTS: Mapping[str, Dialect] = MappingProxyType({one.name: one for one in _ALL})
