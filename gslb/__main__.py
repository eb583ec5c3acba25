"""``python -m gslb``: the same as the ``gslb`` command."""

from gslb.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
