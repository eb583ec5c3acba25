"""Probing and judging endpoints. Knows nothing of DNS; imports nothing of ``gslb``."""
