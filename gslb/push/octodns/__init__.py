"""octoDNS zone files: policies read from them and written as them (schema of octoDNS 1.22)."""
