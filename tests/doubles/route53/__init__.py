"""A strict double of Amazon Route 53."""
