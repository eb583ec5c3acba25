"""The root of every error that the program raises on purpose."""


class GslbError(Exception):
    """Something a person can put right; its text says what and where, without a traceback."""
