"""The node's own settings: frozen models, units in the names. `gslb.node.configuration` reads them.

What is here is about this machine (addresses, folders, limits); who gets which answer is policy.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gslb.defaults import DEFAULT_POLICIES, default_state_directory
from gslb.geo.settings import GeoSettings
from gslb.listen import DEFAULT_LISTEN, Listen, parse_listen
from gslb.policy.names import BadNameError, read_name
from gslb.wire.names import to_text

MAX_LISTEN = 64  # addresses; each takes two sockets a worker
MAX_WORKERS = 256
MAX_POLICIES = 1024  # files and folders
MAX_RESOLVERS = 16
MAX_REFERENCES = 16
MAX_COPIES = 64  # managed zones of one provider; each is read in full every few minutes
MAX_GLOBS = 64


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


API_PORT = 8053
AGENTS_PORT = 8054
METRICS_PORT = 9153  # where name servers are scraped by custom


def _parse_network(text: object) -> object:
    if isinstance(text, str):
        try:
            return str(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a network such as 127.0.0.0/8: {error}") from None
    return text


def _one_or_more(value: object) -> object:
    """Accept one thing where several may stand."""
    return (value,) if isinstance(value, str | int | Path | Mapping) else value


def _entries(least: int, most: int) -> AfterValidator:
    """Limit how many things there are. Only right ones get here, so that none is told twice."""

    def counted(values: tuple[object, ...]) -> tuple[object, ...]:
        if not least <= len(values) <= most:
            raise ValueError(f"takes {least} to {most} entries, not {len(values)}")
        return values

    return AfterValidator(counted)


ListenText = Annotated[Listen, BeforeValidator(parse_listen)]
ApiListen = Annotated[Listen, BeforeValidator(partial(parse_listen, usual_port=API_PORT))]
AgentsListen = Annotated[Listen, BeforeValidator(partial(parse_listen, usual_port=AGENTS_PORT))]
MetricsListen = Annotated[Listen, BeforeValidator(partial(parse_listen, usual_port=METRICS_PORT))]
Port = Annotated[int, Field(ge=1, le=65535)]
NetworkText = Annotated[str, BeforeValidator(_parse_network)]


class EcsSection(_Section):
    """How client subnets are used (RFC 7871)."""

    max_prefix4: int = Field(24, ge=0, le=32, description="bits of an IPv4 client that are used")
    max_prefix6: int = Field(56, ge=0, le=64, description="bits of an IPv6 client that are used")
    private: Literal["resolver"] = Field(
        "resolver", description="who decides where a private client is: its resolver's address"
    )


class TcpSection(_Section):
    """Limits of DNS over TCP (RFC 7766 §6.2, §10); those of one worker are a fair part of them."""

    max_connections: int = Field(4096, ge=1, le=1_000_000)
    max_per_client: int = Field(64, ge=1, le=65_536, description="of one /32 or /56")
    max_queries: int = Field(1000, ge=1, description="on one connection")
    max_unanswered: int = Field(100, ge=1, le=10_000, description="reading pauses above it")
    first_seconds: float = Field(3.0, gt=0, le=600, description="for the first message")
    message_seconds: float = Field(2.0, gt=0, le=600, description="from its first octet to last")
    idle_seconds: float = Field(10.0, gt=0, le=600, description="between messages")


class RateSection(_Section):
    """Limits of UDP responses to one /24 or /56; each worker counts for itself."""

    errors_per_second: float = Field(100.0, ge=0, description="to malformed queries; 0: no limit")
    responses_per_second: float = Field(
        0.0, ge=0, description="full ones; beyond it clients are sent to TCP; 0: no limit"
    )


class LogSection(_Section):
    """What is written to standard error, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "logfmt", "json"] = "auto"


class ProbeSection(_Section):
    """What health checks on this node may touch beyond public addresses."""

    allow: Annotated[tuple[NetworkText, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="networks that may be probed"
    )
    deny: Annotated[tuple[NetworkText, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="networks that may not, whatever `allow` says"
    )
    allow_port: Annotated[tuple[Port, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="ports that are refused otherwise: of mail, shells and databases"
    )
    exec: bool = Field(False, description="whether checks may run commands on this node")
    references: Annotated[
        tuple[ListenText, ...], BeforeValidator(_one_or_more), _entries(0, MAX_REFERENCES)
    ] = Field(
        (),
        description="three or more that surely accept TCP and are not steered, such as resolvers in"
        " other networks; while two of them fail, no check of this node counts",
    )


class ApiSection(_Section):
    """HTTP for operators and programs, beside the Unix socket that is always there."""

    listen: Annotated[
        tuple[ApiListen, ...], BeforeValidator(_one_or_more), _entries(0, MAX_LISTEN)
    ] = Field((), description="beyond loopback only with a certificate; tokens in any case")
    certificate: Path | None = Field(None, description="PEM, with its chain")
    key: Path | None = Field(None, description="PEM")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together")
        return self


class MetricsSection(_Section):
    """Where metrics and health are read; nowhere unless it is said."""

    listen: Annotated[
        tuple[MetricsListen, ...], BeforeValidator(_one_or_more), _entries(0, MAX_LISTEN)
    ] = Field((), description="beyond loopback with the API's certificate, and tokens")


class AgentsSection(_Section):
    """Where remote checkers (``healthcheck-agent``) come to; nowhere unless it is said."""

    listen: Annotated[
        tuple[AgentsListen, ...], BeforeValidator(_one_or_more), _entries(0, MAX_LISTEN)
    ] = Field((), description="beyond loopback with the API's certificate; tokens in any case")


def _zone(text: object) -> object:
    """Return a zone's name, absolute and in lower case. Raises ValueError."""
    if not isinstance(text, str):
        return text
    try:
        return to_text(read_name(text))
    except BadNameError as error:
        raise ValueError(str(error)) from None


ZoneName = Annotated[str, BeforeValidator(_zone)]
Share = Annotated[float, Field(ge=0, le=1)]


class Route53Section(_Section):
    """A hosted zone of Route 53. Credentials are the SDK's own: environment, files, roles."""

    zone: ZoneName = Field(description="of ours, which it is a copy of")
    zone_id: str = Field(
        pattern=r"^(/hostedzone/)?Z[A-Z0-9]{1,31}$", description="Z…: two zones may have one name"
    )


class CloudDnsSection(_Section):
    """A managed zone of Cloud DNS. Credentials are the SDK's own: environment, files, roles."""

    zone: ZoneName = Field(description="of ours, which it is a copy of")
    project: str = Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,99}$")
    managed_zone: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="its name or number"
    )


# A name, or one with wildcards, and perhaps a type: `gslb.push.ignoring`.
IgnoreText = Annotated[str, Field(pattern=r"^[a-z0-9*?_.-]{1,255}( [A-Z][A-Z0-9]{0,15})?$")]


class ParentSection(_Section):
    """Zones that delegate to ours and that we may change: what `gslb push delegate` switches in."""

    route53: Annotated[
        tuple[Route53Section, ...], BeforeValidator(_one_or_more), _entries(0, MAX_COPIES)
    ] = Field((), description="`zone` is the parent here")
    clouddns: Annotated[
        tuple[CloudDnsSection, ...], BeforeValidator(_one_or_more), _entries(0, MAX_COPIES)
    ] = ()
    ttl: int = Field(300, ge=30, le=86400, description="seconds; of the delegation, once switched")


class PushSection(_Section):
    """Copies of zones that other services answer from when our servers are gone.

    A push that reaches beyond a `max_` waits for an operator's word.
    """

    owner: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
        description="marks what is ours; no two installations may share one",
    )
    route53: Annotated[
        tuple[Route53Section, ...], BeforeValidator(_one_or_more), _entries(0, MAX_COPIES)
    ] = ()
    clouddns: Annotated[
        tuple[CloudDnsSection, ...], BeforeValidator(_one_or_more), _entries(0, MAX_COPIES)
    ] = ()
    names: Annotated[tuple[str, ...], BeforeValidator(_one_or_more), _entries(1, MAX_GLOBS)] = (
        Field(("*",), description="what may be touched there; * and ? are wildcards")
    )
    ignore: Annotated[
        tuple[IgnoreText, ...], BeforeValidator(_one_or_more), _entries(0, MAX_GLOBS)
    ] = Field((), description='what is left alone, whoever made it: "_acme-challenge.*", "* MX"')
    parent: ParentSection = ParentSection()
    heal: bool = Field(False, description="put back what somebody else has changed of ours")
    max_deletes: Share = Field(0.3, description="of the record sets that are ours")
    max_updates: Share = 0.3
    max_weight_loss: Share = Field(0.5, description="of a group, other than by drains")
    max_checks: Share = Field(0.9, description="of the provider's quota of health checks")
    max_cost_rise: float | None = Field(None, ge=0, description="US dollars a month")

    @model_validator(mode="after")
    def _one_copy_each(self) -> Self:
        places = [("route53", one.zone_id) for one in self.route53]
        places += [("clouddns", f"{one.project}/{one.managed_zone}") for one in self.clouddns]
        twice = sorted({name for _, name in places if [n for _, n in places].count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} can hold only one copy")
        if places and self.owner is None:
            raise ValueError("copies need an `owner`: what marks our records among others'")
        return self


def default_workers() -> int:
    """Return one worker a core that this process may run on."""
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)


class Settings(_Section):
    """Everything that this node is told about itself."""

    listen: Annotated[
        tuple[ListenText, ...], BeforeValidator(_one_or_more), _entries(1, MAX_LISTEN)
    ] = DEFAULT_LISTEN
    state_directory: Path = Field(default_factory=default_state_directory)
    policies: Annotated[
        tuple[Path, ...], BeforeValidator(_one_or_more), _entries(1, MAX_POLICIES)
    ] = (DEFAULT_POLICIES,)
    workers: int = Field(default_factory=default_workers, ge=1, le=MAX_WORKERS)
    dataplane: Literal["auto", "fast", "python"] = Field(
        "auto", description="which loop answers; auto: the compiled one where it was built"
    )
    nsid: str | None = Field(None, min_length=1, max_length=16, pattern=r"^[!-~]+$")
    hold_shifts: bool = Field(
        False,
        description="whether policies that move more than a fifth of all answers at once wait for"
        " `gslb reload --confirm`",
    )
    resolvers: Annotated[
        tuple[ListenText, ...], BeforeValidator(_one_or_more), _entries(0, MAX_RESOLVERS)
    ] = Field((), description="for `alias:`")
    ecs: EcsSection = EcsSection()
    geo: GeoSettings = GeoSettings()
    tcp: TcpSection = TcpSection()
    rate: RateSection = RateSection()
    log: LogSection = LogSection()
    probes: ProbeSection = ProbeSection()
    api: ApiSection = ApiSection()
    metrics: MetricsSection = MetricsSection()
    agents: AgentsSection = AgentsSection()
    push: PushSection = PushSection()

    @property
    def sockets(self) -> tuple[Listen, ...]:
        """Every address and port that this node itself listens on."""
        return (*self.listen, *self.api.listen, *self.metrics.listen, *self.agents.listen)
