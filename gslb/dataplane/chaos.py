"""Class CHAOS: which server is this, which version (RFC 4892). Rendered once."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from gslb.dataplane.settings import ResponderSettings
from gslb.wire.constants import CLASS_CH, TYPE_TXT
from gslb.wire.names import to_wire
from gslb.wire.response import Sections, make_sections


def chaos_texts(settings: ResponderSettings) -> Mapping[bytes, Sections]:
    """Return the answers by queried name; a name that is absent is refused."""
    texts = {
        "id.server": settings.nsid,
        "hostname.bind": settings.nsid,
        "version.server": settings.version,
        "version.bind": settings.version,
    }
    return {to_wire(name): _text(text) for name, text in texts.items() if text is not None}


def _text(text: bytes) -> Sections:
    """Return a TXT record of one string at the queried name, not to be cached (TTL 0)."""
    rdata = bytes((len(text),)) + text
    record = struct.pack("!HHHIH", 0xC00C, TYPE_TXT, CLASS_CH, 0, len(rdata)) + rdata
    return make_sections(record, (1, 0, 0, 0), 0, (), 0)
