"""``python -m healthcheck``: the same as ``healthcheck-agent``."""

from healthcheck.agent import main

raise SystemExit(main())
