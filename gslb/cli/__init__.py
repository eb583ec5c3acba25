"""The ``gslb`` command: one module a command."""
