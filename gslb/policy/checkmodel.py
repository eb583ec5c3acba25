"""What a policy file may say of checks. Field names here are the words in the YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gslb.policy.basics import Argument, HostName, Name, Strict, Word
from gslb.policy.values import CodeRanges, OneOrMany, Quorum, Seconds

MAX_PARTS = 64  # of one calculated check

Path = Annotated[str, Field(min_length=2, max_length=4096, pattern=r"^/[^\x00-\x1f\x7f-\x9f]*$")]
Parts = Annotated[list[Name], OneOrMany(), Field(min_length=1, max_length=MAX_PARTS)]
CheckType = Literal["tcp", "http", "https", "dns", "grpc", "icmp", "tls", "exec"]


class ProbeFields(Strict):
    """One probe of an endpoint."""

    type: CheckType | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=1024)] | None = None
    host: HostName | None = Field(default=None, description="HTTP Host and TLS server name")
    expect: CodeRanges | None = Field(default=None, description='accepted codes: "200-299,301"')
    body: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="text that must appear in the first 64 KiB"
    )
    target: HostName | None = Field(
        default=None, description="address or host name to probe in place of the endpoint"
    )
    every: Seconds | None = None
    timeout: Seconds | None = None
    down_after: Annotated[int, Field(ge=1, le=20)] | None = None
    up_after: Annotated[int, Field(ge=1, le=20)] | None = None
    quorum: Quorum | None = Field(default=None, description='"2/3": two of at least three checkers')
    vantage: Annotated[list[Name], OneOrMany(), Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="from", description="only checkers at these vantage points"
    )
    ca: Path | None = Field(
        default=None,
        description="https, tls, grpc: file on the node with the only authorities that are trusted",
    )
    tls: bool | None = Field(default=None, description="grpc: true: inside TLS")
    service: Word | None = Field(default=None, description="grpc: service name")
    qname: HostName | None = Field(default=None, description="dns: name to ask for")
    qtype: Word | None = Field(default=None, description="dns: type to ask for")
    accept: Literal["answer", "any"] | None = Field(
        default=None, description="dns: any: every response is a sign of life, an error too"
    )
    command: Annotated[list[Argument], Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="exec: argument list"
    )


class CheckFields(ProbeFields):
    """How an endpoint is probed; every field may be overridden where a template is used.

    A calculated check has none of the fields of a probe, but one of `all`, `any`, and `at_least`
    with `of`: names of templates.
    """

    preset: Word | None = Field(
        default=None, description="fills port, path and codes for a known load balancer"
    )
    data_path: ProbeFields | Literal[False] | None = Field(
        default=None,
        description="a second probe that has to pass too, the way that clients take; false: none",
    )
    all_: Parts | None = Field(
        default=None, alias="all", description="up while each of these checks is"
    )
    any_: Parts | None = Field(
        default=None, alias="any", description="up while one of these checks is"
    )
    at_least: Annotated[int, Field(ge=1, le=MAX_PARTS)] | None = Field(
        default=None, description="up while so many of the checks under `of` are"
    )
    of: Parts | None = Field(default=None, description="the checks that at_least counts")


class CheckUse(CheckFields):
    """A check where it is used: a template, and what differs from it."""

    use: Name | None = Field(default=None, description="a template from checks")


CheckRef = Name | CheckUse | Literal[False]
