"""Where clients and sites are."""
