"""Upper bounds of the histograms that the data plane counts in, ascending, without infinity."""

from __future__ import annotations

DNS_SECONDS = (50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3)
DNS_OCTETS = (32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 1232.0, 4096.0, 16384.0, 65535.0)
