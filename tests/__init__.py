"""The tests mirror the code: x/y.py has tests/x/test_y.py."""
