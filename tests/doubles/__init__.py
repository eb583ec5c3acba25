"""Strict doubles of other people's DNS services, over real HTTP on loopback."""
