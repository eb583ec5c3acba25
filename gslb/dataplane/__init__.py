"""Queries in, responses out."""
