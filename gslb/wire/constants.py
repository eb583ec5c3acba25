"""Numbers of the DNS protocol, each with its source. Plain integers, because the hot path compares them."""

from __future__ import annotations

from typing import Final

# Sizes, in octets.
HEADER_OCTETS: Final = 12  # RFC 1035 §4.1.1
MAX_NAME: Final = 255  # RFC 1035 §3.1, length octets and the root included
MAX_LABEL: Final = 63  # RFC 1035 §3.1
MAX_MESSAGE: Final = 65_535  # RFC 1035 §4.2.2, what the length prefix of TCP can say
MIN_UDP_PAYLOAD: Final = 512  # RFC 1035 §4.2.1; RFC 6891 §6.2.5 raises smaller sizes to it
MAX_UDP_PAYLOAD: Final = 1232  # what IPv6's least MTU of 1280 carries without fragments

# The second 16 bits of a header, RFC 1035 §4.1.1; AD and CD from RFC 4035 §3.
QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
RA: Final = 0x0080
Z: Final = 0x0040
AD: Final = 0x0020
CD: Final = 0x0010
OPCODE_MASK: Final = 0x7800
RCODE_MASK: Final = 0x000F

# Response codes: RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9, RFC 7873 §8.
# Those above 15 are extended: their upper eight bits travel in the OPT record.
NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
BADVERS: Final = 16

# Types: RFC 1035 §3.2.2 unless said otherwise.
TYPE_A: Final = 1
TYPE_NS: Final = 2
TYPE_CNAME: Final = 5
TYPE_SOA: Final = 6
TYPE_PTR: Final = 12
TYPE_MX: Final = 15
TYPE_TXT: Final = 16
TYPE_AAAA: Final = 28  # RFC 3596 §2.1
TYPE_SRV: Final = 33  # RFC 2782
TYPE_OPT: Final = 41  # RFC 6891 §6.1.1
TYPE_DS: Final = 43  # RFC 4034 §5
TYPE_HTTPS: Final = 65  # RFC 9460 §9
TYPE_NXNAME: Final = 128  # RFC 9824 §3.5
TYPE_TKEY: Final = 249  # RFC 2930 §2
TYPE_TSIG: Final = 250  # RFC 8945 §4.2
TYPE_IXFR: Final = 251  # RFC 1995 §2
TYPE_AXFR: Final = 252  # RFC 1035 §3.2.3
TYPE_MAILB: Final = 253  # RFC 1035 §3.2.3
TYPE_MAILA: Final = 254  # RFC 1035 §3.2.3
TYPE_ANY: Final = 255  # RFC 1035 §3.2.3

# Classes: RFC 1035 §3.2.4.
CLASS_IN: Final = 1
CLASS_CH: Final = 3

# EDNS, RFC 6891.
EDNS_VERSION: Final = 0
EDNS_DO: Final = 0x8000  # RFC 3225 §3, in the lower 16 bits of the OPT record's TTL
OPT_OCTETS: Final = 11  # root owner, type, class, TTL, RDLENGTH

# EDNS options, by code.
OPTION_NSID: Final = 3  # RFC 5001
OPTION_ECS: Final = 8  # RFC 7871
OPTION_COOKIE: Final = 10  # RFC 7873
OPTION_KEEPALIVE: Final = 11  # RFC 7828
OPTION_EDE: Final = 15  # RFC 8914
OPTION_ZONEVERSION: Final = 19  # RFC 9660

# Extended DNS errors: RFC 8914 §4, the last from RFC 9824 §10.
EDE_OTHER: Final = 0
EDE_NOT_READY: Final = 14
EDE_PROHIBITED: Final = 18
EDE_NOT_AUTHORITATIVE: Final = 20
EDE_NOT_SUPPORTED: Final = 21
EDE_INVALID_QUERY_TYPE: Final = 30

# Address families as ECS counts them: IANA address family numbers, RFC 7871 §6.
FAMILY_IPV4: Final = 1
FAMILY_IPV6: Final = 2
