"""The managed fallback of a node: a process of its own that keeps the copies of zones elsewhere."""
