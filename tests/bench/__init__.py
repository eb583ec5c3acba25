"""Measured numbers. Nothing here asserts: ``make bench`` prints, people judge."""
