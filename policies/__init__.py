"""Data: example policies, each with expectations that the tests run."""
