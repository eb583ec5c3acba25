"""A strict double of Google Cloud DNS, with the health checks and tokens that it needs."""
